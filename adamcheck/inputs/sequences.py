"""The battery: every law's columns side by side, rounded to the target's format.

The same seed gives the same columns; choosing fewer laws does not change those of the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from adamcheck.errors import UsageError, closest
from adamcheck.formats import Format
from adamcheck.inputs.laws import LAWS, Law
from adamcheck.inputs.zone import Float64, Zone, zone


@dataclass(frozen=True)
class Battery:
    """Gradients ``[T, N]`` in the format's dtype, and for each column ``law/number``."""

    grads: NDArray[Any]
    labels: tuple[str, ...]

    def columns(self, name: str) -> NDArray[np.int64]:
        """Indices of the columns of one law."""
        found = [i for i, label in enumerate(self.labels) if label.partition("/")[0] == name]
        return np.array(found, np.int64)


def law_named(name: str) -> Law:
    """Look a law up; raise UsageError with the closest name."""
    if name not in LAWS:
        raise UsageError(f"unknown gradient law {name!r}.{closest(name, LAWS)}")
    return LAWS[name]


def battery(
    fmt: Format,
    hyper: Mapping[str, float],
    steps: int,
    *,
    seed: int,
    laws: Iterable[str] | None = None,
    safe: bool = True,
    repeat: int = 1,
) -> Battery:
    """Build the columns of the given laws (default: all finite ones) for one choice of numbers.

    ``safe`` keeps the columns whose element-steps can mostly be decided: those of safe laws that
    peak inside the format's zone. ``repeat`` > 1 adds copies with other random numbers and
    magnitudes. ``hyper`` needs beta1 and beta2; lr, eps and eps_root are read where given.
    """
    if steps < 1:
        raise UsageError(f"battery: steps={steps} must be at least 1.")
    if laws is None:
        regimes = ("safe",) if safe else ("safe", "extreme")
        chosen = [found for found in LAWS.values() if found.regime in regimes]
    else:
        chosen = [law_named(name) for name in laws]
    parts: list[Float64] = []
    names: list[str] = []
    for found in chosen:
        for round_ in range(repeat):
            rng = np.random.default_rng((seed, crc32(found.name.encode()), round_))
            values = found.build(steps, fmt, hyper, rng)
            if round_:
                # another mantissa and sign a column: the laws do not depend on the scale
                width = values.shape[1]
                values = values * rng.uniform(0.5, 1.0, width) * rng.choice((-1.0, 1.0), width)
            first = round_ * values.shape[1]
            names += [f"{found.name}/{first + k}" for k in range(values.shape[1])]
            parts.append(values)
    stacked = np.concatenate(parts, axis=1) if parts else np.zeros((steps, 0))
    grads = _rounded(stacked, fmt)
    if not safe:
        return Battery(grads, tuple(names))
    kept = _decidable(stacked, zone(fmt, hyper), fmt.rounded(hyper.get("eps", 0.0)))
    return Battery(
        np.ascontiguousarray(grads[:, kept]),
        tuple(name for name, keep in zip(names, kept, strict=True) if keep),
    )


def _rounded(values: Float64, fmt: Format) -> NDArray[Any]:
    # rounding must not make an infinity out of a finite law
    clipped = np.where(np.isfinite(values), np.clip(values, -fmt.largest, fmt.largest), values)
    with np.errstate(all="ignore"):
        return clipped.astype(fmt.dtype)


def _decidable(values: Float64, safe: Zone, eps: float) -> NDArray[np.bool_]:
    # where ε is held as 0, a leading zero gradient is 0/0: a limit of the format, not a defect
    with np.errstate(invalid="ignore"):
        peak = np.abs(values).max(axis=0)
    inside = (peak <= safe.largest * (1.0 + 2.0**-20)) & ((peak >= safe.smallest) | (peak == 0.0))
    asked_for = ~np.isfinite(peak)
    return np.asarray((inside | asked_for) & ((values[0] != 0.0) | (eps > 0.0)))
