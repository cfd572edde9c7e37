"""Everything of a class target but the arithmetic: buffers, layouts, validation, saving, loading.

An order is a subclass with a ``kernel``. Inside, arrays are flat and contiguous copies, so that a
kernel meets no layout, no 0-d array and none of the caller's buffers.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import ml_dtypes
import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
FLOATS = frozenset(map(np.dtype, (np.float64, np.float32, np.float16, ml_dtypes.bfloat16)))


@dataclass
class Slot:
    """The state of one parameter; ``extra`` holds what only some orders keep."""

    m: Array
    v: Array
    t: int = 0
    v_max: Array | None = None
    extra: dict[str, Any] = field(default_factory=dict)


class Adam(ABC):
    """The base: parameters in, parameters out; subclasses compute.

    ``decay`` says how a weight decay enters where an order takes one: "l2" or "decoupled".
    """

    decay = "l2"
    state_dtype: Any = None  # dtype of m and v; None keeps the parameter's own

    def __init__(
        self,
        params: Sequence[Array],
        *,
        lr: float,
        beta1: float,
        beta2: float,
        eps: float,
        maximize: bool = False,
    ) -> None:
        self.setup(params, lr=lr, beta1=beta1, beta2=beta2, eps=eps, maximize=maximize)

    # hyperparameters and parameters

    def setup(
        self,
        params: Sequence[Array],
        *,
        lr: float,
        beta1: float,
        beta2: float,
        eps: float,
        weight_decay: float = 0.0,
        eps_root: float = 0.0,
        amsgrad: bool = False,
        maximize: bool = False,
    ) -> None:
        """Validate, and take copies of the parameters; subclasses widen ``__init__`` with this."""
        self.adopt(
            {
                "lr": lr,
                "beta1": beta1,
                "beta2": beta2,
                "eps": eps,
                "weight_decay": weight_decay,
                "eps_root": eps_root,
                "amsgrad": amsgrad,
                "maximize": maximize,
            }
        )
        self.take(params)

    def take(self, params: Sequence[Array]) -> None:
        """Check the hyperparameters and the parameters, and start from copies of these."""
        self.check_hyperparameters()
        if not isinstance(params, (list, tuple)):
            raise TypeError(f"params: expected a list of arrays, got {type(params).__name__}")
        for i, p in enumerate(params):
            if not isinstance(p, np.ndarray) or p.dtype not in FLOATS:
                raise TypeError(f"params[{i}]: expected an array of floating point numbers")
        self.shapes = [p.shape for p in params]
        self.dtypes = [p.dtype for p in params]
        self.thetas = [self.flat(p, p.dtype) for p in params]
        self.slots = [self.fresh(i) for i in range(len(params))]

    def adopt(self, hyper: Mapping[str, Any]) -> None:
        """Set the hyperparameters, at construction and when a state is loaded."""
        self.hyper_names = tuple(hyper)
        self.lr = float(hyper["lr"])
        self.beta1 = float(hyper["beta1"])
        self.beta2 = float(hyper["beta2"])
        self.eps = float(hyper["eps"])
        self.weight_decay = float(hyper["weight_decay"])
        self.eps_root = float(hyper["eps_root"])
        self.amsgrad = bool(hyper["amsgrad"])
        self.maximize = bool(hyper["maximize"])

    def check_hyperparameters(self) -> None:
        """Raise ValueError for what no Adam is defined for."""
        for name in ("lr", "eps", "weight_decay", "eps_root"):
            value = getattr(self, name)
            if not 0.0 <= value < math.inf:
                raise ValueError(f"{name}: must be finite and at least 0, got {value!r}")
        for name in ("beta1", "beta2"):
            value = getattr(self, name)
            if not 0.0 <= value < 1.0:
                raise ValueError(f"{name}: must be in [0, 1), got {value!r}")

    def flat(self, array: Array, dtype: Any) -> Array:
        """A flat copy in the order of the indices, whatever the memory layout."""
        return np.array(array, dtype=dtype, order="C", copy=True).reshape(-1)

    def fresh(self, i: int) -> Any:
        """The state of a parameter before its first gradient."""
        zero = np.zeros(self.thetas[i].shape, self.state_dtype or self.dtypes[i])
        return Slot(zero, zero.copy(), v_max=zero.copy() if self.amsgrad else None)

    # stepping

    def step(self, grads: Sequence[Array | None]) -> list[Array]:
        """One step; a gradient of None leaves its parameter and its state untouched."""
        self.check_gradients(grads)
        with np.errstate(all="ignore"):
            for i, g in enumerate(grads):
                if g is not None:
                    self.advance(i, g)
        return [self.shown(i) for i in range(len(self.thetas))]

    def check_gradients(self, grads: Sequence[Array | None]) -> None:
        """Raise ValueError unless there is one gradient of the right shape for each parameter."""
        if len(grads) != len(self.thetas):
            raise ValueError(f"grads: {len(grads)} given for {len(self.thetas)} parameters")
        for i, g in enumerate(grads):
            if g is not None and np.shape(g) != self.shapes[i]:
                raise ValueError(f"grads[{i}]: shape {np.shape(g)} is not {self.shapes[i]}")

    def advance(self, i: int, g: Array) -> None:
        """One step of parameter ``i``."""
        slot = self.slots[i]
        self.tick(slot)
        self.thetas[i] = self.kernel(self.thetas[i], self.flat(g, self.dtypes[i]), slot)

    def tick(self, slot: Any) -> None:
        """Count the step before it is taken: the first one is called 1."""
        slot.t += 1

    def shown(self, i: int) -> Array:
        """A parameter as the caller sees it: a copy in its own shape and dtype."""
        return np.array(self.thetas[i], dtype=self.dtypes[i]).reshape(self.shapes[i])

    @abstractmethod
    def kernel(self, theta: Array, g: Array, slot: Any) -> Array:
        """Return the next θ and put the next moments into ``slot``: what an order is."""

    # state

    def moments(self) -> list[dict[str, Any]]:
        """Copies of the raw (uncorrected) moments, and the number of steps behind them."""
        return [self._moments(i) for i in range(len(self.slots))]

    def _moments(self, i: int) -> dict[str, Any]:
        slot, shape = self.slots[i], self.shapes[i]
        shown = {"m": slot.m.copy().reshape(shape), "v": slot.v.copy().reshape(shape), "t": slot.t}
        if slot.v_max is not None:
            shown["v_max"] = slot.v_max.copy().reshape(shape)
        return shown

    def load_moments(self, moments: Sequence[Mapping[str, Any]]) -> None:
        """Go on from the given moments."""
        if len(moments) != len(self.slots):
            raise ValueError(f"moments: {len(moments)} given for {len(self.slots)} parameters")
        for i, given in enumerate(moments):
            for name in ("m", "v", *(("v_max",) if self.amsgrad else ())):
                if name not in given:
                    raise ValueError(f"moments[{i}]: {name!r} is missing")
                if np.shape(given[name]) != self.shapes[i]:
                    raise ValueError(f"moments[{i}][{name!r}]: shape is not {self.shapes[i]}")
            dtype = self.slots[i].m.dtype
            slot = Slot(self.flat(given["m"], dtype), self.flat(given["v"], dtype), int(given["t"]))
            slot.extra = self.slots[i].extra
            if self.amsgrad:
                slot.v_max = self.flat(given["v_max"], dtype)
            self.restore(slot)
            self.slots[i] = slot

    def restore(self, slot: Any) -> None:  # noqa: B027 - most orders keep nothing more
        """Rebuild ``slot.extra`` from the moments and t, where an order keeps more."""

    def state_dict(self) -> dict[str, Any]:
        """All that a run needs to go on, hyperparameters included; every buffer a copy."""
        hyper = {name: getattr(self, name) for name in self.hyper_names}
        slots = [self._moments(i) | {"extra": _copied(s.extra)} for i, s in enumerate(self.slots)]
        return {"hyper": hyper, "slots": slots}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on exactly where ``state_dict`` was taken; its hyperparameters replace this one's."""
        self.adopt(state["hyper"])
        self.load_moments(state["slots"])
        for slot, saved in zip(self.slots, state["slots"], strict=True):
            slot.extra = _copied(saved["extra"])


def _copied(extra: Mapping[str, Any]) -> dict[str, Any]:
    return {k: x.copy() if isinstance(x, np.ndarray) else x for k, x in extra.items()}
