"""A step as questions to a solver, in SMT-LIB; ``unsat`` confirms it.

Divisors are multiplied out by their squares' parity: n/d and n·d have the same sign.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import prod
from typing import Any

from sympy import Integer

from adamcheck.numerics.symbolic import Term, term
from adamcheck.proof.claims import Claim, Piece, Step
from adamcheck.proof.kernel import Proof
from adamcheck.proof.normal import ratio

LARGEST = 60


def directly(proof: Proof, step: Step) -> str:
    """Can the premises hold and the claim fail?"""
    assert step.claim is not None
    claims = [proof.facts[i].claim for i in step.premises]
    given = [claim for claim in claims if claim is not None]
    formulas = [_formula(claim) for claim in given] + [f"(not {_formula(step.claim)})"]
    formulas += [
        f"(not (= {_polynomial(ratio(divisor)[0])} 0.0))"
        for claim in [*given, step.claim]
        for divisor in sorted(claim.term.divisors, key=str)
    ]
    names = {str(s) for claim in [*given, step.claim] for s in claim.term.symbols}
    return _query(names, formulas)


def identity(step: Step) -> str:
    """Can the claim's term differ from its certificate?

    Summands stay products of their factors, except where those expand to more than LARGEST terms:
    cvc5's own expansion then takes minutes, and it gets the expanded sums to cancel.
    """
    assert step.claim is not None
    minus = term(-1)
    summands = [[step.claim.term]]
    summands += [[minus, *(piece.value for piece in pieces)] for pieces in step.summands]
    summands += [[minus, cofactor, fact.term] for cofactor, fact in step.cofactors]
    numerators, common = list[tuple[list[Any], dict[Any, int]]](), dict[Any, int]()
    for summand in summands:
        parts = [ratio(factor.expr) for factor in summand]
        below: dict[Any, int] = {}
        for _, d in parts:
            for factor, power in d.items():
                below[factor.as_expr()] = below.get(factor.as_expr(), 0) + power
        numerators.append(([n for n, _ in parts], below))
        common = {f: max(common.get(f, 0), below.get(f, 0)) for f in {**common, **below}}
    written = []
    for factors, below in numerators:
        for factor, power in common.items():
            factors += [ratio(factor)[0]] * (power - below.get(factor, 0))
        if prod(len(factor) for factor in factors) > LARGEST:
            whole = prod((factor.as_expr() for factor in factors), start=Integer(1))
            factors = [ratio(whole)[0]]
        written.append(_times([_polynomial(factor) for factor in factors]))
    names = {str(s) for summand in summands for factor in summand for s in factor.expr.free_symbols}
    names |= {str(s) for factor in common for s in factor.free_symbols}
    return _query(names, [f"(not (= {_plus(written)} 0.0))"])


def signs(step: Step) -> list[str]:
    """Can a product of the stated signs have another, or the sum of such products?

    One question a product, and one for the sum, in which every product is a symbol of its sign.
    """
    assert step.claim is not None
    queries, formulas, summands = list[str](), list[str](), list[str]()
    for j, pieces in enumerate(step.summands):
        strict = all(piece.positive for piece in pieces)
        queries.append(_product_query(pieces, strict))
        summands.append(f"p_{j}")
        formulas.append(f"({'>' if strict else '>='} p_{j} 0.0)")
    goal = f"({step.claim.relation} {_plus(summands)} 0.0)"
    if step.claim.relation == "!=":
        goal = f"(not (= {_plus(summands)} 0.0))"
    return [*queries, _query(summands, [*formulas, f"(not {goal})"])]


def _product_query(pieces: tuple[Piece, ...], strict: bool) -> str:
    formulas, names, factors = list[str](), list[str](), list[str]()
    for i, piece in enumerate(pieces):
        if piece.how == "number":
            factors.append(_number(piece.value))
            continue
        name = f"x_{i}"
        names.append(name)
        factors.append(name)
        if piece.how in ("square", "nonzero"):
            factors.append(name)
        if piece.how == "nonzero":
            formulas.append(f"(not (= {name} 0.0))")
        elif piece.how != "square":
            formulas.append(f"({'>' if piece.positive else '>='} {name} 0.0)")
    goal = f"({'>' if strict else '>='} {_times(factors)} 0.0)"
    return _query(names, [*formulas, f"(not {goal})"])


def _query(names: Iterable[str], formulas: Iterable[str]) -> str:
    declared = [f"(declare-const {name} Real)" for name in sorted(names)]
    asserted = [f"(assert {formula})" for formula in dict.fromkeys(formulas)]
    return "\n".join(["(set-logic QF_NRA)", *declared, *asserted, "(check-sat)"])


def _formula(claim: Claim) -> str:
    numerator, denominator = ratio(claim.term.expr)
    factors = [numerator]
    if claim.relation in (">=", ">"):
        factors += [factor for factor, power in denominator.items() if power % 2]
    product = _times([_polynomial(factor) for factor in factors])
    if claim.relation == "!=":
        return f"(not (= {product} 0.0))"
    return f"({claim.relation} {product} 0.0)"


def _number(value: Term) -> str:
    c = value.expr
    size = f"{abs(int(c.p))}.0" if int(c.q) == 1 else f"(/ {abs(int(c.p))}.0 {int(c.q)}.0)"
    return size if c >= 0 else f"(- {size})"


def _polynomial(p: Any) -> str:
    terms = []
    for powers, c in p.terms():
        size = f"{abs(int(c.numerator))}.0"
        if int(c.denominator) != 1:
            size = f"(/ {size} {int(c.denominator)}.0)"
        factors = [size if c > 0 else f"(- {size})"]
        for name, power in zip(p.ring.symbols, powers, strict=True):
            factors += [str(name)] * power
        terms.append(_times(factors))
    return _plus(terms)


def _times(factors: list[str]) -> str:
    return f"(* {' '.join(factors)})" if len(factors) > 1 else (factors or ["1.0"])[0]


def _plus(summands: list[str]) -> str:
    return f"(+ {' '.join(summands)})" if len(summands) > 1 else (summands or ["0.0"])[0]
