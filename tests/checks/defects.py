"""Planted defects that the zoo lacks: one for each check that kills none of the zoo's by itself."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

if (_tests := str(Path(__file__).resolve().parents[1])) not in sys.path:
    sys.path.append(_tests)

from zoo.base import Array
from zoo.honest import Textbook
from zoo.record import Cage, Defect

cage = Cage(__file__, family="interface")


class _FitsGradient(Textbook):
    """Makes a gradient of another size fit, in silence."""

    def fitted(self, g: Array, size: int) -> Array:
        return g

    def check_gradients(self, grads: Sequence[Array | None]) -> None:
        """Everything is taken."""

    def advance(self, i: int, g: Array) -> None:
        if np.shape(g) != self.shapes[i]:
            g = self.fitted(np.ravel(g), self.thetas[i].size).reshape(self.shapes[i])
        super().advance(i, g)


@cage.defect("gradient-cut-to-size", "a gradient that is too long is cut", shows="reject")
class CutToSize(_FitsGradient):
    def fitted(self, g: Array, size: int) -> Array:
        if g.size < size:
            raise ValueError(f"{g.size} gradients for {size} elements")
        return g[:size]


@cage.defect(
    "gradient-repeated-to-size", "a gradient that is too short is repeated", shows="reject"
)
class RepeatedToSize(_FitsGradient):
    def fitted(self, g: Array, size: int) -> Array:
        return np.resize(g, size)


@cage.defect("gradient-padded-to-size", "what a gradient lacks is taken as zero", shows="reject")
class PaddedToSize(_FitsGradient):
    def fitted(self, g: Array, size: int) -> Array:
        return np.concatenate([g, np.zeros(max(size - g.size, 0), g.dtype)])[:size]


DEFECTS: tuple[Defect, ...] = tuple(cage.records)
