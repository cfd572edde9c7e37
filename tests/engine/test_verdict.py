"""The verdict: it fails closed, and no trouble makes it better."""

from __future__ import annotations

from checks.planted import located
from hypothesis import given
from hypothesis import strategies as st

from adamcheck.result import CheckResult, Scope, Status, Verdict, verdict_of

ALL = Scope("quick", ("ADAM-XX-1",), ("ADAM-XX-1",), ("float64",), ("float64",))
CONFORMING = (Status.PASSED, Status.WAIVED, Status.SKIPPED)
STRICTNESS = (Status.FAILED, Status.STALE_WAIVER, Status.ERROR, Status.INCONCLUSIVE)


def troubled(name):
    return located("tests/checks/troubled.py") + f":{name}"


def outcome(status, *, examples=0, message=""):
    return CheckResult(
        name="ADAM-XX-1",
        family="agreement",
        theorem="",
        law="",
        status=status,
        dtype="float64",
        examples=examples,
        message=message,
    )


OUTCOMES = st.lists(
    st.builds(
        outcome,
        st.sampled_from(Status),
        examples=st.integers(0, 3),
        message=st.sampled_from(["", "why"]),
    ),
    max_size=6,
).map(tuple)


@given(OUTCOMES, st.sampled_from(["", "broken"]))
def test_a_deviation_seen_is_a_deviation_whatever_else_went_wrong(checks, error):
    deviates = any(c.status in (Status.FAILED, Status.STALE_WAIVER) for c in checks)
    assert (verdict_of(checks, error=error) is Verdict.DEVIATES) == deviates


@given(OUTCOMES, st.sampled_from(["", "broken"]))
def test_conforming_needs_everything(checks, error):
    needs = (
        not error
        and any(c.status is Status.PASSED and c.examples > 0 for c in checks)
        and all(c.status in CONFORMING for c in checks)
        and all(c.message for c in checks if c.status is Status.SKIPPED)
    )
    assert (verdict_of(checks, scope=ALL, error=error) is Verdict.CONFORMS) == needs
    assert verdict_of(checks, error=error) is not Verdict.CONFORMS


@given(OUTCOMES, st.sampled_from(Status), st.sampled_from(["", "broken"]))
def test_more_trouble_never_makes_it_better(checks, status, error):
    before = verdict_of(checks, scope=ALL)
    after = verdict_of((*checks, outcome(status)), scope=ALL, error=error)
    if before is Verdict.DEVIATES:
        assert after is Verdict.DEVIATES
    if status in STRICTNESS or error:
        assert after is not Verdict.CONFORMS


@given(OUTCOMES)
def test_the_order_of_the_checks_does_not_matter(checks):
    assert verdict_of(checks, scope=ALL) is verdict_of(checks[::-1], scope=ALL)


def test_the_empty_run_is_an_error_and_codes_are_those_of_the_design():
    assert verdict_of(()) is Verdict.ERROR
    assert verdict_of((outcome(Status.PASSED, examples=0),)) is Verdict.ERROR
    codes = {verdict.value: verdict.exit_code for verdict in Verdict}
    assert codes == {"conforms": 0, "deviates": 1, "held": 3, "error": 3}
