"""What became of a case, and why a mutant that was not killed may be set aside."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from adamcheck.horizon import Horizon
from adamcheck.mutations.edits import Edit

SET_ASIDE = ("equivalent", "beyond the envelope", "beyond the horizon")
"""Classes of mutants that count apart, each with its evidence."""


@dataclass(frozen=True)
class Outcome:
    """One case after the gate.

    fate: killed, survived, no verdict (error or incomplete), killed though equivalent, or one of
    SET_ASIDE; of an honest order conforms or false alarm. ``check`` is the first one that failed,
    ``seconds`` the time until then; ``why`` the evidence for a class; ``named`` whether the kill
    was explained by the edit itself, None where nothing was said.
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

    def as_dict(self) -> dict[str, Any]:
        """For a JSON file."""
        return asdict(self)


def unreached(edit: Edit, horizon: Horizon) -> str:
    """Why an edit's guard lies beyond the horizon; empty where it was within."""
    guard = edit.guard
    if guard is None or guard.value is None:
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


def _beyond(what: str, needed: float, reached: float) -> str:
    return f"needs {what} of {needed:g}, and {reached:g} was reached" if needed > reached else ""
