"""A worker that this process forks: it has imported and compiled what judges once for both.

Only a process of one thread forks, so that no lock is held by one that the copy lacks. The copy
keeps no descriptor but those it is given, and ends without a word to what it has inherited: its
exit handlers, buffers and finalizers are the original's.
"""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Final

from adamcheck.targets.copies import single
from adamcheck.text import shorten, visible

_TICK: Final = 0.005


def can_fork(seconds: float = 0.0) -> bool:
    """Whether this process may be copied: on Linux, while it has one thread, or soon has."""
    try:
        return sys.platform.startswith("linux") and single(seconds)
    except OSError:
        return False


class Forked:
    """A copy of this process, as far as subprocess.Popen is needed of it."""

    def __init__(self, work: Callable[[], None], kept: Collection[int]) -> None:
        """Let a copy do ``work`` with the standard streams and the descriptors ``kept``."""
        self._code: int | None = None
        self.pid = os.fork()
        if not self.pid:
            _be_worker(work, kept)

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        if self._code is None:
            try:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
            except ChildProcessError:  # somebody else has asked
                pid, status = self.pid, 0
            if pid:
                self._code = os.waitstatus_to_exitcode(status)
        return self._code

    def wait(self, timeout: float | None = None) -> int:
        """The exit code; raises subprocess.TimeoutExpired."""
        end = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if end is not None and time.monotonic() > end:
                raise subprocess.TimeoutExpired("forked worker", timeout or 0.0)
            time.sleep(_TICK)
        return code

    def kill(self) -> None:
        """Kill it."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)


def done(work: Callable[[], None]) -> int:
    """Do a worker's work; the exit code, and one line on stderr where it failed.

    The original tells what was lost with it.
    """
    try:
        work()
    except BaseException as fault:
        told = " ".join(f"{type(fault).__name__}: {fault}".split())
        with suppress(OSError):
            os.write(2, f"adamcheck: a worker failed: {shorten(visible(told))}\n".encode())
        return 1
    return 0


def _be_worker(work: Callable[[], None], kept: Collection[int]) -> None:
    """What the copy does; it never comes back."""
    code = 1
    try:
        os.setsid()  # an interrupt is the original's to deal with
        gc.freeze()  # what both have is looked through by neither
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 0)
        os.dup2(null, 1)
        least = 3
        for descriptor in sorted({*kept}):
            os.closerange(least, descriptor)
            least = descriptor + 1
        os.closerange(least, os.sysconf("SC_OPEN_MAX"))
        code = done(work)
    finally:
        os._exit(code)
