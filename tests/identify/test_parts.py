"""The small parts: numbers with bounds, simplest decimals, search for one hyperparameter, words."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from adamcheck.identify.candidate import Candidate, Count
from adamcheck.identify.counting import count_in_words
from adamcheck.identify.decay import simplest
from adamcheck.identify.effective import effective
from adamcheck.identify.guards import Facts
from adamcheck.identify.lockstep import walk
from adamcheck.identify.regime import regime
from adamcheck.identify.runs import kept_in_company
from adamcheck.identify.scoring import Scores
from adamcheck.identify.wording import interval_in_words
from adamcheck.mutations import Guard
from adamcheck.numerics.changed import (
    WORDS,
    Arrays,
    ChangedEmitter,
    doubted,
    extreme,
    mean_bound,
    norm_bound,
)
from adamcheck.numerics.stepwise import Stepwise, stepwise
from adamcheck.numerics.walk import ARRAYS, constants, step_function
from adamcheck.oracle.envelope import STRICT
from adamcheck.program import Op, Program, trace
from adamcheck.spec import Spec

from .simulate import changed, labelled, observed

FLOAT32: dict[str, Any] = {
    "u": 2.0**-24,
    "us": 2.0**-53,
    "eta": 2.0**-150,
    "flush": 0.0,
    "largest": 3e38,
}


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


@pytest.mark.parametrize(
    ("name", "value"), [("eps", 3e-4), ("lr", 0.07), ("beta1", 0.6), ("beta2", 0.99)]
)
def test_the_hyperparameter_in_use_is_found(name, value):
    batches = observed(Spec(), use={name: value})
    part = labelled(batches[0], "near-eps")
    assert effective(Candidate(Spec()), part, name, STRICT) == value


def test_no_value_explains_another_dialect():
    part = labelled(observed(Spec(eps="inside"))[0], "near-eps")
    assert effective(Candidate(Spec()), part, "lr", STRICT) is None


@pytest.mark.parametrize("spec", [Spec(), Spec("nadam"), Spec(amsgrad="vhat", decay="l2")], ids=str)
def test_a_program_run_operation_by_operation_is_the_compiled_one(spec):
    rng = np.random.default_rng(5)
    program = trace(spec)
    names = program.inputs
    values = {n: rng.uniform(0.1, 0.9, 50) for n in names}
    bounds = {n: 1e-9 * values[n] for n in names}
    c = constants(**FLOAT32, reassociation=(1.5, 2.0))
    here, there = (
        stepwise(program)(values, bounds, c),
        step_function(program)(ARRAYS, values, bounds, c),
    )
    for part, other in zip(here, there, strict=True):
        assert part.keys() == other.keys()
        assert all(np.array_equal(part[n], other[n], equal_nan=True) for n in part)


@pytest.mark.parametrize("kind", ["min", "mean", "norm", "largest", "round"])
def test_bounds_of_further_operations_hold_what_single_precision_does(kind):
    """Operands off by their bounds, evaluated in float32, stay within the bound of the result."""
    rng = np.random.default_rng(6)
    x, y = rng.standard_normal((2, 40))
    e = 1e-6 * np.abs(x)
    moved = (x + e * rng.uniform(-1, 1, 40)).astype(np.float32)
    low, high = np.minimum(x - e, moved), np.maximum(x + e, moved)
    e = np.maximum(x - low, high - x)
    args = {"min": (0, 1)}.get(kind, (0,))
    name = "float16" if kind == "round" else ""
    ops = (Op("input", name="g"), Op("input", name="theta"), Op(kind, args, name))
    program = Program(Spec(), ops, (("update", 2), ("theta", 2)), ())
    c = constants(**FLOAT32, reassociation=(1.0, 1.0))
    c.arrays, c.share = Arrays(np.zeros(40, np.int64)), 1.0
    emitter = ChangedEmitter(program, paired=False)
    step = Stepwise(program, emitter, WORDS)
    made, bound = step({"g": x, "theta": y.astype(np.float32) + 0.0}, {"g": e, "theta": 0.0 * e}, c)
    seen = {
        "min": lambda: np.minimum(moved, y.astype(np.float32)),
        "mean": lambda: np.full(40, moved.sum() / np.float32(40)),
        "norm": lambda: np.full(40, np.sqrt((moved * moved).sum())),
        "largest": lambda: np.full(40, np.abs(moved).max()),
        "round": lambda: moved.astype(np.float16),
    }[kind]()
    assert (np.abs(seen.astype(np.float64) - made["theta"]) <= bound["theta"]).all()
    assert (bound["theta"] < 1e-2 * (1.0 + np.abs(made["theta"]))).all()


def test_a_test_of_exact_numbers_decides_and_one_of_others_may_not():
    gap = np.array([1.0, 1.0, 0.0, 0.0])
    assert doubted(gap, np.array([0.0, 2.0, 0.0, 1e-9])).tolist() == [0.0, 1.0, 0.0, 1.0]


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ((1, 1, 1, 1, 1), "is 1"),
        ((1, 3, 5, 7, 9), "is 2t-1"),
        ((1, 2, 3, 3, 3), "is t up to step 3, then 3"),
        ((1, 2, 3, 1, 2), "is t up to step 3, then t-3"),
    ],
)
def test_a_step_count_is_told_as_stretches(steps, words):
    assert count_in_words(Count(("p1", "p2"), steps)) == f"the step count in use {words}"


def test_guards_are_read_off_where_an_edit_acts_and_where_not():
    def facts(acts, rests):
        names = ("t", "|g|", "silence", "index", "size", "last")

        def rows(given):
            size = len(next(iter(given.values())))
            return {n: np.asarray(given.get(n, np.zeros(size)), float) for n in names}

        return Facts(rows(acts), rows(rests))

    found = dict(facts({"t": [7, 9], "|g|": [1, 1]}, {"t": [1, 6], "|g|": [1, 1]}).guards())
    assert found[Guard("t>=", 7)] == ({"at": (7.0, 7.0)},)
    found = dict(facts({"t": [3, 10, 17]}, {"t": [1, 2, 4, 9, 11]}).guards())
    assert found[Guard("t%", 7, 3)] == ({"at": (7, 7), "rest": (3, 3)},)
    assert not any(g is not None and g.kind == "t>=" for g in found)
    found = dict(facts({"t": [1, 2], "|g|": [2, 3]}, {"t": [1, 2], "|g|": [1, 1.5]}).guards())
    ((ends,),) = (x for g, x in found.items() if g is not None and g.kind == "|g|>=")
    assert ends == {"at": (1.5, 2.0)}


def test_the_kept_half_sees_the_same_gradients_in_both_companies():
    batch = observed(Spec())[0]
    here, there = kept_in_company(67)
    alone, other = labelled(batch, "decades"), labelled(batch, "company")
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
    def broken(batch):
        thetas = batch.thetas.copy()
        thetas[3:] = np.nan
        return thetas

    batches = changed(observed(Spec()), broken)
    ratio = walk(Candidate(Spec()), batches[0], STRICT).ratio
    assert (ratio[:2] <= 1.0).all()
    assert (ratio[2] == np.inf).all()
    assert np.isnan(ratio[3:]).all()


def test_a_sum_of_many_numbers_is_bounded_where_its_accumulator_is_wide():
    of, u = np.zeros(1 << 15, np.int64), 2.0**-8
    x, zero = np.ones(len(of)), np.zeros(len(of))
    for bound in (mean_bound, norm_bound):
        assert np.isinf(bound(Arrays(of), x, zero, u, 0.0)).all()
        wide = bound(Arrays(of, wide=True), x, zero, u, 0.0)
        assert (wide > 0.0).all()
        assert (wide < 8.0 * u * np.sqrt(len(of))).all()


def test_the_larger_of_two_numbers_far_apart_has_its_own_bound():
    assert extreme(5.0, 2.0, 0.25, 2.0) == 0.25
    assert extreme(-5.0, 2.0, 0.25, 2.0) == 2.0
    assert extreme(5.0, 2.0, 1.0, 2.0) == 2.0
    assert extreme(1.0, 2.0, 0.25, 0.5) == 0.5


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (2.0, 2.0, "c = 2"),
        (1.98, 2.03, "1.98 <= c <= 2.03"),
        (2.0, 2.0 + 2.0**-40, "2 <= c <= 2.000000000001"),
        (0.5, 1.0, "0.5 <= c <= 1"),
        (0.5, 1.0 - 2.0**-50, "0.5 <= c <= 0.999999999999999"),
        (1.0 - 2.0**-53, 1.0 - 2.0**-53, "c = 0.9999999999999999"),
        (-math.inf, 3.0, "c <= 3"),
    ],
)
def test_an_interval_is_told_with_the_digits_that_it_needs(low, high, said):
    assert interval_in_words("c", low, high) == said
