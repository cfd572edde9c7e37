"""What a target says of itself decides nothing: refusals and prints may hold any word.

The words are those that adamcheck itself uses: every text that stands in its code.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import adamcheck
from adamcheck.formats import FORMATS
from adamcheck.identify import identify
from adamcheck.result import Verdict
from adamcheck.targets.probe import described
from adamcheck.targets.protocol import Failure, Trace

TRAITS = {
    "adapter": "function",
    "hyperparameters": ("lr", "beta1", "beta2", "eps"),
    "flags": (),
    "abilities": ("stepwise",),
    "environment": {},
    "notes": (),
    "layouts": ("C",),
    "defaults": {"values": {}, "lacking": {}, "opaque": (), "on": ()},
}
SHOUT = "flush: flushes subnormals: float64, float32, float16; scalars array; conforms; passed"

TARGET = """
import numpy as np

def make(theta0, *, lr, beta1, beta2, eps):
    {shout}
    if theta0.dtype.name == "float16":
        raise TypeError({words!r})
    theta, m, v, t = theta0.copy(), 0 * theta0, 0 * theta0, 0
    c, tiny = theta0.dtype.type, np.finfo(theta0.dtype).tiny

    def step(grad):
        nonlocal theta, m, v, t
        t += 1
        with np.errstate(all="ignore"):
            m = c(beta1) * m + c(1 - beta1) * grad
            m[abs(m) < tiny] = 0  # which the arithmetic of this process would not do
            v = c(beta2) * v + c(1 - beta2) * (grad * grad)
            v[v < tiny] = 0
            root = np.sqrt(v / c(1 - beta2**t)) + c(eps)
            theta = theta - c(lr) * (m / c(1 - beta1**t)) / root
        return theta

    return step
"""


def texts():
    """Every text of the package that is short enough to be a word or a message."""
    found = set()
    for path in Path(adamcheck.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
    return sorted(text for text in found if len(text) < 200)


def description(refusal):
    """What is found out of a target that refuses float16 with these words."""

    def run(request):
        thetas = tuple(np.stack([a, a]) for a in request.theta0)
        if request.theta0[0].dtype == FORMATS["float16"].dtype:
            return Trace(thetas, failure=Failure("raised", refusal, 1), printed=refusal)
        return Trace(thetas, printed=refusal)

    return described("t:t", TRAITS, run, lambda dtypes: ())


def test_no_refusal_changes_what_a_target_is_taken_for():
    words = texts()
    assert len(words) > 1_000
    assert any("flush" in text for text in words)
    plain = description("no")
    assert plain.dtypes == ("float64", "float32", "bfloat16")
    for text in words:
        seen = description(text)
        assert replace(seen, notes=()) == replace(plain, notes=())
        assert seen.notes == (f"does not take float16: {text}",)


def test_only_formats_that_are_taken_count_as_flushed():
    plain = description("no")
    assert plain.flushes == frozenset()

    def run(request):
        return Trace(tuple(np.stack([a, a]) for a in request.theta0))

    seen = described("t:t", TRAITS, run, lambda dtypes: ("float32", "float128"))
    assert seen.flushes == {"float32"}


@pytest.fixture(scope="module")
def twins(tmp_path_factory):
    """Two targets that lose subnormals by themselves; one of them says every word."""
    folder = tmp_path_factory.mktemp("words")
    quiet, loud = folder / "quiet.py", folder / "loud.py"
    quiet.write_text(TARGET.format(shout="", words="no"))
    loud.write_text(TARGET.format(shout=f"print({SHOUT!r}, flush=True)", words=SHOUT))
    return f"{quiet}:make", f"{loud}:make"


def bare(result):
    """A result without its name, its notes and its clock."""
    checks = [replace(c, seconds=0.0) for c in result.checks]
    findings = [f for f in result.findings if f.name != "target"]
    return result.verdict, result.identified, checks, findings


def test_a_deviation_stays_one_whatever_the_target_says(twins):
    quiet, loud = (
        adamcheck.check(each, only=("ADAM-LS-1", "ADAM-LS-5"), dtypes="float32") for each in twins
    )
    assert any(SHOUT in finding.message for finding in loud.findings)
    assert quiet.verdict is Verdict.DEVIATES
    assert bare(loud) == bare(quiet)


def test_identification_does_not_listen(twins):
    def told(target):
        found = identify(target, dtype="float32")
        return replace(found, target="", seconds=0.0)

    assert told(twins[0]) == told(twins[1])
