"""Hold observed numbers against the envelope, climbing rung by rung only where one cannot decide.

float64 with its running bound judges the formats narrower than it; double-double judges float64;
what neither decides climbs to ball arithmetic, element by element, until its enclosure decides.
A rung's own error is at most 2^-28 (float64 under float32 and narrower) or 2^-48 (double-double
under float64) of the envelope's bound: charges grow at least in proportion to the roundoff, and
the slack pays for the rest (theorems envelope-growth, envelope-slack; the root's case there needs
v known to 2^-28·v).
That slack cannot pay where a bound of float64 is itself subnormal (a gradient of zeros): what is
not exact there climbs, unless it is so far outside that no underflow of the bound explains it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adamcheck.formats import Format, widened
from adamcheck.interpret.compiled import TALLIES, compiled, hyper_inputs, scalars_of
from adamcheck.oracle import array_rung, envelope, top
from adamcheck.oracle.envelope import STRICT, Admission
from adamcheck.oracle.evidence import Evidence
from adamcheck.program import Program, trace
from adamcheck.spec import Spec

_MARGIN = {"f64": 2.0**-24, "dd": 2.0**-40}
_LONG = 128
_LARGE = 40_000
_LATE = 300
_WARM: set[tuple[Program, str]] = set()
MOST_CLIMBS = 8_000
"""Element-steps that may climb to ball arithmetic in one judgement; others stay undecided."""


@dataclass(frozen=True)
class Tally:
    """The judgement of one observed quantity, per element ``[N]``.

    ratio: largest error/bound; step: where (1-based); first_bad: first step outside, 0 if none;
    decided, weak, void: element-steps whose bound was sharper than the quantity, wider, infinite;
    undecided: element-steps that no rung decided.
    """

    ratio: NDArray[np.float64]
    step: NDArray[np.int64]
    first_bad: NDArray[np.int64]
    decided: NDArray[np.int64]
    weak: NDArray[np.int64]
    void: NDArray[np.int64]
    undecided: NDArray[np.int64]


@dataclass(frozen=True)
class Judgement:
    """What the envelope says of the evidence; quantities are theta and the observed moments."""

    evidence: Evidence
    admission: Admission
    tallies: Mapping[str, Tally]
    climbed: int = 0

    @property
    def bad(self) -> NDArray[np.bool_]:
        """Elements with some quantity outside the envelope at some step, ``[N]``."""
        flags = np.zeros(self.evidence.shape[1], bool)
        for tally in self.tallies.values():
            flags |= tally.first_bad > 0
        return flags

    @property
    def accepted(self) -> bool:
        """True when nothing lies outside and nothing was left undecided."""
        return not any(
            bool((t.first_bad > 0).any() or t.undecided.any()) for t in self.tallies.values()
        )

    @property
    def decided(self) -> int:
        """Element-steps decided by a bound sharper than the quantity itself."""
        return sum(int(t.decided.sum()) for t in self.tallies.values())

    @property
    def blind(self) -> int:
        """Element-steps where the bound is wider than the quantity or infinite."""
        return sum(
            int(t.weak.sum() + t.void.sum() + t.undecided.sum()) for t in self.tallies.values()
        )

    @property
    def largest_ratio(self) -> float:
        """Largest error/bound over all quantities."""
        return max((float(t.ratio.max(initial=0.0)) for t in self.tallies.values()), default=0.0)


def judge(evidence: Evidence, admission: Admission = STRICT) -> Judgement:
    """Judge all element-steps of ``evidence`` under one admissible class."""
    program = trace(evidence.spec)
    rung = rung_of(evidence.fmt)
    names = tuple(m for m in program.moments if m in evidence.moments)
    observed = ("theta", *names)
    raw = _run_rung(program, rung, observed, evidence, admission)
    raw, climbed = _climb(program, observed, evidence, admission, raw)
    tallies = {q: _tally(raw[k]) for k, q in enumerate(observed)}
    return Judgement(evidence, admission, tallies, climbed)


def warm(spec: Spec, fmt: Format) -> None:
    """Let short runs of ``spec`` go to the compiled kernel too: worth it where many will come."""
    _WARM.add((trace(spec), rung_of(fmt)))


def rung_of(fmt: Format) -> str:
    """The lowest rung that judges a format: one with more than twice its precision."""
    return "dd" if fmt.is_double else "f64"


def scalar_table(
    program: Program, evidence: Evidence, admission: Admission, rung: str
) -> NDArray[np.float64]:
    """The scalars of every step in double-double with their bounds, ``[T, S, 3]``."""
    steps = evidence.shape[0]
    names = hyper_inputs(program)
    start = envelope.start(program, evidence.hyper, evidence.fmt, admission)
    table = np.zeros((evidence.first + steps, len(scalars_of(program)), 3))
    with np.errstate(all="ignore"):
        compiled(program, rung, ("theta",)).uniform(
            table.shape[0],
            np.array([float(evidence.hyper[n]) for n in names]),
            envelope.scalar_errors(names, evidence.hyper, evidence.fmt, admission),
            start,
            envelope.scalar_roundoff(evidence.fmt, admission),
            table,
        )
    return table[evidence.first :]


def _run_rung(
    program: Program,
    rung: str,
    observed: tuple[str, ...],
    evidence: Evidence,
    admission: Admission,
) -> NDArray[np.float64]:
    """Long or wide runs of the parameter alone are worth a kernel, and all once it is warm."""
    steps, count = evidence.shape
    long = steps > _LONG or steps * count > _LARGE or evidence.first > _LATE
    worth = long or (program, rung) in _WARM
    if observed == ("theta",) and not evidence.unseen and worth:
        return _run_compiled(program, rung, observed, evidence, admission)
    return array_rung.judge(rung, observed, evidence, admission, _MARGIN[rung])


def _run_compiled(
    program: Program,
    rung: str,
    observed: tuple[str, ...],
    evidence: Evidence,
    admission: Admission,
) -> NDArray[np.float64]:
    steps, count = evidence.shape
    tally = np.zeros((len(observed), len(TALLIES), count))
    if steps == 0 or count == 0:
        return tally
    grads = np.ascontiguousarray(widened(evidence.grads[:steps]))
    thetas = np.ascontiguousarray(widened(evidence.thetas))
    seen = np.zeros((len(observed) - 1, steps, count), grads.dtype)
    for k, name in enumerate(observed[1:]):
        seen[k] = widened(evidence.moments[name][:steps])
    start = np.zeros((len(program.moments), count))
    for k, name in enumerate(program.moments):
        if name in evidence.start:
            start[k] = widened(evidence.start[name])
    compiled(program, rung, observed).judge(
        grads,
        thetas,
        seen,
        start,
        scalar_table(program, evidence, admission, rung),
        envelope.fold(evidence.spec, evidence.hyper, steps, evidence.first),
        envelope.compiled_constants(evidence.fmt, admission, _MARGIN[rung]),
        tally,
    )
    return tally


def _climb(
    program: Program,
    observed: tuple[str, ...],
    evidence: Evidence,
    admission: Admission,
    raw: NDArray[np.float64],
) -> tuple[NDArray[np.float64], int]:
    open_ = np.flatnonzero(raw[:, TALLIES.index("undecided")].sum(axis=0))
    most = max(1, MOST_CLIMBS // max(1, evidence.first + evidence.shape[0]))
    for i in open_[:most]:
        raw[:, :, i] = top.judge_element(program, observed, evidence.element(int(i)), admission)
    return raw, min(len(open_), most)


def _tally(raw: NDArray[np.float64]) -> Tally:
    column = dict(zip(TALLIES, raw, strict=True))
    counts = {k: column[k].astype(np.int64) for k in ("decided", "weak", "void", "undecided")}
    return Tally(
        ratio=column["worst"],
        step=column["worst_step"].astype(np.int64),
        first_bad=column["first_bad"].astype(np.int64),
        **counts,
    )
