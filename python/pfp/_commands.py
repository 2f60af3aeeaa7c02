"""The command line in this process."""

import json
import logging
import os

from . import _pfp
from ._errors import Error

_log = logging.getLogger("pfp")


def tell(line):
    """Hands a line that the command line would write on standard error to the logger ``pfp``."""
    if line.startswith("WARNING: "):
        _log.warning("%s", line.removeprefix("WARNING: "))
    else:
        _log.info("%s", line.removeprefix("note: "))


def arguments(options):
    """Options of the command line from keyword arguments: ``head_seed=1`` is ``--head-seed=1``, True is an option
    without a value, a list repeats the option, a tuple is joined by commas, None and False leave it out."""
    result = []
    for name, value in options.items():
        option = "--" + name.rstrip("_").replace("_", "-")
        for each in value if isinstance(value, list) else [value]:
            if each is None or each is False:
                continue
            if each is True:
                result.append(option)
            elif isinstance(each, tuple):
                result.append(f"{option}={','.join(map(text, each))}")
            else:
                result.append(f"{option}={text(each)}")
    return result


def text(value):
    """A value as a person writes it on the command line."""
    return os.fspath(value) if isinstance(value, os.PathLike) else str(value)


def run(name, positional, options):
    """Runs a command with ``--json``. Returns all values that it answers, and whether it accepts."""
    line = [name, "--json", *arguments(options), "--", *map(text, positional)]
    answer, is_accepted = _pfp.command(line, tell)
    decoder = json.JSONDecoder()
    values = []
    place = 0
    answer = answer.strip()
    while place < len(answer):
        try:
            value, place = decoder.raw_decode(answer, place)
        except ValueError as error:
            raise Error(f"{name} answers what is no JSON: {error}") from error
        values.append(value)
        place += len(answer[place:]) - len(answer[place:].lstrip())
    return values, is_accepted


def command(name, *positional, **options):
    """Runs any command of ``pfp`` and returns its answer, as its option ``--json`` gives it.

    Keyword arguments are its options, with underscores: ``pfp.command("inspect", "net.mlir",
    params="net.safetensors", cost=True)``. True stands for an option without a value, a list for one that is
    given several times, a tuple for values with commas between them. Files are those of the command line.
    """
    values, _ = run(name, positional, options)
    return values[0] if len(values) == 1 else values
