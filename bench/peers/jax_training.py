"""JAX: the objective of `pfp train --draws 0`, its gradient and Adam in one function jitted by XLA."""

import dataclasses
import os
from functools import partial

# XLA reads its flags when it is first used.
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
os.environ["JAX_PLATFORMS"] = "cpu"

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from peers import jax_graph
from workloads import Activation, Pool

FORMULATIONS = jax_graph.FORMS
RATE, BETA1, BETA2, EPSILON = 1e-3, 0.9, 0.999, 1e-8


def version():
    return jax.__version__


class Training:
    def __init__(self, case, form):
        self.case = case
        self.images, self.labels = jax.device_put(case.images), jax.device_put(case.labels)
        posterior = jax.device_put(posterior_of(case))
        zeros = jax.tree.map(jnp.zeros_like, posterior)
        self.state = posterior, zeros, jax.tree.map(jnp.copy, zeros), jnp.int32(0)
        self.random, self.place = np.random.default_rng(0), case.steps
        self.loss = partial(objective, pools_first(case.network), form, len(case.images))
        self.step = jax.jit(partial(step, self.loss, case.batch), donate_argnums=0)

    def run(self, count):
        for _ in range(count):
            if self.place == self.case.steps:
                self.order = jax.device_put(self.random.permutation(len(self.images)).astype(np.int32))
                self.place = 0
            self.state = self.step(self.state, self.images, self.labels, self.order, self.place)
            self.place += 1
        jax.block_until_ready(self.state)

    def objective(self):
        """Means over the batches: the loss of an item, the norm of the gradient."""

        @jax.jit
        def one(posterior, x, y):
            (_, loss), gradient = jax.value_and_grad(self.loss, has_aux=True)(posterior, x, y)
            return loss, jnp.sqrt(sum(jnp.sum(g * g) for g in jax.tree.leaves(gradient)))

        # Neighbours are alike in MNIST, and batches of them have longer gradients.
        order = self.random.permutation(len(self.images))
        batches = order[: self.case.steps * self.case.batch].reshape(self.case.steps, -1)
        found = [one(self.state[0], self.images[part], self.labels[part]) for part in batches]
        loss, norm = np.mean(np.asarray(found, np.float64), axis=0)
        return {"loss": loss, "gradient_norm": norm}


def posterior_of(case):
    """Of each layer with weights: mean and logarithm of the deviation of the weight and of the bias."""
    arrange, data = partial(jax_graph.arrange, case), case.data
    result = []
    for i in range(len(case.network.weighted)):
        arrays = (arrange(i, data[f"{key}{i}"]) for key in ("mean", "variance"))
        weight, variance = map(np.ascontiguousarray, arrays)
        bias, bias_variance = data[f"bias_mean{i}"], data[f"bias_variance{i}"]
        result.append((weight, np.log(variance) / 2, bias, np.log(bias_variance) / 2))
    return result


def pools_first(network):
    """Maxima before activations, as pfp has them unless asked otherwise."""
    layers = list(network.layers)
    for i, pair in enumerate(zip(layers, layers[1:])):
        if isinstance(pair[0], Activation) and isinstance(pair[1], Pool):
            layers[i : i + 2] = reversed(pair)
    return dataclasses.replace(network, layers=tuple(layers))


def objective(network, form, items, posterior, x, y):
    """What is minimised, and the part of it that is the loss of an item."""
    parameters, divergence = [], 0
    for i, (weight, log_deviation, bias, bias_log_deviation) in enumerate(posterior):
        variance, bias_variance = jnp.exp(2 * log_deviation), jnp.exp(2 * bias_log_deviation)
        parameters.append((weight, of_variance(form, i, weight, variance), bias, bias_variance))
        for m, v, s in ((weight, variance, log_deviation), (bias, bias_variance, bias_log_deviation)):
            divergence += jnp.sum(v + m * m - 1 - 2 * s) / 2
    mean, variance = jax_graph.moments(network, form, parameters, x)
    loss = jnp.mean(cross_entropy(mean, variance, y))
    return loss + divergence / items, loss


def of_variance(form, i, weight, variance):
    """The weights of the variance of the i-th layer with weights, as jax_graph.linear takes them."""
    if i == 0:
        return (variance,)
    square = weight * weight
    if form == "separate":
        return square + variance, variance
    if form == "joined":
        return (jnp.concatenate([square + variance, variance], axis=-2),)
    return square + variance, square


def cross_entropy(mean, variance, y):
    """Of Gaussian logits, expected to second order in their deviations."""
    logs = jax.nn.log_softmax(mean)
    p = jnp.exp(logs)
    picked = jnp.take_along_axis(logs, y[:, None], axis=1)[:, 0]
    return jnp.sum(variance * p * (1 - p), axis=1) / 2 - picked


def step(loss, batch, state, images, labels, order, place):
    posterior, first, second, number = state
    indices = lax.dynamic_slice(order, (place * batch,), (batch,))
    gradient, _ = jax.grad(loss, has_aux=True)(posterior, images[indices], labels[indices])
    number += 1
    first = jax.tree.map(lambda m, g: BETA1 * m + (1 - BETA1) * g, first, gradient)
    second = jax.tree.map(lambda v, g: BETA2 * v + (1 - BETA2) * g * g, second, gradient)
    rate, root = RATE / (1 - BETA1**number), 1 / jnp.sqrt(1 - BETA2**number)

    def moved(value, m, v):
        return value - rate * m / (jnp.sqrt(v) * root + EPSILON)

    return jax.tree.map(moved, posterior, first, second), first, second, number
