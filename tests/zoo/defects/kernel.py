"""Planted defects of the kernel: elements lost, repeated, exchanged, or treated apart by index."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

if (_tests := str(Path(__file__).resolve().parents[2])) not in sys.path:
    sys.path.append(_tests)

from zoo.base import Array, Slot
from zoo.honest import Scalar, Textbook
from zoo.record import Cage, Defect

cage = Cage(__file__)


class _Untouched(Textbook):
    """Elements from ``bound(size)`` on keep θ."""

    def bound(self, size: int) -> int:
        return size

    def kernel(self, theta: Array, g: Array, slot: Slot) -> Array:
        moved = super().kernel(theta, g, slot)
        bound = self.bound(theta.size)
        moved[bound:] = theta[bound:]
        return moved


@cage.defect("last-element-lost", "the loop ends one early", shows="shapes")
class LastElementLost(_Untouched):
    def bound(self, size: int) -> int:
        return max(size - 1, 0)


@cage.defect(
    "last-element-lost-above-one", "the loop ends one early, except at size 1", shows="shapes"
)
class LastElementLostAboveOne(_Untouched):
    def bound(self, size: int) -> int:
        return max(size - 1, 1)


@cage.defect("tail-of-4-untouched", "whole vectors of four only", shows="shapes")
class TailOf4(_Untouched):
    def bound(self, size: int) -> int:
        return size - size % 4


@cage.defect("tail-of-8-untouched", "whole vectors of eight only, beyond eight", shows="shapes")
class TailOf8(_Untouched):
    def bound(self, size: int) -> int:
        return size - size % 8 if size > 8 else size


@cage.defect(
    "tail-of-16-untouched", "whole vectors of sixteen only, beyond sixteen", shows="shapes"
)
class TailOf16(_Untouched):
    def bound(self, size: int) -> int:
        return size - size % 16 if size > 16 else size


@cage.defect("size-one-untouched", "n/2 pairs: a single element is none", shows="shapes")
class SizeOneUntouched(_Untouched):
    def bound(self, size: int) -> int:
        return 0 if size == 1 else size


@cage.defect("odd-sizes-lose-one", "pairs only: an odd size above 32 loses its last", shows="big")
class OddSizes(_Untouched):
    def bound(self, size: int) -> int:
        return size - size % 2 if size > 32 else size


@cage.defect("beyond-65536-untouched", "a 16-bit index", shows="big")
class Beyond65536(_Untouched):
    def bound(self, size: int) -> int:
        return min(size, 65536)


@cage.defect(
    "rows-for-elements",
    "size(0) in the place of numel(): a matrix moves in its first rows",
    shows="shapes",
    row="hpcaitech/ColossalAI#633",
)
class RowsForElements(_Untouched):
    def advance(self, i: int, g: Array) -> None:
        self.rows = self.shapes[i][0] if self.shapes[i] else 1
        super().advance(i, g)

    def bound(self, size: int) -> int:
        return self.rows


@cage.defect(
    "index-wraps-at-65536",
    "a 16-bit index: later elements read the gradients of earlier",
    shows="big",
)
class IndexWraps(Textbook):
    def kernel(self, theta: Array, g: Array, slot: Slot) -> Array:
        return super().kernel(theta, g[np.arange(g.size) & 0xFFFF], slot)


class _PatchesGradient(Textbook):
    def kernel(self, theta: Array, g: Array, slot: Slot) -> Array:
        self.patch(g)
        return super().kernel(theta, g, slot)

    def patch(self, g: Array) -> None:
        """Change the kernel's own copy of the gradient."""


@cage.defect("first-gradient-twice", "element 1 reads the gradient of element 0", shows="shapes")
class FirstGradientTwice(_PatchesGradient):
    def patch(self, g: Array) -> None:
        g[1:2] = g[:1] if g.size > 1 else g[1:2]


@cage.defect("first-element-twice", "element 0 is updated twice a step", shows="shapes")
class FirstElementTwice(Textbook):
    def kernel(self, theta: Array, g: Array, slot: Slot) -> Array:
        moved = super().kernel(theta, g, slot)
        moved[:1] = moved[:1] + (moved[:1] - theta[:1])
        return moved


@cage.defect("elements-exchanged", "elements 2 and 3 exchange their gradients", shows="shapes")
class ElementsExchanged(_PatchesGradient):
    def patch(self, g: Array) -> None:
        if g.size > 3:
            g[2:4] = g[3:1:-1].copy()


@cage.defect(
    "elements-rotated-in-large", "beyond 1024 elements gradients are off by one place", shows="big"
)
class ElementsRotated(_PatchesGradient):
    def patch(self, g: Array) -> None:
        if g.size > 1024:
            g[:] = np.roll(g, 1)


@cage.defect("index-4099-wrong", "one gradient among many is zero: element 4099", shows="big")
class Index4099(_PatchesGradient):
    def patch(self, g: Array) -> None:
        g[4099:4100] = 0


@cage.defect(
    "large-array-wrong-from-fifth-step",
    "from t=5 on arrays of over 4,000 elements move twice as far",
    shows="big_and_long",
)
class LargeWrongFromFifthStep(Textbook):
    sound = 4

    def kernel(self, theta: Array, g: Array, slot: Slot) -> Array:
        moved = super().kernel(theta, g, slot)
        return moved + (moved - theta) if slot.t > self.sound and theta.size > 4000 else moved


@cage.defect(
    "large-array-wrong-from-twelfth-step",
    "from t=12 on arrays of over 4,000 elements move twice as far",
    shows="big_and_long",
)
class LargeWrongFromTwelfthStep(LargeWrongFromFifthStep):
    sound = 11


@cage.defect("index-33-wrong", "element 33 moves a thirty-second further", shows="big")
class Index33(_PatchesGradient):
    def kernel(self, theta: Array, g: Array, slot: Slot) -> Array:
        moved = super().kernel(theta, g, slot)
        moved[33:34] += (moved[33:34] - theta[33:34]) * theta.dtype.type(1 / 32)
        return moved


@cage.defect(
    "moments-shared-by-blocks", "v of each block of 32 is that of its first element", shows="shapes"
)
class MomentsSharedByBlocks(Textbook):
    def second(self, v: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        new = super().second(v, g, slot, c)
        return np.repeat(new[::32], 32)[: new.size]


# elements treated apart by value


class _Where(Textbook):
    """Δ is larger by a quarter where a condition on the gradient holds."""

    def condition(self, g: Array) -> Array:
        return g == g

    def gradient(self, theta: Array, g: Array, c: Callable[[float], object]) -> Array:
        self.chosen = self.condition(g)
        return super().gradient(theta, g, c)

    def update(self, slot: Slot, c: Scalar) -> Array:
        change = super().update(slot, c)
        return np.where(self.chosen, change * c(1.25), change)


@cage.defect("wrong-for-negative", "Δ is wrong where g < 0")
class WrongForNegative(_Where):
    def condition(self, g: Array) -> Array:
        return g < 0


@cage.defect(
    "wrong-for-large",
    "Δ is wrong where |g| > 1e6",
    shows="wild",
    dtypes=("float64", "float32", "bfloat16"),
)
class WrongForLarge(_Where):
    def condition(self, g: Array) -> Array:
        return np.abs(g) > g.dtype.type(1e6)


@cage.defect("wrong-for-exact-one", "Δ is wrong where g = 1", shows="ones")
class WrongForExactOne(_Where):
    def condition(self, g: Array) -> Array:
        return g == g.dtype.type(1)


DEFECTS: tuple[Defect, ...] = tuple(cage.records)
