"""The gate: what is asked for is what runs, and the same thing is said twice."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from checks.planted import PLANTED, located

import adamcheck
from adamcheck.checks import registry
from adamcheck.checks.registry import Floor, all_checks, check_by_id
from adamcheck.errors import UsageError
from adamcheck.events import CheckFinished, CheckStarted, Note, Progress, RunFinished
from adamcheck.reports.documents import dumps, result_document
from adamcheck.result import DeviationError, Status, Verdict

NUMPY = "adamcheck.implementations:NumpyAdam"
FEW = ("ADAM-LS-1", "ADAM-FS-1", "ADAM-ZG-1", "ADAM-EL-1")


def troubled(name):
    return located("tests/checks/troubled.py") + f":{name}"


# what is asked for


def test_only_and_dtypes_are_what_runs():
    result = adamcheck.check(NUMPY, only=FEW, dtypes=("float32", "float16"))
    assert result.verdict is Verdict.HELD
    assert [(c.dtype, c.name) for c in result.checks] == [
        (dtype, name) for dtype in ("float32", "float16") for name in FEW
    ]
    assert all(c.status is Status.PASSED and c.examples > 0 for c in result.checks)
    assert result.profile == "quick"
    assert result.spec == "adam"
    result.raise_for_deviation(allow_partial=True)
    with pytest.raises(DeviationError, match=r"held .* 4 of \d\d checks"):
        result.raise_for_deviation()


def test_gradient_descent_does_not_conform_to_adam_by_the_choice_of_checks(tmp_path):
    path = tmp_path / "descends.py"
    path.write_text(
        "def make(theta0, *, lr, beta1, beta2, eps):\n"
        "    theta = theta0.copy()\n"
        "    def step(grad):\n"
        "        nonlocal theta\n"
        "        theta = theta - theta.dtype.type(lr) * grad\n"
        "        return theta\n"
        "    return step\n"
    )
    target = f"{path}:make"
    for only in ("ADAM-DT-1", "ADAM-ZG-1", ("ADAM-SF-1", "ADAM-DS-1")):
        result = adamcheck.check(target, only=only, dtypes="float32")
        assert result.verdict is Verdict.HELD
        assert not result.conforms
        assert result.exit_code() == 3
    assert adamcheck.check(target, only="ADAM-LS-1", dtypes="float32").verdict is Verdict.DEVIATES


def test_the_scope_says_what_was_run_and_what_was_not():
    scope = adamcheck.check(NUMPY, only=FEW, dtypes="float32", seed=3).scope
    assert scope.checks == FEW
    assert set(FEW) < set(scope.of)
    assert scope.dtypes == ("float32",)
    assert scope.takes == ("float64", "float32", "float16", "bfloat16")
    assert (scope.profile, scope.seeds, scope.replayed) == ("quick", (3,), False)


def test_naming_every_check_of_the_profile_is_a_complete_run(monkeypatch):
    few = tuple(check_by_id(name) for name in FEW)
    monkeypatch.setattr(registry, "_all", few)
    result = adamcheck.check(NUMPY, only=FEW, dtypes="float64")
    assert result.verdict is Verdict.CONFORMS
    assert result.scope.complete


def test_ids_are_taken_in_any_case():
    result = adamcheck.check(NUMPY, only=("adam-fs-1",), dtypes=("float64",))
    assert [c.name for c in result.checks] == ["ADAM-FS-1"]


def test_the_ci_profile_looks_at_more():
    only, dtypes = ("ADAM-LS-1", "ADAM-EL-3"), ("float32",)
    quick = adamcheck.check(NUMPY, only=only, dtypes=dtypes)
    ci = adamcheck.check(NUMPY, only=only, dtypes=dtypes, profile="ci")
    assert ci.verdict is Verdict.HELD
    assert ci.profile == "ci"
    assert ci.checks[0].examples > 2 * quick.checks[0].examples


def test_a_spec_may_be_an_object_and_is_named_in_full():
    given_ = adamcheck.Spec().with_(eps="hat")
    result = adamcheck.check(NUMPY, spec=given_, only=("ADAM-LS-4",), dtypes=("float64",))
    assert result.spec == "adam[eps=hat]"
    assert result.verdict is Verdict.DEVIATES
    assert result.identified.spec == "adam"


def test_spec_auto_judges_against_what_was_found():
    target = located("tests/zoo/dialects.py") + ":EpsHat"
    only = ("ADAM-LS-4", "ADAM-LS-1")
    result = adamcheck.check(target, spec="auto", only=only, dtypes=("float64",))
    assert result.verdict is Verdict.HELD
    assert (result.spec, result.identified.spec) == ("adam[eps=hat]", "adam[eps=hat]")


def test_spec_auto_of_what_is_no_adam_never_conforms():
    target = located(PLANTED["family-sign"].target)
    result = adamcheck.check(target, spec="auto", only=("ADAM-LS-1",), dtypes=("float64",))
    assert result.verdict is not Verdict.CONFORMS


def test_spec_auto_of_what_no_dialect_can_be_asked_is_an_error_that_says_so():
    result = adamcheck.check(troubled("cubes"), spec="auto", dtypes=("float64",))
    assert result.verdict is Verdict.ERROR
    assert result.checks == ()
    assert result.identified.kind == "not-adam"
    assert "no dialect fits, and target" in result.error
    assert "Name a spec" in result.error


def only(name, *checks, **asked):
    return adamcheck.check(troubled(name), only=checks, dtypes=("float64",), **asked)


def test_a_crash_while_it_is_built_is_no_refusal():
    result = only("crashes_without_eps", "ADAM-LS-1", "ADAM-SC-2")
    assert [c.status for c in result.checks] == [Status.PASSED, Status.ERROR]
    assert result.verdict is Verdict.ERROR


def test_a_refusal_of_what_adam_allows_is_not_passed_over():
    result = only("refuses_no_momentum", "ADAM-LS-1", "ADAM-SB-2")
    assert [c.status for c in result.checks] == [Status.PASSED, Status.ERROR]
    with pytest.raises(DeviationError, match=r"ADAM-SB-2 .* beta1 must be positive"):
        result.raise_for_deviation()


def test_time_cuts_nothing_and_a_cut_that_was_asked_for_is_partial():
    few: Any = {"dtypes": ("float64",), "only": ("ADAM-LS-1", "ADAM-LS-7", "ADAM-BC-1")}
    cut = adamcheck.check(NUMPY, max_steps=200, **few)
    assert cut.verdict is Verdict.HELD
    assert cut.scope.max_steps == 200
    assert "at most 200 steps a run" in cut.scope.share
    assert [f.message for f in cut.findings if f.name == "cut-short"]
    assert cut.horizon.steps == 200
    short = adamcheck.check(NUMPY, max_steps=60, **few)
    assert [c.status for c in short.checks] == [Status.PASSED, Status.PASSED, Status.INCONCLUSIVE]
    assert short.checks[2].message == "needs 130 steps, and a run may take 60"
    assert short.verdict is Verdict.ERROR


def test_a_whole_profile_with_cut_runs_does_not_conform(monkeypatch):
    few = tuple(check_by_id(name) for name in FEW)
    monkeypatch.setattr(registry, "_all", few)
    result = adamcheck.check(NUMPY, dtypes="float64", max_steps=5000)
    assert result.verdict is Verdict.HELD
    with pytest.raises(UsageError, match="max_steps 0: must be"):
        adamcheck.check(NUMPY, max_steps=0)


def test_a_check_that_decides_too_little_is_no_pass(monkeypatch):
    one = check_by_id("ADAM-LS-3")
    strict = replace(one, floor=Floor(0.99, 0.99))
    monkeypatch.setattr(registry, "_all", (strict, check_by_id("ADAM-LS-1")))
    result = adamcheck.check(NUMPY, dtypes="float32")
    below, above = result.checks
    assert (below.status, above.status) == (Status.INCONCLUSIVE, Status.PASSED)
    assert (below.floor, above.floor) == (0.99, 0.5)
    assert re.fullmatch(
        r"only \d\d\.\d% of the .* could be decided, of 99% at least", below.message
    )
    assert result.verdict is Verdict.ERROR


def test_a_lower_floor_has_a_reason():
    for one in all_checks():
        assert one.floor.share == 0.5
        # thousands of steps of a run at α = 0.001, most of them below a place of θ
        least = {"ADAM-FZ-1": 0.1, "ADAM-DH-2": 0.05}.get(one.id, 0.2)
        assert least <= one.floor.narrow <= one.floor.share
        assert bool(one.floor.why) == (one.floor.narrow < 0.5)


def test_a_deviation_that_the_search_found_outlives_an_exception():
    result = only("wrong_and_fails_alone", "ADAM-FZ-1")
    assert result.verdict is Verdict.DEVIATES


def test_a_gradient_of_another_shape_is_not_refused_by_taking_its_shape():
    result = only("takes_the_gradients_shape", "ADAM-HP-3")
    assert any(f.name == "interface" and "shape" in f.message for f in result.findings)
    strict = only("takes_the_gradients_shape", "ADAM-HP-3", strict_interface=True)
    assert strict.verdict is Verdict.DEVIATES


def test_moments_that_are_not_shown_are_not_judged():
    (check,) = only("Shows", "ADAM-LS-6").checks
    assert check.status is Status.SKIPPED
    assert check.message == "the target shows none of m, v"


def test_a_gradient_that_any_check_saw_changed_is_told():
    result = only("SpoilsGradientsAtALargeRate", "ADAM-GB-1", "ADAM-HP-1")
    told = {c.name: c.status for c in result.checks}
    assert list(told) == ["ADAM-GB-1", "ADAM-HP-1"]
    assert told["ADAM-GB-1"] is Status.FAILED


def test_a_deviation_stands_though_its_witness_cannot_be_written(monkeypatch):
    def broken(*args, **how):
        raise RuntimeError("no ink")

    monkeypatch.setattr("adamcheck.properties.witnessing.witness_of", broken)
    monkeypatch.setattr(sys.modules["adamcheck.identify"], "investigate", broken)
    target = located(PLANTED["eps-hat"].target)
    result = adamcheck.check(target, only=("ADAM-LS-4",), dtypes=("float64",))
    (check,) = result.checks
    assert check.status is Status.FAILED
    assert "no ink" in check.message
    assert result.identified is None
    (told,) = (f for f in result.findings if f.name == "identification")
    assert told.message == "adamcheck itself failed: RuntimeError: no ink"


def test_a_fault_of_the_identification_is_an_error_where_the_spec_hangs_on_it(monkeypatch):
    def broken(*args, **how):
        raise RuntimeError("no ink")

    monkeypatch.setattr(sys.modules["adamcheck.identify"], "investigate", broken)
    result = adamcheck.check(NUMPY, spec="auto", only=FEW, dtypes=("float64",))
    assert result.verdict is Verdict.ERROR
    assert "could not be identified" in result.error
    assert "RuntimeError: no ink" in result.error


def test_a_division_by_zero_is_no_refusal():
    asked: Any = {"only": ("ADAM-HP-2",), "dtypes": ("float64",)}
    result = adamcheck.check(troubled("divides_while_built"), **asked)
    assert result.verdict is Verdict.HELD
    (fact,) = (f for f in result.findings if f.name == "no-validation")
    assert "beta2=1.5" in fact.message
    assert "beta2=1," not in fact.message


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"spec": "adam[eps=hut]"}, "hat"),
        ({"spec": "adm"}, "adam"),
        ({"only": ("ADAM-LS-99",)}, "ADAM-LS-99"),
        ({"dtypes": ("float23",)}, "float"),
        ({"profile": "quik"}, "quick"),
        ({"device": "tpu"}, "cpu"),
        ({"options": {"no_such_option": 1}}, "no_such_option"),
        ({"options": [1]}, "options: a list is no mapping"),
        ({"options": {1: 2}}, "options: key 1 cannot travel"),
        ({"options": {"foo": object()}}, "options: a value of type object cannot travel"),
        ({"spec": None}, "spec: None is no text"),
        ({"spec": 3}, "spec: 3 is no text"),
        ({"profile": None}, "profile None is no text"),
        ({"only": (3,)}, "only: 3 is no text"),
        ({"dtypes": 64}, "dtypes: 64 is no text"),
        ({"seed": -1}, "seed -1"),
        ({"seed": 1.5}, "seed 1.5"),
        ({"seed": "a"}, "seed 'a'"),
    ],
)
def test_a_senseless_request_is_wrong_usage(asked, words):
    with pytest.raises(UsageError, match=words) as told:
        adamcheck.check(NUMPY, **{"only": ("ADAM-FS-1",), "dtypes": ("float64",)} | asked)
    assert "\n" not in str(told.value)
    assert told.value.exit_code == 2


@pytest.mark.parametrize("target", [print, None, 3, Path("optim.py:make")])
def test_a_target_is_a_text(target):
    for entry in (adamcheck.check, adamcheck.identify):
        with pytest.raises(UsageError, match="a target is a text such as"):
            entry(target)


def test_a_single_name_may_stand_for_itself():
    result = adamcheck.check(NUMPY, only="ADAM-FS-1", dtypes="float64")
    assert [(c.name, c.dtype) for c in result.checks] == [("ADAM-FS-1", "float64")]


def test_what_a_target_says_is_cut_and_cannot_write_codes(tmp_path):
    path = tmp_path / "loud.py"
    path.write_text(
        "def make(theta0, *, lr):\n"
        "    steps = []\n"
        "    def step(grad):\n"
        "        steps.append(1)\n"
        "        if len(steps) > 20:\n"
        "            raise ValueError('\\x1b[31m evil \\x07' * 100)\n"
        "        return theta0\n"
        "    return step\n"
    )
    asked: Any = {"spec": "gd", "only": "ADAM-CG-1", "dtypes": "float64"}
    result = adamcheck.check(f"{path}:make", **asked)
    assert result.verdict is Verdict.ERROR
    assert len(result.checks[0].message) < 300
    with pytest.raises(DeviationError, match=r"ValueError: \\x1b\[31m evil \\x07") as told:
        result.raise_for_deviation()
    assert str(told.value).isprintable()
    assert len(str(told.value)) < 500
    assert told.value.exit_code == 3


@pytest.mark.parametrize("target", ["no.such:Adam", "adamcheck.implementations:Nothing", "x", ""])
def test_a_target_that_is_not_there_is_wrong_usage(target):
    with pytest.raises(UsageError):
        adamcheck.check(target)


# the same again, and what is told on the way


def timeless(result):
    checks = tuple(replace(c, seconds=0.0) for c in result.checks)
    return dumps(result_document(replace(result, checks=checks, seconds=0.0)))


def test_the_same_seed_gives_the_same_document():
    defect = PLANTED["eps-hat"]
    asked: Any = {"only": ("ADAM-LS-4", "ADAM-LS-2", "ADAM-FZ-1"), "dtypes": ("float32",)}
    one, two = (adamcheck.check(located(defect.target), seed=5, **asked) for _ in range(2))
    assert one.verdict is Verdict.DEVIATES
    assert timeless(one) == timeless(two)
    other = adamcheck.check(located(defect.target), seed=6, **asked)
    assert other.verdict is Verdict.DEVIATES
    assert timeless(other) != timeless(one)


def test_events_come_in_order():
    heard: list = []
    result = adamcheck.check(NUMPY, only=FEW, dtypes=("float64",), listener=heard.append)
    told = [event for event in heard if not isinstance(event, (Note, Progress))]
    assert isinstance(told[-1], RunFinished)
    assert told[-1].result is result
    pairs = list(zip(told[:-1:2], told[1:-1:2], strict=True))
    assert len(pairs) == len(FEW)
    for index, ((started, finished), one) in enumerate(zip(pairs, result.checks, strict=True), 1):
        assert isinstance(started, CheckStarted)
        assert isinstance(finished, CheckFinished)
        assert (started.name, started.dtype) == (finished.result.name, finished.result.dtype)
        assert (started.index, started.total) == (index, len(FEW))
        assert finished.result == one


def test_a_note_says_that_the_dialect_is_being_identified():
    heard: list = []
    target = located(PLANTED["eps-hat"].target)
    asked: Any = {"only": ("ADAM-LS-4",), "dtypes": ("float64",)}
    adamcheck.check(target, listener=heard.append, **asked)
    assert any(isinstance(e, Note) and "identifying" in e.message for e in heard)


# explanations: what the issue asks for by name

SEVEN = [
    # defect, the check that must fail, the rest of the law; kind, spec and words of the explanation
    ("eps-inside", "ADAM-LS-4", "dialect", "adam[eps=inside]", "eps=inside instead of outside"),
    ("counter-starts-at-two", "ADAM-CG-1", "dialect", "adam[first_t=2]", "first_t=2 instead of 1"),
    ("last-element-lost", "ADAM-EL-1", "not-elementwise", "adam", "in the last element only"),
    ("counter-stops-at-256", "ADAM-BC-1", "not-adam", "adam", "t up to step 256, then 256"),
    ("decay-hidden-l2", "ADAM-LS-3", "dialect", "adam[decay=l2]", "decay=l2 (λ=0.0001)"),
    (
        "v-float16",
        "ADAM-LS-6",
        "dialect",
        "adam[moments=float16,m=float64,arithmetic=float64]",
        "stored: moments=float16, m=float64",
    ),
    ("gradient-scaled-in-place", "ADAM-GB-1", "dialect", "adam", "follows the claimed spec"),
]


@pytest.mark.parametrize(("name", "check", "kind", "spec", "words"), SEVEN)
def test_the_seven_defects_deviate_with_the_right_explanation(name, check, kind, spec, words):
    target = located(PLANTED[name].target)
    result = adamcheck.check(target, only=(check, "ADAM-DT-1"), dtypes=("float64",))
    assert result.verdict is Verdict.DEVIATES
    assert result.verdict.exit_code == 1
    failed = next(c for c in result.checks if c.name == check)
    assert failed.status is Status.FAILED
    assert failed.witness is not None
    assert (result.identified.kind, result.identified.spec) == (kind, spec)
    assert words in failed.explanation
    assert next(c for c in result.checks if c.name == "ADAM-DT-1").explanation == ""


def test_the_explanation_of_a_lost_tail_says_which_element():
    target = located(PLANTED["last-element-lost"].target)
    result = adamcheck.check(target, only=("ADAM-EL-1",), dtypes=("float64",))
    assert "in the last element only" in result.checks[0].explanation


def test_the_explanation_of_a_counter_that_stops_is_the_same_in_float32():
    target = located(PLANTED["counter-stops-at-256"].target)
    result = adamcheck.check(target, only=("ADAM-BC-1",), dtypes=("float32",))
    assert "t up to step 256, then 256" in result.checks[0].explanation


def test_the_message_of_a_changed_gradient_says_so():
    target = located(PLANTED["gradient-zeroed"].target)
    result = adamcheck.check(target, only=("ADAM-GB-1",), dtypes=("float32",))
    (failed,) = result.checks
    assert failed.message == "the gradient buffer is changed"
