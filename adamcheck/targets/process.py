"""The parent's side of the child: start it, exchange messages, watch it, kill it.

A child that hangs, dies or eats memory ends as ``Died``; the parent never waits without a limit.
"""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import sys
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psutil

from adamcheck.errors import AdamcheckError, UsageError
from adamcheck.targets import wire
from adamcheck.targets.copies import Copy, Ends, closed, pair

KEPT: Final = 4096
"""How much of a target's output is kept, in bytes."""
_COPIED: Final = "answered twice: it called os.fork() and let the copy of its process go on"
_TICK: Final = 0.05
_FAMILY: Final = 0.5
_THREADS: Final = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
)


class Died(Exception):
    """The child is gone: ``kind`` is hung, exited, crashed, memory or protocol."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message


@dataclass(frozen=True)
class Watch:
    """What one exchange may take: seconds without progress, seconds in all, bytes of memory."""

    quiet_seconds: float
    total_seconds: float
    memory_bytes: int
    progress: Callable[[], int] = lambda: 0


class ChildProcess:
    """A running child, from ``started`` or ``copy_at``; after Died it must be replaced.

    ``copies`` are the ends of its copies, for whoever takes them out; the rest is closed with it.
    """

    def __init__(
        self, process: subprocess.Popen[bytes] | Copy, ends: Ends, copies: Sequence[Ends] = ()
    ) -> None:
        self._process = process
        self.copies = list(copies)
        self._requests, self._replies, self.board, _, self._out, self._err, _ = ends
        for descriptor in (self._requests, self._replies, self._out, self._err):
            os.set_blocking(descriptor, False)
        self._printed = bytearray()
        self._errors = bytearray()
        self._outgoing: list[memoryview] = []
        self._poll = select.poll()
        for descriptor in (self._replies, self._out, self._err):
            self._poll.register(descriptor, select.POLLIN)
        self._close = weakref.finalize(self, _end, process, ends, self.copies)

    @classmethod
    def started(cls, device: str, copies: int = 0) -> ChildProcess:
        """A new process, which makes so many copies of itself when it has loaded, if it can."""
        _occupy_standard()
        ours, theirs = pair()
        pairs = [pair() for _ in range(copies)]
        further = [one for _, ends in pairs for one in ends]
        inherited = (*theirs[:4], *further)
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "adamcheck.targets.child", *map(str, inherited)],
            stdin=subprocess.DEVNULL,
            stdout=theirs.out,
            stderr=theirs.err,
            pass_fds=inherited,
            env=environment(device),
            start_new_session=True,
        )
        closed((*theirs, *further))
        return cls(process, ours, [mine for mine, _ in pairs])

    @classmethod
    def copy_at(cls, ends: Ends) -> ChildProcess:
        """The copy that some other child makes, or does not make, for these ends."""
        return cls(Copy(ends.status), ends)

    @property
    def missing(self) -> bool:
        """Whether this should be a copy, and has not been heard of."""
        return self._process.pid == 0

    @property
    def alive(self) -> bool:
        """Whether the child can take another message."""
        return not self.closed and self._process.poll() is None

    @property
    def closed(self) -> bool:
        """Whether the child was ended from here."""
        return not self._close.alive

    def close(self) -> None:
        """Kill the child and everything that it started."""
        self._close()

    def printed(self) -> str:
        """What the target printed since the last call, cut; call it after an exchange."""
        if self._close.alive:
            self._drain()
        text = bytes(self._printed).decode("utf-8", "replace")
        self._printed.clear()
        self._errors.clear()
        return text

    def ask(self, message: Mapping[str, Any], watch: Watch) -> dict[str, Any]:
        """Send a message and return the reply; raises what ``reply`` raises."""
        self.send(message)
        return self.reply(watch)

    def send(self, message: Mapping[str, Any]) -> None:
        """Send as much of a message as the child takes at once; ``reply`` sends the rest."""
        self._outgoing = [memoryview(chunk).cast("B") for chunk in wire.encode(message)]
        self._send()

    def reply(self, watch: Watch) -> dict[str, Any]:
        """The reply to the message that was sent last.

        Raises Died (the child is then killed), UsageError for a request that the child refused and
        AdamcheckError for an error of adamcheck's own.
        """
        try:
            reply = self._exchange(watch)
        except Died:
            self.close()
            raise
        if isinstance(self._process, Copy) and self.missing:
            self._process.pid = int(reply.get("pid", 0))
        if reply.get("pid") != self._process.pid:
            self.close()
            raise Died("protocol", _COPIED)
        if "usage" in reply:
            raise UsageError(str(reply["usage"]))
        if "internal" in reply:
            raise AdamcheckError(f"adamcheck failed in the target process: {reply['internal']}")
        content = reply.get("reply")
        if not isinstance(content, dict):
            self.close()
            raise Died("protocol", "the target process sent a damaged reply")
        return content

    def _exchange(self, watch: Watch) -> dict[str, Any]:
        incoming = bytearray()
        guard = _Guard(self._process.pid, watch)
        if writing := bool(self._outgoing):
            self._poll.register(self._requests, select.POLLOUT)
        while True:
            ready = dict(self._poll.poll(_TICK * 1000))
            if writing and self._requests in ready:
                self._send()
                if not self._outgoing:
                    self._poll.unregister(self._requests)
                    writing = False
            if self._out in ready or self._err in ready:
                self._drain()
            if self._replies in ready:
                chunk = os.read(self._replies, 1 << 16)
                incoming += chunk
                reply = _complete(incoming)
                if reply is not None:
                    return reply
                if not chunk:
                    raise self._death()
            elif self._process.poll() is not None:
                raise self._death()
            guard.check()

    def _send(self) -> None:
        outgoing = self._outgoing
        while outgoing:
            try:
                sent = os.write(self._requests, outgoing[0])
            except BlockingIOError:
                return
            except BrokenPipeError:  # it has died; the reply that is missing will say how
                outgoing.clear()
                return
            if sent == len(outgoing[0]):
                outgoing.pop(0)
            else:
                outgoing[0] = outgoing[0][sent:]

    def _drain(self) -> None:
        for descriptor, kept in ((self._out, self._printed), (self._err, self._errors)):
            for _ in range(64):
                try:
                    chunk = os.read(descriptor, 1 << 16)
                except BlockingIOError:
                    break
                if not chunk:
                    self._forget(descriptor)
                    break
                kept += chunk
                # of output the beginning is kept, of errors the end, where a crash is explained
                del kept[slice(KEPT, None) if descriptor == self._out else slice(None, -KEPT)]

    def _forget(self, descriptor: int) -> None:
        try:
            self._poll.unregister(descriptor)
        except KeyError:
            return

    def _death(self) -> Died:
        try:
            code = self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            return Died("protocol", "the target closed the pipe to adamcheck")
        self._drain()
        if code >= 0:
            return Died("exited", f"ended its process with exit status {code}")
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = f"signal {-code}"
        return Died("crashed", f"killed by {name}{self._last_frame()}")

    def _last_frame(self) -> str:
        text = bytes(self._errors).decode("utf-8", "replace")
        frame = re.search(r'Current thread[^\n]*\n\s*File "([^"]+)", line (\d+)', text)
        return f" ({Path(frame[1]).name}:{frame[2]})" if frame else ""


class _Guard:
    """The limits of one exchange, looked at every tick."""

    def __init__(self, pid: int, watch: Watch) -> None:
        self._watch = watch
        self._begin = self._last = time.monotonic()
        self._seen = watch.progress()
        self._next = self._begin + _TICK
        self._next_family = self._begin + _FAMILY
        self._pid = pid
        self._family: list[psutil.Process] = []

    def check(self) -> None:
        """Raise Died when a limit is passed."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + _TICK
        watch, seen = self._watch, self._watch.progress()
        if seen != self._seen:
            self._seen, self._last = seen, now
        if now - self._last > watch.quiet_seconds:
            raise Died("hung", f"made no progress for {watch.quiet_seconds:g} s")
        if now - self._begin > watch.total_seconds:
            why = f"was not done after {watch.total_seconds:g} s"
            raise Died("hung", f"{why} (--timeout allows more, --max-steps cuts long runs)")
        if self._memory(now) > watch.memory_bytes:
            raise Died("memory", f"used more than {_size(watch.memory_bytes)} of memory")

    def _memory(self, now: float) -> int:
        # most exchanges are over before anybody asks
        if not self._family or now >= self._next_family:
            whole = now >= self._next_family
            self._next_family = now + _FAMILY
            self._family = _family(self._pid, whole=whole)
        return sum(_resident(process) for process in self._family)


def _complete(incoming: bytearray) -> dict[str, Any] | None:
    if len(incoming) < wire.PREFIX.size:
        return None
    try:
        header, payload = wire.sizes(incoming[: wire.PREFIX.size])
        end = wire.PREFIX.size + header + payload
        if len(incoming) < end:
            return None
        if len(incoming) > end:
            raise Died("protocol", _COPIED)
        body = incoming[wire.PREFIX.size : end]
        return wire.decode(body[:header], body[header:])
    except wire.WireError as error:
        raise Died("protocol", f"the target process sent a damaged reply: {error}") from None


def _size(count: int) -> str:
    return f"{count / 2**30:.1f} GiB" if count >= 1 << 30 else f"{count / 2**20:.4g} MiB"


def _occupy_standard() -> None:
    """Open what the caller closed of descriptors 0 to 2: the child would overwrite a pipe there."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        continue
    os.close(descriptor)


def environment(device: str) -> dict[str, str]:
    """The child's environment: one thread, unbuffered output, adamcheck importable."""
    env = dict(os.environ)
    home = str(Path(__file__).resolve().parents[2])
    env["PYTHONPATH"] = os.pathsep.join(filter(None, (home, env.get("PYTHONPATH", ""))))
    env["PYTHONUNBUFFERED"] = "1"
    env.update(dict.fromkeys(_THREADS, "1"))
    single = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    env["XLA_FLAGS"] = f"{env.get('XLA_FLAGS', '')} {single}".strip()
    env["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"
    if device == "cpu":
        env["JAX_PLATFORMS"] = "cpu"
    return env


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0


def _family(pid: int, *, whole: bool) -> list[psutil.Process]:
    """The process, and all below it if ``whole``."""
    try:
        process = psutil.Process(pid)
    except psutil.Error:
        return []
    return [process, *(_descendants(process) if whole else [])]


def _descendants(process: psutil.Process) -> list[psutil.Process]:
    try:
        return list(process.children(recursive=True))
    except psutil.Error:
        return []


def _end(process: subprocess.Popen[bytes] | Copy, ends: Ends, copies: list[Ends]) -> None:
    """Kill the child's whole family and close everything that led to it."""
    if process.pid:  # a copy that nobody has heard of ends with its lifeline
        _kill(process)
    closed((*ends, *(one for other in copies for one in other)))


def _kill(process: subprocess.Popen[bytes] | Copy) -> None:
    if process.poll() is None:
        for member in _descendants(psutil.Process(process.pid)):
            try:
                member.kill()
            except psutil.Error:
                continue
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
