"""JAX: a function jitted by XLA, arguments on the device; a call ends when outputs are ready."""

import os

import jax
import numpy as np

from peers import jax_graph


def version(case):
    return jax.__version__


def formulations(case):
    # XLA reads its flags when it is first used, which is here.
    os.environ["XLA_FLAGS"] = f"--xla_cpu_multi_thread_eigen={str(case.threads > 1).lower()}"
    os.environ["JAX_PLATFORMS"] = "cpu"
    # Other forms of convolutional networks were never the fastest.
    products = jax_graph.FORMS if case.name == "mlp" else ("separate", "joined")
    forms = jax_graph.forms(case, products)
    result = {f"{form}, constants": lambda form=form: build(case, form, True) for form in forms}
    if case.name == "mlp":
        result |= {
            f"{form}, arguments": lambda form=form: build(case, form, False) for form in forms
        }
    return result


def build(case, form, constant):
    """The weights are constants of the compiled function, or arguments on the device."""
    function, parameters = jax_graph.build(case, form)
    if constant:
        compiled, arguments = jax.jit(lambda x: function(parameters, x)), ()
    else:
        compiled, arguments = jax.jit(function), (jax.device_put(parameters),)
    arguments = (*arguments, jax.device_put(case.images))
    outputs = []

    def call():
        outputs[:] = jax.block_until_ready(compiled(*arguments))

    return call, lambda: [np.asarray(output) for output in outputs]
