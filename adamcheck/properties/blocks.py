"""Moments kept as codes in blocks: single steps from what is shown, and what the codes may lose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from adamcheck import codes
from adamcheck.formats import FORMATS
from adamcheck.oracle.enclose import Enclosure, enclose
from adamcheck.oracle.evidence import Evidence
from adamcheck.oracle.judge import level_of
from adamcheck.program import trace
from adamcheck.properties.base import How, property_
from adamcheck.properties.context import Account, Break, Context, Skip
from adamcheck.spec import Spec
from adamcheck.targets.protocol import Trajectory

_SCALED = 4.0 * FORMATS["float32"].u
"""Roundings of a scale, a quotient, a map's number and their product, all in float32 at least."""


@property_("blocks")
def blocks(
    context: Context, account: Account, trajectory: Trajectory, spec: Spec, how: How
) -> Break | None:
    """Every step by itself, from the moments shown before it: θ as exactly as ever, moments within
    half a gap of the map, times the largest magnitude of their block."""
    evidence = context.evidence(trajectory, context.run(trajectory), spec)
    if hidden := [n for n in trace(spec).moments if n not in evidence.moments]:
        raise Skip(f"the target does not show {', '.join(hidden)}, which it keeps in blocks")
    for t in range(1, evidence.shape[0] + 1):
        first = _step(context, account, evidence.step(t), t, whole=bool(how.get("whole")))
        if first is not None:
            return first
    return None


def _step(
    context: Context, account: Account, one: Evidence, t: int, *, whole: bool
) -> Break | None:
    """``whole``: one large array, all of which must be in blocks."""
    names = trace(one.spec).moments
    level = level_of(one.spec, one.fmt)
    quantities = ("theta", "update", *names)
    found = enclose(one, context.admission, level=level, quantities=quantities)
    size = np.maximum(np.abs(found["update"].lower[0]), np.abs(found["update"].upper[0]))
    told = found["theta"].bound[0] < size
    account.examples += int(told.sum()) + len(names) * size.size
    account.undecided += int((~told).sum())
    for name in ("theta", *names):
        shown = one.thetas[1] if name == "theta" else one.moments[name][0]
        off = _outside(one, name, found[name], shown.astype(np.float64))
        if off.any():
            i = int(np.argmax(off))
            what = "θ" if name == "theta" else f"{name}, as its codes show it,"
            text = f"from the moments shown before it, step {t}: {what} of {int(off.sum())} of"
            return Break(f"{text} {off.size} elements leaves the envelope", i, t)
    first = _foreign(one, found) if whole else None
    return None if first is None else replace(first, step=t)


def _outside(
    one: Evidence, name: str, found: Enclosure, shown: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Where a number that is shown cannot be."""
    low, high = found.lower[0] - found.bound[0], found.upper[0] + found.bound[0]
    if name != "theta":
        lost = _lost(one, name, low, high)
        low, high = low - lost, high + lost
    with np.errstate(invalid="ignore"):
        return np.asarray(
            np.isfinite(low) & np.isfinite(high) & ~((low <= shown) & (shown <= high))
        )


def _lost(
    one: Evidence, name: str, low: NDArray[np.float64], high: NDArray[np.float64]
) -> NDArray[np.float64]:
    """What codes may lose of a moment, parameter by parameter."""
    spec, lost, at = one.spec, np.zeros(low.size), 0
    for size in one.sizes or (low.size,):
        own = slice(at, at + size)
        at += size
        if not codes.in_blocks(spec, size):
            continue
        largest = codes.scales(np.maximum(np.abs(low[own]), np.abs(high[own])), int(spec.blocks))
        most = np.maximum(np.abs(low[own]), np.abs(high[own]))
        lost[own] = codes.slack(spec, name, low[own], high[own], largest) + _SCALED * most
    return lost


def _foreign(one: Evidence, found: Mapping[str, Enclosure]) -> Break | None:
    """A moment that none of the map's numbers, times a scale that the block may have, explains."""
    block = int(one.spec.blocks)
    for name in trace(one.spec).moments:
        low = found[name].lower[0] - found[name].bound[0]
        high = found[name].upper[0] + found[name].bound[0]
        least = np.where(low * high > 0.0, np.minimum(np.abs(low), np.abs(high)), 0.0)
        most = np.maximum(np.abs(low), np.abs(high))
        ends = codes.scales(least, block), codes.scales(most, block)
        shown = one.moments[name][0].astype(np.float64)
        near = np.abs(codes.rounded(one.spec, name, shown, (ends[0] + ends[1]) / 2.0))
        off = np.abs(np.abs(shown) - near) > (ends[1] - ends[0]) + 2.0 * _SCALED * near
        if off.any():
            text = f"{name} is not kept in {one.spec.bits}-bit codes: {int(off.sum())} of"
            return Break(
                f"{text} {off.size} elements show a number that has none", int(off.argmax())
            )
    return None
