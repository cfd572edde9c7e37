"""Which step count a target uses, step by step: bias correction is the only place where it shows.

The moments do not depend on it, so at every step each count can be asked by itself; all elements of
all runs must agree on one. What they agree on is told as stretches in which it grows evenly.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from adamcheck.identify.batch import Array
from adamcheck.identify.candidate import Candidate, Count
from adamcheck.identify.lockstep import share
from adamcheck.identify.windows import Course
from adamcheck.numerics.changed import Arrays, evaluated
from adamcheck.program import trace

_POWERS: Final = (("p1", "p2"), ("p1",), ("p2",))
_COLUMNS: Final = 24
_SMALL: Final = 17
_STRETCHES: Final = 4


def counted(base: Candidate, courses: Sequence[Course]) -> list[Candidate]:
    """The base with each other step count that all steps agree on."""
    program = trace(base.spec)
    powers = [p for p in _POWERS if all(power in program.clocks for power in p)]
    if base.spec.algorithm != "adam" or base.spec.bias_correction == "none":
        return []
    found = []
    for names in powers:
        steps = _agreed(base, names, courses)
        if steps is not None and steps != tuple(range(1, len(steps) + 1)):
            found.append(Candidate(base.spec, base.given, count=Count(names, steps)))
    return found


def _agreed(
    base: Candidate, powers: tuple[str, ...], courses: Sequence[Course]
) -> tuple[int, ...] | None:
    """The count at every step from the first on, None where no count explains some step."""
    longest = max(one.batch.steps for one in courses)
    left = [int(one.first.min()) for one in courses if one.first.min() < one.batch.steps]
    last = min(left, default=longest)
    table = np.ones((longest, len(_tried(1, last))), bool)
    known = np.zeros(longest, bool)
    for one in courses:
        if (one.batch.first == 0).all():
            table[: one.batch.steps] &= _fitting(base, powers, one, last)
            known[: one.batch.steps] |= np.isfinite(one.batch.thetas[1:]).any(axis=1)
    # what is lost may be lost for any reason: it tells of no count
    ends = longest if known.all() else int(known.argmin())
    if not table[:ends].any(axis=1).all():
        return None
    chosen: list[int] = []
    for t in range(ends):
        fitting = np.unique(_tried(t + 1, last)[table[t]])
        expected = chosen[-1] + (chosen[-1] - chosen[-2]) if t > 1 else t + 1
        # of several that cannot be told apart the one that goes on as before
        chosen.append(int(fitting[np.argmin(np.abs(fitting - expected))]))
    return tuple(chosen)


def _tried(t: int, last: int) -> NDArray[np.int64]:
    """Counts that are asked at step t; ``last`` is the number of steps that the rule explains."""
    near = [t + d for d in (-2, -1, 0, 1, 2)]
    others = [2 * t, 2 * t - 1, 2 * t + 1, last, t - last, t - last - 1, -t, (t + 1) // 2]
    return np.asarray([*range(_SMALL), *near, *others], np.int64)


def _fitting(base: Candidate, powers: tuple[str, ...], one: Course, last: int) -> Array:
    """Whether each count explains each step, in all columns ``[T, K]``."""
    batch, plain = one.batch, trace(base.spec).expanded
    few = np.unique(np.linspace(0, batch.count - 1, _COLUMNS).astype(np.intp))
    tried = np.stack([_tried(t, last) for t in range(1, batch.steps + 1)])[:, :, None]
    inputs = {name: x[:, None, few] for name, x in one.inputs.items()}
    with np.errstate(all="ignore"):
        for power in powers:
            inputs[f"s.{power}"] = inputs[f"h.beta{power[1:]}"] ** (tried - 1.0)
        known = evaluated(plain.ops, inputs, Arrays(np.arange(len(few))), [])
        theta = known[plain.output["theta"]]
        seen = batch.thetas[1:, None, few]
        bound = share(batch.fmt) * one.walked.bound[:, None, few]
        # a changed correction changes the update, and with it the envelope, by its own factor
        old, new = one.walked.move[:, None, few], theta - batch.thetas[:-1, None, few]
        wider = np.maximum(1.0, np.abs(new / old))
        same = (theta == seen) | (~np.isfinite(theta) & ~np.isfinite(seen))
        open_ = ~np.isfinite(batch.thetas[:-1, None, few])
        fits = open_ | same | (np.abs(theta - seen) <= 2.0 * wider * bound)
    return np.asarray(fits.all(axis=2))


def count_in_words(count: Count) -> str:
    """The count as stretches: ``t up to step 256, then 256``."""
    stretches = _stretches(count.steps)
    text = _term(*stretches[0][1:])
    for k, (begin, slope, offset) in enumerate(stretches[1:_STRETCHES]):
        word = _term(slope, offset)
        text += f", from step {begin} on {word}" if k else f" up to step {begin - 1}, then {word}"
    if len(stretches) > _STRETCHES:
        text += " and so on"
    which = "" if len(count.powers) > 1 else f" of β{count.powers[0][1:]}"
    return f"the step count{which} in use is {text}"


def _stretches(steps: Sequence[int]) -> list[tuple[int, int, int]]:
    """(first step, slope, offset) of the stretches in which the count is slope·t + offset."""
    found, i = [], 0
    while i < len(steps):
        slope = steps[i + 1] - steps[i] if i + 1 < len(steps) else 0
        end = i + 1
        while end < len(steps) and steps[end] - steps[end - 1] == slope:
            end += 1
        found.append((i + 1, slope, steps[i] - slope * (i + 1)))
        i = end
    return found


def _term(slope: int, offset: int) -> str:
    if slope == 0:
        return str(offset)
    t = "t" if slope == 1 else f"{slope}t" if slope != -1 else "-t"
    return t if offset == 0 else f"{t}{offset:+d}"
