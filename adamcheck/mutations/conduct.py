"""Optimizers whose arithmetic is right and whose conduct around it is not, by one drawn fault.

The target is named ``adamcheck.mutations.conduct:SPEC``, with the option ``fault``: a name and its
numbers, as ``adamcheck check 'adamcheck.mutations.conduct:adam' --option 'fault=lose name=v'``.
Without a fault it is the rule behind the protocol of a class.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from adamcheck.errors import UsageError, closest
from adamcheck.formats import FORMATS
from adamcheck.mutations.target import Optimizer, named
from adamcheck.program import Program


@dataclass(frozen=True)
class Fault:
    """A name and its numbers or words, as written."""

    name: str
    given: Mapping[str, str]

    def __str__(self) -> str:
        return " ".join([self.name, *(f"{key}={value}" for key, value in self.given.items())])

    def whole(self, key: str, otherwise: int = 0) -> int:
        """A whole number."""
        return int(self.given.get(key, otherwise))


def parse_fault(text: str) -> Fault | None:
    """The fault that a text names; None for an empty one; UsageError for any other."""
    if not text.strip():
        return None
    name, *rest = text.split()
    if name not in FAULTS:
        raise UsageError(f"fault {text!r}: unknown {name!r}.{closest(name, FAULTS)}")
    given = {}
    for word in rest:
        key, is_given, value = word.partition("=")
        if not is_given or key not in FAULTS[name]:
            known = ", ".join(f"{key}=…" for key in FAULTS[name])
            raise UsageError(f"fault {text!r}: {word!r} is not one of {known}")
        given[key] = value
    return Fault(name, given)


FAULTS: Final[Mapping[str, tuple[str, ...]]] = {
    # of a saved state
    "narrow": ("name", "format"),  # m, v … or t goes through a format when it is saved
    "wrap": ("at",),  # the saved count is what remains of it
    "saturate": ("at",),  # the saved count stays there
    "lose": ("name", "from", "parameter"),  # saved as 0, from a count and a parameter on
    "shift": ("by",),  # the loaded count is off
    "exchange": (),  # m is loaded as v and v as m
    "mix": ("name", "factor"),  # a hyperparameter that is neither the saved nor the own one
}
"""The keys of each fault."""


class Conduct(Optimizer):
    """A rule whose state or calls go wrong in one way."""

    _fault: Fault | None = None

    def programmed(self, fault: str = "") -> tuple[Program, Program]:
        """The rule as it stands; the fault is kept."""
        self._fault = parse_fault(fault)
        return super().programmed()

    def state_dict(self) -> dict[str, Any]:
        """What is saved, with the fault in it."""
        state = super().state_dict()
        if (fault := self._fault) is not None and (change := _SAVED.get(fault.name)):
            for index, slot in enumerate(state["slots"]):
                change(fault, slot, index)
        return state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take it, with the fault in it."""
        super().load_state_dict(state)
        fault = self._fault
        if fault is None:
            return
        if fault.name == "mix":
            name = fault.given["name"]
            self._hyper[name] = self._hyper[name] * np.float64(fault.given["factor"])
        for slot in self._slots:
            if fault.name == "shift":
                slot.t = max(0, slot.t + fault.whole("by", 1))
                slot.clocks = self._clocks(self._fresh(0).clocks, slot.t)
            elif fault.name == "exchange":
                slot.arrays = slot.arrays | {
                    "m": slot.arrays["v"],
                    "v": slot.arrays["m"],
                }
            elif fault.name in ("narrow", "wrap", "saturate", "lose"):
                slot.clocks = self._clocks(self._fresh(0).clocks, slot.t)


def _narrow(fault: Fault, slot: dict[str, Any], index: int) -> None:
    dtype = FORMATS[fault.given["format"]].dtype
    name = fault.given["name"]
    with np.errstate(all="ignore"):
        if name == "t":
            slot["t"] = int(np.minimum(np.asarray(slot["t"]).astype(dtype), 1e9))
        elif name in slot["arrays"]:
            kept = slot["arrays"][name]
            slot["arrays"][name] = kept.astype(dtype).astype(kept.dtype)


def _wrap(fault: Fault, slot: dict[str, Any], index: int) -> None:
    slot["t"] %= fault.whole("at")


def _saturate(fault: Fault, slot: dict[str, Any], index: int) -> None:
    slot["t"] = min(slot["t"], fault.whole("at"))


def _lose(fault: Fault, slot: dict[str, Any], index: int) -> None:
    if slot["t"] < fault.whole("from") or index < fault.whole("parameter"):
        return
    if (name := fault.given["name"]) == "t":
        slot["t"] = 0
    elif name in slot["arrays"]:
        slot["arrays"][name] = np.zeros_like(slot["arrays"][name])


_SAVED: Final[Mapping[str, Callable[[Fault, dict[str, Any], int], None]]] = {
    "narrow": _narrow,
    "wrap": _wrap,
    "saturate": _saturate,
    "lose": _lose,
}


def __getattr__(name: str) -> Any:
    if name.startswith("_"):
        raise AttributeError(name)
    return named(name, Conduct, ("fault",))
