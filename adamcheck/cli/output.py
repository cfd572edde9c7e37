"""Where words go: results to stdout, all else to stderr; no closed pipe changes the exit code."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from adamcheck.errors import UsageError
from adamcheck.reports.files import check_writable, is_special, place_of
from adamcheck.text import visible

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
    """Let streams that cannot show a character spell it out; what is closed takes all, unseen."""
    sys.stdout, sys.stderr = (
        open(os.devnull, "w") if stream is None else stream  # noqa: SIM115 - open to the end
        for stream in (sys.stdout, sys.stderr)
    )
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def check_outputs(**names: str) -> None:
    """Refuse, before anything runs, what cannot be written and two reports for one place.

    The names are those of the options; "" is no report, "-" is stdout.
    """
    places: dict[Path, str] = {}
    streams = [f"--{option}" for option, name in names.items() if name == "-"]
    if len(streams) > 1:
        raise UsageError(f"only one of {' and '.join(streams)} can go to stdout")
    for option, name in names.items():
        if name in ("", "-"):
            continue
        path = Path(name)
        check_writable(path)
        first = places.setdefault(place_of(path), option)
        if first != option and not is_special(path):
            raise UsageError(f"{name}: --{first} and --{option} name the same file; name two")


def draw(show: Callable[[Console], None], stream: TextIO | None = None) -> None:
    """Let ``show`` print on a console for stdout, or another stream; no line ends in blanks."""
    stream = stream or sys.stdout
    console = console_for(stream)
    with console.capture() as captured:
        show(console)
    write("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()), stream)


def write(text: str, stream: TextIO | None = None) -> None:
    """Write to stdout or another stream; a reader that went away is not an error of the run."""
    stream = stream or sys.stdout
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError:
        # what is still buffered goes nowhere, so that the interpreter's last flush does not fail
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def say(message: str) -> None:
    """One diagnostic line on stderr."""
    print(f"adamcheck: {visible(message)}", file=sys.stderr, flush=True)
