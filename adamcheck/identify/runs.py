"""The short runs that tell any two dialects apart: what is asked of a target, and why.

Every run is deterministic, small (some dozen steps, 67 elements: an odd number, not a whole number
of vectors) and made for one switch; together they separate every pair of dialects.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from adamcheck.formats import FORMATS, Format
from adamcheck.targets.protocol import Trajectory

STEPS: Final = 24
ELEMENTS: Final = 67
LONG: Final = 300
WIDE: Final = 8192
"""Elements of a large array: two blocks of the largest size that any library has."""
WORDS: Final = {
    "near-eps": "gradients near ε",
    "decades": "gradients over many decades",
    "company": "the same ones among others",
    "spike": "a spike, then small gradients",
    "usual": "usual gradients",
    "away": "θ away from zero",
    "idle": "no gradients",
    "idle-slow": "no gradients, a smaller lr",
    "slow": "updates below θ's own digits",
    "long": "some hundred steps",
    "preloaded": "moments loaded",
}
"""The runs by label, in the words of a report."""
_GOLDEN: Final = (5**0.5 - 1) / 2
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Asked:
    """What every run passes besides: extra hyperparameters and the flags that are on."""

    extra: Mapping[str, float]
    flags: frozenset[str]


def short(fmt: Format, takes: frozenset[str], asked: Asked) -> Iterator[tuple[str, Trajectory]]:
    """The runs that identify a dialect; ``takes`` are the hyperparameters that can be passed."""
    narrow = fmt.short_ranged  # 1e-8 is zero there, and g² leaves the range early
    zero = np.zeros(ELEMENTS)
    shape = (STEPS, ELEMENTS)
    far = signs(ELEMENTS) * spread(ELEMENTS, 0.5, 2.0, 11)

    # |g| around ε: where each place of ε, and the correction of each moment, shows most
    yield (
        "near-eps",
        _ask(
            fmt,
            takes,
            asked,
            zero,
            _gradients(shape, 2.0**-7, 0.5, 1),
            2.0**-4,
            0.875,
            0.96875,
            2.0**-4,
        ),
    )
    # the same numbers in two companies: an elementwise rule moves the kept half alike in both
    low, high, eps, rate = (
        (2.0**-8, 2.0**6, 2.0**-4, 2.0**-4) if narrow else (1e-10, 1e4, 1e-8, 1e-3)
    )
    grads = _gradients(shape, 0.75, 1.25, 2) * np.geomspace(low, high, ELEMENTS)
    yield "decades", _ask(fmt, takes, asked, zero, grads, rate, 0.9, 0.999, eps)
    yield "company", _ask(fmt, takes, asked, zero, in_company(grads), rate, 0.9, 0.999, eps)
    # a spike, then small gradients: the maximum of AMSGrad, over v or over v̂
    grads = _gradients(shape, 2.0**-4, 0.25, 3)
    grads[0, ::2] *= 64.0
    grads[8, 1::2] *= 64.0
    yield "spike", _ask(fmt, takes, asked, zero, grads, 2.0**-6, 0.5, 0.75, 2.0**-10)
    yield (
        "usual",
        _ask(fmt, takes, asked, zero, _gradients(shape, 0.25, 4.0, 4), 1e-3, 0.9, 0.999, 1e-8),
    )
    # θ away from zero and a large rate: whether the update is shrunk by the decay as well
    yield (
        "away",
        _ask(
            fmt, takes, asked, far, _gradients(shape, 2.0**-5, 1.0, 5), 2.0, 0.75, 0.9375, 2.0**-3
        ),
    )
    # no gradient at all: what moves is decay, and two rates tell whether the rate scales it
    none = np.zeros(shape)
    yield "idle", _ask(fmt, takes, asked, far, none, 1.0, 0.875, 0.96875, 2.0**-3)
    yield "idle-slow", _ask(fmt, takes, asked, far, none, 0.25, 0.875, 0.96875, 2.0**-3)
    if fmt.narrow:  # gradients that all go one way: what θ's few digits lose may be kept elsewhere
        grads = spread(STEPS * ELEMENTS, 0.5, 2.0, 8).reshape(shape)
        yield "slow", _ask(fmt, takes, asked, far, grads, fmt.u / 3.0, 0.5, 0.75, 2.0**-7)


def long(fmt: Format, takes: frozenset[str], asked: Asked) -> Trajectory:
    """A run past the first hundreds of steps: counters that stop, powers that drift."""
    grads = _gradients((LONG, 5), 0.25, 4.0, 6)
    return _ask(fmt, takes, asked, np.zeros(5), grads, 1e-3, 0.9, 0.99, 1e-8)


def wide(fmt: Format, takes: frozenset[str], asked: Asked) -> Trajectory:
    """A large array, in which libraries keep moments as codes in blocks, each of another size."""
    shape = (2, WIDE)
    grads = _gradients(shape, 2.0**-4, 1.0, 9) * np.repeat(spread(WIDE // 256, 0.25, 4.0, 10), 256)
    return _ask(fmt, takes, asked, np.zeros(WIDE), grads, 1e-3, 0.9, 0.999, 1e-8)


def preloaded(fmt: Format, takes: frozenset[str], asked: Asked) -> Trajectory:
    """From moments and a step count of 3: what a first step that divides by zero hides."""
    from dataclasses import replace

    request = next(t for label, t in short(fmt, takes, asked) if label == "near-eps")
    size = _gradients((2, ELEMENTS), 2.0**-6, 2.0**-3, 7)
    few = FORMATS["bfloat16"].dtype  # numbers of every format: whatever keeps them keeps these
    v = (np.abs(size[1]) ** 2).astype(few).astype(np.float64)
    shown = {"m": size[0].astype(few).astype(np.float64), "v": v, "v_max": 2.0 * v}
    state = {name: x.astype(fmt.dtype) for name, x in shown.items()} | {"t": 3}
    return replace(request, preload=(state,))


def in_company(grads: Array) -> Array:
    """The elements in reverse order, with every second one eight times as large."""
    other = grads[:, ::-1].copy()
    other[:, 1::2] *= 8.0
    return other


def kept_in_company(count: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Indices of the kept elements in the first run, and where they are in the second."""
    there = np.arange(0, count, 2)
    return count - 1 - there, there


def signs(count: int) -> Array:
    """+1 and -1 in no simple order."""
    return np.where((np.arange(1, count + 1) * _GOLDEN) % 1.0 < 0.5, 1.0, -1.0)


def spread(count: int, low: float, high: float, salt: int) -> Array:
    """Positive numbers, spread evenly between the logarithms of ``low`` and ``high``."""
    part = (np.arange(1, count + 1) * _GOLDEN + salt * 2.0**0.5) % 1.0
    return np.asarray(low * (high / low) ** part)


def usual_gradients(shape: tuple[int, int], salt: int) -> Array:
    """Gradients of the usual size ``shape``, other ones for every salt."""
    return _gradients(shape, 0.25, 4.0, salt)


def _gradients(shape: tuple[int, int], low: float, high: float, salt: int) -> Array:
    count = shape[0] * shape[1]
    turned = (np.arange(1, count + 1) * 3.0**0.5 + salt * _GOLDEN) % 1.0 < 0.5
    return (np.where(turned, 1.0, -1.0) * spread(count, low, high, salt)).reshape(shape)


def _ask(
    fmt: Format,
    takes: frozenset[str],
    asked: Asked,
    theta0: Array,
    grads: Array,
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
) -> Trajectory:
    return asked_with(fmt, takes, asked, [theta0], [grads], lr, beta1, beta2, eps)


def asked_with(
    fmt: Format,
    takes: frozenset[str],
    asked: Asked,
    theta0: Sequence[Array],
    grads: Sequence[Array],
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
) -> Trajectory:
    """A run of several parameters with the hyperparameters that the target takes."""
    hyper: dict[str, Any] = {"lr": lr, "beta1": beta1, "beta2": beta2, "eps": eps, **asked.extra}
    return Trajectory(
        tuple(theta.astype(fmt.dtype) for theta in theta0),
        tuple(g.astype(fmt.dtype) for g in grads),
        {name: value for name, value in hyper.items() if name in takes or name in asked.extra},
        flags=asked.flags,
    )
