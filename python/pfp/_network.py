"""What a network may be given as, and the files that the compiler reads of it."""

import contextlib
import os
import pathlib
import sys
import tempfile
from typing import NamedTuple

from . import _commands
from ._errors import Error

#: Options that say how a network and its posterior are read: they are used up by that.
_OF_POSTERIOR = (
    "framework",
    "representation",
    "names",
    "marginals",
    "order_of_vector",
    "weights",
    "map",
    "deterministic",
)


class Files(NamedTuple):
    """A network on disk: the positional argument of a command, and the options that go with it."""

    module: str
    options: dict


@contextlib.contextmanager
def files(model, posterior=None, **reading):
    """The files of a network, while a command reads them."""
    with tempfile.TemporaryDirectory(prefix="pfp-") as folder:
        yield written(model, posterior, pathlib.Path(folder), reading)


def written(model, posterior, folder, reading):
    """Writes what is not on disk yet."""
    reading = {name: value for name, value in reading.items() if value is not None and value is not False}
    if posterior is None and isinstance(getattr(model, "module", None), str):
        # A function, or what a command made.
        model, posterior = model.module, model.parameters
    unknown = sorted(set(reading) - set(_OF_POSTERIOR) - {"logits", "outputs", "batch", "input_shape"})
    if unknown:
        raise Error(f"{unknown[0]} says nothing of how a network is read")
    of_object = {name: reading[name] for name in ("input_shape", "deterministic") if name in reading}
    found = converted(model, posterior, of_object)
    if found is not None:
        others = sorted(set(reading) - set(of_object) - {"batch"})
        if others:
            raise Error(f"{others[0]} has no meaning for a {type(model).__name__}")
        module, parameters = found
        batch = {"batch": reading["batch"]} if "batch" in reading else {}
        return of_module(text_file(module, folder), parameters, folder, batch)
    if "input_shape" in reading:
        raise Error("input_shape has a meaning for modules of torch and flax only")
    path = network_file(model, folder)
    if path.suffix.lower() == ".onnx":
        return of_onnx(path, posterior, folder, reading)
    return of_module(path, posterior, folder, reading)


def converted(model, posterior, options):
    """The text and the parameters of a network that is an object of another library, or None."""
    if isinstance(model, (str, bytes, os.PathLike)):
        return None
    # What is not imported has no objects.
    if "torch" in sys.modules:
        from . import torch as of_torch

        found = of_torch.network(model, posterior, **options)
        if found is not None:
            return found
    if "flax" in sys.modules:
        from . import flax as of_flax

        found = of_flax.network(model, posterior, **options)
        if found is not None:
            return found
    return None


def text_file(text, folder):
    path = folder / "model.mlir"
    path.write_text(text)
    return path


def network_file(model, folder):
    """A module or an ONNX model as a file."""
    if hasattr(model, "SerializeToString"):
        model = model.SerializeToString()
    if isinstance(model, (bytes, bytearray, memoryview)):
        path = folder / "model.onnx"
        path.write_bytes(model)
        return path
    if isinstance(model, str) and ("\n" in model or "func.func" in model):
        return text_file(model, folder)
    if isinstance(model, (str, os.PathLike)):
        return pathlib.Path(model)
    if hasattr(model, "module") and hasattr(model, "parameters") and isinstance(model.module, str):
        return text_file(model.module, folder)
    raise Error(
        f"a {type(model).__name__} is no network",
        "give the text of a module, the path of an .mlir or .onnx file, an ONNX model, or a module of torch",
    )


def parameter_bytes(posterior):
    """The parameter file of a posterior in memory, or None where it is a file."""
    from ._files import Parameters

    inner = getattr(posterior, "posterior", None)
    if isinstance(inner, Parameters):
        posterior = inner
    if isinstance(posterior, Parameters):
        return posterior.bytes
    if isinstance(posterior, (bytes, bytearray, memoryview)):
        return bytes(posterior)
    if hasattr(posterior, "items"):
        return Parameters.of(posterior).bytes
    if isinstance(posterior, (str, os.PathLike)):
        return None
    raise Error(
        f"a {type(posterior).__name__} is no posterior of this network",
        "give the path of a file, or arrays by name: NAME.mean with NAME.variance or NAME.std",
    )


def of_module(path, posterior, folder, reading):
    """A module with its parameters."""
    for name in ("logits", "outputs", "names"):
        if name in reading:
            raise Error(f"{name} has a meaning for ONNX models only")
    batch = reading.pop("batch", None)
    options = {"batch": batch}
    if posterior is None:
        if reading:
            raise Error(f"{next(iter(reading))} has no meaning without a posterior")
        return Files(str(path), options)
    framework = reading.pop("framework", None) or framework_of(posterior)
    if framework is None and not reading:
        data = parameter_bytes(posterior)
        if data is None:
            return Files(str(path), options | {"params": posterior})
        parameters = folder / "model.safetensors"
        parameters.write_bytes(data)
        return Files(str(path), options | {"params": parameters})
    source = posterior_file(framework, posterior, folder)
    module, parameters = folder / "imported.mlir", folder / "imported.safetensors"
    line = import_options(framework, source, reading)
    run_import(path, line, {"output": module, "params": parameters})
    return Files(str(module), options | {"params": parameters})


def framework_of(posterior):
    """The framework whose names a mapping has, where they tell it."""
    names = list(posterior) if hasattr(posterior, "items") else []
    is_numpyro = any(isinstance(name, str) and name.endswith(("_auto_loc", "_auto_scale")) for name in names)
    return "numpyro" if is_numpyro else None


def posterior_file(framework, posterior, folder):
    """The posterior of a framework as a file that its importer reads."""
    if isinstance(posterior, (str, os.PathLike)):
        return posterior
    if framework == "numpyro" and hasattr(posterior, "items"):
        import numpy as np

        path = folder / "posterior.npz"
        np.savez(path, **{name: np.asarray(array) for name, array in posterior.items()})
        return path
    if framework in (None, "safetensors"):
        path = folder / "posterior.safetensors"
        path.write_bytes(parameter_bytes(posterior))
        return path
    raise Error(
        f"a {type(posterior).__name__} is no posterior of {framework} that can be read",
        "give the path of the file that the framework saved",
    )


def import_options(framework, source, reading):
    """The options of ``pfp import`` for a posterior."""
    options = {name: value for name, value in reading.items() if name != "order_of_vector"}
    if "order_of_vector" in reading:
        options["order"] = tuple(reading["order_of_vector"])
    if "map" in options and hasattr(options["map"], "items"):
        options["map"] = [f"{pattern}={name}" for pattern, name in options["map"].items()]
    for name in ("deterministic", "outputs"):
        if isinstance(options.get(name), list):
            options[name] = tuple(options[name])
    if framework is None:
        return ["--posterior", _commands.text(source), *_commands.arguments(options)]
    given = ["--posterior-from", framework, _commands.text(source)]
    return [*given, *_commands.arguments(options)]


def run_import(path, line, outputs):
    from . import _pfp

    files = _commands.arguments(outputs)
    _pfp.command(["import", "--json", *line, *files, "--", str(path)], _commands.tell)


def of_onnx(path, posterior, folder, reading):
    """An ONNX model with its posterior."""
    framework = reading.pop("framework", None)
    own = {name: reading.pop(name) for name in ("logits", "batch") if name in reading}
    outputs = reading.get("outputs")
    if isinstance(outputs, (list, tuple)):
        reading["outputs"] = tuple(outputs)
    if (
        isinstance(posterior, (str, os.PathLike))
        and framework is None
        and set(reading) <= {"representation", "names", "outputs"}
    ):
        return Files(str(path), own | reading | {"posterior": posterior})
    if posterior is None:
        return Files(str(path), own | reading)
    source = posterior
    if not isinstance(posterior, (str, os.PathLike)):
        source = folder / "posterior.safetensors"
        source.write_bytes(onnx_posterior(posterior))
        reading.setdefault("representation", "variance")
    module, parameters = folder / "imported.mlir", folder / "imported.safetensors"
    line = import_options(framework, source, reading)
    run_import(path, [*line, *_commands.arguments(own)], {"output": module, "params": parameters})
    return Files(str(module), {"batch": own.get("batch"), "params": parameters})


def onnx_posterior(posterior):
    """Arrays by name as the posterior of an ONNX model: means and variances of what is Gaussian."""
    from . import _files

    data = parameter_bytes(posterior)
    arrays, _ = _files.read_safetensors(data)
    renamed = {}
    for name, array in arrays.items():
        renamed[name.removesuffix(".var") + ".scale" if name.endswith(".var") else name] = array
    return _files.write_safetensors(renamed)
