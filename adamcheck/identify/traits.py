"""What is known of a target that neither a dialect nor one edit of one explains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from adamcheck.formats import Format
from adamcheck.identify import runs as design
from adamcheck.identify.batch import Run
from adamcheck.identify.scoring import Fit
from adamcheck.result import Traits
from adamcheck.targets.protocol import Trajectory
from adamcheck.targets.session import Session

_REPEATED: Final = "near-eps"
_TIMES: Final = 4.0
_SMALLEST: Final = 2.0**-40
"""A bound of what the run squares and weighs: gradients from 2^-7 on, by 1-β2 = 2^-5."""


def first_step_fits(fit: Fit) -> bool | None:
    """Whether the first step from a fresh state is the dialect's; None where none is decided."""
    decided, outside = False, False
    for batch, walked in zip(fit.batches, fit.walked, strict=True):
        ratio = walked.ratio[0, batch.first == 0]
        decided |= bool((~np.isnan(ratio)).any())
        outside |= bool((ratio > 1.0).any())
    return not outside if decided else None


def by_chance(session: Session, runs: Sequence[Run]) -> str:
    """How a run that is repeated differs from what it was, in words; empty where it does not."""
    for run in runs[:_REPEATS]:
        if run.trace.failure is not None:
            continue
        again = session.run(run.request)
        if again.failure is not None:
            return f"the same run fails at one time and not at another: {again.failure.message}"
        one, two = (t.thetas[0].astype(np.float64) for t in (run.trace, again))
        differs = ~((one == two) | (np.isnan(one) & np.isnan(two)))
        if differs.any():
            rows = differs.reshape(len(differs), -1)
            with np.errstate(all="ignore"):
                apart = np.nanmax(np.abs(one - two) / np.abs(one), where=differs, initial=0.0)
            return (
                f"not deterministic: the same run gives other bits, from step"
                f" {int(rows.any(axis=1).argmax())} on, in {int(rows.any(axis=0).sum())} of"
                f" {rows.shape[1]} elements, by up to {apart:.2g} of θ"
            )
    return ""


_REPEATS: Final = 4
"""Runs that are repeated to find out whether a target is deterministic."""


def repeated(
    session: Session, fmt: Format, asked: design.Asked, runs: Sequence[Run], known: Traits
) -> Traits:
    """Whether a run gives the same bits again, and the same steps with g and ε four times as large.

    Scaling by a power of two is exact in every order of evaluation, so bits are compared.
    """
    takes = session.description.hyperparameters
    request = dict(design.short(fmt, takes, asked))[_REPEATED]
    first = next((run.trace for run in runs if run.label == _REPEATED), None)
    if first is None or first.failure is not None:
        return known
    same = _bits(session, request, first.thetas[0])
    roomy = fmt.smallest_normal < _SMALLEST  # else squares of gradients are subnormal: not exact
    if not same or not roomy or "eps" not in takes or asked.extra.get("weight_decay"):
        return replace(known, deterministic=same)
    hyper: Mapping[str, float] = {
        **request.hyper,
        "eps": _TIMES * request.hyper["eps"],
    }
    grads = tuple((g * g.dtype.type(_TIMES)).astype(g.dtype) for g in request.grads)
    larger = replace(request, grads=grads, hyper=hyper)
    return replace(known, deterministic=same, homogeneous=_bits(session, larger, first.thetas[0]))


def _bits(session: Session, request: Trajectory, thetas: object) -> bool | None:
    trace = session.run(request)
    if trace.failure is not None:
        return None
    return bool(np.array_equal(trace.thetas[0], np.asarray(thetas), equal_nan=True))


def traits_in_words(traits: Traits, nearest: Fit) -> str:
    """One sentence: what holds, what does not; nothing of what the runs do not tell."""
    name = str(nearest.candidate.spec)
    said = []
    for value, yes, no in (
        (traits.first_step, f"the first step is that of {name}", f"the first step is not {name}'s"),
        (traits.elementwise, "elements move independently", "elements move each other"),
        (traits.deterministic, "the same run gives the same bits", "the same run gives other bits"),
        (
            traits.homogeneous,
            "g and ε scaled together leave the steps as they are",
            "g and ε scaled together change the steps",
        ),
    ):
        if value is not None:
            said.append(yes if value else no)
    return "; ".join(["no single edit of a dialect fits", *said])
