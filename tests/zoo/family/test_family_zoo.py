"""The oracle accepts every honest target of the family and kills every planted defect."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from adamcheck.oracle.judge import judge
from adamcheck.rules import RULES
from adamcheck.spec import parse_spec

from .. import HONEST as ADAMS
from ..record import ALL, Defect, Honest, Record
from . import FAMILY_DEFECTS, FAMILY_HONEST
from .drive import STEPS, evidence, load

ALGORITHMS = tuple(name for name in RULES if name != "adam")


@pytest.mark.parametrize("entry", FAMILY_HONEST, ids=lambda e: e.name)
def test_honest_is_accepted(entry: Honest) -> None:
    for dtype in entry.dtypes:
        judged = judge(evidence(entry.target, entry.spec, dtype, entry.options, "short"))
        assert judged.accepted, (dtype, judged.largest_ratio)
        assert judged.decided > judged.blind


@pytest.mark.parametrize("defect", FAMILY_DEFECTS, ids=lambda d: d.name)
def test_defect_is_killed_and_its_twin_is_not(defect: Defect) -> None:
    for dtype in ALL:
        given = evidence(defect.target, defect.claims, dtype, defect.options, defect.shows)
        # by its parameters alone, as where a target shows no more
        killed = bool(judge(replace(given, moments={})).bad.any())
        assert killed == (dtype in defect.dtypes), dtype
    twin = evidence(defect.twin, defect.claims, "float32", defect.options, defect.shows)
    assert judge(twin).accepted


def test_every_algorithm_has_five_defects_and_an_honest_order_in_every_dtype() -> None:
    claimed = Counter(parse_spec(d.claims).algorithm for d in FAMILY_DEFECTS)
    assert set(claimed) == set(ALGORITHMS)
    assert min(claimed.values()) >= 5, claimed
    shown = {(parse_spec(h.spec).algorithm, dtype) for h in FAMILY_HONEST for dtype in h.dtypes}
    assert shown == {(a, dtype) for a in ALGORITHMS for dtype in ALL}


def test_records_are_sound() -> None:
    every: tuple[Record, ...] = (*FAMILY_HONEST, *FAMILY_DEFECTS, *ADAMS)
    names = [entry.name for entry in every]
    assert len(set(names)) == len(names)
    assert [n for n in names if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", n)] == []
    for entry in FAMILY_HONEST:
        assert str(parse_spec(entry.spec)) == entry.spec, entry.name
    for defect in FAMILY_DEFECTS:
        assert str(parse_spec(defect.claims)) == defect.claims, defect.name
        assert defect.why
        assert defect.shows in STEPS


@pytest.mark.parametrize("entry", FAMILY_HONEST, ids=lambda e: e.name)
def test_honest_goes_on_after_loading(entry: Honest) -> None:
    hyper = {"lr": 0.25, "eps": 0.125} if "eps" in parse_spec(entry.spec).hyperparameters else {}
    arguments = {"lr": 0.25, **hyper, **entry.options}
    theta = np.linspace(-1, 1, 5).astype(np.float32)
    grads = np.random.default_rng(3).standard_normal((6, 5)).astype(np.float32)
    made = load(entry.target)
    straight = made([theta], **arguments)
    for g in grads[:3]:
        straight.step([g])
    again = made([straight.thetas[0]], **(arguments | {"lr": 0.5}))
    again.load_state_dict(straight.state_dict())
    loaded = made([straight.thetas[0]], **arguments)
    loaded.load_moments(straight.moments())
    for g in grads[3:]:
        expected = straight.step([g])[0].tobytes()
        assert again.step([g])[0].tobytes() == expected
        assert loaded.step([g])[0].tobytes() == expected


@pytest.mark.parametrize("entry", FAMILY_HONEST, ids=lambda e: e.name)
def test_honest_refuses_what_it_should(entry: Honest) -> None:
    made, theta = load(entry.target), np.zeros(3, np.float32)
    rest = {"eps": 0.1} if "eps" in parse_spec(entry.spec).hyperparameters else {}
    with pytest.raises(ValueError, match="lr"):
        made([theta], lr=-1.0, **rest, **entry.options)
    with pytest.raises(ValueError, match="shape"):
        made([theta], lr=0.1, **rest, **entry.options).step([np.zeros(2, np.float32)])
