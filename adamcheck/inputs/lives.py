"""Long lives of gradients: silences, late starts, spikes, changes of scale and sign, all drawn.

Lengths, times and factors are log-uniform and stratified over the elements, so that every octave up
to the longest is visited and the longest itself is. Signs turn back before θ has run so far that it
swallows its own steps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adamcheck.inputs.zone import Float64

_TURNS = 48
"""Silences that one element meets at most; after them its gradients stay."""
_MODERATE = 6.0
"""log2 of a spike after which the steps are soon seen again."""


@dataclass(frozen=True)
class Scope:
    """Between which ends lives are drawn.

    silence, start: most zero gradients between two others, and before the first one; memory: so
    many that the moments still show what was before. spike: log2 of the largest factor. same_sign:
    most steps between two turns. low, high: exponents of |g|; near: those of most elements.
    """

    silence: int
    memory: int
    start: int
    spike: float
    same_sign: int
    low: float
    high: float
    near: tuple[float, float] = (-3.0, 3.0)


def spread(rng: np.random.Generator, count: int) -> Float64:
    """Numbers in (0, 1], one in each of ``count`` equal parts, the last one 1, in any order."""
    parts = (np.arange(count) + rng.random(count)) / max(1, count)
    if count:
        parts[-1] = 1.0
    return np.asarray(rng.permutation(parts))


def lengths(rng: np.random.Generator, longest: float, count: int) -> NDArray[np.int64]:
    """Whole numbers from 1 to ``longest``, log-uniform, stratified, the longest among them."""
    return np.rint(max(1.0, longest) ** spread(rng, count)).astype(np.int64)


def lives(rng: np.random.Generator, steps: int, count: int, scope: Scope) -> Float64:
    """Gradients ``[T, N]``: a third steady, then silent now and then, spiked, and wandering."""
    kind = rng.permutation(np.arange(count) % 6)
    level = rng.uniform(*scope.near, count)
    values = rng.uniform(0.5, 1.0, (steps, count))
    values[:, rng.random(count) < 0.2] = 1.0
    wandering, spiked = np.flatnonzero(kind >= 4), np.flatnonzero((kind == 3) | (kind == 5))
    level[wandering] = 0.0  # theirs moves
    values *= np.exp2(level)
    values[:, wandering] *= np.exp2(_wander(rng, steps, wandering.size, scope))
    _spike(rng, values, spiked, scope)
    values *= 1.0 - 2.0 * _negative(rng, steps, count, scope)
    silent = np.flatnonzero((kind == 2) | (kind == 5))
    values[:, silent] *= _given(rng, steps, silent.size, scope)
    return values


def _negative(rng: np.random.Generator, steps: int, count: int, scope: Scope) -> NDArray[np.bool_]:
    """Where the sign is -: in turns of an own length for each element, or by chance."""
    t = np.arange(steps, dtype=np.float32)[:, None]
    period = lengths(rng, scope.same_sign, count)
    begun = rng.integers(0, period)
    # a quotient of such small whole numbers is rounded to a whole one only where it is one
    turns = ((t + begun.astype(np.float32)) / period.astype(np.float32)).astype(np.int32)
    odd = (turns & 1).astype(bool)
    chance = np.flatnonzero(rng.random(count) < 0.25)
    odd[:, chance] = rng.integers(0, 2, (steps, chance.size))
    return np.asarray(odd)


def _spike(
    rng: np.random.Generator, values: Float64, columns: NDArray[np.int64], scope: Scope
) -> None:
    """Up to three spikes in each of these columns, from the second step to near the end."""
    steps, count = values.shape[0], columns.size
    for _ in range(3):
        at = np.minimum(lengths(rng, steps - 2, count), steps - 1)
        # what follows a huge one is small for long: every other element meets moderate ones
        most = np.where(np.arange(count) % 2 == 0, scope.spike, min(scope.spike, _MODERATE))
        exponents = scope.near[1] + most * spread(rng, count)
        values[at, columns] = np.exp2(np.minimum(exponents, scope.high))


def _wander(rng: np.random.Generator, steps: int, count: int, scope: Scope) -> Float64:
    """Exponents that drift between knots, around a level of their own in the whole range."""
    knots = max(2, min(16, steps // 8))
    at = np.linspace(0, steps - 1, knots)
    width = 0.5 * (scope.high - scope.low) * np.exp2(-6.0 * spread(rng, count))
    level = scope.low + (scope.high - scope.low) * spread(rng, count)
    heights = np.clip(level + width * rng.uniform(-1.0, 1.0, (knots, count)), scope.low, scope.high)
    t = np.arange(steps)
    left = np.minimum(np.searchsorted(at, t, side="right"), knots - 1) - 1
    share = ((t - at[left]) / (at[left + 1] - at[left]))[:, None]
    between = (1.0 - share) * heights[left] + share * heights[left + 1]
    return np.asarray(np.clip(between, scope.low, scope.high))


def _given(rng: np.random.Generator, steps: int, count: int, scope: Scope) -> NDArray[np.bool_]:
    """Where there is a gradient: a late start for every other element, then silences in turn."""
    if not count:
        return np.ones((steps, 0), bool)
    half, rest = count // 2, count - count // 2
    many = min(_TURNS, max(1, steps // 4))
    short = [lengths(rng, min(scope.silence, scope.memory), rest) for _ in range(many)]
    long = [lengths(rng, scope.silence, half) for _ in range(many)]
    silent = np.concatenate([short, long], axis=1)
    active = np.rint(32.0 ** rng.random((many, count))).astype(np.int64) + 3
    # late starts stand before short silences, so that the longest ones have room
    begins = np.zeros(count, np.int64)
    if scope.start:
        begins[1:rest:2] = lengths(rng, scope.start, rest // 2)
    turns = np.stack([active, silent], axis=1).reshape(2 * many, count)
    ends = np.cumsum(np.concatenate([begins[None], turns]), axis=0)  # silent, active, silent …
    flips = np.zeros((steps + 1, count), bool)
    flips[np.minimum(ends, steps), np.arange(count)] = True
    given = np.logical_xor.accumulate(flips, axis=0)[:steps]
    last = ends[-1] <= np.arange(steps)[:, None]
    return np.asarray(given | last)
