"""Planted defects of the bias corrections: wrong, missing, swapped, frozen."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

if (_tests := str(Path(__file__).resolve().parents[2])) not in sys.path:
    sys.path.append(_tests)

from zoo.base import Array, Slot
from zoo.honest import Scalar, Textbook
from zoo.record import FLOAT16, FLOAT32, FLOAT64, WIDE, Cage, Defect

cage = Cage(__file__, family="bias")
Pair = tuple[float, float]


@cage.defect(
    "bias-one-minus-beta",
    "1-β in the place of 1-β^t: right at t=1 only",
    row="eriklindernoren/ML-From-Scratch#35, ufal/npfl114#79, FluxML/Flux.jl#789",
)
class OneMinusBeta(Textbook):
    def corrections(self, slot: Slot) -> Pair:
        return 1 - self.beta1, 1 - self.beta2


@cage.defect("bias-multiplied", "multiplies by 1-β^t", row="karpathy/convnetjs#70")
class Multiplied(Textbook):
    def corrections(self, slot: Slot) -> Pair:
        bc1, bc2 = super().corrections(slot)
        return 1 / bc1, 1 / bc2


@cage.defect(
    "bias-complement",
    "one is subtracted twice: divides by β^t",
    row="kozistr/pytorch_optimizer#305",
)
class Complement(Textbook):
    def corrections(self, slot: Slot) -> Pair:
        return self.beta1**slot.t, self.beta2**slot.t


@cage.defect(
    "bias-none",
    "no bias correction",
    tags=("dialect",),
    row="ml-explore/mlx#1640, google-research/bert#153, EurekaLabsAI/micrograd#2",
)
class Without(Textbook):
    def corrections(self, slot: Slot) -> Pair:
        return 1.0, 1.0


@cage.defect(
    "bias-v-only",
    "the first moment is never corrected: the first step is 0.1 lr",
    tags=("dialect",),
    row="unslothai/unsloth-zoo#819",
)
class OnlyV(Textbook):
    def corrections(self, slot: Slot) -> Pair:
        return 1.0, super().corrections(slot)[1]


@cage.defect("bias-m-only", "the second moment is never corrected", tags=("dialect",))
class OnlyM(Textbook):
    def corrections(self, slot: Slot) -> Pair:
        return super().corrections(slot)[0], 1.0


@cage.defect("bias-m-from-second-step", "m is corrected from t=2 on only")
class MFromSecondStep(Textbook):
    def corrections(self, slot: Slot) -> Pair:
        bc1, bc2 = super().corrections(slot)
        return (bc1 if slot.t > 1 else 1.0), bc2


@cage.defect("bias-beta2-power-for-m", "m is divided by 1-β2^t")
class Beta2ForM(Textbook):
    def corrections(self, slot: Slot) -> Pair:
        bc2 = super().corrections(slot)[1]
        return bc2, bc2


@cage.defect("bias-beta1-power-for-v", "v is divided by 1-β1^t")
class Beta1ForV(Textbook):
    def corrections(self, slot: Slot) -> Pair:
        bc1 = super().corrections(slot)[0]
        return bc1, bc1


@cage.defect("bias-powers-frozen-after-1000", "β^t stops at t=1000", shows="long")
class FrozenAfter1000(Textbook):
    def corrections(self, slot: Slot) -> Pair:
        t = min(slot.t, 1000)
        return 1 - self.beta1**t, 1 - self.beta2**t


@cage.defect("bias-m-power-frozen-after-700", "β1^t stops at t=700", shows="slow_m", dtypes=WIDE)
class MFrozenAfter700(Textbook):
    def corrections(self, slot: Slot) -> Pair:
        return 1 - self.beta1 ** min(slot.t, 700), super().corrections(slot)[1]


@cage.defect("bias-v-one-step-behind", "v uses the power of the step before, except at t=1")
class VBehind(Textbook):
    def corrections(self, slot: Slot) -> Pair:
        return super().corrections(slot)[0], 1 - self.beta2 ** max(slot.t - 1, 1)


@cage.defect(
    "bias-power-advanced-twice",
    "the running β1^t is multiplied twice a step after t=1",
    row="dotnet/TorchSharp#1154, TorchSharp#1155",
)
class PowerTwice(Textbook):
    def corrections(self, slot: Slot) -> Pair:
        return 1 - self.beta1 ** (2 * slot.t - 1), super().corrections(slot)[1]


@cage.defect(
    "bias-off-near-one",
    "a correction above .9999 is left out, as close enough to one",
    shows="long",
    dtypes=WIDE,
)
class OffNearOne(Textbook):
    def corrections(self, slot: Slot) -> Pair:
        bc1, bc2 = super().corrections(slot)
        return (1.0 if bc1 > 0.9999 else bc1), (1.0 if bc2 > 0.9999 else bc2)


@cage.defect("bias-root-missing", "√v is divided by 1-β2^t and not by its root")
class RootMissing(Textbook):
    def update(self, slot: Slot, c: Scalar) -> Array:
        bc1, bc2 = self.corrections(slot)
        return c(self.lr) * (slot.m / c(bc1)) / (np.sqrt(slot.v) / c(bc2) + c(self.eps))


@cage.defect("bias-root-twice", "the fourth root of v", row="FluxML/Flux.jl#789 (ADAM, PR 119)")
class RootTwice(Textbook):
    def denominator(self, v_hat: Array, c: Scalar) -> Array:
        return np.sqrt(np.sqrt(v_hat)) + c(self.eps)


@cage.defect("bias-exponential", "1-e^(-t(1-β)): the power by its first-order approximation")
class Exponential(Textbook):
    def corrections(self, slot: Slot) -> Pair:
        return (
            float(-np.expm1(-slot.t * (1 - self.beta1))),
            float(-np.expm1(-slot.t * (1 - self.beta2))),
        )


@cage.defect("bias-correction-stored", "the corrected m̂ is written back as m")
class CorrectedStored(Textbook):
    def update(self, slot: Slot, c: Scalar) -> Array:
        change = super().update(slot, c)
        slot.m = slot.m / c(self.corrections(slot)[0])
        return change


@cage.defect(
    "beta1-decays",
    "β1 is multiplied by λ=1-1e-8 each step, as the first preprint had it",
    shows="long",
    dtypes=(FLOAT64, FLOAT32, FLOAT16),
    row="mila-iqia/blocks#1159",
)
class Beta1Decays(Textbook):
    def first(self, m: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        beta = self.beta1 * (1 - 1e-8) ** (slot.t - 1)
        return c(beta) * m + c(1 - beta) * g


@cage.defect(
    "bias-float32-powers",
    "β^t multiplied up in float32 under float64 arrays",
    shows="long",
    dtypes=(FLOAT64,),
    row="PaddlePaddle/Paddle#58378, tinygrad#4582",
    tags=("scalars",),
)
class Float32Powers(Textbook):
    def corrections(self, slot: Slot) -> Pair:
        if slot.m.dtype != np.float64:
            return super().corrections(slot)
        if "p1" not in slot.extra:
            slot.extra |= {"p1": 1.0, "p2": 1.0}
        for name, beta in (("p1", self.beta1), ("p2", self.beta2)):
            slot.extra[name] = float(np.float32(slot.extra[name]) * np.float32(beta))
        return 1 - slot.extra["p1"], 1 - slot.extra["p2"]


@cage.defect(
    "bias-half-powers",
    "β^t multiplied up in float16: loses digits at every step",
    dtypes=(FLOAT64, FLOAT32),
    tags=("scalars",),
)
class HalfPowers(Textbook):
    def corrections(self, slot: Slot) -> Pair:
        if slot.m.dtype.itemsize == 2:
            return super().corrections(slot)
        if "p1" not in slot.extra:
            slot.extra |= {"p1": 1.0, "p2": 1.0}
        for name, beta in (("p1", self.beta1), ("p2", self.beta2)):
            slot.extra[name] = float(np.float16(slot.extra[name]) * np.float16(beta))
        return 1 - slot.extra["p1"], 1 - slot.extra["p2"]


DEFECTS: tuple[Defect, ...] = tuple(cage.records)
