"""Convergence checks: honest orders pass, defects in time die, and every law can fail."""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from pathlib import Path

import mpmath
import numpy as np
import pytest
from installed import needs

from adamcheck.checks.convergence import _on
from adamcheck.checks.dynamics import (
    carry,
    linear,
    optimal_momentum,
    predicted,
)
from adamcheck.checks.lab import Account, Lab
from adamcheck.checks.loops import LAWS, Loop, close
from adamcheck.checks.profiles import profile_named
from adamcheck.checks.registry import all_checks
from adamcheck.checks.witnessing import replayed, witness_of
from adamcheck.engine.gate import check
from adamcheck.engine.replay import replay
from adamcheck.formats import format_named
from adamcheck.oracle.envelope import STRICT
from adamcheck.oracle.evidence import Evidence
from adamcheck.oracle.paths import Course, tube
from adamcheck.problems import build
from adamcheck.result import Status, Verdict
from adamcheck.spec import parse_spec
from adamcheck.targets.protocol import Trajectory
from adamcheck.targets.session import Session
from adamcheck.theory import step_bound, two_cycle
from adamcheck.witness import read_witness, witness_document

sys.path.append(str(Path(__file__).parent))
from zoo import target as zoo_target
from zoo.convergence import DEFECTS, HONEST, KILLERS

NUMPY = "adamcheck.implementations:NumpyAdam"
IDS = tuple(c.id for c in all_checks() if c.family == "convergence")
WIDE = ("float64", "float32")
DYADIC = {"lr": 0.125, "beta1": 0.875, "beta2": 0.96875, "eps": 2.0**-20}


# the gate ----------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def _no_identification(monkeypatch):
    # which dialect a defect is nearest to is asked elsewhere, and takes longer than all of this
    monkeypatch.setattr("adamcheck.engine.run.identifying", lambda *a: iter(()))


@pytest.mark.slow
@pytest.mark.parametrize("defect", DEFECTS, ids=lambda d: d.name)
def test_a_planted_defect_is_killed_by_its_checks(defect):
    killers = KILLERS[defect.name]
    found = check(defect.target, spec=defect.claims, dtypes=defect.dtypes[:1], only=killers)
    status = {c.name: c.status for c in found.checks}
    assert status == dict.fromkeys(killers, Status.FAILED)
    assert found.verdict is Verdict.DEVIATES
    assert all(c.witness is not None for c in found.checks)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "textbook",
        "lerp",
        "fused-multiply-add",
        "array-scalars",
        "wide-arithmetic",
        "running-powers",
    ],
)
def test_honest_orders_pass(name):
    found = check(zoo_target(name), dtypes=WIDE, only=IDS)
    assert found.verdict is Verdict.HELD, [(c.name, c.dtype, c.message) for c in found.checks]
    assert {c.status for c in found.checks} == {Status.PASSED, Status.SKIPPED}


@pytest.mark.slow
@pytest.mark.parametrize("order", HONEST, ids=lambda o: o.name)
def test_honest_orders_of_other_rules_pass(order):
    found = check(order.target, spec=order.spec, dtypes=order.dtypes, only=IDS)
    assert found.verdict is Verdict.HELD, [(c.name, c.dtype, c.message) for c in found.checks]


def test_every_check_kills_some_defect():
    assert set(IDS) == {check for killers in KILLERS.values() for check in killers}
    assert set(KILLERS) == {defect.name for defect in DEFECTS}


@pytest.mark.slow
@pytest.mark.library
@pytest.mark.parametrize(
    ("target", "spec"),
    [("torch.optim:Adam", "adam"), ("torch.optim:Adam", "amsgrad"), ("optax:adam", "adam"),
     ("torch.optim:SGD", "momentum")],
)  # fmt: skip
def test_real_libraries_pass(target, spec):
    needs(target.partition(".")[0].partition(":")[0])
    found = check(target, spec=spec, dtypes=("float32",), only=IDS)
    assert found.verdict is Verdict.HELD, [(c.name, c.message) for c in found.checks]


@pytest.mark.slow
@pytest.mark.parametrize("spec", ["adam[maximize=yes]", "adam[decay=l2]"])
def test_dialects_are_followed(spec):
    name = {"adam[maximize=yes]": "textbook-maximize", "adam[decay=l2]": "textbook-l2"}[spec]
    found = check(zoo_target(name), spec=spec, dtypes=("float64",), only=IDS)
    assert found.verdict is Verdict.HELD, [(c.name, c.message) for c in found.checks]


def test_a_missing_correction_is_told_by_its_factor():
    found = check(NUMPY, spec="adam[bias_correction=none]", dtypes=("float64",),
                  only=("ADAM-CV-13",))  # fmt: skip
    told = found.checks[0].message
    # √(1-β2)/(1-β1) with β2 = 1-2^-13 and β1 = 7/8, and a little of ε, at g = 1
    factor = (2.0**-6.5 + 2.0**-20) / 0.125 / (1.0 + 2.0**-20)
    assert f"the step is {factor:.5g} times what bias_correction=none gives" in told
    assert f"bias_correction=both predicts {factor:.5g}" in told


def test_narrow_formats_are_skipped_with_the_reason():
    found = check(NUMPY, dtypes=("bfloat16",), only=("ADAM-CV-1", "ADAM-LS-1"))
    skipped = next(c for c in found.checks if c.name == "ADAM-CV-1")
    assert skipped.status is Status.SKIPPED
    assert "bfloat16" in skipped.message


def test_a_target_without_a_loop_is_skipped_with_the_reason():
    found = check(zoo_target("run-loop"), dtypes=("float64",), only=("ADAM-CV-1",))
    assert found.checks[0].status is Status.SKIPPED
    assert "stepwise" in found.checks[0].message


@pytest.mark.slow
def test_a_witness_of_a_closed_loop_replays_without_the_problem():
    defect = next(d for d in DEFECTS if d.name == "clips-by-norm")
    found = check(defect.target, dtypes=("float32",), only=("ADAM-CV-11",))
    witness = read_witness(witness_document(found.checks[0].witness))
    assert "problem" not in witness.how
    assert replay(defect.target, witness).verdict is Verdict.DEVIATES
    assert replay(zoo_target("textbook"), witness).verdict is Verdict.HELD


# closed loops ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def session():
    with Session(NUMPY) as made:
        yield made


def lab_of(session, dtype="float64", spec="adam"):
    return Lab(session, parse_spec(spec), format_named(dtype), profile_named("quick"))


def test_a_law_that_fails_in_a_closed_loop_is_replayed_with_its_problem(session, monkeypatch):
    lab, account = lab_of(session), Account()
    trajectory = _on(lab, {"problem": "quadratic", "size": 2}, 20, DYADIC)
    # no honest target breaks a law: let theory be wrong instead
    monkeypatch.setattr("adamcheck.checks.motion.carry", lambda *a: (1e-9, 1e-9))
    assert not close(lab, account, trajectory, "settles")
    broken = account.broken[0]
    witness = read_witness(witness_document(witness_of(lab, "ADAM-CV-1", broken, runs=4)))
    assert witness.how["problem"] == {"problem": "quadratic", "size": 2}
    assert witness.how["with"]["laws"] == ["settles"]
    again = replayed(lab, Account(), witness)
    assert again is not None
    assert "settled neighbourhood" in again.first.message
    monkeypatch.undo()
    assert replayed(lab, Account(), witness) is None


@pytest.mark.parametrize("dtype", WIDE)
def test_changing_rates_are_judged_and_replayed(session, dtype):
    lab, account = lab_of(session, dtype), Account()
    lrs = 0.25 / np.sqrt(np.arange(1.0, 25.0))
    trajectory = _on(lab, {"problem": "rotated"}, 24, DYADIC, lrs=lrs)
    assert close(lab, account, trajectory, "carried")
    assert account.examples == 24 * 6


@pytest.mark.slow
def test_a_defect_under_changing_rates_has_a_witness_that_replays():
    defect = next(d for d in DEFECTS if d.name == "stale-v")
    found = check(defect.target, dtypes=("float64",), only=("ADAM-CV-3",))
    outcome = found.checks[0]
    assert outcome.status is Status.FAILED
    assert "α changes" in outcome.message
    assert outcome.witness.comparison is not None
    witness = read_witness(witness_document(outcome.witness))
    assert len(witness.how["lrs"]) == len(witness.grads)
    assert replay(defect.target, witness).verdict is Verdict.DEVIATES
    assert replay(zoo_target("textbook"), witness).verdict is Verdict.HELD


@pytest.mark.parametrize("asked", [{"problem": "quadratic", "size": 3}, {"problem": "rosenbrock"}])
def test_the_tube_holds_the_exact_path(asked):
    problem, steps = build(asked), 40
    spec, fmt = parse_spec("adam"), format_named("float64")
    course = Course(spec, fmt, {**DYADIC, "lr": 2.0**-6}, problem.size, steps, STRICT)
    centre, radius = tube(course, problem, problem.start)
    with mpmath.workdps(60):
        exact = exact_path(problem, asked["problem"], steps)
        for t in range(steps):
            for k in range(problem.size):
                assert abs(exact[t][k] - mpmath.mpf(centre[t, k])) <= mpmath.mpf(radius[t, k]) / 2
    assert (radius[:10] < 1e-9).all()


def exact_path(problem, name, steps):
    """Algorithm 1 in 60 digits with exact gradients, at DYADIC and α = 2^-6."""
    mp = mpmath.mpf
    x = [mp(float(a)) for a in problem.start]
    scale = problem.gradient(1, np.ones(problem.size))
    m, v, path = [mp(0)] * len(x), [mp(0)] * len(x), []
    b1, b2 = mp(DYADIC["beta1"]), mp(DYADIC["beta2"])
    for t in range(1, steps + 1):
        if name == "quadratic":
            g = [mp(float(s)) * a for s, a in zip(scale, x, strict=True)]
        else:
            g = []
            for a, b in zip(x[0::2], x[1::2], strict=True):
                g += [-2 * (1 - a) - 400 * a * (b - a * a), 200 * (b - a * a)]
        m = [b1 * p + (1 - b1) * q for p, q in zip(m, g, strict=True)]
        v = [b2 * p + (1 - b2) * q * q for p, q in zip(v, g, strict=True)]
        for k in range(len(x)):
            root = mpmath.sqrt(v[k] / (1 - b2**t))
            x[k] -= mp(2) ** -6 * (m[k] / (1 - b1**t)) / (root + mp(DYADIC["eps"]))
        path.append(list(x))
    return path


# closed forms ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("beta1", "beta2"), [(0.875, 0.96875), (0.9, 0.999), (0.5, 0.75)])
def test_no_sequence_is_carried_farther_than_the_carry(beta1, beta2):
    spec = parse_spec("adam")
    hyper = {"lr": 1.0, "beta1": beta1, "beta2": beta2, "eps": 0.0}
    steps = 600
    step, most = carry(spec, hyper, steps)
    assert step >= step_bound(beta1, beta2, steps)
    largest = 0.0
    for before in (1, 3, 40, 300):
        # the extremal sequence, then gradients that vanish without quite doing so
        g = np.concatenate(
            [
                -((beta1 / beta2) ** np.arange(before - 1.0, -1.0, -1.0)),
                np.full(steps - before, 1e-9),
            ]
        )
        m = v = 0.0
        travelled = 0.0
        for t, x in enumerate(g, start=1):
            m, v = beta1 * m + (1 - beta1) * x, beta2 * v + (1 - beta2) * x * x
            move = -(m / (1 - beta1**t)) / math.sqrt(v / (1 - beta2**t))
            if t > before:
                travelled += max(0.0, move)
        assert travelled <= most
        largest = max(largest, travelled)
    assert largest > 0.5 * most


def test_carry_is_unbounded_where_the_step_is():
    hyper = {"lr": 1.0, "beta1": 0.9, "beta2": 0.81, "eps": 0.0}
    assert carry(parse_spec("adam"), hyper, 10) == (math.inf, math.inf)


@pytest.mark.parametrize("spec", ["gd", "momentum", "nesterov", "momentum[dampening=ema]", "adam"])
def test_a_perturbed_linear_method_strays_no_farther_than_predicted(spec):
    claimed, steps = parse_spec(spec), 40
    hyper = {**DYADIC, "momentum": 0.875, "eps": 1.0} if spec == "adam" else {
        "lr": 0.25, "momentum": 0.875}  # fmt: skip
    method = linear(claimed, hyper, steps)
    curvature = np.array([1.0, 0.25, 2.0])
    rng = np.random.default_rng(2)
    moved, turned = np.full((steps, 3), 1e-6), np.full((steps, 3), 1e-6)
    path, stray = predicted(method, curvature, np.ones(3), moved, turned)
    for _ in range(20):
        x, b = np.ones(3), np.zeros(3)
        for t in range(steps):
            g = curvature * x + 1e-6 * rng.choice((-1.0, 1.0), 3)
            b = method.mu * b + method.weights[t] * g
            x = x - method.rates[t] * (method.p * g + method.q * b)
            x = x + 1e-6 * rng.choice((-1.0, 1.0), 3)
            assert (np.abs(x - path[t]) <= stray[t]).all()


def test_the_best_momentum_has_the_proved_rate():
    lr, mu = optimal_momentum(1.0 / 16.0, 1.0)
    method = linear(parse_spec("momentum"), {"lr": lr, "momentum": mu}, 10)
    assert mu == pytest.approx(0.36, rel=1e-12)
    for curvature in (1.0 / 16.0, 0.25, 1.0):
        # a double root loses half of the digits
        assert method.roots(curvature) == pytest.approx(0.6, rel=1e-6)
    plain = linear(parse_spec("gd"), {"lr": 2.0 / (1.0 + 1.0 / 16.0)}, 10)
    assert plain.roots(1.0) == pytest.approx(15.0 / 17.0, rel=1e-12)


# every law can fail ------------------------------------------------------------------------------


def forged(asked, move, steps=60, *, noise=None, spec="adam", hyper=DYADIC, start=None, **how):
    """A loop whose target moves by ``move(t, m_hat, root, g)``, which lock-step never saw."""
    problem = build(asked)
    theta = np.array(problem.start if start is None else start, np.float64)
    thetas, grads = [theta.copy()], []
    m = v = np.zeros(problem.size)
    for t in range(1, steps + 1):
        g = problem.gradient(t, theta) + (0.0 if noise is None else noise[t - 1])
        m = hyper["beta1"] * m + (1 - hyper["beta1"]) * g
        v = hyper["beta2"] * v + (1 - hyper["beta2"]) * g * g
        m_hat, root = m / (1 - hyper["beta1"] ** t), np.sqrt(v / (1 - hyper["beta2"] ** t))
        theta = theta - move(t, m_hat, root + hyper["eps"], g)
        thetas.append(theta.copy())
        grads.append(g)
    claimed, fmt = parse_spec(spec), format_named("float64")
    lab = Lab(None, claimed, fmt, profile_named("quick"), settled=STRICT)
    given = np.zeros((steps, problem.size)) if noise is None else noise
    trajectory = Trajectory((thetas[0],), (given,), hyper, problem=asked)
    evidence = Evidence(claimed, fmt, hyper, np.array(grads), np.array(thetas))
    lrs = np.full(steps, hyper["lr"])
    return Loop(lab, Account(), claimed, problem, trajectory, evidence, lrs, how)


def adam(lr):
    return lambda t, m_hat, root, g: lr * m_hat / root


SLOW = {**DYADIC, "lr": 2.0**-6}
CYCLE = {"lr": 0.125, "beta1": 0.0, "beta2": 0.1, "eps": 2.0**-30}
NOISE = np.resize([1.0, -1.0], (60, 1))
BIG = {**DYADIC, "eps": 1.0}
FLAT = {"problem": "quadratic", "curvatures": [0.0625], "start": 0.0}
STEEP = {"problem": "quadratic", "curvatures": [60.0, 270.0], "start": 2.0**-40}
LOGISTIC = {"problem": "logistic", "l2": 0.25}
ZERO = {**SLOW, "beta1": 0.0}
START = (0.75, -0.5, 0.25, -0.25, 0.5)
QUADRATIC = {"problem": "quadratic", "size": 3}

HOLD = {
    "carried": lambda: forged({"problem": "rotated"}, adam(2.0**-6), 120, hyper=SLOW),
    "settles": lambda: forged(QUADRATIC, adam(2.0**-6), 200, hyper=SLOW),
    "enclosed": lambda: forged(QUADRATIC, adam(2.0**-6), hyper=SLOW),
    "descends": lambda: forged(LOGISTIC, adam(2.0**-6), 200, hyper=ZERO, start=START),
    "annealed": lambda: forged(FLAT, adam(2.0**-8), noise=NOISE, hyper={**DYADIC, "lr": 2.0**-8}),
    "corrected": lambda: forged({"problem": "slope"}, adam(0.125), 20),
    "cyclic regret": lambda: forged(
        {"problem": "cyclic"}, adam(0.125), 300, hyper=CYCLE, c=3.0, moves="wrong"
    ),
    "linear": lambda: forged(
        STEEP, adam(0.125), 40, hyper=BIG, curvatures=[60.0, 270.0], expected=["stable", "unstable"]
    ),
}

BREAK = {
    # a velocity that forgets too slowly
    "carried": lambda: forged(
        {"problem": "rotated"}, Heavy(0.99, 2.0**-4), 300, hyper=SLOW
    ),
    # a tenth of the rate, and thirty times
    "settles": lambda: forged(QUADRATIC, adam(2.0**-6 / 10), 200, hyper=SLOW),
    "settles ": lambda: forged(QUADRATIC, adam(2.0**-1), 200, hyper=SLOW),
    "enclosed": lambda: forged(QUADRATIC, adam(2.0**-6 * (1 + 1e-6)), hyper=SLOW),
    # uphill
    "descends": lambda: forged(LOGISTIC, adam(-(2.0**-6)), 100, hyper=ZERO, start=START),
    # the sign of the gradient: never anneals
    "annealed": lambda: forged(
        FLAT, lambda t, m, r, g: 2.0**-8 * np.sign(g), noise=NOISE, hyper={**DYADIC, "lr": 2.0**-8}
    ),
    "corrected": lambda: forged({"problem": "slope"}, lambda t, m, r, g: 0.2 * m / r, 20),
    # gradient descent does not fail on the example
    "cyclic regret": lambda: forged(
        {"problem": "cyclic"}, lambda t, m, r, g: 0.01 * g, 300, hyper=CYCLE, c=3.0, moves="wrong"
    ),
    "cyclic regret ": lambda: forged(
        {"problem": "cyclic"}, adam(0.125), 300, hyper=CYCLE, c=3.0, moves="right"
    ),
    "linear": lambda: forged(
        STEEP, adam(0.1250001), 40, hyper=BIG, curvatures=[60.0, 270.0],
        expected=["stable", "unstable"],
    ),
}  # fmt: skip


class Heavy:
    """A velocity of its own, with a memory β."""

    def __init__(self, beta, lr):
        self.beta, self.lr, self.b = beta, lr, 0.0

    def __call__(self, t, m_hat, root, g):
        self.b = self.beta * self.b + (1 - self.beta) * g
        return self.lr * self.b / np.maximum(np.abs(self.b), 1e-3)


@pytest.mark.parametrize("name", HOLD)
def test_a_law_holds_for_adam(name):
    loop = HOLD[name]()
    assert LAWS[name](loop) is None


@pytest.mark.parametrize("name", BREAK)
def test_a_law_can_fail(name):
    first = LAWS[name.strip()](BREAK[name]())
    assert first is not None
    assert first.message


def test_momentums_laws_hold_and_fail():
    lr, mu = optimal_momentum(0.0625, 1.0)
    hyper = {"lr": lr, "momentum": mu, "beta1": 0.5, "beta2": 0.5, "eps": 1.0}
    asked = {"problem": "quadratic", "curvatures": [1.0, 0.25, 0.0625]}

    def run(mu):
        b = np.zeros(3)

        def move(t, m_hat, root, g):
            nonlocal b
            b = mu * b + g
            return lr * b

        return forged(asked, move, 80, spec="momentum", hyper=hyper, curvatures=[1.0, 0.25, 0.0625])

    honest, sluggish = run(mu), run(0.9)
    for name in ("linear", "rate"):
        assert LAWS[name](honest) is None
        assert LAWS[name](sluggish) is not None
    assert "shrinks more slowly than the rate" in LAWS["rate"](sluggish).message


def test_the_two_cycle_holds_and_fails():
    hyper = {"lr": 0.125, "beta1": 0.0, "beta2": 0.5, "eps": 2.0**-10}
    c = two_cycle(0.0, lr=0.125, eps=2.0**-10, curvature=np.ones(1))
    for factor, holds in ((1.0, True), (0.999, False)):
        loop = forged(
            {"problem": "quadratic", "curvatures": [1.0]},
            lambda t, m, r, g, f=factor: 2.0 * f * g,
            12,
            hyper=hyper,
            start=c,
        )
        start = {"m": -c, "v": c * c}
        loop = replace(loop, evidence=replace(loop.evidence, start=start, first=64))
        assert (LAWS["two-cycle"](loop) is None) is holds


def test_laws_say_nothing_of_other_rules():
    loop = HOLD["settles"]()
    other = replace(loop, spec=parse_spec("adam[decay=l2]"))
    for name in ("carried", "settles", "descends", "annealed", "corrected"):
        assert LAWS[name](other) is None


def test_every_law_is_used_by_a_check():
    source = Path(sys.modules[_on.__module__].__file__).read_text("utf-8")
    assert [name for name in LAWS if f'"{name}"' not in source] == []
