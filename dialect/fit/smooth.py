"""The coefficients of the quadrature rules of smooth functions.

    python smooth.py [FUNCTION ...]            fit them and print them as Rust
    python smooth.py --check [FUNCTION ...]    compare those of the Rust files with the fit, and the
                                               rules with integrals
    python smooth.py --scan [FUNCTION ...]     errors of rules for wide Gaussians of other smoothings
                                               and degrees

Without a function all are meant. The rules: docs/moments.md#smooth-functions. That for narrow
Gaussians is one for all functions, in dialect/src/moments/quadrature.rs; that for wide ones is in
the file of a function. A new function is an entry of FUNCTIONS.

An error of the mean is in units of a function's scale, which is σ, or min(σ/4, 1) for a step; one
of the variance is relative to itself and 1e-3 of the square of the scale.
"""

import argparse
import dataclasses
import re
import sys
from collections.abc import Callable
from functools import cache
from math import factorial
from pathlib import Path

import numpy as np
from scipy.optimize import least_squares, linprog
from scipy.special import expit, ndtr

SOURCE = Path(__file__).resolve().parent.parent / "src"

# The rule for narrow Gaussians: nodes on either side, their distance in σ, and how many squares there
# are of sums and of differences.
PAIRS = 5
SPACING = 0.9
EVEN_SQUARES = 3
ODD_SQUARES = 2

# From this |m| on a function is its asymptote.
FARTHEST = 24.0
# How much wider than the narrowest of the wide Gaussians some are at which a rule is fitted too.
WIDER = 1.15
# A variance below this share of the square of the scale need not keep its digits.
SMALL_VARIANCE = 1e-3
# The mean of a step is asked to be within this share of its deviation and this, where that is less.
STEP_DEVIATION, STEP_ROUNDING = 1e-4, 2e-7
# What an example that is to be exact counts beside the others.
EXACT_MEAN, EXACT_VARIANCE = 1e4, 1e3
# Terms of the series of GELU for narrow Gaussians.
GELU_TERMS = 10


def density(x):
    return np.exp(-0.5 * x * x) / np.sqrt(2 * np.pi)


def softplus(x):
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def mish_share(x):
    """tanh(ln(1 + eˣ)), and 1 less that."""
    q = np.exp(-np.abs(x))
    part = np.where(x >= 0, 1 + 2 * q, q * (q + 2))
    rest = np.where(x >= 0, 2 * q * q, 2.0)
    return part / (part + rest), rest / (part + rest)


def mish_slope(x):
    share, rest = mish_share(x)
    return share + x * rest * (1 + share) * expit(x)


def gelu_argument(x):
    """2u and its slope, in the form of GELU with tanh u."""
    root = 2 * np.sqrt(2 / np.pi)
    return root * (x + 0.044715 * x**3), root * (1 + 3 * 0.044715 * x**2)


def gelu_tanh_slope(x):
    x = np.clip(x, -30, 30)
    u, rise = gelu_argument(x)
    return expit(u) * (1 + x * expit(-u) * rise)


@dataclasses.dataclass(frozen=True)
class Wide:
    """The choices of a rule for wide Gaussians."""

    # A Gaussian is wide from σ = start[0] + start[1]·|m| on: up to there that for narrow ones is exact.
    start: tuple[float, float]
    smoothing: float
    # The degrees of the polynomials that have a coefficient, of the function and of its square.
    mean: tuple[int, ...]
    square: tuple[int, ...]
    # The means of the Gaussians to fit at, as narrow as the rule allows; and of the wider ones.
    places: np.ndarray
    wider: np.ndarray = dataclasses.field(default_factory=lambda: np.empty(0))
    # Coefficients of the function that need no fit.
    known: tuple[float, ...] | None = None

    def bound(self, mean):
        """From which σ on a Gaussian is wide."""
        return self.start[0] + self.start[1] * np.minimum(np.abs(mean), FARTHEST)

    def samples(self):
        """Means and deviations to fit at."""
        sigmas = self.bound(self.places), WIDER * self.bound(self.wider)
        return np.concatenate([self.places, self.wider]), np.concatenate(sigmas)


@dataclasses.dataclass(frozen=True)
class Function:
    value: Callable
    slope: Callable
    # Whether it goes from 0 to 1, and not from 0 to x.
    is_step: bool
    wide: Wide
    # The file, and the names of the two lists of coefficients.
    file: str
    lists: tuple[str | None, str]
    # The error of the mean, in the scale, that weighs as much as this of another function in the rule
    # for narrow Gaussians. None: the function does not use that rule.
    tolerance: float | None
    # Whether p, U and V are fitted to it too, and not only used for it.
    counts: bool = True

    def scale(self, sigma):
        # The slope of a step is at most ¼.
        return np.minimum(sigma / 4, 1) if self.is_step else sigma

    def units(self, sigma, variance):
        """In which errors of mean and variance are minimised."""
        mean = (self.tolerance or 1.0) * self.scale(sigma)
        if self.is_step:
            mean = np.minimum(mean, STEP_DEVIATION * np.sqrt(variance) + STEP_ROUNDING)
        return mean, variance + SMALL_VARIANCE * self.scale(sigma) ** 2


def up_to(degree, step=1, start=0):
    return tuple(range(start, degree + 1, step))


# The tolerances of the mean balance the functions in the one rule for narrow Gaussians.
FUNCTIONS = {
    "sigmoid": Function(
        value=expit,
        slope=lambda x: expit(x) * expit(-x),
        is_step=True,
        # By symmetry the lower half is enough, where the mean is small and its digits are known.
        wide=Wide(
            (0.76, 0.1),
            1.85,
            up_to(17, 2, 1),
            up_to(18, 2),
            -np.linspace(0, 14, 141),
            wider=-np.linspace(0, 14, 29),
        ),
        file="sigmoid.rs",
        lists=("MEAN", "SQUARE"),
        tolerance=1e-5,
    ),
    "silu": Function(
        value=lambda x: x * expit(x),
        slope=lambda x: expit(x) * (1 + x * expit(-x)),
        is_step=False,
        wide=Wide((0.72, 0.12), 1.85, up_to(14, 2), up_to(16), np.linspace(-13, 13, 151)),
        file="silu.rs",
        lists=("MEAN", "SQUARE"),
        tolerance=3e-5 / 1.6,
    ),
    "softplus": Function(
        value=softplus,
        slope=expit,
        is_step=False,
        wide=Wide((0.88, 0.12), 1.9, up_to(10, 2), up_to(10), np.linspace(-13.68, 13.68, 141)),
        file="softplus.rs",
        lists=("MEAN", "SQUARE"),
        tolerance=3e-5 / 3,
    ),
    "mish": Function(
        value=lambda x: x * mish_share(x)[0],
        slope=mish_slope,
        is_step=False,
        wide=Wide((0.62, 0.11), 1.68, up_to(15), up_to(18), np.linspace(-13, 13, 151)),
        file="mish.rs",
        lists=("MEAN", "SQUARE"),
        tolerance=3e-5 / 1.1,
    ),
    "gelu_tanh": Function(
        value=lambda x: x * expit(gelu_argument(x)[0]),
        slope=gelu_tanh_slope,
        is_step=False,
        wide=Wide((0.43, 0.1), 0.88, up_to(10, 2), up_to(10), np.linspace(-8.73, 8.73, 141)),
        file="gelu.rs",
        lists=("MEAN_TANH", "SQUARE_TANH"),
        tolerance=3e-5 / 3.2,
    ),
    "gelu": Function(
        value=lambda x: x * ndtr(x),
        slope=lambda x: ndtr(x) + x * density(x),
        is_step=False,
        # Smoothed by a deviation of 1, max(x, 0) is xΦ(x) + φ(x).
        wide=Wide((0.55, 0.08), 1.0, (0,), up_to(11), np.linspace(-10.05, 10.05, 161), known=(-1.0,)),
        file="gelu.rs",
        lists=(None, "SQUARE_EXACT"),
        tolerance=None,
    ),
}


# Integrals, which share nothing with the rules.

LEGENDRE = np.polynomial.legendre.leggauss(16)


def integrate(function, mean, sigma):
    """E[f(X)] − f(m) and Var[f(X)]: Gauss-Legendre quadrature between places σ/4 and, around 0, ½ apart."""
    bounds = np.concatenate([mean + 0.25 * sigma * np.arange(-48, 49), np.arange(-60, 60.5, 0.5)])
    bounds = np.unique(bounds[np.abs(bounds - mean) <= 12 * sigma])
    half = 0.5 * np.diff(bounds)[:, None]
    x = bounds[:-1, None] + half * (1 + LEGENDRE[0])
    weights = half * LEGENDRE[1] * density((x - mean) / sigma) / sigma
    change = function.value(x) - function.value(np.float64(mean))
    gain = (weights * change).sum()
    return gain, (weights * (change - gain) ** 2).sum()


def integrate_all(function, means, sigmas):
    return np.array([integrate(function, m, s) for m, s in zip(means, sigmas)]).T


# Fits.


def chebyshev(a, b):
    """The x with the least largest |ax − b|: a linear programme."""
    columns = np.abs(a).max(0)
    q, r = np.linalg.qr(a / columns)
    size = np.sqrt(len(b))
    q *= size
    # From the least squares on, in units of their error.
    start = np.linalg.lstsq(q, b, rcond=None)[0]
    rest = b - q @ start
    unit = np.abs(rest).max()
    error = -np.ones((len(b), 1))
    found = linprog(
        np.append(np.zeros(a.shape[1]), 1.0),
        A_ub=np.block([[q, error], [-q, error]]),
        b_ub=np.concatenate([rest, -rest]) / unit,
        bounds=[(None, None)] * a.shape[1] + [(0, None)],
        method="highs",
    )
    if not found.success:
        raise RuntimeError(found.message)
    x = start + found.x[:-1] * unit
    return np.linalg.lstsq(r, x * size, rcond=None)[0] / columns


def polynomials(mean, total, count):
    """φ(m/τ)/τ·Heₙ(m/τ)/τⁿ by n."""
    x = mean / total
    found = [np.ones_like(x), x]
    for n in range(1, count - 1):
        found.append(x * found[-1] - n / total * found[-2])
    root = np.sqrt(total)
    return np.array(found[:count]).T * (density(mean / root) / root)[:, None]


class WideFit:
    """The linear problems of a rule for wide Gaussians, at the narrowest of these."""

    def __init__(self, function):
        self.function, self.wide = function, function.wide
        means, sigmas = self.wide.samples()
        gains, self.variances = integrate_all(function, means, sigmas)
        self.means = function.value(means) + gains
        self.mean_unit, self.square_unit = function.units(sigmas, self.variances)
        total = sigmas**2 + self.wide.smoothing**2
        count = 1 + max(self.wide.mean + self.wide.square)
        self.basis = polynomials(means, total, max(count, 2))
        z = means / np.sqrt(total)
        if function.is_step:
            # Of Φ(x/s), and from ½ on.
            self.known, self.centre = ndtr(z), 0.5
            self.known_square = 0.25
        else:
            self.known = means * ndtr(z) + total * self.basis[:, 0]
            self.centre = 0.0
            self.known_square = (means**2 + sigmas**2) * ndtr(z) + means * total * self.basis[:, 0]

    def mean(self):
        """The problem of the mean: columns and what they add up to, in units of the errors."""
        columns = self.basis[:, list(self.wide.mean)]
        return columns / self.mean_unit[:, None], (self.means - self.known) / self.mean_unit

    def square(self, mean):
        """That of the square, with the mean of the coefficients `mean`."""
        by_rule = self.known + self.basis[:, list(self.wide.mean)] @ mean - self.centre
        rest = self.variances + by_rule**2 - self.known_square
        columns = self.basis[:, list(self.wide.square)]
        return columns / self.square_unit[:, None], rest / self.square_unit

    def fit(self):
        mean = self.wide.known and np.array(self.wide.known)
        if mean is None:
            mean = chebyshev(*self.mean())
        return mean, chebyshev(*self.square(mean))

    def errors(self, mean, square):
        """The largest errors, in the scale."""
        (a, b), (c, d) = self.mean(), self.square(mean)
        return np.abs(a @ mean - b).max() * (self.function.tolerance or 1.0), np.abs(c @ square - d).max()


PLACES = SPACING * (np.arange(PAIRS) + 0.5)


def pairs(function, means, sigmas):
    """Sums and differences of the slopes."""
    above, below = (function.slope(means[:, None] + sign * sigmas[:, None] * PLACES) for sign in (1, -1))
    return above + below, above - below


class NarrowFit:
    """The problems of the rule for narrow Gaussians, over all functions that use it."""

    def __init__(self):
        distances = np.concatenate([np.linspace(0, 10, 61), np.linspace(10.5, 24, 10)])
        parts = {
            name: [] for name in ("sums", "differences", "gains", "variances", "mean_unit", "unit", "of")
        }
        for name, function in FUNCTIONS.items():
            if function.tolerance is None or not function.counts:
                continue
            # As wide as the rule is used, and narrower.
            samples = [
                (sign * distance, share * function.wide.bound(distance))
                for distance in distances
                for share in (1, 0.93, 0.86, 0.79, 0.72, 0.65, 0.58, 0.5, 0.4, 0.3, 0.2, 0.1)
                for sign in ((1, -1) if distance else (1,))
            ]
            means, sigmas = np.array(samples).T
            gains, variances = integrate_all(function, means, sigmas)
            mean_unit, unit = function.units(sigmas, variances)
            sums, differences = pairs(function, means, sigmas)
            square = sigmas**2
            found = (
                sums,
                differences,
                gains / sigmas,
                variances / square,
                mean_unit / sigmas,
                unit / square,
            )
            for part, values in zip(parts.values(), (*found, [name] * len(means))):
                part.append(values)
        for name, part in parts.items():
            setattr(self, name, np.concatenate(part))

    def shift(self):
        """p. That of x², which is ½, is exact."""
        a = np.concatenate([self.differences / self.mean_unit[:, None], [EXACT_MEAN * 2 * PLACES]])
        return chebyshev(a, np.append(self.gains / self.mean_unit, EXACT_MEAN * 0.5))

    def squares(self, rounds=24):
        """U and V: least squares, weighted anew in each round by the errors of the last (Lawson)."""
        weights = SPACING * density(PLACES)
        sums = np.concatenate([self.sums, [np.full(PAIRS, 2.0)]]) * weights
        differences = np.concatenate([self.differences, [np.zeros(PAIRS)]]) * weights
        variances = np.append(self.variances, 1.0)
        unit = np.append(self.unit, 1 / EXACT_VARIANCE)
        rows, columns = np.triu_indices(PAIRS)
        even, odd = ((rows[rows < n], columns[rows < n]) for n in (EVEN_SQUARES, ODD_SQUARES))
        split = len(even[0])

        def forms(x):
            found = np.zeros((EVEN_SQUARES, PAIRS)), np.zeros((ODD_SQUARES, PAIRS))
            found[0][even], found[1][odd] = x[:split], x[split:]
            return found

        def residuals(x):
            u, v = forms(x)
            return (((sums @ u.T) ** 2).sum(1) + ((differences @ v.T) ** 2).sum(1) - variances) / unit

        def slopes(x):
            u, v = forms(x)
            of_even = 2 * (sums @ u.T)[:, even[0]] * sums[:, even[1]]
            of_odd = 2 * (differences @ v.T)[:, odd[0]] * differences[:, odd[1]]
            return np.concatenate([of_even, of_odd], 1) / unit[:, None]

        def weighted(start, root):
            def value(x):
                return root * residuals(x)

            def jacobian(x):
                return root[:, None] * slopes(x)

            return least_squares(value, start, jacobian, method="lm", max_nfev=60).x

        x = np.concatenate(
            [(start / weights)[at] for start, at in zip(cholesky_of_series(weights), (even, odd))]
        )
        importance = np.ones(len(unit))
        best, least = x, np.inf
        for _ in range(rounds):
            # The tolerances of the solver are absolute.
            root = 1e4 * np.sqrt(importance)
            x = weighted(x, root)
            errors = np.abs(residuals(x))
            if errors.max() < least:
                best, least = x, errors.max()
            importance = importance * (errors / errors.max() + 0.02)
            importance /= importance.mean()
        u, v = forms(best)
        return u * weights, v * weights

    def fit(self):
        return self.shift(), *self.squares()

    def errors(self, shift, even, odd):
        """By function, the largest errors in the scale."""
        mean = np.abs(self.differences @ shift - self.gains) / self.mean_unit
        squares = ((self.sums @ even.T) ** 2).sum(1) + ((self.differences @ odd.T) ** 2).sum(1)
        variance = np.abs(squares - self.variances) / self.unit
        return {
            name: (
                mean[self.of == name].max() * FUNCTIONS[name].tolerance,
                variance[self.of == name].max(),
            )
            for name in dict.fromkeys(self.of)
        }


def cholesky_of_series(weights):
    """The triangular forms of Parseval's series with the trapezoidal rule: where the fit starts."""
    polynomial = np.polynomial.hermite_e.HermiteE.basis
    for parity in (0, 1):
        orders = range(parity, 2 * PAIRS + parity, 2)
        rows = np.array([polynomial(n)(PLACES) * weights / np.sqrt(factorial(n) * (n + 1)) for n in orders])
        yield np.linalg.cholesky(rows.T @ rows + 1e-14 * np.eye(PAIRS)).T


@cache
def narrow_fit():
    problem = NarrowFit()
    return problem, problem.fit()


# The rules in float64.


def narrow_moments(function, coefficients, means, sigmas):
    """E[f(X)] − f(m) and Var[f(X)]."""
    shift, even, odd = coefficients
    sums, differences = pairs(function, means, sigmas)
    squares = ((sums @ even.T) ** 2).sum(1) + ((differences @ odd.T) ** 2).sum(1)
    return sigmas * (differences @ shift), sigmas**2 * squares


def gelu_moments(means, sigmas):
    """Those of x·Φ(x), by the series."""
    variance = sigmas**2
    total = 1 + variance
    z = means / np.sqrt(total)
    d = polynomials(means, total, GELU_TERMS + 1).T
    series = 0
    for n in range(GELU_TERMS, 1, -1):
        series = (d[n - 2] - d[n]) ** 2 + variance / (n + 1) * series
    gain = means * ndtr(z) + variance * d[0] - means * ndtr(means)
    return gain, variance * ((ndtr(z) + d[1]) ** 2 + variance / 2 * series)


def wide_moments(function, coefficients, means, sigmas):
    wide = function.wide
    mean, square = coefficients
    total = sigmas**2 + wide.smoothing**2
    z = means / np.sqrt(total)
    basis = polynomials(means, total, max(2, 1 + max(wide.mean + wide.square)))
    of_mean = basis[:, list(wide.mean)] @ mean
    of_square = basis[:, list(wide.square)] @ square
    if function.is_step:
        result = ndtr(z) + of_mean
        spread = ndtr(z) * ndtr(-z) + of_square - of_mean * (2 * (ndtr(z) - 0.5) + of_mean)
    else:
        result = means * ndtr(z) + total * basis[:, 0] + of_mean
        spread = sigmas**2 * ndtr(z) + result * (means - result) + of_square - means * of_mean
    return result - function.value(means), np.maximum(spread, 0)


def operands(wide):
    """Means and deviations over twelve decades, and around where one rule takes over from the other."""
    found = []
    for sigma in 10 ** np.arange(-6, 6.5, 0.5):
        means = [*(sigma * np.array([0, 0.1, 0.5, 1, 2, 3.5, 6])), 0.3, 1, 2.2, 3, 4.5, 6, 9]
        found += [(sign * mean, sigma) for mean in means for sign in (1, -1)]
    shares = [*np.arange(0.1, 3, 0.1), 0.999]
    found += [(mean, share * wide.bound(mean)) for share in shares for mean in np.arange(-20, 20.1, 0.25)]
    return np.array(found).T


def errors_over_decades(function, narrow, wide):
    """The largest errors of the rules. The scale here is σ, or the step if that is less."""
    means, sigmas = operands(function.wide)
    is_wide = sigmas >= function.wide.bound(means)
    by_narrow = (
        gelu_moments(means, sigmas) if narrow is None else narrow_moments(function, narrow, means, sigmas)
    )
    gains, variances = np.where(is_wide, wide_moments(function, wide, means, sigmas), by_narrow)
    expected_gains, expected = integrate_all(function, means, sigmas)
    scale = np.minimum(sigmas, 1) if function.is_step else sigmas
    mean = np.abs(gains - expected_gains) / scale
    variance = np.abs(variances - expected) / (expected + SMALL_VARIANCE * scale**2)
    return {
        rule: (mean[at].max(), variance[at].max()) for rule, at in (("narrow", ~is_wide), ("wide", is_wide))
    }


# Rust.


def literal(x):
    """As rustfmt and clippy like it."""
    digits, _, exponent = f"{x:.10g}".partition("e")
    whole, _, fraction = digits.partition(".")
    fraction = "_".join(re.findall("...|..?$", fraction)) or "0"
    return f"{whole}.{fraction}" + (f"e{int(exponent)}" if exponent else "")


def spread_out(degrees, coefficients):
    """With zeros for the degrees that have none."""
    found = np.zeros(max(degrees) + 1)
    found[list(degrees)] = coefficients
    return found


def constant(name, values):
    rows = np.atleast_2d(values)
    lists = ["[" + ", ".join(map(literal, row)) + "]" for row in rows]
    if values.ndim == 1:
        return f"const {name}: [f64; {len(values)}] = {lists[0]};"
    return f"const {name}: [[f64; {rows.shape[1]}]; {len(rows)}] = [{', '.join(lists)}];"


def read(file, pattern):
    found = re.search(pattern, (SOURCE / file).read_text(), re.DOTALL)
    if not found:
        sys.exit(f"error: {file} has no {pattern!r}")
    return found


def read_constant(file, name):
    """The numbers of a constant, in one row."""
    text = read(file, rf"const {name}: [^=]*= *(.*?);")[1]
    return np.array([float(x.replace("_", "")) for x in re.findall(r"-?\d[\d_]*\.[\d_]*(?:e-?\d+)?", text)])


NARROW_FILE = "moments/quadrature.rs"


def narrow_of_rust():
    even, odd = (read_constant(NARROW_FILE, name).reshape(-1, PAIRS) for name in ("EVEN", "ODD"))
    return read_constant(NARROW_FILE, "SHIFT"), even, odd


def wide_of_rust(function):
    """The two lists, without the zeros."""
    wide, found = function.wide, []
    for name, degrees in zip(function.lists, (wide.mean, wide.square)):
        if name is None:
            found.append(np.array(wide.known))
            continue
        values = read_constant(f"ops/activation/{function.file}", name)
        if np.flatnonzero(values).tolist() != list(degrees):
            sys.exit(f"error: {name} of {function.file} has other degrees than {degrees}")
        found.append(values[list(degrees)])
    return found


def choices_of_rust(file, square):
    """`from` and `smoothing` of the rule that has these coefficients of the square."""
    rule = read(
        f"ops/activation/{file}",
        rf"from: \[([\d.]+), ([\d.]+)\],\s*smoothing: ([\d.]+),\s*mean: [^}}]*square: &{square}\b",
    )
    return tuple(map(float, rule.groups()))


# What the script is asked for.


def print_fit(names):
    if any(FUNCTIONS[name].tolerance for name in names):
        print(f"// {NARROW_FILE}")
        for name, values in zip(("SHIFT", "EVEN", "ODD"), narrow_fit()[1]):
            print(constant(name, values))
    for name in names:
        function = FUNCTIONS[name]
        problem = WideFit(function)
        found = problem.fit()
        mean, variance = problem.errors(*found)
        print(f"\n// ops/activation/{function.file}, {name}: mean {mean:.1e}, variance {variance:.1e}")
        for rust, degrees, values in zip(function.lists, (function.wide.mean, function.wide.square), found):
            if rust:
                print(constant(rust, spread_out(degrees, values)))


def difference(rust, fit):
    """The largest relative to a coefficient."""
    nonzero = fit != 0
    return np.abs(rust[nonzero] / fit[nonzero] - 1).max()


def pair(errors):
    return f"{errors[0]:.2e} {errors[1]:.2e}"


# A number of the Rust files may be so much worse than the fit, as a factor of the largest error.
SLACK = 1.02


def check(names):
    """Prints what is to be compared, and tells whether the Rust files are as good as the fit."""
    good = True

    def compared(what, rust, fit, digits):
        nonlocal good
        fits = all(a <= SLACK * b + 1e-12 for a, b in zip(rust, fit))
        good &= fits
        print(f"{what:17} {pair(rust)}   {pair(fit)}   {digits}{'' if fits else '   WORSE'}".rstrip())

    narrow = narrow_of_rust()
    print("Largest errors of mean and variance, in the scale, at the samples of the fit:")
    print(f"{'':17} {'Rust':17}   {'fit':17}   relative difference of coefficients")
    if any(FUNCTIONS[name].tolerance for name in names):
        problem, fit = narrow_fit()
        digits = " ".join(
            f"{name} {difference(rust, values):.0e}"
            for name, rust, values in zip(("SHIFT", "EVEN", "ODD"), narrow, fit)
        )
        by_rust, by_fit = problem.errors(*narrow), problem.errors(*fit)
        for name in by_fit:
            compared(f"narrow {name}", by_rust[name], by_fit[name], digits)
            digits = ""
    for name in names:
        function = FUNCTIONS[name]
        (least, slope), smoothing = function.wide.start, function.wide.smoothing
        choices = {(function.file, function.lists[1]): (least, slope, smoothing)}
        if name == "sigmoid":
            # tanh x = 2σ(2x) − 1.
            choices["tanh.rs", "SQUARE"] = (least / 2, slope, smoothing / 2)
        for place, chosen in choices.items():
            in_rust = choices_of_rust(*place)
            if in_rust != chosen:
                good = False
                print(f"{place[0]} has from and smoothing {in_rust}, this script {chosen}   WRONG")
        problem, rust = WideFit(function), wide_of_rust(function)
        fit = problem.fit()
        digits = " ".join(
            f"{name} {difference(*values):.0e}" for name, *values in zip(function.lists, rust, fit) if name
        )
        compared(f"wide {name}", problem.errors(*rust), problem.errors(*fit), digits)

    print("\nLargest errors of the rules of the Rust files in float64, σ from 1e-6 to 1e6:")
    print(f"{'':12} {'narrow: mean, var':17}   {'wide: mean, var':17}")
    for name in names:
        function = FUNCTIONS[name]
        of_narrow = narrow if function.tolerance else None
        errors = errors_over_decades(function, of_narrow, wide_of_rust(function))
        print(f"{name:12} {pair(errors['narrow'])}   {pair(errors['wide'])}")
    return good


def scan(name):
    """Errors of the rule for wide Gaussians of other smoothings and degrees."""
    function = FUNCTIONS[name]
    wide = function.wide
    print(f"{name}: smoothing, degrees of the mean and the square, errors of mean and variance")
    for factor in (0.9, 0.95, 1.0, 1.05, 1.1):
        for change in (-2, 0, 2):
            mean, square = (
                tuple(
                    range(
                        degrees[0],
                        degrees[-1] + change + 1,
                        degrees[1] - degrees[0] if len(degrees) > 1 else 1,
                    )
                )
                for degrees in (wide.mean, wide.square)
            )
            if wide.known is not None:
                mean = wide.mean
            tried = dataclasses.replace(wide, smoothing=wide.smoothing * factor, mean=mean, square=square)
            problem = WideFit(dataclasses.replace(function, wide=tried))
            errors = problem.errors(*problem.fit())
            print(f"{tried.smoothing:.3f} {mean[-1]:3} {square[-1]:3} {pair(errors)}")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("functions", nargs="*", metavar="FUNCTION", help=", ".join(FUNCTIONS))
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--check", action="store_true", help="compare the Rust files; fails if they are worse")
    mode.add_argument("--scan", action="store_true", help="errors of other smoothings and degrees")
    arguments = parser.parse_args()
    names = arguments.functions or list(FUNCTIONS)
    if unknown := [name for name in names if name not in FUNCTIONS]:
        parser.error(f"no function {unknown[0]}; known: {', '.join(FUNCTIONS)}")
    if arguments.scan:
        for name in names:
            scan(name)
    elif arguments.check:
        sys.exit(0 if check(names) else 1)
    else:
        print_fit(names)


if __name__ == "__main__":
    main()
