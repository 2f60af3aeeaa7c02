"""Exports small networks with both of torch's exporters, with inputs, outputs and posteriors.

    pip install -r requirements-onnx.txt
    python make_onnx.py FOLDER [NAME..]

For each network:

- NAME_dynamo.onnx and NAME_script.onnx, by the new and the old exporter, and for two networks with batch
  normalisation NAME_plain.onnx, by the new one without its optimiser;
- NAME.npy, inputs;
- NAME.safetensors, the state dict, and NAME.posterior.safetensors, standard deviations of weights and biases;
- NAME.json, of PyTorch for these inputs: "outputs", and "mean" and "variance" over draws of the weights.

onnxruntime must give the same outputs for all models.
"""

import copy
import json
import sys
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F

warnings.filterwarnings("ignore")
torch.set_num_threads(1)

DRAWS, CHUNK = 20_000, 500
# Their own weights and biases are Gaussian; those of normalisations and embeddings are not.
GAUSSIAN = (nn.Linear, nn.modules.conv._ConvNd, nn.RNNBase, nn.MultiheadAttention)
# Exported without the optimiser, too: batch normalisations and all names stay.
PLAIN = ("resnet", "mobile")


class Residual(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.short = nn.Sequential()
        if stride != 1 or inputs != outputs:
            self.short = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(y)) + self.short(x))


class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 4, 3, 1, 1, bias=False), nn.BatchNorm2d(4), nn.ReLU())
        self.blocks = nn.Sequential(Residual(4, 4, 1), Residual(4, 8, 2), Residual(8, 8, 1))
        self.head = nn.Linear(8, 10)

    def forward(self, x):
        return self.head(self.blocks(self.stem(x)).mean((2, 3)))


class SqueezeExcite(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.down, self.up = nn.Conv2d(channels, 4, 1), nn.Conv2d(4, channels, 1)

    def forward(self, x):
        gate = F.hardsigmoid(self.up(F.relu(self.down(F.adaptive_avg_pool2d(x, 1)))))
        return x * gate


class MobileBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.expand = nn.Sequential(
            nn.Conv2d(channels, 16, 1, bias=False), nn.BatchNorm2d(16), nn.Hardswish()
        )
        self.depth = nn.Sequential(
            nn.Conv2d(16, 16, 3, 1, 1, groups=16, bias=False), nn.BatchNorm2d(16), nn.ReLU6()
        )
        self.gate = SqueezeExcite(16)
        self.project = nn.Sequential(nn.Conv2d(16, channels, 1, bias=False), nn.BatchNorm2d(channels))

    def forward(self, x):
        return x + self.project(self.gate(self.depth(self.expand(x))))


class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.down1, self.down2 = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 8, 3, padding=1)
        self.up = nn.ConvTranspose2d(8, 4, 2, 2)
        self.mix, self.out = nn.Conv2d(8, 4, 3, padding=1), nn.Conv2d(4, 1, 1)

    def forward(self, x):
        a = F.relu(self.down1(x))
        b = F.silu(self.down2(F.max_pool2d(a, 2)))
        up = self.up(b)
        return self.out(F.gelu(self.mix(torch.cat([up, a], 1))))


class Recurrent(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.rnn = kind(4, 6, batch_first=True, bidirectional=kind is nn.LSTM)
        self.head = nn.Linear(12 if kind is nn.LSTM else 6, 3)

    def forward(self, x):
        return self.head(self.rnn(x)[0][:, -1])


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, activation="gelu", norm_first=True)
            for _ in range(2)
        )
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return self.head(x.mean(1))


class Embedded(nn.Module):
    def __init__(self):
        super().__init__()
        self.table, self.head = nn.Embedding(11, 6), nn.Linear(6, 2)

    def forward(self, x):
        return self.head(torch.tanh(self.table(x)).mean(1))


def networks():
    conv1d = nn.Sequential(
        nn.Conv1d(2, 6, 5, 2, 2), nn.BatchNorm1d(6), nn.LeakyReLU(0.1), nn.MaxPool1d(2),
        nn.Conv1d(6, 8, 3, groups=2), nn.Mish(), nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(8, 3),
    )  # fmt: skip
    ds_cnn = nn.Sequential(
        nn.Conv2d(1, 8, (5, 3), (2, 2), (2, 1), bias=False), nn.BatchNorm2d(8), nn.ReLU(),
        nn.Conv2d(8, 8, 3, 1, 1, groups=8), nn.GroupNorm(4, 8), nn.Softplus(), nn.Conv2d(8, 8, 1), nn.ELU(),
        nn.AvgPool2d(2, ceil_mode=True), nn.Flatten(), nn.Linear(8 * 5 * 3, 12),
    )  # fmt: skip
    lenet = nn.Sequential(
        nn.Conv2d(1, 6, 5, 1, 2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(400, 20), nn.ReLU(), nn.Linear(20, 10),
    )  # fmt: skip
    mlp = nn.Sequential(
        nn.Flatten(), nn.Linear(16, 12), nn.Tanh(), nn.LayerNorm(12), nn.Linear(12, 8), nn.GELU("tanh"),
        nn.Dropout(), nn.Linear(8, 3),
    )  # fmt: skip
    mobile = nn.Sequential(
        nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.Hardswish(), MobileBlock(8), MobileBlock(8),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5),
    )  # fmt: skip
    # The random numbers of the others stay what they are.
    with torch.random.fork_rng():
        grouped = nn.Sequential(
            nn.ConvTranspose2d(4, 6, 3, 2, 1, groups=2), nn.BatchNorm2d(6), nn.LeakyReLU(0.1), nn.Conv2d(6, 2, 1),
        )  # fmt: skip
    return {
        "mlp": (mlp, (1, 4, 4)),
        "lenet": (lenet, (1, 28, 28)),
        "resnet": (ResNet(), (3, 12, 12)),
        "mobile": (mobile, (3, 16, 16)),
        "conv1d": (conv1d, (2, 40)),
        "ds_cnn": (ds_cnn, (1, 20, 10)),
        "unet": (UNet(), (1, 8, 8)),
        "lstm": (Recurrent(nn.LSTM), (7, 4)),
        "gru": (Recurrent(nn.GRU), (7, 4)),
        "encoder": (Encoder(), (5, 8)),
        "embedding": (Embedded(), (4,)),
        "grouped": (grouped, (4, 4, 3)),
    }


def settle(network, shape):
    """Statistics and weights that are not those of a network that was never trained."""
    for module in network.modules():
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.5, 2)
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d, nn.LayerNorm, nn.GroupNorm)):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.3)
    return network.eval()


def posterior(network, seed):
    """Standard deviations of 0.02 to 0.1 times the rms of a tensor; biases of zeros are left out."""
    generator = torch.Generator().manual_seed(seed)
    deviations = {}
    for prefix, module in network.named_modules():
        if isinstance(module, GAUSSIAN):
            for name, value in module.named_parameters(prefix, recurse=False):
                if value.any():
                    rms = value.detach().square().mean().sqrt()
                    deviations[name] = rms * (0.02 + 0.08 * torch.rand(value.shape, generator=generator))
    return deviations


def moments(network, deviations, x, seed):
    """Mean and variance of the outputs over draws of the weights, which all items of a batch share."""
    generator = torch.Generator().manual_seed(seed)
    network = copy.deepcopy(network).double()
    x = x.double() if x.is_floating_point() else x
    means = {name: value.detach() for name, value in network.named_parameters() if name in deviations}

    def forward(weights):
        return torch.func.functional_call(network, weights, (x,))

    recurrent = any(isinstance(module, nn.RNNBase) for module in network.modules())
    outputs = []
    # The fused kernel of transformer layers cannot be mapped over weights.
    torch.backends.mha.set_fastpath_enabled(False)
    with torch.no_grad():
        for _ in range(DRAWS // CHUNK):
            weights = {}
            for name, mean in means.items():
                noise = torch.randn(CHUNK, *mean.shape, dtype=torch.float64, generator=generator)
                weights[name] = mean + deviations[name].double() * noise
            if recurrent:  # vmap has no rule for these.
                chunk = torch.stack([forward({k: v[i] for k, v in weights.items()}) for i in range(CHUNK)])
            else:
                chunk = torch.func.vmap(forward)(weights)
            outputs.append(chunk.reshape(CHUNK, -1))
    torch.backends.mha.set_fastpath_enabled(True)
    outputs = torch.cat(outputs)
    return outputs.mean(0), outputs.var(0)


def listed(values):
    return [float(f"{value:.9g}") for value in values.ravel().tolist()]


def strip(path):
    """Leaves out what tells of the machine that wrote a model: traces and documentation."""
    model = onnx.load(path)
    assert not model.functions
    marks = ("name_scopes", "pkg.onnxscript.rewriter.rule_name")
    for node in model.graph.node:
        kept = [(entry.key, entry.value) for entry in node.metadata_props if entry.key.endswith(marks)]
        del node.metadata_props[:]
        for key, value in kept:
            node.metadata_props.add(key=key, value=value)
        node.doc_string = ""
    for value in [*model.graph.value_info, *model.graph.input, *model.graph.output, *model.graph.initializer]:
        del value.metadata_props[:]
    del model.graph.value_info[:], model.graph.metadata_props[:], model.metadata_props[:]
    onnx.save(model, path)


def main(folder, *names):
    folder = Path(folder)
    folder.mkdir(exist_ok=True)
    torch.manual_seed(5)
    for seed, (name, (network, shape)) in enumerate(networks().items()):
        if names and name not in names:
            continue
        network = settle(network, shape)
        batch = 2
        x = torch.randint(0, 11, (batch, *shape)) if name == "embedding" else torch.randn(batch, *shape)
        wanted = network(x).detach().numpy()
        np.save(folder / f"{name}.npy", x.numpy().astype(np.float32))

        state = {
            key: value.contiguous()
            for key, value in network.state_dict().items()
            if value.is_floating_point()
        }
        save_file(state, folder / f"{name}.safetensors")
        deviations = posterior(network, seed)
        save_file(deviations, folder / f"{name}.posterior.safetensors", {"representation": "std"})
        mean, variance = moments(network, deviations, x, seed)
        table = {"outputs": wanted.ravel().tolist(), "mean": listed(mean), "variance": listed(variance)}
        (folder / f"{name}.json").write_text(json.dumps(table) + "\n")

        for exporter in ("dynamo", "script", "plain"):
            path = folder / f"{name}_{exporter}.onnx"
            if exporter == "script":
                axes = {"x": {0: "batch"}, "y": {0: "batch"}}
                torch.onnx.export(
                    network,
                    (x,),
                    str(path),
                    dynamo=False,
                    input_names=["x"],
                    output_names=["y"],
                    dynamic_axes=axes,
                )
            elif exporter == "dynamo" or name in PLAIN:
                dims = ({0: torch.export.Dim("batch")},)
                torch.onnx.export(
                    network, (x,), str(path), dynamo=True, optimize=exporter == "dynamo", dynamic_shapes=dims,
                    external_data=False, verbose=False,
                )  # fmt: skip
            else:
                continue
            strip(path)
            session = onnxruntime.InferenceSession(str(path))
            (y,) = session.run(None, {session.get_inputs()[0].name: x.numpy()})
            np.testing.assert_allclose(y, wanted, rtol=1e-4, atol=1e-5)
            print(path.name, path.stat().st_size)


if __name__ == "__main__":
    main(*sys.argv[1:])
