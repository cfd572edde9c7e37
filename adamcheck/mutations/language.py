"""What changed programs are written in beyond a rule's own operations, and names for every value.

Further kinds of operations: ``min``; ``ge`` and ``equal``, 1 where they hold and 0 elsewhere;
``mod``; ``choose`` by an elementwise first argument too; ``round`` through the format or the number
of significand bits that ``name`` gives; ``fma`` x·y + z, rounded once; of numbers alone ``pow`` and
``expm1``, 1 - (1-y)^x by that function; ``mean``, ``norm`` (the
Euclidean one) and ``largest`` magnitude over the elements of the array, for every element alike.

Further inputs: ``x.t`` the number of the step, from 1; ``x.since`` the same counted from the last
loading of moments, which bring no memory of an edit along; ``x.size`` the number of elements;
``x.index`` the element's own number, from 0; ``x.silence`` how many gradients before this one were
zero without a break; ``e.NAME`` an edit's parameter that was left open. Further states are outputs
``s.NAME`` that the rule does not have; they start at zero. Places are those of the expanded
program, in which averages and decays are written out.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from typing import Final

from adamcheck.program import Op, Program

REDUCTIONS: Final = ("mean", "norm", "largest")
"""Kinds that couple the elements of the array."""
TESTS: Final = ("ge", "equal")
"""Kinds whose value is a truth."""
_INFIX: Final = {"add": "+", "sub": "-", "mul": "*", "div": "/", "mod": "%", "ge": ">="}


@lru_cache(maxsize=256)
def labels(program: Program) -> tuple[str, ...]:
    """A name for every value, without blanks: ``beta1``, ``m`` before and ``m'`` after, ``update``,
    and otherwise the expression in such names, ``(beta1*m)``."""
    outputs: dict[int, str] = {}
    for name, index in program.outputs:
        state = name[2:] if name.startswith("s.") else name if name == "theta" else ""
        outputs.setdefault(index, f"{state}'" if state else name)
    found: list[str] = []
    taken: set[str] = set()
    for i, op in enumerate(program.ops):
        label = _spelled(op, found)
        if op.kind not in ("input", "const") and i in outputs:
            label = outputs[i]
        if label in taken:  # an output's name that is some input's
            label = f"{label}@{i}"
        taken.add(label)
        found.append(label)
    return tuple(found)


def _spelled(op: Op, known: list[str]) -> str:
    args = [known[a] for a in op.args]
    match op.kind:
        case "input":
            scope, _, name = op.name.partition(".")
            return name if scope in ("h", "s") else op.name
        case "const":
            return str(op.value)
        case "neg":
            return f"(-{args[0]})"
    if op.kind in _INFIX:
        return f"({args[0]}{_INFIX[op.kind]}{args[1]})"
    inside = [*args, op.name] if op.name else args
    return f"{op.kind}({','.join(inside)})"


@lru_cache(maxsize=256)
def indices(program: Program) -> dict[str, int]:
    """The value of each label."""
    return {label: i for i, label in enumerate(labels(program))}


@lru_cache(maxsize=1024)
def live(program: Program) -> frozenset[int]:
    """The values that the next state or parameter depends on."""
    return reached(program, *(i for n, i in program.outputs if n == "theta" or n[:2] == "s."))


def reached(program: Program, *roots: int) -> frozenset[int]:
    """The values that ``roots`` are made of, themselves included."""
    found: set[int] = set()
    todo = [*roots]
    while todo:
        i = todo.pop()
        if i not in found:
            found.add(i)
            todo.extend(program.ops[i].args)
    return frozenset(found)


@lru_cache(maxsize=4096)
def dependents(program: Program, i: int, since: int) -> tuple[int, ...]:
    """The values after ``since`` that are made of value i."""
    touched = {i}
    for k in range(since + 1, len(program.ops)):
        if not touched.isdisjoint(program.ops[k].args):
            touched.add(k)
    return tuple(sorted(touched - {i}))


def averaged(program: Program, i: int) -> tuple[int, int, int, int] | None:
    """(β, 1-β, old, new) where value i is written β·old + (1-β)·new."""
    top = program.ops[i]
    if top.kind != "add" or any(program.ops[a].kind != "mul" for a in top.args):
        return None
    (beta, old), (weight, new) = (program.ops[a].args for a in top.args)
    rest = program.ops[weight]
    complement = rest.kind == "sub" and rest.args[1] == beta
    if not complement or program.ops[rest.args[0]].value != 1 or beta not in program.uniform:
        return None
    return beta, weight, old, new


def composed(program: Program, like: Program) -> Program:
    """The averages and decays of ``like`` that are still there, as one operation each."""
    names, known = labels(program), labels(like)
    decays = {tuple(known[a] for a in op.args) for op in like.ops if op.kind == "decay"}
    has_averages = any(op.kind == "ema" for op in like.ops)
    ops = []
    for i, op in enumerate(program.ops):
        parts = averaged(program, i) if has_averages else None
        if parts:
            ops.append(Op("ema", parts))
        elif op.kind == "mul" and tuple(names[a] for a in op.args) in decays:
            ops.append(Op("decay", op.args))
        else:
            ops.append(op)
    return pruned(replace(program, ops=tuple(ops)))


class Draft:
    """A program being written: the same operation on the same operands is one value."""

    def __init__(self) -> None:
        self.ops: list[Op] = []
        self._known: dict[Op, int] = {}

    def add(self, op: Op) -> int:
        """The index of an operation, new or known."""
        index = self._known.setdefault(op, len(self.ops))
        if index == len(self.ops):
            self.ops.append(op)
        return index

    def emit(self, kind: str, *args: int, name: str = "") -> int:
        """An operation on earlier values."""
        return self.add(Op(kind, args, name))

    def read(self, name: str) -> int:
        """An input."""
        return self.add(Op("input", name=name))

    def constant(self, value: float | Fraction) -> int:
        """A constant, exactly as given."""
        return self.add(Op("const", value=Fraction(value)))

    def magnitude(self, x: int) -> int:
        """|x|."""
        return self.emit("max", x, self.emit("neg", x))


def pruned(program: Program) -> Program:
    """The program without operations that no output needs."""
    kept = sorted(reached(program, *(i for _, i in program.outputs)))
    renamed = {old: new for new, old in enumerate(kept)}
    ops = tuple(
        Op(op.kind, tuple(renamed[a] for a in op.args), op.name, op.value)
        for op in (program.ops[i] for i in kept)
    )
    outputs = tuple((name, renamed[i]) for name, i in program.outputs)
    return replace(program, ops=ops, outputs=outputs)
