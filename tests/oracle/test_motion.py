"""Laws of motion: the rules obey them on closed loops, and every one of them can fail."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import mpmath
import numpy as np
import pytest

from adamcheck import rules
from adamcheck.formats import format_named
from adamcheck.oracle.envelope import STRICT
from adamcheck.oracle.evidence import Evidence
from adamcheck.oracle.judge import judge
from adamcheck.oracle.paths import Course
from adamcheck.problems import build
from adamcheck.spec import parse_spec
from adamcheck.theory import (
    cyclic_beta2,
    extremal_gradients,
    stable_curvature,
    step_bound,
    two_cycle,
)

from . import motion as _laws  # noqa: F401 (registers the laws)
from .dynamics import carry, linear, optimal_momentum, predicted
from .loop import LAWS, NUMPY, Loop, tube

DYADIC = {"lr": 0.125, "beta1": 0.875, "beta2": 0.96875, "eps": 2.0**-20}


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


def looped(
    asked,
    advance,
    steps,
    *,
    noise=None,
    spec="adam",
    hyper=DYADIC,
    start=None,
    dtype="float64",
    **how,
):
    """A loop on a problem whose target moves as ``advance(t, θ, g)`` says."""
    claimed, fmt = parse_spec(spec), format_named(dtype)
    problem = build(asked)
    given = np.zeros((steps, problem.size)) if noise is None else noise
    theta = np.asarray(problem.start if start is None else start).astype(fmt.dtype)
    thetas, grads = [theta], []
    for t in range(1, steps + 1):
        wide = problem.gradient(t, theta.astype(np.float64)) + given[t - 1]
        g = np.asarray(wide).astype(fmt.dtype)
        theta = np.asarray(advance(t, theta, g)).astype(fmt.dtype)
        thetas.append(theta)
        grads.append(g)
    evidence = Evidence(claimed, fmt, hyper, np.array(grads), np.array(thetas))
    lrs = np.full(steps, hyper["lr"])
    return Loop(claimed, problem, evidence, lrs, given, STRICT, how)


def forged(asked, move, steps=60, *, hyper=DYADIC, **rest):
    """A loop whose target moves by ``move(t, m_hat, root, g)``, which lock-step never saw."""
    m: Any = 0.0
    v: Any = 0.0

    def advance(t, theta, g):
        nonlocal m, v
        m = hyper["beta1"] * m + (1 - hyper["beta1"]) * g
        v = hyper["beta2"] * v + (1 - hyper["beta2"]) * g * g
        m_hat, root = m / (1 - hyper["beta1"] ** t), np.sqrt(v / (1 - hyper["beta2"] ** t))
        return theta - move(t, m_hat, root + hyper["eps"], g)

    return looped(asked, advance, steps, hyper=hyper, **rest)


def ruled(asked, steps, *, spec="adam", hyper=DYADIC, dtype="float64", **rest):
    """A loop that the rule itself walks, on NumPy arrays of the format."""
    claimed, state = parse_spec(spec), None

    def advance(t, theta, g):
        nonlocal state
        if state is None:
            state = rules.initial_state(claimed, hyper, np.zeros_like(theta), 1.0)
        done = rules.step(claimed, NUMPY, hyper, state, g, theta)
        state = done.state
        return done.theta

    return looped(asked, advance, steps, spec=spec, hyper=hyper, dtype=dtype, **rest)


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


# what the rules do, each loop in the envelope and then held to its laws
WALKED: dict[str, tuple[Any, int, tuple[str, ...], dict[str, Any]]] = {
    "quadratic": (
        {"problem": "quadratic", "size": 12, "condition": 1e4},
        1200, ("settles", "carried"), {"hyper": {**DYADIC, "lr": 2.0**-6}},
    ),
    "rotated": (
        {"problem": "rotated", "size": 6, "condition": 1000.0},
        200, ("carried", "enclosed"), {"hyper": SLOW, "enclosed": 64},
    ),
    "drifting": (
        {"problem": "drifting", "period": 96},
        400, ("carried", "enclosed"), {"hyper": {**DYADIC, "lr": 2.0**-8}, "enclosed": 48},
    ),
    "sparse": (
        {"problem": "sparse", "size": 8, "rarest": 64},
        320, ("carried", "enclosed"), {"hyper": {**DYADIC, "lr": 2.0**-7}, "enclosed": 48},
    ),
    "rosenbrock": (
        {"problem": "rosenbrock"}, 400, ("carried", "enclosed"),
        {"hyper": {**DYADIC, "lr": 2.0**-7}, "enclosed": 32},
    ),
    "logistic": (
        LOGISTIC, 300, ("descends", "carried"), {"hyper": ZERO, "start": START},
    ),
    "minibatches": (
        {"problem": "logistic", "batch": 10}, 300, ("carried", "enclosed"),
        {"hyper": SLOW, "enclosed": 24},
    ),
    "noise": (
        {**FLAT, "curvatures": [2.0**-4] * 3},
        192, ("annealed", "carried"),
        {
            "hyper": {**DYADIC, "lr": 2.0**-8},
            "noise": np.stack(
                [np.resize(x, 192) for x in ([1, -1], [1, -1, -1, 1], [3, -1, -1, -1])], axis=1
            ).astype(float),
        },
    ),
    "slope": (
        {"problem": "slope", "gradients": [1.0, -0.25, 3.0]}, 40, ("corrected",),
        {"hyper": {**DYADIC, "beta2": 1.0 - 2.0**-13}},
    ),
    "cyclic": (
        {"problem": "cyclic", "c": 3.0}, 300, ("cyclic regret",),
        {"hyper": {**CYCLE, "beta2": cyclic_beta2(3.0)}, "c": 3.0, "moves": "wrong"},
    ),
    "cyclic, long memory": (
        {"problem": "cyclic", "c": 3.0}, 150, ("cyclic regret",),
        {"hyper": {**CYCLE, "beta2": 0.999}, "c": 3.0, "moves": "right", "from": 1},
    ),
}  # fmt: skip


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", WALKED)
def test_the_rule_obeys_the_laws(name, dtype):
    asked, steps, laws, how = WALKED[name]
    loop = ruled(asked, steps, dtype=dtype, **how)
    assert not judge(loop.evidence, STRICT).bad.any()
    for law in laws:
        first = LAWS[law](loop)
        assert first is None, (law, first)


@pytest.mark.parametrize("spec", ["adam[eps=hat]", "amsgrad", "adam[bias_correction=m]"])
def test_dialects_obey_the_laws_too(spec):
    hyper = {**DYADIC, "lr": 2.0**-6}
    loop = ruled({"problem": "quadratic", "size": 4}, 300, spec=spec, hyper=hyper)
    for law in ("settles", "carried"):
        assert LAWS[law](loop) is None


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_adam_is_momentum_where_epsilon_rules(dtype):
    limit = float(stable_curvature(DYADIC["beta1"]))
    curvatures = [share * limit / 0.125 for share in (2.0**-6, 0.25, 0.875, 1.125)]
    problem = {"problem": "quadratic", "curvatures": curvatures, "start": 2.0**-56}
    loop = ruled(problem, 32, hyper=BIG, dtype=dtype, curvatures=curvatures,
                 expected=["", "stable", "stable", "unstable"])  # fmt: skip
    for law in ("linear", "carried"):
        assert LAWS[law](loop) is None
    assert loop.account.examples > 0


@pytest.mark.parametrize("spec", ["momentum", "nesterov", "gd"])
def test_linear_rules_shrink_at_the_rate_of_their_roots(spec):
    lr, mu = optimal_momentum(0.0625, 1.0)
    curvatures = [1.0, 0.25, 0.0625]
    hyper = {"lr": lr if spec == "momentum" else 0.5, "momentum": mu}
    loop = ruled({"problem": "quadratic", "curvatures": curvatures}, 96, spec=spec, hyper=hyper,
                 curvatures=curvatures)  # fmt: skip
    for law in ("linear", "rate"):
        assert LAWS[law](loop) is None
    assert loop.account.examples > 0


@pytest.mark.parametrize(
    ("beta1", "beta2", "t", "bound"),
    [(0.875, 0.96875, 40, step_bound), (0.9, 0.999, 210, step_bound)],
)
def test_the_rule_attains_the_step_bound(beta1, beta2, t, bound):
    g = extremal_gradients(beta1, beta2, t)
    hyper = {"lr": 1.0, "beta1": beta1, "beta2": beta2, "eps": 0.0}
    spec = parse_spec("adam")
    state = rules.initial_state(spec, hyper, np.zeros(1), np.float64(1.0))
    sizes = []
    for x in g:
        done = rules.step(spec, NUMPY, hyper, state, np.array([x]), np.zeros(1))
        state = done.state
        sizes.append(abs(float(done.named["update"][0])))
    assert sizes[-1] == pytest.approx(float(bound(beta1, beta2, t)), rel=2.0**-40)
    assert (np.array(sizes) <= bound(beta1, beta2, np.arange(1, t + 1)) * (1.0 + 2.0**-40)).all()


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
