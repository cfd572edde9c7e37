"""Moments kept as codes: which numbers the codes of a map stand for, and how far one may be off.

A block of elements in C order is divided by its largest magnitude, and each quotient goes to the
nearest number of the map: it is off by half a gap of the map at most, times that magnitude.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adamcheck.spec import Spec

Doubles = NDArray[np.float64]
Flags = NDArray[np.bool_]


def in_blocks(spec: Spec, size: int) -> bool:
    """Whether moments of an array of so many elements may be codes."""
    return spec.bits != "none" and size >= int(spec.blocks_from)


def any_in_blocks(spec: Spec, arrays: Sequence[NDArray[Any]]) -> bool:
    """Whether that is so of one of several arrays."""
    return any(in_blocks(spec, array.size) for array in arrays)


def elements(spec: Spec, sizes: Sequence[int], count: int) -> Flags:
    """Which of the ``[N]`` elements of arrays of these sizes, side by side, may be in blocks.

    All may be where the sizes are not theirs.
    """
    sizes = sizes or (count,)
    coded = [in_blocks(spec, size) for size in sizes]
    if not any(coded) or sum(sizes) != count:
        return np.full(count, any(coded))
    return np.repeat(np.array(coded, bool), sizes)


@lru_cache(maxsize=32)
def numbers(kind: str, bits: int, *, signed: bool) -> tuple[float, ...]:
    """The numbers between -1 (or 0) and 1 that the codes of a map stand for, in order.

    ``kind``: dynamic or linear. Dynamic: each decade below 1 has half as many as the one above it,
    in the middle of as many equal parts (Dettmers et al. 2022, arXiv:2110.02861, section 1.3).
    """
    if kind == "linear":
        count = 1 << bits
        if signed:
            return tuple(np.linspace(-1.0, 1.0, count))
        return tuple(np.linspace(0.0, 1.0, count + 1)[1:])
    decades = bits - 1
    found = {0.0, 1.0}
    for i in range(decades):
        parts = 2**i if signed else 2 ** (i + 1)
        edges = np.linspace(0.1, 1.0, parts + 1)
        middle = 10.0 ** (i - decades + 1) * (edges[:-1] + edges[1:]) / 2.0
        found.update(middle.tolist())
        found.update((-middle).tolist() if signed else ())
    return tuple(sorted(found))


def map_of(spec: Spec, state: str) -> tuple[str, bool]:
    """(kind, signed) of a state's map: second moments have no sign."""
    second = state in ("v", "v_max")
    kind = spec.map.removesuffix("-table")
    if kind == "dynamic-linear":
        kind = "linear" if second else "dynamic"
    return kind, not second


def slack(
    spec: Spec,
    state: str,
    low: Doubles,
    high: Doubles,
    largest: Doubles,
    least: Doubles | None = None,
) -> Doubles:
    """How far a code's number may be from a value between ``low`` and ``high``.

    ``largest``: the magnitude that its block is divided by, at most; ``least``: at least (else the
    same). No value is larger than it.
    """
    kind, signed = map_of(spec, state)
    size = np.maximum(np.abs(low), np.abs(high))
    if kind == "float8":  # 4 digits, and subnormal ones 2^-9 apart, of which 448 are 1
        return np.asarray(np.maximum(2.0**-4 * size, 2.0**-10 / 448.0 * largest))
    known, coarse = np.asarray(numbers(kind, int(spec.bits), signed=signed)), 0.0
    if spec.map == "dynamic-table":  # the quotient is taken to the middle of one of 2^16 parts
        coarse = 2.0**-16
    with np.errstate(all="ignore"):
        by = [largest, largest if least is None else least]
        parts = [np.where(largest > 0.0, x / y, 0.0) for x in (low, high) for y in by]
    parts = [np.clip(np.nan_to_num(x, nan=0.0), -1.0, 1.0) for x in parts]
    ends = [np.minimum(*parts[:2]) - coarse, np.maximum(*parts[2:]) + coarse]
    gaps = np.diff(known)
    first, last = (
        np.clip(np.searchsorted(known, x) - 1, 0, len(gaps) - 1) for x in (ends[0], ends[1])
    )
    half = widest_of(gaps, first, last) / 2.0
    if kind == "linear" and not signed:  # with a zero there are as many in a little less space
        half = np.maximum(half, 0.5 / (len(known) - 1))
    beyond = np.maximum(known[0] - ends[0], ends[1] - known[-1])
    return np.asarray((np.maximum(half, np.maximum(beyond, 0.0)) + coarse) * largest)


def widest_of(gaps: Doubles, first: NDArray[np.intp], last: NDArray[np.intp]) -> Doubles:
    """The widest of the gaps from a first to a last one, both included; they are not in order."""
    found, runs, size = np.maximum(gaps[first], gaps[last]), gaps, 1
    while size <= int((last - first).max(initial=0)):  # the widest of 2, 4, 8 … gaps from each on
        runs = np.maximum(runs, runs[np.minimum(np.arange(len(gaps)) + size, len(gaps) - 1)])
        size *= 2
        inner = np.maximum(runs[first], runs[np.maximum(last - size + 1, 0)])
        found = np.where(last - first + 1 >= size, np.maximum(found, inner), found)
    return np.asarray(found)


def scales(values: Doubles, block: int) -> Doubles:
    """The largest magnitude of each value's block ``[N]``; the last block may be shorter."""
    count = -(-values.size // block)
    padded = np.zeros(count * block)
    padded[: values.size] = np.abs(values)
    return np.repeat(padded.reshape(count, block).max(axis=1), block)[: values.size]


def rounded(spec: Spec, state: str, values: Doubles, scale: Doubles) -> Doubles:
    """What the nearest codes of values stand for, under given scales."""
    kind, signed = map_of(spec, state)
    with np.errstate(all="ignore"):
        parts = np.where(scale > 0.0, values / scale, 0.0)
    if kind == "float8":
        import ml_dtypes

        kept = (parts * 448.0).astype(ml_dtypes.float8_e4m3fn).astype(np.float64)
        return np.asarray(kept / 448.0 * scale)
    known = np.asarray(numbers(kind, int(spec.bits), signed=signed))
    middle = (known[1:] + known[:-1]) / 2.0
    return np.asarray(known[np.searchsorted(middle, parts)] * scale)
