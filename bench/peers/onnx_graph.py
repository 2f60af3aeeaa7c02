"""The networks as ONNX graphs of static shapes, for ONNX Runtime and OpenVINO: NCHW, float32.

A form has up to three parts. Variances of linear layers: `separate` products or one `joined`
product, as in jax_graph. Inputs of a pool: by strided `slice`, or by space to `depth` and a split.
Activations other than ReLU: as in activations.
"""

import itertools

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from peers import activations
from workloads import INV_SQRT_2PI, SQRT_1_2, TINY, Activation, Conv, Dense, Flatten, Pool

OPSET, IR_VERSION = 20, 9


def forms(case):
    choices = [("separate", "joined")]
    if any(isinstance(layer, Pool) for layer in case.network.layers):
        choices.append(("slice", "depth"))
    if rest := activations.forms(case):
        choices.append(rest)
    return tuple(", ".join(parts) for parts in itertools.product(*choices))


class Value:
    """A result in a graph, with arithmetic."""

    def __init__(self, graph, name):
        self.graph, self.name = graph, name

    def _with(operator):
        def apply(left, right):
            graph = left.graph if isinstance(left, Value) else right.graph
            names = (x.name if isinstance(x, Value) else x for x in (left, right))
            return Value(graph, graph.node(operator, *names))

        return apply, lambda right, left: apply(left, right)

    __add__, __radd__ = _with("Add")
    __sub__, __rsub__ = _with("Sub")
    __mul__, __rmul__ = _with("Mul")
    __truediv__, __rtruediv__ = _with("Div")


class Functions:
    """Functions of values, for activations."""

    def _of(operator):
        return staticmethod(lambda x: Value(x.graph, x.graph.node(operator, x.name)))

    erf, exp, sqrt, sigmoid, tanh = map(_of, ("Erf", "Exp", "Sqrt", "Sigmoid", "Tanh"))
    gelu, hard_swish = map(_of, ("Gelu", "HardSwish"))

    @staticmethod
    def silu(x):
        return x * Functions.sigmoid(x)


class Graph:
    """Nodes and constants. A method named after an operator adds a node and gives its result."""

    def __init__(self):
        self.nodes, self.constants = [], []

    def constant(self, value, dtype=np.float32):
        name = f"constant{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value, dtype), name))
        return name

    def node(self, operator, *inputs, outputs=1, **attributes):
        names = [f"node{len(self.nodes)}.{i}" for i in range(outputs)]
        inputs = [self.constant(i) if isinstance(i, float) else i for i in inputs]
        self.nodes.append(helper.make_node(operator, inputs, names, **attributes))
        return names[0] if outputs == 1 else names

    def __getattr__(self, operator):
        return lambda *inputs, **attributes: self.node(operator, *inputs, **attributes)


def build(case, form):
    """The serialised model: input x, outputs mean and variance."""
    graph, products, *rest = Graph(), *form.split(", ")
    mean, variance, i, channels = "x", None, 0, None
    for layer in case.network.layers:
        match layer:
            case Conv() | Dense():
                parameters = (
                    case.data[f"{key}{i}"]
                    for key in ("mean", "variance", "bias_mean", "bias_variance")
                )
                mean, variance = linear(graph, layer, products, mean, variance, *parameters)
                i, channels = i + 1, layer.outputs
            case Activation("relu"):
                mean, variance = relu(graph, mean, variance)
            case Activation(function):
                values = (Value(graph, t) for t in (mean, variance))
                moments = activations.moments(Functions, rest[-1], function, *values)
                mean, variance = (value.name for value in moments)
            case Pool() if "slice" in rest:
                for axis in (3, 2):
                    mean, variance = maximum(
                        graph, *halves(graph, mean, axis), *halves(graph, variance, axis)
                    )
            case Pool():
                means, variances = (
                    quarters(graph, mean, channels),
                    quarters(graph, variance, channels),
                )
                upper = maximum(graph, *means[:2], *variances[:2])
                lower = maximum(graph, *means[2:], *variances[2:])
                mean, variance = maximum(graph, upper[0], lower[0], upper[1], lower[1])
            case Flatten():
                mean, variance = (graph.Flatten(t) for t in (mean, variance))
    for name, value in (("mean", mean), ("variance", variance)):
        graph.nodes.append(helper.make_node("Identity", [value], [name]))
    tensor = helper.make_tensor_value_info
    outputs = [
        tensor(name, TensorProto.FLOAT, (case.batch, channels)) for name in ("mean", "variance")
    ]
    inputs = [tensor("x", TensorProto.FLOAT, case.images.shape)]
    whole = helper.make_graph(graph.nodes, case.name, inputs, outputs, graph.constants)
    model = helper.make_model(
        whole, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION
    )
    onnx.checker.check_model(model)
    return model.SerializeToString()


def linear(graph, layer, products, mean, variance, weight, weight_variance, bias, bias_variance):
    square, second = graph.Mul(mean, mean), weight_variance + weight * weight
    bias_variance = graph.constant(bias_variance)
    result = product(graph, layer, mean, weight, graph.constant(bias))
    if variance is None:
        return result, product(graph, layer, square, weight_variance, bias_variance)
    if products == "joined":
        inputs = graph.Concat(variance, square, axis=1)
        return result, product(
            graph, layer, inputs, np.concatenate([second, weight_variance], axis=1), bias_variance
        )
    if isinstance(layer, Dense):
        # Gemm adds its third input: no addition of its own.
        start = product(graph, layer, variance, second, bias_variance)
        return result, product(graph, layer, square, weight_variance, start)
    parts = (
        product(graph, layer, square, weight_variance, bias_variance),
        product(graph, layer, variance, second),
    )
    return result, graph.Add(*parts)


def product(graph, layer, x, weight, *addend):
    if isinstance(layer, Dense):
        return graph.Gemm(x, graph.constant(weight), *addend, transB=1)
    kernel, padding = [layer.kernel] * 2, [layer.padding] * 4
    return graph.Conv(x, graph.constant(weight), *addend, kernel_shape=kernel, pads=padding)


def halves(graph, x, axis):
    def integers(value):
        return graph.constant([value], np.int64)

    end = np.iinfo(np.int64).max
    return (
        graph.Slice(x, integers(start), integers(end), integers(axis), integers(2))
        for start in (0, 1)
    )


def quarters(graph, x, channels):
    sizes = graph.constant([channels] * 4, np.int64)
    return graph.Split(graph.SpaceToDepth(x, blocksize=2), sizes, outputs=4, axis=1)


def normal(graph, a):
    cdf = graph.Mul(graph.Add(graph.Erf(graph.Mul(a, SQRT_1_2)), 1.0), 0.5)
    return cdf, graph.Mul(graph.Exp(graph.Mul(graph.Mul(a, a), -0.5)), INV_SQRT_2PI)


def relu(graph, mean, variance):
    variance = graph.Max(variance, TINY)
    sigma = graph.Sqrt(variance)
    cdf, pdf = normal(graph, graph.Div(mean, sigma))
    spread = graph.Mul(sigma, pdf)
    result = graph.Add(graph.Mul(mean, cdf), spread)
    square = graph.Mul(graph.Add(graph.Mul(mean, mean), variance), cdf)
    return result, central(graph, graph.Add(square, graph.Mul(mean, spread)), result)


def maximum(graph, m0, m1, v0, v1):
    theta = graph.Sqrt(graph.Max(graph.Add(v0, v1), TINY))
    cdf, pdf = normal(graph, graph.Div(graph.Sub(m0, m1), theta))
    rest, spread = graph.Sub(graph.constant(1), cdf), graph.Mul(theta, pdf)
    result = graph.Add(graph.Add(graph.Mul(m0, cdf), graph.Mul(m1, rest)), spread)
    squares = (
        graph.Mul(graph.Add(v, graph.Mul(m, m)), p) for m, v, p in ((m0, v0, cdf), (m1, v1, rest))
    )
    square = graph.Add(graph.Add(*squares), graph.Mul(graph.Add(m0, m1), spread))
    return result, central(graph, square, result)


def central(graph, square, mean):
    """The variance from the second moment, not negative."""
    return graph.Relu(graph.Sub(square, graph.Mul(mean, mean)))
