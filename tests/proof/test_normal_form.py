"""The decision procedure: what it decides, and what it refuses to look at."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from adamcheck.numerics.symbolic import SymbolicOps, symbolic_step, symbols, term
from adamcheck.proof.normal import (
    ProofError,
    canonical,
    divide_out,
    evaluate,
    is_zero,
    ratio,
    spelling,
    text,
)
from adamcheck.spec import Spec

A, B, C = sympy.symbols("a b c")
NUMBERS = st.fractions(-9, 9, max_denominator=9)


def expressions() -> st.SearchStrategy[sympy.Expr]:
    leaves = st.sampled_from([A, B, C]) | NUMBERS.map(
        lambda q: sympy.Rational(q.numerator, q.denominator)
    )
    return st.recursive(
        leaves,
        lambda inner: st.tuples(st.sampled_from("+-*/"), inner, inner).map(
            lambda t: {
                "+": t[1] + t[2],
                "-": t[1] - t[2],
                "*": t[1] * t[2],
                "/": t[1] / (t[2] if t[2] != 0 else 1),
            }[t[0]]
        ),
        max_leaves=8,
    )


POINT = {A: Fraction(3, 7), B: Fraction(-5, 2), C: Fraction(11, 13)}


@settings(max_examples=60, deadline=None)
@given(expressions())
def test_normal_form_and_evaluation_agree(expr: sympy.Expr) -> None:
    try:
        value = evaluate(expr, POINT)
        n, d = ratio(expr)
    except ProofError:
        return
    below = Fraction(1)
    for factor, power in d.items():
        below *= evaluate(factor.as_expr(), POINT) ** power
    if below:
        assert evaluate(n.as_expr(), POINT) == value * below


@settings(max_examples=60, deadline=None)
@given(expressions())
def test_text_is_read_back_as_the_same_number(expr: sympy.Expr) -> None:
    try:
        value = evaluate(expr, POINT)
    except ProofError:
        return
    assert is_zero(sympy.sympify(text(expr)) - expr)
    assert evaluate(sympy.sympify(text(expr)), POINT) == value


@settings(max_examples=40, deadline=None)
@given(expressions())
def test_spelling_does_not_depend_on_the_writing(expr: sympy.Expr) -> None:
    try:
        before = spelling(expr)
        assert before == spelling(sympy.expand(expr * (A + 1)) / (A + 1))
    except ProofError:
        return


def test_identities() -> None:
    assert is_zero((A + B) ** 2 - A**2 - 2 * A * B - B**2)
    assert is_zero(1 / (A - 1) - 1 / (A + 1) - 2 / (A**2 - 1))
    assert not is_zero((A + B) ** 2 - A**2 - B**2)


def test_canonical_keeps_the_sign_and_drops_a_positive_factor() -> None:
    assert canonical(2 * A - 2 * B) == canonical((A - B) / 3)
    sign, key = canonical(B - A)
    other, same = canonical(A - B)
    assert key == same
    assert sign == -other


@pytest.mark.parametrize(
    "expr",
    [sympy.Float(1.5), sympy.sqrt(A), sympy.pi, sympy.sin(A), A**B, sympy.Abs(A), sympy.oo],
    ids=str,
)
def test_what_is_not_rational_is_refused(expr: sympy.Expr) -> None:
    with pytest.raises(ProofError, match="not a rational expression"):
        ratio(expr)
    with pytest.raises(ProofError):
        evaluate(expr, POINT)


def test_divisors_are_made_of_known_factors() -> None:
    assert divide_out(2 * A**2 * B - 2 * A * B, [A, B, A - 1]) == [1, 1, 1]
    assert divide_out(A - 2, [A, A - 1]) is None
    assert divide_out(A - A, [A]) is None


@pytest.mark.parametrize("value", [0.5, 1e-3, sympy.Float(2), "1", None, True, 1j])
def test_terms_take_exact_numbers_only(value: Any) -> None:
    with pytest.raises(TypeError, match="exact rationals only"):
        term(value)
    with pytest.raises(TypeError):
        symbols("x")[0] + value


def test_a_term_remembers_what_it_was_divided_by() -> None:
    x, y = symbols("x y")
    one = (x - 1) / (x - 1)
    assert one.expr == 1
    assert one.divisors == {x.expr - 1}
    assert (y * one - y).divisors == {x.expr - 1}
    with pytest.raises(ZeroDivisionError):
        one.subs({x: 1})
    with pytest.raises(ZeroDivisionError):
        _ = x / (y - y)


def test_the_rule_runs_on_symbols() -> None:
    run = symbolic_step(Spec(), names=("s",))
    b1, b2, g = run.hyper["beta1"], run.hyper["beta2"], run.g
    assert is_zero(run.after["m"].expr - (b1 * run.before["m"] + (1 - b1) * g).expr)
    ((s, inside),) = run.ops.roots.items()
    assert is_zero(inside.expr * (1 - run.after["p2"].expr) - run.after["v"].expr)
    assert s.expr in run.named["denominator"].symbols
    assert b2.expr in inside.symbols


def test_a_choice_needs_a_number() -> None:
    ops, (x,) = SymbolicOps(), symbols("x")
    assert ops.choose(term(1), lambda: "first", lambda: "second") == "first"
    assert ops.choose(term(0), lambda: "first", lambda: "second") == "second"
    with pytest.raises(TypeError, match="the sign of x is not known"):
        ops.choose(x, lambda: 1, lambda: 2)
