"""A drawn edit is named again, and its numbers lie in the intervals that are told."""

from __future__ import annotations

import numpy as np
import pytest

from adamcheck.identify.batch import Run
from adamcheck.identify.candidate import Candidate
from adamcheck.identify.investigation import conclude
from adamcheck.identify.neighbourhood import Neighbourhood
from adamcheck.identify.scoring import Scores
from adamcheck.mutations import parse_edit
from adamcheck.oracle.envelope import STRICT
from adamcheck.spec import Spec
from adamcheck.targets.protocol import Trajectory

from .mutants import mutant, observed

PLAIN = [
    ("clip g c=0.1", "float64"),
    ("scale update c=1.25 if t%7==3", "float64"),
    ("round m' to=9", "float32"),
    ("clip-norm g c=3.0", "float32"),
    ("scale m' c=0.9 side=state if |g|>=1.5", "float32"),
    ("before m'", "float64"),
    ("insert v' f=sqrt if index==3", "float32"),
    ("reset m' if t<9", "float64"),
]
SLOW = [
    ("scale update c=1.01 if t>=120", "float32"),
    ("scale g c=1.0001", "float64"),
    ("delay g", "float32"),
    ("running v' kind=max", "float32"),
    ("couple g by=center", "float32"),
    ("hold g if t>=7", "float64"),
    ("shift denominator c=0.1 if |g|>=0.2", "float64"),
    ("operation update with=div if |g|>=2.0", "float32"),
    ("clip v' c=0.01 if t>=12", "float64"),
    ("scale p1' c=0.9", "float64"),
    ("round theta' to=float16", "float32"),
]
LONGER = [("clip g c=2.0", "float32"), ("hyper beta2 with=beta1", "float32")]


def names(found, edit):
    """Whether an inferred edit is the drawn one, with its numbers in the intervals."""
    guard, said = edit.guard, dict(found.guard_parameters)
    same = (found.operator, found.place) == (edit.operator, edit.place)
    same = same and found.guard == ("" if guard is None else guard.kind)
    numbers = {n: x for n, x in edit.parameters if isinstance(x, (int, float)) and n != "arg"}
    same = same and all(n in found.parameters for n in numbers)
    if not same:
        return False
    inside = all(low <= numbers[n] <= high for n, (low, high) in found.parameters.items())
    if guard is not None and guard.value is not None:
        low, high = said["at"]
        inside = inside and low <= guard.value <= high
    if guard is not None and guard.rest is not None:
        inside = inside and said["rest"] == (guard.rest, guard.rest)
    return inside


def inferred(text, dtype, *, longer=False, more=()):
    scores = Scores(observed(text, dtype, more=more), STRICT)
    return Neighbourhood(Candidate(Spec()), scores).inferred(longer=longer)


@pytest.mark.parametrize(
    ("text", "dtype"), [*PLAIN, *(pytest.param(*one, marks=pytest.mark.slow) for one in SLOW)]
)
def test_an_edit_is_named_with_its_numbers(text, dtype):
    found = inferred(text, dtype)
    assert any(names(one, parse_edit(text)) for one in found), found


@pytest.mark.slow
@pytest.mark.parametrize(("text", "dtype"), LONGER)
def test_an_edit_that_shows_late_is_named_too(text, dtype):
    assert not any(names(one, parse_edit(text)) for one in inferred(text, dtype))
    found = inferred(text, dtype, longer=True)
    assert any(names(one, parse_edit(text)) for one in found), found


def test_intervals_are_narrow():
    (one, *_) = inferred("clip g c=0.1", "float64")
    low, high = one.parameters["c"]
    assert low < 0.1 < high
    assert high - low < 1e-9


def test_nothing_is_inferred_of_the_dialect_itself():
    assert inferred("", "float32") == []


def test_a_long_run_given_as_evidence_shows_what_the_short_ones_do_not():
    text = "scale update c=1.5 if t>=700"
    assert inferred(text, "float32") == []
    rng = np.random.default_rng(3)
    hyper = {"lr": 0.125, "beta1": 0.875, "beta2": 0.96875, "eps": 2.0**-10}
    grads = rng.standard_normal((720, 3)).astype(np.float32)
    request = Trajectory((np.zeros(3, np.float32),), (grads,), hyper)
    run = Run("evidence 1", request, mutant(Spec(), text, request))
    found = inferred(text, "float32", more=(run,))
    assert any(names(one, parse_edit(text)) for one in found), found


def test_the_whole_is_said_in_a_sentence_and_as_data():
    found = conclude(observed("clip g c=0.1", "float64"), claimed=Spec()).identification
    assert found.spec == "adam"
    assert found.regime.startswith("the gradient is clipped at c, ")
    assert found.regime.endswith("; every number fits adam with that")
    assert names(found.edit, parse_edit("clip g c=0.1"))
    assert found.edit.text in found.regime
    assert found.traits.elementwise
