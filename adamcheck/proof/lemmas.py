"""Derived rules: functions that only call the kernel, so that nothing here has to be trusted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from adamcheck.numerics.symbolic import Number, Term, term
from adamcheck.proof.claims import Claim, Fact, Product, Times, eq, ge, gt, inv, ne, sq
from adamcheck.proof.kernel import Proof

How: TypeAlias = "Sequence[Product] | Callable[[Fact], Fact]"


def by_induction(k: Proof, claim: Claim, base: How, step: How, note: str = "") -> Fact:
    """The claim for every t; base and step are certificates, or functions that prove the goal.

    A function receives the induction hypothesis (for the base: nothing useful) and proves
    ``k.at_base(claim)`` or ``k.at_next(claim)``.
    """
    goal = k.at_base(claim)
    first = base(None) if callable(base) else k.prove(goal, base)  # type: ignore[arg-type]
    hypothesis = k.suppose(claim)
    goal = k.at_next(claim)
    after = step(hypothesis) if callable(step) else k.prove(goal, step)
    return k.induct(claim, first, hypothesis, after, note)


def equality(k: Proof, claim: Claim, cofactor: Number, note: str = "") -> Fact:
    """An equality for every t: 0 = 0 at the start, and the step multiplies it by ``cofactor``."""

    def step(hypothesis: Fact) -> Fact:
        return k.prove(k.at_next(claim), using=[Times(term(cofactor), hypothesis)])

    return by_induction(k, claim, lambda _: k.prove(k.at_base(claim)), step, note)


def equal_roots(k: Proof, x: Number, y: Number, squares: Fact, note: str = "") -> Fact:
    """x - y = 0 from x ≥ 0, y ≥ 0 and the fact x² - y² = 0."""
    a, b = term(x), term(y)
    up = k.prove(ge(b * b - a * a), using=[Times(term(-1), squares)])
    down = k.prove(ge(a * a - b * b), using=[Times(term(1), squares)])
    fact = squeeze(k, at_most(k, b, a, down), at_most(k, a, b, up))
    return k.prove(eq(a, b), using=[Times(term(1), fact)], note=note)


def at_most(k: Proof, x: Number, y: Number, squares: Fact, note: str = "") -> Fact:
    """y - x ≥ 0 from y ≥ 0 and the fact y² - x² ≥ 0."""
    low, high = term(x), term(y)
    supposed = k.suppose(gt(low, high))
    total = k.prove(gt(low + high), [[supposed], [2, high]])
    false = k.prove(gt(0), [[squares], [supposed, total]])
    fact = k.absurd(false, supposed)
    return k.prove(ge(high, low), [[fact]], note=note)


def squeeze(k: Proof, nonneg: Fact, nonpos: Fact) -> Fact:
    """x = 0 from the facts x ≥ 0 and -x ≥ 0."""
    supposed = k.suppose(ne(nonneg.term))
    false = k.prove(gt(0), [[sq(nonneg.term)], [nonneg, nonpos]])
    return k.absurd(false, supposed)


def strict(k: Proof, nonneg: Fact, nonzero: Fact) -> Fact:
    """x > 0 from the facts x ≥ 0 and x ≠ 0."""
    supposed = k.suppose(ge(-nonneg.term))
    false = k.prove(gt(0), [[sq(nonzero.term)], [nonneg, supposed]])
    fact = k.absurd(false, supposed)
    return k.prove(gt(nonneg.term), [[fact]])


def cases(k: Proof, nonneg: Fact, nonpos: Fact, first: Fact, second: Fact) -> Fact:
    """A claim x ≥ 0, > 0 or = 0, proved under y ≥ 0 and under -y ≥ 0 (one may be strict)."""
    assert first.claim is not None
    denied = k.suppose(first.claim.negated())

    def contradiction(fact: Fact) -> Fact:
        if first.claim is not None and first.claim.relation == "=":
            return k.prove(gt(0), [[sq(denied.term)]], using=[Times(-denied.term, fact)])
        return k.prove(gt(0), [[fact], [denied]])

    not_nonneg = k.absurd(contradiction(first), nonneg)
    not_nonpos = k.absurd(contradiction(second), nonpos)
    false = k.prove(gt(0), [[not_nonneg], [not_nonpos]])
    return k.absurd(false, denied)


def binary_form(
    k: Proof, a: Number, b: Number, c: Number, x: Number, y: Number, determinant: Fact
) -> Fact:
    """a·x² - 2b·x·y + c·y² ≥ 0 from a ≥ 0, c ≥ 0 and the fact a·c - b² ≥ 0."""
    p, q, r, u, w = (term(value) for value in (a, b, c, x, y))
    claim = ge(p * u * u - 2 * q * u * w + r * w * w)
    some = k.suppose(gt(p))
    first = k.prove(claim, [[p, sq(u - q * w / p)], [determinant, inv(p), sq(w)]])
    none = k.suppose(ge(-p))
    zero = squeeze(k, k.prove(ge(p), [[p]]), none)
    square = k.prove(ge(-(q * q)), [[determinant]], using=[Times(-r, zero)])
    middle = vanishes(k, q, squeeze(k, k.prove(ge(q * q), [[sq(q)]]), square))
    second = k.prove(claim, [[r, sq(w)]], using=[Times(u * u, zero), Times(-2 * u * w, middle)])
    return cases(k, none, some, second, first)


def vanishes(k: Proof, x: Number, square: Fact) -> Fact:
    """x = 0 from the fact x² = 0."""
    value = term(x)
    supposed = k.suppose(ne(value))
    false = k.prove(gt(0), [[sq(value)]], using=[Times(term(-1), square)])
    return k.absurd(false, supposed)


def positive_root(k: Proof, x: Fact, symbol: Term) -> tuple[Fact, Fact]:
    """Define s = √x for a fact x > 0; returns s > 0 and s² = x."""
    s, square = k.root(x, symbol)
    supposed = k.suppose(eq(symbol))
    false = k.prove(gt(0), [[x]], using=[Times(term(1), square), Times(-symbol, supposed)])
    return strict(k, s, k.absurd(false, supposed)), square


def unit(k: Proof, beta: Term, *, zero: bool = False) -> None:
    """Assume 0 < β < 1, or 0 ≤ β < 1."""
    k.assume(ge(beta) if zero else gt(beta))
    k.assume(gt(1 - beta))


def power_facts(k: Proof, p: Term, beta: Term, *, positive: bool) -> None:
    """0 ≤ p ≤ 1 (or 0 < p) for p = β^t, and 1 - βp > 0: what the next step divides by."""
    claim = gt(p) if positive else ge(p)
    by_induction(k, claim, [1], [[p, beta]])
    by_induction(k, ge(1 - p), nothing(k, 1 - p), [[1 - beta], [beta, 1 - p]])
    k.prove(gt(1 - beta * p), [[1 - beta], [beta, 1 - p]])


def nothing(k: Proof, value: Term) -> How:
    """The base of a claim that reads 0 ≥ 0 at t = 0: the empty sum."""
    return lambda _: k.prove(k.at_base(ge(value)), [])
