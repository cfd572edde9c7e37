"""The small parts: numbers with bounds, simplest decimals, search for one hyperparameter, words."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from adamcheck.identify import changes
from adamcheck.identify.bounded import Bounded, rounded
from adamcheck.identify.candidate import Candidate
from adamcheck.identify.decay import simplest
from adamcheck.identify.effective import effective
from adamcheck.identify.lockstep import walk
from adamcheck.identify.regime import regime
from adamcheck.identify.runs import kept_in_company
from adamcheck.identify.scoring import Scores
from adamcheck.interpret.walk import constants
from adamcheck.oracle.envelope import STRICT
from adamcheck.spec import Spec

from .simulate import changed, labelled, observed

SINGLE = constants(u=2.0**-24, us=2.0**-53, eta=2.0**-150, largest=3e38, fold=(1.0, 1.0))


@pytest.mark.parametrize(
    ("low", "high", "number"),
    [
        (0.00999999, 0.01000001, 0.01),
        (0.123, 0.127, 0.125),
        (-2.1, -1.9, -2.0),
        (0.99899999, 0.99900001, 0.999),
    ],
)
def test_the_simplest_number_of_an_interval(low, high, number):
    assert simplest(low, high) == number


@pytest.mark.parametrize("operation", ["+", "-", "*", "/"])
def test_bounds_hold_what_single_precision_does(operation):
    rng = np.random.default_rng(3)
    x, y = (rng.standard_normal(500).astype(np.float32) for _ in range(2))
    sides = [Bounded(a.astype(np.float64), 0.0, SINGLE) for a in (x, y)]
    made = eval(f"a {operation} b", {"a": sides[0], "b": sides[1]})
    seen = eval(f"a {operation} b", {"a": x, "b": y})
    for i in range(500):
        pair = Fraction(float(x[i])), Fraction(float(y[i]))
        exact = eval(f"a {operation} b", {"a": pair[0], "b": pair[1]})
        assert abs(Fraction(float(seen[i])) - exact) <= Fraction(float(made.bound[i]))


def test_rounding_an_interval_covers_its_image():
    rng = np.random.default_rng(4)
    x = rng.standard_normal(1000)
    middle, bound = rounded(x, np.full(1000, 1e-4), "float16")
    inside = x + rng.uniform(-1e-4, 1e-4, 1000)
    assert (np.abs(inside.astype(np.float16).astype(np.float64) - middle) <= bound).all()


@pytest.mark.parametrize(
    ("name", "value"), [("eps", 3e-4), ("lr", 0.07), ("beta1", 0.6), ("beta2", 0.99)]
)
def test_the_hyperparameter_in_use_is_found(name, value):
    stacks = observed(Spec(), use={name: value})
    part = labelled(stacks[0], "near-eps")
    assert effective(Candidate(Spec()), part, name, STRICT) == value


def test_no_value_explains_another_dialect():
    part = labelled(observed(Spec(eps="inside"))[0], "near-eps")
    assert effective(Candidate(Spec()), part, "lr", STRICT) is None


def test_every_known_change_changes_something():
    # λ and ε_root are in play, and θ is away from zero, so each of them shows
    stacks = observed(Spec(decay="decoupled"), extra={"weight_decay": 0.125})
    for change, switches in changes.known("float64"):
        base = Candidate(Spec().with_(**{"decay": "none", **switches}))
        plain = walk(base, stacks[0], STRICT)
        moved = walk(replace(base, change=change), stacks[0], STRICT)
        both = np.isfinite(plain.move) & np.isfinite(moved.move)
        differs = np.abs(plain.move - moved.move)[both] > 4.0 * plain.bound[both]
        assert differs.any() or not both.all(), change.words


def test_changes_have_distinct_words():
    seen = [(c.words, tuple(s.items())) for c, s in changes.known("float32")]
    assert len(seen) == len(set(seen))


def test_the_kept_half_sees_the_same_gradients_in_both_companies():
    stack = observed(Spec())[0]
    here, there = kept_in_company(67)
    alone, other = labelled(stack, "decades"), labelled(stack, "company")
    assert np.array_equal(alone.grads[:, here], other.grads[:, there])
    assert not np.array_equal(alone.grads[:, ::-1], other.grads)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (Spec(), ""),
        (Spec(eps="hat"), "√v̂ ≤"),
        (Spec(maximize="yes"), "the other sign"),
        (Spec(bias_correction="none"), "at step 1"),
        (Spec(amsgrad="v"), "amsgrad=v instead of none"),
        (Spec("rmsprop"), "another rule than adam"),
    ],
)
def test_the_regime_is_told_with_numbers_of_the_runs(spec, words):
    scores = Scores(observed(spec), STRICT)
    said = regime(scores.fit(Candidate(spec)), Spec(), scores)
    assert words in said
    assert bool(said) == bool(words)


def test_a_first_step_that_divides_by_zero_is_told_as_such():
    spec = Spec(first_t="0")
    scores = Scores(observed(spec), STRICT)
    said = regime(scores.fit(Candidate(spec)), Spec(), scores)
    assert "the target is not finite from step 1" in said
    assert "no run shows a difference" not in said


def test_a_parameter_that_is_lost_ends_what_is_held_against_a_rule():
    def broken(stack):
        thetas = stack.thetas.copy()
        thetas[3:] = np.nan
        return thetas

    stacks = changed(observed(Spec()), broken)
    ratio = walk(Candidate(Spec()), stacks[0], STRICT).ratio
    assert (ratio[:2] <= 1.0).all()
    assert (ratio[2] == np.inf).all()
    assert np.isnan(ratio[3:]).all()
