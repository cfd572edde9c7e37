"""Values that a target does not let be set are found, as intervals, and used where it is judged."""

from pathlib import Path

import pytest

import adamcheck
from adamcheck.reports.documents import identification_document
from adamcheck.result import Verdict

CHOICES = str(Path(__file__).parents[1] / "targets" / "choices.py")


@pytest.mark.parametrize(
    ("name", "fixed"),
    [
        ("fixed", {"beta1": 0.9, "beta2": 0.99}),  # what people use
        ("odd", {"beta1": 0.8125, "beta2": 0.9973, "eps": 3e-6}),
        ("insists", {"beta1": 0.9}),  # it takes the name, and no other value
    ],
)
def test_values_are_found_between_ends_that_fit(name, fixed):
    report = adamcheck.identify(f"{CHOICES}:{name}")
    found = report.identification
    assert (found.spec, found.kind) == ("adam", "dialect")
    assert {n: value for n, (value, _, _) in found.fixed.items()} == fixed
    for value, low, high in found.fixed.values():
        assert value * (1 - 2.0**-20) < low <= value <= high < value * (1 + 2.0**-20)
    assert identification_document(found)["fixed"].keys() == fixed.keys()
    assert [f.message for f in report.findings if f.name == "fixed"]


def test_values_that_are_declared_are_not_looked_for():
    report = adamcheck.identify(f"{CHOICES}:fixed", fixed={"beta1": 0.9, "beta2": 0.99})
    assert report.identification.spec == "adam"
    assert not report.identification.fixed


def test_a_target_that_is_found_is_judged_at_what_was_found():
    result = adamcheck.check(
        f"{CHOICES}:fixed", spec="auto", only=("ADAM-LS-1", "ADAM-RL-1"), dtypes="float32"
    )
    assert result.verdict is Verdict.HELD, result.error
    assert result.scope.declared.fixed == {"beta1": 0.9, "beta2": 0.99}
