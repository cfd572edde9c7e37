"""Targets in trouble: an error with its cause, and nothing measured is lost."""

from __future__ import annotations

import re
from typing import Any

import pytest
from checks.planted import located

import adamcheck
from adamcheck.result import DeviationError, Status, Verdict
from adamcheck.targets.protocol import Limits

FEW = ("ADAM-LS-1", "ADAM-FS-1", "ADAM-ZG-1", "ADAM-EL-1")
LIMITS = Limits(step_seconds=3.0, memory_bytes=256 << 20)


def troubled(name):
    return located("tests/checks/troubled.py") + f":{name}"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("hangs", "hung at step 100"),
        ("raises", "raised at step 100: RuntimeError: no more"),
        ("exits", "exited at step 100"),
        ("leaves", "exited at step 100"),
        ("crashes", "crashed at step 100: .*SIGSEGV"),
        ("hogs", "memory at step 100"),
    ],
)
def test_trouble_is_an_error_with_its_step_and_nothing_measured_is_lost(name, words):
    # LS-1 is over in 48 steps; CG-1 would take 160; FS-1 begins anew after the trouble
    only = ("ADAM-LS-1", "ADAM-CG-1", "ADAM-ZG-1")
    result = adamcheck.check(troubled(name), only=only, dtypes=("float64",), limits=LIMITS)
    assert result.verdict is Verdict.ERROR
    assert result.verdict.exit_code == 3
    before, during, after = result.checks
    assert (before.name, before.status) == ("ADAM-LS-1", Status.PASSED)
    assert before.examples > 1000
    assert (during.name, during.status) == ("ADAM-CG-1", Status.ERROR)
    assert re.search(words, during.message), during.message
    assert (after.name, after.status) == ("ADAM-ZG-1", Status.PASSED)
    assert result.identified is None
    with pytest.raises(DeviationError):
        result.raise_for_deviation()


def test_a_target_that_forks_and_lets_both_go_on_is_to_blame(tmp_path):
    path = tmp_path / "forks.py"
    path.write_text(
        "import os\n"
        "def make(theta0, *, lr):\n"
        "    t, theta = 0, theta0\n"
        "    def step(grad):\n"
        "        nonlocal t, theta\n"
        "        t, theta = t + 1, theta - lr * grad\n"
        "        if t == 30:\n"
        "            os.fork()\n"
        "        return theta\n"
        "    return step\n"
    )
    # LS-1 forks in each of its runs: an answer that comes late is met by the next one
    asked: Any = {
        "spec": "gd",
        "only": ("ADAM-LS-1", "ADAM-LS-2", "ADAM-CG-1"),
        "dtypes": ("float64",),
    }
    result = adamcheck.check(f"{path}:make", **asked)
    assert result.verdict is Verdict.ERROR
    told = [c.message for c in result.checks if c.status is Status.ERROR]
    assert told
    assert all("protocol" in text and "called os.fork()" in text for text in told), told


def test_a_target_that_takes_no_step_is_an_error_with_the_reason():
    with pytest.raises(adamcheck.AdamcheckError, match="not one step") as told:
        adamcheck.check(troubled("fails_always"), only=FEW)
    assert told.value.exit_code == 3


@pytest.mark.parametrize("name", ["prints", "sets_errors"])
def test_noise_and_global_state_change_no_verdict(name):
    result = adamcheck.check(troubled(name), only=FEW, dtypes=("float64",))
    assert result.verdict is Verdict.HELD, [c.message for c in result.checks]


def test_a_format_that_is_not_taken_is_never_passed_over_in_silence():
    asked: Any = {"only": ("ADAM-LS-1",), "dtypes": ("float64", "float16")}
    result = adamcheck.check(troubled("fails_in_float16"), **asked)
    assert result.verdict is Verdict.ERROR
    assert "float16" in result.error
    assert [(c.dtype, c.status) for c in result.checks] == [("float64", Status.PASSED)]
    # unasked, the formats that it takes decide, and they are listed
    result = adamcheck.check(troubled("fails_in_float16"), only=("ADAM-LS-1",))
    assert result.verdict is Verdict.HELD
    assert result.scope.dtypes == ("float64", "float32", "bfloat16")
    assert {c.dtype for c in result.checks} == {"float64", "float32", "bfloat16"}


def test_failing_late_in_one_format_is_an_error_of_that_format():
    asked: Any = {"only": ("ADAM-LS-7",), "dtypes": ("float32", "float16")}
    result = adamcheck.check(troubled("fails_late_in_float16"), **asked)
    assert result.verdict is Verdict.ERROR
    assert [(c.dtype, c.status) for c in result.checks] == [
        ("float32", Status.PASSED),
        ("float16", Status.ERROR),
    ]
    assert "TypeError: no half precision" in result.checks[1].message


def test_a_deviation_outweighs_trouble_and_is_explained_from_what_was_finished():
    asked: Any = {"only": ("ADAM-LS-4", "ADAM-CG-1"), "dtypes": ("float64",), "limits": LIMITS}
    result = adamcheck.check(troubled("raises"), spec="adam[eps=hat]", **asked)
    assert [c.status for c in result.checks] == [Status.FAILED, Status.ERROR]
    assert result.verdict is Verdict.DEVIATES
    assert result.identified.spec == "adam"
