"""In which steps, signs, sizes or places a target leaves the dialect that it is nearest to."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from adamcheck.identify.batch import Batch
from adamcheck.identify.runs import WORDS
from adamcheck.identify.scoring import Fit

Mask = NDArray[np.bool_]


def first_bad_step(fit: Fit) -> int:
    """The first step (1-based) outside the envelope in any run, 0 if there is none."""
    steps = []
    for batch, walked in zip(fit.batches, fit.walked, strict=True):
        bad = np.argwhere(walked.ratio > 1.0)
        if bad.size:
            t, i = bad[0]
            steps.append(int(t) + 1 + int(batch.first[i]))
    return min(steps, default=0)


def first_lost(fit: Fit) -> int:
    """The first step (1-based) after which a parameter is not finite in any run, 0 if none is."""
    lost = [first_step(batch, ~np.isfinite(batch.thetas[1:])) for batch in fit.batches]
    return min(filter(None, lost), default=0)


def first_step(batch: Batch, chosen: Mask) -> int:
    """The first step (1-based) of the chosen ones ``[T, N]``, 0 if none is."""
    steps = np.arange(1, len(chosen) + 1)[:, None] + batch.first
    return int(steps[chosen].min(initial=np.iinfo(np.int64).max)) if chosen.any() else 0


def where(fit: Fit) -> str:
    """The narrowest description that holds for every element-step outside the envelope."""
    name = str(fit.candidate.spec)
    total = sum(int((~np.isnan(w.ratio)).sum()) for w in fit.walked)
    outside = sum(int((w.ratio > 1.0).sum()) for w in fit.walked)
    counted = f"{outside} of {total} element-steps deviate from {name}"
    lost = _lost(fit)
    # what is lost stays lost: that it deviates at one step only would mislead
    finders = (_places, _signs, _sizes) if lost else (_places, _signs, _steps, _sizes)
    texts = [lost] if lost else []
    texts += [text for find in finders if (text := find(fit))]
    if texts:
        return f"{counted}: {'; '.join(texts)}"
    worst, at = _worst_run(fit)
    failed = "the run of a failed check" if worst.startswith("evidence") else worst
    words = WORDS.get(worst, failed)
    return f"{counted}, first at step {first_bad_step(fit)}, mostly with {words} ({at})"


def _parts(fit: Fit) -> list[tuple[Batch, Mask, Mask]]:
    """Per batch: what is outside, and what was decided."""
    return [
        (batch, walked.ratio > 1.0, ~np.isnan(walked.ratio))
        for batch, walked in zip(fit.batches, fit.walked, strict=True)
    ]


def _lost(fit: Fit) -> str:
    """NaN or infinity in place of a number, where that is all that deviates."""
    steps: list[int] = []
    for batch, outside, _ in _parts(fit):
        if (outside & np.isfinite(batch.thetas[1 : len(outside) + 1])).any():
            return ""
        steps += [first_step(batch, outside)] if outside.any() else []
    return f"the target is not finite from step {min(steps)}" if steps else ""


def _places(fit: Fit) -> str:
    """The same few elements of every run, counted from its end or from its front."""
    hits: list[tuple[int, set[int]]] = []
    for batch, outside, _ in _parts(fit):
        for columns in batch.groups:
            size = int(batch.element[columns].max()) + 1
            hit = {int(i) for i in batch.element[columns][outside[:, columns].any(axis=0)]}
            hits += [(size, hit)] if hit else []
    last = _shared([(size, {size - i for i in hit}) for size, hit in hits], first=1)
    if last and max(last) == len(last):
        return f"only the last {len(last)} of {_sizes_from(hits, max(last))} elements"
    few = sorted(_shared(hits, first=0))
    shown = ", ".join(map(str, few[:8]))
    if not few:
        return ""
    return f"only element{'s' if len(few) > 1 else ''} {shown} of {_sizes_from(hits, few[-1] + 1)}"


def _sizes_from(hits: list[tuple[int, set[int]]], least: int) -> str:
    """The sizes of the runs that have room for all the places: a smaller run has a part of them."""
    return " and of ".join(map(str, sorted({size for size, _ in hits if size >= least})))


def _shared(hits: list[tuple[int, set[int]]], *, first: int) -> set[int]:
    """The places that any run of (size, places) holds, the largest runs all together.

    None where these are many, or where a smaller run does not hold exactly those of them that it
    has room for.
    """
    places = set().union(*(hit for _, hit in hits))
    largest = max((size for size, _ in hits), default=0)
    alike = all(
        size == largest or hit == {i for i in places if i < size + first} for size, hit in hits
    )
    return places if alike and len(places) <= largest // 4 else set()


def _signs(fit: Fit) -> str:
    for word, sign in (("g < 0", -1.0), ("g > 0", 1.0)):
        if _only(fit, lambda batch, sign=sign: np.sign(batch.grads) == sign):
            return f"only where {word}"
    return ""


def _steps(fit: Fit) -> str:
    bad: set[int] = set()
    longest = 0
    for batch, outside, _ in _parts(fit):
        for t, i in np.argwhere(outside):
            bad.add(int(t) + 1 + int(batch.first[i]))
        longest = max(longest, batch.steps)
    if not bad or len(bad) > longest // 3:
        return f"from step {min(bad)} on only" if bad and min(bad) > 2 else ""
    shown = sorted(bad)
    if len(shown) == 1:
        return f"only at step {shown[0]}"
    gaps = {b - a for a, b in pairwise(shown)}
    if len(gaps) == 1 and shown[0] == min(gaps):
        return f"only at every {shown[0]}th step"
    return f"only at steps {', '.join(map(str, shown[:8]))}"


def _sizes(fit: Fit) -> str:
    """Gradients above or below a size, at the step itself."""
    inside: list[NDArray[np.float64]] = []
    outside_: list[NDArray[np.float64]] = []
    for batch, outside, decided in _parts(fit):
        size = np.abs(batch.grads)
        inside.append(size[decided & ~outside & (size > 0.0)])
        outside_.append(size[outside & (size > 0.0)])
    good, bad = np.concatenate(inside), np.concatenate(outside_)
    if not good.size or not bad.size:
        return ""
    if bad.min() > good.max():
        return f"only where |g| ≥ {bad.min():.2g}"
    if bad.max() < good.min():
        return f"only where |g| ≤ {bad.max():.2g}"
    return ""


def _only(fit: Fit, condition: object) -> bool:
    """Whether all that is outside meets the condition, and much of what does is outside."""
    met = hit = 0
    for batch, outside, decided in _parts(fit):
        holds = condition(batch) & decided  # type: ignore[operator]
        if (outside & ~holds).any():
            return False
        met += int(holds.sum())
        hit += int((outside & holds).sum())
    return met > 0 and 4 * hit > met


def _worst_run(fit: Fit) -> tuple[str, str]:
    shares = []
    for batch, outside, decided in _parts(fit):
        for columns in batch.groups:
            share = outside[:, columns].sum() / max(1, decided[:, columns].sum())
            shares.append((float(share), batch.labels[int(batch.run[columns[0]])]))
    share, label = max(shares)
    return label, f"{100 * share:.0f} % of it"
