"""Targets with defaults of their own, and what is drawn of them."""

from __future__ import annotations

import numpy as np
import pytest

import adamcheck
from adamcheck.errors import UsageError
from adamcheck.mutations import defaulted
from adamcheck.result import Verdict
from adamcheck.spec import parse_spec
from adamcheck.spec.defaults import Defaults, proposed, wrong
from adamcheck.spec.hyperparameters import HYPERPARAMETERS

from .drawn.defaults import honest, mutant

RUNS = ("ADAM-DH-1", "ADAM-DH-2")


def test_a_fault_acts_under_the_defaults_alone():
    grads = np.ones((4, 3))
    for fault in ("still from=3", "nan from=3"):
        own = defaulted.adam([np.zeros(3)], fault=fault)
        other = defaulted.adam([np.zeros(3)], beta2=0.99, fault=fault)
        plain = defaulted.adam([np.zeros(3)])
        for t, g in enumerate(grads, start=1):
            seen, expected = own.step([g])[0], plain.step([g])[0]
            assert np.array_equal(seen, expected) == (t < 3)
            assert np.isfinite(other.step([g])[0]).all()
    with pytest.raises(UsageError, match="expected narrow"):
        defaulted.adam([np.zeros(3)], fault="still")


@pytest.mark.parametrize("dtype", ["bfloat16", pytest.param("float32", marks=pytest.mark.slow)])
@pytest.mark.parametrize("index", range(4))
def test_drawn_faults_are_killed_and_their_twins_hold(dtype, index):
    for draw, verdict in ((mutant, Verdict.DEVIATES), (honest, Verdict.HELD)):
        case = draw(7, index, dtype, ("adam", "adamw", "adam[eps=hat]", "rmsprop"))
        result = adamcheck.check(
            case.target, spec=case.spec, dtypes=(dtype,), only=RUNS, options=dict(case.options)
        )
        assert result.verdict is verdict, (case.text, [c.message for c in result.checks])


@pytest.mark.parametrize("text", ["adam", "adamax", "rmsprop", "nadam[schedule=momentum-decay]"])
def test_every_drawn_wrong_default_is_called_wrong(text):
    spec, rng = parse_spec(text), np.random.default_rng(3)
    right = proposed(spec)
    assert not list(wrong(Defaults(right), spec))
    for name, value in right.items():
        one = HYPERPARAMETERS[name]
        for _ in range(50):
            low, high = one.octaves
            drawn = 2.0 ** rng.uniform(low, high)
            drawn = 1.0 - drawn if one.role == "average" else drawn
            near = value * (1.0 + float(rng.choice((-1.0, 1.0))) * 2.0 ** rng.uniform(-50.0, -1.0))
            for other in (drawn, near):
                assert [w.name for w in wrong(Defaults({**right, name: other}), spec)] == [name]
