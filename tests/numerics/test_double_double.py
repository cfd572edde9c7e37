"""Double-double: every operation's relative error against exact rationals, below its bound.

Bounds: Joldes, Muller, Popescu 2017 (addition, product, quotient) and Lefèvre et al. 2023 (root).
"""

from __future__ import annotations

from fractions import Fraction
from math import isqrt
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adamcheck.numerics import double_double, instructions
from adamcheck.numerics.pairs import PAIRS, Pair
from adamcheck.oracle.tape import STEP, Tape

from .plain import exact_fma, pairs

U = Fraction(1, 2**53)
BOUNDS = {
    "dd_add": 3 * U**2 / (1 - 4 * U),
    "dd_mul": 5 * U**2,
    "dd_div": 15 * U**2 + 56 * U**3,
    "dd_sqrt": Fraction(25, 8) * U**2,
}

mantissas = st.integers(2**52, 2**53 - 1) | st.sampled_from(
    [2**52, 2**53 - 1, 2**52 + 1, 2**52 + 2**26, 3 * 2**51, 2**53 - 2**26]
)
exponents = st.integers(-60, 60) | st.integers(-300, 300)


@st.composite
def doubles(draw: st.DrawFn) -> float:
    """A double of a chosen bit pattern, not too far out for products to stay normal."""
    sign = draw(st.sampled_from((1.0, -1.0)))
    return sign * float(np.ldexp(float(draw(mantissas)), draw(exponents) - 52))


@st.composite
def numbers(draw: st.DrawFn) -> tuple[float, float]:
    """A normalised double-double: |lo| up to half an ulp of hi, or far below, or none."""
    hi = draw(doubles())
    ulp = float(np.spacing(abs(hi)))
    share = draw(st.floats(-0.5, 0.5) | st.sampled_from([0.0, 0.5, -0.5, 2.0**-40, -(2.0**-52)]))
    lo = share * ulp
    high = hi + lo
    return high, float(Fraction(hi) + Fraction(lo) - Fraction(high))


@st.composite
def cancelling(draw: st.DrawFn) -> tuple[tuple[float, float], tuple[float, float]]:
    """Two numbers whose sum is far smaller than they are."""
    hi, lo = draw(numbers())
    shift = draw(st.integers(-4, 4))
    other = -hi + shift * float(np.spacing(abs(hi)))
    low = draw(st.sampled_from([-lo, lo, 0.0])) + draw(st.integers(-2, 2)) * float(
        np.spacing(abs(lo) or float(np.spacing(abs(hi)) * 2.0**-53))
    )
    high = other + low
    return (hi, lo), (high, float(Fraction(other) + Fraction(low) - Fraction(high)))


def exact(x: tuple[float, float]) -> Fraction:
    return Fraction(float(x[0])) + Fraction(float(x[1]))


def within(got: tuple[float, float], want: Fraction, bound: Fraction) -> None:
    high, low = (float(part) for part in got)
    assert abs(exact(got) - want) <= bound * abs(want)
    assert high + low == high  # normalised


def versions(name: str) -> tuple[Any, Any]:
    """The operation by its text, and on NumPy arrays by splitting."""
    operators: dict[str, Any] = {
        "dd_add": lambda x, y: x + y,
        "dd_mul": lambda x, y: x * y,
        "dd_div": lambda x, y: x / y,
        "dd_sqrt": PAIRS.root_of,
    }

    def on_arrays(*args: float) -> tuple[float, float]:
        given = [
            Pair(np.array([h]), np.array([lo])) for h, lo in zip(*[iter(args)] * 2, strict=True)
        ]
        out = operators[name](*given)
        return float(out.hi[0]), float(out.lo[0])

    return getattr(pairs(), name), on_arrays


@settings(deadline=None)
@given(numbers(), numbers())
def test_sums(x: Any, y: Any) -> None:
    for add in versions("dd_add"):
        within(add(*x, *y), exact(x) + exact(y), BOUNDS["dd_add"])


@settings(deadline=None)
@given(cancelling())
def test_sums_that_cancel(pair: Any) -> None:
    x, y = pair
    for add in versions("dd_add"):
        within(add(*x, *y), exact(x) + exact(y), BOUNDS["dd_add"])


@settings(deadline=None)
@given(numbers(), numbers())
def test_products(x: Any, y: Any) -> None:
    fused, split = versions("dd_mul")
    within(fused(*x, *y), exact(x) * exact(y), BOUNDS["dd_mul"])
    # without a fused multiply-add the bound is 7u² (Joldes, Muller, Popescu, Algorithm 10)
    within(split(*x, *y), exact(x) * exact(y), 7 * U**2)


@settings(deadline=None)
@given(numbers(), numbers())
def test_quotients(x: Any, y: Any) -> None:
    for div in versions("dd_div"):
        within(div(*x, *y), exact(x) / exact(y), BOUNDS["dd_div"])


@settings(deadline=None)
@given(numbers())
def test_roots(x: Any) -> None:
    x = x if x[0] > 0 else (-x[0], -x[1])
    square = exact(x)
    for root in versions("dd_sqrt"):
        got = exact(root(*x))
        # |got/√s - 1| <= b without a root: (1-b)²s <= got² <= (1+b)²s
        b = BOUNDS["dd_sqrt"]
        assert (1 - b) ** 2 * square <= got**2 <= (1 + b) ** 2 * square


def test_every_bound_is_below_the_unit() -> None:
    assert max(BOUNDS.values()) <= Fraction(double_double.UNIT)
    assert Fraction(double_double.UNIT) >= 7 * U**2


@settings(deadline=None)
@given(st.lists(doubles(), min_size=3, max_size=3), st.booleans())
def test_the_fused_multiply_add_rounds_once(abc: list[float], cancel: bool) -> None:
    a, b, c = abc
    c = -a * b if cancel else c
    want = float(Fraction(a) * Fraction(b) + Fraction(c))
    assert float(exact_fma(a, b, c)) == want


def test_the_root_of_zero_is_zero() -> None:
    for root in versions("dd_sqrt"):
        assert root(np.float64(0.0), np.float64(0.0)) == (0.0, 0.0)


@settings(deadline=None)
@given(numbers(), numbers())
def test_the_larger_of_two(x: Any, y: Any) -> None:
    assert exact(pairs().dd_max(*x, *y)) == max(exact(x), exact(y))
    larger = PAIRS.larger_of(*(Pair(np.array([h]), np.array([lo])) for h, lo in (x, y)))
    assert exact((larger.hi[0], larger.lo[0])) == max(exact(x), exact(y))


def test_splitting_takes_large_factors() -> None:
    a, b = Pair(np.array([0.7 * 2.0**1000]), np.zeros(1)), Pair(np.array([0.3]), np.zeros(1))
    got = a * b
    want = Fraction(0.7 * 2.0**1000) * Fraction(0.3)
    assert exact((got.hi[0], got.lo[0])) == want


def square_root_bounds(x: Fraction, bits: int = 200) -> tuple[Fraction, Fraction]:
    """√x between two rationals, by the integer square root."""
    scaled = (x.numerator << (2 * bits)) // x.denominator
    return Fraction(isqrt(scaled), 2**bits), Fraction(isqrt(scaled) + 1, 2**bits)


def test_roots_by_integers_alone() -> None:
    for x in ((2.0, 0.0), (3.0, 2.0**-53), (1e-3, 1e-20), (1.0 - 2.0**-53, 2.0**-108)):
        low, high = square_root_bounds(exact(x))
        got = exact(pairs().dd_sqrt(*(np.float64(p) for p in x)))
        b = BOUNDS["dd_sqrt"]
        assert low * (1 - b) <= got <= high * (1 + b)


@pytest.mark.parametrize("name", ["dd_add", "dd_mul", "dd_div", "dd_max", "dd_sqrt"])
def test_the_machine_computes_the_same_bits(name: str) -> None:
    """The compiler contracts nothing, reorders nothing, and its fused multiply-add is exact."""
    rng = np.random.default_rng(0)
    hi = rng.standard_normal((2, 400)) * np.exp2(rng.integers(-200, 200, (2, 400)))
    lo = hi * 2.0**-54 * rng.uniform(-1, 1, hi.shape)
    hi, lo = hi + lo, lo - ((hi + lo) - hi)
    if name == "dd_sqrt":
        hi, lo = np.abs(hi), lo * np.sign(hi)
    given_ = [hi[0], lo[0], hi[1], lo[1]][: len(instructions.BY_NAME[name].operands)]
    tape, names = Tape(6), "abcd"[: len(given_)]
    for k, letter in enumerate(names):
        tape.move(STEP, "load", k, letter)
    tape.add(STEP, name, 4, 5, *range(len(given_)))
    out = np.zeros((2, 400))
    for k, letter in enumerate("yz"):
        tape.move(STEP, "store", 4 + k, letter)
    arrays = dict(zip(names, given_, strict=True)) | {"y": out[0], "z": out[1]}
    tape.run({}, {n: (x, 0, 0) for n, x in arrays.items()}, 1, 0, 8, range(0, 400, 8))
    plain = getattr(pairs(), name)
    want = np.array([plain(*column) for column in zip(*given_, strict=True)]).T
    assert np.array_equal(out, want), name
