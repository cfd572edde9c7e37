"""The sequences at which theory attains its step bounds, judged by the envelope.

A step in the envelope of an extremal sequence is the bound itself, up to rounding and ε: nothing
else is asked. That the rules attain the bounds is tested, not judged (tests/oracle/test_motion.py).
"""

from __future__ import annotations

import numpy as np

from adamcheck.checks.draws import growing, slow
from adamcheck.checks.registry import SWALLOWED, check
from adamcheck.inputs.followed import rests
from adamcheck.inputs.lives import lengths
from adamcheck.properties import hold
from adamcheck.properties.context import Account, Array, Context, Skip
from adamcheck.theory import (
    adamax_extremal_gradients,
    extremal_gradients,
    nadam_extremal_gradients,
    step_bound_limit,
)


def _need_rest(context: Context) -> None:
    if not rests(context.spec, context.dyadic):
        raise Skip("without ε a step before any gradient is 0/0")


def _wide(context: Context) -> bool:
    return not (context.fmt.narrow or context.ranged.short_ranged)


def _attains(context: Context, account: Account, g: Array, hyper: dict[str, float]) -> None:
    """Judge the gradients ``g [T]``, whose last step is an extremal one, at several scales.

    In few digits an L2 decay is small: the bounds of λθ and of g add up in every average.
    """
    if context.fmt.narrow and context.spec.decay == "l2":
        hyper = context.altered(hyper, weight_decay=2.0**-9)
    scales = (1.0, -1.0, 2.0**10, -(2.0**10)) if _wide(context) else (1.0, -1.0, 4.0, -4.0)
    hold(context, account, context.trajectory(g[:, None] * np.array(scales), hyper=hyper))


def _small_eps(context: Context, **changes: float) -> dict[str, float]:
    """Dyadic hyperparameters with an ε that is lost beside the root, but not in the format."""
    eps = 2.0**-30 if _wide(context) else 2.0**-9
    return context.altered(context.dyadic, eps=eps, **changes)


@check(
    "ADAM-SB-1",
    title="The extremal sequence attains α·R_t",
    law="On g_{t-k} = (β1/β2)^k the step reaches α·R_t and lies in the envelope; clipped updates"
    " and the published (false) bound show here.",
    clause="|Δ_t| ≤ α·R_t",
    theorem="step-bound",
    algorithms=("adam",),
)
def attained(context: Context, account: Account) -> None:
    # at the usual β the published bound is first violated at t = 210
    for b1, b2, t in ((0.875, 0.96875, 40), (0.9, 0.999, 210)):
        if _wide(context) or b2 != 0.999:
            hyper = _small_eps(context, beta1=b1, beta2=b2)
            _attains(context, account, extremal_gradients(hyper["beta1"], hyper["beta2"], t), hyper)


@check(
    "ADAM-SB-2",
    title="A lone gradient after silence",
    law="A first gradient at a late step, and silence after it, move θ as the bound's lone-gradient"
    " case says.",
    clause="|Δ_t| ≤ α·R_t",
    theorem="rmsprop-bound",
    floor=SWALLOWED,
)
def lone(context: Context, account: Account) -> None:
    _need_rest(context)
    steps = 64
    hyper = context.dyadic
    grads = np.zeros((steps, 24))
    for k in range(24):
        grads[(5 * k) % 40, k] = (-1.0) ** k * 2.0 ** (k % 5 - 2)
    hold(context, account, context.trajectory(grads, hyper=hyper))
    # so long a silence that the step is far longer than usual β allow, up to √(1/(1-β2)) times α
    steps = context.affordable(context.profile.late_start, least=64)
    rng = context.rng("late lone")
    first = np.minimum(lengths(rng, steps - 1, 24), steps - 1)
    # a short momentum falls, and so does θ by L2 decay, until only the highest level can decide
    falling = "momentum" in context.dyadic or context.spec.decay == "l2"
    seen_again = np.ones(24) if falling else np.arange(24) % 2
    going_on = np.where(np.arange(steps)[:, None] % 2 == 0, 0.5, -0.5) * seen_again
    grads = np.where(np.arange(steps)[:, None] > first, going_on, 0.0)
    grads[first, np.arange(24)] = rng.choice((-1.0, 1.0), 24) * np.exp2(rng.uniform(-2.0, 2.0, 24))
    slowly = context.altered(slow(context, 2 * steps), beta1=0.0, momentum=0.0625)
    grads = growing(context, grads, slowly)
    hold(context, account, context.trajectory(grads, hyper=slowly))


@check(
    "ADAM-SB-3",
    title="AdaMax's extremal sequence attains its bound",
    law="On g_{t-k} = β2^-k AdaMax's step reaches α·(1-β1)/(1-β1^t)·Σ(β1/β2)^k, which is above the"
    " published bound of α.",
    clause="|Δ_t| ≤ α·C_t/(1-β1^t)",
    theorem="adamax-bound",
    algorithms=("adamax",),
)
def attained_adamax(context: Context, account: Account) -> None:
    # β2 = 7/8 and few steps: the first gradient is small, but no format loses it
    for b1, b2, t in ((0.75, 0.875, 16), (0.875, 0.9375, 40)):
        hyper = _small_eps(context, beta1=b1, beta2=b2)
        if context.spec.eps == "decayed":  # ε joins u at every step
            hyper = context.altered(hyper, eps=0.0)
        _attains(context, account, adamax_extremal_gradients(hyper["beta2"], t), hyper)


@check(
    "ADAM-SB-4",
    title="RMSProp's longest step is a lone gradient's",
    law="A lone gradient after silence moves RMSProp by α/√(1-β2), with bias correction by"
    " α·√((1-β2^t)/(1-β2)); no other gradients move it farther.",
    clause="|Δ_t| ≤ α/√(1-β2)",
    theorem="rmsprop-bound",
    algorithms=("rmsprop",),
)
def attained_rmsprop(context: Context, account: Account) -> None:
    _need_rest(context)
    slow = 0.999 if _wide(context) else 0.9375
    for b2, t in ((0.875, 1), (0.96875, 40), (slow, 90)):
        g = np.zeros(t)
        g[-1] = 1.0
        _attains(context, account, g, _small_eps(context, beta2=b2))


@check(
    "ADAM-SB-5",
    title="AdaGrad on rarely seen coordinates",
    law="However late a coordinate is first seen, AdaGrad moves it by α, and by α/√n when it is"
    " seen for the n-th time: it forgets nothing and coasts nowhere.",
    clause="|Δ_t| ≤ α",
    theorem="adagrad-bound",
    algorithms=("adagrad",),
)
def seldom_adagrad(context: Context, account: Account) -> None:
    steps = 61
    grads = np.zeros((steps, 12))
    periods = np.array([1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30, 60])
    for column, period in enumerate(periods):
        grads[::period, column] = (-1.0) ** column * 2.0 ** (column % 3)
    hold(context, account, context.trajectory(grads, hyper=_small_eps(context)))
    rest = np.zeros((40, 3))
    rest[-1] = 1.0, -1.0, 0.25  # the longest step there is
    hold(context, account, context.trajectory(rest, hyper=_small_eps(context)))


@check(
    "ADAM-SB-6",
    title="NAdam's extremal sequence attains its bound",
    law="On the gradients that theory names NAdam's step reaches its bound, 8.4·α at the usual β.",
    clause="|Δ_t| ≤ α·N_t",
    theorem="nadam-bound",
    algorithms=("nadam",),
)
def attained_nadam(context: Context, account: Account) -> None:
    for b1, b2, t in ((0.875, 0.96875, 40), (0.9, 0.999, 210)):
        if _wide(context) or b2 != 0.999:
            hyper = _small_eps(context, beta1=b1, beta2=b2)
            _attains(
                context, account, nadam_extremal_gradients(hyper["beta1"], hyper["beta2"], t), hyper
            )


@check(
    "ADAM-SB-7",
    title="Decoupled decay wins far out",
    law="Beyond R_∞/λ no gradients carry a parameter away: |θ| falls at every step, and in the"
    " end |θ| ≤ R_∞/λ.",
    clause="θ - α·λ·θ",
    theorem="adamw-bound",
    algorithms=("adam",),
)
def decay_pulls_back(context: Context, account: Account) -> None:
    if context.spec.decay != "decoupled":
        raise Skip(f"stated for decoupled decay, not for {context.spec}")
    b1, b2 = 0.75, 0.875
    hyper = _small_eps(context, beta1=b1, beta2=b2, lr=0.125, weight_decay=2.0)
    radius = 2.0 * step_bound_limit(hyper["beta1"], hyper["beta2"]) / hyper["weight_decay"]
    theta0 = np.array([1.0, -1.0, 4.0, -4.0, 32.0, -32.0]) * 2.0 * radius
    outward = np.tile(-np.sign(theta0), (24, 1))
    hold(context, account, context.trajectory(outward, theta0, hyper=hyper))
