"""Heavy-ball momentum, once honest and thrice not: what momentum's rate must tell apart."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

if (_tests := str(Path(__file__).resolve().parents[2])) not in sys.path:
    sys.path.append(_tests)

from zoo.base import Array
from zoo.record import WIDE, Cage, Defect

cage = Cage(__file__, family="convergence")
KILLERS: dict[str, tuple[str, ...]] = {}


@cage.honest("heavy-ball", "momentum", dtypes=WIDE)
class HeavyBall:
    """b = μ·b + g and θ = θ - α·b, in the array's dtype."""

    def __init__(self, params: Sequence[Array], *, lr: float, momentum: float) -> None:
        self.thetas = [np.array(p) for p in params]
        self.velocities = [np.zeros_like(p) for p in params]
        self.lr, self.momentum, self.t = float(lr), float(momentum), 0

    def mu(self) -> float:
        return self.momentum

    def direction(self, g: Array, b: Array) -> Array:
        return b

    def step(self, grads: Sequence[Array]) -> list[Array]:
        self.t += 1
        for k, g in enumerate(grads):
            c = g.dtype.type
            self.velocities[k] = c(self.mu()) * self.velocities[k] + g
            moved = c(self.lr) * self.direction(g, self.velocities[k])
            self.thetas[k] = self.thetas[k] - moved
        return [theta.copy() for theta in self.thetas]


def planted(name: str, why: str) -> Callable[[Any], Any]:
    """Register a defect that closed loops must kill."""
    KILLERS[name] = ("ADAM-CV-1", "ADAM-CV-7")
    return cage.defect(name, why, claims="momentum", dtypes=WIDE, shows="closed loop")


@planted("velocity-fades-late", "after t=32 μ is a tenth smaller than asked for")
class FadesLate(HeavyBall):
    def mu(self) -> float:
        return self.momentum * (0.9 if self.t > 32 else 1.0)


@planted("nesterov-called-momentum", "steps along g + μ·b, which is Nesterov's form")
class CalledMomentum(HeavyBall):
    def direction(self, g: Array, b: Array) -> Array:
        return g + g.dtype.type(self.momentum) * b


@planted("velocity-restarts", "the velocity is dropped at every 24th step")
class Restarts(HeavyBall):
    def mu(self) -> float:
        return 0.0 if self.t % 24 == 0 else self.momentum


HONEST = tuple(r for r in cage.records if not isinstance(r, Defect))
DEFECTS: tuple[Defect, ...] = tuple(r for r in cage.records if isinstance(r, Defect))
