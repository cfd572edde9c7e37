"""The child process: loads one target and answers requests until its pipe closes.

Run as ``python -m adamcheck.targets.child FD…`` by adamcheck.targets.process.
"""

from __future__ import annotations

import faulthandler
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from adamcheck.declared import declared_by
from adamcheck.errors import AdamcheckError, UsageError
from adamcheck.targets import wire
from adamcheck.targets.adapters import bind, prepare
from adamcheck.targets.adapters.base import Bound, Opening, versions
from adamcheck.targets.board import Board
from adamcheck.targets.copies import Ends, copied
from adamcheck.targets.drive import Drive
from adamcheck.targets.globals import Globals
from adamcheck.targets.loading import load, said, where
from adamcheck.targets.pipes import Lifeline, read_exactly, write_all
from adamcheck.targets.requests import from_message, plan


class Server:
    """Answers the messages of one session."""

    def __init__(self, board: int) -> None:
        self.board = board
        self._bound: Bound | None = None
        self._globals = Globals()

    @property
    def loaded(self) -> bool:
        """Whether the target is there to be run."""
        return self._bound is not None

    def answer(self, message: dict[str, Any]) -> dict[str, Any]:
        """The reply to one message; every kind of message is one method."""
        method = getattr(self, f"_on_{message.get('op')}")
        reply: dict[str, Any] = method(message)
        return reply

    def _on_load(self, message: dict[str, Any]) -> dict[str, Any]:
        sys.path[:0] = [""]
        sys.path.extend(path for path in message["path"] if path not in sys.path)
        target = message["target"]
        prepare(target.rpartition(":")[0], message["options"])
        found = load(target)
        opening = Opening(target, message["options"], message["device"])
        try:
            name, bound = bind(found, opening, message["adapters"])
        except AdamcheckError:
            raise
        except BaseException as error:
            raise UsageError(
                f"target {target!r} cannot be used: {type(error).__name__}:"
                f" {said(error)}{where(error)}"
            ) from None
        declared = declared_by(found, target)
        self._bound = bound
        self._globals = Globals()
        traits = bound.traits
        return {
            "adapter": name,
            "hyperparameters": traits.hyperparameters,
            "flags": traits.flags,
            "abilities": traits.abilities,
            "layouts": traits.layouts,
            "notes": traits.notes,
            "declared": declared.document(),
            "environment": versions(traits.packages),
            "defaults": traits.defaults.document(),
        }

    def _on_run(self, message: dict[str, Any]) -> dict[str, Any]:
        assert self._bound is not None
        request = from_message(message["request"])
        board = Board(self.board, plan(request), create=False)
        self._globals.restore()
        drive = Drive(self._bound, request, board)
        failure = drive.go()
        self._globals.restore()
        board.close()
        return {"failure": None if failure is None else asdict(failure), "broken": drive.broken}

    def _on_flushes(self, message: dict[str, Any]) -> dict[str, Any]:
        assert self._bound is not None
        return {"dtypes": [d for d in message["dtypes"] if self._bound.flushes(d)]}


def serve(ends: Ends, waiting: Sequence[Ends]) -> None:
    """Read, answer and reply until the other end closes.

    waiting: the ends of sessions that are served by copies, once the target is loaded; a copy
    tells what the load message was answered, as if it had been asked.
    """
    server, own, lifeline = Server(ends.board), os.getpid(), Lifeline(ends.lifeline)
    while (prefix := read_exactly(ends.requests, wire.PREFIX.size)) is not None:
        parts = [read_exactly(ends.requests, size) for size in wire.sizes(prefix)]
        if parts[0] is None or parts[1] is None:
            return
        try:
            reply: dict[str, Any] = {"reply": server.answer(wire.decode(parts[0], parts[1]))}
        except AdamcheckError as error:
            reply = {"usage": str(error)}
        except Exception as error:
            reply = {"internal": f"{type(error).__name__}: {said(error)}"}
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (OSError, ValueError, AttributeError):
                continue  # the target closed or replaced it
        if waiting and server.loaded:
            lifeline.rest()
            if (mine := copied(waiting, ends[:4])) is not None:
                ends, own, server.board = mine, os.getpid(), mine.board
            lifeline, waiting = Lifeline(ends.lifeline), ()
        # a target that forks comes back twice: the parent sees whose answer this is
        for chunk in wire.encode(reply | {"pid": os.getpid()}):
            write_all(ends.replies, chunk)
        if os.getpid() != own:
            os._exit(1)  # a copy must not read the original's requests


def main(arguments: Sequence[str]) -> None:
    """Serve on the descriptors that the parent passed: four, and seven for each copy to make."""
    given = [int(word) for word in arguments]
    requests, replies, board, lifeline, *more = given
    size = len(Ends._fields)
    waiting = [Ends(*more[k : k + size]) for k in range(0, len(more), size)]
    faulthandler.enable()
    serve(Ends(requests, replies, board, lifeline, out=1, err=2, status=-1), waiting)
    # a target's exit handlers and threads have no say in whether this process ends
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
