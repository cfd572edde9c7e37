"""What else is worth saying of an identified target: scalars, hidden decay, unused options.

Each option is tried in a few more runs, held against the dialects that differ in that switch alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import numpy as np

from adamcheck.errors import UsageError
from adamcheck.formats import Format
from adamcheck.identify import runs as design
from adamcheck.identify.batch import Run, batched
from adamcheck.identify.candidate import Candidate
from adamcheck.identify.dialects import canonical, dialects, distance
from adamcheck.identify.scoring import Scores
from adamcheck.identify.search import Found
from adamcheck.oracle.envelope import Admission
from adamcheck.result import Finding
from adamcheck.rules.storage import UNCLAIMED
from adamcheck.spec import Spec
from adamcheck.storage import claiming
from adamcheck.targets.session import Session

_TELLING: Final = ("near-eps", "spike", "away", "idle", "idle-slow")


def scalars(found: Found) -> list[Finding]:
    """In which precision β, 1-β, β^t and α are kept; only said where it is the array's."""
    fmt = found.best.batches[0].fmt
    if found.scores.admission.scalars != "array":
        return []
    strict = Scores(found.scores.batches, replace(found.scores.admission, scalars="float64"))
    off = strict.fit(found.best.candidate)
    cost = _cost(off, fmt)
    message = (
        f"scalars (β, 1-β, β^t, lr) are kept in {fmt.name}: up to {off.largest:.3g} × the envelope"
        f" of float64 scalars, {cost:.3g} ulps of Δ"
    )
    return [Finding("scalars", fmt.name, message, {"envelopes": off.largest, "ulps": cost})]


def _cost(fit: Any, fmt: Format) -> float:
    """The largest error in ulps of Δ where θ was zero, so that every bit of Δ shows."""
    worst = 0.0
    for batch, walked in zip(fit.batches, fit.walked, strict=True):
        lone = (batch.thetas[0] == 0.0) & (batch.first == 0)
        with np.errstate(all="ignore"):
            error = np.abs(batch.thetas[1] - walked.move[0])
            ulp = 2.0 * fmt.u * 2.0 ** np.floor(np.log2(np.abs(walked.move[0])))
            ratio = error / ulp
        usable = lone & np.isfinite(ratio)
        worst = max(worst, float(ratio[usable].max(initial=0.0)))
    return worst


def hidden(found: Found, fmt: Format) -> Finding:
    """A decay that is at work although no weight decay was passed."""
    spec = found.best.candidate.spec
    strength = dict(found.best.candidate.given).get("weight_decay", 0.0)
    message = f"θ decays although no weight decay was asked for: {spec.decay}, λ = {strength:g}"
    return Finding("weight-decay", fmt.name, message, {"weight_decay": strength})


def facts(
    session: Session,
    fmt: Format,
    asked: design.Asked,
    found: Found,
    options: Mapping[str, Any],
    values: Mapping[str, float],
) -> list[Finding]:
    """What the flags and hyperparameters that were not used do when they are."""
    if not found.fits:
        return []
    known = session.description
    flushed = fmt.name in known.flushes
    base = found.best.candidate
    findings: list[Finding] = []
    for flag in sorted(known.flags - asked.flags - options.keys()):
        more = replace(asked, flags=asked.flags | {flag})
        findings += _tried(session, fmt, more, base, flag, f"with {flag}", flushed)
    for name, value in values.items():
        if name in known.hyperparameters and name not in asked.extra and name not in options:
            more = replace(asked, extra={**asked.extra, name: value})
            words = f"with {name} = {value:g}"
            findings += _tried(session, fmt, more, base, name, words, flushed)
    return findings


def _tried(
    session: Session,
    fmt: Format,
    asked: design.Asked,
    base: Candidate,
    name: str,
    words: str,
    flushed: bool,
) -> list[Finding]:
    """One option switched on: the dialect that fits then, or that none does."""
    runs: list[Run] = []
    for kind, request in design.short(fmt, session.description.hyperparameters, asked):
        if kind in _TELLING:
            trace = session.run(request)
            if trace.failure is not None:
                text = f"{words} the target fails: {trace.failure.message}"
                return [Finding(name, fmt.name, text)]
            runs.append(Run(kind, request, trace))
    near = _near(replace(base.spec, **UNCLAIMED), name, asked.extra)
    specs = [s for s in (claiming(one, base.spec.stored) for one in near) if s is not None]
    if not specs:
        return []
    given = tuple((n, x) for n, x in base.given if n != name)
    batches = batched(runs, fmt)
    for precision in ("float64", "array"):
        scores = Scores(batches, Admission(precision, flushed))
        fits = scores.fitting([Candidate(spec, given) for spec in specs])
        fitting = [str(candidate.spec) for candidate in fits]
        if len(fitting) == 1:
            return [Finding(name, fmt.name, f"{words} it is {fitting[0]}")]
        if fitting:
            message = f"{words} it cannot be told which it is: {', '.join(fitting)}"
            return [Finding(name, fmt.name, message)]
    return [Finding(name, fmt.name, f"{words} no dialect fits")]


def _near(base: Spec, name: str, extra: Mapping[str, float]) -> list[Spec]:
    """The dialects that an option may lead to from ``base``."""
    switch = "decay" if name == "weight_decay" else name
    if switch in base.switches:
        words = base.switches[switch]
        try:
            return list(dict.fromkeys(canonical(base.with_(**{switch: w})) for w in words))
        except UsageError:  # the switch needs another one
            pass
    algorithm = "momentum" if base.algorithm == "gd" else base.algorithm
    senses = (base.maximize,)
    found = dialects(algorithm, valued=extra, maximize=senses)
    near = [spec for spec in found if algorithm != base.algorithm or distance(spec, base) <= 3]
    return list(dict.fromkeys([base, *(s.with_(decay=base.decay) for s in near)]))
