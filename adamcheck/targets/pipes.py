"""Whole messages through pipes, and a process that ends when the one that started it does."""

from __future__ import annotations

import os


def read_exactly(descriptor: int, size: int) -> bytearray | None:
    """Read ``size`` bytes, however they come; None where the pipe ends before."""
    data = bytearray(size)
    view, done = memoryview(data), 0
    while done < size:
        got = os.readv(descriptor, [view[done:]])
        if got == 0:
            return None
        done += got
    return data


def write_all(descriptor: int, data: bytes | memoryview) -> None:
    """Write everything."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def die_with_parent(lifeline: int) -> None:
    """Wait until the other end of a pipe is closed, which happens whatever ends the parent."""
    try:
        os.read(lifeline, 1)
    except OSError:
        return
    os._exit(1)
