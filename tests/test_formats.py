"""Formats: every constant against NumPy's and ml_dtypes' own arithmetic."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest

from adamcheck.errors import UsageError
from adamcheck.formats import FORMATS, format_named, widened

ALL = pytest.mark.parametrize("fmt", FORMATS.values(), ids=list(FORMATS))


@ALL
def test_constants_are_those_of_the_arithmetic(fmt):
    info = ml_dtypes.finfo(fmt.dtype)
    assert fmt.precision == info.nmant + 1
    assert fmt.min_exponent == info.minexp
    assert fmt.largest == float(info.max)
    assert fmt.smallest_normal == float(info.smallest_normal)
    assert fmt.u == float(info.eps) / 2
    if fmt.name == "float64":
        assert fmt.eta == float(info.smallest_subnormal)
    else:
        assert fmt.eta == float(info.smallest_subnormal) / 2


@ALL
def test_u_is_where_rounding_begins(fmt):
    one = fmt.dtype.type(1)
    assert one + fmt.dtype.type(fmt.u) == one
    assert one + fmt.dtype.type(2 * fmt.u) > one


@ALL
def test_eta_rounds_to_nothing(fmt):
    if fmt.name != "float64":
        assert float(fmt.dtype.type(fmt.eta)) == 0.0
    assert float(fmt.dtype.type(2 * fmt.eta)) > 0.0


@ALL
def test_beyond_the_largest_is_infinite(fmt):
    with np.errstate(over="ignore"):
        doubled = fmt.dtype.type(fmt.largest) * fmt.dtype.type(2)
    assert np.isinf(float(doubled))
    assert float(fmt.dtype.type(fmt.largest)) == fmt.largest


@ALL
def test_widening_keeps_every_value(fmt):
    bits = np.arange(1 << 16, dtype=np.uint16)
    if fmt.dtype.itemsize == 2:
        array = bits.view(fmt.dtype)
    else:
        array = np.random.default_rng(0).standard_normal(100).astype(fmt.dtype)
    wide = widened(array)
    assert wide.dtype in (np.float32, np.float64)
    with np.errstate(invalid="ignore"):
        numbers, back = array.astype(float), wide.astype(fmt.dtype).astype(float)
    assert np.array_equal(numbers, back, equal_nan=True)
    assert np.array_equal(np.signbit(numbers), np.signbit(back))


def test_a_name_is_looked_up_or_corrected():
    assert format_named("bfloat16").dtype == np.dtype(ml_dtypes.bfloat16)
    with pytest.raises(UsageError, match=r"unknown dtype 'flaot32'.* Did you mean 'float32'"):
        format_named("flaot32")
