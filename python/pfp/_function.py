"""Compiled functions."""

import pathlib
import tempfile

from . import _commands, _network, _pfp
from ._errors import Error

#: The sizes of batches that a function is compiled for, where nothing is said.
SIZES = (1, 8, 64)

#: Options of `pfp compile` that say what is written rather than what is computed.
_OF_FILES = ("target", "cpu", "emit", "threads", "branch_protection")


class Function(_pfp.Function):
    """A compiled network: a function of arrays.

    ``f(x)`` takes an array of items, float32 or anything that becomes it, ``(items, ..)``, or one item, and
    returns a :class:`Prediction`. A network of several inputs takes them in order; a Gaussian input is two
    arrays, means and variances. Numbers must be finite and variances not negative. The interpreter runs other
    threads meanwhile, and several threads may call at the same time.

    Any number of items is cut into calls of the sizes in :attr:`sizes`; each size is compiled when it is first
    needed, or by :meth:`prepare`. What is left of a batch is filled up with zeros, of which nothing is returned.
    """

    __slots__ = ("_options", "_of_files")

    def __new__(cls, line, sizes, options, of_files):
        self = super().__new__(cls, line, list(sizes), _commands.tell)
        self._options = options
        self._of_files = of_files
        return self

    def save(self, directory, *, target=None, cpu=None, emit=None, batch=None, threads=None, **options):
        """Writes what ``pfp compile`` writes to a directory: an object file, its C header and a manifest.

        ``target`` and ``cpu`` are those of the command line (``"aarch64-linux-gnu"``, ``"cortex-a72"``; this
        machine where they are left out here and in :func:`compile`), ``emit`` is a tuple of kinds such as
        ``("obj", "header", "manifest", "rust")``, ``batch`` the items of a call (1 where it is left out and the
        network leaves it open). Returns the paths of the files.
        """
        directory = pathlib.Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        given = {"target": target, "cpu": cpu, "emit": emit, "threads": threads} | options
        given = {name: value for name, value in given.items() if value is not None}
        with tempfile.TemporaryDirectory(prefix="pfp-") as folder:
            files = _stored(self, pathlib.Path(folder))
            line = files | self._options | self._of_files | given | {"batch": batch, "output": directory}
            module = line.pop("module")
            values, _ = _commands.run("compile", [module], line)
        return [pathlib.Path(path) for each in values[0]["functions"] for path in each["files"]]

    def __reduce__(self):
        # Code is compiled again where it is loaded, for the processor that is there.
        state = (self.module, self.parameters, self.sizes, self._options, self._of_files)
        return (_load, state)

    def __repr__(self):
        inputs = ", ".join(f"{name} {_shape(item)}" for name, item in self.inputs.items())
        outputs = ", ".join(f"{name} {_shape(item)}" for name, item in self.outputs.items())
        return f"<pfp.Function: {inputs} -> {outputs}>"

    def _repr_html_(self):
        from . import _html

        return _html.function(self)


def _shape(item):
    return "(" + ", ".join(["items", *map(str, item)]) + ("," if not item else "") + ")"


def _stored(function, folder):
    """The files of a function, as options, with its module."""
    options = {"module": _network.text_file(function.module, folder)}
    parameters = function.parameters
    if parameters is not None:
        options["params"] = folder / "model.safetensors"
        options["params"].write_bytes(parameters)
    return options


def _load(module, parameters, sizes, options, of_files):
    posterior = None if parameters is None else bytes(parameters)
    with _network.files(module, posterior) as files:
        return _opened(files, sizes, options, of_files)


def _opened(files, sizes, options, of_files):
    line = ["compile", *_commands.arguments(files.options | options), "--", files.module]
    return Function(line, sizes, options, of_files)


def compile(
    model,
    posterior=None,
    *,
    batch=None,
    mode=None,
    head=None,
    target=None,
    cpu=None,
    framework=None,
    representation=None,
    names=None,
    logits=False,
    outputs=None,
    marginals=False,
    order_of_vector=None,
    weights=None,
    map=None,
    deterministic=None,
    input_shape=None,
    **options,
):
    """Compiles a network with a Gaussian posterior to a function of arrays.

    Parameters
    ----------
    model
        The network: the text of a module in the gauss dialect, the path of an ``.mlir`` or ``.onnx`` file, an ONNX
        model (its bytes or a ``ModelProto``), a module of torch or flax (see :mod:`pfp.torch`, :mod:`pfp.flax`), or
        what has a module and parameters, such as a :class:`Training`.
    posterior
        Its posterior. Of a module: the path of a parameter file, :class:`Parameters`, what :func:`train` and
        :func:`calibrate` return, or arrays by name: ``NAME.mean`` with ``NAME.variance`` or ``NAME.std``, and
        ``NAME`` of what is deterministic. Of an ONNX model: the path of a safetensors file, such arrays, or
        ``"constant:0.05"`` for standard deviations of 0.05 times each weight. With ``framework``: the path of what
        that framework saved (``"pyro"``, ``"numpyro"``, ``"ivon"``, ..), or a mapping of arrays of NumPyro. Of a
        module of torch or flax: see :func:`pfp.torch.network` and :func:`pfp.flax.network`.
    batch
        The items of a call: a number, or several of which each is compiled when it is needed (1, 8 and 64 where it
        is left out). Any number of items can be passed to the function whatever is said here; with one number
        each item gets the same bits whatever is beside it.
    mode
        ``"moments"`` (the default), ``"mean"``, ``"sample:N"`` or ``"presampled:N"``.
    head
        What else is returned: ``"mean-field"``, ``"laplace"``, ``"sample:DRAWS"``, ``"sigmoid"`` or
        ``"interval:COVERAGE"``.
    target, cpu
        What :meth:`Function.save` writes code for. The function itself is for this machine.
    framework, representation, names, logits, outputs, marginals, order_of_vector, weights, map, deterministic
        How the posterior is read, as the options of ``pfp import`` (``order_of_vector`` is its ``--order``;
        ``map`` may be a mapping of regular expressions to names).
    input_shape
        The sizes of one item, of a module of torch or flax that does not tell them.
    **options
        Any other option of ``pfp compile``, with underscores: ``return_covariance=True``,
        ``reject_epistemic=0.5``, ``function="net"``, ``seed=1``, ``draws=True``, ..

    Returns
    -------
    Function

    Raises
    ------
    Error
        With the message of the compiler and what to do.
    """
    sizes = SIZES if batch is None or isinstance(batch, int) else tuple(batch)
    if not all(isinstance(size, int) and size > 0 for size in sizes):
        raise Error(f"batch is {batch!r}, not a number of items or several of them")
    of_files = {"target": target, "cpu": cpu}
    of_files |= {name: options.pop(name) for name in _OF_FILES if name in options}
    of_files = {name: value for name, value in of_files.items() if value is not None}
    options |= {"mode": mode, "head": head}
    options = {name: value for name, value in options.items() if value not in (None, False)}
    fixed = batch if isinstance(batch, int) and not isinstance(batch, bool) else None
    with _network.files(
        model,
        posterior,
        batch=fixed,
        framework=framework,
        representation=representation,
        names=names,
        logits=logits,
        outputs=outputs,
        marginals=marginals,
        order_of_vector=order_of_vector,
        weights=weights,
        map=map,
        deterministic=deterministic,
        input_shape=input_shape,
    ) as files:
        return _opened(files, sizes, options, of_files)
