"""Why no dialect fits: a change of one that does, or where the target leaves the nearest.

Tried from the sharpest statement to the vaguest: hyperparameters rounded to a narrower format (this
is soon tried, and leaves nothing open), one edit of a program, another step count, another number
in use, scalars in a narrower format, a factor of t alone, and at last the steps, signs, sizes or
places that deviate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations
from typing import Final

import numpy as np

from adamcheck.formats import FORMATS, Format
from adamcheck.identify.batch import Array, Batch
from adamcheck.identify.candidate import Candidate
from adamcheck.identify.counting import count_in_words, counted
from adamcheck.identify.decay import simplest
from adamcheck.identify.effective import effective
from adamcheck.identify.inference import named
from adamcheck.identify.neighbourhood import Neighbourhood
from adamcheck.identify.scoring import Fit, Scores
from adamcheck.identify.selection import Selection
from adamcheck.identify.transitions import Transitions
from adamcheck.identify.where import where
from adamcheck.mutations import Edit
from adamcheck.result import InferredEdit
from adamcheck.spec import Spec

_NAMES: Final = {
    "eps": "ε",
    "lr": "lr",
    "beta1": "β1",
    "beta2": "β2",
    "eps_root": "ε_root (also under the root)",
    "weight_decay": "weight_decay",
}
_SHOWN: Final = 5


@dataclass(frozen=True)
class Explanation:
    """``text`` says what is different; ``spec`` is the dialect that it is different from.

    edits: the edits of its program that fit, the likeliest first.
    """

    text: str
    spec: Spec
    edits: tuple[InferredEdit, ...] = ()


def explained(
    nearest: Fit,
    bases: Sequence[Fit],
    scores: Sequence[Scores],
    shown: Callable[[], Sequence[Batch]] = tuple,
) -> Explanation:
    """The sharpest explanation around one of ``bases`` (in this order), else around the nearest.

    shown: gives runs with the moments of every step, where the target shows them. A rule that is no
    number somewhere (2/(1-β2) at β2 = 1) may break off one way of searching: the others go on.
    """
    if not moved(nearest):
        return Explanation("θ does not move: no step of any run changes a bit", Spec())
    own = [fit.candidate for fit in bases]
    broken: list[str] = []
    ways: tuple[Callable[[], Explanation | None], ...] = (
        partial(_rounded, own, scores),
        lambda: from_moments(own[0], scores, shown()),
        *_ways(own, scores),
    )
    for way in ways:
        try:
            found = way()
        except (ArithmeticError, ValueError) as fault:
            # what a drawn number makes of a rule is no reason to say nothing
            broken.append(f"{type(fault).__name__}: {fault}")
            continue
        if found is not None:
            return replace(found, text=found.text + _unfinished(broken))
    if nearest.near:
        text = where(nearest)
    elif np.isfinite(nearest.unexplained):
        text = "no known rule is near: each leaves more than half of the movement open"
    else:
        text = "no known rule is near: of none is a step decided"
    return Explanation(text + _unfinished(broken), nearest.candidate.spec)


def _unfinished(broken: Sequence[str]) -> str:
    """That some ways of searching broke off, and the first reason; empty where none did."""
    if not broken:
        return ""
    return f"; a part of the search for a changed dialect could not be finished ({broken[0]})"


def moved(fit: Fit) -> bool:
    """Whether any step of any run changes a parameter."""
    return any(bool((batch.thetas[1:] != batch.thetas[:-1]).any()) for batch in fit.batches)


def _ways(
    bases: Sequence[Candidate], scores: Sequence[Scores]
) -> Iterator[Callable[[], Explanation | None]]:
    """Each way of departing around all bases under every admission, the sharper ones first."""
    ways = (
        _edited,
        _edited_since_the_first,
        _exchanged,
        _counted,
        _hyperparameter,
        _narrow_scalars,
        _factor,
    )
    for way in ways:
        for one in scores:
            yield partial(way, bases, one)


def from_moments(
    base: Candidate, scores: Sequence[Scores], shown: Sequence[Batch]
) -> Explanation | None:
    """One edit of the base's program that explains every step from the moments before it."""
    for one in scores:
        table = Transitions.of(base, shown, one.admission)
        edits = named(table) if table is not None else []
        if edits:
            return _told(edits, base.spec)
    return None


def beyond(
    fitting: Candidate, claimed: Candidate, scores: Sequence[Scores], shown: Sequence[Batch]
) -> Explanation | None:
    """An edit for what the moments show where the short runs fit a dialect; None if it stands.

    A dialect that explains every step of the longer runs, too, under the strictest admission is
    what the target follows. Another one than the claimed that does not is only near.
    """
    table = Transitions.of(fitting, shown, scores[0].admission)
    if table is None or not len(left := (selection := Selection(table)).left):
        return None
    bases = dict.fromkeys([claimed, fitting])
    tried = (from_moments(base, scores, shown) for base in bases)
    named = next((found for found in tried if found is not None), None)
    if named is not None or fitting.spec.with_(scalars="any") == claimed.spec:
        return named
    where = min((int(t) + 1 for t in left.t), default=0)
    text = (
        f"the short runs fit {fitting.spec}; of longer ones {len(left):,} of"
        f" {len(selection.all):,} single steps do not, the first at step {where:,}"
    )
    return Explanation(text, fitting.spec)


def _edited(bases: Sequence[Candidate], scores: Scores) -> Explanation | None:
    """One edit of the program of a base, with its numbers inferred."""
    for base in bases:
        edits = Neighbourhood(base, scores).inferred()
        if edits:
            return _told(edits, base.spec)
    return None


def _edited_since_the_first(bases: Sequence[Candidate], scores: Scores) -> Explanation | None:
    """The same for edits that have acted for longer than they show; of the likeliest base alone."""
    edits = Neighbourhood(bases[0], scores).inferred(longer=True)
    return _told(edits, bases[0].spec) if edits else None


def _told(edits: Sequence[InferredEdit], spec: Spec) -> Explanation:
    text = f"{edits[0].text}; every number fits {spec} with that"
    return Explanation(text, spec, tuple(edits))


def _exchanged(bases: Sequence[Candidate], scores: Scores) -> Explanation | None:
    """Two hyperparameters that change places."""
    for base in bases:
        for pair in combinations(base.spec.hyperparameters, 2):
            if scores.explains(replace(base, exchanged=pair)):
                one, other = (_NAMES.get(name, name) for name in pair)
                text = f"{one} and {other} change places"
                return _told([InferredEdit("exchange", " ".join(pair), text)], base.spec)
    return None


def _counted(bases: Sequence[Candidate], scores: Scores) -> Explanation | None:
    """Another step count, as far as the runs go."""
    for base in bases:
        courses = Neighbourhood(base, scores).courses
        for candidate in counted(base, courses):
            if candidate.count is not None and scores.explains(candidate):
                text = count_in_words(candidate.count)
                place = " ".join(candidate.count.powers)
                return _told([InferredEdit("count", place, text)], base.spec)
    return None


def _rounded(bases: Sequence[Candidate], scores: Sequence[Scores]) -> Explanation | None:
    """Hyperparameters rounded to a format narrower than the arrays, and exact from there on."""
    for narrower in _narrower(scores[0].batches[0].fmt):
        for base in bases:
            names = [name for name in _NAMES if name in base.spec.hyperparameters]
            some = [*combinations(names, 1), *combinations(names, 2), tuple(names)]
            for rounded in dict.fromkeys(some):
                candidate = replace(base, rounded=(narrower, rounded))
                if any(one.explains(candidate) for one in scores):
                    listed = ", ".join(_NAMES[name] for name in rounded)
                    text = f"{listed} {'is' if len(rounded) == 1 else 'are'} kept in {narrower}"
                    return _told([InferredEdit("scalars", narrower, text)], base.spec)
    return None


def _narrower(fmt: Format) -> list[str]:
    """The formats of less precision, the most precise first."""
    known = sorted(FORMATS.values(), key=lambda one: -one.precision)
    return [one.name for one in known if one.precision < fmt.precision]


def _narrow_scalars(bases: Sequence[Candidate], scores: Scores) -> Explanation | None:
    """Scalars narrower than the arrays, in whatever order they are computed."""
    for narrower in _narrower(scores.batches[0].fmt):
        for base in bases:
            if scores.explains(replace(base, scalars=narrower)):
                text = f"scalars (β, 1-β, β^t, lr) are kept in {narrower}"
                return _told([InferredEdit("scalars", narrower, text)], base.spec)
    return None


def _hyperparameter(bases: Sequence[Candidate], scores: Scores) -> Explanation | None:
    """One hyperparameter in use that is another number, or a multiple of the one asked for."""
    for base in bases:
        for run in _runs_to_explain(scores.fit(base)):
            for name in _NAMES:
                candidate = base
                if name == "eps_root" and base.spec.algorithm == "adam":
                    candidate = replace(base, spec=base.spec.with_(eps="both"))
                if name not in candidate.spec.hyperparameters:
                    continue
                found = effective(candidate, run, name, scores.admission)
                if found is None:
                    continue
                for tried, told in _relations(candidate, name, found, float(run.hyper[name][0])):
                    if scores.explains(tried):
                        return _told([told], base.spec)
    return None


def _runs_to_explain(fit: Fit) -> Iterator[Batch]:
    """The columns of the runs that fit worst, up to three with different hyperparameters."""
    seen: list[tuple[float, Batch]] = []
    for batch, walked in zip(fit.batches, fit.walked, strict=True):
        for columns in batch.groups:
            ratio = walked.ratio[:8, columns]
            bad = float(np.mean(ratio > 1.0))
            if bad > 0.0:
                seen.append((bad, batch.columns(columns)))
    seen.sort(key=lambda pair: -pair[0])
    asked: set[tuple[float, ...]] = set()
    for _, batch in seen:
        key = tuple(float(x[0]) for x in batch.hyper.values())
        if key not in asked and len(asked) < 3:
            asked.add(key)
            yield batch


def _relations(
    candidate: Candidate, name: str, found: float, asked: float
) -> Iterator[tuple[Candidate, InferredEdit]]:
    """A number in use whatever was asked for, or a multiple of what was."""
    word = _NAMES[name]
    given = (*(pair for pair in candidate.given if pair[0] != name), (name, found))
    text = f"{word} in use is {found:.15g}, whatever was asked for"
    fixed = InferredEdit("hyper", name, text, {"value": (found, found)})
    yield replace(candidate, given=given), fixed
    if asked:
        c = _ratio(found, asked)
        edit = Edit("scale", name, (("c", None),))
        text = f"{word} is multiplied by c, c = {c:.15g}"
        scaled = InferredEdit("scale", name, text, {"c": (c, c)})
        yield replace(candidate, edit=edit, constants=(("e.c", c),)), scaled


def _ratio(found: float, asked: float) -> float:
    return simplest(*_around(found / asked))


def _around(x: float) -> tuple[float, float]:
    """Where a number that was found by search may truly be: some roundings around it."""
    width = abs(x) * 2.0**-30
    return x - width, x + width


def _factor(bases: Sequence[Candidate], scores: Scores) -> Explanation | None:
    """Δ is the dialect's times a factor of t alone (a schedule, a wrong correction)."""
    for base in bases:
        if base.spec.decay != "none":
            continue
        factors = _factors(scores.fit(base))
        if factors is None:
            continue
        steps = [t + 1 for t, x in enumerate(factors) if x != 1.0]
        if not steps:
            continue
        if len(set(factors)) == 1:
            said = f"{factors[0]:.15g} at every step"
        elif len(steps) <= _SHOWN:
            said = ", ".join(f"{factors[t - 1]:.15g} at step {t}" for t in steps)
        else:
            said = ", ".join(f"{x:.15g}" for x in factors[:_SHOWN]) + f" at steps 1-{_SHOWN}"
            said += f", {factors[-1]:.15g} at step {len(factors)}"
        text = f"Δ is that of {base.spec} times {said}"
        return Explanation(text, base.spec)
    return None


def _factors(fit: Fit) -> Array | None:
    """The factor of each step, in which all columns of all runs of the longest batch agree."""
    batches = [(s, w) for s, w in zip(fit.batches, fit.walked, strict=True) if s.count > _SHOWN]
    if not batches:
        return None
    batch, walked = batches[0]
    if (batch.first != 0).any():
        return None
    with np.errstate(all="ignore"):
        seen = np.diff(batch.thetas, axis=0)
        # twice the envelope: of θ as computed, and of what the factor itself rounds
        width = 4.0 * walked.bound
        sharp = np.isfinite(width) & (np.abs(walked.move) > 16.0 * width)
        ends = np.stack([(seen - width) / walked.move, (seen + width) / walked.move])
        low = np.where(sharp, ends.min(axis=0), -np.inf).max(axis=1)
        high = np.where(sharp, ends.max(axis=0), np.inf).min(axis=1)
    if not sharp.any(axis=1).all() or (low > high).any():
        return None
    return np.asarray(
        [1.0 if a <= 1.0 <= b else simplest(a, b) for a, b in zip(low, high, strict=True)]
    )
