"""Optimizers whose rule is right and whose interface is their own: honest manners, and wrong ones.

The target is named ``adamcheck.mutations.manners:SPEC@[MANNER]``, such as
``adam@[fixed;name=beta1;value=0.8]``: a word and its numbers. What is declared stands on the class
(adamcheck.declared), as a target's author would write it.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from adamcheck.declared import ATTRIBUTE
from adamcheck.errors import UsageError
from adamcheck.mutations.target import Array, Optimizer, signature
from adamcheck.mutations.words import parsed, written
from adamcheck.spec import Spec, parse_spec
from adamcheck.spec.hyperparameters import HYPERPARAMETERS

MANNERS: Final[Mapping[str, tuple[str, ...]]] = {
    # a value that cannot be set: not taken, or no other taken; ``really`` is what is used
    "fixed": ("name", "value", "really"),
    "insists": ("name", "value"),
    # values beyond an end: refused and declared; or silently brought back, and not declared
    "above": ("name", "value"),
    "clamps": ("name", "value"),
    # shapes: declared and refused, refused only, or left as they are
    "vectors": (),
    "least": ("size",),
    "refuses": ("kind",),
    "ignores": ("kind",),
    # a gradient that is not finite
    "guard": ("way",),
    # ``**words`` that hand everything on, or swallow one
    "hidden": (),
    "swallows": ("name",),
}
"""The keys of each manner."""
KINDS: Final = ("0-d", "empty", "single", "2-d", "3-d")
RIGHT_WAYS: Final = ("skip", "count", "zeros", "filter", "raise")
WRONG_WAYS: Final = ("spread", "fade", "half")


@dataclass(frozen=True)
class Manner:
    """A word and what is given with it."""

    word: str
    given: Mapping[str, str]

    def __str__(self) -> str:
        return written(self.word, self.given, ";")

    def number(self, key: str) -> float:
        """A number."""
        return float(self.given[key])


def parse_manner(text: str) -> Manner:
    """The manner that a text names; UsageError for one that is none."""
    return Manner(*parsed("manner", text, MANNERS, ";"))


class Mannered(Optimizer):
    """A rule behind one manner."""

    manner: Manner

    def __init__(self, params: Sequence[Array], **given: Any) -> None:
        word, own = self.manner.word, self.manner
        if word == "fixed":
            given[own.given["name"]] = float(own.given.get("really", own.given["value"]))
        elif word == "insists" and given[own.given["name"]] != own.number("value"):
            raise ValueError(f"{own.given['name']} must be {own.given['value']}")
        elif word == "above" and given[own.given["name"]] <= own.number("value"):
            raise ValueError(f"{own.given['name']} must be above {own.given['value']}")
        elif word == "clamps":
            given[own.given["name"]] = max(given[own.given["name"]], own.number("value"))
        for index, p in enumerate(params):
            if not self._takes(np.shape(p)):
                raise ValueError(f"params[{index}]: shape {np.shape(p)} is not taken")
        super().__init__(params, **given)

    def _takes(self, shape: tuple[int, ...]) -> bool:
        own = self.manner
        if own.word == "vectors":
            return len(shape) == 1
        if own.word == "least":
            return int(np.prod(shape)) >= int(own.given["size"])
        return own.word != "refuses" or not is_of(own.given["kind"], shape)

    def step(self, grads: Sequence[Array | None]) -> list[Array]:
        """A step, or what a guard makes of it."""
        bad = any(g is not None and not np.isfinite(g.astype(np.float64)).all() for g in grads)
        if self.manner.word != "guard" or not bad:
            return super().step(grads)
        way = self.manner.given["way"]
        given = [np.zeros(0) if g is None else g for g in grads]
        if way == "raise":
            raise FloatingPointError("a gradient is not finite")
        if way == "zeros":
            return super().step([np.zeros_like(g) for g in given])
        if way == "spread":
            return super().step([np.full_like(g, np.nan) for g in given])
        if way == "filter":
            finite = [np.isfinite(g.astype(np.float64)) for g in given]
            return super().step(
                [np.where(f, g, g.dtype.type(0.0)) for f, g in zip(finite, given, strict=True)]
            )
        before = self.state_dict()["slots"]
        kept = [theta.copy() for theta in self._thetas]
        super().step([np.zeros_like(g) for g in given])
        self._thetas = kept
        for slot, old in zip(self._slots, before, strict=True):
            if way in ("skip", "count", "half"):
                slot.arrays = old["arrays"]
            if way in ("skip", "fade"):
                slot.clocks, slot.t = old["clocks"], old["t"]
            if way == "half":  # the first array alone
                name = next(iter(slot.arrays))
                slot.arrays[name] = slot.arrays[name] * slot.arrays[name].dtype.type(0.5)
        return [
            np.array(theta, dtype).reshape(shape)
            for theta, dtype, shape in zip(self._thetas, self._dtypes, self._shapes, strict=True)
        ]

    def _advance(self, i: int, g: Array) -> None:
        own = self.manner
        if own.word != "ignores" or not is_of(own.given["kind"], self._shapes[i]):
            super()._advance(i, g)


def is_of(kind: str, shape: tuple[int, ...]) -> bool:
    """Whether a shape is of a kind."""
    size = int(np.prod(shape))
    if kind == "empty":
        return size == 0
    if kind == "single":
        return size == 1 and shape != ()
    return len(shape) == int(kind[0])


def mannered(text: str) -> Any:
    """The target of ``SPEC@[MANNER]``; AttributeError where the text is none."""
    name, is_given, rest = text.partition("@[")
    try:
        spec, manner = parse_spec(name), parse_manner(rest.removesuffix("]"))
    except UsageError as error:
        raise AttributeError(str(error)) from None
    if not is_given:
        raise AttributeError(f"{text!r} has no manner")
    scope = {
        "spec": spec,
        "manner": manner,
        "__signature__": _signature(spec, manner),
        "__module__": __name__,
        ATTRIBUTE: _declared(manner),
    }
    made = type("Mannered", (Mannered,), scope)
    if manner.word not in ("hidden", "swallows"):
        return made
    swallowed = manner.given.get("name", "")
    usual = {n: HYPERPARAMETERS[n].usual[0] for n in spec.hyperparameters}

    def build(params: Sequence[Array], **words: Any) -> Mannered:
        words.pop(swallowed, None)
        optimizer: Mannered = made(params, **{**usual, **words})
        return optimizer

    return build


def _signature(spec: Spec, manner: Manner) -> inspect.Signature:
    whole = signature(spec)
    left = [p for p in whole.parameters.values() if p.name != manner.given.get("name")]
    return whole.replace(parameters=left) if manner.word == "fixed" else whole


def _declared(manner: Manner) -> dict[str, Any]:
    if manner.word in ("fixed", "insists"):
        return {"fixed": {manner.given["name"]: manner.number("value")}}
    if manner.word == "above":
        return {f"{manner.given['name']}_above": manner.number("value")}
    if manner.word == "vectors":
        return {"one_dimensional": True}
    return {"least_size": int(manner.given["size"])} if manner.word == "least" else {}


class _Named:
    """A name as it is read attribute by attribute: a dot may stand inside its brackets."""

    def __init__(self, text: str) -> None:
        self._known = text

    def __getattr__(self, rest: str) -> Any:
        return _read(f"{self._known}.{rest}")


def _read(text: str) -> Any:
    return _Named(text) if text.count("[") > text.count("]") else mannered(text)


def __getattr__(name: str) -> Any:
    if name.startswith("_"):
        raise AttributeError(name)
    return _read(name)
