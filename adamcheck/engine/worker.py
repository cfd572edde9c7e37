"""A worker process: it runs shards of a plan with a session of its own and tells what happened.

adamcheck.engine.crew forks it, or runs it as ``python -m adamcheck.engine.worker FD FD FD FD``. The
target is loaded in the child process of its session, as everywhere, and never here.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from adamcheck.declared import Declared
from adamcheck.engine.crew import taken
from adamcheck.engine.forked import done
from adamcheck.engine.plain import dumped, loaded
from adamcheck.errors import UsageError
from adamcheck.targets import wire
from adamcheck.targets.copies import Ends
from adamcheck.targets.pipes import Lifeline, read_exactly, write_all
from adamcheck.targets.protocol import Description, Limits
from adamcheck.targets.requests import to_message
from adamcheck.targets.session import Session

if TYPE_CHECKING:
    from adamcheck.engine.plan import Plan
    from adamcheck.properties.context import Context


def work(requests: int, answers: int, tokens: int) -> None:
    """Start the target's process, wait for the plan, and run shards until none is left."""
    first = _message(requests)
    if first is None:
        return
    sys.path[:] = first["path"]
    with Session(
        first["target"],
        options=first["options"],
        limits=loaded(Limits, first["limits"]),
        device=first["device"],
        declared=loaded(Declared, first["declared"]),
    ) as session:
        session.start(copy=None if first["copy"] is None else Ends(*first["copy"]))
        # the rest is imported while the target starts and is asked what it can do
        from adamcheck.checks.registry import all_checks
        from adamcheck.engine.plan import Plan
        from adamcheck.engine.prepared import prepare
        from adamcheck.oracle.evaluate import one_thread

        all_checks()
        prepare()
        second = _message(requests)
        if second is None:
            return
        plan: Plan = loaded(Plan, second["plan"])
        session.know(loaded(Description, second["known"]))
        with one_thread():
            for answer in _answers(plan, session, tokens):
                write_all(answers, dumped(answer).encode() + b"\n")
        os.close(answers)  # whoever waits for more need not wait until this process is gone


def _answers(plan: Plan, session: Session, tokens: int) -> Iterator[Mapping[str, Any]]:
    from adamcheck.engine.unit import context_for, run_unit

    contexts: dict[str, Context] = {}
    try:
        for shard in taken(plan, tokens):
            dtype = shard[0].dtype
            if dtype not in contexts:
                contexts[dtype] = context_for(plan, session, dtype)
            context = contexts[dtype]
            for unit in shard:
                yield {"started": unit.index}
                context.changed = None
                event = dumped(run_unit(context, unit))
                changed = context.changed
                yield {
                    "finished": unit.index,
                    "event": event,
                    "changed": None if changed is None else wire.encode_text(to_message(changed)),
                }
    except UsageError as error:
        yield {"usage": str(error)}


def _message(descriptor: int) -> dict[str, Any] | None:
    prefix = read_exactly(descriptor, wire.PREFIX.size)
    if prefix is None:
        return None
    header, payload = (read_exactly(descriptor, size) for size in wire.sizes(prefix))
    return None if header is None or payload is None else wire.decode(header, payload)


def main(arguments: Sequence[str]) -> None:
    """Work on the descriptors that the parent passed."""
    requests, answers, tokens, lifeline = (int(word) for word in arguments)
    Lifeline(lifeline)
    work(requests, answers, tokens)


if __name__ == "__main__":
    sys.exit(done(lambda: main(sys.argv[1:])))
