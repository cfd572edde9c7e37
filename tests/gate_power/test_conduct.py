"""Targets whose conduct is wrong in one way: named by a text, and right in everything else."""

from __future__ import annotations

import numpy as np
import pytest

from adamcheck.errors import UsageError
from adamcheck.mutations.conduct import Conduct
from adamcheck.mutations.faults import parse_fault
from adamcheck.mutations.target import Optimizer, named

HYPER = {"lr": 0.5, "beta1": 0.75, "beta2": 0.875, "eps": 0.25}


def made(fault: str = "") -> Optimizer:
    return named("adam", Conduct, ("fault", "order"))([np.ones(3)], **HYPER, fault=fault)


def test_a_fault_is_written_as_it_is_read():
    for text in ("lose name=v from=12 parameter=1", "narrow name=t format=bfloat16", "exchange"):
        assert str(parse_fault(text)) == text
    assert parse_fault("").given == {}


@pytest.mark.parametrize(
    ("text", "said"), [("loose name=v", "lose"), ("lose v", "'v'"), ("wrap by=3", "at=…")]
)
def test_a_fault_that_is_none_is_refused(text: str, said: str):
    with pytest.raises(UsageError, match=said):
        parse_fault(text)


@pytest.mark.parametrize("fault", ["lose name=v", "lose name=t", "shift by=2", "exchange",
                                   "wrap at=2", "saturate at=1", "mix name=eps factor=0.5",
                                   "narrow name=m format=bfloat16"])  # fmt: skip
def test_a_fault_shows_after_loading_alone(fault: str):
    grads = np.random.default_rng(0).standard_normal((6, 3))
    right, wrong = made(), made(fault)
    for g in grads[:3]:
        assert (right.step([g])[0] == wrong.step([g])[0]).all()
    for one in (right, wrong):
        one.load_state_dict(one.state_dict())
    assert any((right.step([g])[0] != wrong.step([g])[0]).any() for g in grads[3:])
