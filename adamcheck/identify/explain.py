"""Why no dialect fits: a known one-line change that does, or where the target leaves the nearest.

Tried from the sharpest statement to the vaguest: known changes, one hyperparameter that is not what
was asked for, a factor of t alone, and at last the steps, signs, sizes or places that deviate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from adamcheck.identify import changes
from adamcheck.identify.candidate import Candidate, Change
from adamcheck.identify.decay import simplest
from adamcheck.identify.effective import effective
from adamcheck.identify.scoring import Fit, Scores
from adamcheck.identify.stack import MOMENTS, Array, Stack
from adamcheck.identify.where import first_bad_step, where
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
    """``text`` says what is different; ``spec`` is the dialect that it is different from."""

    text: str
    spec: Spec


def explained(nearest: Fit, bases: Sequence[Fit], scores: Sequence[Scores]) -> Explanation:
    """The sharpest explanation around one of ``bases`` (in this order), else around the nearest."""
    own = [fit.candidate for fit in bases]
    for one in scores:
        for finder in (_known, _stopped, _hyperparameter, _factor, _vague):
            found = finder(own, one)
            if found is not None:
                return found
    return Explanation(where(nearest), nearest.candidate.spec)


def _known(bases: Sequence[Candidate], scores: Scores) -> Explanation | None:
    fmt = scores.stacks[0].fmt
    for change, switches in changes.known(fmt.name):
        tried = set()
        for base in bases:
            if any(word not in base.spec.switches.get(n, ()) for n, word in switches.items()):
                continue
            candidate = replace(base, spec=base.spec.with_(**switches), change=change)
            if candidate in tried or not _applies(change, base):
                continue
            tried.add(candidate)
            if scores.explains(candidate):
                return Explanation(_exactly(candidate), base.spec)
    return None


def _applies(change: Change, base: Candidate) -> bool:
    """A changed decay stands in the place of the rule's own; moments and powers are Adam's."""
    stored = change.rounded is not None and change.rounded[0] in MOMENTS
    inner = stored or change.corrections is not None or change.moments is not None
    if inner and base.spec.algorithm != "adam":
        return False
    return change.shrinkage is None or base.spec.decay == "none"


def _vague(bases: Sequence[Candidate], scores: Scores) -> Explanation | None:
    """Narrow scalars in whatever order: what their envelope holds may be something else as well."""
    for change in changes.vague(scores.stacks[0].fmt.name):
        for base in bases:
            candidate = replace(base, change=change)
            if scores.explains(candidate):
                return Explanation(_exactly(candidate), base.spec)
    return None


def _exactly(candidate: Candidate) -> str:
    return f"{candidate.change.words}; every number fits {candidate.spec} with that"


def _stopped(bases: Sequence[Candidate], scores: Scores) -> Explanation | None:
    """A counter that stops or starts again: the last good step is its last value."""
    for base in bases:
        step = first_bad_step(scores.fit(base)) if base.spec.algorithm == "adam" else 0
        for change in changes.ends_at(step - 1) if step > 2 else ():
            candidate = replace(base, change=change)
            if scores.explains(candidate):
                return Explanation(_exactly(candidate), base.spec)
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
                for change in _relations(name, found, float(run.hyper[name][0])):
                    tried = replace(candidate, change=change)
                    if scores.explains(tried):
                        return Explanation(_exactly(tried), base.spec)
    return None


def _runs_to_explain(fit: Fit) -> Iterator[Stack]:
    """The columns of the runs that fit worst, up to three with different hyperparameters."""
    seen: list[tuple[float, Stack]] = []
    for stack, walked in zip(fit.stacks, fit.walked, strict=True):
        for columns in stack.groups:
            ratio = walked.ratio[:8, columns]
            bad = float(np.mean(ratio > 1.0))
            if bad > 0.0:
                seen.append((bad, stack.columns(columns)))
    seen.sort(key=lambda pair: -pair[0])
    asked: set[tuple[float, ...]] = set()
    for _, stack in seen:
        key = tuple(float(x[0]) for x in stack.hyper.values())
        if key not in asked and len(asked) < 3:
            asked.add(key)
            yield stack


def _relations(name: str, found: float, asked: float) -> Iterator[Change]:
    word = _NAMES[name]
    set_to: Callable[..., Change] = _set
    yield set_to(name, f"{word} in use is {found:.15g}, whatever was asked for", found)
    if asked:
        times = _ratio(found, asked)
        yield _scaled(name, f"{word} in use is {times:.15g} times what was asked for", times)
    if name in ("beta1", "beta2") and 0.0 < asked < 1.0 and 0.0 < found < 1.0:
        power = simplest(*_around(float(np.log(found) / np.log(asked))))
        yield _powered(
            name, f"{word} in use is the {power:.6g}th power of what was asked for", power
        )


def _ratio(found: float, asked: float) -> float:
    return simplest(*_around(found / asked))


def _around(x: float) -> tuple[float, float]:
    """Where a number that was found by search may truly be: some roundings around it."""
    width = abs(x) * 2.0**-30
    return x - width, x + width


def _set(name: str, words: str, value: float) -> Change:
    return Change(words, hyper=lambda h, s: {**h, name: value + 0.0 * h[name]})


def _scaled(name: str, words: str, times: float) -> Change:
    return Change(words, hyper=lambda h, s: {**h, name: times * h[name]})


def _powered(name: str, words: str, power: float) -> Change:
    return Change(words, hyper=lambda h, s: {**h, name: h[name] ** power})


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
    """The factor of each step, in which all columns of all runs of the longest stack agree."""
    stacks = [(s, w) for s, w in zip(fit.stacks, fit.walked, strict=True) if s.count > _SHOWN]
    if not stacks:
        return None
    stack, walked = stacks[0]
    if (stack.first != 0).any():
        return None
    with np.errstate(all="ignore"):
        seen = np.diff(stack.thetas, axis=0)
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
