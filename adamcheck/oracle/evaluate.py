"""Values, bounds and judgements of evidence, on the block machine: the only loop.

The scalars of all steps come first, as one block of a single column; then the elements, block by
block, on as many threads as there are cores. Columns that fill no vector are padded with zeros.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from adamcheck.cores import cores
from adamcheck.formats import FORMATS, Format, widened
from adamcheck.numerics import double_double
from adamcheck.numerics.comparison import TALLIES
from adamcheck.numerics.lower import STEP_CONSTANTS, Lowered, lower
from adamcheck.numerics.vectors import LANES as VECTOR
from adamcheck.oracle import envelope
from adamcheck.oracle.envelope import STRICT, Admission
from adamcheck.oracle.evidence import Evidence
from adamcheck.oracle.tape import Tape, clocks_code, judging, scalars_code, showing
from adamcheck.program import Program
from adamcheck.storage import unkept

LANES: Final = 256
"""Elements a block: enough that starting an instruction costs little, and rows stay in cache."""
_SPREAD: Final = 1 << 16
"""Element-steps from which threads are worth starting: they cost about as much as 20,000."""

_SHORT: Final = 1 << 12
"""Steps of runs whose scalars are kept: about a mebibyte each."""

Float64 = NDArray[np.float64]
Streams = dict[str, tuple[NDArray[Any], int, int]]
"""Arrays by name, each with its numbers a step and how many of them come before the first step."""
_ROUNDOFF: Final = {"f64": 2.0**-53, "dd": double_double.UNIT}


@dataclass(frozen=True)
class Setting:
    """All that scalars and bounds depend on beside the numbers observed.

    hyper are the exact hyperparameters in the order of Program.hyper. Bounds are those of any
    admissible evaluation, or of the level's own arithmetic where there is no admission.
    """

    program: Program
    level: str
    fmt: Format
    hyper: tuple[float, ...]
    admission: Admission | None
    first: int
    steps: int
    lrs: tuple[float, ...] = ()
    shown: bool = False

    @classmethod
    def of(
        cls, program: Program, level: str, evidence: Evidence, admission: Admission | None
    ) -> Setting:
        """The setting of an evidence."""
        hyper = tuple(float(evidence.hyper[name]) for name in program.hyper)
        steps = evidence.shape[0]
        first, lrs = evidence.first, evidence.lrs[:steps]
        shown = evidence.shown
        return cls(program, level, evidence.fmt, hyper, admission, first, steps, lrs, shown)

    @cached_property
    def roundings(self) -> envelope.Roundings:
        """Those of any admissible evaluation, or of the level's own arithmetic."""
        if self.admission is not None:
            return envelope.roundings(self.program.spec, self.fmt, self.admission)
        wide, own = FORMATS["float64"], _ROUNDOFF[self.level]
        eta, stored = envelope.underflow(wide, STRICT), unkept(own)
        return envelope.Roundings(wide, own, own, eta, 0.0, wide.largest, 0.0, 0.0, stored)

    @property
    def constants(self) -> dict[str, float]:
        """Values of the rows that every step shares."""
        known = self.roundings
        u, us = known.u, known.us
        return {
            **known.stored,
            "u": u,
            "us": us,
            "gamma2": 2 * u / (1 - 2 * u),
            "gamma4": 4 * u / (1 - 4 * u),
            "gamma3s": 3 * us / (1 - 3 * us),
            "gamma6s": 6 * us / (1 - 6 * us),
            "eta": known.eta,
            "flush": known.flush,
            "largest": known.largest,
        }

    def errors(self) -> list[float]:
        """How far each hyperparameter as kept may lie from the one asked for."""
        if self.admission is None:
            return [0.0] * len(self.hyper)
        names, known = self.program.hyper, dict(zip(self.program.hyper, self.hyper, strict=True))
        base = self.roundings.base
        found: list[float] = envelope.scalar_errors(names, known, base, self.admission).tolist()
        return found

    def per_step(self) -> Float64:
        """STEP_CONSTANTS of every step, ``[4, T]``."""
        table = np.zeros((len(STEP_CONSTANTS), self.steps))
        known = self.roundings
        reassociation = np.ones((self.steps, 2))
        if self.admission is not None:
            hyper = dict(zip(self.program.hyper, self.hyper, strict=True))
            reassociation = envelope.reassociation(
                self.program.spec, hyper, self.steps, self.first, self.lrs
            )
        table[0] = known.eta * reassociation[:, 0]
        table[1] = known.largest / reassociation[:, 1]
        # a target may keep a wider parameter inside; what it shows is rounded
        table[2, 0 if self.shown else 1 :] = known.shown
        table[3, 0 if self.shown else 1 :] = known.lost
        return table

    def paces(self) -> Float64:
        """(α, its error bound) of every step ``[2, T]``, where it changes."""
        lrs = np.array([float(lr) for lr in self.lrs])
        errors = np.zeros_like(lrs)
        if self.admission is not None:
            known = {str(k): lr for k, lr in enumerate(lrs.tolist())}
            base = self.roundings.base
            errors = envelope.scalar_errors(tuple(known), known, base, self.admission)
        return np.stack([lrs, errors])


def judge(
    program: Program,
    level: str,
    observed: tuple[str, ...],
    evidence: Evidence,
    admission: Admission,
    margin: float,
) -> Float64:
    """The counts ``[len(observed), len(TALLIES), N]`` of a level, before anything escalates."""
    steps, count = evidence.shape
    tally = np.zeros((len(observed), len(TALLIES), count))
    if not (steps and count):
        return tally
    lowered = lower(program, paired=level == "dd", quantities=(*observed, "update"))
    setting = Setting.of(program, level, evidence, admission)
    judged = float(max(steps - evidence.unseen, 0))
    values = {"margin": margin, "judged": judged}

    def code(single: bool, given: tuple[str, ...]) -> Tape:
        return judging(lowered, observed, single, given)

    results = {
        f"tally.{j}.{n}": tally[j, k] for j in range(len(observed)) for k, n in enumerate(TALLIES)
    }
    _spread(lowered, setting, evidence, results, code, values, observed[1:])
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
    out, strained = np.zeros((3, len(quantities), steps, count)), np.zeros(count)
    fill(program, level, quantities, evidence, admission, (out, strained))
    return out[0], out[1], out[2], strained


def fill(
    program: Program,
    level: str,
    quantities: tuple[str, ...],
    evidence: Evidence,
    admission: Admission | None,
    into: tuple[Float64, Float64],
) -> None:
    """The same into given arrays, [3, Q, T, N] (high, low and bound) and strained [N].

    What is always zero (low parts in float64) is left as it is.
    """
    out, strained = into
    if not out.size:
        return
    lowered = lower(program, paired=level == "dd", quantities=quantities)

    def code(single: bool, given: tuple[str, ...]) -> Tape:
        return showing(lowered, quantities, single, given)

    results: dict[str, Float64] = {"strained": strained}
    for k, part in enumerate("hle"):
        results |= {f"out.{name}.{part}": out[k, q] for q, name in enumerate(quantities)}
    setting = Setting.of(program, level, evidence, admission)
    _spread(lowered, setting, evidence, results, code, {}, ())


def scalars(lowered: Lowered, setting: Setting) -> Float64:
    """Values of the rows that elements read, ``[S, T]``; those of short runs are kept.

    Of rows that are constant the first number is meant.
    """
    short = setting.steps <= _SHORT
    return _kept_scalars(lowered, setting) if short else _scalars(lowered, setting)


@lru_cache(maxsize=64)
def _kept_scalars(lowered: Lowered, setting: Setting) -> Float64:
    return _scalars(lowered, setting)


def _scalars(lowered: Lowered, setting: Setting) -> Float64:
    program, tape = setting.program, scalars_code(lowered, paced=bool(setting.lrs))
    steps = setting.steps
    known = dict(zip(program.hyper, setting.hyper, strict=True))
    values = setting.constants | {f"h.{name}.h": x for name, x in known.items()}
    values |= {f"h.{n}.e": e for n, e in zip(program.hyper, setting.errors(), strict=True)}
    base = setting.roundings.base
    clocks = envelope.start(program, known, base, setting.admission or STRICT)
    for name, parts in zip(program.clocks, clocks.tolist(), strict=True):
        values |= {f"s.{name}.{part}": x for part, x in zip("hle", parts, strict=True)}
    if setting.first and lowered.clocks.states:
        ends = {name: np.zeros(1) for name in lowered.clocks.states}
        streams: Streams = {name: (end, 0, 0) for name, end in ends.items()}
        clocks_code(lowered).run(values, streams, setting.first, 0, VECTOR, (0,))
        values |= {name: float(end[0]) for name, end in ends.items()}
    out = np.zeros((len(lowered.passed), steps))
    streams = _rows_of("scalar", out) | _rows_of("changing", setting.per_step())
    if setting.lrs:
        streams |= _rows_of("pace", setting.paces())
    tape.run(values, streams, steps, 0, VECTOR, (0,))
    return out


def _rows_of(name: str, table: Float64) -> Streams:
    return {f"{name}.{k}": (table, 1, k * table.shape[1]) for k in range(table.shape[0])}


def _spread(
    lowered: Lowered,
    setting: Setting,
    evidence: Evidence,
    results: Mapping[str, Float64],
    code: Callable[[bool, tuple[str, ...]], Tape],
    values: Mapping[str, float],
    moments: tuple[str, ...],
) -> None:
    """Run the elements' code over all columns: whole blocks in place, the others padded."""
    steps, count = evidence.shape
    shared = _rows_of("scalar", scalars(lowered, setting))
    shared["now"] = np.arange(1.0, steps + 1.0), 1, 0
    grads, thetas = widened(evidence.grads[:steps]), widened(evidence.thetas)
    dtype = np.result_type(grads, thetas)
    names = tuple(m for m in setting.program.moments if m in evidence.start)
    tape, known = code(bool(dtype == np.float32), names), {**setting.constants, **values}

    def inputs(taken: Callable[[NDArray[Any], Any], NDArray[Any]]) -> Streams:
        theta = taken(thetas, dtype)
        width = theta.shape[-1]
        found: Streams = {"g": (taken(grads, dtype), width, 0), "theta": (theta, width, 0)}
        found["next"] = theta, width, width
        for m in moments:
            found[f"seen.{m}"] = taken(evidence.moments[m][:steps], np.float64), width, 0
        return found | {f"start.{m}": (taken(evidence.start[m], np.float64), 0, 0) for m in names}

    whole = count // LANES * LANES
    if whole:
        streams = shared | inputs(np.ascontiguousarray)
        streams |= {name: (x, count if x.ndim > 1 else 0, 0) for name, x in results.items()}
        offsets = iter(range(0, whole, LANES))
        threads = min(whole // LANES, _cores())
        call = tape.code(steps * whole, evidence.unseen)

        def work(_: int) -> None:
            tape.run(known, streams, steps, evidence.unseen, LANES, _taken(offsets), call)

        if threads < 2 or steps * whole < _SPREAD:
            work(0)
        else:
            with ThreadPoolExecutor(threads) as pool:
                list(pool.map(work, range(threads)))
    if whole < count:
        left = count - whole
        width = -(-left // VECTOR) * VECTOR

        def padded(array: NDArray[Any], kind: Any) -> NDArray[Any]:
            found = np.zeros((*array.shape[:-1], width), kind)
            found[..., :left] = array[..., whole:]
            return found

        parts = {name: np.zeros((*x.shape[:-1], width)) for name, x in results.items()}
        streams = shared | inputs(padded)
        streams |= {name: (x, width if x.ndim > 1 else 0, 0) for name, x in parts.items()}
        tape.run(known, streams, steps, evidence.unseen, width, (0,))
        for name, part in parts.items():
            results[name][..., whole:] = part[..., :left]


def _taken(waiting: Iterable[int]) -> Iterable[int]:
    """What no other thread has taken: next() of one iterator is safe between threads."""
    while (offset := next(iter(waiting), None)) is not None:
        yield offset


_ALONE: list[bool] = []


@contextmanager
def one_thread() -> Iterator[None]:
    """Leave the other cores to processes that judge beside this one."""
    _ALONE.append(True)
    try:
        yield
    finally:
        _ALONE.pop()


def _cores() -> int:
    return 1 if _ALONE else cores()
