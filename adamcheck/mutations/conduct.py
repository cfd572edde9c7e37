"""Optimizers whose arithmetic is right and whose conduct around it is not, by one drawn fault.

The target is named ``adamcheck.mutations.conduct:SPEC``, with the option ``fault``: a name and its
numbers, as ``adamcheck check 'adamcheck.mutations.conduct:adam' --option 'fault=lose name=v'``; and
``order``, an honest order of the rule. It has all that a class can offer: parameter groups and
rates that are assigned, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from adamcheck.mutations.faults import Fault, parse_fault
from adamcheck.mutations.honest import Honest
from adamcheck.mutations.target import Array, named
from adamcheck.program import Program


class Conduct(Honest):
    """A rule whose state or calls go wrong in one way; without a fault, in none.

    ``param_groups`` are dicts with ``params`` and the hyperparameters by their common names; they
    may be given in place of the parameters, and changed between steps.
    """

    _fault = Fault()

    def __init__(self, params: Sequence[Any], **given: Any) -> None:
        usual = {name: given[name] for name in self.spec.hyperparameters}
        parts = [p if isinstance(p, dict) else {"params": [p]} for p in params]
        if not any(isinstance(p, dict) for p in params):
            parts = [{"params": list(params)}]
        self._usual = usual
        self._groups = [{**usual, **part} for part in parts]
        self._group_of = [k for k, part in enumerate(parts) for _ in part["params"]]
        super().__init__([p for part in parts for p in part["params"]], **given)
        for i in range(len(self._slots)):
            self._follow(self._groups[self._group_of[i]])
            self._slots[i] = self._fresh(i)

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """The groups, to be read and changed."""
        return self._groups

    def programmed(self, order: str = "", fault: str = "") -> tuple[Program, Program]:
        """The rule in an honest order; the fault is kept."""
        self._fault = parse_fault(fault)
        return super().programmed(order)

    def step(self, grads: Sequence[Array | None]) -> list[Array]:
        """One step, with the fault in it."""
        return super().step(self._fault.called(self, grads))

    def _advance(self, i: int, g: Array) -> None:
        self._follow(self._fault.group(self, self._group_of[i], i))
        super()._advance(i, g)
        self._thetas[i] = self._fault.moved(self._thetas[i])

    def _follow(self, group: Mapping[str, Any]) -> None:
        self._adopt({name: group[name] for name in self.spec.hyperparameters})

    def state_dict(self) -> dict[str, Any]:
        """What is saved, with the fault in it."""
        state = super().state_dict()
        names = self.spec.hyperparameters
        state["groups"] = [{name: float(group[name]) for name in names} for group in self._groups]
        for index, slot in enumerate(state["slots"]):
            self._fault.saved(slot, index)
        return state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take it, with the fault in it."""
        super().load_state_dict(state)
        for group, saved in zip(self._groups, state["groups"], strict=True):
            group.update(self._fault.loaded(dict(group), saved))
        for i, slot in enumerate(self._slots):
            self._fault.resumed(slot, self._dtypes[i])
            if self._fault.recounts:
                self._follow(self._groups[self._group_of[i]])
                slot.clocks = self._clocks(self._fresh(i).clocks, slot.t)


def __getattr__(name: str) -> Any:
    if name.startswith("_"):
        raise AttributeError(name)
    return named(name, Conduct, ("fault", "order"))
