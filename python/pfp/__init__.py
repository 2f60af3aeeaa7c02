"""Bayesian neural networks without sampling: mean and variance of the outputs in one pass of machine code.

``f = pfp.compile(model, posterior)`` gives a function of arrays; ``f(x).mean`` and ``f(x).variance`` are what it
says. :func:`train`, :func:`evaluate` and :func:`calibrate` are the commands of the same names.
"""

from ._commands import command
from ._errors import Error, MissingOutput
from ._function import Function, compile
from ._pfp import AMBIGUOUS, UNKNOWN, Prediction, __version__

__all__ = [
    "AMBIGUOUS",
    "UNKNOWN",
    "Calibration",
    "Error",
    "Evaluation",
    "Function",
    "MissingOutput",
    "Parameters",
    "Prediction",
    "Training",
    "__version__",
    "calibrate",
    "command",
    "compile",
    "evaluate",
    "train",
]

#: What is imported when it is first asked for, since NumPy comes with it.
_LAZY = {
    "Calibration": "_work",
    "Evaluation": "_work",
    "Training": "_work",
    "calibrate": "_work",
    "evaluate": "_work",
    "train": "_work",
    "Parameters": "_files",
}


def __getattr__(name):
    if name not in _LAZY:
        raise AttributeError(f"module 'pfp' has no attribute '{name}'")
    from importlib import import_module

    value = getattr(import_module(f".{_LAZY[name]}", __name__), name)
    globals()[name] = value
    return value
