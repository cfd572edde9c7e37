"""Every dialect is told from every other one, from the designed runs alone."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest

from adamcheck.identify.dialects import canonical, dialects, distance, relatives
from adamcheck.identify.scoring import Scores
from adamcheck.identify.search import search
from adamcheck.oracle.envelope import STRICT, Admission
from adamcheck.spec import SWITCHES, Spec, parse_spec

from .simulate import labelled, observed

ALL = dialects("adam", valued=("eps_root",))
ROOT = {"eps_root": 2.0**-6}
LONE = [
    canonical(Spec().with_(**{switch: word}))
    for switch, words in SWITCHES.items()
    if switch not in ("scalars", "decay")
    for word in words[1:]
    if word != "0"
]


def found_in(batches, claimed=None, known=None):
    return search(batches, claimed, known or {}, [STRICT])


def extra(spec):
    asked = ROOT if spec.eps == "both" else {}
    return asked | ({"weight_decay": 0.125} if spec.decay != "none" else {})


@pytest.mark.sampled(14)
@pytest.mark.parametrize("spec", LONE, ids=str)
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
def test_each_switch_is_seen_alone(spec, dtype):
    found = found_in(observed(spec, dtype, extra=extra(spec)))
    assert found.fits
    assert found.best.candidate.spec == spec
    assert not found.equal


@pytest.mark.sampled(5)
@pytest.mark.parametrize("word", SWITCHES["decay"][1:])
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
def test_each_coupling_of_the_decay_is_seen(word, dtype):
    spec = Spec(decay=word)
    found = found_in(observed(spec, dtype, extra=extra(spec)))
    assert found.best.candidate.spec == spec
    assert not found.equal
    assert not found.hidden


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_all_pairs_differ_by_far_more_than_the_envelope(dtype):
    least = {"float64": 1e9, "float32": 1e2}[dtype]
    for spec in (s for s in ALL if s.first_t != "0"):
        found = found_in(observed(spec, dtype, extra=extra(spec)))
        assert found.best.candidate.spec == spec
        assert not found.equal
        second = found.ranking[1]
        assert second.largest > least, f"{spec} against {second.candidate.spec}"


@pytest.mark.parametrize(
    "text", ["adam[first_t=0]", "adam[eps=hat,first_t=0]", "adam[amsgrad=v,first_t=0]"]
)
def test_a_first_step_called_zero_needs_loaded_moments(text):
    spec = parse_spec(text)
    blind = found_in(observed(spec))
    assert blind.fits
    assert len(blind.equal) > 1
    assert blind.best.candidate.spec.first_t == "0"
    seeing = found_in(observed(spec, preload=True))
    assert seeing.best.candidate.spec == spec
    assert not seeing.equal


@pytest.mark.parametrize("algorithm", relatives())
def test_relatives_are_told_apart(algorithm):
    # heavy ball without a momentum is gradient descent
    own = {"momentum": 0.5} if algorithm == "momentum" else {}
    found = found_in(observed(Spec(algorithm), use=own), known=own)
    assert found.fits
    assert found.best.candidate.spec == Spec(algorithm)


@pytest.mark.sampled(4)
@pytest.mark.parametrize("strength", [1e-4, 0.01, 0.3])
@pytest.mark.parametrize("word", ["l2", "decoupled", "decoupled-unscaled", "decoupled-after"])
def test_a_hidden_decay_is_found_and_its_strength_told(word, strength):
    found = found_in(observed(Spec(decay=word), use={"weight_decay": strength}))
    assert found.hidden
    assert found.best.candidate.spec == Spec(decay=word)
    assert dict(found.best.candidate.given)["weight_decay"] == strength


def test_a_hidden_l2_term_in_float32():
    found = found_in(observed(Spec(decay="l2"), "float32", use={"weight_decay": 1e-4}))
    assert dict(found.best.candidate.given)["weight_decay"] == 1e-4


def test_a_hidden_accumulator_is_found():
    spec = Spec("adagrad", accumulator="initial")
    found = found_in(observed(spec, use={"initial_accumulator": 0.1}))
    assert found.best.candidate.spec == spec
    assert dict(found.best.candidate.given)["initial_accumulator"] == 0.1


def test_a_decay_set_by_an_option_is_no_hidden_one():
    batches = observed(Spec(decay="l2"), use={"weight_decay": 0.25})
    found = found_in(batches, known={"weight_decay": 0.25})
    assert found.best.candidate.spec == Spec(decay="l2")
    assert not found.hidden


def test_the_claimed_spec_wins_among_equals():
    batches = tuple(labelled(s, "usual").cut(1) for s in observed(Spec()))
    equal = {f.candidate.spec for f in found_in(batches).equal}
    assert Spec(amsgrad="v") in equal
    assert found_in(batches, Spec(amsgrad="v")).best.candidate.spec == Spec(amsgrad="v")


def test_fewest_switches_win_without_a_claim():
    batches = tuple(labelled(s, "usual").cut(1) for s in observed(Spec()))
    assert found_in(batches).best.candidate.spec == Spec()


def test_nothing_fits_a_target_that_never_moves():
    batches = observed(Spec(), use={"lr": 0.0})
    assert not found_in(batches).fits


def test_scores_walk_a_hopeless_candidate_no_further():
    from adamcheck.identify.candidate import Candidate

    scores = Scores(observed(Spec(), long=True), STRICT)
    wrong = scores.fit(Candidate(Spec(eps="hat")))
    right = scores.fit(Candidate(Spec()))
    assert max(s.steps for s in wrong.batches) < max(s.steps for s in right.batches) == 300


def test_array_scalars_are_admitted_second():
    batches = observed(Spec(), "float32")
    both = [Admission("float64"), Admission("array")]
    assert search(batches, None, {}, both).scores.admission.scalars == "float64"


def test_canonical_dialects_compute_different_functions():
    assert canonical(parse_spec("adam[eps=hat,bias_correction=m]")) == Spec(bias_correction="m")
    assert canonical(parse_spec("adam[bias_correction=none,first_t=2]")) == Spec(
        bias_correction="none"
    )
    assert len(ALL) == len(set(map(canonical, ALL)))


def test_distance_counts_switches():
    assert distance(Spec(), Spec(eps="hat", amsgrad="v")) == 2
    assert distance(Spec(scalars="array"), Spec()) == 0
    assert distance(Spec("rmsprop"), Spec()) > 50


def test_candidates_walked_together_fit_as_each_does_alone():
    from adamcheck.identify.candidate import Candidate

    batches = observed(Spec(amsgrad="v"), "float32", long=True)
    some = [Candidate(spec) for spec in ALL[::5]] + [Candidate(Spec(), scalars="bfloat16")]
    together = Scores(batches, STRICT)
    fitting = together.fitting(some)
    for candidate, fit in zip(some, together.several(some), strict=True):
        alone = Scores(batches, STRICT)
        other = alone.fit(candidate)
        assert alone.fits(candidate) == (candidate in fitting)
        assert len(fit.walked) == len(other.walked)
        for one, two in zip(fit.walked, other.walked, strict=True):
            for name in ("ratio", "move", "bound", "denominator"):
                assert np.array_equal(getattr(one, name), getattr(two, name), equal_nan=True)


def test_a_batch_is_walked_once_where_a_stage_reaches_its_end(monkeypatch):
    from adamcheck.identify.candidate import Candidate
    from adamcheck.identify.lockstep import walks

    # the package's function identify hides the package of that name
    scoring = import_module("adamcheck.identify.scoring")
    seen = []

    def counted(candidates, batch, admission):
        seen.append(batch)
        return walks(candidates, batch, admission)

    monkeypatch.setattr(scoring, "walks", counted)
    scores = Scores(observed(Spec(), long=True), STRICT)
    assert scores.fits(Candidate(Spec()))
    assert [batch.steps for batch in seen] == [1, 24, 32, 300]
