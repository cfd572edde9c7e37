"""Convergence checks: honest orders pass, and defects in time die."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from installed import needs

from adamcheck.checks.convergence import _on
from adamcheck.checks.registry import all_checks
from adamcheck.engine.gate import check
from adamcheck.engine.replay import replay
from adamcheck.formats import format_named
from adamcheck.profiles import profile_named
from adamcheck.properties.context import Account, Context
from adamcheck.properties.loops import close
from adamcheck.result import Status, Verdict
from adamcheck.spec import parse_spec
from adamcheck.targets.session import Session
from adamcheck.witness import read_witness, witness_document

sys.path.append(str(Path(__file__).parent))
from zoo import target as zoo_target
from zoo.convergence import DEFECTS, HONEST, KILLERS

NUMPY = "adamcheck.implementations:NumpyAdam"
IDS = tuple(c.id for c in all_checks() if c.family == "convergence")
WIDE = ("float64", "float32")
DYADIC = {"lr": 0.125, "beta1": 0.875, "beta2": 0.96875, "eps": 2.0**-20}


# the gate ----------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def _no_identification(monkeypatch):
    # which dialect a defect is nearest to is asked elsewhere, and takes longer than all of this
    monkeypatch.setattr("adamcheck.engine.run.identifying", lambda *a: iter(()))


@pytest.mark.slow
@pytest.mark.parametrize("defect", DEFECTS, ids=lambda d: d.name)
def test_a_planted_defect_is_killed_by_its_checks(defect):
    killers = KILLERS[defect.name]
    found = check(defect.target, spec=defect.claims, dtypes=defect.dtypes[:1], only=killers)
    status = {c.name: c.status for c in found.checks}
    assert status == dict.fromkeys(killers, Status.FAILED)
    assert found.verdict is Verdict.DEVIATES
    assert all(c.witness is not None for c in found.checks)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "textbook",
        "lerp",
        "fused-multiply-add",
        "array-scalars",
        "wide-arithmetic",
        "running-powers",
    ],
)
def test_honest_orders_pass(name):
    found = check(zoo_target(name), dtypes=WIDE, only=IDS)
    assert found.verdict is Verdict.HELD, [(c.name, c.dtype, c.message) for c in found.checks]
    assert {c.status for c in found.checks} == {Status.PASSED}


@pytest.mark.slow
@pytest.mark.parametrize("order", HONEST, ids=lambda o: o.name)
def test_honest_orders_of_other_rules_pass(order):
    found = check(order.target, spec=order.spec, dtypes=order.dtypes, only=IDS)
    assert found.verdict is Verdict.HELD, [(c.name, c.dtype, c.message) for c in found.checks]


def test_every_check_kills_some_defect():
    assert set(IDS) <= {check for killers in KILLERS.values() for check in killers}
    assert set(KILLERS) == {defect.name for defect in DEFECTS}


@pytest.mark.slow
@pytest.mark.library
@pytest.mark.parametrize(
    ("target", "spec"),
    [("torch.optim:Adam", "adam"), ("torch.optim:Adam", "amsgrad"), ("optax:adam", "adam"),
     ("torch.optim:SGD", "momentum")],
)  # fmt: skip
def test_real_libraries_pass(target, spec):
    needs(target.partition(".")[0].partition(":")[0])
    found = check(target, spec=spec, dtypes=("float32",), only=IDS)
    assert found.verdict is Verdict.HELD, [(c.name, c.message) for c in found.checks]


@pytest.mark.slow
@pytest.mark.parametrize("spec", ["adam[maximize=yes]", "adam[decay=l2]"])
def test_dialects_are_followed(spec):
    name = {"adam[maximize=yes]": "textbook-maximize", "adam[decay=l2]": "textbook-l2"}[spec]
    found = check(zoo_target(name), spec=spec, dtypes=("float64",), only=IDS)
    assert found.verdict is Verdict.HELD, [(c.name, c.message) for c in found.checks]


def test_narrow_formats_are_skipped_with_the_reason():
    found = check(NUMPY, dtypes=("bfloat16",), only=("ADAM-CV-1", "ADAM-LS-1"))
    skipped = next(c for c in found.checks if c.name == "ADAM-CV-1")
    assert skipped.status is Status.SKIPPED
    assert "bfloat16" in skipped.message


def test_a_target_without_a_loop_is_skipped_with_the_reason():
    found = check(zoo_target("run-loop"), dtypes=("float64",), only=("ADAM-CV-1",))
    assert found.checks[0].status is Status.SKIPPED
    assert "stepwise" in found.checks[0].message


@pytest.mark.slow
def test_a_witness_of_a_closed_loop_replays_without_the_problem():
    defect = next(d for d in DEFECTS if d.name == "clips-by-norm")
    found = check(defect.target, dtypes=("float32",), only=("ADAM-CV-11",))
    witness = read_witness(witness_document(found.checks[0].witness))
    assert "problem" not in witness.how
    assert replay(defect.target, witness).verdict is Verdict.DEVIATES
    assert replay(zoo_target("textbook"), witness).verdict is Verdict.HELD


# closed loops ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def session():
    with Session(NUMPY) as made:
        yield made


def context_of(session, dtype="float64", spec="adam"):
    return Context(session, parse_spec(spec), format_named(dtype), profile_named("quick"))


@pytest.mark.parametrize("dtype", WIDE)
def test_changing_rates_are_judged_and_replayed(session, dtype):
    context, account = context_of(session, dtype), Account()
    lrs = 0.25 / np.sqrt(np.arange(1.0, 25.0))
    trajectory = _on(context, {"problem": "rotated"}, 24, DYADIC, lrs=lrs)
    assert close(context, account, trajectory)
    assert account.examples == 24 * 6


@pytest.mark.slow
def test_a_defect_under_changing_rates_has_a_witness_that_replays():
    defect = next(d for d in DEFECTS if d.name == "stale-v")
    found = check(defect.target, dtypes=("float64",), only=("ADAM-CV-3",))
    outcome = found.checks[0]
    assert outcome.status is Status.FAILED
    assert "α changes" in outcome.message
    assert outcome.witness.comparison is not None
    witness = read_witness(witness_document(outcome.witness))
    assert len(witness.how["lrs"]) == len(witness.grads)
    assert replay(defect.target, witness).verdict is Verdict.DEVIATES
    assert replay(zoo_target("textbook"), witness).verdict is Verdict.HELD
