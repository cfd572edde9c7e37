"""Convergence: closed loops on problems of known geometry, judged in lock-step and by theorems.

Never by "the loss fell": what theory does not promise is not asked for, and where a closed loop has
no enclosure any more its later steps are counted as undecided.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from adamcheck.checks import motion as _laws  # noqa: F401 - registers the laws of motion
from adamcheck.checks.dynamics import follows_adam, linear, optimal_momentum
from adamcheck.checks.lab import Account, Lab, Skip
from adamcheck.checks.loops import close
from adamcheck.checks.registry import check
from adamcheck.problems import build
from adamcheck.spec import Spec
from adamcheck.targets.protocol import Trajectory
from adamcheck.theory import cyclic_beta2, stable_curvature, two_cycle

LOOP = ("stepwise",)
PACED = ("stepwise", "moments", "load_moments")


def _wide(lab: Lab) -> None:
    if lab.fmt.narrow:
        raise Skip(
            f"closed loops in {lab.fmt.name} stall at the format's resolution before a theorem"
            " speaks; the open-loop checks judge this format"
        )


def _adam_only(lab: Lab) -> None:
    if not follows_adam(lab.spec):
        raise Skip(f"stated for Adam counted from t = 1 without weight decay, not for {lab.spec}")


def _hyper(lab: Lab, base: Mapping[str, float], **changes: float) -> dict[str, float]:
    """Hyperparameters as the spec reads them; a velocity's μ is Adam's β1."""
    asked = {**base, **changes}
    asked.setdefault("momentum", asked.get("beta1", 0.875))
    return lab.completed(asked)


def _adaptive(spec: Spec) -> bool:
    return spec.algorithm not in ("gd", "momentum")


def _steps(lab: Lab, quick: int) -> int:
    """Steps of a closed loop in the profile, as far as the target's pace allows."""
    asked = quick * {"quick": 1, "ci": 2}.get(lab.profile.name, 4)
    return lab.affordable(asked, least=min(32, quick), share=0.05)


def _on(
    lab: Lab, problem: Mapping[str, Any], steps: int, hyper: Mapping[str, float], **how: Any
) -> Trajectory:
    """A closed loop from the problem's own start."""
    named = dict(problem)
    if lab.spec.maximize == "yes":
        named["maximize"] = True
    found = build(named)
    grads = how.pop("grads", None)
    if grads is None:
        grads = np.zeros((steps, found.size))
    start = how.pop("theta0", found.start)
    return lab.trajectory(grads, start, hyper=hyper, problem=named, **how)


@check(
    "ADAM-CV-1",
    title="Quadratics at constant α, beyond t = 1000",
    law="On separable quadratics of condition 10⁴ every step lies in the envelope; each variable"
    " comes nearer by at least α·|g|/(max|g|+ε) a step until it crosses its optimum, and then stays"
    " within α·√K_∞/(1-β1/√β2): near the optimum, never asked to be at it.",
    clause="whole update, t > 1000",
    theorem="settled-neighbourhood",
    needs=LOOP,
)
def constant_rate(lab: Lab, account: Account) -> None:
    _wide(lab)
    problem = {"problem": "quadratic", "size": 12, "condition": 1e4}
    for base, lr, steps in ((lab.ordinary, 2.0**-9, 1200), (lab.dyadic, 2.0**-6, 256)):
        trajectory = _on(lab, problem, _steps(lab, steps), _hyper(lab, base, lr=lr))
        close(lab, account, trajectory, "settles", "carried")


@check(
    "ADAM-CV-2",
    title="A quadratic with mixed axes",
    law="Where the Hessian mixes the variables, every step lies in the envelope, the path in the"
    " enclosure of all admissible paths while there is one, and momentum carries no variable"
    " against its gradient by more than α·√K_∞·ρ/(1-ρ), ρ = β1/√β2.",
    clause="whole update",
    theorem="settled-neighbourhood",
    needs=LOOP,
)
def mixed_axes(lab: Lab, account: Account) -> None:
    _wide(lab)
    for condition in (10.0, 1000.0):
        problem = {"problem": "rotated", "size": 6, "condition": condition}
        trajectory = _on(lab, problem, _steps(lab, 200), _hyper(lab, lab.dyadic, lr=2.0**-6))
        close(lab, account, trajectory, "carried", "enclosed", enclosed=64)


@check(
    "ADAM-CV-3",
    title="α falling as 1/√t",
    law="With α_t from α/√t to √2·α/√t the neighbourhood in which a variable settles shrinks with"
    " α_t: after crossing its optimum at step s it stays within α_s·√K_∞/(1-β1/√β2) until it"
    " crosses again. A new instance is built for every new α and the moments are loaded into it.",
    clause="α_t",
    theorem="settled-neighbourhood",
    needs=PACED,
)
def square_root_rate(lab: Lab, account: Account) -> None:
    _wide(lab)
    steps = _steps(lab, 240)
    # in stairs, one for every doubling of t: some targets compile anew for every α
    pace = 0.25 / np.sqrt(2.0 ** np.floor(np.log2(np.arange(1.0, steps + 1.0))))
    for problem, laws in (
        ({"problem": "quadratic", "size": 6, "condition": 16.0}, ("settles", "carried")),
        ({"problem": "logistic"}, ("carried",)),
    ):
        trajectory = _on(lab, problem, steps, _hyper(lab, lab.dyadic), lrs=pace)
        close(lab, account, trajectory, *laws)


@check(
    "ADAM-CV-4",
    title="The two-cycle, from its own state",
    law="At β1 = 0 a state with θ = c = α/2 - ε/λ and v = (λc)² returns with the other sign at"
    " every step: Adam at constant α does not converge to the optimum.",
    clause="whole update on λθ²/2",
    theorem="stability-two-cycle",
    needs=("stepwise", "load_moments"),
)
def cycle_of_two(lab: Lab, account: Account) -> None:
    _wide(lab)
    _adam_only(lab)
    if lab.spec.eps not in ("outside", "hat"):
        raise Skip(f"the amplitude is stated for ε outside the root, not for {lab.spec}")
    curvatures = np.array([1.0, 4.0, 0.25])
    hyper = _hyper(lab, {"lr": 2.0**-3, "beta1": 0.0, "beta2": 0.5, "eps": 2.0**-10})
    c = two_cycle(0.0, lr=hyper["lr"], eps=hyper["eps"], curvature=curvatures)
    slope = curvatures * c
    # after 64 steps at β2 = 1/2 the corrections are 1 in every format: all of it is exact
    state: dict[str, Any] = {"m": lab.cast(-slope), "v": lab.cast(slope**2), "t": 64}
    if lab.spec.amsgrad != "none":
        state["v_max"] = state["v"]
    problem = {"problem": "quadratic", "curvatures": curvatures.tolist()}
    trajectory = _on(lab, problem, 24, hyper, theta0=c, preload=(state,))
    close(lab, account, trajectory, "two-cycle", "enclosed", enclosed=24)


@check(
    "ADAM-CV-5",
    title="Momentum's dynamics and the stability limit",
    law="With ε far above every gradient Adam is momentum with the fixed preconditioner P = ε: it"
    " follows that recursion, shrinks where αλ/P < 2(1+β1)/(1-β1) and grows beyond.",
    clause="m_t, α/ε",
    theorem="stability-two-cycle",
    needs=LOOP,
)
def stability_limit(lab: Lab, account: Account) -> None:
    _wide(lab)
    _adam_only(lab)
    steps = 32
    hyper = _hyper(lab, lab.dyadic, lr=2.0**-3, eps=1.0)
    if linear(lab.spec, hyper, steps) is None:
        raise Skip(f"momentum at large ε is stated for a plain v and ε outside, not for {lab.spec}")
    limit = float(stable_curvature(hyper["beta1"]))
    shares = (2.0**-6, 0.25, 0.875, 1.125)
    curvatures = [share * limit * hyper["eps"] / hyper["lr"] for share in shares]
    problem = {"problem": "quadratic", "curvatures": curvatures, "start": 2.0**-56}
    close(
        lab, account, _on(lab, problem, steps, hyper), "linear", "carried",
        curvatures=curvatures, expected=["", "stable", "stable", "unstable"],
    )  # fmt: skip


@check(
    "ADAM-CV-6",
    title="Momentum's rate on quadratics",
    law="Gradient descent and momentum follow their linear recursion on every mode and shrink it at"
    " the rate of its roots; at heavy ball's best α and μ that is (√κ-1)/(√κ+1) on all of them.",
    clause="velocity",
    theorem="momentum-quadratic",
    needs=LOOP,
)
def linear_rate(lab: Lab, account: Account) -> None:
    _wide(lab)
    if _adaptive(lab.spec):
        raise Skip(f"stated for gradient descent and momentum, not for {lab.spec}")
    steps = _steps(lab, 96)
    curvatures = [1.0, 0.25, 1.0 / 16.0]
    lr, mu = optimal_momentum(min(curvatures), max(curvatures))
    choices = [{"lr": lr, "momentum": mu}, {"lr": 0.5, "momentum": 0.75}]
    for choice in choices:
        hyper = lab.completed({**choice, "dampening": 0.0, "weight_decay": 0.0})
        if linear(lab.spec, hyper, steps) is None:
            raise Skip(f"the linear recursion is stated without decay, not for {lab.spec}")
        problem = {"problem": "quadratic", "curvatures": curvatures}
        trajectory = _on(lab, problem, steps, hyper)
        close(lab, account, trajectory, "linear", "rate", curvatures=curvatures)


@check(
    "ADAM-CV-7",
    title="Logistic regression, all rows",
    law="On L2-regularised logistic regression every step lies in the envelope; at β1 = 0 the"
    " distance to the optimum stays below what strong convexity proves from the recorded steps.",
    clause="whole update",
    theorem="convexity",
    needs=LOOP,
)
def logistic_whole(lab: Lab, account: Account) -> None:
    _wide(lab)
    problem = {"problem": "logistic", "l2": 0.25}
    start = np.array([0.75, -0.5, 0.25, -0.25, 0.5])
    steps = _steps(lab, 300)
    plain = _hyper(lab, lab.dyadic, lr=2.0**-6, beta1=0.0)
    close(lab, account, _on(lab, problem, steps, plain, theta0=start), "descends", "carried")
    usual = _hyper(lab, lab.ordinary, lr=2.0**-6)
    trajectory = _on(lab, problem, steps, usual, theta0=start)
    close(lab, account, trajectory, "carried", "enclosed", enclosed=24)


@check(
    "ADAM-CV-8",
    title="Logistic regression, minibatches in a fixed order",
    law="With ten rows a step, around and around, every step lies in the envelope and momentum"
    " carries no weight against its gradient by more than theory allows.",
    clause="whole update",
    theorem="settled-neighbourhood",
    needs=LOOP,
)
def logistic_batches(lab: Lab, account: Account) -> None:
    _wide(lab)
    problem = {"problem": "logistic", "batch": 10}
    trajectory = _on(lab, problem, _steps(lab, 300), _hyper(lab, lab.ordinary, lr=2.0**-6))
    close(lab, account, trajectory, "carried", "enclosed", enclosed=24)


@check(
    "ADAM-CV-9",
    title="A drifting optimum",
    law="While the optimum moves to and fro, every step lies in the envelope and momentum carries"
    " no variable against its gradient by more than theory allows, at each turn anew.",
    clause="whole update",
    theorem="settled-neighbourhood",
    needs=LOOP,
)
def drifting_optimum(lab: Lab, account: Account) -> None:
    _wide(lab)
    problem = {"problem": "drifting", "period": 96}
    trajectory = _on(lab, problem, _steps(lab, 400), _hyper(lab, lab.dyadic, lr=2.0**-8))
    close(lab, account, trajectory, "carried", "enclosed", enclosed=48)


@check(
    "ADAM-CV-10",
    title="Rarely seen variables",
    law="Variables whose gradient is zero at most steps keep forgetting and coasting as the rule"
    " says, and coast no farther than theory allows.",
    clause="m_t, v_t at g = 0",
    theorem="forgetting",
    needs=LOOP,
)
def rare_variables(lab: Lab, account: Account) -> None:
    _wide(lab)
    problem = {"problem": "sparse", "size": 8, "rarest": 64}
    trajectory = _on(lab, problem, _steps(lab, 320), _hyper(lab, lab.dyadic, lr=2.0**-7))
    close(lab, account, trajectory, "carried", "enclosed", enclosed=48)


@check(
    "ADAM-CV-11",
    title="Rosenbrock's valley",
    law="On a curved valley, where nothing is promised of convergence, every step lies in the"
    " envelope and no variable is carried against its gradient farther than theory allows.",
    clause="whole update",
    theorem="settled-neighbourhood",
    needs=LOOP,
)
def valley(lab: Lab, account: Account) -> None:
    _wide(lab)
    lr = 2.0**-7 if _adaptive(lab.spec) else 2.0**-13
    trajectory = _on(
        lab, {"problem": "rosenbrock"}, _steps(lab, 400), _hyper(lab, lab.ordinary, lr=lr)
    )
    close(lab, account, trajectory, "carried", "enclosed", enclosed=32)


@check(
    "ADAM-CV-12",
    title="Annealing under noise",
    law="Near an optimum, under noise of mean zero, |Δ|/α falls to (1-β1)/(1+β1) and the like: at"
    " most what noise leaves of m̂/√v̂, plus what the small gradient adds.",
    clause="m̂/√v̂",
    theorem="signal-to-noise",
    needs=LOOP,
)
def annealing(lab: Lab, account: Account) -> None:
    _wide(lab)
    steps = _steps(lab, 192)
    # equal noise up and down: alternating, in pairs, and with one large value among small ones
    patterns = ([1.0, -1.0], [1.0, -1.0, -1.0, 1.0], [3.0, -1.0, -1.0, -1.0])
    noise = np.stack([np.resize(pattern, steps) for pattern in patterns], axis=1)
    problem = {"problem": "quadratic", "curvatures": [2.0**-4] * 3, "start": 0.0}
    hyper = _hyper(lab, lab.dyadic, lr=2.0**-8)
    close(lab, account, _on(lab, problem, steps, hyper, grads=noise), "annealed", "carried")


@check(
    "ADAM-CV-13",
    title="What bias correction does",
    law="At β2 near 1 the first steps under a constant gradient have the size that the spec's"
    " corrections give; without them they are (1-β1^t)/√(1-β2^t) times as large, up to 19 here.",
    clause="m/(1-β1^t), v/(1-β2^t)",
    theorem="constant-gradient",
    needs=LOOP,
)
def with_and_without(lab: Lab, account: Account) -> None:
    _wide(lab)
    _adam_only(lab)
    problem = {"problem": "slope", "gradients": [1.0, -0.25, 3.0]}
    hyper = _hyper(lab, lab.dyadic, beta2=1.0 - 2.0**-13)
    close(lab, account, _on(lab, problem, _steps(lab, 40), hyper), "corrected")


@check(
    "ADAM-CV-14",
    title="The cyclic example: Adam must fail on it",
    law="On f_t = 3x, -x, -x over [-1, 1] with β1 = 0 and β2 = 1/10 Adam is back at the worst point"
    " after every cycle, with average regret (2C-4)/3 and a little more; AMSGrad, or β2 = 0.999,"
    " moves to the optimum.",
    clause="v_t",
    theorem="non-convergence",
    needs=LOOP,
)
def cyclic(lab: Lab, account: Account) -> None:
    _wide(lab)
    _adam_only(lab)
    c = 3.0
    problem = {"problem": "cyclic", "c": c}
    base = {"lr": 2.0**-3, "beta1": 0.0, "eps": 2.0**-30}
    short = _hyper(lab, base, beta2=cyclic_beta2(c))
    faithful = lab.spec.amsgrad == "none"
    moves = {"moves": "wrong"} if faithful else {"moves": "right", "tail": True, "from": 2}
    steps = _steps(lab, 300) // 3 * 3
    trajectory = _on(lab, problem, steps, short)
    close(lab, account, trajectory, "cyclic regret", c=c, **moves)
    long = _on(lab, problem, steps // 2 // 3 * 3, _hyper(lab, base, beta2=0.999))
    how = {"moves": "right", "from": 1}
    close(lab, account, long, "cyclic regret", c=c, **how)
