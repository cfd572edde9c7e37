"""Whole messages through pipes, and a process that ends when the one that started it does."""

from __future__ import annotations

import os
import select
import threading


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


class Lifeline:
    """Ends this process when the other end of a pipe is closed, whatever ends the parent.

    A thread watches for it; ``rest`` ends the thread.
    """

    def __init__(self, descriptor: int) -> None:
        self._until, self._stop = os.pipe()
        arguments = descriptor, self._until
        self._thread = threading.Thread(target=_die_with_parent, args=arguments, daemon=True)
        self._thread.start()

    def rest(self) -> None:
        """Watch no longer, and leave no thread."""
        os.close(self._stop)
        self._thread.join()
        os.close(self._until)


def _die_with_parent(lifeline: int, until: int) -> None:
    ready = select.poll()
    for descriptor in (lifeline, until):
        ready.register(descriptor, select.POLLIN)
    # a target that closes what it does not know has not ended the parent
    if dict(ready.poll()).get(lifeline, 0) & (select.POLLIN | select.POLLHUP):
        os._exit(1)
