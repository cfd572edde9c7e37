"""Prove theorems in child processes: names go in, rows come back as JSON, one a line.

A child that ends before it answers makes the row it was working on red; nothing is unpickled.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import Empty, SimpleQueue

from adamcheck.proof.ledger import Row, failed, row_dict, row_of
from adamcheck.proof.library import theorem
from adamcheck.proof.row import prove_one

CODE = "from adamcheck.proof.worker import serve; serve()"


def serve() -> None:
    """Answer each ``NAME OPINIONS`` line on stdin with a row on stdout, until stdin ends."""
    for line in sys.stdin:
        name, asked = line.split()
        row = prove_one(theorem(name), second_opinions=asked == "1")
        print(json.dumps(row_dict(row)), flush=True)


def prove_in_children(
    names: Sequence[str],
    *,
    second_opinions: bool,
    workers: int,
    done: Callable[[str], None],
) -> tuple[Row, ...]:
    """Rows of the named theorems in their order; ``done`` is called as each is finished."""
    waiting: SimpleQueue[str] = SimpleQueue()
    for name in names:
        waiting.put(name)
    rows: dict[str, Row] = {}

    def drive() -> None:
        child = _start()
        try:
            while True:
                name = waiting.get_nowait()
                row = _ask(child, name, second_opinions)
                if row is None:
                    one, code = theorem(name), child.wait()
                    row = failed(one, f"the child process that proved it ended ({code})", 0.0, ())
                    child = _start()
                rows[name] = row
                done(name)
        except Empty:
            pass
        finally:
            assert child.stdin is not None
            child.stdin.close()
            child.wait()

    with ThreadPoolExecutor(workers) as threads:
        for future in [threads.submit(drive) for _ in range(workers)]:
            future.result()
    return tuple(rows[name] for name in names)


def _start() -> subprocess.Popen[str]:
    # the children look for modules where this process does
    path = os.pathsep.join(entry for entry in sys.path if entry)
    return subprocess.Popen(
        [sys.executable, "-c", CODE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env=os.environ | {"PYTHONPATH": path, "PYTHONIOENCODING": "utf-8"},
    )


def _ask(child: subprocess.Popen[str], name: str, second_opinions: bool) -> Row | None:
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        child.stdin.write(f"{name} {int(second_opinions)}\n")
        child.stdin.flush()
        answer = child.stdout.readline()
        return row_of(json.loads(answer)) if answer.endswith("\n") else None
    except (OSError, ValueError):
        return None
