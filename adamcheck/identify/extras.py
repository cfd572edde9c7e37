"""What else is worth saying of an identified target: scalars, hidden decay, unused options.

Each option is tried in a few more runs, held against the dialects that differ in that switch alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import numpy as np

from adamcheck.formats import Format
from adamcheck.identify import runs as design
from adamcheck.identify.candidate import Candidate, canonical
from adamcheck.identify.scoring import Scores
from adamcheck.identify.search import Found
from adamcheck.identify.stack import Run, stacked
from adamcheck.oracle.envelope import Admission
from adamcheck.result import Finding
from adamcheck.spec import SWITCHES
from adamcheck.targets.protocol import Description
from adamcheck.targets.session import Session

_DECAY: Final = 0.125
_ROOT: Final = 2.0**-6


def flushes(known: Description, dtype: str) -> bool:
    """Whether the target was seen to flush subnormals of the format."""
    notes = [note for note in known.notes if note.startswith("flushes subnormals:")]
    return any(dtype in note.replace(",", " ").split() for note in notes)


def scalars(found: Found) -> list[Finding]:
    """In which precision β, 1-β, β^t and α are kept; only said where it is the array's."""
    fmt = found.best.stacks[0].fmt
    if found.scores.admission.scalars != "array":
        return []
    strict = Scores(found.scores.stacks, replace(found.scores.admission, scalars="float64"))
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
    for stack, walked in zip(fit.stacks, fit.walked, strict=True):
        lone = (stack.thetas[0] == 0.0) & (stack.first == 0)
        with np.errstate(all="ignore"):
            error = np.abs(stack.thetas[1] - walked.move[0])
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
) -> list[Finding]:
    """What the flags and hyperparameters that were not used do when they are."""
    if not found.fits:
        return []
    known = session.description
    base = found.best.candidate
    findings: list[Finding] = []
    for flag in sorted(known.flags - asked.flags - options.keys()):
        more = replace(asked, flags=asked.flags | {flag})
        findings += [_tried(session, fmt, more, base, flag)]
    for name, value, switch in (
        ("weight_decay", _DECAY, "decay"),
        ("eps_root", _ROOT, "eps"),
    ):
        if name in known.hyperparameters and name not in asked.extra and name not in options:
            more = replace(asked, extra={**asked.extra, name: value})
            findings.append(_tried(session, fmt, more, base, switch, name, value))
    return findings


def _tried(
    session: Session,
    fmt: Format,
    asked: design.Asked,
    base: Candidate,
    switch: str,
    name: str = "",
    value: float = 0.0,
) -> Finding:
    """One option switched on: the dialect that fits then, or that none does."""
    label = name or switch
    with_ = f"{label} = {value:g}" if name else label
    runs: list[Run] = []
    for kind, request in design.short(fmt, session.description.hyperparameters, asked):
        if kind in ("near-eps", "spike", "away", "idle", "idle-slow"):
            trace = session.run(request)
            if trace.failure is not None:
                return Finding(
                    label, fmt.name, f"with {with_} the target fails: {trace.failure.message}"
                )
            runs.append(Run(kind, request, trace))
    specs = dict.fromkeys(canonical(base.spec.with_(**{switch: w})) for w in SWITCHES[switch])
    given = tuple((n, x) for n, x in base.given if n != name)
    stacks = stacked(runs, fmt)
    for precision in ("float64", "array"):
        flushed = flushes(session.description, fmt.name)
        scores = Scores(stacks, Admission(precision, flushed))
        fitting = [str(spec) for spec in specs if scores.fits(Candidate(spec, given))]
        if len(fitting) == 1:
            return Finding(label, fmt.name, f"with {with_} it is {fitting[0]}")
        if fitting:
            message = f"with {with_} it cannot be told which it is: {', '.join(fitting)}"
            return Finding(label, fmt.name, message)
    return Finding(label, fmt.name, f"with {with_} no dialect fits")
