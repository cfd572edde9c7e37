"""Honest evaluation orders conform: a false alarm is a defect of adamcheck, and so is "undecided".

The largest error in units of the envelope is printed for each: how much of it honest orders use.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from unittest import mock

import pytest
from gate_power.cases import SPECS
from zoo import HONEST
from zoo.family import FAMILY_HONEST
from zoo.record import Honest

import adamcheck
from adamcheck.engine import unit
from adamcheck.formats import FORMATS
from adamcheck.result import Status, Verdict
from adamcheck.spec import parse_spec

from .planted import located

# one format of one order of each arithmetic family; everything else is slow
FAST = {
    ("textbook", "float64"),
    ("fused-multiply-add", "float32"),
    ("array-scalars", "float32"),
    ("run-loop", "float32"),
    ("torch-like", "float16"),
    ("wide-before-storage", "bfloat16"),
}


def _cases() -> Iterator[pytest.ParameterSet]:
    for honest in HONEST:
        for dtype in honest.dtypes:
            marks = [] if (honest.name, dtype) in FAST else [pytest.mark.slow]
            yield pytest.param(honest, dtype, id=f"{honest.name}-{dtype}", marks=marks)


CASES: Any = list(_cases())


def test_the_fast_cases_exist():
    assert {(p.values[0].name, p.values[1]) for p in CASES if not p.marks} == FAST


@pytest.mark.parametrize(("honest", "dtype"), CASES)
def test_an_honest_order_conforms(honest: Honest, dtype: str, capsys):
    ratios: dict[str, float] = {}
    settle = unit.passed

    def noted(counted, account, *, floor):
        ratios[counted.name] = account.ratio
        return settle(counted, account, floor=floor)

    with mock.patch.object(unit, "passed", noted):
        result = adamcheck.check(
            located(honest.target), spec=honest.spec, dtypes=(dtype,), options=dict(honest.options)
        )
    said = [(c.name, c.status.value, c.message) for c in result.checks if c.message]
    assert result.verdict is Verdict.CONFORMS, said
    assert {c.status for c in result.checks} <= {Status.PASSED, Status.SKIPPED}, said
    assert result.identified is None
    narrow = {f.dtype for f in result.findings if f.name == "scalar-precision"}
    assert not narrow or honest.scalars == "array", result.findings
    check, worst = max(ratios.items(), key=lambda pair: pair[1])
    with capsys.disabled():
        print(f"\n{honest.name} [{dtype}]: at most {worst:.3f} of the envelope, in {check}")
    assert 0.0 < worst <= 1.0


RESTING = ("ADAM-FS-1", "ADAM-SB-2", "ADAM-SB-4", "ADAM-FG-1", "ADAM-RL-1")
"""Checks with zeros before, between and after gradients, and those with the least coverage."""


def _plain() -> Iterator[pytest.ParameterSet]:
    for spec in dict.fromkeys(SPECS):
        for dtype in FORMATS:
            for profile in ("quick", "ci"):
                yield pytest.param(spec, dtype, profile, id=f"{spec}-{dtype}-{profile}")


@pytest.mark.slow
@pytest.mark.parametrize(("spec", "dtype", "profile"), list(_plain()))
def test_the_plain_order_of_every_spec_conforms(spec: str, dtype: str, profile: str):
    result = adamcheck.check(
        f"adamcheck.mutations.honest:{spec}", spec=spec, dtypes=(dtype,), profile=profile
    )
    said = [(c.name, c.status.value, c.message) for c in result.checks if c.message]
    assert result.verdict is Verdict.CONFORMS, said


@pytest.mark.parametrize("dtype", ["float64", "bfloat16"])
@pytest.mark.parametrize(
    "spec",
    [
        "adamw",
        "nadam",
        "rmsprop[momentum=yes]",
        "rmsprop[centered=yes,decay=l2]",
        "rmsprop[centered=yes,momentum=yes]",
    ],
)
def test_zeros_are_decided_where_theta_moves_without_a_gradient(spec: str, dtype: str):
    result = adamcheck.check(
        f"adamcheck.mutations.honest:{spec}", spec=spec, dtypes=(dtype,), only=RESTING
    )
    told = {c.name: (c.status, c.message) for c in result.checks}
    assert {status for status, _ in told.values()} <= {Status.PASSED, Status.SKIPPED}, told
    assert told["ADAM-SB-2"][0] is Status.PASSED
    assert not [f for f in result.findings if "zero" in f.name]


STATE = ("ADAM-SV-1", "ADAM-SV-2", "ADAM-SV-3")


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("decay", ["none", "l2"])
@pytest.mark.parametrize(
    "base", ["rmsprop[centered=yes,momentum=yes]", "rmsprop[momentum=yes]", "adamax"]
)
def test_a_state_that_is_not_known_exactly_is_skipped_with_its_reason(base, decay, dtype):
    spec = parse_spec(base)
    spec = replace(spec, decay=decay)
    result = adamcheck.check(
        f"adamcheck.mutations.honest:{spec}", spec=str(spec), dtypes=(dtype,), only=STATE
    )
    told = {c.name: (c.status, c.message) for c in result.checks}
    assert {status for status, _ in told.values()} <= {Status.PASSED, Status.SKIPPED}, told


SHORT = ("ADAM-LS-1", "ADAM-LS-2", "ADAM-LS-3", "ADAM-LS-4", "ADAM-LS-5", "ADAM-HP-1", "ADAM-SF-1")
"""Short runs, for which no kernels are compiled: the relatives are many specs."""


@pytest.mark.slow
@pytest.mark.parametrize("honest", FAMILY_HONEST, ids=lambda h: h.name)
def test_an_honest_relative_conforms(honest: Honest):
    result = adamcheck.check(
        located(honest.target),
        spec=honest.spec,
        dtypes=honest.dtypes,
        options=dict(honest.options),
        only=SHORT,
    )
    said = [(c.name, c.dtype, c.status.value, c.message) for c in result.checks if c.message]
    assert result.verdict is Verdict.HELD, said
