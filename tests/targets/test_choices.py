"""Choices of the interface are told and fail nobody; what only looks like one fails."""

import pytest

import adamcheck
from adamcheck.errors import TargetError, UsageError
from adamcheck.formats import format_named
from adamcheck.profiles import profile_named
from adamcheck.properties import hold
from adamcheck.properties.context import Account, Context
from adamcheck.result import Status, Verdict
from adamcheck.spec import parse_spec
from adamcheck.targets.session import Session

from .helpers import HERE

CHOICES = str(HERE / "choices.py")
SOME = ("ADAM-HP-1", "ADAM-SH-1", "ADAM-EL-1", "ADAM-EL-4", "ADAM-FZ-1", "ADAM-RL-1")


def checked(name, *, only=SOME, dtypes="float32", **how):
    return adamcheck.check(f"{CHOICES}:{name}", only=only, dtypes=dtypes, **how)


def told(result):
    return {f.message for f in result.findings if f.name == "interface"}


@pytest.mark.parametrize(
    ("name", "check", "text"),
    [
        ("SkipsUncounted", "ADAM-NF-1", "is skipped as a whole, and not counted"),
        ("SkipsCounted", "ADAM-NF-1", "is skipped as a whole, and counted"),
        ("TakesZeros", "ADAM-NF-1", "is taken as one of zero gradients"),
        ("Filters", "ADAM-NF-1", "gradients are filtered"),
        ("Refuses", "ADAM-NF-1", "a NaN or infinite gradient is refused: FloatingPointError"),
        ("NoScalars", "ADAM-SH-1", "refuses 0-d arrays: ValueError"),
        ("VectorsOnly", "ADAM-SH-1", "refuses 2-d arrays: ValueError"),
        ("VectorsOnly", "ADAM-EL-1", "refuses arrays of no elements: ValueError"),
        ("Contiguous", "ADAM-LY-1", "refuses a gradient in strided layout: ValueError"),
        ("ChecksRateOnly", "ADAM-HP-2", "although it refuses other senseless hyperparameters"),
        ("ComplexBeyond", "ADAM-HP-2", "accepts beta2=1.5, and gives no parameter back"),
    ],
)
def test_a_choice_is_told_and_fails_where_that_is_asked(name, check, text):
    result = checked(name, only=check)
    assert result.verdict is Verdict.HELD, [(c.name, c.message) for c in result.checks]
    assert any(text in message for message in told(result)), told(result)
    strict = checked(name, only=check, strict_interface=True)
    assert strict.verdict is Verdict.DEVIATES


def test_a_target_that_refuses_what_a_check_asks_is_not_asked():
    (outcome,) = checked("VectorsOnly", only="ADAM-CV-14").checks
    assert (outcome.status, outcome.message) == (
        Status.SKIPPED,
        "the target refuses arrays of 1 element",
    )


@pytest.mark.parametrize("name", ["Spreads", "SkipsHalf"])
def test_what_spoils_other_numbers_is_no_choice(name):
    (outcome,) = checked(name, only="ADAM-NF-1").checks
    assert outcome.status is Status.FAILED


@pytest.mark.parametrize(("name", "inexact"), [("of_floats", True), ("Plain", False)])
def test_powers_of_pythons_floats_are_held_to_the_envelope(name, inexact):
    with Session(f"{CHOICES}:{name}") as session:
        fmt = format_named("float64")
        context = Context(session, parse_spec("adam"), fmt, profile_named("quick"))
        grads = context.rng("many").standard_normal((4, 4096))
        account, trajectory = Account(), context.trajectory(grads, hyper=context.dyadic)
        assert hold(context, account, trajectory, "scaling", k=3)
        told = {f.name for f in context.findings}
        assert told == ({"inexact-functions"} if inexact else set())


@pytest.mark.parametrize("check", ["ADAM-FS-1", "ADAM-LS-5"])
def test_an_overflow_that_raises_is_told(check):
    result = checked("of_floats", only=check, dtypes="float64")
    assert result.verdict is Verdict.HELD, [(c.name, c.message) for c in result.checks]
    assert any("gradients whose squares leave the range" in text for text in told(result))


def test_an_array_that_is_of_no_kind_cannot_be_refused():
    (outcome,) = checked("SomeMatrices", only="ADAM-SH-1").checks
    assert outcome.status is Status.ERROR
    assert "others of its kind are not" in outcome.message


def test_declared_limits_are_not_asked_for_and_are_said():
    result = checked("Declares", only=SOME)
    assert result.verdict is Verdict.HELD, [(c.name, c.message) for c in result.checks]
    assert not told(result)
    declared = result.scope.declared
    assert (
        declared.told() == "arrays of one axis only, arrays of at least 2 elements, beta1 above 0"
    )
    (skipped,) = (c for c in result.checks if c.name == "ADAM-RL-1")
    assert skipped.message == "beta1 is declared to be above 0"


@pytest.mark.parametrize(
    ("name", "takes"),
    [
        ("Thin", {"lr", "beta1", "beta2", "eps"}),
        ("Narrowed", {"lr", "beta1", "eps"}),
        ("Mixed", {"lr", "beta1", "beta2", "eps"}),
        ("Own", {"lr", "beta1", "beta2", "eps"}),
        ("OwnRate", {"lr", "beta1", "beta2", "eps"}),
        ("OwnWords", {"lr", "beta1"}),
        ("complains", {"lr", "eps"}),
        ("made", {"lr", "beta1", "beta2", "eps"}),
        ("Partial", {"lr", "beta1", "beta2", "eps"}),
        ("hidden", {"lr", "beta1", "beta2", "eps"}),
        ("forwards", {"lr", "beta1", "beta2", "eps"}),
        ("fixed", {"lr", "eps"}),
        ("insists", {"lr", "beta2", "eps"}),
    ],
)
def test_the_real_signature_is_found(name, takes):
    with Session(f"{CHOICES}:{name}") as session:
        assert session.description.hyperparameters == takes


def test_a_word_that_is_handed_on_and_refused_is_told():
    with Session(f"{CHOICES}:Narrowed") as session:
        (told,) = session.description.notes
    assert told.startswith("hands on beta2, and refuses it: TypeError: ")
    for silent in ("Thin", "Own", "complains"):
        with Session(f"{CHOICES}:{silent}") as session:
            assert session.description.notes == ()


@pytest.mark.parametrize(
    ("name", "can", "cannot"),
    [
        ("Grouping", {"groups", "assigned"}, {"moments"}),
        ("Rateless", {"groups"}, {"assigned"}),
        ("Written", {"assigned"}, {"groups"}),
        ("Plain", set(), {"groups", "assigned"}),
    ],
)
def test_abilities_are_those_of_an_instance(name, can, cannot):
    with Session(f"{CHOICES}:{name}") as session:
        abilities = session.description.abilities
    assert can <= abilities
    assert not cannot & abilities


@pytest.mark.parametrize(
    ("name", "check"),
    [("Grouping", "ADAM-PG-1"), ("Grouping", "ADAM-CR-1"), ("Written", "ADAM-CR-1")],
)
def test_what_an_instance_alone_has_is_used(name, check):
    (outcome,) = checked(name, only=check).checks
    assert outcome.status is Status.PASSED, outcome.message


@pytest.mark.parametrize(
    ("name", "fixed"),
    [
        ("fixed", {"beta1": 0.9, "beta2": 0.99}),
        ("insists", {"beta1": 0.9}),
        ("Narrowed", {"beta2": 0.99}),
    ],
)
def test_fixed_hyperparameters_are_judged_at_their_values(name, fixed):
    result = checked(name, only=("ADAM-LS-1", "ADAM-HP-1", "ADAM-SC-2"), fixed=fixed)
    assert result.verdict is Verdict.HELD, [(c.name, c.message) for c in result.checks]
    assert result.scope.declared.fixed == fixed


def test_what_cannot_be_set_is_what_users_have():
    fixed = {"beta1": 0.9, "beta2": 0.99}
    result = checked("fixed", only="ADAM-LS-1", fixed=fixed, defaults="strict")
    assert result.verdict is Verdict.DEVIATES
    (wrong,) = (f for f in result.findings if f.name == "wrong-default")
    assert wrong.message.startswith("the default of beta2 is 0.99, not 0.999")


def test_another_value_than_the_real_one_deviates():
    assert checked("fixed", only="ADAM-LS-1", fixed={"beta1": 0.9, "beta2": 0.999}).exit_code() == 1
    with pytest.raises(TargetError, match=r"beta1 must be 0\.9, not 0\.8"):
        checked("insists", fixed={"beta1": 0.8})


def test_a_hyperparameter_that_is_not_taken_has_to_be_named():
    with pytest.raises(UsageError, match="--fixed beta1=… --fixed beta2=…"):
        checked("fixed")
    with pytest.raises(UsageError, match="weight_decay is fixed at"):
        checked("Plain", fixed={"weight_decay": 0.1})
