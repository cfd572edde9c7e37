"""The parent's side of worker processes: start them, hand them the plan, hear them, end them.

Shards are taken from one pipe by whoever is free, so that a worker that never starts loses nothing;
one that dies loses the shard that it had taken, and the units of that are errors.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import weakref
from collections.abc import Iterator, Mapping
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Final

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

    They start at once, and with them their targets; ``begin`` gives them something to do.
    """

    def __init__(self, session: Session, count: int) -> None:
        self._lines: Lines = SimpleQueue()
        self._tokens, self._shards = os.pipe()
        copies = session.take_copies(count)
        self._workers = [
            _Worker(number, session.device, self._tokens, self._lines, copies[number])
            for number in range(count)
        ]
        self._running: dict[int, int | None] = dict.fromkeys(range(count))
        opening = {
            "path": sys.path,
            "target": session.target,
            "options": dict(session.options),
            "limits": dumped(session.limits),
            "declared": dumped(session.declared),
            "device": session.device,
        }
        for worker, copy in zip(self._workers, copies, strict=True):
            worker.send({**opening, "copy": copy})

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
        self._end_of_shards()
        if self._tokens >= 0:
            os.close(self._tokens)
            self._tokens = -1

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _end_of_shards(self) -> None:
        if self._shards >= 0:
            os.close(self._shards)
            self._shards = -1


class _Worker:
    """One worker process, and the thread that listens to it."""

    def __init__(
        self, number: int, device: str, tokens: int, lines: Lines, copy: Ends | None
    ) -> None:
        requests, self._requests = os.pipe()
        answers, theirs = os.pipe()
        lifeline, held = os.pipe()
        inherited = (requests, theirs, tokens, lifeline)
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "adamcheck.engine.worker", *map(str, inherited)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=(*inherited, *(copy or ())),
            env=environment(device),
            start_new_session=True,  # an interrupt is the parent's to deal with
        )
        closed((requests, theirs, lifeline, *(copy or ())))
        self.close = weakref.finalize(self, _end, self.process, (held, self._requests))
        threading.Thread(target=_listen, args=(number, answers, lines), daemon=True).start()

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


def _end(process: subprocess.Popen[bytes], descriptors: tuple[int, ...]) -> None:
    """Let go of the worker's lifeline, with which it ends; kill it where it does not."""
    for descriptor in descriptors:
        os.close(descriptor)
    try:
        process.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
