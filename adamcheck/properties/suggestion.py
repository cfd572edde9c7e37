"""What a target stores, as its own numbers show it: the claim of storage that they would fit.

A target that leaves the envelope of a spec without such claims may be a right one with them. What
is found is a finding and decides nothing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from adamcheck.codes import in_blocks
from adamcheck.oracle.evidence import Evidence
from adamcheck.oracle.kept import (
    BLOCKS,
    formats_shown,
    holds_alone,
)
from adamcheck.properties.admission import own_scalars
from adamcheck.properties.base import PROPERTIES
from adamcheck.properties.context import Account, Context, Skip, TargetTrouble
from adamcheck.spec import Spec
from adamcheck.storage import claiming, in_words
from adamcheck.targets.protocol import Trajectory

_STEPS: Final = 64
"""Steps of a run that a suggestion is held against: it decides nothing."""


def of_steps(context: Context, spec: Spec, evidence: Evidence, *, broken: bool) -> None:
    """Say which formats every single step fits, where those of the claim are not it.

    broken: the claim was left; else only a sharper arithmetic than few digits have is said.
    """
    if spec.stored or (not broken and not context.fmt.narrow):
        return
    evidence = evidence.until(_STEPS)
    for words in formats_shown(evidence.moments, evidence.fmt):
        candidate = claiming(spec, words)
        if candidate is None or (not broken and "arithmetic" not in words):
            continue
        if _fits(context, candidate, evidence):
            _say(context, candidate, broken=broken)
            return


def _fits(context: Context, candidate: Spec, evidence: Evidence) -> bool:
    """Whether every single step fits a claim, and enough of them is decided by it.

    Scalars in the array's dtype explain a step only where the claim admits them.
    """
    claimed = replace(evidence, spec=candidate)
    admissions = [context.admission]
    if own_scalars(candidate, evidence.fmt):
        admissions.append(replace(context.admission, scalars="array"))
    return any(holds_alone(claimed, admission) for admission in dict.fromkeys(admissions))


def of_blocks(context: Context, spec: Spec, trajectory: Trajectory) -> None:
    """Say which codes in blocks a large array's moments fit, where the claim is left there."""
    if spec.stored or not context.able("moments") or trajectory.preload or context.suggested:
        return
    if trajectory.present is not None:
        return
    # its largest array alone: all of that must be codes
    p = max(range(len(trajectory.theta0)), key=lambda k: trajectory.theta0[k].size)
    theta, grads = trajectory.theta0[p], trajectory.grads[p][:2]
    asked = replace(trajectory, moments=True, theta0=(theta,), grads=(grads,))
    for words in BLOCKS:
        candidate = claiming(spec, words)
        if candidate is None or not in_blocks(candidate, theta.size):
            continue
        context.suggested, account = True, Account()
        try:
            first = PROPERTIES["blocks"](context, account, asked, candidate, {"whole": True})
        except (Skip, TargetTrouble):
            return
        if first is None and account.examples:  # every number shown is one that a code stands for
            _say(context, candidate, broken=True)
            return


def _say(context: Context, candidate: Spec, *, broken: bool) -> None:
    text = f"every single step fits {candidate}: {in_words(candidate.stored)}"
    context.note("storage", text if broken else f"{text} (a sharper claim than the one judged)")
