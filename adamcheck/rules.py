"""The update rules, each written once, in plain operators and free of any number type.

SymPy symbols, mpmath numbers, balls, value-with-error pairs, arrays and the tracer all run these
functions, so what is proved is what judges. ``ops`` supplies ``sqrt`` and ``maximum``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Final, Protocol

from adamcheck.spec import Spec


class Ops(Protocol):
    """The two functions that Python has no operator for, for one number type."""

    def sqrt(self, x: Any, /) -> Any: ...

    def maximum(self, x: Any, y: Any, /) -> Any: ...


@dataclass(frozen=True)
class Step:
    """What one step yields: the state after it, the parameter after it, and named intermediates.

    ``named`` holds ``update`` (Δ_t, what the step subtracts apart from decoupled decay), ``m_hat``
    and ``denominator``, for reports.
    """

    state: dict[str, Any]
    theta: Any
    named: dict[str, Any]


def ema(beta: Any, old: Any, new: Any) -> Any:
    """One exponential moving average; every other writing of it is an evaluation order of this."""
    return beta * old + (1 - beta) * new


def adam_state(spec: Spec, h: Any, zero: Any, one: Any) -> dict[str, Any]:
    """The state before the first step; p1 and p2 stand for β1^t and β2^t of the step before."""
    before = {"0": lambda beta: one / beta, "1": lambda beta: one, "2": lambda beta: one * beta}
    power = before[spec.first_t]
    state = {"p1": power(h.beta1), "p2": power(h.beta2), "m": zero, "v": zero}
    return state | ({"v_max": zero} if spec.amsgrad != "none" else {})


def adam(spec: Spec, ops: Ops, h: Any, s: Any, g: Any, theta: Any) -> Step:
    """One step of Adam (Kingma & Ba 2015, Algorithm 1) in any of its dialects.

    ``h`` holds the hyperparameters, ``s`` the state of adam_state; both by attribute.
    """
    if spec.maximize == "yes":
        g = -g
    if spec.decay == "l2":
        g = g + h.weight_decay * theta
    p1, p2 = s.p1 * h.beta1, s.p2 * h.beta2
    m = ema(h.beta1, s.m, g)
    v = ema(h.beta2, s.v, g * g)
    state = {"p1": p1, "p2": p2, "m": m, "v": v}

    m_hat = m / (1 - p1) if spec.bias_correction in ("both", "m") else m
    corrects_v = spec.bias_correction in ("both", "v")
    second = v
    if spec.amsgrad == "v":
        second = state["v_max"] = ops.maximum(s.v_max, v)
    v_hat = second / (1 - p2) if corrects_v else second
    if spec.amsgrad == "vhat":
        v_hat = state["v_max"] = ops.maximum(s.v_max, v_hat)

    if spec.eps == "inside":
        denominator = ops.sqrt(v_hat + h.eps)
    elif spec.eps == "both":
        denominator = ops.sqrt(v_hat + h.eps_root) + h.eps
    elif spec.eps == "max":
        denominator = ops.maximum(ops.sqrt(v_hat), h.eps)
    elif spec.eps == "hat" and corrects_v:
        denominator = ops.sqrt(v_hat) + h.eps / ops.sqrt(1 - p2)
    else:
        denominator = ops.sqrt(v_hat) + h.eps
    update = h.lr * (m_hat / denominator)

    if spec.decay == "decoupled":
        theta = theta * (1 - h.lr * h.weight_decay)
    elif spec.decay == "decoupled-unscaled":
        theta = theta * (1 - h.weight_decay)
    theta = theta - update
    if spec.decay == "decoupled-after":
        theta = theta * (1 - h.lr * h.weight_decay)
    return Step(state, theta, {"update": update, "m_hat": m_hat, "denominator": denominator})


@dataclass(frozen=True)
class Rule:
    """A rule: its initial state, its step, and which state names are one number for all elements."""

    initial: Callable[[Spec, Any, Any, Any], dict[str, Any]]
    step: Callable[[Spec, Ops, Any, Any, Any, Any], Step]
    clocks: tuple[str, ...]


RULES: Final[dict[str, Rule]] = {"adam": Rule(adam_state, adam, ("p1", "p2"))}


def initial_state(spec: Spec, hyper: Mapping[str, Any], zero: Any, one: Any) -> dict[str, Any]:
    """The state that ``spec`` starts from, over whichever number type ``zero`` and ``one`` are."""
    return RULES[spec.algorithm].initial(spec, SimpleNamespace(**hyper), zero, one)


def step(
    spec: Spec, ops: Ops, hyper: Mapping[str, Any], state: Mapping[str, Any], g: Any, theta: Any
) -> Step:
    """One step of ``spec`` over any number type; mappings instead of namespaces."""
    rule = RULES[spec.algorithm]
    return rule.step(spec, ops, SimpleNamespace(**hyper), SimpleNamespace(**state), g, theta)
