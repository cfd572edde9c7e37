"""An engine that does as it is told, in place of the real one."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from adamcheck.cli import main
from adamcheck.errors import TargetError, UsageError
from adamcheck.events import CheckFinished, CheckStarted, Note, Progress, RunFinished


@dataclass
class Engine:
    """Answers for the engine and ``identify``: a result or an exception for a target."""

    answers: dict = field(default_factory=dict)
    calls: list = field(default_factory=list)

    def check(self, target, *, listener=None, **asked):
        self.calls.append((target, asked))
        return self._answer(target, listener)

    def replay(self, target, witness, **asked):
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
