"""Each rule of the kernel, with an inference that it must allow and ones that it must refuse."""

from __future__ import annotations

from typing import Any

import pytest

from adamcheck.numerics.symbolic import symbols, term
from adamcheck.proof.claims import Fact, Solve, Times, eq, ge, gt, inv, ne, sq
from adamcheck.proof.kernel import Proof
from adamcheck.proof.lemmas import (
    at_most,
    binary_form,
    by_induction,
    cases,
    equal_roots,
    positive_root,
    squeeze,
    strict,
    vanishes,
)
from adamcheck.proof.normal import ProofError

X, Y, Z, P, B, T, S = symbols("x y z p b t s")


@pytest.fixture
def k() -> Proof:
    return Proof("test")


def test_sums_of_squares(k: Proof) -> None:
    fact = k.prove(ge(X**2 + Y**2, 2 * X * Y), [[sq(X - Y)]])
    k.conclude(fact, "2xy ≤ x² + y²")
    assert not fact.given


@pytest.mark.parametrize(
    ("claim", "products"),
    [
        (ge(X**2 + Y**2, 2 * X * Y), [[sq(X + Y)]]),
        (ge(X), [[X]]),
        (ge(X), [[sq(X)]]),
        (gt(X**2), [[sq(X)]]),
        (ge(term(-1)), [[-1]]),
        (ge(term(0)), [[0]]),
        (eq(X**2), [[sq(X)]]),
        (gt(term(0)), []),
        (ge(1 / X), [[inv(X)]]),
    ],
    ids=str,
)
def test_certificates_that_do_not_hold(k: Proof, claim: Any, products: list) -> None:
    with pytest.raises(ProofError):
        k.prove(claim, products)


def test_strictness_needs_a_strict_summand(k: Proof) -> None:
    k.assume(ge(X))
    k.assume(gt(Y))
    k.prove(gt(X + Y), [[X], [Y]])
    k.prove(ge(X * Y), [[X, Y]])
    with pytest.raises(ProofError, match="does not give the relation"):
        k.prove(gt(X * Y), [[X, Y]])
    k.assume(ne(Z))
    k.prove(gt(Z**2), [[sq(Z)]])
    k.prove(gt(4 * Z**2), [[4, sq(-Z)]])


def test_divisors_have_to_be_discharged(k: Proof) -> None:
    with pytest.raises(ProofError, match="nothing says that the divisor x is not zero"):
        k.prove(eq(X / X, 1))
    with pytest.raises(ProofError, match="divisor x - 1"):
        k.prove(eq((X**2 - 1) / (X - 1), X + 1))
    k.assume(ne(X - 1))
    fact = k.prove(eq((X**2 - 1) / (X - 1), X + 1))
    assert k.steps[fact.index].side
    with pytest.raises(ProofError, match="divisor y"):
        k.assume(ge(1 / Y))


def test_a_divisor_that_cancels_in_the_certificate_counts(k: Proof) -> None:
    with pytest.raises(ProofError, match="divisor y"):
        k.prove(ge(X**2 + (1 / Y - 1 / Y)), [[sq(X)]])


def test_facts_of_another_proof_are_refused(k: Proof) -> None:
    stranger = Proof("other").assume(gt(X))
    forged = Fact(0, gt(X), frozenset())
    for fact in (stranger, forged):
        with pytest.raises(ProofError, match="did not establish"):
            k.prove(gt(X), [[fact]])
        with pytest.raises(ProofError, match="did not establish"):
            k.conclude(fact, "x > 0")


def test_open_suppositions_cannot_be_concluded(k: Proof) -> None:
    fact = k.prove(gt(X + 1), [[k.suppose(ge(X))], [1]])
    with pytest.raises(ProofError, match="still supposed"):
        k.conclude(fact, "x + 1 > 0")
    assumed = k.assume(ge(Y))
    k.conclude(k.prove(gt(Y + 1), [[assumed], [1]]), "y + 1 > 0 for y ≥ 0")


def test_a_contradiction_denies_the_supposition_it_came_from(k: Proof) -> None:
    k.assume(ge(X, 1))
    supposed = k.suppose(ge(-X))
    false = k.prove(gt(0), [[1], [X - 1], [supposed]])
    fact = k.absurd(false, supposed)
    assert str(fact.claim) == "x > 0"
    k.conclude(fact, "x > 0")
    with pytest.raises(ProofError, match="is no contradiction"):
        k.absurd(k.prove(ge(0), []), supposed)
    with pytest.raises(ProofError, match="not about a number"):
        k.absurd(fact, supposed)
    with pytest.raises(ProofError, match="no open supposition"):
        k.absurd(false, k.assume(gt(Y)))


def test_roots_are_fresh_and_of_nonnegative_numbers(k: Proof) -> None:
    inside = k.assume(ge(X))
    nonneg, square = k.root(inside, S)
    k.prove(ge(S**3), [[S, S, S]])
    assert str(square.claim) == "s**2 - x = 0"
    assert str(nonneg.claim) == "s >= 0"
    with pytest.raises(ProofError, match="not a fresh symbol"):
        k.root(inside, S)
    with pytest.raises(ProofError, match="not a fresh symbol"):
        k.root(inside, X)
    with pytest.raises(ProofError, match="has a root"):
        k.root(square, symbols("r")[0])


def test_induction(k: Proof) -> None:
    k.assume(ge(B))
    k.assume(ge(1 - B))
    k.recursion({P: (1, B * P)})
    by_induction(k, ge(P), [1], [[B, P]])
    fact = by_induction(k, ge(1 - P), [], [[1 - B], [B, 1 - P]])
    k.conclude(fact, "β^t ≤ 1")


def test_induction_refuses(k: Proof) -> None:
    k.recursion({P: (1, B * P), T: (0, T + X)}, [X])
    claim = ge(P)
    hypothesis = k.suppose(claim)
    base = k.prove(k.at_base(claim), [1])
    with pytest.raises(ProofError, match="induction expects"):
        k.induct(claim, base, hypothesis, hypothesis)
    with pytest.raises(ProofError, match="induction expects"):
        k.induct(claim, hypothesis, hypothesis, base)
    with pytest.raises(ProofError, match="input or a root"):
        by_induction(k, ge(X * X), [[sq(X)]], [[sq(X)]])
    # a hypothesis about the state is none about every t
    k.assume(ge(T))
    with pytest.raises(ProofError, match="supposes something of the state"):
        by_induction(
            k,
            ge(T * P**2),
            [],
            lambda _: k.prove(k.at_next(ge(T * P**2)), [[X]]) if 0 else _state(k),
        )


def _state(k: Proof) -> Fact:
    k.assume(ge(T + X))
    return k.prove(k.at_next(ge(T * P**2)), [[T + X, sq(B * P)]])


def test_what_is_supposed_of_an_input_holds_at_one_step_only(k: Proof) -> None:
    # else, by cases, (g_1+...+g_t)·g_(t+1) ≥ 0 for every sequence
    k.recursion({P: (0, P + X)}, [X])

    def under(supposed: Fact, sign: int) -> Fact:
        up = by_induction(k, ge(sign * P), [], lambda ih: _sum(k, sign, ih, supposed))
        return k.prove(ge(P * X), [[up, supposed]])

    up, down = k.suppose(ge(X)), k.suppose(ge(-X))
    with pytest.raises(ProofError, match="supposes something of an input"):
        cases(k, up, down, under(up, 1), under(down, -1))
    for supposed, sign in ((up, 1), (down, -1)):
        with pytest.raises(ProofError, match="supposes something of an input"):
            under(supposed, sign)
    # nor where only the base rests on it
    with pytest.raises(ProofError, match="supposes something of an input"):
        by_induction(
            k,
            ge(P**2),
            lambda _: k.prove(ge(0), [[up, down], [sq(X)]]),
            lambda _: k.prove(k.at_next(ge(P**2)), [[sq(P + X)]]),
        )


def test_what_an_induction_took_for_a_constant_stays_one(k: Proof) -> None:
    k.recursion({P: (0, P + X)})
    supposed = k.suppose(ge(X))
    by_induction(k, ge(P), [], lambda ih: _sum(k, 1, ih, supposed))
    for state, inputs in (({}, [X]), ({X: (0, 1)}, [])):
        with pytest.raises(ProofError, match="an induction took x for a constant"):
            k.recursion(state, inputs)
    k.recursion({T: (0, T + Y)}, [Y])


def test_what_is_assumed_of_an_input_holds_at_every_step(k: Proof) -> None:
    k.recursion({P: (0, P + X)}, [X])
    assumed = k.assume(ge(X))
    fact = by_induction(k, ge(P), [], lambda ih: _sum(k, 1, ih, assumed))
    k.conclude(fact, "a sum of nonnegative numbers")


def _sum(k: Proof, sign: int, before: Fact, new: Fact) -> Fact:
    return k.prove(k.at_next(ge(sign * P)), [[before], [new]])


def test_the_hypothesis_must_be_a_supposition(k: Proof) -> None:
    k.recursion({T: (0, T - 1)})
    claim = ge(T + 5)
    base = k.prove(k.at_base(claim), [5])
    assumed = k.assume(claim)
    one = k.assume(ge(T + 4))
    with pytest.raises(ProofError, match="no open supposition"):
        k.induct(claim, base, assumed, one)


def test_transitions_hold_at_every_step(k: Proof) -> None:
    most = symbols("M")[0]
    k.recursion({Y: (0, most)}, [X, most])
    above = k.transition(ge(most, Y), "M is a maximum")
    fact = by_induction(k, ge(Y), [], lambda ih: k.prove(ge(most), [[ih], [above]]))
    k.conclude(fact, "the maximum is never negative")
    # but the start has to hold without them
    with pytest.raises(ProofError):
        by_induction(k, ge(Y - 1), lambda _: k.prove(ge(-1), [[above]]), [[above]])


def test_state_symbols_have_one_meaning(k: Proof) -> None:
    k.recursion({P: (1, B * P)})
    with pytest.raises(ProofError, match="has a meaning already"):
        k.recursion({P: (2, B * P)})


def test_witnesses_are_evaluated_exactly(k: Proof) -> None:
    third = term(1) / 3
    fact = k.witness({X: third, Y: 3}, [eq(X * Y, 1), gt(Y, X)])
    k.conclude(fact, "x = 1/3, y = 3")
    with pytest.raises(ProofError, match="does not hold"):
        k.witness({X: third, Y: 3}, [eq(X * Y, 2)])
    with pytest.raises(ProofError, match="no value to y"):
        k.witness({X: third}, [eq(X * Y, 1)])
    with pytest.raises(ProofError, match="is zero"):
        k.witness({X: 0}, [eq(X / X, 1)])
    with pytest.raises(TypeError):
        k.witness({X: 0.5}, [gt(X)])  # type: ignore[dict-item]


def test_runs_are_exact(k: Proof) -> None:
    k.recursion({P: (B, B * P)})
    k.run({B: term(1) / 2}, 10, [(eq(P, term(1) / 1024), 10, 10), (gt(P), 1, 10)])
    with pytest.raises(ProofError, match="at step 3"):
        k.run({B: term(1) / 2}, 10, [(gt(P, term(1) / 8), 1, 10)])
    with pytest.raises(ProofError, match="outside"):
        k.run({B: term(1) / 2}, 10, [(gt(P), 11, 12)])


def test_elimination_is_checked_like_any_cofactor(k: Proof) -> None:
    known = k.assume(eq(Y, X**2))
    k.prove(ge(Y), [[sq(X)]], using=[Solve(known, Y)])
    with pytest.raises(ProofError):
        k.prove(ge(-Y), [[sq(X)]], using=[Solve(known, Y)])
    with pytest.raises(ProofError, match="used as an equality"):
        k.prove(ge(Y), [[sq(X)]], using=[Times(term(1), k.assume(ge(Z)))])


# --- derived rules: they are made of the rules above, so that only their use is tested ---


def test_derived_rules(k: Proof) -> None:
    nonneg = k.assume(ge(X))
    k.assume(ge(Y))
    squares = k.assume(ge(Y**2, X**2))
    assert str(at_most(k, X, Y, squares).claim) == "-x + y >= 0"
    assert str(squeeze(k, nonneg, k.assume(ge(-X))).claim) == "x = 0"
    assert str(vanishes(k, Z, k.assume(eq(Z**2))).claim) == "z = 0"
    assert str(strict(k, k.assume(ge(P)), k.assume(ne(P))).claim) == "p > 0"
    assert str(equal_roots(k, X, Y, k.assume(eq(X**2, Y**2))).claim) == "x - y = 0"
    root, _ = positive_root(k, k.assume(gt(B)), S)
    assert str(root.claim) == "s > 0"


def test_cases(k: Proof) -> None:
    claim = ge(X**2 + X + 1)
    up, down = k.suppose(ge(X)), k.suppose(gt(-X))
    first = k.prove(claim, [[sq(X)], [up], [1]])
    second = k.prove(claim, [[sq(X + 1)], [down]])
    k.conclude(cases(k, up, down, first, second), "x² + x + 1 ≥ 0")


def test_binary_form(k: Proof) -> None:
    for fact in (ge(X), ge(Z)):
        k.assume(fact)
    form = binary_form(k, X, Y, Z, P, B, k.assume(ge(X * Z, Y**2)))
    k.conclude(form, "a·p² - 2b·p·q + c·q² ≥ 0")


def test_later_steps_do_not_find_what_is_discharged(k: Proof) -> None:
    supposed = k.suppose(gt(X))
    k.absurd(k.prove(gt(0), [[supposed], [k.assume(ge(-X))]]), supposed)
    with pytest.raises(ProofError, match="nothing says"):
        k.prove(gt(X + 1), [[X], [1]])
