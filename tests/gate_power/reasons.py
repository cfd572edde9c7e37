"""Whether an identification explains a mutant by the edit that it is.

Typed data against typed data: an inferred edit names the operator and its intervals hold the drawn
numbers, or is proved to be the same function under the same guard; or a dialect is named that is
proved to be the same function.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from adamcheck.mutations import apply, parse_edit
from adamcheck.mutations.edits import Edit, Guard
from adamcheck.mutations.equivalence import same_function
from adamcheck.mutations.operators import OPERATORS
from adamcheck.program import Program, trace
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
    base = trace(parse_spec(found.spec))
    named = any(matches(case.edit, e) or equal(rule, case.edit, base, e) for e in edits)
    return named, edits[0].text


def matches(edit: Edit, inferred: InferredEdit) -> bool:
    """Whether an inferred edit names the operator and brackets every number of the drawn one."""
    numbers = OPERATORS[edit.operator].numbers
    return (
        inferred.operator == edit.operator
        and all(_holds(inferred.parameters, name, edit[name]) for name in numbers)
        and guarded(edit.guard, inferred)
    )


def equal(rule: Program, edit: Edit, base: Program, inferred: InferredEdit) -> bool:
    """Whether an inferred edit is proved to be the drawn one, both without their guards.

    An open number is tried at the simplest numbers in its interval; guards have to agree as ever.
    """
    if not inferred.notation or not guarded(edit.guard, inferred):
        return False
    bare = replace(parse_edit(inferred.notation), guard=None)
    low, high = inferred.parameters.get("c", (0.0, 0.0))
    drawn = apply(rule, replace(edit, guard=None))
    for c in (x for x in (0.0, 1.0, -1.0) if low <= x <= high):
        given = tuple((n, c if x is None else x) for n, x in bare.parameters)
        said = apply(base, replace(bare, parameters=given))
        # what an edit remembers is no state of the other one
        if drawn.output.keys() <= said.output.keys() and same_function(drawn, said):
            return True
    return False


def guarded(guard: Guard | None, inferred: InferredEdit) -> bool:
    """Whether the conditions that are named are among the drawn ones, and their numbers bracketed.

    Of two conditions one has to be named. Where none is, the reach that was said brackets those
    that hold throughout it, beyond its ends; any other should have been named.
    """
    if not inferred.guard:
        return guard is None or all(_beyond(one, inferred.reach) for one in guard.conditions)
    if guard is None:
        return False
    drawn = {one.kind: one for one in guard.conditions}
    return all(
        kind in drawn and _bracketed(drawn[kind], inferred, "also." * k)
        for k, kind in enumerate(inferred.guard.split(" and "))
    )


def _beyond(condition: Guard, reach: Mapping[str, tuple[float, float]]) -> bool:
    """Whether a threshold lies beyond the end of what was looked at, where it always holds."""
    name = condition.kind.rstrip("<>=")
    if name not in reach or condition.value is None:
        return False
    low, high = reach[name]
    match condition.kind:
        case "t>=" | "|g|>=":
            return condition.value <= low
        case "t<" | "|g|<":
            return condition.value > high
    return False


def _bracketed(condition: Guard, inferred: InferredEdit, prefix: str) -> bool:
    numbers = {"at": condition.value, "rest": condition.rest}
    return all(
        _holds(inferred.guard_parameters, f"{prefix}{name}", value)
        for name, value in numbers.items()
        if value is not None
    )


def _holds(intervals: Mapping[str, tuple[float, float]], name: str, value: object) -> bool:
    if name not in intervals or not isinstance(value, int | float):
        return False
    low, high = intervals[name]
    return low <= value <= high
