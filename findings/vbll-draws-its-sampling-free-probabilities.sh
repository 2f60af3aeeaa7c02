#!/bin/sh
# A variational Bayesian last layer of vbll draws the probabilities that it gives.
#
# Version: vbll 0.4.9, torch 2.15.0.
# Guess: a variational Bayesian last layer is there to do without sampling, so a layer in evaluation mode
#     gives the same probabilities for the same features in every call: an approximation in closed form,
#     or an integral with nodes that are fixed.
# Behaviour: the logits are a Gaussian in closed form, the same in every call. The probabilities are the
#     mean of the softmax of twenty draws of these logits, new ones in each call, in evaluation mode as in
#     training; only its method predictive takes another number. Their noise is that of twenty draws: of
#     six layers as they are made, a probability deviates by up to .07 between calls, and one call in a
#     hundred names another class than the others.
# Output seen:
#     logits of two calls are the same: True
#     deviation of the largest probability: 0.01 to 0.07
#     draws of a call by that: 20
#     calls of 3000 that name another class: 33
# What it means: compare logit_predictive(x) with another implementation, or the mean of many calls; a
#     decision by one call is random.
set -eu

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check torch==2.15.0 vbll==0.4.9 numpy

cat >"$folder/look.py" <<'PYTHON'
import torch
import vbll

torch.set_num_threads(1)
same, deviations, ratios, other = True, [], [], 0
for seed in range(6):
    torch.manual_seed(seed)
    layer = vbll.DiscClassification(64, 10, regularization_weight=1.0).eval()
    features = torch.relu(torch.randn(1, 64))
    with torch.no_grad():
        first, second = (layer.logit_predictive(features) for _ in range(2))
        same &= torch.equal(first.mean, second.mean) and torch.equal(first.covariance, second.covariance)
        calls = torch.stack([layer(features).predictive.probs[0] for _ in range(500)])
        logits = layer.logit_predictive(features)
        draws = logits.mean + torch.randn(100000, 1, 10) * logits.variance.sqrt()
        draws = torch.softmax(draws, -1)[:, 0]
    likely = calls.mean(0).argmax()
    deviations.append(calls[:, likely].std().item())
    ratios.append((calls[:, likely].std() / draws[:, likely].std()).item() ** -2)
    other += (calls.argmax(-1) != likely).sum().item()
print("logits of two calls are the same:", same)
print(f"deviation of the largest probability: {min(deviations):.2f} to {max(deviations):.2f}")
print(f"draws of a call by that: {sum(ratios) / len(ratios):.0f}")
print("calls of 3000 that name another class:", other)
PYTHON

"$folder/venv/bin/python" "$folder/look.py" | tee "$folder/seen"
diff "$folder/seen" - <<'EXPECTED'
logits of two calls are the same: True
deviation of the largest probability: 0.01 to 0.07
draws of a call by that: 20
calls of 3000 that name another class: 33
EXPECTED
