"""Moments kept as codes in blocks: single steps from what is shown, and what the codes may lose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from adamcheck import codes
from adamcheck.formats import FORMATS
from adamcheck.numerics.comparison import TALLIES
from adamcheck.oracle.enclose import Enclosure, enclose
from adamcheck.oracle.envelope import Admission
from adamcheck.oracle.evidence import Evidence
from adamcheck.oracle.judge import Judgement, Tally, level_of
from adamcheck.program import trace

Flags = NDArray[np.bool_]
_SCALED = 4.0 * FORMATS["float32"].u
"""Roundings of a scale, a quotient, a map's number and their product, all in float32 at least."""


@dataclass(frozen=True)
class Left:
    """Where a claim of blocks is left first, in words; the step counts from 1."""

    message: str
    element: int
    step: int = 0


def judged_in_blocks(
    evidence: Evidence, admission: Admission, *, whole: bool
) -> tuple[Judgement, Left | None]:
    """Every step by itself, from the moments shown before it: θ as exactly as ever, moments within
    half a gap of the map, times the largest magnitude of their block.

    All moments have to be shown. whole: it is one large array, all of which must be in blocks. Then
    a moment of which its code keeps nothing, beside a much larger one, counts as undecided; else
    the rule asks nothing of it.
    """
    names = ("theta", *trace(evidence.spec).moments)
    seen: list[dict[str, _Held]] = []
    first: Left | None = None
    for t in range(1, evidence.shape[0] + 1):
        one = evidence.step(t)
        found = _found(one, admission)
        held = {name: _held(one, name, found, whole=whole) for name in names}
        seen.append(held)
        first = _left(held) or (_foreign(one, found) if whole else None)
        if first is not None:
            first = replace(first, message=_BEFORE.format(t) + first.message, step=t)
            break
    return _judgement(evidence, admission, seen), first


_BEFORE: Final = "from the moments shown before it, step {}: "


@dataclass(frozen=True)
class _Held:
    """A quantity of one step, ``[N]``: where it is outside, where its bound is sharper than itself,
    where it is not though something is asked of it, and how much of the bound is used."""

    off: Flags
    told: Flags
    weak: Flags
    ratio: NDArray[np.float64]


def _found(one: Evidence, admission: Admission) -> Mapping[str, Enclosure]:
    """Where everything lies, but for what codes lose."""
    quantities = ("theta", "update", *trace(one.spec).moments)
    level = level_of(one.spec, one.fmt)
    return enclose(one, admission, level=level, quantities=quantities)


def _held(one: Evidence, name: str, found: Mapping[str, Enclosure], *, whole: bool) -> _Held:
    """Hold a number that is shown where it can be; θ's bound is compared with the update."""
    shown = (one.thetas[1] if name == "theta" else one.moments[name][0]).astype(np.float64)
    lower, upper, bound = (x[0] for x in (found[name].lower, found[name].upper, found[name].bound))
    low, high = lower - bound, upper + bound
    if name == "theta":
        update = found["update"]
        size = np.maximum(np.abs(update.lower[0]), np.abs(update.upper[0]))
        asked = np.ones(size.shape, bool)
    else:
        size = np.maximum(np.abs(lower), np.abs(upper))
        lost = _lost(one, name, low, high)
        bound, low, high = bound + lost, low - lost, high + lost
        asked = whole | ~(lost >= size)
    with np.errstate(all="ignore"):
        bounded = np.isfinite(low) & np.isfinite(high)
        off = bounded & ~((low <= shown) & (shown <= high))
        apart = np.maximum(np.maximum(lower - shown, shown - upper), 0.0)
        ratio = np.where(bounded & (apart > 0.0), apart / bound, 0.0)
        # what is exact is told, and so is what nobody can miss
        told = off | (bounded & ((bound < size) | (bound == 0.0)))
    return _Held(off, told, asked & ~told, ratio)


def _left(held: Mapping[str, _Held]) -> Left | None:
    """The first quantity that is somewhere outside."""
    for name, one in held.items():
        if one.off.any():
            what = "θ" if name == "theta" else f"{name}, as its codes show it,"
            count, size = int(one.off.sum()), one.off.size
            text = f"{what} of {count} of {size} elements leaves the envelope"
            return Left(text, int(np.argmax(one.off)))
    return None


def _judgement(evidence: Evidence, admission: Admission, seen: list[dict[str, _Held]]) -> Judgement:
    """What single steps decided, as the judgement of a run."""
    tallies = {}
    for name in seen[0]:
        off, told, weak, ratio = (
            np.array([getattr(held[name], part) for held in seen])
            for part in ("off", "told", "weak", "ratio")
        )
        counts = {
            "worst": ratio.max(axis=0),
            "worst_step": ratio.argmax(axis=0) + 1,
            "first_bad": np.where(off.any(axis=0), off.argmax(axis=0) + 1, 0),
            "undecided": np.zeros(off.shape[1]),
            "void": np.zeros(off.shape[1]),
            "weak": weak.sum(axis=0),
            "decided": told.sum(axis=0),
        }
        tallies[name] = Tally(np.array([counts[one] for one in TALLIES], np.float64))
    return Judgement(evidence, admission, tallies)


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
        least = np.where(low * high > 0.0, np.minimum(np.abs(low), np.abs(high)), 0.0)[own]
        scale = codes.scales(least, int(spec.blocks))
        kept = codes.slack(spec, name, low[own], high[own], largest, scale)
        lost[own] = kept + _SCALED * most
    return lost


def _foreign(one: Evidence, found: Mapping[str, Enclosure]) -> Left | None:
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
            return Left(
                f"{text} {off.size} elements show a number that has none", int(off.argmax())
            )
    return None
