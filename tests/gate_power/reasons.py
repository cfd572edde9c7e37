"""Whether an identification explains a mutant by the edit that it is.

Typed data against typed data: an inferred edit names the operator and its intervals hold the drawn
numbers; or a dialect is named that is proved to be the same function.
"""

from __future__ import annotations

from collections.abc import Mapping

from adamcheck.mutations import apply
from adamcheck.mutations.edits import Edit, Guard
from adamcheck.mutations.equivalence import same_function
from adamcheck.mutations.operators import OPERATORS
from adamcheck.program import trace
from adamcheck.result import Identification, InferredEdit
from adamcheck.spec import parse_spec

from .cases import Case


def named_by(case: Case, found: Identification) -> tuple[bool, str]:
    """(whether the kill is for the right reason, what was said)."""
    rule = trace(parse_spec(case.spec))
    edits = [e for e in (found.edit, *found.also) if e is not None]
    if not edits:
        changed = apply(rule, case.edit)
        dialect = found.kind == "dialect" and found.deviation <= 1.0
        same = dialect and bool(same_function(trace(parse_spec(found.spec)), changed))
        return same, f"{found.kind} {found.spec}" if dialect else "not named"
    return any(matches(case.edit, e) for e in edits), edits[0].text


def matches(edit: Edit, inferred: InferredEdit) -> bool:
    """Whether an inferred edit names the operator and brackets every number of the drawn one."""
    if inferred.operator != edit.operator:
        return False
    for name in OPERATORS[edit.operator].numbers:
        if not _holds(inferred.parameters, name, edit[name]):
            return False
    if edit.guard is None:
        return not inferred.guard
    # an inferred edit has at most one condition: of two, one has to be named
    return any(_guarded(one, inferred) for one in edit.guard.conditions)


def _guarded(condition: Guard, inferred: InferredEdit) -> bool:
    numbers = {"at": condition.value, "rest": condition.rest}
    return condition.kind == inferred.guard and all(
        _holds(inferred.guard_parameters, name, value)
        for name, value in numbers.items()
        if value is not None
    )


def _holds(intervals: Mapping[str, tuple[float, float]], name: str, value: object) -> bool:
    if name not in intervals or not isinstance(value, int | float):
        return False
    low, high = intervals[name]
    return low <= value <= high
