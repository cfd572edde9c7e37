"""Under which condition an edit acts: read off where it does and where it does not.

Facts come from courses: before an element leaves a candidate, the edit acts where that says so (as
far as acting would show); where it leaves, it is the other way round.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from adamcheck.identify.batch import Array, Batch
from adamcheck.mutations.edits import UNIFORM, WHOLE, Edit, Guard

Mask = NDArray[np.bool_]
Limits = tuple[Mapping[str, tuple[float, float]], ...]
"""Of each condition of a guard the intervals of its numbers, by name: ``at`` and ``rest``."""
FEATURES: Final = {
    "t>=": "t",
    "|g|>=": "|g|",
    "|g|<": "|g|",
    "silence>=": "silence",
    "index==": "index",
    "index==last": "last",
    "size>=": "size",
    "t<": "t",
    "t==": "t",
    "t%": "t",
    "index%": "index",
}
"""The feature that each guard reads, the likelier guards first."""
_PERIODS: Final = 4096
_LEAST: Final = {"t": 1.0, "|g|": 0.0, "silence": 0.0, "size": 1.0}
"""The smallest number that each feature may be: what is at least that always holds."""


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


def features_of(
    batches: Sequence[Batch], k: NDArray[Any], t: NDArray[Any], column: NDArray[Any]
) -> dict[str, Array]:
    """The same at chosen steps: of batch ``k``, step ``t`` from 0, and column, ``[E]`` each."""
    found = {name: np.zeros(len(t)) for name in dict.fromkeys(FEATURES.values())}
    for which in np.unique(k):
        here, batch = k == which, batches[int(which)]
        i, at = column[here], t[here]
        found["t"][here] = batch.first[i] + (at + 1.0)
        found["|g|"][here] = np.abs(batch.grads[at, i])
        found["silence"][here] = batch.silence[at, i]
        found["index"][here] = batch.element[i]
        found["size"][here] = batch.size[i]
        found["last"][here] = batch.element[i] == batch.size[i] - 1
    return found


def holds(guard: Guard | None, seen: Mapping[str, Array]) -> Mask:
    """Whether a guard holds, at every element-step."""
    if guard is None:
        return np.ones_like(seen["t"], bool)
    return np.asarray(np.logical_and.reduce([_holds(one, seen) for one in guard.conditions]))


def _holds(guard: Guard, seen: Mapping[str, Array]) -> Mask:
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

    def guards(
        self, *, steady: bool = False, uniform: bool = False
    ) -> Iterator[tuple[Guard | None, Limits]]:
        """Every guard that all facts agree with, with the intervals of its numbers.

        Two conditions together only where none alone agrees. steady: what acts shows step by step;
        else None, for always, is among them whatever the facts are. uniform: only what is alike
        for all elements.
        """
        always = not len(self.rests["t"])
        if always or not steady:
            yield None, ()
        if (always and steady) or not len(self.acts["t"]):
            return
        kinds = [kind for kind in FEATURES if not uniform or kind in UNIFORM]
        alone = [pair for kind in kinds for pair in self._alone(kind, self.rests)]
        yield from alone
        if (steady or uniform) and not alone:
            yield from self._pairs(kinds)

    def _alone(self, kind: str, rests: Mapping[str, Array]) -> Iterator[tuple[Guard, Limits]]:
        name = FEATURES[kind]
        for guard, limits in _of_kind(kind, self.acts[name], rests[name]):
            yield guard, (limits,)

    def _pairs(self, kinds: Sequence[str]) -> Iterator[tuple[Guard, Limits]]:
        """Each condition is told by what rests although the other one holds."""
        tight = {kind: found for kind in kinds if (found := self._tightest(kind)) is not None}
        masks = {kind: _holds(guard, self.rests) for kind, guard in tight.items()}
        for one, two in combinations(tight, 2):
            if (masks[one] & masks[two]).any():
                continue
            with_two = {n: x[masks[two]] for n, x in self.rests.items()}
            with_one = {n: x[masks[one]] for n, x in self.rests.items()}
            for first, limits in self._alone(one, with_two):
                for second, more in self._alone(two, with_one):
                    guard = replace(first, also=second)
                    if not holds(guard, self.rests).any():
                        yield guard, (*limits, *more)

    def _tightest(self, kind: str) -> Guard | None:
        """The narrowest condition of a kind that holds wherever the edit acts."""
        x = self.acts[FEATURES[kind]]
        least, most = float(x.min()), float(x.max())
        match kind:
            case "t>=" | "|g|>=" | "silence>=" | "size>=":
                return Guard(kind, least)
            case "t<" | "|g|<":
                return Guard(kind, float(np.nextafter(most, np.inf)))
            case "t==" | "index==":
                return Guard(kind, int(least)) if least == most else None
            case "index==last":
                return Guard(kind) if least > 0.0 else None
        if least == most:  # seen once: of any longer period
            return Guard(f"{kind[:-1]}==", int(least))
        step = int(np.gcd.reduce(np.diff(np.unique(x)).astype(np.int64)))
        return Guard(kind, step, int(least) % step) if step > 1 else None


def reach_of(guard: Guard | None, acts: Mapping[str, Array]) -> Mapping[str, tuple[float, float]]:
    """Of what acts without a condition the steps and gradients at which it was seen to."""
    if guard is not None or not len(acts["t"]):
        return {}
    return {name: (float(acts[name].min()), float(acts[name].max())) for name in ("t", "|g|")}


def _of_kind(
    kind: str, acts: Array, rests: Array
) -> Iterator[tuple[Guard, Mapping[str, tuple[float, float]]]]:
    least, most = float(acts.min()), float(acts.max())
    match kind:
        case "t>=" | "|g|>=" | "silence>=" | "size>=":
            smallest = _LEAST[FEATURES[kind]]
            below = float(rests.max(initial=smallest - 1.0 if kind in WHOLE else smallest))
            if smallest < least and below < least:
                yield _threshold(kind, below, least)
        case "t<" | "|g|<":
            above = float(rests.min(initial=np.inf))
            if most < above:
                yield _threshold(kind, most, above)
        case "t==" | "index==":
            if least == most and least not in rests:
                yield Guard(kind, int(least)), {"at": (least, least)}
        case "index==last":
            if least > 0.0 and not rests.any():
                yield Guard(kind), {}
        case "t%" | "index%":
            yield from _periodic(kind, *(np.unique(x).astype(np.int64) for x in (acts, rests)))


def _threshold(
    kind: str, below: float, above: float
) -> tuple[Guard, Mapping[str, tuple[float, float]]]:
    """Between a number that is on one side and one that is on the other, which counts as above."""
    if kind in WHOLE:
        known = above if np.isfinite(above) else below + 1.0
        return Guard(kind, int(known)), {"at": (below + 1.0, above)}
    if not (np.isfinite(below) and np.isfinite(above)):
        return Guard(kind, above if np.isfinite(above) else below), {"at": (below, above)}
    middle = math.sqrt(below * above) if below > 0.0 else 0.5 * above
    value = min(max(middle, np.nextafter(below, np.inf)), above)
    return Guard(kind, value), {"at": (below, above)}


def _periodic(
    kind: str, acts: NDArray[np.int64], rests: NDArray[np.int64]
) -> Iterator[tuple[Guard, Mapping[str, tuple[float, float]]]]:
    """The smallest period that divides what acts from what does not, between all that do.

    What was seen to act once only has any period beyond what was looked at.
    """
    once = len(acts) == 1
    if once:
        tried = np.arange(2, min(int(max(acts[0], rests.max(initial=0))) + 2, _PERIODS))
    else:
        step = int(np.gcd.reduce(np.diff(acts)))
        tried = np.arange(2, step + 1)
        tried = tried[step % tried == 0]
    gap = np.zeros(int(np.abs(rests - acts[0]).max(initial=0)) + 1, bool)
    gap[np.abs(rests - acts[0])] = True  # a period that divides one of these would act there
    fitting = [int(k) for k in tried if not gap[0::k].any()]
    if fitting:
        left = [int(acts[0] % k) for k in fitting]
        if once:
            left.append(int(acts[0]))
        most = math.inf if once else float(fitting[-1])
        limits = {"at": (float(fitting[0]), most), "rest": (float(min(left)), float(max(left)))}
        yield Guard(kind, fitting[0], left[0]), limits


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
    """The edit under a guard with the guard's numbers left open, and these as inputs.

    Those of two conditions are not left open.
    """
    guarded = replace(edit, guard=guard)
    if guard is None or guard.kind == "index==last" or guard.also is not None:
        return guarded, ()
    numbers: list[tuple[str, float]] = [("e.at", float(guard.value or 0.0))]
    if guard.kind.endswith("%"):
        numbers.append(("e.rest", float(guard.rest or 0)))
    return replace(edit, guard=Guard(guard.kind)), tuple(numbers)
