"""Under which condition an edit acts: read off where it does and where it does not.

Facts come from courses: before an element leaves a candidate, the edit acts where that says so (as
far as acting would show); where it leaves, it is the other way round.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from adamcheck.identify.batch import Array, Batch
from adamcheck.mutations.edits import WHOLE, Edit, Guard

Mask = NDArray[np.bool_]
FEATURES: Final = {
    "t>=": "t",
    "|g|>=": "|g|",
    "|g|<": "|g|",
    "silence>=": "silence",
    "index==": "index",
    "index==last": "last",
    "size>=": "size",
    "t<": "t",
    "t%": "t",
    "index%": "index",
    "t==": "t",
}
"""The feature that each guard reads, the likelier guards first."""
_PERIODS: Final = 4096


def features(batch: Batch) -> dict[str, Array]:
    """What guards read at every element-step ``[T, N]``."""
    shape = batch.grads.shape

    def full(x: NDArray[Any]) -> Array:
        return np.asarray(np.broadcast_to(x, shape), np.float64)

    return {
        "t": full(np.arange(1.0, batch.steps + 1.0)[:, None] + batch.first),
        "|g|": np.abs(batch.grads),
        "silence": batch.silence,
        "index": full(batch.element),
        "size": full(batch.size),
        "last": full(batch.element == batch.size - 1),
    }


def holds(guard: Guard | None, seen: dict[str, Array]) -> Mask:
    """Whether a guard holds, at every element-step."""
    if guard is None:
        return np.ones_like(seen["t"], bool)
    x = seen[FEATURES[guard.kind]]
    if guard.kind == "index==last":
        return np.asarray(x > 0.0)
    assert guard.value is not None
    match guard.kind:
        case "t>=" | "|g|>=" | "silence>=" | "size>=":
            return np.asarray(x >= guard.value)
        case "t<" | "|g|<":
            return np.asarray(x < guard.value)
        case "t==" | "index==":
            return np.asarray(x == guard.value)
    return np.asarray(x % guard.value == guard.rest)


@dataclass(frozen=True)
class Facts:
    """Rows of features where an edit acts, and where it does not."""

    acts: dict[str, Array]
    rests: dict[str, Array]

    def joined(self, other: Facts) -> Facts:
        """Both."""

        def both(a: dict[str, Array], b: dict[str, Array]) -> dict[str, Array]:
            return {name: np.concatenate([a[name], b[name]]) for name in a}

        return Facts(both(self.acts, other.acts), both(self.rests, other.rests))

    def guards(self) -> Iterator[tuple[Guard | None, tuple[float, float]]]:
        """Every guard that all facts agree with, with the interval of its threshold or period.

        None is always among them: what has acted all the time may not show step by step.
        """
        yield None, (-math.inf, math.inf)
        if not len(self.rests["t"]) or not len(self.acts["t"]):
            return
        for kind, name in FEATURES.items():
            yield from _of_kind(kind, self.acts[name], self.rests[name])


def _of_kind(kind: str, acts: Array, rests: Array) -> Iterator[tuple[Guard, tuple[float, float]]]:
    least, most = float(acts.min()), float(acts.max())
    match kind:
        case "t>=" | "|g|>=" | "silence>=" | "size>=":
            below = float(rests.max())
            if below < least:
                yield _threshold(kind, below, least)
        case "t<" | "|g|<":
            above = float(rests.min())
            if most < above:
                yield _threshold(kind, most, above)
        case "t==" | "index==":
            if least == most and least not in rests:
                yield Guard(kind, int(least)), (least, least)
        case "index==last":
            if least > 0.0 and not rests.any():
                yield Guard(kind), (0.0, 0.0)
        case "t%" | "index%":
            found = _period(np.unique(acts).astype(np.int64), np.unique(rests).astype(np.int64))
            if found is not None:
                yield Guard(kind, found[0], found[1]), (found[0], found[0])


def _threshold(kind: str, below: float, above: float) -> tuple[Guard, tuple[float, float]]:
    """Between a number that is on one side and one that is on the other, which counts as above."""
    if kind in WHOLE:
        return Guard(kind, int(above)), (below + 1.0, above)
    middle = math.sqrt(below * above) if below > 0.0 else 0.5 * above
    return Guard(kind, min(max(middle, np.nextafter(below, np.inf)), above)), (below, above)


def _period(acts: NDArray[np.int64], rests: NDArray[np.int64]) -> tuple[int, int] | None:
    """The smallest period, and its rest, that divides what acts from what does not."""
    if len(acts) > 1:
        step = int(np.gcd.reduce(np.diff(acts)))
        periods = [k for k in range(2, min(step, _PERIODS) + 1) if step % k == 0]
    else:  # seen once
        periods = list(range(2, min(int(max(acts.max(), rests.max())) + 2, _PERIODS)))
    for k in periods:
        rest = int(acts[0] % k)
        if not (rests % k == rest).any():
            return k, rest
    return None


def learnt(
    batches: Sequence[Batch],
    first: Sequence[NDArray[np.intp]],
    assumed: Sequence[Mask],
    shows: Sequence[Mask],
    *,
    later: bool,
) -> Facts:
    """The facts of a candidate's courses.

    first: where each column leaves it ``[N]``; assumed: where its edit acts ``[T, N]``; shows:
    where acting differs from not acting ``[T, N]``. later: an edit shows a step after it acts.
    """
    acts: dict[str, list[Array]] = {}
    rests: dict[str, list[Array]] = {}
    for batch, left, active, visible in zip(batches, first, assumed, shows, strict=True):
        steps = np.arange(batch.steps)[:, None]
        at = left - 1 if later else left
        gone = (steps == at) & (left < batch.steps)
        before = (steps < at) & visible
        seen = features(batch)
        acting = (before & active) | (gone & ~active)
        resting = (before & ~active) | (gone & active)
        for name, values in seen.items():
            acts.setdefault(name, []).append(values[acting])
            rests.setdefault(name, []).append(values[resting])
    return Facts(
        {name: np.concatenate(parts) for name, parts in acts.items()},
        {name: np.concatenate(parts) for name, parts in rests.items()},
    )


def opened(edit: Edit, guard: Guard | None) -> tuple[Edit, tuple[tuple[str, float], ...]]:
    """The edit under a guard with its numbers left open, and these as inputs."""
    if guard is None or guard.kind == "index==last":
        return Edit(edit.operator, edit.place, edit.parameters, guard), ()
    numbers: list[tuple[str, float]] = [("e.at", float(guard.value or 0.0))]
    if guard.kind.endswith("%"):
        numbers.append(("e.rest", float(guard.rest or 0)))
    return Edit(edit.operator, edit.place, edit.parameters, Guard(guard.kind)), tuple(numbers)
