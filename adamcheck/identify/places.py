"""Every edit of a program asked at once: what would it have made of the steps that deviate?

All operators replace the value at one place. The values that the edits of a place put there are
formed from what the step computed, side by side, and only what depends on the place is computed
again. A number left open is solved for, step by step, and kept where one number serves all steps.
Nothing is judged here: what comes out is a ranking of proposals.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final

import numpy as np

from adamcheck.formats import Format
from adamcheck.identify.batch import USUAL, Array
from adamcheck.identify.decay import simplest
from adamcheck.identify.windows import Windows
from adamcheck.mutations import apply
from adamcheck.mutations.edits import Edit, Value
from adamcheck.mutations.language import Draft, dependents, indices, labels, live
from adamcheck.mutations.operators import OPERATORS, Operator, Site
from adamcheck.numerics.changed import evaluated
from adamcheck.numerics.meanings import MEANING
from adamcheck.program import Program

LIKELY: Final = 1.5
"""Mean log2(1 + error/envelope) up to which a proposal is worth a walk: one that fits is at most 1,
in envelopes of the dialect's own."""
_COUPLED: Final = ("couple", "clip-norm")
_WORST: Final = 64.0
_TURNS: Final = 60
_ROOTS: Final = 3
_MOST: Final = 0.75
SOLVED: Final = 0.6
"""Shares of the steps that an edit, or one number of it, must explain to be looked at."""


@dataclass(frozen=True)
class Proposal:
    """An edit with its open numbers by input name; score: mean log2(1 + error/envelope).

    ahead: the same of the steps that follow. given: a hyperparameter's value in use.
    """

    edit: Edit
    score: float
    constants: tuple[tuple[str, float], ...] = ()
    given: tuple[tuple[str, float], ...] = ()
    ahead: float = 0.0
    later: bool = False
    """Whether the step before is the one that the edit changes."""
    ends: tuple[float, float] = (0.0, 0.0)
    """Where its number is to be looked for."""


@dataclass
class Places:
    """The values of a program at the windows, and of the step before them."""

    program: Program
    windows: Windows
    fmt: Format
    draft: Draft = field(default_factory=Draft)

    def __post_init__(self) -> None:
        self.plain = self.program.expanded
        for op in self.plain.ops:
            self.draft.add(op)
        self.names = labels(self.plain)
        w = self.windows
        memory = {"s.edit1": np.full(w.count, np.nan)}  # what an edit keeps is filled in by hand
        self.windows = w = replace(w, inputs={**w.inputs, **memory}, before={**w.before, **memory})
        self.now = evaluated(self.plain.ops, w.inputs, w.arrays, [])
        self.previous = evaluated(self.plain.ops, w.before, w.arrays, [])
        self.theta = self.plain.output["theta"]
        self.fresh = np.broadcast_to(w.inputs["x.since"] == 1.0, w.seen.shape)

    @cached_property
    def states(self) -> dict[int, int]:
        """The input of each state by its value after the step."""
        inputs = self.plain.inputs
        return {i: inputs[name] for name, i in self.plain.outputs if name in inputs}

    def after(self, place: int, y: Any, since: int | None = None) -> Any:
        """θ with ``y`` ``[…, W]`` at a place, for what comes after ``since``."""
        known: dict[int, Any] = {place: y}
        for i in dependents(self.plain, place, place if since is None else since):
            op = self.plain.ops[i]
            known[i] = MEANING[op.kind](*(known[k] if k in known else self.now[k] for k in op.args))
        # where nothing on the way to θ reads the place, θ is the plain one for every y
        theta = known.get(self.theta, self.now[self.theta])
        return np.broadcast_to(theta, np.broadcast_shapes(np.shape(theta), np.shape(y)))

    def score(self, theta: Any, chosen: Any = None) -> Array:
        """How far θ ``[…, W]`` is from what was seen, over the scored windows (and ``chosen``)."""
        w = self.windows
        mask = w.scored if chosen is None else w.scored & chosen
        with np.errstate(all="ignore"):
            error = np.abs(theta - w.seen) / w.bound
            error = np.where(theta == w.seen, 0.0, error)
            off = np.log2(1.0 + np.where(np.isnan(error), np.inf, error))
        off = np.minimum(np.broadcast_to(off, (*np.shape(theta)[:-1], w.count)), _WORST)
        return mostly(off[..., mask])

    def proposals(self) -> list[Proposal]:
        """All edits, the best first."""
        found: list[Proposal] = []
        with np.errstate(all="ignore"):
            for place in sorted(live(self.plain)):
                if self.plain.ops[place].kind != "const":
                    found += self._closed(place)
                    found += self._open(place)
            likely = [self._followed(p) for p in found if p.score <= LIKELY]
        return sorted(likely, key=lambda p: (round(p.score + p.ahead), plain(p.edit)))

    def _followed(self, proposal: Proposal) -> Proposal:
        """With the score of the steps that follow, where the edit goes on to act."""
        if proposal.given:
            return proposal
        w, steps = self.windows, []
        program = apply(self.program, proposal.edit)
        place = indices(self.plain)[proposal.edit.place]
        inputs = {**w.inputs, "s.edit1": self.previous[place]}
        inputs |= {name: np.full(w.count, value) for name, value in proposal.constants}
        known = evaluated(program.ops, inputs, w.arrays, [])
        for g, theta, seen in w.following:
            inputs |= {name: known[i] for name, i in program.outputs if name[:2] == "s."}
            silence = np.where(inputs["g"] == 0.0, inputs["x.silence"] + 1.0, 0.0)
            time = {name: inputs[name] + 1.0 for name in ("x.t", "x.since")}
            time["x.silence"] = silence
            inputs |= {"g": g, "theta": theta, **time}
            known = evaluated(program.ops, inputs, w.arrays, [])
            error = np.abs(known[program.output["theta"]] - seen) / w.bound
            off = np.where(known[program.output["theta"]] == seen, 0.0, np.log2(1.0 + error))
            here = w.scored & np.isfinite(seen)
            if here.any():
                steps.append(
                    float(mostly(np.minimum(np.nan_to_num(off[here], nan=_WORST), _WORST)))
                )
        return replace(proposal, ahead=sum(steps) / max(1, len(steps)))

    # edits without a number

    def _closed(self, place: int) -> Iterator[Proposal]:
        edits: list[tuple[Edit, int | None, Any]] = []
        for edit, operator in self._edits(place):
            site = Site(self.plain, edit, place, self.draft, _SAME, place)
            index = operator.change(site)
            if site.remembered:  # what it was one step before, or itself at the first step
                edits.append(
                    (edit, None, np.where(self.fresh, self.now[place], self._before(place)))
                )
                continue
            if site.redirected is not None:
                theta = self.after(site.redirected, self.now[place], since=place)
                yield Proposal(edit, float(self.score(theta)))
                continue
            w = self.windows
            known = evaluated(self.draft.ops, w.inputs, w.arrays, self.now)
            edits.append((edit, index, known[index]))
        if not edits:
            return
        y = np.stack([np.broadcast_to(values, self.windows.seen.shape) for _, _, values in edits])
        theta = self.after(place, y)
        scores, whole = self.score(theta), self.score(theta, self.windows.whole)
        for (edit, _, _), score, on_whole in zip(
            edits, scores, np.broadcast_to(whole, scores.shape), strict=True
        ):
            coupled = edit.operator in _COUPLED
            yield Proposal(edit, float(on_whole if coupled else score))
        if place in self.states:
            yield from self._stored(place, [(e, i) for e, i, _ in edits if i is not None])

    def _before(self, place: int) -> Any:
        return self.previous[place]

    def _stored(self, place: int, edits: list[tuple[Edit, int]]) -> Iterator[Proposal]:
        """Edits of what is kept alone: they show one step later."""
        if not edits:
            return
        w = self.windows
        earlier = evaluated(self.draft.ops, w.before, w.arrays, self.previous)
        y = np.stack([np.broadcast_to(earlier[i], w.seen.shape) for _, i in edits])
        theta = np.where(self.fresh, np.nan, self.after(self.states[place], y))
        for (edit, _), score in zip(edits, self.score(theta), strict=True):
            if edit.operator not in _COUPLED:
                yield Proposal(sided(edit, "state"), float(score), later=True)

    def _edits(self, place: int) -> Iterator[tuple[Edit, Operator]]:
        for operator in OPERATORS.values():
            if operator.numbers:
                continue
            for choice in choices_at(self.plain, operator, place, self.fmt):
                yield Edit(operator.name, self.names[place], choice), operator

    # edits with a number

    def _open(self, place: int) -> Iterator[Proposal]:
        yield from self._families(place, self.now[place], lambda y: self.after(place, y))
        if place in self.states:
            kept = self.states[place]

            def later(y: Any) -> Any:
                return np.where(self.fresh, np.nan, self.after(kept, y))

            for proposal in self._families(place, self.previous[place], later):
                if not proposal.given:
                    edit = sided(proposal.edit, "state")
                    yield replace(proposal, edit=edit, later=True)

    def _families(self, place: int, x: Any, path: Callable[[Any], Any]) -> Iterator[Proposal]:
        name = self.names[place]
        x = np.broadcast_to(np.asarray(x, np.float64), self.windows.seen.shape)
        roots = self._roots(x, path)
        if roots is None:
            return
        low, high, at = roots  # of every root, and the window that it belongs to
        many, x = int(self.windows.scored.sum()), x[at]

        def edit(operator: str) -> Edit:
            return Edit(operator, name, (("c", None),))

        def fixed(operator: str, ends: tuple[Array, Array], count: int) -> Iterator[Proposal]:
            c = shared(np.minimum(*ends), np.maximum(*ends), at, SOLVED * count)
            if c is not None:
                yield Proposal(edit(operator), 0.0, (("e.c", c),))

        yield from fixed("scale", (low, high), many)
        yield from fixed("shift", ((low - 1.0) * x, (high - 1.0) * x), many)
        less = np.where((low >= 0.0) & (low <= 1.0), 1.0, np.nan)
        yield from fixed("clip", (np.abs(low * x) * less, np.abs(high * x) * less), many)
        if name in self.program.spec.hyperparameters:
            for found in fixed("hyper", (low * x, high * x), many):
                ((_, value),) = found.constants
                changed = Edit("hyper", name, (("value", value),))
                yield replace(found, edit=changed, constants=(), given=((name, value),))
        whole = self.windows.scored & self.windows.whole
        if whole.any() and place not in self.plain.uniform:
            norm = self.windows.arrays.norm(self.now[place])[at]
            inside = np.where(whole[at], 1.0, np.nan)
            ends = (low * norm * inside, high * norm * inside)
            yield from fixed("clip-norm", ends, int(whole.sum()))

    def _roots(self, x: Any, path: Callable[[Any], Any]) -> tuple[Array, Array, Any] | None:
        """The factors of x that explain a window, as intervals, and the windows; some have several.

        Between neighbours on a grid of factors, a crossing of what was seen is narrowed by halving.
        """
        w = self.windows
        theta = np.broadcast_to(path(GRID[:, None] * x), (len(GRID), w.count))
        masked = np.where(w.scored, theta, np.nan)
        k, at, rising = nearest_roots(masked, w.seen)
        if len(np.unique(at)) < SOLVED * w.scored.sum():
            return None
        root = _numbered(at)
        goals = (w.seen + np.array([[-2.0], [2.0]]) * w.bound)[:, at]
        low = np.broadcast_to(GRID[np.maximum(k - 1, 0)], goals.shape)
        high = np.broadcast_to(GRID[np.minimum(k + 2, len(GRID) - 1)], goals.shape)
        full = np.zeros((2, _ROOTS, w.count))
        for _ in range(_TURNS):
            middle = 0.5 * (low + high)
            full[:, root, at] = middle
            above = (path(full * x)[:, root, at] >= goals) == rising
            low, high = np.where(above, low, middle), np.where(above, middle, high)
        ends = np.sort(0.5 * (low + high), axis=0)
        return ends[0], ends[1], at


def choices_at(
    program: Program, operator: Operator, place: int, fmt: Format
) -> Iterator[tuple[tuple[str, Value], ...]]:
    """The words that fit an operator at a place; rounding to any number of bits of the format."""
    choices = list(operator.choices(program, place))
    yield from choices
    if operator.name == "round" and choices:
        for bits in range(2, fmt.precision):
            yield (("to", bits),)


def nearest_roots(theta: Array, seen: Array) -> tuple[Any, Any, Any]:
    """Where θ ``[K, W]`` over the grid crosses what was seen ``[W]``: the nearest places to 1.

    Returned are the index on the grid before each crossing, its window, and whether θ rises there.
    """
    side, known = theta >= seen, np.isfinite(theta)
    crosses = (side[1:] != side[:-1]) & known[1:] & known[:-1]
    order = np.where(crosses, np.abs(np.arange(len(theta) - 1)[:, None] - _ONE), len(theta))
    nearest = np.argsort(order, axis=0, kind="stable")[:_ROOTS]
    root, at = np.nonzero(np.take_along_axis(crosses, nearest, axis=0))
    k = nearest[root, at]
    return k, at, side[k + 1, at]


def _numbered(at: Any) -> Any:
    """How many of the same window came before each entry."""
    order = np.argsort(at, kind="stable")
    first = np.searchsorted(at[order], at[order], side="left")
    found = np.empty(len(at), np.intp)
    found[order] = np.arange(len(at)) - first
    return found


def mostly(off: Array) -> Array:
    """The mean along the last axis of all but the largest quarter.

    A change that has acted for longer than it shows has left traces in the state, so that a single
    step of it does not explain every departure.
    """
    count = off.shape[-1]
    if not count:
        return np.full(off.shape[:-1], _WORST)
    kept = max(1, math.ceil(_MOST * count))
    return np.asarray(np.partition(off, kept - 1, axis=-1)[..., :kept].mean(axis=-1))


def shared(low: Array, high: Array, at: Any, least: float) -> float | None:
    """The simplest number that lies in intervals of at least so many windows, None without one."""
    ends = common(low, high, at, least)
    return None if ends is None else simplest(*ends)


def common(low: Array, high: Array, at: Any, least: float) -> tuple[float, float] | None:
    """What intervals of at least so many windows have in common, None without such a number."""
    known = np.isfinite(low) & np.isfinite(high)
    low, high, at = low[known], high[known], at[known]
    if len(low) < least:
        return None
    starts = np.sort(low)
    ends = np.sort(high)
    covering = np.arange(1, len(low) + 1) - np.searchsorted(ends, starts, side="left")
    best = starts[int(covering.argmax())]
    inside = (low <= best) & (best <= high)
    if len(np.unique(at[inside])) < least:
        return None
    return float(low[inside].max()), float(high[inside].min())


_LIKELIER: Final = (
    "scale", "clip", "reset", "hyper", "drop", "shift", "delay", "insert", "round", "before",
    "after", "running", "clip-norm", "hold", "couple", "operation", "operand",
)  # fmt: skip


def plain(edit: Edit) -> tuple[int, bool, bool, int]:
    """Of edits that explain the same the simpler one comes first: its operator, then its place."""
    rank = _LIKELIER.index(edit.operator) if edit.operator in _LIKELIER else len(_LIKELIER)
    return rank, edit.place not in USUAL, "(" in edit.place, len(edit.place)


_SAME: Final[Any] = range(1 << 16)
"""In the draft every value of the program has its own number."""


def sided(edit: Edit, side: str) -> Edit:
    return replace(edit, parameters=(*edit.parameters, ("side", side)))


def _grid() -> Array:
    powers = 2.0 ** np.arange(-40.0, 41.0)
    near = 2.0 ** -np.arange(2.0, 51.0, 2.0)
    positive = np.concatenate([powers, 1.0 + near, 1.0 - near])
    return np.unique(np.concatenate([-positive, [0.0], positive]))


GRID: Final = _grid()
_ONE: Final = int(np.searchsorted(GRID, 1.0))


def place_of(program: Program, edit: Edit) -> int:
    """The index, in the expanded program, of the value that an edit changes."""
    return indices(program.expanded)[edit.place]
