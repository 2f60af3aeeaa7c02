"""Evaluate the two digit networks from the files beside this script.

Every held-out set goes through the networks twice: in closed form (Probabilistic
Forward Pass, PFP) and by Monte Carlo over sampled weights. The script prints both,
fails if they disagree, and checks `reference.safetensors`, the PFP outputs in
float64 that a compiled network can be tested against. Maxima come before ReLUs, the
order that pfp compiles by default: the networks of the modules, and other moments.

    python evaluate.py                    # print the table, run the checks
    python evaluate.py --write-reference  # write reference.safetensors anew
"""

import argparse
import struct
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
from safetensors.numpy import load_file, save_file
from scipy.special import ndtr, rel_entr, softmax
from scipy.stats import rankdata

HERE = Path(__file__).parent

# The networks expect (pixel / 16 - PIXEL_MEAN) / PIXEL_STD, which is -1 (paper) to 1 (ink).
PIXEL_MEAN = 0.5
PIXEL_STD = 0.5
BATCH_NORM_EPSILON = 1e-5

# (operation, layer whose parameters it reads)
NETWORKS = {
    "mlp": (
        ("flatten", None),
        ("dense", "fc1"),
        ("relu", None),
        ("dense", "fc2"),
        ("relu", None),
        ("dense", "fc3"),
    ),
    "cnn": (
        ("conv2d", "conv1"),
        ("batch_norm", "bn1"),
        ("max_pool", None),
        ("relu", None),
        ("conv2d", "conv2"),
        ("max_pool", None),
        ("relu", None),
        ("flatten", None),
        ("dense", "fc1"),
        ("relu", None),
        ("dense", "fc2"),
    ),
}

MONTE_CARLO_SAMPLES = 30
LOGIT_SAMPLES = 1000
REFERENCE_IMAGES = 32
SEED = 7


# Moment algebra -----------------------------------------------------------------


class Gaussian(NamedTuple):
    """A tensor of independent Gaussians."""

    mean: np.ndarray
    var: np.ndarray

    def map(self, f):
        """Applies a rearrangement of elements to both moments."""
        return Gaussian(f(self.mean), f(self.var))


def exact(value):
    value = np.asarray(value, np.float64)
    return Gaussian(value, np.zeros_like(value))


def dense(x, weight, bias):
    mean = x.mean @ weight.mean.T + bias.mean
    var = x.var @ (weight.var + weight.mean**2).T + x.mean**2 @ weight.var.T + bias.var
    return Gaussian(mean, var)


def conv2d(x, weight, bias):
    """3x3, stride 1, padding 1: a dense layer over the 3x3 neighbourhoods."""

    def neighbourhoods(a):
        padded = np.pad(a, ((0, 0), (0, 0), (1, 1), (1, 1)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
        n, c, h, w = a.shape
        return windows.transpose(0, 2, 3, 1, 4, 5).reshape(n, h, w, c * 9)

    rows = weight.map(lambda a: a.reshape(a.shape[0], -1))
    return dense(x.map(neighbourhoods), rows, bias).map(lambda a: np.moveaxis(a, -1, 1))


def batch_norm(x, gamma, beta, running_mean, running_var):
    channel = lambda a: a.mean[:, None, None]
    scale = channel(gamma) / np.sqrt(channel(running_var) + BATCH_NORM_EPSILON)
    mean = (x.mean - channel(running_mean)) * scale + channel(beta)
    return Gaussian(mean, x.var * scale**2)


def maximum(a, b):
    """Mean and variance of max(a, b) for independent Gaussians (Clark 1961).

    With `hi` the operand of larger mean, t = (mean_hi - mean_lo) / theta >= 0 and
    I1 = phi(t) - t Q(t), everything that is small stays a small positive number
    times theta; Clark's raw second moments would cancel.
    """
    swap = a.mean < b.mean
    hi = Gaussian(np.where(swap, b.mean, a.mean), np.where(swap, b.var, a.var))
    lo = Gaussian(np.where(swap, a.mean, b.mean), np.where(swap, a.var, b.var))
    theta = np.sqrt(hi.var + lo.var)
    # theta = 0 is the plain maximum: any finite t does, as theta multiplies it all.
    t = (hi.mean - lo.mean) / np.where(theta > 0, theta, 1)
    tail = ndtr(-t)
    i1 = np.exp(-0.5 * t * t) / np.sqrt(2 * np.pi) - t * tail
    mean = hi.mean + theta * i1
    var = hi.var * (1 - tail) + lo.var * tail - theta**2 * i1 * (t + i1)
    # Where the true variance underflows, rounding can leave a tiny negative number.
    return Gaussian(mean, np.maximum(var, 0))


def relu(x):
    return maximum(x, exact(0.0))


def max_pool(x):
    """2x2, stride 2: left with right in each row, then the upper row with the lower."""
    rows = maximum(x.map(lambda a: a[..., 0::2]), x.map(lambda a: a[..., 1::2]))
    return maximum(
        rows.map(lambda a: a[:, :, 0::2]), rows.map(lambda a: a[:, :, 1::2])
    )


def flatten(x):
    return x.map(lambda a: a.reshape(a.shape[0], -1))


OPERATIONS = {
    f.__name__: f for f in (dense, conv2d, batch_norm, relu, max_pool, flatten)
}
OPERANDS = {
    "dense": ("weight", "bias"),
    "conv2d": ("weight", "bias"),
    "batch_norm": ("gamma", "beta", "running_mean", "running_var"),
}


def forward(network, parameters, images):
    """Logits of normalised images (n, 1, 8, 8)."""
    x = exact(images)
    for operation, layer in NETWORKS[network]:
        operands = [
            parameters[f"{layer}.{name}"] for name in OPERANDS.get(operation, ())
        ]
        x = OPERATIONS[operation](x, *operands)
    return x


# Files --------------------------------------------------------------------------


def read_idx(path):
    """An IDX file of unsigned bytes."""
    data = path.read_bytes()
    zero, kind, rank = struct.unpack_from(">HBB", data)
    if zero != 0 or kind != 8:
        raise ValueError(f"{path}: not an IDX file of unsigned bytes")
    shape = struct.unpack_from(f">{rank}I", data, 4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * rank).reshape(shape)


def normalise(pixels):
    """(n, 8, 8) pixel values 0..16 as network input (n, 1, 8, 8)."""
    scaled = (np.asarray(pixels, np.float64) / 16 - PIXEL_MEAN) / PIXEL_STD
    return scaled.astype(np.float32)[:, None]


def load_parameters(path):
    tensors = {
        name: value.astype(np.float64) for name, value in load_file(path).items()
    }
    parameters = {}
    for name, value in tensors.items():
        if name.endswith(".mean"):
            stem = name.removesuffix(".mean")
            parameters[stem] = Gaussian(value, tensors[f"{stem}.var"])
        elif not name.endswith(".var"):
            parameters[name] = exact(value)
    return parameters


# Uncertainty --------------------------------------------------------------------


class Prediction(NamedTuple):
    """What one method says about n images."""

    logits: Gaussian
    probabilities: np.ndarray  # (n, 10)
    total: np.ndarray  # entropy of the mean class probabilities, nat
    aleatoric: np.ndarray  # mean entropy of the class probabilities, nat
    epistemic: np.ndarray  # their difference: mutual information of class and weights

    @property
    def variance(self):
        return self.logits.var.mean(axis=1)


def entropy(p):
    return -rel_entr(p, 1.0).sum(axis=-1)


def predict(logits, samples):
    p = softmax(samples, axis=-1)
    total = entropy(p.mean(axis=0))
    aleatoric = entropy(p).mean(axis=0)
    return Prediction(logits, p.mean(axis=0), total, aleatoric, total - aleatoric)


def predict_pfp(network, parameters, images, rng):
    logits = forward(network, parameters, images)
    noise = rng.standard_normal((LOGIT_SAMPLES, *logits.mean.shape))
    return predict(logits, logits.mean + np.sqrt(logits.var) * noise)


def predict_monte_carlo(network, parameters, images, rng, count=MONTE_CARLO_SAMPLES):
    samples = []
    for _ in range(count):
        drawn = {
            name: exact(rng.normal(p.mean, np.sqrt(p.var)))
            for name, p in parameters.items()
        }
        # Without variances the moment algebra is the ordinary network.
        samples.append(forward(network, drawn, images).mean)
    samples = np.stack(samples)
    return predict(Gaussian(samples.mean(axis=0), samples.var(axis=0, ddof=1)), samples)


def auroc(negative, positive):
    """Probability that a positive scores above a negative."""
    ranks = rankdata(np.concatenate([negative, positive]))[len(negative) :]
    n, m = len(negative), len(positive)
    return (ranks.sum() - m * (m + 1) / 2) / (n * m)


def summary(sets, labels):
    """Numbers of one network and method; `sets` maps set name to Prediction."""
    test, ambiguous, ood = sets["test"], sets["ambiguous"], sets["ood"]
    p = test.probabilities
    rows = {
        "accuracy, digits": (p.argmax(axis=1) == labels).mean(),
        "neg. log likelihood, digits": -np.log(p[np.arange(len(p)), labels]).mean(),
    }
    for score in ("total", "aleatoric", "epistemic", "variance"):
        for name, prediction in sets.items():
            rows[f"{score}, {name}"] = getattr(prediction, score).mean()
    for score in ("variance", "epistemic", "total"):
        rows[f"AUROC digits / ood by {score}"] = auroc(
            getattr(test, score), getattr(ood, score)
        )
    in_domain = np.concatenate([test.epistemic, ambiguous.epistemic])
    rows["AUROC digits + ambiguous / ood by epistemic"] = auroc(
        in_domain, ood.epistemic
    )
    rows["AUROC digits / ambiguous by aleatoric"] = auroc(
        test.aleatoric, ambiguous.aleatoric
    )
    return rows


def disagreements(pfp, monte_carlo, pfp_rows, monte_carlo_rows):
    """What differs by more than 30 samples explain, for images like those of the training.

    Out of domain the correlations that the closed form drops are large; how far the two
    methods are apart there is printed, and only the detection itself is checked.
    """
    found = []

    def check(what, value, low, high):
        if not low <= value <= high:
            found.append(f"{what} is {value:.3f}, not in [{low}, {high}]")

    for name in ("test", "ambiguous"):
        a, b = pfp[name].logits, monte_carlo[name].logits
        standard_error = np.sqrt(b.var / MONTE_CARLO_SAMPLES)
        check(
            f"{name}: rms difference of mean logits, in standard errors,",
            np.sqrt((((a.mean - b.mean) / standard_error) ** 2).mean()),
            0,
            2.5,
        )
        check(
            f"{name}: median ratio of logit variances",
            np.median(a.var / b.var),
            0.6,
            1.6,
        )
    for row, tolerance in (
        ("accuracy, digits", 0.02),
        ("AUROC digits / ood by epistemic", 0.05),
    ):
        check(
            f"{row}: difference",
            pfp_rows[row] - monte_carlo_rows[row],
            -tolerance,
            tolerance,
        )
    return found


# Command line -------------------------------------------------------------------


def reference(networks, images):
    images = images[:REFERENCE_IMAGES]
    tensors = {"input": images}
    for network, parameters in networks.items():
        logits = forward(network, parameters, images)
        tensors[f"{network}.mean"] = logits.mean
        tensors[f"{network}.var"] = logits.var
    return tensors


def run(directory, write_reference):
    """Prints the table; returns the list of failed checks."""
    images = {
        name: normalise(read_idx(directory / f"{name}-images.idx3-ubyte"))
        for name in ("test", "ambiguous", "ood")
    }
    labels = read_idx(directory / "test-labels.idx1-ubyte")
    networks = {
        name: load_parameters(directory / f"{name}.safetensors") for name in NETWORKS
    }

    failures = []
    columns = {}
    for network, parameters in networks.items():
        predictions = {}
        for method, predictor in (
            ("PFP", predict_pfp),
            (f"MC{MONTE_CARLO_SAMPLES}", predict_monte_carlo),
        ):
            rng = np.random.default_rng(SEED)
            predictions[method] = {
                name: predictor(network, parameters, x, rng)
                for name, x in images.items()
            }
            columns[f"{network} {method}"] = summary(predictions[method], labels)
        pfp, monte_carlo = predictions
        failures += [
            f"{network}: {failure}"
            for failure in disagreements(
                predictions[pfp],
                predictions[monte_carlo],
                columns[f"{network} {pfp}"],
                columns[f"{network} {monte_carlo}"],
            )
        ]

    print("| | " + " | ".join(columns) + " |")
    print("| --- |" + " ---: |" * len(columns))
    for row in next(iter(columns.values())):
        print(f"| {row} | " + " | ".join(f"{c[row]:.3f}" for c in columns.values()) + " |")

    path = directory / "reference.safetensors"
    expected = reference(networks, images["test"])
    if write_reference:
        save_file(expected, path)
    stored = load_file(path)
    for name, value in expected.items():
        if not np.allclose(stored[name], value, rtol=1e-9, atol=1e-12):
            failures.append(f"{path.name}: {name} differs from the parameters' output")
    return failures


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--directory", type=Path, default=HERE)
    parser.add_argument("--write-reference", action="store_true")
    arguments = parser.parse_args()
    failures = run(arguments.directory, arguments.write_reference)
    for failure in failures:
        print(f"FAILED {failure}", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
