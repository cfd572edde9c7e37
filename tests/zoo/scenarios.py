"""Short drives that show what a target does, as comparable values: bits, shapes, exceptions.

Each planted defect names the scenario that shows it; test_zoo.py drives it and its honest twin.
"""

from __future__ import annotations

import copy
import inspect
import math
from collections.abc import Callable, Iterator
from typing import Any, Final

import ml_dtypes
import numpy as np

DTYPES: Final[dict[str, Any]] = {
    "float64": np.float64,
    "float32": np.float32,
    "float16": np.float16,
    "bfloat16": ml_dtypes.bfloat16,
}
# ε large enough to matter in every format; β2 is not a dyadic number
HYPER: Final = {"lr": 0.0625, "beta1": 0.9, "beta2": 0.99, "eps": 2.0**-9}
OTHER: Final = {"lr": 0.25, "beta1": 0.5, "beta2": 0.75, "eps": 2.0**-5}
Seen = Iterator[Any]
Scenario = Callable[[Any, Any, dict[str, Any]], Seen]


def bits(x: Any) -> Any:
    """Type, dtype, shape and bytes of a result (every NaN the same)."""
    if isinstance(x, (list, tuple)):
        return tuple(map(bits, x))
    a = np.asarray(x)
    same = np.where(np.isnan(a), np.asarray(np.nan, a.dtype), a).astype(a.dtype)
    return isinstance(x, np.ndarray), a.dtype.name, a.shape, same.tobytes()


def attempt(action: Callable[..., Any]) -> Any:
    """The bits of a result, or the name of the exception in its place."""
    try:
        return bits(action())
    except Exception as error:
        return type(error).__name__


def accepted(action: Callable[..., Any]) -> str:
    """ "accepted", or the name of the exception."""
    try:
        action()
    except Exception as error:
        return type(error).__name__
    return "accepted"


def normal(shape: Any, dtype: Any, seed: int, scale: float = 1.0) -> np.ndarray:
    return np.asarray(np.random.default_rng(seed).standard_normal(shape) * scale).astype(dtype)


def build(target: Any, thetas: list[np.ndarray], hyper: dict[str, Any]) -> Callable[..., Any]:
    """Give every protocol the step of a class: a list of gradients to a list of parameters."""
    if isinstance(target, type):
        return target(thetas, **hyper).step
    if "grads" in inspect.signature(target).parameters:
        history: list[list[np.ndarray]] = []

        def again(grads: list[np.ndarray]) -> list[np.ndarray]:
            history.append([g.copy() for g in grads])
            runs = zip(thetas, zip(*history, strict=True), strict=True)
            return [target(theta, list(gs), **hyper)[-1] for theta, gs in runs]

        return again
    steps = [target(theta, **hyper) for theta in thetas]
    return lambda grads: [step(g) for step, g in zip(steps, grads, strict=True)]


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


def layout(target: Any, dtype: Any, options: dict[str, Any]) -> Seen:
    """Parameter and gradient in C, Fortran, strided and negative-stride layouts."""

    def views(a: np.ndarray) -> list[np.ndarray]:
        doubled = np.repeat(np.repeat(a, 2, 0), 2, 1)[::2, ::2]
        return [a, np.asfortranarray(a), a[::-1, ::-1].copy()[::-1, ::-1], doubled]

    for theta in views(normal((3, 4), dtype, 1)):
        for which in range(4):
            step = build(target, [theta.copy(order="K")], {**HYPER, **options})
            for t in range(2):
                g = views(normal((3, 4), dtype, 2 + t))[which]
                yield attempt(lambda step=step, g=g: step([g]))


def shapes(target: Any, dtype: Any, options: dict[str, Any]) -> Seen:
    """0-d, empty, one element, more dimensions, and every size to 33."""
    for shape in [(), (0,), (1,), (1, 1), (3, 1), (2, 3, 4), *((n,) for n in range(2, 34))]:
        made = attempt(lambda shape=shape: build_and_step(target, shape, dtype, options))
        yield shape, made


def build_and_step(target: Any, shape: Any, dtype: Any, options: dict[str, Any]) -> list[Any]:
    theta = np.asarray(normal(shape, dtype, 1))
    step = build(target, [theta], {**HYPER, **options})
    return [list(step([np.asarray(normal(shape, dtype, 2 + t))])) for t in range(2)]


def square(target: Any, dtype: Any, options: dict[str, Any]) -> Seen:
    """A square matrix."""
    yield bits(build_and_step(target, (3, 3), dtype, options))


def same_shapes(target: Any, dtype: Any, options: dict[str, Any]) -> Seen:
    """Two parameters of one shape."""
    step = build(target, [normal(4, dtype, 1), normal(4, dtype, 2)], {**HYPER, **options})
    for t in range(3):
        yield bits(step([normal(4, dtype, 10 + t), normal(4, dtype, 20 + t)]))


def equal_parameters(target: Any, dtype: Any, options: dict[str, Any]) -> Seen:
    """Two parameters of one shape and of the same values."""
    step = build(target, [normal(4, dtype, 1) for _ in range(2)], {**HYPER, **options})
    for t in range(3):
        yield bits(step([normal(4, dtype, 10 + t), normal(4, dtype, 20 + t)]))


def big_and_long(target: Any, dtype: Any, options: dict[str, Any]) -> Seen:
    """Thirteen steps of an array of 5,001 elements."""
    step = build(target, [np.zeros(5_001, dtype)], {**HYPER, **options})
    for t in range(13):
        yield bits(step([normal(5_001, dtype, t)]))


def big(target: Any, dtype: Any, options: dict[str, Any]) -> Seen:
    """Beyond 65,536 elements, an odd number of them."""
    step = build(target, [np.zeros(70_001, dtype)], {**HYPER, **options})
    for t in range(2):
        yield bits(step([normal(70_001, dtype, t)]))


def blocks(target: Any, dtype: Any, options: dict[str, Any]) -> Seen:
    """Sizes that fill blocks of a kernel exactly, or by one element more."""
    for size in (64, 1024, 1025):
        step = build(target, [np.zeros(size, dtype)], {**HYPER, **options})
        for t in range(2):
            yield bits(step([normal(size, dtype, t)]))


def vectors(target: Any, dtype: Any, options: dict[str, Any]) -> Seen:
    """Vectors in three layouts, and what is left of gradients of two to five axes."""
    for step_by in (1, 2, -1):
        step = build(target, [normal(6, dtype, 1)], {**HYPER, **options})
        for t in range(2):
            yield bits(step([np.repeat(normal(6, dtype, t), abs(step_by))[::step_by]]))
    for shape in ((3, 4), (2, 3, 4), (2, 1, 3, 2), (1, 2, 1, 3, 2)):
        step = build(target, [normal(shape, dtype, 1)], {**HYPER, **options})
        for t in range(2):
            g = normal(shape, dtype, t)
            yield bits(step([g])), bits(g)


def longer(target: Any, dtype: Any, options: dict[str, Any]) -> Seen:
    """The steps around the 4,096th."""
    hyper = {**HYPER, "lr": 1.0, **options}
    step = build(target, [np.zeros(2, dtype)], hyper)
    for t in range(4_098):
        new = step([np.array([1, -1] if t % 2 else [-0.5, 0.75]).astype(dtype)])
        if t > 4_090:
            yield bits(new)


def many(target: Any, dtype: Any, options: dict[str, Any]) -> Seen:
    """More parameters than one launch of a kernel over lists takes."""
    step = build(target, [np.zeros(2, dtype) for _ in range(120)], {**HYPER, **options})
    for t in range(2):
        yield bits(step([normal(2, dtype, 120 * t + k) for k in range(120)]))


def faint(target: Any, dtype: Any, options: dict[str, Any]) -> Seen:
    """Hyperparameters far smaller than usual."""
    ends = ({"lr": 2.0**-40}, {"weight_decay": 2.0**-12} if "weight_decay" in options else {})
    for k, end in enumerate(ends):
        theta = normal(9, dtype, 5, 8.0) if k else np.zeros(9, dtype)
        step = build(target, [theta], {**HYPER, **options, **end})
        for t in range(2):
            yield bits(step([normal(9, dtype, t) * dtype(1 - k)]))


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


def memory(target: Any, dtype: Any, options: dict[str, Any]) -> Seen:
    """Strided vectors, large matrices, four axes, orders that change, and strides of zero."""

    def fortran(a: np.ndarray) -> np.ndarray:
        return a.copy(order="F")

    def plain(a: np.ndarray) -> np.ndarray:
        return a

    def expanded(a: np.ndarray) -> np.ndarray:
        return np.broadcast_to(a[:1], a.shape)

    strided = np.repeat(normal(33, dtype, 1), 2)[::2]
    runs: tuple[tuple[np.ndarray, tuple[Any, ...]], ...] = (
        (strided, (plain, lambda a: np.repeat(a, 2)[::2], lambda a: a[::-1].copy()[::-1])),
        (normal((20, 21), dtype, 1), (fortran, fortran)),
        (normal((2, 3, 4, 4), dtype, 1), (fortran, fortran)),
        (normal((3, 4), dtype, 1), (plain, fortran, fortran, plain)),
        (normal((5, 4), dtype, 1), (expanded, expanded)),
    )
    for theta, layouts in runs:
        step = build(target, [theta], {**HYPER, **options})
        for t, laid in enumerate(layouts):
            g = laid(normal(theta.shape, dtype, t))
            yield attempt(lambda step=step, g=g: step([g]))


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


def later_spike(target: Any, dtype: Any, options: dict[str, Any]) -> Seen:
    """A gradient a hundred times as large as usual, after 230 usual ones."""
    step = build(target, [np.zeros(6, dtype)], {**HYPER, **options})
    for t in range(250):
        new = step([normal(6, dtype, t) * dtype(100 if t == 230 else 1)])
        if t > 228:
            yield bits(new)


def late_spike(target: Any, dtype: Any, options: dict[str, Any]) -> Seen:
    """A gradient a hundred times as large as usual, after 130 usual ones."""
    step = build(target, [np.zeros(6, dtype)], {**HYPER, **options})
    for t in range(150):
        new = step([normal(6, dtype, t) * dtype(100 if t == 130 else 1)])
        if t > 128:
            yield bits(new)


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


SCENARIOS: Final[dict[str, Scenario]] = {
    f.__name__: f
    for f in (
        short, rounded, shrinking, away, far, long, long_tail, wild, extremal, subnormal,
        nonfinite, zeros, edges, ones, dyadic, layout, shapes, square, same_shapes, big, late,
        slow_m, equal_parameters, big_and_long,
        late_first, blocks, vectors, longer, many, faint, state, buffers, instances,
        memory, silence, long_silence, late_spike, later_spike, checkpoints, apart, repeat,
        reject, reject_decay,
    )
}  # fmt: skip
