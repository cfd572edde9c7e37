"""Planted defects of gradient descent and momentum."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

if (_tests := str(Path(__file__).resolve().parents[2])) not in sys.path:
    sys.path.append(_tests)

from zoo.base import Array
from zoo.family.base import Scalar, Slot
from zoo.family.descent import (
    DECAY,
    Dampened,
    DescentDecoupled,
    DescentL2,
    GradientDescent,
    HeavyBall,
    HeavyBallL2,
    Nesterov,
    NesterovInside,
    VelocityInside,
)
from zoo.record import FLOAT16, FLOAT32, FLOAT64, WIDE, Cage, Defect

THREE = (FLOAT64, FLOAT32, FLOAT16)

cage = Cage(__file__, family="relatives")


# gradient descent


@cage.defect("gd-decay-not-scaled", "θ also loses λθ whole", claims="gd[decay=l2]", options=DECAY)
class DecayNotScaled(DescentL2):
    def kernel(self, theta: Array, g: Array, slot: Slot) -> Array:
        c = theta.dtype.type
        return theta - c(self.lr) * g - c(self.weight_decay) * theta


@cage.defect(
    "gd-decay-of-new", "decays the new θ", claims="gd[decay=decoupled]", options=DECAY, dtypes=THREE
)
class DecayOfNew(DescentDecoupled):
    def kernel(self, theta: Array, g: Array, slot: Slot) -> Array:
        return self.decayed(theta - theta.dtype.type(self.lr) * g, theta.dtype.type)


@cage.defect("gd-averaged", "α is divided by the number of elements", claims="gd")
class Averaged(GradientDescent):
    def moved(self, theta: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        return theta - c(self.lr / g.size) * g


@cage.defect("gd-clipped", "gradients are clipped at one", claims="gd")
class Clipped(GradientDescent):
    def moved(self, theta: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        return super().moved(theta, np.clip(g, c(-1.0), c(1.0)), slot, c)


@cage.defect("gd-late", "steps along the gradient of the step before", claims="gd")
class Late(GradientDescent):
    def moved(self, theta: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        before = slot.extra.get("before", np.zeros_like(g))
        slot.extra["before"] = g
        return super().moved(theta, before, slot, c)


@cage.defect("gd-slowing", "α shrinks by a thousandth of itself a step", claims="gd")
class Slowing(GradientDescent):
    def moved(self, theta: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        return theta - c(self.lr * 0.999**slot.t) * g


@cage.defect("gd-half-rate", "α passes through float16", claims="gd", dtypes=WIDE, tags=("subtle",))
class HalfRate(GradientDescent):
    def moved(self, theta: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        return theta - c(float(np.float16(self.lr))) * g


@cage.defect(
    "gd-small-ignored", "|g| below a thousandth is taken for zero", claims="gd", dtypes=WIDE
)
class SmallIgnored(GradientDescent):
    def moved(self, theta: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        return super().moved(theta, np.where(np.abs(g) < c(1e-3), c(0.0), g), slot, c)


# momentum


@cage.defect(
    "momentum-averaged", "the gradient enters with weight 1-μ", claims="momentum", tags=("dialect",)
)
class MomentumAveraged(HeavyBall):
    def velocity(self, b: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        return self.average(self.momentum, b, g, c)


@cage.defect("momentum-stale", "steps along the velocity of the step before", claims="momentum")
class MomentumStale(HeavyBall):
    def kernel(self, theta: Array, g: Array, slot: Slot) -> Array:
        before, c = slot.kept["velocity"], theta.dtype.type
        super().kernel(theta, g, slot)
        return self.moved(theta, before, g, c)


@cage.defect(
    "momentum-reset", "the velocity is cleared every 100 steps", claims="momentum", shows="long"
)
class MomentumReset(HeavyBall):
    def velocity(self, b: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        return super().velocity(b if slot.t % 100 else np.zeros_like(b), g, slot, c)


@cage.defect(
    "momentum-half-velocity",
    "the velocity is stored in float16",
    claims="momentum",
    dtypes=(FLOAT64, FLOAT32),
)
class HalfVelocity(HeavyBall):
    def velocity(self, b: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        return super().velocity(b, g, slot, c).astype(np.float16).astype(g.dtype)


@cage.defect(
    "momentum-decay-outside-velocity",
    "λθ does not pass through the velocity",
    claims="momentum[decay=l2]",
    options=DECAY,
)
class DecayOutsideVelocity(HeavyBallL2):
    def gradient(self, theta: Array, g: Array, c: Scalar) -> Array:
        return g

    def moved(self, theta: Array, b: Array, g: Array, c: Scalar) -> Array:
        return theta - c(self.lr) * (b + c(self.weight_decay) * theta)


@cage.defect("momentum-sign-lost", "the velocity follows |g|", claims="momentum")
class SignLost(HeavyBall):
    def velocity(self, b: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        return super().velocity(b, np.abs(g), slot, c)


@cage.defect(
    "dampening-from-the-start",
    "the first gradient is dampened too",
    claims="momentum[dampening=late]",
    tags=("dialect",),
)
class DampeningFromTheStart(Dampened):
    def weighted(self, g: Array, slot: Slot, c: Scalar) -> Array:
        return c(1 - self.dampening) * g


@cage.defect(
    "dampening-of-the-velocity",
    "1-τ multiplies the velocity and not the gradient",
    claims="momentum[dampening=late]",
)
class DampeningOfTheVelocity(Dampened):
    def velocity(self, b: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        return c(self.momentum * (1 - self.dampening)) * b + g


@cage.defect(
    "nesterov-ignored",
    "the option does nothing",
    claims="nesterov",
    options={"nesterov": True},
    tags=("dialect",),
)
class NesterovIgnored(Nesterov):
    def direction(self, b: Array, g: Array, c: Scalar) -> Array:
        return b


@cage.defect(
    "nesterov-without-gradient",
    "steps along μ·b alone",
    claims="nesterov",
    options={"nesterov": True},
)
class NesterovWithoutGradient(Nesterov):
    def direction(self, b: Array, g: Array, c: Scalar) -> Array:
        return c(self.momentum) * b


@cage.defect(
    "nesterov-whole-velocity",
    "steps along g + b",
    claims="nesterov",
    options={"nesterov": True},
)
class NesterovWholeVelocity(Nesterov):
    def direction(self, b: Array, g: Array, c: Scalar) -> Array:
        return g + b


@cage.defect(
    "nesterov-old-velocity",
    "the look-ahead uses the velocity of the step before",
    claims="momentum[nesterov=yes,form=inside]",
    options={"nesterov": True},
)
class NesterovOldVelocity(NesterovInside):
    def velocity(self, b: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        self.old = b
        return super().velocity(b, g, slot, c)

    def moved(self, theta: Array, b: Array, g: Array, c: Scalar) -> Array:
        return super().moved(theta, self.old, g, c)


@cage.defect(
    "velocity-rate-twice",
    "α goes into the velocity and multiplies it",
    claims="momentum[form=inside]",
)
class RateTwice(VelocityInside):
    def moved(self, theta: Array, b: Array, g: Array, c: Scalar) -> Array:
        return theta + c(self.lr) * b


DEFECTS: tuple[Defect, ...] = tuple(cage.records)
