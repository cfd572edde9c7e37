"""Which dialect: all are scored; the simplest that fits is it, else the nearest is named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from adamcheck.identify import decay
from adamcheck.identify.batch import Batch
from adamcheck.identify.candidate import Candidate
from adamcheck.identify.dialects import dialects, distance, relatives
from adamcheck.identify.effective import effective
from adamcheck.identify.scoring import ENOUGH, Fit, Scores
from adamcheck.numerics.stepwise import stepwise
from adamcheck.oracle.envelope import Admission
from adamcheck.program import trace
from adamcheck.spec import Spec
from adamcheck.spec.hyperparameters import STANDARD
from adamcheck.storage import claiming

_RANKED = 6
_MOSTLY = 0.5
"""A dialect that is left in fewer element-steps than this share is the right rule with a defect."""
_ACCUMULATING = ("adagrad", "rmsprop")
_TRIED = 3


@dataclass(frozen=True)
class Found:
    """The outcome: ``best`` first in ``ranking``; ``equal`` are others that fit as well.

    scores: those under the admission that ``best`` was found with; hidden: a decay that was not
    asked for is at work.
    """

    best: Fit
    equal: tuple[Fit, ...]
    ranking: tuple[Fit, ...]
    scores: Scores
    hidden: bool = False

    @property
    def fits(self) -> bool:
        """Whether some dialect fits."""
        return self.best.fits


def candidates(
    algorithms: Sequence[str], batches: Sequence[Batch], known: Mapping[str, float]
) -> tuple[list[Candidate], bool]:
    """The dialects worth trying on these runs, and whether they hold a decay nobody asked for.

    ``known``: hyperparameters that were set apart from the requests (by options).
    """
    given = tuple(sorted((n, x) for n, x in known.items() if x or n in STANDARD))
    valued = {name for name, _ in given} | _passed(batches)
    senses = _senses(batches)
    bases = [s for a in algorithms for s in dialects(a, valued=valued, maximize=senses)]
    plain = [Candidate(base, given) for base in bases]
    if not decay.moves_idle(batches):
        return plain, False
    if "weight_decay" in valued:
        return plain + decay.asked(bases, given), False
    found = decay.decayed(bases, batches, dict(given))
    return plain + [Candidate(c.spec, (*given, *c.given)) for c in found], True


def prepare(claimed: Spec | None) -> None:
    """Build the programs of the dialects that are tried first: nothing is asked of the target.

    They stay known, and this can be done while its process starts.
    """
    for algorithm in _likely(claimed):
        for spec in dialects(algorithm, valued=()):
            stepwise(trace(spec))


def search(
    batches: Sequence[Batch],
    claimed: Spec | None,
    known: Mapping[str, float],
    admissions: Sequence[Admission],
) -> Found:
    """The dialect of the observed runs: of the claimed rule or Adam, else of one of its relatives.

    Admissions are tried in order (finest scalars first). Of several that fit the claimed one is
    taken, else the one with the fewest switches away from Algorithm 1, then from the claimed.
    """
    scores = [Scores(batches, admission) for admission in admissions]
    likely = _likely(claimed)
    found = _search(likely, scores, claimed, known)
    if found.fits or found.best.outside < _MOSTLY:
        return found
    rest = tuple(name for name in relatives() if name not in likely)
    other = _search(rest, scores, claimed, known)
    if not other.fits:
        other = _accumulated(scores, known) or other
    # a target that is no relative either is described from what it is nearest to
    return min((found, other), key=lambda f: (not f.fits, f.best.unexplained, f.best.outside))


def kin(
    found: Found,
    claimed: Spec | None,
    known: Mapping[str, float],
    admissions: Sequence[Admission],
    words: Mapping[str, str],
) -> Found | None:
    """The dialect of the same runs under a claim of storage (switch -> word); None where none fits.

    Of the rules that are likely, and of the one that is nearest without the claim.
    """
    algorithms = dict.fromkeys([*_likely(claimed), found.best.candidate.spec.algorithm])
    scores = [Scores(found.scores.batches, admission) for admission in admissions]
    near = [claiming(fit.candidate.spec, words) for fit in found.ranking]
    few = [
        replace(fit.candidate, spec=spec)
        for fit, spec in zip(found.ranking, near, strict=True)
        if spec is not None
    ]
    if not any(each.fitting(few) for each in scores):  # what is nearest without is near with it
        return None
    again = _search(tuple(algorithms), scores, claimed, known, words)
    return again if again.fits else None


def _likely(claimed: Spec | None) -> tuple[str, ...]:
    """The claimed rule and Adam, of which a dialect that fits is looked for first."""
    return tuple(dict.fromkeys([claimed.algorithm if claimed else "adam", "adam"]))


def _search(
    algorithms: tuple[str, ...],
    scores: Sequence[Scores],
    claimed: Spec | None,
    known: Mapping[str, float],
    words: Mapping[str, str] = MappingProxyType({}),
) -> Found:
    tried, hidden = candidates(algorithms, scores[0].batches, known)
    claimed_of = ((c, claiming(c.spec, words)) for c in tried)
    tried = [replace(c, spec=spec) for c, spec in claimed_of if spec is not None]
    for each in scores:
        if fitting := each.fitting(tried):
            return _fitted(each, fitting, tried, claimed, hidden)
    return _nearest(scores[0], tried, hidden)


def _accumulated(scores: Sequence[Scores], known: Mapping[str, float]) -> Found | None:
    """A dialect whose accumulator begins at a number that nobody asked for, which is searched."""
    name = "initial_accumulator"
    if name in known:
        return None
    batches = scores[0].batches
    run = batches[0].columns(batches[0].groups[0])
    valued = _passed(batches) | {name}
    bases: list[Candidate] = []
    for algorithm in _ACCUMULATING:
        specs = dialects(algorithm, valued=valued, maximize=_senses(batches))
        begun = [Candidate(spec) for spec in specs if spec.accumulator == "initial"]
        # the same dialects from zero are near where gradients are large
        begun.sort(key=lambda c: scores[0].glimpse(_from_zero(c)).unexplained)
        bases += begun[:_TRIED]
    for each in scores:
        for base in bases:
            value = effective(base, run, name, each.admission)
            if value is not None:
                candidate = replace(base, given=((name, value),))
                if each.fits(candidate):
                    rest = [b for b in bases if b.spec != base.spec]
                    return _fitted(each, [candidate], [candidate, *rest], None, False)
    return None


def _from_zero(candidate: Candidate) -> Candidate:
    return replace(candidate, spec=candidate.spec.with_(accumulator="zero"))


def _fitted(
    scores: Scores,
    fitting: list[Candidate],
    tried: list[Candidate],
    claimed: Spec | None,
    hidden: bool,
) -> Found:
    def order(c: Candidate) -> tuple[bool, int, int, float]:
        near = distance(c.spec, claimed) if claimed else 0
        return (claimed is None or near > 0, distance(c.spec, Spec()), near, scores.fit(c).largest)

    fitting.sort(key=order)
    # the others by their true deviation; first steps bound it from below and spare most walks
    rest = sorted((c for c in tried if c not in set(fitting)), key=scores.floor)
    others: list[Fit] = []
    for k, c in enumerate(rest):
        worst = sorted(f.largest for f in others)[_RANKED - 1] if len(others) >= _RANKED else np.inf
        if scores.floor(c) > worst:
            break
        if k % _RANKED == 0:
            scores.several([c for c in rest[k:][:_RANKED] if scores.floor(c) <= worst])
        if (fit := scores.fit(c)).sees:  # what is blind deviates from nothing
            others.append(fit)
    others.sort(key=lambda f: f.largest)
    fits = [scores.fit(c) for c in fitting]
    return Found(fits[0], tuple(fits[1:]), (*fits, *others[:_RANKED]), scores, hidden)


def _nearest(scores: Scores, tried: list[Candidate], hidden: bool) -> Found:
    def far(fit: Fit) -> tuple[bool, float, float, int]:
        switches = distance(fit.candidate.spec, Spec())
        return (fit.decided < ENOUGH, fit.unexplained, fit.outside, switches)

    glimpsed = sorted(tried, key=lambda c: far(scores.glimpse(c)))
    ranking = sorted(scores.several(glimpsed[: 2 * _RANKED]), key=far)
    return Found(ranking[0], (), tuple(ranking[: _RANKED + 1]), scores, hidden)


def _passed(batches: Sequence[Batch]) -> set[str]:
    """The hyperparameters that some run passes a number other than zero for."""
    names = batches[0].hyper.keys()
    return {n for n in names if any(bool((s.hyper[n] != 0.0).any()) for s in batches)}


def _senses(batches: Sequence[Batch]) -> tuple[str, ...]:
    """Which way the first step goes where nothing but the gradient can move θ; both if unclear."""
    down = up = 0
    for batch in batches:
        lone = (batch.first == 0) & (batch.thetas[0] == 0.0) & (batch.grads[0] != 0.0)
        product = batch.thetas[1, lone] * np.sign(batch.grads[0, lone])
        down += int((product < 0.0).sum())
        up += int((product > 0.0).sum())
    if down > 3 * up:
        return ("no",)
    return ("yes",) if up > 3 * down else ("no", "yes")
