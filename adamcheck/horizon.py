"""How far the judged runs of one format looked: measured from what was run, never declared.

A defect that shows only beyond it was not looked for; everything in here was run and judged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from functools import reduce
from typing import Any, Final

Range = tuple[float, float]
Front = tuple[tuple[float, float], ...]
"""Pairs of which none is at most another one in both numbers, the first number rising."""

TOGETHER: Final = ("step", "size", "silence", "common silence", "gradient")
"""What is kept two by two: the number of a step, counted from a loaded one where there is one; the
elements of the array; the zero gradients in a row that end here, and how many every element of the
array has met; the magnitude of the gradient."""


def front(pairs: Iterable[tuple[float, float]]) -> Front:
    """The pairs that no other one exceeds in both numbers."""
    kept: list[tuple[float, float]] = []
    for first, second in sorted(pairs, reverse=True):
        if not kept or second > kept[-1][1]:
            kept.append((first, second))
    return tuple(reversed(kept))


def _span(one: Range | None, two: Range | None) -> Range | None:
    if one is None or two is None:
        return one or two
    return min(one[0], two[0]), max(one[1], two[1])


def _spans(one: Mapping[str, Range], two: Mapping[str, Range]) -> dict[str, Range]:
    return {n: _span(one.get(n), two.get(n)) or (0.0, 0.0) for n in dict.fromkeys([*one, *two])}


def _largest(one: Mapping[str, int], two: Mapping[str, int]) -> dict[str, int]:
    return {n: max(one.get(n, 0), two.get(n, 0)) for n in dict.fromkeys([*one, *two])}


@dataclass(frozen=True)
class Horizon:
    """What the judged runs of one format reached; runs of which nothing was decided do not count.

    steps: of the longest run. corrected: the last step, from the first one on, at which a power β^t
    of a correction was above the format's unit roundoff. silence: most zero gradients in a row
    between two others of an element. late_start: most zero gradients before an element's first
    other one. arrays: (elements, steps) that no other run exceeds in both. sizes: the array sizes.
    parameters: most in one list. gradients, parameter_values: smallest and largest magnitude but 0.
    spikes: (step, factor) that no other exceeds in both, an element's largest |g| and how many
    times the others' mean it is. hyper: smallest and largest value of each hyperparameter. loaded:
    largest step count t that a run was continued from by loading. options: for each switch the
    longest run with it on.
    together: for two of TOGETHER's quantities the values met at one step of one element that no
    others exceed in both.
    """

    dtype: str
    steps: int = 0
    corrected: int = 0
    silence: int = 0
    late_start: int = 0
    arrays: Front = ()
    sizes: tuple[int, ...] = ()
    parameters: int = 0
    gradients: Range | None = None
    parameter_values: Range | None = None
    spikes: Front = ()
    hyper: Mapping[str, Range] = field(default_factory=dict)
    loaded: int = 0
    options: Mapping[str, int] = field(default_factory=dict)
    together: Mapping[str, Front] = field(default_factory=dict)

    def __or__(self, other: Horizon) -> Horizon:
        """What either reached; of one format."""
        joined = {
            f.name: _JOIN[f.name](getattr(self, f.name), getattr(other, f.name))
            for f in fields(self)
            if f.name in _JOIN
        }
        return Horizon(self.dtype, **joined)

    def steps_of(self, elements: int) -> int:
        """The longest run of an array of at least so many elements."""
        return max((int(t) for n, t in self.arrays if n >= elements), default=0)

    def met(self, first: str, at: float, second: str, least: float) -> bool:
        """Whether at one step of one element two of TOGETHER's quantities were at least so large.

        Pairs of which nothing was kept, as in a file of an earlier version, were not met.
        """
        if TOGETHER.index(first) > TOGETHER.index(second):
            first, at, second, least = second, least, first, at
        known = self.together.get(f"{first}, {second}", ())
        return any(one >= at and two >= least for one, two in known)


def _by_name(one: Mapping[str, Front], two: Mapping[str, Front]) -> dict[str, Front]:
    return {n: _fronts(one.get(n, ()), two.get(n, ())) for n in dict.fromkeys([*one, *two])}


def _fronts(one: Front, two: Front) -> Front:
    return front([*one, *two])


def _sets(one: tuple[int, ...], two: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(sorted({*one, *two}))


_JOIN: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "steps": max,
    "corrected": max,
    "silence": max,
    "late_start": max,
    "arrays": _fronts,
    "sizes": _sets,
    "parameters": max,
    "gradients": _span,
    "parameter_values": _span,
    "spikes": _fronts,
    "hyper": _spans,
    "loaded": max,
    "options": _largest,
    "together": _by_name,
}


def merged(dtype: str, parts: Iterable[Horizon]) -> Horizon:
    """What the runs of several checks reached in one format."""
    return reduce(lambda one, two: one | two, parts, Horizon(dtype))
