"""The tool that grades the gate: its classes, its counts and its reports are right themselves."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from adamcheck.horizon import Horizon
from adamcheck.mutations import Edit, apply, parse_edit
from adamcheck.mutations.equivalence import ranges, same_function
from adamcheck.mutations.target import Optimizer, named
from adamcheck.program import trace
from adamcheck.result import Identification, InferredEdit
from adamcheck.rules import RULES
from adamcheck.spec import parse_spec

from .campaign import campaign, run
from .cases import Case, honest, mutant
from .drawn import kind_named, kinds
from .outcomes import Outcome, corrects, unreached
from .reasons import equal, matches, named_by
from .search import search
from .statistics import at_least, at_most, below, interval
from .written import as_json, as_markdown, by_area, counted

ADAM = trace(parse_spec("adam"))

# statistics


def test_the_interval_is_clopper_and_pearsons():
    low, high = interval(0, 10)
    assert low == 0.0
    assert high == pytest.approx(1 - 0.025**0.1, abs=1e-9)
    low, high = interval(10, 10)
    assert low == pytest.approx(0.025**0.1, abs=1e-9)
    assert high == 1.0
    low, high = interval(47, 48)
    assert at_least(47, 48, low) == pytest.approx(0.025, abs=1e-6)
    assert at_most(47, 48, high) == pytest.approx(0.025, abs=1e-6)


def test_a_share_is_below_a_floor_only_where_chance_does_not_explain_it():
    assert not below(17, 20, 0.9, level=0.99)
    assert below(10, 20, 0.9, level=0.99)
    assert not below(0, 0, 0.9, level=0.99)
    assert math.isclose(sum(at_most(k, 3, 0.5) - at_most(k - 1, 3, 0.5) for k in range(4)), 1.0)


# equivalence


@pytest.mark.parametrize(
    "text",
    [
        "insert ((1-beta2)*(g*g)) f=abs",
        "insert denominator f=abs",
        "delay beta2 if size>=3",
        "hold (1-beta2)",
        "clip p1' c=5.0",
        "clip (1-beta2) c=2.0 if t>=5",
        "operand (g*g) arg=1 with=g",
    ],
)
def test_an_equivalent_mutant_is_recognised_by_proof(text: str):
    assert same_function(ADAM, apply(ADAM, parse_edit(text)))


@pytest.mark.parametrize(
    "text",
    ["insert g f=abs", "scale g c=2.0", "clip v c=1.0", "clip p1' c=0.5", "delay p1'",
     "drop m_hat arg=0", "scale m_hat c=1.0000000000000002 if t==200000"],
)  # fmt: skip
def test_nothing_is_said_of_one_that_differs(text: str):
    assert not same_function(ADAM, apply(ADAM, parse_edit(text)))


def test_writings_of_one_dialect_are_one_function_and_dialects_are_not():
    assert same_function(ADAM, ADAM)
    uncorrected = trace(parse_spec("adam[bias_correction=v]"))
    assert same_function(uncorrected, apply(ADAM, parse_edit("drop m_hat arg=0")))
    assert not same_function(uncorrected, ADAM)


def test_enclosures_hold_over_every_hyperparameter():
    plain = ADAM.expanded
    found = ranges(plain)
    assert found[plain.output["s.p1"]] == (0.0, 1.0)
    assert found[plain.output["denominator"]][0] == 0.0
    assert found[plain.output["s.m"]] == (-math.inf, math.inf)


# the horizon, and the search

HORIZON = Horizon("float32", steps=100, silence=20, arrays=((9, 100), (64, 2)), sizes=(9, 64),
                  gradients=(1e-3, 1e3), loaded=500)  # fmt: skip


@pytest.mark.parametrize(
    ("guard", "beyond"),
    [
        ("t>=500", False),
        ("t>=501", True),
        ("t==101", True),
        ("t<90000", False),
        ("t%90==7", False),
        ("t%9000==700", True),
        ("|g|>=999.0", False),
        ("|g|>=1001.0", True),
        ("|g|<1e-9", False),
        ("silence>=20", False),
        ("silence>=21", True),
        ("index==63", False),
        ("index==64", True),
        ("index%90==70", True),
        ("index==last", False),
        ("size>=64", False),
        ("size>=65", True),
    ],
)
def test_a_guard_beyond_the_horizon_is_told_with_its_numbers(guard: str, beyond: bool):
    why = unreached(parse_edit(f"reset g if {guard}"), HORIZON)
    assert bool(why) is beyond
    assert not why or "was reached" in why


TOGETHER = replace(
    HORIZON,
    together={
        "step, size": ((2.0, 64.0), (100.0, 9.0)),
        "step, silence": ((100.0, 15.0),),
        "size, silence": ((9.0, 20.0),),
        "size, common silence": ((9.0, 5.0),),
    },
)


@pytest.mark.parametrize(
    ("guard", "beyond"),
    [
        ("t>=90 and size>=9", False),
        ("size>=9 and t>=90", False),
        ("t>=90 and size>=10", True),
        ("index==9 and t==90", True),
        ("silence>=16 and t>=2", True),
        ("silence>=15 and t>=2", False),
        ("size>=10 and silence>=2", True),
        ("index==3 and silence>=5", False),
        ("index==3 and silence>=6", True),
        ("index%2==1 and silence>=6", False),
        ("index==last and silence>=6", True),
        ("t>=90 and |g|<1e-9", False),
        ("t<5 and size>=64", False),
        ("t>=900 and size>=2", True),
        ("t>=90 and |g|>=2.0", True),  # of this pair nothing was kept
        ("index==last and index==8", False),
        ("index==last and index==9", True),  # no array had ten elements
        ("index==last and index%10==3", False),
    ],
)
def test_two_conditions_are_beyond_the_horizon_where_no_run_met_both(guard: str, beyond: bool):
    why = unreached(parse_edit(f"reset g if {guard}"), TOGETHER)
    assert bool(why) is beyond


def test_a_single_step_of_a_correction_counts_where_corrections_moved():
    known = replace(HORIZON, corrected=40)
    for guard, beyond in (("t==41", True), ("t==40", False), ("t>=41", False), ("t%90==41", True)):
        for place in ("p1'", "(1-p2')"):
            edit = parse_edit(f"scale {place} c=2.0 if {guard}")
            assert corrects(edit, ADAM)
            assert bool(unreached(edit, known, correcting=True)) is beyond
    for place in ("beta1", "(1-beta2)", "m_hat", "v'"):
        assert not corrects(parse_edit(f"scale {place} c=2.0 if t==41"), ADAM)


def case(text: str, dtype: str = "float32") -> Case:
    return Case("mutant", 0, 0, "adam", dtype, text)


@pytest.mark.parametrize(
    "text",
    ["scale m_hat c=1.001", "reset v' if silence>=300", "reset v' if t==7", "clip g c=64.0",
     "scale update c=2.0 if |g|>=1000.0", "shift g c=0.25 if index==300",
     "scale update c=2.0 if size>=300 and t>=30", "reset v' if silence>=50 and t%7==3",
     "scale update c=2.0 if silence>=20 and |g|>=1000.0", "drop m_hat arg=0 if t>=3 and t<5"],
)  # fmt: skip
def test_the_search_finds_what_the_guard_hides(text: str):
    assert search(case(text), hypers=4).found


def test_the_search_finds_nothing_where_rounding_hides_the_effect():
    tried = search(case("scale m_hat c=1.0000001"), hypers=4)
    assert not tried.found
    assert not tried.alarm
    assert tried.moved
    assert tried.decided
    assert f"{tried.decided} element-steps" in tried.evidence


# reasons


def inferred(**how: object) -> InferredEdit:
    blank = InferredEdit("clip", "g", "clipped", {"c": (0.9, 1.1)}, "t>=", {"at": (8.0, 12.0)})
    return replace(blank, **how)  # type: ignore[arg-type]


def test_a_reason_names_the_operator_and_brackets_every_number():
    edit = parse_edit("clip g c=1.0 if t>=10")
    assert matches(edit, inferred())
    assert not matches(edit, inferred(operator="scale"))
    assert not matches(edit, inferred(parameters={"c": (1.01, 1.1)}))
    assert not matches(edit, inferred(parameters={}))
    assert not matches(edit, inferred(guard="t<"))
    assert not matches(edit, inferred(guard_parameters={"at": (11.0, 12.0)}))
    assert not matches(Edit("clip", "g", (("c", 1.0),)), inferred())


def test_of_two_conditions_one_has_to_be_named():
    edit = parse_edit("clip g c=1.0 if size>=90 and t>=10")
    assert matches(edit, inferred())
    assert not matches(edit, inferred(guard="index=="))
    assert not matches(edit, inferred(guard="size>="))
    assert not matches(edit, inferred(guard="", guard_parameters={}))


def test_both_conditions_may_be_named_and_then_both_have_to_be_right():
    edit = parse_edit("clip g c=1.0 if size>=90 and t>=10")
    limits = {"at": (8.0, 12.0), "also.at": (65.0, 129.0)}
    assert matches(edit, inferred(guard="t>= and size>=", guard_parameters=limits))
    assert not matches(edit, inferred(guard="t>= and index==", guard_parameters=limits))
    off = {"at": (8.0, 12.0), "also.at": (91.0, 129.0)}
    assert not matches(edit, inferred(guard="t>= and size>=", guard_parameters=off))


def test_a_condition_that_holds_as_far_as_was_looked_is_bracketed_by_the_reach_alone():
    always = inferred(guard="", guard_parameters={}, reach={"t": (1.0, 8192.0), "|g|": (0.5, 8.0)})
    assert matches(parse_edit("clip g c=1.0"), always)
    assert matches(parse_edit("clip g c=1.0 if t<72753"), always)
    assert matches(parse_edit("clip g c=1.0 if |g|<9.0 and |g|>=0.5"), always)
    for text in ("t<8192", "t>=2", "|g|>=0.6", "|g|<8.0", "t<9000 and index==3", "size>=1"):
        assert not matches(parse_edit(f"clip g c=1.0 if {text}"), always)
    assert not matches(parse_edit("clip g c=1.0 if t<72753"), replace(always, reach={}))


def test_an_edit_that_is_proved_to_be_the_drawn_one_is_a_reason():
    drawn = parse_edit("reset m if |g|>=2.0")
    said = InferredEdit(
        "scale",
        "m",
        "",
        {"c": (-1e-20, 1e-20)},
        "|g|>=",
        {"at": (1.5, 2.5)},
        "scale m c=? if |g|>=?",
    )
    assert not matches(drawn, said)
    assert equal(ADAM, drawn, ADAM, said)
    assert not equal(ADAM, drawn, ADAM, replace(said, guard="t>="))
    assert not equal(ADAM, drawn, ADAM, replace(said, parameters={"c": (0.9, 1.1)}))
    assert not equal(ADAM, drawn, ADAM, replace(said, notation="scale v c=? if |g|>=?"))
    assert not equal(ADAM, drawn, ADAM, replace(said, notation=""))
    assert not equal(ADAM, parse_edit("delay m if |g|>=2.0"), ADAM, said)


def test_a_dialect_that_is_the_same_function_is_a_reason():
    dropped = case("drop m_hat arg=0")
    right = Identification("adam[bias_correction=v]", "dialect", 0.4)
    assert named_by(dropped, right) == (True, "dialect adam[bias_correction=v]")
    assert not named_by(dropped, replace(right, deviation=4.0))[0]
    assert not named_by(case("scale m_hat c=2.0"), right)[0]
    fewer = Identification("momentum", "dialect", 0.4)
    assert not named_by(dropped, fewer)[0]
    assert not same_function(ADAM, trace(parse_spec("gd")))


@pytest.mark.parametrize("spec", ["adam", "adamax[eps=outside]"])
def test_a_count_that_begins_later_is_a_power_read_before_its_update(spec: str):
    rule, late = trace(parse_spec(spec)), trace(parse_spec(spec).with_(first_t="0"))
    edit = parse_edit("before p1'")
    assert bool(same_function(late, apply(rule, edit))) == (spec != "adam")
    assert not same_function(late, rule)
    assert not same_function(rule, late)
    both = trace(parse_spec("adam[bias_correction=m,first_t=0]"))
    assert same_function(both, apply(trace(parse_spec("adam[bias_correction=m]")), edit))


def test_accumulators_that_begin_elsewhere_are_not_the_same_function():
    zero, given = (trace(parse_spec(s)) for s in ("adagrad", "adagrad[accumulator=initial]"))
    assert not same_function(zero, given)
    assert not same_function(given, zero)


# campaigns


def test_cases_are_drawn_by_seed_number_and_format_alone():
    assert mutant(3, 4, "float32") == mutant(3, 4, "float32")
    assert len({mutant(3, k, d).text for k in range(20) for d in ("float32", "float64")}) > 30
    assert honest(3, 4, "float32") == honest(3, 4, "float32")


def test_dialects_are_drawn_and_given_specs_are_kept():
    drawn = [honest(3, k, "float32").spec for k in range(200)]
    assert len(set(drawn)) > 40
    assert len({parse_spec(spec).algorithm for spec in drawn}) == len(RULES) - 1  # gd has no moment
    assert {mutant(3, k, "float32", ("gd",)).spec for k in range(9)} == {"gd"}


def test_a_late_state_is_loaded_as_it_would_be_reached():
    for text in ("", "scale p1' c=0.9", "delay p2' if t%3==1"):
        made = named("adam", Optimizer, ("edit",))
        hyper = {"lr": 0.5, "beta1": 0.75, "beta2": 0.875, "eps": 0.25}
        optimizer = made([], **hyper, edit=text)
        start = {"p1": 1.0, "p2": 1.0}
        begun = {n: start.get(n, 0.0) for n in optimizer._program.clocks}
        after = optimizer._clocks(begun, 3)
        assert after["p1"] == pytest.approx((0.675 if "p1" in text else 0.75) ** 3)


OUTCOMES = [
    Outcome("a", "mutant", "adam", "float32", "reset g", "quick", "killed", "ADAM-LS-1",
            seconds=1.5, named=True),
    Outcome("b", "mutant", "adam", "float32", "reset g if |g|>=1", "quick", "survived", why="seen"),
    Outcome("c", "mutant", "adam", "float32", "reset g if t>=9", "quick", "beyond the horizon",
            why="far"),
    Outcome("d", "honest", "adam", "float32", "m':lerp", "quick", "false alarm", "ADAM-LS-1",
            tree="abc"),
]  # fmt: skip


def test_reports_count_apart_what_is_set_aside_and_list_every_survivor():
    text = as_markdown(OUTCOMES, seed=1)
    assert len(counted(OUTCOMES)) == 2
    assert "killed: 1/2 = 50.0%" in text
    assert "false alarms over drawn honest orders: 1/1" in text
    assert "## Survivors\n\n- survived" in text
    assert "\\|g\\|>=" in text
    assert "| float32, quick | 1/1 =" in text
    assert "commits that were run: abc (1)" in text
    fine = replace(OUTCOMES[3], key="e", fate="conforms")
    told = json.loads(as_json([*OUTCOMES, fine], seed=1))
    assert told["honest"] == [{"profile": "quick", "dtype": "float32", "run": 2, "false_alarms": 1}]
    assert (told["killed"], told["counted"], len(told["outcomes"])) == (1, 2, 4)


def test_a_campaign_goes_on_from_its_log(tmp_path, monkeypatch):
    asked = []

    def noted(one: Case, profile: str, *, explain: bool) -> Outcome:
        asked.append(one.key)
        return replace(OUTCOMES[0], key=one.key, text=one.text)

    monkeypatch.setattr("gate_power.campaign.run", noted)
    cases = [mutant(1, k, "float32", ("gd",)) for k in range(3)]
    log = tmp_path / "log.jsonl"
    first = list(campaign(cases[:2], "quick", log=log, tree="abc"))
    assert list(campaign(cases, "quick", log=log, seconds=0.0)) == first
    again = list(campaign(cases, "quick", log=log, tree="def"))
    assert asked == [c.key for c in cases]
    assert again[:2] == first
    assert [o.tree for o in again] == ["abc", "abc", "def"]


@pytest.mark.slow
def test_a_mutant_is_killed_a_planted_survivor_reported_and_an_honest_order_passes():
    assert run(case("scale m_hat c=1.5"), "quick").fate == "killed"
    assert run(case("reset v' if silence>=100000"), "quick").fate == "beyond the horizon"
    assert run(case("insert v' f=abs"), "quick").fate == "equivalent"
    order = Case("honest", 0, 0, "adam", "float32", "m':lerp update:joined")
    assert run(order, "quick").fate == "conforms"


@pytest.mark.parametrize(
    "words",
    [
        ("--seed", "-1"),
        ("--seed", "1", "--count", "0"),
        ("--seed", "1", "--spec", "nope"),
        ("--seed", "1", "--jobs", "0"),
        ("--seed", "1", "--floor", "7"),
        ("--seed", "1", "--beside", "none.log"),
        ("--seed", "1", "--log", "none/of.log"),
        ("--seed", "1", "--json", "."),
        ("--seed", "1", "--beside", __file__),
    ],
    ids=lambda words: " ".join(words[2:] or words).replace(__file__, "a file of another kind"),
)
def test_a_campaign_that_makes_no_sense_is_refused_in_one_line(words):
    script = Path(__file__).resolve().parents[2] / "scripts" / "power"
    done = subprocess.run(
        [sys.executable, str(script), *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert not done.stdout
    assert done.stderr.splitlines()[-1].startswith("power: error: ")
    assert "Traceback" not in done.stderr


# kinds


@pytest.mark.parametrize("name", kinds())
def test_every_kind_draws_by_seed_number_and_format_alone(name: str):
    kind = kind_named(name)
    for draw in (kind.mutant, kind.honest):
        drawn = [draw(5, k, "float32", ()) for k in range(40)]
        assert drawn == [draw(5, k, "float32", ()) for k in range(40)]
        assert {case.area for case in drawn} == {name}
    drawn = [kind.mutant(5, k, "float32", ()) for k in range(40)]
    assert len({(case.spec, case.text) for case in drawn}) > 20
    assert len({case.key for case in drawn}) == 40
    given = {parse_spec(kind.mutant(5, k, "float32", ("adamw",)).spec) for k in range(5)}
    assert {(spec.algorithm, spec.decay) for spec in given} == {("adam", "decoupled")}


def test_kinds_are_counted_apart_and_arithmetic_comes_first():
    other = replace(OUTCOMES[0], key="s", area="state", text="lose name=m", fate="survived")
    assert kinds()[0] == "arithmetic"
    assert list(by_area([other, OUTCOMES[0]])) == ["arithmetic", "state"]
    text = as_markdown([*OUTCOMES, other])
    assert "killed, arithmetic: 1/2" in text
    assert "killed, state: 0/1" in text
    assert "## By fault: state\n" in text


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["state", "calls"])
def test_a_drawn_fault_is_killed_and_its_honest_twin_conforms(kind: str):
    drawn = kind_named(kind)
    assert run(drawn.mutant(1, 0, "float32", ("adam",)), "quick").fate == "killed"
    assert run(drawn.honest(1, 0, "float32", ("adam",)), "quick").fate == "conforms"
