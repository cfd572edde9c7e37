"""Honest targets of the specs beyond plain Algorithm 1: options, and the dialects libraries ship.

Each is faithful to the spec it names and, where that is not ``adam``, deviates from ``adam``.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

if (_tests := str(Path(__file__).resolve().parents[1])) not in sys.path:
    sys.path.append(_tests)

from zoo.base import Array, Slot
from zoo.honest import (
    ArrayScalars,
    Lerp,
    MasterWeights,
    Scalar,
    Textbook,
    TorchLike,
    WideArithmetic,
)
from zoo.record import NARROW, WIDE, Cage, Honest

cage = Cage(__file__)
DECAY = {"weight_decay": 0.125}
AMSGRAD = {"amsgrad": True}


# signatures: an option is discovered from the keyword parameters


class TakesDecay(Textbook):
    def __init__(
        self,
        params: Sequence[Array],
        *,
        lr: float,
        beta1: float,
        beta2: float,
        eps: float,
        weight_decay: float = 0.0,
        maximize: bool = False,
    ) -> None:
        self.setup(
            params,
            lr=lr,
            beta1=beta1,
            beta2=beta2,
            eps=eps,
            weight_decay=weight_decay,
            maximize=maximize,
        )


class TakesAmsgrad(Textbook):
    def __init__(
        self,
        params: Sequence[Array],
        *,
        lr: float,
        beta1: float,
        beta2: float,
        eps: float,
        amsgrad: bool = False,
        maximize: bool = False,
    ) -> None:
        self.setup(
            params, lr=lr, beta1=beta1, beta2=beta2, eps=eps, amsgrad=amsgrad, maximize=maximize
        )


class TakesAll(Textbook):
    def __init__(
        self,
        params: Sequence[Array],
        *,
        lr: float,
        beta1: float,
        beta2: float,
        eps: float,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
        maximize: bool = False,
    ) -> None:
        self.setup(
            params,
            lr=lr,
            beta1=beta1,
            beta2=beta2,
            eps=eps,
            weight_decay=weight_decay,
            amsgrad=amsgrad,
            maximize=maximize,
        )


# maximise


@cage.honest("textbook-maximize", "adam[maximize=yes]", options={"maximize": True})
class Maximize(Textbook):
    pass


@cage.honest("torch-like-maximize", "adam[maximize=yes]", options={"maximize": True})
class TorchLikeMaximize(TorchLike):
    pass


# weight decay


@cage.honest("textbook-l2", "adam[decay=l2]", options=DECAY)
class L2(TakesDecay):
    pass


@cage.honest("lerp-l2", "adam[decay=l2]", options=DECAY)
class LerpL2(TakesDecay, Lerp):
    pass


@cage.honest("wide-l2", "adam[decay=l2]", options=DECAY, dtypes=NARROW)
class WideL2(TakesDecay, WideArithmetic):
    pass


@cage.honest("textbook-decoupled", "adam[decay=decoupled]", options=DECAY)
class Decoupled(TakesDecay):
    """θ·(1-αλ) first, the factor formed in float64."""

    decay = "decoupled"


@cage.honest("decoupled-subtract", "adam[decay=decoupled]", options=DECAY)
class DecoupledSubtract(Decoupled):
    """θ - αλ·θ first."""

    def decayed(self, theta: Array, slot: Slot, c: Scalar) -> Array:
        return theta - c(self.lr * self.weight_decay) * theta if self.weight_decay else theta


@cage.honest("decoupled-one-subtraction", "adam[decay=decoupled]", options=DECAY)
class DecoupledOneSubtraction(Decoupled):
    """θ - α·(m̂/D + λθ)."""

    def kernel(self, theta: Array, g: Array, slot: Slot) -> Array:
        rate, self.lr = self.lr, 1.0
        moved = super().kernel(np.zeros_like(theta), g, slot)
        self.lr, c = rate, theta.dtype.type
        return theta - c(rate) * (c(self.weight_decay) * theta - moved)


@cage.honest("torch-like-decoupled", "adam[decay=decoupled]", options=DECAY)
class TorchLikeDecoupled(TakesDecay, TorchLike):
    decay = "decoupled"


@cage.honest("master-weights-decoupled", "adam[decay=decoupled]", options=DECAY, dtypes=NARROW)
class MasterWeightsDecoupled(TakesDecay, MasterWeights):
    decay = "decoupled"


@cage.honest("decoupled-unscaled", "adam[decay=decoupled-unscaled]", options=DECAY)
class DecoupledUnscaled(Decoupled):
    """θ·(1-λ): the decay as the AdamW paper writes it with a schedule of one."""

    def decayed(self, theta: Array, slot: Slot, c: Scalar) -> Array:
        return theta * c(1 - self.weight_decay)


@cage.honest("decoupled-after", "adam[decay=decoupled-after]", options=DECAY)
class DecoupledAfter(Decoupled):
    """(θ - Δ)·(1-αλ): the update is shrunk as well."""

    def kernel(self, theta: Array, g: Array, slot: Slot) -> Array:
        moved = super().kernel(theta, g, slot)
        return moved * theta.dtype.type(1 - self.lr * self.weight_decay)

    def decayed(self, theta: Array, slot: Slot, c: Scalar) -> Array:
        return theta


# AMSGrad


@cage.honest("textbook-amsgrad", "adam[amsgrad=v]", options=AMSGRAD)
class Amsgrad(TakesAmsgrad):
    pass


@cage.honest("torch-like-amsgrad", "adam[amsgrad=v]", options=AMSGRAD)
class TorchLikeAmsgrad(TakesAmsgrad, TorchLike):
    pass


@cage.honest(
    "array-scalars-amsgrad", "adam[amsgrad=v]", options=AMSGRAD, dtypes=WIDE, scalars="array"
)
class ArrayScalarsAmsgrad(TakesAmsgrad, ArrayScalars):
    pass


@cage.honest("amsgrad-corrected", "adam[amsgrad=vhat]", options=AMSGRAD)
class AmsgradCorrected(TakesAmsgrad):
    """The maximum over the corrected v̂: an early spike is kept a thousand times as large."""

    def update(self, slot: Slot, c: Scalar) -> Array:
        bc1, bc2 = self.corrections(slot)
        v_hat = slot.v / c(bc2)
        if slot.v_max is not None:
            v_hat = slot.v_max = np.maximum(slot.v_max, v_hat)
        return self.ratio(slot.m / c(bc1), v_hat, c)


# everything at once, as frameworks offer it


@cage.honest("torch-like-all")
@cage.honest("torch-like-all-l2", "adam[decay=l2]", options=DECAY)
@cage.honest("torch-like-all-amsgrad", "adam[amsgrad=v]", options=AMSGRAD)
@cage.honest(
    "torch-like-all-on",
    "adam[decay=l2,amsgrad=v,maximize=yes]",
    options={**DECAY, **AMSGRAD, "maximize": True},
)
class TorchLikeAll(TakesAll, TorchLike):
    pass


@cage.honest(
    "textbook-all-on-decoupled",
    "adam[decay=decoupled,amsgrad=v,maximize=yes]",
    options={**DECAY, **AMSGRAD, "maximize": True},
)
class AllDecoupled(TakesAll):
    decay = "decoupled"


# ε


@cage.honest("eps-hat-dialect", "adam[eps=hat]")
class EpsHat(Textbook):
    """α√(1-β2^t)/(1-β1^t)·m/(√v+ε̂)."""

    def update(self, slot: Slot, c: Scalar) -> Array:
        bc1, bc2 = self.corrections(slot)
        rate = c(self.lr * math.sqrt(bc2) / bc1)
        return rate * slot.m / (np.sqrt(slot.v) + c(self.eps))


@cage.honest("eps-inside-dialect", "adam[eps=inside]")
class EpsInside(Textbook):
    def denominator(self, v_hat: Array, c: Scalar) -> Array:
        return np.sqrt(v_hat + c(self.eps))


@cage.honest("eps-both-dialect", "adam[eps=both]", options={"eps_root": 2.0**-12})
class EpsBoth(Textbook):
    """√(v̂+ε_root)+ε."""

    def __init__(
        self,
        params: Sequence[Array],
        *,
        lr: float,
        beta1: float,
        beta2: float,
        eps: float,
        eps_root: float = 0.0,
        maximize: bool = False,
    ) -> None:
        self.setup(
            params, lr=lr, beta1=beta1, beta2=beta2, eps=eps, eps_root=eps_root, maximize=maximize
        )

    def denominator(self, v_hat: Array, c: Scalar) -> Array:
        return np.sqrt(v_hat + c(self.eps_root)) + c(self.eps)


@cage.honest("eps-max-dialect", "adam[eps=max]")
class EpsMax(Textbook):
    def denominator(self, v_hat: Array, c: Scalar) -> Array:
        return np.maximum(np.sqrt(v_hat), c(self.eps))


# bias correction


@cage.honest("bias-none-dialect", "adam[bias_correction=none]")
class BiasNone(Textbook):
    def corrections(self, slot: Slot) -> tuple[float, float]:
        return 1.0, 1.0


@cage.honest("bias-m-dialect", "adam[bias_correction=m]")
class BiasM(Textbook):
    def corrections(self, slot: Slot) -> tuple[float, float]:
        return super().corrections(slot)[0], 1.0


@cage.honest("bias-v-dialect", "adam[bias_correction=v]")
class BiasV(Textbook):
    def corrections(self, slot: Slot) -> tuple[float, float]:
        return 1.0, super().corrections(slot)[1]


@cage.honest("first-t-two", "adam[first_t=2]")
class FirstTTwo(Textbook):
    """The first step is called 2; ``moments`` still counts the steps taken."""

    def corrections(self, slot: Slot) -> tuple[float, float]:
        return 1 - self.beta1 ** (slot.t + 1), 1 - self.beta2 ** (slot.t + 1)


# two conventions at once


@cage.honest("eps-inside-uncorrected", "adam[eps=inside,bias_correction=none]")
class EpsInsideUncorrected(BiasNone, EpsInside):
    pass


@cage.honest("lerp-eps-hat-l2", "adam[eps=hat,decay=l2]", options=DECAY)
class LerpEpsHatL2(TakesDecay, EpsHat, Lerp):
    pass


DIALECTS: tuple[Honest, ...] = tuple(cage.records)
