"""A rule run on SymPy symbols: exact terms that remember every divisor, root and maximum.

SymPy cancels x/x to 1 without a word; a Term keeps x in ``divisors``, so that a proof can be made
to discharge it. β^t is a symbol p with the step p → β·p, √x a symbol s of which s² = x is recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from numbers import Rational
from typing import Any, TypeAlias

import sympy

from adamcheck import rules
from adamcheck.spec import Spec
from adamcheck.spec.hyperparameters import HYPERPARAMETERS

Number: TypeAlias = "Term | int | Fraction"


@dataclass(frozen=True, eq=False)
class Term:
    """A rational expression over ℚ and everything that was divided by to write it."""

    expr: Any
    divisors: frozenset[Any] = frozenset()

    def __add__(self, other: Number) -> Term:
        right = term(other)
        return Term(self.expr + right.expr, self.divisors | right.divisors)

    def __mul__(self, other: Number) -> Term:
        right = term(other)
        return Term(self.expr * right.expr, self.divisors | right.divisors)

    def __truediv__(self, other: Number) -> Term:
        right = term(other)
        if right.expr == 0:
            raise ZeroDivisionError(f"({self.expr}) / 0")
        divided = _factors(right.expr)
        return Term(self.expr / right.expr, self.divisors | right.divisors | divided)

    def __neg__(self) -> Term:
        return Term(-self.expr, self.divisors)

    def __sub__(self, other: Number) -> Term:
        return self + -term(other)

    def __radd__(self, other: Number) -> Term:
        return term(other) + self

    def __rsub__(self, other: Number) -> Term:
        return term(other) + -self

    def __rmul__(self, other: Number) -> Term:
        return term(other) * self

    def __rtruediv__(self, other: Number) -> Term:
        return term(other) / self

    def __pow__(self, exponent: int) -> Term:
        if not isinstance(exponent, int):
            raise TypeError(f"the exponent {exponent!r} is not an integer")
        if exponent < 0:
            return 1 / self**-exponent
        return Term(self.expr**exponent, self.divisors)

    def subs(self, values: Mapping[Any, Number]) -> Term:
        """Replace symbols by terms, all at once; their divisors and the replaced ones remain."""
        chosen = {_symbol(name): term(value) for name, value in values.items()}
        found = self.expr.free_symbols.union(*(d.free_symbols for d in self.divisors))
        chosen = {name: value for name, value in chosen.items() if name in found}
        table = {name: value.expr for name, value in chosen.items()}
        divisors = {d.xreplace(table) for d in self.divisors}
        inherited = (value.divisors for value in chosen.values())
        replaced = self.expr.xreplace(table)
        if sympy.S.Zero in divisors or replaced.has(sympy.zoo, sympy.nan):
            raise ZeroDivisionError(f"a divisor of {self.expr} becomes 0")
        return Term(replaced, frozenset().union(*map(_factors, divisors), *inherited))

    @property
    def symbols(self) -> frozenset[Any]:
        """Every symbol in the expression or in a divisor."""
        return frozenset(self.expr.free_symbols).union(*(d.free_symbols for d in self.divisors))

    def __str__(self) -> str:
        return str(self.expr)


def term(value: Any) -> Term:
    """A number or term as a Term; a float is refused, since it is not the number that was meant."""
    if isinstance(value, Term):
        return value
    if isinstance(value, sympy.Symbol):
        return Term(value)
    if isinstance(value, (int, Rational, sympy.Rational)) and not isinstance(value, bool):
        exact = Fraction(int(value.numerator), int(value.denominator))
        return Term(sympy.Rational(exact.numerator, exact.denominator))
    raise TypeError(f"{value!r} is a {type(value).__name__}; proofs take exact rationals only")


def symbols(names: str) -> tuple[Term, ...]:
    """One Term for each of the names, separated by blanks."""
    return tuple(Term(sympy.Symbol(name)) for name in names.split())


def _factors(expr: Any) -> frozenset[Any]:
    bases = (part.as_base_exp()[0] for part in expr.as_ordered_factors())
    return frozenset(base for base in bases if not base.is_Rational)


def _symbol(name: Any) -> Any:
    expr = name.expr if isinstance(name, Term) else name
    if not isinstance(expr, sympy.Symbol):
        raise TypeError(f"{expr} is not a symbol")
    return expr


@dataclass
class SymbolicOps:
    """The rule's functions on terms: each result is a new symbol whose definition is kept.

    ``roots`` maps s to x for s = √x, ``maxima`` maps M to (a, b) for M = max(a, b). Names come from
    ``names`` in the order of the calls, then are numbered.
    """

    names: tuple[str, ...] = ()
    roots: dict[Term, Term] = field(default_factory=dict)
    maxima: dict[Term, tuple[Term, Term]] = field(default_factory=dict)

    def _fresh(self) -> Term:
        count = len(self.roots) + len(self.maxima)
        name = self.names[count] if count < len(self.names) else f"s_{count + 1}"
        return Term(sympy.Symbol(name))

    def sqrt(self, x: Any) -> Term:
        """√x, as a symbol."""
        root = self._fresh()
        self.roots[root] = term(x)
        return root

    def maximum(self, x: Any, y: Any) -> Term:
        """max(x, y), as a symbol."""
        larger = self._fresh()
        self.maxima[larger] = (term(x), term(y))
        return larger

    def choose(self, x: Any, a: Callable[[], Any], b: Callable[[], Any]) -> Any:
        """``a()`` where x > 0, else ``b()``; x has to be a number by then."""
        condition = term(x).expr
        if not condition.is_Rational:
            raise TypeError(f"the sign of {condition} is not known; give the step count a value")
        return a() if condition > 0 else b()


@dataclass(frozen=True)
class SymbolicStep:
    """One step of a rule on symbols: the symbols before it and the terms after it."""

    spec: Spec
    hyper: dict[str, Term]
    before: dict[str, Term]
    g: Term
    theta: Term
    after: dict[str, Term]
    theta_after: Term
    named: dict[str, Term]
    ops: SymbolicOps

    @property
    def initial(self) -> dict[str, Term]:
        """The state before the first step; a TypeError where it is not rational in the symbols."""
        state = rules.initial_state(self.spec, self.hyper, term(0), term(1))
        return {n: term(x) for n, x in state.items()}


STATE_NAMES = {"p1": "p_1", "p2": "p_2", "v_max": "V", "velocity": "z"}


def symbolic_step(
    spec: Spec,
    *,
    hyper: Mapping[str, Number] | None = None,
    before: Mapping[str, Number] | None = None,
    g: Number | None = None,
    theta: Number | None = None,
    names: tuple[str, ...] = (),
) -> SymbolicStep:
    """Run the rule of ``spec`` once on symbols; pass a value to use it in a symbol's place.

    p1 and p2 stand for β1^{t-1} and β2^{t-1} before the step. ``names`` names the roots and maxima.
    """
    ops = SymbolicOps(names)
    h = {n: Term(sympy.Symbol(HYPERPARAMETERS[n].latex)) for n in spec.hyperparameters}
    h |= {n: term(x) for n, x in (hyper or {}).items()}
    numbers = dict.fromkeys(spec.hyperparameters, Fraction(1, 2))
    kept = rules.initial_state(spec, numbers, Fraction(0), Fraction(1))
    s = {n: Term(sympy.Symbol(STATE_NAMES.get(n, n))) for n in kept}
    s |= {n: term(x) for n, x in (before or {}).items()}
    gradient = Term(sympy.Symbol("g")) if g is None else term(g)
    parameter = Term(sympy.Symbol("theta")) if theta is None else term(theta)
    done = rules.step(spec, ops, h, s, gradient, parameter)
    return SymbolicStep(
        spec=spec,
        hyper=h,
        before=s,
        g=gradient,
        theta=parameter,
        after={n: term(x) for n, x in done.state.items()},
        theta_after=term(done.theta),
        named={n: term(x) for n, x in done.named.items()},
        ops=ops,
    )
