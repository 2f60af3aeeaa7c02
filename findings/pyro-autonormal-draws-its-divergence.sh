#!/bin/sh
# Pyro's TraceMeanField_ELBO takes no closed form of the divergence between a guide of AutoNormal and
# a Gaussian prior.
#
# Version: pyro-ppl 1.9.2, torch 2.15.0.
# Guess: AutoNormal is a Gaussian for each site and the prior one, too, so TraceMeanField_ELBO, which
#     replaces pairs of sites by their analytic KL, has a bound without noise where nothing is observed.
# Behaviour: the bound scatters as that of Trace_ELBO does. The same guide written by hand, a Normal of
#     two parameters, has none. AutoNormal draws an auxiliary Normal and gives its value to the
#     site as a Delta, which has no analytic KL to a Normal.
# Output seen:
#     AutoNormal, Trace_ELBO: scatters
#     AutoNormal, TraceMeanField_ELBO: scatters
#     by hand, Trace_ELBO: scatters
#     by hand, TraceMeanField_ELBO: is one number, the closed form
# What it means: who compares the losses of `pfp train`, whose divergence is a closed form, with those of
#     Pyro's default guide compares a number with a draw; bench/training takes the mean of draws.
set -eu

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check torch==2.15.0 pyro-ppl==1.9.2 numpy

cat >"$folder/look.py" <<'PYTHON'
import math

import pyro
import torch
from pyro import distributions as dist, infer
from pyro.infer.autoguide import AutoNormal

COUNT, SIGMA = 1000, 0.1


def model():
    pyro.sample("w", dist.Normal(torch.zeros(COUNT), torch.ones(COUNT)).to_event(1))


def by_hand():
    mean = pyro.param("mean", torch.zeros(COUNT))
    sigma = pyro.param("sigma", SIGMA * torch.ones(COUNT))
    pyro.sample("w", dist.Normal(mean, sigma).to_event(1))


exact = COUNT * (SIGMA**2 - 1 - 2 * math.log(SIGMA)) / 2
for name, guide in (("AutoNormal", AutoNormal(model, init_scale=SIGMA)), ("by hand", by_hand)):
    for bound in (infer.Trace_ELBO, infer.TraceMeanField_ELBO):
        pyro.set_rng_seed(0)
        losses = torch.tensor([bound().loss(model, guide) for _ in range(50)])
        spread = losses.std().item()
        is_exact = spread < 1e-3 and abs(losses.mean().item() - exact) < 0.1
        what = "is one number, the closed form" if is_exact else "scatters"
        assert is_exact or spread > 5, (name, bound.__name__, spread)
        print(f"{name}, {bound.__name__}: {what}")
PYTHON

"$folder/venv/bin/python" "$folder/look.py" | tee "$folder/seen"
diff "$folder/seen" - <<'EXPECTED'
AutoNormal, Trace_ELBO: scatters
AutoNormal, TraceMeanField_ELBO: scatters
by hand, Trace_ELBO: scatters
by hand, TraceMeanField_ELBO: is one number, the closed form
EXPECTED
