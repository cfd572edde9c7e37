"""What the shape of a program tells: values that cannot be negative, divisors that are roots.

Hyperparameters are taken to be what their names promise, at least zero, and weights at most one.
"""

from __future__ import annotations

from adamcheck.program import Op, Program


def nonnegative(program: Program) -> frozenset[int]:
    """Values that no admissible evaluation makes negative.

    A state is one when its next value is one wherever it was; weights 1 - β count as such.
    """
    states = {f"s.{name}" for name in program.moments}
    while True:
        found = _given(program, states)
        kept = {state for state in states if program.output[state] in found}
        if kept == states:
            return found
        states = kept


def _given(program: Program, states: set[str]) -> frozenset[int]:
    found: set[int] = set()
    for i, op in enumerate(program.ops):
        if _holds(program, i, op, states, found):
            found.add(i)
    return frozenset(found)


def _holds(program: Program, i: int, op: Op, states: set[str], found: set[int]) -> bool:
    known = [k in found for k in op.args]
    match op.kind:
        case "input":
            return op.name in states or op.name.startswith("h.") or i in program.uniform
        case "const":
            return op.value is not None and op.value >= 0
        case "mul":
            return all(known) or op.args[0] == op.args[1]
        case "sub":
            return i in program.uniform and program.ops[op.args[0]].value == 1
        case "choose":
            return all(known[1:])
        case "max":  # of a number and its opposite too
            other = program.ops[op.args[1]]
            return any(known) or (other.kind == "neg" and other.args == op.args[:1])
        case "neg":
            return False
    return op.kind == "sqrt" or all(known)


def unrooted(program: Program) -> frozenset[int]:
    """Quotients of elementwise values whose divisor is no root, so that it may be subnormal."""
    rooted: set[int] = set()
    found: set[int] = set()
    for i, op in enumerate(program.ops):
        if op.kind == "sqrt" or (op.kind in ("add", "max") and rooted & {*op.args}):
            rooted.add(i)
        elif op.kind == "div" and op.args[1] not in program.uniform and op.args[1] not in rooted:
            found.add(i)
    return frozenset(found)
