"""The tight step bound: never exceeded, and attained by the one sequence that theory names."""

from __future__ import annotations

import numpy as np

from adamcheck.checks.lab import Account, Lab, Skip
from adamcheck.checks.properties import hold
from adamcheck.checks.registry import check
from adamcheck.theory import extremal_gradients


def _plain(lab: Lab) -> None:
    s = lab.spec
    if s.algorithm != "adam":
        raise Skip(f"the bound R_t is Adam's; the claim is {s}")
    if s.bias_correction != "both" or s.eps not in ("outside", "hat", "max") or s.decay != "none":
        raise Skip(f"the bound R_t is stated for both corrections and ε outside, not for {s}")


@check(
    "ADAM-SB-1",
    title="The extremal sequence attains α·R_t",
    law="On g_{t-k} = (β1/β2)^k the step reaches α·R_t and lies in the envelope; clipped updates"
    " and the published (false) bound show here.",
    clause="|Δ_t| ≤ α·R_t",
    theorem="step-bound",
)
def attained(lab: Lab, account: Account) -> None:
    _plain(lab)
    wide = lab.fmt.name in ("float64", "float32")
    if lab.spec.amsgrad != "none":
        raise Skip("AMSGrad's denominator never falls; its bound is another theorem")
    for b1, b2, t in ((0.875, 0.96875, 40), (0.9, 0.999, 210)):
        if not wide and b2 == 0.999:
            continue
        eps = 2.0**-30 if wide else 2.0**-9
        hyper = lab.altered(lab.dyadic, beta1=b1, beta2=b2, eps=eps)
        g = np.asarray(extremal_gradients(b1, b2, t))
        g = g / np.abs(g).max()
        if wide:
            grads = g[:, None] * np.array([1.0, -1.0, 2.0**10, -(2.0**10)])
        else:
            grads = g[:, None] * np.array([1.0, -1.0, 4.0, -4.0])
        reaches = 0.98 if wide else 0.75
        hold(lab, account, lab.trajectory(grads, hyper=hyper), "step bound", reaches=reaches)


@check(
    "ADAM-SB-2",
    title="A lone gradient after silence",
    law="A first gradient at a late step, and silence after it, move θ as the bound's lone-gradient"
    " case says.",
    clause="|Δ_t| ≤ α·R_t",
    theorem="rmsprop-bound",
)
def lone(lab: Lab, account: Account) -> None:
    steps = 64
    hyper = lab.dyadic
    grads = np.zeros((steps, 24))
    for k in range(24):
        grads[(5 * k) % 40, k] = (-1.0) ** k * 2.0 ** (k % 5 - 2)
    hold(lab, account, lab.trajectory(grads, hyper=hyper))
    # so long a silence that the step is far longer than usual β allow: 15·α
    steps = lab.affordable(400)
    slowest = 1.0 - 2.0 ** -min(lab.fmt.precision - 1, 10)
    slow = lab.altered(lab.dyadic, beta1=0.125, beta2=slowest, momentum=0.125)
    grads = np.zeros((steps, 2))
    grads[-1] = 1.0, -0.5
    hold(lab, account, lab.trajectory(grads, hyper=slow))
