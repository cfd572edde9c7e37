"""Places where a narrower format may hide: storage, scalars, powers, each as a Change."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

import numpy as np

from adamcheck.formats import FORMATS, Format
from adamcheck.identify.candidate import Change, Hyper
from adamcheck.identify.slips import both_by, replaced
from adamcheck.identify.stack import Array, Stack

_PLACES: Final = {
    "m": "m is stored in {0}",
    "v": "v is stored in {0}",
    "g": "the gradient passes through {0}",
    "update": "Δ passes through {0}",
    "theta": "the parameter is kept in {0}",
}


_PASSED: Final = {
    "lr passes": ("lr",),
    "ε passes": ("eps",),
    "β1 passes": ("beta1",),
    "β2 passes": ("beta2",),
    "β1 and β2 pass": ("beta1", "beta2"),
    "all hyperparameters pass": ("lr", "beta1", "beta2", "eps"),
}


def _narrower(fmt: Format) -> list[Format]:
    return [f for f in FORMATS.values() if f.precision < fmt.precision]


def narrow(fmt: Format) -> list[Change]:
    """Places where a narrower format may hide, and hyperparameters that pass through one."""
    found = [
        Change(words.format(f.name), rounded=(place, f.name))
        for f in _narrower(fmt)
        for place, words in _PLACES.items()
    ]
    for f in _narrower(fmt):
        for what, names in _PASSED.items():
            rules = {n: _through(n, f) for n in names}
            found.append(Change(f"{what} through {f.name}", hyper=replaced(**rules)))
        found += [
            Change(f"β^t is multiplied up in {f.name}", corrections=_running(f.name)),
            Change(f"1-β^t is computed in {f.name}", corrections=_power(f.name)),
        ]
    return found


def _through(name: str, fmt: Format) -> Callable[[Hyper, Stack], Array]:
    return lambda h, stack: h[name].astype(fmt.dtype).astype(np.float64)


def wide(fmt: Format) -> list[Change]:
    """Scalar arithmetic in a narrower format, whatever its order: an envelope, no exact numbers."""
    return [
        Change(f"within what scalars (β, 1-β, β^t, lr) in {f.name} explain", scalars=f.name)
        for f in _narrower(fmt)[:1]
    ]


def _running(name: str) -> Callable[..., Any]:
    """β^t as a product multiplied up in a narrower format."""

    def rest(t: Any, beta: Array) -> Array:
        return np.asarray(
            [1.0 - _product(name, float(b), int(k)) for k, b in zip(t, beta, strict=True)]
        )

    return both_by(rest)


@lru_cache(maxsize=1 << 16)
def _product(name: str, beta: float, t: int) -> float:
    kind = FORMATS[name].dtype.type
    factor = kind(beta)
    return float(factor if t <= 1 else kind(_product(name, beta, t - 1)) * factor)


def _power(name: str) -> Callable[..., Any]:
    """1-β^t by a power in a narrower format."""
    kind = FORMATS[name].dtype.type
    return both_by(lambda t, b: (kind(1) - b.astype(kind) ** t.astype(kind)).astype(np.float64))
