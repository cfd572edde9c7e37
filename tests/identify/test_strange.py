"""Identification ends on rules that are no dialect, and what it says of them is true."""

from __future__ import annotations

import pytest

import adamcheck

from . import strange

FAR = ("lion", "adan", "lamb", "adabelief", "random_steps", "huge", "cubed",
       "ascends", "rectified_at_one")  # fmt: skip
FAST = ("lion", "unchanged", "adafactor_like", "raising", "always_nan")


def identified(name: str):
    return adamcheck.identify(f"{strange.__file__}:{name}")


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(f.__name__, marks=() if f.__name__ in FAST else pytest.mark.slow)
        for f in strange.NO_DIALECTS
    ],
)
def test_it_ends_and_says_nothing_that_contradicts_itself(name):
    report = identified(name)
    said = [f.message for f in report.findings]
    found = report.identification
    if found is None:
        assert report.error
        return
    said.append(found.regime)
    assert not any("Error" in text for text in said)
    assert found.kind != "dialect" or found.fixed
    deviations = [deviation for _, deviation in found.candidates]
    assert deviations == sorted(deviations)
    # a factor at every step is a fact of the target, whatever rule it is told by
    by_factor = f"that of {found.spec} times" in found.regime
    if found.edit is None:
        assert found.spec == found.candidates[0][0] or by_factor
    if not found.near:
        assert found.spec not in found.regime or by_factor
        assert "nearest" not in adamcheck_evidence(found)
    named = {f.name for f in report.findings}
    assert not named & {"scalars", "weight-decay", "amsgrad", "weight_decay"}


def adamcheck_evidence(found) -> str:
    from adamcheck.reports.summary import evidence

    return evidence(found)


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=() if n == "lion" else pytest.mark.slow) for n in FAR]
)
def test_a_rule_of_another_kind_is_near_to_none(name):
    found = identified(name).identification
    assert found is not None
    assert not found.near or found.edit is not None
    assert found.unexplained >= 0.5


def test_descent_by_signs_is_an_adam_without_averages():
    found = identified("sign_descent").identification
    assert found is not None
    assert found.kind == "dialect"
    assert found.fixed["beta1"][0] == found.fixed["beta2"][0] == 0.0


def test_what_stands_still_is_called_that():
    found = identified("unchanged").identification
    assert found is not None
    assert found.regime == "θ does not move: no step of any run changes a bit"
    assert not found.near


def test_what_is_near_is_named_with_what_it_leaves_open():
    found = identified("adafactor_like").identification
    assert found is not None
    assert found.near
    assert found.spec.startswith("rmsprop")
    assert 0.0 < found.unexplained < 0.1
    assert "% of the movement is left open" in adamcheck_evidence(found)


def test_defaults_are_among_what_is_said():
    report = identified("lion")
    assert report.defaults.values == {"lr": 1e-4, "beta1": 0.9, "beta2": 0.99}
