"""Training, evaluation and calibration: the commands of the same names, on arrays and files."""

import os
import pathlib
import tempfile

import numpy as np

from . import _arrays, _commands, _network
from ._files import Parameters, detached

#: Options that say how a network is read, as in :func:`pfp.compile`.
_READING = (
    "framework",
    "representation",
    "names",
    "logits",
    "outputs",
    "marginals",
    "order_of_vector",
    "weights",
    "map",
    "deterministic",
    "batch",
    "input_shape",
)


class _Data:
    """Data sets of a command: what is in memory lies in a folder while the command runs."""

    def __init__(self, folder):
        self._folder = folder
        self._count = 0

    def spec(self, given):
        """A data set as the command line names it."""
        if isinstance(given, (str, os.PathLike)):
            return _commands.text(given)
        items, labels = given if isinstance(given, (tuple, list)) and len(given) == 2 else (given, None)
        text = self._file(items, "the items")
        return text if labels is None else f"{text}@labels={self._file(labels, 'the labels')}"

    def specs(self, given):
        """Several data sets: a list, or one."""
        return [self.spec(each) for each in (given if isinstance(given, list) else [given])]

    def _file(self, value, name):
        array = _arrays.as_numbers(detached(value), name)
        if array.dtype.kind == "V":
            array = array.astype(np.float32)
        self._count += 1
        path = self._folder / f"data-{self._count}.npy"
        np.save(path, array)
        return str(path)


def _split(options):
    """Options of reading, and all others."""
    reading = {name: options.pop(name) for name in _READING if name in options}
    return reading, options


class _Result:
    """What a command made: a posterior for a network."""

    def __init__(self, module, posterior):
        #: The text of the module.
        self.module = module
        #: The :class:`Parameters`.
        self.posterior = posterior

    @property
    def parameters(self):
        """The parameter file."""
        return self.posterior.bytes

    def save(self, path):
        """Writes the parameter file (safetensors), which every command of ``pfp`` takes as ``--params``."""
        self.posterior.save(path)

    def compile(self, **options):
        """The function of the network with this posterior: :func:`pfp.compile` with these options."""
        from ._function import compile

        return compile(self.module, self.posterior, **options)

    def _repr_html_(self):
        from . import _html

        return _html.result(self)


class Training(_Result):
    """A posterior that was fitted to data.

    ``history`` has a mapping for each epoch (``epoch``, ``loss`` in nats, ``accuracy`` or ``rmse``, ``kl``,
    ``seconds``, ..), ``summary`` is what ``pfp train --json`` says at its end.
    """

    def __init__(self, module, posterior, history, summary):
        super().__init__(module, posterior)
        self.history = history
        self.summary = summary

    @property
    def noise_variance(self):
        """The variance of the noise of each output of a regression, float64; empty of a classifier."""
        return np.array(self.summary.get("noise_variance", ()), dtype=np.float64)

    def __repr__(self):
        summary = self.summary
        posterior, items, epochs = (summary[name] for name in ("posterior", "items", "epochs"))
        return f"<pfp.Training: {posterior} on {items} items, {epochs} epoch(s)>"


class Calibration(_Result):
    """A posterior whose variances, temperature and thresholds were fitted to held-out data.

    ``report`` is the calibration as ``pfp calibrate`` writes it beside the parameter file.
    """

    def __init__(self, module, posterior, report):
        super().__init__(module, posterior)
        self.report = report

    def __repr__(self):
        held_out = self.report["held_out"]
        before, after = held_out["before"]["nll"], held_out["after"]["nll"]
        return f"<pfp.Calibration: negative log likelihood {before:.4f} before, {after:.4f} after>"


class Evaluation(dict):
    """What ``pfp eval --json`` answers, a mapping; in a notebook its tables."""

    def _repr_html_(self):
        from . import _html

        return _html.evaluation(self)

    @property
    def verdict(self):
        """Can the closed form be trusted on this data, in a sentence?"""
        return self["verdict"]["answer"]


def _module_text(path):
    return pathlib.Path(path).read_text()


def train(module, data, *, validation=None, report=None, **options):
    """Fits a posterior to data, as ``pfp train`` does.

    Parameters
    ----------
    module
        The text of a module in the gauss dialect or the path of its file, or a module of torch, whose weights
        are then not read.
    data
        ``(items, labels)``: arrays, the items ``(n, ..)`` and a class, a label or a target each, or a data set as the
        command line names it; a list of either is joined.
    validation
        What it is judged by after every epoch, as ``data``.
    report
        The path of an .html page about the run.
    **options
        Any option of ``pfp train``, with underscores: ``posterior="moments"``, ``"svi"``, ``"swag"`` or
        ``"laplace"``, ``loss="gaussian"``, ``epochs=20``, ``learning_rate=1e-3``, ``seed=1``, ``init=FILE``, ..
        ``init`` may be :class:`Parameters` or arrays by name.

    Returns
    -------
    Training

    Raises
    ------
    Error
        With the message of the compiler and what to do.

    A ``KeyboardInterrupt`` ends the run at the next step; what it learned is lost unless ``checkpoint`` names a
    file.
    """
    with tempfile.TemporaryDirectory(prefix="pfp-") as name:
        folder = pathlib.Path(name)
        sets = _Data(folder)
        of_object = {"untrained": True}
        if "input_shape" in options:
            of_object["input_shape"] = options.pop("input_shape")
        converted = _network.converted(module, None, of_object)
        path = _network.network_file(converted[0] if converted else module, folder)
        output = folder / "posterior.safetensors"
        if not isinstance(options.get("init", ""), (str, os.PathLike)):
            start = folder / "init.safetensors"
            start.write_bytes(_network.parameter_bytes(options["init"]))
            options["init"] = start
        # Beside a posterior in memory nobody looks for a checkpoint.
        options.setdefault("no_checkpoint", not {"checkpoint", "checkpoint_every"} & set(options))
        line = options | {
            "data": sets.specs(data),
            "validation": [] if validation is None else sets.specs(validation),
            "report": report,
            "output": output,
        }
        events, _ = _commands.run("train", [path], line)
        posterior = Parameters(output.read_bytes())
        text = _module_text(path)
    history = [_without_event(each) for each in events if each["event"] == "epoch"]
    return Training(text, posterior, history, _without_event(events[-1]))


def _without_event(values):
    return {name: value for name, value in values.items() if name != "event"}


def evaluate(model, data, posterior=None, *, ood=None, ambiguous=None, report=None, **options):
    """Compares ways to run a network on data, as ``pfp eval`` does: in accuracy, calibration, uncertainty and time.

    Parameters
    ----------
    model, posterior
        As those of :func:`compile`; or a :class:`Function`, a :class:`Training` or a :class:`Calibration` alone.
    data
        ``(items, labels)`` of what the network was trained for: arrays, or a data set as the command line names it.
    ood, ambiguous
        Items that belong to no class, and ``(items, labels)`` that belong to several: one set or a list of them.
    report
        The path of an .html page with tables, plots and pictures.
    **options
        Any option of ``pfp eval``, with underscores: ``modes=("moments", "mean")``, ``no_latency=True``,
        ``scale="1/255"``, ``normalize=(0.13, 0.31)``, ``items=True``, .. and of reading, as of :func:`compile`.

    Returns
    -------
    Evaluation
        A mapping; uncertainties and likelihoods in nats, times in microseconds.
    """
    reading, options = _split(options)
    with tempfile.TemporaryDirectory(prefix="pfp-") as name:
        sets = _Data(pathlib.Path(name))
        line = options | {
            "in_domain": sets.spec(data),
            "ood": [] if ood is None else sets.specs(ood),
            "ambiguous": [] if ambiguous is None else sets.specs(ambiguous),
            "report": report,
        }
        with _network.files(model, posterior, **reading) as files:
            own = {name: value for name, value in files.options.items() if value is not None}
            values, _ = _commands.run("eval", [files.module], line | own)
    return Evaluation(values[0])


def calibrate(model, data, posterior=None, *, ood=None, **options):
    """Fits variances, temperature and reject thresholds to held-out data, as ``pfp calibrate`` does.

    Parameters
    ----------
    model, posterior
        As those of :func:`compile`; or a :class:`Function` or a :class:`Training` alone.
    data
        ``(items, labels)`` that the network was not trained on: arrays, or a data set as the command line names it.
    ood
        Items that belong to none of the classes, for ``false_accept``.
    **options
        Any option of ``pfp calibrate``, with underscores: ``coverage=0.95``, ``false_accept=0.05``,
        ``variances="layers"``, ..

    Returns
    -------
    Calibration
        Compile it with ``head="sample:1000"`` to reject by its thresholds.
    """
    reading, options = _split(options)
    with tempfile.TemporaryDirectory(prefix="pfp-") as name:
        folder = pathlib.Path(name)
        sets = _Data(folder)
        output = folder / "calibrated.safetensors"
        line = options | {
            "data": sets.spec(data),
            "ood": None if ood is None else sets.spec(ood),
            "output": output,
        }
        with _network.files(model, posterior, **reading) as files:
            if files.module.lower().endswith(".onnx"):
                # A calibration needs a parameter file.
                files = _imported(files, folder)
            values, _ = _commands.run("calibrate", [files.module], line | files.options)
            text = _module_text(files.module)
        return Calibration(text, Parameters(output.read_bytes()), values[0]["calibration"])


def _imported(files, folder):
    """An ONNX model with its posterior as a module with parameters."""
    module, parameters = folder / "imported.mlir", folder / "imported.safetensors"
    line = _commands.arguments(files.options)
    _network.run_import(files.module, line, {"output": module, "params": parameters})
    return _network.Files(str(module), {"params": parameters})
