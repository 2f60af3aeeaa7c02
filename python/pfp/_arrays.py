"""Arrays that the compiled module does not take or make by itself."""

from typing import NamedTuple

import numpy as np

from ._errors import Error


class Uncertainty(NamedTuple):
    """Uncertainty in nats, each float32 of one shape."""

    total: np.ndarray
    aleatoric: np.ndarray
    epistemic: np.ndarray


class Interval(NamedTuple):
    """The ends of an interval, each float32 of one shape, in the unit of the outputs."""

    lower: np.ndarray
    upper: np.ndarray


def uncertainty(array):
    return Uncertainty(array[..., 0], array[..., 1], array[..., 2])


def interval(array):
    return Interval(array[..., 0], array[..., 1])


def decision(array):
    # An item has one decision, or one for each label.
    array = array.astype(np.int64)
    return array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array


def as_array(value, name):
    """An array of what has numbers: an array of another library, a table, a list."""
    if isinstance(value, np.ndarray):
        return value
    try:
        if not hasattr(value, "__array__") and hasattr(value, "__dlpack__"):
            return np.from_dlpack(value)
        return np.asarray(value)
    except (TypeError, ValueError, RuntimeError, BufferError) as error:
        raise Error(
            f"{name} is no array of numbers: {error}",
            "give an array of NumPy, or what has __array__ or __dlpack__ in this machine's memory",
        ) from error


def is_numeric(array):
    # What NumPy has no code for, such as bfloat16, has a kind of its own.
    return array.dtype.kind in "biuf" or (array.dtype.kind == "V" and "float" in array.dtype.name)


def as_numbers(value, name):
    """An array of numbers."""
    array = as_array(value, name)
    if not is_numeric(array):
        raise Error(f"{name} has elements of {array.dtype}, which are no real numbers")
    return array


def as_float32(value, name):
    """An array that the compiled module takes as it is."""
    array = as_numbers(value, f"'{name}'")
    # What is too large becomes infinite, which is refused with its place.
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(array, dtype=np.float32)
