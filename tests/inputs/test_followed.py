"""Where a rule goes: the parameter that inputs look at is the one that the rule yields."""

from __future__ import annotations

import numpy as np
import pytest

from adamcheck.inputs.followed import least_parameter, rests
from adamcheck.mutations import target as targets
from adamcheck.spec import parse_spec

HYPER = {"lr": 0.1, "beta1": 0.75, "beta2": 0.75, "eps": 1e-3, "momentum": 0.5, "weight_decay": 0.5}


@pytest.mark.parametrize("text", ["adam[decay=l2]", "rmsprop[decay=l2]", "radam", "momentum"])
def test_the_least_parameter_is_that_of_the_target(text: str) -> None:
    grads = np.random.default_rng(1).standard_normal((60, 7)) * (np.arange(60) < 9)[:, None]
    grads[:, 0] = 0.0
    spec = parse_spec(text)
    hyper = {name: HYPER[name] for name in spec.hyperparameters}
    made = targets.named(text, targets.Optimizer, ("edit",))([np.zeros(7)], **hyper)
    sizes = np.abs([made.step([g])[0] for g in grads])
    least = np.where(sizes > 0.0, sizes, np.inf).min(axis=0)
    found = least_parameter(spec, hyper, grads)
    assert found[0] == np.inf
    assert np.all(np.abs(found[1:] / least[1:] - 1.0) < 2.0**-20)


def test_a_parameter_that_is_divided_by_what_forgets_it_falls_far() -> None:
    """θ(1 - αλ/√v) without ε: √v passes αλ on its way down."""
    grads = np.zeros((400, 1))
    grads[:8] = 1.0
    hyper = {"lr": 2.0**-6, "beta2": 0.9375, "eps": 2.0**-40, "weight_decay": 2.0**-6}
    assert least_parameter(parse_spec("rmsprop[decay=l2]"), hyper, grads)[0] < 2.0**-60


@pytest.mark.parametrize(
    ("text", "defined"),
    [
        ("adam", True),
        ("gd", True),
        ("adagrad[eps=none]", False),
        ("adagrad[eps=none,accumulator=one]", True),
        ("nadam[eps=none]", False),
        ("adamax[decay=l2]", False),
        ("radam[eps=none]", False),
    ],
)
def test_without_epsilon_a_step_before_any_gradient_is_no_number(text: str, defined: bool) -> None:
    spec = parse_spec(text)
    hyper = {"initial_accumulator": 0.5, **HYPER}
    assert rests(spec, {name: hyper[name] for name in spec.hyperparameters}) == defined
