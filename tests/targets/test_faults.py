"""Whatever a target does, the caller gets the steps that were finished, and the next run works."""

import os
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import psutil
import pytest

from adamcheck.errors import TargetError
from adamcheck.targets.protocol import Limits
from adamcheck.targets.session import Session
from targets.helpers import HYPER, faulty, request, subject

LIMITS = Limits(step_seconds=1.5, memory_bytes=256 << 20)

CASES = [
    # target, kind, type, part of the message, finished steps
    ("Spins", "hung", "", "no progress for 1.5 s", 2),
    ("Sleeps", "hung", "", "no progress for 1.5 s", 2),
    ("StopsItself", "hung", "", "no progress", 2),
    ("Raises", "raised", "ValueError", "ValueError: no way (faulty.py:", 2),
    ("RaisesOddly", "raised", "Odd", "cannot be shown", 2),
    ("Exits", "exited", "SystemExit", "sys.exit(4)", 2),
    ("ExitsHard", "exited", "", "exit status 5", 2),
    ("Crashes", "crashed", "", "SIGSEGV (faulty.py:", 2),
    ("Dereferences", "crashed", "", "SIGSEGV", 2),
    ("Aborts", "crashed", "", "SIGABRT (faulty.py:", 2),
    ("ClosesPipes", "exited", "", "exit status", 5),
    ("AsksTooMuch", "memory", "MemoryError", "Unable to allocate", 2),
    ("GivesNone", "protocol", "", "None instead of an array", 2),
    ("GivesText", "protocol", "", "", 2),
    ("GivesGenerator", "protocol", "", "step(grads) returned a generator instead of a list", 2),
    ("GivesDeleted", "protocol", "", "Deleted, which is not an array: RuntimeError: the buf", 2),
    ("GivesNumber", "protocol", "", "step(grads) returned a float instead of a list of", 2),
    ("GivesComplex", "protocol", "", "complex128", 2),
    ("GivesTwo", "protocol", "", "2 parameters instead of 1", 2),
    ("GivesShape", "protocol", "", "shape (7,) instead of (4,)", 2),
]


@pytest.mark.parametrize(("name", "kind", "type_", "part", "finished"), CASES)
def test_a_fault_keeps_what_was_finished(name, kind, type_, part, finished):
    with Session(faulty(name), limits=LIMITS) as session:
        trace = session.run(request(steps=5))
        assert trace.failure is not None
        assert (trace.failure.kind, trace.failure.type) == (kind, type_)
        assert trace.failure.step == min(finished + 1, 5)
        assert part in trace.failure.message
        assert trace.thetas[0][:, 0].tolist() == [-0.5 * t for t in range(finished + 1)]
        again = session.run(request(steps=2))
        assert again.failure is None
        assert again.thetas[0][:, 0].tolist() == [0.0, -0.5, -1.0]


@pytest.mark.parametrize("name", ["Hogs", "HogsInChild"])
def test_memory_is_watched_in_the_whole_family(name):
    limits = Limits(step_seconds=30.0, memory_bytes=160 << 20)
    with Session(faulty(name), limits=limits) as session:
        trace = session.run(request(steps=5))
    assert trace.failure is not None
    assert (trace.failure.kind, trace.failure.step) == ("memory", 3)
    assert len(trace.thetas[0]) == 3


@pytest.mark.parametrize("name", ["Prints", "WritesRaw", "ReplacesStdout", "SetsErrors"])
def test_noise_and_global_state_do_not_matter(name):
    with Session(faulty(name)) as session:
        for _ in range(2):
            trace = session.run(request(steps=5))
            assert trace.failure is None
            assert len(trace.thetas[0]) == 6
            assert len(trace.printed) <= 4096


def test_what_a_target_prints_belongs_to_its_run():
    with Session(faulty("Prints")) as session:
        assert session.run(request(steps=5)).printed == "x" * 4096
        assert session.run(request(steps=2)).printed == ""


def test_broken_laws_are_told_with_their_step():
    grads = np.ones((5, 4), np.float32)
    with Session(faulty("GivesFloat64")) as session:
        trace = session.run(request(np.zeros(4, np.float32), grads))
        assert dict(trace.broken) == {"dtype": 3}
        assert trace.thetas[0].dtype == np.float32
    with Session(faulty("GivesColumn")) as session:
        trace = session.run(request())
        assert dict(trace.broken) == {"shape": 3}
        assert trace.failure is None
    with Session(faulty("GivesShape")) as session:
        assert dict(session.run(request()).broken) == {"shape": 3}
    with Session(faulty("GivesTwo")) as session:
        assert dict(session.run(request()).broken) == {"parameter-count": 3}


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("CountsToInfinity", "moments(): cannot convert float infinity to integer"),
        ("WholeMoments", "moments(): moment m has dtype int64; a moment is kept in float64"),
    ],
)
def test_moments_that_cannot_be_kept_are_the_targets_fault(name, part):
    with Session(subject(name), limits=LIMITS) as session:
        failure = session.run(request(steps=2, moments=True)).failure
    assert (failure.kind, failure.step) == ("protocol", 1)
    assert part in failure.message


def test_building_is_step_zero():
    with Session(faulty("NeverBuilds"), limits=LIMITS) as session:
        trace = session.run(request())
        assert (trace.failure.kind, trace.failure.step) == ("hung", 0)
        assert len(trace.thetas[0]) == 1
    with Session(faulty("CannotBuild")) as session:
        trace = session.run(request())
        assert (trace.failure.kind, trace.failure.step) == ("raised", 0)


def test_a_whole_run_is_limited_too():
    limits = Limits(step_seconds=30.0, run_seconds=1.0)
    with Session(faulty("Sleeps"), limits=limits) as session:
        assert "not done after 1 s" in session.run(request()).failure.message


def test_failing_in_every_format_is_an_error_but_nan_is_for_the_checks():
    with Session(faulty("Starves")) as session, pytest.raises(TargetError, match="always") as told:
        _ = session.description
    assert (told.value.kind, told.value.step) == ("raised", 1)
    with Session(faulty("NotANumber")) as session:
        assert "float64" in session.description.dtypes


def test_a_crash_leaves_no_process_behind():
    with Session(faulty("HogsInChild"), limits=LIMITS) as session:
        session.run(request(steps=2))
        child = psutil.Process(session._child._process.pid)
        session.run(request(steps=5))
        assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE
    names = [" ".join(p.info["cmdline"] or ()) for p in psutil.process_iter(["cmdline"])]
    assert not any("targets.child" in name and faulty("HogsInChild") in name for name in names)


def test_the_child_dies_with_its_parent():
    script = f"""
        import os, sys
        from adamcheck.targets.session import Session
        session = Session({faulty("Faulty")!r})
        session._loaded()
        print(session._child._process.pid, flush=True)
        os._exit(0)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
    )
    pid = int(done.stdout)
    deadline = time.monotonic() + 10
    while psutil.pid_exists(pid) and time.monotonic() < deadline:
        if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            break
        time.sleep(0.02)
    else:
        assert not psutil.pid_exists(pid)


def test_an_interrupt_does_not_shift_the_answers():
    """The answer to an interrupted request must not be taken for that of the next one."""
    with Session(faulty("Sleeps")) as session:
        session.run(request(steps=2))
        before = signal.signal(signal.SIGALRM, _interrupt)
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        try:
            with pytest.raises(KeyboardInterrupt):
                session.run(request(steps=5))
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
        trace = session.run(request(steps=2, hyper=HYPER))
        assert trace.failure is None
        assert len(trace.thetas[0]) == 3


def _interrupt(number, frame):
    raise KeyboardInterrupt
