"""Drawn honest orders: written otherwise, and inside the envelope in every format."""

from __future__ import annotations

import numpy as np
import pytest

from adamcheck.errors import UsageError
from adamcheck.formats import FORMATS
from adamcheck.mutations.forms import forms
from adamcheck.mutations.honest import Honest
from adamcheck.mutations.language import labels
from adamcheck.mutations.orders import Order, draw, ordered, parse_order
from adamcheck.mutations.simulate import simulated
from adamcheck.mutations.target import named
from adamcheck.oracle.envelope import Admission
from adamcheck.oracle.judge import judge
from adamcheck.program import trace
from adamcheck.spec import parse_spec

from .test_mutations import HYPER, SPECS

RESTING = (
    "nadam",
    "rmsprop[momentum=yes]",
    "rmsprop[centered=yes]",
    "rmsprop[centered=yes,momentum=yes]",
    "rmsprop[centered=yes,decay=l2]",
    "adam[decay=l2]",
)
"""Further rules in which zeros meet: under a root, in a velocity, in a look-ahead."""


def ran(spec: str, dtype: str, order: str, *, steps: int = 16, count: int = 9):
    """A short run of an order at hyperparameters that no format holds exactly."""
    rng = np.random.default_rng(5)
    made = named(spec, Honest, ("order",))
    grads = rng.standard_normal((steps, count)) * rng.choice((0.0, 0.25, 1.0, 4.0), (steps, count))
    hyper = {n: HYPER[n] * (1.0 if n == "lr" else 0.99) for n in made.spec.hyperparameters}
    theta0 = rng.uniform(-1, 1, count)
    return simulated(made, FORMATS[dtype], hyper, grads, theta0, options={"order": order})


@pytest.mark.parametrize("spec", SPECS)
def test_drawn_orders_stay_inside_the_envelope(spec: str):
    program = trace(parse_spec(spec))
    for k, dtype in enumerate(FORMATS):
        order = draw(program, np.random.default_rng([17, k]), dtype=dtype)
        assert parse_order(str(order)) == order
        judged = judge(ran(spec, dtype, str(order)), Admission(order.scalars))
        assert judged.accepted, f"{spec} {dtype}: {order}"
        assert judged.decided


@pytest.mark.parametrize("dtype", FORMATS)
@pytest.mark.parametrize("spec", [*SPECS, *RESTING])
def test_drawn_orders_rest_and_are_decided_where_gradients_are_zero(spec: str, dtype: str):
    """Zeros before the first gradient, in between, of either sign, and nothing but zeros."""
    made, steps, count = named(spec, Honest, ("order",)), 18, 8
    program = trace(made.spec)
    for k in range(3):
        rng = np.random.default_rng([29, k])
        order = draw(program, rng, dtype=dtype)
        t, first, gone = np.arange(steps)[:, None], rng.integers(0, 6, count), 9
        silent = (t < first) | ((t >= gone) & (t < gone + rng.integers(1, 8, count)))
        grads = np.where(
            silent, rng.choice((0.0, -0.0), count), rng.standard_normal((steps, count))
        )
        grads[:, 0] = 0.0
        hyper = {n: HYPER[n] for n in made.spec.hyperparameters}
        theta0 = rng.uniform(-1, 1, count) * (np.arange(count) % 2)
        options = {"order": str(order)}
        shown = simulated(made, FORMATS[dtype], hyper, grads, theta0, options=options)
        judged = judge(shown, Admission(order.scalars))
        assert judged.accepted, order
        for tally in judged.tallies.values():
            assert tally.decided[0] == steps, order  # θ = 0 and no gradient: known exactly


def _single() -> list[tuple[str, str]]:
    program = trace(parse_spec("adamw"))
    return [
        (labels(program)[i], form) for i, options in forms(program).items() for form in options[1:]
    ]


@pytest.mark.parametrize(("place", "form"), _single())
def test_every_form_is_another_writing_of_the_same_function(place: str, form: str):
    """Other bits in float32, yet the same numbers in float64 up to its own envelope."""
    order = str(Order(((place, form),)))
    for dtype in ("float64", "float32"):
        assert judge(ran("adamw", dtype, order)).accepted
    program = trace(parse_spec("adamw"))
    assert ordered(program, parse_order(order)) != ordered(program, Order())


def test_wide_arithmetic_stores_what_it_is_told_to():
    plain = ran("adam", "bfloat16", "").thetas
    wide = ran("adam", "bfloat16", "wide=float32").thetas
    stored = ran("adam", "bfloat16", "wide=float32 rounds=all").thetas
    assert (plain != wide).any()
    assert (stored != wide).any()
    assert wide.dtype == stored.dtype == plain.dtype


def test_scalars_of_the_arrays_format_show():
    evidence = ran("adam", "float32", "scalars=array", steps=40)
    assert not judge(evidence).accepted
    assert judge(evidence, Admission("array")).accepted


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("m'", "neither"),
        ("m'':lerp", "no choice"),
        ("m':lurp", "is written"),
    ],
)
def test_what_is_no_order_is_refused(text: str, why: str):
    with pytest.raises(UsageError, match=why):
        ordered(trace(parse_spec("adam")), parse_order(text))
