"""Planted defects of validation: what should be refused and is accepted."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

if (_tests := str(Path(__file__).resolve().parents[2])) not in sys.path:
    sys.path.append(_tests)

from zoo.base import Array
from zoo.dialects import DECAY, L2
from zoo.honest import Textbook
from zoo.record import Cage, Defect

cage = Cage(__file__)


class _Accepts(Textbook):
    """Checks all hyperparameters but some."""

    names: tuple[str, ...] = ()

    def check_hyperparameters(self) -> None:
        kept = {name: getattr(self, name) for name in self.names}
        for name in self.names:
            setattr(self, name, 0.5)
        super().check_hyperparameters()
        self.__dict__.update(kept)


@cage.defect("accepts-anything", "no hyperparameter is checked", shows="reject")
class AcceptsAnything(_Accepts):
    names = ("lr", "beta1", "beta2", "eps")


@cage.defect("accepts-negative-rate", "lr < 0 is taken: it climbs", shows="reject")
class AcceptsNegativeRate(_Accepts):
    names = ("lr",)


@cage.defect(
    "accepts-beta2-one",
    "β2 = 1 is taken, and divides zero by zero",
    shows="reject",
    row="tinygrad/tinygrad#15724, #15725",
)
class AcceptsBeta2One(_Accepts):
    names = ("beta2",)


@cage.defect("accepts-beta1-out-of-range", "β1 is not checked", shows="reject")
class AcceptsBeta1(_Accepts):
    names = ("beta1",)


@cage.defect("accepts-negative-eps", "ε < 0 is taken", shows="reject")
class AcceptsNegativeEps(_Accepts):
    names = ("eps",)


@cage.defect(
    "accepts-nan", "written as a refusal of what is below: NaN is below nothing", shows="reject"
)
class AcceptsNan(Textbook):
    def check_hyperparameters(self) -> None:
        if self.lr < 0 or self.eps < 0 or self.weight_decay < 0:
            raise ValueError("lr, eps and weight_decay must be at least 0")
        for beta in (self.beta1, self.beta2):
            if beta < 0 or beta >= 1:
                raise ValueError("a beta must be in [0, 1)")


@cage.defect(
    "accepts-negative-decay",
    "λ < 0 is taken, and grows the weights",
    shows="reject_decay",
    claims="adam[decay=l2]",
    options=DECAY,
)
class AcceptsNegativeDecay(L2, _Accepts):
    names = ("weight_decay",)


@cage.defect(
    "clamps-hyperparameters", "what is out of range is silently brought into it", shows="reject"
)
class ClampsHyperparameters(Textbook):
    def check_hyperparameters(self) -> None:
        self.lr, self.eps = abs(self.lr), abs(self.eps)
        self.beta1 = min(max(self.beta1, 0.0), 0.999999)
        self.beta2 = min(max(self.beta2, 0.0), 0.999999)


class _ShapesLoosely(Textbook):
    def fits(self, given: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
        return given == wanted

    def check_gradients(self, grads: Sequence[Array | None]) -> None:
        if len(grads) != len(self.thetas):
            raise ValueError(f"grads: {len(grads)} given for {len(self.thetas)} parameters")
        for i, g in enumerate(grads):
            if g is not None and not self.fits(np.shape(g), self.shapes[i]):
                raise ValueError(f"grads[{i}]: shape {np.shape(g)} is not {self.shapes[i]}")

    def advance(self, i: int, g: Array) -> None:
        if np.shape(g) != self.shapes[i] and np.size(g) != self.thetas[i].size:
            g = np.broadcast_to(g, self.shapes[i])
        super().advance(i, g)


@cage.defect("broadcasts-gradient", "a gradient of another shape is broadcast", shows="reject")
class BroadcastsGradient(_ShapesLoosely):
    def fits(self, given: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
        try:
            return np.broadcast_shapes(given, wanted) == wanted
        except ValueError:
            return False


@cage.defect("broadcasts-single-element", "a gradient of one element serves all", shows="reject")
class BroadcastsSingleElement(_ShapesLoosely):
    def fits(self, given: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
        return given in (wanted, (1,))


@cage.defect(
    "reshapes-gradient", "a gradient of the right size and another shape is taken", shows="reject"
)
class ReshapesGradient(_ShapesLoosely):
    def fits(self, given: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
        return given == wanted or np.prod(given) == np.prod(wanted)


@cage.defect(
    "drops-surplus-parameters", "zip: parameters beyond the gradients are left out", shows="reject"
)
class DropsSurplusParameters(Textbook):
    def step(self, grads: Sequence[Array | None]) -> list[Array]:
        missing = len(self.thetas) - len(grads)
        return super().step([*grads, *[None] * missing])


DEFECTS: tuple[Defect, ...] = tuple(cage.records)
