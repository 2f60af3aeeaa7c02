"""The networks in JAX, for XLA and IREE: NHWC, float32.

The variance of a linear layer is a sum of two products. For inputs of mean m and variance v, and
weights of mean w and variance s, a form says how it is computed:

    separate   v (s + w^2) + m^2 s
    joined     one product of the inputs [v, m^2], side by side, with the weights [s + w^2, s]
    moments    (v + m^2)(s + w^2) - m^2 w^2, which loses digits where variances are small

A form of a network with activations other than ReLU goes on with one of theirs, as in activations.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from peers import activations
from workloads import INV_SQRT_2PI, SQRT_1_2, TINY, Activation, Conv, Dense, Flatten, Pool

FORMS = ("separate", "joined", "moments")


def forms(case, products):
    """The forms with these products."""
    rest = activations.forms(case)
    return [f"{product}, {form}" for product in products for form in rest] if rest else products


class Functions:
    """Functions of values, for activations."""

    erf, exp, sqrt = lax.erf, jnp.exp, jnp.sqrt
    sigmoid, tanh, relu = jax.nn.sigmoid, jnp.tanh, jax.nn.relu
    silu, hard_swish = jax.nn.silu, jax.nn.hard_swish

    @staticmethod
    def gelu(x):
        return jax.nn.gelu(x, approximate=False)


def build(case, form):
    """Gives (function, parameters): function(parameters, x) computes mean and variance."""
    network, (products, *_) = case.network, form.split(", ")
    parameters = [parameters_of(case, products, i) for i in range(len(network.weighted))]
    return lambda parameters, x: moments(network, form, parameters, x), parameters


def moments(network, form, parameters, x):
    """Mean and variance of the outputs; of each layer with weights, what parameters_of gives."""
    products, *rest = form.split(", ")
    mean, variance, i = to_nhwc(x), None, 0
    for layer in network.layers:
        match layer:
            case Conv() | Dense():
                mean, variance = linear(layer, products, parameters[i], mean, variance)
                i += 1
            case Activation("relu"):
                mean, variance = relu(mean, variance)
            case Activation(name):
                mean, variance = activations.moments(Functions, *rest, name, mean, variance)
            case Pool():
                for axis in (2, 1):
                    mean, variance = maximum(*halves(mean, axis), *halves(variance, axis))
            case Flatten():
                mean, variance = (t.reshape(t.shape[0], -1) for t in (mean, variance))
    return mean, variance


def arrange(case, i, weight):
    """An array of the shape of the weight of the i-th layer with weights, for channels last."""
    layers = case.network.weighted
    layer = layers[i]
    if isinstance(layer, Conv):
        return weight.transpose(2, 3, 1, 0)
    if i and isinstance(layers[i - 1], Conv):
        # The reference flattens square NCHW images, this NHWC.
        channels = layers[i - 1].outputs
        side = math.isqrt(layer.inputs // channels)
        weight = (
            weight.reshape(-1, channels, side, side).transpose(0, 2, 3, 1).reshape(weight.shape)
        )
    return weight.T


def parameters_of(case, products, i):
    """Of the i-th layer with weights: weight of the mean, weights of the variance, both biases."""
    data = case.data
    weight, variance = (arrange(case, i, data[f"{key}{i}"]) for key in ("mean", "variance"))
    square = weight * weight
    if i == 0:
        of_variance = (variance,)
    elif products == "separate":
        of_variance = (square + variance, variance)
    elif products == "joined":
        of_variance = (np.concatenate([square + variance, variance], axis=-2),)
    else:
        of_variance = (square + variance, square)
    arrays = (weight, of_variance, data[f"bias_mean{i}"], data[f"bias_variance{i}"])
    return tuple(
        tuple(map(np.ascontiguousarray, a)) if isinstance(a, tuple) else np.ascontiguousarray(a)
        for a in arrays
    )


def linear(layer, products, parameters, mean, variance):
    weight, of_variance, bias, bias_variance = parameters
    square = mean * mean
    if variance is None:
        result = product(layer, square, of_variance[0])
    elif products == "separate":
        result = product(layer, variance, of_variance[0]) + product(layer, square, of_variance[1])
    elif products == "joined":
        result = product(layer, jnp.concatenate([variance, square], axis=-1), of_variance[0])
    else:
        result = product(layer, variance + square, of_variance[0]) - product(
            layer, square, of_variance[1]
        )
    return product(layer, mean, weight) + bias, result + bias_variance


def product(layer, x, weight):
    if isinstance(layer, Dense):
        return x @ weight
    padding = [(layer.padding, layer.padding)] * 2
    return lax.conv_general_dilated(
        x, weight, (1, 1), padding, dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


def to_nhwc(x):
    return x.transpose(0, 2, 3, 1) if x.ndim == 4 else x


def halves(x, axis):
    return (lax.slice_in_dim(x, start, None, 2, axis) for start in (0, 1))


def normal(a):
    cdf = np.float32(0.5) * (1 + lax.erf(a * np.float32(SQRT_1_2)))
    return cdf, np.float32(INV_SQRT_2PI) * jnp.exp(np.float32(-0.5) * a * a)


def relu(mean, variance):
    variance = jnp.maximum(variance, np.float32(TINY))
    sigma = jnp.sqrt(variance)
    cdf, pdf = normal(mean / sigma)
    result = mean * cdf + sigma * pdf
    square = (mean * mean + variance) * cdf + mean * (sigma * pdf)
    return result, jnp.maximum(square - result * result, 0)


def maximum(m0, m1, v0, v1):
    theta = jnp.sqrt(jnp.maximum(v0 + v1, np.float32(TINY)))
    cdf, pdf = normal((m0 - m1) / theta)
    rest, spread = 1 - cdf, theta * pdf
    result = m0 * cdf + m1 * rest + spread
    square = (v0 + m0 * m0) * cdf + (v1 + m1 * m1) * rest + (m0 + m1) * spread
    return result, jnp.maximum(square - result * result, 0)
