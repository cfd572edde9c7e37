"""Closed loops: gradients of the target's own parameter, recorded; α that changes between steps."""

from __future__ import annotations

import numpy as np
import pytest
from installed import needs

from adamcheck.errors import UsageError
from adamcheck.problems import build
from adamcheck.targets.protocol import Trajectory
from adamcheck.targets.session import Session
from targets.helpers import HYPER, textbook

NUMPY = "adamcheck.implementations:NumpyAdam"


@pytest.fixture(scope="module")
def session():
    with Session(NUMPY) as made:
        yield made


def loop(asked, steps=12, dtype="float64", **how):
    problem = build(asked)
    theta0 = problem.start.astype(dtype)
    grads = np.zeros((steps, problem.size), dtype)
    how.setdefault("hyper", {**HYPER, "lr": 0.0625})
    return problem, Trajectory((theta0,), (grads,), problem=asked, **how)


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16"])
def test_the_recorded_gradients_are_those_of_the_targets_own_parameter(session, dtype):
    import ml_dtypes

    kind = np.dtype(ml_dtypes.bfloat16) if dtype == "bfloat16" else np.dtype(dtype)
    problem, request = loop({"problem": "rosenbrock"}, dtype=kind)
    trace = session.run(request)
    assert trace.failure is None
    (thetas,), (grads,) = trace.thetas, trace.grads
    assert grads.shape == (12, 6)
    assert grads.dtype == kind
    for t in range(12):
        exact = problem.gradient(t + 1, thetas[t].astype(np.float64))
        assert (grads[t] == exact.astype(kind)).all()
    assert len({x.tobytes() for x in thetas}) == 13


def test_an_open_loop_with_the_recorded_gradients_gives_the_same_bits(session):
    from dataclasses import replace

    _, request = loop({"problem": "logistic", "batch": 10}, dtype="float32")
    closed = session.run(request)
    opened = session.run(replace(request, problem=None, grads=closed.grads))
    assert opened.grads is None
    assert (opened.thetas[0] == closed.thetas[0]).all()


def test_given_gradients_are_noise_on_top(session):
    problem, request = loop({"problem": "quadratic", "size": 2}, steps=6)
    noise = np.resize([1.0, -1.0], (6, 2))
    trace = session.run(Trajectory((problem.start,), (noise,), HYPER, problem=request.problem))
    for t in range(6):
        exact = problem.gradient(t + 1, trace.thetas[0][t]) + noise[t]
        assert (trace.grads[0][t] == exact).all()


def test_a_problem_works_with_layouts_and_any_shape(session):
    problem, _ = loop({"problem": "quadratic", "size": 6})
    theta0 = problem.start.reshape(2, 3)
    request = Trajectory(
        (theta0,), (np.zeros((4, 2, 3)),), HYPER, problem={"problem": "quadratic", "size": 6},
        theta_layout="F", grad_layout="strided",
    )  # fmt: skip
    trace = session.run(request)
    assert trace.failure is None
    assert "gradient-changed" not in trace.broken
    assert trace.grads[0].shape == (4, 2, 3)


def test_a_changed_gradient_shows_in_a_closed_loop(tmp_path):
    file = tmp_path / "t.py"
    file.write_text(
        "class Scales:\n"
        "    def __init__(self, params, *, lr=0.1): self.p = [p.copy() for p in params]\n"
        "    def step(self, grads):\n"
        "        grads[0] *= 2\n"
        "        self.p = [p - g for p, g in zip(self.p, grads)]\n"
        "        return self.p\n"
    )
    problem, request = loop({"problem": "quadratic", "size": 2}, steps=3, hyper={"lr": 0.1})
    with Session(f"{file}:Scales") as made:
        trace = made.run(request)
    assert trace.broken == {"gradient-changed": 1}
    # what is recorded is what was handed over
    assert (trace.grads[0][0] == problem.gradient(1, problem.start)).all()


def test_what_was_finished_before_a_failure_is_recorded(tmp_path):
    file = tmp_path / "t.py"
    file.write_text(
        "class Fails:\n"
        "    def __init__(self, params, *, lr=0.1): self.p, self.t = params, 0\n"
        "    def step(self, grads):\n"
        "        self.t += 1\n"
        "        if self.t == 3: raise RuntimeError('enough')\n"
        "        return self.p\n"
    )
    _, request = loop({"problem": "quadratic", "size": 2}, steps=5, hyper={"lr": 0.1})
    with Session(f"{file}:Fails") as made:
        trace = made.run(request)
    assert (trace.failure.kind, trace.failure.step) == ("raised", 3)
    assert trace.grads[0].shape == (2, 2)


def test_alpha_may_change_at_every_step(session):
    grads = np.random.default_rng(3).standard_normal((10, 4))
    lrs = 0.5 / np.sqrt(np.arange(1.0, 11.0))
    request = Trajectory((np.zeros(4),), (grads,), HYPER, lrs=lrs)
    trace = session.run(request)
    unit = np.diff(textbook(grads, {**HYPER, "lr": 1.0}), axis=0)
    expected = np.cumsum(lrs[:, None] * unit, axis=0)
    assert np.abs(trace.thetas[0][1:] - expected).max() < 1e-14


@pytest.mark.slow
@pytest.mark.library
def test_rebuilding_equals_what_users_of_torch_do():
    needs("torch")
    import torch

    grads = np.random.default_rng(4).standard_normal((8, 3)).astype(np.float32)
    lrs = 0.25 / np.sqrt(np.arange(1.0, 9.0))
    with Session("torch.optim:Adam") as made:
        trace = made.run(Trajectory((np.zeros(3, np.float32),), (grads,), HYPER, lrs=lrs))
    parameter = torch.zeros(3, requires_grad=True)
    optimizer = torch.optim.Adam([parameter], lr=0.25)
    for t, g in enumerate(grads):
        optimizer.param_groups[0]["lr"] = float(lrs[t])
        parameter.grad = torch.from_numpy(g.copy())
        optimizer.step()
        assert (trace.thetas[0][t + 1] == parameter.detach().numpy()).all()


def test_a_whole_trajectory_target_cannot_be_run_on_a_problem(tmp_path):
    file = tmp_path / "t.py"
    file.write_text("def run(theta0, grads, *, lr=0.1):\n    return [theta0 for g in grads]\n")
    _, request = loop({"problem": "quadratic", "size": 2}, hyper={"lr": 0.1})
    with Session(f"{file}:run") as made:
        with pytest.raises(UsageError, match="takes all gradients at once"):
            made.run(request)
        changing = Trajectory(request.theta0, request.grads, {"lr": 0.1}, lrs=np.ones(12))
        with pytest.raises(UsageError, match="neither shows nor takes moments"):
            made.run(changing)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"problem": "nothing"}, "unknown problem"),
        ({"problem": "quadratic", "size": 3}, "the problem has 3 variables, the parameter 2"),
    ],
)
def test_a_problem_that_does_not_fit_is_refused(session, asked, told):
    request = Trajectory((np.zeros(2),), (np.zeros((3, 2)),), HYPER, problem=asked)
    with pytest.raises(ValueError, match=told):
        session.run(request)


def test_requests_that_contradict_themselves_are_refused(session):
    asked = {"problem": "quadratic", "size": 2}
    two = Trajectory((np.zeros(2),) * 2, (np.zeros((3, 2)),) * 2, HYPER, problem=asked)
    with pytest.raises(ValueError, match="one parameter"):
        session.run(two)
    narrow = Trajectory((np.zeros(2),), (np.zeros((3, 2), np.float32),), HYPER, problem=asked)
    with pytest.raises(ValueError, match="shape and dtype"):
        session.run(narrow)
    short = Trajectory((np.zeros(2),), (np.zeros((3, 2)),), HYPER, lrs=np.ones(2))
    with pytest.raises(ValueError, match="lrs of shape"):
        session.run(short)
