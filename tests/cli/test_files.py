"""Reports, replays, configuration and waivers: what is written and read."""

from __future__ import annotations

import json
import os
from dataclasses import replace

import pytest

from adamcheck.errors import TargetError
from adamcheck.reports.documents import dumps, load_results, results_document

from .names import GOOD, ODD


def test_an_interrupt_ends_the_run_and_keeps_what_was_measured(ask, engine, tmp_path):
    done = ask("check", ODD, "stop.optim:Adam", GOOD, "--json", "r.json")
    assert done.code == 3
    assert len(engine.calls) == 2
    first, second = load_results(tmp_path / "r.json")
    assert first.verdict == "deviates"
    assert second.error == "interrupted; 5 of 5 checks were done"
    assert len(second.checks) == 5


def test_a_traceback_only_when_asked(ask):
    assert "ZeroDivisionError: boom" in ask("check", "bug.optim:Adam", "--debug").err
    assert "Traceback" in ask("check", "bug.optim:Adam", "--debug").err


def test_reports_are_written_and_the_verdict_names_them(ask, tmp_path, samples):
    done = ask("check", ODD, "--json", "r.json", "--markdown", "r.md")
    assert load_results(tmp_path / "r.json") == (samples.deviating(),)
    assert (tmp_path / "r.md").read_text("utf-8").startswith("# adamcheck\n")
    assert f"adamcheck check {ODD} --replay r.json --only ADAM-EPS-1" in done.out


def test_a_report_on_stdout_is_alone_there(ask):
    done = ask("check", ODD, "--json", "-")
    assert json.loads(done.out)["verdict"] == "deviates"
    assert f"{ODD} deviates from adam" in done.err
    assert done.code == 1
    assert ask("check", GOOD, "--markdown", "-").out.startswith("# adamcheck\n")


def test_only_one_report_goes_to_stdout(ask, engine):
    done = ask("check", ODD, "--json", "-", "--markdown", "-")
    assert (done.code, done.out) == (2, "")
    assert done.err == "adamcheck: only one of --json and --markdown can go to stdout\n"
    assert engine.calls == []


def test_two_reports_need_two_files(ask, engine):
    done = ask("check", ODD, "--json", "r.json", "--markdown", "./r.json")
    assert (done.code, done.out) == (2, "")
    assert done.err == "adamcheck: ./r.json: --json and --markdown name the same file; name two\n"
    assert engine.calls == []


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
def test_a_device_that_takes_nothing_is_wrong_usage_and_still_gives_the_verdict(ask):
    done = ask("check", GOOD, "--json", "/dev/full")
    assert done.code == 2
    assert f"{GOOD} conforms to adam" in done.out
    assert "adamcheck: /dev/full: cannot be written: No space left on device\n" in done.err


def test_a_report_that_cannot_be_written_still_gives_the_verdict(ask, monkeypatch):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    done = ask("check", GOOD, "--json", "r.json")
    assert done.code == 3
    assert f"{GOOD} conforms to adam" in done.out
    assert "adamcheck: r.json: cannot be written: No space left on device\n" in done.err


def test_a_result_is_replayed_witness_by_witness(ask, engine, samples, tmp_path):
    (tmp_path / "r.json").write_text(dumps(results_document([samples.deviating()])))
    done = ask("check", ODD, "--replay", "r.json")
    assert done.code == 1
    assert [witness.dtype for _, witness in engine.calls] == ["float32", "float64"]
    assert "profile replay" in done.out


def test_a_replay_can_be_narrowed(ask, samples, tmp_path):
    (tmp_path / "r.json").write_text(dumps(results_document([samples.deviating()])))
    done = ask("check", ODD, "--replay", "r.json", "--only", "ADAM-BC-1")
    assert done.code == 2
    assert "r.json: no witness of these checks; it holds ADAM-EPS-1" in done.err
    assert ask("check", ODD, "--replay", "r.json", "--only", "ADAM-EPS-1").code == 1


def test_a_replay_that_breaks_leaves_the_others(ask, engine, samples, tmp_path):
    (tmp_path / "r.json").write_text(dumps(results_document([samples.deviating()])))
    engine.answers[ODD] = TargetError("it is gone")
    done = ask("check", ODD, "--replay", "r.json")
    assert done.code == 3
    assert len(engine.calls) == 2
    assert "error: ADAM-EPS-1 [float64, float32]: it is gone" in done.out


def test_a_replay_that_decides_nothing_is_no_verdict(ask, engine, samples, tmp_path):
    (tmp_path / "r.json").write_text(dumps(results_document([samples.deviating()])))
    engine.answers[GOOD] = replace(samples.conforming(), checks=())
    done = ask("check", GOOD, "--replay", "r.json")
    assert done.code == 3
    assert "the replay of ADAM-EPS-1, ADAM-EPS-1 decided nothing" in done.out


CONFIG = """
[tool.adamcheck]
targets = ["odd.optim:Adam"]
spec = "adam[eps=inside]"
profile = "ci"
options = { a = 1, b = 2 }
"""
WAIVER = """
[[tool.adamcheck.waivers]]
check = "ADAM-EPS-1"
dtype = "any"
reason = "meant"
"""


def test_the_config_fills_what_is_not_said(ask, engine, tmp_path):
    (tmp_path / "pyproject.toml").write_text(CONFIG)
    assert ask("check").code == 1
    ask("check", GOOD, "--spec", "adamw", "--profile", "quick", "--option", "b=3")
    (odd, first), (good, second) = engine.calls
    assert (odd, first["spec"], first["profile"]) == (ODD, "adam[eps=inside]", "ci")
    assert first["options"] == {"a": 1, "b": 2}
    assert (good, second["spec"], second["profile"]) == (GOOD, "adamw", "quick")
    assert second["options"] == {"a": 1, "b": 3}


def test_waivers_of_the_config_are_applied(ask, tmp_path):
    (tmp_path / "pyproject.toml").write_text(CONFIG + WAIVER)
    done = ask("check", "--json", "r.json")
    assert done.code == 0
    assert (
        done.out.splitlines()[-1]
        == f"{ODD} conforms to adam in float64, float32 (3 known deviations waived)"
    )
    assert load_results(tmp_path / "r.json")[0].counts["waived"] == 3


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        (("ADAM-EPS-1", "ADAM-ESP-1"), 2, "unknown check 'ADAM-ESP-1'. Did you mean"),
        (('"meant"', '""'), 2, "needs 'reason'"),
        (('"any"', '"float"'), 2, "unknown dtype 'float'"),
        (("reason", "expiry = 2020-01-01\nreason"), 1, "the waiver expired on 2020-01-01"),
        (("ADAM-EPS-1", "ADAM-BC-1"), 1, "the deviation is gone; remove the waiver"),
        (("[[tool", "[[[tool"), 2, "not TOML"),
    ],
)
def test_a_wrong_waiver_fails_the_run(ask, tmp_path, change, code, words):
    (tmp_path / "pyproject.toml").write_text(CONFIG + WAIVER.replace(*change))
    done = ask("check")
    assert done.code == code
    assert words in done.out + done.err
