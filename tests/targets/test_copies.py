"""A copy of a loaded child: one import for two sessions, and never where that is not safe."""

import os
import time

import psutil
import pytest

from adamcheck.errors import UsageError
from adamcheck.targets import wire
from adamcheck.targets.pipes import read_exactly
from adamcheck.targets.protocol import Limits
from adamcheck.targets.session import Session
from targets.helpers import faulty, request

_TARGET = """
def make(theta0, *, lr, beta1, beta2, eps):
    import os
    return lambda grad: theta0 * 0 + os.getpid()
"""
needs_fork = pytest.mark.skipif(
    not os.path.exists("/proc/self/task"), reason="copies are made on Linux only"
)


def both(target, **more):
    """Two sessions of a target, the second one served by a copy of the first one's child."""
    first = Session(target, **more)
    first.start(copies=1)
    second = Session(target, **more)
    second.start(copy=first.take_copies(1)[0])
    return first, second


def served_by(session):
    """The process that steps the target, as it tells itself."""
    trace = session.run(request())
    assert trace.failure is None
    return int(trace.thetas[0][-1, 0])


def written(tmp_path, text):
    """A target that leaves a mark whenever it is imported."""
    place = tmp_path / "marked.py"
    mark = f"with open({str(tmp_path / 'imports')!r}, 'a') as file:\n    file.write('x')\n"
    place.write_text(mark + text + _TARGET)
    return f"{place}:make"


def imports(tmp_path):
    return len((tmp_path / "imports").read_text())


@needs_fork
def test_a_copy_serves_without_another_import(tmp_path):
    first, second = both(written(tmp_path, ""))
    with first, second:
        assert served_by(first) != served_by(second)
        assert imports(tmp_path) == 1
        assert second.description.abilities == first.description.abilities


@pytest.mark.parametrize(
    "text",
    [
        "import threading, time\n"
        "threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n",
        "import os\nkept = os.pipe()\n",
        "import socket\nkept = socket.socket()\n",
        "import subprocess\nkept = subprocess.Popen(['sleep', '60'])\n",
        "kept = open(__file__)\n",
    ],
    ids=("a thread", "a pipe", "a socket", "a process", "a file"),
)
def test_what_two_cannot_share_is_loaded_twice(tmp_path, text):
    first, second = both(written(tmp_path, text))
    with first, second:
        assert served_by(first) != served_by(second)
        assert imports(tmp_path) == 2


def test_what_cannot_be_loaded_is_told_to_both():
    first, second = both(f"{faulty('Faulty')}Missing")
    with first, second:
        for session in (first, second):
            with pytest.raises(UsageError, match="has no attribute"):
                session.run(request())
            session.close()


@needs_fork
def test_a_copy_that_dies_says_how_and_is_replaced():
    first, second = both(faulty("Crashes"))
    with first, second:
        first.run(request(steps=1))
        trace = second.run(request(steps=5))
        assert trace.failure.kind == "crashed"
        assert "SIGSEGV" in trace.failure.message
        assert second.run(request(steps=1)).failure is None


@needs_fork
def test_a_hung_copy_is_killed():
    first, second = both(faulty("Sleeps"), limits=Limits(step_seconds=0.5, run_seconds=5.0))
    with first, second:
        assert second.run(request(steps=5)).failure.kind == "hung"


@needs_fork
@pytest.mark.parametrize("ended", [0, 1], ids=("the original", "the copy"))
def test_each_ends_alone(tmp_path, ended):
    sessions = both(written(tmp_path, ""))
    pids = [served_by(session) for session in sessions]
    sessions[ended].close()
    assert gone(pids[ended])
    assert served_by(sessions[1 - ended]) == pids[1 - ended]
    sessions[1 - ended].close()
    assert gone(pids[1 - ended])


@needs_fork
def test_a_copy_that_nobody_takes_ends_with_the_original(tmp_path):
    session = Session(written(tmp_path, ""))
    session.start(copies=1)
    served_by(session)
    replies = session._child.copies[0].replies
    parts = [read_exactly(replies, n) for n in wire.sizes(read_exactly(replies, wire.PREFIX.size))]
    copy = wire.decode(*parts)["pid"]
    assert not gone(copy, within=0.2)
    session.close()
    assert gone(copy)


def gone(pid, within=10.0):
    """Whether a process ends in time; one that nobody has waited for yet counts as ended."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)
    return False
