"""Honest orders as optimizers that run like anybody's: ``adamcheck.mutations.honest:SPEC``.

The option ``order`` holds the notation of mutations.orders; without it the rule is written as it
stands.
"""

from __future__ import annotations

from typing import Any

from adamcheck.mutations.evaluate import Arithmetic
from adamcheck.mutations.orders import Order, arithmetic, ordered, parse_order
from adamcheck.mutations.target import Optimizer, named
from adamcheck.program import Program, trace


class Honest(Optimizer):
    """A rule in one of its admissible orders."""

    _order = Order()

    def programmed(self, order: str = "") -> tuple[Program, Program]:
        """The rule in the order's forms, and as it stands."""
        rule = trace(self.spec)
        self._order = parse_order(order)
        return ordered(rule, self._order), rule

    def arithmetic(self, dtype: str) -> Arithmetic:
        """That of the order."""
        return arithmetic(self._program, self._order, dtype)


def __getattr__(name: str) -> Any:
    if name.startswith("_"):
        raise AttributeError(name)
    return named(name, Honest, ("order",))
