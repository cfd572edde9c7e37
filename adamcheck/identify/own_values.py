"""Hyperparameters that a target does not let be set: which they are, and what it has instead."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from adamcheck.identify.search import Found
from adamcheck.result import Finding
from adamcheck.targets.protocol import Description

Interval = tuple[float, float, float]
"""A value, and the ends between which values fit."""


def untold(names: Iterable[str], known: Description, options: Mapping[str, float]) -> list[str]:
    """Those hyperparameters whose values nobody says: no argument, no option, no declaration."""
    told = known.hyperparameters | known.declared.fixed.keys() | options.keys()
    return [name for name in names if name not in told]


def fixed_values(found: Found, names: Iterable[str]) -> dict[str, Interval]:
    """What a target that fits has in place of those of the names that its rule reads."""
    from adamcheck.identify.fixed import interval, own_value

    candidate, batches = found.best.candidate, found.scores.batches
    return {
        name: (
            own_value(candidate, batches, name),
            *interval(candidate, batches, name, found.scores.admission),
        )
        for name in names
        if name in candidate.spec.hyperparameters
    }


def told_fixed(name: str, value: float, low: float, high: float, dtype: str) -> Finding:
    """A finding that says what a target has for a hyperparameter that it does not take."""
    text = (
        f"takes no {name}: it is fixed at {value!r} (from {low!r} to {high!r} values fit the"
        " elements that were tried)"
    )
    return Finding("fixed", dtype, text, {"value": value, "low": low, "high": high})
