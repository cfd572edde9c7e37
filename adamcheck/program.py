"""A rule as a straight-line program: the tracer runs the rule once and records each operation.

Values are of two kinds. *Uniform* ones (hyperparameters, β^t, what is computed from them alone) are
one number a step; *elementwise* ones hold a number for every element of the parameter.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache, cached_property, lru_cache
from typing import Any, Final

from adamcheck.rules import RULES, initial_state, step
from adamcheck.rules.language import multiplied, weighted
from adamcheck.spec import Spec

UNIFORM_INPUTS: Final = frozenset({"x.t", "x.since", "x.size"})
"""What a changed program may read besides a rule's inputs, and is one number for all elements."""


@dataclass(frozen=True)
class Op:
    """One operation of kind input, const, neg, add, sub, mul, div, sqrt, max, choose, ema, decay.

    choose takes its second argument where the first, a uniform value, is above zero, or the third.
    ema takes β, 1-β, old and new; decay β^(t-1), or a product of several β, and β.
    ``args`` are indices of earlier operations; ``name`` is the input's name, ``value`` a constant.
    Changed programs use more kinds and inputs (adamcheck.mutations.language).
    """

    kind: str
    args: tuple[int, ...] = ()
    name: str = ""
    value: Fraction | None = None


@dataclass(frozen=True)
class Program:
    """A straight-line program of one step.

    Inputs are named ``h.NAME`` (hyperparameters), ``s.NAME`` (state before), ``g`` and ``theta``;
    outputs ``s.NAME`` (state after), ``theta``, and the rule's named intermediates. ``late`` are
    the elementwise states that are made of others' new values.
    """

    spec: Spec
    ops: tuple[Op, ...]
    outputs: tuple[tuple[str, int], ...]
    clocks: tuple[str, ...]
    late: tuple[str, ...] = ()

    @cached_property
    def _hash(self) -> int:
        return hash((self.spec, self.ops, self.outputs, self.clocks, self.late))

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def inputs(self) -> dict[str, int]:
        """Index of each input by its name."""
        return {op.name: i for i, op in enumerate(self.ops) if op.kind == "input"}

    @cached_property
    def hyper(self) -> tuple[str, ...]:
        """Names of the hyperparameters that are read, in the order of the operations."""
        return tuple(name[2:] for name in self.inputs if name[:2] == "h.")

    @cached_property
    def output(self) -> dict[str, int]:
        """Index of each output by its name."""
        return dict(self.outputs)

    @cached_property
    def uniform(self) -> frozenset[int]:
        """Indices of the values that are one number for all elements."""
        found: set[int] = set()
        for i, op in enumerate(self.ops):
            if op.kind == "input":
                scope, _, name = op.name.partition(".")
                is_uniform = scope == "h" or (scope == "s" and name in self.clocks)
                is_uniform = is_uniform or op.name in UNIFORM_INPUTS or scope == "e"
            else:
                is_uniform = all(a in found for a in op.args)
            if is_uniform:
                found.add(i)
        return frozenset(found)

    @cached_property
    def moments(self) -> tuple[str, ...]:
        """Names of the elementwise states, in the rule's order."""
        return tuple(
            name[2:] for name, _ in self.outputs if name[:2] == "s." and name[2:] not in self.clocks
        )

    @cached_property
    def before_moments(self) -> frozenset[int]:
        """Indices of the operations that some elementwise state, late ones aside, depends on."""
        return self.behind(self.output[f"s.{m}"] for m in self.moments if m not in self.late)

    def behind(self, ends: Iterable[int]) -> frozenset[int]:
        """Indices of the operations that some of ``ends`` depend on, themselves among them."""
        found: set[int] = set()
        todo = list(ends)
        while todo:
            i = todo.pop()
            if i not in found:
                found.add(i)
                todo.extend(self.ops[i].args)
        return frozenset(found)

    @cached_property
    def feeds_back(self) -> bool:
        """Whether the moments depend on θ."""
        return self.inputs.get("theta") in self.before_moments

    def is_correction(self, i: int) -> bool:
        """Whether value i is 1 less a decay product."""
        op = self.ops[i]
        return (
            op.kind == "sub"
            and self.ops[op.args[0]].value == 1
            and self.ops[op.args[1]].kind == "decay"
        )

    def is_count(self, i: int) -> bool:
        """Whether value i is a clock plus one."""
        op = self.ops[i]
        if op.kind != "add":
            return False
        clock, one = (self.ops[k] for k in op.args)
        return clock.name in {f"s.{c}" for c in self.clocks} and one.value == 1

    @cached_property
    def expanded(self) -> Program:
        """The same program with the composed operations written out in the others."""
        tape, values = _Tape(), list[Traced]()
        for op in self.ops:
            args = [values[a] for a in op.args]
            if op.kind in COMPOSED:
                values.append(COMPOSED[op.kind](*args))
            else:
                values.append(tape.emit(replace(op, args=tuple(x.index for x in args))))
        outputs = tuple((name, values[i].index) for name, i in self.outputs)
        return replace(self, ops=tuple(tape.ops), outputs=outputs)


COMPOSED: Final[dict[str, Callable[..., Any]]] = {"ema": weighted, "decay": multiplied}
"""Operations that stand for several, and what they mean."""


@cache
def written(kind: str) -> tuple[Op, ...]:
    """The operations that ``kind`` stands for: an input for each of its args, then the rest."""
    tape = _Tape()
    arity = len(inspect.signature(COMPOSED[kind]).parameters)
    COMPOSED[kind](*(tape.emit(Op("input", name=str(k))) for k in range(arity)))
    return tuple(tape.ops)


class Traced:
    """A number that records what is done to it; constants are exact rationals, never floats."""

    def __init__(self, tape: _Tape, index: int) -> None:
        self._tape = tape
        self.index = index

    def __neg__(self) -> Traced:
        return self._tape.record("neg", self)

    def __add__(self, other: Any) -> Traced:
        return self._tape.record("add", self, other)

    def __radd__(self, other: Any) -> Traced:
        return self._tape.record("add", other, self)

    def __sub__(self, other: Any) -> Traced:
        return self._tape.record("sub", self, other)

    def __rsub__(self, other: Any) -> Traced:
        return self._tape.record("sub", other, self)

    def __mul__(self, other: Any) -> Traced:
        return self._tape.record("mul", self, other)

    def __rmul__(self, other: Any) -> Traced:
        return self._tape.record("mul", other, self)

    def __truediv__(self, other: Any) -> Traced:
        return self._tape.record("div", self, other)

    def __rtruediv__(self, other: Any) -> Traced:
        return self._tape.record("div", other, self)


class _Tape:
    def __init__(self) -> None:
        self.ops: list[Op] = []
        self._known: dict[Op, int] = {}

    def emit(self, op: Op) -> Traced:
        # the same operation on the same operands is the same value: 1 - β2^t is computed once
        index = self._known.setdefault(op, len(self.ops))
        if index == len(self.ops):
            self.ops.append(op)
        return Traced(self, index)

    def record(self, kind: str, *args: Any) -> Traced:
        return self.emit(Op(kind, tuple(self._index(a) for a in args)))

    def _index(self, value: Any) -> int:
        if isinstance(value, Traced):
            return value.index
        if isinstance(value, float):
            raise TypeError(f"a rule used the float {value!r}; write constants as integers")
        return self.emit(Op("const", value=Fraction(value))).index

    def sqrt(self, x: Any) -> Traced:
        return self.record("sqrt", x)

    def maximum(self, x: Any, y: Any) -> Traced:
        return self.record("max", x, y)

    def choose(self, x: Any, a: Callable[[], Any], b: Callable[[], Any]) -> Traced:
        return self.record("choose", x, a(), b())

    def ema(self, beta: Any, old: Any, new: Any) -> Traced:
        return self.record("ema", beta, 1 - beta, old, new)

    def decay(self, power: Any, beta: Any) -> Traced:
        return self.record("decay", power, beta)


@lru_cache(maxsize=256)
def trace(spec: Spec) -> Program:
    """Run the rule of ``spec`` on recording numbers and return its program."""
    tape = _Tape()

    def read(name: str) -> Traced:
        return tape.emit(Op("input", name=name))

    hyper = {name: read(f"h.{name}") for name in spec.hyperparameters}
    names = initial_state(spec, dict.fromkeys(spec.hyperparameters, Fraction(1, 2)), 0, 1)
    state = {name: read(f"s.{name}") for name in names}
    after = step(spec, tape, hyper, state, read("g"), read("theta"))
    outputs = [(f"s.{name}", value.index) for name, value in after.state.items()]
    outputs.append(("theta", after.theta.index))
    outputs.extend((name, value.index) for name, value in after.named.items())
    rule = RULES[spec.algorithm]
    clocks = tuple(clock for clock in rule.clocks if clock in names)
    late = tuple(name for name in rule.late if name in names)
    return Program(spec, tuple(tape.ops), tuple(outputs), clocks, late)
