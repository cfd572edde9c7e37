"""Changed programs as optimizers that run like anybody's.

The target is named ``adamcheck.mutations.target:SPEC``, with the option ``edit`` (none: the rule as
it is): ``adamcheck check 'adamcheck.mutations.target:adam' --option 'edit=scale m_hat c=1.01'``.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adamcheck.errors import UsageError
from adamcheck.formats import FORMATS
from adamcheck.mutations.apply import apply
from adamcheck.mutations.edits import parse_edit
from adamcheck.mutations.evaluate import Arithmetic, Slot, advance
from adamcheck.mutations.guards import can_hold
from adamcheck.mutations.language import pruned
from adamcheck.program import Program, trace
from adamcheck.rules import initial_state
from adamcheck.spec import Spec, parse_spec
from adamcheck.spec.hyperparameters import HYPERPARAMETERS

Array = NDArray[Any]


class Optimizer:
    """A program behind the protocol of a class target; subclasses say which spec it is of.

    Arrays are kept flat and in C order, so that a program meets no layout and no caller's buffer.
    """

    spec: Spec

    def __init__(self, params: Sequence[Array], **given: Any) -> None:
        options = {n: x for n, x in given.items() if n not in self.spec.hyperparameters}
        self._program, self._made = self.programmed(**options)
        self._adopt({name: given[name] for name in self.spec.hyperparameters})
        known = {fmt.dtype for fmt in FORMATS.values()}
        for i, p in enumerate(params):
            if not isinstance(p, np.ndarray) or p.dtype not in known:
                raise TypeError(f"params[{i}]: expected an array of floating point numbers")
        self._shapes = [p.shape for p in params]
        self._dtypes = [p.dtype for p in params]
        self._thetas = [_flat(p, p.dtype) for p in params]
        self._slots = [self._fresh(i) for i in range(len(params))]

    def programmed(self, edit: str = "") -> tuple[Program, Program]:
        """The program that runs, and the one whose states are shown."""
        rule = trace(self.spec)
        return (_edited(rule, edit) if edit else rule), rule

    def arithmetic(self, dtype: str) -> Arithmetic:
        """How the program is evaluated on arrays of a format."""
        return Arithmetic(dtype)

    def step(self, grads: Sequence[Array | None]) -> list[Array]:
        """One step; a gradient of None leaves its parameter and its state untouched."""
        if len(grads) != len(self._thetas):
            raise ValueError(f"grads: {len(grads)} given for {len(self._thetas)} parameters")
        for i, g in enumerate(grads):
            if g is not None and np.shape(g) != self._shapes[i]:
                raise ValueError(f"grads[{i}]: shape {np.shape(g)} is not {self._shapes[i]}")
        with np.errstate(all="ignore"):
            for i, g in enumerate(grads):
                if g is not None:
                    self._advance(i, g)
        return [
            np.array(theta, dtype).reshape(shape)
            for theta, dtype, shape in zip(self._thetas, self._dtypes, self._shapes, strict=True)
        ]

    def _advance(self, i: int, g: Array) -> None:
        dtype = self._dtypes[i]
        self._thetas[i] = advance(
            self._program,
            self.arithmetic(dtype.name),
            self._hyper,
            self._slots[i],
            self._thetas[i],
            _flat(g, dtype),
        )

    # state

    def moments(self) -> list[dict[str, Any]]:
        """Copies of the rule's arrays by name, and the steps behind them."""
        return [
            {n: slot.arrays[n].reshape(shape).copy() for n in self._made.moments} | {"t": slot.t}
            for slot, shape in zip(self._slots, self._shapes, strict=True)
        ]

    def load_moments(self, moments: Sequence[Mapping[str, Any]]) -> None:
        """Go on from the given arrays and step counts."""
        if len(moments) != len(self._slots):
            raise ValueError(f"moments: {len(moments)} given for {len(self._slots)} parameters")
        for i, given in enumerate(moments):
            slot = self._fresh(i)
            for name in self._made.moments:
                if name not in given:
                    raise ValueError(f"moments[{i}]: {name!r} is missing")
                if np.shape(given[name]) != self._shapes[i]:
                    raise ValueError(f"moments[{i}][{name!r}]: shape is not {self._shapes[i]}")
                slot.arrays[name] = _flat(given[name], slot.arrays[name].dtype)
            slot.t = int(given["t"])
            slot.clocks = self._clocks(slot.clocks, slot.t)
            self._slots[i] = slot

    def state_dict(self) -> dict[str, Any]:
        """All that a run needs to go on; every buffer a copy."""
        return {
            "hyper": dict(self._hyper),
            "slots": [
                {
                    "clocks": dict(slot.clocks),
                    "arrays": {name: x.copy() for name, x in slot.arrays.items()},
                    "t": slot.t,
                    "since": slot.since,
                    "silence": None if slot.silence is None else slot.silence.copy(),
                }
                for slot in self._slots
            ],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where ``state_dict`` was taken; its hyperparameters replace this one's."""
        self._adopt(state["hyper"])
        self._slots = [
            Slot(
                dict(saved["clocks"]),
                {name: x.copy() for name, x in saved["arrays"].items()},
                int(saved["t"]),
                int(saved["since"]),
                None if saved["silence"] is None else saved["silence"].copy(),
            )
            for saved in state["slots"]
        ]

    def _adopt(self, hyper: Mapping[str, Any]) -> None:
        self._hyper = {name: np.float64(value) for name, value in hyper.items()}
        for name, value in self._hyper.items():
            known = HYPERPARAMETERS[name]
            if not (known.admits(float(value)) and math.isfinite(value)):
                ends = f"from {known.low} to {known.high}"
                raise ValueError(f"{name}: must be finite and {ends}, got {float(value)!r}")

    def _fresh(self, i: int) -> Slot:
        """The state of a parameter before its first gradient; what an edit remembers is zero."""
        with np.errstate(all="ignore"):
            start = initial_state(self.spec, self._hyper, np.float64(0.0), np.float64(1.0))
        names = [name[2:] for name, _ in self._program.outputs if name.startswith("s.")]
        zero = np.zeros(self._thetas[i].shape, self._dtypes[i])
        clocks = {n: np.float64(start.get(n, 0.0)) for n in names if n in self._program.clocks}
        arrays = {n: zero + zero.dtype.type(start.get(n, 0.0)) for n in names if n not in clocks}
        return Slot(clocks, arrays)

    def _clocks(self, start: dict[str, Any], t: int) -> dict[str, Any]:
        """The clocks after t steps: powers and counts at once, others step by step."""
        ticking = _ticking(self._program)
        closed = {name: _closed(ticking, name) for name in start}
        with np.errstate(all="ignore"):
            if all(closed.values()):
                return {name: self._after(closed[name], x, t) for name, x in start.items()}
            slot, nothing = Slot(dict(start), {}), np.zeros(1)
            for _ in range(t):
                advance(ticking, Arithmetic("float64"), self._hyper, slot, nothing, nothing)
        return slot.clocks

    def _after(self, factor: str, start: Any, t: int) -> Any:
        if factor in ("1", "unread"):
            return start + t
        return start * self._hyper[factor] ** t


@lru_cache(maxsize=64)
def _ticking(program: Program) -> Program:
    """What of a program makes the clocks go on; θ stays."""
    plain = program.expanded
    outputs = tuple((n, i) for n, i in plain.outputs if n[2:] in plain.clocks)
    outputs += (("theta", plain.inputs["theta"]),)
    return pruned(replace(plain, outputs=outputs))


def _closed(program: Program, clock: str) -> str:
    """How a clock goes on: the hyperparameter that it is multiplied by, "1" for a count, "unread"
    where nothing depends on what it was, "" where none of these is known."""
    if f"s.{clock}" not in program.inputs:
        return "unread"
    op = program.ops[program.output[f"s.{clock}"]]
    args = [program.ops[a] for a in op.args]
    if len(args) != 2 or args[0].name != f"s.{clock}":
        return ""
    if op.kind == "mul" and args[1].name.startswith("h."):
        return args[1].name[2:]
    return "1" if op.kind == "add" and args[1].value == 1 else ""


def _edited(rule: Program, text: str) -> Program:
    edit = parse_edit(text)
    if edit.guard is not None and not can_hold(edit.guard):
        raise UsageError(f"edit {text!r}: no step of any element meets its guard.")
    return apply(rule, edit)


def _flat(array: Any, dtype: np.dtype[Any]) -> Array:
    return np.array(array, dtype=dtype, order="C", copy=True).reshape(-1)


def signature(spec: Spec, *options: str) -> inspect.Signature:
    """``(params, *, HYPERPARAMETERS, OPTION="" …)``: where adamcheck learns what a class takes."""
    kind = inspect.Parameter.KEYWORD_ONLY
    given = [inspect.Parameter("params", inspect.Parameter.POSITIONAL_OR_KEYWORD)]
    given += [inspect.Parameter(name, kind) for name in spec.hyperparameters]
    given += [inspect.Parameter(name, kind, default="") for name in options]
    return inspect.Signature(given)


class Named:
    """A spec's name as it is read attribute by attribute: a dot may stand inside its brackets."""

    def __init__(self, text: str, base: type[Optimizer], options: tuple[str, ...]) -> None:
        self._known = text, base, options

    def __getattr__(self, rest: str) -> Any:
        text, base, options = self._known
        return named(f"{text}.{rest}", base, options)


def named(text: str, base: type[Optimizer], options: tuple[str, ...]) -> Any:
    """The class of a spec; AttributeError where the text is none."""
    if text.count("[") > text.count("]"):
        return Named(text, base, options)
    try:
        spec = parse_spec(text)
    except UsageError as error:
        raise AttributeError(str(error)) from None
    scope = {"spec": spec, "__signature__": signature(spec, *options), "__module__": __name__}
    return type(base.__name__, (base,), scope)


def __getattr__(name: str) -> Any:
    if name.startswith("_"):
        raise AttributeError(name)
    return named(name, Optimizer, ("edit",))
