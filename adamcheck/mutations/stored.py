"""A rule whose state is stored as its spec says: ``adamcheck.mutations.stored:SPEC``.

Arithmetic is as wide as the spec allows, and only what is kept is rounded. So this is an honest
target of the spec that it is named by, and a wrong one of others.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from adamcheck.formats import format_named
from adamcheck.mutations.evaluate import Arithmetic, Slot, advance, rounded
from adamcheck.mutations.target import Optimizer, named
from adamcheck.storage import Kept, kept, place_of

Array = NDArray[Any]


class Stored(Optimizer):
    """A rule whose moments and parameter are kept in formats of their own.

    ``digits``: moments are rounded to so many significand bits before, which no spec says.
    """

    _digits = ""

    def programmed(self, edit: str = "", digits: str = "") -> Any:
        """The rule, edited or not; the storage is not its program's."""
        self._digits = digits
        return super().programmed(edit)

    def _formats(self, i: int) -> Kept:
        return kept(self.spec, format_named(self._dtypes[i].name))

    def _fresh(self, i: int) -> Slot:
        slot = super()._fresh(i)
        slot.arrays = {n: self._stored(i, n, x) for n, x in slot.arrays.items()}
        return slot

    def _stored(self, i: int, name: str, x: Array) -> Array:
        """A state in the format in which it is kept."""
        x = rounded(x, self._digits) if self._digits else x
        return x.astype(self._formats(i).at[place_of(self.spec, name)].dtype)

    def _advance(self, i: int, g: Array) -> None:
        wide, slot = self._formats(i).base, self._slots[i]
        slot.arrays = {n: x.astype(wide.dtype) for n, x in slot.arrays.items()}
        theta, g = (x.reshape(-1).astype(wide.dtype) for x in (self._thetas[i], np.asarray(g)))
        arithmetic = Arithmetic(wide.name)
        theta = advance(self._program, arithmetic, self._hyper, slot, theta, g)
        slot.arrays = {n: self._stored(i, n, x) for n, x in slot.arrays.items()}
        self._thetas[i] = theta.astype(self._dtypes[i])


def __getattr__(name: str) -> Any:
    if name.startswith("_"):
        raise AttributeError(name)
    return named(name, Stored, ("edit", "digits"))
