"""Progress: a bar for who watches, lines for who does not, and nothing lost either way."""

from __future__ import annotations

import io
import sys

import pytest

from adamcheck.cli.progress import progress
from adamcheck.events import CheckFinished, CheckStarted, Note, Progress, RunFinished
from adamcheck.result import Status


class Screen(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def feed(listener, samples):
    """A run of three checks with a note in between."""
    checks = [samples.check(), samples.check(dtype="float32"), samples.failure()]
    for index, check in enumerate(checks, 1):
        listener(CheckStarted(check.name, check.dtype, index, len(checks)))
        beside = ("ADAM-XX-1", "float16")
        listener(Progress(index - 1, len(checks), ((check.name, check.dtype), beside)))
        listener(CheckFinished(check))
        listener(Note("a [bold]note[/bold] \x1b[31m"))
    return checks


def test_lines_where_nobody_watches(samples, monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    with progress() as listener:
        checks = feed(listener, samples)
        listener(RunFinished(samples.deviating()))
    note = "adamcheck: a [bold]note[/bold] \\x1b[31m\n"
    assert stream.getvalue() == (
        f"{note}adamcheck: bias-correction [float64]: 1 passed (0.2 s)\n"
        f"{note}adamcheck: bias-correction [float32]: 1 passed (0.2 s)\n"
        f"{note}adamcheck: epsilon [float32]: 1 failed (0.2 s)\n"
    )
    assert listener.checks == checks


def test_a_bar_where_somebody_watches(samples, monkeypatch):
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    with progress() as listener:
        checks = feed(listener, samples)
    shown = screen.getvalue()
    assert "a [bold]note[/bold] \\x1b[31m" in shown
    assert "ADAM-EPS-1 float32 · ADAM-XX-1 float16" in shown
    assert listener.checks == checks


def test_a_family_under_way_is_told_when_the_run_breaks(samples, monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)

    def broken_run():
        with progress() as listener:
            listener(CheckFinished(samples.check(status=Status.PASSED)))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        broken_run()
    assert stream.getvalue() == "adamcheck: bias-correction [float64]: 1 passed (0.2 s)\n"
