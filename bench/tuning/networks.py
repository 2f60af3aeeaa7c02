"""Networks of small devices as modules of the gauss dialect, with seeded parameters.

    python networks.py FOLDER

writes resnet20.mlir, resnet20.safetensors (3x32x32, blocks of 16, 32 and 64 channels), ds_cnn.mlir and
ds_cnn.safetensors (keyword spotting: 49x10, 64 channels, four depthwise separable layers).
Batch normalisation is folded into the weights, as it is in a deployed network.
"""

import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file


class Writer:
    """The text of a function, and its parameters."""

    def __init__(self, name, shape):
        self.name, self.input = name, shape
        self.lines, self.parameters, self.value, self.shape = [], {}, "%x", shape
        self.is_exact, self.count = True, 0
        self.random = np.random.default_rng([2511, 23440, *name.encode()])

    @staticmethod
    def of(kind, shape):
        sizes = "x".join(map(str, ("?", *shape)))
        return f"tensor<{sizes}xf32>" if kind == "exact" else f"!gauss.tensor<{sizes}xf32>"

    @property
    def type(self):
        return self.of("exact" if self.is_exact else "gauss", self.shape)

    def parameter(self, name, shape, scale):
        kind = f"!gauss.tensor<{'x'.join(map(str, shape))}xf32>"
        mean = scale * self.random.standard_normal(shape)
        deviation = 0.15 * scale * np.exp(0.4 * self.random.standard_normal(shape))
        self.parameters[f"{name}.mean"] = mean.astype(np.float32)
        self.parameters[f"{name}.var"] = (deviation**2).astype(np.float32)
        value = f"%{name.replace('.', '_')}"
        self.lines.append(f'  {value} = gauss.parameter "{name}" : {kind}')
        return value, kind

    def emit(self, op, operands, attributes, shape):
        result = f"%{self.count}"
        self.count += 1
        kinds = ", ".join([self.type] + [kind for _, kind in operands])
        values = ", ".join([self.value] + [value for value, _ in operands])
        kind = self.of("gauss", shape)
        self.lines.append(f"  {result} = gauss.{op} {values}{attributes} : ({kinds}) -> {kind}")
        self.value, self.shape, self.is_exact = result, shape, False

    def convolution(self, outputs, kernel, stride=1, padding=(1, 1), groups=1):
        inputs, height, width = self.shape
        shape = (outputs, inputs // groups, *kernel)
        name = f"layer{self.count}"
        weight = self.parameter(f"{name}.weight", shape, np.sqrt(2 / np.prod(shape[1:])))
        bias = self.parameter(f"{name}.bias", (outputs,), 0.1)
        sides = ((side + 2 * pad - size) // stride + 1
                 for side, pad, size in zip((height, width), padding, kernel))
        pads = f"[{padding[0]}, {padding[1]}, {padding[0]}, {padding[1]}]"
        attributes = f" strides [{stride}, {stride}] padding {pads} groups {groups}"
        self.emit("conv2d", [weight, bias], attributes, (outputs, *sides))

    def relu(self):
        self.emit("relu", [], "", self.shape)

    def add(self, value):
        self.emit("add", [(value, self.type)], "", self.shape)

    def mean_of_image(self):
        self.emit("reduce_mean", [], " axes [2, 3]", self.shape[:1])

    def dense(self, outputs):
        weight = self.parameter("head.weight", (outputs, self.shape[0]), self.shape[0] ** -0.5)
        bias = self.parameter("head.bias", (outputs,), 0.1)
        self.emit("dense", [weight, bias], "", (outputs,))

    def write(self, folder):
        head = f"func.func @{self.name}(%x: {self.of('exact', self.input)}) -> {self.type} {{"
        text = "\n".join([head, *self.lines, f"  return {self.value} : {self.type}", "}"])
        (folder / f"{self.name}.mlir").write_text(text + "\n")
        save_file(self.parameters, folder / f"{self.name}.safetensors")


def resnet20():
    net = Writer("resnet20", (3, 32, 32))
    net.convolution(16, (3, 3))
    net.relu()
    for channels in (16, 32, 64):
        for block in range(3):
            stride = 2 if channels > 16 and block == 0 else 1
            start, shape = net.value, net.shape
            net.convolution(channels, (3, 3), stride)
            net.relu()
            net.convolution(channels, (3, 3))
            if stride == 2:
                end, end_shape = net.value, net.shape
                net.value, net.shape = start, shape
                net.convolution(channels, (1, 1), 2, (0, 0))
                start, net.value, net.shape = net.value, end, end_shape
            net.add(start)
            net.relu()
    net.mean_of_image()
    net.dense(10)
    return net


def ds_cnn():
    net = Writer("ds_cnn", (1, 49, 10))
    net.convolution(64, (10, 4), 2, (4, 1))
    net.relu()
    for _ in range(4):
        net.convolution(64, (3, 3), groups=64)
        net.relu()
        net.convolution(64, (1, 1), padding=(0, 0))
        net.relu()
    net.mean_of_image()
    net.dense(12)
    return net


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for network in (resnet20(), ds_cnn()):
        network.write(folder)
