"""Parameter files: safetensors, read and written without the package of that name."""

import json
import pathlib
import struct

import numpy as np

from . import _arrays
from ._errors import Error

_DTYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1",
    "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "u1", "BOOL": "?",
}  # fmt: skip


def write_safetensors(arrays, metadata=None):
    """The bytes of a safetensors file with these arrays by name, as float32."""
    header = {} if metadata is None else {"__metadata__": metadata}
    parts = []
    place = 0
    for name, array in arrays.items():
        array = np.ascontiguousarray(array, dtype="<f4")
        header[name] = {
            "dtype": "F32",
            "shape": list(array.shape),
            "data_offsets": [place, place + array.nbytes],
        }
        parts.append(array.tobytes())
        place += array.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return b"".join([struct.pack("<Q", len(text)), text, *parts])


def read_safetensors(data):
    """The arrays of a safetensors file by name, and its metadata."""
    try:
        (length,) = struct.unpack_from("<Q", data)
        header = json.loads(data[8 : 8 + length])
        metadata = header.pop("__metadata__", {})
        arrays = {}
        for name, tensor in header.items():
            start, end = (8 + length + offset for offset in tensor["data_offsets"])
            numbers = np.frombuffer(data[start:end], _DTYPES[tensor["dtype"]])
            arrays[name] = numbers.reshape(tensor["shape"])
        return arrays, metadata
    except (struct.error, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Error(f"this is no safetensors file that can be read: {error}") from error


class Parameters:
    """The posterior of a network: means and variances of its parameters, as a parameter file holds them.

    ``bytes`` is that file (safetensors, with ``NAME.mean`` and ``NAME.var`` of a Gaussian parameter, ``NAME`` of
    a deterministic one); :meth:`arrays` are its tensors.
    """

    def __init__(self, data):
        self.bytes = bytes(data)

    @classmethod
    def of(cls, arrays):
        """The parameters of a mapping: ``NAME.mean`` with ``NAME.variance``, ``NAME.var``, ``NAME.std`` or
        ``NAME.scale`` (a standard deviation), and ``NAME`` of what is deterministic."""
        return cls(write_safetensors(gaussians(arrays)))

    def arrays(self):
        """The tensors by name, each a float32 array: ``NAME.mean`` and ``NAME.var`` (a variance)."""
        return read_safetensors(self.bytes)[0]

    @property
    def metadata(self):
        """What the file says beside the tensors: strings by name."""
        return read_safetensors(self.bytes)[1]

    def save(self, path):
        """Writes the file."""
        pathlib.Path(path).write_bytes(self.bytes)

    def __repr__(self):
        names = read_safetensors(self.bytes)[0].keys()
        count = len({name.removesuffix(".mean").removesuffix(".var") for name in names})
        return f"<pfp.Parameters: {count} parameter(s), {len(self.bytes)} bytes>"


#: What follows the name of a parameter, and how its numbers become variances.
_SCALES = {
    ".variance": lambda scale: scale,
    ".var": lambda scale: scale,
    ".std": lambda scale: scale**2,
    ".scale": lambda scale: scale**2,
}


def has_spread(parameter, arrays):
    """Does a mapping have variances or deviations of a parameter?"""
    return any(parameter + suffix in arrays for suffix in _SCALES)


def gaussians(arrays):
    """Arrays of a mapping under the names of a parameter file; variances are computed in float64."""
    numbers = {}
    for name, array in arrays.items():
        if not isinstance(name, str):
            raise Error(f"a posterior has names of parameters, not {name!r}")
        numbers[name] = _arrays.as_numbers(detached(array), f"'{name}'").astype(np.float64)
    result = {}
    for name, array in numbers.items():
        suffix = next((suffix for suffix in _SCALES if name.endswith(suffix)), None)
        parameter = name.removesuffix(suffix) if suffix else None
        if suffix is None or f"{parameter}.mean" not in numbers:
            result[name] = array
            continue
        target = f"{parameter}.var"
        if target in result:
            raise Error(f"'{parameter}' has its spread twice, once as '{name}'")
        if suffix in (".std", ".scale") and (array < 0).any():
            raise Error(f"'{name}' has a negative standard deviation")
        result[target] = _SCALES[suffix](array)
    return result


def detached(value):
    """A tensor of torch without its history, as NumPy can read it; anything else as it is."""
    return value.detach().cpu() if hasattr(value, "detach") and hasattr(value, "cpu") else value
