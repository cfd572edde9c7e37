"""identify, list, explain and prove; closed streams and narrow encodings."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

import adamcheck.proof
from adamcheck.cli.prove import run_prove
from adamcheck.errors import UsageError
from adamcheck.reports.documents import load_results
from adamcheck.spec.defaults import Defaults

from .names import GOOD, ODD


def a_report(samples, dtype="float32", **changes):
    found = replace(samples.deviating().identified, **changes)
    return SimpleNamespace(
        identification=found,
        environment={"numpy": "2"},
        findings=(),
        error="",
        dtype=dtype,
        defaults=Defaults({"lr": 1e-3}, {"eps": "it is None"}),
    )


def test_identify(ask, engine, samples, snapshot, tmp_path):
    engine.answers = {ODD: a_report(samples)}
    done = ask("identify", ODD, "--dtype", "float32", "--option", "a=1", "--json", "i.json")
    assert f"exit {done.code}\n{done.out}{done.err}" == snapshot
    ((_, asked),) = engine.calls
    session = asked.pop("session")
    assert (session.target, session.device, dict(session.options)) == (ODD, "cpu", {"a": 1})
    assert asked == {"options": {"a": 1}, "dtype": "float32"}
    document = json.loads((tmp_path / "i.json").read_text())
    assert document["identified"]["spec"] == "adam[eps=hat]"


def test_identify_names_the_dtype_of_the_runs(ask, engine, samples, tmp_path):
    engine.answers = {ODD: a_report(samples, dtype="bfloat16")}
    done = ask("identify", ODD, "--dtype", "float64", "--json", "i.json")
    assert done.out.splitlines()[1].split() == ["dtype", "bfloat16"]
    assert json.loads((tmp_path / "i.json").read_text())["dtype"] == "bfloat16"


@pytest.mark.parametrize("kind", ["not-adam", "not-elementwise"])
def test_what_is_no_dialect_has_its_own_exit_code(ask, engine, samples, kind):
    engine.answers = {ODD: a_report(samples, kind=kind, unexplained=0.04)}
    done = ask("identify", ODD)
    assert done.code == 1
    said = {"not-adam": "no dialect fits", "not-elementwise": "not elementwise"}[kind]
    last = done.out.splitlines()[-1]
    assert last.startswith(f"{ODD}: {said}; nearest is adam[eps=hat], of which 4 % of the movement")


def test_identify_says_why_it_cannot(ask, engine):
    engine.answers = {
        ODD: SimpleNamespace(
            identification=None, environment={}, findings=(), error="hung at step 1", dtype=""
        ),
        GOOD: UsageError("good.optim:Adam: no such module"),
    }
    done = ask("identify", ODD)
    assert (done.code, done.out, done.err) == (3, "", f"adamcheck: {ODD}: hung at step 1\n")
    assert ask("identify", GOOD).code == 2


def test_list(ask, snapshot):
    assert ask("list").out == snapshot


@pytest.mark.parametrize("name", ["ADAM-BC-1", "adam-bc-1", "step-bound", "Step-Bound"])
def test_explain(ask, snapshot, name):
    done = ask("explain", name)
    assert done.code == 0
    assert done.out == snapshot


@pytest.mark.parametrize(
    ("name", "hint"), [("ADAM-BD-1", "'ADAM-BC-1'"), ("step-bond", "'step-bound'")]
)
def test_explain_knows_what_was_meant(ask, name, hint):
    done = ask("explain", name)
    assert (done.code, done.out) == (2, "")
    assert done.err.endswith(f"Did you mean {hint}?\n")


def test_a_spec_is_nothing_to_explain(ask):
    done = ask("explain", "Adam")
    assert done.code == 2
    assert (
        done.err
        == "adamcheck: 'Adam' is a spec; 'adamcheck list' shows what its conventions mean\n"
    )


def test_what_went_wrong_is_told_once(ask):
    done = ask("check", "gone.optim:Adam")
    assert "it is gone" in done.out.splitlines()[-1]
    assert "it is gone" not in done.err


def test_prove_is_asked_what_was_said(ask, monkeypatch):
    calls = []

    def noted(names, **files):
        calls.append((tuple(names), files))
        return 1

    command: Any = ModuleType("adamcheck.cli.prove")
    command.run_prove = noted
    monkeypatch.setitem(sys.modules, "adamcheck.cli.prove", command)
    assert ask("prove", "step-bound", "one-line", "--json", "p.json").code == 1
    assert ask("prove").code == 1
    assert calls == [
        (("step-bound", "one-line"), {"latex": "", "markdown": "", "json": "p.json"}),
        ((), {"latex": "", "markdown": "", "json": ""}),
    ]


def test_a_ledger_on_stdout_is_alone_there(tmp_path, capsys, monkeypatch):
    command: Any = ModuleType("adamcheck.proof.command")
    ledger = SimpleNamespace(ok=True, rows=(), seconds=0.5)
    command.prove = lambda theorems, progress: ledger
    command.ledger_json = command.ledger_latex = command.ledger_markdown = lambda made: "{}\n"
    monkeypatch.setattr(adamcheck.proof, "command", command, raising=False)
    monkeypatch.setitem(sys.modules, "adamcheck.proof.command", command)
    monkeypatch.chdir(tmp_path)
    assert run_prove((), latex="", markdown="", json="-") == 0
    shown = capsys.readouterr()
    assert shown.out == "{}\n"
    assert "0 of 0 theorems discharged" in shown.err
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(UsageError, match="only one of --latex and --markdown can"):
        run_prove((), latex="-", markdown="-", json="")


def test_nothing_breaks_when_nobody_reads(tmp_path):
    program = "import sys; from adamcheck.cli import main; sys.exit(main(['--help']))"
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([sys.executable, "-c", program], stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("closed", [">&-", "<&- >&- 2>&-"])
def test_a_closed_stream_changes_no_verdict(tmp_path, closed):
    target = "adamcheck.implementations:NumpyAdam"
    asked = f"{target} --only ADAM-ZG-1 --allow-partial --dtype float64 --json r.json"
    command = f"exec {sys.executable} -m adamcheck check {asked} {closed}"
    done = subprocess.run(command, shell=True, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    assert (done.returncode, "cannot" in done.stderr) == (0, False), done.stderr
    assert load_results(tmp_path / "r.json")[0].verdict == "held"


def test_a_narrow_encoding_spells_characters_out():
    program = (
        "import sys; from adamcheck.cli import main; "
        "sys.exit(main(['check', 'ε:Adam', '--spec', 'ádam']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    assert done.returncode == 2
    assert (
        done.stderr
        == b"adamcheck: spec: cannot read '\\xe1dam'; write it like adam or adam[eps=hat].\n"
    )
