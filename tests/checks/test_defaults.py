"""The hyperparameters that users have: read, held against their source, and run in every format."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import adamcheck
from adamcheck.errors import UsageError
from adamcheck.formats import format_named
from adamcheck.oracle.evidence import Evidence
from adamcheck.profiles import profile_named
from adamcheck.properties import hold
from adamcheck.properties.context import Account, Context
from adamcheck.properties.motion import motion, places
from adamcheck.reports.documents import load_results, result_document
from adamcheck.result import Status, Verdict
from adamcheck.spec import parse_spec
from adamcheck.spec.defaults import Defaults, proposed, used, wrong
from adamcheck.targets.session import Session

RUNS = ("ADAM-DH-1", "ADAM-DH-2")
PLAIN = """
def make(theta0, {signature}):
    theta, m, v, t = theta0.copy(), theta0 * 0, theta0 * 0, 0
    c = theta0.dtype.type

    def step(g):
        nonlocal theta, m, v, t
        t += 1
        m = c(beta1) * m + (c(1) - c(beta1)) * g
        v = c(beta2) * v + (c(1) - c(beta2)) * g * g
        first, second = c(1) - c(beta1) ** c(t), c(1) - c(beta2) ** c(t)
        {body}
        return theta

    return step
"""
OWN = "lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8"
NONE = "lr, beta1, beta2, eps"
NAN = "theta = theta - c(lr) * (m / first) / (np.sqrt(v / second) + c(eps))"
STILL = "theta = theta - c(lr) * np.sqrt(second) / first * m / (np.sqrt(v) + c(1e-4))"

DESCENDS = """
def make(theta0, lr={}):
    theta = theta0.copy()
    def step(g):
        nonlocal theta
        theta = theta - theta0.dtype.type(lr) * g
        return theta
    return step
"""


def made(folder, signature: str, body: str) -> str:
    path = folder / "target.py"
    path.write_text("import numpy as np\n" + PLAIN.format(signature=signature, body=body))
    return f"{path}:make"


def ran(target: str, **how: Any) -> Any:
    how.setdefault("only", RUNS)
    return adamcheck.check(target, dtypes=("bfloat16",), **how)


# what runs


def test_a_target_whose_own_default_its_scalars_do_not_hold_deviates(tmp_path):
    result = ran(made(tmp_path, OWN, NAN))
    assert result.verdict is Verdict.DEVIATES
    for check in result.checks:
        assert check.status is Status.FAILED
        assert "θ is NaN from step 1 on" in check.message
        assert check.message.endswith("β2 = 0.999 is 1 in bfloat16")
        assert check.witness is not None
        assert len(check.witness.grads) == 1
        again = adamcheck.replay(result.target, check.witness)
        assert again.verdict is Verdict.DEVIATES


def test_one_that_never_moves_deviates_too(tmp_path):
    result = ran(made(tmp_path, OWN, STILL))
    assert result.verdict is Verdict.DEVIATES
    first, long = (check.message for check in result.checks)
    assert "θ does not move in 24 steps: none of 16 elements changes a bit" in first
    assert "θ does not move in 2075 steps" in long


@pytest.mark.parametrize("body", [NAN, STILL], ids=["nan", "still"])
def test_a_number_that_only_the_caller_chose_is_the_formats_limit(tmp_path, body):
    target = made(tmp_path, NONE, body)
    result = ran(target, only=(*RUNS, "ADAM-ZG-1"))
    assert result.verdict is Verdict.HELD
    told = [f.message for f in result.findings if f.name == "default-limit"]
    assert told
    assert all(text.startswith("under usual hyperparameters ") for text in told)
    # what the format's limit explains is not asked, and nothing of it counts as passed
    outcomes = {check.name: check for check in result.checks}
    for name in RUNS:
        assert outcomes[name].status is Status.SKIPPED
        assert "the target has no default of its own" in outcomes[name].message
    assert ran(target).verdict is Verdict.ERROR


@pytest.mark.parametrize("body", [NAN, STILL], ids=["nan", "still"])
def test_scalars_that_the_spec_denies_excuse_nothing(tmp_path, body):
    result = ran(made(tmp_path, NONE, body), spec="adam[scalars=float64]")
    assert {check.status for check in result.checks} == {Status.FAILED}
    assert not [f for f in result.findings if f.name == "default-limit"]


def test_an_update_that_is_lost_in_theta_is_no_deviation(tmp_path):
    path = tmp_path / "descends.py"
    path.write_text(DESCENDS.format("0.001"))
    result = ran(f"{path}:make", spec="gd")
    assert result.verdict is Verdict.HELD
    (lost,) = [f.message for f in result.findings if f.name == "lost-updates"]
    assert "θ stays at" in lost


# motion


def seen(thetas: Any, grads: Any, *, spec: str = "gd", **hyper: float) -> Any:
    fmt = format_named("bfloat16")
    evidence = Evidence(
        parse_spec(spec),
        fmt,
        {"lr": 2.0**-6} | hyper,
        np.array(grads, fmt.dtype),
        np.array(thetas, fmt.dtype),
    )
    return motion(evidence)


def test_an_element_stands_where_it_clearly_should_move():
    still = seen([[0.0, 0.0], [0.0, -(2.0**-6)], [0.0, -(2.0**-5)]], [[1.0, 1.0], [1.0, 1.0]])
    assert still.stands.tolist() == [True, False]
    assert still.still.tolist() == [0, 2]
    # at 8 a place is 2^-4, which an update of 2^-6 does not reach
    swallowed = seen([[8.0], [8.0], [8.0]], [[1.0], [1.0]])
    assert swallowed.stands.tolist() == [False]
    # half of the run has to be at rest
    late = seen([[0.0], [-(2.0**-6)], [-(2.0**-5)], [-(2.0**-5)]], [[1.0], [1.0], [1.0]])
    assert late.stands.tolist() == [False]


def test_what_becomes_no_number_is_lost_where_the_exact_one_is_a_number():
    lost = seen([[0.0, 0.0], [0.0, np.nan], [np.inf, np.nan]], [[1.0, 1.0], [1.0, 1.0]])
    assert lost.lost.tolist() == [1, 0]
    huge = seen([[0.0], [-np.inf]], [[2.0**127]], lr=4.0)
    assert huge.lost.tolist() == [1]


def test_places_are_distances_between_neighbours():
    fmt = format_named("float16")
    values = np.array([0.0, 1.0, 1.5, -2.0, 2.0**-24, 65504.0])
    expected = [2.0**-24, 2.0**-10, 2.0**-10, 2.0**-9, 2.0**-24, 32.0]
    assert places(values, fmt).tolist() == expected


def test_steps_that_theta_swallows_decide_nothing(tmp_path):
    """A constant θ of many places of the update: nothing moves, and no law could be seen broken."""
    path = tmp_path / "swallows.py"
    path.write_text(DESCENDS.format("2.0**-20"))
    fmt = format_named("bfloat16")
    with Session(f"{path}:make") as session:
        session.start()
        context = Context(session, parse_spec("gd"), fmt, profile_named("quick"))
        account = Account()
        grads, theta0 = np.ones((8, 4)), np.array([0.0, 0.0, 8.0, 8.0])
        trajectory = context.trajectory(grads, theta0, hyper={"lr": 2.0**-20})
        assert hold(context, account, trajectory, "moves")
    assert (account.examples, account.undecided) == (16, 16)


# what is read


def test_what_differs_from_the_source_is_a_finding_and_strictly_a_deviation(tmp_path):
    target = made(tmp_path, "lr=1e-3, beta1=0.9, beta2=0.99, eps=1e-8", NAN)
    result = adamcheck.check(target, dtypes=("float64",), only=("ADAM-LS-1",))
    assert result.verdict is Verdict.HELD
    (found,) = [f.message for f in result.findings if f.name == "wrong-default"]
    assert found.startswith("the default of beta2 is 0.99, not 0.999 (Kingma & Ba 2015")
    strict = adamcheck.check(target, dtypes=("float64",), only=("ADAM-LS-1",), defaults="strict")
    assert strict.verdict is Verdict.DEVIATES
    (outcome,) = [c for c in strict.checks if c.name == "DEFAULTS"]
    assert (outcome.status, outcome.message) == (Status.FAILED, found)
    with pytest.raises(UsageError, match="defaults 'loose': must be one of report, strict"):
        adamcheck.check(target, defaults="loose")


def test_what_cannot_be_read_is_said_and_is_no_pass(tmp_path):
    path = tmp_path / "target.py"
    path.write_text(
        "from adamcheck.implementations import NumpyAdam\n"
        "def make(theta0, **hyper):\n"
        "    optimizer = NumpyAdam([theta0], **hyper)\n"
        "    return lambda grad: optimizer.step([grad])[0]\n"
    )
    strict = adamcheck.check(
        f"{path}:make", dtypes=("float64",), only=("ADAM-LS-1",), defaults="strict"
    )
    assert strict.verdict is Verdict.ERROR
    (outcome,) = [c for c in strict.checks if c.name == "DEFAULTS"]
    assert outcome.status is Status.INCONCLUSIVE
    assert "takes any name and tells no default" in outcome.message
    assert strict.defaults.values == {}


def test_defaults_are_in_the_documents(tmp_path):
    result = adamcheck.check(made(tmp_path, OWN, NAN), dtypes=("bfloat16",), only=("ADAM-LS-1",))
    assert result.defaults.values == {"lr": 1e-3, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8}
    document = result_document(result)
    assert document["defaults"]["values"]["beta2"] == 0.999
    (tmp_path / "result.json").write_text(json.dumps(document))
    (back,) = load_results(tmp_path / "result.json")
    assert back.defaults == result.defaults
    (said,) = [f.message for f in result.findings if f.name == "replaced-hyperparameters"]
    assert "beta2 0.95 in place of 0.999" in said


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("adam", {"lr": 1e-3, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8}),
        ("adam[eps=hat]", {"lr": 1e-3, "beta1": 0.9, "beta2": 0.999}),
        ("adamax", {"lr": 2e-3, "beta1": 0.9, "beta2": 0.999}),
        ("rmsprop", {"beta2": 0.9}),
        ("momentum", {}),
    ],
)
def test_a_source_proposes_what_it_says_and_no_more(spec, expected):
    assert proposed(parse_spec(spec)) == expected


def test_wrong_defaults_are_also_those_that_the_spec_has_not():
    adam = parse_spec("adam")
    texts = [one.text for one in wrong(Defaults({"weight_decay": 0.01}), adam)]
    assert texts == ["the default of weight_decay is 0.01, not 0 (adam has none)"]
    assert not list(wrong(Defaults({"weight_decay": 0.01}), parse_spec("adamw")))
    lit = Defaults(on=frozenset({"amsgrad"}))
    assert [one.name for one in wrong(lit, adam)] == ["amsgrad"]
    assert not list(wrong(lit, parse_spec("amsgrad")))


def test_users_have_the_targets_defaults_and_else_the_sources():
    adam = parse_spec("adam")
    assert used(Defaults({"beta2": 0.98}), adam)["beta2"] == 0.98
    assert used(Defaults({"beta2": 1.0, "lr": 0.0}), adam) == proposed(adam)
