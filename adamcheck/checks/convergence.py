"""Convergence: closed loops on problems of known geometry, each step judged in lock-step.

The gradients are the problem's at the target's own parameter: long runs that slow down, turn and
settle, which no sequence given beforehand does. A run that lies in the envelope at every step obeys
the theorems named here; that they follow is tested (tests/oracle/test_motion.py), not asked again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from adamcheck.checks.draws import usual
from adamcheck.checks.registry import check
from adamcheck.problems import build
from adamcheck.properties.context import Account, Context, Skip
from adamcheck.properties.loops import close
from adamcheck.targets.protocol import Trajectory
from adamcheck.theory import cyclic_beta2

LOOP = ("stepwise",)
PACED = ("stepwise", "moments", "load_moments")


def _wide(context: Context) -> None:
    if context.fmt.narrow:
        raise Skip(
            f"closed loops in {context.fmt.name} stall at the format's resolution, where θ no"
            " longer moves; the open-loop checks judge this format"
        )
    if context.ranged.short_ranged:
        raise Skip(
            "as a closed loop settles its g² leave the range of the format that moments are kept in"
        )


def _hyper(context: Context, base: Mapping[str, float], **changes: float) -> dict[str, float]:
    """Hyperparameters as the spec reads them; a velocity's μ is Adam's β1."""
    asked = {**base, **changes}
    asked.setdefault("momentum", asked.get("beta1", 0.875))
    return context.completed(asked)


def _steps(context: Context, quick: int) -> int:
    """Steps of a closed loop in the profile, as far as so many are allowed."""
    asked = quick * {"quick": 1, "ci": 2}.get(context.profile.name, 4)
    return context.affordable(asked, least=min(32, quick))


def _on(
    context: Context, problem: Mapping[str, Any], steps: int, hyper: Mapping[str, float], **how: Any
) -> Trajectory:
    """A closed loop from the problem's own start."""
    named = dict(problem)
    if context.spec.maximize == "yes":
        named["maximize"] = True
    found = build(named)
    if found.size < context.declared.least_size:
        raise Skip(f"the problem has fewer than {context.declared.least_size} variables")
    grads = how.pop("grads", None)
    if grads is None:
        grads = np.zeros((steps, found.size))
    start = how.pop("theta0", found.start)
    return context.trajectory(grads, start, hyper=hyper, problem=named, **how)


@check(
    "ADAM-CV-1",
    title="Quadratics at constant α, beyond t = 1000",
    law="On separable quadratics of condition 10⁴ every step lies in the envelope, on the way and"
    " after each variable has crossed its optimum; by theorem it then stays within"
    " α·√K_∞/(1-β1/√β2): near the optimum, never asked to be at it.",
    clause="whole update, t > 1000",
    theorem="settled-neighbourhood",
    needs=LOOP,
)
def constant_rate(context: Context, account: Account) -> None:
    _wide(context)
    problem = {"problem": "quadratic", "size": 12, "condition": 1e4}
    for base, lr, steps in ((context.ordinary, 2.0**-9, 1200), (context.dyadic, 2.0**-6, 256)):
        close(
            context,
            account,
            _on(context, problem, _steps(context, steps), _hyper(context, base, lr=lr)),
        )


@check(
    "ADAM-CV-3",
    title="α falling as 1/√t",
    law="With α_t from α/√t to √2·α/√t every step lies in the envelope, near an optimum that moves"
    " and on minibatches. A new instance is built for every new α and the moments are loaded into"
    " it; by theorem the neighbourhood in which a variable settles shrinks with α_t.",
    clause="α_t",
    theorem="settled-neighbourhood",
    needs=PACED,
)
def square_root_rate(context: Context, account: Account) -> None:
    _wide(context)
    for rate in (0.25, 0.25 / math.sqrt(_steps(context, 240))):
        context.need(lr=rate)
    steps = _steps(context, 240)
    # in stairs, one for every doubling of t: some targets compile anew for every α
    pace = 0.25 / np.sqrt(2.0 ** np.floor(np.log2(np.arange(1.0, steps + 1.0))))
    # neither has an optimum that stands still: at one θ settles where it can move no more, and in
    # some orders of evaluation soon, so that the rest of the run asks nothing
    for problem in ({"problem": "drifting"}, {"problem": "logistic", "batch": 10}):
        close(
            context,
            account,
            _on(context, problem, steps, _hyper(context, context.dyadic), lrs=pace),
        )


@check(
    "ADAM-CV-7",
    title="Logistic regression, all rows and minibatches",
    law="On L2-regularised logistic regression, whose Hessian mixes the weights, every step lies in"
    " the envelope: on all rows at β1 = 0 and at the usual β, and on ten rows a step, around and"
    " around.",
    clause="whole update",
    theorem="convexity",
    needs=LOOP,
)
def logistic(context: Context, account: Account) -> None:
    _wide(context)
    start = np.array([0.75, -0.5, 0.25, -0.25, 0.5])
    steps = _steps(context, 150)
    if context.coarsest.narrow:  # then what is left to go is within the averages' own roundings
        steps = min(steps, 75)
    for base, changes, batch in (
        (context.dyadic, {"beta1": 0.0}, {}),
        (context.ordinary, {}, {}),
        (context.ordinary, {}, {"batch": 10}),
    ):
        problem = {"problem": "logistic", "l2": 0.25, **batch}
        hyper = _hyper(context, base, lr=2.0**-6, **changes)
        close(context, account, _on(context, problem, steps, hyper, theta0=start))


@check(
    "ADAM-CV-11",
    title="Rosenbrock's valley",
    law="On a curved valley, where nothing is promised of convergence, every step lies in the"
    " envelope.",
    clause="whole update",
    theorem="settled-neighbourhood",
    needs=LOOP,
)
def valley(context: Context, account: Account) -> None:
    _wide(context)
    lr = 2.0**-13 if context.spec.algorithm in ("gd", "momentum") else 2.0**-7
    hyper = _hyper(context, usual(context), lr=lr)
    close(context, account, _on(context, {"problem": "rosenbrock"}, _steps(context, 400), hyper))


@check(
    "ADAM-CV-14",
    title="The cyclic example: Adam must fail on it",
    law="On f_t = 3x, -x, -x with β1 = 0 every step lies in the envelope: at β2 = 1/10, where by"
    " theorem Adam is back at the worst point of [-1, 1] after every cycle and AMSGrad is not, and"
    " at β2 = 0.999.",
    clause="v_t",
    theorem="non-convergence",
    needs=LOOP,
    algorithms=("adam",),
)
def cyclic(context: Context, account: Account) -> None:
    _wide(context)
    c = 3.0
    problem = {"problem": "cyclic", "c": c}
    base = {"lr": 2.0**-3, "beta1": 0.0, "eps": 2.0**-30}
    steps = _steps(context, 300) // 3 * 3
    for beta2, share in ((cyclic_beta2(c), 1), (0.999, 2)):
        count = steps // share // 3 * 3
        close(context, account, _on(context, problem, count, _hyper(context, base, beta2=beta2)))
