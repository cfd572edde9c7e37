"""Storage: the formats that a target's own numbers show, and the dialect that fits with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np

from adamcheck.formats import Format
from adamcheck.identify import runs as design
from adamcheck.identify.scoring import Fit
from adamcheck.identify.search import Found, kin, search
from adamcheck.identify.telling import evidence_of
from adamcheck.oracle.envelope import Admission
from adamcheck.oracle.judge import judge
from adamcheck.oracle.kept import BLOCKS, formats_shown, holds_alone, holds_in_blocks
from adamcheck.program import trace as traced
from adamcheck.result import Finding
from adamcheck.spec import Spec
from adamcheck.storage import LEAST, claiming, in_words
from adamcheck.targets.protocol import Trace, Trajectory
from adamcheck.targets.session import Session

Seen = tuple[Trajectory, Trace]
"""A run with what was shown of its moments."""
_SHARP: Final = 0.5
"""Share of the steps that move of which a claim must know more than their sign: one that admits
nearly anything explains nothing. It decides what is named, and no verdict."""
_BEHIND: Final[tuple[dict[str, str], ...]] = ({}, {"kahan": "yes"}, {"master": "float32"})
"""What no moment shows: that θ is rounded from a number which is kept."""
_CHANCE: Final[tuple[dict[str, str], ...]] = (
    {"rounding": "stochastic"},
    {"rounding": "stochastic", "master": "float32"},
)
"""The same of a θ that is rounded by chance."""


def with_storage(
    found: Found,
    session: Session,
    fmt: Format,
    asked: design.Asked,
    claimed: Spec | None,
    known: Mapping[str, float],
    admissions: Sequence[Admission],
    chance: bool,
) -> tuple[Found, list[Finding]]:
    """What fits under a claim of storage, where no dialect does without or a large array shows it.

    claimed, known, admissions: what the search was asked with; chance: the target gives other bits
    each time. With findings of what is left open.
    """
    how = (claimed, known, admissions)

    def claimed_of(one: Found) -> Found:
        if one.fits:
            return one
        return _claimed(one, shown_run(session, fmt, asked), fmt, how, chance=chance)

    def seen() -> tuple[Seen | None, Seen | None]:
        return shown_run(session, fmt, asked), wide_run(session, fmt, asked)

    found = claimed_of(found)
    if found.fits:
        return in_blocks(found, *seen(), fmt)
    small = [batch.columns(np.flatnonzero(batch.size < LEAST)) for batch in found.scores.batches]
    if all(one.count == of.count for one, of in zip(small, found.scores.batches, strict=True)):
        return found, []
    # what left a rule in large arrays may be what codes in blocks lose there
    again = claimed_of(search([one for one in small if one.count], *how))
    again, _ = in_blocks(again, *seen(), fmt)
    return (found if again.best.candidate.spec.bits == "none" else again), []


def _claimed(
    found: Found,
    shown: Seen | None,
    fmt: Format,
    how: tuple[Spec | None, Mapping[str, float], Sequence[Admission]],
    *,
    chance: bool,
) -> Found:
    """The dialect that fits under a claim of storage, where none does without; else as it was.

    Formats are claimed that all numbers of a shown moment are of; every step by itself has then to
    follow from the moments before it. chance: the target gives other bits each time.
    """
    fits: list[Fit] = []
    for words in _words(fmt, shown, chance=chance):
        if fits and not _beside(fits[0], words):
            continue
        near = kin(found, *how, words)
        if near is None:
            continue
        some = [f for f in (near.best, *near.equal) if _told(f, shown, fmt, near)]
        if some and not fits:
            found = replace(near, ranking=(*some, *(f for f in near.ranking if f not in some)))
        fits += some
    return replace(found, best=fits[0], equal=tuple(fits[1:])) if fits else found


def sharper(found: Found, shown: Seen | None, fmt: Format) -> list[Finding]:
    """What fits of storage for a target that fits without such a claim, too.

    Few digits admit whatever rounds to more of them, so that nothing else says it.
    """
    best = found.best.candidate
    if not fmt.narrow or best.spec.stored:
        return []
    words = {} if shown is None else _formats_held(found, shown, fmt)
    findings = []
    if words:
        text = f"every single step fits {best.spec.with_(**words)}: {in_words(words)}"
        findings.append(Finding("storage", fmt.name, text))
    lost = claiming(best.spec, {"master": "none"})
    if lost is not None and not found.scores.fits(replace(best, spec=lost)):
        # no compensation is claimed beside formats or an arithmetic
        plain = {} if words.keys() <= {"arithmetic"} else words
        ways = [claiming(best.spec, plain | more) for more in _BEHIND if more]
        told = " or ".join(str(spec) for spec in ways if spec is not None)
        text = f"no update is lost that θ has no digits for: it may be {told}"
        findings.append(Finding("storage", fmt.name, text))
    return findings


def in_blocks(
    found: Found, shown: Seen | None, wide: Seen | None, fmt: Format
) -> tuple[Found, list[Finding]]:
    """What a large array shows of a target that fits in small ones: moments kept as codes.

    What no claim of codes explains is said, with how many steps it is. Nothing is said of sizes
    where single steps of a small array do not follow from what is shown either.
    """
    if wide is None or not found.fits or found.best.candidate.spec.bits != "none":
        return found, []
    if shown is None or not _alone(found.best, shown, fmt, found):
        return found, []
    admission = found.scores.admission
    evidence = evidence_of(found.best, *wide, fmt)
    if set(traced(evidence.spec).moments) - evidence.moments.keys():
        return found, []
    steps = [judge(evidence.step(t), admission) for t in range(1, evidence.shape[0] + 1)]
    if not any(one.bad.any() for one in steps):
        return found, []
    for words in BLOCKS:
        spec = claiming(found.best.candidate.spec, words)
        if spec is not None and holds_in_blocks(replace(evidence, spec=spec), admission):
            best = found.scores.fit(replace(found.best.candidate, spec=spec))
            return replace(found, best=best, equal=(), ranking=(best, *found.ranking)), []
    off, count = sum(int(one.bad.sum()) for one in steps), evidence.shape[0] * evidence.shape[1]
    text = (
        f"in an array of {evidence.shape[1]:,} elements {off} of {count:,} single steps leave"
        f" {found.best.candidate.spec}, which fits smaller ones"
    )
    return found, [Finding("large-arrays", fmt.name, text)]


def _formats_held(found: Found, shown: Seen, fmt: Format) -> dict[str, str]:
    """The first claim of formats that every single step fits; empty where none is."""
    for words in formats_shown(_moments(shown), fmt):
        spec = claiming(found.best.candidate.spec, words)
        if spec is not None:
            fit = replace(found.best, candidate=replace(found.best.candidate, spec=spec))
            if _alone(fit, shown, fmt, found):
                return words
    return {}


def shown_run(session: Session, fmt: Format, asked: design.Asked) -> Seen | None:
    """Usual gradients, with the moments after every step; None where they are not shown."""
    takes = session.description.hyperparameters
    return _with_moments(session, dict(design.short(fmt, takes, asked))["usual"])


def wide_run(session: Session, fmt: Format, asked: design.Asked) -> Seen | None:
    """A few steps of a large array, with the moments; None where they are not shown."""
    return _with_moments(session, design.wide(fmt, session.description.hyperparameters, asked))


def _with_moments(session: Session, request: Trajectory) -> Seen | None:
    if "moments" not in session.description.abilities:
        return None
    request = replace(request, moments=True)
    trace = session.run(request)
    return (request, trace) if trace.failure is None and trace.moments else None


def _moments(shown: Seen) -> Mapping[str, Any]:
    moments = shown[1].moments
    assert moments
    return moments[0]


def _words(fmt: Format, shown: Seen | None, *, chance: bool) -> Iterator[dict[str, str]]:
    """Claims worth trying, those that say most of the moments first."""
    formats = [] if shown is None else [*formats_shown(_moments(shown), fmt)]
    none: tuple[dict[str, str], ...] = ({},)
    behind = _CHANCE if chance else _BEHIND if fmt.narrow else none
    for each in [*formats, {}]:
        yield from (each | more for more in behind if each or more)


def _beside(fit: Fit, words: Mapping[str, str]) -> bool:
    """Whether a claim says of the moments what one that fits does, and else another thing."""
    told = {name: word for name, word in fit.candidate.spec.stored.items() if name in _FORMATS}
    return told == {name: word for name, word in words.items() if name in _FORMATS}


_FORMATS: Final = ("moments", "m", "arithmetic")
"""The switches of which moments are the evidence."""


def _told(fit: Fit, shown: Seen | None, fmt: Format, found: Found) -> bool:
    """Whether a claim says enough of the runs, and holds of every step by itself."""
    if _sharp(fit) < _SHARP or _one_sided(fit):
        return False
    return shown is None or _alone(fit, shown, fmt, found)


def _one_sided(fit: Fit) -> bool:
    """Whether a target always goes too far, or never far enough: roundings go both ways.

    A rate that is 4 % too large stays within an envelope that lets bfloat16 round the update.
    """
    more = less = 0
    for batch, walked in zip(fit.batches, fit.walked, strict=True):
        with np.errstate(invalid="ignore"):
            seen = np.diff(batch.thetas[: len(walked.move) + 1], axis=0)
            further = (seen - walked.move) * np.sign(walked.move)
            apart = np.abs(further) > walked.bound * _VISIBLE
            more += int((apart & (further > 0.0)).sum())
            less += int((apart & (further < 0.0)).sum())
    return max(more, less) >= _MANY and min(more, less) < _RARE * max(more, less)


_VISIBLE: Final = 2.0**-5
"""Share of a bound from which on the side of an error counts."""
_MANY: Final = 64
_RARE: Final = 2.0**-4
"""So many errors of one side, with fewer than such a share of the other, are no roundings; among
roundings that go either way alike the chance is below 2^-40. It names, and decides no verdict."""


def _alone(fit: Fit, shown: Seen, fmt: Format, found: Found) -> bool:
    request, trace = shown
    evidence = evidence_of(fit, request, trace, fmt)
    return holds_alone(evidence, found.scores.admission)


def _sharp(fit: Fit) -> float:
    """The share of the steps that move of which the bound is smaller than the move."""
    told = moves = 0
    for walked in fit.walked:
        with np.errstate(invalid="ignore"):
            moving = np.isfinite(walked.move) & (walked.move != 0.0) & ~np.isnan(walked.ratio)
            told += int((walked.bound < np.abs(walked.move))[moving].sum())
        moves += int(moving.sum())
    return told / max(1, moves)
