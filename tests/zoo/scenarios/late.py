"""Defects that show late: long runs, silences, spikes."""

from __future__ import annotations

from typing import Any

import numpy as np

from .driving import HYPER, Seen, bits, build, normal


def long(target: Any, dtype: Any, options: dict[str, Any]) -> Seen:
    """2,100 steps with β2=.999, of gradients that shrink in the end."""
    hyper = {**HYPER, "lr": 1.0, "beta2": 0.9995, **options}
    rng = np.random.default_rng(1)
    step = build(target, [np.zeros(4, dtype)], hyper)
    for t in range(2100):
        scale = 1.0 if t < 1500 else 0.25
        new = step([(rng.standard_normal(4) * scale + 0.5).astype(dtype)])
        if t % 50 < 8:
            yield bits(new)


def slow_m(target: Any, dtype: Any, options: dict[str, Any]) -> Seen:
    """The steps around the 710th with β1=.999."""
    step = build(target, [np.zeros(4, dtype)], {**HYPER, "lr": 1.0, "beta1": 0.999, **options})
    for t in range(720):
        new = step([np.full(4, 0.5 + t % 3).astype(dtype)])
        if t > 700:
            yield bits(new)


def long_tail(target: Any, dtype: Any, options: dict[str, Any]) -> Seen:
    """From θ=0: the steps around the 2,048th."""
    hyper = {**HYPER, "lr": 1.0, "beta2": 0.9995, **options}
    step = build(target, [np.zeros(4, dtype)], hyper)
    for t in range(2060):
        new = step([np.full(4, 0.5 + t % 3).astype(dtype)])
        if t > 2040:
            yield bits(new)


def longer(target: Any, dtype: Any, options: dict[str, Any]) -> Seen:
    """The steps around the 4,096th."""
    hyper = {**HYPER, "lr": 1.0, **options}
    step = build(target, [np.zeros(2, dtype)], hyper)
    for t in range(4_098):
        new = step([np.array([1, -1] if t % 2 else [-0.5, 0.75]).astype(dtype)])
        if t > 4_090:
            yield bits(new)


def silence(target: Any, dtype: Any, options: dict[str, Any]) -> Seen:
    """No gradient for 160 steps, and one again; β1 so near to one that the last one lasts."""
    step = build(target, [np.zeros(6, dtype)], {**HYPER, "beta1": 0.99, **options})
    for t in range(168):
        new = step([normal(6, dtype, t) * dtype(not 3 <= t < 163)])
        if t % 20 == 0 or t > 162:
            yield bits(new)


def long_silence(target: Any, dtype: Any, options: dict[str, Any]) -> Seen:
    """No gradient for 260 steps, and one again."""
    step = build(target, [np.zeros(6, dtype)], {**HYPER, "beta1": 0.99, **options})
    for t in range(268):
        new = step([normal(6, dtype, t) * dtype(not 3 <= t < 263)])
        if t % 20 == 0 or t > 262:
            yield bits(new)


def late_spike(target: Any, dtype: Any, options: dict[str, Any]) -> Seen:
    """A gradient a hundred times as large as usual, after 130 usual ones."""
    step = build(target, [np.zeros(6, dtype)], {**HYPER, **options})
    for t in range(150):
        new = step([normal(6, dtype, t) * dtype(100 if t == 130 else 1)])
        if t > 128:
            yield bits(new)


def later_spike(target: Any, dtype: Any, options: dict[str, Any]) -> Seen:
    """A gradient a hundred times as large as usual, after 230 usual ones."""
    step = build(target, [np.zeros(6, dtype)], {**HYPER, **options})
    for t in range(250):
        new = step([normal(6, dtype, t) * dtype(100 if t == 230 else 1)])
        if t > 228:
            yield bits(new)
