"""What the relatives' targets share: the zoo's buffers and layouts, with names of their own.

A rule is a subclass with ``KEPT`` (the arrays that it keeps) and a ``kernel``; its ``__init__``
names its hyperparameters, since that is where an option is discovered.
"""

from __future__ import annotations

import math
import sys
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if (_tests := str(Path(__file__).resolve().parents[2])) not in sys.path:
    sys.path.append(_tests)  # a target file is loaded by its path alone

from zoo.base import Adam, Array

Scalar = Callable[[float], Any]
_FRACTIONS = ("beta1", "beta2", "momentum")


@dataclass
class Slot:
    """The state of one parameter: arrays by name, and what only some orders keep."""

    kept: dict[str, Array]
    t: int = 0
    extra: dict[str, Any] = field(default_factory=dict)


class Relative(Adam):
    """Parameters in, parameters out; subclasses compute.

    ``decay`` says how a weight decay enters: "l2" or "decoupled". ``wide`` is the dtype of the
    arithmetic where it is wider than the arrays'.
    """

    KEPT: tuple[str, ...] = ()
    wide: Any = None
    slots: list[Slot]

    if TYPE_CHECKING:  # hyperparameters are set by name

        def __getattr__(self, name: str) -> Any: ...

    @abstractmethod
    def __init__(self, params: Sequence[Array], *, lr: float, **rest: Any) -> None:
        """Each rule names its own hyperparameters, and calls ``setup``."""

    def setup(self, params: Sequence[Array], **hyper: Any) -> None:
        """Validate, and take copies of the parameters."""
        self.adopt({"weight_decay": 0.0, "maximize": False} | hyper)
        self.take(params)

    def adopt(self, hyper: Mapping[str, Any]) -> None:
        """Set the hyperparameters, at construction and when a state is loaded."""
        self.hyper_names = tuple(hyper)
        for name, value in hyper.items():
            setattr(self, name, value if isinstance(value, bool) else float(value))

    def check_hyperparameters(self) -> None:
        """Raise ValueError for what the rules are not defined for."""
        for name in self.hyper_names:
            value = getattr(self, name)
            top = 1.0 if name in _FRACTIONS else math.inf
            if not isinstance(value, bool) and not 0.0 <= value < top:
                raise ValueError(f"{name}: must be in [0, {top}), got {value!r}")

    def fresh(self, i: int) -> Slot:
        """The state of a parameter before its first gradient."""
        dtype = self.wide if self.state_dtype else self.dtypes[i]
        start = np.zeros(self.thetas[i].shape, dtype)
        return Slot({name: self.first_value(name, start) for name in self.KEPT})

    def first_value(self, name: str, zero: Array) -> Array:
        """What a kept array holds before the first step."""
        return zero.copy()

    def advance(self, i: int, g: Array) -> None:
        """One step of parameter ``i``, in wide arithmetic where there is one."""
        slot, dtype = self.slots[i], self.dtypes[i]
        self.tick(slot)
        theta, g = self.thetas[i], self.flat(g, dtype)
        if self.wide is None or dtype == self.wide:
            self.thetas[i] = np.asarray(self.kernel(theta, g, slot), dtype)
            return
        narrow = {name: x.dtype for name, x in slot.kept.items()}
        slot.kept = {name: x.astype(self.wide) for name, x in slot.kept.items()}
        theta = self.kernel(theta.astype(self.wide), g.astype(self.wide), slot)
        slot.kept = {name: x.astype(narrow[name]) for name, x in slot.kept.items()}
        self.thetas[i] = theta.astype(dtype)

    # what the rules share

    def gradient(self, theta: Array, g: Array, c: Scalar) -> Array:
        """The gradient that the rule follows."""
        g = -g if self.maximize else g
        if self.weight_decay and self.decay == "l2":
            g = g + c(self.weight_decay) * theta
        return g

    def decayed(self, theta: Array, c: Scalar) -> Array:
        """θ after a decoupled decay."""
        if self.weight_decay and self.decay == "decoupled":
            theta = theta * c(1 - self.lr * self.weight_decay)
        return theta

    def average(self, beta: float, old: Array, new: Array, c: Scalar) -> Array:
        """β·old + (1-β)·new."""
        return c(beta) * old + c(1 - beta) * new

    # state

    def _moments(self, i: int) -> dict[str, Any]:
        slot, shape = self.slots[i], self.shapes[i]
        return {name: x.copy().reshape(shape) for name, x in slot.kept.items()} | {"t": slot.t}

    def load_moments(self, moments: Sequence[Mapping[str, Any]]) -> None:
        """Go on from the given arrays."""
        for i, given in enumerate(moments):
            dtypes = {name: x.dtype for name, x in self.slots[i].kept.items()}
            kept = {name: self.flat(given[name], dtype) for name, dtype in dtypes.items()}
            slot = Slot(kept, int(given["t"]), dict(self.slots[i].extra))
            self.restore(slot)
            self.slots[i] = slot
