"""Which dialect: all are scored; the simplest that fits is it, else the nearest is named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from adamcheck.identify import decay
from adamcheck.identify.candidate import Candidate, dialects, distance
from adamcheck.identify.scoring import Fit, Scores
from adamcheck.identify.stack import Stack
from adamcheck.oracle.envelope import Admission
from adamcheck.spec import Spec

_RANKED = 12


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


def candidates(stacks: Sequence[Stack], known: Mapping[str, float]) -> tuple[list[Candidate], bool]:
    """The dialects worth trying on these runs, and whether they hold a decay nobody asked for.

    ``known``: hyperparameters that were set apart from the requests (by options).
    """
    root = known.get("eps_root", 0.0) != 0.0 or _any(stacks, "eps_root")
    bases = dialects(root=root, maximize=_senses(stacks))
    given = tuple(sorted((n, x) for n, x in known.items() if n in ("eps_root",)))
    plain = [Candidate(base, given) for base in bases]
    if not decay.moves_idle(stacks):
        return plain, False
    strength = known.get("weight_decay", 0.0)
    if strength or _any(stacks, "weight_decay"):
        more = (*given, ("weight_decay", strength)) if strength else given
        return plain + decay.asked(bases, more), False
    found = decay.decayed(bases, stacks)
    return plain + [Candidate(c.spec, (*given, *c.given)) for c in found], True


def search(
    stacks: Sequence[Stack],
    claimed: Spec | None,
    known: Mapping[str, float],
    admissions: Sequence[Admission],
) -> Found:
    """The dialect of the observed runs.

    Admissions are tried in order (finest scalars first). Of several that fit the claimed one is
    taken, else the one with the fewest switches away from Algorithm 1, then from the claimed.
    """
    tried, hidden = candidates(stacks, known)
    scores = [Scores(stacks, admission) for admission in admissions]
    for each in scores:
        fitting = [c for c in tried if each.fits(c)]
        if fitting:
            return _fitted(each, fitting, tried, claimed, hidden)
    return _nearest(scores[0], tried, hidden)


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
    for c in rest:
        worst = sorted(f.largest for f in others)[_RANKED - 1] if len(others) >= _RANKED else np.inf
        if scores.floor(c) > worst:
            break
        others.append(scores.fit(c))
    others.sort(key=lambda f: f.largest)
    fits = [scores.fit(c) for c in fitting]
    return Found(fits[0], tuple(fits[1:]), (*fits, *others[:_RANKED]), scores, hidden)


def _nearest(scores: Scores, tried: list[Candidate], hidden: bool) -> Found:
    def far(fit: Fit) -> tuple[float, float, int]:
        return (fit.median, fit.outside, distance(fit.candidate.spec, Spec()))

    glimpsed = sorted(tried, key=lambda c: far(scores.glimpse(c)))
    ranking = sorted((scores.fit(c) for c in glimpsed[: 2 * _RANKED]), key=far)
    return Found(ranking[0], (), tuple(ranking[: _RANKED + 1]), scores, hidden)


def _any(stacks: Sequence[Stack], name: str) -> bool:
    return any(bool((s.hyper[name] != 0.0).any()) for s in stacks)


def _senses(stacks: Sequence[Stack]) -> tuple[str, ...]:
    """Which way the first step goes where nothing but the gradient can move θ; both if unclear."""
    down = up = 0
    for stack in stacks:
        lone = (stack.first == 0) & (stack.thetas[0] == 0.0) & (stack.grads[0] != 0.0)
        product = stack.thetas[1, lone] * np.sign(stack.grads[0, lone])
        down += int((product < 0.0).sum())
        up += int((product > 0.0).sum())
    if down > 3 * up:
        return ("no",)
    return ("yes",) if up > 3 * down else ("no", "yes")
