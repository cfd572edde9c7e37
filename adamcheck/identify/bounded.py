"""Numbers with a bound on how far an evaluation may land from them, in plain operators.

Moments that no rule of adamcheck computes are formed with these, so that an explanation is held to
an envelope too. Every product is charged four roundings, which covers the difference forms of an
average (for β ≥ 1/2); explanations lean on this, verdicts do not.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np

from adamcheck.formats import format_named
from adamcheck.interpret import charges


@dataclass(frozen=True)
class Bounded:
    """A value and its bound (arrays or numbers) in a format with constants ``c``."""

    value: Any
    bound: Any
    c: SimpleNamespace

    def _like(self, other: Any) -> Bounded:
        return other if isinstance(other, Bounded) else Bounded(float(other), 0.0, self.c)

    def __neg__(self) -> Bounded:
        return Bounded(-self.value, self.bound, self.c)

    def __add__(self, other: Any) -> Bounded:
        b = self._like(other)
        value = self.value + b.value
        bound = charges.total(abs(value), self.bound, b.bound, self.c.u, self.c.eta)
        return Bounded(value, bound, self.c)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Bounded:
        return self + (-self._like(other))

    def __rsub__(self, other: Any) -> Bounded:
        return self._like(other) + (-self)

    def __mul__(self, other: Any) -> Bounded:
        b = self._like(other)
        bound = charges.product(
            abs(self.value), self.bound, abs(b.value), b.bound, self.c.gamma4, self.c.eta
        )
        return Bounded(self.value * b.value, bound, self.c)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Bounded:
        b = self._like(other)
        value = self.value / b.value
        bound = charges.quotient(
            abs(value), self.bound, abs(b.value), b.bound, self.c.gamma4, self.c.eta
        )
        return Bounded(value, bound, self.c)

    def root(self) -> Bounded:
        """The square root; of 0 for what an evaluation may have made negative."""
        value = np.sqrt(np.maximum(self.value, 0.0))
        return Bounded(value, charges.radical(value, self.bound, self.c.gamma2), self.c)

    def size(self) -> Bounded:
        """The absolute value."""
        return Bounded(abs(self.value), self.bound, self.c)

    def larger(self, other: Bounded) -> Bounded:
        """The elementwise maximum."""
        bound = np.maximum(self.bound, other.bound)
        return Bounded(np.maximum(self.value, other.value), bound, self.c)

    def smaller(self, other: Bounded) -> Bounded:
        """The elementwise minimum."""
        return -(-self).larger(-other)

    def sign(self) -> Bounded:
        """-1, 0 or 1; unknown (bound 2) where the bound reaches over zero."""
        unsure = (self.bound >= abs(self.value)) & (self.bound > 0.0)
        return Bounded(np.sign(self.value), 2.0 * unsure, self.c)

    def through(self, name: str) -> Bounded:
        """Rounded to another format and back: the interval's image, rounding being monotone."""
        value, bound = rounded(self.value, self.bound, name)
        return Bounded(value, bound, self.c)


def rounded(value: Any, bound: Any, name: str) -> tuple[Any, Any]:
    """A value rounded to the format ``name``, and how far the rounded ones in its bound lie."""
    kind = format_named(name).dtype

    def near(x: Any) -> Any:
        return np.asarray(x).astype(kind).astype(np.float64)

    middle = near(value)
    return middle, np.maximum(near(value + bound) - middle, middle - near(value - bound))
