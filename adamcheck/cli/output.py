"""Where words go: results to stdout, all else to stderr; no closed pipe changes the exit code."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING, TextIO

from adamcheck.report.escape import visible

if TYPE_CHECKING:
    from rich.console import Console

PIPED_WIDTH = 100
"""Columns of a report that goes to a file or a pipe and whose width nobody set."""


def console_for(stream: TextIO) -> Console:
    """A Rich console that interprets nothing in what it prints."""
    from rich.console import Console

    width = None
    if not stream.isatty():
        width = shutil.get_terminal_size((PIPED_WIDTH, 25)).columns
    return Console(file=stream, width=width, markup=False, highlight=False, emoji=False)


def tolerant() -> None:
    """Let streams that cannot show a character spell it out instead of raising."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def write(text: str) -> None:
    """Write to stdout; a reader that went away is not an error of the run."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        drop_stdout()


def drop_stdout() -> None:
    """Send what is still to come nowhere, so that the interpreter's last flush does not fail."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def say(message: str) -> None:
    """One diagnostic line on stderr."""
    print(f"adamcheck: {visible(message)}", file=sys.stderr, flush=True)
