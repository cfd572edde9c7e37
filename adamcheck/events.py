"""What the engine tells while it runs; the terminal, files and pytest listen, nothing asks back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from adamcheck.horizon import Horizon
from adamcheck.result import CheckResult, Finding, Identification, Result


@dataclass(frozen=True)
class CheckStarted:
    """Check ``name`` begins in one dtype; ``index`` counts from 1 to ``total``."""

    name: str
    dtype: str
    index: int
    total: int


@dataclass(frozen=True)
class CheckFinished:
    """One outcome is known.

    Besides: the facts that were first seen on the way to it, and how far its runs looked. All of it
    is plain data, so that it can come from another process.
    """

    result: CheckResult
    findings: tuple[Finding, ...] = ()
    horizon: Horizon | None = None


@dataclass(frozen=True)
class Progress:
    """What is under way right now, as (check, dtype), and how many of ``total`` are done.

    Told as it happens; outcomes are told in the order of the plan, whichever process they are from.
    """

    done: int
    total: int
    running: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Note:
    """One line worth showing while it happens: kernels compile, a target's process restarts."""

    message: str


@dataclass(frozen=True)
class Identified:
    """It was asked in one dtype which dialect the target follows.

    ``found`` is None where it gave no finite number or where asking failed, as ``error`` says.
    """

    found: Identification | None
    dtype: str
    error: str = ""


@dataclass(frozen=True)
class RunFinished:
    """The run is over."""

    result: Result


Event = CheckStarted | CheckFinished | Progress | Note | Identified | RunFinished
Listener = Callable[[Event], None]


def silent(event: Event) -> None:
    """Listen to nothing: what the Python API does unless it is given a listener."""
