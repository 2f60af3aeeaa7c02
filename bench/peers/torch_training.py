"""PyTorch: an ordinary network, Adam and cross-entropy. What a step takes is no Bayesian network."""

import torch
from torch import nn
from torch.nn import functional

from workloads import Activation, Conv, Dense, Flatten, Pool

FORMULATIONS = ("eager", "eager, fused Adam", "compiled, fused Adam")


def version():
    return torch.__version__


class Training:
    def __init__(self, case, form):
        torch.set_num_threads(1)
        torch.manual_seed(0)
        self.case, self.batches = case, Batches(case)
        self.network = network(case)
        self.optimiser = torch.optim.Adam(self.network.parameters(), lr=1e-3, fused="fused" in form)
        loss = lambda x, y: functional.cross_entropy(self.network(x), y)
        self.loss = torch.compile(loss) if form.startswith("compiled") else loss

    def run(self, count):
        for _ in range(count):
            x, y, _ = self.batches.next()
            self.optimiser.zero_grad()
            self.loss(x, y).backward()
            self.optimiser.step()

    def objective(self):
        """The mean loss of an item."""
        with torch.no_grad():
            losses = [self.loss(*self.batches.next()[:2]).item() for _ in range(self.case.steps)]
        return {"loss": sum(losses) / len(losses)}


class Batches:
    """Batches of the items in an order that is new in each epoch."""

    def __init__(self, case):
        self.images, self.labels = torch.from_numpy(case.images), torch.from_numpy(case.labels).long()
        self.batch, self.rest = case.batch, iter(())

    def next(self):
        indices = next(self.rest, None)
        if indices is None:
            order = torch.randperm(len(self.images))
            self.rest = iter(order[: len(order) // self.batch * self.batch].split(self.batch))
            indices = next(self.rest)
        return self.images[indices], self.labels[indices], indices


def network(case):
    """The network of the means."""
    layers, i = [], 0
    for layer in case.network.layers:
        match layer:
            case Conv():
                layers.append(nn.Conv2d(layer.inputs, layer.outputs, layer.kernel, padding=layer.padding))
            case Dense():
                layers.append(nn.Linear(layer.inputs, layer.outputs))
            case Activation("relu"):
                layers.append(nn.ReLU())
            case Pool():
                layers.append(nn.MaxPool2d(2))
            case Flatten():
                layers.append(nn.Flatten())
        if isinstance(layer, (Conv, Dense)):
            with torch.no_grad():
                layers[-1].weight.copy_(torch.from_numpy(case.data[f"mean{i}"]))
                layers[-1].bias.copy_(torch.from_numpy(case.data[f"bias_mean{i}"]))
            i += 1
    return nn.Sequential(*layers)
