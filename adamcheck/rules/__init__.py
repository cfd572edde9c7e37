"""The update rules, each written once, in plain operators and free of any number type.

Every meaning of a rule (proof, oracle, envelope, kernel) runs these functions; nothing else in the
package spells a formula a second time.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

from adamcheck.rules import adagrad, adam, adamax, gd, momentum, nadam, radam, rmsprop
from adamcheck.rules.language import Functions, Ops, Rule, Special, Step, Written, ema

if TYPE_CHECKING:
    from adamcheck.spec import Spec

RULES: Final[dict[str, Rule]] = {
    module.RULE.name: module.RULE
    for module in (adam, gd, momentum, adagrad, rmsprop, adamax, nadam, radam)
}
"""Every rule by its algorithm; a clock that a dialect has no use for is not in its state."""


def initial_state(spec: Spec, hyper: Mapping[str, Any], zero: Any, one: Any) -> dict[str, Any]:
    """The state that ``spec`` starts from, over whichever number type ``zero`` and ``one`` are."""
    return RULES[spec.algorithm].initial(spec, SimpleNamespace(**hyper), zero, one)


def step(
    spec: Spec,
    ops: Functions,
    hyper: Mapping[str, Any],
    state: Mapping[str, Any],
    g: Any,
    theta: Any,
) -> Step:
    """One step of ``spec`` over any number type; mappings instead of namespaces.

    A number type without averages of its own has them written out.
    """
    rule = RULES[spec.algorithm]
    whole: Any = ops if hasattr(ops, "ema") else Written(ops)
    return rule.step(spec, whole, SimpleNamespace(**hyper), SimpleNamespace(**state), g, theta)


__all__ = [
    "RULES",
    "Functions",
    "Ops",
    "Rule",
    "Special",
    "Step",
    "Written",
    "ema",
    "initial_state",
    "step",
]
