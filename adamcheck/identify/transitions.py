"""Single steps from states that the target shows: each can be asked of any program by itself.

Where a target shows its moments, what a step read is known whatever happened before: only the
clocks of the rule have to be walked, and they are one number a run. So element-steps of all runs
stand side by side, and a changed program is held against thousands of them in one evaluation, with
the bounds of one step from exact numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from adamcheck.formats import Format
from adamcheck.identify.batch import Array, Batch
from adamcheck.identify.candidate import Candidate
from adamcheck.identify.lockstep import advanced, begun, factors, share, step_constants
from adamcheck.mutations.language import pruned
from adamcheck.numerics.changed import Arrays, changed_step
from adamcheck.numerics.joint import Joint, Member
from adamcheck.numerics.stepwise import Stepwise, stepwise
from adamcheck.oracle import envelope
from adamcheck.oracle.envelope import Admission
from adamcheck.program import Program, trace

Index = NDArray[np.intp]
Mask = NDArray[np.bool_]
_CHUNK: Final = 1 << 14


@dataclass(frozen=True)
class Steps:
    """E element-steps: what each read by input name with its bound, and what was seen by output.

    batch, t, column: where each comes from. reassociation: ``[2, E]``. arrays: which of them are
    the elements of one array at one step, for programs that couple elements.
    """

    inputs: Mapping[str, Array]
    bounds: Mapping[str, Array]
    seen: Mapping[str, Array]
    reassociation: Array
    batch: Index
    t: Index
    column: Index
    arrays: Arrays

    def __len__(self) -> int:
        return len(self.t)

    def tiled(self, times: int) -> Steps:
        """The same several times over, as arrays of their own."""

        def many(table: Mapping[str, Array]) -> dict[str, Array]:
            return {name: np.tile(x, times) for name, x in table.items()}

        own = np.repeat(np.arange(times), len(self)) << 56
        return Steps(
            inputs=many(self.inputs),
            bounds=many(self.bounds),
            seen=many(self.seen),
            reassociation=np.tile(self.reassociation, (1, times)),
            batch=np.tile(self.batch, times),
            t=np.tile(self.t, times),
            column=np.tile(self.column, times),
            arrays=Arrays(np.tile(self.arrays.of, times) ^ own),
        )


@dataclass(frozen=True)
class Answer:
    """What a program makes of steps: value and bound by output, ``[E]`` each."""

    values: Mapping[str, Array]
    bounds: Mapping[str, Array]


@dataclass(frozen=True)
class Clocks:
    """The clocks before every step of a batch and their bounds, name -> ``[T, R]`` for its runs."""

    values: Mapping[str, Array]
    bounds: Mapping[str, Array]


@dataclass(frozen=True)
class Transitions:
    """The steps of all runs under one base, as far as what they read is known."""

    base: Candidate
    batches: tuple[Batch, ...]
    admission: Admission

    @classmethod
    def of(
        cls, base: Candidate, batches: Sequence[Batch], admission: Admission
    ) -> Transitions | None:
        """Of the batches that show every moment of the base's rule; None where none does."""
        names = trace(base.spec).moments
        shown = tuple(b for b in batches if all(n in b.moments for n in names))
        return cls(base, shown, admission) if shown else None

    @property
    def fmt(self) -> Format:
        """The format of the runs."""
        return self.batches[0].fmt

    @property
    def program(self) -> Program:
        """The base's program."""
        return trace(self.base.spec)

    @cached_property
    def _runs(self) -> tuple[tuple[Index, Index], ...]:
        """Per batch: one column of every run, and the run of every column."""
        found = []
        for batch in self.batches:
            _, heads, of = np.unique(batch.run, return_index=True, return_inverse=True)
            found.append((heads, of))
        return tuple(found)

    @cached_property
    def _known(self) -> tuple[tuple[Clocks, Array, dict[str, Array]], ...]:
        """Per batch: the rule's clocks, the reassociation ``[T, 2, R]``, the hyperparameters."""
        found = []
        for k, batch in enumerate(self.batches):
            few = batch.columns(self._runs[k][0])
            table = factors(self.base.spec, few, self.base.hyper(few))
            found.append((self.clocks(k), table, dict(self.base.hyper(batch))))
        return tuple(found)

    def clocks(self, k: int, changed: Candidate | None = None) -> Clocks:
        """The clocks of a batch as the base, or a change of it, walks them."""
        candidate = changed or self.base
        if (k, candidate) in self._walks:
            return self._walks[k, candidate]
        few = self.batches[k].columns(self._runs[k][0])
        program = ticking(candidate.program)
        if not program.clocks:
            return Clocks({}, {})
        found = _walked(candidate, program, few, self._begun[k], self.admission)
        self._walks[k, candidate] = found
        return found

    @cached_property
    def _lossy(self) -> envelope.Roundings:
        return envelope.roundings(self.base.spec, self.fmt, self.admission)

    @cached_property
    def _walks(self) -> dict[tuple[int, Candidate], Clocks]:
        return {}

    @cached_property
    def _begun(self) -> tuple[tuple[dict[str, Any], dict[str, Any]], ...]:
        """Per batch: the rule's hyperparameters and clocks before the first step, with bounds."""
        plain, found = ticking(self.program), []
        lossy = self._lossy
        for batch, (heads, _) in zip(self.batches, self._runs, strict=True):
            few = batch.columns(heads)
            values, bounds = begun(
                self.program, few, self.base.hyper(few), lossy.base, self.admission
            )
            if few.first.any() and plain.clocks:
                advanced(plain, stepwise(plain), few, values, bounds, lossy.us)
            found.append((values, bounds))
        return tuple(found)

    def steps(
        self, k: Index, t: Index, column: Index, clocks: Mapping[int, Clocks] | None = None
    ) -> Steps:
        """Chosen steps: of batch ``k``, step ``t`` from 0, and column, ``[E]`` each."""
        inputs: dict[str, Array] = {}
        bounds: dict[str, Array] = {}
        seen: dict[str, Array] = {}
        factor = np.empty((2, len(t)))
        array = np.empty(len(t), np.int64)
        for batch in np.unique(k):
            chosen = np.flatnonzero(k == batch)
            own = self._clock(int(batch), clocks)
            parts = self._gathered(int(batch), t[chosen], column[chosen], own)
            for table, part in zip((inputs, bounds, seen), parts[:3], strict=True):
                for name, values in part.items():
                    table.setdefault(name, np.zeros(len(t)))[chosen] = values
            factor[:, chosen] = parts[3]
            array[chosen] = (t[chosen] * len(self.batches) + batch) << 32
            array[chosen] += self.batches[batch].array[column[chosen]]
        return Steps(inputs, bounds, seen, factor, k, t, column, Arrays(array))

    def _clock(self, k: int, clocks: Mapping[int, Clocks] | None) -> Clocks:
        return self._known[k][0] if clocks is None else clocks[k]

    def _gathered(self, k: int, t: Index, i: Index, clocks: Clocks) -> tuple[Any, ...]:
        batch, run = self.batches[k], self._runs[k][1][i]
        _, table, hyper = self._known[k]
        inputs = {f"h.{n}": hyper[n][i] for n in self.base.spec.hyperparameters}
        inputs |= {name: x[t, run] for name, x in clocks.values.items()}
        bounds = {name: x[t, run] for name, x in clocks.bounds.items()}
        theta, g = batch.thetas[t, i], batch.grads[t, i]
        seen = {"theta": batch.thetas[t + 1, i]}
        fresh = t == 0
        for name in self.program.moments:
            shown = batch.moments[name]
            start = batch.start.get(name, np.zeros(batch.count))
            inputs[f"s.{name}"] = np.where(fresh, start[i], shown[t - 1, i])
            seen[f"s.{name}"] = shown[t, i]
        inputs |= {"g": g, "theta": theta, "x.silence": batch.silence[t, i]}
        counts = {"t": batch.first[i] + t + 1, "since": t + 1, "index": batch.element[i]}
        counts["size"] = batch.size[i]
        inputs |= {f"x.{name}": np.asarray(x, np.float64) for name, x in counts.items()}
        bounds["theta"] = np.where(fresh, 0.0, self.fmt.u) * np.abs(theta)
        errors = self._hyper_errors(k)
        bounds |= {name: x[run] for name, x in errors.items()}
        zero = np.zeros(len(t))
        bounds |= {name: zero for name in inputs if name not in bounds}
        return inputs, bounds, seen, table[t, :, run].T

    def _hyper_errors(self, k: int) -> dict[str, Array]:
        """The bound of each hyperparameter as kept, by input name ``[R]``."""
        few = self.batches[k].columns(self._runs[k][0])
        names, hyper = self.base.spec.hyperparameters, self.base.hyper(few)
        rows = [
            envelope.scalar_errors(
                names, {n: float(hyper[n][r]) for n in names}, self._lossy.base, self.admission
            )
            for r in range(few.count)
        ]
        return {f"h.{n}": np.asarray([row[j] for row in rows]) for j, n in enumerate(names)}

    def everything(self) -> Iterator[tuple[Index, Index, Index]]:
        """(batch, t, column) of all steps whose reads are finite, some at a time."""
        for k, batch in enumerate(self.batches):
            known = np.isfinite(batch.thetas[:-1]) & np.isfinite(batch.grads)
            for name in self.program.moments:
                known[1:] &= np.isfinite(batch.moments[name][:-1])
            t, column = np.nonzero(known)
            for begin in range(0, len(t), _CHUNK):
                some = slice(begin, begin + _CHUNK)
                yield np.full(len(t[some]), k), t[some], column[some]

    def answer(
        self,
        program: Program,
        steps: Steps,
        more: Mapping[str, Array],
        *,
        calm: bool = False,
    ) -> Answer:
        """A program's values and bounds; ``more``: exact inputs that it reads besides.

        calm: the bounds of evaluations that stay in the format's range and sum over elements in a
        wider one; where others are admissible, too, their bounds may be infinite.
        """
        zero = np.zeros(len(steps))
        arrays = replace(steps.arrays, wide=calm)
        c = step_constants(self._lossy, steps.reassociation, arrays)
        if calm:
            c.largest = np.inf
        run = stepwise(program) if program is self.program else changed_step(program)
        exact = dict.fromkeys((n for n in more if n not in steps.bounds), zero)
        with np.errstate(all="ignore"):
            values, radii = run(dict(steps.inputs) | dict(more), dict(steps.bounds) | exact, c)
        names = [n for n in values if n in steps.seen]
        return Answer(
            {n: np.broadcast_to(values[n], zero.shape) for n in names},
            {n: np.broadcast_to(radii[n], zero.shape) for n in names},
        )

    def ratios(self, answer: Answer, steps: Steps) -> Array:
        """Error over envelope of every output ``[outputs, E]``, NaN where nothing is decided.

        What is not finite here is expected not to be in the target.
        """
        found = []
        for name, seen in steps.seen.items():
            value, bound = answer.values[name], answer.bounds[name]
            with np.errstate(all="ignore"):
                error = np.abs(seen - value)
                ratio = np.where(error == 0.0, 0.0, error / (share(self.fmt) * bound))
                ratio = np.where(np.isfinite(seen), ratio, np.inf)
                decided = np.isfinite(value) & np.isfinite(bound)
                same = (np.isnan(value) & np.isnan(seen)) | (value == seen)
                lost = np.where(same, 0.0, np.where(np.isfinite(seen), np.inf, np.nan))
            found.append(np.where(decided, ratio, np.where(np.isfinite(value), np.nan, lost)))
        return np.asarray(found)

    def compared(self, program: Program, steps: Steps) -> Array:
        """The ratios of a program ``[outputs, E]``, of every step that says something.

        Where the bound is infinite as an admissible evaluation may overflow, the target may not
        have: what it made fits where it lies in the bound of one that does not overflow, or is the
        very number. What does not stays undecided.
        """
        answer = self.answer(program, steps, {})
        found = self.ratios(answer, steps)
        if np.isnan(found).any():
            calm = self.ratios(self.answer(program, steps, {}, calm=True), steps)
            same = np.stack([answer.values[name] == seen for name, seen in steps.seen.items()])
            found = np.where(np.isnan(found) & (same | (calm <= 1.0)), 0.0, found)
        return found


def ticking(program: Program) -> Program:
    """What of a program makes its clocks go on; θ stands for one of them."""
    kept = [(n, i) for n, i in program.outputs if n[:2] == "s." and n[2:] in program.clocks]
    if not kept:
        return replace(program, ops=(), outputs=(), clocks=())
    alias = [("theta", kept[0][1]), ("update", kept[0][1])]
    return pruned(replace(program, outputs=(*kept, *alias), late=()))


def _walked(
    candidate: Candidate, program: Program, few: Batch, start: Any, admission: Admission
) -> Clocks:
    """The clocks before every step, of a batch with one column a run."""
    lossy = envelope.roundings(candidate.spec, few.fmt, admission)
    run: Stepwise = stepwise(program) if candidate.edit is None else changed_step(program)
    values, bounds = (dict(table) for table in start)
    zero = np.zeros(few.count)
    values |= {name: zero + value for name, value in candidate.constants}
    names = [f"s.{clock}" for clock in program.clocks if f"s.{clock}" in run.inputs]
    values |= {name: zero for name in names if name not in values}
    since = np.arange(1.0, few.steps + 1.0)[:, None] + zero
    values |= {"x.size": few.size + 0.0, "x.t": few.first + since, "x.since": since}
    bounds = dict.fromkeys(values, zero) | bounds
    c = step_constants(lossy, np.ones((2, few.count)), Arrays(few.array))
    joint = Joint([Member(run, values, bounds, c)], (few.steps, few.count))
    tables = tuple({name: np.empty((few.steps, few.count)) for name in names} for _ in "he")
    places = [
        (table[name], joint.state(0, name, letter))
        for letter, table in zip("he", tables, strict=True)
        for name in names
    ]
    with np.errstate(all="ignore"):
        for some, known in joint.run([at for _, at in places]):
            for rows, at in places:
                rows[some] = known[at]
    return Clocks(*tables)
