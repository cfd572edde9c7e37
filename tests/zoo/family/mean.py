"""Honest orders of AdaGrad and RMSProp: steps over a sum or an average of squares."""

from __future__ import annotations

import math
import sys
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

if (_tests := str(Path(__file__).resolve().parents[2])) not in sys.path:
    sys.path.append(_tests)

from adamcheck.mutations.fused import fma
from zoo.base import Array
from zoo.family.base import Relative, Scalar, Slot
from zoo.record import NARROW, Cage, Honest

cage = Cage(__file__)
DECAY = {"weight_decay": 0.125}


class Divided(Relative):
    """θ - α·g/(√v+ε); the parts are what orders and dialects replace."""

    KEPT: tuple[str, ...] = ("v",)

    def kernel(self, theta: Array, g: Array, slot: Slot) -> Array:
        c = theta.dtype.type
        g = self.gradient(theta, g, c)
        theta = self.decayed(theta, c)
        slot.kept["v"] = self.second(slot.kept["v"], g, slot, c)
        return self.moved(theta, g, self.denominator(slot, c), slot, c)

    @abstractmethod
    def second(self, v: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        """Return the next v."""

    def denominator(self, slot: Slot, c: Scalar) -> Array:
        return np.sqrt(slot.kept["v"]) + c(self.eps)

    def rate(self, slot: Slot) -> float:
        return self.lr

    def moved(self, theta: Array, g: Array, d: Array, slot: Slot, c: Scalar) -> Array:
        return theta - c(self.rate(slot)) * (g / d)


@cage.honest("adagrad", "adagrad")
class AdaGrad(Divided):
    """v = v + g²."""

    def __init__(
        self,
        params: Sequence[Array],
        *,
        lr: float,
        eps: float,
        weight_decay: float = 0.0,
        maximize: bool = False,
    ) -> None:
        self.setup(params, lr=lr, eps=eps, weight_decay=weight_decay, maximize=maximize)

    def second(self, v: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        return v + g * g


@cage.honest("adagrad-fused", "adagrad")
class FusedAdaGrad(AdaGrad):
    """v + g·g with one rounding, and α·g divided at last."""

    def second(self, v: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        return fma(g, g, v, v.dtype)

    def moved(self, theta: Array, g: Array, d: Array, slot: Slot, c: Scalar) -> Array:
        return theta - c(self.rate(slot)) * g / d


@cage.honest("adagrad-wide", "adagrad", dtypes=NARROW)
class WideAdaGrad(AdaGrad):
    wide = np.float64


@cage.honest("adagrad-l2", "adagrad[decay=l2]", options=DECAY)
class AdaGradL2(AdaGrad):
    pass


@cage.honest("adagrad-no-eps", "adagrad[eps=none]")
class AdaGradNoEps(AdaGrad):
    """Without ε; an element that never saw a gradient stays where it is."""

    def __init__(self, params: Sequence[Array], *, lr: float, maximize: bool = False) -> None:
        self.setup(params, lr=lr, maximize=maximize)

    def denominator(self, slot: Slot, c: Scalar) -> Array:
        v = slot.kept["v"]
        return np.where(v > 0, np.sqrt(v), c(1.0))


@cage.honest("adagrad-torch-like", "adagrad[lr_decay=yes,accumulator=initial]")
class AdaGradWithOptions(AdaGrad):
    """PyTorch's: the sum starts where one says, and α decays."""

    def __init__(
        self,
        params: Sequence[Array],
        *,
        lr: float,
        eps: float,
        lr_decay: float = 0.0,
        initial_accumulator: float = 0.0,
    ) -> None:
        self.setup(
            params, lr=lr, eps=eps, lr_decay=lr_decay, initial_accumulator=initial_accumulator
        )

    def first_value(self, name: str, zero: Array) -> Array:
        return zero + zero.dtype.type(self.initial_accumulator)

    def rate(self, slot: Slot) -> float:
        return self.lr / (1 + (slot.t - 1) * self.lr_decay)


@cage.honest("adagrad-optax-like", "adagrad[eps=inside,accumulator=initial]")
class AdaGradInside(AdaGradWithOptions):
    """optax's and Keras's: ε under the root, taken as a reciprocal."""

    def __init__(
        self,
        params: Sequence[Array],
        *,
        lr: float,
        eps: float,
        initial_accumulator: float = 0.1,
    ) -> None:
        self.setup(params, lr=lr, eps=eps, lr_decay=0.0, initial_accumulator=initial_accumulator)

    def moved(self, theta: Array, g: Array, d: Array, slot: Slot, c: Scalar) -> Array:
        return theta + c(-self.lr) * (g * (c(1.0) / d))

    def denominator(self, slot: Slot, c: Scalar) -> Array:
        return np.sqrt(slot.kept["v"] + c(self.eps))


@cage.honest("rmsprop", "rmsprop")
class RMSProp(Divided):
    """v = β2·v + (1-β2)·g²."""

    def __init__(
        self,
        params: Sequence[Array],
        *,
        lr: float,
        beta2: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        maximize: bool = False,
    ) -> None:
        self.setup(
            params, lr=lr, beta2=beta2, eps=eps, weight_decay=weight_decay, maximize=maximize
        )

    def second(self, v: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        return self.average(self.beta2, v, g * g, c)


@cage.honest("rmsprop-lerp", "rmsprop")
class LerpRMSProp(RMSProp):
    def average(self, beta: float, old: Array, new: Array, c: Scalar) -> Array:
        return old + c(1 - beta) * (new - old)


@cage.honest("rmsprop-weighted-square", "rmsprop")
class WeightedRMSProp(RMSProp):
    """((1-β2)·g)·g, contracted."""

    def second(self, v: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        return fma(c(1 - self.beta2) * g, g, c(self.beta2) * v, v.dtype)


@cage.honest("rmsprop-wide", "rmsprop", dtypes=NARROW)
class WideRMSProp(RMSProp):
    wide = np.float64


@cage.honest("rmsprop-inside", "rmsprop[eps=inside]")
class RMSPropInside(RMSProp):
    """Keras's and optax's."""

    def denominator(self, slot: Slot, c: Scalar) -> Array:
        return np.sqrt(slot.kept["v"] + c(self.eps))


@cage.honest("rmsprop-from-one", "rmsprop[accumulator=one]")
class RMSPropFromOne(RMSProp):
    """autograd's: the average starts at one."""

    def first_value(self, name: str, zero: Array) -> Array:
        return zero + zero.dtype.type(1.0)


@cage.honest("rmsprop-corrected", "rmsprop[bias_correction=v]")
class RMSPropCorrected(RMSProp):
    """Adam at β1 = 0."""

    def denominator(self, slot: Slot, c: Scalar) -> Array:
        return np.sqrt(slot.kept["v"] / c(1 - self.beta2**slot.t)) + c(self.eps)


@cage.honest("rmsprop-corrected-reassociated", "rmsprop[bias_correction=v]")
class RMSPropReassociated(RMSProp):
    """α√(1-β2^t)·g/(√v + ε√(1-β2^t))."""

    def denominator(self, slot: Slot, c: Scalar) -> Array:
        root = math.sqrt(1 - self.beta2**slot.t)
        return np.sqrt(slot.kept["v"]) + c(self.eps * root)

    def rate(self, slot: Slot) -> float:
        return self.lr * math.sqrt(1 - self.beta2**slot.t)


@cage.honest("rmsprop-torch-like", "rmsprop[centered=yes,momentum=yes]", options={"centered": True})
class RMSPropWithOptions(RMSProp):
    """PyTorch's: centred where asked, with a velocity of the divided gradients."""

    KEPT = ("v", "m", "velocity")

    def __init__(
        self,
        params: Sequence[Array],
        *,
        lr: float,
        beta2: float = 0.99,
        eps: float = 1e-8,
        momentum: float = 0.0,
        centered: bool = False,
        nesterov: bool = False,
    ) -> None:
        self.setup(
            params,
            lr=lr,
            beta2=beta2,
            eps=eps,
            momentum=momentum,
            centered=centered,
            nesterov=nesterov,
        )

    def kernel(self, theta: Array, g: Array, slot: Slot) -> Array:
        c = theta.dtype.type
        slot.kept["m"] = self.average(self.beta2, slot.kept["m"], g, c)
        return super().kernel(theta, g, slot)

    def denominator(self, slot: Slot, c: Scalar) -> Array:
        return np.sqrt(self.spread(slot)) + c(self.eps)

    def spread(self, slot: Slot) -> Any:
        v, m = slot.kept["v"], slot.kept["m"]
        return v - m * m if self.centered else v

    def moved(self, theta: Array, g: Array, d: Array, slot: Slot, c: Scalar) -> Array:
        q = g / d
        b = slot.kept["velocity"] = c(self.momentum) * slot.kept["velocity"] + q
        return theta - c(self.lr) * (q + c(self.momentum) * b if self.nesterov else b)


@cage.honest("rmsprop-momentum", "rmsprop[momentum=yes]")
class RMSPropMomentum(RMSPropWithOptions):
    pass


@cage.honest("rmsprop-nesterov", "rmsprop[nesterov=yes,momentum=yes]", options={"nesterov": True})
class RMSPropNesterov(RMSPropWithOptions):
    pass


@cage.honest(
    "rmsprop-keras-like",
    "rmsprop[eps=inside,form=inside,centered=yes,momentum=yes]",
    options={"centered": True},
)
class RMSPropKerasLike(RMSPropWithOptions):
    """Keras's: α goes into the velocity, ε under the root."""

    def denominator(self, slot: Slot, c: Scalar) -> Array:
        return np.sqrt(self.spread(slot) + c(self.eps))

    def moved(self, theta: Array, g: Array, d: Array, slot: Slot, c: Scalar) -> Array:
        b = c(self.momentum) * slot.kept["velocity"] + c(self.lr) * g / d
        slot.kept["velocity"] = b
        return theta - b


HONEST: tuple[Honest, ...] = tuple(cage.records)
