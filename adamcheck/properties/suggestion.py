"""What a target stores, as its own numbers show it: the claim of storage that they would fit.

A target that leaves the envelope of a spec without such claims may be a right one with them. What
is found is a finding and decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from adamcheck.codes import any_in_blocks
from adamcheck.errors import UsageError
from adamcheck.formats import FORMATS, Format, name_of
from adamcheck.oracle.evidence import Evidence
from adamcheck.oracle.judge import judge
from adamcheck.properties.admission import own_scalars
from adamcheck.properties.base import PROPERTIES
from adamcheck.properties.context import Account, Context, Skip, TargetTrouble
from adamcheck.properties.storage import foreign
from adamcheck.rules.storage import STORAGE
from adamcheck.spec import Spec
from adamcheck.targets.protocol import Trajectory

_BLOCKS = (
    {"bits": "8"},
    {"bits": "8", "map": "dynamic-table"},
    {"bits": "8", "map": "float8"},
    {"bits": "4", "blocks": "128", "map": "dynamic-linear"},
    {"bits": "8", "map": "linear"},
    {"bits": "8", "blocks": "2048"},
)
"""Codes in blocks as libraries ship them, and near relatives."""


def of_steps(context: Context, spec: Spec, evidence: Evidence, *, broken: bool) -> None:
    """Say which formats every single step fits, where those of the claim are not it.

    broken: the claim was left; else only a sharper arithmetic than few digits have is said.
    """
    if spec.stored or (not broken and not context.fmt.narrow):
        return
    for words in _formats(spec, evidence):
        candidate = spec.with_(**words)
        if not broken and "arithmetic" not in words:
            continue
        if _fits(context, candidate, evidence):
            _say(context, candidate, broken=broken)
            return


def _formats(spec: Spec, evidence: Evidence) -> Iterator[dict[str, str]]:
    """Claims of formats that what is shown suggests, the sharper arithmetic first."""
    shown = {name: _kept_in(x, evidence.fmt) for name, x in evidence.moments.items()}
    own = evidence.fmt.name
    others = {fmt.name for name, fmt in shown.items() if name != "m"}
    words: dict[str, str] = {}
    if len(others) == 1 and (rest := others.pop()) != own:
        words["moments"] = rest
    first = shown["m"].name if "m" in shown else ""
    if first and first != words.get("moments", own):
        words["m"] = first
        if words.get("moments") is None and len(shown) == 1:
            words = {"moments": first}
    wide = "float64" if evidence.fmt.is_double else "float32"
    yield words | {"arithmetic": wide}
    if words:
        yield words


def _kept_in(shown: object, own: Format) -> Format:
    """The format of an array, or a narrower one of which all its numbers are."""
    array = np.asarray(shown)
    kind = FORMATS.get(name_of(array.dtype), own)
    values = array.astype(np.float64)
    for fmt in sorted(FORMATS.values(), key=lambda f: f.precision):
        if fmt.precision < kind.precision and not foreign(values, fmt).any():
            return fmt
    return kind


def _fits(context: Context, candidate: Spec, evidence: Evidence) -> bool:
    """Whether every single step fits a claim, and enough of them is decided by it.

    Scalars in the array's dtype explain a step only where the claim admits them.
    """
    claimed = replace(evidence, spec=candidate)
    steps = range(1, evidence.shape[0] + 1)
    admissions = {context.admission: None}
    if own_scalars(candidate, evidence.fmt):
        admissions[replace(context.admission, scalars="array")] = None
    for admission in admissions:
        judgements = [judge(claimed.step(t), admission) for t in steps]
        account = Account()
        for judgement in judgements:
            account.count(judgement, alone=True)
        if not any(one.bad.any() for one in judgements) and _enough(account):
            return True
    return False


def _enough(account: Account) -> bool:
    """Whether half of what is asked was decided: a claim that decides little explains little."""
    return account.examples > 0 and account.examples >= account.undecided


def of_blocks(context: Context, spec: Spec, trajectory: Trajectory) -> None:
    """Say which codes in blocks a large array's moments fit, where the claim is left there."""
    if spec.stored or not context.able("moments") or trajectory.preload or context.suggested:
        return
    if trajectory.present is not None:
        return
    asked = replace(trajectory, moments=True, grads=tuple(g[:2] for g in trajectory.grads))
    for words in _BLOCKS:
        candidate = _claimed(spec, words)
        if candidate is None or not any_in_blocks(candidate, trajectory.theta0):
            continue
        context.suggested, account = True, Account()
        try:
            first = PROPERTIES["blocks"](context, account, asked, candidate, {})
        except (Skip, TargetTrouble):
            return
        if first is None and _enough(account):
            _say(context, candidate, broken=True)
            return


def _claimed(spec: Spec, words: Mapping[str, str]) -> Spec | None:
    """The spec with these words, where they go together."""
    try:
        return spec.with_(**words)
    except UsageError:
        return None


def _say(context: Context, candidate: Spec, *, broken: bool) -> None:
    said = "; ".join(STORAGE[switch][word].meaning for switch, word in candidate.stored.items())
    text = f"every single step fits {candidate}: {said}"
    context.note("storage", text if broken else f"{text} (a sharper claim than the one judged)")
