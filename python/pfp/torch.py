"""Networks of PyTorch: the module itself becomes a module of the dialect, so that names stay the user's.

:func:`network` is what :func:`pfp.compile` uses for a ``torch.nn.Module``. It runs the module once on zeros, through
``torch.fx``, and writes an op for each layer and function that it meets; what it does not know is an error that
says its name.
"""

import math
import operator
from collections import OrderedDict

import numpy as np
import torch
import torch.fx
from torch import nn
from torch.nn import functional as F

from . import _files, _torch_posteriors
from ._errors import Error
from ._text import Text, Value, identifier, tensor_type

#: The items of the run that tells the shapes. No size of a layer is likely to be the same.
_ITEMS = 3

#: What a layer is called that is the whole module.
_ALONE = "layer"


def network(model, posterior=None, *, input_shape=None, deterministic=None, untrained=False):
    """The text of a module and its :class:`pfp.Parameters`, of a module of torch; None of anything else.

    Parameters
    ----------
    model
        A ``torch.nn.Module``, or a Laplace object of laplace-torch, which has its own. Dropout is off.
    posterior
        - arrays by name, ``NAME.std`` or ``NAME.variance`` of each parameter and, where they are not the weights of
          the module, ``NAME.mean``; or the path of a safetensors file of them;
        - a guide of Pyro (``AutoNormal`` or ``AutoDiagonalNormal``) for a ``PyroModule``;
        - an optimiser of ivon-opt, outside of ``sampled_params``;
        - a diagonal Laplace object of laplace-torch.

        None makes every parameter deterministic.
    input_shape
        The sizes of one item. They are known where the first layer is an ``nn.Linear``.
    deterministic
        Names of parameters that have no variance, or True for all that the posterior has none of. Any other
        parameter without a variance is an error.
    untrained
        Is every parameter Gaussian, with variances that are to be trained?
    """
    model, posterior = _torch_posteriors.taken_apart(model, posterior)
    if not isinstance(model, nn.Module):
        return None
    given = _torch_posteriors.arrays_of(model, posterior)
    declared = _torch_posteriors.shapes_of(model, given)
    if deterministic is None and _torch_posteriors.is_partial(posterior):
        deterministic = True
    means, variances = _moments(model, given, declared, deterministic)
    if untrained:
        variances = {name: np.zeros(shape) for name, shape in declared.items()}
    text = Text(variances)
    shape = _item_shape(model, input_shape)
    # A layer by itself is followed as the only one of a module.
    whole = nn.Sequential(OrderedDict({_ALONE: model})) if isinstance(model, tuple(_LAYERS)) else model
    body = _Writer(whole, text, shape).write()
    lines = "\n".join(text.lines)
    argument = tensor_type((None, *shape), False)
    name = identifier(type(model).__name__)
    module = f"func.func @{name}(%x: {argument}) -> {body.type} {{\n{lines}\n  return {body.name} : {body.type}\n}}\n"
    arrays = {}
    for name in text.parameters:
        if name in variances:
            arrays[f"{name}.mean"], arrays[f"{name}.var"] = means[name], variances[name]
        else:
            arrays[name] = means[name]
    unused = sorted(set(variances) - set(text.parameters))
    if unused:
        raise Error(f"the module never uses the parameters {', '.join(unused)}", "leave them out of the posterior")
    return module, _files.Parameters(_files.write_safetensors(arrays))


def _moments(model, given, declared, deterministic):
    """The numbers of each parameter and buffer, and the variances of those that have them."""
    means = {name: _numbers(tensor) for name, tensor in model.state_dict().items()}
    if given is None:
        return means, {}
    # Deviations alone are around the weights of the module.
    own = {f"{name}.mean": array for name, array in means.items() if _files.has_spread(name, given)}
    taken = _files.gaussians(own | given)
    variances = {}
    for key, array in taken.items():
        name = key.removesuffix(".var").removesuffix(".mean")
        is_variance = key.endswith(".var")
        if not (is_variance or key.endswith(".mean")) or name not in declared:
            names = ", ".join(declared)
            raise Error(
                f"the posterior has '{key}', which is no parameter of the module",
                f"names are NAME.std, NAME.variance and NAME.mean, with NAME one of {names}",
            )
        if tuple(array.shape) != tuple(declared[name]):
            raise Error(f"'{key}' has the shape {array.shape}, but the parameter has {tuple(declared[name])}")
        (variances if is_variance else means)[name] = array
    known = set(variances)
    allowed = declared if deterministic is True else list(deterministic or ())
    for name in allowed:
        if name not in declared:
            raise Error(f"'{name}' is no parameter of the module", f"it has {', '.join(declared)}")
    missing = [name for name in declared if name not in known and name not in allowed]
    if missing:
        raise Error(
            f"the posterior has no variance of {', '.join(missing)}",
            "give NAME.std of each, or name them with deterministic=[..] (True for all of them)",
        )
    return means, {name: array for name, array in variances.items() if deterministic is True or name not in allowed}


def _numbers(tensor):
    return tensor.detach().cpu().to(torch.float64).numpy()


def _item_shape(model, given):
    """The sizes of one item."""
    if given is not None:
        return tuple(int(size) for size in given)
    for module in model.modules():
        if isinstance(module, nn.Linear):
            return (module.in_features,)
        if next(module.children(), None) is None and not isinstance(module, (nn.Identity, nn.Dropout)):
            break
    raise Error(
        "the shape of an item is not known",
        "give it as input_shape=(1, 28, 28): the sizes without that of the batch",
    )


class _Tracer(torch.fx.Tracer):
    """Keeps every layer of torch whole, and those that others derive from one."""

    def is_leaf_module(self, module, name):
        return isinstance(module, tuple(_LAYERS)) or super().is_leaf_module(module, name)


class _Writer(torch.fx.Interpreter):
    """Runs a module on zeros, and writes what it does."""

    def __init__(self, model, text, shape):
        was_training = [module for module in model.modules() if module.training]
        model.eval()
        try:
            graph = _Tracer().trace(model)
        except Exception as error:
            raise Error(
                f"the forward pass of {type(model).__name__} cannot be followed: {error}",
                "pfp follows what torch.fx traces: no choices that depend on numbers, no samples of a likelihood; "
                "where the model samples, give the network inside of it",
            ) from error
        super().__init__(torch.fx.GraphModule(model, graph), garbage_collect_values=False)
        self._model, self._was_training = model, was_training
        self._text, self._shape = text, shape
        self._values = {}
        self._result = None

    def write(self):
        """The value that the module returns."""
        parameter = next(self._model.parameters(), None)
        dtype = torch.float32 if parameter is None else parameter.dtype
        device = "cpu" if parameter is None else parameter.device
        try:
            with torch.no_grad():
                self.run(torch.zeros((_ITEMS, *self._shape), dtype=dtype, device=device))
        except Error:
            raise
        except Exception as error:
            raise Error(
                f"the module cannot be run on items of the shape {self._shape}: {error}",
                "give the shape of an item as input_shape=",
            ) from error
        finally:
            for module in self._was_training:
                module.training = True
        return self._result

    def run_node(self, node):
        if node.op == "call_module":
            self._layer(node)
        result = super().run_node(node)
        if node.op == "placeholder":
            if self._values:
                raise Error("the module has several inputs", "give pfp a module of one input")
            self._values[node] = Value("%x", (None, *self._shape), False)
        elif node.op == "output":
            (returned,) = node.args
            if returned not in self._values:
                raise Error("the module does not return one tensor")
            self._result = self._values[returned]
        elif node.op == "get_attr":
            if isinstance(result, torch.Tensor):
                self._values[node] = self._text.parameter(node.target, result.shape)
        elif isinstance(result, torch.Tensor):
            self._values[node] = self._written(node, result)
        return result

    def _written(self, node, result):
        shape = self._sizes(node, result)
        if node.op == "call_module":
            write, module = self._layer(node)
            call = Call(self._text, node.target, [self._of(each) for each in node.args], {}, shape)
            return write(call, module)
        write = _FUNCTIONS.get(node.target)
        if write is None:
            name = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", node.target)
            raise Error(
                f"pfp has nothing for the function {name} ('{node.name}')",
                "docs/python.md lists the functions that it has; a model of others may go by ONNX",
            )
        args = torch.fx.map_arg(node.args, self._of)
        kwargs = torch.fx.map_arg(node.kwargs, self._of)
        return write(Call(self._text, node.name, list(args), dict(kwargs), shape))

    def _layer(self, node):
        """What writes a layer, and the layer."""
        module = self.fetch_attr(node.target)
        for kind in type(module).__mro__:
            if kind in _LAYERS:
                return _LAYERS[kind], module
        raise Error(
            f"pfp has no layer for {type(module).__name__} ('{node.target}')",
            "docs/python.md lists the layers that it has; a model of others may go by ONNX",
        )

    def _of(self, node):
        """What the module has of a node: a value of the text, or a number of Python."""
        if not isinstance(node, torch.fx.Node):
            return node
        return self._values[node] if node in self._values else self.env[node]

    def _sizes(self, node, result):
        if result.dim() == 0 or result.shape[0] != _ITEMS:
            raise Error(f"'{node.name}' does not keep the items of a batch apart: its shape is {tuple(result.shape)}")
        return (None, *result.shape[1:])


class Call:
    """A layer or a function as it is called."""

    def __init__(self, text, name, args, kwargs, shape):
        self.text, self.name, self.args, self.kwargs, self.shape = text, name, args, kwargs, shape

    @property
    def input(self):
        return self.args[0]

    def get(self, index, name, default=None):
        """An argument by its place or its name."""
        return self.args[index] if index < len(self.args) else self.kwargs.get(name, default)

    def op(self, name, operands, attributes=""):
        return self.text.op(name, operands, self.shape, attributes)

    def own(self, name, shape):
        """A parameter or a buffer of the layer."""
        return self.text.parameter(name if self.name == _ALONE else f"{self.name}.{name}", shape)

    def refuse(self, what):
        raise Error(f"'{self.name}': {what}")


def _list(value, rank):
    return [value] * rank if isinstance(value, int) else list(value)


def _clauses(**clauses):
    return " ".join(f"{name} {_text(value)}" for name, value in clauses.items() if value is not None)


def _text(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{value}"'
    return repr(list(value)) if isinstance(value, (list, tuple)) else repr(value)


def _linear(call, layer):
    weight = call.own("weight", (layer.out_features, layer.in_features))
    bias = [call.own("bias", (layer.out_features,))] if layer.bias is not None else []
    return _dense(call, weight, bias)


def _dense(call, weight, bias):
    given = call.input
    if len(given.shape) == 2:
        return call.op("dense", [given, weight, *bias])
    # A product with the last dimension, whatever stands before it.
    turned = call.text.op("transpose", [weight], weight.shape[::-1], "permutation [1, 0]")
    product = call.op("matmul", [given, turned])
    return call.op("add", [product, _ranked(call, bias[0], len(call.shape))]) if bias else product


def _pads(call, layer, kernel, rank):
    if isinstance(layer.padding, str):
        total = [d * (k - 1) for d, k in zip(layer.dilation, kernel, strict=True)]
        if layer.padding == "valid":
            total = [0] * rank
        return [each // 2 for each in total] + [each - each // 2 for each in total]
    return _list(layer.padding, rank) * 2


def _conv(rank):
    def write(call, layer):
        if layer.padding_mode != "zeros":
            call.refuse(f"padding_mode is {layer.padding_mode!r}, and pfp pads with zeros only")
        kernel = list(layer.kernel_size)
        weight = call.own("weight", (layer.out_channels, layer.in_channels // layer.groups, *kernel))
        bias = [call.own("bias", (layer.out_channels,))] if layer.bias is not None else []
        clauses = _clauses(
            strides=layer.stride, padding=_pads(call, layer, kernel, rank), dilation=layer.dilation, groups=layer.groups
        )
        return call.op(f"conv{rank}d", [call.input, weight, *bias], clauses)

    return write


def _conv_transpose(rank):
    def write(call, layer):
        kernel = list(layer.kernel_size)
        weight = call.own("weight", (layer.in_channels, layer.out_channels // layer.groups, *kernel))
        bias = [call.own("bias", (layer.out_channels,))] if layer.bias is not None else []
        clauses = _clauses(
            strides=layer.stride,
            padding=_list(layer.padding, rank) * 2,
            dilation=layer.dilation,
            output_padding=_list(layer.output_padding, rank),
            groups=layer.groups,
        )
        return call.op(f"conv_transpose{rank}d", [call.input, weight, *bias], clauses)

    return write


def _batch_norm(call, layer):
    if layer.running_mean is None:
        call.refuse("it has no running statistics, and the results of an item would depend on the others")
    size = (layer.num_features,)
    affine = [("weight", 1.0), ("bias", 0.0)]
    scale = [call.own(name, size) if layer.affine else call.text.constant(number, size) for name, number in affine]
    statistics = [call.own("running_mean", size), call.own("running_var", size)]
    return call.op("batch_norm", [call.input, *scale, *statistics], _clauses(epsilon=float(layer.eps)))


def _layer_norm(call, layer):
    shape = tuple(layer.normalized_shape)
    names = [name for name in ("weight", "bias") if getattr(layer, name) is not None]
    parameters = [call.own(name, shape) for name in names] if layer.elementwise_affine else []
    return call.op("layer_norm", [call.input, *parameters], _clauses(dimensions=len(shape), epsilon=float(layer.eps)))


def _plain(name):
    return lambda call, *_: call.op(name, [call.input])


def _gelu(call, layer=None):
    approximate = layer.approximate if layer is not None else call.kwargs.get("approximate", "none")
    return call.op("gelu", [call.input], _clauses(approximate=approximate) if approximate != "none" else "")


def _softplus(call, layer=None):
    beta = layer.beta if layer is not None else call.get(1, "beta", 1)
    if beta != 1:
        call.refuse(f"a softplus with beta {beta} has no op")
    return call.op("softplus", [call.input])


def _with_number(op, clause, place, name, default):
    """An activation with one number."""

    def write(call, layer=None):
        number = getattr(layer, name) if layer is not None else call.get(place, name, default)
        return call.op(op, [call.input], _clauses(**{clause: float(number)}))

    return write


def _clip(low, high):
    def write(call, layer=None):
        least, most = low, high
        if isinstance(layer, nn.Hardtanh):
            least, most = layer.min_val, layer.max_val
        return call.op("clip", [call.input], _clauses(min=float(least), max=float(most)))

    return write


def _clamp(call):
    least, most = call.get(1, "min"), call.get(2, "max")
    clauses = {"min": least, "max": most}
    return call.op("clip", [call.input], _clauses(**{k: float(v) for k, v in clauses.items() if v is not None}))


def _same(call, *_):
    return call.input


def _max_pool(rank):
    def write(call, layer=None):
        names = [("kernel_size", None), ("stride", None), ("padding", 0), ("dilation", 1), ("ceil_mode", False)]
        if layer is not None:
            kernel, stride, padding, dilation, ceil = (getattr(layer, name) for name, _ in names)
            if layer.return_indices:
                call.refuse("return_indices has no op")
        else:
            kernel, stride, padding, dilation, ceil = (
                call.get(place + 1, name, default) for place, (name, default) in enumerate(names)
            )
        kernel = _list(kernel, rank)
        clauses = _clauses(
            kernel=kernel,
            strides=kernel if stride is None else _list(stride, rank),
            padding=_list(padding, rank) * 2,
            dilation=_list(dilation, rank),
            ceil=True if ceil else None,
        )
        return call.op(f"max_pool{rank}d", [call.input], clauses)

    return write


def _avg_pool(rank):
    def write(call, layer=None):
        names = [
            ("kernel_size", None),
            ("stride", None),
            ("padding", 0),
            ("ceil_mode", False),
            ("count_include_pad", True),
        ]
        if layer is not None:
            kernel, stride, padding, ceil, counted = (getattr(layer, name) for name, _ in names)
            divisor = getattr(layer, "divisor_override", None)
        else:
            kernel, stride, padding, ceil, counted = (
                call.get(place + 1, name, default) for place, (name, default) in enumerate(names)
            )
            divisor = call.get(6, "divisor_override")
        if divisor is not None:
            call.refuse("divisor_override has no op")
        kernel = _list(kernel, rank)
        clauses = _clauses(
            kernel=kernel,
            strides=kernel if stride is None else _list(stride, rank),
            padding=_list(padding, rank) * 2,
            ceil=True if ceil else None,
            count_include_pad=None if counted else False,
        )
        return call.op(f"avg_pool{rank}d", [call.input], clauses)

    return write


def _global(rank, op):
    def write(call, layer=None):
        size = layer.output_size if layer is not None else call.get(1, "output_size")
        sizes = call.input.shape[-rank:]
        wanted = [size] * rank if isinstance(size, int) or size is None else list(size)
        if all(w is None or w == s for w, s in zip(wanted, sizes, strict=True)):
            return call.input
        if any(each != 1 for each in wanted):
            call.refuse(f"an adaptive pool to {wanted} has no op; pfp has those to 1")
        if op == "max":
            return call.op("global_max_pool", [call.input])
        axes = list(range(len(call.shape) - rank, len(call.shape)))
        return call.op("reduce_mean", [call.input], _clauses(axes=axes, keep_dims=True))

    return write


def _reshape(call, *_):
    given = call.input
    if call.shape == given.shape:
        return given
    if len(call.shape) == 2 and call.shape[1] == math.prod(given.shape[1:]):
        return call.op("flatten", [given])
    return call.op("reshape", [given])


def _ranked(call, value, rank):
    """A value with sizes of 1 before its own; a number as a constant of such sizes."""
    if not isinstance(value, Value):
        return call.text.constant(float(value), (1,) * rank)
    missing = rank - len(value.shape)
    return call.text.op("reshape", [value], (1,) * missing + value.shape) if missing else value


def _binary(name):
    def write(call):
        if call.kwargs.get("alpha", 1) != 1:
            call.refuse("alpha has no op")
        rank = len(call.shape)
        return call.op(name, [_ranked(call, each, rank) for each in call.args[:2]])

    return write


def _negative(call):
    return call.op("mul", [call.input, _ranked(call, -1.0, len(call.shape))])


def _concat(call):
    axis = call.get(1, "dim", 0)
    axis += len(call.shape) if axis < 0 else 0
    if axis == 0:
        call.refuse("items of a batch are not joined")
    return call.op("concat", list(call.input), _clauses(axis=axis))


def _reduce(name):
    def write(call):
        axes = call.get(1, "dim")
        if axes is None:
            call.refuse("a sum over all dimensions joins the items of a batch")
        rank = len(call.input.shape)
        axes = sorted(axis % rank for axis in ([axes] if isinstance(axes, int) else axes))
        keep = bool(call.get(2, "keepdim", False))
        return call.op(name, [call.input], _clauses(axes=axes, keep_dims=True if keep else None))

    return write


def _permute(call):
    order = call.args[1] if isinstance(call.args[1], (tuple, list)) else call.args[1:]
    rank = len(call.input.shape)
    return call.op("transpose", [call.input], _clauses(permutation=[axis % rank for axis in order]))


def _swap(call):
    rank = len(call.input.shape)
    order = list(range(rank))
    first, second = call.args[1] % rank, call.args[2] % rank
    order[first], order[second] = order[second], order[first]
    return call.op("transpose", [call.input], _clauses(permutation=order))


def _functional_linear(call):
    bias = call.get(2, "bias")
    return _dense(call, call.get(1, "weight"), [] if bias is None else [bias])


def _no_softmax(call, *_):
    raise Error(
        f"'{call.name}' makes probabilities of logits",
        'let the module end before it and compile with head="mean-field" or another head',
    )


_ACTIVATIONS = {
    nn.ReLU: _plain("relu"),
    nn.Sigmoid: _plain("sigmoid"),
    nn.Tanh: _plain("tanh"),
    nn.SiLU: _plain("silu"),
    nn.Mish: _plain("mish"),
    nn.SELU: _plain("selu"),
    nn.Hardsigmoid: _plain("hard_sigmoid"),
    nn.Hardswish: _plain("hard_swish"),
    nn.GELU: _gelu,
    nn.Softplus: _softplus,
    nn.LeakyReLU: _with_number("leaky_relu", "slope", 1, "negative_slope", 0.01),
    nn.ELU: _with_number("elu", "alpha", 1, "alpha", 1.0),
    nn.CELU: _with_number("celu", "alpha", 1, "alpha", 1.0),
    nn.ReLU6: _clip(0, 6),
    nn.Hardtanh: _clip(-1, 1),
}

#: What writes a layer.
_LAYERS = _ACTIVATIONS | {
    nn.Linear: _linear,
    nn.Conv1d: _conv(1),
    nn.Conv2d: _conv(2),
    nn.Conv3d: _conv(3),
    nn.ConvTranspose1d: _conv_transpose(1),
    nn.ConvTranspose2d: _conv_transpose(2),
    nn.ConvTranspose3d: _conv_transpose(3),
    nn.BatchNorm1d: _batch_norm,
    nn.BatchNorm2d: _batch_norm,
    nn.BatchNorm3d: _batch_norm,
    nn.LayerNorm: _layer_norm,
    nn.MaxPool1d: _max_pool(1),
    nn.MaxPool2d: _max_pool(2),
    nn.MaxPool3d: _max_pool(3),
    nn.AvgPool1d: _avg_pool(1),
    nn.AvgPool2d: _avg_pool(2),
    nn.AvgPool3d: _avg_pool(3),
    nn.AdaptiveAvgPool1d: _global(1, "mean"),
    nn.AdaptiveAvgPool2d: _global(2, "mean"),
    nn.AdaptiveAvgPool3d: _global(3, "mean"),
    nn.AdaptiveMaxPool1d: _global(1, "max"),
    nn.AdaptiveMaxPool2d: _global(2, "max"),
    nn.AdaptiveMaxPool3d: _global(3, "max"),
    nn.Flatten: _reshape,
    nn.Unflatten: _reshape,
    nn.Identity: _same,
    nn.Dropout: _same,
    nn.Dropout1d: _same,
    nn.Dropout2d: _same,
    nn.Dropout3d: _same,
    nn.Softmax: _no_softmax,
    nn.LogSoftmax: _no_softmax,
}

#: What writes a function or a method.
_FUNCTIONS = {
    F.linear: _functional_linear,
    F.gelu: _gelu,
    F.softplus: _softplus,
    F.leaky_relu: _ACTIVATIONS[nn.LeakyReLU],
    F.elu: _ACTIVATIONS[nn.ELU],
    F.celu: _ACTIVATIONS[nn.CELU],
    F.relu6: _clip(0, 6),
    F.max_pool1d: _max_pool(1),
    F.max_pool2d: _max_pool(2),
    F.max_pool3d: _max_pool(3),
    F.avg_pool1d: _avg_pool(1),
    F.avg_pool2d: _avg_pool(2),
    F.avg_pool3d: _avg_pool(3),
    F.adaptive_avg_pool1d: _global(1, "mean"),
    F.adaptive_avg_pool2d: _global(2, "mean"),
    F.adaptive_avg_pool3d: _global(3, "mean"),
    F.dropout: _same,
    torch.cat: _concat,
    torch.clamp: _clamp,
    "clamp": _clamp,
    torch.permute: _permute,
    "permute": _permute,
    torch.transpose: _swap,
    "transpose": _swap,
    operator.neg: _negative,
}
_FUNCTIONS |= {
    target: _reshape
    for target in (
        torch.flatten,
        torch.reshape,
        "flatten",
        "reshape",
        "view",
        "unsqueeze",
        "squeeze",
        torch.unsqueeze,
        torch.squeeze,
    )
}
_FUNCTIONS |= {target: _same for target in ("contiguous", "clone", "float")}
_FUNCTIONS |= {
    target: _no_softmax
    for target in (F.softmax, F.log_softmax, torch.softmax, torch.log_softmax, "softmax", "log_softmax")
}
_FUNCTIONS |= {target: _plain("relu") for target in (torch.relu, F.relu, "relu")}
_FUNCTIONS |= {target: _plain("sigmoid") for target in (torch.sigmoid, F.sigmoid, "sigmoid")}
_FUNCTIONS |= {target: _plain("tanh") for target in (torch.tanh, F.tanh, "tanh")}
_FUNCTIONS |= {target: _plain("exp") for target in (torch.exp, "exp")}
_FUNCTIONS |= {target: _plain("sin") for target in (torch.sin, "sin")}
_FUNCTIONS |= {target: _plain("abs") for target in (torch.abs, "abs")}
_FUNCTIONS |= {target: _plain("square") for target in (torch.square, "square")}
_FUNCTIONS |= {F.silu: _plain("silu"), F.mish: _plain("mish"), F.selu: _plain("selu")}
_FUNCTIONS |= {F.hardsigmoid: _plain("hard_sigmoid"), F.hardswish: _plain("hard_swish")}
_FUNCTIONS |= {target: _binary("add") for target in (operator.add, operator.iadd, torch.add, "add", "add_")}
_FUNCTIONS |= {target: _binary("sub") for target in (operator.sub, torch.sub, "sub")}
_FUNCTIONS |= {target: _binary("mul") for target in (operator.mul, torch.mul, "mul")}
_FUNCTIONS |= {target: _reduce("reduce_mean") for target in (torch.mean, "mean")}
_FUNCTIONS |= {target: _reduce("reduce_sum") for target in (torch.sum, "sum")}
