#!/usr/bin/env python3
"""Writes golden.json: what `--covariance full` makes of net.mlir, in float64 and with whole covariance matrices.

Independent of pfp: it has its own formulas, from docs/covariance.md and the papers named there, keeps a D x D matrix
where pfp keeps factors, and takes the maxima of windows element by element. Needs numpy 2.4.
"""

import json
import math
from pathlib import Path

import numpy as np

ITEMS = 2
SHAPES = {
    "k0": (3, 1, 3, 3), "a0": (3,), "k1": (4, 3, 2, 2), "a1": (4,),
    "w0": (7, 16), "b0": (7,), "w1": (6, 7), "b1": (6,), "w2": (4, 6), "b2": (4,),
}  # fmt: skip

erf = np.vectorize(math.erf)


def density(z):
    return np.exp(-z * z / 2) / math.sqrt(2 * math.pi)


def distribution(z):
    return (1 + erf(z / math.sqrt(2))) / 2


def relu(m, v):
    """Mean, variance and the expected slope of the positive part."""
    s = np.sqrt(v)
    z = m / s
    mean = m * distribution(z) + s * density(z)
    square = (m * m + v) * distribution(z) + m * s * density(z)
    return mean, square - mean * mean, distribution(z)


def larger(m, v, c):
    """Clark 1961: the larger of two Gaussians; with it the weight of the first, a and theta."""
    theta = np.sqrt(v[0] + v[1] - 2 * c)
    a = (m[0] - m[1]) / theta
    weight = distribution(a)
    mean = m[0] * weight + m[1] * (1 - weight) + theta * density(a)
    square = (m[0] ** 2 + v[0]) * weight + (m[1] ** 2 + v[1]) * (1 - weight)
    square += (m[0] + m[1]) * theta * density(a)
    return mean, square - mean * mean, weight, a, theta


def pooled(m, cov):
    """The largest of the four elements of a 2x2 window, m and cov in the order of its rows."""
    rows = [larger(m[i : i + 2], np.diag(cov)[i : i + 2], cov[i, i + 1]) for i in (0, 2)]
    (m0, v0, p0, a0, t0), (m1, v1, p1, a1, t1) = rows
    between = p0 * p1 * cov[0, 2] + p0 * (1 - p1) * cov[0, 3]
    between += (1 - p0) * p1 * cov[1, 2] + (1 - p0) * (1 - p1) * cov[1, 3]
    kappa = cov[0, 2] - cov[0, 3] - cov[1, 2] + cov[1, 3]
    between += kappa**2 / 2 * density(a0) * density(a1) / (t0 * t1)
    mean, variance, *_ = larger((m0, m1), (v0, v1), between)
    return mean, variance


def convolved_and_pooled(m, v, weight, spread, bias, of_bias):
    """A convolution with uncertain weights, its largest elements, for a C x H x W input of independent elements."""
    filters, channels, height, width = weight.shape
    size = m.shape[1] - height + 1, m.shape[2] - width + 1

    def reads(place):
        rows, columns = slice(place[0], place[0] + height), slice(place[1], place[1] + width)
        return (slice(None), rows, columns)

    mean = np.empty((filters, size[0] // 2, size[1] // 2))
    variance = np.empty_like(mean)
    for f in range(filters):
        for top in range(size[0] // 2):
            for left in range(size[1] // 2):
                places = [(2 * top + i, 2 * left + j) for i in (0, 1) for j in (0, 1)]
                means = np.array([(m[reads(p)] * weight[f]).sum() + bias[f] for p in places])
                # What each output reads of every element of the input.
                spreads = np.zeros((4, *m.shape))
                for n, place in enumerate(places):
                    spreads[n][reads(place)] = weight[f]
                cov = np.empty((4, 4))
                for i, one in enumerate(places):
                    for j, two in enumerate(places):
                        known = m[reads(one)] * m[reads(two)]
                        if i == j:
                            known = known + v[reads(one)]
                        cov[i, j] = (known * spread[f]).sum() + of_bias[f]
                        cov[i, j] += (spreads[i] * spreads[j] * v).sum()
                mean[f, top, left], variance[f, top, left] = pooled(means, cov)
    return mean, variance


def of_square(m, v):
    """The variance of max(z, 0)^2 of a Gaussian z."""
    s = np.sqrt(v)
    z = m / s
    second = (m * m + v) * distribution(z) + m * s * density(z)
    fourth = (m**4 + 6 * m * m * v + 3 * v * v) * distribution(z)
    fourth += (m**3 + 5 * m * v) * s * density(z)
    return fourth - second**2


def nodes(count, variance, mean):
    """Scales of a log-normal number with this mean and variance, over their mean, and their weights."""
    places, weights = np.polynomial.hermite_e.hermegauss(count)
    weights = weights / weights.sum()
    scales = np.exp(math.sqrt(math.log1p(variance / mean**2)) * places)
    return list(zip(scales / (weights * scales).sum(), weights, strict=True))


def dense(m, cov, parameters, name):
    """Mean, what outputs share, and what each has for itself."""
    weight, spread = parameters[f"w{name}.mean"], parameters[f"w{name}.var"]
    bias, of_bias = parameters[f"b{name}.mean"], parameters[f"b{name}.var"]
    own = spread @ (m * m + np.diag(cov)) + of_bias
    return weight @ m + bias, weight @ cov @ weight.T, own


def activated(m, cov):
    mean, variance, slope = relu(m, np.diag(cov))
    result = cov * np.outer(slope, slope)
    np.fill_diagonal(result, variance)
    return mean, result


def network(x, parameters):
    """Mean and covariance matrix of the logits of an item."""
    p = parameters
    zero = np.zeros_like(x)
    m, v = convolved_and_pooled(x, zero, p["k0.mean"], p["k0.var"], p["a0.mean"], p["a0.var"])
    m, v, _ = relu(m, v)
    m, v = convolved_and_pooled(m, v, p["k1.mean"], p["k1.var"], p["a1.mean"], p["a1.var"])
    before = m.reshape(4, 4), v.reshape(4, 4)
    m, v, _ = relu(m.ravel(), v.ravel())
    mean, shared, own = dense(m, np.diag(v), p, 0)
    # Elements of a channel rise and fall together.
    parts = p["w0.var"].mean(0).reshape(4, 4) * np.sqrt(of_square(*before))
    first = nodes(5, (parts.sum(1) ** 2).sum(), own.mean())
    results = []
    for scale, weight in first:
        m, cov = activated(mean, shared + np.diag(scale * own))
        mean1, shared1, own1 = dense(m, cov, p, 1)
        cov = shared1 + np.diag(own1)
        parts = p["w2.var"].mean(0) * np.sqrt(of_square(mean1, np.diag(cov)))
        m, cov = activated(mean1, cov)
        mean2, shared2, own2 = dense(m, cov, p, 2)
        for last, part in nodes(3, (parts**2).sum(), own2.mean()):
            results.append((weight * part, mean2, shared2 + np.diag(last * own2)))
    mean = sum(w * m for w, m, _ in results)
    return mean, sum(w * (c + np.outer(m - mean, m - mean)) for w, m, c in results)


def main():
    numbers = np.random.default_rng(20)
    parameters = {}
    for name, shape in SHAPES.items():
        fan = math.prod(shape[1:]) if len(shape) > 1 else 4
        parameters[f"{name}.mean"] = numbers.normal(0, 1.2 / math.sqrt(fan), shape)
        parameters[f"{name}.var"] = numbers.uniform(0.2, 1, shape) * 0.4 / fan
    # What is written is float32.
    parameters = {k: v.astype(np.float32).astype(np.float64) for k, v in parameters.items()}
    x = numbers.normal(0, 1, (ITEMS, 1, 12, 12)).astype(np.float32).astype(np.float64)
    found = [network(item, parameters) for item in x]
    golden = {
        "parameters": {k: {"shape": v.shape, "values": v.ravel().tolist()} for k, v in parameters.items()},
        "input": {"shape": x.shape, "values": x.ravel().tolist()},
        "mean": np.concatenate([mean for mean, _ in found]).tolist(),
        "covariance": np.concatenate([cov.ravel() for _, cov in found]).tolist(),
    }
    file = Path(__file__).with_name("golden.json")
    file.write_text(json.dumps(golden) + "\n")


if __name__ == "__main__":
    main()
