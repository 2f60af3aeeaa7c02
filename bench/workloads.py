"""The networks that are timed: layers, seeded data, float64 reference, files for pfp.

    python workloads.py FOLDER NETWORK=IMAGES...

writes for each network NETWORK.npz (parameters, inputs, reference outputs), NETWORK.mlir and
NETWORK.safetensors (the network for pfp) and NETWORK.json (its cost per image).

Arrays of the i-th layer with weights: mean{i}, variance{i} (OIHW, or [outputs, inputs]),
bias_mean{i}, bias_variance{i}. Images: x, NCHW. Reference: output_mean, output_variance.
Parameters and images are float32.
"""

import json
import math
import struct
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

# Part of the definition: the argument of a square root is max(variance, TINY).
TINY = 1e-12
SQRT_1_2 = math.sqrt(0.5)
INV_SQRT_2PI = 1 / math.sqrt(2 * math.pi)

# Of the quadrature of the reference: deviations, panels, nodes of a panel, elements at a time.
REACH, PANELS, NODES, ELEMENTS = 12, 24, 10, 2048


@dataclass(frozen=True)
class Conv:
    """Stride 1, a square kernel, the same padding on four sides."""

    inputs: int
    outputs: int
    kernel: int
    padding: int

    @property
    def weight_shape(self):
        return (self.outputs, self.inputs, self.kernel, self.kernel)


@dataclass(frozen=True)
class Dense:
    inputs: int
    outputs: int

    @property
    def weight_shape(self):
        return (self.outputs, self.inputs)


@dataclass(frozen=True)
class Activation:
    """Moments of a function of one element, named after its op in the gauss dialect."""

    name: str


@dataclass(frozen=True)
class Pool:
    """Maximum of 2x2 by Clark's formulas: horizontal pairs, then vertical pairs."""


@dataclass(frozen=True)
class Flatten:
    """In NCHW order."""


@dataclass(frozen=True)
class Network:
    image: tuple
    layers: tuple

    @property
    def weighted(self):
        return [layer for layer in self.layers if isinstance(layer, (Conv, Dense))]

    @property
    def shapes(self):
        """The shape of an image after each layer."""
        shape, shapes = self.image, []
        for layer in self.layers:
            match layer:
                case Conv():
                    shape = (
                        layer.outputs,
                        *(side + 2 * layer.padding - layer.kernel + 1 for side in shape[1:]),
                    )
                case Dense():
                    shape = (layer.outputs,)
                case Pool():
                    shape = (shape[0], *(side // 2 for side in shape[1:]))
                case Flatten():
                    shape = (math.prod(shape),)
            shapes.append(shape)
        return shapes


RELU = Activation("relu")


def _mlp():
    layers = (Dense(784, 100), RELU, Dense(100, 100), RELU, Dense(100, 10))
    return Network((784,), layers)


def _lenet(activation):
    layers = (
        *(Conv(1, 6, 5, 2), activation, Pool()),
        *(Conv(6, 16, 5, 0), activation, Pool(), Flatten()),
        *(Dense(400, 120), activation, Dense(120, 84), activation, Dense(84, 10)),
    )
    return Network((1, 28, 28), layers)


def _vgg():
    layers, inputs = [], 3
    for outputs in (64, 128, 256):
        for _ in range(2):
            layers += [Conv(inputs, outputs, 3, 1), RELU]
            inputs = outputs
        layers.append(Pool())
    layers += [Flatten(), Dense(4096, 512), RELU, Dense(512, 10)]
    return Network((3, 32, 32), tuple(layers))


# Activations that LeNet is timed with in place of its ReLUs, as networks lenet-NAME.
OTHER_ACTIVATIONS = ("gelu", "silu", "tanh", "hard_swish")

NETWORKS = {"mlp": _mlp(), "lenet": _lenet(RELU), "vgg": _vgg()} | {
    f"lenet-{name}": _lenet(Activation(name)) for name in OTHER_ACTIVATIONS
}


def make_data(name, images):
    """Seeded: means scaled by fan-in, standard deviations around 0.15 of that scale."""
    network = NETWORKS[name]
    # LeNet has the same parameters and images with each activation.
    family, _, _ = name.partition("-")
    random = np.random.default_rng([2511, 23440, *family.encode()])
    data = {}
    for i, layer in enumerate(network.weighted):
        shape = layer.weight_shape
        scale = math.sqrt(2 / math.prod(shape[1:]))
        data[f"mean{i}"] = scale * random.standard_normal(shape)
        data[f"variance{i}"] = (0.15 * scale * np.exp(0.4 * random.standard_normal(shape))) ** 2
        data[f"bias_mean{i}"] = 0.1 * random.standard_normal(shape[0])
        data[f"bias_variance{i}"] = random.uniform(1e-4, 1e-2, shape[0])
    data["x"] = random.random((images, *network.image))
    return {key: value.astype(np.float32) for key, value in data.items()}


# Reference


def reference(name, data):
    """Mean and variance of the outputs in float64."""
    mean, variance, i = data["x"].astype(np.float64), None, 0
    for layer in NETWORKS[name].layers:
        match layer:
            case Conv() | Dense():
                parameters = (
                    data[f"{key}{i}"].astype(np.float64)
                    for key in ("mean", "variance", "bias_mean", "bias_variance")
                )
                mean, variance = _linear_moments(layer, mean, variance, *parameters)
                i += 1
            case Activation("relu"):
                mean, variance = _relu_moments(mean, variance)
            case Activation(function):
                mean, variance = _integrated_moments(function, mean, variance)
            case Pool():
                for axis in (3, 2):
                    halves = [
                        np.take(t, range(o, t.shape[axis], 2), axis)
                        for o in (0, 1)
                        for t in (mean, variance)
                    ]
                    mean, variance = _maximum_moments(*halves)
            case Flatten():
                mean, variance = (t.reshape(len(t), -1) for t in (mean, variance))
    return mean, variance


def _linear_moments(layer, mean, variance, weight, weight_variance, bias, bias_variance):
    if isinstance(layer, Conv):
        bias, bias_variance = bias[:, None, None], bias_variance[:, None, None]
    result = _product(layer, mean, weight) + bias
    result_variance = _product(layer, mean**2, weight_variance) + bias_variance
    if variance is not None:
        result_variance += _product(layer, variance, weight_variance + weight**2)
    return result, result_variance


def _product(layer, x, weight):
    if isinstance(layer, Dense):
        return x @ weight.T
    sides = (layer.padding, layer.padding)
    x = np.pad(x, ((0, 0), (0, 0), sides, sides))
    windows = np.lib.stride_tricks.sliding_window_view(x, (layer.kernel, layer.kernel), axis=(2, 3))
    return np.tensordot(windows, weight, axes=((1, 4, 5), (1, 2, 3))).transpose(0, 3, 1, 2)


def _normal(a):
    """Distribution function and density of the standard normal."""
    from scipy.special import erf

    return 0.5 * (1 + erf(a * SQRT_1_2)), INV_SQRT_2PI * np.exp(-0.5 * a * a)


def _relu_moments(mean, variance):
    variance = np.maximum(variance, TINY)
    sigma = np.sqrt(variance)
    cdf, pdf = _normal(mean / sigma)
    result = mean * cdf + sigma * pdf
    square = (mean**2 + variance) * cdf + mean * sigma * pdf
    return result, np.maximum(square - result**2, 0)


def _gelu(x):
    cdf, _ = _normal(x)
    return x * cdf


def _silu(x):
    from scipy.special import expit

    return x * expit(x)


def _hard_swish(x):
    return x * np.clip(x + 3, 0, 6) / 6


# Functions without moments of their own here, and where they bend.
FUNCTIONS = {
    "gelu": (_gelu, ()),
    "silu": (_silu, ()),
    "tanh": (np.tanh, ()),
    "hard_swish": (_hard_swish, (-3, 3)),
}


def _integrated_moments(name, mean, variance):
    """Gauss-Legendre quadrature over REACH deviations to both sides of the mean, in PANELS panels
    between one bend of the function and the next. It knows no formula for any function."""
    function, bends = FUNCTIONS[name]
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    ends = np.linspace(0, 1, PANELS + 1)
    # Of all panels together, on [0, 1].
    places = (ends[:-1, None] + (nodes + 1) / (2 * PANELS)).ravel()
    weights = np.tile(weights / (2 * PANELS), PANELS)
    results = np.empty((2, mean.size))
    for start in range(0, mean.size, ELEMENTS):
        part = slice(start, start + ELEMENTS)
        m = mean.ravel()[part, None]
        sigma = np.sqrt(np.maximum(variance.ravel()[part, None], TINY))
        limits = [np.full_like(m, -REACH), np.full_like(m, REACH)]
        limits[1:1] = [np.clip((bend - m) / sigma, -REACH, REACH) for bend in bends]
        widths = [upper - lower for lower, upper in zip(limits, limits[1:])]
        z = np.concatenate([a + w * places for a, w in zip(limits, widths)], axis=1)
        mass = np.concatenate([w * weights for w in widths], axis=1)
        mass *= INV_SQRT_2PI * np.exp(-0.5 * z * z)
        value = function(m + sigma * z)
        average = np.sum(mass * value, axis=1, keepdims=True)
        results[0, part] = average[:, 0]
        results[1, part] = np.sum(mass * (value - average) ** 2, axis=1)
    return (result.reshape(mean.shape) for result in results)


def _maximum_moments(m0, v0, m1, v1):
    theta = np.sqrt(np.maximum(v0 + v1, TINY))
    cdf, pdf = _normal((m0 - m1) / theta)
    result = m0 * cdf + m1 * (1 - cdf) + theta * pdf
    square = (m0**2 + v0) * cdf + (m1**2 + v1) * (1 - cdf) + (m0 + m1) * theta * pdf
    return result, np.maximum(square - result**2, 0)


def errors(data, mean, variance):
    """Largest error of the means, relative to |mean| + sigma, and of the variances, relative."""
    count = len(mean)
    right, right_variance = data["output_mean"][:count], data["output_variance"][:count]
    mean_error = np.abs(mean - right) / (np.abs(right) + np.sqrt(right_variance))
    variance_error = np.abs(variance - right_variance) / right_variance
    return {"mean": float(mean_error.max()), "variance": float(variance_error.max())}


# Files


def cost(network):
    """Operations of the products per image (a multiply-add is two), and bytes of the weights."""
    operations = parameters = 0
    for layer, shape in zip(network.layers, network.shapes, strict=True):
        if isinstance(layer, (Conv, Dense)):
            # Images have no variance: the first layer does without the product with it.
            products = 3 if parameters else 2
            operations += 2 * products * math.prod(layer.weight_shape) * math.prod(shape[1:])
            parameters += math.prod(layer.weight_shape) + layer.outputs
    return {"operations": operations, "weight_bytes": 2 * 4 * parameters}


def symbol(name):
    """The name of the function, and of what pfp makes of it."""
    return name.replace("-", "_")


def module(name):
    """The network as a module of the gauss dialect."""

    def elements(shape):
        return f"{'x'.join(map(str, shape))}xf32"

    network = NETWORKS[name]
    value, kind = "%x", f"tensor<?x{elements(network.image)}>"
    output = f"!gauss.tensor<?x{elements(network.shapes[-1])}>"
    lines, i = [f"func.func @{symbol(name)}({value}: {kind}) -> {output} {{"], 0
    for number, (layer, shape) in enumerate(zip(network.layers, network.shapes, strict=True)):
        operands, kinds = [value], [kind]
        if isinstance(layer, (Conv, Dense)):
            for part, size in (("weight", layer.weight_shape), ("bias", (layer.outputs,))):
                operands.append(f"%{part}{i}")
                kinds.append(f"!gauss.tensor<{elements(size)}>")
                lines.append(f'  {operands[-1]} = gauss.parameter "layer{i}.{part}" : {kinds[-1]}')
            i += 1
        attributes = ""
        match layer:
            case Conv():
                op, attributes = "conv2d", f" padding {[layer.padding] * 4}"
            case Dense():
                op = "dense"
            case Activation(op):
                pass
            case Pool():
                op, attributes = "max_pool2d", " kernel [2, 2] strides [2, 2]"
            case Flatten():
                op = "flatten"
        result = f"!gauss.tensor<?x{elements(shape)}>"
        signature = f"({', '.join(kinds)}) -> {result}"
        lines.append(f"  %{number} = gauss.{op} {', '.join(operands)}{attributes} : {signature}")
        value, kind = f"%{number}", result
    return "\n".join([*lines, f"  return {value} : {kind}", "}", ""])


def safetensors(name, data):
    """The posterior, as bytes of a safetensors file."""
    header, body = {}, b""
    for i in range(len(NETWORKS[name].weighted)):
        for part, prefix in (("weight", ""), ("bias", "bias_")):
            for suffix, key in (("mean", f"{prefix}mean{i}"), ("var", f"{prefix}variance{i}")):
                array = data[key]
                offsets = [len(body), len(body) + array.nbytes]
                header[f"layer{i}.{part}.{suffix}"] = {
                    "dtype": "F32",
                    "shape": array.shape,
                    "data_offsets": offsets,
                }
                body += array.tobytes()
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def main(folder, *requests):
    folder = Path(folder)
    for request in requests:
        name, images = request.split("=")
        data = make_data(name, int(images))
        data["output_mean"], data["output_variance"] = reference(name, data)
        np.savez(folder / f"{name}.npz", **data)
        (folder / f"{name}.mlir").write_text(module(name))
        (folder / f"{name}.safetensors").write_bytes(safetensors(name, data))
        (folder / f"{name}.json").write_text(json.dumps(cost(NETWORKS[name])))


if __name__ == "__main__":
    main(*sys.argv[1:])
