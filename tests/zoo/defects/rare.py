"""Planted defects in a corner: one size, one layout, one shape, far in a run or a list."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

if (_tests := str(Path(__file__).resolve().parents[2])) not in sys.path:
    sys.path.append(_tests)

from zoo.base import Array, Slot
from zoo.dialects import DECAY, L2
from zoo.honest import Scalar, Textbook
from zoo.record import WIDE, Cage, Defect

cage = Cage(__file__)


@cage.defect(
    "kernel-full-block-loses-last",
    "where 64 or more elements fill their blocks exactly the last one is left out",
    shows="blocks",
)
class FullBlockLosesLast(Textbook):
    def kernel(self, theta: Array, g: Array, slot: Slot) -> Array:
        moved = super().kernel(theta, g, slot)
        if theta.size >= 64 and theta.size & (theta.size - 1) == 0:
            moved[-1:] = theta[-1:]
        return moved


@cage.defect(
    "kernel-block-of-1024-and-one",
    "the block after 1,024 elements is left out where it holds one",
    shows="blocks",
)
class BlockOf1024AndOne(Textbook):
    def kernel(self, theta: Array, g: Array, slot: Slot) -> Array:
        moved = super().kernel(theta, g, slot)
        if theta.size > 1 and theta.size % 1024 == 1:
            moved[-1:] = theta[-1:]
        return moved


@cage.defect("layout-reversed-vector", "a reversed vector is read forwards", shows="vectors")
class ReversedVector(Textbook):
    def advance(self, i: int, g: Array) -> None:
        super().advance(i, g[::-1] if g.ndim == 1 and g.strides[0] < 0 else g)


@cage.defect(
    "layout-five-axes", "the gradient of a parameter of five axes counts twice", shows="vectors"
)
class FiveAxes(Textbook):
    def advance(self, i: int, g: Array) -> None:
        super().advance(i, g * g.dtype.type(2) if g.ndim == 5 else g)


@cage.defect(
    "buffers-matrix-gradient-zeroed",
    "a matrix's gradient is zeroed after the step",
    shows="vectors",
)
class MatrixGradientZeroed(Textbook):
    def advance(self, i: int, g: Array) -> None:
        super().advance(i, g)
        if g.ndim == 2:
            g[...] = 0


@cage.defect(
    "schedule-momentum-reset-at-4096",
    "m starts again every 4,096 steps",
    shows="longer",
    dtypes=WIDE,
)
class MomentumResetAt4096(Textbook):
    def tick(self, slot: Slot) -> None:
        super().tick(slot)
        if slot.t % 4096 == 0:
            slot.m = np.zeros_like(slot.m)


@cage.defect(
    "kernel-list-cut-at-64", "one launch takes 64 parameters, and there is one launch", shows="many"
)
class ListCutAt64(Textbook):
    def step(self, grads: Sequence[Array | None]) -> list[Array]:
        return super().step([g if i < 64 else None for i, g in enumerate(grads)])


@cage.defect("rate-at-least-1e-6", "no lr is smaller than 1e-6", shows="faint")
class RateAtLeast(Textbook):
    def update(self, slot: Slot, c: Scalar) -> Array:
        change = super().update(slot, c)
        return change if self.lr == 0 or self.lr >= 1e-6 else change * c(1e-6 / self.lr)


@cage.defect(
    "decay-below-1e-3-ignored",
    "a weight_decay under 1e-3 counts as none",
    claims="adam[decay=l2]",
    options=DECAY,
    shows="faint",
)
class DecayBelowIgnored(L2):
    def gradient(self, theta: Array, g: Array, c: Scalar) -> Array:
        if self.weight_decay < 1e-3:
            return -g if self.maximize else g
        return super().gradient(theta, g, c)


@cage.defect(
    "decay-l2-not-for-filters",
    "parameters of four dimensions are exempt",
    claims="adam[decay=l2]",
    options=DECAY,
    shows="vectors",
)
class L2NotForFilters(L2):
    def advance(self, i: int, g: Array) -> None:
        self.decay = "none" if len(self.shapes[i]) == 4 else "l2"
        super().advance(i, g)


DEFECTS: tuple[Defect, ...] = tuple(cage.records)
