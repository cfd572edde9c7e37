"""What the kernel speaks of: claims, facts, and the pieces that a certificate is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

from adamcheck.numerics.symbolic import Number, Term, term
from adamcheck.proof.normal import is_zero

Relation = Literal[">=", ">", "=", "!="]
NEGATION: Final[dict[Relation, tuple[int, Relation]]] = {
    ">=": (-1, ">"),
    ">": (-1, ">="),
    "=": (1, "!="),
    "!=": (1, "="),
}


@dataclass(frozen=True, eq=False)
class Claim:
    """``term relation 0``; ``sides`` are what it was written from, for readers only."""

    term: Term
    relation: Relation
    sides: tuple[Term, Term] | None = None

    def same(self, other: Claim) -> bool:
        """Whether both say the same of the same rational function."""
        difference = self.term.expr - other.term.expr
        return self.relation == other.relation and is_zero(difference)

    def negated(self) -> Claim:
        """The claim that holds exactly where this one does not."""
        sign, relation = NEGATION[self.relation]
        return Claim(self.term * sign, relation)

    def subs(self, values: dict[Any, Number]) -> Claim:
        """The claim with symbols replaced by terms."""
        sides = None
        if self.sides is not None:
            sides = self.sides[0].subs(values), self.sides[1].subs(values)
        return Claim(self.term.subs(values), self.relation, sides)

    def __str__(self) -> str:
        return f"{self.term} {self.relation} 0"


def _claim(left: Number, right: Number, relation: Relation) -> Claim:
    a, b = term(left), term(right)
    return Claim(a - b, relation, (a, b))


def ge(left: Number, right: Number = 0) -> Claim:
    """left ≥ right."""
    return _claim(left, right, ">=")


def gt(left: Number, right: Number = 0) -> Claim:
    """left > right."""
    return _claim(left, right, ">")


def eq(left: Number, right: Number = 0) -> Claim:
    """left = right."""
    return _claim(left, right, "=")


def ne(left: Number, right: Number = 0) -> Claim:
    """left ≠ right."""
    return _claim(left, right, "!=")


@dataclass(frozen=True, eq=False)
class Fact:
    """A claim that a proof has established from the suppositions with the indices in ``given``.

    Only a Proof makes facts; it refuses one that is not in its own list.
    """

    index: int
    claim: Claim | None
    given: frozenset[int]

    @property
    def term(self) -> Term:
        """The left-hand side of the claim."""
        if self.claim is None:
            raise TypeError("this fact is an evaluation and has no claim to build on")
        return self.claim.term


@dataclass(frozen=True, eq=False)
class Square:
    """The factor x², which is never negative."""

    term: Term


@dataclass(frozen=True, eq=False)
class Inverse:
    """The factor 1/x for an x that a fact says is positive."""

    term: Term


@dataclass(frozen=True, eq=False)
class Times:
    """An equality taken ``cofactor`` times."""

    cofactor: Term
    fact: Fact


@dataclass(frozen=True, eq=False)
class Solve:
    """An equality used to eliminate ``symbol``; the cofactor is computed and then checked."""

    fact: Fact
    symbol: Term


def sq(x: Number) -> Square:
    """x² as a factor."""
    return Square(term(x))


def inv(x: Number) -> Inverse:
    """1/x as a factor."""
    return Inverse(term(x))


Divisor: TypeAlias = tuple[str, tuple[tuple[int, int], ...]]
"""A divisor and the (fact, power) pairs whose product it is, up to a nonzero constant."""

Factor: TypeAlias = "Square | Inverse | Fact | Number"
Product: TypeAlias = "Sequence[Factor] | Factor"


@dataclass(frozen=True, eq=False)
class Piece:
    """One factor as it was checked: how its sign is known, from which fact, and its value.

    ``how`` is number, fact, inverse, square or nonzero (the square of what is not zero).
    """

    how: str
    what: str | int
    value: Term
    positive: bool


@dataclass(frozen=True)
class Step:
    """One step as it was checked, for the ledger, the derivation and the certificate.

    ``summands`` are the certificate's products, factor by factor; ``detail`` is plain JSON.
    """

    index: int
    rule: str
    claim: Claim | None
    premises: tuple[int, ...]
    detail: dict[str, Any]
    note: str = ""
    summands: tuple[tuple[Piece, ...], ...] = ()
    cofactors: tuple[tuple[Term, Fact], ...] = ()
    side: tuple[Divisor, ...] = ()
    given: frozenset[int] = field(default_factory=frozenset)
