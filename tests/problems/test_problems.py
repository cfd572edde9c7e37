"""Problems: gradients that are derivatives, spreads and constants that hold, errors that tell."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from installed import needs

from adamcheck.errors import UsageError
from adamcheck.problems import PROBLEMS, build
from adamcheck.problems.logistic import iris

ROOT = Path(__file__).resolve().parents[2]
ASKED: list[dict[str, Any]] = [
    {"problem": "quadratic"},
    {"problem": "quadratic", "curvatures": [4.0, 0.25], "optimum": [0.5, -1.0]},
    {"problem": "rotated", "size": 5, "condition": 1000.0},
    {"problem": "drifting"},
    {"problem": "logistic"},
    {"problem": "logistic", "batch": 10},
    {"problem": "rosenbrock"},
    {"problem": "sparse"},
    {"problem": "slope"},
    {"problem": "cyclic"},
]
PARTIAL = [{"problem": "logistic", "batch": 10}, {"problem": "sparse"}]
"""A step sees a part of the loss: its gradient is not the loss's."""


def points(problem, count=4):
    rng = np.random.default_rng(5)
    return [problem.start + rng.normal(size=problem.size) for _ in range(count)]


@pytest.mark.parametrize("asked", [a for a in ASKED if a not in PARTIAL], ids=str)
def test_gradient_is_the_derivative_of_the_loss(asked):
    problem = build(asked)
    h = 2.0**-16
    for t in (1, 2, 7):
        for x in points(problem):
            g = problem.gradient(t, x)
            for k in range(problem.size):
                e = np.zeros(problem.size)
                e[k] = h
                slope = (problem.loss(t, x + e) - problem.loss(t, x - e)) / (2 * h)
                # third derivatives are below 1e4 here, and so is the loss
                assert abs(slope - g[k]) <= 1e4 * h**2 + 1e4 * 2.0**-50 / h


def test_batches_and_sparse_steps_add_up_to_the_whole():
    whole, parts = build({"problem": "logistic"}), build({"problem": "logistic", "batch": 10})
    x = points(whole)[0]
    mean = np.mean([parts.gradient(t, x) for t in range(1, 11)], axis=0)
    assert np.abs(mean - whole.gradient(1, x)).max() < 1e-14
    sparse = build({"problem": "sparse", "size": 5, "rarest": 16})
    seen = [np.flatnonzero(sparse.gradient(t, sparse.start)) for t in range(1, 17)]
    assert [sum(k in each for each in seen) for k in range(5)] == [16, 8, 4, 2, 1]


@pytest.mark.parametrize("asked", ASKED, ids=str)
def test_spread_bounds_how_far_the_gradient_moves(asked):
    problem = build(asked)
    rng = np.random.default_rng(11)
    for t in (1, 3, 64):
        for x in points(problem):
            for size in (0.0, 1e-12, 1e-3, 0.5):
                radius = size * rng.uniform(0.0, 1.0, problem.size)
                other = x + radius * rng.uniform(-1.0, 1.0, problem.size)
                moved = np.abs(problem.gradient(t, other) - problem.gradient(t, x))
                assert (moved <= problem.spread(t, x, radius)).all()


@pytest.mark.parametrize(
    "asked", [a for a in ASKED if a["problem"] in ("quadratic", "rotated", "logistic")], ids=str
)
def test_convexity_and_smoothness_bound_the_gradient(asked):
    problem = build(asked)
    if asked.get("batch"):
        assert problem.smoothness == 0.0
        return
    for x in points(problem):
        for y in points(problem, 8)[4:]:
            turned = problem.gradient(1, x) - problem.gradient(1, y)
            inner, square = float(turned @ (x - y)), float((x - y) @ (x - y))
            assert problem.convexity * square <= inner * (1 + 1e-12)
            assert float(np.linalg.norm(turned)) <= problem.smoothness * square**0.5


@pytest.mark.parametrize("asked", ASKED, ids=str)
def test_the_gradient_vanishes_at_the_optimum(asked):
    problem = build(asked)
    if asked["problem"] in ("slope", "cyclic") or asked.get("batch"):
        return
    assert problem.optimum is not None
    for t in (1, 5, 300):
        assert np.abs(problem.gradient(t, problem.optimum(t))).max() < 1e-14


def test_condition_is_the_one_asked_for():
    for name in ("quadratic", "rotated"):
        problem = build({"problem": name, "size": 4, "condition": 50.0})
        columns = [problem.gradient(1, e) for e in np.eye(4)]
        values = np.linalg.eigvalsh(np.array(columns))
        assert values.max() / values.min() == pytest.approx(50.0, rel=1e-12)


def test_separable_problems_have_the_sign_of_the_distance():
    for asked in ASKED:
        problem = build(asked)
        if not problem.separable:
            continue
        for t in (1, 17):
            for x in points(problem):
                away = x - problem.optimum(t)
                assert (np.sign(problem.gradient(t, x)) == np.sign(away)).all()


def test_the_drifting_optimum_is_a_triangle_wave():
    problem = build({"problem": "drifting", "period": 4, "speed": 0.5})
    path = [float(problem.optimum(t)[0]) for t in range(9)]
    assert path == [0.0, 0.5, 1.0, 1.5, 2.0, 1.5, 1.0, 0.5, 0.0]


def test_the_cyclic_example_is_that_of_the_theorem():
    problem = build({"problem": "cyclic", "c": 5.0})
    assert [float(problem.gradient(t, np.zeros(1))[0]) for t in range(1, 7)] == [5, -1, -1] * 2


def test_maximize_turns_a_problem_upside_down():
    up, down = build({"problem": "rosenbrock", "maximize": True}), build({"problem": "rosenbrock"})
    x = points(down)[0]
    assert (up.gradient(1, x) == -down.gradient(1, x)).all()
    assert up.loss(1, x) == -down.loss(1, x)


def test_iris_is_the_shipped_table():
    x, y = iris()
    assert x.shape == (100, 5)
    assert y[:4].tolist() == [0, 1, 0, 1]
    assert (x[:, 4] == 1.0).all()
    folder = ROOT / "adamcheck" / "problems"
    rows = (folder / "iris.csv").read_text("utf-8").splitlines()
    assert len(rows) == 151
    # Fisher's mean sepal length of all flowers, exactly
    total = sum(Fraction(row.split(",")[0]) for row in rows[1:])
    assert total == Fraction("876.5")
    told = (folder / "iris.md").read_text("utf-8")
    assert "CC BY 4.0" in told
    assert "Fisher" in told


def test_iris_agrees_with_the_library_it_was_taken_from():
    needs("sklearn")
    from sklearn import datasets

    found = datasets.load_iris()
    rows = (ROOT / "adamcheck" / "problems" / "iris.csv").read_text("utf-8").splitlines()[1:]
    mine = np.array([row.split(",")[:4] for row in rows], float)
    assert (mine == found.data).all()


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"problem": "rosenbrok"}, "unknown problem 'rosenbrok'; known are .* 'rosenbrock'"),
        ({}, "unknown problem ''"),
        ({"problem": "quadratic", "conditon": 2}, "no parameter 'conditon'.*'condition'"),
        ({"problem": "quadratic", "condition": 0.5}, "condition ≥ 1"),
        ({"problem": "quadratic", "curvatures": [1.0, -1.0]}, "must be positive"),
        ({"problem": "quadratic", "start": [1.0, 2.0]}, "problem 'quadratic': "),
        ({"problem": "quadratic", "size": "many"}, "size is 'many', which is not a whole number"),
        ({"problem": "rosenbrock", "pairs": 2.0}, "pairs is 2.0, which is not a whole number"),
        ({"problem": "slope", "gradients": 1}, "gradients is 1, which is not several numbers"),
        ({"problem": "quadratic", "start": "x"}, "start is 'x', which is not a number or several"),
        ({"problem": "quadratic", "size": 10**15}, "size=1000000000000000 is too large"),
        ({"problem": "rotated", "size": 10**6}, "size=1000000 is too large; at most 4096"),
        ({"problem": "logistic", "batch": 7}, "a batch that divides 100"),
        ({"problem": "logistic", "l2": 0.0}, "l2 > 0"),
        ({"problem": "cyclic", "c": 2.0}, "C > 2"),
        ({"problem": "rosenbrock", "pairs": 0}, "pairs ≥ 1"),
        ({"problem": "sparse", "size": 1}, "size ≥ 2"),
        ({"problem": "drifting", "period": 1}, "period ≥ 2"),
    ],
)
def test_a_senseless_problem_is_refused_in_one_line(asked, told):
    with pytest.raises(UsageError, match=told):
        build(asked)


def test_a_problem_without_memory_is_refused(monkeypatch):
    def greedy(*, size=8):
        raise MemoryError

    monkeypatch.setitem(PROBLEMS, "quadratic", greedy)
    with pytest.raises(UsageError, match="problem 'quadratic': not enough memory"):
        build({"problem": "quadratic"})


def test_every_problem_has_a_default_and_a_description():
    for name in PROBLEMS:
        problem = build({"problem": name})
        assert problem.name == name
        assert problem.about
        assert np.isfinite(problem.gradient(1, problem.start)).all()


def test_problems_load_nothing_heavy():
    code = (
        "import sys, adamcheck.problems\n"
        "heavy = {'numba', 'mpmath', 'sympy', 'flint', 'hypothesis', 'scipy', 'sklearn', 'torch'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
