"""Planted defects in time: schedules nobody asked for, rare steps, resets."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

if (_tests := str(Path(__file__).resolve().parents[2])) not in sys.path:
    sys.path.append(_tests)

from zoo.base import Array, Slot
from zoo.honest import Scalar, Textbook
from zoo.record import FLOAT16, FLOAT32, FLOAT64, Cage, Defect

cage = Cage(__file__)


class _Schedule(Textbook):
    """Δ times a factor that depends on t."""

    def factor(self, t: int) -> float:
        return 1.0

    def update(self, slot: Slot, c: Scalar) -> Array:
        return super().update(slot, c) * c(self.factor(slot.t))


@cage.defect("rate-halved-at-500", "lr is halved from t=500 on", shows="long")
class RateHalvedAt500(_Schedule):
    def factor(self, t: int) -> float:
        return 0.5 if t >= 500 else 1.0


@cage.defect("rate-warms-up", "lr grows linearly over the first ten steps")
class RateWarmsUp(_Schedule):
    def factor(self, t: int) -> float:
        return min(t / 10, 1.0)


@cage.defect("rate-decays", "lr shrinks by 1e-5 a step", dtypes=(FLOAT64, FLOAT32, FLOAT16))
class RateDecays(_Schedule):
    def factor(self, t: int) -> float:
        return (1 - 1e-5) ** (t - 1)


@cage.defect("rate-inverse-root", "lr/√t")
class RateInverseRoot(_Schedule):
    def factor(self, t: int) -> float:
        return float(t**-0.5)


@cage.defect(
    "wrong-at-step-7",
    "Δ is a thousandth too large at t=7 alone",
    dtypes=(FLOAT64, FLOAT32, FLOAT16),
)
class WrongAtStep7(_Schedule):
    def factor(self, t: int) -> float:
        return 1.001 if t == 7 else 1.0


@cage.defect("wrong-every-13th-step", "Δ is a hundredth too large at every 13th step")
class WrongEvery13thStep(_Schedule):
    def factor(self, t: int) -> float:
        return 1.01 if t % 13 == 0 else 1.0


@cage.defect("update-skipped-every-100th", "θ stays at every 100th step", shows="long")
class UpdateSkippedEvery100th(_Schedule):
    def factor(self, t: int) -> float:
        return 0.0 if t % 100 == 0 else 1.0


@cage.defect("first-update-skipped", "θ does not move at t=1")
class FirstUpdateSkipped(_Schedule):
    def factor(self, t: int) -> float:
        return 0.0 if t == 1 else 1.0


@cage.defect("moments-reset-every-500", "m, v and t start again after 500 steps", shows="long")
class MomentsResetEvery500(Textbook):
    def tick(self, slot: Slot) -> None:
        if slot.t == 500:
            slot.m, slot.v, slot.t = np.zeros_like(slot.m), np.zeros_like(slot.v), 0
        super().tick(slot)


@cage.defect("momentum-reset-every-500", "m alone starts again", shows="long")
class MomentumResetEvery500(Textbook):
    def tick(self, slot: Slot) -> None:
        super().tick(slot)
        if slot.t % 500 == 0:
            slot.m = np.zeros_like(slot.m)


@cage.defect("gradient-one-step-late", "each step uses the gradient of the step before")
class GradientOneStepLate(Textbook):
    def kernel(self, theta: Array, g: Array, slot: Slot) -> Array:
        late = slot.extra.get("late", g)
        slot.extra["late"] = g.copy()
        return super().kernel(theta, late, slot)


@cage.defect("lookahead", "θ goes halfway back to where it was five steps ago")
class Lookahead(Textbook):
    def kernel(self, theta: Array, g: Array, slot: Slot) -> Array:
        slow = slot.extra.setdefault("slow", theta.copy())
        moved = super().kernel(theta, g, slot)
        if slot.t % 5 == 0:
            moved = slot.extra["slow"] = (slow + moved) * theta.dtype.type(0.5)
        return moved


@cage.defect("two-gradients-averaged", "an odd step waits for the next gradient")
class TwoGradientsAveraged(Textbook):
    def advance(self, i: int, g: Array) -> None:
        waiting = self.slots[i].extra.pop("waiting", None)
        if waiting is None:
            self.slots[i].extra["waiting"] = g.copy()
        else:
            super().advance(i, (waiting + g) * g.dtype.type(0.5))


@cage.defect("stops-when-small", "θ stays once |Δ| < lr/64", shows="short")
class StopsWhenSmall(Textbook):
    def update(self, slot: Slot, c: Scalar) -> Array:
        change = super().update(slot, c)
        return np.where(np.abs(change) < c(self.lr / 64), c(0.0), change)


@cage.defect(
    "powers-of-next-step-after-2048",
    "t jumps by one at 2048",
    shows="long_tail",
    dtypes=(FLOAT64, FLOAT32),
)
class JumpsAt2048(Textbook):
    def tick(self, slot: Slot) -> None:
        slot.t += 2 if slot.t == 2047 else 1


DEFECTS: tuple[Defect, ...] = tuple(cage.records)
