"""Networks of flax, linen or nnx: what JAX traces of them becomes a module of the dialect.

:func:`network` is what :func:`pfp.compile` uses for a module of flax. Kernels get the order of the ops: out x in of a
dense layer, out x in and the places of a convolution.
"""

import math

import flax
import flax.linen
import flax.nnx
import jax
import jax.numpy as jnp
import numpy as np

from . import _files, _network
from ._errors import Error
from ._text import Text, Value, identifier, tensor_type

#: The items of the trace that tells the shapes.
_ITEMS = 3

#: What ends the names of the parameters of a guide of NumPyro.
_LOC, _SCALE = "_auto_loc", "_auto_scale"


def network(model, posterior=None, *, input_shape=None, deterministic=None, untrained=False):
    """The text of a module and its :class:`pfp.Parameters`, of a module of flax; None of anything else.

    Parameters
    ----------
    model
        A ``flax.linen.Module`` or a ``flax.nnx.Module`` of one input.
    posterior
        - the params of a guide of NumPyro: ``SITE_auto_loc`` and ``SITE_auto_scale``, where the names of the sites are
          those of ``random_flax_module`` or ``random_nnx_module``: ``nn/Dense_0.kernel``;
        - arrays by name in the shapes of flax: ``Dense_0.kernel.mean`` with ``Dense_0.kernel.std`` or ``.variance``; of
          nnx the means may be left out.
    input_shape
        The sizes of one item, such as ``(28, 28, 1)``.
    deterministic
        Names of parameters that have no variance, or True for all that the posterior has none of.
    untrained
        Is every parameter Gaussian, with variances that are to be trained?
    """
    if not isinstance(model, (flax.linen.Module, flax.nnx.Module)):
        return None
    if input_shape is None:
        raise Error("the shape of an item is not known", "give it as input_shape=(28, 28, 1)")
    x = jnp.zeros((_ITEMS, *input_shape), jnp.float32)
    try:
        function, tree = _function(model, x)
        trace = jax.make_jaxpr(function)(tree, x)
    except Exception as error:
        raise Error(
            f"{type(model).__name__} cannot be traced on items of the shape {tuple(input_shape)}: {error}",
            "give the shape of an item as input_shape=",
        ) from error
    paths, _ = jax.tree_util.tree_flatten_with_path(tree)
    names = [_name(path) for path, _ in paths]
    own = {name: np.asarray(leaf) for name, (_, leaf) in zip(names, paths, strict=True)}
    is_stateful = isinstance(model, flax.nnx.Module)
    means, variances = _moments(own, posterior, deterministic, is_stateful or untrained)
    if untrained:
        variances = {name: np.zeros_like(array) for name, array in own.items()}
    writer = _Writer(trace, names, own, Text(variances), tuple(input_shape))
    result = writer.write()
    lines = "\n".join(writer.text.lines)
    argument = tensor_type((None, *input_shape), False)
    name = identifier(type(model).__name__)
    text = (
        f"func.func @{name}(%x: {argument}) -> {result.type} {{\n{lines}\n  return {result.name} : {result.type}\n}}\n"
    )
    arrays = {}
    for name in writer.text.parameters:
        turn = writer.turns[name]
        if name in variances:
            arrays[f"{name}.mean"], arrays[f"{name}.var"] = turn(means[name]), turn(variances[name])
        else:
            arrays[name] = turn(means[name])
    return text, _files.Parameters(_files.write_safetensors(arrays))


def _function(model, x):
    """What is traced: a function of the parameters and the items, and the parameters."""
    if isinstance(model, flax.linen.Module):
        variables = jax.eval_shape(model.init, jax.random.key(0), x)
        others = sorted(set(variables) - {"params"})
        if others:
            raise Error(f"it has variables of the kind {others[0]}, which have no op")
        tree = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), variables["params"])
        return lambda params, items: model.apply({"params": params}, items), tree
    graph, params, others = flax.nnx.split(model, flax.nnx.Param, ...)
    return lambda tree, items: flax.nnx.merge(graph, tree, others)(items), flax.nnx.to_pure_dict(params)


def _name(path):
    return ".".join(str(getattr(key, "key", getattr(key, "idx", key))) for key in path)


def _moments(own, posterior, deterministic, has_means):
    """The numbers of each parameter, and the variances of those that have them."""
    given = {}
    if hasattr(posterior, "items"):
        given = dict(_of_site(name, value) for name, value in _flat(posterior))
    elif posterior is not None:
        given = _files.read_safetensors(_network.parameter_bytes(posterior))[0]
    if has_means:
        given = {f"{name}.mean": array for name, array in own.items() if _files.has_spread(name, given)} | given
    bare = [name for name in own if _files.has_spread(name, given) and f"{name}.mean" not in given]
    if bare:
        raise Error(f"the posterior has no mean of {', '.join(bare)}", "give NAME.mean beside NAME.std of each")
    taken = _files.gaussians(given)
    means, variances = dict(own) if has_means else {}, {}
    for key, array in taken.items():
        name = key.removesuffix(".var").removesuffix(".mean")
        if name not in own:
            raise Error(f"the posterior has '{key}', which is no parameter of the module", f"it has {', '.join(own)}")
        if array.shape != own[name].shape:
            raise Error(f"'{key}' has the shape {array.shape}, but the parameter has {own[name].shape}")
        (variances if key.endswith(".var") else means)[name] = array
    allowed = list(own) if deterministic is True else list(deterministic or ())
    lost = [name for name in own if name not in means]
    if lost:
        raise Error(f"the posterior has no mean of {', '.join(lost)}", "give NAME.mean of each")
    missing = [name for name in own if name not in variances and name not in allowed]
    if missing and posterior is not None:
        raise Error(
            f"the posterior has no variance of {', '.join(missing)}",
            "give NAME.std of each, or name them with deterministic=[..] (True for all of them)",
        )
    return means, {name: each for name, each in variances.items() if deterministic is True or name not in allowed}


def _flat(posterior):
    """The arrays of a mapping. NumPyro keeps what has no prior in a tree of its own."""
    for name, value in posterior.items():
        if not hasattr(value, "items"):
            yield name, value
            continue
        for path, leaf in jax.tree_util.tree_flatten_with_path(value)[0]:
            # In the place of what has a prior there is its shape.
            if hasattr(leaf, "dtype"):
                yield f"{_name(path)}.mean", leaf


def _of_site(name, value):
    """An array under its name, which NumPyro has otherwise."""
    for suffix, other in ((_LOC, ".mean"), (_SCALE, ".std")):
        if name.endswith(suffix):
            return name.removesuffix(suffix).split("/")[-1] + other, value
    return name, value


class _Node:
    """A value of the trace: an equation with what it reads, a parameter, a number or the items."""

    def __init__(self, kind, shape, args=(), params=None, value=None):
        self.kind, self.shape, self.args, self.params, self.value = kind, tuple(shape), args, params or {}, value

    def is_number(self, value=None):
        return self.kind == "number" and (value is None or math.isclose(self.value, value, rel_tol=1e-5))


class _Writer:
    """Writes what a trace computes, from its result back to the items."""

    def __init__(self, trace, names, own, text, item):
        self.text, self.own = text, own
        #: How the numbers of each parameter are turned for the module.
        self.turns = {}
        self._values = {}
        jaxpr = trace.jaxpr
        if len(jaxpr.outvars) != 1:
            raise Error("the module does not return one array")
        known = {}
        *parameters, items = jaxpr.invars
        # A tree is flattened in the order of its paths.
        for variable, name in zip(parameters, names, strict=True):
            known[variable] = _Node("parameter", variable.aval.shape, value=name)
        known[items] = self._items = _Node("items", items.aval.shape)
        for variable, value in zip(jaxpr.constvars, trace.consts, strict=True):
            known[variable] = self._constant(value)
        self._known = known
        self._read(jaxpr.eqns)
        self._result = self._node(jaxpr.outvars[0])
        self._item = item

    def _constant(self, value):
        array = np.asarray(value)
        return _Node("number", array.shape, value=float(array)) if array.size == 1 else _Node("array", array.shape)

    def _node(self, variable):
        if hasattr(variable, "val"):
            return self._constant(variable.val)
        return self._known[variable]

    def _read(self, equations):
        for equation in equations:
            inner = equation.params.get("jaxpr") or equation.params.get("call_jaxpr")
            name = equation.params.get("name", "")
            args = [self._node(each) for each in equation.invars]
            if inner is not None and name not in _NAMED:
                # A function of JAX that has no op: what it is made of may have some.
                body = getattr(inner, "jaxpr", inner)
                self._known.update(zip(body.invars, args, strict=True))
                self._read(body.eqns)
                results = [self._node(each) for each in body.outvars]
                self._known.update(zip(equation.outvars, results, strict=True))
                continue
            kind = name if inner is not None else equation.primitive.name
            params = equation.params | ({"inner": inner} if inner is not None else {})
            for variable in equation.outvars:
                self._known[variable] = _Node(kind, getattr(variable.aval, "shape", ()), args, params)

    def write(self):
        """The value of the result."""
        return self.value(self._result)

    def value(self, node):
        """What the module has of a node."""
        if id(node) not in self._values:
            self._values[id(node)] = self._written(node)
        return self._values[id(node)]

    def shape(self, node):
        if not node.shape or node.shape[0] != _ITEMS:
            raise Error(f"'{node.kind}' does not keep the items of a batch apart: its shape is {node.shape}")
        return (None, *node.shape[1:])

    def op(self, name, nodes, node, clauses=""):
        return self.text.op(name, [self.value(each) for each in nodes], self.shape(node), clauses)

    def parameter(self, name, shape, turn):
        """A parameter whose numbers are turned to a shape; every use of it is the same."""
        if name in self.turns and self.text.parameters[name].shape != tuple(shape):
            raise Error(f"'{name}' is used in two orders")
        self.turns.setdefault(name, turn)
        return self.text.parameter(name, shape)

    def _written(self, node):
        if node.kind == "items":
            return Value("%x", (None, *self._item), False)
        if node.kind == "parameter":
            return self.parameter(node.value, node.shape, lambda array: array)
        write = _WRITERS.get(node.kind)
        if write is None:
            raise Error(
                f"pfp has nothing for '{node.kind}' of JAX",
                "docs/python.md lists what it has; a model of others may go by ONNX",
            )
        return write(self, node)


def _bias_of(node):
    """The product and the bias of a sum, where it is one."""
    for product, other in (node.args, node.args[::-1]):
        if product.kind in ("dot_general", "conv_general_dilated"):
            while other.kind in ("reshape", "broadcast_in_dim"):
                other = other.args[0]
            if other.kind == "parameter" and other.shape == node.shape[-1:]:
                return product, other
    return None


def _same(array):
    return array


def _product(writer, node, bias=None):
    given, weight = node.args
    dimensions = node.params["dimension_numbers"]
    last = len(given.shape) - 1
    if weight.kind != "parameter" or tuple(map(tuple, dimensions[0])) != ((last,), (0,)) or len(weight.shape) != 2:
        raise Error("pfp has products with a kernel (in x out) of the last dimension only")
    value = writer.parameter(weight.value, weight.shape[::-1], np.transpose)
    biases = [] if bias is None else [writer.parameter(bias.value, bias.shape, _same)]
    if last != 1:
        raise Error("pfp has dense layers of flax on items of one dimension only", "flatten the items before")
    return writer.text.op("dense", [writer.value(given), value, *biases], writer.shape(node))


def _channels_first(writer, value):
    rank = len(value.shape)
    order = [0, rank - 1, *range(1, rank - 1)]
    shape = tuple(value.shape[axis] for axis in order)
    return writer.text.op("transpose", [value], shape, f"permutation {order}")


def _channels_last(writer, value):
    rank = len(value.shape)
    order = [0, *range(2, rank), 1]
    shape = tuple(value.shape[axis] for axis in order)
    return writer.text.op("transpose", [value], shape, f"permutation {order}")


def _ends(padding):
    return [low for low, _ in padding] + [high for _, high in padding]


def _conv(writer, node, bias=None):
    given, kernel = node.args
    params, rank = node.params, len(node.shape) - 2
    numbers = params["dimension_numbers"]
    places = tuple(range(1, rank + 1))
    is_flax = numbers.lhs_spec == (0, rank + 1, *places) and numbers.rhs_spec == (rank + 1, rank, *range(rank))
    if kernel.kind != "parameter" or not is_flax or any(each != 1 for each in params["lhs_dilation"]):
        raise Error("pfp has convolutions of flax's order (channels last), not transposed, with a kernel")
    order = (rank + 1, rank, *range(rank))
    shape = tuple(kernel.shape[axis] for axis in order)
    value = writer.parameter(kernel.value, shape, lambda array: np.transpose(array, order))
    biases = [] if bias is None else [writer.parameter(bias.value, bias.shape, _same)]
    clauses = (
        f"strides {list(params['window_strides'])} padding {_ends(params['padding'])} "
        f"dilation {list(params['rhs_dilation'])} groups {params['feature_group_count']}"
    )
    channels = (None, node.shape[-1], *node.shape[1:-1])
    operands = [_channels_first(writer, writer.value(given)), value, *biases]
    return _channels_last(writer, writer.text.op(f"conv{rank}d", operands, channels, clauses))


def _add(writer, node):
    found = _bias_of(node)
    if found is None:
        return _elementwise("add")(writer, node)
    product, bias = found
    write = _product if product.kind == "dot_general" else _conv
    return write(writer, product, bias)


def _elementwise(name):
    def write(writer, node):
        rank = len(node.shape)
        operands = []
        for each in node.args:
            if each.kind == "number":
                operands.append(writer.text.constant(each.value, (1,) * rank))
            else:
                operands.append(writer.value(each))
        return writer.text.op(name, operands, writer.shape(node))

    return write


def _gelu_argument(node):
    """The argument of a GELU that JAX wrote out, and which of the two it is."""
    for x, half in (node.args, node.args[::-1]):
        if half.kind != "mul" or not any(each.is_number(0.5) for each in half.args):
            continue
        inner = next((each for each in half.args if not each.is_number()), None)
        if inner is not None and inner.kind == "add" and any(each.is_number(1.0) for each in inner.args):
            smooth = next((each for each in inner.args if not each.is_number()), None)
            if smooth is not None and smooth.kind == "tanh":
                return x, "tanh"
    return None


def _mul(writer, node):
    found = _gelu_argument(node)
    if found is None:
        return _elementwise("mul")(writer, node)
    x, approximate = found
    return writer.op("gelu", [x], node, f'approximate "{approximate}"')


def _pool(writer, node, name, params):
    rank = len(node.shape) - 2
    window, strides = params["window_dimensions"], params["window_strides"]
    if len(window) != rank + 2 or window[0] != 1 or window[-1] != 1:
        raise Error("pfp has pools of flax's order (channels last)")
    clauses = f"kernel {list(window[1:-1])} strides {list(strides[1:-1])} padding {_ends(params['padding'][1:-1])}"
    channels = (None, node.shape[-1], *node.shape[1:-1])
    given = params["given"]
    value = writer.text.op(f"{name}{rank}d", [_channels_first(writer, writer.value(given))], channels, clauses)
    return _channels_last(writer, value)


def _max_pool(writer, node):
    return _pool(writer, node, "max_pool", node.params | {"given": node.args[0]})


def _div(writer, node):
    total, count = node.args
    if total.kind == "reduce_window_sum" and count.is_number(math.prod(total.params["window_dimensions"])):
        return _pool(writer, node, "avg_pool", total.params | {"given": total.args[0]})
    if count.kind == "number" and count.value != 0:
        factor = _Node("number", (), value=1.0 / count.value)
        return _elementwise("mul")(writer, _Node("mul", node.shape, [total, factor]))
    raise Error("pfp has divisions by numbers only")


def _reshape(writer, node):
    given = node.args[0]
    if given.shape == node.shape:
        return writer.value(given)
    is_flat = len(node.shape) == 2 and node.shape[1] == math.prod(given.shape[1:])
    return writer.op("flatten" if is_flat else "reshape", [given], node)


def _transpose(writer, node):
    return writer.op("transpose", [node.args[0]], node, f"permutation {list(node.params['permutation'])}")


def _plain(name):
    return lambda writer, node: writer.op(name, [node.args[0]], node)


def _max(writer, node):
    given = next((each for each in node.args if not each.is_number()), None)
    if given is None or not any(each.is_number(0.0) for each in node.args):
        raise Error("pfp has a maximum with 0 only")
    return writer.op("relu", [given], node)


def _leaky_relu(writer, node):
    inner = getattr(node.params["inner"], "jaxpr", node.params["inner"])
    products = [equation for equation in inner.eqns if equation.primitive.name == "mul"]
    slopes = [each.val for equation in products for each in equation.invars if hasattr(each, "val")]
    slopes += [each.value for each in node.args[1:] if each.is_number()]
    if len(slopes) != 1:
        raise Error("pfp has a leaky_relu of one slope only")
    return writer.op("leaky_relu", [node.args[0]], node, f"slope {float(slopes[0])!r}")


def _copy(writer, node):
    return writer.value(node.args[0])


def _no_softmax(writer, node):
    raise Error(
        "the module makes probabilities of logits",
        'let it end before and compile with head="mean-field" or another head',
    )


#: Functions of JAX that are an op as a whole.
_NAMED = {"relu", "silu", "swish", "softplus", "leaky_relu", "selu", "mish", "log_softmax", "softmax", "_softmax"}

_WRITERS = {
    "add": _add,
    "add_any": _add,
    "sub": _elementwise("sub"),
    "mul": _mul,
    "div": _div,
    "max": _max,
    "dot_general": _product,
    "conv_general_dilated": _conv,
    "reduce_window_max": _max_pool,
    "reshape": _reshape,
    "transpose": _transpose,
    "tanh": _plain("tanh"),
    "logistic": _plain("sigmoid"),
    "exp": _plain("exp"),
    "sin": _plain("sin"),
    "abs": _plain("abs"),
    "square": _plain("square"),
    "relu": _plain("relu"),
    "silu": _plain("silu"),
    "swish": _plain("silu"),
    "softplus": _plain("softplus"),
    "selu": _plain("selu"),
    "mish": _plain("mish"),
    "leaky_relu": _leaky_relu,
    "copy": _copy,
    "convert_element_type": _copy,
    "stop_gradient": _copy,
    "log_softmax": _no_softmax,
    "softmax": _no_softmax,
    "_softmax": _no_softmax,
}
