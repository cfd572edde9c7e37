"""The one edit of a dialect's program with which every shown step fits, its guard and its numbers.

The steps that the dialect does not explain are those at which an edit acts; what it would make of
all others tells where it does not. Guards and numbers are read off these facts as intervals, and
every statement is held against the steps with the bounds of the judge.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final

import numpy as np

from adamcheck.identify.batch import Array
from adamcheck.identify.decay import simplest
from adamcheck.identify.guards import Facts, Limits, holds, opened, reach_of
from adamcheck.identify.intervals import end
from adamcheck.identify.places import Proposal, place_of, plain
from adamcheck.identify.proposing import COUPLED, Proposer
from adamcheck.identify.scoring import ENOUGH
from adamcheck.identify.selection import ASKED, Chosen, Selection, evenly
from adamcheck.identify.transitions import Index, Mask, Steps, Transitions, ticking
from adamcheck.identify.wording import inferred_edit
from adamcheck.mutations import Edit, apply
from adamcheck.mutations.edits import Guard
from adamcheck.mutations.language import REDUCTIONS, composed, live, reached
from adamcheck.program import Op, Program
from adamcheck.result import InferredEdit

Exact = dict[str, tuple[Array, Array]]
"""Further inputs by name: values and bounds."""
_ROUNDS: Final = 24
"""How often guards of a clock are made anew from the steps that contradicted the last ones."""
_BETWEEN: Final = 17
"""Numbers that are tried between the ends of an interval."""
_MOSTLY: Final = 0.75
"""What decides so many steps comes first; of those that deviate all must decide ENOUGH."""
_SHOWN: Final = 24
"""Edits after which no others are looked for: nobody reads more (LIMITS says so)."""
_OCTAVES: Final = 128
_FINER: Final = 0.125
"""How far below an interval's end smaller numbers are tried, and in what parts of an octave where
some steps had contradicted the first number."""
_TURNS: Final = 6
"""How often a number is looked for again with the steps that it does not fit."""
_NONE: Final = np.zeros(0, np.intp)


@dataclass(frozen=True)
class Inference:
    """An edit that fits, under one guard, with the intervals of that guard's numbers.

    reach: between which numbers of each feature it was seen to act. decided: the share of the steps
    that it decides, of those that deviate or of all, whichever is less. also: steps that its number
    was looked for with besides.
    """

    proposal: Proposal
    guard: Guard | None
    limits: Limits
    reach: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    decided: float = 1.0
    also: Index = field(default_factory=lambda: _NONE)


class Inferring:
    """What can be said of a target from the steps that it shows, around one base."""

    def __init__(self, table: Transitions) -> None:
        self.table = table
        self.program = table.program
        self.of = Selection(table)

    @cached_property
    def _feeding(self) -> frozenset[int]:
        """The values that the clocks are made of."""
        program = self.program.expanded
        return reached(program, *(program.output[f"s.{c}"] for c in program.clocks))

    @cached_property
    def _heard(self) -> tuple[str, ...]:
        """The clocks that a parameter or a moment depends on."""
        program = self.program.expanded
        shown = ["theta", *(f"s.{name}" for name in program.moments)]
        read = reached(program, *(program.output[name] for name in shown))
        return tuple(c for c in program.clocks if program.inputs[f"s.{c}"] in read)

    def proposals(self) -> list[Proposal]:
        """The edits that explain roughly what was asked, the simpler ones first."""
        of, places = self.of, sorted(live(self.program.expanded))
        found = [p for p in self._proposer(of.asked).proposals(places) if not self._ticks(p)]
        clocked = [i for i in places if i in self._feeding]
        for since in (0, 1):
            firsts = of.firsts.some(of.firsts.t >= since)
            if clocked and len(firsts):
                near = self._proposer(of.of_every_run(firsts, ASKED)).proposals(clocked)
                found += [p for p in near if self._ticks(p) and p.later == bool(since)]
        if len(of.whole) and not of.whole.explained.all():
            gone = np.flatnonzero(~of.whole.explained)
            scored = np.zeros(len(of.whole), bool)
            scored[gone[evenly(len(gone), ASKED)]] = True
            coupled = self._proposer(of.whole, scored, coupled=True).proposals(places)
            found += [p for p in coupled if not self._ticks(p)]
        unique = {(p.edit, p.constants): p for p in found}
        return sorted(unique.values(), key=lambda p: plain(p.edit))

    def _ticks(self, proposal: Proposal) -> bool:
        """Whether an edit changes how the clocks that are heard go on."""
        changed = apply(self.program, proposal.edit)
        own, rule = (replace(p, clocks=self._heard) for p in (changed, self.program))
        return ticking(own).ops != ticking(rule).ops

    def _proposer(
        self, chosen: Chosen, scored: Mask | None = None, *, coupled: bool = False
    ) -> Proposer:
        scored = np.ones(len(chosen), bool) if scored is None else scored
        steps = (self.of.steps(chosen), self.of.before(chosen), self.of.last(chosen))
        return Proposer(self.table, *steps, scored, coupled)

    def inferences(self) -> list[Inference]:
        """The edits with which all steps fit, each under the guards that do."""
        found: list[Inference] = []
        for rough in self.proposals() if self.of.telling else ():
            found += (self._ticking if self._ticks(rough) else self._steady)(rough)
            if len({one.proposal.edit for one in found}) >= _SHOWN:
                break
        return sorted(found, key=lambda one: one.decided < _MOSTLY)

    # held against the steps

    def _posed(self, edit: Edit) -> tuple[Program, Chosen, Exact]:
        """The changed program, the steps that it is held against, and what it reads besides."""
        program = apply(self.program, edit)
        if edit.operator in COUPLED:
            return self._uncoupled(program)
        if "s.edit1" in program.inputs:
            return program, self.of.held, {"s.edit1": self._memory(edit, self.of.held)}
        return program, self.of.held, {}

    def _uncoupled(self, program: Program) -> tuple[Program, Chosen, Exact]:
        """With what couples elements as an input, so that some steps can be looked at alone.

        Where sums in the format say nothing, those of a wider accumulator are taken.
        """
        of, ops, known = self.of, list(program.ops), dict[str, tuple[Array, Array]]()
        names = {i: f"x.array{i}" for i, op in enumerate(ops) if op.kind in REDUCTIONS}
        shown = replace(program, outputs=(*program.outputs, *((n, i) for i, n in names.items())))
        steps = of.steps(of.whole)
        steps = replace(steps, seen=dict.fromkeys(names.values(), np.zeros(len(of.whole))))
        numbers = {"e.c": np.ones(len(of.whole))}
        answer = self.table.answer(shown, steps, numbers)
        wide = self.table.answer(shown, steps, numbers, calm=True)
        for i, name in names.items():
            ops[i] = Op("input", name=name)
            strict, bound = (one.bounds[name][of.of_whole] for one in (answer, wide))
            bound = np.where(np.isfinite(strict), strict, bound)
            known[name] = (answer.values[name][of.of_whole], bound)
        return replace(program, ops=tuple(ops)), of.whole.some(of.of_whole), known

    def _fits(
        self, program: Program, rows: Chosen, steps: Steps, more: Exact
    ) -> tuple[Mask, Mask, Mask]:
        """Of each step whether a program explains it, decides what the base gets wrong, and decides
        all that the base does."""
        steps = replace(
            steps,
            inputs={**steps.inputs, **{name: x for name, (x, _) in more.items()}},
            bounds={**steps.bounds, **{name: e for name, (_, e) in more.items()}},
        )
        ratios = self.table.compared(program, steps)
        with np.errstate(all="ignore"):
            fits = np.asarray(~(ratios > 1.0).any(axis=0))
            decides = np.asarray(~(np.isnan(ratios) & (rows.own > 1.0)).any(axis=0))
            return fits, decides, np.asarray(~(np.isnan(ratios) & ~np.isnan(rows.own)).any(axis=0))

    def _memory(self, edit: Edit, rows: Chosen) -> tuple[Array, Array]:
        """What an edit remembers before each step, with its bound."""
        rule = self.program.expanded
        outputs = (*rule.outputs, ("x.place", place_of(self.program, edit)))
        shown = composed(replace(rule, outputs=outputs), self.program)
        steps = self.of.last(rows) if edit.operator == "hold" else self.of.before(rows)
        steps = replace(steps, seen={"x.place": np.zeros(len(rows))})
        answer = self.table.answer(shown, steps, {})
        fresh = rows.t == 0
        values = np.where(fresh, 0.0, answer.values["x.place"])
        return values, np.where(fresh, 0.0, answer.bounds["x.place"])

    def _steady(self, rough: Proposal) -> list[Inference]:
        """An edit that leaves the clocks alone: every step is a case of its own.

        Steps with which its number does not fit are asked, too, when it is looked for again.
        """
        program, rows, known = self._posed(rough.edit)
        steps, gone = self.of.steps(rows), ~rows.explained
        proposal, also = self.numbered(rough), np.zeros(0, np.intp)
        for _ in range(_TURNS):
            if proposal is None:
                return []
            more = known | _exact(proposal.constants, len(rows))
            fits, decides, telling = self._fits(program, rows, steps, more)
            off = np.flatnonzero(gone & ~fits)
            if not len(off) or not proposal.constants:
                break
            also = np.union1d(also, off[evenly(len(off), ASKED)])
            proposal = self.numbered(proposal, also) or self.numbered(rough, also)
        if proposal is None or len(off) or not gone.any() or _share(decides, gone) < ENOUGH:
            return []
        decided = min(_share(decides, gone), float(telling.mean()))
        seen = self.of.features(rows)
        acts = {name: x[gone & decides] for name, x in seen.items()}
        rests = {name: x[~gone & ~fits] for name, x in seen.items()}
        uniform = place_of(self.program, proposal.edit) in self._feeding
        return [
            Inference(proposal, guard, limits, reach_of(guard, acts), decided, also)
            for guard, limits in Facts(acts, rests).guards(steady=True, uniform=uniform)
        ]

    def _ticking(self, rough: Proposal) -> list[Inference]:
        """An edit of what the clocks are made of: they are walked under every guard that may be."""
        proposal = self.numbered(rough)
        if (
            proposal is None
            or not self._fitting(proposal)(
                np.asarray([x for _, x in proposal.constants] or [0.0])
            ).all()
        ):
            return []
        facts, tried = self._first_facts(proposal), set[Guard | None]()
        for _ in range(_ROUNDS):
            guards = {g: limits for g, limits in facts.guards(uniform=True) if g not in tried}
            for guard in guards:
                off = self._contradictions(proposal, guard)
                if off is None:
                    return self._alike(proposal, guard)
                if guard is not None:
                    facts = facts.joined(self._flipped(proposal, guard, off))
            if not guards:
                break
            tried |= guards.keys()
        return []

    def _alike(self, proposal: Proposal, guard: Guard | None) -> list[Inference]:
        """The guards that hold where one that fits does, as far as acting would show."""
        rows = self.of.followed
        edit, numbers = opened(proposal.edit, guard)
        constants = (*proposal.constants, *numbers)
        candidate = replace(self.table.base, edit=edit, constants=constants)
        clocks = {int(k): self.table.clocks(int(k), candidate) for k in np.unique(rows.k)}
        steps = self.of.steps(rows, clocks)
        program, more = apply(self.program, proposal.edit), _exact(constants, len(rows))
        plainly = Exact()
        if proposal.later:
            before = self.of.steps(replace(rows, t=np.maximum(rows.t - 1, 0)), clocks)
            state = self._state(proposal.edit)
            plainly = self._kept(self.program, state, before, {})
            program, more = self.program, self._kept(program, state, before, more)
        shows, *_ = self._fits(program, rows, steps, more)
        rests, *_ = self._fits(self.program, rows, steps, plainly)
        early = rows.some(rows.t >= proposal.later)
        at = rows.t >= proposal.later
        seen = self.of.features(replace(early, t=early.t - proposal.later))
        active = holds(guard, seen)
        acts = {name: x[active & ~rests[at]] for name, x in seen.items()}
        idle = {name: x[~active & ~shows[at]] for name, x in seen.items()}
        return [
            Inference(proposal, one, limits, reach_of(one, acts))
            for one, limits in Facts(acts, idle).guards(steady=True, uniform=True)
        ]

    def _first_facts(self, proposal: Proposal) -> Facts:
        """It acts where the runs first leave the base, and not before where that would show."""
        early = self.of.firsts
        acts = self.of.features(replace(early, t=early.t - proposal.later))
        if proposal.later:
            return Facts(acts, {name: x[:0] for name, x in acts.items()})
        left = np.full(max(self.of.run_of(self.of.all), default=0) + 1, np.iinfo(np.int64).max)
        left[self.of.run_of(early)] = early.t
        rows = self.of.held
        rows = rows.some(rows.t < left[self.of.run_of(rows)])
        if not len(rows):
            return Facts(acts, {name: x[:0] for name, x in acts.items()})
        more = _exact(proposal.constants, len(rows))
        program = apply(self.program, proposal.edit)
        if "s.edit1" in program.inputs:
            more["s.edit1"] = self._memory(proposal.edit, rows)
        fits, *_ = self._fits(program, rows, self.of.steps(rows), more)
        return Facts(acts, {name: x[~fits] for name, x in self.of.features(rows).items()})

    def _contradictions(self, proposal: Proposal, guard: Guard | None) -> Chosen | None:
        """The steps that do not fit with the clocks of a guarded edit; None where all do.

        The shorter runs first: most guards are refuted there.
        """
        edit, numbers = opened(proposal.edit, guard)
        constants = (*proposal.constants, *numbers)
        candidate = replace(self.table.base, edit=edit, constants=constants)
        program = apply(self.program, edit)
        lengths = [batch.steps for batch in self.table.batches]
        for k in sorted(range(len(lengths)), key=lambda k: lengths[k]):
            rows = self.of.followed.some(self.of.followed.k == k)
            if not len(rows):
                continue
            clocks = {k: self.table.clocks(k, candidate)}
            steps = self.of.steps(rows, clocks)
            fits, decides, _ = self._fits(program, rows, steps, _exact(constants, len(rows)))
            if _share(decides, ~rows.explained) < ENOUGH:
                return rows.some(~rows.explained)
            if not fits.all():
                return rows.some(~fits)
        return None

    def _flipped(self, proposal: Proposal, guard: Guard, off: Chosen) -> Facts:
        """Where the first contradiction of each run is, the guard holds the wrong way round."""
        run = self.of.run_of(off)
        first = np.full(int(run.max()) + 1, np.iinfo(np.int64).max)
        np.minimum.at(first, run, off.t)
        early = off.some(off.t == first[run])
        early = replace(early, t=np.maximum(early.t - proposal.later, 0))
        seen = self.of.features(early)
        active = holds(guard, seen)
        return Facts(
            {name: x[~active] for name, x in seen.items()},
            {name: x[active] for name, x in seen.items()},
        )

    # as records

    def told(self, one: Inference) -> InferredEdit:
        """With the intervals of its numbers."""
        proposal = one.proposal
        ends = {name[2:]: self._interval(one, name) for name, _ in proposal.constants}
        to = proposal.edit.get("to")
        ends |= {"to": (float(to), float(to))} if isinstance(to, int) else {}
        return inferred_edit(self.program, proposal.edit, ends, one.guard, one.limits, one.reach)

    def _interval(self, one: Inference, name: str) -> tuple[float, float]:
        """The numbers around the one found with which the steps that deviate fit."""
        fits = self._fitting(one.proposal, one.also)
        middle = dict(one.proposal.constants)[name]
        low = end(fits, middle, -1.0)
        return max(low, 0.0) if _clips(one.proposal.edit) else low, end(fits, middle, 1.0)

    def numbered(self, proposal: Proposal, also: Index = _NONE) -> Proposal | None:
        """With a number that fits the steps that deviate, the simplest there is; None without.

        also: which of those that it is held against are asked besides.
        """
        if not proposal.constants:
            return proposal
        low, high = proposal.ends
        tried = np.unique([low + (high - low) * np.linspace(0.0, 1.0, _BETWEEN)])
        if low * high > 0.0:
            between = np.exp(np.linspace(np.log(abs(low)), np.log(abs(high)), _BETWEEN))
            tried = np.unique([*tried, *(np.sign(low) * between)])
        else:  # how small a number is may be known by other steps
            smaller = 2.0 ** -np.arange(0.0, _OCTAVES, _FINER if len(also) else 1.0)
            tried = np.unique([*tried, *(low * smaller), *(high * smaller)])
        ((name, first),) = proposal.constants
        tried = np.unique([*tried, first])
        if _clips(proposal.edit):  # at nothing it is another edit, and by 0/0 no number
            tried = tried[tried > 0.0]
        if not len(tried):
            return None
        good = np.flatnonzero(self._fitting(proposal, also)(tried))
        if not len(good):
            return None
        c = simplest(float(tried[good[0]]), float(tried[good[-1]]))
        ends = (tried[max(good[0] - 1, 0)], tried[min(good[-1] + 1, len(tried) - 1)])
        return replace(proposal, constants=((name, c),), ends=(float(ends[0]), float(ends[1])))

    def _fitting(self, proposal: Proposal, also: Index = _NONE) -> Callable[[Array], Mask]:
        """Whether an edit with each of some numbers fits the steps that deviate."""
        edit, program, more = proposal.edit, apply(self.program, proposal.edit), Exact()
        if self._ticks(proposal):
            firsts = self.of.firsts
            rows = self.of.of_every_run(firsts.some(firsts.t >= proposal.later), ASKED)
            if "s.edit1" in program.inputs:
                more["s.edit1"] = self._memory(edit, rows)
        elif edit.operator in COUPLED:
            program, rows, known = self._posed(edit)
            gone = np.flatnonzero(~rows.explained)
            gone = np.union1d(gone[evenly(len(gone), 4 * ASKED)], also)
            rows, more = rows.some(gone), {n: (x[gone], e[gone]) for n, (x, e) in known.items()}
        else:
            rows = Chosen.joined([self.of.asked, self.of.held.some(also)])
        steps, before = self.of.steps(rows), self.of.before(rows)

        def fits(numbers: Array) -> Mask:
            count = len(numbers)
            given = {n: (np.tile(x, count), np.tile(e, count)) for n, (x, e) in more.items()}
            given |= _exact((("e.c", np.repeat(numbers, len(rows))),), count * len(rows))
            tiled = rows.some(np.tile(np.arange(len(rows)), count))
            run = program
            if proposal.later:
                kept = self._kept(program, self._state(edit), before.tiled(count), given)
                run, given = self.program, kept
            good, *_ = self._fits(run, tiled, steps.tiled(count), given)
            return np.asarray(good.reshape(count, -1).all(axis=1))

        return fits

    def _state(self, edit: Edit) -> str:
        """The state that an edit of what is kept changes."""
        place = place_of(self.program, edit)
        return next(name for name, i in self.program.expanded.outputs if i == place)

    def _kept(self, program: Program, state: str, before: Steps, more: Exact) -> Exact:
        """What a program leaves of a state to the step after these, as an input."""
        asked = replace(
            before,
            inputs={**before.inputs, **{name: x for name, (x, _) in more.items()}},
            bounds={**before.bounds, **{name: e for name, (_, e) in more.items()}},
            seen={state: np.zeros(len(before))},
        )
        answer = self.table.answer(program, asked, {})
        return {state: (answer.values[state], answer.bounds[state])}


def _exact(constants: Sequence[tuple[str, Any]], count: int) -> Exact:
    """Numbers as inputs without an error."""
    zero = np.zeros(count)
    return {name: (zero + value, zero) for name, value in constants}


def _share(decides: Mask, gone: Mask) -> float:
    """The share of the steps that deviate which are decided."""
    return float(decides[gone].mean()) if gone.any() else 1.0


def named(table: Transitions) -> list[InferredEdit]:
    """The edits of the base's program with which every shown step fits, the likeliest first."""
    inferring = Inferring(table)
    told = [inferring.told(one) for one in inferring.inferences()]
    # with any number at all: the steps do not tell
    told = [one for one in told if (-np.inf, np.inf) not in one.parameters.values()]
    # nor where a factor may be 1, or a term 0: that changes nothing
    told = [one for one in told if not _nothing(one)]
    return sorted(told, key=_vague)


def _clips(edit: Edit) -> bool:
    """Whether the number of an edit is the size that a value may have."""
    return edit.operator in ("clip", "clip-norm")


def _nothing(one: InferredEdit) -> bool:
    """Whether the numbers that fit are around the one that leaves a value as it is."""
    idle = {"scale": 1.0, "shift": 0.0}.get(one.operator)
    return idle is not None and any(low < idle < high for low, high in one.parameters.values())


def _vague(one: InferredEdit) -> bool:
    """Whether a number may be arbitrarily large, or clips at nothing, which is another edit."""
    ends = [*one.parameters.values()]
    nothing = one.operator in ("clip", "clip-norm") and any(low <= 0.0 for low, _ in ends)
    return nothing or bool(np.isinf(ends).any())
