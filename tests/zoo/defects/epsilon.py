"""Planted defects of ε: where it stands, which number it is, and hidden floors."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np

if (_tests := str(Path(__file__).resolve().parents[2])) not in sys.path:
    sys.path.append(_tests)

from zoo.base import Array, Slot
from zoo.honest import Scalar, Textbook
from zoo.record import BFLOAT16, FLOAT16, FLOAT32, FLOAT64, WIDE, Cage, Defect

cage = Cage(__file__)


@cage.defect(
    "eps-hat",
    "ε is not scaled by √(1-β2^t): 31.6 times as large at t=1",
    tags=("dialect",),
    row="tensorflow/tensorflow#9047, pytorch/pytorch#22628, transformers#35504",
)
class Hat(Textbook):
    def update(self, slot: Slot, c: Scalar) -> Array:
        bc1, bc2 = self.corrections(slot)
        rate = c(self.lr * math.sqrt(bc2) / bc1)
        return rate * slot.m / (np.sqrt(slot.v) + c(self.eps))


@cage.defect(
    "eps-inside",
    "ε under the root",
    tags=("dialect",),
    row="CyberZHG/keras-radam#29, FluxML/Flux.jl#448",
)
class Inside(Textbook):
    def denominator(self, v_hat: Array, c: Scalar) -> Array:
        return np.sqrt(v_hat + c(self.eps))


@cage.defect("eps-max", "max(√v̂, ε)", tags=("dialect",))
class Max(Textbook):
    def denominator(self, v_hat: Array, c: Scalar) -> Array:
        return np.maximum(np.sqrt(v_hat), c(self.eps))


@cage.defect(
    "eps-hidden-root",
    "1e-12 is also added under the root",
    shows="wild",
    dtypes=(FLOAT64, FLOAT32, BFLOAT16),
)
class HiddenRoot(Textbook):
    def denominator(self, v_hat: Array, c: Scalar) -> Array:
        return np.sqrt(v_hat + c(1e-12)) + c(self.eps)


@cage.defect("eps-ignored", "ε is never read", row="deeplearning4j#2705")
class Ignored(Textbook):
    def denominator(self, v_hat: Array, c: Scalar) -> Array:
        return np.sqrt(v_hat)


@cage.defect("eps-hard-coded", "ε is 1e-7, whatever was asked for")
class HardCoded(Textbook):
    def denominator(self, v_hat: Array, c: Scalar) -> Array:
        return np.sqrt(v_hat) + c(1e-7)


@cage.defect("eps-times-ten", "10e-8 where 1e-8 was meant", row="open_spiel#1339")
class TimesTen(Textbook):
    def denominator(self, v_hat: Array, c: Scalar) -> Array:
        return np.sqrt(v_hat) + c(10 * self.eps)


@cage.defect("eps-twice", "ε is added to √v and to the corrected root")
class Twice(Textbook):
    def denominator(self, v_hat: Array, c: Scalar) -> Array:
        return np.sqrt(v_hat) + c(self.eps) + c(self.eps)


@cage.defect("eps-squared", "ε² is added")
class Squared(Textbook):
    def denominator(self, v_hat: Array, c: Scalar) -> Array:
        return np.sqrt(v_hat) + c(self.eps * self.eps)


@cage.defect("eps-inside-squared", "√(v̂+ε²): equals ε outside only where v̂ is 0 or large")
class InsideSquared(Textbook):
    def denominator(self, v_hat: Array, c: Scalar) -> Array:
        return np.sqrt(v_hat + c(self.eps * self.eps))


@cage.defect("eps-in-v", "ε is added to v itself, and stays there")
class InV(Textbook):
    def second(self, v: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        return super().second(v, g, slot, c) + c(self.eps)


@cage.defect("eps-over-m-correction", "ε is divided by 1-β1^t")
class OverMCorrection(Textbook):
    def update(self, slot: Slot, c: Scalar) -> Array:
        bc1, bc2 = self.corrections(slot)
        root = np.sqrt(slot.v / c(bc2))
        return c(self.lr) * (slot.m / c(bc1)) / (root + c(self.eps / bc1))


@cage.defect("eps-first-step-only-hat", "ε̂ at t=1, ε afterwards")
class HatAtFirst(Textbook):
    def update(self, slot: Slot, c: Scalar) -> Array:
        bc1, bc2 = self.corrections(slot)
        eps = self.eps / math.sqrt(bc2) if slot.t == 1 else self.eps
        return c(self.lr) * (slot.m / c(bc1)) / (np.sqrt(slot.v / c(bc2)) + c(eps))


@cage.defect(
    "eps-falsy-default",
    "eps or 1e-8: an ε of 0 becomes the default",
    shows="wild",
    dtypes=(FLOAT64, FLOAT32, BFLOAT16),
)
class FalsyDefault(Textbook):
    def adopt(self, hyper: Mapping[str, Any]) -> None:
        super().adopt({**hyper, "eps": hyper["eps"] or 1e-8})


@cage.defect(
    "eps-float16",
    "ε passes through float16: 1e-8 becomes 0, a zero gradient 0/0",
    shows="rounded",
    dtypes=WIDE,
    row="google-deepmind/optax#1754, pytorch/pytorch#26218, keras-team/keras#11860",
)
class ThroughFloat16(Textbook):
    def denominator(self, v_hat: Array, c: Scalar) -> Array:
        return np.sqrt(v_hat) + c(float(np.float16(self.eps)))


@cage.defect(
    "eps-bfloat16", "ε passes through bfloat16", dtypes=(FLOAT64, FLOAT32, FLOAT16), shows="rounded"
)
class ThroughBfloat16(Textbook):
    def denominator(self, v_hat: Array, c: Scalar) -> Array:
        return np.sqrt(v_hat) + c(float(ml_dtypes.bfloat16(self.eps)))


@cage.defect(
    "eps-v-floor",
    "v̂ is raised to at least 1e-30",
    shows="wild",
    dtypes=(FLOAT64, FLOAT32, BFLOAT16),
)
class VFloor(Textbook):
    def denominator(self, v_hat: Array, c: Scalar) -> Array:
        return np.sqrt(np.maximum(v_hat, c(1e-30))) + c(self.eps)


@cage.defect("eps-on-zero-only", "ε only where v̂ = 0")
class OnZeroOnly(Textbook):
    def denominator(self, v_hat: Array, c: Scalar) -> Array:
        return np.where(v_hat == 0, c(self.eps), np.sqrt(v_hat))


@cage.defect(
    "eps-inside-in-float32", "ε under the root, in the float32 kernel alone", dtypes=(FLOAT32,)
)
class InsideInFloat32(Textbook):
    def denominator(self, v_hat: Array, c: Scalar) -> Array:
        if v_hat.dtype == np.float32:
            return np.sqrt(v_hat + c(self.eps))
        return super().denominator(v_hat, c)


@cage.defect(
    "eps-inside-in-float64", "ε under the root, in the float64 kernel alone", dtypes=(FLOAT64,)
)
class InsideInFloat64(Textbook):
    def denominator(self, v_hat: Array, c: Scalar) -> Array:
        if v_hat.dtype == np.float64:
            return np.sqrt(v_hat + c(self.eps))
        return super().denominator(v_hat, c)


@cage.defect("eps-ignored-in-float16", "ε is not read in the float16 kernel", dtypes=(FLOAT16,))
class IgnoredInFloat16(Textbook):
    def denominator(self, v_hat: Array, c: Scalar) -> Array:
        return np.sqrt(v_hat) if v_hat.dtype == np.float16 else super().denominator(v_hat, c)


DEFECTS: tuple[Defect, ...] = tuple(cage.records)
