"""Pyro: stochastic variational inference of the Bayesian network with AutoNormal, one draw of the
weights in a step. The prior of a weight is N(0, 1)."""

import pyro
import torch
from pyro import distributions, infer
from pyro.infer.autoguide import AutoNormal
from pyro.infer.autoguide.initialization import init_to_value
from pyro.nn import PyroParam
from torch.nn import functional

from peers.torch_training import Batches
from workloads import Activation, Conv, Dense, Flatten, Pool

# The first is that of Pyro's tutorials.
FORMULATIONS = ("SVI", "one fused Adam, unchecked", "SVI, jitted, unchecked")


def version():
    return pyro.__version__


class Training:
    def __init__(self, case, form):
        torch.set_num_threads(1)
        pyro.set_rng_seed(0)
        pyro.enable_validation("unchecked" not in form)
        self.case, self.batches = case, Batches(case)
        self.model, values, deviations = model(case)
        self.guide = AutoNormal(self.model, init_loc_fn=init_to_value(values=values))
        batch = self.batches.next()
        self.guide(*batch)
        for name, deviation in deviations.items():
            setattr(self.guide.scales, name, PyroParam(deviation, self.guide.scale_constraint))
        # TraceMeanField_ELBO has no closed form of the divergence for this guide, and no other numbers.
        elbo = infer.JitTrace_ELBO(ignore_jit_warnings=True) if "jitted" in form else infer.Trace_ELBO()
        if form.startswith("SVI"):
            self.svi = infer.SVI(self.model, self.guide, pyro.optim.Adam({"lr": 1e-3}), elbo)
            self.step, self.loss = self.svi.step, self.svi.evaluate_loss
            return
        module = elbo(self.model, self.guide)
        optimiser = torch.optim.Adam(module.parameters(), lr=1e-3, fused=True)

        def step(*batch):
            optimiser.zero_grad()
            module(*batch).backward()
            optimiser.step()

        self.step, self.loss = step, lambda *batch: module(*batch).item()

    def run(self, count):
        for _ in range(count):
            self.step(*self.batches.next())

    def objective(self):
        """The mean of the negative evidence lower bound, over the number of items."""
        losses = [self.loss(*self.batches.next()) for _ in range(self.case.steps)]
        return {"bound": sum(losses) / len(losses) / len(self.case.images)}


def model(case):
    """The model of a batch, and first means and deviations of its weights."""
    values, deviations, priors = {}, {}, {}
    for i in range(len(case.network.weighted)):
        for part, prefix in (("weight", ""), ("bias", "bias_")):
            name, value = f"{part}{i}", torch.from_numpy(case.data[f"{prefix}mean{i}"])
            values[name] = value
            deviations[name] = torch.from_numpy(case.data[f"{prefix}variance{i}"]).sqrt()
            prior = distributions.Normal(torch.zeros_like(value), torch.ones_like(value))
            priors[name] = prior.to_event(value.dim())

    def of_batch(x, y, indices):
        i = 0
        for layer in case.network.layers:
            match layer:
                case Conv() | Dense():
                    names = (f"weight{i}", f"bias{i}")
                    weight, bias = (pyro.sample(name, priors[name]) for name in names)
                    i += 1
                    if isinstance(layer, Conv):
                        x = functional.conv2d(x, weight, bias, padding=layer.padding)
                    else:
                        x = functional.linear(x, weight, bias)
                case Activation("relu"):
                    x = functional.relu(x)
                case Pool():
                    x = functional.max_pool2d(x, 2)
                case Flatten():
                    x = x.flatten(1)
        # With a size instead of the items, the plate draws an order of all items in each step.
        with pyro.plate("items", len(case.images), subsample=indices):
            pyro.sample("label", distributions.Categorical(logits=x), obs=y)

    return of_batch, values, deviations
