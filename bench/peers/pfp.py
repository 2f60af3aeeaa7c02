"""pfp: the shared library of `pfp compile`, called through ctypes. One thread. The argument is a
mode, moments where there is none. Pools and activations are in the order of the network, as peers
have them."""

import ctypes
import json
import subprocess

import numpy as np

from workloads import symbol

ALIGNMENT = 64
# Of closed forms; samples scatter, and the closed form is not their limit.
TOLERANCE, SAMPLING_TOLERANCE = 1e-4, 10


def tolerance(case):
    return TOLERANCE if mode(case) == "moments" else SAMPLING_TOLERANCE


def mode(case):
    return case.argument or "moments"


def version(case):
    return subprocess.run(
        [case.pfp, "--version"], check=True, capture_output=True, text=True
    ).stdout.split()[-1]


def formulations(case):
    return {"library": lambda: build(case)}


def build(case):
    # One path per library: the loader gives the old one for a path that it knows.
    name = f"pfp-{case.name}-{case.batch}-{mode(case).replace(':', '-')}"
    folder = case.folder / name
    files = [
        case.folder / f"{case.name}.mlir",
        "--params",
        case.folder / f"{case.name}.safetensors",
    ]
    emit = ["--batch", str(case.batch), "--mode", mode(case), "--order", "as-written"]
    emit += ["--emit", "shared,manifest", "-o", folder]
    compiled = subprocess.run([case.pfp, "compile", *files, *emit], capture_output=True, text=True)
    if compiled.returncode:
        raise RuntimeError(compiled.stderr)
    made = symbol(case.name)
    manifest = json.loads((folder / f"{made}.json").read_text())
    function = ctypes.CDLL(str(folder / f"lib{made}.so"))[manifest["symbol"]]
    [output] = manifest["outputs"]
    x = aligned(case.images)
    mean, variance = (aligned(np.zeros(output["shape"], np.float32)) for _ in range(2))
    arena = aligned(np.zeros(manifest["arena_bytes"], np.uint8))
    # The network of the means has no variance.
    arrays = (x, mean, variance, arena) if output["gaussian"] else (x, mean, arena)
    pointers = [ctypes.c_void_p(array.ctypes.data) for array in arrays]
    function.argtypes, function.restype = [ctypes.c_void_p] * len(arrays), ctypes.c_int

    def call():
        if function(*pointers):
            raise RuntimeError("the function reports an error")

    # Pointers do not keep arrays alive; this does.
    call.buffers = arrays
    return call, lambda: (mean, variance)


def aligned(array):
    """A copy whose first byte has an address that is a multiple of ALIGNMENT."""
    memory = np.zeros(array.nbytes + ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    result = memory[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
    result[...] = array
    return result
