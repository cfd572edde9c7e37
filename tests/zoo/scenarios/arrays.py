"""Shapes, sizes and memory layouts."""

from __future__ import annotations

from typing import Any

import numpy as np

from .driving import HYPER, Seen, attempt, bits, build, build_and_step, normal


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


def mixed(target: Any, dtype: Any, options: dict[str, Any]) -> Seen:
    """Two parameters of different formats, whichever comes first; none is float64."""
    if dtype is np.float64:
        return
    other = np.float16 if np.dtype(dtype) != np.float16 else np.float32
    for kinds in ((dtype, other), (other, dtype)):
        thetas = [normal(4, kind, k) for k, kind in enumerate(kinds)]
        step = build(target, thetas, {**HYPER, **options})
        for t in range(3):
            grads = [normal(4, kind, 10 * t + k) for k, kind in enumerate(kinds)]
            yield attempt(lambda step=step, grads=grads: step(grads))


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


def many(target: Any, dtype: Any, options: dict[str, Any]) -> Seen:
    """More parameters than one launch of a kernel over lists takes."""
    step = build(target, [np.zeros(2, dtype) for _ in range(120)], {**HYPER, **options})
    for t in range(2):
        yield bits(step([normal(2, dtype, 120 * t + k) for k in range(120)]))


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
