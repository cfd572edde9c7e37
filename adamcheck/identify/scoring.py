"""How well a candidate fits: error over envelope at every element-step of the observed runs.

A candidate is walked step by step (lockstep.py); a Fit is what is read off all its ratios.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from adamcheck.identify.batch import Array, Batch, joined
from adamcheck.identify.candidate import Candidate
from adamcheck.identify.lockstep import Walked, walks
from adamcheck.oracle.envelope import Admission
from adamcheck.result import NEAR

ENOUGH: Final = 0.25
"""Share of element-steps that must be decided before anything is said to fit."""
_DECIDED: Final = 0.75
"""Share of the element-steps that deviate from a dialect that a change of it must decide: what
overflows a narrower format, say, has no bound."""
_FARTHEST: Final = 2.0
"""The relative error of a step of the same size and the other sign: the most that one counts."""
STAGES: Final = (1, 3, 32)
"""Steps after which a candidate that already left the envelope is walked no further."""


@dataclass(frozen=True)
class Fit:
    """A candidate over all batches, and what is read off its ratios."""

    candidate: Candidate
    batches: tuple[Batch, ...] = field(repr=False)
    walked: tuple[Walked, ...] = field(repr=False)

    @cached_property
    def ratios(self) -> Array:
        """All ratios that the envelope decides, in no particular shape."""
        flat = np.concatenate([w.ratio.ravel() for w in self.walked])
        return np.asarray(flat[~np.isnan(flat)])

    @property
    def largest(self) -> float:
        """The largest error in multiples of the envelope; infinite when nothing was decided."""
        return float(self.ratios.max(initial=0.0)) if self.ratios.size else np.inf

    @cached_property
    def decided(self) -> float:
        """The share of element-steps decided, of those that start from a finite parameter."""
        open_ = sum(int(np.isfinite(s.thetas[:-1]).sum()) for s in self.batches)
        return self.ratios.size / max(1, open_)

    @property
    def fits(self) -> bool:
        """Whether every decided number lies in the envelope, and at least a quarter is decided."""
        return self.largest <= 1.0 and self.decided >= ENOUGH

    @cached_property
    def sees(self) -> bool:
        """Whether any decided number is finite and was moved to.

        One that is NaN fits whatever divides by 0, and one that stays fits whatever stands still.
        """
        pairs = zip(self.batches, self.walked, strict=True)
        return any(bool((_moving(s)[: len(w.ratio)] & ~np.isnan(w.ratio)).any()) for s, w in pairs)

    @property
    def deviation(self) -> float:
        """What candidates are sorted by; at most 1 for those that fit, which no other has.

        The largest error in multiples of the envelope where it fits; else 1 and the mean error of a
        step in roundoffs of it, one at least. Envelopes of different rules are no common unit.
        """
        u = self.batches[0].fmt.u
        return self.largest if self.fits else 1.0 + max(self.unexplained, u) / u

    @cached_property
    def unexplained(self) -> float:
        """The share of the target's movement that is not the candidate's; 0: all is.

        The mean error of a step relative to the step, nothing where it lies in the envelope, and at
        most 2, as of a step of the other sign; what is no number is no movement. Standing still has
        1: a candidate with as much says no more than that θ does not move. Steps at which neither
        moves are left out. Infinite where no step that was decided is left.
        """
        off = moves = 0.0
        for batch, walked in zip(self.batches, self.walked, strict=True):
            with np.errstate(all="ignore"):
                seen = np.diff(batch.thetas[: len(walked.ratio) + 1], axis=0)
                known = ~np.isnan(walked.ratio) & np.isfinite(seen)
                error = np.abs((seen - walked.move) / seen)
            error = np.where(np.isnan(error), _FARTHEST, np.minimum(error, _FARTHEST))
            off += float(error[known & (walked.ratio > 1.0)].sum())
            moves += int((known & ((seen != 0.0) | (walked.ratio > 1.0))).sum())
        return off / moves if moves else np.inf

    @property
    def near(self) -> bool:
        """Whether more of the target's movement is the candidate's than is not."""
        return self.decided >= ENOUGH and self.unexplained < NEAR

    @cached_property
    def outside(self) -> float:
        """The share of element-steps outside the envelope or undecided."""
        return float(np.mean(self._all > 1.0)) if self._all.size else 1.0

    @cached_property
    def _all(self) -> Array:
        """The ratios from every finite parameter on, infinite where the envelope is."""
        pairs = zip(self.batches, self.walked, strict=True)
        flat = np.concatenate([w.ratio[np.isfinite(s.thetas[:-1])] for s, w in pairs])
        return np.where(np.isnan(flat), np.inf, flat)


def _moving(batch: Batch) -> NDArray[np.bool_]:
    """Which steps ``[T, N]`` lead to another finite parameter."""
    after = batch.thetas[1:]
    return np.asarray(np.isfinite(after) & (after != batch.thetas[:-1]))


class Scores:
    """The fits of candidates to one list of batches under one admission; each is walked once.

    A candidate that does not fit the first steps (``STAGES``) is not walked to the end: what is
    told of it then holds for those steps.
    """

    def __init__(self, batches: Sequence[Batch], admission: Admission) -> None:
        self.batches = tuple(batches)
        self.admission = admission
        longest = max(batch.steps for batch in batches)
        ends = [end for end in STAGES if end < longest]
        self._stages = [
            *(tuple(s.cut(end) if end < s.steps else s for s in batches) for end in ends),
            self.batches,
        ]
        if ends:  # after one step all runs are as long
            self._stages[0] = (joined(self._stages[0]),)
        self._known: dict[tuple[Candidate, int], Fit] = {}

    def floor(self, candidate: Candidate) -> float:
        """A lower bound of the largest ratio, from the first steps."""
        return self.glimpse(candidate).largest

    def glimpse(self, candidate: Candidate) -> Fit:
        """The fit over the first steps."""
        return self._at(candidate, 0)

    def fit(self, candidate: Candidate) -> Fit:
        """The fit over all steps; over the first ones only where those settle it."""
        (found,) = self.several([candidate])
        return found

    def several(self, candidates: Sequence[Candidate]) -> list[Fit]:
        """The fits of some, walked together."""
        found: dict[Candidate, Fit] = {}
        left = list(candidates)
        for stage in range(min(2, len(self._stages) - 1), len(self._stages)):
            self._walk(left, stage)
            found |= {c: self._at(c, stage) for c in left}
            left = [c for c in left if not found[c].largest > 1.0]
        return [found[c] for c in candidates]

    def fits(self, candidate: Candidate) -> bool:
        """Whether the candidate fits; most that do not are seen in the first steps."""
        return bool(self.fitting([candidate]))

    def fitting(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        """Those that fit, in their order; what they share is walked once."""
        self._walk(candidates, 0)
        near = [c for c in candidates if self.glimpse(c).largest <= 1.0]
        return [c for c, fit in zip(near, self.several(near), strict=True) if fit.fits]

    def explains(self, candidate: Candidate) -> bool:
        """Whether a changed candidate fits, and decides most steps where the plain one deviates."""
        if not self.fits(candidate):
            return False
        fit, plain = self.fit(candidate), self.fit(candidate.plain)
        off = left = 0
        for own, other in zip(fit.walked, plain.walked, strict=False):
            deviates = other.ratio > 1.0
            off += int(deviates.sum())
            left += int((deviates & np.isnan(own.ratio[: len(deviates)])).sum())
        return left <= (1.0 - _DECIDED) * off

    def _at(self, candidate: Candidate, stage: int) -> Fit:
        self._walk([candidate], stage)
        return self._known[candidate, stage]

    def _walk(self, candidates: Sequence[Candidate], stage: int) -> None:
        """Walk those that were not yet, together where their formats are the same."""
        left = [c for c in dict.fromkeys(candidates) if (c, stage) not in self._known]
        for formats in dict.fromkeys(c.formats for c in left):
            some = [c for c in left if c.formats == formats]
            walked = [self._walked(some, stage, k) for k in range(len(self._stages[stage]))]
            for candidate, each in zip(some, zip(*walked, strict=True), strict=True):
                self._known[candidate, stage] = Fit(candidate, self._stages[stage], each)

    def _walked(self, candidates: list[Candidate], stage: int, k: int) -> Sequence[Walked]:
        """Walks over batch k of a stage, which the stage before may have walked to its end."""
        batch, before = self._stages[stage][k], self._stages[stage - 1]
        if stage and k < len(before) and before[k] is batch:
            fits = [self._known.get((c, stage - 1)) for c in candidates]
            if None not in fits:
                return [fit.walked[k] for fit in fits if fit is not None]
        return walks(candidates, batch, self.admission)
