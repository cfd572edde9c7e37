"""Calls that give nothing, states in other formats, groups: what is asked, refused and said."""

from __future__ import annotations

from pathlib import Path

import pytest
from installed import needs

import adamcheck
from adamcheck.properties.context import Meaning
from adamcheck.result import Status, Verdict

CALLING = str(Path(__file__).with_name("calling.py"))
CHOICES = str(Path(__file__).with_name("choices.py"))
THIN = str(Path(__file__).with_name("thin_torch.py"))
CONDUCT, MANNERS = "adamcheck.mutations.conduct", "adamcheck.mutations.manners"
USUAL = {"beta1": 0.9, "beta2": 0.999}


def held(target, check, *, dtypes="float32", **how):
    """The outcome of one check, the findings by name, and the verdict."""
    result = adamcheck.check(target, only=check, dtypes=dtypes, **how)
    found: dict[str, list[str]] = {}
    for one in result.findings:
        found.setdefault(one.name, []).append(one.message)
    return result.checks[0], found, result


def test_words_of_a_refusal_decide_nothing():
    one, found, _ = held(f"{CALLING}:Refuses", "ADAM-NG-1")
    assert one.status is Status.PASSED
    assert "empty-call" not in found
    assert "nothing to count" in found["empty-call-refused"][0]
    one, _, _ = held(f"{CALLING}:RefusesAndForgets", "ADAM-NG-1")
    assert one.status is Status.FAILED


def test_a_refused_call_fails_where_choices_do():
    one, _, result = held(f"{CALLING}:Refuses", "ADAM-NG-1", strict_interface=True)
    assert result.verdict is Verdict.DEVIATES
    assert "a step without any gradient is refused" in one.message


def test_a_choice_is_the_same_at_all_steps():
    assert held(f"{CALLING}:CountsAtTimes", "ADAM-NG-1")[0].status is Status.FAILED
    assert held(f"{CHOICES}:SkipsCountedLate", "ADAM-NF-1")[0].status is Status.FAILED


@pytest.mark.parametrize("fixed", [{}, USUAL], ids=["free", "fixed"])
@pytest.mark.parametrize(("act", "meant"), [("count", "advances"), ("zero", "is one of zero")])
def test_an_honest_convention_is_named(act, meant, fixed):
    one, found, _ = held(
        f"{CONDUCT}:adam", "ADAM-NG-1", options={"fault": f"idle act={act}"}, fixed=fixed
    )
    assert one.status is Status.PASSED, one.message
    assert any(meant in text for text in found["empty-call"])


@pytest.mark.parametrize("spec", ["adam[decay=l2]", "adam[amsgrad=vhat]"])
def test_what_follows_a_guarded_step_is_judged(spec):
    for way, status in (("count", Status.PASSED), ("half", Status.FAILED)):
        one, _, _ = held(f"{MANNERS}:{spec}@[guard;way={way}]", "ADAM-NF-1", spec=spec)
        assert one.status is status, (way, one.message)


def test_moments_that_are_infinite_have_no_bound():
    order = {"fault": "idle act=zero", "order": "(1-p1'):expm1 wide=float64"}
    one, _, _ = held(f"{CONDUCT}:adamax", "ADAM-NF-1", spec="adamax", options=order)
    assert one.status is Status.PASSED, one.message


def test_few_digits_do_not_hide_what_a_guard_spoils():
    one, _, _ = held(
        f"{MANNERS}:nadam@[guard;way=half]", "ADAM-NF-1", spec="nadam", dtypes="bfloat16"
    )
    assert one.status is Status.FAILED


def test_few_digits_do_not_hide_a_count_of_three():
    fault = {"fault": "idle act=ahead by=3"}
    one, _, _ = held(f"{CONDUCT}:adam", "ADAM-NG-1", options=fault, dtypes="bfloat16")
    assert one.status is Status.FAILED


@pytest.mark.library
def test_a_closure_under_rounding_by_chance_is_held_to_the_envelope():
    needs("torch")
    one, found, _ = held(
        "torch.optim:Adam", "ADAM-NG-1", spec="adam[rounding=stochastic]", dtypes="bfloat16"
    )
    assert one.status is Status.PASSED, one.message
    assert any("closure" in text for text in found["not-asked"])


def test_rounding_by_chance_is_asked_of_calls():
    spec = "adam[arithmetic=float32,rounding=stochastic]"
    one, _, _ = held(
        f"adamcheck.mutations.stored:{spec}", "ADAM-NG-1", spec=spec, dtypes="bfloat16"
    )
    assert one.status is Status.PASSED, one.message
    assert one.examples > 0


def test_steps_that_were_never_run_are_loaded_ones_alone():
    _, _, result = held(f"{CONDUCT}:adam", "ADAM-NG-1", options={"fault": "idle act=count"})
    assert {one.loaded for one in result.horizons} == {0}


def test_meanings_are_read_back_from_text():
    assert [Meaning(str(one)) for one in Meaning] == list(Meaning)


@pytest.mark.library
def test_a_closure_is_asked_of_those_that_refuse_calls():
    needs("torch")
    one, _, _ = held(f"{THIN}:GradientlessAndTwice", "ADAM-NG-1")
    assert one.status is Status.FAILED
    assert "closure" in one.message


@pytest.mark.library
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("foreach", [False, True])
def test_torch_goes_on_from_states_in_other_formats(dtype, foreach):
    needs("torch")
    one, _, _ = held("torch.optim:Adam", "ADAM-SV-3", dtypes=dtype, options={"foreach": foreach})
    assert one.status is Status.PASSED, one.message


@pytest.mark.library
def test_a_refused_state_is_a_choice_and_a_lost_count_is_wrong():
    needs("torch")
    target = f"{THIN}:OwnFormatsOnly"
    one, found, _ = held(target, "ADAM-SV-3")
    assert one.status is Status.PASSED
    assert all("is refused: ValueError" in text for text in found["stored-state"])
    one, _, result = held(target, "ADAM-SV-3", strict_interface=True)
    assert result.verdict is Verdict.DEVIATES
    assert "is refused: ValueError" in one.message
    one, _, _ = held(f"{THIN}:Recounts", "ADAM-SV-3")
    assert one.status is Status.FAILED, found


def test_groups_in_which_nothing_may_differ_are_not_asked():
    fixed = {"lr": 0.5, "eps": 2.0**-9, "beta1": 0.5, "beta2": 0.75}
    one, _, _ = held(f"{CONDUCT}:adam", "ADAM-PG-1", fixed=fixed)
    assert one.status is Status.SKIPPED
    assert "no hyperparameter of a group may be set" in one.message
