"""What check is asked, says and exits with."""

from __future__ import annotations

import json

import pytest

from adamcheck.declared import NOTHING, Declared

from .names import GOOD, ODD, PART, SLOW


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
        *("--jobs", "3", "--defaults", "strict"),
        *("--fixed", "beta1=0.9", "--fixed", "eps=1e-7", "--strict-interface"),
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
        "defaults": "strict",
        "declared": Declared(fixed={"beta1": 0.9, "eps": 1e-7}),
        "strict_interface": True,
        "jobs": 3,
    }


@pytest.mark.parametrize("option", ["spec", "profile", "defaults"])
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
        "defaults": "report",
        "declared": NOTHING,
        "strict_interface": False,
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
