"""Normal form of rational expressions over ℚ: the only decision procedure that proofs rest on.

An expression is an integer, a rational, a symbol, a sum, a product or an integer power; anything
else is refused. It is zero iff the numerator that comes out here is the zero polynomial.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import Any, TypeAlias

from sympy import QQ, Expr, Rational, Symbol, lex
from sympy.polys.rings import PolyRing

from adamcheck.errors import AdamcheckError

Polynomial: TypeAlias = Any
Key: TypeAlias = tuple[tuple[tuple[tuple[tuple[str, int], ...], Fraction], ...], ...]


class ProofError(AdamcheckError):
    """A step that is not discharged; the theorem is not proved."""


@lru_cache(maxsize=20_000)
def ratio(expr: Expr) -> tuple[Polynomial, dict[Polynomial, int]]:
    """The expression as numerator and denominator, the latter as monic factors with powers."""
    names = sorted(expr.free_symbols, key=str)
    ring = PolyRing(names or [Symbol("_")], QQ, lex)
    numerator, denominator = _walk(expr, ring)
    return numerator, denominator


def _walk(expr: Expr, ring: Any) -> tuple[Polynomial, dict[Polynomial, int]]:
    if expr.is_Symbol:
        return ring(expr), {}
    if expr.is_Rational:
        return ring.ground_new(QQ(int(expr.p), int(expr.q))), {}
    if expr.is_Add:
        total, below = ring.zero, dict[Polynomial, int]()
        for part in expr.args:
            n, d = _walk(part, ring)
            common = {f: max(below.get(f, 0), d.get(f, 0)) for f in {**below, **d}}
            total = _lifted(total, below, common) + _lifted(n, d, common)
            below = common
        return total, below
    if expr.is_Mul:
        product, below = ring.one, dict[Polynomial, int]()
        for part in expr.args:
            n, d = _walk(part, ring)
            product *= n
            below = {f: below.get(f, 0) + d.get(f, 0) for f in {**below, **d}}
        return product, below
    if expr.is_Pow and expr.exp.is_Integer:
        n, d = _walk(expr.base, ring)
        power = int(expr.exp)
        if power > 0:
            return n**power, {f: k * power for f, k in d.items()}
        if n == 0:
            raise ProofError(f"division by ({expr.base}), which is zero")
        above = _lifted(ring.one, {}, d) ** -power
        if n.is_ground:
            return above.mul_ground(n.LC**power), {}
        return above.mul_ground(n.LC**power), {n.monic(): -power}
    raise ProofError(f"{expr} is a {type(expr).__name__}, not a rational expression over ℚ")


def _lifted(n: Polynomial, d: dict[Polynomial, int], common: dict[Polynomial, int]) -> Polynomial:
    for factor, power in common.items():
        missing = power - d.get(factor, 0)
        if missing:
            n = n * factor**missing
    return n


def is_zero(expr: Expr) -> bool:
    """Whether the expression's normal form is zero; its divisors are a side condition."""
    return bool(ratio(expr)[0] == 0)


@lru_cache(maxsize=20_000)
def canonical(expr: Expr) -> tuple[int, Key]:
    """The sign of the leading coefficient, and the rest up to a positive factor, reduced."""
    n, d = ratio(expr)
    n, d = n.cancel(_lifted(n.ring.one, {}, d))
    return _sign(n) * _sign(d), (_spelled(n), _spelled(d))


def _spelled(p: Polynomial) -> tuple[tuple[tuple[tuple[str, int], ...], Fraction], ...]:
    # free of the ring: monomials by name, so that expressions over other symbols compare too
    if p == 0:
        return ()
    names = [str(name) for name in p.ring.symbols]
    lead = p.LC
    return tuple(
        sorted(
            (tuple((n, k) for n, k in zip(names, powers, strict=True) if k), _fraction(c / lead))
            for powers, c in p.terms()
        )
    )


def _sign(p: Polynomial) -> int:
    return 0 if p == 0 else (1 if p.LC > 0 else -1)


def _fraction(c: Any) -> Fraction:
    return Fraction(int(c.numerator), int(c.denominator))


def constant_ratio(value: Expr, known: Expr) -> Expr | None:
    """The number c with value = c·known, or None."""
    n, d = ratio(value / known)
    n, d = n.cancel(_lifted(n.ring.one, {}, d))
    if not (n.is_ground and d.is_ground):
        return None
    c = _fraction(n.LC / d.LC)
    return Rational(c.numerator, c.denominator)


def divide_out(expr: Expr, factors: list[Expr]) -> list[int] | None:
    """Powers with which ``factors`` (their numerators) make up the numerator of ``expr``.

    None where more than a nonzero constant is left over.
    """
    powers = [0] * len(factors)
    left = ratio(expr)[0]
    if left == 0:
        return None
    for i, factor in enumerate(factors):
        if left.is_ground:
            break
        divisor = ratio(factor)[0]
        if divisor.is_ground or not set(divisor.ring.symbols) <= set(left.ring.symbols):
            continue
        divisor = divisor.set_ring(left.ring)
        quotient, remainder = left.div(divisor)
        while remainder == 0:
            powers[i] += 1
            left = quotient
            quotient, remainder = left.div(divisor)
    return powers if left.is_ground else None


def evaluate(expr: Expr, point: dict[Any, Fraction]) -> Fraction:
    """The exact value at a rational point; a division by zero raises ProofError."""
    if expr.is_Symbol:
        if expr not in point:
            raise ProofError(f"the point gives no value to {expr}")
        return point[expr]
    if expr.is_Rational:
        return Fraction(int(expr.p), int(expr.q))
    values = (evaluate(part, point) for part in expr.args[:1] if expr.is_Pow)
    if expr.is_Pow and expr.exp.is_Integer:
        base = next(values)
        if base == 0 and expr.exp < 0:
            raise ProofError(f"({expr.base}) is zero at the point, and something is divided by it")
        return base ** int(expr.exp)
    if expr.is_Add:
        return sum((evaluate(part, point) for part in expr.args), Fraction(0))
    if expr.is_Mul:
        product = Fraction(1)
        for part in expr.args:
            product *= evaluate(part, point)
        return product
    raise ProofError(f"{expr} is a {type(expr).__name__}, not a rational expression over ℚ")


@lru_cache(maxsize=50_000)
def spelling(expr: Expr) -> str:
    """The reduced normal form, which does not depend on how the expression was written."""
    n, d = ratio(expr)
    n, d = n.cancel(_lifted(n.ring.one, {}, d))
    if n == 0:
        return "0"
    size = _fraction(n.LC / d.LC)
    return f"{size} {_monomials(n)} / {_monomials(d)}"


def _monomials(p: Polynomial) -> str:
    return "+".join(
        f"{c}" + "".join(f"*{name}^{power}" for name, power in monomial)
        for monomial, c in _spelled(p)
    )


def text(expr: Expr) -> str:
    """The expression in + - * / alone, divisors one by one, so that factors stay apart."""
    if expr.is_Symbol:
        return str(expr)
    if expr.is_Integer:
        return f"({expr})" if expr < 0 else str(expr)
    if expr.is_Rational:
        return f"({expr.p})/{expr.q}"
    if expr.is_Add:
        return "(" + " + ".join(text(part) for part in expr.as_ordered_terms()) + ")"
    if expr.is_Pow and expr.exp.is_Integer:
        power = int(expr.exp)
        return "*".join([text(expr.base)] * power) if power > 0 else "1" + _below(expr)
    if expr.is_Mul:
        above = [p for p in expr.as_ordered_factors() if not (p.is_Pow and p.exp.is_negative)]
        below = [p for p in expr.as_ordered_factors() if p.is_Pow and p.exp.is_negative]
        return "*".join(map(text, above) if above else "1") + "".join(map(_below, below))
    raise ProofError(f"{expr} is a {type(expr).__name__}, not a rational expression over ℚ")


def _below(power: Expr) -> str:
    return f"/{text(power.base)}" * -int(power.exp)
