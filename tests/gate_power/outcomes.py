"""What became of a case, and why a mutant that was not killed may be set aside."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from adamcheck.horizon import Horizon
from adamcheck.mutations.edits import Edit, Guard
from adamcheck.mutations.guards import Span
from adamcheck.mutations.language import indices, reached
from adamcheck.program import Program

from .cases import ARITHMETIC

SET_ASIDE = ("equivalent", "beyond the envelope", "beyond the horizon")
"""Classes of mutants that count apart, each with its evidence."""


@dataclass(frozen=True)
class Outcome:
    """One case after the gate.

    fate: killed, survived, no verdict (error or incomplete), killed though equivalent, or one of
    SET_ASIDE; of an honest order conforms or false alarm. ``check`` is the first one that failed,
    ``seconds`` the time until then; ``why`` the evidence for a class; ``named`` whether the kill
    was explained by the edit itself, None where nothing was said; ``tree`` the commit that was run;
    ``area`` the kind of defect that was drawn.
    """

    key: str
    kind: str
    spec: str
    dtype: str
    text: str
    profile: str
    fate: str
    check: str = ""
    message: str = ""
    seconds: float = 0.0
    why: str = ""
    said: str = ""
    named: bool | None = None
    reproduction: str = ""
    findings: tuple[str, ...] = field(default=())
    tree: str = ""
    area: str = ARITHMETIC

    def as_dict(self) -> dict[str, Any]:
        """For a JSON file."""
        return asdict(self)


def unreached(edit: Edit, horizon: Horizon, *, correcting: bool = False) -> str:
    """Why an edit's guard lies beyond the horizon; empty where it was within.

    Two conditions are beyond it where either is, or where no judged run met both at once; single
    steps of an edit that is ``correcting`` where no correction moved any more.
    """
    if edit.guard is None:
        return ""
    conditions = edit.guard.conditions
    steps = replace(horizon, steps=horizon.corrected) if correcting else horizon
    alone = (_unreached(one, steps if one.kind in ("t==", "t%") else horizon) for one in conditions)
    sizes = "" if any(_fits(conditions, n) for n in horizon.sizes) else "no array had such a size"
    return next((why for why in alone if why), "") or sizes or _apart(conditions, horizon)


def corrects(edit: Edit, program: Program) -> bool:
    """Whether an edit changes a power β^t, or what is made of such powers and numbers alone."""
    plain = program.expanded
    place = indices(plain)[edit.place]
    kept = {plain.output[f"s.{clock}"] for clock in plain.clocks}
    return place in plain.uniform and bool(kept & reached(plain, place))


def _fits(conditions: Sequence[Guard], size: int) -> bool:
    """Whether an array of so many elements has one for which the conditions on it hold."""
    places = Span(high=size - 1)
    for one in conditions:
        if one.kind == "index==last":
            places.low = max(places.low, size - 1)
        elif one.kind.startswith("index"):
            places.narrow(one)
        elif one.kind == "size>=" and size < (one.value or 0):
            return False
    return places.least() < math.inf


def _unreached(guard: Guard, horizon: Horizon) -> str:
    if guard.value is None:
        return ""
    at, rest = guard.value, guard.rest or 0
    most = max(horizon.sizes, default=0)
    reach = max(horizon.steps, horizon.loaded)
    match guard.kind:
        case "t>=":
            return _beyond("t", at, reach)
        case "t==":
            return _beyond("t", at, horizon.steps)
        case "t%":
            return _beyond("t", rest or at, horizon.steps)
        case "|g|>=":
            return _beyond("|g|", at, horizon.gradients[1] if horizon.gradients else 0.0)
        case "silence>=":
            return _beyond("a silence", at, horizon.silence)
        case "index==":
            return _beyond("index", at, most - 1)
        case "index%":
            return _beyond("index", rest, most - 1)
        case "size>=":
            return _beyond("size", at, most)
    return ""


def _apart(conditions: Sequence[Guard], horizon: Horizon) -> str:
    """Why two conditions were never met at once, as far as the horizon tells."""
    wanted = [needed for one in conditions if (needed := _least(one))]
    if any(one.kind in ("index==", "index==last") for one in conditions):
        # one element behind a silence: what all elements of an array have met is promised
        wanted = [("common silence" if w == "silence" else w, least) for w, least in wanted]
    for (first, at), (second, least) in itertools.combinations(wanted, 2):
        if first != second and not horizon.met(first, at, second, least):
            return f"needs a {first} of {at:g} and a {second} of {least:g} at once"
    return ""


def _least(guard: Guard) -> tuple[str, float] | None:
    """(quantity of the horizon, the least it must be) for a condition to hold."""
    if guard.kind == "index==last":
        return "size", 1.0
    if guard.value is None:
        return None
    match guard.kind:
        case "t>=" | "t==":
            return "step", guard.value
        case "t%":
            return "step", guard.rest or guard.value
        case "|g|>=":
            return "gradient", guard.value
        case "silence>=":
            return "silence", guard.value
        case "index==":
            return "size", guard.value + 1
        case "index%":
            return "size", (guard.rest or 0) + 1
        case "size>=":
            return "size", guard.value
    return None


def _beyond(what: str, needed: float, reached: float) -> str:
    return f"needs {what} of {needed:g}, and {reached:g} was reached" if needed > reached else ""
