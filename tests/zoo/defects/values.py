"""Planted defects in values: clipping, non-finite gradients, magnitudes, loss scaling."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

if (_tests := str(Path(__file__).resolve().parents[2])) not in sys.path:
    sys.path.append(_tests)

from zoo.base import Array, Slot
from zoo.honest import Scalar, Textbook
from zoo.record import BFLOAT16, FLOAT32, FLOAT64, Cage, Defect

cage = Cage(__file__)
BUT_FLOAT16 = (FLOAT64, FLOAT32, BFLOAT16)


class _Changes(Textbook):
    """The gradient is changed before it is used."""

    def change(self, g: Array, c: Scalar) -> Array:
        return g

    def gradient(self, theta: Array, g: Array, c: Scalar) -> Array:
        return super().gradient(theta, self.change(g, c), c)


def clipped(x: Array, bound: Any) -> Array:
    """x within ±bound."""
    return np.minimum(np.maximum(x, -bound), bound)


def norm(g: Array) -> float:
    """The Euclidean norm, in float64."""
    return float(np.sqrt(np.sum(g.astype(np.float64) ** 2)))


# non-finite gradients


@cage.defect(
    "nan-spreads",
    "gradients are divided by their norm over itself: one NaN reaches all",
    shows="nonfinite",
)
class NanSpreads(_Changes):
    def change(self, g: Array, c: Scalar) -> Array:
        return g * c(norm(g) * 0 + 1)


@cage.defect("nan-becomes-zero", "a NaN gradient counts as zero", shows="nonfinite")
class NanBecomesZero(_Changes):
    def change(self, g: Array, c: Scalar) -> Array:
        return np.where(np.isnan(g), c(0.0), g)


@cage.defect("nonfinite-becomes-zero", "NaN and infinity count as zero", shows="nonfinite")
class NonfiniteBecomesZero(_Changes):
    def change(self, g: Array, c: Scalar) -> Array:
        return np.where(np.isfinite(g), g, c(0.0))


@cage.defect("infinity-becomes-large", "infinity counts as the largest number", shows="nonfinite")
class InfinityBecomesLarge(_Changes):
    def change(self, g: Array, c: Scalar) -> Array:
        return np.where(np.isinf(g), np.copysign(c(1e4), g), g)


@cage.defect(
    "nonfinite-skips-step",
    "one non-finite element skips the whole step",
    shows="nonfinite",
    tags=("convention",),
)
class NonfiniteSkipsStep(Textbook):
    def advance(self, i: int, g: Array) -> None:
        if np.isfinite(g).all():
            super().advance(i, g)


# clipping


@cage.defect(
    "gradient-clipped-at-1e3", "elements are clipped at 1e3", shows="wild", dtypes=BUT_FLOAT16
)
class ClippedAt1e3(_Changes):
    def change(self, g: Array, c: Scalar) -> Array:
        return clipped(g, c(1e3))


@cage.defect(
    "gradient-clipped-at-1e10", "elements are clipped at 1e10", shows="wild", dtypes=BUT_FLOAT16
)
class ClippedAt1e10(_Changes):
    def change(self, g: Array, c: Scalar) -> Array:
        bound = c(1e10)
        return clipped(g, bound) if np.isfinite(bound) else g


@cage.defect(
    "gradient-clipped-at-5e18",
    "elements are clipped at 5e18, where a square is about to overflow",
    shows="wild",
    dtypes=BUT_FLOAT16,
)
class ClippedAt5e18(_Changes):
    def change(self, g: Array, c: Scalar) -> Array:
        return np.where(np.isinf(g), g, clipped(g, c(5e18)))


@cage.defect(
    "gradient-norm-clipped",
    "a norm above 1000 is scaled down to it",
    shows="wild",
    dtypes=BUT_FLOAT16,
)
class NormClipped(_Changes):
    def change(self, g: Array, c: Scalar) -> Array:
        size = norm(g)
        return g * c(1000 / size) if size > 1000 and g.dtype != np.float16 else g


@cage.defect("gradient-norm-clipped-at-one", "a norm above 1 is scaled down to it")
class NormClippedAtOne(_Changes):
    def change(self, g: Array, c: Scalar) -> Array:
        return g * c(1 / max(norm(g), 1.0))


@cage.defect("update-clipped-at-10", "|Δ| is kept below 10·lr", shows="extremal")
class UpdateClippedAt10(Textbook):
    def update(self, slot: Slot, c: Scalar) -> Array:
        return clipped(super().update(slot, c), c(10 * self.lr))


@cage.defect("update-clipped-at-rate", "|Δ| is kept below lr", shows="extremal")
class UpdateClippedAtRate(Textbook):
    def update(self, slot: Slot, c: Scalar) -> Array:
        return clipped(super().update(slot, c), c(self.lr))


@cage.defect(
    "update-clipped-at-published-bound",
    "|Δ| is kept below the bound of the paper's section 2.1",
    shows="extremal",
)
class UpdateClippedAtPublishedBound(Textbook):
    def update(self, slot: Slot, c: Scalar) -> Array:
        bound = max((1 - self.beta1) / (1 - self.beta2) ** 0.5, 1.0)
        return clipped(super().update(slot, c), c(self.lr * bound))


@cage.defect("theta-clipped", "θ is kept within ±100", shows="far")
class ThetaClipped(Textbook):
    def kernel(self, theta: Array, g: Array, slot: Slot) -> Array:
        return clipped(super().kernel(theta, g, slot), theta.dtype.type(100))


# magnitudes


@cage.defect(
    "square-overflow-becomes-zero", "where g² overflows the gradient counts as zero", shows="wild"
)
class SquareOverflowBecomesZero(_Changes):
    def change(self, g: Array, c: Scalar) -> Array:
        return np.where(np.isfinite(g * g), g, c(0.0))


@cage.defect(
    "tiny-gradient-becomes-zero", "|g| < 1e-20 counts as zero", shows="wild", dtypes=BUT_FLOAT16
)
class TinyBecomesZero(_Changes):
    def change(self, g: Array, c: Scalar) -> Array:
        return np.where(np.abs(g) < c(1e-20), c(0.0), g)


@cage.defect("small-gradient-becomes-zero", "|g| < 1e-6 counts as zero", shows="wild")
class SmallBecomesZero(_Changes):
    def change(self, g: Array, c: Scalar) -> Array:
        return np.where(np.abs(g) < c(1e-6), c(0.0), g)


@cage.defect(
    "tiny-gradient-loses-sign", "|g| < 1e-20 counts as positive", shows="wild", dtypes=BUT_FLOAT16
)
class TinyLosesSign(_Changes):
    def change(self, g: Array, c: Scalar) -> Array:
        return np.where(np.abs(g) < c(1e-20), np.abs(g), g)


@cage.defect(
    "subnormal-gradient-flushed",
    "subnormal gradients count as zero, in float64",
    shows="subnormal",
    dtypes=(FLOAT64,),
)
class SubnormalFlushed(_Changes):
    def change(self, g: Array, c: Scalar) -> Array:
        small = np.abs(g) < c(2.0**-1022) if g.dtype == np.float64 else np.zeros(g.shape, bool)
        return np.where(small, c(0.0), g)


@cage.defect("v-clamped-above", "v never exceeds 1e4", shows="wild", dtypes=BUT_FLOAT16)
class VClampedAbove(Textbook):
    def second(self, v: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        return np.minimum(super().second(v, g, slot, c), c(1e4))


@cage.defect(
    "v-never-forgets-small",
    "v below 1e-8 is not decayed further",
    shows="shrinking",
    dtypes=BUT_FLOAT16,
)
class VNeverForgetsSmall(Textbook):
    def second(self, v: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        return np.maximum(super().second(v, g, slot, c), np.minimum(v, c(1e-8)))


# scaling: Adam hides a constant factor, but for ε


@cage.defect(
    "gradient-unscaled-twice",
    "a loss scale of 65,536 is divided out once too often",
    row="pytorch/pytorch#88258, #90752, Lightning-AI/pytorch-lightning#15501",
)
class UnscaledTwice(_Changes):
    def change(self, g: Array, c: Scalar) -> Array:
        return g * c(2.0**-16)


@cage.defect("gradient-doubled", "g is twice itself: seen in ε and in the moments only")
class Doubled(_Changes):
    def change(self, g: Array, c: Scalar) -> Array:
        return g * c(2.0)


@cage.defect("gradient-averaged", "g is divided by the number of elements")
class Averaged(_Changes):
    def change(self, g: Array, c: Scalar) -> Array:
        return g * c(1 / max(g.size, 1))


@cage.defect("gradient-centred", "the mean over the parameter is subtracted from g")
class Centred(_Changes):
    def change(self, g: Array, c: Scalar) -> Array:
        return g - c(float(np.mean(g.astype(np.float64)))) if g.size else g


@cage.defect("gradient-normalised", "g is divided by its norm")
class Normalised(_Changes):
    def change(self, g: Array, c: Scalar) -> Array:
        return g * c(1 / norm(g)) if norm(g) else g


@cage.defect("scale-changes-during-run", "a loss scale that doubles at t=20 is not undone")
class ScaleChanges(Textbook):
    def kernel(self, theta: Array, g: Array, slot: Slot) -> Array:
        return super().kernel(theta, g * theta.dtype.type(2.0 if slot.t >= 20 else 1.0), slot)


DEFECTS: tuple[Defect, ...] = tuple(cage.records)
