"""The public functions: targets, sessions, traces, options, failures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from zoo import HONEST, named

from adamcheck.errors import UsageError
from adamcheck.events import Note
from adamcheck.identify import IdentifyReport, identify, identify_session, nearest
from adamcheck.spec import Spec, parse_spec
from adamcheck.targets.protocol import Trace, Trajectory
from adamcheck.targets.session import Session

from .simulate import run

ROOT = Path(__file__).resolve().parents[2]
RAISES = """
def make(theta0, *, lr, beta1, beta2, eps):
    count = 0

    def step(grad):
        nonlocal count
        count += 1
        if count == 5:
            raise RuntimeError("out of luck")
        return theta0 - lr * grad

    return step
"""
ODD = """
import numpy as np

def make(theta0, *, lr, beta1, beta2):
    theta, m, v, t = theta0.copy(), 0 * theta0, 0 * theta0, 0

    def step(g):
        nonlocal theta, m, v, t
        if theta.dtype == np.float64:
            raise TypeError("float32 only")
        t += 1
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g * g
        theta = theta - lr * (m / (1 - beta1**t)) / (np.sqrt(v / (1 - beta2**t)) + 1e-8)
        return theta.astype(theta0.dtype)

    return step
"""


def of(name, **asked):
    record = named(name)
    return identify(str(ROOT / record.target), options=record.options, **asked)


@pytest.mark.sampled(12)
@pytest.mark.parametrize("record", HONEST, ids=lambda record: record.name)
def test_honest_targets_are_what_they_say(record):
    dtype = record.dtypes[0]
    report = identify(str(ROOT / record.target), options=record.options, dtype=dtype)
    found = report.identification
    assert not report.error
    assert parse_spec(found.spec) == parse_spec(record.spec)
    assert (found.kind, found.indistinguishable) == ("dialect", ())
    assert found.deviation <= 1.0 < found.second_deviation
    narrow = any(f.name == "scalars" for f in report.findings)
    assert not narrow or record.scalars == "array"


def test_the_report_has_the_evidence():
    heard: list = []
    report = identify(str(ROOT / named("eps-hat").target), listener=heard.append)
    assert isinstance(report, IdentifyReport)
    found = report.identification
    assert found.spec == "adam[eps=hat]"
    assert found.candidates[0] == ("adam[eps=hat]", found.deviation)
    assert "adam" in dict(found.candidates)
    assert "eps=hat instead of outside" in found.regime
    assert "31.3 times smaller" in found.regime
    assert report.adapter == "class"
    assert "numpy" in report.environment
    assert report.seconds > 0
    assert all(isinstance(event, Note) for event in heard)


def test_options_that_are_not_on_are_tried():
    facts = {f.name: f.message for f in of("torch-like-all").findings}
    assert facts["amsgrad"] == "with amsgrad it is amsgrad"
    assert facts["maximize"] == "with maximize it is adam[maximize=yes]"
    assert facts["weight_decay"] == "with weight_decay = 0.125 it is adam[decay=l2]"


def test_flags_are_switched_on():
    assert of("torch-like-all", flags=("amsgrad",)).identification.spec == "amsgrad"


def test_an_unknown_flag_is_refused():
    with pytest.raises(UsageError, match="amsgrad"):
        of("textbook", flags=("amsgrad",))


def test_a_hidden_decay_is_a_finding():
    report = of("decay-hidden-l2")
    assert report.identification.spec == "adam[decay=l2]"
    assert "λ=0.0001" in report.identification.regime
    (fact,) = (f for f in report.findings if f.name == "weight-decay")
    assert fact.numbers == {"weight_decay": 1e-4}


def test_a_claim_is_given_what_it_needs():
    with Session(str(ROOT / named("torch-like-all").target)) as session:
        for text in ("adam[decay=l2]", "amsgrad", "adam[maximize=yes]", "adam"):
            found = identify_session(session, claimed=parse_spec(text), dtype="float32")
            assert found.spec == text
            assert not found.regime


def test_scalars_are_named_where_the_claim_is_about_them():
    record = named("array-scalars")
    with Session(str(ROOT / record.target)) as session:
        strict = parse_spec("adam[scalars=float64]")
        found = identify_session(session, claimed=strict, dtype="float32")
        assert found.kind == "not-adam"
        any_ = identify_session(session, claimed=None, dtype="float32")
        assert (any_.spec, any_.kind) == ("adam", "dialect")


def test_narrow_scalars_are_a_finding():
    (fact,) = (f for f in of("array-scalars", dtype="float32").findings if f.name == "scalars")
    assert fact.numbers["envelopes"] > 1.0
    assert fact.numbers["ulps"] > 1.0


def test_a_target_that_raises_is_an_error(tmp_path):
    (tmp_path / "target.py").write_text(RAISES)
    report = identify(f"{tmp_path / 'target.py'}:make")
    assert "out of luck" in report.error
    assert "step 5" in report.error
    assert report.identification is not None


def test_a_target_that_cannot_be_loaded_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError):
        identify(f"{tmp_path / 'nowhere.py'}:make")


def test_an_unknown_dtype_is_a_usage_error():
    with pytest.raises(UsageError, match="float23"):
        identify("adamcheck.implementations:NumpyAdam", dtype="float23")


def test_a_dtype_that_is_not_taken_gives_way_to_one_that_is(tmp_path):
    (tmp_path / "target.py").write_text(ODD)
    report = identify(f"{tmp_path / 'target.py'}:make")
    facts = {f.name: f for f in report.findings}
    assert facts["dtype"].dtype == report.dtype == "float32"
    assert facts["fixed"].message.startswith("takes no eps: it is fixed at ")
    assert report.identification.spec == "adam"


@pytest.mark.parametrize(
    ("lost", "words"),
    [("t >= 1", "the target is not finite from step 1 on"),
     ("t >= 3", "the target is not finite from step 3")],
)  # fmt: skip
def test_a_target_that_is_not_finite_is_no_dialect(lost, words, tmp_path):
    text = ODD.replace("theta.dtype == np.float64", "False")
    text = text.replace("return theta.", f"return (theta * (np.nan if {lost} else 1)).")
    (tmp_path / "target.py").write_text(text)
    report = identify(f"{tmp_path / 'target.py'}:make")
    found = report.identification
    assert words in (report.error if found is None else found.regime)
    assert found is None or found.kind != "dialect"
    assert found is None or "no run shows a difference" not in found.regime


def test_nothing_is_said_to_be_missing_of_a_rule_that_does_not_fit(tmp_path):
    (tmp_path / "target.py").write_text(ODD.replace("theta - lr", "theta - 1.01 * lr"))
    report = identify(f"{tmp_path / 'target.py'}:make")
    assert report.identification.kind != "dialect"
    assert not any("the usual values are assumed" in f.message for f in report.findings)


def test_traces_that_were_run_already_are_enough():
    rng = np.random.default_rng(1)
    hyper = {"lr": 2.0**-6, "beta1": 0.875, "beta2": 0.96875, "eps": 2.0**-4}
    asked = Trajectory(
        (np.zeros((3, 5), np.float32),),
        (rng.standard_normal((12, 3, 5)).astype(np.float32),),
        hyper,
    )
    spec = Spec(eps="hat", maximize="yes")
    found = nearest([(asked, run(spec, asked))], dtype="float32", claimed=Spec())
    assert found.spec == str(spec)
    assert "eps=hat instead of outside" in found.regime


def test_traces_without_a_step_tell_nothing():
    asked = Trajectory((np.zeros(3),), (np.ones((4, 3)),), {"lr": 0.1})
    assert nearest([(asked, Trace((np.zeros((1, 3)),)))], dtype="float64") is None
    with pytest.raises(UsageError, match="no trajectory"):
        nearest([], dtype="float64")


def test_a_long_trace_shows_where_a_counter_stops():
    rng = np.random.default_rng(2)
    asked = Trajectory(
        (np.zeros(2),),
        (rng.standard_normal((1500, 2)),),
        {"lr": 0.125, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8},
    )
    record = named("counter-stops-at-1000")
    with Session(str(ROOT / record.target)) as session:
        found = nearest([(asked, session.run(asked))], dtype="float64", claimed=Spec())
    # by then β1^t is below every rounding: that β2^t stays is all that can be told
    assert "from step 1001 on" in found.regime
    assert found.edit.guard_parameters == {"at": (1001.0, 1001.0)}
