"""Honest orders of AdaMax, NAdam and RAdam."""

from __future__ import annotations

import math
import sys
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path

import numpy as np

if (_tests := str(Path(__file__).resolve().parents[2])) not in sys.path:
    sys.path.append(_tests)

from zoo.base import Array
from zoo.family.base import Relative, Scalar, Slot
from zoo.record import NARROW, Cage, Honest

cage = Cage(__file__)
DECAY = {"weight_decay": 0.125}


class TwoMoments(Relative):
    """m and v, and the corrections of both."""

    KEPT = ("m", "v")

    def kernel(self, theta: Array, g: Array, slot: Slot) -> Array:
        c = theta.dtype.type
        g = self.gradient(theta, g, c)
        theta = self.decayed(theta, c)
        slot.kept["m"] = self.first(slot.kept["m"], g, slot, c)
        slot.kept["v"] = self.second(slot.kept["v"], g, slot, c)
        return self.moved(theta, g, slot, c)

    def first(self, m: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        return self.average(self.beta1, m, g, c)

    def second(self, v: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        return self.average(self.beta2, v, g * g, c)

    def correction(self, beta: float, slot: Slot) -> float:
        return 1 - beta**slot.t

    @abstractmethod
    def moved(self, theta: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        """Return the next θ."""


@cage.honest("adamax", "adamax")
class AdaMax(TwoMoments):
    """u = max(β2·u, |g|) and θ - α·m̂/u; an element that never saw a gradient stays."""

    def __init__(
        self,
        params: Sequence[Array],
        *,
        lr: float,
        beta1: float = 0.9,
        beta2: float = 0.999,
        weight_decay: float = 0.0,
        maximize: bool = False,
    ) -> None:
        self.setup(
            params, lr=lr, beta1=beta1, beta2=beta2, weight_decay=weight_decay, maximize=maximize
        )

    def second(self, v: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        return np.maximum(self.faded(v, c), self.size(g, c))

    def faded(self, v: Array, c: Scalar) -> Array:
        return c(self.beta2) * v

    def size(self, g: Array, c: Scalar) -> Array:
        return np.abs(g)

    def denominator(self, slot: Slot, c: Scalar) -> Array:
        v = slot.kept["v"]
        return np.where(v > 0, v, c(1.0))

    def moved(self, theta: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        m_hat = slot.kept["m"] / c(self.correction(self.beta1, slot))
        return theta - c(self.lr) * (m_hat / self.denominator(slot, c))


@cage.honest("adamax-reassociated", "adamax")
class ReassociatedAdaMax(AdaMax):
    """(α/(1-β1^t))·m/u, as the paper writes it."""

    def moved(self, theta: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        rate = c(self.lr / self.correction(self.beta1, slot))
        return theta - rate * slot.kept["m"] / self.denominator(slot, c)


@cage.honest("adamax-wide", "adamax", dtypes=NARROW)
class WideAdaMax(AdaMax):
    wide = np.float64


class AdaMaxWithEps(AdaMax):
    def __init__(
        self,
        params: Sequence[Array],
        *,
        lr: float,
        beta1: float = 0.9,
        beta2: float = 0.999,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        self.setup(params, lr=lr, beta1=beta1, beta2=beta2, eps=eps, weight_decay=weight_decay)


@cage.honest("adamax-eps-outside", "adamax[eps=outside]")
class AdaMaxOutside(AdaMaxWithEps):
    """JAX's and Keras's: α·m/((1-β1^t)(u+ε))."""

    def moved(self, theta: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        bottom = c(self.correction(self.beta1, slot)) * (slot.kept["v"] + c(self.eps))
        return theta - c(self.lr) * slot.kept["m"] / bottom


@cage.honest("adamax-eps-gradient", "adamax[eps=gradient]")
class AdaMaxGradient(AdaMaxWithEps):
    """PyTorch's and optax's: max(β2·u, |g|+ε)."""

    def size(self, g: Array, c: Scalar) -> Array:
        return np.abs(g) + c(self.eps)


@cage.honest("adamax-eps-gradient-l2", "adamax[eps=gradient,decay=l2]", options=DECAY)
class AdaMaxGradientL2(AdaMaxGradient):
    pass


@cage.honest("adamax-eps-decayed", "adamax[eps=decayed]")
class AdaMaxDecayed(AdaMaxWithEps):
    """max(β2·u+ε, |g|)."""

    def faded(self, v: Array, c: Scalar) -> Array:
        return c(self.beta2) * v + c(self.eps)


class Both(TwoMoments):
    """The constructor of NAdam and RAdam."""

    def __init__(
        self,
        params: Sequence[Array],
        *,
        lr: float,
        beta1: float = 0.9,
        beta2: float = 0.999,
        eps: float = 1e-8,
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

    def denominator(self, slot: Slot, c: Scalar) -> Array:
        return np.sqrt(slot.kept["v"] / c(self.correction(self.beta2, slot))) + c(self.eps)


@cage.honest("nadam", "nadam")
class NAdam(Both):
    """The parts are added, then divided (optax); ``scheduled`` is the momentum of a step."""

    def scheduled(self, t: int) -> float:
        return self.beta1

    def products(self, slot: Slot) -> tuple[float, float]:
        """1 - Π μ up to this step and up to the next."""
        now = slot.extra.get("product", 1.0) * self.scheduled(slot.t)
        slot.extra["product"] = now
        return 1 - now, 1 - now * self.scheduled(slot.t + 1)

    def restore(self, slot: Slot) -> None:
        slot.extra["product"] = math.prod(self.scheduled(t) for t in range(1, slot.t + 1))

    def moved(self, theta: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        ahead, fresh = self.weights(slot)
        top = c(ahead) * slot.kept["m"] + c(fresh) * g
        return theta - c(self.lr) * (top / self.denominator(slot, c))

    def weights(self, slot: Slot) -> tuple[float, float]:
        now, following = self.products(slot)
        return self.scheduled(slot.t + 1) / following, (1 - self.scheduled(slot.t)) / now


@cage.honest("nadam-wide", "nadam", dtypes=NARROW)
class WideNAdam(NAdam):
    wide = np.float64


@cage.honest("nadam-decoupled", "nadam[decay=decoupled]", options=DECAY)
class NAdamDecoupled(NAdam):
    decay = "decoupled"


@cage.honest("nadam-torch-like", "nadam[schedule=momentum-decay]")
class NAdamScheduled(NAdam):
    """PyTorch's: 0.96^(ψt), and two updates one after the other."""

    def __init__(
        self,
        params: Sequence[Array],
        *,
        lr: float,
        beta1: float = 0.9,
        beta2: float = 0.999,
        eps: float = 1e-8,
        momentum_decay: float = 4e-3,
    ) -> None:
        self.setup(params, lr=lr, beta1=beta1, beta2=beta2, eps=eps, momentum_decay=momentum_decay)

    def scheduled(self, t: int) -> float:
        return self.beta1 * (1 - 0.5 * 0.96 ** (t * self.momentum_decay))

    def moved(self, theta: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        ahead, fresh = self.weights(slot)
        d = self.denominator(slot, c)
        theta = theta + c(-self.lr * fresh) * g / d
        return theta + c(-self.lr * ahead) * slot.kept["m"] / d


@cage.honest("nadam-keras-like", "nadam[schedule=0.96^t]")
class NAdamFast(NAdam):
    """Keras's: 0.96^t."""

    def scheduled(self, t: int) -> float:
        return self.beta1 * (1 - 0.5 * 0.96**t)


@cage.honest("nadam-dozat", "nadam[schedule=0.96^(t/250)]")
class NAdamDozat(NAdam):
    def scheduled(self, t: int) -> float:
        return self.beta1 * (1 - 0.5 * 0.96 ** (t / 250))


@cage.honest("nadam-without-lookahead", "nadam[lookahead=no]")
class NAdamNoLookahead(NAdam):
    """β1·m̂_t in place of the momentum that is to come."""

    def weights(self, slot: Slot) -> tuple[float, float]:
        now, _ = self.products(slot)
        return self.scheduled(slot.t) / now, (1 - self.scheduled(slot.t)) / now


@cage.honest("radam", "radam")
class RAdam(Both):
    """Rectified where ρ_t > 5 (optax)."""

    cut = 5.0

    def length(self, slot: Slot) -> float:
        power = self.beta2**slot.t
        return self.longest() - 2 * slot.t * power / (1 - power)

    def longest(self) -> float:
        return 2 / (1 - self.beta2) - 1

    def adapts(self, length: float) -> bool:
        return length > self.cut

    def rectification(self, length: float) -> float:
        longest = self.longest()
        above = (length - 4) * (length - 2) * longest
        return math.sqrt(above / ((longest - 4) * (longest - 2) * length))

    def moved(self, theta: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        length = self.length(slot)
        m_hat = slot.kept["m"] / c(self.correction(self.beta1, slot))
        if not self.adapts(length):
            return theta - c(self.lr) * m_hat
        r = c(self.rectification(length))
        return theta - c(self.lr) * (r * m_hat / self.denominator(slot, c))


@cage.honest("radam-wide", "radam", dtypes=NARROW)
class WideRAdam(RAdam):
    wide = np.float64


@cage.honest("radam-l2", "radam[decay=l2]", options=DECAY)
class RAdamL2(RAdam):
    pass


@cage.honest("radam-torch-like", "radam[eps=hat]")
class RAdamHat(RAdam):
    """PyTorch's: m̂·α·(√(1-β2^t)/(√v+ε))·r."""

    def moved(self, theta: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        length = self.length(slot)
        m_hat = slot.kept["m"] / c(self.correction(self.beta1, slot))
        if not self.adapts(length):
            return theta - m_hat * c(self.lr)
        root = c(math.sqrt(self.correction(self.beta2, slot)))
        q = m_hat * c(self.lr) * (root / (np.sqrt(slot.kept["v"]) + c(self.eps)))
        return theta - q * c(self.rectification(length))


@cage.honest("radam-cut-4", "radam[cut=4]")
class RAdamPaper(RAdam):
    """The paper's cut."""

    cut = 4.0


HONEST: tuple[Honest, ...] = tuple(cage.records)
