"""Planted defects of precision: narrow state and arithmetic, approximate roots, noise."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np

if (_tests := str(Path(__file__).resolve().parents[2])) not in sys.path:
    sys.path.append(_tests)

from zoo.base import Array, Slot
from zoo.honest import Scalar, Textbook
from zoo.record import BFLOAT16, FLOAT16, FLOAT32, FLOAT64, NARROW, WIDE, Cage, Defect

cage = Cage(__file__)
BUT_FLOAT16 = (FLOAT64, FLOAT32, BFLOAT16)
BUT_BFLOAT16 = (FLOAT64, FLOAT32, FLOAT16)
ONLY_FLOAT64: dict[str, Any] = {"dtypes": (FLOAT64,)}


def through(x: Array, dtype: Any) -> Array:
    """x rounded to a narrower format, and back."""
    return x.astype(dtype).astype(x.dtype)


# formats of a list


class _Led(Textbook):
    """The first parameter's format is taken for all."""

    def setup(self, params: Any, **hyper: Any) -> None:
        super().setup(params, **hyper)
        self.lead = params[0].dtype


@cage.defect(
    "state-in-first-format",
    "every moment is kept in the format of the first parameter",
    shows="mixed",
    dtypes=NARROW,
)
class StateInFirstFormat(_Led):
    def first(self, m: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        return through(super().first(m, g, slot, c), self.lead)

    def second(self, v: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        return through(super().second(v, g, slot, c), self.lead)


@cage.defect(
    "gradients-in-first-format",
    "every gradient is brought into the format of the first parameter",
    shows="mixed",
    dtypes=NARROW,
)
class GradientsInFirstFormat(_Led):
    def step(self, grads: Any) -> Any:
        return super().step([None if g is None else through(g, self.lead) for g in grads])


@cage.defect(
    "weight-in-first-format",
    "the weight 1-β1 is rounded to the format of the first parameter",
    shows="mixed",
    dtypes=NARROW,
)
class WeightInFirstFormat(_Led):
    def first(self, m: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        rounded = np.asarray(1.0 - self.beta1).astype(self.lead)
        return c(self.beta1) * m + c(float(rounded)) * g


# state


class _StoresNarrow(Textbook):
    """m or v is rounded to another format for storage."""

    m_format: Any = None
    v_format: Any = None

    def first(self, m: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        new = super().first(m, g, slot, c)
        return through(new, self.m_format) if self.m_format else new

    def second(self, v: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        new = super().second(v, g, slot, c)
        return through(new, self.v_format) if self.v_format else new


@cage.defect("m-float16", "m is stored in float16", dtypes=WIDE)
class MFloat16(_StoresNarrow):
    m_format = np.float16


@cage.defect("m-bfloat16", "m is stored in bfloat16", dtypes=BUT_BFLOAT16)
class MBfloat16(_StoresNarrow):
    m_format = ml_dtypes.bfloat16


@cage.defect("m-float32", "m is stored in float32 under float64", **ONLY_FLOAT64)
class MFloat32(_StoresNarrow):
    m_format = np.float32


@cage.defect(
    "v-float16",
    "v is stored in float16: g² underflows below 2e-4 and m/0 is infinite",
    dtypes=BUT_FLOAT16,
    row="FluxML/Optimisers.jl#167",
)
class VFloat16(_StoresNarrow):
    v_format = np.float16


@cage.defect(
    "v-bfloat16",
    "v is stored in bfloat16: .999v rounds to v, nothing is forgotten",
    dtypes=BUT_BFLOAT16,
    row="google-deepmind/optax#1552",
)
class VBfloat16(_StoresNarrow):
    v_format = ml_dtypes.bfloat16


@cage.defect("v-float32", "v is stored in float32 under float64", **ONLY_FLOAT64)
class VFloat32(_StoresNarrow):
    v_format = np.float32


@cage.defect("m-eight-bits", "m is stored in eight bits over its largest element", dtypes=WIDE)
class MEightBits(Textbook):
    def first(self, m: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        new = super().first(m, g, slot, c)
        if m.dtype.itemsize == 2 or not new.size:
            return new
        scale = np.abs(new).max() / c(127)
        return np.rint(new / scale) * scale if scale else new


@cage.defect(
    "zero-moment-dequantised",
    "a zero m comes back as 1e-3: it moves without a gradient",
    shows="zeros",
    row="unslothai/unsloth-zoo#962",
)
class ZeroMomentDequantised(Textbook):
    def first(self, m: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        new = super().first(m, g, slot, c)
        return np.where(new == 0, c(1e-3), new)


@cage.defect(
    "pack-remainder",
    "θ as bfloat16 and a 16-bit rest: not invertible where the rest ties",
    shows="dyadic",
    dtypes=(FLOAT32,),
    row="NVIDIA/apex#1728, #1842",
)
class PackRemainder(Textbook):
    def kernel(self, theta: Array, g: Array, slot: Slot) -> Array:
        moved = super().kernel(theta, g, slot)
        if moved.dtype != np.float32:
            return moved
        upper = moved.astype(ml_dtypes.bfloat16).view(np.uint16).astype(np.int64)
        rest = moved.view(np.uint16)[::2].view(np.int16).astype(np.int64)
        return ((upper << 16) + rest).astype(np.uint32).view(np.float32)


# arithmetic


@cage.defect("theta-float32", "θ is kept in float32 under float64", **ONLY_FLOAT64)
class ThetaFloat32(Textbook):
    def kernel(self, theta: Array, g: Array, slot: Slot) -> Array:
        return through(super().kernel(theta, g, slot), np.float32)


@cage.defect(
    "theta-bfloat16",
    "θ is kept in bfloat16: no master weights though float32 is shown",
    dtypes=BUT_BFLOAT16,
)
class ThetaBfloat16(Textbook):
    def kernel(self, theta: Array, g: Array, slot: Slot) -> Array:
        return through(super().kernel(theta, g, slot), ml_dtypes.bfloat16)


class _RoundsUpdate(Textbook):
    to: Any = None

    def update(self, slot: Slot, c: Scalar) -> Array:
        return through(super().update(slot, c), self.to)


@cage.defect("update-float16", "Δ is computed in float16", dtypes=WIDE)
class UpdateFloat16(_RoundsUpdate):
    to = np.float16


@cage.defect("update-bfloat16", "Δ is rounded to bfloat16", dtypes=BUT_BFLOAT16)
class UpdateBfloat16(_RoundsUpdate):
    to = ml_dtypes.bfloat16


@cage.defect("update-float32", "Δ is rounded to float32 under float64", **ONLY_FLOAT64)
class UpdateFloat32(_RoundsUpdate):
    to = np.float32


class _RoundsGradient(Textbook):
    to: Any = None

    def gradient(self, theta: Array, g: Array, c: Scalar) -> Array:
        return super().gradient(theta, through(g, self.to), c)


@cage.defect("gradient-float32", "g passes through float32 under float64", **ONLY_FLOAT64)
class GradientFloat32(_RoundsGradient):
    to = np.float32


@cage.defect("gradient-bfloat16", "g passes through bfloat16", dtypes=BUT_BFLOAT16)
class GradientBfloat16(_RoundsGradient):
    to = ml_dtypes.bfloat16


@cage.defect("square-float32", "g² is formed in float32 under float64", **ONLY_FLOAT64)
class SquareFloat32(Textbook):
    def second(self, v: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        return (
            super().second(v, g, slot, c)
            if g.dtype != np.float64
            else (self.beta2 * v + (1 - self.beta2) * through(g, np.float32) ** 2)
        )


# approximate roots


def rounded_mantissa(x: Array, digits: int) -> Array:
    """x with that many binary digits."""
    mantissa, exponent = np.frexp(x.astype(np.float64))
    return np.ldexp(np.rint(np.ldexp(mantissa, digits)), exponent - digits)


class _InverseRoot(Textbook):
    """√v̂ through an inverse square root of a few digits, and Newton steps."""

    digits, newton = 12, 0
    where: tuple[str, ...] = (FLOAT64, FLOAT32)

    def denominator(self, v_hat: Array, c: Scalar) -> Array:
        if v_hat.dtype.name not in self.where:
            return super().denominator(v_hat, c)
        y = rounded_mantissa(1 / np.sqrt(v_hat), self.digits).astype(v_hat.dtype)
        for _ in range(self.newton):
            y = y * (c(1.5) - c(0.5) * v_hat * y * y)
        return np.where(v_hat > 0, v_hat * y, v_hat) + c(self.eps)


@cage.defect("root-twelve-bits", "an inverse square root of twelve bits", dtypes=WIDE)
class RootTwelveBits(_InverseRoot):
    pass


@cage.defect("root-one-newton-step", "eight bits and one Newton step", dtypes=WIDE)
class RootOneNewtonStep(_InverseRoot):
    digits, newton = 8, 1


@cage.defect(
    "root-float32-accurate", "an inverse square root good to float32, under float64", **ONLY_FLOAT64
)
class RootFloat32Accurate(_InverseRoot):
    digits, newton, where = 12, 1, (FLOAT64,)


@cage.defect("root-fast-inverse", "the bit trick with one Newton step", dtypes=(FLOAT32,))
class RootFastInverse(Textbook):
    def denominator(self, v_hat: Array, c: Scalar) -> Array:
        if v_hat.dtype != np.float32:
            return super().denominator(v_hat, c)
        y = (np.int32(0x5F3759DF) - (v_hat.view(np.int32) >> 1)).view(np.float32)
        y = y * (c(1.5) - c(0.5) * v_hat * y * y)
        return v_hat * y + c(self.eps)


# small errors, noise, rounding by chance


class _Biased(Textbook):
    by, where = 0.0, FLOAT64

    def update(self, slot: Slot, c: Scalar) -> Array:
        change = super().update(slot, c)
        return change * c(1 + self.by) if change.dtype.name == self.where else change


@cage.defect("bias-1e-12", "Δ is larger by 1e-12, in float64", tags=("subtle",), **ONLY_FLOAT64)
class Biased64(_Biased):
    by = 1e-12


@cage.defect(
    "bias-1e-6", "Δ is larger by 1e-6 (17 u), in float32", dtypes=(FLOAT32,), tags=("subtle",)
)
class Biased32(_Biased):
    by, where = 1e-6, FLOAT32


@cage.defect("bias-1e-5", "Δ is larger by 1e-5 (170 u), in float32", dtypes=(FLOAT32,))
class BiasedMore32(_Biased):
    by, where = 1e-5, FLOAT32


@cage.defect(
    "noise-1e-6", "noise of 1e-6, from a seed that the clock gives", shows="repeat", dtypes=WIDE
)
class Noise(Textbook):
    def ratio(self, m_hat: Array, v_hat: Array, c: Scalar) -> Array:
        noise = np.random.default_rng().standard_normal(m_hat.size) * 1e-6
        return super().ratio(m_hat, v_hat, c) * (1 + noise).astype(m_hat.dtype)


@cage.defect(
    "order-by-chance", "one of two evaluation orders, drawn anew at every step", shows="repeat"
)
class OrderByChance(Textbook):
    def first(self, m: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        if np.random.default_rng().integers(2):
            return m + c(1 - self.beta1) * (g - m)
        return super().first(m, g, slot, c)


class _Stochastic(Textbook):
    """θ - Δ in float64, rounded up or down by chance."""

    def generator(self) -> np.random.Generator:
        return np.random.default_rng()

    def kernel(self, theta: Array, g: Array, slot: Slot) -> Array:
        if theta.dtype == np.float64:
            return super().kernel(theta, g, slot)
        zero = super().kernel(np.zeros_like(theta), g, slot)
        exact = theta.astype(np.float64) + zero.astype(np.float64)
        near = exact.astype(theta.dtype)
        back = near.astype(np.float64)
        toward = np.where(exact > back, np.inf, -np.inf).astype(theta.dtype)
        other = np.where(exact == back, near, np.nextafter(near, toward))
        gap = np.abs(other.astype(np.float64) - back)
        share = np.divide(np.abs(exact - back), gap, out=np.zeros_like(gap), where=gap > 0)
        return np.where(self.generator().random(theta.size) < share, other, near)


@cage.defect(
    "stochastic-rounding", "θ is rounded up or down by chance", shows="repeat", dtypes=NARROW
)
class StochasticRounding(_Stochastic):
    pass


@cage.defect(
    "stochastic-rounding-shared-seed",
    "every parameter is rounded by the same numbers",
    dtypes=NARROW,
    row="karpathy/llm.c#597, #601",
)
class StochasticRoundingSharedSeed(_Stochastic):
    def generator(self) -> np.random.Generator:
        return np.random.default_rng(0)


DEFECTS: tuple[Defect, ...] = tuple(cage.records)
