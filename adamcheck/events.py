"""What the engine tells while it runs; the terminal, files and pytest listen, nothing asks back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from adamcheck.result import CheckResult, Result


@dataclass(frozen=True)
class CheckStarted:
    """Check ``name`` begins in one dtype; ``index`` counts from 1 to ``total``."""

    name: str
    dtype: str
    index: int
    total: int


@dataclass(frozen=True)
class CheckFinished:
    """One outcome is known."""

    result: CheckResult


@dataclass(frozen=True)
class Note:
    """One line worth showing while it happens: kernels compile, a target's process restarts."""

    message: str


@dataclass(frozen=True)
class RunFinished:
    """The run is over."""

    result: Result


Event = CheckStarted | CheckFinished | Note | RunFinished
Listener = Callable[[Event], None]


def silent(event: Event) -> None:
    """Listen to nothing: what the Python API does unless it is given a listener."""
