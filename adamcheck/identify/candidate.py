"""What a target may be: a dialect, perhaps with an edit or with other numbers in use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from adamcheck.formats import FORMATS
from adamcheck.identify.batch import Array, Batch
from adamcheck.mutations import Edit, apply
from adamcheck.program import Program, trace
from adamcheck.spec import Spec

Hyper = Mapping[str, Array]


@dataclass(frozen=True)
class Count:
    """Another step count in use: ``steps[t-1]`` at step t, for the named powers (p1, p2)."""

    powers: tuple[str, ...]
    steps: tuple[int, ...]


@dataclass(frozen=True)
class Candidate:
    """A dialect, or a departure from it.

    given: hyperparameters in use whatever was asked for. edit: of its program, with ``constants``
    for its open parameters by the names of their inputs (``e.c``). exchanged: two hyperparameters
    that change places. count: another step count. rounded: a narrower format than the arrays', and
    the hyperparameters that are rounded to it and then used as they are. scalars: such a format in
    which all scalar arithmetic is done.
    """

    spec: Spec
    given: tuple[tuple[str, float], ...] = ()
    edit: Edit | None = None
    constants: tuple[tuple[str, float], ...] = ()
    exchanged: tuple[str, str] | None = None
    count: Count | None = None
    rounded: tuple[str, tuple[str, ...]] | None = None
    scalars: str = ""

    @property
    def plain(self) -> Candidate:
        """The dialect without the departure."""
        return Candidate(self.spec, self.given)

    @property
    def program(self) -> Program:
        """The program that is evaluated."""
        return trace(self.spec) if self.edit is None else apply(trace(self.spec), self.edit)

    @property
    def formats(self) -> tuple[str, ...]:
        """In what scalars are kept, and what the spec says of storage."""
        return (self.scalars, *(f"{name}={word}" for name, word in self.spec.stored.items()))

    def hyper(self, batch: Batch) -> Hyper:
        """The hyperparameters in use, name -> ``[N]``."""
        hyper = dict(batch.hyper)
        for name, value in self.given:
            hyper[name] = 0.0 * hyper[name] + value
        if self.exchanged is not None:
            one, other = self.exchanged
            hyper[one], hyper[other] = hyper[other], hyper[one]
        if self.rounded is not None:
            narrower = FORMATS[self.rounded[0]].dtype
            for name in self.rounded[1]:
                hyper[name] = hyper[name].astype(narrower).astype(np.float64)
        return hyper
