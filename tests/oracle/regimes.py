"""Gradient sequences and hyperparameters that strain an evaluation, one column each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from adamcheck.formats import Format

from .arithmetic import Array

HYPERS: tuple[dict[str, float], ...] = tuple(
    dict(zip(("lr", "beta1", "beta2", "eps", "eps_root", "weight_decay"), row, strict=True))
    for row in (
        (1e-3, 0.9, 0.999, 1e-8, 1e-8, 1e-2),
        (2.0**-10, 1 - 2.0**-3, 1 - 2.0**-10, 2.0**-27, 2.0**-27, 2.0**-7),
        (1.0, 0.0, 0.999, 1e-8, 0.0, 0.1),
        (1.0, 0.3, 0.9, 1e-3, 1e-3, 0.5),
        (1e-8, 0.9, 0.99999, 1e-16, 1e-16, 1e-2),
        (1e3, 0.5, 0.99, 1.0, 1.0, 1e-3),
        (1.0, 0.99999, 0.9, 1e-8, 1e-8, 1.0),
        (1.0, 0.9, 0.95, 0.0, 0.0, 0.9),
        (0.1, 0.1, 0.3, 1e-3, 1e-8, 0.0),
        (1.0, 1 - 2.0**-6, 1 - 2.0**-4, 2.0**-10, 2.0**-20, 2.0**-4),
        (0.05, 0.9, 0.9, 1e-4, 1e-4, 19.0),
        (1.0, 0.0, 0.0, 1.0, 1.0, 0.999),
        (1.1, 0.87, 0.0, 0.0, 0.0, 3.7),
        (4e-4, 0.09, 0.0, 2e-9, 0.0, 23.0),
    )
)


def sequences(fmt: Format, steps: int, seed: int) -> dict[str, Array]:
    """Named gradient sequences ``[steps]``, in float64 but exact in ``fmt``."""
    rng = np.random.default_rng(seed)
    t = np.arange(steps)
    normal = rng.standard_normal((12, steps))
    top = np.sqrt(fmt.largest)
    tiny = np.sqrt(fmt.smallest_normal)
    smallest = 2.0 ** (fmt.min_exponent - fmt.precision + 1)
    wild = np.exp2(rng.uniform(np.log2(smallest), np.log2(fmt.largest), steps))
    found = {
        "normal": normal[0],
        "constant": np.full(steps, 0.3),
        "sparse": np.where(rng.random(steps) < 0.15, normal[1], 0.0),
        "lone": np.where(t == steps // 3, 1.0, 0.0),
        "late": np.where(t >= steps - 2, normal[2], 0.0),
        "decaying": normal[3] * np.exp2(-12.0 * t / steps),
        "growing": normal[4] * np.exp2(12.0 * t / steps - 12.0),
        "spiked": normal[5] * np.where(t % 7 == 3, 50.0, 0.02),
        "flipping": 0.7 * (-1.0) ** t * (1 + 0.01 * normal[6]),
        "cancelling": np.where(t % 2 == 0, 1.0, -0.9) * (1 + 2.0**-9 * normal[6]),
        "extremal": 0.91 ** (steps - t),
        "small": normal[7] * 1e-3,
        "tiny": normal[8] * tiny,
        "tiny4": normal[9] * tiny * 8.0,
        "underflowing": normal[10] * tiny / 8.0,
        "subnormal": rng.integers(-9, 10, steps) * smallest,
        "zeros": np.where(t % 2, -0.0, 0.0),
        "large": normal[11] * top / 8.0,
        "overflowing": normal[11] * top,
        "huge": np.where(t % 2, 1.0, -1.0) * fmt.largest * rng.uniform(0.3, 1.0, steps),
        "wild": wild * np.where(rng.random(steps) < 0.5, -1.0, 1.0),
    }
    with np.errstate(all="ignore"):
        return {k: g.astype(fmt.dtype).astype(np.float64) for k, g in found.items()}


@dataclass(frozen=True)
class Columns:
    """Inputs of many elements at once: every sequence under every set of hyperparameters.

    ``names`` says for each column which it is; hyper holds one number a column.
    """

    fmt: Format
    names: tuple[str, ...]
    index: Array  # which set of hyperparameters, per column
    sets: tuple[dict[str, float], ...]
    grads: Array
    theta0: Array

    @property
    def hyper(self) -> dict[str, Array]:
        return {k: np.array([s[k] for s in self.sets])[self.index] for k in self.sets[0]}


def columns(
    fmt: Format,
    steps: int,
    *,
    seed: int = 0,
    hypers: tuple[dict[str, float], ...] = HYPERS,
    names: tuple[str, ...] | None = None,
) -> Columns:
    """Every sequence (or those named) with every set of hyperparameters."""
    rng = np.random.default_rng([seed, 1])
    chosen = [(k, g) for k, g in sequences(fmt, steps, seed).items() if names is None or k in names]
    grads = np.stack([g for _ in hypers for _, g in chosen], axis=1).astype(fmt.dtype)
    count = grads.shape[1]
    theta0 = np.where(rng.random(count) < 0.5, 0.0, rng.standard_normal(count)).astype(fmt.dtype)
    label = tuple(f"{k} #{j}" for j in range(len(hypers)) for k, _ in chosen)
    index = np.repeat(np.arange(len(hypers)), len(chosen))
    return Columns(fmt, label, index, hypers, grads, theta0)


def cases(**changes: Any) -> tuple[dict[str, float], ...]:
    """The hyperparameters of HYPERS with some replaced."""
    return tuple({**h, **changes} for h in HYPERS)
