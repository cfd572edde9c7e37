"""An error bound of the envelope as a proof meets it: its maxima, conditions and last steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import sympy

from adamcheck.numerics.symbolic import Number, Term, symbols, term
from adamcheck.proof.claims import Claim, Fact, Product, ge, gt
from adamcheck.proof.kernel import Proof
from adamcheck.proof.magnitudes import Size, monomials, nonnegative
from adamcheck.proof.theorem import Book
from adamcheck.proof.traced import traced_error_bounds

ONE = term(1)


@dataclass
class Setting:
    """A part: the error bounds without their slack, and what tracing them has met.

    A maximum becomes a symbol of which two facts say that it is no smaller than either. Conditions
    decide whether a bound is finite, ``sizes`` (size > 0) whether underflow is counted.
    """

    k: Proof
    error_bounds: SimpleNamespace
    conditions: list[Claim]
    maxima: list[Term]
    sizes: list[Claim]


def setting(
    book: Book,
    title: str,
    *,
    larger: Callable[[Any, Any], Any] | None = None,
    first: bool = True,
    zero: bool = False,
) -> Setting:
    """Begin a part; ``first`` says which of two the smaller one is, ``larger`` gives a maximum.

    ``zero``: where operands are exactly 0; elsewhere underflow is counted.
    """
    k = book.part(title)
    conditions: list[Claim] = []
    maxima: list[Term] = []
    sizes: list[Claim] = []
    known: dict[Any, Term] = {}

    def above(x: Any, y: Any) -> Term:
        pair = term(x).expr, term(y).expr
        if pair not in known:
            (most,) = symbols(f"M_{len(maxima) + 1}")
            maxima.append(most)
            known[pair] = most
            k.assume(ge(most, x), f"{most} is the larger of two")
            k.assume(ge(most, y))
        return known[pair]

    def select(claim: Any, yes: Any, no: Any) -> Any:
        if isinstance(claim, bool):
            return yes if claim else no
        if isinstance(no, Fraction) and no == 0:
            sizes.append(claim)
            return no if zero else yes
        conditions.append(claim)
        return yes

    error_bounds = traced_error_bounds(
        larger=larger or above,
        smaller=lambda x, y: x if first else y,
        root=lambda x: symbols("w")[0],
        select=select,
        slack=ONE,
        tiniest=symbols("tau")[0],
    )
    return Setting(k, error_bounds, conditions, maxima, sizes)


def bounded_by(k: Proof, error: Size, error_bound: Number, value: Term, words: str) -> None:
    """Conclude |value| ≤ error bound, where ``error`` is the size of that very value."""
    left = k.prove(
        ge(error_bound, error.bound), monomials(expanded(term(error_bound) - error.bound))
    )
    for sign, side in ((1, error.above), (-1, error.below)):
        fact = k.prove(ge(error_bound, sign * value), [[left], [side]])
        k.conclude(fact, words)


def roundoff(k: Proof, name: str = "gamma") -> tuple[Term, Fact]:
    """A γ between 0 and 1."""
    (gamma,) = symbols(name)
    nonnegative(k, gamma)
    return gamma, k.assume(ge(1 - gamma), "γ ≤ 1")


@dataclass
class Slack:
    """S and κ: a reference's magnitude is off by at most κ times its bound, and S pays for it.

    proofs/rounding_envelope checks S(1-8κ) ≥ (1+κ)⁴ for the numbers of the code.
    """

    k: Proof
    S: Term
    kappa: Term
    enough: Fact

    @property
    def room(self) -> Term:
        """1/8 - κ, not negative."""
        return ONE / 8 - self.kappa


def slack_of(k: Proof) -> Slack:
    """Assume that the slack suffices for κ."""
    slack, kappa = symbols("S kappa")
    nonnegative(k, kappa)
    k.assume(ge(ONE / 8, kappa))
    k.assume(gt(slack))
    return Slack(k, slack, kappa, k.assume(ge(slack * (1 - 8 * kappa), (1 + kappa) ** 4)))


def paid(
    at: Slack,
    plain: Term,
    shifted: Callable[[Term], Term],
    gone: Term,
    share: Sequence[Product],
    words: str,
) -> None:
    """S·plain ≥ the error bound of shifted magnitudes, that of the result shifted by κ·S·plain.

    ``shifted`` takes what is added to the result's magnitude; what this costs is ``gone`` times
    as much, of which ``share`` proves that it is at most 8.
    """
    k = at.k
    positive = k.prove(ge(plain), monomials(expanded(plain)))
    rest = (1 + at.kappa) ** 4 * plain - shifted(term(0))
    left = k.prove(ge(rest), monomials(expanded(rest)))
    most = k.prove(ge(8 - gone), share)
    fact = k.prove(
        ge(at.S * plain, shifted(at.kappa * at.S * plain)),
        [[at.enough, positive], [left], [at.kappa, at.S, positive, most]],
    )
    k.conclude(fact, words)


def expanded(value: Term) -> Term:
    """The term multiplied out."""
    return Term(sympy.expand(value.expr), value.divisors)
