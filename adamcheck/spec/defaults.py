"""What users have who pass nothing: a target's defaults, and those of a spec's source."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from adamcheck.rules import RULES
from adamcheck.spec.hyperparameters import HYPERPARAMETERS
from adamcheck.spec.notation import Spec


@dataclass(frozen=True)
class Defaults:
    """What a target was read to use where nothing is passed.

    values: by common name. lacking: why another hyperparameter that it takes is not among them;
    opaque: those of them that have a default which could not be read. on: the flags that are on
    unless they are switched off.
    """

    values: Mapping[str, float] = field(default_factory=dict)
    lacking: Mapping[str, str] = field(default_factory=dict)
    opaque: frozenset[str] = frozenset()
    on: frozenset[str] = frozenset()

    def with_fixed(self, fixed: Mapping[str, float]) -> Defaults:
        """The same, and the values of what cannot be set."""
        lacking = {name: why for name, why in self.lacking.items() if name not in fixed}
        opaque = self.opaque - fixed.keys()
        return replace(self, values={**self.values, **fixed}, lacking=lacking, opaque=opaque)

    def document(self) -> dict[str, Any]:
        """As plain data, from which ``read`` makes the same."""
        return {
            "values": dict(self.values),
            "lacking": dict(self.lacking),
            "opaque": sorted(self.opaque),
            "on": sorted(self.on),
        }


def read(document: Mapping[str, Any]) -> Defaults:
    """From what ``Defaults.document`` gives."""
    return Defaults(
        values={name: float(value) for name, value in document["values"].items()},
        lacking=dict(document["lacking"]),
        opaque=frozenset(document["opaque"]),
        on=frozenset(document["on"]),
    )


UNREAD: Final = Defaults()
"""Of a target of which nothing was read."""


@dataclass(frozen=True)
class Wrong:
    """One default that is not what the spec's source proposes; ``text`` says so in a phrase."""

    name: str
    text: str


def proposed(spec: Spec) -> dict[str, float]:
    """The defaults that the source of a spec proposes, by common name.

    Where a switch of its own name moves a hyperparameter from where the source has it (an ε under
    the root is another number), the source proposes nothing.
    """
    return {
        name: value
        for name, value in RULES[spec.algorithm].proposed.items()
        if name in spec.hyperparameters
        and (name not in spec.switches or getattr(spec, name) == spec.default(name))
    }


def judged(defaults: Defaults, spec: Spec) -> tuple[str, ...]:
    """The hyperparameters whose default was read and of which the spec says what it should be."""
    return tuple(name for name in defaults.values if _wanted(spec, name) is not None)


def wrong(defaults: Defaults, spec: Spec) -> Iterator[Wrong]:
    """The defaults that differ from what the spec's source proposes.

    What the spec does not read has to be where it has no effect, and a flag that is on has to be
    the spec's.
    """
    source = RULES[spec.algorithm].source.partition(";")[0]
    for name in judged(defaults, spec):
        value, asked = defaults.values[name], _wanted(spec, name)
        if value != asked:
            why = source if name in spec.hyperparameters else f"{spec} has none"
            yield Wrong(name, f"the default of {name} is {value:g}, not {asked:g} ({why})")
    for flag in sorted(defaults.on):
        if getattr(spec, flag) in ("none", "no"):
            yield Wrong(flag, f"{flag} is on by default, and {spec} has none")


def used(defaults: Defaults, spec: Spec) -> dict[str, float]:
    """What the spec reads, as a user has it who passes nothing that need not be passed.

    A default with which the rule means nothing (β2 = 1, α = 0) gives way to what is proposed.
    """
    return {name: _usable(defaults, spec, name) for name in spec.hyperparameters}


def _usable(defaults: Defaults, spec: Spec, name: str) -> float:
    record = HYPERPARAMETERS[name]
    value = defaults.values.get(name)
    if value is not None and record.admits(value) and (value > 0.0 or record.role != "rate"):
        return value
    return proposed(spec).get(name, record.usual[0])


def _wanted(spec: Spec, name: str) -> float | None:
    if name in spec.hyperparameters:
        return proposed(spec).get(name)
    return HYPERPARAMETERS[name].neutral
