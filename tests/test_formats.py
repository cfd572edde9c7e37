"""Formats: every constant against NumPy's and ml_dtypes' own arithmetic."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest

from adamcheck.errors import UsageError
from adamcheck.formats import FORMATS, Format, format_named, widened
from adamcheck.spec.hyperparameters import usual

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


@ALL
def test_a_record_says_how_an_array_travels(fmt):
    assert fmt.dtype.name == fmt.name
    assert fmt.dtype.itemsize * 8 == fmt.carrier.itemsize * 8 == fmt.bits
    assert fmt.wire.itemsize == fmt.dtype.itemsize
    assert fmt.wire.kind == ("f" if fmt.native else "u")
    assert fmt.wire.byteorder in "<=|"


def test_what_checks_ask_of_a_format():
    assert [f.name for f in FORMATS.values() if f.is_double] == ["float64"]
    assert [f.name for f in FORMATS.values() if f.narrow] == ["float16", "bfloat16"]
    assert [f.name for f in FORMATS.values() if f.short_ranged] == ["float16"]


def test_another_format_is_one_more_record():
    fmt = Format("float8_e5m2", 3, -14, 15, 8, native=False)
    info = ml_dtypes.finfo(ml_dtypes.float8_e5m2)
    assert fmt.dtype == info.dtype
    assert fmt.largest == float(info.max)
    assert fmt.eta == float(info.smallest_subnormal) / 2
    assert fmt.carrier == np.uint8
    assert fmt.wire.itemsize == 1
    assert fmt.narrow
    assert fmt.short_ranged
    told = usual(fmt)
    assert fmt.rounded(told["eps"]) > 0.0
    assert fmt.rounded(told["beta2"]) < 1.0
