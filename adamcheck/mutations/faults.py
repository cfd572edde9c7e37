"""Faults of conduct: what goes wrong around a step, and not in it; written as ``NAME key=value …``.

A fault overrides what it changes of a Fault that changes nothing; FAULTS lists them by name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from adamcheck.formats import FORMATS
from adamcheck.mutations.evaluate import Slot
from adamcheck.mutations.words import parsed, written

Array = NDArray[Any]
Gradients = Sequence[Array | None]


@dataclass
class Fault:
    """No fault; ``given`` are the numbers and words as written, ``keys`` those that are read."""

    given: Mapping[str, str] = field(default_factory=dict)
    keys: ClassVar[tuple[str, ...]] = ()

    @property
    def recounts(self) -> bool:
        """Whether a count is changed, which then shows in the powers of β."""
        return False

    def __str__(self) -> str:
        name = next((n for n, kind in FAULTS.items() if kind is type(self)), "")
        return written(name, self.given, " ")

    def word(self, key: str, otherwise: str = "") -> str:
        """A word."""
        return self.given.get(key, otherwise)

    def whole(self, key: str, otherwise: int = 0) -> int:
        """A whole number."""
        return int(self.given.get(key, otherwise))

    def number(self, key: str, otherwise: float = 0.0) -> float:
        """A number."""
        return float(self.given.get(key, otherwise))

    def called(self, optimizer: Any, grads: Gradients) -> Gradients:
        """The gradients that a step takes instead of those it is given."""
        return grads

    def group(self, optimizer: Any, index: int, parameter: int) -> Mapping[str, float]:
        """The hyperparameters under which a parameter of a group takes its step."""
        found: Mapping[str, float] = optimizer.param_groups[index]
        return found

    def moved(self, theta: Array) -> Array:
        """The parameter after a step."""
        return theta

    def saved(self, slot: dict[str, Any], index: int) -> None:
        """Change what is saved of a parameter."""

    def loaded(self, own: Mapping[str, Any], saved: Mapping[str, Any]) -> Mapping[str, Any]:
        """The hyperparameters of a group after loading."""
        return saved

    def resumed(self, slot: Slot, dtype: np.dtype[Any]) -> None:
        """Change what was loaded of a parameter of a dtype."""


# of a state ---------------------------------------------------------------------------------------


class Narrow(Fault):
    """A moment, or the count, goes through a format when it is saved."""

    keys = ("name", "format")

    @property
    def recounts(self) -> bool:
        return self.word("name") == "t"

    def saved(self, slot: dict[str, Any], index: int) -> None:
        dtype, name = FORMATS[self.word("format")].dtype, self.word("name")
        with np.errstate(all="ignore"):
            if name == "t":
                slot["t"] = int(min(float(np.asarray(slot["t"]).astype(dtype)), 1e9))
            elif name in slot["arrays"]:
                kept = slot["arrays"][name]
                slot["arrays"][name] = kept.astype(dtype).astype(kept.dtype)


class Wrap(Fault):
    """The saved count is what remains of it."""

    keys = ("at",)

    @property
    def recounts(self) -> bool:
        return True

    def saved(self, slot: dict[str, Any], index: int) -> None:
        slot["t"] %= self.whole("at")


class Saturate(Fault):
    """The saved count goes no further."""

    keys = ("at",)

    @property
    def recounts(self) -> bool:
        return True

    def saved(self, slot: dict[str, Any], index: int) -> None:
        slot["t"] = min(slot["t"], self.whole("at"))


class Lose(Fault):
    """A moment, or the count, is saved as 0: from a step count and from a parameter on."""

    keys = ("name", "from", "parameter")

    @property
    def recounts(self) -> bool:
        return self.word("name") == "t"

    def saved(self, slot: dict[str, Any], index: int) -> None:
        if slot["t"] < self.whole("from") or index < self.whole("parameter"):
            return
        if (name := self.word("name")) == "t":
            slot["t"] = 0
        elif name in slot["arrays"]:
            slot["arrays"][name] = np.zeros_like(slot["arrays"][name])


class Shift(Fault):
    """The loaded count is off."""

    keys = ("by",)

    @property
    def recounts(self) -> bool:
        return True

    def resumed(self, slot: Slot, dtype: np.dtype[Any]) -> None:
        slot.t = max(0, slot.t + self.whole("by"))


class Exchange(Fault):
    """m is loaded as v and v as m."""

    def resumed(self, slot: Slot, dtype: np.dtype[Any]) -> None:
        slot.arrays = slot.arrays | {"m": slot.arrays["v"], "v": slot.arrays["m"]}


class Foreign(Fault):
    """What comes back in another format than the parameter's is misread.

    act: "zero" forgets it, "halve" takes half of it, "absolute" loses its sign.
    """

    keys = ("act",)

    def resumed(self, slot: Slot, dtype: np.dtype[Any]) -> None:
        act = self.word("act")
        for name, x in slot.arrays.items():
            if x.dtype != dtype:
                factor = {"zero": 0.0, "halve": 0.5}.get(act, 1.0)
                kept = x.astype(dtype) * dtype.type(factor)
                slot.arrays[name] = np.abs(kept) if act == "absolute" else kept


class Mix(Fault):
    """After loading a hyperparameter is neither the saved nor the own one."""

    keys = ("name", "factor")

    def loaded(self, own: Mapping[str, Any], saved: Mapping[str, Any]) -> Mapping[str, Any]:
        name = self.word("name")
        return {**saved, name: saved[name] * self.number("factor")}


class Own(Fault):
    """After loading hyperparameters are the own ones: an honest convention."""

    keys = ("names",)

    def loaded(self, own: Mapping[str, Any], saved: Mapping[str, Any]) -> Mapping[str, Any]:
        names = self.word("names").split(",")
        return {n: own[n] if n in names or names == ["all"] else x for n, x in saved.items()}


# of calls -----------------------------------------------------------------------------------------


class Idle(Fault):
    """What a call without a gradient does to a parameter, from its step count ``from`` on.

    act: "again" repeats its last gradient, "fade" lets its moments shrink, "reset" forgets them,
    "nan" divides 0 by 0, "ahead" counts ``by`` steps; "count" and "zero" are honest conventions.
    """

    keys = ("act", "by", "from")

    def called(self, optimizer: Any, grads: Gradients) -> Gradients:
        last: list[Any] = optimizer.__dict__.setdefault("_last", [None] * len(grads))
        taken = [self._idle(optimizer, i, last[i]) if g is None else g for i, g in enumerate(grads)]
        for i, g in enumerate(grads):
            last[i] = last[i] if g is None else np.array(g)
        return taken

    def _idle(self, optimizer: Any, i: int, last: Any) -> Any:
        slot, act = optimizer._slots[i], self.word("act")
        if slot.t < self.whole("from"):
            return None
        empty = np.zeros(optimizer._shapes[i], optimizer._dtypes[i])
        if act == "again":
            return last
        if act == "zero":
            return empty
        if act == "nan":
            return empty + np.nan
        if act == "fade":
            slot.arrays = {n: x * x.dtype.type(0.5) for n, x in slot.arrays.items()}
        if act == "reset":
            optimizer._slots[i] = optimizer._fresh(i)
        if act in ("ahead", "count"):
            slot.t += self.whole("by", 1)
            slot.clocks = optimizer._clocks(optimizer._fresh(i).clocks, slot.t)
        return None


class Rate(Fault):
    """How a changed α is taken, from the step count ``from`` on.

    act: "first" keeps the one before, "lag" takes the one of ``by`` steps before, "only" changes
    the first ``by`` parameters, "lower" never grows, "carry" scales m by its change, "forget"
    starts m and v again, "restart" the count.
    """

    keys = ("act", "by", "from")

    def group(self, optimizer: Any, index: int, parameter: int) -> Mapping[str, float]:
        found, slot = optimizer.param_groups[index], optimizer._slots[parameter]
        known: list[float] = optimizer.__dict__.setdefault("_rates", {}).setdefault(parameter, [])
        known.append(float(found["lr"]))
        act, by, now = self.word("act"), self.whole("by", 1), known[-1]
        if len(known) < 2 or slot.t < self.whole("from") or now == known[-2]:
            changed = act in ("first", "lag", "lower") and slot.t >= self.whole("from")
            if not changed:
                return dict(found)
        rate = now
        if act == "first" or (act == "only" and parameter >= by):
            rate = known[0]
        elif act == "lag":
            rate = known[max(0, len(known) - 1 - by)]
        elif act == "lower":
            rate = min(known)
        elif act == "carry" and "m" in slot.arrays and known[-2]:
            with np.errstate(all="ignore"):
                slot.arrays["m"] = slot.arrays["m"] * slot.arrays["m"].dtype.type(now / known[-2])
        elif act in ("forget", "restart"):
            fresh = optimizer._fresh(parameter)
            if act == "forget":
                slot.arrays = fresh.arrays
            else:
                slot.t, slot.clocks = 0, fresh.clocks
        return {**found, "lr": rate}


class Group(Fault):
    """A hyperparameter that parameters of other groups read from one group, or from none.

    of: a number, "next", or "default": that of no group.
    """

    keys = ("name", "of")

    def group(self, optimizer: Any, index: int, parameter: int) -> Mapping[str, float]:
        groups, name, of = optimizer.param_groups, self.word("name"), self.word("of")
        if of == "default":
            return {**groups[index], name: optimizer._usual[name]}
        other = (index + 1) if of == "next" else int(of)
        return {**groups[index], name: groups[other % len(groups)][name]}


class Noise(Fault):
    """Elements are off by 2^-bits of themselves, each by chance: other bits from run to run."""

    keys = ("bits", "share")

    def moved(self, theta: Array) -> Array:
        rng = np.random.default_rng()
        size = np.ldexp(rng.choice((-1.0, 1.0), theta.shape), -self.whole("bits"))
        chosen = rng.random(theta.shape) < self.number("share", 1.0)
        with np.errstate(all="ignore"):
            return np.where(chosen, theta * (1 + size), theta).astype(theta.dtype)


FAULTS: Final[Mapping[str, type[Fault]]] = {
    kind.__name__.lower(): kind
    for kind in (
        Narrow,
        Wrap,
        Saturate,
        Lose,
        Shift,
        Exchange,
        Foreign,
        Mix,
        Own,
        Idle,
        Rate,
        Group,
        Noise,
    )
}


def parse_fault(text: str) -> Fault:
    """The fault that a text names; one that changes nothing for an empty text; else UsageError."""
    if not text.strip():
        return Fault()
    keys = {name: kind.keys for name, kind in FAULTS.items()}
    name, given = parsed("fault", text.strip(), keys, " ")
    return FAULTS[name](given)
