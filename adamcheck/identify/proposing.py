"""Which edits would have made of some steps what was seen: all operators at all places at once.

The values that the edits of a place put there stand side by side, and only what depends on the
place is computed again. A number left open is solved for, step by step, and kept where one number
serves nearly all of them. Nothing is judged here: proposals are held against bounds afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final

import numpy as np

from adamcheck.identify.batch import Array
from adamcheck.identify.decay import simplest
from adamcheck.identify.places import GRID, Proposal, choices_at, common, sided
from adamcheck.identify.transitions import Mask, Steps, Transitions
from adamcheck.mutations.edits import Edit
from adamcheck.mutations.language import Draft, dependents, labels, live
from adamcheck.mutations.operators import OPERATORS, Operator, Site
from adamcheck.numerics.changed import evaluated
from adamcheck.numerics.meanings import MEANING

_MOSTLY: Final = 0.9
"""The share of steps that a proposal must explain roughly; bounds are asked afterwards."""
_SOLVED: Final = 0.75
"""The share of steps for which one value at a place has to give what was seen."""
_TURNS: Final = 52
"""Bisections, as many as a double has bits."""
COUPLED: Final = ("couple", "clip-norm")
_SAME: Final[Any] = range(1 << 16)


@dataclass
class Proposer:
    """The values of the base's program at some steps that it does not explain.

    before: the step before each of them, or itself at a first step; held: the last one before it
    that the base explains. scored: those to be explained, the others complete their arrays.
    coupled: whether edits are asked that couple elements, or the others.
    """

    table: Transitions
    steps: Steps
    before: Steps
    held: Steps
    scored: Mask
    coupled: bool = False
    draft: Draft = field(default_factory=Draft)

    def __post_init__(self) -> None:
        self.plain = self.table.program.expanded
        for op in self.plain.ops:
            self.draft.add(op)
        self.names = labels(self.plain)
        memory = {"s.edit1": np.full(len(self.steps), np.nan)}  # what is kept is filled in by hand
        self.steps = replace(self.steps, inputs={**self.steps.inputs, **memory})
        self.before = replace(self.before, inputs={**self.before.inputs, **memory})
        self.now, self.previous, self.last = (
            self._values(steps) for steps in (self.steps, self.before, self.held)
        )
        self.fresh = self.steps.t == 0
        own = self.table.answer(self.table.program, self.steps, {})
        self.seen = {name: x[self.scored] for name, x in self.steps.seen.items()}
        self.bound = {name: own.bounds[name][self.scored] for name in self.seen}
        self.off = {
            name: np.abs(own.values[name][self.scored] - x) for name, x in self.seen.items()
        }
        ratios = self.table.ratios(own, self.steps)[:, self.scored]
        self.left = {name: row > 1.0 for name, row in zip(self.seen, ratios, strict=True)}
        self.count = int(self.scored.sum())

    def _values(self, steps: Steps) -> list[Any]:
        zero = np.zeros(len(steps))
        with np.errstate(all="ignore"):
            found = evaluated(self.plain.ops, steps.inputs, steps.arrays, [])
        return [np.broadcast_to(x, zero.shape) for x in found]

    @cached_property
    def states(self) -> dict[int, str]:
        """The name of each state by its value after the step."""
        return {i: name for name, i in self.plain.outputs if name[:2] == "s."}

    @cached_property
    def clocks(self) -> frozenset[str]:
        """The states that are one number for all elements; nobody shows them."""
        return frozenset(f"s.{name}" for name in self.plain.clocks)

    def proposals(self, places: Sequence[int]) -> list[Proposal]:
        """The edits that would explain nearly all steps."""
        found: list[Proposal] = []
        with np.errstate(all="ignore"):
            for place in places:
                if self.plain.ops[place].kind != "const":
                    found += self._closed(place)
                    found += self._open(place)
                    if self.states.get(place) in self.clocks and not self.fresh.any():
                        found += self._later(place)
        return found

    # what comes of a value at a place

    def _after(
        self, place: int, y: Any, *, since: int | None = None, side: str = "", here: Any = None
    ) -> dict[str, Any]:
        """Every output with ``y`` at a place, for what comes after ``since``; of scored steps."""
        chosen = self.scored if here is None else here
        known: dict[int, Any] = {place: y}
        if side != "state":
            for i in dependents(self.plain, place, place if since is None else since):
                op = self.plain.ops[i]
                args = (known[k] if k in known else self.now[k][chosen] for k in op.args)
                known[i] = MEANING[op.kind](*args)
        found = {}
        for name in self.seen:
            i = self.plain.output[name]
            kept = side == "use" and i == place
            found[name] = self.now[i][chosen] if kept or i not in known else known[i]
        return found

    def _explains(self, made: dict[str, Any]) -> Any:
        """The share of scored steps in which every output is near what was seen ``[…]``."""
        near: Any = True
        for name, seen in self.seen.items():
            value = made[name]
            # rough on purpose, as the judge's bounds are asked afterwards: some bounds of the base,
            # or an eighth of how far the base is off, which no other edit comes near by chance
            room = 4.0 * self.bound[name] + self.off[name] / 8.0
            room = np.where(np.isnan(room), np.inf, room)
            room = room + 16.0 * self.table.fmt.u * np.abs(value)
            lost = ~np.isfinite(seen)  # what overflows may look like anything
            over = ~(np.abs(value) < 0.5 * self.table.fmt.largest)
            near = near & ((np.abs(value - seen) <= room) | (lost & over))
        return np.mean(np.broadcast_to(near, (*np.shape(near)[:-1], self.count)), axis=-1)

    # edits without a number

    def _closed(self, place: int) -> Iterator[Proposal]:
        rows: dict[str, list[tuple[Edit, Any]]] = {}
        for edit, operator in self._edits(place):
            site = Site(self.plain, edit, place, self.draft, _SAME, place)
            index = operator.change(site)
            if site.redirected is not None:
                y = self.now[place][self.scored]
                made = self._after(site.redirected, y, since=place)
                if self._explains(made) >= _MOSTLY:
                    yield Proposal(edit, 0.0)
                continue
            y = self._memory(place, site) if site.remembered else self._put(index)
            for side in self._sides(place, operator):
                rows.setdefault(side, []).append((edit, y[self.scored]))
        for side, given in rows.items():
            stacked = np.stack([y for _, y in given])
            shares = np.broadcast_to(
                self._explains(self._after(place, stacked, side=side)), len(given)
            )
            for (edit, _), share in zip(given, shares, strict=True):
                if share >= _MOSTLY:
                    own = OPERATORS[edit.operator].side
                    yield Proposal(sided(edit, side) if side and not own else edit, 0.0)

    def _later(self, place: int) -> Iterator[Proposal]:
        """Edits of a clock as it is kept, which nobody sees: they show where it is read again."""
        read = self.plain.inputs.get(self.states[place])
        if read is None:
            return
        for edit, operator in self._edits(place):
            site = Site(self.plain, edit, place, self.draft, _SAME, place)
            index = operator.change(site)
            if site.remembered or site.redirected is not None or operator.side:
                continue
            known = evaluated(
                self.draft.ops, self.before.inputs, self.before.arrays, list(self.previous)
            )
            y = np.broadcast_to(known[index], self.fresh.shape)[self.scored]
            if self._explains(self._after(read, y)) >= _MOSTLY:
                yield Proposal(sided(edit, "state"), 0.0, later=True)
        for name in self._solved_from(read, ""):
            solved = self._roots(read, "", name)
            if solved is not None:
                for found in self._families(read, "", *solved):
                    edit = Edit(found.edit.operator, self.names[place], found.edit.parameters)
                    yield Proposal(
                        sided(edit, "state"), 0.0, found.constants, later=True, ends=found.ends
                    )
                break

    def _put(self, index: int) -> Array:
        """A value of the draft, at all steps."""
        known = evaluated(self.draft.ops, self.steps.inputs, self.steps.arrays, self.now)
        return np.asarray(np.broadcast_to(known[index], self.fresh.shape), np.float64)

    def _memory(self, place: int, site: Site) -> Array:
        """What the place was a step before, or when the edit began to act."""
        ((_, final),) = site.remembered
        kept = self.last if final else self.previous
        return np.asarray(np.where(self.fresh, self.now[place], kept[place]))

    def _edits(self, place: int) -> Iterator[tuple[Edit, Operator]]:
        for operator in OPERATORS.values():
            if not operator.numbers and (operator.name in COUPLED) == self.coupled:
                for choice in choices_at(self.plain, operator, place, self.table.fmt):
                    yield Edit(operator.name, self.names[place], choice), operator

    def _sides(self, place: int, operator: Operator | None) -> tuple[str, ...]:
        """On which sides of a state a value may be put: both, what is kept, what else reads it."""
        if operator is not None and operator.side:
            return (operator.side,)
        read = any(place in self.plain.ops[k].args for k in live(self.plain))
        return ("", "state", "use") if place in self.states and read else ("",)

    # edits with a number

    def _open(self, place: int) -> Iterator[Proposal]:
        for side in self._sides(place, None):
            for name in self._solved_from(place, side):
                solved = self._roots(place, side, name)
                if solved is not None:
                    yield from self._families(place, side, *solved)
                    break

    def _solved_from(self, place: int, side: str) -> list[str]:
        """Outputs that a value at the place is read off, the most telling first."""
        direct = self.states.get(place)
        if direct in self.seen and side != "use":
            return [str(direct)]
        reached = {place, *dependents(self.plain, place, place)} if side != "state" else {place}
        names = [n for n in self.seen if self.plain.output[n] in reached]
        if side == "use" and direct in names:
            names.remove(str(direct))
        left = [(-int(self.left[n].sum()), n == "theta", n) for n in names if self.left[n].any()]
        return [n for *_, n in sorted(left)]

    def _roots(self, place: int, side: str, name: str) -> tuple[Array, Array, Any] | None:
        """Intervals of the value at the place that explain an output, and the steps they are of."""
        rows = np.flatnonzero(self.left[name] & np.isfinite(self.seen[name]))
        if not len(rows):
            return None
        here = np.flatnonzero(self.scored)[rows]
        x, seen = self.now[place][here], self.seen[name][rows]
        width = 2.0 * self.bound[name][rows]
        width = np.where(np.isfinite(width), width, 0.0) + 4.0 * self.table.fmt.u * np.abs(seen)
        if self.states.get(place) == name and side != "use":
            return seen - width, seen + width, rows
        grid = np.sort(
            np.concatenate([GRID[:, None] * x, np.tile(_SIZES[:, None], len(x))]), axis=0
        )

        def path(y: Any, at: Any) -> Any:
            return self._after(place, y, side=side, here=here[at])[name]

        ends = solved(path, grid, np.argmin(np.abs(grid - x), axis=0), seen, width)
        low, high, at = ends
        if len(np.unique(at)) < _SOLVED * len(rows):
            return None
        return low, high, rows[at]

    def _families(
        self, place: int, side: str, low: Array, high: Array, at: Any
    ) -> Iterator[Proposal]:
        """The operators with a number that put such values at the place."""
        name, u = self.names[place], 2.0 * self.table.fmt.u
        here = np.flatnonzero(self.scored)[at]
        x = self.now[place][here]
        least = _SOLVED * len(np.unique(at))
        low, high = low - u * np.abs(low), high + u * np.abs(high)

        def fixed(operator: str, one: Array, two: Array) -> Iterator[Proposal]:
            ends = common(np.minimum(one, two), np.maximum(one, two), at, least)
            if ends is not None:
                edit = Edit(operator, name, (("c", None),))
                edit = sided(edit, side) if side else edit
                yield Proposal(edit, 0.0, (("e.c", simplest(*ends)),), ends=ends)

        if self.coupled:
            if place not in self.plain.uniform:
                norm = self.steps.arrays.norm(self.now[place])[here]
                yield from fixed("clip-norm", low / x * norm, high / x * norm)
            return
        slack = u * np.abs(x)
        yield from fixed("scale", low / x - u * np.abs(low / x), high / x + u * np.abs(high / x))
        yield from fixed("shift", low - x - slack, high - x + slack)
        # the value keeps its sign and is no larger than it was
        ends = np.sort(np.sign(x) * np.stack([low, high]), axis=0)
        inside = (ends[1] >= 0.0) & (ends[0] <= np.abs(x) + slack)
        yield from fixed("clip", *np.where(inside, np.maximum(ends, 0.0), np.nan))


def solved(
    path: Callable[[Any, Any], Any], grid: Array, near: Any, seen: Array, width: Array
) -> tuple[Array, Array, Any]:
    """Intervals of numbers with which ``path(numbers, columns)`` is within ``width`` of ``seen``.

    grid: ``[K, W]``, rising; near: where on it to look first ``[W]``. Returned are the ends of the
    intervals and the columns that they are of: up to a few of each.
    """
    made = np.broadcast_to(path(grid, np.arange(grid.shape[1])), grid.shape)
    inside, finite, above = np.abs(made - seen) <= width, np.isfinite(made), made >= seen
    crosses = (above[1:] != above[:-1]) & finite[1:] & finite[:-1] & ~inside[1:] & ~inside[:-1]
    hits = inside & ~np.concatenate([np.zeros_like(inside[:1]), inside[:-1]])
    hits[:-1] |= crosses
    steps = np.arange(len(grid))[:, None]
    order = np.where(hits, np.abs(steps - near), len(grid))
    nearest = np.argsort(order, axis=0, kind="stable")[:_HITS]
    which, at = np.nonzero(np.take_along_axis(hits, nearest, axis=0))
    k = nearest[which, at]
    most = len(grid) - 1
    # where the run of grid points inside ends
    ends = np.minimum.accumulate(np.where(inside, most + 1, steps)[::-1], axis=0)[::-1]
    run = inside[k, at]
    before, after = grid[np.maximum(k - run, 0), at], grid[np.minimum(k + 1, most), at]
    middle = grid[k, at]
    low, high = middle.copy(), after.copy()
    rising = made[np.minimum(k + 1, most), at] >= seen[at]
    for _ in range(_TURNS):
        y = 0.5 * (low + high)
        right = (path(y, at) >= seen[at]) == rising
        low, high = np.where(right, low, y), np.where(right, y, high)
    middle = np.where(run, middle, 0.5 * (low + high))
    last = np.where(run, grid[np.minimum(ends[k, at], most + 1) - 1, at], middle)
    after = np.where(run, grid[np.minimum(ends[k, at], most), at], after)

    def edge(within: Array, beyond: Array) -> Array:
        for _ in range(_TURNS):
            y = 0.5 * (within + beyond)
            good = np.abs(path(y, at) - seen[at]) <= width[at]
            within, beyond = np.where(good, y, within), np.where(good, beyond, y)
        return beyond

    return edge(middle, before), edge(last, after), at


_HITS: Final = 3
"""Intervals that are kept of each step, those nearest to what the value was."""
_SIZES: Final = np.concatenate(
    [-(2.0 ** np.arange(-64.0, 65.0, 2.0)), 2.0 ** np.arange(-64.0, 65.0, 2.0)]
)
"""Magnitudes that a value is tried at besides multiples of what it was."""
