"""Planted defects of buffers and instances: aliases, overwritten arguments, shared state."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

if (_tests := str(Path(__file__).resolve().parents[2])) not in sys.path:
    sys.path.append(_tests)

from zoo.base import Array, Slot
from zoo.honest import Textbook, make_closure, run_loop
from zoo.record import Cage, Defect

cage = Cage(__file__)


@cage.defect(
    "gradient-scaled-in-place", "the caller's gradient is multiplied by 1-β1", shows="buffers"
)
class GradientScaledInPlace(Textbook):
    def advance(self, i: int, g: Array) -> None:
        super().advance(i, g)
        g *= g.dtype.type(1 - self.beta1)


@cage.defect(
    "gradient-negated-in-place",
    "maximise negates the caller's gradient",
    shows="buffers",
    claims="adam[maximize=yes]",
    options={"maximize": True},
)
class GradientNegatedInPlace(Textbook):
    def advance(self, i: int, g: Array) -> None:
        super().advance(i, g)
        if self.maximize:
            np.negative(g, out=g)


@cage.defect(
    "gradient-zeroed", "the caller's gradient is set to zero after the step", shows="buffers"
)
class GradientZeroed(Textbook):
    def advance(self, i: int, g: Array) -> None:
        super().advance(i, g)
        g[...] = 0


@cage.defect(
    "gradient-kept-as-m", "at t=1 the caller's array itself becomes the store of m", shows="buffers"
)
class GradientKeptAsM(Textbook):
    def advance(self, i: int, g: Array) -> None:
        slot = self.slots[i]
        if slot.t == 1:  # what is read back is whatever the caller has put there since
            kept = self.flat(slot.extra["kept"][0], slot.m.dtype)
            slot.m = slot.m.dtype.type(1 - self.beta1) * kept
        super().advance(i, g)
        if slot.t == 1:
            slot.extra["kept"] = [g]


@cage.defect(
    "gradient-kept", "a step uses the array of the step before, by reference", shows="buffers"
)
class GradientKept(Textbook):
    def advance(self, i: int, g: Array) -> None:
        kept = self.slots[i].extra.get("kept", [g, g.copy()])
        drift = self.flat(kept[0], g.dtype) - self.flat(kept[1], g.dtype)
        self.slots[i].m = self.slots[i].m + drift
        super().advance(i, g)
        self.slots[i].extra["kept"] = [g, g.copy()]


@cage.defect(
    "theta0-changed-by-constructor",
    "the constructor rounds the caller's parameters",
    shows="buffers",
)
class Theta0Changed(Textbook):
    def setup(self, params: Any, **hyper: Any) -> None:
        super().setup(params, **hyper)
        for p in params:
            p[...] = np.rint(p)


@cage.defect(
    "theta-read-from-caller",
    "θ is what the caller's array holds, and is not written there: every step starts at θ0",
)
class ThetaReadFromCaller(Textbook):
    def setup(self, params: Any, **hyper: Any) -> None:
        super().setup(params, **hyper)
        self.callers = list(params)

    def advance(self, i: int, g: Array) -> None:
        self.thetas[i] = self.flat(self.callers[i], self.dtypes[i])
        super().advance(i, g)


@cage.defect("state-shared-by-instances", "the moments live in the class", shows="instances")
class StateSharedByInstances(Textbook):
    store: ClassVar[dict[Any, Slot]] = {}

    def setup(self, params: Any, **hyper: Any) -> None:
        super().setup(params, **hyper)
        key = tuple((p.shape, p.dtype.name) for p in params)
        for i in range(len(params)):
            self.slots[i] = self.store.setdefault((key, i), self.slots[i])


@cage.defect("hyperparameters-shared", "the last instance sets the rate of all", shows="instances")
class HyperparametersShared(Textbook):
    newest: ClassVar[dict[str, float]] = {}

    def check_hyperparameters(self) -> None:
        super().check_hyperparameters()
        self.newest["lr"] = self.lr

    def kernel(self, theta: Array, g: Array, slot: Slot) -> Array:
        self.lr = self.newest["lr"]
        return super().kernel(theta, g, slot)


@cage.defect(
    "moments-shared-by-parameters",
    "parameters of one shape share their moments",
    shows="same_shapes",
)
class MomentsSharedByParameters(Textbook):
    def setup(self, params: Any, **hyper: Any) -> None:
        super().setup(params, **hyper)
        first: dict[Any, Slot] = {}
        for i, p in enumerate(params):
            self.slots[i] = first.setdefault(p.shape, self.slots[i])


@cage.defect(
    "moments-shared-by-equal-parameters",
    "parameters of one shape and of equal values share their moments",
    shows="equal_parameters",
)
class MomentsSharedByEqualParameters(Textbook):
    def setup(self, params: Any, **hyper: Any) -> None:
        super().setup(params, **hyper)
        first: dict[Any, Slot] = {}
        for i, p in enumerate(params):
            self.slots[i] = first.setdefault((p.shape, p.tobytes()), self.slots[i])


@cage.defect(
    "parameters-exchanged",
    "of two parameters of one shape, each gets the other's gradient",
    shows="same_shapes",
)
class ParametersExchanged(Textbook):
    def step(self, grads: Sequence[Array | None]) -> list[Array]:
        if len(grads) == 2 and self.shapes[0] == self.shapes[1]:
            grads = list(grads)[::-1]
        return super().step(grads)


@cage.defect("last-parameter-skipped", "of several parameters the last one never moves")
class LastParameterSkipped(Textbook):
    def advance(self, i: int, g: Array) -> None:
        if i == 0 or i < len(self.thetas) - 1:
            super().advance(i, g)


@cage.defect(
    "run-one-gradient-late",
    "step k uses gradient k-1, as a scan over shifted inputs",
    twin=run_loop,
)
def run_one_gradient_late(
    theta0: Array, grads: Sequence[Array], *, lr: float, beta1: float, beta2: float, eps: float
) -> list[Array]:
    shifted = [*grads[:1], *grads[:-1]]
    return run_loop(theta0, shifted, lr=lr, beta1=beta1, beta2=beta2, eps=eps)


@cage.defect(
    "run-first-point-included", "the trajectory begins with θ0 and lacks its end", twin=run_loop
)
def run_first_point_included(
    theta0: Array, grads: Sequence[Array], *, lr: float, beta1: float, beta2: float, eps: float
) -> list[Array]:
    thetas = run_loop(theta0, grads, lr=lr, beta1=beta1, beta2=beta2, eps=eps)
    return [theta0.copy(), *thetas[:-1]]


@cage.defect(
    "make-shares-moments",
    "closures of one shape share their moments",
    shows="instances",
    twin=make_closure,
)
def make_shares_moments(
    theta0: Array, *, lr: float, beta1: float, beta2: float, eps: float
) -> Callable[[Array], Array]:
    made = Textbook([theta0], lr=lr, beta1=beta1, beta2=beta2, eps=eps)
    made.slots = _slots.setdefault((theta0.shape, theta0.dtype.name), made.slots)
    return lambda grad: made.step([grad])[0]


_slots: dict[Any, list[Slot]] = {}


DEFECTS: tuple[Defect, ...] = tuple(cage.records)
