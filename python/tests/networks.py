"""Networks of the tests, and what they give."""

import pathlib

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
DIGITS = ROOT / "examples" / "digits"
MODULE = DIGITS / "mlp.mlir"
PARAMETERS = DIGITS / "mlp.safetensors"

#: y = W x with independent weights: the mean is mean(W) x, the variance var(W) x².
LINEAR = """
func.func @linear(%x: tensor<?x3xf32>) -> !gauss.tensor<?x2xf32> {
  %w = gauss.parameter "w" : !gauss.tensor<2x3xf32>
  %0 = gauss.dense %x, %w : (tensor<?x3xf32>, !gauss.tensor<2x3xf32>) -> !gauss.tensor<?x2xf32>
  return %0 : !gauss.tensor<?x2xf32>
}
"""

MEAN = np.array([[1.0, 2.0, 3.0], [-1.0, 0.5, 0.0]])
VARIANCE = np.array([[0.5, 0.25, 1.0], [0.0, 4.0, 2.0]])
WEIGHTS = {"w.mean": MEAN, "w.variance": VARIANCE}


def linear(x):
    """Mean and variance of the linear network."""
    return x @ MEAN.T, x**2 @ VARIANCE.T


def digits(kind="test"):
    """The built-in images, float32 in [0, 1], and their labels."""
    data = (DIGITS / f"{kind}-images.idx3-ubyte").read_bytes()
    count = int.from_bytes(data[4:8], "big")
    images = np.frombuffer(data[16:], np.uint8).reshape(count, 1, 8, 8)
    labels = np.frombuffer((DIGITS / f"{kind}-labels.idx1-ubyte").read_bytes()[8:], np.uint8)
    return images, labels
