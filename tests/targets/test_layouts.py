"""A layout changes where the elements lie, and nothing else."""

import ml_dtypes
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from adamcheck.targets.layouts import laid_out, laid_out_steps
from adamcheck.targets.protocol import LAYOUTS

relaxed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
shapes = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)
dtypes = st.sampled_from([np.float64, np.float32, np.float16, ml_dtypes.bfloat16])


@relaxed
@given(shapes, dtypes, st.sampled_from(LAYOUTS))
def test_values_shape_and_dtype_stay(shape, dtype, layout):
    values = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    result = laid_out(values, layout)
    assert result.dtype == values.dtype
    assert result.shape == shape
    assert result.tobytes() == values.tobytes()
    assert result.flags.writeable


@relaxed
@given(st.integers(0, 3), shapes, st.sampled_from(LAYOUTS))
def test_every_step_is_laid_out(steps, shape, layout):
    values = np.random.default_rng(0).standard_normal((steps, *shape))
    result = laid_out_steps(values, layout)
    alone = laid_out(np.zeros(shape), layout)
    assert result.tobytes() == values.tobytes()
    assert all(result[t, ...].strides == alone.strides for t in range(steps))


def test_the_layouts_are_what_they_say():
    values = np.zeros((2, 3, 4))
    strides = {name: np.array(laid_out(values, name).strides) // 8 for name in LAYOUTS}
    assert strides["C"].tolist() == [12, 4, 1]
    assert strides["F"].tolist() == [1, 2, 6]
    assert strides["transposed"].tolist() == [12, 1, 3]
    assert strides["strided"].tolist() == [96, 16, 2]
    assert strides["negative"].tolist() == [-12, -4, -1]


@relaxed
@given(st.integers(1, 3), shapes, dtypes, st.sets(st.integers(1, 4)))
def test_expanded_gradients_have_stride_zero_where_they_are_constant(steps, shape, dtype, axes):
    values = np.random.default_rng(0).standard_normal((steps, *shape))
    for axis in axes & set(range(1, values.ndim)):
        values = np.broadcast_to(values[(slice(None),) * axis + (slice(1),)], values.shape)
    result = laid_out_steps(values.astype(dtype), "expanded")
    assert result.dtype == dtype
    assert result.shape == values.shape
    assert result.tobytes() == values.astype(dtype).tobytes()
    assert result.flags.writeable
    for axis in axes & set(range(1, values.ndim)):
        assert not result.size or result.strides[axis] == 0


def test_values_that_differ_in_their_last_bit_are_not_expanded():
    values = np.array([[0.0, -0.0]])
    assert laid_out_steps(values, "expanded").tobytes() == values.tobytes()


def test_read_only_gradients_cannot_be_written_to():
    result = laid_out_steps(np.ones((2, 3)), "read-only")
    assert result.tolist() == [[1.0] * 3] * 2
    with pytest.raises(ValueError, match="read-only"):
        result[0, ...] += 1


def test_gaps_are_not_numbers():
    result = laid_out(np.ones(3), "strided")
    assert np.isnan(result.base).sum() == 3


def test_an_unknown_layout_is_refused():
    with pytest.raises(ValueError, match="diagonal"):
        laid_out(np.zeros(3), "diagonal")
