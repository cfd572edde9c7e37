"""Planted defects of AdaMax, NAdam and RAdam."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

if (_tests := str(Path(__file__).resolve().parents[2])) not in sys.path:
    sys.path.append(_tests)

from zoo.base import Array
from zoo.family.base import Scalar, Slot
from zoo.family.norm import AdaMax, AdaMaxGradient, NAdam, NAdamScheduled, RAdam
from zoo.record import FLOAT16, FLOAT32, FLOAT64, WIDE, Cage, Defect

THREE = (FLOAT64, FLOAT32, FLOAT16)

cage = Cage(__file__, family="relatives")
SCHEDULED = "nadam[schedule=momentum-decay]"


# AdaMax


@cage.defect("adamax-never-fades", "u = max(u, |g|)", claims="adamax", dtypes=THREE)
class NeverFades(AdaMax):
    def faded(self, v: Array, c: Scalar) -> Array:
        return v


@cage.defect("adamax-fades-after", "u = β2·max(u, |g|)", claims="adamax", dtypes=THREE)
class FadesAfter(AdaMax):
    def second(self, v: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        return c(self.beta2) * np.maximum(v, np.abs(g))


@cage.defect("adamax-not-corrected", "m in place of m̂", claims="adamax", tags=("dialect",))
class NotCorrected(AdaMax):
    def correction(self, beta: float, slot: Slot) -> float:
        return 1.0


@cage.defect("adamax-corrects-u", "u is divided by 1-β2^t", claims="adamax")
class CorrectsU(AdaMax):
    def denominator(self, slot: Slot, c: Scalar) -> Array:
        return super().denominator(slot, c) / c(self.correction(self.beta2, slot))


@cage.defect("adamax-signed", "u = max(β2·u, g): falling gradients are not seen", claims="adamax")
class Signed(AdaMax):
    def size(self, g: Array, c: Scalar) -> Array:
        return g


@cage.defect("adamax-squares", "u = max(β2·u, g²), and its root", claims="adamax", dtypes=THREE)
class Squares(AdaMax):
    def size(self, g: Array, c: Scalar) -> Array:
        return g * g

    def denominator(self, slot: Slot, c: Scalar) -> Array:
        return np.sqrt(super().denominator(slot, c))


@cage.defect(
    "adamax-eps-moved",
    "ε is added to u",
    claims="adamax[eps=gradient]",
    tags=("dialect",),
    dtypes=WIDE,
)
class EpsMoved(AdaMaxGradient):
    def size(self, g: Array, c: Scalar) -> Array:
        return np.abs(g)

    def denominator(self, slot: Slot, c: Scalar) -> Array:
        return slot.kept["v"] + c(self.eps)


@cage.defect("adamax-counts-from-two", "m̂ = m/(1-β1^(t+1))", claims="adamax", tags=("dialect",))
class CountsFromTwo(AdaMax):
    def correction(self, beta: float, slot: Slot) -> float:
        return 1 - beta ** (slot.t + 1)


# NAdam


@cage.defect(
    "nadam-no-lookahead",
    "m is corrected by this step's product",
    claims="nadam",
    tags=("dialect",),
)
class NoLookahead(NAdam):
    def weights(self, slot: Slot) -> tuple[float, float]:
        now, _ = self.products(slot)
        return self.scheduled(slot.t) / now, (1 - self.scheduled(slot.t)) / now


@cage.defect("nadam-is-adam", "the step is Adam's", claims="nadam", tags=("dialect",))
class IsAdam(NAdam):
    def weights(self, slot: Slot) -> tuple[float, float]:
        now, _ = self.products(slot)
        return 1 / now, 0.0


@cage.defect("nadam-whole-gradient", "g is not weighted with 1-μ", claims="nadam")
class WholeGradient(NAdam):
    def weights(self, slot: Slot) -> tuple[float, float]:
        now, following = self.products(slot)
        return self.scheduled(slot.t + 1) / following, 1 / now


@cage.defect(
    "nadam-decayed-v",
    "v̂ is multiplied by β2, as in Dozat's Algorithm 2",
    claims="nadam",
    dtypes=WIDE,
)
class DecayedV(NAdam):
    def denominator(self, slot: Slot, c: Scalar) -> Array:
        v = c(self.beta2) * slot.kept["v"]
        return np.sqrt(v / c(self.correction(self.beta2, slot))) + c(self.eps)


@cage.defect("nadam-no-schedule", "momentum_decay is ignored", claims=SCHEDULED, tags=("dialect",))
class NoSchedule(NAdamScheduled):
    def scheduled(self, t: int) -> float:
        return self.beta1


@cage.defect("nadam-late-schedule", "μ_t is that of t-1", claims=SCHEDULED, dtypes=WIDE)
class LateSchedule(NAdamScheduled):
    def scheduled(self, t: int) -> float:
        return super().scheduled(t - 1)


@cage.defect(
    "nadam-power-of-momentum", "μ^t in place of the product of all μ", claims=SCHEDULED, dtypes=WIDE
)
class PowerOfMomentum(NAdamScheduled):
    def products(self, slot: Slot) -> tuple[float, float]:
        t = slot.t
        return 1 - self.scheduled(t) ** t, 1 - self.scheduled(t + 1) ** (t + 1)


@cage.defect(
    "nadam-float32-product",
    "the product of all μ is kept in float32, as PyTorch keeps it",
    claims=SCHEDULED,
    dtypes=(FLOAT64,),
    tags=("subtle",),
)
class Float32Product(NAdamScheduled):
    def products(self, slot: Slot) -> tuple[float, float]:
        product = np.float32(slot.extra.get("product", 1.0)) * np.float32(self.scheduled(slot.t))
        slot.extra["product"] = float(product)
        now = float(product)
        return 1 - now, 1 - now * self.scheduled(slot.t + 1)


# RAdam


@cage.defect("radam-earlier-cut", "adapts from ρ_t > 4 on", claims="radam", tags=("dialect",))
class EarlierCut(RAdam):
    cut = 4.0


@cage.defect("radam-not-rectified", "r is left out", claims="radam")
class NotRectified(RAdam):
    def rectification(self, length: float) -> float:
        return 1.0


@cage.defect("radam-no-root", "r² in place of r", claims="radam")
class NoRootOfR(RAdam):
    def rectification(self, length: float) -> float:
        return super().rectification(length) ** 2


@cage.defect("radam-longer", "ρ_∞ = 2/(1-β2)", claims="radam")
class Longer(RAdam):
    def longest(self) -> float:
        return 2 / (1 - self.beta2)


@cage.defect("radam-late-count", "ρ_t is that of t-1", claims="radam")
class LateCount(RAdam):
    def length(self, slot: Slot) -> float:
        t = slot.t - 1
        power = self.beta2**t
        return self.longest() - 2 * t * power / (1 - power) if t else 1.0


@cage.defect("radam-waits", "no step at all before the average is long enough", claims="radam")
class Waits(RAdam):
    def moved(self, theta: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        return super().moved(theta, g, slot, c) if self.adapts(self.length(slot)) else theta


@cage.defect("radam-warm-up-not-corrected", "the first steps take m, not m̂", claims="radam")
class WarmUpNotCorrected(RAdam):
    def moved(self, theta: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        if self.adapts(self.length(slot)):
            return super().moved(theta, g, slot, c)
        return theta - c(self.lr) * slot.kept["m"]


@cage.defect(
    "radam-eps-hat",
    "ε is added to the uncorrected root",
    claims="radam",
    tags=("dialect",),
    dtypes=WIDE,
)
class EpsHat(RAdam):
    def denominator(self, slot: Slot, c: Scalar) -> Array:
        root = np.sqrt(slot.kept["v"]) + c(self.eps)
        return root / c(np.sqrt(self.correction(self.beta2, slot)))


@cage.defect("radam-stops-adapting", "adapts only up to t=50", claims="radam", shows="long")
class StopsAdapting(RAdam):
    def moved(self, theta: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        if slot.t > 50:
            return theta - c(self.lr) * (slot.kept["m"] / c(self.correction(self.beta1, slot)))
        return super().moved(theta, g, slot, c)


DEFECTS: tuple[Defect, ...] = tuple(cage.records)
