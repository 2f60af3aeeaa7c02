"""Estimators of scikit-learn over :func:`pfp.train`: multilayer perceptrons with Gaussian weights."""

from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from ._work import train

#: Activations between the layers, as ops of the dialect.
_ACTIVATIONS = ("relu", "tanh", "gelu", "silu", "sigmoid", "softplus")

#: The items of a call: one size, so that each item gets the same bits whatever is beside it.
_BATCH = 32


def module_text(inputs, hidden, outputs, activation):
    """A multilayer perceptron as a module of the dialect."""
    sizes = [inputs, *hidden, outputs]
    lines = []
    value, kind = "%x", "tensor"
    for layer, (width, height) in enumerate(zip(sizes, sizes[1:], strict=False)):
        weight, bias = f"!gauss.tensor<{height}x{width}xf32>", f"!gauss.tensor<{height}xf32>"
        given, made = f"{kind}<?x{width}xf32>", f"!gauss.tensor<?x{height}xf32>"
        lines += [
            f'%w{layer} = gauss.parameter "layers.{layer}.weight" : {weight}',
            f'%b{layer} = gauss.parameter "layers.{layer}.bias" : {bias}',
            f"%h{layer} = gauss.dense {value}, %w{layer}, %b{layer} : ({given}, {weight}, {bias}) -> {made}",
        ]
        value, kind = f"%h{layer}", "!gauss.tensor"
        if layer < len(hidden):
            lines.append(f"%a{layer} = gauss.{activation} {value} : ({made}) -> {made}")
            value = f"%a{layer}"
    body = "\n  ".join(lines)
    result = f"!gauss.tensor<?x{outputs}xf32>"
    return f"func.func @net(%x: tensor<?x{inputs}xf32>) -> {result} {{\n  {body}\n  return {value} : {result}\n}}\n"


class _Bayes(BaseEstimator):
    """What both estimators share."""

    _parameter_constraints = {
        "hidden_layer_sizes": ["array-like"],
        "activation": [StrOptions(set(_ACTIVATIONS))],
        "posterior": [StrOptions({"moments", "svi", "swag"})],
        "epochs": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "prior": [str, Interval(Real, 0, None, closed="neither")],
        "kl_weight": [Interval(Real, 0, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        hidden_layer_sizes=(50,),
        *,
        activation="relu",
        posterior="moments",
        epochs=200,
        batch_size=32,
        learning_rate=0.01,
        prior=1.0,
        kl_weight=1.0,
        random_state=None,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.posterior = posterior
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.prior = prior
        self.kl_weight = kl_weight
        self.random_state = random_state

    def _fit(self, X, targets, outputs, **options):
        """Trains on standardised items, and compiles what came of it."""
        self._validate_params()
        X = np.asarray(X, dtype=np.float64)
        self.mean_ = X.mean(axis=0)
        deviation = X.std(axis=0)
        self.scale_ = np.where(deviation > 0, deviation, 1.0)
        seed = int(check_random_state(self.random_state).randint(1 << 31))
        hidden = [int(size) for size in self.hidden_layer_sizes]
        compile_options = options.pop("compile_options")
        self.training_ = train(
            module_text(X.shape[1], hidden, outputs, self.activation),
            (self._standard(X), targets),
            posterior=self.posterior,
            epochs=self.epochs,
            batch=self.batch_size,
            learning_rate=self.learning_rate,
            prior=self.prior,
            beta=self.kl_weight,
            seed=seed,
            **options,
        )
        self.function_ = self.training_.compile(batch=_BATCH, **compile_options)
        self.n_iter_ = self.training_.summary["epochs"]
        return self

    def _standard(self, X):
        # Numbers far out of the training data are still finite.
        standard = (np.asarray(X, dtype=np.float64) - self.mean_) / self.scale_
        return np.clip(standard, -1e18, 1e18).astype(np.float32)

    def _predicted(self, X):
        check_is_fitted(self)
        X = validate_data(self, X, reset=False)
        return self.function_(self._standard(X))


class BayesClassifier(ClassifierMixin, _Bayes):
    """A classifier whose weights have a Gaussian posterior, predicted in closed form.

    Parameters
    ----------
    hidden_layer_sizes : the widths of the hidden layers.
    activation : "relu", "tanh", "gelu", "silu", "sigmoid" or "softplus".
    posterior : how it is fitted: "moments" (variational, by the moments of the outputs), "svi" (variational, by
        draws of the weights) or "swag".
    epochs, batch_size, learning_rate : the times that every item is used, the items of a step, and its length.
    prior : the standard deviation of the Gaussian prior of each weight, a number or "fan-in:FACTOR" for FACTOR over the
        root of the inputs of its layer; the features are standardised.
    kl_weight : a factor of the divergence from the prior; below 1 the posterior is narrower.
    random_state : a seed, or a generator of NumPy.

    Attributes
    ----------
    classes_ : the classes, in the order of the columns of :meth:`predict_proba`.
    training_ : the :class:`pfp.Training`, with its history and its posterior.
    function_ : the compiled :class:`pfp.Function`, of standardised features: ``(X - mean_) / scale_``.
    mean_, scale_ : mean and standard deviation of each feature.
    n_features_in_, n_iter_ : the features, and the epochs that were run.
    """

    def fit(self, X, y):
        """Fits the posterior to items X (n, features) and their classes y (n,)."""
        X, y = validate_data(self, X, y)
        check_classification_targets(y)
        self.classes_, targets = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"a classifier needs two classes or more, got {len(self.classes_)} class")
        options = {"head": "mean-field"}
        return self._fit(X, targets.astype(np.int64), len(self.classes_), compile_options=options)

    def predict_proba(self, X):
        """The probability of each class, float32 (n, classes)."""
        return self._predicted(X).probabilities

    def predict(self, X):
        """The most probable class of each item (n,)."""
        probabilities = self.predict_proba(X)
        return self.classes_[probabilities.argmax(axis=1)]

    def predict_uncertainty(self, X):
        """Uncertainty in nats, each float32 (n,): ``total``, ``aleatoric`` (the noise of the data) and ``epistemic``
        (what the network does not know)."""
        return self._predicted(X).uncertainty


class BayesRegressor(RegressorMixin, _Bayes):
    """A regression whose weights have a Gaussian posterior, predicted in closed form.

    The parameters are those of :class:`BayesClassifier`; the targets are standardised, too. The variance of the
    noise is learned.

    Attributes
    ----------
    training_, function_, mean_, scale_, n_features_in_, n_iter_ : as of :class:`BayesClassifier`.
    noise_variance_ : the variance of the observations around the network, in the square of the unit of y.
    """

    def fit(self, X, y):
        """Fits the posterior to items X (n, features) and their targets y (n,), or (n, targets)."""
        X, y = validate_data(self, X, y, multi_output=True, y_numeric=True)
        y = np.asarray(y, dtype=np.float64)
        self._is_flat = y.ndim == 1
        y = y.reshape(len(y), -1)
        self.target_mean_ = y.mean(axis=0)
        deviation = y.std(axis=0)
        self.target_scale_ = np.where(deviation > 0, deviation, 1.0)
        targets = ((y - self.target_mean_) / self.target_scale_).astype(np.float32)
        self._fit(X, targets, y.shape[1], loss="gaussian", compile_options={})
        noise = self.training_.noise_variance * self.target_scale_**2
        self.noise_variance_ = noise[0] if self._is_flat else noise
        return self

    def predict(self, X, return_std=False):
        """The mean of the prediction, float64 (n,) or (n, targets); with ``return_std`` also its standard deviation:
        of an observation, that is of what the network does not know and of the noise."""
        predicted = self._predicted(X)
        mean = predicted.mean * self.target_scale_ + self.target_mean_
        if not return_std:
            return mean[:, 0] if self._is_flat else mean
        variance = predicted.variance * self.target_scale_**2 + self.noise_variance_
        deviation = np.sqrt(variance)
        return (mean[:, 0], deviation[:, 0]) if self._is_flat else (mean, deviation)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


__all__ = ["BayesClassifier", "BayesRegressor"]
