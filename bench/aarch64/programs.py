"""Builds programs for AArch64 and counts what they execute under qemu-aarch64."""

import collections
import json
import re
import shutil
import struct
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
CLANG, GCC, QEMU = "clang-22", "aarch64-linux-gnu-gcc", "qemu-aarch64"
INSTRUCTION = re.compile(r" *([0-9a-f]+):\s+(\S.*)")


def llvm(tool):
    """The path of a tool of LLVM 22, which Debian keeps out of PATH."""
    config = shutil.which("llvm-config-22")
    if not config:
        sys.exit("run: llvm-config-22 is missing (apt: llvm-22)")
    return Path(execute(config, "--bindir").decode().strip()) / tool


def execute(*command, input=b""):
    """Standard output of a command; what it says and an exit if it fails."""
    command = [str(part) for part in command]
    try:
        done = subprocess.run(command, input=input, capture_output=True)
    except FileNotFoundError as error:
        sys.exit(f"run: {error.filename} is missing; README.md lists what is needed")
    if done.returncode:
        sys.stderr.buffer.write(done.stderr)
        sys.exit(f"run: exit status {done.returncode} of {' '.join(command)}")
    return done.stdout


def plugin(out):
    """The counting plugin."""
    library = out / "count.so"
    execute(CLANG, "-O2", "-Wall", "-Wextra", "-shared", "-fPIC", HERE / "count.c", "-o", library)
    return library


def compile_pfp(pfp, module, parameters, batch, cpu, out, mode=("--order", "as-written")):
    """The object that `pfp compile` writes, in the order of the module or with other options, and its
    manifest."""
    options = ["--batch", batch, "--target", "aarch64-linux-gnu", "--cpu", cpu, *mode]
    execute(pfp, "compile", module, "--params", parameters, *options, "-o", out)
    manifest = json.loads((out / f"{module.stem}.json").read_text())
    return out / f"{module.stem}.o", manifest


def compile_c(source, flags, cpu, out):
    """An object of network.source for a CPU."""
    options = ["--target=aarch64-linux-gnu", f"-mcpu={cpu}", *flags]
    execute(CLANG, *options, "-DREAL=float", "-I", HERE, "-c", source, "-o", out)
    return out


def link(network, batch, arena, model, out, defined=()):
    """A static program that calls the function of an object."""
    options = [*definitions(network, batch, arena, "float"), *defined]
    execute(GCC, "-static", "-no-pie", "-O1", *options, HERE / "driver.c", model, "-lm", "-o", out)
    return out


def reference(network, batch, source, images, out):
    """Moments of network.source in binary64, on this machine."""
    options = definitions(network, batch, 1, "double")
    execute(CLANG, "-O2", *options, "-I", HERE, HERE / "driver.c", source, "-lm", "-o", out)
    return moments(execute(out, 1, input=images))


def definitions(network, batch, arena, real):
    values = {
        "MODEL": f"pfp_{network.name}",
        "REAL": real,
        "BATCH": batch,
        "INPUTS": network.inputs,
        "OUTPUTS": network.outputs,
        "ARENA_BYTES": max(arena, 1),
    }
    return [f"-D{name}={value}" for name, value in values.items()]


def count(library, program, images):
    """Moments, and the executions of each instruction in one call: {address: executions}.

    A call is half of what three calls execute more than one."""
    totals = []
    for repeats in (1, 3):
        output = program.with_suffix(".count")
        run = [QEMU, "-plugin", f"{library},out={output}", program, repeats]
        result = moments(execute(*run, input=images))
        total = collections.Counter()
        for line in output.read_text().splitlines():
            address, instructions, executions = map(int, line.split())
            for instruction in range(address, address + 4 * instructions, 4):
                total[instruction] += executions
        totals.append(total)
    once, thrice = totals
    calls = {address: thrice[address] - once[address] for address in thrice}
    if odd := [address for address, executions in calls.items() if executions % 2 or executions < 0]:
        sys.exit(f"run: the calls of {program} differ, at {odd[0]:#x} first")
    return result, {address: executions // 2 for address, executions in calls.items() if executions}


def moments(data):
    """Means and variances from the driver."""
    values = struct.unpack(f"{len(data) // 8}d", data)
    return values[: len(values) // 2], values[len(values) // 2 :]


def functions(model):
    """Names of the functions in an object."""
    symbols = execute(llvm("llvm-nm"), "--format=posix", model).decode().splitlines()
    return [name for name, kind, *_ in map(str.split, symbols) if kind in "tT" and name[0] != "$"]


def disassemble(program, names):
    """Instructions of functions of a program: [(address, text)]."""
    options = ["-d", "--no-show-raw-insn", f"--disassemble-symbols={','.join(names)}"]
    listing = execute(llvm("llvm-objdump"), *options, program).decode().splitlines()
    lines = filter(None, map(INSTRUCTION.fullmatch, listing))
    return [(int(line[1], 16), " ".join(line[2].split())) for line in lines]


def llvm_mca(cpu, body, iterations=100):
    """Cycles of one iteration of a loop by the model of a CPU."""
    options = ["-mtriple=aarch64-linux-gnu", f"-mcpu={cpu}", f"-iterations={iterations}"]
    report = json.loads(execute(llvm("llvm-mca"), *options, "--json", input=body.encode()))
    return report["CodeRegions"][0]["SummaryView"]["TotalCycles"] / iterations
