"""Waivers: what is known is waived; what is unknown, empty, expired or gone fails the run."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from adamcheck.errors import UsageError
from adamcheck.result import Status, Verdict
from adamcheck.waivers import Waiver, apply_waivers, validate_waivers, with_waivers

TODAY = date(2026, 6, 1)
KNOWN = ("ADAM-BC-1", "ADAM-EPS-1")


def a_waiver(**changes):
    values = {"check": "ADAM-EPS-1", "dtype": "float32", "reason": "ε̂ is meant"}
    return Waiver(**{**values, **changes})


def statuses(checks):
    return [check.status for check in checks]


def test_a_covered_failure_is_waived_and_says_why(samples):
    (check,) = apply_waivers([samples.failure()], [a_waiver()], TODAY)
    assert check.status is Status.WAIVED
    assert check.message == "update differs at step 2 of 3 (waived: ε̂ is meant)"
    assert check.witness is not None


def test_a_waiver_covers_its_dtype_only(samples):
    checks = [samples.failure(), samples.failure(dtype="float64")]
    assert statuses(apply_waivers(checks, [a_waiver()], TODAY)) == [Status.WAIVED, Status.FAILED]
    both = apply_waivers(checks, [a_waiver(dtype="any")], TODAY)
    assert statuses(both) == [Status.WAIVED, Status.WAIVED]


def test_a_waiver_whose_deviation_is_gone_is_stale(samples):
    passed = samples.failure(status=Status.PASSED, witness=None)
    (check,) = apply_waivers([passed], [a_waiver()], TODAY)
    assert check.status is Status.STALE_WAIVER
    assert "remove the waiver" in check.message
    (random,) = apply_waivers([passed], [a_waiver()], TODAY, deterministic=False)
    assert random.status is Status.PASSED


def test_a_waiver_for_any_dtype_is_stale_only_when_none_fails(samples):
    passed = samples.failure(status=Status.PASSED, dtype="float64")
    checks = apply_waivers([passed, samples.failure()], [a_waiver(dtype="any")], TODAY)
    assert statuses(checks) == [Status.PASSED, Status.WAIVED]


@pytest.mark.parametrize("status", [Status.SKIPPED, Status.ERROR, Status.INCONCLUSIVE])
def test_only_deviations_are_waived(samples, status):
    check = samples.failure(status=status)
    assert apply_waivers([check], [a_waiver()], TODAY) == (check,)


@pytest.mark.parametrize("status", list(Status))
def test_an_expired_waiver_fails_the_run_whatever_happened(samples, status):
    waiver = a_waiver(expiry=date(2026, 5, 31))
    first, stale = apply_waivers([samples.failure(status=status)], [waiver], TODAY)
    assert first.status is status
    assert stale.status is Status.STALE_WAIVER
    assert stale.message.startswith("the waiver expired on 2026-05-31")


def test_an_expired_waiver_shows_even_where_its_check_did_not_run(samples):
    waiver = a_waiver(expiry=date(2026, 5, 31))
    result = with_waivers(samples.conforming(), [waiver], TODAY)
    assert result.verdict is Verdict.DEVIATES


def test_a_waiver_holds_until_the_end_of_its_day(samples):
    (check,) = apply_waivers([samples.failure()], [a_waiver(expiry=TODAY)], TODAY)
    assert check.status is Status.WAIVED


def test_the_verdict_is_drawn_anew(samples):
    result = samples.deviating()
    waived = with_waivers(result, [a_waiver(dtype="any")], TODAY)
    assert waived.verdict is Verdict.CONFORMS
    assert waived.counts["waived"] == 3
    assert with_waivers(result, [], TODAY) is result


def test_a_waiver_for_another_target_says_nothing(samples):
    result = samples.deviating()
    assert with_waivers(result, [a_waiver(target="other:Adam")], TODAY) is result
    mine = with_waivers(result, [a_waiver(dtype="any", target="odd.optim:Adam")], TODAY)
    assert mine.verdict is Verdict.CONFORMS


def test_a_waiver_never_hides_an_error(samples):
    result = replace(samples.deviating(), error="hung at step 3")
    assert with_waivers(result, [a_waiver(dtype="any")], TODAY).verdict is Verdict.ERROR


@pytest.mark.parametrize(
    ("waiver", "reason"),
    [
        (a_waiver(check="ADAM-ESP-1"), "unknown check 'ADAM-ESP-1'. Did you mean 'ADAM-EPS-1'?"),
        (a_waiver(dtype="float23"), "unknown dtype 'float23'"),
        (a_waiver(reason=" "), "the reason is empty"),
    ],
)
def test_a_wrong_waiver_is_refused_before_the_run(waiver, reason):
    with pytest.raises(UsageError) as caught:
        validate_waivers([waiver], KNOWN)
    assert reason in str(caught.value)


def test_a_waiver_given_twice_is_refused():
    with pytest.raises(UsageError, match="given twice"):
        validate_waivers([a_waiver(), a_waiver(reason="again")], KNOWN)
    validate_waivers([a_waiver(), a_waiver(target="x:y"), a_waiver(dtype="any")], KNOWN)
