"""The engine's parts: a plan is pure, events are complete, and no exception loses an outcome."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from importlib import import_module

import pytest

from adamcheck.checks import registry
from adamcheck.checks.registry import all_checks
from adamcheck.engine.crew import _TOKEN
from adamcheck.engine.gate import check
from adamcheck.engine.plan import plan
from adamcheck.engine.run import run
from adamcheck.engine.verdict import Record
from adamcheck.errors import UsageError
from adamcheck.events import CheckFinished, CheckStarted, Identified, Note, Progress
from adamcheck.formats import FORMATS
from adamcheck.profiles import PROFILES
from adamcheck.result import Status, Verdict
from adamcheck.spec import Spec, parse_spec
from adamcheck.targets.protocol import ABILITIES, Description
from adamcheck.targets.session import Session

NUMPY = "adamcheck.implementations:NumpyAdam"
KNOWN = Description(
    target="a:b",
    adapter="function",
    hyperparameters=frozenset(Spec().hyperparameters),
    flags=frozenset(),
    abilities=frozenset({"stepwise"}),
    dtypes=("float64", "float32"),
    notes=("a note",),
)


def test_a_plan_is_plain_data_made_of_facts():
    one, two = (plan(KNOWN, Spec(), seed=3) for _ in range(2))
    assert one == two
    with pytest.raises(FrozenInstanceError):
        setattr(one, "seed", 4)  # noqa: B010 - typed code cannot even say it
    names = [c.id for c in all_checks() if "quick" in c.profiles and c.speaks_of(Spec())]
    assert [(u.dtype, u.check) for u in one.units] == [(d, n) for d in KNOWN.dtypes for n in names]
    assert [u.index for u in one.running] == list(range(1, len(one.units) + 1))
    assert [f.message for f in one.findings] == ["a note"]


def test_what_looks_back_runs_last_and_is_shared_with_nobody():
    made = plan(KNOWN, Spec())
    order = [u.looks_back for u in made.running]
    assert order == sorted(order)
    assert made.looking_back
    parts = [*made.shards, made.looking_back]
    assert tuple(unit for part in parts for unit in part) == made.running
    assert all(len({unit.dtype for unit in shard}) == 1 for shard in made.shards)


@pytest.mark.parametrize("profile", PROFILES)
def test_shards_are_small_and_fit_their_numbers(profile):
    made = plan(replace(KNOWN, dtypes=tuple(FORMATS)), Spec(), profile=profile)
    assert max(len(shard) for shard in made.shards) <= 2
    assert len(made.shards) < 256**_TOKEN


def test_a_unit_says_beforehand_what_the_target_lacks():
    needy = {c.id: c.needs - KNOWN.abilities for c in all_checks()}
    for unit in plan(KNOWN, Spec()).units:
        assert unit.lacking == tuple(sorted(needy[unit.check]))
    able = replace(KNOWN, abilities=frozenset(ABILITIES))
    assert not any(unit.lacking for unit in plan(able, Spec()).units)


def test_formats_that_are_not_taken_are_an_error_beside_the_others():
    made = plan(KNOWN, Spec(), dtypes=("float16", "float32"))
    assert made.dtypes == ("float32",)
    assert made.error == "the target does not take float16; it takes float64, float32"
    nothing = plan(replace(KNOWN, dtypes=()), Spec())
    assert nothing.units == ()
    assert nothing.error == "the target ran in no dtype: a note"


def test_a_claim_that_cannot_be_asked_is_the_callers_fault_and_nobodys_if_it_was_found():
    spec = parse_spec("adamw")
    with pytest.raises(UsageError, match="takes no weight_decay"):
        plan(KNOWN, spec)
    made = plan(KNOWN, spec, claimed=False)
    assert made.units == ()
    assert made.error == "the dialect could not be identified"


def test_a_unit_without_an_outcome_leaves_the_run_incomplete():
    made = plan(KNOWN, Spec(), only=("ADAM-LS-1", "ADAM-LS-2"), dtypes=("float64",))
    record = Record(made)
    result = record.result(KNOWN, options={})
    assert result.verdict is Verdict.ERROR
    assert result.error == "2 checks gave no outcome, first ADAM-LS-1"


def faulty(monkeypatch, id_, fault):
    """Let one registered check raise."""

    def raises(context, account):
        raise fault

    changed = tuple(replace(c, run=raises) if c.id == id_ else c for c in all_checks())
    monkeypatch.setattr(registry, "_all", changed)


def test_an_exception_in_a_check_is_its_outcome_and_the_others_stand(monkeypatch):
    faulty(monkeypatch, "ADAM-LS-2", ZeroDivisionError("oh"))
    only = ("ADAM-LS-1", "ADAM-LS-2", "ADAM-LS-3")
    result = check(NUMPY, only=only, dtypes=("float64",))
    assert [c.status for c in result.checks] == [Status.PASSED, Status.ERROR, Status.PASSED]
    assert result.checks[1].message == "adamcheck itself failed in ADAM-LS-2: ZeroDivisionError: oh"
    assert result.verdict is Verdict.ERROR


def test_an_exception_in_identification_is_in_the_result(monkeypatch):
    def broken(*args, **how):
        raise RuntimeError("lost the way")

    # the package's attribute of that name is the function
    monkeypatch.setattr(import_module("adamcheck.identify"), "investigate", broken)
    result = check(NUMPY, spec="adam[eps=hat]", only="ADAM-LS-4", dtypes="float64")
    assert result.verdict is Verdict.DEVIATES
    assert result.identified is None
    told = [f.message for f in result.findings if f.name == "identification"]
    assert told == ["adamcheck itself failed: RuntimeError: lost the way"]


def test_events_are_complete_and_in_the_order_of_the_plan():
    with Session(NUMPY) as session:
        made = plan(
            session.description,
            parse_spec("adam[eps=hat]"),
            only=("ADAM-GB-1", "ADAM-LS-4"),
            dtypes=("float64", "float32"),
        )
        events = [event for event in run(made, session) if not isinstance(event, Progress)]
    started = [e for e in events if isinstance(e, CheckStarted)]
    finished = [e for e in events if isinstance(e, CheckFinished)]
    order = [(u.check, u.dtype, u.index) for u in made.running]
    assert [(e.name, e.dtype, e.index) for e in started] == order
    assert {e.total for e in started} == {len(order)}
    assert [(e.result.name, e.result.dtype) for e in finished] == [o[:2] for o in order]
    asked, answered = events[2 * len(order) :]
    assert asked == Note("identifying the dialect")
    assert isinstance(answered, Identified)
    assert (answered.found.spec, answered.dtype, answered.error) == ("adam", "float64", "")
