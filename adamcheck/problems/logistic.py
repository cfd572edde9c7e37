"""L2-regularised logistic regression on Fisher's iris measurements, whole or in fixed minibatches.

The data (iris.csv beside this module, its source and licence in iris.md) are standardised here.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

from adamcheck.errors import UsageError
from adamcheck.problems.problem import EVALUATION, Float64, Problem

_DATA = Path(__file__).with_name("iris.csv")
_CLASSES = ("versicolor", "virginica")


@lru_cache(maxsize=1)
def iris() -> tuple[Float64, Float64]:
    """Versicolor against virginica: standardised measurements with a constant, and labels 0, 1.

    X is [100, 5], y is [100]; the two species alternate, so that every even batch is balanced.
    """
    rows = [line.split(",") for line in _DATA.read_text("utf-8").splitlines()[1:]]
    groups = [[row[:4] for row in rows if row[4] == name] for name in _CLASSES]
    x = np.array(groups, np.float64).swapaxes(0, 1).reshape(-1, 4)
    y = np.tile([0.0, 1.0], len(groups[0]))
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    return np.column_stack([x, np.ones(len(x))]), y


def _slope(x: Float64, y: Float64, l2: float, w: Float64) -> Float64:
    z = x @ w
    probability = 1.0 / (1.0 + np.exp(-z))
    return np.asarray(x.T @ (probability - y) / len(y) + l2 * w)


@lru_cache(maxsize=16)
def _optimum(l2: float) -> Float64:
    """Newton's method to float64's limit; strong convexity certifies how near it is."""
    x, y = iris()
    w = np.zeros(x.shape[1])
    for _ in range(60):
        p = 1.0 / (1.0 + np.exp(-(x @ w)))
        hessian = (x.T * (p * (1.0 - p))) @ x / len(y) + l2 * np.eye(len(w))
        step = np.linalg.solve(hessian, _slope(x, y, l2, w))
        w = w - step
        if np.abs(step).max() < 1e-14:
            break
    return w


def logistic(*, l2: float = 0.125, batch: int = 0) -> Problem:
    """Mean logistic loss + ½·l2·|w|², λ-strongly convex with λ = l2; batch 0: all rows each step.

    Minibatches are ``batch`` rows in their fixed order, around and around. ``loss`` is always that
    of all rows.
    """
    x, y = iris()
    n, size = x.shape
    if not 0.0 < l2 < 1e6 or batch < 0 or (batch and n % batch):
        raise UsageError(f"problem: logistic needs l2 > 0 and a batch that divides {n}")
    rows = batch or n
    parts = [(x[k : k + rows], y[k : k + rows]) for k in range(0, n, rows)]
    sizes = [np.abs(a) for a, _ in parts]

    def gradient(t: int, w: Float64) -> Float64:
        a, b = parts[(t - 1) % len(parts)]
        return _slope(a, b, l2, w)

    def loss(t: int, w: Float64) -> float:
        z = x @ w
        return float(np.mean(np.logaddexp(0.0, z) - y * z) + 0.5 * l2 * w @ w)

    def spread(t: int, w: Float64, radius: Float64) -> Float64:
        a = sizes[(t - 1) % len(parts)]
        reach = radius + size * EVALUATION * (np.abs(w) + radius)
        # σ' ≤ 1/4; |σ - y| ≤ 1, summed over the rows in any order
        moved = a.T @ (a @ reach) / (4.0 * rows) + l2 * reach
        return np.asarray(moved + (rows + 16) * EVALUATION * a.sum(axis=0) / rows)

    top = float(np.linalg.eigvalsh(x.T @ x)[-1]) / (4.0 * n)
    return Problem(
        name="logistic",
        about=f"logistic regression on {n} rows of iris, L2 {l2:.4g}, {rows} rows a step",
        start=np.zeros(size),
        gradient=gradient,
        loss=loss,
        spread=spread,
        optimum=lambda t: _optimum(l2),
        convexity=float(l2),
        smoothness=(top + l2) * (1.0 + 2.0**-40) if not batch else 0.0,
    )
