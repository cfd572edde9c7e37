"""Progress on stderr: a bar where somebody watches, a line per family where nobody does.

The listener also keeps what was measured, so that an interrupted run still reports it.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from adamcheck.cli.output import console_for, say
from adamcheck.events import CheckFinished, Event, Note, Progress, RunFinished
from adamcheck.result import CheckResult
from adamcheck.text import visible


@dataclass
class Collector:
    """Keeps every outcome seen, and passes each event on to what shows it."""

    show: Callable[[Event], None]
    checks: list[CheckResult] = field(default_factory=list)
    total: int = 0

    def __call__(self, event: Event) -> None:
        if isinstance(event, Progress):
            self.total = event.total
        elif isinstance(event, CheckFinished):
            self.checks.append(event.result)
        self.show(event)


class Lines:
    """One line on stderr whenever a family is done in a dtype."""

    def __init__(self) -> None:
        self._current: tuple[str, str] | None = None
        self._counts: Counter[str] = Counter()
        self._seconds = 0.0

    def __call__(self, event: Event) -> None:
        if isinstance(event, CheckFinished):
            place = (event.result.family, event.result.dtype)
            if place != self._current:
                self.flush()
                self._current = place
            self._counts[event.result.status.value] += 1
            self._seconds += event.result.seconds
        elif isinstance(event, Note):
            say(event.message)
        elif isinstance(event, RunFinished):
            self.flush()

    def flush(self) -> None:
        """Print the family that is under way."""
        if self._current is not None:
            family, dtype = self._current
            told = ", ".join(f"{count} {status}" for status, count in self._counts.items())
            say(f"{family} [{dtype}]: {told} ({self._seconds:.1f} s)")
        self._current, self._seconds = None, 0.0
        self._counts.clear()


class Bar:
    """A Rich bar with the checks that are running."""

    def __init__(self, progress: Any) -> None:
        self._progress = progress
        self._task = progress.add_task("starting", total=None)
        self._failed = 0

    def __call__(self, event: Event) -> None:
        if isinstance(event, Progress):
            running = [f"{name} {dtype}" for name, dtype in event.running]
            note = [f"{self._failed} failed"] if self._failed else []
            self._progress.update(
                self._task,
                total=event.total,
                completed=event.done,
                description=visible(" · ".join([*running, *note]) or "finishing"),
            )
        elif isinstance(event, CheckFinished):
            self._failed += event.result.status.value == "failed"
        elif isinstance(event, Note):
            self._progress.console.print(f"adamcheck: {visible(event.message)}")


@contextmanager
def progress() -> Iterator[Collector]:
    """A listener for one run; what it draws is gone when the run is over."""
    if not sys.stderr.isatty():
        lines = Lines()
        collector = Collector(lines)
        try:
            yield collector
        finally:
            lines.flush()
        return
    from rich import progress as rich

    columns = (
        rich.TextColumn("{task.description}", markup=False),
        rich.BarColumn(bar_width=24),
        rich.MofNCompleteColumn(),
        rich.TimeElapsedColumn(),
    )
    with rich.Progress(*columns, console=console_for(sys.stderr), transient=True) as bar:
        yield Collector(Bar(bar))
