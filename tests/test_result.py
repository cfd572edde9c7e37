"""The result model: the verdict fails closed, whatever outcomes come together."""

from __future__ import annotations

from itertools import combinations_with_replacement

import pytest

from adamcheck.errors import AdamcheckError, TargetError, UsageError, closest
from adamcheck.result import DeviationError, Status, Verdict, verdict_of

GOOD = {Status.PASSED, Status.WAIVED, Status.SKIPPED}


def outcomes():
    for size in range(4):
        yield from combinations_with_replacement(Status, size)


@pytest.mark.parametrize("error", ["", "a worker was lost"])
def test_conforms_needs_a_pass_and_nothing_bad(samples, error):
    for statuses in outcomes():
        checks = tuple(samples.check(status=s, message="why") for s in statuses)
        verdict = verdict_of(checks, error=error)
        may = not error and set(statuses) <= GOOD and Status.PASSED in statuses
        assert (verdict is Verdict.CONFORMS) == may, statuses


def test_a_deviation_seen_is_a_deviation_whatever_else_went_wrong(samples):
    for statuses in outcomes():
        checks = tuple(samples.check(status=s) for s in statuses)
        for error in ("", "crashed"):
            seen = bool({Status.FAILED, Status.STALE_WAIVER} & set(statuses))
            assert (verdict_of(checks, error=error) is Verdict.DEVIATES) == seen


def test_a_pass_on_no_example_is_no_pass(samples):
    assert verdict_of((samples.check(examples=0),)) is Verdict.ERROR
    assert verdict_of((samples.check(examples=0), samples.check())) is Verdict.CONFORMS


def test_a_skip_needs_a_reason(samples):
    silent = samples.check(status=Status.SKIPPED)
    assert verdict_of((samples.check(), silent)) is Verdict.ERROR
    told = samples.check(status=Status.SKIPPED, message="no moments")
    assert verdict_of((samples.check(), told)) is Verdict.CONFORMS


def test_nothing_is_no_verdict():
    assert verdict_of(()) is Verdict.ERROR


def test_exit_codes():
    assert [verdict.exit_code for verdict in Verdict] == [0, 1, 3]
    assert (UsageError.exit_code, TargetError.exit_code, AdamcheckError.exit_code) == (2, 3, 3)


def test_counts_name_only_what_occurred(samples):
    assert samples.conforming().counts == {"passed": 4, "skipped": 1}


def test_raising_names_the_first_failure(samples):
    samples.conforming().raise_for_deviation()
    with pytest.raises(DeviationError) as caught:
        samples.deviating().raise_for_deviation()
    assert str(caught.value) == (
        "odd.optim:Adam deviates (adam): ADAM-EPS-1 [float32] update differs at step 2 of 3"
    )
    assert caught.value.result.target == "odd.optim:Adam"
    assert caught.value.exit_code == 1
    with pytest.raises(DeviationError, match="hung at step 7") as caught:
        samples.broken().raise_for_deviation()
    assert caught.value.exit_code == 3


def test_error_is_the_distance(samples):
    assert samples.comparison(observed=1.5, exact=2.0).error == 0.5


@pytest.mark.parametrize(
    ("word", "hint"), [("flaot32", " Did you mean 'float32'?"), ("zzz", ""), ("", "")]
)
def test_the_closest_word(word, hint):
    assert closest(word, ("float32", "bfloat16")) == hint


def test_what_resembles_nothing_has_no_closest_word():
    assert closest("nosuch", ("torch", "optax")) == ""
    assert closest("trch", ("torch", "optax")) == " Did you mean 'torch'?"
    assert closest("bc", ("ADAM-EL-1", "ADAM-BC-1", "ADAM-BC-2")) == " Did you mean 'ADAM-BC-1'?"
