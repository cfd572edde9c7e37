"""Planted defects that the zoo lacks: one for each check that kills none of the zoo's by itself."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

if (_tests := str(Path(__file__).resolve().parents[1])) not in sys.path:
    sys.path.append(_tests)

from zoo.base import Array
from zoo.honest import Textbook
from zoo.record import Cage, Defect, Honest

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


# gradient descent, the simplest relative


Step = Callable[[Array], Array]


@cage.honest("descent", "gd")
def descent(theta0: Array, *, lr: float) -> Step:
    """θ - α·g: what the defects below are made from."""
    return _descending(theta0, lr, lambda t, g, before: g)


@cage.defect("descent-one-step-late", "the gradient of the step before", claims="gd", twin=descent)
def descent_late(theta0: Array, *, lr: float) -> Step:
    return _descending(theta0, lr, lambda t, g, before: before)


@cage.defect("descent-averaged", "the mean of two steps' gradients", claims="gd", twin=descent)
def descent_averaged(theta0: Array, *, lr: float) -> Step:
    return _descending(theta0, lr, lambda t, g, before: g.dtype.type(0.5) * (g + before))


@cage.defect("descent-rate-halved-at-50", "α is halved from t=50 on", claims="gd", twin=descent)
def descent_halved(theta0: Array, *, lr: float) -> Step:
    return _descending(theta0, lr, lambda t, g, before: g.dtype.type(0.5) * g if t >= 50 else g)


def _descending(theta0: Array, lr: float, used: Callable[[int, Array, Array], Array]) -> Step:
    theta, before, t = theta0.copy(), None, 0

    def step(grad: Array) -> Array:
        nonlocal theta, before, t
        t += 1
        with np.errstate(all="ignore"):
            g = used(t, grad, grad if before is None else before)
            theta = theta - theta0.dtype.type(lr) * g
        before = grad.copy()
        return theta

    return step


DEFECTS: tuple[Defect, ...] = tuple(d for d in cage.records if isinstance(d, Defect))
HONEST: tuple[Honest, ...] = tuple(d for d in cage.records if isinstance(d, Honest))
