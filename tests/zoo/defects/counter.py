"""Planted defects of the step counter: what t is, when it moves, and how far it can count."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np

if (_tests := str(Path(__file__).resolve().parents[2])) not in sys.path:
    sys.path.append(_tests)

from zoo.base import Array, Slot
from zoo.honest import Textbook
from zoo.record import WIDE, Cage, Defect

cage = Cage(__file__)


@cage.defect(
    "counter-frozen", "t stays 1: the bias correction never fades", row="allenai/OLMo-core#309"
)
class Frozen(Textbook):
    def tick(self, slot: Slot) -> None:
        slot.t = 1


@cage.defect(
    "counter-starts-at-zero",
    "the first step is called 0, and 1-β⁰ = 0 divides",
    row="tracel-ai/burn#614",
    tags=("dialect",),
)
class StartsAtZero(Textbook):
    def corrections(self, slot: Slot) -> tuple[float, float]:
        return 1 - self.beta1 ** (slot.t - 1), 1 - self.beta2 ** (slot.t - 1)


@cage.defect(
    "counter-starts-at-two",
    "the first step is called 2: t is counted after and before",
    tags=("dialect",),
)
class StartsAtTwo(Textbook):
    def corrections(self, slot: Slot) -> tuple[float, float]:
        return 1 - self.beta1 ** (slot.t + 1), 1 - self.beta2 ** (slot.t + 1)


@cage.defect(
    "counter-per-parameter",
    "one counter, advanced once for every parameter",
    row="flashlight/flashlight#143, clab/dynet#77, DiffSharp#292",
)
class PerParameter(Textbook):
    shared = 0

    def tick(self, slot: Slot) -> None:
        self.shared += 1
        slot.t = self.shared


@cage.defect(
    "counter-global",
    "one counter for all: a late parameter starts with a large t",
    shows="late",
    tags=("convention",),
)
class GlobalCounter(Textbook):
    now = 0

    def step(self, grads: Sequence[Array | None]) -> list[Array]:
        self.now += 1
        return super().step(grads)

    def tick(self, slot: Slot) -> None:
        slot.t = self.now


class _StopsAt(Textbook):
    last = 0

    def tick(self, slot: Slot) -> None:
        slot.t = min(slot.t + 1, self.last)


@cage.defect("counter-stops-at-10", "t never exceeds 10")
class StopsAt10(_StopsAt):
    last = 10


@cage.defect("counter-stops-at-128", "t never exceeds 128", shows="long")
class StopsAt128(_StopsAt):
    last = 128


@cage.defect("counter-stops-at-256", "t never exceeds 256", shows="long")
class StopsAt256(_StopsAt):
    last = 256


@cage.defect("counter-stops-at-1000", "t never exceeds 1000", shows="long")
class StopsAt1000(_StopsAt):
    last = 1000


@cage.defect("counter-stops-at-2048", "t never exceeds 2048", shows="long", dtypes=WIDE)
class StopsAt2048(_StopsAt):
    last = 2048


class _CountsIn(Textbook):
    counter: Any = None

    def tick(self, slot: Slot) -> None:
        with np.errstate(over="ignore"):
            slot.t = int(self.counter(slot.t) + self.counter(1))


@cage.defect(
    "counter-bfloat16", "t is a bfloat16: 256 + 1 = 256", shows="long", row="pytorch/ao#4915"
)
class CountsInBfloat16(_CountsIn):
    counter = ml_dtypes.bfloat16


@cage.defect("counter-float16", "t is a float16: 2048 + 1 = 2048", shows="long", dtypes=WIDE)
class CountsInFloat16(_CountsIn):
    counter = np.float16


@cage.defect(
    "counter-float32",
    "t is a float32: 2^24 + 1 = 2^24, harmless for β ≤ .9999",
    shows="state",
    row="dlib float t",
    tags=("report-only",),
)
class CountsInFloat32(_CountsIn):
    counter = np.float32

    def tick(self, slot: Slot) -> None:
        slot.t = int(np.float32(slot.t) + np.float32(1))


@cage.defect("counter-int8", "t is an int8: after 127 comes -128", shows="long")
class CountsInInt8(Textbook):
    def tick(self, slot: Slot) -> None:
        slot.t = (slot.t + 1 + 128) % 256 - 128


@cage.defect("counter-uint8", "t is a uint8: after 255 comes 0", shows="long")
class CountsInUint8(Textbook):
    def tick(self, slot: Slot) -> None:
        slot.t = (slot.t + 1) % 256


@cage.defect(
    "counter-skips-zero-gradient",
    "t does not advance when the whole gradient is zero",
    shows="zeros",
)
class SkipsZeroGradient(Textbook):
    def advance(self, i: int, g: Array) -> None:
        before = self.slots[i].t
        super().advance(i, g)
        if before and not np.any(g):
            self.slots[i].t = before


@cage.defect("counter-twice-a-step", "t advances by two")
class TwiceAStep(Textbook):
    def tick(self, slot: Slot) -> None:
        slot.t += 2 if slot.t else 1


@cage.defect(
    "counter-restarts-at-1024", "t goes back to 1 after 1024 steps, the moments stay", shows="long"
)
class RestartsAt1024(Textbook):
    def tick(self, slot: Slot) -> None:
        slot.t = slot.t % 1024 + 1


DEFECTS: tuple[Defect, ...] = tuple(cage.records)
