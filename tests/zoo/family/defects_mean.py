"""Planted defects of AdaGrad and RMSProp."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

if (_tests := str(Path(__file__).resolve().parents[2])) not in sys.path:
    sys.path.append(_tests)

from zoo.base import Array
from zoo.family.base import Scalar, Slot
from zoo.family.mean import (
    AdaGrad,
    AdaGradWithOptions,
    RMSProp,
    RMSPropCorrected,
    RMSPropMomentum,
    RMSPropWithOptions,
)
from zoo.record import FLOAT16, FLOAT32, FLOAT64, WIDE, Cage, Defect

THREE = (FLOAT64, FLOAT32, FLOAT16)

cage = Cage(__file__, family="relatives")
CENTERED = "rmsprop[centered=yes,momentum=yes]"
OPTIONS = "adagrad[lr_decay=yes,accumulator=initial]"


# AdaGrad


@cage.defect("adagrad-averaged", "the sum of squares is divided by t", claims="adagrad")
class Averaged(AdaGrad):
    def denominator(self, slot: Slot, c: Scalar) -> Array:
        return np.sqrt(slot.kept["v"] / c(slot.t)) + c(self.eps)


@cage.defect("adagrad-normalises-by-count", "v/t·n, n the gradients seen", claims="adagrad")
class NormalisedByCount(AdaGrad):
    def second(self, v: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        seen = slot.extra.get("seen", np.zeros_like(g)) + (g != 0)
        slot.extra["seen"] = seen
        return super().second(v, g, slot, c)

    def denominator(self, slot: Slot, c: Scalar) -> Array:
        share = slot.extra["seen"] / c(slot.t)
        return np.sqrt(slot.kept["v"] * np.where(share > 0, share, c(1.0))) + c(self.eps)


@cage.defect("adagrad-eps-inside", "ε under the root", claims="adagrad", tags=("dialect",))
class EpsInside(AdaGrad):
    def denominator(self, slot: Slot, c: Scalar) -> Array:
        return np.sqrt(slot.kept["v"] + c(self.eps))


@cage.defect("adagrad-no-root", "divides by v and not by its root", claims="adagrad")
class NoRoot(AdaGrad):
    def denominator(self, slot: Slot, c: Scalar) -> Array:
        return slot.kept["v"] + c(self.eps)


@cage.defect("adagrad-stale", "divides by the sum before this gradient", claims="adagrad")
class Stale(AdaGrad):
    def second(self, v: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        slot.extra["before"] = v
        return super().second(v, g, slot, c)

    def denominator(self, slot: Slot, c: Scalar) -> Array:
        return np.sqrt(slot.extra["before"]) + c(self.eps)


@cage.defect(
    "adagrad-hidden-start", "the sum starts at a tenth", claims="adagrad", tags=("dialect",)
)
class HiddenStart(AdaGrad):
    def first_value(self, name: str, zero: Array) -> Array:
        return zero + zero.dtype.type(0.1)


@cage.defect("adagrad-decay-from-one", "α/(1+t·decay)", claims=OPTIONS, dtypes=THREE)
class DecayFromOne(AdaGradWithOptions):
    def rate(self, slot: Slot) -> float:
        return self.lr / (1 + slot.t * self.lr_decay)


@cage.defect("adagrad-decay-compounds", "α/(1+decay)^(t-1)", claims=OPTIONS, dtypes=THREE)
class DecayCompounds(AdaGradWithOptions):
    def rate(self, slot: Slot) -> float:
        return self.lr / (1 + self.lr_decay) ** (slot.t - 1)


@cage.defect("adagrad-start-squared", "the initial sum is squared", claims=OPTIONS)
class StartSquared(AdaGradWithOptions):
    def first_value(self, name: str, zero: Array) -> Array:
        return zero + zero.dtype.type(self.initial_accumulator**2)


@cage.defect("adagrad-one-sum", "one sum for all elements", claims="adagrad")
class OneSum(AdaGrad):
    def second(self, v: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        return v + c(1.0) * np.sum(g * g, dtype=v.dtype)


@cage.defect(
    "adagrad-forgets", "the sum loses a ten-thousandth a step", claims="adagrad", dtypes=THREE
)
class Forgets(AdaGrad):
    def second(self, v: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        return c(1 - 2.0**-8) * v + g * g


# RMSProp


@cage.defect("rmsprop-weights-swapped", "(1-β2)·v + β2·g²", claims="rmsprop")
class WeightsSwapped(RMSProp):
    def second(self, v: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        return self.average(1 - self.beta2, v, g * g, c)


@cage.defect("rmsprop-clipped-at-rate", "no update is longer than α", claims="rmsprop")
class RMSPropClipped(RMSProp):
    def moved(self, theta: Array, g: Array, d: Array, slot: Slot, c: Scalar) -> Array:
        moved = super().moved(theta, g, d, slot, c)
        return theta + np.clip(moved - theta, c(-self.lr), c(self.lr))


@cage.defect("rmsprop-eps-inside", "ε under the root", claims="rmsprop", tags=("dialect",))
class RMSEpsInside(RMSProp):
    def denominator(self, slot: Slot, c: Scalar) -> Array:
        return np.sqrt(slot.kept["v"] + c(self.eps))


@cage.defect("rmsprop-corrects-unasked", "v̂ = v/(1-β2^t)", claims="rmsprop", tags=("dialect",))
class CorrectsUnasked(RMSProp):
    def denominator(self, slot: Slot, c: Scalar) -> Array:
        return np.sqrt(slot.kept["v"] / c(1 - self.beta2**slot.t)) + c(self.eps)


@cage.defect(
    "rmsprop-correction-outside-root",
    "√v/(1-β2^t)",
    claims="rmsprop[bias_correction=v]",
)
class CorrectionOutsideRoot(RMSPropCorrected):
    def denominator(self, slot: Slot, c: Scalar) -> Array:
        return np.sqrt(slot.kept["v"]) / c(1 - self.beta2**slot.t) + c(self.eps)


@cage.defect("rmsprop-from-the-first-square", "v starts at the first g²", claims="rmsprop")
class FromTheFirstSquare(RMSProp):
    def second(self, v: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        return g * g if slot.t == 1 else super().second(v, g, slot, c)


@cage.defect(
    "rmsprop-centred-on-mean",
    "v - m in place of v - m²",
    claims=CENTERED,
    options={"centered": True},
)
class CentredOnMean(RMSPropWithOptions):
    def spread(self, slot: Slot) -> Any:
        v, m = slot.kept["v"], slot.kept["m"]
        return np.abs(v - m)


@cage.defect(
    "rmsprop-not-centred",
    "the option does nothing",
    claims=CENTERED,
    options={"centered": True},
    tags=("dialect",),
    dtypes=THREE,
)
class NotCentred(RMSPropWithOptions):
    def spread(self, slot: Slot) -> Any:
        return slot.kept["v"]


@cage.defect(
    "rmsprop-centred-late",
    "m of the step before",
    claims=CENTERED,
    options={"centered": True},
    dtypes=WIDE,
)
class CentredLate(RMSPropWithOptions):
    def kernel(self, theta: Array, g: Array, slot: Slot) -> Array:
        slot.extra["before"] = slot.kept["m"]
        return super().kernel(theta, g, slot)

    def spread(self, slot: Slot) -> Any:
        m = slot.extra["before"]
        return slot.kept["v"] - m * m


@cage.defect(
    "rmsprop-velocity-of-gradients",
    "the velocity gathers gradients, which are divided afterwards",
    claims="rmsprop[momentum=yes]",
)
class VelocityOfGradients(RMSPropMomentum):
    def moved(self, theta: Array, g: Array, d: Array, slot: Slot, c: Scalar) -> Array:
        b = slot.kept["velocity"] = c(self.momentum) * slot.kept["velocity"] + g
        return theta - c(self.lr) * b / d


@cage.defect(
    "rmsprop-velocity-averaged",
    "b = μ·b + (1-μ)·g/(√v+ε)",
    claims="rmsprop[momentum=yes]",
)
class VelocityAveraged(RMSPropMomentum):
    def moved(self, theta: Array, g: Array, d: Array, slot: Slot, c: Scalar) -> Array:
        b = self.average(self.momentum, slot.kept["velocity"], g / d, c)
        slot.kept["velocity"] = b
        return theta - c(self.lr) * b


@cage.defect(
    "rmsprop-reset", "v is cleared every 100 steps", claims="rmsprop", shows="long", dtypes=THREE
)
class Reset(RMSProp):
    def second(self, v: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        return super().second(v if slot.t % 100 else np.zeros_like(v), g, slot, c)


DEFECTS: tuple[Defect, ...] = tuple(cage.records)
