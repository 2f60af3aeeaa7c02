#!/bin/sh
# A safetensors file gives its tensors by the width of their elements and then by name, not as they were
# saved: a posterior that is one vector is cut at other places by it than by the network.
#
# Version: safetensors 0.8.0, numpy 2.4.6.
# Guess: load_file gives the tensors in the order in which save_file got them, as torch.load does, so that the
#     sizes of a loaded state dict cut the vector of an optimiser (IVON's hess, Laplace's H) as
#     model.parameters() does.
# Behaviour: wider elements come first, and names are in order of text: the bias of a layer before its weight,
#     fc10 before fc2. Sizes that are cut so fit the length of the vector, and put variances elsewhere.
# Output seen:
#     saved fc2.weight fc2.bias fc10.weight fc10.bias scale
#     loaded scale fc10.bias fc10.weight fc2.bias fc2.weight
#     first numbers of fc2.weight, by the network 0 1 2 by the file 13 14 15
# What it means: pfp takes a posterior in one vector with a state dict in safetensors only with --order
#     (docs/import.md).
set -eu

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check safetensors==0.8.0 numpy==2.4.6

cat >"$folder/look.py" <<'PYTHON'
import sys

import numpy as np
from safetensors.numpy import load_file, save_file

SHAPES = {"fc2.weight": (2, 3), "fc2.bias": (2,), "fc10.weight": (3, 2), "fc10.bias": (3,), "scale": (2,)}


def cut(vector, names, wanted):
    start = 0
    for name in names:
        size = int(np.prod(SHAPES[name]))
        if name == wanted:
            return vector[start : start + size]
        start += size


state = {name: np.zeros(shape, np.float64 if name == "scale" else np.float32) for name, shape in SHAPES.items()}
path = sys.argv[1]
save_file(state, path)
loaded = list(load_file(path))
print("saved", *state)
print("loaded", *loaded)
vector = np.arange(sum(np.prod(shape) for shape in SHAPES.values()))
first = [cut(vector, names, "fc2.weight")[:3].tolist() for names in (state, loaded)]
print("first numbers of fc2.weight, by the network", *first[0], "by the file", *first[1])
PYTHON

"$folder/venv/bin/python" "$folder/look.py" "$folder/state.safetensors" | tee "$folder/seen"
diff "$folder/seen" - <<'EXPECTED'
saved fc2.weight fc2.bias fc10.weight fc10.bias scale
loaded scale fc10.bias fc10.weight fc2.bias fc2.weight
first numbers of fc2.weight, by the network 0 1 2 by the file 13 14 15
EXPECTED
