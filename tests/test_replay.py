"""A witness is all that a failure needs: as JSON it fails again on its target, and on no other."""

from __future__ import annotations

import json
from ast import literal_eval
from dataclasses import replace

import pytest
from checks.planted import PLANTED, Bench, first_dtype, killed, located, unshrunk

import adamcheck
from adamcheck.checks.registry import all_checks
from adamcheck.errors import UsageError
from adamcheck.properties import PROPERTIES
from adamcheck.reports.documents import dumps
from adamcheck.result import Status, Verdict
from adamcheck.spec import parse_spec
from adamcheck.witness import load_witnesses, read_witness, snippet, witness_document

all_checks()  # the convergence family registers a property of its own
TEXTBOOK = located("tests/zoo/honest.py") + ":Textbook"
DECOUPLED = located("tests/zoo/dialects.py") + ":Decoupled"

CASES = [
    # the property, a check that holds it, a defect that breaks it there
    ("envelope", "ADAM-LS-1", "m-float16"),
    ("envelope", "ADAM-LS-6", "v-float16"),
    ("late count", "ADAM-BC-2", "counter-stops-at-2048"),
    ("envelope", "ADAM-EL-4", "parameters-exchanged"),
    ("envelope", "ADAM-LY-1", "memory-order"),
    ("envelope", "ADAM-SH-1", "rows-for-elements"),
    ("envelope", "ADAM-GB-2", "gradient-kept"),
    ("refilled", "ADAM-GB-2", "gradient-kept-squared"),
    ("envelope", "ADAM-MX-1", "maximize-ignored"),
    ("non-finite stays", "ADAM-NF-1", "nan-becomes-zero"),
    ("scaling", "ADAM-SC-2", "eps-falsy-default"),
    ("sign flip", "ADAM-SF-1", "wrong-for-negative"),
    ("same bits", "ADAM-DT-1", "order-by-chance"),
    ("reload", "ADAM-SV-1", "state-loses-t"),
    ("reload", "ADAM-SV-1", "state-loses-second-parameter"),
    ("reload with other hyperparameters", "ADAM-SV-2", "state-loses-v"),
    ("twin", "ADAM-IN-1", "hyperparameters-shared"),
    ("unchanged", "ADAM-LR-1", "rate-falsy-default"),
    ("linear", "ADAM-SC-4", "gd-clipped"),
    ("interface", "ADAM-GB-1", "gradient-zeroed"),
    ("interface", "ADAM-DS-1", "zero-d-promoted"),
    ("refused", "ADAM-HP-2", "accepts-negative-rate"),
    ("refused", "ADAM-HP-3", "gradient-cut-to-size"),
    ("taken", "ADAM-SH-1", "refuses-matrices"),
    ("reload with another", "ADAM-SV-2", "load-invents-decay"),
    ("stored", "ADAM-SV-3", "foreign-state-dropped"),
    ("stored count", "ADAM-SV-3", "saved-count-wraps"),
    ("no gradient", "ADAM-NG-1", "empty-call-forgets"),
    ("groups", "ADAM-PG-1", "groups-share-beta2"),
    ("envelope", "ADAM-CR-1", "rate-lags"),
    ("late", "ADAM-LT-1", "none-reuses-gradient"),
    ("late", "ADAM-LT-1", "decay-l2-first-parameter-only"),
    ("moves", "ADAM-DH-1", "defaults-beyond-the-format"),
    ("closed loop", "ADAM-CV-3", "step-doubled"),
    ("each in its format", "ADAM-EL-5", "gradients-in-first-format"),
    ("one step", "ADAM-LS-8", "m-float16"),
    ("kept formats", "ADAM-ST-1", "moments-narrower-than-claimed"),
    ("no lost updates", "ADAM-ST-2", "master-forgotten"),
    ("rounding of theta", "ADAM-ST-3", "chance-takes-sides"),
    ("blocks", "ADAM-ST-4", "block-scale-of-a-neighbour"),
]
FAULTS = ("fault", "forgets", "chance", "scale")
"""Options that make a target wrong, which its honest twin is not given."""


def witnessed(name, check):
    """The outcome of a check on a planted defect."""
    with Bench.of(PLANTED[name]) as bench:
        outcome = bench.hold(check, first_dtype(PLANTED[name]))
    assert killed(outcome), outcome
    return outcome


def twin_of(name):
    """The honest target that a defect was made from."""
    return located(PLANTED[name].twin)


def test_every_property_is_replayed():
    assert {law for law, _, _ in CASES} == set(PROPERTIES)


@pytest.mark.sampled(10)
@pytest.mark.parametrize(("law", "check", "name"), CASES, ids=lambda x: x.replace(" ", "-"))
def test_a_witness_fails_again_and_passes_on_the_honest_twin(law, check, name, tmp_path):
    outcome = witnessed(name, check)
    assert outcome.witness.how["law"] == law
    # as it is printed to be typed in, too
    assert literal_eval(repr(outcome.witness.how)) == outcome.witness.how
    path = tmp_path / "w.json"
    path.write_text(dumps(witness_document(outcome.witness)), "utf-8")
    (witness,) = load_witnesses(path)
    assert dumps(witness_document(witness)) == dumps(witness_document(outcome.witness))
    options = dict(PLANTED[name].options)
    target = located(PLANTED[name].target)
    again = adamcheck.replay(target, witness, options=options, strict_interface=True)
    assert again.verdict is Verdict.DEVIATES
    assert again.profile == "replay"
    (failed,) = again.checks
    assert (failed.name, failed.dtype, failed.status) == (check, outcome.dtype, Status.FAILED)
    assert failed.witness is not None
    options = {name: value for name, value in options.items() if name not in FAULTS}
    honest = adamcheck.replay(twin_of(name), witness, options=options, strict_interface=True)
    assert honest.verdict is Verdict.HELD, honest.checks[0].message
    assert honest.checks[0].examples > 0


def test_numbers_survive_the_way_through_json():
    outcome = witnessed("m-float16", "ADAM-LS-1")
    document = json.loads(json.dumps(witness_document(outcome.witness)))
    read = read_witness(document)
    assert (read.theta0, read.grads, dict(read.hyper)) == (
        outcome.witness.theta0,
        outcome.witness.grads,
        dict(outcome.witness.hyper),
    )
    assert (read.element, read.step) == (outcome.witness.element, outcome.witness.step)
    again = adamcheck.replay(located(PLANTED["m-float16"].target), read)
    compared, before = again.checks[0].witness.comparison, outcome.witness.comparison
    assert (compared.observed, compared.exact) == (before.observed, before.exact)
    assert compared.error > compared.bound


def test_a_shrunk_witness_fails_again_and_is_small():
    target = located(PLANTED["bias-none"].target)
    result = adamcheck.check(target, only=("ADAM-LS-1",), dtypes=("float64",))
    (failed,) = result.checks
    with unshrunk():
        plain = adamcheck.check(target, only=("ADAM-LS-1",), dtypes=("float64",))
    assert len(failed.witness.theta0) == 1 < len(plain.checks[0].witness.theta0)
    assert adamcheck.replay(target, failed.witness).verdict is Verdict.DEVIATES
    assert adamcheck.replay(TEXTBOOK, failed.witness).verdict is Verdict.HELD
    assert "adamcheck.replay(" in snippet(failed.witness, target)


def test_a_witness_names_its_spec_and_options():
    outcome = witnessed("decay-sign", "ADAM-WD-1")
    assert parse_spec(outcome.witness.spec) == parse_spec("adam[decay=decoupled]")
    assert adamcheck.replay(DECOUPLED, outcome.witness).verdict is Verdict.HELD


# damage


@pytest.fixture(scope="module")
def sound():
    return witnessed("parameters-exchanged", "ADAM-EL-4").witness


DAMAGE = [
    {"check": "ADAM-NO-1"},
    {"spec": "adam[eps=nowhere]"},
    {"dtype": "float23"},
    {"how": {"law": "gravity"}},
    {"how": {"law": "envelope", "shapes": [[3]]}},
    {"how": {"law": "envelope", "shapes": [["x"]]}},
    {"how": {"law": "envelope", "shapes": 7}},
    {"how": {"law": "envelope", "theta_layout": "zz"}},
    {"how": {"law": "envelope", "reload_after": 10**30}},
    {"how": {"law": "envelope", "with": "nothing"}},
    {"how": {"law": "envelope", "with": None}},
    {"theta0": ("0x1p99999",)},
    {"how": {"law": "late"}},
    {"how": {"law": "reload with other hyperparameters"}},
    {"how": {"law": "scaling"}},
    {"how": {"law": "scaling", "with": {"k": 10**30}}},
    {"how": {"law": "linear", "with": {"k": "two"}}},
    # properties and laws that 0.1.0 knew
    {"how": {"law": "step bound", "with": {"limit": 1.0, "reaches": 0.5, "steps": 2}}},
    {"how": {"law": "interface"}},
    {"how": {"law": "interface", "with": {"law": "gravity"}}},
    {"how": {"law": "refused"}},
    {"how": {"law": "closed loop", "with": {"laws": ["settles"]}}},
    {"how": {"law": "envelope", "preload": [{"m": ["zero"]}]}},
    {"how": {"law": "envelope", "reload_hyper": {"lr": "fast"}}},
    {"hyper": {"lr": "quick"}},
    {"theta0": ("nought",)},
    {"grads": (("0x1p0",), ("0x1p0", "0x1p1"))},
    {"flags": ("no_such_flag",)},
    {"hyper": {"lr": "nan"}},
    {"hyper": {"lr": "inf"}},
    {"step": 10**6},
    {"step": -1},
    {"element": 99},
    {"check": None},
]


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda d: next(iter(d)))
def test_a_damaged_witness_is_wrong_usage(sound, damage):
    with pytest.raises(UsageError) as told:
        adamcheck.replay(TEXTBOOK, replace(sound, **damage))
    assert "\n" not in str(told.value)


def test_what_is_no_witness_is_wrong_usage():
    with pytest.raises(UsageError, match="replay needs a Witness, not NoneType"):
        adamcheck.replay(TEXTBOOK, None)


def test_a_replay_of_a_target_in_trouble_is_an_error():
    witness = witnessed("bias-none", "ADAM-CG-1").witness
    troubled = located("tests/checks/troubled.py") + ":raises"
    long = replace(witness, grads=witness.grads[:1] * 120, step=1)
    result = adamcheck.replay(troubled, long)
    assert result.verdict is Verdict.ERROR
    assert "raised at step 100" in result.checks[0].message
