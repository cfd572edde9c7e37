"""Hold observed numbers against the envelope, escalating only where a level cannot decide.

float64 with its running bound judges the formats narrower than it; double-double judges float64;
what neither decides escalates to ball arithmetic, element by element, until its enclosure decides.
A level's own error is at most 2^-28 (float64 under float32 and narrower) or 2^-48 (double-double
under float64) of the envelope's bound: error bounds grow at least in proportion to the roundoff,
and the slack pays for the rest (theorems envelope-growth, envelope-slack; the root's case there
needs v known to 2^-28·v). That slack cannot pay where a bound of float64 is itself subnormal: what
is not exact there escalates, unless it is so far outside that no underflow of the bound explains
it, or that bound is nothing beside θ's own. Zeros have no such bounds: they are exact (theorem
exact-zeros).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from adamcheck.formats import Format
from adamcheck.numerics.comparison import TALLIES
from adamcheck.oracle import evaluate, top
from adamcheck.oracle.envelope import STRICT, Admission
from adamcheck.oracle.evidence import Evidence
from adamcheck.program import Program, trace
from adamcheck.spec import Spec
from adamcheck.storage import kept

MARGIN: Final = {"f64": 2.0**-24, "dd": 2.0**-40}
"""Shares of the bound within which a level leaves a number UNRESOLVED: 16 and 256 times its own
error, 2^-28 and 2^-48 of the bound (theorems envelope-growth, envelope-slack)."""
MOST_ESCALATIONS = 8_000
"""Element-steps that may escalate to balls in one judgement, some seconds' worth: a budget in
steps. It decides nothing: others stay undecided, which accepts nothing."""


@dataclass(frozen=True)
class Tally:
    """The judgement of one observed quantity: ``counts`` [TALLIES, N]; the rest is [N]."""

    counts: NDArray[np.float64]

    def _counted(self, name: str) -> NDArray[np.int64]:
        return np.asarray(self.counts[TALLIES.index(name)], np.int64)

    @property
    def ratio(self) -> NDArray[np.float64]:
        """Largest error/bound."""
        return np.asarray(self.counts[TALLIES.index("worst")])

    @cached_property
    def step(self) -> NDArray[np.int64]:
        """Where the largest error/bound is, from 1."""
        return self._counted("worst_step")

    @cached_property
    def first_bad(self) -> NDArray[np.int64]:
        """First step that is OUTSIDE, 0 if none."""
        return self._counted("first_bad")

    @cached_property
    def decided(self) -> NDArray[np.int64]:
        """Steps INSIDE a bound that is sharper than the quantity, or OUTSIDE."""
        return self._counted("decided")

    @cached_property
    def weak(self) -> NDArray[np.int64]:
        """Steps that are UNINFORMATIVE: inside a bound that is wider than the quantity."""
        return self._counted("weak")

    @cached_property
    def void(self) -> NDArray[np.int64]:
        """Steps that are UNBOUNDED."""
        return self._counted("void")

    @cached_property
    def undecided(self) -> NDArray[np.int64]:
        """Steps that every level left UNRESOLVED."""
        return self._counted("undecided")


@dataclass(frozen=True)
class Judgement:
    """What the envelope says of the evidence; quantities are theta and the observed moments."""

    evidence: Evidence
    admission: Admission
    tallies: Mapping[str, Tally]
    escalated: int = 0

    @property
    def bad(self) -> NDArray[np.bool_]:
        """Elements with some quantity outside the envelope at some step, ``[N]``."""
        flags = np.zeros(self.evidence.shape[1], bool)
        for tally in self.tallies.values():
            flags |= tally.first_bad > 0
        return flags

    @property
    def earliest(self) -> tuple[int, int, str]:
        """(element, step, quantity) of the first departure; there is one."""
        step, element, quantity = min(
            (int(tally.first_bad[i]), int(i), quantity)
            for quantity, tally in self.tallies.items()
            for i in np.flatnonzero(tally.first_bad)
        )
        return element, step, quantity

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
    """Judge all element-steps of ``evidence`` under one admissible class.

    What codes lose of moments in blocks adds up over a run, and no bound of that is derived: there
    every step is unbounded (theorem block-codes is of single steps).
    """
    program = trace(evidence.spec)
    level = level_of(evidence.spec, evidence.fmt)
    names = tuple(m for m in program.moments if m in evidence.moments)
    observed = ("theta", *names)
    raw = evaluate.judge(program, level, observed, evidence, admission, MARGIN[level])
    if (coded := evidence.coded).any():
        raw[:, :, coded] = 0.0
        raw[:, TALLIES.index("void"), coded] = max(evidence.shape[0] - evidence.unseen, 0)
    raw, escalated = _escalate(program, observed, evidence, admission, raw)
    tallies = {q: Tally(raw[k]) for k, q in enumerate(observed)}
    return Judgement(evidence, admission, tallies, escalated)


def level_of(spec: Spec, fmt: Format) -> str:
    """The lowest level that judges a format: one with more than twice its precision.

    The precision is that of the arithmetic, where the spec says that this is wider.
    """
    return "dd" if kept(spec, fmt).base.is_double else "f64"


def _escalate(
    program: Program,
    observed: tuple[str, ...],
    evidence: Evidence,
    admission: Admission,
    raw: NDArray[np.float64],
) -> tuple[NDArray[np.float64], int]:
    open_ = np.flatnonzero(raw[:, TALLIES.index("undecided")].sum(axis=0))
    most = max(1, MOST_ESCALATIONS // max(1, evidence.first + evidence.shape[0]))
    for i in open_[:most]:
        raw[:, :, i] = top.judge_element(program, observed, evidence.element(int(i)), admission)
    return raw, min(len(open_), most)
