"""Rules that are no dialect and targets that misbehave: identification ends on them, truly.

Every function makes a step for one parameter; NumPy's warnings are theirs.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Step = Callable[[Array], Array]


def lion(theta0: Array, lr: float = 1e-4, beta1: float = 0.9, beta2: float = 0.99) -> Step:
    theta, m = theta0.copy(), np.zeros_like(theta0)

    def step(g: Array) -> Array:
        nonlocal theta, m
        theta = theta - theta.dtype.type(lr) * np.sign(beta1 * m + (1 - beta1) * g)
        m = (beta2 * m + (1 - beta2) * g).astype(theta.dtype)
        return theta

    return step


def sign_descent(theta0: Array, lr: float = 1e-3) -> Step:
    theta = theta0.copy()

    def step(g: Array) -> Array:
        nonlocal theta
        theta = theta - theta.dtype.type(lr) * np.sign(g)
        return theta

    return step


def constant_steps(theta0: Array, lr: float = 1e-3) -> Step:
    theta = theta0.copy()

    def step(g: Array) -> Array:
        nonlocal theta
        theta = theta - theta.dtype.type(lr)
        return theta

    return step


def unchanged(theta0: Array, lr: float = 1e-3, beta1: float = 0.9, beta2: float = 0.999,
              eps: float = 1e-8) -> Step:  # fmt: skip
    return lambda g: theta0


def adan(theta0: Array, lr: float = 1e-3, beta1: float = 0.98, beta2: float = 0.92,
         beta3: float = 0.99, eps: float = 1e-8) -> Step:  # fmt: skip
    theta = theta0.astype(np.float64)
    m, v, n = np.zeros_like(theta), np.zeros_like(theta), np.zeros_like(theta)
    before: list[Array] = []
    t = 0

    def step(g: Array) -> Array:
        nonlocal theta, m, v, n, t
        t += 1
        d = g - before[0] if before else np.zeros_like(theta)
        before[:] = [g.astype(np.float64)]
        m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * d
        n = beta3 * n + (1 - beta3) * (g + beta2 * d) ** 2
        hats = m / (1 - beta1**t), v / (1 - beta2**t), n / (1 - beta3**t)
        theta = theta - lr * (hats[0] + beta2 * hats[1]) / (np.sqrt(hats[2]) + eps)
        return theta.astype(theta0.dtype)

    return step


def lamb(theta0: Array, lr: float = 1e-3, beta1: float = 0.9, beta2: float = 0.999,
         eps: float = 1e-6) -> Step:  # fmt: skip
    theta = theta0.astype(np.float64)
    m, v, t = np.zeros_like(theta), np.zeros_like(theta), 0

    def step(g: Array) -> Array:
        nonlocal theta, m, v, t
        t += 1
        m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g * g
        update = m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps)
        size, length = np.linalg.norm(theta), np.linalg.norm(update)
        trust = size / length if size > 0 and length > 0 else 1.0
        theta = theta - lr * trust * update
        return theta.astype(theta0.dtype)

    return step


def adafactor_like(theta0: Array, lr: float = 1e-3, eps: float = 1e-30) -> Step:
    theta, v, t = theta0.astype(np.float64), np.zeros_like(theta0, np.float64), 0

    def step(g: Array) -> Array:
        nonlocal theta, v, t
        t += 1
        beta = 1.0 - t**-0.8
        v = beta * v + (1 - beta) * (g * g + eps)
        update = g / np.sqrt(v)
        theta = theta - lr * update / max(
            1.0, math.sqrt(float(np.mean(update**2)) if update.size else 1.0)
        )
        return theta.astype(theta0.dtype)

    return step


def sophia_like(theta0: Array, lr: float = 1e-3, beta1: float = 0.965, beta2: float = 0.99) -> Step:
    theta = theta0.astype(np.float64)
    m, h = np.zeros_like(theta), np.zeros_like(theta)

    def step(g: Array) -> Array:
        nonlocal theta, m, h
        m, h = beta1 * m + (1 - beta1) * g, beta2 * h + (1 - beta2) * g * g
        theta = theta - lr * np.clip(m / np.maximum(0.04 * h, 1e-15), -1.0, 1.0)
        return theta.astype(theta0.dtype)

    return step


def adabelief(theta0: Array, lr: float = 1e-3, beta1: float = 0.9, beta2: float = 0.999,
              eps: float = 1e-16) -> Step:  # fmt: skip
    theta = theta0.astype(np.float64)
    m, s, t = np.zeros_like(theta), np.zeros_like(theta), 0

    def step(g: Array) -> Array:
        nonlocal theta, m, s, t
        t += 1
        m = beta1 * m + (1 - beta1) * g
        s = beta2 * s + (1 - beta2) * (g - m) ** 2 + eps
        theta = theta - lr * m / (1 - beta1**t) / (np.sqrt(s / (1 - beta2**t)) + eps)
        return theta.astype(theta0.dtype)

    return step


def rectified_at_one(theta0: Array, lr: float = 1e-3, beta1: float = 0.9,
                     beta2: float = 0.999) -> Step:  # fmt: skip
    horizon = 2.0 / (1.0 - beta2) - 1.0  # no number at β2 = 1
    theta, m, t = theta0.astype(np.float64), np.zeros_like(theta0, np.float64), 0

    def step(g: Array) -> Array:
        nonlocal theta, m, t
        t += 1
        m = beta1 * m + (1 - beta1) * g
        theta = theta - lr * m * min(1.0, t / horizon)
        return theta.astype(theta0.dtype)

    return step


def raising(theta0: Array, lr: float = 1e-3, beta1: float = 0.9, beta2: float = 0.999,
            eps: float = 1e-8) -> Step:  # fmt: skip
    calls = 0

    def step(g: Array) -> Array:
        nonlocal calls
        calls += 1
        if calls > 7:
            raise RuntimeError("seven steps are enough")
        return theta0 - theta0.dtype.type(lr) * g

    return step


def refusing_small_eps(theta0: Array, lr: float = 1e-3, beta1: float = 0.9, beta2: float = 0.999,
                       eps: float = 1e-3) -> Step:  # fmt: skip
    if eps < 1e-6:
        raise ValueError(f"eps {eps} is too small")
    return lamb(theta0, lr, beta1, beta2, eps)


def nan_at_some(theta0: Array, lr: float = 1e-3, beta1: float = 0.9, beta2: float = 0.999,
                eps: float = 1e-8) -> Step:  # fmt: skip
    theta = theta0.astype(np.float64)

    def step(g: Array) -> Array:
        nonlocal theta
        theta = theta - lr * g / np.sqrt(np.asarray(beta2 - 0.95))
        return theta.astype(theta0.dtype)

    return step


def always_nan(theta0: Array, lr: float = 1e-3) -> Step:
    return lambda g: theta0 * np.nan


def random_steps(theta0: Array, lr: float = 1e-3, beta1: float = 0.9, beta2: float = 0.999,
                 eps: float = 1e-8) -> Step:  # fmt: skip
    theta, rng = theta0.copy(), np.random.default_rng()

    def step(g: Array) -> Array:
        nonlocal theta
        theta = (theta - lr * rng.standard_normal(theta.shape)).astype(theta0.dtype)
        return theta

    return step


def huge(theta0: Array, lr: float = 1e-3, beta1: float = 0.9, beta2: float = 0.999,
         eps: float = 1e-8) -> Step:  # fmt: skip
    theta = theta0.copy()

    def step(g: Array) -> Array:
        nonlocal theta
        theta = (theta - 1e30 * g.astype(np.float64)).astype(theta0.dtype)
        return theta

    return step


def cubed(theta0: Array, lr: float = 1e-3, beta1: float = 0.9, beta2: float = 0.999,
          eps: float = 1e-8) -> Step:  # fmt: skip
    theta = theta0.copy()

    def step(g: Array) -> Array:
        nonlocal theta
        theta = (theta - lr * g.astype(np.float64) ** 3).astype(theta0.dtype)
        return theta

    return step


def ascends(theta0: Array, lr: float = 1e-3, beta1: float = 0.9, beta2: float = 0.999,
            eps: float = 1e-8) -> Step:  # fmt: skip
    theta = theta0.copy()

    def step(g: Array) -> Array:
        nonlocal theta
        theta = (theta * 1.01 + lr * np.cos(g.astype(np.float64))).astype(theta0.dtype)
        return theta

    return step


NO_DIALECTS = (
    lion, sign_descent, constant_steps, unchanged, adan, lamb, adafactor_like, sophia_like,
    adabelief, rectified_at_one, raising, refusing_small_eps, nan_at_some, always_nan, random_steps,
    huge, cubed, ascends,
)  # fmt: skip
