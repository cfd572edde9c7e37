"""Helpers that find what the kernel then checks; nothing here is trusted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy

from adamcheck.numerics.symbolic import Term, term
from adamcheck.proof.claims import Fact, Solve, Times
from adamcheck.proof.normal import ProofError, ratio


def eliminate(
    residual: Term, using: Sequence[Solve | Fact | Times], defined: Sequence[Any]
) -> list[tuple[Term, Fact]]:
    """Cofactors c_i with residual = Σ c_i·e_i, by dividing by one equality after the other.

    A plain fact is divided by in the symbol that was defined last among its symbols.
    """
    found: list[tuple[Term, Fact]] = []
    if not using:
        return found
    numerator, factors = ratio(residual.expr)
    above: Any = numerator.as_expr()
    below = term(1)
    for factor, power in factors.items():
        below = below * Term(factor.as_expr()) ** power
    for use in using:
        fact, symbol = _chosen(use, defined)
        n, d = ratio(fact.term.expr)
        divisor = n.as_expr()
        lead = sympy.Poly(divisor, symbol).LC()
        quotient, remainder = sympy.pdiv(sympy.expand(above), divisor, symbol)
        steps = _pseudo_power(above, divisor, symbol)
        below = below * (Term(lead) ** steps if steps else 1)
        scale = term(1)
        for factor, power in d.items():
            scale = scale * Term(factor.as_expr()) ** power
        if sympy.expand(quotient) != 0:
            found.append((Term(quotient) * scale / below, fact))
        above = sympy.expand(remainder)
    return found


def _chosen(use: Solve | Fact | Times, defined: Sequence[Any]) -> tuple[Fact, Any]:
    if isinstance(use, Solve):
        return use.fact, use.symbol.expr
    if isinstance(use, Times):
        raise TypeError("a cofactor is given already")
    last = [name for name in defined if name in use.term.symbols]
    if not last:
        raise ProofError("say by Solve(fact, symbol) which symbol the equality eliminates")
    return use, last[-1]


def _pseudo_power(above: Any, divisor: Any, symbol: Any) -> int:
    top = sympy.Poly(above, symbol).degree()
    low = sympy.Poly(divisor, symbol).degree()
    return int(max(top - low + 1, 0)) if top >= low else 0
