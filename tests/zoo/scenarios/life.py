"""The life of a target: parameters that come late, saving, buffers, instances, refusals."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np

from .driving import HYPER, OTHER, Seen, accepted, attempt, bits, build, normal
from .values import short


def late_first(target: Any, dtype: Any, options: dict[str, Any]) -> Seen:
    """The first parameter has no gradient and the second one has."""
    step = build(target, [normal(3, dtype, 1), normal(4, dtype, 2)], {**HYPER, **options})
    for t in range(2):
        yield bits(step([None, normal(4, dtype, t)]))


def late(target: Any, dtype: Any, options: dict[str, Any]) -> Seen:
    """A parameter whose gradients come late, and stay out in between."""
    step = build(target, [normal(3, dtype, 1), normal(4, dtype, 2)], {**HYPER, **options})
    for t in range(8):
        second = normal(4, dtype, 50 + t) if t in (3, 4, 7) else None
        yield attempt(lambda t=t, second=second: step([normal(3, dtype, t), second]))


def state(target: Any, dtype: Any, options: dict[str, Any]) -> Seen:
    """Save, go on; load into an instance with other hyperparameters, go on; load moments."""
    first = target([normal(5, dtype, 1), normal(2, dtype, 2)], **HYPER, **options)
    for t in range(5):
        now = first.step([normal(5, dtype, t), normal(2, dtype, 20 + t)])
    small = 2.0**-4
    kept = [a.copy() for a in now]
    saved = first.state_dict()
    moments = first.moments()
    for t in range(5, 8):
        yield bits(first.step([normal(5, dtype, t, small), normal(2, dtype, 20 + t)]))
    for other in (HYPER, OTHER):
        again = target([a.copy() for a in kept], **{**other, **options})
        again.load_state_dict(saved)
        for t in range(5, 8):
            yield bits(again.step([normal(5, dtype, t, small), normal(2, dtype, 20 + t)]))
    loaded = target([np.zeros(5, dtype), np.zeros(2, dtype)], **HYPER, **options)
    loaded.load_moments([{**one, "t": 2**24 + 1} for one in moments])
    yield bits(loaded.step([normal(5, dtype, 9), normal(2, dtype, 9)]))
    yield [(d["t"], bits(d["m"]), bits(d["v"])) for d in loaded.moments()]


def buffers(target: Any, dtype: Any, options: dict[str, Any]) -> Seen:
    """What becomes of the caller's arrays, and of a target whose caller reuses them."""
    theta = normal(5, dtype, 1)
    step = build(target, [theta], {**HYPER, **options})
    yield bits(theta)
    g = normal(5, dtype, 2)
    for t in range(4):
        new = step([g])
        yield bits(g), bits(new)
        g[...] = normal(5, dtype, 3 + t)


def instances(target: Any, dtype: Any, options: dict[str, Any]) -> Seen:
    """Two instances, interleaved."""
    one = build(target, [normal(4, dtype, 1)], {**HYPER, **options})
    two = build(target, [normal(4, dtype, 2)], {**OTHER, **options})
    for t in range(4):
        yield bits(one([normal(4, dtype, t)])), bits(two([normal(4, dtype, 9 + t)]))


def checkpoints(target: Any, dtype: Any, options: dict[str, Any]) -> Seen:
    """Save at once and at an odd late step, go on; load twice; load into a used instance."""

    def made() -> Any:
        return target([np.zeros(5, dtype)], **{**HYPER, "beta2": 0.9995}, **options)

    def go_on(one: Any) -> Any:
        return bits([one.step([normal(5, dtype, t)]) for t in range(3)])

    def saved_at(t: int) -> tuple[Any, Any]:
        one = made()
        one.step([normal(5, dtype, 7)])
        one.load_moments([{**each, "t": t} for each in one.moments()])
        return one, one.state_dict()

    yield attempt(lambda: made().state_dict() and made().step([normal(5, dtype, 1)]))
    for late in (5, 259, 2051):
        one, saved = saved_at(late)
        kept = copy.deepcopy(saved)
        yield go_on(one)
        for used in (0, 3):
            again = made()
            for _ in range(used):
                again.step([normal(5, dtype, 8, 8.0)])
            again.load_state_dict(copy.deepcopy(kept))
            yield go_on(again)
        made().load_state_dict(saved)
        again = made()
        yield attempt(lambda again=again, saved=saved: again.load_state_dict(saved) or [])
        yield go_on(again)


def apart(target: Any, dtype: Any, options: dict[str, Any]) -> Seen:
    """Instances of one shape and of another, interleaved; results are read once all have moved."""
    sizes = (4, 4, 7)
    steps = [
        build(target, [normal(n, dtype, k)], {**HYPER, **options}) for k, n in enumerate(sizes)
    ]
    for t in range(4):
        news = [
            step([normal(n, dtype, 9 * t + k)])
            for k, (step, n) in enumerate(zip(steps, sizes, strict=True))
        ]
        yield [bits(new) for new in news]


def repeat(target: Any, dtype: Any, options: dict[str, Any]) -> Seen:
    """Whether the same run gives the same bits."""
    yield list(short(target, dtype, options)) == list(short(target, dtype, options))


def reject_decay(target: Any, dtype: Any, options: dict[str, Any]) -> Seen:
    """A negative weight decay."""
    yield accepted(lambda: target([np.ones(3, dtype)], **HYPER, weight_decay=-0.5))


def reject(target: Any, dtype: Any, options: dict[str, Any]) -> Seen:
    """Hyperparameters out of range, and gradients of another shape or number."""
    wrong: tuple[dict[str, Any], ...] = (
        {"lr": -1.0},
        {"beta1": 1.0},
        {"beta1": -0.5},
        {"beta2": 1.0},
        {"beta2": 1.5},
        {"eps": -1e-8},
        {"lr": math.nan},
    )
    theta, g = np.ones(3, dtype), np.ones(3, dtype)
    for bad in wrong:
        hyper = {**HYPER, **options, **bad}
        yield bad, accepted(lambda hyper=hyper: build(target, [theta], hyper)([g]))
    for shape in [(3,), (1, 3), (2, 1), (1,), (), (3, 2), (6,)]:
        step = build(target, [np.ones((2, 3), dtype)], {**HYPER, **options})
        yield shape, attempt(lambda step=step, shape=shape: step([np.ones(shape, dtype)]))
    step = build(target, [np.ones(3, dtype)], {**HYPER, **options})
    yield attempt(lambda: step([np.ones(1, dtype)]))
    if isinstance(target, type):
        yield attempt(lambda: target([np.ones(3, dtype)] * 2, **HYPER).step([np.ones(3, dtype)]))
