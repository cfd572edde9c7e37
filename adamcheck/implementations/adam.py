"""Adam on arrays: one source for NumPy and CuPy, whose formula is the rule itself.

16-bit parameters are stored narrow and computed in float32, and their moments stay float32, since
moments kept in 16 bits stop decaying. Powers β^t are Python floats of the step count, so going on
from a saved state gives the same bits. Overflow follows IEEE arithmetic and raises no warning.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from types import SimpleNamespace
from typing import Any, Final

import numpy as np

from adamcheck import rules
from adamcheck.formats import FORMATS, name_of
from adamcheck.spec import Spec

_WORK: Final = {name: name if fmt.bits > 16 else "float32" for name, fmt in FORMATS.items()}
"""The dtype of the arithmetic by that of the parameters."""


def _namespace(arrays: Any) -> Any:
    """The functions of the array API over a library's arrays.

    NumPy 2.1 has them all; what adds them to other libraries would load every part of it.
    """
    if arrays is np and hasattr(np, "astype"):
        return np
    from array_api_compat import array_namespace

    return array_namespace(arrays.empty(0))


@dataclass
class _Slot:
    """One parameter with its state; arrays of the moments have at least one axis.

    ``work`` is the dtype of the arithmetic.
    """

    theta: Any
    work: Any
    state: dict[str, Any]
    t: int = 0


class Adam:
    """Adam with the options of PyTorch's and of AdamW; every parameter counts its own steps.

    ``params`` are arrays of float64, float32, float16 or bfloat16, of any shape and layout; they
    are copied. ``decoupled`` makes the weight decay AdamW's. ``lr``, ``eps`` and ``weight_decay``
    are finite and not negative, the betas in [0, 1); anything else is a ValueError.
    """

    _library = "numpy"

    def __init__(
        self,
        params: Sequence[Any],
        *,
        lr: float = 0.001,
        beta1: float = 0.9,
        beta2: float = 0.999,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        decoupled: bool = False,
        amsgrad: bool = False,
        maximize: bool = False,
    ) -> None:
        given = {"lr": lr, "beta1": beta1, "beta2": beta2, "eps": eps, "weight_decay": weight_decay}
        self._choose(
            _valid(given), {"decoupled": decoupled, "amsgrad": amsgrad, "maximize": maximize}
        )
        self._arrays = self._module()
        self._xp = _namespace(self._arrays)
        self._ops = rules.Written(self._xp)
        self._slots = [self._slot(param) for param in params]

    def step(self, grads: Sequence[Any]) -> list[Any]:
        """Return the new parameters; ``grads`` has one array per parameter, or None for no step.

        Neither the gradients nor arrays returned before are changed. A gradient of another shape is
        a ValueError, and then no parameter has moved.
        """
        if len(grads) != len(self._slots):
            raise ValueError(f"{len(grads)} gradients for {len(self._slots)} parameters")
        pairs = zip(self._slots, grads, strict=True)
        ready = [None if g is None else self._gradient(slot, g) for slot, g in pairs]
        with np.errstate(all="ignore"):
            for slot, grad in zip(self._slots, ready, strict=True):
                if grad is not None:
                    self._advance(slot, grad)
        return [slot.theta for slot in self._slots]

    def moments(self) -> list[dict[str, Any]]:
        """Per parameter copies of m, v (and v_max) and the step count t."""
        return [
            {name: self._copy(x.reshape(slot.theta.shape)) for name, x in slot.state.items()}
            | {"t": slot.t}
            for slot in self._slots
        ]

    def load_moments(self, moments: Sequence[Mapping[str, Any]]) -> None:
        """Take moments as ``moments`` gives them; ValueError if they do not fit."""
        if len(moments) != len(self._slots):
            raise ValueError(f"{len(moments)} moments for {len(self._slots)} parameters")
        taken = [self._taken(s, each) for s, each in zip(self._slots, moments, strict=True)]
        for slot, (state, t) in zip(self._slots, taken, strict=True):
            slot.state, slot.t = state, t

    def state_dict(self) -> dict[str, Any]:
        """Everything but the parameters: hyperparameters, flags and moments."""
        return {"hyper": dict(self._hyper), "flags": dict(self._flags), "moments": self.moments()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on as the optimizer that saved ``state``, with its hyperparameters."""
        if missing := {"hyper", "flags", "moments"} - state.keys():
            raise ValueError(f"the saved state lacks {', '.join(sorted(missing))}")
        if (
            state["hyper"].keys() != self._hyper.keys()
            or state["flags"].keys() != self._flags.keys()
        ):
            raise ValueError("the saved state has other hyperparameters or flags than this class")
        before = self._hyper, self._flags
        self._choose(_valid(state["hyper"]), dict(state["flags"]))
        try:
            self.load_moments(state["moments"])
        except Exception:
            self._choose(*before)
            raise

    def _choose(self, hyper: dict[str, float], flags: dict[str, bool]) -> None:
        self._hyper, self._flags = hyper, flags
        self._given = SimpleNamespace(**hyper)
        self._spec = _spec_of(hyper, flags)

    def _slot(self, param: Any) -> _Slot:
        theta = self._copy(self._arrays.asarray(param))
        if name_of(theta.dtype) not in _WORK:
            raise TypeError(f"parameters of dtype {theta.dtype}; known are {', '.join(_WORK)}")
        work = self._arrays.dtype(_WORK[name_of(theta.dtype)])
        zero = self._xp.zeros_like(_wide(theta, work))
        names = ("m", "v", "v_max") if self._flags["amsgrad"] else ("m", "v")
        return _Slot(theta, work, dict.fromkeys(names, zero))

    def _advance(self, slot: _Slot, grad: Any) -> None:
        theta = _wide(slot.theta, slot.work)
        given, t = self._given, slot.t
        before = SimpleNamespace(**slot.state, p1=given.beta1**t, p2=given.beta2**t)
        done = rules.RULES["adam"].step(self._spec, self._ops, given, before, grad, theta)
        slot.state = {name: done.state[name] for name in slot.state}
        moved = done.theta
        if moved.dtype != slot.theta.dtype:
            moved = moved.astype(slot.theta.dtype)
        slot.theta = moved.reshape(slot.theta.shape)
        slot.t += 1

    def _gradient(self, slot: _Slot, grad: Any) -> Any:
        grad, shape = self._arrays.asarray(grad), slot.theta.shape
        if grad.shape != shape:
            raise ValueError(f"a gradient of shape {grad.shape} for a parameter of {shape}")
        if name_of(grad.dtype) not in _WORK:
            raise TypeError(f"a gradient of dtype {grad.dtype}; known are {', '.join(_WORK)}")
        return _wide(grad, slot.work)

    def _taken(self, slot: _Slot, given: Mapping[str, Any]) -> tuple[dict[str, Any], int]:
        state: dict[str, Any] = {}
        if missing := {"m", "v", "t"} - given.keys():
            raise ValueError(f"the moments lack {', '.join(sorted(missing))}")
        t = int(given["t"])
        if t < 0:
            raise ValueError(f"a step count of {t}")
        for name in ("m", "v", "v_max") if self._flags["amsgrad"] else ("m", "v"):
            # v is the least that v_max can be
            array = self._arrays.asarray(given["v"] if name not in given else given[name])
            if array.shape != slot.theta.shape:
                raise ValueError(f"{name} of shape {array.shape} for {slot.theta.shape}")
            state[name] = self._copy(_wide(array, slot.work))
        return state, t

    def _copy(self, array: Any) -> Any:
        return self._xp.asarray(array, copy=True)

    @classmethod
    def _module(cls) -> Any:
        return import_module(cls._library)


class NumpyAdam(Adam):
    """Adam on NumPy arrays, bfloat16 by ml_dtypes included."""


class CupyAdam(Adam):
    """Adam on CuPy arrays; NumPy arrays are moved to the GPU. ImportError without CuPy."""

    _library = "cupy"

    @classmethod
    def _module(cls) -> Any:
        try:
            return import_module(cls._library)
        except ImportError as error:
            raise ImportError(
                "CupyAdam needs CuPy: pip install cupy-cuda12x or cupy-cuda13x,"
                f" whichever is your CUDA's major version ({error})"
            ) from None


def _wide(array: Any, work: Any) -> Any:
    """In the dtype of the arithmetic, with at least one axis.

    Arithmetic on arrays without axes gives scalars, which older NumPy widens to float64.
    """
    if array.dtype != work:
        array = array.astype(work)
    return array if array.ndim else array.reshape(1)


def _spec_of(hyper: Mapping[str, float], flags: Mapping[str, bool]) -> Spec:
    decay = "decoupled" if flags["decoupled"] else "l2"
    return Spec(
        decay=decay if hyper["weight_decay"] else "none",
        amsgrad="v" if flags["amsgrad"] else "none",
        maximize="yes" if flags["maximize"] else "no",
    )


def _valid(given: Mapping[str, Any]) -> dict[str, float]:
    hyper = {name: float(value) for name, value in given.items()}
    for name, value in hyper.items():
        highest = 1.0 if name.startswith("beta") else math.inf
        if not 0.0 <= value < highest:
            bound = "in [0, 1)" if highest == 1.0 else "finite and not negative"
            raise ValueError(f"{name}={value!r} must be {bound}")
    return hyper
