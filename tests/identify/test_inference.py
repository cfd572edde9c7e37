"""From the moments that a target shows a drawn edit is named, under its guard, with its numbers."""

from __future__ import annotations

import numpy as np
import pytest
from gate_power.reasons import matches

from adamcheck.identify.candidate import Candidate
from adamcheck.identify.guards import Facts
from adamcheck.identify.inference import named
from adamcheck.identify.investigation import conclude
from adamcheck.identify.transitions import Transitions
from adamcheck.mutations import parse_edit
from adamcheck.oracle.envelope import STRICT
from adamcheck.spec import Spec, parse_spec

from .mutants import observed

FAST = [
    ("adam", "scale m' c=1.000001 side=use if |g|>=1.5", "float64"),
    ("adam", "hyper beta2 with=lr if t%4==3", "float32"),
    ("adam", "drop p1' arg=0 side=state if t%9==4", "float64"),
    ("adam", "couple theta' by=mean if |g|<0.002", "float32"),
]
SLOW = [
    # a moment that is a number tells, though no parameter is; and so does an infinite parameter
    (
        "rmsprop[centered=yes,momentum=yes]",
        "operation ((1-beta2)*g) with=add if |g|>=0.02",
        "float64",
    ),
    ("adam", "reset denominator if |g|>=1.5", "float32"),
    # what is far beyond a number cannot be on its other side, whatever it is rounded to
    ("adam", "clip sqrt(v_hat) c=0.0035 if index==3", "float16"),
    # a number smaller than most steps tell
    ("adam", "clip (beta2*v) c=2.3672739569977484e-10", "bfloat16"),
    # an infinite bound where the very number comes out
    ("adam", "reset (1-p2') if t>=4", "float16"),
    ("amsgrad", "couple denominator by=center", "bfloat16"),
    # scalars and moments that leave the format on the way
    ("adam", "shift beta1 c=-4.6", "float32"),
    # a number that some dozens of steps leave wide, and thousands do not
    ("adam[eps=hat]", "shift v' c=-16.889036466166036 side=use", "bfloat16"),
    # an array of zeros has no norm to divide by, and nothing to scale down
    ("rmsprop", "clip-norm update c=6.5e-9 if t>=20", "bfloat16"),
    # norms over more numbers than the format can add in any order
    ("adam", "clip-norm update c=0.001 if t%5==2", "bfloat16"),
    ("adam", "round p2 to=3 if t%87==29", "float32"),
    ("adam", "hold v if t%7==3", "float32"),
    ("adam", "couple v by=largest if index==last", "float32"),
    ("adam", "clip-norm v' c=6e-10 side=state if t%8==7", "float32"),
    ("adam", "running m' kind=min side=use if t==6", "float32"),
    ("adam", "insert (g*g) f=sqrt if index==last", "bfloat16"),
    ("adam", "scale update c=1.5 if t>=4 and |g|>=1.0", "float64"),
    ("adam[eps=hat]", "shift ((1-beta2)*(g*g)) c=5e7", "float32"),
    ("amsgrad", "drop (1-beta2) arg=0", "float32"),
    ("radam", "scale (beta1*m) c=0.7363382 if index==last", "float32"),
    ("adamax[eps=outside]", "delay max(g,(-g))", "float64"),
    ("nadam", "drop (p1'*beta1) arg=0 if |g|>=0.5", "float32"),
    ("adam", "delay m_hat if index==3", "float32"),
]


def inferred(spec: str, text: str, dtype: str):
    made = parse_spec(spec)
    batches = observed(text, dtype, spec=made)
    table = Transitions.of(Candidate(made), batches, STRICT)
    assert table is not None
    return named(table)


@pytest.mark.parametrize(
    ("spec", "text", "dtype"), [*FAST, *(pytest.param(*x, marks=pytest.mark.slow) for x in SLOW)]
)
def test_an_edit_is_named_with_its_guard_and_numbers(spec, text, dtype):
    found, edit = inferred(spec, text, dtype), parse_edit(text)
    assert any(
        matches(edit, one) and parse_edit(one.notation).place == edit.place for one in found
    ), [one.text for one in found]


def test_an_edit_without_a_condition_says_how_far_it_was_seen_to_act():
    found = inferred("momentum", "scale velocity' c=1.5", "float64")
    edit = next(one for one in found if one.operator == "scale")
    assert edit.guard == ""
    assert edit.reach["t"] == (1.0, 300.0)
    low, high = edit.reach["|g|"]
    assert 0.0 <= low < high < np.inf
    assert "(seen for t from 1 to 300 and |g| from" in edit.text
    guarded = inferred("momentum", "scale velocity' c=1.5 if t>=9", "float64")
    assert not any(one.reach for one in guarded if one.guard)


def test_a_condition_that_always_holds_is_no_condition():
    found = Facts(
        {n: np.asarray([0.0, 1.0]) for n in ("|g|", "silence", "index", "last")}
        | {n: np.asarray([1.0, 2.0]) for n in ("t", "size")},
        {n: np.zeros(0) for n in ("t", "|g|", "silence", "index", "size", "last")},
    ).guards()
    assert not any(guard is not None and guard.kind.endswith(">=") for guard, _ in found)


def test_where_a_claimed_rule_deviates_moments_tell_although_short_runs_fit():
    short, longer = observed("", "float32"), observed("scale update c=1.5 if t>=200", "float32")
    plain = conclude(short, claimed=Spec(), seen=lambda: longer).identification
    told = conclude(short, claimed=Spec(), seen=lambda: longer, deviates=True).identification
    assert plain is not None
    assert (plain.kind, plain.spec, plain.edit) == ("dialect", "adam", None)
    assert told is not None
    assert told.kind == "not-adam"
    edits = [one.notation for one in (told.edit, *told.also) if one]
    assert "scale update c=? if t>=?" in edits


def test_a_dialect_that_explains_every_shown_step_stands():
    spec = parse_spec("adam[maximize=yes]")
    batches = observed("", "float64", spec=spec)
    found = conclude(batches, claimed=Spec(), seen=lambda: batches, deviates=True).identification
    assert found is not None
    assert (found.kind, found.spec, found.edit) == ("dialect", "adam[maximize=yes]", None)


def test_nothing_is_inferred_where_nothing_deviates():
    assert inferred("adam", "", "float32") == []


def test_a_target_that_shows_no_moments_has_no_such_steps():
    batches = [batch.__class__(**{**vars(batch), "moments": {}}) for batch in observed("")]
    assert Transitions.of(Candidate(Spec()), batches, STRICT) is None


def test_nothing_is_inferred_where_no_deviating_step_is_finite():
    """What is not a number fits whatever takes a root of less than zero."""
    text, spec = "running m' kind=min side=use", parse_spec("rmsprop[centered=yes,momentum=yes]")
    assert inferred(str(spec), text, "float64") == []
    batches = observed(text, "float64", spec=spec)
    found = conclude(batches, claimed=spec, seen=lambda: batches)
    assert found.identification is None
    assert "the target is not finite from step" in found.error


def facts(acts, rests):
    def table(rows):
        names = ("t", "|g|", "silence", "index", "size", "last")
        return {n: np.asarray([row.get(n, 0.0) for row in rows], np.float64) for n in names}

    return Facts(table(acts), table(rests))


def test_two_conditions_are_named_where_none_alone_agrees():
    rows = [{"t": t, "|g|": g, "size": s} for t in (1, 5) for g in (0.5, 2.0) for s in (3, 9)]
    acts = [row for row in rows if row["t"] == 5 and row["size"] == 9]
    found = facts(acts, [row for row in rows if row not in acts]).guards(steady=True)
    said = {guard and " and ".join(one.kind for one in guard.conditions): x for guard, x in found}
    assert None not in said
    first, second = said["size>= and t>="] if "size>= and t>=" in said else said["t>= and size>="]
    assert {first["at"], second["at"]} == {(2.0, 5.0), (4.0, 9.0)}


def test_two_conditions_on_a_clock_are_named_as_well():
    rows = [{"t": t, "size": s} for t in (1, 5, 6) for s in (3, 9)]
    acts = [row for row in rows if row["t"] == 5 and row["size"] == 9]
    found = facts(acts, [row for row in rows if row not in acts]).guards(uniform=True)
    kinds = [{one.kind for one in guard.conditions} for guard, _ in found if guard is not None]
    assert {"t==", "size>="} in kinds


def test_clocks_that_nobody_reads_do_not_tick():
    """Without a bias correction what changes β1 is seen in the moment alone, step by step."""
    said = inferred("adam[bias_correction=none]", "scale beta1 c=0.5 if t==9", "float64")
    assert "scale beta1 c=? if t==?" in [one.notation for one in said]


def test_what_acted_once_may_have_any_longer_period():
    found = dict(facts([{"t": 6}], [{"t": t} for t in (*range(1, 6), 7, 8)]).guards(steady=True))
    (period,) = [(g, x) for g, x in found.items() if g is not None and g.kind == "t%"]
    assert period[0].value == 6
    assert period[1][0]["at"] == (6.0, np.inf)
