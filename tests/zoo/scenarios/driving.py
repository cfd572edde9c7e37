"""How a scenario drives a target, and what it keeps of it as comparable values."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any, Final

import ml_dtypes
import numpy as np

DTYPES: Final[dict[str, Any]] = {
    "float64": np.float64,
    "float32": np.float32,
    "float16": np.float16,
    "bfloat16": ml_dtypes.bfloat16,
}
# ε large enough to matter in every format; β2 is not a dyadic number
HYPER: Final = {"lr": 0.0625, "beta1": 0.9, "beta2": 0.99, "eps": 2.0**-9}
OTHER: Final = {"lr": 0.25, "beta1": 0.5, "beta2": 0.75, "eps": 2.0**-5}
Seen = Iterator[Any]
Scenario = Callable[[Any, Any, dict[str, Any]], Seen]


def bits(x: Any) -> Any:
    """Type, dtype, shape and bytes of a result (every NaN the same)."""
    if isinstance(x, (list, tuple)):
        return tuple(map(bits, x))
    a = np.asarray(x)
    same = np.where(np.isnan(a), np.asarray(np.nan, a.dtype), a).astype(a.dtype)
    return isinstance(x, np.ndarray), a.dtype.name, a.shape, same.tobytes()


def attempt(action: Callable[..., Any]) -> Any:
    """The bits of a result, or the name of the exception in its place."""
    try:
        return bits(action())
    except Exception as error:
        return type(error).__name__


def accepted(action: Callable[..., Any]) -> str:
    """ "accepted", or the name of the exception."""
    try:
        action()
    except Exception as error:
        return type(error).__name__
    return "accepted"


def normal(shape: Any, dtype: Any, seed: int, scale: float = 1.0) -> np.ndarray:
    return np.asarray(np.random.default_rng(seed).standard_normal(shape) * scale).astype(dtype)


def build(target: Any, thetas: list[np.ndarray], hyper: dict[str, Any]) -> Callable[..., Any]:
    """Give every protocol the step of a class: a list of gradients to a list of parameters."""
    if isinstance(target, type):
        return target(thetas, **hyper).step
    if "grads" in inspect.signature(target).parameters:
        history: list[list[np.ndarray]] = []

        def again(grads: list[np.ndarray]) -> list[np.ndarray]:
            history.append([g.copy() for g in grads])
            runs = zip(thetas, zip(*history, strict=True), strict=True)
            return [target(theta, list(gs), **hyper)[-1] for theta, gs in runs]

        return again
    steps = [target(theta, **hyper) for theta in thetas]
    return lambda grads: [step(g) for step, g in zip(steps, grads, strict=True)]


def build_and_step(target: Any, shape: Any, dtype: Any, options: dict[str, Any]) -> list[Any]:
    theta = np.asarray(normal(shape, dtype, 1))
    step = build(target, [theta], {**HYPER, **options})
    return [list(step([np.asarray(normal(shape, dtype, 2 + t))])) for t in range(2)]
