"""Copies of a process that has loaded its target: what another session needs, imported once.

A copy is forked when the target is loaded and before it has run anything, and only while that is
safe: nothing else is at work in the process (one thread, so no lock is held by one that the copy
lacks; no process of its own) and nothing is open that two may not share (sockets, pipes, events,
files, whose place is one for both).
Libraries with pools of threads or a GPU (JAX, TensorFlow, CUDA) never get there. Where it is not
safe no copy is made, and whoever waits for one starts a process of its own.
"""

from __future__ import annotations

import os
import select
import signal
import stat
import struct
import subprocess
import sys
import time
from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

from adamcheck.targets.board import new_descriptor

_STATUS: Final = struct.Struct("<i")
_PATIENCE: Final = 0.2
"""Seconds until a thread that has ended is gone from the process's list, at most."""


class Ends(NamedTuple):
    """Descriptors between a session and its child, on one side of them."""

    requests: int
    replies: int
    board: int
    lifeline: int
    out: int
    err: int
    status: int


def pair() -> tuple[Ends, Ends]:
    """The session's ends and the child's, for one copy."""
    board = new_descriptor()
    requests, lifeline, replies, out, err, status = (os.pipe() for _ in range(6))
    theirs = Ends(requests[0], replies[1], board, lifeline[0], out[1], err[1], status[1])
    ours = Ends(requests[1], replies[0], os.dup(board), lifeline[1], out[0], err[0], status[0])
    return ours, theirs


def closed(ends: Collection[int]) -> None:
    """Close descriptors."""
    for descriptor in ends:
        os.close(descriptor)


class Copy:
    """A copy as seen by the session that it serves, as far as subprocess.Popen is needed there.

    ``pid`` is 0 until the copy has said who it is.
    """

    def __init__(self, status: int) -> None:
        self.pid = 0
        self._status = status
        self._code: int | None = None

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        if self._code is None and self._told(0.0):
            told = os.read(self._status, _STATUS.size)
            # whoever waits for the copy was killed itself, or there never was one
            self._code = _STATUS.unpack(told)[0] if len(told) == _STATUS.size else -signal.SIGKILL
        return self._code

    def wait(self, timeout: float | None = None) -> int:
        """The exit code; raises subprocess.TimeoutExpired."""
        if self._code is None:
            self._told(timeout)
        if (code := self.poll()) is None:
            raise subprocess.TimeoutExpired("copy", timeout or 0.0)
        return code

    def _told(self, seconds: float | None) -> bool:
        """Whether the exit code comes within so many seconds; None: without limit."""
        ready = select.poll()
        ready.register(self._status, select.POLLIN)
        return bool(ready.poll(None if seconds is None else seconds * 1000))


def copied(waiting: Sequence[Ends], own: Collection[int]) -> Ends | None:
    """Fork a copy for each of ``waiting``; returns its ends in a copy, None in the original.

    own: the original's descriptors, which its copies close. Makes none where that is not safe.
    """
    if waiting and _alone({*own, *(one for ends in waiting for one in ends)}):
        for ends in waiting:
            if _forked(ends.status):
                closed({*own, *(one for other in waiting for one in other)} - {*ends[:-1]})
                os.dup2(ends.out, 1)
                os.dup2(ends.err, 2)
                closed((ends.out, ends.err))
                return ends
    for ends in waiting:
        closed(ends)
    return None


def _forked(status: int) -> bool:
    """Whether this is the copy, in a session of its own.

    Between it and the original stands a process that waits for it and tells its exit code; it is
    nobody's child, so that ending the original's family leaves the copy alone.
    """
    first = os.fork()
    if first:
        os.waitpid(first, 0)
        return False
    os.setsid()
    if os.fork():
        os._exit(0)
    copy = os.fork()
    if not copy:
        os.setsid()
        return True
    # what it holds open would keep the copy's pipes alive
    os.closerange(0, status)
    os.closerange(status + 1, os.sysconf("SC_OPEN_MAX"))
    code = os.waitstatus_to_exitcode(os.waitpid(copy, 0)[1])
    os.write(status, _STATUS.pack(code))
    os._exit(0)


def single(seconds: float = _PATIENCE) -> bool:
    """Whether this process has one thread, or has within so many seconds.

    OSError where the system does not tell.
    """
    deadline = time.monotonic() + seconds
    while len(os.listdir("/proc/self/task")) > 1:
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.001)
    return True


def _alone(own: Collection[int]) -> bool:
    """Whether nothing else is at work in this process, or open that two may not share."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        if not single():
            return False
        with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as children:
            if children.read().strip():
                return False
        return all(
            _shared(int(name)) for name in os.listdir("/proc/self/fd") if int(name) not in own
        )
    except OSError:
        return False


def _shared(descriptor: int) -> bool:
    """Whether two processes may hold it: the standard streams, devices, folders."""
    if descriptor <= 2:
        return True
    try:
        mode = os.fstat(descriptor).st_mode
    except OSError:  # the one with which the list was read
        return True
    return stat.S_ISCHR(mode) or stat.S_ISDIR(mode)
