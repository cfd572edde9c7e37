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


def test_what_acted_once_may_have_any_longer_period():
    found = dict(facts([{"t": 6}], [{"t": t} for t in (*range(1, 6), 7, 8)]).guards(steady=True))
    (period,) = [(g, x) for g, x in found.items() if g is not None and g.kind == "t%"]
    assert period[0].value == 6
    assert period[1][0]["at"] == (6.0, np.inf)
