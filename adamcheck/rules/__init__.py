"""The update rules, each written once, in plain operators and free of any number type.

Every meaning of a rule (proof, oracle, envelope, kernel) runs these functions; nothing else in the
package spells a formula a second time.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, Final

from adamcheck.rules.accumulating import adagrad, adagrad_state, rmsprop, rmsprop_state
from adamcheck.rules.adam import adam, adam_state
from adamcheck.rules.descent import gd, gd_state, momentum, momentum_state
from adamcheck.rules.language import Functions, Ops, Rule, Step, Written, ema
from adamcheck.rules.relatives import (
    adamax,
    adamax_state,
    nadam,
    nadam_state,
    radam,
    radam_state,
)
from adamcheck.spec import Spec

RULES: Final[dict[str, Rule]] = {
    "adam": Rule(adam_state, adam, ("p1", "p2")),
    "gd": Rule(gd_state, gd, ()),
    "momentum": Rule(momentum_state, momentum, ("t",)),
    "adagrad": Rule(adagrad_state, adagrad, ("t",)),
    "rmsprop": Rule(rmsprop_state, rmsprop, ("t", "p2"), late=("velocity",)),
    "adamax": Rule(adamax_state, adamax, ("p1",)),
    "nadam": Rule(nadam_state, nadam, ("p1", "p2", "d", "q")),
    "radam": Rule(radam_state, radam, ("t", "p1", "p2")),
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


__all__ = ["RULES", "Functions", "Ops", "Rule", "Step", "ema", "initial_state", "step"]
