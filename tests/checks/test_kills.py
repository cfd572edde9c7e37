"""The registry is consistent, and every check kills the planted defects that it claims."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

import pytest

import adamcheck
from adamcheck.checks.registry import FAMILIES, all_checks, check_by_id
from adamcheck.errors import UsageError
from adamcheck.removed import REMOVED
from adamcheck.result import Status, Verdict, verdict_of
from adamcheck.targets.protocol import ABILITIES
from adamcheck.waivers import Waiver, validate_waivers

from .excused import EXCUSED, Excuse
from .kills import KILLS
from .planted import MEANT, PLANTED, ROOT, first_dtype, killed, located

CHECKS = all_checks()
KILLERS: dict[str, list[str]] = defaultdict(list)
for _check, _names in KILLS.items():
    for _name in _names:
        KILLERS[_name].append(_check)
SLOW_CHECKS = ("ADAM-FZ-1", "ADAM-LS-7", "ADAM-EL-2", "ADAM-HP-2")
"""Checks whose runs are long; of these one pair each is enough without the slow tests."""


def theorems() -> set[str]:
    """The slugs that proofs/README.md lists."""
    text = (ROOT / "proofs" / "README.md").read_text("utf-8")
    return set(re.findall(r"^\| `([a-z0-9-]+)`", text, flags=re.MULTILINE))


# the registry


@pytest.mark.parametrize("check", CHECKS, ids=lambda c: c.id)
def test_a_check_says_what_it_is(check):
    assert re.fullmatch(r"ADAM-[A-Z]+-[0-9]+", check.id)
    assert check.title.strip()
    assert check.law.strip().endswith((".", "!"))
    assert check.clause.strip()
    assert check.theorem in theorems()
    assert check.family in FAMILIES
    assert check.needs <= set(ABILITIES)
    assert set(check.profiles) <= {"quick", "ci", "thorough"}
    assert "thorough" in check.profiles


def test_an_id_that_is_gone_says_what_took_its_place():
    here = {c.id for c in CHECKS}
    assert not here & set(REMOVED)
    for id, what in REMOVED.items():
        assert set(re.findall(r"ADAM-[A-Z]+-[0-9]+", what)) & here, id
        with pytest.raises(UsageError, match=f"^{id} is no check any more: ") as told:
            check_by_id(id.lower())
        assert "\n" not in str(told.value)
        with pytest.raises(UsageError, match=f"^waiver: {id} is no check any more: "):
            validate_waivers([Waiver(id, "float32", "expected")], here)


def test_ids_and_titles_are_unique():
    assert len({c.id for c in CHECKS}) == len(CHECKS)
    assert len({c.title for c in CHECKS}) == len(CHECKS)


@pytest.mark.parametrize("check", [c for c in CHECKS if not c.claims], ids=lambda c: c.id)
def test_every_check_kills_something(check):
    """Checks of what a spec claims of storage are never asked of these: tests/storage is theirs."""
    assert KILLS[check.id]


def test_the_table_of_kills_is_of_checks_and_defects_that_exist():
    assert set(KILLS) <= {c.id for c in CHECKS}
    assert list(KILLS) == sorted(KILLS)
    for names in KILLS.values():
        assert list(names) == sorted(set(names))
        assert set(names) <= set(PLANTED)


def test_every_planted_defect_is_killed_or_excused_and_none_is_both():
    assert set(PLANTED) - set(KILLERS) == set(EXCUSED)


@pytest.mark.parametrize("name", MEANT)
def test_a_defect_is_killed_by_the_checks_that_its_list_names(name):
    assert set(MEANT[name]) <= set(KILLERS[name])


# every kill


def _pairs() -> Iterator[pytest.ParameterSet]:
    """All pairs, one defect's together; two of each check's are fast, one where it is slow.

    A defect dies in the profile that it names: those of a longer one than quick are slow.
    """
    left = {c: 1 if c in SLOW_CHECKS else 2 for c in KILLS}
    for name, defect in PLANTED.items():
        for check in KILLERS.get(name, ()):
            quick = defect.profile == "quick"
            left[check] -= quick
            marks = [] if quick and left[check] >= 0 else [pytest.mark.slow]
            yield pytest.param(name, check, id=f"{check}-{name}", marks=marks)


PAIRS = list(_pairs())


def test_the_fast_pairs_are_many():
    assert len({p.values[0] for p in PAIRS if not p.marks}) >= 60
    assert {p.values[1] for p in PAIRS if not p.marks} == set(KILLS)


@pytest.mark.parametrize(("name", "check"), PAIRS)
def test_the_check_kills_the_defect(name, check, bench_of):
    defect = PLANTED[name]
    outcome = bench_of(name).hold(check, first_dtype(defect), profile=defect.profile)
    assert outcome.status is Status.FAILED, outcome
    assert killed(outcome)
    assert verdict_of((outcome,)) is Verdict.DEVIATES
    assert verdict_of((outcome,)).exit_code == 1
    assert outcome.message
    assert outcome.witness.check == check
    assert outcome.witness.dtype == outcome.dtype
    assert 0 <= outcome.witness.step <= len(outcome.witness.grads)


# the excused


@pytest.mark.parametrize(("name", "excuse"), EXCUSED.items(), ids=EXCUSED)
def test_nothing_untrue_is_said_of_an_excused_defect(name, excuse: Excuse, bench_of):
    assert excuse.why
    outcome, findings = bench_of(name).told(excuse.check, first_dtype(PLANTED[name]))
    assert outcome.status is excuse.status, outcome
    booked = [f.message for f in findings if f.name == excuse.finding]
    if excuse.finding:
        assert any(excuse.says in message for message in booked), findings
    elif excuse.status is Status.ERROR:
        assert excuse.says in outcome.message
        assert "target raised at step" in outcome.message
    else:
        assert not findings


@pytest.mark.slow
@pytest.mark.parametrize(("name", "excuse"), EXCUSED.items(), ids=EXCUSED)
def test_the_gate_as_a_whole_excuses_it_too(name, excuse: Excuse):
    defect = PLANTED[name]
    result = adamcheck.check(
        located(defect.target),
        spec=defect.claims,
        dtypes=(first_dtype(defect),),
        options=dict(defect.options),
    )
    wanted = Verdict.ERROR if excuse.status is Status.ERROR else Verdict.CONFORMS
    assert result.verdict is wanted, [(c.name, c.message) for c in result.checks if c.message]
    if excuse.finding:
        assert excuse.finding in {f.name for f in result.findings}
