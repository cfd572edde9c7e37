"""The command line on real targets, as a person runs it: verdicts, files, exit codes, witnesses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from types import SimpleNamespace

import jsonschema
import pytest

import adamcheck
from adamcheck.reports.documents import load_results
from adamcheck.result import Status
from adamcheck.witness import snippet

ROOT = Path(__file__).resolve().parents[1]
NUMPY = "adamcheck.implementations:NumpyAdam"
SKLEARN = "sklearn.neural_network._stochastic_optimizers:AdamOptimizer"
EXAMPLE = str(ROOT / "tests" / "readme" / "my_adam.py") + ":make"
QUICK_IDS = ("--dtype", "float64")

pytestmark = pytest.mark.slow


@pytest.fixture
def ask(tmp_path):
    """Run adamcheck in a process of its own, in an empty folder."""

    def run(*words, timeout=300, **more):
        environment = {k: v for k, v in os.environ.items() if k != "COLUMNS"}
        path = os.pathsep.join(filter(None, (str(ROOT), environment.get("PYTHONPATH", ""))))
        done = subprocess.run(
            [sys.executable, "-m", "adamcheck", *words],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            timeout=timeout,
            env={**environment, "PYTHONPATH": path},
            check=False,
            **more,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return SimpleNamespace(code=done.returncode, out=done.stdout, err=done.stderr)

    return run


@pytest.fixture
def target(tmp_path):
    """Write a file with a target called make; returns how it is named."""

    def write(text):
        (tmp_path / "t.py").write_text("import os, sys, time\nimport numpy as np\n" + dedent(text))
        return "t.py:make"

    return write


def valid(path):
    schema = json.loads((ROOT / "adamcheck" / "reports" / "result.schema.json").read_text("utf-8"))
    jsonschema.Draft202012Validator(schema).validate(json.loads(path.read_text("utf-8")))


# the example's Python floats widen bfloat16, which is then a format that it does not take
@pytest.mark.parametrize(
    ("name", "formats"),
    [(NUMPY, "float64, float32, float16, bfloat16"), (EXAMPLE, "float64, float32, float16")],
)
def test_a_faithful_adam_conforms(ask, tmp_path, name, formats):
    done = ask("check", name, "--json", "r.json", "--markdown", "r.md")
    assert done.code == 0, done.out + done.err
    assert done.out.splitlines()[-1] == f"{name} conforms to adam in {formats}"
    valid(tmp_path / "r.json")
    (result,) = load_results(tmp_path / "r.json")
    assert result.counts["passed"] > 50
    assert {"float64", "float32"} <= {check.dtype for check in result.checks}
    assert "conforms" in (tmp_path / "r.md").read_text("utf-8")


@pytest.mark.library
def test_a_dialect_deviates_is_named_and_its_witness_replays(ask, tmp_path):
    done = ask("check", SKLEARN, *QUICK_IDS, "--json", "r.json")
    assert done.code == 1, done.out + done.err
    assert done.out.splitlines()[-1].endswith("deviates from adam; nearest is adam[eps=hat]")
    valid(tmp_path / "r.json")
    (result,) = load_results(tmp_path / "r.json")
    assert result.identified.spec == "adam[eps=hat]"
    failed = [check for check in result.checks if check.status is Status.FAILED]
    assert any(check.witness is not None for check in failed)
    some = ("--only", "ADAM-LS-4,ADAM-EL-4,ADAM-SH-1")
    again = ask("check", SKLEARN, "--replay", "r.json", *some)
    assert again.code == 1, again.out + again.err
    other = ask("check", NUMPY, "--replay", "r.json", *some)
    assert other.code == 3, other.out + other.err
    assert "HELD (3 OF" in other.out
    auto = ask("check", SKLEARN, *QUICK_IDS, "--spec", "auto")
    assert auto.code == 0, auto.out + auto.err
    named = f"{SKLEARN} conforms to adam[eps=hat] in float64 (it also takes "
    assert auto.out.splitlines()[-1].startswith(named)


@pytest.mark.library
def test_identify_names_the_dialect(ask):
    done = ask("identify", SKLEARN)
    assert done.code == 0, done.err
    assert done.out.splitlines()[-1] == f"{SKLEARN} is adam[eps=hat]"


WRONG = """
def make(theta0, *, lr, beta1, beta2, eps):
    theta, m, v, t = theta0.copy(), np.zeros_like(theta0), np.zeros_like(theta0), 1
    def step(grad):
        nonlocal theta, m, v, t
        t += 1
        m = beta1 * m + (1 - beta1) * grad
        v = beta2 * v + (1 - beta2) * grad * grad
        theta = theta - lr * (m / (1 - beta1**t)) / (np.sqrt(v / (1 - beta2**t)) + eps)
        return theta
    return step
"""


def test_a_snippet_runs_when_pasted(ask, target, tmp_path):
    name = target(WRONG)
    assert ask("check", name, *QUICK_IDS, "--json", "r.json").code == 1
    (result,) = load_results(tmp_path / "r.json")
    texts = [snippet(c.witness, name) for c in result.checks if c.witness is not None]
    pasted = next(text for text in texts if text)
    done = subprocess.run(
        [sys.executable, "-c", pasted],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert "adamcheck.result.DeviationError: t.py:make deviates" in done.stderr


def test_the_python_interface(tmp_path):
    result = adamcheck.check(EXAMPLE, dtypes=("float32",))
    assert result.conforms
    result.raise_for_deviation()
    (tmp_path / "wrong.py").write_text("import numpy as np\n" + WRONG)
    wrong = adamcheck.check(f"{tmp_path / 'wrong.py'}:make", dtypes=("float32",))
    with pytest.raises(AssertionError, match="deviates"):
        wrong.raise_for_deviation()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("no.such.module:Adam", "no"),
        ("json:Adam", "Adam"),
        ("json", "json"),
        ("none.py:make", "none.py"),
        (":make", "make"),
        ("json:", "json"),
        ("json:JSONDecoder", "JSONDecoder"),
        ("json:__name__", "__name__"),
    ],
)
def test_a_target_that_cannot_be_loaded_is_wrong_usage(ask, name, words):
    done = ask("check", name)
    assert done.code == 2, done.out + done.err
    assert done.out == ""
    assert words in done.err
    assert len(done.err.splitlines()) <= 3


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("raise ValueError('no good \\x1b[31m')", "no good \\x1b[31m"),
        ("time.sleep(600)", " 5 s"),
        ("os._exit(0)", "exit"),
        ("os.kill(os.getpid(), 11)", "SIGSEGV"),
        ("sys.exit(0)", "exit"),
        ("return 'seven'", ""),
    ],
    ids=["raises", "hangs", "exits", "crashes", "sys.exit", "returns text"],
)
def test_a_target_that_breaks_is_never_a_pass(ask, target, tmp_path, body, words):
    name = target(f"""
def make(theta0, *, lr, beta1, beta2, eps):
    def step(grad):
        print("noise on stdout", flush=True)
        {body}
    return step
""")
    done = ask("check", name, *QUICK_IDS, "--timeout", "5", "--json", "r.json")
    assert done.code in (1, 3), done.out + done.err
    assert words in done.out + done.err
    assert "noise on stdout\n" not in done.out
    assert not {c for c in done.out + done.err if c == "\x1b"}
    valid(tmp_path / "r.json")


def test_a_reader_that_goes_away_does_not_change_the_verdict(tmp_path):
    command = (
        f"{sys.executable} -m adamcheck check {EXAMPLE} --dtype float64 | head -1 >/dev/null;"
        " echo ${PIPESTATUS[0]}"
    )
    done = subprocess.run(
        ["bash", "-c", command],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=120,
        check=False,
    )
    assert done.stdout == "0\n"
    assert "Traceback" not in done.stderr
