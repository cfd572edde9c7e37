"""The one comparison: an observed number against the envelope, and what may come of it.

The functions run on NumPy arrays and, word for word, on the block machine, where only the helper
``select`` differs.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import Any, Final

import numpy as np

from adamcheck.numerics.double_double import FAINT, two_sum

select: Any = np.where


class Outcome(IntEnum):
    """What a comparison says of one number.

    INSIDE and OUTSIDE the envelope; UNINFORMATIVE: inside one that is wider than the quantity
    itself; UNBOUNDED: no bound is known (overflow, input that is not finite); UNRESOLVED: this
    level's own error leaves it open.
    """

    INSIDE = 0
    OUTSIDE = 1
    UNINFORMATIVE = 2
    UNBOUNDED = 3
    UNRESOLVED = 4


CERTAIN: Final = 2.0**64
"""What lies so many times a faint bound away is outside, and a bound so many times as large as a
faint part of it is not moved by that part's underflow. Each product in the text of a bound lacks at
most 2^-1075 where it underflows, and every bound that is not 0 adds an eta, at least 2^-1074; so
over a whole run a bound lacks at most as many times itself as twice the products of a step, fewer
than 2^12, and 2^12/2^64 is below the level's own share of 2^-48 (judge; theorem
envelope-growth). That is so of bounds that grow in proportion; where one may leap, as a quotient's
does whose divisor is known to less than a half, nothing is so far away (``faint`` is 2)."""

TALLIES: Final = ("worst", "worst_step", "first_bad", "undecided", "void", "weak", "decided")
"""What is counted for each observed quantity and element, all float64: the largest ratio and where,
the first step OUTSIDE (0 if none), and how many steps were UNRESOLVED, UNBOUNDED, UNINFORMATIVE,
decided (INSIDE or OUTSIDE)."""


def distance(seen: Any, high: Any, low: Any) -> Any:
    """|seen - (high + low)| without losing the low part."""
    top, rest = two_sum(seen, -high)
    return abs(top + (rest - low))


def known_ratio(distance: Any, bound: Any) -> Any:
    """distance/bound, 0 where no bound is known.

    A bound of zero holds only what is exact; what is no number is beyond all bounds.
    """
    ratio = select(distance > 0.0, distance / bound, select(distance <= 0.0, 0.0, np.inf))
    return select(bound < np.inf, ratio, 0.0)


def faint(was: Any, e: Any) -> Any:
    """1 where a bound is so small that its own underflow counts, else what ``was``; 0 is exact."""
    return select((e > 0.0) & (e < FAINT), 1.0, was)


def unswallowed(was: Any, e: Any, part: Any) -> Any:
    """What ``was``, and 0 where a bound e is so much larger than the part that may be faint."""
    return select(e < CERTAIN * part, was, 0.0)


def outcome(distance: Any, bound: Any, quantity: Any, margin: Any, faint: Any) -> Any:
    """The Outcome's number, of one comparison or of arrays of them.

    distance: |observed - computed|; quantity: the magnitude that the bound should be sharper than;
    margin: the level's own error in units of the bound; faint: 1 where the bound is so small that
    its own underflow counts, 2 where it may therefore be infinite, else 0.
    """
    inside = select(quantity > 0.0, select(bound >= quantity, 2.0, 0.0), 0.0)
    near = select(distance > bound * (1.0 - margin), 4.0, inside)
    found = select(distance <= bound * (1.0 + margin), near, 1.0)
    close = (distance > 0.0) & (distance <= bound * CERTAIN)
    shaky = select(close, faint, faint - 1.0)
    return select(bound < np.inf, select(shaky > 0.0, 4.0, found), 3.0)


def settled(strained: Any, first: Any, open: Any, void: Any, weak: Any, steps: Any) -> Any:
    """(first step outside, unresolved, uninformative, decided) of an element in the end.

    Where the level left its range (``strained`` is 1) nothing is decided.
    """
    decided = steps - open - void - weak
    lost = strained > 0.0
    none = 0.0 * steps
    return (
        select(lost, none, first),
        select(lost, open + weak + decided, open),
        select(lost, none, weak),
        select(lost, none, decided),
    )


COMPARISON: tuple[Callable[..., Any], ...] = (
    distance,
    known_ratio,
    faint,
    unswallowed,
    outcome,
    settled,
)
