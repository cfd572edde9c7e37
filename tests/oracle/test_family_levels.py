"""Every level of the oracle says the same of Adam's relatives, and agrees with mpmath.

The evidence is an exact evaluation, rounded once a step: float64 with its running bound,
double-double and balls must then report the same error in units of the bound.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import mpmath
import numpy as np
import pytest
from numpy.typing import NDArray

from adamcheck.formats import FORMATS, Format
from adamcheck.oracle import evaluate, judge, top
from adamcheck.oracle.envelope import STRICT, Admission
from adamcheck.oracle.evidence import Evidence
from adamcheck.oracle.judge import MARGIN
from adamcheck.program import trace
from adamcheck.rules import initial_state, step
from adamcheck.spec import Spec, parse_spec

from . import by_arrays
from .test_family import SPECS

HYPER = {
    "lr": 0.01,
    "beta1": 0.9,
    "beta2": 0.99,
    "eps": 1e-6,
    "eps_root": 1e-6,
    "weight_decay": 0.02,
    "momentum": 0.9,
    "dampening": 0.3,
    "lr_decay": 0.01,
    "initial_accumulator": 0.1,
    "momentum_decay": 0.004,
}
COUNT = 4


class Digits:
    """The rule's functions in mpmath."""

    sqrt = staticmethod(mpmath.sqrt)
    maximum = staticmethod(max)

    @staticmethod
    def choose(x: Any, a: Callable[[], Any], b: Callable[[], Any]) -> Any:
        return a() if x > 0 else b()


def exact(spec: Spec, grads: Any, theta: Any, hyper: dict[str, float]) -> Iterator[tuple[Any, Any]]:
    """(θ, state) of one element after every step; θ is rounded to the format, the state is not."""
    number = mpmath.mpf
    h = {name: number(hyper[name]) for name in spec.hyperparameters}
    state = initial_state(spec, h, number(0), number(1))
    for g in grads:
        done = step(spec, Digits, h, state, number(float(g)), number(float(theta)))
        state, theta = done.state, np.asarray(float(done.theta)).astype(grads.dtype)
        yield theta, state


def truth(
    spec: Spec,
    fmt: Format,
    steps: int,
    seed: int,
    *,
    given: NDArray[np.bool_] | float = 1.0,
    **hyper: float,
) -> Evidence:
    """An exact evaluation whose parameters and moments are rounded once a step.

    ``given`` is 0 for gradients that are 0.
    """
    rng = np.random.default_rng(seed)
    grads = rng.standard_normal((steps, COUNT)) * np.exp2(rng.integers(-6, 3, COUNT))
    grads = np.multiply(grads, given).astype(fmt.dtype)
    theta = rng.standard_normal(COUNT).astype(fmt.dtype)
    hyper = HYPER | hyper
    with mpmath.workdps(60):
        runs = [list(exact(spec, grads[:, i], theta[i], hyper)) for i in range(COUNT)]
    thetas = np.array([theta, *([run[t][0] for run in runs] for t in range(steps))])
    moments = {
        m: np.array([[float(run[t][1][m]) for run in runs] for t in range(steps)])
        for m in trace(spec).moments
    }
    narrow = {m: x.astype(fmt.dtype) for m, x in moments.items()}
    asked = {name: hyper[name] for name in spec.hyperparameters}
    return Evidence(spec, fmt, asked, grads, thetas.astype(fmt.dtype), narrow)


@pytest.mark.parametrize("name", ["float64", "float32"])
@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_arrays_agree_with_balls_and_accept_the_truth(spec: Spec, name: str) -> None:
    fmt, program = FORMATS[name], trace(spec)
    given = truth(spec, fmt, 10, seed=SPECS.index(spec))
    judged = judge.judge(given)
    assert judged.accepted, judged.largest_ratio
    assert judged.decided > 0
    level, observed = "dd" if name == "float64" else "f64", ("theta", *program.moments)
    raw = by_arrays.judge(level, observed, given, STRICT, MARGIN[level])
    for i in range(COUNT):
        ball = top.judge_element(program, observed, given.element(i), STRICT)
        assert np.abs(raw[:, 0, i] - ball[:, 0]).max() <= (1e-12 if level == "dd" else 1e-7)
        assert (raw[:, 1:, i] == ball[:, 1:]).all()


@pytest.mark.parametrize(
    ("text", "hyper"),
    [
        ("nadam", {}),
        ("nadam", {"beta1": 0.0}),
        ("rmsprop[momentum=yes]", {}),
        ("rmsprop[centered=yes,momentum=yes]", {}),
        ("adamw", {"beta1": 0.0}),
        ("nadam[decay=decoupled]", {"beta1": 0.0}),
        ("adam[decay=decoupled,eps=inside]", {"beta1": 0.0}),
    ],
)
def test_zero_gradients_while_theta_moves_on_are_decided_in_double_double(
    text: str, hyper: dict[str, float]
) -> None:
    """The bound of the gradient's part is 0, or faint and nothing beside θ's own."""
    spec, fmt, steps = parse_spec(text), FORMATS["float64"], 40
    t = np.arange(steps)[:, None]
    given = truth(spec, fmt, steps, 5, given=(t > 2) & (t < 6), **hyper)
    judged = judge.judge(given)
    assert judged.accepted
    assert judged.escalated == 0
    assert judged.tallies["theta"].decided.sum() >= COUNT * (steps - 3)
    observed = ("theta", *trace(spec).moments)
    raw = by_arrays.judge("dd", observed, given, STRICT, MARGIN["dd"])
    for i in range(COUNT):
        ball = top.judge_element(trace(spec), observed, given.element(i), STRICT)
        assert np.abs(raw[:, 0, i] - ball[:, 0]).max() <= 1e-12
        assert (raw[:, 2:, i] == ball[:, 2:]).all()
    wrong = given.thetas.astype(np.float64)
    wrong[20:] *= 1 + 2.0**-48  # some of θ's last bits, in the silence
    assert judge.judge(Evidence(**{**vars(given), "thetas": wrong})).bad.all()


@pytest.mark.parametrize("level", ["dd", "f64"])
@pytest.mark.parametrize(
    "text",
    [
        "gd",
        "nesterov",
        "momentum[dampening=late]",
        "adagrad[lr_decay=yes,accumulator=initial]",
        "rmsprop[centered=yes,momentum=yes]",
        "adamax[eps=gradient]",
        "nadam[schedule=momentum-decay]",
        "radam[eps=hat]",
    ],
)
def test_the_machine_agrees_with_arrays_over_a_long_run(text: str, level: str) -> None:
    spec, fmt = parse_spec(text), FORMATS["float64" if level == "dd" else "float32"]
    program = trace(spec)
    given = truth(spec, fmt, 200, seed=7)
    raw = by_arrays.judge(level, ("theta",), given, STRICT, MARGIN[level])
    machine = evaluate.judge(program, level, ("theta",), given, STRICT, MARGIN[level])
    # the same numbers, but for the exact product behind a pair, fused or split
    assert np.abs(raw[:, 0] - machine[:, 0]).max() <= (1e-12 if level == "dd" else 1e-7)
    assert (raw[:, 1:] == machine[:, 1:]).all()
    assert judge.judge(given).accepted


def test_the_schedule_stays_exact_over_thousands_of_steps() -> None:
    # 0.96^(0.004t) by its t-th power: the reference may not drift
    spec = parse_spec("nadam[schedule=momentum-decay]")
    given = truth(spec, FORMATS["float64"], 2500, seed=1)
    late = judge.judge(Evidence(**{**vars(given), "unseen": 2400, "moments": {}}))
    assert late.accepted
    assert late.largest_ratio < 0.5


def radam_tie(fmt: Format) -> tuple[dict[str, float], int]:
    """A β2 at which ρ_t = 5 to within float64's last bits, and that t."""
    with mpmath.workdps(40):

        def length(b: Any, t: int) -> Any:
            return 2 / (1 - b) - 1 - 2 * t * b**t / (1 - b**t) - 5

        t = 8
        beta2 = mpmath.findroot(partial(length, t=t), (0.8, 0.99), solver="anderson")
        return {"beta2": float(beta2)}, t


def test_where_radam_may_go_either_way_nothing_is_judged() -> None:
    spec, fmt = parse_spec("radam"), FORMATS["float32"]
    hyper, t = radam_tie(fmt)
    given = truth(spec, fmt, 12, seed=3, **hyper)
    both = judge.judge(given).tallies["theta"]
    assert both.void.tolist() == [1] * COUNT
    # whatever stands there passes, and only there
    wrong = given.thetas.copy()
    wrong[t] += fmt.dtype.type(3.0)
    tallies = judge.judge(Evidence(**{**vars(given), "thetas": wrong})).tallies
    assert set(tallies["theta"].first_bad.tolist()) == {t + 1}
    assert (tallies["m"].first_bad == 0).all()


def test_float32_scalars_blur_the_cut_and_not_float64_ones() -> None:
    # β2 = 0.999: ρ_5 is 4.996, which float32 scalars cannot tell from 5
    spec, fmt = parse_spec("radam"), FORMATS["float32"]
    given = truth(spec, fmt, 8, seed=4, beta2=0.999)
    sharp = judge.judge(given).tallies["theta"]
    blurred = judge.judge(given, Admission("array")).tallies["theta"]
    assert sharp.void.sum() == 0
    assert blurred.void.sum() > 0


def test_a_variance_that_may_come_out_negative_is_not_judged() -> None:
    # a constant gradient: v - m² is the last bits of v once β2^t is gone
    spec, fmt = parse_spec("rmsprop[centered=yes]"), FORMATS["float32"]
    grads = np.full((60, 2), 0.3, np.float32)
    thetas = np.zeros((61, 2), np.float32)
    hyper = {"lr": 0.01, "beta2": 0.5, "eps": 1e-3}
    tally = judge.judge(Evidence(spec, fmt, hyper, grads, thetas)).tallies["theta"]
    assert (tally.void > 30).all()
    assert (tally.first_bad == 1).all()  # θ does not move: early steps say so


def test_rules_with_no_state_and_no_clock_are_judged() -> None:
    spec, fmt = parse_spec("gd"), FORMATS["float32"]
    grads = np.ones((200, 3), np.float32)
    thetas = np.cumsum(np.vstack([np.zeros((1, 3)), -0.5 * grads]), axis=0).astype(np.float32)
    judged = judge.judge(Evidence(spec, fmt, {"lr": 0.5}, grads, thetas))
    assert judged.accepted
    assert judged.largest_ratio == 0.0
