"""Weight decay that nobody asked for: seen in runs without gradients, its strength estimated there.

With zero gradients and θ ≠ 0 nothing but decay moves a parameter. The strength is read off as an
interval, of which the simplest decimal number is taken and then judged like any other dialect.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import SimpleNamespace

import numpy as np

from adamcheck.identify.batch import Batch
from adamcheck.identify.candidate import Candidate
from adamcheck.rules import initial_state, step
from adamcheck.spec import SWITCHES, Spec


def _choose(x: float, a: Callable[[], float], b: Callable[[], float]) -> float:
    return a() if x > 0 else b()


_FLOATS = SimpleNamespace(sqrt=math.sqrt, maximum=max, choose=_choose)
_COLUMNS = 6
_LARGEST = 1e6


def simplest(low: float, high: float) -> float:
    """The decimal number with the fewest digits in [low, high]; the middle where there is none."""
    middle = 0.5 * (low + high)
    for digits in range(17):
        number = float(f"{middle:.{digits}e}")
        if low <= number <= high:
            return number
    return middle


def moves_idle(batches: Iterable[Batch]) -> bool:
    """Whether a parameter moved at a step up to which every gradient was zero."""
    return any(bool((np.diff(s.thetas, axis=0) != 0.0).any()) for s in _idle(batches))


def decayed(
    bases: Sequence[Spec], batches: Sequence[Batch], known: Mapping[str, float]
) -> list[Candidate]:
    """The bases with each kind of decay whose strength the idle runs tell."""
    idle = list(_idle(batches))
    found: list[Candidate] = []
    for word, scaled in (("decoupled", True), ("decoupled-unscaled", False)):
        strength = _decoupled(idle, scaled=scaled)
        if strength is None:
            continue
        words = (word, "decoupled-after") if scaled else (word,)
        given = (("weight_decay", strength),)
        found += [Candidate(b.with_(decay=w), given) for b in bases for w in words]
    tried: dict[Spec, float | None] = {}
    for base in bases:
        # at the first step the running maximum is the moment itself
        first = base.with_(decay="l2")
        if first.algorithm == "adam":
            first = first.with_(amsgrad="none")
        if first not in tried:
            tried[first] = _in_gradient(first, idle, known)
        in_gradient = tried[first]
        if in_gradient is not None:
            found.append(Candidate(base.with_(decay="l2"), (("weight_decay", in_gradient),)))
    return found


def asked(bases: Sequence[Spec], given: tuple[tuple[str, float], ...]) -> list[Candidate]:
    """The bases with each kind of decay at the strength that was asked for."""
    words = [w for w in SWITCHES["decay"] if w != "none"]
    return [Candidate(base.with_(decay=w), given) for base in bases for w in words]


def _idle(batches: Iterable[Batch]) -> Iterable[Batch]:
    for batch in batches:
        still = (batch.grads == 0.0).all(axis=0) & (batch.first == 0)
        still &= np.isfinite(batch.thetas).all(axis=0) & (batch.thetas[0] != 0.0)
        if still.any():
            yield batch.columns(np.flatnonzero(still))


def _decoupled(idle: Sequence[Batch], *, scaled: bool) -> float | None:
    """λ such that every idle step multiplies θ by 1-αλ (1-λ), None where there is none."""
    low, high = -np.inf, np.inf
    for batch in idle:
        rate = batch.hyper["lr"] if scaled else np.ones(batch.count)
        before, after = batch.thetas[:-1], batch.thetas[1:]
        with np.errstate(all="ignore"):
            lost = 1.0 - after / before
            # the factor, the product and the difference are rounded, to θ's format each
            width = 4.0 * batch.fmt.u * np.maximum(1.0, np.abs(after / before))
            usable = np.abs(after) > batch.fmt.smallest_normal
            low = max(low, float(np.max(np.where(usable, (lost - width) / rate, -np.inf))))
            high = min(high, float(np.min(np.where(usable, (lost + width) / rate, np.inf))))
    if not (low <= high and np.isfinite(low) and np.isfinite(high)) or low <= 0.0 <= high:
        return None
    return simplest(low, high)


def _in_gradient(spec: Spec, idle: Sequence[Batch], known: Mapping[str, float]) -> float | None:
    """λ such that λθ as the first gradient moves θ as it was seen to move."""
    low, high = 0.0, np.inf
    for batch in idle:
        for i in range(min(_COLUMNS, batch.count)):
            theta, moved = float(batch.thetas[0, i]), float(batch.thetas[1, i])
            slack = 2.0 * batch.fmt.u * (abs(theta) + abs(moved))
            hyper = {name: float(x[i]) for name, x in batch.hyper.items()} | dict(known)
            toward = (theta - moved) * math.copysign(1.0, theta)
            least = _strength(spec, hyper, theta, toward - slack)
            most = _strength(spec, hyper, theta, toward + slack)
            low, high = max(low, least), min(high, most)
    if not low <= high or high >= _LARGEST or high <= 0.0:
        return None
    return simplest(low, high)


def _strength(spec: Spec, hyper: dict[str, float], theta: float, toward: float) -> float:
    """λ for which the first step, without a gradient, moves θ by ``toward`` to zero; bisected."""

    def taken(strength: float) -> float:
        h = hyper | {"weight_decay": strength}
        try:
            state = initial_state(spec, h, 0.0, 1.0)
            after = float(step(spec, _FLOATS, h, state, 0.0, theta).theta)
            return (theta - after) * math.copysign(1.0, theta)
        except (ZeroDivisionError, ValueError):  # 1/0, or the root of a negative number
            return math.nan

    if toward <= 0.0:
        return 0.0
    low, high = 1e-18, _LARGEST
    if not taken(high) > toward:
        return math.inf
    for _ in range(80):
        middle = math.sqrt(low * high)
        low, high = (low, middle) if taken(middle) > toward else (middle, high)
    return high
