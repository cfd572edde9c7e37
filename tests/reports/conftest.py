"""Reports are compared as text, drawn as a pipe would get them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from adamcheck.cli.output import draw
from adamcheck.reports.terminal import render
from adamcheck.result import Result


@pytest.fixture
def drawn(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., str]:
    """The terminal report of a result at a width."""

    def draw_it(result: Result, *, width: int = 100, kept_in: str = "") -> str:
        monkeypatch.setenv("COLUMNS", str(width))
        draw(lambda console: render(result, console, kept_in=kept_in))
        return capsys.readouterr().out

    return draw_it
