"""Programs for the block machine: the operations and bounds that emit.py writes, as instructions.

Uniform values and whatever is made of them alone are one code (``uniform``, always in
double-double); elementwise ones another (``elements``) that reads rows of the first.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from adamcheck.numerics import instructions
from adamcheck.numerics.emit import FORMAT_CONSTANTS, Emitter
from adamcheck.program import Op, Program
from adamcheck.storage import STORAGE_CONSTANTS

STEP_CONSTANTS: Final = ("far", "most", "stored", "lost")
"""Rows that the caller fills at every step; FORMAT_CONSTANTS once a run."""

_STEADY: Final = frozenset((*FORMAT_CONSTANTS, *STORAGE_CONSTANTS))
_PLUS, _TIMES = "plus", "times"


class UnsupportedError(Exception):
    """A program that the block machine has no instruction for."""


@dataclass(frozen=True, eq=False)
class Block:
    """Instructions ``[K, WIDTH]`` and where its rows are; row 0 is zero and never written.

    ``given`` names the rows that the caller fills; ``fixed`` are those of constants, with values;
    ``found`` names rows to be read when the instructions have run; ``states`` are the rows that
    the next step reads as they were left. The first ``once`` instructions need to run once only.
    """

    code: NDArray[np.uint32]
    rows: int
    given: dict[str, int]
    fixed: tuple[tuple[int, float], ...]
    found: dict[str, int]
    states: dict[str, int]
    once: int = 0


@dataclass(frozen=True, eq=False)
class Lowered:
    """A program's two codes; ``passed`` are the rows of the first that the second reads.

    ``constant`` are those of them that are the same at every step, also where α changes. ``clocks``
    is what of the first carries the clocks on, for steps of which nothing else is asked.
    """

    uniform: Block
    elements: Block
    passed: tuple[str, ...]
    constant: frozenset[str]
    clocks: Block


@dataclass(frozen=True)
class _Step:
    name: str
    writes: tuple[str, ...]
    reads: tuple[str, ...]


class _Builder:
    """Collects instructions on named registers; the same one on the same operands is one."""

    def __init__(self) -> None:
        self.steps: list[_Step] = []
        self._known: dict[tuple[str, tuple[str, ...]], tuple[str, ...]] = {}

    def add(self, name: str, reads: Sequence[str]) -> tuple[str, ...]:
        key = (name, tuple(reads))
        if key not in self._known:
            one = instructions.BY_NAME[name]
            writes = tuple(f"{len(self.steps)}.{k}" for k in range(one.results))
            self.steps.append(_Step(name, writes, key[1]))
            self._known[key] = writes
        return self._known[key]


class _Lowering:
    """One walk over a program; registers of inputs and constants are named after them."""

    def __init__(self, program: Program, *, paired: bool) -> None:
        self.program = program
        self.paired = paired
        self.emitter = Emitter(program, paired=paired)
        self.codes = {True: _Builder(), False: _Builder()}
        self.uniform: set[str] = {*_STEADY, *STEP_CONSTANTS, "zero"}
        self._values: dict[int, tuple[str, str]] = {}
        self._inner: dict[tuple[int, str], tuple[str, str]] = {}
        self._bounds: dict[int, str] = {}

    # --- registers ---

    def add(self, name: str, reads: Sequence[str]) -> tuple[str, ...]:
        """An instruction; uniform where all that it reads is."""
        alone = self.uniform.issuperset(reads)
        writes = self.codes[alone].add(name, reads)
        named = tuple(f"{'u' if alone else 'v'}{w}" for w in writes)
        self.uniform.update(named if alone else ())
        return named

    def constant(self, value: float) -> str:
        name = f"={value!r}"
        self.uniform.add(name)
        return name

    # --- values ---

    def value(self, i: int) -> tuple[str, str]:
        """Registers of value i: (high, low); low is zero where values are not paired."""
        if i not in self._values:
            self._values[i] = self._value(i)
        return self._values[i]

    def _value(self, i: int) -> tuple[str, str]:
        op = self.program.ops[i]
        alone = i in self.program.uniform
        if op.kind == "input":
            paired = alone or (self.paired and op.name[:2] == "s.")
            names = (f"{op.name}.h", f"{op.name}.l" if paired and op.name[:2] == "s." else "zero")
            self.uniform.update(names if alone else ())
            return names
        if op.kind == "const":
            self.emitter.value(i)  # refuses what is no double
            assert op.value is not None
            return self.constant(float(op.value)), "zero"
        if i in self.emitter.scaled:
            x, y = (self.value(k) for k in op.args)
            times = Op("mul", op.args)
            return self._computed(times, [x, self._reciprocal(y)], paired=self.paired)
        for name, step, args in self.emitter.steps(i):
            parts = [self._operand(i, k) for k in args]
            self._inner[i, name] = self._computed(step, parts, paired=alone or self.paired)
        return self._inner[i, str(i)]

    def _reciprocal(self, value: tuple[str, str]) -> tuple[str, str]:
        one = self.constant(1.0), "zero"
        if self.paired:
            high, low = self.add("dd_div", [*one, *value])
            return high, low
        return self.add("div", [one[0], value[0]])[0], "zero"

    def _operand(self, i: int, name: str) -> tuple[str, str]:
        """Registers of an operand of a step behind value i: another step's, or a value's."""
        return self._inner[i, name] if (i, name) in self._inner else self.value(int(name))

    def _computed(self, op: Op, parts: list[tuple[str, str]], *, paired: bool) -> tuple[str, str]:
        if op.kind == "neg":
            (high, low), *_ = parts
            return self.add("neg", [high])[0], low if low == "zero" else self.add("neg", [low])[0]
        if not paired:
            return self.add(self._known(op.kind), [high for high, _ in parts])[0], "zero"
        high, low = self.add(self._known(f"dd_{op.kind}"), [r for pair in parts for r in pair])
        return high, low

    def _known(self, name: str) -> str:
        if name not in instructions.OPCODES:
            raise UnsupportedError(f"the block machine has no instruction {name!r}")
        return name

    # --- bounds ---

    def bound(self, i: int) -> str:
        """Register of the bound of value i."""
        if i not in self._bounds:
            self._bounds[i] = self._bound(i)
        return self._bounds[i]

    def _bound(self, i: int) -> str:
        op = self.program.ops[i]
        if op.kind == "input":
            if i in self.program.uniform or op.name[:2] == "s.":
                self.uniform.update([f"{op.name}.e"] if i in self.program.uniform else [])
                return f"{op.name}.e"
            if op.name == "g":
                return "zero"
            # a target may keep a wider parameter inside; what it shows is rounded
            theta = self.value(i)[0]
            if self.program.feeds_back:
                return self.add("shown", [theta, "theta.e", "stored", "lost"])[0]
            return self.add(_PLUS, [self.add(_TIMES, ["stored", theta])[0], "lost"])[0]
        alone = i in self.program.uniform
        text = self.emitter.scalar_bound(i) if alone else self.emitter.bound(i)
        return self.expression(text)

    def expression(self, text: str) -> str:
        """Register of an expression that emit.py wrote."""
        return self._expression(ast.parse(text, mode="eval").body)

    def _expression(self, node: ast.expr) -> str:
        match node:
            case ast.Constant(value=float() as number):
                return "zero" if number == 0.0 else self.constant(number)
            case ast.Name(id=name):
                return self._named(name)
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return self._sum(left, right)
            case ast.BinOp(left=left, op=ast.Mult(), right=right):
                return self._product(left, right)
            case ast.Call(func=ast.Name(id=name), args=args):
                return self._call(name, args)
        raise UnsupportedError(f"the block machine does not know {ast.unparse(node)}")

    def _named(self, name: str) -> str:
        letter, number = name[0], name[1:]
        if not number.isdigit():
            if name in _STEADY or name in STEP_CONSTANTS:
                return name
            raise UnsupportedError(f"the block machine does not know {name}")
        i = int(number)
        if letter == "e":
            return self.bound(i)
        if letter == "n":
            a, e = (self.expression(x) for x in self.emitter.inverse(i))
            return self.add("within", [self.add("inverse", [a, e])[0], "zero", "largest"])[0]
        return self.value(i)[0]  # h, and a: instructions take magnitudes themselves

    def _sum(self, left: ast.expr, right: ast.expr) -> str:
        if isinstance(left, ast.BinOp) and isinstance(left.op, ast.Add):
            three = [self._expression(x) for x in (left.left, left.right, right)]
            if not self.uniform.issuperset(three[:2]):
                return self.add("plus.plus", three)[0]
        return self.add(_PLUS, [self._expression(left), self._expression(right)])[0]

    def _product(self, left: ast.expr, right: ast.expr) -> str:
        if isinstance(right, ast.BinOp) and isinstance(right.op, ast.Add):
            parts = [self._expression(x) for x in (left, right.left, right.right)]
            nested = isinstance(right.left, ast.BinOp)
            if not nested and not self.uniform.issuperset(parts[1:]):
                return self.add("times.plus", parts)[0]
        return self.add(_TIMES, [self._expression(left), self._expression(right)])[0]

    def _call(self, name: str, args: list[ast.expr]) -> str:
        if name == "within" and isinstance(args[0], ast.Call):
            inner = args[0]
            assert isinstance(inner.func, ast.Name)
            fused = f"within.{inner.func.id}"
            if fused in instructions.OPCODES:
                return self.add(fused, [self._expression(x) for x in (*inner.args, *args[1:])])[0]
        if name == "above_zero":
            return self._expression(args[0])
        return self.add(self._known(name), [self._expression(x) for x in args])[0]

    # --- flags ---

    def small(self, i: int, was: str) -> str:
        """Register of the flag after operation i: out of the range of double-double."""
        for name, factors in self.emitter.products(i):
            reads = [self._operand(i, k)[0] for k in dict.fromkeys((name, *factors))]
            was = self.add("small" if len(reads) > 2 else "small.one", [was, *reads])[0]
        return was

    def faint(self, i: int) -> str:
        """Register of the flag of output i: its bound has been too small for doubles."""
        return self.expression(self.emitter.faint(i))


@lru_cache(maxsize=512)
def lower(program: Program, *, paired: bool, quantities: tuple[str, ...]) -> Lowered:
    """The codes that compute the named outputs with their bounds, and carry the states on.

    The elements' ``found`` are NAME.h, NAME.l, NAME.e of each quantity; paired ones have besides
    NAME.faint and "low".
    """
    made = _Lowering(program, paired=paired)
    out = program.output
    wanted: dict[str, str] = {}
    indices = [out[q if q in out else f"s.{q}"] for q in quantities]
    ends = [*indices, *(out[f"s.{m}"] for m in program.moments)]
    low = _in_turn(made, [*ends, out["theta"]] if program.feeds_back else ends)
    for name, i in zip(quantities, indices, strict=True):
        high, rest = made.value(i)
        wanted |= {f"{name}.h": high, f"{name}.l": rest, f"{name}.e": made.bound(i)}
        wanted |= {f"{name}.faint": made.faint(i)} if paired else {}
    wanted |= {"low": low} if paired else {}
    carried = _carried(made, program.moments, "hle" if paired else "he")
    if program.feeds_back:
        carried["theta.e"] = made.bound(out["theta"])
    clocks = _carried(made, program.clocks, "hle")
    elements = made.codes[False].steps
    reads = {r for step in elements for r in step.reads} | {*wanted.values(), *carried.values()}
    passed = tuple(sorted(r for r in reads if r in made.uniform and r[0] != "=" and r != "zero"))
    uniform = made.codes[True].steps
    once, each = _parted(uniform, "u")
    return Lowered(
        _allocated([*once, *each], "u", {p: p for p in passed}, clocks, once=len(once)),
        _allocated(elements, "v", wanted, carried),
        passed,
        frozenset(p for p in passed if _steady(p) or any(p in _written(s, "u") for s in once)),
        _allocated(_behind(uniform, "u", clocks.values()), "u", {}, clocks),
    )


def _written(step: _Step, letter: str) -> set[str]:
    return {f"{letter}{w}" for w in step.writes}


def _steady(register: str) -> bool:
    """Whether a register that nothing computes is the same at every step; α may not be."""
    given = register[0] == "=" or register == "zero" or register in _STEADY
    return given or (register[:2] == "h." and register[:5] != "h.lr.")


def _parted(steps: Sequence[_Step], letter: str) -> tuple[list[_Step], list[_Step]]:
    """(the steps that find the same whenever they run, the others), each in their order."""
    known, once, each = set[str](), list[_Step](), list[_Step]()
    for step in steps:
        if all(r in known or _steady(r) for r in step.reads):
            known |= _written(step, letter)
            once.append(step)
        else:
            each.append(step)
    return once, each


def _behind(steps: Sequence[_Step], letter: str, registers: Iterable[str]) -> list[_Step]:
    """The steps that some registers depend on, in their order."""
    read, kept = set(registers), list[_Step]()
    for step in reversed(steps):
        if read & _written(step, letter):
            kept.append(step)
            read.update(step.reads)
    return kept[::-1]


def _carried(made: _Lowering, names: Sequence[str], parts: str) -> dict[str, str]:
    """What the states' registers hold after the step: all high parts first, then the others."""
    found = {}
    for part in parts:
        for name in names:
            i = made.program.output[f"s.{name}"]
            high, low = made.value(i)
            found[f"s.{name}.{part}"] = {"h": high, "l": low, "e": made.bound(i)}[part]
    return found


def _in_turn(made: _Lowering, ends: list[int]) -> str:
    """Compute what the ends need: first values, then bounds, then the flag that ``low`` names.

    That is the register of whether some pair of doubles has left its range.
    """
    needed, low = made.program.behind(ends), "zero"
    values = [i for i in made.emitter.elementwise if i in needed]
    for i in values:
        made.value(i)
    for i in sorted(made.emitter.bounded(ends)):
        made.bound(i)
    for i in values if made.paired else ():
        low = made.small(i, low)
    return low


def _allocated(
    steps: list[_Step],
    letter: str,
    wanted: dict[str, str],
    carried: dict[str, str],
    *,
    once: int = 0,
) -> Block:
    """Give registers rows: an instruction never writes a row that it reads, nor one still needed.

    Carried states are copied into the rows that they are read from, when all else is done. Rows
    of the first ``once`` steps are never written again.
    """
    own = {f"{letter}{w}" for step in steps for w in step.writes}
    stay = {w for step in steps[:once] for w in _written(step, letter)}
    moves = [_Step("copy", (), (source,)) for source in carried.values()]
    last: dict[str, int] = {}
    for number, step in enumerate([*steps, *moves]):
        last |= dict.fromkeys(step.reads, number)
    ends = {*wanted.values(), *stay}
    outside = sorted({*last, *ends, *carried} - own - {"zero"})
    rows = {"zero": 0} | {name: k for k, name in enumerate(outside, start=1)}
    count, free = len(rows), list[int]()
    code = np.zeros((len(steps) + len(moves), instructions.WIDTH), np.uint32)
    for number, step in enumerate(steps):
        line = [instructions.OPCODES[step.name]]
        for register in (f"{letter}{w}" for w in step.writes):
            if not free:
                free.append(count)
                count += 1
            rows[register] = free.pop()
            line.append(rows[register])
        line += [rows[r] for r in step.reads]
        code[number, : len(line)] = line
        for r in {*step.reads, *(f"{letter}{w}" for w in step.writes)}:
            if r in own and r not in ends and last.get(r, number) <= number:
                free.append(rows[r])
    # a state that is another's old value is read before it is overwritten
    targets = _ordered(carried, rows)
    for number, (state, source) in enumerate(targets, start=len(steps)):
        code[number, :3] = instructions.OPCODES["copy"], rows[state], rows[source]
    given = {n: rows[n] for n in outside if n[0] != "="}
    fixed = tuple((rows[n], float(n[1:])) for n in outside if n[0] == "=")
    found = {name: rows[register] for name, register in wanted.items()}
    return Block(code, count, given, fixed, found, {s: rows[s] for s in carried}, once)


def _ordered(carried: dict[str, str], rows: dict[str, int]) -> list[tuple[str, str]]:
    """The copies in an order in which none overwrites what another has still to read."""
    left, done = dict(carried), list[tuple[str, str]]()
    while left:
        ready = [s for s in left if all(source != s or o == s for o, source in left.items())]
        if not ready:
            raise UnsupportedError("states that exchange their values")
        done += [(s, left.pop(s)) for s in ready]
    return done
