"""Planted defects of the formula: other optimizers under Adam's name, and slips of the pen."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

if (_tests := str(Path(__file__).resolve().parents[2])) not in sys.path:
    sys.path.append(_tests)

from zoo.base import Array, Slot
from zoo.honest import Scalar, Textbook
from zoo.record import FLOAT16, Cage, Defect

cage = Cage(__file__)


class _UsesGradient(Textbook):
    """Keeps the gradient of the step at hand for an update that reads it."""

    def gradient(self, theta: Array, g: Array, c: Scalar) -> Array:
        self.g = super().gradient(theta, g, c)
        return self.g


# other optimizers


@cage.defect("family-rmsprop", "RMSProp: no first moment", tags=("other-family",))
class Rmsprop(_UsesGradient):
    def update(self, slot: Slot, c: Scalar) -> Array:
        return self.ratio(self.g, slot.v, c)


@cage.defect(
    "family-nesterov",
    "NAdam after Dozat, momentum constant",
    tags=("other-family",),
    row="keras-team/keras#15710",
)
class Nesterov(_UsesGradient):
    def update(self, slot: Slot, c: Scalar) -> Array:
        b1, t = self.beta1, slot.t
        ahead = c(b1 / (1 - b1 ** (t + 1))) * slot.m + c((1 - b1) / (1 - b1**t)) * self.g
        return self.ratio(ahead, slot.v / c(self.corrections(slot)[1]), c)


@cage.defect(
    "family-nesterov-other",
    "β1·m + (1-β1)g over one correction: a second NAdam",
    tags=("other-family",),
    row="keras-team/keras#15710",
)
class NesterovOther(_UsesGradient):
    def update(self, slot: Slot, c: Scalar) -> Array:
        bc1, bc2 = self.corrections(slot)
        ahead = c(self.beta1) * slot.m + c(1 - self.beta1) * self.g
        return self.ratio(ahead / c(bc1), slot.v / c(bc2), c)


@cage.defect(
    "family-radam",
    "RAdam: rectified from ρ > 5 on, unadapted before",
    tags=("other-family",),
    row="lessw2020/Ranger-Deep-Learning-Optimizer#2, RAdam-Tensorflow#2",
)
class Radam(Textbook):
    def update(self, slot: Slot, c: Scalar) -> Array:
        b2, t = self.beta2, slot.t
        bc1, bc2 = self.corrections(slot)
        end = 2 / (1 - b2) - 1
        now = end - 2 * t * b2**t / bc2
        if now <= 5:
            return c(self.lr) * (slot.m / c(bc1))
        r = (now - 4) * (now - 2) * end / ((end - 4) * (end - 2) * now)
        return c(r**0.5) * self.ratio(slot.m / c(bc1), slot.v / c(bc2), c)


@cage.defect("family-adabelief", "v averages (g-m)²: AdaBelief", tags=("other-family",))
class Adabelief(Textbook):
    def second(self, v: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        return super().second(v, g - slot.m, slot, c)


@cage.defect("family-adamax", "v is the decaying maximum of |g|: AdaMax", tags=("other-family",))
class Adamax(Textbook):
    def second(self, v: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        return np.maximum(c(self.beta2) * v, np.abs(g))

    def update(self, slot: Slot, c: Scalar) -> Array:
        bc1, _ = self.corrections(slot)
        return c(self.lr / bc1) * slot.m / (slot.v + c(self.eps))


@cage.defect("family-adagrad", "v sums the squares: AdaGrad with momentum", tags=("other-family",))
class Adagrad(Textbook):
    def second(self, v: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        return v + g * g

    def corrections(self, slot: Slot) -> tuple[float, float]:
        return super().corrections(slot)[0], 1.0


@cage.defect("family-momentum", "gradient descent with averaged momentum", tags=("other-family",))
class Momentum(Textbook):
    def denominator(self, v_hat: Array, c: Scalar) -> Array:
        return np.ones_like(v_hat)


@cage.defect("family-sign", "only the sign of m counts", tags=("other-family",))
class Sign(Textbook):
    def ratio(self, m_hat: Array, v_hat: Array, c: Scalar) -> Array:
        return c(self.lr) * np.sign(m_hat)


@cage.defect("family-yogi", "v moves by (1-β2)g² toward g², by sign: Yogi", tags=("other-family",))
class Yogi(Textbook):
    def second(self, v: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        square = g * g
        return v - c(1 - self.beta2) * np.sign(v - square) * square


@cage.defect("family-layerwise", "Δ is scaled by ‖θ‖/‖Δ‖: LAMB", tags=("other-family",))
class Layerwise(Textbook):
    def kernel(self, theta: Array, g: Array, slot: Slot) -> Array:
        moved = super().kernel(theta, g, slot)
        change = (theta - moved).astype(np.float64)
        size, norm = np.linalg.norm(theta.astype(np.float64)), np.linalg.norm(change)
        trust = self.lr * size / norm if size and norm else 1.0
        return (theta - trust * change).astype(theta.dtype)


# slips


@cage.defect(
    "gradient-for-first-moment",
    "m is kept, and the update uses the gradient",
    row="pytorch/pytorch#92699, #106615",
)
class GradientForFirstMoment(_UsesGradient):
    def update(self, slot: Slot, c: Scalar) -> Array:
        bc1, bc2 = self.corrections(slot)
        return self.ratio(self.g / c(bc1), slot.v / c(bc2), c)


@cage.defect("v-of-absolute", "v averages |g|, and is not rooted")
class VOfAbsolute(Textbook):
    def second(self, v: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        return c(self.beta2) * v + c(1 - self.beta2) * np.abs(g)

    def denominator(self, v_hat: Array, c: Scalar) -> Array:
        return v_hat + c(self.eps)


@cage.defect(
    "v-weight-squared", "((1-β2)g)²: the weight is squared as well", row="Lasagne/Lasagne#266"
)
class VWeightSquared(Textbook):
    def second(self, v: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        weighted = c(1 - self.beta2) * g
        return c(self.beta2) * v + weighted * weighted


@cage.defect("v-of-momentum", "v averages m² of the step")
class VOfMomentum(Textbook):
    def second(self, v: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        return super().second(v, slot.m, slot, c)


@cage.defect("v-mixed-square", "v averages g·m")
class VMixedSquare(Textbook):
    def second(self, v: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        return np.abs(c(self.beta2) * v + c(1 - self.beta2) * (g * slot.m))


@cage.defect("v-one-step-behind", "the denominator uses the v of the step before")
class VOneStepBehind(Textbook):
    def second(self, v: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        new = super().second(v, g, slot, c)
        slot.extra["old"] = v if slot.t > 1 else new
        return new

    def peak(self, slot: Slot) -> Array:
        return slot.extra["old"]


@cage.defect("v-of-mean-square", "one v for the whole parameter: the mean of g²")
class VOfMeanSquare(Textbook):
    def second(self, v: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        mean = float(np.mean(g.astype(np.float64) ** 2)) if g.size else 0.0
        return c(self.beta2) * v + c((1 - self.beta2) * mean)


@cage.defect("m-weight-missing", "β1·m + g")
class MWeightMissing(Textbook):
    def first(self, m: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        return c(self.beta1) * m + g


@cage.defect("v-weight-missing", "β2·v + g²")
class VWeightMissing(Textbook):
    def second(self, v: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        return c(self.beta2) * v + g * g


@cage.defect("m-decay-missing", "m + (1-β1)g")
class MDecayMissing(Textbook):
    def first(self, m: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        return m + c(1 - self.beta1) * g


@cage.defect("beta1-for-v", "v decays by β1, with the weight of β2")
class Beta1ForV(Textbook):
    def second(self, v: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        return c(self.beta1) * v + c(1 - self.beta2) * (g * g)


@cage.defect("m-before-update", "the update uses the m of the step before, after t=1")
class MBeforeUpdate(Textbook):
    def update(self, slot: Slot, c: Scalar) -> Array:
        new = slot.m
        slot.m = slot.extra.get("m", new)
        change = super().update(slot, c)
        slot.m = slot.extra["m"] = new
        return change


@cage.defect("step-ascends", "θ + Δ")
class StepAscends(Textbook):
    def update(self, slot: Slot, c: Scalar) -> Array:
        return -super().update(slot, c)


@cage.defect("step-doubled", "Δ is subtracted twice")
class StepDoubled(Textbook):
    def update(self, slot: Slot, c: Scalar) -> Array:
        return c(2.0) * super().update(slot, c)


@cage.defect("bias-none-in-float16", "no bias correction in the float16 kernel", dtypes=(FLOAT16,))
class BiasNoneInFloat16(Textbook):
    def corrections(self, slot: Slot) -> tuple[float, float]:
        return (1.0, 1.0) if slot.m.dtype == np.float16 else super().corrections(slot)


DEFECTS: tuple[Defect, ...] = tuple(cage.records)
