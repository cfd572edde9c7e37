"""Workers beside: the same outcomes as alone, in the same order; what is lost is an error."""

from __future__ import annotations

import os
import signal
import sys
import threading
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from adamcheck.engine import gate
from adamcheck.engine.crew import Crew, taken, token
from adamcheck.engine.forked import Forked, can_fork, done
from adamcheck.engine.gate import check
from adamcheck.engine.plain import dumped, loaded
from adamcheck.engine.plan import Plan, Unit, plan
from adamcheck.engine.run import run
from adamcheck.engine.unit import run_unit
from adamcheck.engine.verdict import Record
from adamcheck.errors import UsageError
from adamcheck.events import CheckFinished, CheckStarted, Event, Progress
from adamcheck.horizon import Horizon
from adamcheck.profiles import profile_named
from adamcheck.properties.context import Context
from adamcheck.result import CheckResult, Comparison, Finding, Status, Verdict, Witness
from adamcheck.spec import parse_spec
from adamcheck.targets.protocol import Description
from adamcheck.targets.session import Session

NUMPY = "adamcheck.implementations:NumpyAdam"
ZOO = str(Path(__file__).parents[1] / "zoo" / "dialects.py")
NARROW = ("float32", "float16")
ONLY = ("ADAM-GB-1", "ADAM-LS-4", "ADAM-LS-2", "ADAM-FZ-1")


@pytest.fixture(params=["forked", "started"])
def way(request, monkeypatch):
    """How workers come to be: as copies of this process, or as processes of their own."""
    if request.param == "forked" and not sys.platform.startswith("linux"):
        pytest.skip("only Linux copies a process")
    monkeypatch.setattr("adamcheck.engine.crew.can_fork", lambda *_: request.param == "forked")
    return request.param


def told(target: str, count: int, *, dtypes: tuple[str, ...]) -> list[Event]:
    """All events of a run with so many workers beside, without what depends on the time."""
    with Session(target) as session:
        made = plan(session.description, parse_spec("adam"), only=ONLY, dtypes=dtypes)
        if not count:
            events = list(run(made, session))
        else:
            with Crew(session, count) as crew:
                events = list(run(made, session, crew))
    return [timeless(event) for event in events if not isinstance(event, Progress)]


@pytest.mark.parametrize("count", [0, 2])
def test_a_gradient_that_any_process_saw_changed_is_told(count, way):
    target = str(Path(__file__).parents[1] / "checks" / "troubled.py")
    only = ("ADAM-LS-1", "ADAM-GB-1", "ADAM-HP-1")
    with Session(f"{target}:SpoilsGradientsAtALargeRate") as session, Crew(session, count) as crew:
        made = plan(session.description, parse_spec("adam"), only=only, dtypes=NARROW)
        events = list(run(made, session, crew if count else None))
    results = [event.result for event in events if isinstance(event, CheckFinished)]
    told = [result.status for result in results if result.name == "ADAM-GB-1"]
    assert told == [Status.FAILED, Status.FAILED]


def timeless(event: Event) -> Event:
    if isinstance(event, CheckFinished):
        return replace(event, result=replace(event.result, seconds=0.0))
    return event


def test_beside_a_worker_the_same_is_found_and_told_as_alone(way):
    alone, beside = (told(f"{ZOO}:EpsHat", count, dtypes=NARROW) for count in (0, 1))
    statuses = {e.result.status for e in alone if isinstance(e, CheckFinished)}
    assert {Status.PASSED, Status.FAILED} <= statuses
    assert [dumped(event) for event in beside] == [dumped(event) for event in alone]


def test_the_gate_shares_whole_profiles_of_several_formats(monkeypatch):
    asked: list[int] = []

    class Counted(Crew):
        def __init__(self, session: Session, count: int) -> None:
            asked.append(count)
            super().__init__(session, count)

    monkeypatch.setattr(gate, "Crew", Counted)
    small = replace(profile_named("quick"), fuzz=1)
    monkeypatch.setattr("adamcheck.engine.plan.plan", cut(plan, small))
    result = check(NUMPY, jobs=2, dtypes=("float16", "bfloat16"))
    assert asked == [1]
    assert [c.dtype for c in result.checks] == ["float16"] * 2 + ["bfloat16"] * 2
    assert all(c.status is Status.PASSED for c in result.checks)
    assert [h.dtype for h in result.horizons] == ["float16", "bfloat16"]


def cut(planned, profile):
    """A plan of two checks only, though the whole profile was asked for."""

    def made(*facts, **asked):
        whole = planned(*facts, **asked | {"only": ("ADAM-LS-1", "ADAM-ZG-1")})
        return replace(whole, profile=profile)

    return made


@pytest.mark.parametrize(
    ("device", "dtypes", "only", "jobs", "workers"),
    [
        ("cpu", None, None, 1, 0),
        ("cpu", None, None, 3, 2),
        ("cpu", None, None, 99, 3),
        ("cpu", ("float32",), None, 4, 0),
        ("cpu", None, ("ADAM-LS-1",), 4, 0),
        ("cuda", None, None, 4, 0),
    ],
)
def test_workers_start_only_where_there_is_something_to_share(device, dtypes, only, jobs, workers):
    assert gate._beside(device, dtypes, only, jobs) == workers


def test_one_core_means_one_process(monkeypatch):
    monkeypatch.setattr(gate, "cores", lambda: 1)
    assert gate._beside("cpu", None, None, None) == 0


@pytest.mark.parametrize("jobs", [0, -1, 1.5, "2"])
def test_jobs_are_a_whole_number(jobs):
    with pytest.raises(UsageError, match="jobs"):
        check(NUMPY, only="ADAM-LS-1", jobs=jobs)


def family() -> list[psutil.Process]:
    return psutil.Process(os.getpid()).children(recursive=True)


def workers() -> list[psutil.Process]:
    """Processes of their own, and copies of this one."""
    own = psutil.Process(os.getpid()).cmdline()
    return [p for p in family() if "adamcheck.engine.worker" in p.cmdline() or p.cmdline() == own]


def test_a_crew_that_is_never_given_a_plan_leaves_nothing_open(way):
    def descriptors() -> set[str]:
        return set(os.listdir("/proc/self/fd"))

    before = descriptors()
    with Session(NUMPY) as session:
        session.start(copies=1)
        with Crew(session, 1):
            assert len(workers()) == (way == "started")
    assert descriptors() <= before
    assert workers() == []


def test_a_process_of_several_threads_is_not_forked():
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    try:
        assert not can_fork()
    finally:
        done.set()
        thread.join()


def test_a_forked_worker_keeps_what_it_is_given_and_tells_how_it_ended():
    kept, theirs = os.pipe()
    other, held = os.pipe()

    def work() -> None:
        os.write(theirs, b"here")
        os.write(held, b"closed, so this ends it")

    worker = Forked(work, [theirs])
    os.close(theirs)
    os.close(held)
    assert worker.wait(10.0) == 1
    assert os.read(kept, 100) == b"here"
    assert os.read(other, 100) == b""
    worker.kill()
    for descriptor in (kept, other):
        os.close(descriptor)


@pytest.mark.parametrize("fault", [ValueError("of\nours\x1b[31m"), KeyboardInterrupt()])
def test_a_worker_that_fails_says_so_in_one_line(fault, capfd):
    def work() -> None:
        raise fault

    assert done(lambda: None) == 0
    assert done(work) == 1
    said = capfd.readouterr().err
    assert said.startswith(f"adamcheck: a worker failed: {type(fault).__name__}")
    assert said.count("\n") == 1
    assert "\x1b" not in said


def test_what_a_lost_worker_had_taken_is_an_error_and_the_rest_stands(tmp_path, way):
    # the second format takes its time, so that the worker is still at it when it is killed
    slow = tmp_path / "slow.py"
    slow.write_text(
        "import time\n"
        "from adamcheck.implementations import NumpyAdam\n"
        "class Slow(NumpyAdam):\n"
        "    def step(self, grads):\n"
        "        time.sleep(0.02)\n"
        "        return super().step(grads)\n"
    )
    with Session(f"{slow}:Slow") as session:
        known = session.description
        made = plan(known, parse_spec("adam"), only=("ADAM-LS-1",), dtypes=("float64", "float32"))
        record = Record(made)
        with Crew(session, 1) as crew:
            crew.begin = killing(crew, crew.begin)  # type: ignore[method-assign]
            for event in run(made, session, crew):
                record.hear(event)
    result = record.result(known, options={})
    by_dtype = {c.dtype: c for c in result.checks}
    assert by_dtype["float32"].status is Status.PASSED
    assert by_dtype["float64"].status is Status.ERROR
    assert by_dtype["float64"].message == "the worker process that ran this check was lost"
    assert result.verdict is Verdict.ERROR


def killing(crew: Crew, begin):
    """Let the worker take the first shard, then kill it."""

    def begun(made: Plan, known: Description) -> None:
        begin(made, known)
        while not crew.running:
            list(crew.heard(wait=True))
        (worker,) = workers()
        os.kill(worker.pid, signal.SIGKILL)

    return begun


def test_a_worker_that_never_starts_loses_nothing(monkeypatch):
    monkeypatch.setattr("adamcheck.engine.crew.can_fork", lambda *_: False)
    with Session(NUMPY) as session:
        made = plan(session.description, parse_spec("adam"), only=("ADAM-LS-1",))
        with Crew(session, 1) as crew:
            (worker,) = workers()
            os.kill(worker.pid, signal.SIGKILL)
            worker.wait()
            events = list(run(made, session, crew))
    finished = [e.result for e in events if isinstance(e, CheckFinished)]
    assert [c.status for c in finished] == [Status.PASSED] * 4


def test_an_interrupt_tells_what_is_known_and_leaves_nothing_running(monkeypatch, way):
    ran: list[str] = []

    def stopped(context: Context, unit: Unit) -> CheckFinished:
        if len(ran) == 2:
            raise KeyboardInterrupt
        ran.append(unit.check)
        return run_unit(context, unit)

    monkeypatch.setattr("adamcheck.engine.run.run_unit", stopped)
    with Session(NUMPY) as session:
        made = plan(session.description, parse_spec("adam"), only=ONLY)
        heard: list[Event] = []

        def interrupted() -> None:
            with Crew(session, 1) as crew:
                heard.extend(run(made, session, crew))

        with pytest.raises(KeyboardInterrupt):
            interrupted()
        assert workers() == []
    assert isinstance(heard[0], CheckStarted)
    assert len([e for e in heard if isinstance(e, CheckFinished)]) >= 2


def test_records_travel_whole():
    witness = Witness(
        check="ADAM-LS-1",
        spec="adam",
        dtype="float32",
        hyper={"lr": "0x1p-3"},
        theta0=("0x0p+0",),
        grads=(("0x1p+0",), ("nan",)),
        element=0,
        step=2,
        flags=("amsgrad",),
        how={"law": "envelope", "with": {"k": 3}},
        comparison=Comparison("update", float("inf"), 0.0, 0.0, 1.0, {"rounding": 1.0}),
    )
    result = CheckResult(
        "ADAM-LS-1", "agreement", "", "", Status.FAILED, "float32", witness=witness
    )
    horizon = Horizon("float32", 3, arrays=((1, 2), (3.0, 1.0)), gradients=(0.5, 2.0))
    event = CheckFinished(result, (Finding("a", "float32", "b", {"c": 1.0}),), horizon)
    assert loaded(CheckFinished, dumped(event)) == event
    with Session(NUMPY) as session:
        made = plan(session.description, parse_spec("adam"))
        assert loaded(Plan, dumped(made)) == made
        assert loaded(Description, dumped(session.description)) == session.description


def test_a_plan_may_have_more_shards_than_a_byte_can_count():
    made: Any = SimpleNamespace(shards=[(number,) for number in range(600)])
    read, write = os.pipe()
    os.write(write, b"".join(token(number) for number in range(600)))
    os.close(write)
    try:
        assert list(taken(made, read)) == made.shards
    finally:
        os.close(read)
