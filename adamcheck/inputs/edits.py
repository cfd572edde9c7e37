"""Simpler columns near a failing one: what the shrinker tries, many at a time.

A column is one element's gradients and its initial parameter; elements are independent, so that
hundreds of candidates travel in a single run of the target.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from adamcheck.formats import Format
from adamcheck.inputs.numbers import Float64, complexity, representable, truncated

Mask = NDArray[np.bool_]
_MOST_MASKS: Final = 160


@dataclass(frozen=True, eq=False)
class Column:
    """One element's run: gradients ``[T]`` as float64 and the initial parameter."""

    g: Float64
    theta: float

    @cached_property
    def cost(self) -> tuple[int, int, float]:
        """Steps, then gradients that are not zero, then how hard the numbers are to read."""
        numbers = float(complexity(self.g).sum() + complexity(np.array([self.theta])).sum())
        return len(self.g), int((self.g != 0.0).sum()), numbers

    def resized(self, steps: int) -> Column:
        """The first ``steps`` steps, zeros after the last."""
        cut = self.g[:steps]
        return Column(np.concatenate((cut, np.zeros(steps - len(cut)))), self.theta)


@dataclass(frozen=True, eq=False)
class Edit:
    """Steps to drop, or to give other values where ``values`` is set; edits of a kind add up."""

    mask: Mask
    values: Float64 | None = None

    def apply(self, column: Column) -> Column:
        """The edited column."""
        if self.values is None:
            return Column(column.g[~self.mask], column.theta)
        return Column(np.where(self.mask, self.values, column.g), column.theta)

    def joined(self, other: Edit) -> Edit:
        """Both edits at once; where they meet, this one's values hold."""
        mask = self.mask | other.mask
        if self.values is None or other.values is None:
            return Edit(mask)
        return Edit(mask, np.where(self.mask, self.values, other.values))


def guesses(column: Column, fmt: Format) -> Iterator[Column]:
    """The simplest runs there are, in the hope that one fails too: no derivation, one run."""
    steps = len(column.g)
    flip = np.where(np.arange(steps) % 2, -1.0, 1.0)
    once = (np.arange(steps) == 0).astype(np.float64)
    exponents = (0, 1, -1, 2, -2, 4, -4, 8, -8, -12, -16, -20, -24, -27, -40, 40)
    scales = [2.0**k for k in exponents if fmt.smallest_normal <= 2.0**k <= fmt.largest]
    finite = column.g[np.isfinite(column.g)]
    peak = float(np.abs(finite).max(initial=0.0))
    for theta in dict.fromkeys((0.0, 1.0, column.theta)):
        yield Column(np.zeros(steps), theta)
        for scale in [*scales, peak]:
            yield from (Column(unit * scale, theta) for unit in (np.ones(steps), once, flip))
        yield Column(-np.ones(steps), theta)
        yield Column(np.where(once, 1.0, 0.5), theta)
        yield Column(np.where(once, 1.0, 2.0**-8), theta)
        yield Column(1.0 - once, theta)


def starts(column: Column, fmt: Format) -> Iterator[Column]:
    """The same gradients from simpler parameters."""
    here = np.array([column.theta])
    for theta in (0.0, 1.0, -1.0, *(float(truncated(here, bits)[0]) for bits in (1, 2, 4, 8))):
        yield Column(column.g, theta)


def wholesale(column: Column, fmt: Format) -> Iterator[Column]:
    """All numbers simplified at once."""
    g, on = column.g, column.g != 0.0
    some = g[on]
    if not len(some):
        return
    signs = np.sign(np.where(np.isnan(g), 1.0, g))
    for value in dict.fromkeys((1.0, float(some[-1]), float(some[0]), float(np.abs(some).max()))):
        yield Column(np.where(on, value, g), column.theta)
        yield Column(np.where(on, value * signs, g), column.theta)
    yield Column(np.full_like(g, some[-1]), column.theta)
    yield Column(np.abs(g), column.theta)
    for anchor in (np.abs(some).max(), np.abs(some[-1])):
        if np.isfinite(anchor):
            # a common power of two keeps every ratio
            _, exponent = np.frexp(anchor)
            yield Column(representable(np.ldexp(g, 1 - exponent), fmt), column.theta)
    for bits in (1, 2, 3, 4, 6, 8, 11, 16, 24, 32):
        yield Column(truncated(g, bits), column.theta)


def deletions(column: Column) -> list[Edit]:
    """Runs of steps left out, the long ones first."""
    return [Edit(mask) for mask in _blocks(len(column.g)) if not mask.all()]


def silences(column: Column) -> list[Edit]:
    """Gradients set to zero, in runs, and all but one run of them."""
    zero = np.zeros_like(column.g)
    masks = [m for block in _blocks(len(column.g)) for m in (block, ~block)]
    return [Edit(mask, zero) for mask in masks if (column.g[mask] != 0.0).any()]


def replacements(column: Column) -> list[Edit]:
    """Single gradients replaced by simpler ones."""
    g = column.g
    before = np.concatenate((g[:1], g[:-1]))
    choices: list[Float64] = [np.ones_like(g), -np.ones_like(g), before]
    choices += [truncated(g, bits) for bits in (1, 2, 4, 8)]
    where = np.flatnonzero(g)[: _MOST_MASKS // len(choices)]
    found: list[Edit] = []
    for values in choices:
        simpler = complexity(values) < complexity(g)
        for i in where[simpler[where]]:
            mask = np.zeros(len(g), bool)
            mask[i] = True
            found.append(Edit(mask, values))
    return found


def unions(column: Column, edits: Sequence[Edit]) -> list[Edit]:
    """Edits that worked one by one, tried together: all, halves, quarters and eighths of them."""
    ranked = sorted(edits, key=lambda edit: edit.apply(column).cost)
    found: list[Edit] = []
    for parts in (1, 2, 4, 8):
        size = -(-len(ranked) // parts)
        for start in range(0, len(ranked), max(size, 1)):
            chosen = ranked[start : start + size]
            if len(chosen) > 1:
                joined = chosen[0]
                for edit in chosen[1:]:
                    joined = joined.joined(edit)
                found.append(joined)
    return found


def _blocks(steps: int) -> list[Mask]:
    # leading steps (all but one, halves, then any length), then blocks down to single steps
    index = np.arange(steps)
    halves = [steps - 1, *(steps >> k for k in range(1, 12))]
    others = np.geomspace(1, max(steps - 1, 1), 40).astype(np.int64)[::-1]
    leads = dict.fromkeys(int(k) for k in (*halves, *others) if 0 < k < steps)
    found = [index < k for k in leads]
    size = steps // 2
    while size >= 1 and len(found) < _MOST_MASKS:
        found += [(index >= i) & (index < i + size) for i in range(0, steps, size)]
        size //= 2
    return found
