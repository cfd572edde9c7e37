"""Failures that depend on the size or the position: one column inside an array made smaller.

Lost tails, indices that overflow and vector lanes show in arrays only; so do elements that leak
into each other, for which columns are left out instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from adamcheck.inputs.edits import Column
from adamcheck.inputs.numbers import Float64

_SIZES: Final = tuple(2**k + 1 for k in range(18))  # one more than a whole number of vectors


@dataclass(frozen=True, eq=False)
class State:
    """A failing input in float64, which holds every number of every format; step is 1-based."""

    grads: Float64
    theta0: Float64
    element: int
    step: int

    @property
    def column(self) -> Column:
        """The failing element's column."""
        return Column(self.grads[:, self.element], float(self.theta0[self.element]))

    @property
    def size(self) -> int:
        """The number of elements."""
        return int(self.grads.shape[1])

    def cut(self, steps: int) -> State:
        """The first ``steps`` steps."""
        return replace(self, grads=self.grads[:steps])


Failing = Callable[[State], State | None]
Layout = Callable[[Column, int, int], State]


def everywhere(column: Column, size: int, element: int) -> State:
    """An array of equal columns: whichever position fails shows itself."""
    grads = np.repeat(column.g[:, None], size, axis=1)
    return State(grads, np.full(size, column.theta), min(element, size - 1), len(column.g))


def among_zeros(column: Column, size: int, element: int) -> State:
    """An array of zeros in which one column runs; in a smaller array it stands at the end."""
    element = min(element, size - 1)
    grads, theta0 = np.zeros((len(column.g), size)), np.zeros(size)
    grads[:, element], theta0[element] = column.g, column.theta
    return State(grads, theta0, element, len(column.g))


def smaller_array(layout: Layout, found: State, failing: Failing) -> State:
    """The smallest size that fails: ever larger ones, the element as the last one, bisection."""
    low = 1
    for n in sorted({*_SIZES, found.element + 1}):
        if n >= found.size:
            break
        state = failing(layout(found.column, n, found.element))
        if state is not None:
            found = state
            break
        low = n
    while found.size - low > 1:
        middle = (low + found.size) // 2
        state = failing(layout(found.column, middle, found.element))
        if state is None:
            low = middle
        else:
            found = state
    return found


def fewer_columns(state: State, failing: Failing) -> Iterator[State]:
    """Leave out columns and steps, then simplify all numbers at once: elements need each other."""
    block = state.size // 2
    while block >= 1:
        start = 0
        while start < state.size > 1:
            kept = np.ones(state.size, bool)
            kept[start : start + block] = False
            found = failing(_keeping(state, kept)) if kept.any() else None
            if found is None:
                start += block
            else:
                state = found
                yield state
        block //= 2
    for simplify in (_last_step, _second_half, _from_zero, _signs, _ones):
        found = failing(simplify(state))
        if found is not None:
            state = found
            yield state


def _keeping(state: State, kept: NDArray[np.bool_]) -> State:
    element = int(kept[: state.element].sum()) if kept[state.element] else 0
    return replace(state, grads=state.grads[:, kept], theta0=state.theta0[kept], element=element)


def _last_step(state: State) -> State:
    return replace(state, grads=state.grads[-1:])


def _second_half(state: State) -> State:
    return replace(state, grads=state.grads[len(state.grads) // 2 :])


def _from_zero(state: State) -> State:
    return replace(state, theta0=np.zeros_like(state.theta0))


def _signs(state: State) -> State:
    return replace(state, grads=np.sign(state.grads))


def _ones(state: State) -> State:
    return replace(state, grads=np.ones_like(state.grads))
