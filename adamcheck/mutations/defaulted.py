"""Optimizers with defaults of their own, right but for what becomes of these.

The target is named ``adamcheck.mutations.defaulted:SPEC``; its signature holds what the source of
the spec proposes, and usual values where that is silent. Option ``fault``: ``narrow`` keeps every
scalar in the format of the arrays; ``still from=K`` and ``nan from=K`` act from step K on, under
the defaults alone.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np

from adamcheck.errors import UsageError
from adamcheck.mutations.evaluate import Arithmetic
from adamcheck.mutations.target import Array, Optimizer, named
from adamcheck.program import Program
from adamcheck.spec import Spec
from adamcheck.spec.defaults import UNREAD, used

FAULTS = ("narrow", "still", "nan")


class Defaulted(Optimizer):
    """A rule whose hyperparameters need not be passed."""

    def __init__(self, params: Sequence[Array], **given: Any) -> None:
        super().__init__(params, **{**own(self.spec), **given})

    def programmed(self, fault: str = "") -> tuple[Program, Program]:
        """The rule as it stands; the fault is kept."""
        self._fault, _, begin = fault.partition(" from=")
        if fault and (self._fault not in FAULTS or bool(begin) == (self._fault == "narrow")):
            raise UsageError(f"fault {fault!r}: expected narrow, still from=K or nan from=K")
        self._from = int(begin or 0)
        return super().programmed()

    def arithmetic(self, dtype: str) -> Arithmetic:
        """Scalars in float64, or in the format of the arrays."""
        return Arithmetic(dtype, scalars=dtype if self._fault == "narrow" else "float64")

    def _advance(self, i: int, g: Array) -> None:
        before = self._thetas[i]
        super()._advance(i, g)
        acts = self._fault in ("still", "nan") and self._slots[i].t >= self._from
        if acts and self._hyper == own(self.spec):
            self._thetas[i] = before if self._fault == "still" else np.full_like(before, np.nan)


def own(spec: Spec) -> dict[str, float]:
    """The defaults that the signature of a spec's target has."""
    return used(UNREAD, spec)


def __getattr__(name: str) -> Any:
    if name.startswith("_"):
        raise AttributeError(name)
    made = named(name, Defaulted, ("fault",))
    if isinstance(made, type) and issubclass(made, Defaulted):
        values, plain = own(made.spec), inspect.signature(made)
        parts = [
            p.replace(default=values.get(p.name, p.default)) for p in plain.parameters.values()
        ]
        made.__signature__ = plain.replace(parameters=parts)  # type: ignore[attr-defined]
    return made
