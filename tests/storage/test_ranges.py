"""Where moments have a shorter range than θ, no check asks for magnitudes that they cannot hold."""

from __future__ import annotations

import pytest

from adamcheck import check
from adamcheck.formats import FORMATS
from adamcheck.result import Verdict
from adamcheck.spec import parse_spec
from adamcheck.storage import ranged


@pytest.mark.parametrize(
    ("claim", "dtype"),
    [
        ("adam[moments=float16,arithmetic=float32]", "float32"),
        pytest.param("adam[moments=float16]", "bfloat16", marks=pytest.mark.slow),
        pytest.param("adam[m=float16,arithmetic=float32]", "float64", marks=pytest.mark.slow),
        pytest.param("rmsprop[moments=float16]", "float32", marks=pytest.mark.slow),
        pytest.param("radam[moments=float16]", "float32", marks=pytest.mark.slow),
        pytest.param("adagrad[moments=float16]", "float32", marks=pytest.mark.slow),
        pytest.param("momentum[moments=float16]", "float32", marks=pytest.mark.slow),
    ],
)
def test_an_honest_target_conforms(claim, dtype):
    result = check(f"adamcheck.mutations.stored:{claim}", spec=claim, dtypes=[dtype])
    said = [(c.name, c.status.value, c.message) for c in result.checks if c.message]
    assert result.verdict is Verdict.CONFORMS, said


def test_the_range_is_that_of_the_least_format_and_the_digits_are_those_of_the_parameter():
    wide, short = FORMATS["float32"], FORMATS["float16"]
    found = ranged(parse_spec("adam[m=float16]"), wide)
    assert (found.precision, found.dtype) == (wide.precision, wide.dtype)
    assert (found.min_exponent, found.max_exponent) == (short.min_exponent, short.max_exponent)
    assert ranged(parse_spec("adam[moments=bfloat16]"), wide) is wide
