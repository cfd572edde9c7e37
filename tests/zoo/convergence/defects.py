"""Planted defects of long and closed runs: late resets, unasked schedules, rules that watch g.

Most of them take a first step like Algorithm 1's, and many a first thousand.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

if (_tests := str(Path(__file__).resolve().parents[2])) not in sys.path:
    sys.path.append(_tests)

from zoo.base import Array, Slot
from zoo.honest import Scalar, Textbook
from zoo.record import FLOAT64, WIDE, Cage, Defect

cage = Cage(__file__, family="convergence")
KILLERS: dict[str, tuple[str, ...]] = {}
"""The checks that must kill each defect, by its name."""


def planted(name: str, why: str, *killers: str, **rest: Any) -> Callable[[Any], Any]:
    """Register a defect with the checks that must kill it."""
    KILLERS[name] = tuple(f"ADAM-{k}" for k in killers)
    return cage.defect(name, why, **{"dtypes": WIDE, "shows": "closed loop", **rest})


@planted("moments-zeroed-every-500", "m and v are zeroed at every 500th step", "CV-1")
class MomentsReset(Textbook):
    def kernel(self, theta: Array, g: Array, slot: Slot) -> Array:
        if slot.t % 500 == 0:
            slot.m, slot.v = np.zeros_like(slot.m), np.zeros_like(slot.v)
        return super().kernel(theta, g, slot)


@planted("rate-decays-unasked", "lr shrinks by 1e-5 a step", "CV-1")
class RateDecays(Textbook):
    def update(self, slot: Slot, c: Scalar) -> Array:
        return super().update(slot, c) * c((1 - 1e-5) ** (slot.t - 1))


@planted("correction-stops-at-1000", "no bias correction after t=1000", "CV-1")
class CorrectionStops(Textbook):
    def corrections(self, slot: Slot) -> tuple[float, float]:
        return super().corrections(slot) if slot.t <= 1000 else (1.0, 1.0)


@planted("correction-frozen-at-1000", "the corrections stay what they were at t=1000", "CV-1")
class CorrectionFrozen(Textbook):
    def corrections(self, slot: Slot) -> tuple[float, float]:
        t = min(slot.t, 1000)
        return 1 - self.beta1**t, 1 - self.beta2**t


@planted(
    "stale-v",
    "from t=2 on the denominator is that of the step before",
    "CV-1",
    "CV-3",
    "CV-7",
    "CV-14",
)
class StaleV(Textbook):
    def peak(self, slot: Slot) -> Array:
        stale: Array = slot.extra.get("v", slot.v)
        slot.extra["v"] = slot.v
        return stale


@planted("v-every-other-step-late", "after t=300 v is updated every other step", "CV-1")
class VEveryOther(Textbook):
    def second(self, v: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        return v if slot.t > 300 and slot.t % 2 else super().second(v, g, slot, c)


@planted("rate-falls-on-plateau", "lr is halved while every |g| is below 2^-5", "CV-1")
class RateOnPlateau(Textbook):
    def kernel(self, theta: Array, g: Array, slot: Slot) -> Array:
        slot.extra["flat"] = bool(np.abs(g).max(initial=0) < 2.0**-5)
        return super().kernel(theta, g, slot)

    def update(self, slot: Slot, c: Scalar) -> Array:
        return super().update(slot, c) * c(0.5 if slot.extra["flat"] else 1.0)


@planted("stops-when-close", "does nothing any more once every |g| is below 1e-2", "CV-1", "CV-3")
class StopsWhenClose(Textbook):
    def kernel(self, theta: Array, g: Array, slot: Slot) -> Array:
        if np.abs(g).max(initial=0) < 1e-2:
            return theta
        return super().kernel(theta, g, slot)


@planted("restarts-on-sign-change", "m is dropped where it opposes g", "CV-1")
class RestartsOnSignChange(Textbook):
    def first(self, m: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        return super().first(np.where(m * g < 0, m * 0, m), g, slot, c)


@planted("damps-oscillations", "Δ is a tenth smaller while g changes its sign", "CV-14")
class DampsOscillations(Textbook):
    def kernel(self, theta: Array, g: Array, slot: Slot) -> Array:
        before = slot.extra.get("g", np.zeros_like(g))
        slot.extra["factor"] = np.where(before * g < 0, 0.9, 1.0).astype(g.dtype)
        slot.extra["g"] = g.copy()
        return super().kernel(theta, g, slot)

    def update(self, slot: Slot, c: Scalar) -> Array:
        return super().update(slot, c) * slot.extra["factor"]


@planted("skips-zero-gradients", "variables with g=0 keep m, v and θ (lazy)", "LS-1")
class SkipsZeros(Textbook):
    def kernel(self, theta: Array, g: Array, slot: Slot) -> Array:
        m, v = slot.m, slot.v
        moved = super().kernel(theta, g, slot)
        slot.m, slot.v = np.where(g == 0, m, slot.m), np.where(g == 0, v, slot.v)
        return np.where(g == 0, theta, moved)


@planted("amsgrad-from-300", "from t=300 on the denominator never falls", "CV-1", "CV-11")
class AmsgradLater(Textbook):
    def peak(self, slot: Slot) -> Array:
        if slot.t >= 300:
            slot.extra["peak"] = np.maximum(slot.extra.get("peak", slot.v), slot.v)
            return slot.extra["peak"]
        return slot.v


@planted("clips-by-norm", "gradients of norm above 4 are scaled down to it", "CV-11")
class ClipsByNorm(Textbook):
    def gradient(self, theta: Array, g: Array, c: Scalar) -> Array:
        g = super().gradient(theta, g, c)
        norm = float(np.sqrt(np.sum(g.astype(np.float64) ** 2)))
        return g * c(min(1.0, 4.0 / norm)) if norm else g


@planted("beta1-ramps", "β1 creeps from 0.95 of itself to itself over 400 steps", "CV-1")
class Beta1Ramps(Textbook):
    def first(self, m: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        beta = self.beta1 * (0.95 + 0.05 * min(slot.t / 400, 1.0))
        return c(beta) * m + c(1 - beta) * g


@planted("counter-wraps-at-256", "t is kept in eight bits", "CV-1", "CV-11", "CV-14")
class CounterWraps(Textbook):
    def corrections(self, slot: Slot) -> tuple[float, float]:
        t = (slot.t - 1) % 256 + 1
        return 1 - self.beta1**t, 1 - self.beta2**t


@planted("no-correction-at-large-beta2", "v is not corrected where β2 > 0.9995", "BC-1")
class NoLargeCorrection(Textbook):
    def corrections(self, slot: Slot) -> tuple[float, float]:
        first, second = super().corrections(slot)
        return first, second if self.beta2 <= 0.9995 else 1.0


@planted("adds-decay-late", "θ shrinks by 1e-9 a step after t=100", "CV-1", dtypes=(FLOAT64,))
class DecayLate(Textbook):
    def kernel(self, theta: Array, g: Array, slot: Slot) -> Array:
        shrunk = theta * theta.dtype.type(1 - 1e-9) if slot.t > 100 else theta
        return super().kernel(shrunk, g, slot)


DEFECTS: tuple[Defect, ...] = tuple(cage.records)
