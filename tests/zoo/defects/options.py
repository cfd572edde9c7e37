"""Planted defects of the options: weight decay, maximise, AMSGrad."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import ml_dtypes
import numpy as np

if (_tests := str(Path(__file__).resolve().parents[2])) not in sys.path:
    sys.path.append(_tests)

from zoo.base import Array, Slot
from zoo.dialects import AMSGRAD, DECAY, L2, Amsgrad, Decoupled, Maximize
from zoo.honest import Scalar, Textbook
from zoo.record import FLOAT32, FLOAT64, WIDE, Cage, Defect

cage = Cage(__file__)
IN_L2 = {"claims": "adam[decay=l2]", "options": DECAY}
DECOUPLED = {"claims": "adam[decay=decoupled]", "options": DECAY}
IN_AMSGRAD = {"claims": "adam[amsgrad=v]", "options": AMSGRAD}
IN_MAXIMIZE = {"claims": "adam[maximize=yes]", "options": {"maximize": True}}


# decay that nobody asked for


@cage.defect("decay-hidden-l2", "an L2 decay of 1e-4 that is not an option", shows="away")
class HiddenL2(Textbook):
    def gradient(self, theta: Array, g: Array, c: Scalar) -> Array:
        return g + c(1e-4) * theta


@cage.defect("decay-hidden-decoupled", "θ shrinks by 1e-6 a step", dtypes=WIDE)
class HiddenDecoupled(Textbook):
    def decayed(self, theta: Array, slot: Slot, c: Scalar) -> Array:
        return theta * c(1 - 1e-6)


# L2 decay


@cage.defect(
    "decay-l2-is-decoupled",
    "the AdamW rule under the name of L2",
    tags=("dialect",),
    row="flagos-ai/FlagGems#4989",
    **IN_L2,
)
class L2IsDecoupled(L2):
    decay = "decoupled"


@cage.defect("decay-l2-ignored", "weight_decay is never read", **IN_L2)
class L2Ignored(L2):
    decay = "none"


@cage.defect("decay-l2-until-1000", "weight_decay ends at t=1000", shows="long", **IN_L2)
class L2Until1000(L2):
    def advance(self, i: int, g: Array) -> None:
        self.decay = "l2" if self.slots[i].t < 1000 else "none"
        super().advance(i, g)


@cage.defect("decay-l2-sign", "λθ is subtracted from the gradient", **IN_L2)
class L2Sign(L2):
    def gradient(self, theta: Array, g: Array, c: Scalar) -> Array:
        return (-g if self.maximize else g) - c(self.weight_decay) * theta


@cage.defect("decay-l2-scaled-by-rate", "αλθ instead of λθ is added to the gradient", **IN_L2)
class L2ScaledByRate(L2):
    def gradient(self, theta: Array, g: Array, c: Scalar) -> Array:
        return (-g if self.maximize else g) + c(self.lr * self.weight_decay) * theta


@cage.defect(
    "decay-l2-first-parameter-only", "the loop leaves the decay after one parameter", **IN_L2
)
class L2FirstParameterOnly(L2):
    def advance(self, i: int, g: Array) -> None:
        self.decay = "none" if i else "l2"
        super().advance(i, g)


@cage.defect(
    "decay-l2-not-for-vectors",
    "parameters of fewer than two dimensions are exempt",
    tags=("convention",),
    **IN_L2,
)
class L2NotForVectors(L2):
    def advance(self, i: int, g: Array) -> None:
        self.decay = "l2" if len(self.shapes[i]) > 1 else "none"
        super().advance(i, g)


@cage.defect("decay-l2-in-m-only", "v is made of the gradient before the decay", **IN_L2)
class L2InMOnly(L2):
    def gradient(self, theta: Array, g: Array, c: Scalar) -> Array:
        self.bare = g
        return super().gradient(theta, g, c)

    def second(self, v: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        return super().second(v, self.bare, slot, c)


@cage.defect(
    "decay-l2-into-callers-gradient",
    "λθ is added to the caller's array in place",
    shows="buffers",
    row="pytorch/pytorch#12218, #12107",
    **IN_L2,
)
class L2IntoCallersGradient(L2):
    def advance(self, i: int, g: Array) -> None:
        super().advance(i, g)
        if self.weight_decay:
            g += g.dtype.type(self.weight_decay) * self.shown(i)


@cage.defect(
    "maximize-flips-decay",
    "under maximise the L2 term changes sign as well",
    claims="adam[decay=l2,maximize=yes]",
    options={**DECAY, "maximize": True},
)
class MaximizeFlipsDecay(L2):
    def gradient(self, theta: Array, g: Array, c: Scalar) -> Array:
        g = g + c(self.weight_decay) * theta
        return -g if self.maximize else g


# decoupled decay


@cage.defect(
    "decay-after-update",
    "θ is shrunk after the update, which shrinks the update too",
    tags=("dialect",),
    row="bitsandbytes#2010, #2040",
    **DECOUPLED,
)
class AfterUpdate(Decoupled):
    def kernel(self, theta: Array, g: Array, slot: Slot) -> Array:
        moved = super().kernel(theta, g, slot)
        return moved * theta.dtype.type(1 - self.lr * self.weight_decay)

    def decayed(self, theta: Array, slot: Slot, c: Scalar) -> Array:
        return theta


@cage.defect(
    "decay-without-rate",
    "θ·(1-λ): the rate is forgotten",
    tags=("dialect",),
    row="HomericIntelligence/Odyssey#5674",
    **DECOUPLED,
)
class WithoutRate(Decoupled):
    def decayed(self, theta: Array, slot: Slot, c: Scalar) -> Array:
        return theta * c(1 - self.weight_decay)


@cage.defect("decay-sign", "θ·(1+αλ)", **DECOUPLED)
class Sign(Decoupled):
    def decayed(self, theta: Array, slot: Slot, c: Scalar) -> Array:
        return theta * c(1 + self.lr * self.weight_decay)


@cage.defect(
    "decay-decoupled-is-l2", "the decay enters the moments", tags=("dialect",), **DECOUPLED
)
class DecoupledIsL2(Decoupled):
    decay = "l2"


@cage.defect(
    "decay-rate-corrected",
    "the bias correction folded into the rate scales the decay",
    row="Oneflow-Inc/oneflow#5960",
    **DECOUPLED,
)
class RateCorrected(Decoupled):
    def decayed(self, theta: Array, slot: Slot, c: Scalar) -> Array:
        bc1, bc2 = self.corrections(slot)
        return theta * c(1 - self.lr * bc2**0.5 / bc1 * self.weight_decay)


@cage.defect(
    "decay-of-the-gradient",
    "a typo: the decay uses g in the place of θ",
    row="mlverse/torch#821",
    **DECOUPLED,
)
class OfTheGradient(Decoupled):
    def kernel(self, theta: Array, g: Array, slot: Slot) -> Array:
        rate = theta.dtype.type(self.lr * self.weight_decay)
        return super().kernel(theta, g, slot) - rate * g

    def decayed(self, theta: Array, slot: Slot, c: Scalar) -> Array:
        return theta


@cage.defect(
    "decay-factor-bfloat16",
    "1-αλ is a bfloat16: a small decay is none at all",
    dtypes=(FLOAT64, FLOAT32, "float16"),
    shows="edges",
    row="pytorch/pytorch#64475, Nerogar/OneTrainer#996",
    **DECOUPLED,
)
class FactorBfloat16(Decoupled):
    def decayed(self, theta: Array, slot: Slot, c: Scalar) -> Array:
        return theta * c(float(ml_dtypes.bfloat16(1 - self.lr * self.weight_decay)))


@cage.defect("decay-of-initial-parameter", "λ pulls by the first θ that was seen", **DECOUPLED)
class OfInitialParameter(Decoupled):
    def decayed(self, theta: Array, slot: Slot, c: Scalar) -> Array:
        first = slot.extra.setdefault("first", theta.copy())
        return theta - c(self.lr * self.weight_decay) * first


@cage.defect("decay-squared", "αλ² in the place of αλ", **DECOUPLED)
class DecaySquared(Decoupled):
    def decayed(self, theta: Array, slot: Slot, c: Scalar) -> Array:
        return theta * c(1 - self.lr * self.weight_decay**2)


@cage.defect(
    "decay-halved-at-late-parameters", "a second parameter decays half as fast", **DECOUPLED
)
class HalvedLater(Decoupled):
    def step(self, grads: Sequence[Array | None]) -> list[Array]:
        self.visited = 0
        return super().step(grads)

    def decayed(self, theta: Array, slot: Slot, c: Scalar) -> Array:
        self.visited += 1
        return theta * c(1 - self.lr * self.weight_decay / min(self.visited, 2))


# maximise


@cage.defect("maximize-ignored", "maximize is never read", **IN_MAXIMIZE)
class MaximizeIgnored(Maximize):
    def gradient(self, theta: Array, g: Array, c: Scalar) -> Array:
        return g


@cage.defect("maximize-until-600", "from step 600 on it descends", shows="long", **IN_MAXIMIZE)
class MaximizeUntil600(Maximize):
    def kernel(self, theta: Array, g: Array, slot: Slot) -> Array:
        self.maximize = slot.t < 600
        return super().kernel(theta, g, slot)


@cage.defect("maximize-first-step-only", "the sign is flipped once", **IN_MAXIMIZE)
class MaximizeFirstStepOnly(Maximize):
    def kernel(self, theta: Array, g: Array, slot: Slot) -> Array:
        self.maximize = slot.t == 1
        return super().kernel(theta, g, slot)


# AMSGrad


@cage.defect(
    "amsgrad-always-on",
    "the maximum is taken without being asked for",
    shows="shrinking",
    tags=("dialect",),
)
class AlwaysOn(Textbook):
    def fresh(self, i: int) -> Slot:
        slot = super().fresh(i)
        slot.v_max = slot.v.copy()
        return slot


@cage.defect("amsgrad-ignored", "amsgrad is never read", shows="shrinking", **IN_AMSGRAD)
class AmsgradIgnored(Amsgrad):
    def peak(self, slot: Slot) -> Array:
        return slot.v


@cage.defect(
    "amsgrad-not-written-back",
    "the running maximum is used once and never stored",
    shows="shrinking",
    row="pytorch/pytorch#78807, #82523",
    **IN_AMSGRAD,
)
class NotWrittenBack(Amsgrad):
    def peak(self, slot: Slot) -> Array:
        return np.maximum(slot.v_max, slot.v)


@cage.defect(
    "amsgrad-over-corrected",
    "the maximum over v̂: an early spike counts 1000 times",
    tags=("dialect",),
    row="google-deepmind/optax#1389, #1423",
    **IN_AMSGRAD,
)
class OverCorrected(Amsgrad):
    def update(self, slot: Slot, c: Scalar) -> Array:
        bc1, bc2 = self.corrections(slot)
        slot.v_max = np.maximum(slot.v_max, slot.v / c(bc2))
        return self.ratio(slot.m / c(bc1), slot.v_max, c)


@cage.defect("amsgrad-in-v", "the maximum replaces v itself", shows="shrinking", **IN_AMSGRAD)
class InV(Amsgrad):
    def peak(self, slot: Slot) -> Array:
        slot.v = slot.v_max = super().peak(slot)
        return slot.v


@cage.defect("amsgrad-minimum", "the minimum in the place of the maximum", **IN_AMSGRAD)
class Minimum(Amsgrad):
    def peak(self, slot: Slot) -> Array:
        slot.v_max = np.minimum(slot.v_max, slot.v) if slot.t > 1 else slot.v
        return slot.v_max


@cage.defect(
    "amsgrad-forgets-at-1700",
    "v_max starts anew at t=1700",
    shows="long",
    dtypes=(FLOAT64, FLOAT32, "float16"),
    **IN_AMSGRAD,
)
class MaximumForgotten(Amsgrad):
    def peak(self, slot: Slot) -> Array:
        slot.v_max = slot.v.copy() if slot.t == 1700 else np.maximum(slot.v_max, slot.v)
        return slot.v_max


@cage.defect(
    "amsgrad-forgets-at-4093",
    "v_max starts anew at t=4093, beyond what quick runs with the option on",
    shows="longer",
    profile="ci",
    dtypes=(FLOAT64, FLOAT32),
    **IN_AMSGRAD,
)
class MaximumForgottenLate(Amsgrad):
    def peak(self, slot: Slot) -> Array:
        slot.v_max = slot.v.copy() if slot.t == 4093 else np.maximum(slot.v_max, slot.v)
        return slot.v_max


@cage.defect("amsgrad-decays", "v_max itself decays by β2", shows="shrinking", **IN_AMSGRAD)
class MaximumDecays(Amsgrad):
    def peak(self, slot: Slot) -> Array:
        slot.v_max = np.maximum(slot.v_max.dtype.type(self.beta2) * slot.v_max, slot.v)
        return slot.v_max


@cage.defect(
    "amsgrad-one-step-behind",
    "the maximum is taken before v is updated",
    shows="shrinking",
    **IN_AMSGRAD,
)
class OneStepBehind(Amsgrad):
    def second(self, v: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        new = super().second(v, g, slot, c)
        slot.extra["before"] = v if slot.t > 1 else new
        return new

    def peak(self, slot: Slot) -> Array:
        slot.v_max = np.maximum(slot.v_max, slot.extra["before"])
        return slot.v_max


DEFECTS: tuple[Defect, ...] = tuple(cage.records)
