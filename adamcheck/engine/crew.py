"""The parent's side of worker processes: start them, hand them the plan, hear them, end them.

They are copies of this process where it can be forked, made when there is a plan, so that what
judges is imported and compiled once; else processes of their own, which start at once.

Shards are taken from one pipe by whoever is free, so that a worker that never starts loses nothing;
one that dies loses the shard that it had taken, and the units of that are errors.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from functools import partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Final

from adamcheck.engine.forked import Forked, can_fork
from adamcheck.engine.plain import dumped, loaded
from adamcheck.errors import UsageError
from adamcheck.events import CheckFinished
from adamcheck.targets import wire
from adamcheck.targets.copies import Ends, closed
from adamcheck.targets.pipes import write_all
from adamcheck.targets.process import environment
from adamcheck.targets.protocol import Description, Trajectory
from adamcheck.targets.requests import from_message
from adamcheck.targets.session import Session

if TYPE_CHECKING:
    from adamcheck.engine.plan import Plan, Unit

_PATIENCE: Final = 5.0
"""Seconds until a worker that does not end when its lifeline does is killed."""
_GONE: Final = 0.2
"""Seconds until a thread that has ended is gone from the process's list, at most."""
_TOKEN: Final = 2
"""Bytes of a shard's number."""
Lines = SimpleQueue[tuple[int, bytes]]


def token(shard: int) -> bytes:
    """A shard's number in the pipe; all are as long, so that a read takes a whole one."""
    return shard.to_bytes(_TOKEN, "little")


def taken(plan: Plan, tokens: int) -> Iterator[tuple[Unit, ...]]:
    """The shards that nobody has taken from the pipe, each taken as it is asked for."""
    shards = plan.shards
    while found := os.read(tokens, _TOKEN):
        yield shards[int.from_bytes(found, "little")]


class Crew:
    """Worker processes for the session's target; a context manager that leaves nothing running.

    Their targets start at once; ``begin`` gives them something to do.
    """

    def __init__(self, session: Session, count: int) -> None:
        self._session = session
        self._lines: Lines = SimpleQueue()
        self._tokens, self._shards = os.pipe()
        self._copies = session.take_copies(count)
        self._running: dict[int, int | None] = dict.fromkeys(range(count))
        self._workers: list[_Worker] = []
        if not can_fork():
            self._start(partial(_started, session.device))

    @property
    def busy(self) -> bool:
        """Whether some worker may still have something to tell."""
        return bool(self._running)

    @property
    def running(self) -> tuple[int, ...]:
        """The indices of the units that are under way in the workers, as far as heard."""
        return tuple(index for index in self._running.values() if index is not None)

    def begin(self, plan: Plan, known: Description) -> None:
        """Hand over the plan and lay out its shards."""
        if not self._workers:
            ready = can_fork(_GONE)
            self._start(_forked if ready else partial(_started, self._session.device))
        write_all(self._shards, b"".join(token(n) for n in range(len(plan.shards))))
        self._end_of_shards()
        message = {"plan": dumped(plan), "known": dumped(known)}
        for worker in self._workers:
            worker.send(message)

    def shards(self, plan: Plan) -> Iterator[tuple[Unit, ...]]:
        """The shards that nobody has taken, each taken as it is asked for."""
        return taken(plan, self._tokens)

    def heard(
        self, *, wait: bool = False
    ) -> Iterator[tuple[int, CheckFinished, Trajectory | None]]:
        """The outcomes told since, with their units' indices; ``wait`` for at least one message.

        With each, the first of its runs that changed a gradient, for what looks back.
        Raises UsageError where a worker met what is the caller's fault.
        """
        while self._running:
            try:
                number, line = self._lines.get(block=wait)
            except Empty:
                return
            wait = False
            if not line.endswith(b"\n"):  # the end, or a line that the end cut off
                self._running.pop(number, None)
                continue
            answer: Mapping[str, Any] = loaded(dict[str, Any], line)
            if "usage" in answer:
                raise UsageError(answer["usage"])
            self._running[number] = answer.get("started")
            if "finished" in answer:
                changed = answer["changed"]
                yield (
                    answer["finished"],
                    loaded(CheckFinished, answer["event"]),
                    None if changed is None else from_message(wire.decode_text(changed)),
                )

    def close(self) -> None:
        """End the workers and their targets."""
        for worker in self._workers:
            worker.close()
        if not self._workers:  # nobody has taken them
            closed([one for copy in self._copies for one in copy or ()])
            self._copies = []
        self._end_of_shards()
        if self._tokens >= 0:
            os.close(self._tokens)
            self._tokens = -1

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _start(self, start: Start) -> None:
        session, copies = self._session, self._copies
        self._workers = [_Worker(start, self._tokens, copy) for copy in copies]
        opening = {
            "path": sys.path,
            "target": session.target,
            "options": dict(session.options),
            "limits": dumped(session.limits),
            "declared": dumped(session.declared),
            "device": session.device,
        }
        # all are started before there is a thread for the first one
        for number, (worker, copy) in enumerate(zip(self._workers, copies, strict=True)):
            worker.listen(number, self._lines)
            worker.send({**opening, "copy": copy})

    def _end_of_shards(self) -> None:
        if self._shards >= 0:
            os.close(self._shards)
            self._shards = -1


Start = Callable[[tuple[int, ...], Collection[int]], "subprocess.Popen[bytes] | Forked"]
"""Starts a worker on its four descriptors; it inherits these and some more."""


def _started(
    device: str, own: tuple[int, ...], inherited: Collection[int]
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "adamcheck.engine.worker", *map(str, own)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        pass_fds=inherited,
        env=environment(device),
        start_new_session=True,  # an interrupt is the parent's to deal with
    )


def _forked(own: tuple[int, ...], inherited: Collection[int]) -> Forked:
    from adamcheck.engine.worker import main

    return Forked(lambda: main([str(descriptor) for descriptor in own]), inherited)


class _Worker:
    """One worker process, and the thread that listens to it."""

    def __init__(self, start: Start, tokens: int, copy: Ends | None) -> None:
        requests, self._requests = os.pipe()
        self._answers, theirs = os.pipe()
        lifeline, held = os.pipe()
        own = (requests, theirs, tokens, lifeline)
        self.process = start(own, (*own, *(copy or ())))
        closed((requests, theirs, lifeline, *(copy or ())))
        self.close = weakref.finalize(self, _end, self.process, (held, self._requests))

    def listen(self, number: int, lines: Lines) -> None:
        """Put what it tells into ``lines`` from now on."""
        arguments = number, self._answers, lines
        threading.Thread(target=_listen, args=arguments, daemon=True).start()

    def send(self, message: Mapping[str, Any]) -> None:
        """Send a message; one that has died takes no shard, and nothing is lost."""
        with suppress(BrokenPipeError):
            for chunk in wire.encode(message):
                write_all(self._requests, chunk)


def _listen(number: int, descriptor: int, lines: Lines) -> None:
    with open(descriptor, "rb") as stream:
        for line in stream:
            lines.put((number, line))
    lines.put((number, b""))


def _end(process: subprocess.Popen[bytes] | Forked, descriptors: tuple[int, ...]) -> None:
    """Let go of the worker's lifeline, with which it ends; kill it where it does not."""
    for descriptor in descriptors:
        os.close(descriptor)
    try:
        process.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
