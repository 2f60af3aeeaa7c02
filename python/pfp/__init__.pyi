from collections.abc import Iterable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

__version__: str
AMBIGUOUS: int
UNKNOWN: int

_Path = str | PathLike[str]
_Float32 = NDArray[np.float32]

class Error(Exception):
    message: str
    help: str | None

class MissingOutput(Error, AttributeError, KeyError): ...

class Uncertainty(NamedTuple):
    total: _Float32
    aleatoric: _Float32
    epistemic: _Float32

class Interval(NamedTuple):
    lower: _Float32
    upper: _Float32

class Prediction:
    @property
    def mean(self) -> _Float32: ...
    @property
    def variance(self) -> _Float32: ...
    @property
    def std(self) -> _Float32: ...
    @property
    def draws(self) -> _Float32: ...
    @property
    def probabilities(self) -> _Float32: ...
    @property
    def uncertainty(self) -> Uncertainty: ...
    @property
    def decision(self) -> NDArray[np.int64]: ...
    @property
    def covariance(self) -> _Float32: ...
    @property
    def interval(self) -> Interval: ...
    def keys(self) -> tuple[str, ...]: ...
    def __getitem__(self, name: str) -> _Float32: ...
    def __len__(self) -> int: ...

class Function:
    @property
    def sizes(self) -> tuple[int, ...]: ...
    @property
    def inputs(self) -> dict[str, tuple[int, ...]]: ...
    @property
    def outputs(self) -> dict[str, tuple[int, ...]]: ...
    @property
    def module(self) -> str: ...
    @property
    def parameters(self) -> bytes | None: ...
    def __call__(self, *inputs: ArrayLike) -> Prediction: ...
    def prepare(self, items: int) -> None: ...
    def costs(self, items: int) -> tuple[int, int, int] | None: ...
    def save(
        self,
        directory: _Path,
        *,
        target: str | None = ...,
        cpu: str | None = ...,
        emit: tuple[str, ...] | str | None = ...,
        batch: int | None = ...,
        threads: int | None = ...,
        **options: Any,
    ) -> list[Path]: ...

class Parameters:
    bytes: bytes
    def __init__(self, data: bytes) -> None: ...
    @classmethod
    def of(cls, arrays: Mapping[str, ArrayLike]) -> Parameters: ...
    def arrays(self) -> dict[str, NDArray[Any]]: ...
    @property
    def metadata(self) -> dict[str, str]: ...
    def save(self, path: _Path) -> None: ...

class Training:
    module: str
    posterior: Parameters
    history: list[dict[str, Any]]
    summary: dict[str, Any]
    @property
    def parameters(self) -> bytes: ...
    @property
    def noise_variance(self) -> NDArray[np.float64]: ...
    def save(self, path: _Path) -> None: ...
    def compile(self, **options: Any) -> Function: ...

class Calibration:
    module: str
    posterior: Parameters
    report: dict[str, Any]
    @property
    def parameters(self) -> bytes: ...
    def save(self, path: _Path) -> None: ...
    def compile(self, **options: Any) -> Function: ...

class Evaluation(dict[str, Any]):
    @property
    def verdict(self) -> str: ...

def compile(
    model: Any,
    posterior: Any = ...,
    *,
    batch: int | Iterable[int] | None = ...,
    mode: str | None = ...,
    head: str | None = ...,
    target: str | None = ...,
    cpu: str | None = ...,
    framework: str | None = ...,
    representation: str | None = ...,
    names: _Path | None = ...,
    logits: bool = ...,
    outputs: Iterable[str] | None = ...,
    marginals: bool = ...,
    order_of_vector: Iterable[str] | None = ...,
    weights: _Path | None = ...,
    map: Mapping[str, str] | list[str] | None = ...,
    deterministic: Iterable[str] | bool | None = ...,
    input_shape: Iterable[int] | None = ...,
    **options: Any,
) -> Function: ...
def train(
    module: Any,
    data: Any,
    *,
    validation: Any = ...,
    report: _Path | None = ...,
    **options: Any,
) -> Training: ...
def evaluate(
    model: Any,
    data: Any,
    posterior: Any = ...,
    *,
    ood: Any = ...,
    ambiguous: Any = ...,
    report: _Path | None = ...,
    **options: Any,
) -> Evaluation: ...
def calibrate(
    model: Any,
    data: Any,
    posterior: Any = ...,
    *,
    ood: Any = ...,
    **options: Any,
) -> Calibration: ...
def command(name: str, *positional: _Path, **options: Any) -> Any: ...
