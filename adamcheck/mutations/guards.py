"""Whether the conditions of a guard can hold together, at some step of some element.

Read off the numbers alone: a step's number, the zero gradients before it, the size of the gradient,
the element's own number and the array's size. A guard that never holds changes nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from adamcheck.mutations.edits import Guard


@dataclass
class Span:
    """Whole numbers from ``low`` to ``high``, of a residue where there is a period."""

    low: float = 0
    high: float = math.inf
    period: int = 1
    rest: int = 0

    def least(self) -> float:
        """The least of them; infinity where there is none."""
        least = self.low + (self.rest - self.low) % self.period
        return least if least <= self.high else math.inf

    def narrow(self, one: Guard) -> None:
        """Leave those for which a condition on them holds."""
        at, kind = float(one.value or 0), one.kind
        if kind.endswith(">="):
            self.low = max(self.low, math.ceil(at))
        elif kind.endswith("<"):
            self.high = min(self.high, math.ceil(at) - 1)
        elif kind.endswith("=="):
            whole = at == int(at)
            self.low, self.high = (max(self.low, at), min(self.high, at)) if whole else (1, 0)
        else:
            self.period, self.rest = int(at), one.rest or 0


def can_hold(guard: Guard) -> bool:
    """Whether all conditions can hold at once; a number that is left open forbids nothing."""
    steps, places = Span(low=1), Span()
    least_size, last = 1.0, False
    smallest, largest = 0.0, math.inf
    for one in guard.conditions:
        if one.kind == "index==last":
            last = True
        elif not one.is_open:
            at = float(one.value or 0)
            match one.kind:
                case "|g|>=":
                    smallest = max(smallest, at)
                case "|g|<":
                    largest = min(largest, at)
                case "size>=":
                    least_size = max(least_size, at)
                case "silence>=":  # so many gradients came before
                    steps.low = max(steps.low, math.ceil(at) + 1)
                case _:
                    (steps if one.kind.startswith("t") else places).narrow(one)
    index = places.least()
    fits = places.high == math.inf or not last or places.high + 1 >= least_size
    return smallest < largest and steps.least() < math.inf and index < math.inf and fits
