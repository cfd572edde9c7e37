"""Planted defects of the scalars: hyperparameters and powers narrower than the arrays."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

if (_tests := str(Path(__file__).resolve().parents[2])) not in sys.path:
    sys.path.append(_tests)

from zoo.base import Array, Slot
from zoo.honest import Scalar, Textbook
from zoo.record import ALL, FLOAT16, FLOAT32, FLOAT64, Cage, Defect

cage = Cage(__file__)
BUT_BFLOAT16 = (FLOAT64, FLOAT32, FLOAT16)
ONLY_FLOAT64: dict[str, Any] = {"shows": "rounded", "dtypes": (FLOAT64,)}


def narrow(x: Any) -> float:
    """The float32 nearest to x."""
    return float(np.float32(x))


def truncated(x: float) -> float:
    """The upper half of a float32: a bfloat16 by truncation."""
    bits = np.asarray([x], np.float32).view(np.uint32) & np.uint32(0xFFFF0000)
    return float(bits.view(np.float32)[0])


class _Rounds(Textbook):
    """The named hyperparameters pass through a narrower format, under arrays of a wider one."""

    names: tuple[str, ...] = ("beta1", "beta2")
    rounded = staticmethod(truncated)
    under: tuple[str, ...] = BUT_BFLOAT16

    def setup(self, params: Any, **hyper: Any) -> None:
        super().setup(params, **hyper)
        if any(dtype.name in self.under for dtype in self.dtypes):
            for name in self.names:
                setattr(self, name, self.rounded(getattr(self, name)))


@cage.defect(
    "scalars-float32",
    "all hyperparameters pass through float32 under float64 arrays",
    row="PaddlePaddle/Paddle#78972, DeepLink-org/DIOPI#1359",
    **ONLY_FLOAT64,
)
class Float32Scalars(_Rounds):
    names = ("lr", "beta1", "beta2", "eps")
    rounded, under = staticmethod(narrow), (FLOAT64,)


@cage.defect(
    "scalars-float32-complement", "1-β is formed in float32 under float64 arrays", **ONLY_FLOAT64
)
class Float32Complement(Textbook):
    def first(self, m: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        if m.dtype != np.float64:
            return super().first(m, g, slot, c)
        return self.beta1 * m + narrow(np.float32(1) - np.float32(self.beta1)) * g

    def second(self, v: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        if v.dtype != np.float64:
            return super().second(v, g, slot, c)
        return self.beta2 * v + narrow(np.float32(1) - np.float32(self.beta2)) * (g * g)


@cage.defect(
    "scalars-float32-corrections",
    "1-fl32(β)^t under float64 arrays",
    row="JAX-based libraries",
    **ONLY_FLOAT64,
)
class Float32Corrections(Textbook):
    def corrections(self, slot: Slot) -> tuple[float, float]:
        if slot.m.dtype != np.float64:
            return super().corrections(slot)
        b1, b2, t = np.float32(self.beta1), np.float32(self.beta2), np.float32(slot.t)
        return float(np.float32(1) - b1**t), float(np.float32(1) - b2**t)


@cage.defect(
    "beta2-float32-in-decay", "v decays by fl32(β2); 1-β2 and β2^t are right", **ONLY_FLOAT64
)
class Beta2Float32InDecay(Textbook):
    def second(self, v: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        return c(narrow(self.beta2)) * v + c(1 - self.beta2) * (g * g)


@cage.defect("rate-float32", "lr is a float32 under float64 arrays", **ONLY_FLOAT64)
class RateFloat32(_Rounds):
    names = ("lr",)
    rounded, under = staticmethod(narrow), (FLOAT64,)


@cage.defect("rate-bfloat16", "lr is truncated to bfloat16", shows="rounded", dtypes=BUT_BFLOAT16)
class RateBfloat16(_Rounds):
    names = ("lr",)


@cage.defect(
    "betas-bfloat16",
    "β1 and β2 are truncated to bfloat16: .999 is .9961, as is .9999",
    shows="rounded",
    dtypes=BUT_BFLOAT16,
    row="tenstorrent/tt-metal#55935",
)
class BetasBfloat16(_Rounds):
    pass


@cage.defect("beta1-bfloat16", "β1 is truncated to bfloat16", shows="rounded", dtypes=BUT_BFLOAT16)
class Beta1Bfloat16(_Rounds):
    names = ("beta1",)


@cage.defect("betas-three-digits", "β is rounded to three decimals: .9995 becomes 1", shows="edges")
class BetasThreeDigits(_Rounds):
    under = ALL

    @staticmethod
    def rounded(x: float) -> float:
        return min(round(x, 3), 0.999)


@cage.defect("beta1-hard-coded", "β1 is .9, whatever was asked for", shows="extremal")
class Beta1HardCoded(Textbook):
    def check_hyperparameters(self) -> None:
        super().check_hyperparameters()
        self.beta1 = 0.9


@cage.defect("beta2-hard-coded", "β2 is .999, whatever was asked for")
class Beta2HardCoded(Textbook):
    def check_hyperparameters(self) -> None:
        super().check_hyperparameters()
        self.beta2 = 0.999


@cage.defect("betas-swapped", "β1 and β2 change places")
class BetasSwapped(Textbook):
    def check_hyperparameters(self) -> None:
        super().check_hyperparameters()
        self.beta1, self.beta2 = self.beta2, self.beta1


@cage.defect(
    "betas-swapped-in-bfloat16",
    "β1 and β2 change places in the bfloat16 kernel alone",
    dtypes=("bfloat16",),
)
class BetasSwappedInBfloat16(Textbook):
    def kernel(self, theta: Array, g: Array, slot: Slot) -> Array:
        kept = self.beta1, self.beta2
        if theta.dtype.name == "bfloat16":
            self.beta1, self.beta2 = self.beta2, self.beta1
        moved = super().kernel(theta, g, slot)
        self.beta1, self.beta2 = kept
        return moved


@cage.defect("betas-complemented", "β means 1-β", row="mila-iqia/blocks#1159")
class BetasComplemented(Textbook):
    def kernel(self, theta: Array, g: Array, slot: Slot) -> Array:
        kept = self.beta1, self.beta2
        self.beta1, self.beta2 = 1 - self.beta1, 1 - self.beta2
        moved = super().kernel(theta, g, slot)
        self.beta1, self.beta2 = kept
        return moved


@cage.defect("beta1-falsy-default", "beta1 or .9: a β1 of 0 becomes the default", shows="edges")
class Beta1FalsyDefault(Textbook):
    def adopt(self, hyper: Mapping[str, Any]) -> None:
        super().adopt({**hyper, "beta1": hyper["beta1"] or 0.9})


@cage.defect("beta2-falsy-default", "beta2 or .999: a β2 of 0 becomes the default", shows="edges")
class Beta2FalsyDefault(Textbook):
    def adopt(self, hyper: Mapping[str, Any]) -> None:
        super().adopt({**hyper, "beta2": hyper["beta2"] or 0.999})


@cage.defect(
    "rate-falsy-default",
    "lr or 1e-3: a rate of 0 becomes the default",
    shows="edges",
    dtypes=(FLOAT64, FLOAT32, FLOAT16, "bfloat16"),
)
class RateFalsyDefault(Textbook):
    def adopt(self, hyper: Mapping[str, Any]) -> None:
        super().adopt({**hyper, "lr": hyper["lr"] or 1e-3})


@cage.defect("rate-per-dimension", "lr is divided by the square root of the parameter's size")
class RatePerDimension(Textbook):
    def ratio(self, m_hat: Array, v_hat: Array, c: Scalar) -> Array:
        return super().ratio(m_hat, v_hat, c) / c(max(m_hat.size, 1) ** 0.5)


DEFECTS: tuple[Defect, ...] = tuple(cage.records)
