"""JAX as a framework samples: weights drawn in each call, one pass for each draw, jitted by XLA.

The argument is the number of passes. Mean and variance are those of the passes.
"""

import os

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from peers import jax_graph
from workloads import Activation, Conv, Dense, Flatten, Pool

# A sample of that size scatters, and the closed form is not its limit.
SAMPLING_TOLERANCE = 10


def tolerance(case):
    return SAMPLING_TOLERANCE


def version(case):
    return jax.__version__


def formulations(case):
    # XLA reads its flags when it is first used, which is here.
    os.environ["XLA_FLAGS"] = f"--xla_cpu_multi_thread_eigen={str(case.threads > 1).lower()}"
    os.environ["JAX_PLATFORMS"] = "cpu"
    return {form: lambda form=form: build(case, form) for form in ("batched", "one by one")}


def build(case, form):
    """All passes as one computation with a further dimension, or one pass after the other."""
    parameters = jax.device_put(parameters_of(case))
    passes = int(case.argument)

    def sample(key, parameters, x):
        def one(key):
            return network(case, draw(key, parameters), x)

        keys = jax.random.split(key, passes)
        outputs = jax.vmap(one)(keys) if form == "batched" else lax.map(one, keys)
        return outputs.mean(0), outputs.var(0, ddof=1)

    compiled = jax.jit(sample)
    x, key = jax.device_put(case.images), jax.random.key(0)
    outputs = []

    def call():
        outputs[:] = jax.block_until_ready(compiled(key, parameters, x))

    return call, lambda: [np.asarray(output) for output in outputs]


def parameters_of(case):
    """Of each layer with weights: mean and standard deviation of the weight and of the bias."""
    result = []
    for i in range(len(case.network.weighted)):
        # A first layer's only weight of the variance is the variance itself.
        weight, _, bias, bias_variance = jax_graph.parameters_of(case, "separate", i)
        deviation = np.sqrt(jax_graph.arrange(case, i, case.data[f"variance{i}"]))
        result.append((weight, deviation, bias, np.sqrt(bias_variance)))
    return result


def draw(key, parameters):
    keys = iter(jax.random.split(key, 2 * len(parameters)))

    def normal(mean, deviation):
        return mean + deviation * jax.random.normal(next(keys), mean.shape, jnp.float32)

    return [(normal(w, s), normal(b, t)) for w, s, b, t in parameters]


def network(case, parameters, x):
    value, i = jax_graph.to_nhwc(x), 0
    for layer in case.network.layers:
        match layer:
            case Conv() | Dense():
                weight, bias = parameters[i]
                value = jax_graph.product(layer, value, weight) + bias
                i += 1
            case Activation(name):
                value = getattr(jax_graph.Functions, name)(value)
            case Pool():
                for axis in (2, 1):
                    value = jnp.maximum(*jax_graph.halves(value, axis))
            case Flatten():
                value = value.reshape(value.shape[0], -1)
    return value
