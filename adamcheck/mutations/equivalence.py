"""Whether a changed program is the same function of real numbers as the one it was made from.

By proof only: both are brought to the normal form over ℚ that the theorems rest on, with roots,
maxima, choices and the like as symbols of their normalised operands; enclosures of the values over
every admissible hyperparameter decide maxima and minima. States that begin at different numbers are
held to keep their quotient, which has to come out of every step. Where nothing is proved nothing is
said.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import Any

from adamcheck.mutations.language import reached
from adamcheck.numerics import signs
from adamcheck.program import Program
from adamcheck.rules import initial_state
from adamcheck.spec.hyperparameters import HYPERPARAMETERS

_WEIGHTS = frozenset(
    f"h.{name}" for name, known in HYPERPARAMETERS.items() if known.low == 0.0 and known.high == 1.0
)


def same_function(one: Program, two: Program) -> str:
    """How it is proved that θ and every state of ``one`` come out of ``two``; empty if it is not.

    The equality holds wherever the divisors are not zero.
    """
    first, second = one.expanded, two.expanded
    roots = [name for name, _ in first.outputs if name == "theta" or name.startswith("s.")]
    if any(name not in second.output for name in roots):  # a state that the other does not keep
        return ""
    quotients = _quotients(first, second, roots)
    if quotients is None:
        return ""
    left, right = _Forms(first), _Forms(second, quotients)
    try:
        pairs = [
            (left.of(first.output[n]), right.of(second.output[n], quotients.get(n))) for n in roots
        ]
        # an induction over the steps: what was supposed of a state before holds after, too
        pairs += [(right.of(second.output[n]), right.of(x)) for n, x in right.supposed.items()]
    except _Undecided:
        return ""
    if any(a != b for a, b in pairs):
        return ""
    return f"the same normal form of {', '.join(name.removeprefix('s.') for name in roots)}"


def _quotients(one: Program, two: Program, roots: Iterable[str]) -> dict[str, Any] | None:
    """How many times as large as in ``one`` each state of ``two`` begins, where that is not 1.

    None where that is no number: one of the two begins at zero.
    """
    import sympy

    def begun(program: Program) -> dict[str, Any]:
        names = program.spec.hyperparameters
        hyper = {name: sympy.Symbol(f"h.{name}") for name in names}
        return initial_state(program.spec, hyper, sympy.Integer(0), sympy.Integer(1))

    left, right = begun(one), begun(two)
    found = {}
    for name in (root[2:] for root in roots if root.startswith("s.")):
        a, b = left.get(name, 0), right.get(name, 0)  # what an edit remembers begins at zero
        if a != b:
            if a == 0 or b == 0:
                return None
            found[f"s.{name}"] = b / a
    return found


class _Undecided(Exception):
    """An expression is too large, or divides by zero."""


@dataclass
class _Forms:
    """Normal forms of a program's values, as text that does not depend on how they are written.

    quotients: by how much the states that it reads are larger than the symbols of their names.
    """

    program: Program
    quotients: Mapping[str, Any] = field(default_factory=dict)
    exprs: dict[int, Any] = field(default_factory=dict)
    opaque: dict[str, Any] = field(default_factory=dict)
    supposed: dict[str, int] = field(default_factory=dict)

    def of(self, i: int, divisor: Any = None) -> str:
        """The normal form of value i, by a divisor where one is given."""
        from adamcheck.errors import AdamcheckError
        from adamcheck.proof.normal import spelling

        for k in sorted(reached(self.program, i)):
            if k not in self.exprs:
                self.exprs[k] = self._expr(k)
        try:
            return spelling(self.exprs[i] if divisor is None else self.exprs[i] / divisor)
        except (AdamcheckError, ZeroDivisionError):
            raise _Undecided from None

    def _expr(self, i: int) -> Any:
        import sympy

        op = self.program.ops[i]
        x = [self.exprs[a] for a in op.args]
        match op.kind:
            case "input":
                constant = self._remembered(op.name)
                if constant is not None:
                    return self.exprs[constant]
                return sympy.Symbol(op.name) * self.quotients.get(op.name, 1)
            case "const":
                value = Fraction(op.value or 0)
                return sympy.Rational(value.numerator, value.denominator)
            case "neg":
                return -x[0]
            case "add":
                return x[0] + x[1]
            case "sub":
                return x[0] - x[1]
            case "mul":
                return x[0] * x[1]
            case "div":
                if x[1] == 0:
                    raise _Undecided
                return x[0] / x[1]
        return self._named(i)

    def _named(self, i: int) -> Any:
        """A root, maximum, choice …: one of its operands where that is proved, or a symbol."""
        import sympy

        op = self.program.ops[i]
        words = [self.of(a) for a in op.args]
        if op.kind == "choose" and words[1] == words[2]:
            return self.exprs[op.args[1]]
        if op.kind in ("max", "min"):
            chosen = self._extreme(i, words)
            if chosen is not None:
                return self.exprs[chosen]
            words.sort()
        name = f"{op.kind}[{'; '.join([*words, op.name])}]"
        return self.opaque.setdefault(name, sympy.Symbol(name))

    def _extreme(self, i: int, words: list[str]) -> int | None:
        """The operand that a maximum or minimum always is."""
        op = self.program.ops[i]
        a, b = op.args
        if words[0] == words[1]:
            return a
        for x, other in ((a, b), (b, a)):  # |x| of a number that is not negative
            opposite = self.program.ops[other]
            if op.kind == "max" and opposite.kind == "neg" and opposite.args == (x,):
                return x if x in self._nonnegative else None
        low, high = (self._ranges[a], self._ranges[b])
        if high[1] <= low[0]:
            return a if op.kind == "max" else b
        if low[1] <= high[0]:
            return b if op.kind == "max" else a
        return None

    def _remembered(self, name: str) -> int | None:
        """The value that a state of an edit is supposed to hold: one of hyperparameters alone.

        At the first step it is chosen outright; what it is later on has to be proved.
        """
        if not name.startswith("s.edit"):
            return None
        own = self.program.inputs[name]
        for op in self.program.ops:
            if op.kind == "choose" and op.args[2] == own:
                inputs = (self.program.ops[k] for k in reached(self.program, op.args[1]))
                if all(x.name.startswith("h.") for x in inputs if x.kind == "input"):
                    self.supposed[name] = op.args[1]
        return self.supposed.get(name)

    @cached_property
    def _nonnegative(self) -> frozenset[int]:
        return signs.nonnegative(self.program)

    @cached_property
    def _ranges(self) -> list[tuple[float, float]]:
        return ranges(self.program)


def ranges(program: Program) -> list[tuple[float, float]]:
    """Enclosures of every value over all admissible hyperparameters, gradients and states.

    Weights lie in [0, 1]; so does a clock of their powers, where it starts there and a step keeps
    it there. Other hyperparameters are not negative; what is elementwise may be anything but where
    its sign is known.
    """
    powers = {f"s.{c}" for c in program.clocks if c[0] == "p" and program.spec.first_t != "0"}
    while True:
        found = _ranges(program, powers)
        kept = {p for p in powers if _within(found[program.output[p]], (0.0, 1.0))}
        if kept == powers:
            return found
        powers = kept


def _within(inner: tuple[float, float], outer: tuple[float, float]) -> bool:
    return outer[0] <= inner[0] and inner[1] <= outer[1]


def _ranges(program: Program, powers: set[str]) -> list[tuple[float, float]]:
    above, found = signs.nonnegative(program), list[tuple[float, float]]()
    for i, op in enumerate(program.ops):
        x = [found[a] for a in op.args]
        range_ = (-math.inf, math.inf)
        if op.kind == "const":
            range_ = (float(op.value or 0), float(op.value or 0))
        elif op.name in _WEIGHTS or op.name in powers:
            range_ = (0.0, 1.0)
        elif op.kind == "neg":
            range_ = (-x[0][1], -x[0][0])
        elif op.kind == "sub" and _finite(*x):
            range_ = (x[0][0] - x[1][1], x[0][1] - x[1][0])
        elif op.kind == "add" and _finite(*x):
            range_ = (x[0][0] + x[1][0], x[0][1] + x[1][1])
        elif op.kind == "mul" and _finite(*x):
            ends = [a * b for a in x[0] for b in x[1]]
            range_ = (min(ends), max(ends))
        elif op.kind == "max":
            range_ = (max(x[0][0], x[1][0]), max(x[0][1], x[1][1]))
        elif op.kind == "min":
            range_ = (min(x[0][0], x[1][0]), min(x[0][1], x[1][1]))
        elif op.kind == "choose":
            range_ = (min(x[1][0], x[2][0]), max(x[1][1], x[2][1]))
        if i in above:
            range_ = (max(range_[0], 0.0), range_[1])
        found.append(range_)
    return found


def _finite(*ranges_: tuple[float, float]) -> bool:
    """Bounds that are small whole numbers, whose sums and products are exact in doubles."""
    return all(x == int(x) and abs(x) < 2**20 for r in ranges_ for x in r if math.isfinite(x)) and (
        all(math.isfinite(x) for r in ranges_ for x in r)
    )
