"""The text of a module in the dialect, as it is written op by op."""

from typing import NamedTuple


class Value(NamedTuple):
    """A tensor of the module."""

    name: str
    shape: tuple
    gaussian: bool

    @property
    def type(self):
        return tensor_type(self.shape, self.gaussian)


def tensor_type(shape, gaussian):
    """A type of the dialect; the size None is that of the batch."""
    sizes = "".join("?x" if size is None else f"{size}x" for size in shape)
    return f"!gauss.tensor<{sizes}f32>" if gaussian else f"tensor<{sizes}f32>"


class Text:
    """The lines of a module as they are written."""

    def __init__(self, variances):
        self._variances = variances
        self.lines = []
        self.parameters = {}

    def parameter(self, name, shape):
        """A parameter of the network; each is declared once."""
        shape = tuple(shape)
        if name not in self.parameters:
            value = Value(f"%p{len(self.parameters)}", shape, name in self._variances)
            self.lines.append(f'  {value.name} = gauss.parameter "{name}" : {value.type}')
            self.parameters[name] = value
        return self.parameters[name]

    def constant(self, number, shape):
        """A tensor of one number."""
        value = Value(f"%{len(self.lines)}", tuple(shape), False)
        self.lines.append(f"  {value.name} = arith.constant dense<{number!r}> : {value.type}")
        return value

    def op(self, name, operands, shape, attributes=""):
        """An op, and its result."""
        gaussian = any(operand.gaussian for operand in operands)
        value = Value(f"%{len(self.lines)}", tuple(shape), gaussian)
        names = ", ".join(operand.name for operand in operands)
        types = ", ".join(operand.type for operand in operands)
        space = " " if attributes else ""
        self.lines.append(f"  {value.name} = gauss.{name} {names}{space}{attributes} : ({types}) -> {value.type}")
        return value


def identifier(name):
    """A name as the dialect has them for functions."""
    text = "".join(each if each.isalnum() and each.isascii() else "_" for each in name).lower()
    return text if text[:1].isalpha() else f"net_{text}"
