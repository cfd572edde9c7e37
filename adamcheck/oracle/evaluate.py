"""Values, bounds and judgements of evidence, on the block machine: the only loop.

The scalars of all steps come first, as one block of a single column; then the elements, block by
block, on as many threads as there are cores. Columns that fill no vector are padded with zeros.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from adamcheck.formats import FORMATS, widened
from adamcheck.interpret import double_double, machine
from adamcheck.interpret.comparison import TALLIES
from adamcheck.interpret.lower import STEP_CONSTANTS, Block, Lowered, lower
from adamcheck.oracle import envelope
from adamcheck.oracle.envelope import STRICT, Admission
from adamcheck.oracle.evidence import Evidence
from adamcheck.program import Program

VECTOR: Final = 8
"""Lanes that the machine takes at once."""
LANES: Final = 256
"""Elements a block: enough that starting an instruction costs little, and rows stay in cache."""
_SPREAD: Final = 1 << 16
"""Element-steps from which threads are worth starting: they cost about as much as 20,000."""

Float64 = NDArray[np.float64]
_ROUNDOFF: Final = {"f64": 2.0**-53, "dd": double_double.UNIT}


@dataclass(frozen=True)
class Rounding:
    """What bounds are made of: u and eta of elements, us and errors [H] of scalars, fold [T, 2]."""

    u: float
    us: float
    eta: float
    largest: float
    errors: Float64
    start: Float64
    fold: Float64

    @classmethod
    def admitted(cls, program: Program, evidence: Evidence, admission: Admission) -> Rounding:
        """That of any admissible evaluation in the evidence's format."""
        hyper, fmt, names = evidence.hyper, evidence.fmt, program.hyper
        return cls(
            fmt.u,
            envelope.scalar_roundoff(fmt, admission),
            envelope.underflow(fmt, admission),
            fmt.largest,
            envelope.scalar_errors(names, hyper, fmt, admission),
            envelope.start(program, hyper, fmt, admission),
            envelope.fold(program.spec, hyper, evidence.shape[0], evidence.first),
        )

    @classmethod
    def of_level(cls, program: Program, evidence: Evidence, level: str) -> Rounding:
        """That of a precision level's own arithmetic."""
        limits, names = FORMATS["float64"], program.hyper
        return cls(
            _ROUNDOFF[level],
            _ROUNDOFF[level],
            limits.eta,
            limits.largest,
            np.zeros(len(names)),
            envelope.start(program, evidence.hyper, evidence.fmt, STRICT),
            np.ones((evidence.shape[0], 2)),
        )

    def constants(self) -> dict[str, float]:
        """Values of the rows that every step shares."""
        u, us = self.u, self.us
        return {
            "u": u,
            "us": us,
            "gamma2": 2 * u / (1 - 2 * u),
            "gamma4": 4 * u / (1 - 4 * u),
            "gamma3s": 3 * us / (1 - 3 * us),
            "gamma6s": 6 * us / (1 - 6 * us),
            "eta": self.eta,
            "largest": self.largest,
        }


def judge(
    program: Program,
    level: str,
    observed: tuple[str, ...],
    evidence: Evidence,
    admission: Admission,
    margin: float,
) -> Float64:
    """The counts ``[len(observed), len(TALLIES), N]`` of a level, before anything climbs."""
    steps, count = evidence.shape
    tally = np.zeros((len(observed), len(TALLIES), count))
    if not (steps and count):
        return tally
    lowered = lower(program, paired=level == "dd", quantities=(*observed, "update"))
    rounding = Rounding.admitted(program, evidence, admission)
    shared = _Shared(program, lowered, evidence, rounding, evidence.fmt.u)
    _spread(shared, evidence, (tally,), observed=observed, margin=margin)
    return tally


def enclose(
    program: Program,
    level: str,
    quantities: tuple[str, ...],
    evidence: Evidence,
    admission: Admission | None,
) -> tuple[Float64, Float64, Float64, Float64]:
    """Values (high, low) and bounds ``[Q, T, N]``, and where the level left its range ``[N]``.

    The bounds are those of any admissible evaluation, or the level's own without an admission.
    """
    steps, count = evidence.shape
    out = np.zeros((3 * len(quantities), steps, count))
    strained = np.zeros((1, 1, count))
    fill(program, level, quantities, evidence, admission, (out, strained))
    high, low, radius = (out[k::3] for k in range(3))
    return high, low, radius, strained[0, 0]


def fill(
    program: Program,
    level: str,
    quantities: tuple[str, ...],
    evidence: Evidence,
    admission: Admission | None,
    results: tuple[Float64, Float64],
) -> None:
    """The same into given arrays: [3Q, T, N] (high, low and bound of each) and strained [1, 1, N].

    What is always zero (low parts in float64) is left as it is.
    """
    if not results[0].size:
        return
    lowered = lower(program, paired=level == "dd", quantities=quantities)
    if admission is None:
        rounding, kept = Rounding.of_level(program, evidence, level), 0.0
    else:
        rounding, kept = Rounding.admitted(program, evidence, admission), evidence.fmt.u
    shared = _Shared(program, lowered, evidence, rounding, kept)
    _spread(shared, evidence, results, shown=quantities)


@dataclass
class Tape:
    """A machine program being put together: its parts, its rows and its streams."""

    rows: int
    parts: tuple[list[list[int]], ...] = field(default_factory=lambda: ([], [], [], []))
    arrays: list[tuple[NDArray[Any], int, int]] = field(default_factory=list)

    def add(self, part: int, name: str, *arguments: int) -> None:
        """An instruction of part 0 (before), 1 (a step), 2 (a judged step) or 3 (after)."""
        line = [machine.OPCODES[name], *arguments]
        self.parts[part].append(line + [0] * (machine.WIDTH - len(line)))

    def new(self, count: int = 1) -> list[int]:
        """So many further rows."""
        self.rows += count
        return list(range(self.rows - count, self.rows))

    def stream(self, array: NDArray[Any], stride: int, skipped: int = 0) -> int:
        """A stream over an array that lives as long as the tape; ``skipped`` numbers come first."""
        self.arrays.append((array, stride, skipped))
        return len(self.arrays) - 1

    def run(
        self,
        values: Mapping[int, float],
        steps: int,
        unseen: int,
        lanes: int,
        offsets: Iterable[int],
    ) -> None:
        """Run the program on a block of ``lanes`` columns from each offset; rows hold values."""
        code = np.array([line for part in self.parts for line in part], np.uint32)
        ends = np.cumsum([len(part) for part in self.parts], dtype=np.int64)
        streams = np.array([a.ctypes.data + a.itemsize * k for a, _, k in self.arrays], np.uint64)
        strides = np.array([stride for _, stride, _ in self.arrays], np.int64)
        buffer = np.zeros(self.rows * lanes + VECTOR)
        skipped = -buffer.ctypes.data % 64 // 8
        rows = buffer[skipped : skipped + self.rows * lanes].reshape(self.rows, lanes)
        for row, value in values.items():
            rows[row] = value
        given = (
            code.ctypes.data,
            ends.ctypes.data,
            rows.ctypes.data,
            lanes // VECTOR,
            steps,
            unseen,
        )
        call, more = machine.run(), (streams.ctypes.data, strides.ctypes.data)
        for offset in offsets:
            call(*given, *more, offset)


@dataclass(frozen=True)
class _Shared:
    """What the blocks of one run share: the lowered program, its scalars, its constants."""

    program: Program
    lowered: Lowered
    evidence: Evidence
    rounding: Rounding
    kept: float

    def scalars(self) -> Float64:
        """Values of the rows that elements read, ``[S, first + T]``."""
        block, evidence, program = self.lowered.uniform, self.evidence, self.program
        steps = evidence.first + evidence.shape[0]
        values = _constants(block, self.rounding)
        names = program.hyper
        for name, error in zip(names, self.rounding.errors.tolist(), strict=True):
            for part, value in (("h", float(evidence.hyper[name])), ("e", error)):
                if f"h.{name}.{part}" in block.given:
                    values[block.given[f"h.{name}.{part}"]] = value
        # high parts of all clocks first, then low parts, then errors: as states are listed
        start = self.rounding.start.T.ravel().tolist()
        values |= dict(zip(block.states, start, strict=True))
        tape, changing = Tape(block.rows), self._per_step()
        for k, name in enumerate(STEP_CONSTANTS):
            if name in block.given:
                tape.add(1, "steady", block.given[name], tape.stream(changing[k], 1))
        tape.parts[1].extend(block.code.tolist())
        out = np.zeros((len(self.lowered.passed), steps))
        for k, name in enumerate(self.lowered.passed):
            tape.add(1, "store1", block.found[name], tape.stream(out[k], 1))
        tape.run(values, steps, 0, VECTOR, (0,))
        return out

    def _per_step(self) -> Float64:
        """STEP_CONSTANTS of every step, ``[4, first + T]``; no element is read before first."""
        first, steps = self.evidence.first, self.evidence.shape[0]
        table = np.zeros((4, first + steps))
        table[0, first:] = self.rounding.eta * self.rounding.fold[:, 0]
        table[1, first:] = self.rounding.largest / self.rounding.fold[:, 1]
        # a target may keep a wider parameter inside; what it shows is rounded from the second on
        table[2, first + 1 :] = self.kept
        table[3, first + 1 :] = self.rounding.eta if self.kept else 0.0
        return table


def _spread(shared: _Shared, evidence: Evidence, results: tuple[Float64, ...], **what: Any) -> None:
    """Run the elements' code over all columns: whole blocks in place, the others padded."""
    steps, count = evidence.shape
    scalars = shared.scalars()
    whole = count // LANES * LANES
    if whole:
        tape, values = _elements(
            shared, _Columns.of(evidence, shared.program), scalars, results, what
        )
        offsets = range(0, whole, LANES)
        threads = min(len(offsets), len(os.sched_getaffinity(0)))
        threads = 1 if steps * whole < _SPREAD else threads

        def work(k: int) -> None:
            tape.run(values, steps, evidence.unseen, LANES, _taken(waiting))

        waiting = iter(offsets)
        if threads == 1:
            work(0)
        else:
            with ThreadPoolExecutor(threads) as pool:
                list(pool.map(work, range(threads)))
    if whole < count:
        width = -(-(count - whole) // VECTOR) * VECTOR
        padded = tuple(np.zeros((*x.shape[:-1], width)) for x in results)
        columns = _Columns.of(evidence, shared.program, whole, width)
        tape, values = _elements(shared, columns, scalars, padded, what)
        tape.run(values, steps, evidence.unseen, width, (0,))
        for result, part in zip(results, padded, strict=True):
            result[..., whole:] = part[..., : count - whole]


def _taken(waiting: Iterable[int]) -> Iterable[int]:
    """What other threads have not taken yet: next() of one iterator is safe between threads."""
    yield from iter(lambda: next(iter(waiting), -1), -1)


@dataclass(frozen=True)
class _Columns:
    """Observed columns as the machine reads them: rows of a step side by side."""

    grads: NDArray[Any]
    thetas: NDArray[Any]
    moments: Mapping[str, Float64]
    start: Mapping[str, Float64]

    @classmethod
    def of(
        cls, evidence: Evidence, program: Program, begin: int = 0, width: int | None = None
    ) -> _Columns:
        """All columns, or those from ``begin`` on with zeros up to ``width``."""
        steps = evidence.shape[0]
        grads, thetas = widened(evidence.grads[:steps]), widened(evidence.thetas)
        dtype = np.result_type(grads, thetas)

        def taken(array: NDArray[Any], kind: Any) -> NDArray[Any]:
            if width is None:
                return np.ascontiguousarray(array, kind)
            found = np.zeros((*array.shape[:-1], width), kind)
            found[..., : array.shape[-1] - begin] = array[..., begin:]
            return found

        return cls(
            taken(grads, dtype),
            taken(thetas, dtype),
            {m: taken(x[:steps], np.float64) for m, x in evidence.moments.items()},
            {
                m: taken(evidence.start[m], np.float64)
                for m in program.moments
                if m in evidence.start
            },
        )


def _elements(
    shared: _Shared,
    columns: _Columns,
    scalars: Float64,
    results: tuple[Float64, ...],
    what: Mapping[str, Any],
) -> tuple[Tape, dict[int, float]]:
    """The program of the elements' blocks and the values of its constant rows."""
    block, program = shared.lowered.elements, shared.program
    tape, values = Tape(block.rows), _constants(block, shared.rounding)
    width, first = columns.grads.shape[-1], shared.evidence.first
    load = "load32" if columns.grads.dtype == np.float32 else "load"
    for k, row in enumerate(block.states):
        name = program.moments[k] if k < len(program.moments) else ""
        if name in columns.start:
            tape.add(0, "load", row, tape.stream(columns.start[name], 0))
        else:
            tape.add(0, "copy", row, 0)
    for name, array in (("g.h", columns.grads), ("theta.h", columns.thetas)):
        if name in block.given:
            tape.add(1, load, block.given[name], tape.stream(array, width))
    for k, name in enumerate(shared.lowered.passed):
        tape.add(1, "steady", block.given[name], tape.stream(scalars[k], 1, first))
    tape.parts[1].extend(block.code.tolist())
    if "observed" in what:
        _compared(tape, values, block, columns, results[0], shared.evidence, **what)
    else:
        _shown(tape, block, results, what["shown"])
    return tape, values


def _shown(tape: Tape, block: Block, results: tuple[Float64, ...], shown: Sequence[str]) -> None:
    """Write out values and bounds of each step, and in the end where the level left its range."""
    out, strained = results
    rows = [block.found[f"{name}.{part}"] for name in shown for part in "hle"]
    for k, row in enumerate(rows):
        if row:
            tape.add(1, "store", row, tape.stream(out[k], out.shape[-1]))
    if "either" in block.found:
        (flag,) = tape.new()
        tape.add(0, "copy", flag, 0)
        tape.add(1, "larger", flag, flag, block.found["either"])
        tape.add(3, "store", flag, tape.stream(strained, 0))


def _compared(
    tape: Tape,
    values: dict[int, float],
    block: Block,
    columns: _Columns,
    tally: Float64,
    evidence: Evidence,
    *,
    observed: Sequence[str],
    margin: float,
) -> None:
    """Hold each observed quantity against its bound at every step, and write the counts out."""
    found, width = block.found, tally.shape[-1]
    steps = evidence.shape[0]
    now, margins, judged, flag, seen, distance, outcome, ratio = tape.new(8)
    values |= {margins: margin, judged: float(max(steps - evidence.unseen, 0))}
    tape.add(2, "steady", now, tape.stream(np.arange(1.0, steps + 1.0), 1))
    tape.add(0, "copy", flag, 0)
    if "low" in found:
        tape.add(1, "larger", flag, flag, found["low"])
    for j, name in enumerate(observed):
        worst, at, first, open_, void, weak = counted = tape.new(6)
        for row in counted:
            tape.add(0, "copy", row, 0)
        if name == "theta":
            load = "load32" if columns.thetas.dtype == np.float32 else "load"
            tape.add(2, load, seen, tape.stream(columns.thetas, width, width))
        else:
            tape.add(2, "load", seen, tape.stream(columns.moments[name], width))
        high, low, bound = (found[f"{name}.{part}"] for part in "hle")
        quantity = found["update.h"] if name == "theta" else high
        tape.add(2, "distance", distance, seen, high, low)
        faint = found.get("faint", 0)
        tape.add(2, "outcome", outcome, ratio, distance, bound, quantity, margins, faint)
        tape.add(2, "worst", worst, at, worst, at, ratio, now)
        tape.add(2, "count", first, open_, void, weak, first, open_, void, weak, outcome, now)
        decided = tape.new()[0]
        ends = first, open_, weak, decided
        tape.add(3, "settle", *ends, flag, first, open_, void, weak, judged)
        for k, row in enumerate((worst, at, first, open_, void, weak, decided)):
            tape.add(3, "store", row, tape.stream(tally[j, k], 0))


def _constants(block: Block, rounding: Rounding) -> dict[int, float]:
    """Rows that never change, with their values."""
    known = rounding.constants()
    values = dict(block.fixed)
    return values | {row: known[n] for n, row in block.given.items() if n in known}
