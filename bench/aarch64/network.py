"""A network of test/models: its layers, random parameters and images, and its C source."""

import json
import math
import random
import re
import struct
from dataclasses import dataclass

LINE = re.compile(
    r'(?P<result>%\w+) = gauss\.(?P<op>\w+) (?:"(?P<name>[^"]+)"|(?P<operands>%\w+(?:, %\w+)*))'
    r"(?P<attributes>[^:]*) : .*?<(?P<shape>[^<>]+)xf32>$"
)
FUNCTION = re.compile(r"func\.func @(\w+)\((%\w+): tensor<\?x([\dx]+)xf32>\)")
RETURN = re.compile(r"return (%\w+) :")


@dataclass
class Layer:
    """One op on images: sizes are of one image, without the batch."""

    op: str
    operand: str
    result: str
    parameters: list
    attributes: dict
    input: list
    output: list


@dataclass
class Network:
    name: str
    parameters: dict
    layers: list

    @property
    def inputs(self):
        return math.prod(self.layers[0].input)

    @property
    def outputs(self):
        return math.prod(self.layers[-1].output)


def read(path):
    """The network of a module with one function of one image, one op a line."""
    shapes, names, layers, function, returned = {}, {}, [], None, None
    for line in path.read_text().splitlines():
        if match := FUNCTION.search(line):
            function = match[1]
            shapes[match[2]] = sizes(match[3])
        elif match := RETURN.search(line):
            returned = match[1]
        elif match := LINE.search(line):
            shape = sizes(match["shape"].removeprefix("?x"))
            shapes[match["result"]] = shape
            if match["op"] == "parameter":
                names[match["result"]] = match["name"]
                continue
            operand, *parameters = match["operands"].split(", ")
            attributes = {
                key: [int(number) for number in numbers.split(",")]
                for key, numbers in re.findall(r"(\w+) \[([^\]]*)\]", match["attributes"])
            }
            parameters = [names[parameter] for parameter in parameters]
            values = operand, match["result"], parameters
            layers.append(Layer(match["op"], *values, attributes, shapes[operand], shape))
        elif "gauss." in line:
            raise ValueError(f"{path}: this line is not understood: {line.strip()}")
    if not layers or layers[-1].result != returned:
        raise ValueError(f"{path}: the last op is not what the function returns")
    return Network(function, {name: shapes[key] for key, name in names.items()}, layers)


def sizes(text):
    return [int(size) for size in text.split("x")]


def posterior(network, seed):
    """Means and variances of each parameter, rounded to binary32: all unlike, variances small."""
    source = random.Random(f"{seed} {network.name}")
    values = {}
    for name, shape in network.parameters.items():
        deviation = math.sqrt(2 / math.prod(shape[1:])) if len(shape) > 1 else 0.1
        count = math.prod(shape)
        means = [source.gauss(0, deviation) for _ in range(count)]
        spreads = [0.15 * deviation * math.exp(source.gauss(0, 0.4)) for _ in range(count)]
        values[name] = floats(means), floats([spread * spread for spread in spreads])
    return values


def images(network, batch, seed):
    """`batch` images of values from 0 to 1."""
    source = random.Random(f"{seed} images")
    return floats([source.random() for _ in range(batch * network.inputs)])


def floats(values):
    return struct.unpack(f"<{len(values)}f", struct.pack(f"<{len(values)}f", *values))


def safetensors(network, values):
    """The posterior as a safetensors file."""
    header, data = {}, b""
    for name, moments in values.items():
        for kind, numbers in zip(("mean", "var"), moments):
            begin = len(data)
            data += struct.pack(f"<{len(numbers)}f", *numbers)
            header[f"{name}.{kind}"] = {
                "dtype": "F32",
                "shape": network.parameters[name],
                "data_offsets": [begin, len(data)],
            }
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def source(network, values, batch):
    """The network as C over layers.h, with the function that `pfp compile` makes too."""
    lines = ['#include "layers.h"', ""]
    for index, moments in enumerate(values.values()):
        for kind, numbers in zip(("mean", "variance"), moments):
            text = ",".join(number.hex() + "f" for number in numbers)
            lines.append(f"static const float p{index}_{kind}[] = {{{text}}};")
    lines += [
        "",
        f"int pfp_{network.name}(const real *input, real *mean, real *variance, void *arena)",
        "{",
        "    (void)arena;",
    ]
    identifiers = {name: f"p{index}" for index, name in enumerate(values)}
    moments = {network.layers[0].operand: ("input", "(const real *)NULL")}
    for index, layer in enumerate(network.layers):
        if layer.op == "flatten":
            moments[layer.result] = moments[layer.operand]
            continue
        result = ("mean", "variance")
        if layer is not network.layers[-1]:
            result = f"m{index}", f"v{index}"
            elements = batch * math.prod(layer.output)
            lines.append(f"    static real m{index}[{elements}], v{index}[{elements}];")
        moments[layer.result] = result
        parameters = [
            f"(struct parameter){{{identifiers[name]}_mean, {identifiers[name]}_variance}}"
            for name in layer.parameters
        ]
        arguments = [*dimensions(network, layer, batch), *parameters]
        arguments += [*moments[layer.operand], *result]
        lines.append(f"    {layer.op}({', '.join(map(str, arguments))});")
    lines += ["    return 0;", "}", ""]
    return "\n".join(lines)


def dimensions(network, layer, batch):
    """The leading arguments of a function of layers.h."""
    attributes = dict(layer.attributes)
    match layer.op:
        case "dense" if not attributes:
            return [batch, *layer.input, *layer.output]
        case "relu" if not attributes:
            return [batch * math.prod(layer.input)]
        case "conv2d" if attributes.keys() <= {"padding"}:
            top, left, _, _ = attributes.get("padding", [0, 0, 0, 0])
            kernel = network.parameters[layer.parameters[0]][2:]
            outputs, *size = layer.output
            return [batch, *layer.input, outputs, *kernel, *size, top, left]
        case "max_pool2d" if attributes.keys() == {"kernel", "strides"}:
            channels, *size = layer.input
            kernel, strides = attributes["kernel"], attributes["strides"]
            return [batch * channels, *size, *kernel, *layer.output[1:], *strides]
    raise ValueError(f"layers.h has no {layer.op} with {attributes}")
