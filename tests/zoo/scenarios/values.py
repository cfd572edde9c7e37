"""Gradients and hyperparameters: usual, extreme, subnormal, not finite, of exact values."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np

from .driving import HYPER, Seen, attempt, bits, build, normal


def short(target: Any, dtype: Any, options: dict[str, Any]) -> Seen:
    """Thirty steps on three parameters, usual gradients and ε-dominated ones."""
    thetas = [normal(s, dtype, k) for k, s in enumerate([(5,), (2, 3), (4,)])]
    step = build(target, thetas, {**HYPER, **options})
    for t in range(30):
        scales = 1.0, 0.5, 2.0**-8
        yield attempt(
            lambda t=t, scales=scales: step(
                [normal(p.shape, dtype, 10 * t + k, scales[k]) for k, p in enumerate(thetas)]
            )
        )


def shrinking(target: Any, dtype: Any, options: dict[str, Any]) -> Seen:
    """From θ=0, gradients that shrink fast after a burst: v falls and its maximum does not."""
    step = build(target, [np.zeros(16, dtype)], {**HYPER, "beta2": 0.5, **options})
    for t in range(40):
        yield bits(step([normal(16, dtype, t, 2.0 ** -max(t - 2, 0))]))


def away(target: Any, dtype: Any, options: dict[str, Any]) -> Seen:
    """Far from θ=0, gradients that are small beside θ."""
    step = build(target, [normal(16, dtype, 1, 64.0)], {**HYPER, "eps": 1e-8, **options})
    for t in range(8):
        yield bits(step([normal(16, dtype, t, 2.0**-8)]))


def far(target: Any, dtype: Any, options: dict[str, Any]) -> Seen:
    """Parameters in the hundreds."""
    step = build(target, [normal(16, dtype, 1, 512.0)], {**HYPER, "lr": 4.0, **options})
    for t in range(3):
        yield bits(step([normal(16, dtype, t)]))


def rounded(target: Any, dtype: Any, options: dict[str, Any]) -> Seen:
    """Hyperparameters that no format holds exactly, from θ=0."""
    hyper = {"lr": 0.01, "beta1": 0.9, "beta2": 0.999, "eps": 1e-3, **options}
    step = build(target, [np.zeros(64, dtype)], hyper)
    for t in range(8):
        yield attempt(lambda t=t: step([normal(64, dtype, t, 0.125)]))


def wild(target: Any, dtype: Any, options: dict[str, Any]) -> Seen:
    """Magnitudes over the whole range of the format, spikes, and then usual gradients."""
    f = ml_dtypes.finfo(dtype)
    low, high = float(np.log2(float(f.smallest_subnormal))), float(np.log2(float(f.max)))
    exponents = np.linspace(low, high, 61)
    g = (np.exp2(exponents) * np.where(np.arange(61) % 2, -1, 1)).astype(dtype)
    step = build(target, [np.zeros(61, dtype)], {**HYPER, "eps": 0.0, "beta1": 0.5, **options})
    yield bits(step([g]))
    yield bits(step([normal(61, dtype, 1)]))
    for factor in (2.0**-13, 2.0**7):
        step = build(target, [np.zeros(61, dtype)], {**HYPER, "beta1": 0.0, **options})
        for t in range(3):
            yield bits(step([normal(61, dtype, t, factor if t == 1 else 1.0)]))


def extremal(target: Any, dtype: Any, options: dict[str, Any]) -> Seen:
    """Small gradients, then g_{T-k} = (β1/β2)^k: Δ passes lr, 10 lr and the published bound."""
    for beta1, beta2, last in ((0.9, 0.99, 100), (0.5, 0.999, 1000)):
        hyper = {"lr": 1.0, "beta1": beta1, "beta2": beta2, "eps": 2.0**-12, **options}
        step = build(target, [np.zeros(3, dtype)], hyper)
        for t in range(1, last + 1):
            g = max((beta1 / beta2) ** (last - t), 2.0**-9)
            new = step([np.full(3, g).astype(dtype)])
            if t > last - 8:
                yield bits(new)


def subnormal(target: Any, dtype: Any, options: dict[str, Any]) -> Seen:
    """Subnormal gradients, seen in m where the target shows it and else in Δ without ε."""
    g = normal(8, dtype, 1) * ml_dtypes.finfo(dtype).smallest_normal
    made = target([np.zeros(8, dtype)], **{**HYPER, **options})
    made.step([g])
    yield bits(made.moments()[0]["m"])


def nonfinite(target: Any, dtype: Any, options: dict[str, Any]) -> Seen:
    """One NaN and one infinity among ordinary gradients."""
    step = build(target, [np.ones(6, dtype)], {**HYPER, **options})
    for t in range(4):
        g = normal(6, dtype, t)
        if t == 1:
            g[2], g[4] = np.nan, np.inf
        yield bits(step([g]))


def zeros(target: Any, dtype: Any, options: dict[str, Any]) -> Seen:
    """Zero elements, and steps in which the whole gradient is zero."""
    step = build(target, [normal(6, dtype, 3)], {**HYPER, **options})
    yield bits(step([np.zeros(6, dtype)]))
    for t in range(6):
        g = normal(6, dtype, t)
        g[t % 6] = 0
        yield bits(step([g * dtype(t % 3 != 1)]))


def edges(target: Any, dtype: Any, options: dict[str, Any]) -> Seen:
    """Hyperparameters at the ends of their ranges: 0, close to 1, and very small."""
    ends = (
        {"lr": 0.0},
        {"beta1": 0.0},
        {"beta2": 0.0},
        {"eps": 0.0},
        {"weight_decay": 0.3} if "weight_decay" in options else {},
        {"beta1": 0.99999, "beta2": 0.99999},
        {"eps": 2.0**20},
    )
    for end in ends:
        step = build(target, [normal(9, dtype, 5)], {**HYPER, **options, **end})
        for t in range(3):
            yield attempt(lambda t=t, step=step: step([normal(9, dtype, t)]))


def ones(target: Any, dtype: Any, options: dict[str, Any]) -> Seen:
    """Gradients of exactly one."""
    step = build(target, [np.zeros(3, dtype)], {**HYPER, **options})
    for t in range(2):
        yield bits(step([np.full(3, (-1) ** t).astype(dtype)]))


def dyadic(target: Any, dtype: Any, options: dict[str, Any]) -> Seen:
    """lr=0: parameters of all bit patterns near one must come back."""
    theta = (1 + np.arange(-600, 600) * 2.0**-9).astype(dtype)
    step = build(target, [theta], {**HYPER, "lr": 0.0, **options})
    for t in range(2):
        yield bits(step([normal(theta.size, dtype, t)]))


def faint(target: Any, dtype: Any, options: dict[str, Any]) -> Seen:
    """Hyperparameters far smaller than usual."""
    ends = ({"lr": 2.0**-40}, {"weight_decay": 2.0**-12} if "weight_decay" in options else {})
    for k, end in enumerate(ends):
        theta = normal(9, dtype, 5, 8.0) if k else np.zeros(9, dtype)
        step = build(target, [theta], {**HYPER, **options, **end})
        for t in range(2):
            yield bits(step([normal(9, dtype, t) * dtype(1 - k)]))
