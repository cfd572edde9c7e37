"""The result model: the verdict fails closed, whatever outcomes come together."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations_with_replacement

import pytest

from adamcheck.errors import AdamcheckError, TargetError, UsageError, closest
from adamcheck.result import DeviationError, Status, Verdict, verdict_of

ONE_FORMAT = {"checks": ("ADAM-BC-1",), "of": ("ADAM-BC-1",), "dtypes": ("float64",)}

GOOD = {Status.PASSED, Status.WAIVED, Status.SKIPPED}


def outcomes():
    for size in range(4):
        yield from combinations_with_replacement(Status, size)


@pytest.mark.parametrize("error", ["", "a worker was lost"])
def test_conforms_needs_a_pass_and_nothing_bad(samples, error):
    for statuses in outcomes():
        checks = tuple(samples.check(status=s, message="why") for s in statuses)
        verdict = verdict_of(checks, scope=samples.scope(**ONE_FORMAT), error=error)
        may = not error and set(statuses) <= GOOD and Status.PASSED in statuses
        assert (verdict is Verdict.CONFORMS) == may, statuses


def test_a_deviation_seen_is_a_deviation_whatever_else_went_wrong(samples):
    for statuses in outcomes():
        checks = tuple(samples.check(status=s) for s in statuses)
        for error in ("", "crashed"):
            seen = bool({Status.FAILED, Status.STALE_WAIVER} & set(statuses))
            assert (verdict_of(checks, error=error) is Verdict.DEVIATES) == seen


def test_a_pass_on_no_example_is_no_pass(samples):
    scope = samples.scope(**ONE_FORMAT)
    assert verdict_of((samples.check(examples=0),), scope=scope) is Verdict.ERROR
    both = (samples.check(examples=0), samples.check())
    assert verdict_of(both, scope=scope) is Verdict.CONFORMS


def test_a_skip_needs_a_reason(samples):
    scope = samples.scope(**ONE_FORMAT)
    silent = samples.check(status=Status.SKIPPED)
    assert verdict_of((samples.check(), silent), scope=scope) is Verdict.ERROR
    told = samples.check(status=Status.SKIPPED, message="no moments")
    assert verdict_of((samples.check(), told), scope=scope) is Verdict.CONFORMS


PARTS = [
    {"checks": ("ADAM-BC-1",)},
    {"of": ("ADAM-BC-1", "ADAM-LS-1", "ADAM-XX-1")},
    {"of": ()},
    {"replayed": True},
]


@pytest.mark.parametrize("part", PARTS, ids=lambda part: next(iter(part)))
def test_a_part_of_the_profile_is_held_and_never_conforms(samples, part):
    checks = samples.conforming().checks
    scope = samples.scope(**part)
    assert not scope.complete
    assert verdict_of(checks, scope=scope) is Verdict.HELD
    with pytest.raises(ValueError, match="a complete profile only"):
        replace(samples.conforming(), scope=scope)


def test_what_nobody_says_the_scope_of_is_held(samples):
    assert verdict_of(samples.conforming().checks) is Verdict.HELD
    with pytest.raises(ValueError, match="a complete profile only"):
        replace(samples.conforming(), scope=None)


def test_a_format_left_out_leaves_the_profile_complete_and_is_named(samples):
    scope = samples.scope(dtypes=("float64",))
    assert scope.complete
    assert verdict_of(samples.conforming().checks, scope=scope) is Verdict.CONFORMS


def test_a_check_without_an_outcome_is_an_error(samples):
    result = samples.conforming()
    for lost in range(4):
        left = tuple(c for k, c in enumerate(result.checks) if k != lost)
        assert verdict_of(left, scope=result.scope) is Verdict.ERROR
        (pair,) = result.scope.lost(left)
        assert pair == (result.checks[lost].name, result.checks[lost].dtype)


def test_a_partial_run_is_accepted_only_where_that_is_said(samples):
    held = samples.held()
    assert not held.conforms
    assert (held.exit_code(), held.exit_code(allow_partial=True)) == (3, 0)
    held.raise_for_deviation(allow_partial=True)
    with pytest.raises(DeviationError, match=r"held .* 1 of 2 checks; pass allow_partial=True"):
        held.raise_for_deviation()
    for bad in (samples.deviating(), samples.broken()):
        assert bad.exit_code(allow_partial=True) == bad.verdict.exit_code != 0
        with pytest.raises(DeviationError):
            bad.raise_for_deviation(allow_partial=True)


def test_nothing_is_no_verdict():
    assert verdict_of(()) is Verdict.ERROR


def test_exit_codes():
    assert [verdict.exit_code for verdict in Verdict] == [0, 3, 1, 3]
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
