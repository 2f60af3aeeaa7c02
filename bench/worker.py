"""One peer in a process of its own, with the interpreter of its environment.

    python worker.py SETTINGS

SETTINGS is a JSON object: peer, threads, folder (workloads, and what peers write), pfp (its path).
Requests are lines of JSON on standard input, answers lines of JSON on standard output. What
libraries print goes to standard error.
"""

import gc
import importlib
import json
import os
import re
import statistics
import sys
import time
import traceback
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import workloads

# How far outputs may be from the reference. An adapter may say otherwise: tolerance(case).
TOLERANCE = 1e-2
WARM_UP_NS = 20_000_000


@dataclass
class Case:
    """What an adapter prepares: a network, its data, images per call, threads to use, and what
    stands behind the @ of the peer's name."""

    name: str
    argument: str
    batch: int
    threads: int
    data: dict
    folder: Path
    pfp: str

    @property
    def network(self):
        return workloads.NETWORKS[self.name]

    @property
    def images(self):
        return np.ascontiguousarray(self.data["x"][: self.batch])


class Worker:
    def __init__(self, peer, threads, folder, pfp):
        self.threads, self.folder, self.pfp = threads, Path(folder), pfp
        adapter, _, self.argument = peer.partition("@")
        self.adapter = importlib.import_module(f"peers.{adapter}")
        self.formulations = {}

    def prepare(self, network, batch):
        """Builds the formulations and compares them with the reference."""
        self.formulations.clear()
        gc.collect()
        data = dict(np.load(self.folder / f"{network}.npz"))
        case = Case(network, self.argument, batch, self.threads, data, self.folder, self.pfp)
        own_tolerance = getattr(self.adapter, "tolerance", None)
        tolerance = own_tolerance(case) if own_tolerance else TOLERANCE
        errors, failures = {}, {}
        for name, build in self.adapter.formulations(case).items():
            try:
                call, outputs = build()
                call()
                call()
                error = workloads.errors(data, *(output.reshape(batch, -1) for output in outputs()))
                if not max(error.values()) <= tolerance:
                    raise ValueError(f"errors {error} exceed {tolerance}")
                self.formulations[name], errors[name] = call, error
            except Exception as exception:
                traceback.print_exc()
                failures[name] = describe(exception)
        return {"version": self.adapter.version(case), "errors": errors, "failures": failures}

    def time(self, formulation, seconds):
        """Answers the median time of the calls made for that long, after a warm-up."""
        call, clock = self.formulations[formulation], time.perf_counter_ns
        start = clock()
        call()
        warm = clock() + min(WARM_UP_NS, 4 * (clock() - start))
        while clock() < warm:
            call()
        times, end = [], clock() + int(seconds * 1e9)
        gc.disable()
        while len(times) < 3 or clock() < end:
            start = clock()
            call()
            times.append(clock() - start)
        gc.enable()
        return {"microseconds": statistics.median(times) / 1e3}


def describe(exception):
    """One short line: what a compiler calls an error, where the text of one is in there."""
    text = str(exception)
    error = re.search(r"\berror: .*", text)
    line = error[0] if error else f"{type(exception).__name__}: {text}"
    return " ".join(line.split())[:200]


def main():
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    worker = None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            worker = worker or Worker(**json.loads(sys.argv[1]))
            answer = getattr(worker, request.pop("do"))(**request)
        except Exception as exception:
            traceback.print_exc()
            answer = {"error": describe(exception)}
        answers.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
