"""Magnitudes of balls as bounds: never below, hardly above, whatever the exponent."""

from __future__ import annotations

from typing import Any

import pytest
from flint import arb

from adamcheck.numerics.balls import ball, bound, lower_magnitude, magnitude, working


def _exactly(number: Any) -> arb:
    mantissa, power = number.as_mantissa_exp()
    return arb(int(mantissa)) * arb(2) ** int(power)


@pytest.mark.parametrize("exponent", [-5000, -1060, -1001, -30, 0, 30, 1001, 1030, 5000])
@pytest.mark.parametrize("sign", [1, -1])
def test_magnitudes_enclose_and_are_sharp(exponent: int, sign: int) -> None:
    with working(160):
        for k in range(1, 60):
            value = arb(sign) * arb(k) / 7 * arb(2) ** exponent
            above, below = magnitude(value), lower_magnitude(value)
            assert _exactly(below) <= abs(value) <= _exactly(above)
            assert above - below <= above * 2.0**-50


def test_a_ball_that_is_not_finite_has_no_bound() -> None:
    with working(160):
        assert magnitude(arb(1) / 0) == bound(float("inf"))
        assert magnitude(arb(0)) == lower_magnitude(arb(0)) == 0


def test_floats_are_exact_as_bounds_and_as_balls() -> None:
    with working(64):
        for x in (0.1, -(2.0**-1074), 1.7976931348623157e308, 0.0):
            assert float(bound(x)) == x == float(ball(x))
