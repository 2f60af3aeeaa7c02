"""Exports layers as users of PyTorch spell them, with a batch that is open, with inputs and outputs.

    pip install -r requirements-onnx.txt
    python make_onnx_spellings.py FOLDER

For each NAME and exporter NAME_EXPORTER.onnx; NAME.npy, three items; and NAME.json:

- "outputs", what onnxruntime gives for them;
- "refused", where pfp refuses the model: a part of its message;
- "whole", where the model computes with the batch, so that it has to be fixed: a part of the message.

The weights are random, from a fixed seed.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from make_onnx import listed, strip
from torch import nn
from torch.nn import functional as F

STEPS, FEATURES, BATCH = 5, 8, 3
FUTURE = torch.triu(torch.ones(STEPS, STEPS), 1).bool()
# The future, but for the first two steps.
PREFIX = FUTURE & (torch.arange(STEPS) >= 2)
MINUS_INFINITY = torch.zeros(STEPS, STEPS).masked_fill(FUTURE, float("-inf"))


class Layer(nn.Module):
    def __init__(self, forward, kind=None):
        super().__init__()
        self.linear = nn.Linear(FEATURES, FEATURES)
        self.plain = nn.Linear(FEATURES, FEATURES, bias=False)
        self.head = nn.Linear(FEATURES, 2)
        self.token = nn.Parameter(torch.randn(1, 1, FEATURES))
        self.table = nn.Embedding(STEPS, FEATURES)
        self.kind = kind() if kind else nn.Identity()
        self.function = forward

    def forward(self, x):
        return self.function(self, x)


def heads(x):
    return x.reshape(-1, STEPS, 2, FEATURES // 2).transpose(1, 2)


def joined(x):
    return x.transpose(1, 2).reshape(-1, STEPS, FEATURES)


def attention(masked):
    """Attention of two heads, its scores masked by a function."""

    def forward(net, x):
        q, k, v = heads(net.linear(x)), heads(net.plain(x)), heads(x)
        weights = masked(q @ k.transpose(-2, -1) * 0.5).softmax(-1)
        return net.head(joined(weights @ v))

    return forward


def scaled(**settings):
    def forward(net, x):
        q, k, v = heads(net.linear(x)), heads(net.plain(x)), heads(x)
        return net.head(joined(F.scaled_dot_product_attention(q, k, v, **settings)))

    return forward


def with_token(token):
    """Attention with a token in front of the steps, as of a vision transformer."""

    def forward(net, x):
        x = torch.cat([token(net, x.shape[0]), x], 1)
        weights = (net.linear(x) @ x.transpose(1, 2)).softmax(-1)
        return net.head((weights @ net.plain(x))[:, 0])

    return forward


def on_rows(net, x):
    return net.head(net.kind(net.linear(x.reshape(-1, FEATURES))).reshape(-1, STEPS, FEATURES))


def channel_norm(net, x):
    y = net.linear(x).transpose(1, 2)
    mean = y.mean(1, keepdim=True)
    variance = (y - mean).pow(2).mean(1, keepdim=True)
    y = (y - mean) / torch.sqrt(variance + 1e-5)
    return net.head((y * net.token[0, 0, :, None]).transpose(1, 2))


def einsum_heads(net, x):
    q, k = (layer(x).reshape(-1, STEPS, 2, 4) for layer in (net.linear, net.plain))
    weights = torch.einsum("bthd,bshd->bhts", q, k).softmax(-1)
    y = torch.einsum("bhts,bshd->bthd", weights, x.reshape(-1, STEPS, 2, 4))
    return torch.einsum("bthd,ehd->bte", y, net.plain.weight.reshape(FEATURES, 2, 4))


NETWORKS = {
    "batch_mean": (lambda net, x: net.linear(x) - net.linear(x).mean(0, keepdim=True),),
    "batch_last": (lambda net, x: net.head(x).transpose(0, 1),),
    "causal_sdpa": (scaled(is_causal=True),),
    "causal_sdpa_mask": (scaled(attn_mask=~FUTURE),),
    "causal_fill": (attention(lambda scores: scores.masked_fill(FUTURE, float("-inf"))),),
    "causal_add": (attention(lambda scores: scores + MINUS_INFINITY),),
    "causal_where": (attention(lambda scores: torch.where(~FUTURE, scores, torch.tensor(-1e9))),),
    "sees_all": (scaled(attn_mask=torch.ones(STEPS, STEPS).bool()),),
    "prefix_mask": (attention(lambda scores: scores.masked_fill(PREFIX, float("-inf"))),),
    "class_token": (with_token(lambda net, batch: net.token.expand(batch, -1, -1)),),
    "class_token_repeat": (with_token(lambda net, batch: net.token.repeat(batch, 1, 1)),),
    "class_token_zeros": (with_token(lambda net, batch: torch.zeros(batch, 1, FEATURES)),),
    "positions": (lambda net, x: net.head(x + net.table(torch.arange(STEPS).expand(x.shape[0], STEPS))),),
    "rows_without_bias": (lambda net, x: net.plain(x.reshape(-1, FEATURES)).reshape(-1, STEPS, FEATURES),),
    "rows_batch_norm": (on_rows, lambda: nn.BatchNorm1d(FEATURES)),
    "rows_group_norm": (on_rows, lambda: nn.GroupNorm(2, FEATURES)),
    "rows_prelu": (on_rows, lambda: nn.PReLU(FEATURES)),
    "steps_first_maximum": (lambda net, x: net.linear(x.transpose(0, 1)).amax(0),),
    "steps_first_batch_norm": (
        lambda net, x: net.kind(x.transpose(0, 1).transpose(1, 2)).transpose(1, 2).mean(0),
        lambda: nn.BatchNorm1d(FEATURES),
    ),
    "channel_norm": (channel_norm,),
    "einsum_linear": (lambda net, x: torch.einsum("btd,ed->bte", x, net.plain.weight),),
    "einsum_heads": (einsum_heads,),
}
REFUSED = {"prefix_mask": "has a constant mask that is not causal"}
WHOLE = {"batch_mean": "is over the batch", "batch_last": "moves the batch"}


def main(folder):
    folder = Path(folder)
    folder.mkdir(exist_ok=True)
    for seed, (name, network) in enumerate(NETWORKS.items()):
        torch.manual_seed(seed)
        network = Layer(*network)
        for key, value in network.state_dict().items():
            if key.startswith("kind.") and value.is_floating_point():
                value.uniform_(0.5, 1.5)
        network.eval()
        x = torch.randn(BATCH, STEPS, FEATURES)
        wanted = network(x).detach().numpy()
        np.save(folder / f"{name}.npy", x.numpy())
        table = {"shape": list(wanted.shape), "outputs": listed(wanted)}
        table |= {key: of[name] for key, of in (("refused", REFUSED), ("whole", WHOLE)) if name in of}
        (folder / f"{name}.json").write_text(json.dumps(table) + "\n")
        for exporter in ("dynamo", "script"):
            path = folder / f"{name}_{exporter}.onnx"
            if exporter == "script":
                settings = {"dynamic_axes": {"x": {0: "batch"}}, "output_names": ["y"], "input_names": ["x"]}
            else:
                settings = {"dynamic_shapes": ({0: torch.export.Dim("batch")},), "external_data": False, "verbose": False}
            torch.onnx.export(network, (x,), str(path), dynamo=exporter == "dynamo", **settings)
            strip(path)
            session = onnxruntime.InferenceSession(str(path))
            (y,) = session.run(None, {session.get_inputs()[0].name: x.numpy()})
            np.testing.assert_allclose(y, wanted, rtol=1e-4, atol=1e-5)
            print(path.name, path.stat().st_size)


if __name__ == "__main__":
    main(*sys.argv[1:])
