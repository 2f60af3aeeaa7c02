#!/bin/sh
# blitz's layers keep mean and rho twice; after a move to another device or dtype only the copies in
# the sampler are trained.
#
# Version: blitz-bayesian-pytorch 0.2.8, torch 2.15.0.
# Guess: `LAYER.weight_mu` and `LAYER.weight_rho` of a state dict are the posterior, and
#     `LAYER.weight_sampler.mu` and `.rho` are copies of them.
# Behaviour: the sampler wraps the same numbers in parameters of its own, and the network draws from
#     those. As made, both share their memory. A cast such as net.double() or net.cuda() gives each
#     parameter memory of its own; from then on training changes the sampler's alone, and weight_mu
#     keeps what it was initialised with.
# Output seen:
#     as made: weight_mu trained True, sampler trained True, equal True
#     after a cast: weight_mu trained False, sampler trained True, equal False
# What it means: the importer takes the sampler's numbers, and notes where the layer's differ
#     (`what_a_network_of_blitz_draws_from_is_in_its_samplers`).
set -eu

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check \
    torch==2.15.0 blitz-bayesian-pytorch==0.2.8 numpy

cat >"$folder/look.py" <<'PYTHON'
import torch
from blitz.modules import BayesianLinear

torch.manual_seed(0)
for name, dtype in (("as made", torch.float32), ("after a cast", torch.float64)):
    net = BayesianLinear(4, 3).to(dtype)
    before = net.weight_mu.detach().clone()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    for _ in range(5):
        optimizer.zero_grad()
        net(torch.ones(8, 4, dtype=dtype)).pow(2).sum().backward()
        optimizer.step()
    state = net.state_dict()
    own, drawn = state["weight_mu"], state["weight_sampler.mu"]
    print(
        f"{name}: weight_mu trained {not torch.equal(own, before)}, "
        f"sampler trained {not torch.equal(drawn, before)}, equal {torch.equal(own, drawn)}"
    )
PYTHON

"$folder/venv/bin/python" "$folder/look.py" | tee "$folder/seen"
diff "$folder/seen" - <<'EXPECTED'
as made: weight_mu trained True, sampler trained True, equal True
after a cast: weight_mu trained False, sampler trained True, equal False
EXPECTED
