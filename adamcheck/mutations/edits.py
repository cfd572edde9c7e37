"""One change of a program, in a notation that can be printed, parsed and given as an option.

``scale update c=1.01 if t>=120``: operator, place (a label of mutations.language), parameters, and
a guard, outside of which the program is what it was; ``if size>=4000 and t>=12`` is a guard of two
conditions. ``?`` stands for a parameter left open.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import Final

from adamcheck.errors import UsageError

Value = str | int | float | None

GUARDS: Final = (
    "t>=",
    "t<",
    "t==",
    "t%",
    "|g|>=",
    "|g|<",
    "silence>=",
    "index==",
    "index==last",
    "index%",
    "size>=",
)
"""Kinds of guards: by the step, the gradient, the silence before it, the element, the array."""
WHOLE: Final = frozenset(GUARDS) - {"|g|>=", "|g|<"}
"""Guards whose threshold is a whole number."""
UNIFORM: Final = frozenset({"t>=", "t<", "t==", "t%", "size>="})
"""Guards that are alike for all elements."""


@dataclass(frozen=True)
class Guard:
    """Where an edit applies: ``value`` is the threshold or period, ``rest`` what a period leaves.

    None stands for a number left open. ``also`` has to hold besides.
    """

    kind: str
    value: float | None = None
    rest: int | None = None
    also: Guard | None = None

    def __post_init__(self) -> None:
        if self.kind not in GUARDS:
            raise UsageError(f"edit: unknown guard {self.kind!r}; known are {', '.join(GUARDS)}.")
        period, rest = self.value, self.rest
        if self.kind.endswith("%") and period is not None:
            if period < 1:
                raise UsageError(f"edit: a period must be at least 1, not {period}.")
            if not 0 <= (rest or 0) < period:
                raise UsageError(f"edit: no number leaves {rest} when divided by {period}.")

    @property
    def conditions(self) -> tuple[Guard, ...]:
        """The conditions that have to hold together, each by itself."""
        rest = self.also.conditions if self.also else ()
        return (replace(self, also=None), *rest)

    @property
    def is_open(self) -> bool:
        """Whether some number is left open."""
        if self.also is not None and self.also.is_open:
            return True
        if self.kind == "index==last":
            return False
        return self.value is None or (self.kind.endswith("%") and self.rest is None)

    def __str__(self) -> str:
        return " and ".join(one._alone() for one in self.conditions)

    def _alone(self) -> str:
        if self.kind == "index==last":
            return self.kind
        if self.kind.endswith("%"):
            return f"{self.kind}{_written(self.value)}=={_written(self.rest)}"
        return f"{self.kind}{_written(self.value)}"


@dataclass(frozen=True)
class Edit:
    """An operator at a place with its parameters (by name, in the operator's order)."""

    operator: str
    place: str
    parameters: tuple[tuple[str, Value], ...] = ()
    guard: Guard | None = None

    def __getitem__(self, name: str) -> Value:
        return dict(self.parameters)[name]

    def get(self, name: str, default: Value = None) -> Value:
        """A parameter, or ``default`` where the edit has none of that name."""
        return dict(self.parameters).get(name, default)

    @property
    def is_open(self) -> bool:
        """Whether some number is left open."""
        inner = any(value is None for _, value in self.parameters)
        return inner or (self.guard is not None and self.guard.is_open)

    def __str__(self) -> str:
        words = [self.operator, self.place]
        words += [f"{name}={_written(value)}" for name, value in self.parameters]
        return " ".join(words) + (f" if {self.guard}" if self.guard else "")


_PERIOD = re.compile(r"(t%|index%)(\?|\d+)==(\?|\d+)")
_THRESHOLD = re.compile(r"(t>=|t<|t==|\|g\|>=|\|g\|<|silence>=|index==|size>=)(\S+)")


def parse_edit(text: str) -> Edit:
    """Read the notation; a text that is none raises UsageError."""
    change, _, condition = text.strip().partition(" if ")
    words = change.split()
    if len(words) < 2:
        raise UsageError(f"edit {text!r}: write it as OPERATOR PLACE [NAME=VALUE…] [if GUARD].")
    parameters = []
    for word in words[2:]:
        name, equals, value = word.partition("=")
        if not equals:
            raise UsageError(f"edit {text!r}: {word!r} is no parameter; write it as name=value.")
        # what is read instead may be a constant, whose label looks like a number
        number = value if name == "with" else _read(value)
        if isinstance(number, float) and not math.isfinite(number):
            raise UsageError(f"edit {text!r}: {name} must be a finite number.")
        parameters.append((name, number))
    guard = None
    for one in reversed(condition.split(" and ") if condition else []):
        guard = replace(_guard(text, one.strip()), also=guard)
    return Edit(words[0], words[1], tuple(parameters), guard)


def _guard(text: str, condition: str) -> Guard:
    if condition == "index==last":
        return Guard(condition)
    if period := _PERIOD.fullmatch(condition):
        kind, value, rest = period.groups()
        whole = _read(rest)
        return Guard(kind, _number(text, value), whole if isinstance(whole, int) else None)
    if threshold := _THRESHOLD.fullmatch(condition):
        return Guard(threshold[1], _number(text, threshold[2]))
    raise UsageError(f"edit {text!r}: {condition!r} is no guard; known are {', '.join(GUARDS)}.")


def _number(text: str, word: str) -> float | None:
    value = _read(word)
    if isinstance(value, str) or (isinstance(value, float) and not math.isfinite(value)):
        raise UsageError(f"edit {text!r}: {word!r} is no number.")
    return value


def _read(word: str) -> Value:
    if word == "?":
        return None
    for kind in (int, float):
        try:
            return kind(word)
        except ValueError:
            continue
    return word


def _written(value: Value) -> str:
    return "?" if value is None else repr(value) if isinstance(value, float) else str(value)
