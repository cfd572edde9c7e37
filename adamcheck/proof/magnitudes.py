"""Bounds |x| ≤ b as pairs of facts, and how they add and multiply; every step is the kernel's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from adamcheck.numerics.symbolic import Number, Term, term
from adamcheck.proof.claims import Fact, Factor, Product, ge
from adamcheck.proof.kernel import Proof
from adamcheck.proof.normal import ProofError, ratio

HALF = term(1) / 2


@dataclass(frozen=True)
class Size:
    """|x| ≤ bound: the facts bound - x ≥ 0 and bound + x ≥ 0."""

    x: Term
    bound: Term
    above: Fact
    below: Fact


def nonnegative(k: Proof, *values: Term) -> None:
    """Assume that each of the values is at least 0."""
    for value in values:
        k.assume(ge(value))


def bounded(k: Proof, x: Number, bound: Number, note: str = "") -> Size:
    """Assume |x| ≤ bound."""
    value, most = term(x), term(bound)
    return Size(value, most, k.assume(ge(most, value), note), k.assume(ge(most + value)))


def negated(size: Size) -> Size:
    """|-x| ≤ the same bound."""
    return Size(-size.x, size.bound, size.below, size.above)


def plus(k: Proof, *sizes: Size) -> Size:
    """|Σ x| ≤ Σ bounds."""
    x = sum((s.x for s in sizes), term(0))
    bound = sum((s.bound for s in sizes), term(0))
    above = k.prove(ge(bound, x), [[s.above] for s in sizes])
    return Size(x, bound, above, k.prove(ge(bound + x), [[s.below] for s in sizes]))


def minus(k: Proof, a: Size, b: Size) -> Size:
    """|x - y| ≤ the sum of the bounds."""
    return plus(k, a, negated(b))


def times(k: Proof, *sizes: Size) -> Size:
    """|Π x| ≤ Π bounds."""
    a, *rest = sizes
    for b in rest:
        x, bound = a.x * b.x, a.bound * b.bound
        above = k.prove(ge(bound, x), [[HALF, a.above, b.below], [HALF, a.below, b.above]])
        below = k.prove(ge(bound + x), [[HALF, a.above, b.above], [HALF, a.below, b.below]])
        a = Size(x, bound, above, below)
    return a


def relaxed(k: Proof, size: Size, bound: Number, why: Sequence[Product]) -> Size:
    """A larger bound; ``why`` is a certificate of the difference."""
    more = k.prove(ge(bound, size.bound), why)
    above = k.prove(ge(bound, size.x), [[more], [size.above]])
    return Size(size.x, term(bound), above, k.prove(ge(bound + size.x), [[more], [size.below]]))


def monomials(value: Number) -> list[list[Factor]]:
    """The certificate of a polynomial in values that are at least 0, if no coefficient is negative.

    Where one is, the certificate is refused by the kernel.
    """
    expr = term(value).expr
    if expr.is_Rational:
        return [[value]] if expr else []
    numerator, below = ratio(expr)
    if below:
        raise ProofError(f"{expr} is not a polynomial")
    names = numerator.ring.symbols
    found: list[list[Factor]] = []
    for powers, c in numerator.terms():
        number = term(int(c.numerator)) / int(c.denominator)
        factors = [Term(n) for n, p in zip(names, powers, strict=True) for _ in range(p)]
        found.append([number, *factors])
    return found
