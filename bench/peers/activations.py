"""Moments of activations other than ReLU, for compilers of graphs: with as few operations as keep
the outputs of LeNet within the tolerance of worker.py. Its sigmas are below 1. Forms:

    series     the mean M as a function of m, in closed form (gelu, hard_swish) or by a Taylor
               series (silu, tanh); the variance v M'^2 + v^2/2 M''^2
    nodes      averages of the function over a few nodes m + t sigma

Values have arithmetic; `do` has functions of them.
"""

import math

from workloads import INV_SQRT_2PI, SQRT_1_2, Activation

FORMS = ("series", "nodes")


def forms(case):
    """The forms for the activations of a network; none where it has only ReLUs."""
    layers = case.network.layers
    has_other = any(isinstance(layer, Activation) and layer.name != "relu" for layer in layers)
    return FORMS if has_other else ()


def moments(do, form, name, mean, variance):
    if form == "nodes":
        return _averages(do, getattr(do, name), NODES[name], mean, variance)
    return SERIES[name](do, mean, variance)


# Nodes: pairs m ± t sigma as (t, weight of each). One more is at the mean, with what is left of 1.
# Weights and distances are such that the variance of a line is right.


def _bell(distance, count):
    """Pairs at multiples of a distance with weights like the density, then scaled."""
    places = [distance * k for k in range(1, count + 1)]
    weights = [math.exp(-0.5 * t * t) for t in places]
    total = 1 + 2 * sum(weights)
    weights = [weight / total for weight in weights]
    scale = 1 / math.sqrt(2 * sum(w * t * t for t, w in zip(places, weights)))
    return tuple((scale * t, w) for t, w in zip(places, weights))


# Three of Gauss-Hermite have t = 1.732: with gelu, variances are off by 1.1 %. Two are not enough.
THREE = ((1.7, 0.5 / 1.7**2),)
# Seven of Gauss-Hermite pass with the bends of hard_swish, five do not. Five at like distances do.
NODES = {"gelu": THREE, "silu": THREE, "tanh": THREE, "hard_swish": _bell(1.1, 2)}


def _averages(do, function, pairs, mean, variance):
    """Of differences from the value at the mean, which cancel nothing and need no weight of it."""
    sigma, middle = do.sqrt(variance), function(mean)
    shift = square = None
    for distance, weight in pairs:
        step = sigma * distance
        upper, lower = function(mean + step) - middle, function(mean - step) - middle
        shifts = (upper + lower) * weight
        squares = (upper * upper + lower * lower) * weight
        shift = shifts if shift is None else shift + shifts
        square = squares if square is None else square + squares
    return middle + shift, square - shift * shift


# Series


def _two_terms(variance, first, second):
    return variance * (first * first + variance * 0.5 * (second * second))


def _gelu(do, m, v):
    """With z = m / sqrt(1 + v) in M = m cdf(z) + v density."""
    q = 1.0 / (v + 1.0)
    r, u = do.sqrt(q), m * q
    cdf = do.erf(m * r * SQRT_1_2) * 0.5 + 0.5
    density = do.exp(m * u * -0.5) * r * INV_SQRT_2PI
    second = density * (q + 1.0 - u * u)
    return m * cdf + v * density, _two_terms(v, cdf + density * u, second)


def _silu(do, m, v):
    """M = f + v/2 f'', M' = f' + v/2 f''', M'' = f'' with the derivatives at m."""
    s, half = do.sigmoid(m), v * 0.5
    d = s - s * s
    second = d * (m * (1.0 - s * 2.0) + 2.0)
    third = d * ((1.0 - s * 2.0) * 3.0 + m * (1.0 - d * 6.0))
    return m * s + half * second, _two_terms(v, s + m * d + half * third, second)


def _tanh(do, m, v):
    """As _silu, with v^2/8 f'''' in M."""
    t = do.tanh(m)
    square = t * t
    d = 1.0 - square
    slope = v * (2.0 - d * 3.0) + 1.0
    mean = t + v * (t * d) * (v * (d * 3.0 - 1.0) - 1.0)
    return mean, v * (d * d) * (slope * slope + v * square * 2.0)


def _hard_swish(do, m, v):
    """Integrals between the bends at -3 and 3, where f is a parabola, and above, where f is x."""
    inverse = 1.0 / do.sqrt(v)
    sigma = v * inverse
    a, b = (m + 3.0) * inverse, (m - 3.0) * inverse
    cdf_a, cdf_b = (do.erf(x * SQRT_1_2) * 0.5 + 0.5 for x in (a, b))
    pdf_a, pdf_b = (do.exp(x * x * -0.5) * INV_SQRT_2PI for x in (a, b))
    inside, sides = cdf_a - cdf_b, sigma * (pdf_a - pdf_b)
    mean = ((m * (m + 3.0) + v) * inside + m * sides) * (1 / 6) + m * cdf_b
    first = (m * inside + sides) * (1 / 3) + inside * 0.5 + cdf_b
    second = inside * (1 / 3) - (pdf_a + pdf_b) * inverse * 0.5
    return mean, _two_terms(v, first, second)


SERIES = {"gelu": _gelu, "silu": _silu, "tanh": _tanh, "hard_swish": _hard_swish}
