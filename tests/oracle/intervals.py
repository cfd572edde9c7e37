"""Interval arithmetic over rationals, with roots by integers: an independent confirmation.

Nothing of the package, of flint or of floating point takes part. Ends are rounded outwards to 400
bits, so that long runs stay cheap.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import isqrt
from typing import Any

BITS = 400


@dataclass(frozen=True)
class Interval:
    """All numbers from lo to hi; not known after a division by zero."""

    lo: Fraction
    hi: Fraction
    known: bool = True

    def __neg__(self) -> Interval:
        return Interval(-self.hi, -self.lo, self.known)

    def __add__(self, other: Any) -> Interval:
        y = interval(other)
        if not (self.known and y.known):
            return UNKNOWN
        return outwards(self.lo + y.lo, self.hi + y.hi)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Interval:
        return self + -interval(other)

    def __rsub__(self, other: Any) -> Interval:
        return interval(other) + -self

    def __mul__(self, other: Any) -> Interval:
        y = interval(other)
        if not (self.known and y.known):
            return UNKNOWN
        ends = [a * b for a in (self.lo, self.hi) for b in (y.lo, y.hi)]
        return outwards(min(ends), max(ends))

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Interval:
        y = interval(other)
        if not (self.known and y.known) or y.lo <= 0 <= y.hi:
            return UNKNOWN
        ends = [a / b for a in (self.lo, self.hi) for b in (y.lo, y.hi)]
        return outwards(min(ends), max(ends))

    def __rtruediv__(self, other: Any) -> Interval:
        return interval(other) / self

    def near(self, x: Fraction) -> Fraction:
        """How far x is at most from the number that the interval holds."""
        return max(abs(x - self.lo), abs(x - self.hi))


UNKNOWN = Interval(Fraction(0), Fraction(0), known=False)


class Ops:
    """The functions without an operator."""

    @staticmethod
    def sqrt(x: Interval) -> Interval:
        return Interval(_root(x.lo)[0], _root(x.hi)[1]) if x.known else UNKNOWN

    @staticmethod
    def maximum(x: Any, y: Any) -> Interval:
        a, b = interval(x), interval(y)
        if not (a.known and b.known):
            return UNKNOWN
        return Interval(max(a.lo, b.lo), max(a.hi, b.hi))


OPS: Any = Ops()
"""Without a choice: no rule that is judged in these tests takes a branch."""


def interval(x: Any) -> Interval:
    return x if isinstance(x, Interval) else Interval(Fraction(x), Fraction(x))


def outwards(lo: Fraction, hi: Fraction) -> Interval:
    return Interval(_rounded(lo, down=True), _rounded(hi, down=False))


def _rounded(x: Fraction, *, down: bool) -> Fraction:
    size = x.numerator.bit_length() - x.denominator.bit_length()
    excess = max(x.numerator.bit_length(), x.denominator.bit_length()) > 2 * BITS
    if not x or not excess:
        return x
    grain = Fraction(2) ** (size - BITS)
    steps = x / grain
    whole = steps.numerator // steps.denominator
    return (whole if down else whole + 1) * grain


def _root(x: Fraction) -> tuple[Fraction, Fraction]:
    """√x between two rationals."""
    if x == 0:
        return Fraction(0), Fraction(0)
    shift = max(0, 2 * BITS - (x.numerator.bit_length() - x.denominator.bit_length()))
    shift += shift % 2
    floor = isqrt((x.numerator << shift) // x.denominator)
    return Fraction(floor, 1 << (shift // 2)), Fraction(floor + 1, 1 << (shift // 2))
