"""Dialects that move θ alike but keep other moments: a run that shows the moments tells them."""

from __future__ import annotations

from dataclasses import replace

from adamcheck.formats import Format
from adamcheck.identify import runs as design
from adamcheck.identify.batch import USUAL
from adamcheck.identify.scoring import Fit
from adamcheck.identify.search import Found
from adamcheck.oracle.evidence import Evidence
from adamcheck.oracle.judge import judge
from adamcheck.program import trace as traced
from adamcheck.targets.protocol import Trace, Trajectory
from adamcheck.targets.session import Session


def told_apart(found: Found, session: Session, fmt: Format, asked: design.Asked) -> Found:
    """The outcome without those dialects whose moments are not the ones that the target shows.

    As it was where only one fits, where the target shows no moments, or none of them fits these.
    """
    known = session.description
    if not found.fits or not found.equal or "moments" not in known.abilities:
        return found
    runs = dict(design.short(fmt, known.hyperparameters, asked))
    request = replace(runs["usual"], moments=True)
    trace = session.run(request)
    if trace.failure is not None or not trace.moments:
        return found
    alike = (found.best, *found.equal)
    kept = [fit for fit in alike if _shows(fit, request, trace, fmt, found)]
    if not kept or len(kept) == len(alike):
        return found
    gone = {fit.candidate.spec for fit in alike} - {fit.candidate.spec for fit in kept}
    rest = [fit for fit in found.ranking if fit.candidate.spec not in gone]
    ranking = [*kept[:1], *(fit for fit in rest if fit.candidate.spec != kept[0].candidate.spec)]
    return replace(found, best=kept[0], equal=tuple(kept[1:]), ranking=tuple(ranking))


def _shows(
    fit: Fit,
    request: Trajectory,
    trace: Trace,
    fmt: Format,
    found: Found,
) -> bool:
    return judge(evidence_of(fit, request, trace, fmt), found.scores.admission).accepted


def evidence_of(fit: Fit, request: Trajectory, trace: Trace, fmt: Format) -> Evidence:
    """A run's first parameter as evidence of a candidate, with what is shown of its moments."""
    spec = fit.candidate.spec
    shown = trace.moments[0] if trace.moments else {}
    moments = {name: shown[name] for name in traced(spec).moments if name in shown}
    passed = {**USUAL, **request.hyper, **dict(fit.candidate.given)}
    hyper = {name: float(passed[name]) for name in spec.hyperparameters}
    return Evidence(spec, fmt, hyper, request.grads[0], trace.thetas[0], moments)
