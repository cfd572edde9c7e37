"""Arrays of given values in a given memory layout: what a kernel that walks memory gets wrong.

Gaps between the elements of a strided array are filled with NaN, so that reading them shows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def laid_out(values: NDArray[Any], layout: str) -> NDArray[Any]:
    """A new writable array with the shape and values of ``values`` in ``layout``."""
    result = empty_steps(1, values.shape, values.dtype, layout)[0, ...]
    result[...] = values
    return result


def laid_out_steps(values: NDArray[Any], layout: str) -> NDArray[Any]:
    """A new array ``[T, *shape]`` of which every ``[t, ...]`` is in ``layout``.

    It may be ``expanded`` (stride 0 along every axis along which all steps are constant) or
    ``read-only``, too.
    """
    if layout == "expanded":
        return _expanded(values)
    plain = "C" if layout == "read-only" else layout
    result = empty_steps(values.shape[0], values.shape[1:], values.dtype, plain)
    result[...] = values
    result.flags.writeable = layout != "read-only"
    return result


def _expanded(values: NDArray[Any]) -> NDArray[Any]:
    once, bits = values, values.view(f"u{values.itemsize}")
    for axis in range(1, values.ndim):
        if values.shape[axis] and (bits == bits.take([0], axis)).all():
            once = once.take([0], axis)
    own = once.copy(order="C")
    within = zip(own.strides[1:], own.shape[1:], strict=True)
    strides = (own.strides[0], *(0 if size == 1 else stride for stride, size in within))
    return np.lib.stride_tricks.as_strided(own, values.shape, strides)


def empty_steps(
    steps: int, shape: tuple[int, ...], dtype: np.dtype[Any], layout: str
) -> NDArray[Any]:
    """Unset memory for ``steps`` arrays of ``shape``, each in ``layout`` (see LAYOUTS)."""
    axes = len(shape)
    if layout == "C":
        return np.empty((steps, *shape), dtype)
    if layout == "F":
        reverse = (0, *range(axes, 0, -1))
        return np.empty((steps, *shape[::-1]), dtype).transpose(reverse)
    if layout == "transposed":
        # only the last two axes change places: from three axes on this is neither C nor F
        if axes < 2:
            return np.empty((steps, *shape), dtype)
        return np.empty((steps, *shape[:-2], shape[-1], shape[-2]), dtype).swapaxes(-1, -2)
    if layout == "strided":
        base = np.full((steps, *(2 * n for n in shape)), np.nan, dtype)
        return base[(slice(None), *(slice(None, None, 2),) * axes)]
    if layout == "negative":
        base = np.empty((steps, *shape), dtype)
        return base[(slice(None), *(slice(None, None, -1),) * axes)]
    raise ValueError(f"unknown layout {layout!r}")
