"""What must be there before anything is timed: environments, workloads, limits of the core."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).resolve().parent


def environment(peer, cache):
    """The interpreter of a virtual environment with the packages that the peer requires."""
    peer, _, _ = peer.partition("@")
    requirements = BENCH / "requirements" / f"{peer}.txt"
    folder, stamp = cache / "venvs" / peer, cache / "venvs" / f"{peer}.stamp"
    python = folder / "bin" / "python"
    required = requirements.read_text()
    if not (python.exists() and stamp.exists() and stamp.read_text() == required):
        print(f"installing for {peer}: {', '.join(required.split())}", file=sys.stderr)
        stamp.unlink(missing_ok=True)
        _tool(sys.executable, "-m", "venv", folder)
        pip = [python, "-m", "pip", "--quiet", "--disable-pip-version-check"]
        _tool(*pip, "install", "-r", requirements)
        shutil.copyfile(requirements, stamp)
    return python


def workloads(python, cache, batches):
    """Writes the networks with images for the largest of their batches; gives costs per image."""
    images = [f"{network}={max(sizes)}" for network, sizes in batches.items()]
    print(f"references in float64 for images: {', '.join(images)}", file=sys.stderr)
    _tool(python, "-B", BENCH / "workloads.py", cache, *images)
    return {network: json.loads((cache / f"{network}.json").read_text()) for network in batches}


def core(cache, cpu, sizes):
    """Operations per second of a CPU, and bytes per second that it reads from each of the sizes."""
    print(f"limits of CPU {cpu}", file=sys.stderr)
    program, compiler = cache / "roofline", os.environ.get("CC", "cc")
    _tool(compiler, "-O3", "-march=native", BENCH / "roofline.c", "-o", program)
    return json.loads(_tool("taskset", "-c", cpu, program, *sorted(sizes)))


def limit(cost, batch, core):
    """Microseconds in which the core does the operations of the products, or reads the weights."""
    compute = batch * cost["operations"] / core["operations_per_second"]
    memory = cost["weight_bytes"] / core["bytes_per_second"][str(cost["weight_bytes"])]
    return 1e6 * max(compute, memory)


def _tool(*command):
    """What a command prints; its failure ends this program."""
    try:
        command = list(map(str, command))
        return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"run: {error}")
