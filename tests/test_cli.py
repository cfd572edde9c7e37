"""The command line with an engine that does as it is told: words, files and exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

import adamcheck.proof
from adamcheck.cli import main
from adamcheck.cli.prove import run_prove
from adamcheck.errors import TargetError, UsageError
from adamcheck.events import CheckFinished, CheckStarted, Note, Progress, RunFinished
from adamcheck.reports.documents import dumps, load_results, results_document


@dataclass
class Engine:
    """Answers for the engine and ``identify``: a result or an exception for a target."""

    answers: dict = field(default_factory=dict)
    calls: list = field(default_factory=list)

    def check(self, target, *, listener=None, **asked):
        self.calls.append((target, asked))
        return self._answer(target, listener)

    def replay(self, target, witness, *, options, device, limits):
        self.calls.append((target, witness))
        return self._answer(target, None)

    def identify(self, target, *, listener=None, **asked):
        self.calls.append((target, asked))
        return self._answer(target, None)

    def _answer(self, target, listener):
        answer = self.answers[target]
        if isinstance(answer, list):
            *seen, answer = answer
        else:
            seen = [*getattr(answer, "checks", ())]
        if listener is not None:
            listener(Note("kernels compile"))
            for index, check in enumerate(seen, 1):
                listener(CheckStarted(check.name, check.dtype, index, len(seen)))
                listener(Progress(index - 1, len(seen), ((check.name, check.dtype),)))
                listener(CheckFinished(check))
        if isinstance(answer, BaseException):
            raise answer
        if listener is not None:
            listener(RunFinished(answer))
        return answer


@pytest.fixture
def engine(monkeypatch, samples, tmp_path):
    """A fake engine that knows a good, an odd and a slow target, in an empty folder."""
    fake = Engine(
        {
            "good.optim:Adam": samples.conforming(),
            "odd.optim:Adam": samples.deviating(),
            "slow.optim:Adam": samples.broken(),
            "part.optim:Adam": replace(samples.held(), target="part.optim:Adam"),
            "no.such:Adam": UsageError("no.such:Adam: there is no module 'no'"),
            "bug.optim:Adam": [*samples.conforming().checks, ZeroDivisionError("boom")],
            "gone.optim:Adam": [*samples.conforming().checks, TargetError("it is gone", step=3)],
            "stop.optim:Adam": [*samples.conforming().checks, KeyboardInterrupt()],
        }
    )
    gate: Any = ModuleType("adamcheck.engine.gate")
    replay: Any = ModuleType("adamcheck.engine.replay")
    gate.check, replay.replay = fake.check, fake.replay
    identify: Any = ModuleType("adamcheck.identify")
    identify.identify = fake.identify
    registry: Any = ModuleType("adamcheck.checks.registry")
    made = [
        SimpleNamespace(
            id=name,
            family=family,
            title="a title",
            law="a law",
            clause="a clause",
            theorem="step-bound",
            profiles=("quick", "ci"),
            algorithms=(),
        )
        for name, family in (("ADAM-BC-1", "bias-correction"), ("ADAM-EPS-1", "epsilon"))
    ]
    registry.all_checks, registry.Check = lambda: tuple(made), SimpleNamespace
    library: Any = ModuleType("adamcheck.proof.library")
    library.directory = Path.cwd
    library.theorem_names = lambda: ("step-bound", "one-line")
    library.theorem = lambda slug: SimpleNamespace(
        slug=slug.lower(),
        title="a title",
        statement="the statement\n  over two lines",
        source="a paper, §2",
        refutes="a published bound",
        covers={"adam[eps=*]": "", "amsgrad": "β1² < β2"},
    )
    statements: Any = ModuleType("adamcheck.proof.catalogue")
    statements.theorem_statements = lambda: {"step-bound": "it holds", "one-line": "they agree"}
    theorem: Any = ModuleType("adamcheck.proof.theorem")
    theorem.Theorem = SimpleNamespace
    for module in (gate, replay, identify, registry, library, statements, theorem):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.delitem(sys.modules, "adamcheck.cli.catalogue", raising=False)
    monkeypatch.chdir(tmp_path)
    return fake


@pytest.fixture
def ask(engine, capsys):
    """Run the command line; returns exit code, stdout and stderr."""

    def run(*words):
        code = main([str(word) for word in words])
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err or "--debug" in words
        return SimpleNamespace(code=code, out=captured.out, err=captured.err)

    return run


GOOD, ODD, SLOW = "good.optim:Adam", "odd.optim:Adam", "slow.optim:Adam"
PART = "part.optim:Adam"


@pytest.mark.parametrize(
    "words",
    [
        ["check", GOOD],
        ["check", ODD],
        ["check", SLOW],
        ["check", PART],
        ["check", GOOD, ODD],
        ["check", GOOD, "no.such:Adam"],
        ["check", "bug.optim:Adam"],
        ["check", "gone.optim:Adam"],
        ["check", "stop.optim:Adam", GOOD],
        ["check"],
        ["check", GOOD, "--spec", "adamm"],
        ["check", GOOD, "--spec", "adam[eps=outsde]"],
        ["check", GOOD, "--profile", "quik"],
        ["check", GOOD, "--dtype", "float23"],
        ["check", GOOD, "--device", "gpu"],
        ["check", GOOD, "--only", "ADAM-BC-2"],
        ["check", GOOD, "--option", "foreach"],
        ["check", GOOD, "--option", "a=1", "--option", "a=2"],
        ["check", GOOD, "--timeout", "0"],
        ["check", GOOD, "--memory", "much"],
        ["check", GOOD, "--json", "no/such/folder.json"],
        ["check", GOOD, "--json", "."],
        ["check", GOOD, "--markdown", "no/such/folder.md"],
        ["check", GOOD, "--replay", "none.json"],
        ["check", GOOD, "--config", "none.toml"],
    ],
    ids=" ".join,
)
def test_what_is_said(ask, snapshot, words):
    done = ask(*words)
    assert f"exit {done.code}\n--- stdout\n{done.out}--- stderr\n{done.err}" == snapshot


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["check", GOOD, "--seed", "-1"], "'--seed'"),
        (["check", GOOD, "--seed", "x"], "'--seed'"),
        (["check", GOOD, "--speck", "adam"], "--speck"),
        (["check", GOOD, "--spec"], "--spec"),
        (["chek", GOOD], "'chek'"),
        (["identify"], "'TARGET'"),
        (["identify", GOOD, ODD], ODD),
        (["explain"], "'ID'"),
        (["--nonsense"], "--nonsense"),
    ],
    ids=" ".join,
)
def test_the_parser_says_what_is_wrong_in_one_line(ask, words, said):
    # the rest of the sentence is the parser's own and changes with its version
    done = ask(*words)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("adamcheck: ")
    assert done.err.count("\n") == 1
    assert said in done.err
    assert "--help." in done.err


OPTIONS = (
    *("spec", "profile", "dtype", "device", "seed", "option", "only", "json", "markdown"),
    *("allow-partial", "max-steps", "replay", "config", "timeout", "memory", "jobs", "debug"),
)


def test_help_names_every_option(ask):
    text = ask("check", "--help").out
    for option in OPTIONS:
        assert f"--{option} " in text
    assert "0 conforms, 1 deviates, 2 wrong usage, 3 error" in text
    assert ask("--help").code == ask("check", "-h").code == 0


def test_no_command_is_wrong_usage(ask):
    done = ask()
    assert done.code == 2
    assert done.out == ""
    assert done.err.startswith("Usage: adamcheck")


def test_version(ask):
    from adamcheck import __version__

    assert ask("--version").out == f"adamcheck {__version__}\n"


def test_the_gate_is_asked_what_was_said(ask, engine):
    ask(
        *("check", GOOD, "--spec", "adam[maximize=yes, eps=hat]", "--profile", "ci"),
        *("--dtype", "float32,float64", "--dtype", "float32", "--device", "cuda", "--seed", "7"),
        *("--option", "foreach=true", "--option", "k=3", "--option", "x=1e-3"),
        *("--option", "name='7'", "--option", "y=none", "--option", "z=a=b"),
        *("--only", "ADAM-EPS-1", "--timeout", "2.5", "--memory", "1.5G"),
        *("--jobs", "3"),
    )
    ((target, asked),) = engine.calls
    limits = asked.pop("limits")
    assert (limits.start_seconds, limits.step_seconds, limits.run_seconds) == (2.5, 2.5, 2.5)
    assert limits.memory_bytes == 3 << 29
    assert target == GOOD
    assert asked == {
        "spec": "adam[eps=hat,maximize=yes]",
        "profile": "ci",
        "dtypes": ("float32", "float64"),
        "device": "cuda",
        "seed": 7,
        "options": {"foreach": True, "k": 3, "x": 1e-3, "name": "7", "y": None, "z": "a=b"},
        "only": ("ADAM-EPS-1",),
        "max_steps": None,
        "jobs": 3,
    }


@pytest.mark.parametrize("option", ["spec", "profile"])
def test_an_empty_text_is_not_what_is_not_said(ask, engine, option):
    done = ask("check", GOOD, f"--{option}", "")
    assert (done.code, engine.calls) == (2, [])
    assert option in done.err
    assert "''" in done.err


def test_what_is_not_said_is_left_to_the_gate(ask, engine):
    ask("check", GOOD, "--spec", "auto")
    ((_, asked),) = engine.calls
    assert asked == {
        "spec": "auto",
        "profile": "quick",
        "dtypes": None,
        "device": "cpu",
        "seed": 0,
        "options": {},
        "only": None,
        "max_steps": None,
        "limits": None,
        "jobs": None,
    }


def test_a_random_seed_is_drawn_by_the_command_line(ask, engine):
    for _ in range(2):
        ask("check", GOOD, "--seed", "random")
    first, second = (asked["seed"] for _, asked in engine.calls)
    assert first != second
    assert all(isinstance(seed, int) and seed >= 0 for seed in (first, second))


def test_a_drawn_seed_is_kept_with_what_was_measured(ask, engine, tmp_path):
    ask("check", "bug.optim:Adam", "--seed", "random", "--json", "r.json")
    ((_, asked),) = engine.calls
    assert json.loads((tmp_path / "r.json").read_text("utf-8"))["seed"] == asked["seed"]


def test_a_thorough_run_draws_a_seed(ask, engine):
    for _ in range(2):
        ask("check", GOOD, "--profile", "thorough")
    first, second = (asked["seed"] for _, asked in engine.calls)
    assert first != second


@pytest.mark.parametrize(
    ("targets", "code"),
    [
        ([GOOD], 0),
        ([ODD], 1),
        ([SLOW], 3),
        (["no.such:Adam"], 2),
        ([GOOD, "no.such:Adam"], 2),
        (["no.such:Adam", ODD], 1),
        ([ODD, GOOD, SLOW, "no.such:Adam"], 3),
        (["bug.optim:Adam", GOOD], 3),
        ([GOOD, GOOD], 0),
    ],
)
def test_the_worst_code_wins_and_every_target_is_judged(ask, engine, targets, code):
    assert ask("check", *targets).code == code
    assert [target for target, _ in engine.calls] == list(dict.fromkeys(targets))


@pytest.mark.parametrize(
    ("targets", "code", "allowed"),
    [([PART], 3, 0), ([PART, GOOD], 3, 0), ([PART, ODD], 3, 1), ([SLOW], 3, 3), ([ODD], 1, 1)],
)
def test_a_partial_run_exits_0_only_where_that_is_allowed(ask, targets, code, allowed):
    assert ask("check", *targets).code == code
    assert ask("check", *targets, "--allow-partial").code == allowed


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


def a_report(samples, dtype="float32", **changes):
    found = replace(samples.deviating().identified, **changes)
    return SimpleNamespace(
        identification=found, environment={"numpy": "2"}, findings=(), error="", dtype=dtype
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
    engine.answers = {ODD: a_report(samples, kind=kind)}
    done = ask("identify", ODD)
    assert done.code == 1
    assert done.out.splitlines()[-1] == f"{ODD} is {kind}"


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
