"""AdaBelief as an example of a rule that is added: its record, an honest target, and a defect."""

from __future__ import annotations

from typing import Any

import numpy as np

from adamcheck.rules.language import Ops, Rule, Step, descended, divisor, moved
from adamcheck.rules.words import BOTH_BETAS, EPS, SHARED
from adamcheck.spec import Spec


def adabelief_state(spec: Spec, h: Any, zero: Any, one: Any) -> dict[str, Any]:
    """m, v, and β1^t and β2^t of the step before."""
    return {"p1": one, "p2": one, "m": zero, "v": zero}


def adabelief(spec: Spec, ops: Ops, h: Any, s: Any, g: Any, theta: Any) -> Step:
    """v averages (g - m)², the surprise, in place of g²."""
    g = descended(spec, h, g, theta)
    p1, p2 = ops.decay(s.p1, h.beta1), ops.decay(s.p2, h.beta2)
    m = ops.ema(h.beta1, s.m, g)
    off = g - m
    v = ops.ema(h.beta2, s.v, off * off)
    m_hat, v_hat = m / (1 - p1), v / (1 - p2)
    denominator = divisor(spec, ops, h, v_hat, 1 - p2)
    update = h.lr * (m_hat / denominator)
    state = {"p1": p1, "p2": p2, "m": m, "v": v}
    named = {"update": update, "m_hat": m_hat, "v_hat": v_hat, "denominator": denominator}
    return Step(state, moved(spec, h, theta, update), named)


RULE = Rule(
    name="adabelief",
    title="AdaBelief, v an average of (g - m)² (Zhuang et al. 2020)",
    source="Zhuang et al. 2020, arXiv:2010.07468, without the ε inside v",
    initial=adabelief_state,
    step=adabelief,
    clocks=("p1", "p2"),
    reads=BOTH_BETAS,
    switches={"eps": {word: EPS[word] for word in ("outside", "inside")}, **SHARED},
    aliases={"adabelief": {}},
)


class AdaBelief:
    """An honest one, in the arrays' own dtype with float64 scalars."""

    def __init__(
        self,
        params: Any,
        *,
        lr: float = 1e-3,
        beta1: float = 0.9,
        beta2: float = 0.999,
        eps: float = 1e-8,
    ) -> None:
        for beta in (beta1, beta2):
            if not 0.0 <= beta < 1.0:
                raise ValueError(f"a beta of {beta} is outside [0, 1)")
        if not (lr >= 0.0 and eps >= 0.0):
            raise ValueError(f"lr={lr} or eps={eps} is negative")
        self.params, self.lr, self.eps = [p.copy() for p in params], lr, eps
        self.beta1, self.beta2, self.t = beta1, beta2, 0
        self.m = [np.zeros_like(p) for p in params]
        self.v = [np.zeros_like(p) for p in params]

    def step(self, grads: Any) -> Any:
        """One step; the parameters are returned anew."""
        self.t += 1
        for k, g in enumerate(grads):
            kind = g.dtype.type
            first, second = kind(self.beta1), kind(self.beta2)
            if g.shape != self.params[k].shape:
                raise ValueError(f"a gradient of shape {g.shape}")
            with np.errstate(all="ignore"):
                self.m[k] = first * self.m[k] + kind(1.0 - self.beta1) * g
                self.v[k] = second * self.v[k] + kind(1.0 - self.beta2) * self.surprise(k, g)
                m_hat = self.m[k] / kind(1.0 - self.beta1**self.t)
                root = np.sqrt(self.v[k] / kind(1.0 - self.beta2**self.t)) + kind(self.eps)
                self.params[k] = self.params[k] - kind(self.lr) * (m_hat / root)
        return [p.copy() for p in self.params]

    def surprise(self, k: int, g: Any) -> Any:
        """(g - m)² with the new m."""
        off = g - self.m[k]
        return off * off


class Uncentered(AdaBelief):
    """The defect: v averages g², so that this is Adam."""

    def surprise(self, k: int, g: Any) -> Any:
        """g², in place of (g - m)²."""
        return g * g
