"""Honest orders of gradient descent and of momentum in its forms."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

if (_tests := str(Path(__file__).resolve().parents[2])) not in sys.path:
    sys.path.append(_tests)

from adamcheck.mutations.fused import fma
from zoo.base import Array
from zoo.family.base import Relative, Scalar, Slot
from zoo.record import NARROW, Cage, Honest

cage = Cage(__file__)
DECAY = {"weight_decay": 0.125}


@cage.honest("gd", "gd")
class GradientDescent(Relative):
    """θ - α·g."""

    def __init__(
        self,
        params: Sequence[Array],
        *,
        lr: float,
        weight_decay: float = 0.0,
        maximize: bool = False,
    ) -> None:
        self.setup(params, lr=lr, weight_decay=weight_decay, maximize=maximize)

    def kernel(self, theta: Array, g: Array, slot: Slot) -> Array:
        c = theta.dtype.type
        g = self.gradient(theta, g, c)
        return self.moved(self.decayed(theta, c), g, slot, c)

    def moved(self, theta: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        return theta - c(self.lr) * g


@cage.honest("gd-fused", "gd")
class FusedDescent(GradientDescent):
    """θ + (-α)·g with one rounding."""

    def moved(self, theta: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        return fma(c(-self.lr), g, theta, theta.dtype)


@cage.honest("gd-wide", "gd", dtypes=NARROW)
class WideDescent(GradientDescent):
    """float64 arithmetic on narrow arrays."""

    wide = np.float64


@cage.honest("gd-l2", "gd[decay=l2]", options=DECAY)
class DescentL2(GradientDescent):
    pass


@cage.honest("gd-decoupled", "gd[decay=decoupled]", options=DECAY)
class DescentDecoupled(GradientDescent):
    decay = "decoupled"


@cage.honest("gd-maximize", "gd[maximize=yes]", options={"maximize": True})
class Ascent(GradientDescent):
    pass


@cage.honest("heavy-ball", "momentum")
class HeavyBall(Relative):
    """b = μ·b + g and θ - α·b."""

    KEPT = ("velocity",)

    def __init__(
        self,
        params: Sequence[Array],
        *,
        lr: float,
        momentum: float = 0.9,
        nesterov: bool = False,
        weight_decay: float = 0.0,
        maximize: bool = False,
    ) -> None:
        self.setup(
            params,
            lr=lr,
            momentum=momentum,
            nesterov=nesterov,
            weight_decay=weight_decay,
            maximize=maximize,
        )

    def kernel(self, theta: Array, g: Array, slot: Slot) -> Array:
        c = theta.dtype.type
        g = self.gradient(theta, g, c)
        theta = self.decayed(theta, c)
        b = slot.kept["velocity"] = self.velocity(slot.kept["velocity"], g, slot, c)
        return self.moved(theta, b, g, c)

    def velocity(self, b: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        return c(self.momentum) * b + g

    def moved(self, theta: Array, b: Array, g: Array, c: Scalar) -> Array:
        return theta - c(self.lr) * self.direction(b, g, c)

    def direction(self, b: Array, g: Array, c: Scalar) -> Array:
        return g + c(self.momentum) * b if self.nesterov else b


@cage.honest("nesterov", "nesterov", options={"nesterov": True})
class Nesterov(HeavyBall):
    """θ - α·(g + μ·b)."""


@cage.honest("heavy-ball-fused", "momentum")
class FusedHeavyBall(HeavyBall):
    """Both multiply-adds contracted."""

    def velocity(self, b: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        return fma(c(self.momentum), b, g, b.dtype)

    def moved(self, theta: Array, b: Array, g: Array, c: Scalar) -> Array:
        return fma(c(-self.lr), self.direction(b, g, c), theta, theta.dtype)


@cage.honest("heavy-ball-wide", "momentum", dtypes=NARROW)
class WideHeavyBall(HeavyBall):
    wide = np.float64


@cage.honest("heavy-ball-l2", "momentum[decay=l2]", options=DECAY)
class HeavyBallL2(HeavyBall):
    pass


@cage.honest("dampened", "momentum[dampening=late]")
class Dampened(HeavyBall):
    """The gradient enters with weight 1-τ, whole at the first step."""

    def __init__(
        self,
        params: Sequence[Array],
        *,
        lr: float,
        momentum: float = 0.9,
        dampening: float = 0.25,
    ) -> None:
        self.setup(params, lr=lr, momentum=momentum, dampening=dampening, nesterov=False)

    def velocity(self, b: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        return c(self.momentum) * b + self.weighted(g, slot, c)

    def weighted(self, g: Array, slot: Slot, c: Scalar) -> Array:
        return g if slot.t == 1 else c(1 - self.dampening) * g


@cage.honest("dampened-always", "momentum[dampening=full]")
class DampenedAlways(Dampened):
    def weighted(self, g: Array, slot: Slot, c: Scalar) -> Array:
        return c(1 - self.dampening) * g


@cage.honest("velocity-average", "momentum[dampening=ema]")
class VelocityAverage(HeavyBall):
    """b = μ·b + (1-μ)·g."""

    def velocity(self, b: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        return self.average(self.momentum, b, g, c)


@cage.honest("velocity-average-lerp", "momentum[dampening=ema]")
class VelocityLerp(VelocityAverage):
    def average(self, beta: float, old: Array, new: Array, c: Scalar) -> Array:
        return old + c(1 - beta) * (new - old)


@cage.honest("velocity-inside", "momentum[form=inside]")
class VelocityInside(HeavyBall):
    """b = μ·b - α·g and θ + b."""

    def velocity(self, b: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        return c(self.momentum) * b - c(self.lr) * g

    def moved(self, theta: Array, b: Array, g: Array, c: Scalar) -> Array:
        if self.nesterov:
            return theta + (c(self.momentum) * b - c(self.lr) * g)
        return theta + b


@cage.honest("nesterov-inside", "momentum[nesterov=yes,form=inside]", options={"nesterov": True})
class NesterovInside(VelocityInside):
    pass


HONEST: tuple[Honest, ...] = tuple(cage.records)
