"""A peer that trains, in a process of its own, with the interpreter of its environment.

    python training_worker.py SETTINGS

SETTINGS is a JSON object: peer, formulation (null for their names), network, batch, folder
(parameters that training starts from), data (folder of IDX files) and set, seconds (to be timed), check
(whether to go over all items first). The answer is a line of JSON on standard output; what libraries
print goes to standard error.
"""

import gzip
import importlib
import json
import os
import struct
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import workloads

# Of the first steps, which nothing is timed of.
WARM_UP_SECONDS, WARM_UP_STEPS = 0.5, 5

# As in examples of MNIST.
MEAN, DEVIATION = 0.1307, 0.3081


@dataclass
class Case:
    """What a peer trains: a network from its data on, on images and labels."""

    name: str
    batch: int
    data: dict
    images: np.ndarray
    labels: np.ndarray

    @property
    def network(self):
        return workloads.NETWORKS[self.name]

    @property
    def steps(self):
        """Steps of an epoch; a batch is never smaller."""
        return len(self.images) // self.batch


def main():
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    begin = time.perf_counter()
    settings = json.loads(sys.argv[1])
    peer = importlib.import_module(f"peers.{settings['peer']}_training")
    libraries = resident_bytes()
    if settings["formulation"] is None:
        answers.write(json.dumps({"version": peer.version(), "formulations": list(peer.FORMULATIONS)}))
        return
    training = peer.Training(read(settings), settings["formulation"])
    answer = {"libraries": libraries}
    if settings["check"]:
        answer["objective"] = training.objective()
    training.run(1)
    answer["preparation"] = time.perf_counter() - begin
    answer["microseconds"] = time_steps(training, settings["seconds"])
    answers.write(json.dumps(answer) + "\n")


def read(settings):
    folder, kind = Path(settings["data"]), settings["set"]
    images = read_idx(folder / f"{kind}-images-idx3-ubyte")
    labels = read_idx(folder / f"{kind}-labels-idx1-ubyte").astype(np.int32)
    name = settings["network"]
    images = images.reshape(-1, *workloads.NETWORKS[name].image).astype(np.float32)
    # In place: a copy would be part of the peak of the memory.
    images /= 255
    images -= MEAN
    images /= DEVIATION
    parameters = dict(np.load(Path(settings["folder"]) / f"{name}.npz"))
    return Case(name, settings["batch"], parameters, images, labels)


def read_idx(path):
    zipped = path.with_name(f"{path.name}.gz")
    data = gzip.decompress(zipped.read_bytes()) if zipped.exists() else path.read_bytes()
    rank = data[3]
    start = 4 + 4 * rank
    return np.frombuffer(data, np.uint8, offset=start).reshape(struct.unpack(f">{rank}I", data[4:start]))


def time_steps(training, seconds):
    """Microseconds of a step, of so many that they take these seconds together."""
    clock = time.perf_counter
    start, steps = clock(), 0
    while steps < WARM_UP_STEPS or clock() - start < WARM_UP_SECONDS:
        training.run(1)
        steps += 1
    count = max(3, round(seconds * steps / (clock() - start)))
    start = clock()
    training.run(count)
    return 1e6 * (clock() - start) / count


def resident_bytes():
    """What this process holds now."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


if __name__ == "__main__":
    main()
