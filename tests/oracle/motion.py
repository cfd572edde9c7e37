"""Laws of motion: what theorems say of a whole path, decided from its recorded steps.

Each law takes a Loop whose steps all lie in the envelope. What rounding may add is the sum of the
steps' own bounds, so none of these laws needs an enclosure of the closed loop, except ``enclosed``,
which says how far there is one. The gate does not ask them: they follow from the envelope, and here
the rules and the oracle are held to them. The factors 1 ± 2^-40 … 2^-16 pay for the laws' own
float64 arithmetic, hundreds to thousands of operations at 2^-53 each.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from adamcheck import rules
from adamcheck.oracle.paths import Course

from .dynamics import (
    carry,
    corrections,
    floor_of_denominator,
    follows_adam,
    lift,
    linear,
    predicted,
)
from .loop import NUMPY, Break, Float64, Loop, law, tube

GRAIN = 2.0**-16


@law("carried")
def carried(loop: Loop) -> Break | None:
    """While its gradient keeps its sign, momentum carries a variable against it by at most α·carry.

    A gradient of zero keeps the sign before it. Before the first gradient nothing moves.
    """
    if not follows_adam(loop.spec):
        return None
    steps = loop.evidence.shape[0]
    _, most = carry(loop.spec, loop.hyper, steps)
    rates = _largest_from(loop.lrs)
    moved = np.diff(loop.thetas, axis=0)
    side = np.zeros(moved.shape[1])
    allowed, travelled = np.zeros(moved.shape[1]), np.zeros(moved.shape[1])
    excess = np.empty_like(moved)
    for t in range(steps):
        now = np.where(loop.downhill[t] == 0.0, side, np.sign(loop.downhill[t]))
        turned = now != side
        # the first run starts from m = 0: nothing to be carried by
        allowed = np.where(turned, np.where(side == 0.0, 0.0, most * rates[t]), allowed)
        travelled = np.where(turned, 0.0, travelled) + np.maximum(0.0, now * moved[t])
        side, excess[t] = now, travelled - allowed
    found = loop.exceeds(excess)
    if found is None:
        return None
    step, element = found
    text = f"momentum carries θ against its gradient for more than {most:.4g}·α by step {step}"
    return Break(text, element, step)


@law("settles")
def settles(loop: Loop) -> Break | None:
    """On a separable convex problem every variable comes nearer by what theory grants, or has
    crossed its optimum and stays within α·(step + carry) of it: the settled neighbourhood O(α).
    """
    spec, problem = loop.spec, loop.problem
    if not follows_adam(spec) or not problem.separable or problem.optimum is None:
        return None
    steps, count = loop.evidence.shape
    step, further = carry(spec, loop.hyper, steps)
    rates = _largest_from(loop.lrs)
    weight_m, _ = corrections(spec, loop.hyper, steps)
    centres = np.stack([problem.optimum(t) for t in range(1, steps + 1)])
    before, after = loop.thetas[:-1] - centres, loop.thetas[1:] - centres
    g = np.abs(loop.downhill)
    nearer = g / (np.maximum.accumulate(g, axis=0) + floor_of_denominator(spec, loop.hyper))
    nearer *= (loop.lrs * weight_m)[:, None] * (1.0 - GRAIN)
    crossed, allowed = np.zeros(count, bool), np.zeros(count)
    excess = np.empty((steps, count))
    for t in range(steps):
        over = after[t] * before[t] <= 0.0
        # a crossing step lands within one step of the optimum, and is carried on from there
        allowed = np.where(over, (step + further) * rates[t], allowed)
        crossed |= over
        limit = np.where(crossed, allowed, np.abs(before[t]) - nearer[t])
        excess[t] = np.abs(after[t]) - limit
    known = (np.sign(loop.downhill) == np.sign(before)).all(axis=0)
    excess[:, ~known] = -1.0
    loop.account.undecided += steps * int((~known).sum())
    found = loop.exceeds(excess)
    if found is None:
        return None
    at, element = found
    text = f"θ is {abs(after[at - 1, element]):.4g} from its optimum at step {at}, farther than"
    return Break(f"{text} the settled neighbourhood and the slowest approach allow", element, at)


@law("enclosed")
def enclosed(loop: Loop) -> Break | None:
    """The target's path lies in the enclosure of every admissible path, while there is one."""
    if loop.noise.any() or loop.paced is not None:
        return None
    steps = min(int(loop.how.get("enclosed", 96)), loop.evidence.shape[0])
    course = Course(
        loop.spec, loop.evidence.fmt, loop.hyper, loop.evidence.shape[1], steps,
        loop.admission, None, loop.evidence.start, loop.evidence.first,
    )  # fmt: skip
    centre, radius = tube(course, loop.problem, loop.thetas[0])
    known = np.isfinite(radius)
    far = np.abs(loop.thetas[1 : steps + 1] - np.where(known, centre, 0.0))
    moved = np.abs(np.diff(loop.thetas[: steps + 1], axis=0))
    sharp = known & (radius < moved)
    loop.account.examples += int(sharp.sum())
    loop.account.undecided += int((~sharp).sum())
    outside = known & (far > radius)
    if not outside.any():
        return None
    step, element = (int(k) for k in np.argwhere(outside)[0])
    text = f"leaves the enclosure of every admissible path at step {step + 1}:"
    error, bound = far[step, element], radius[step, element]
    return Break(f"{text} {error:.3g} from the oracle's, bound {bound:.3g}", element, step + 1)


@law("descends")
def descends(loop: Loop) -> Break | None:
    """At β1 = 0 on an L-smooth, λ-strongly convex problem: f_t - f* ≤ E_t, where
    E_t = (1 - 2λa_t)·E_{t-1} + L|Δ_t|²/2 and a_t = α_t/(max|g| + ε); |θ_t - θ*|² ≤ 2E_t/λ.
    """
    problem, spec = loop.problem, loop.spec
    if not follows_adam(spec) or problem.optimum is None or not problem.smoothness:
        return None
    steps = loop.evidence.shape[0]
    strong, smooth = problem.convexity, problem.smoothness
    best = problem.optimum(1)
    steepness = problem.gradient(1, best)
    sign = -1.0 if spec.maximize == "yes" else 1.0
    # strong convexity certifies how low f can be below a point that is nearly its optimum
    least = sign * problem.loss(1, best) - float(steepness @ steepness) / (2.0 * strong)
    radius = float(np.linalg.norm(steepness)) / strong
    moved = np.diff(loop.thetas, axis=0)
    tops = np.maximum.accumulate(np.abs(loop.downhill).max(axis=1))
    weight_m, _ = corrections(spec, loop.hyper, steps)
    pace = loop.lrs * weight_m / (tops + floor_of_denominator(spec, loop.hyper)) * (1.0 - GRAIN)
    shrink = np.maximum(0.0, 1.0 - 2.0 * strong * pace)
    added = 0.5 * smooth * np.sum(moved**2, axis=1) * (1.0 + GRAIN) + 2.0**-40
    gaps = [sign * problem.loss(t + 1, x) - least for t, x in enumerate(loop.thetas[1:])]
    away = np.linalg.norm(loop.thetas[1:] - best, axis=1) - radius
    first = sign * problem.loss(1, loop.thetas[0]) - least + 2.0**-40
    bounds = _recursion(first, shrink, added)
    late = _beyond(gaps, away, bounds, strong)
    if late is not None:  # only then is it worth knowing what roundings may have added
        added += 2.0 * np.sum(np.abs(loop.downhill) * loop.radii, axis=1)
        bounds = _recursion(first, shrink, added)
        late = _beyond(gaps, away, bounds, strong)
    loop.account.undecided += int(bounds[-1] > 0.5 * first)
    if late is None:
        return None
    text = f"f - f* is {gaps[late]:.4g} at step {late + 1}, above the {bounds[late]:.4g} that"
    return Break(f"{text} convexity and the target's own steps allow", 0, late + 1)


def _recursion(first: float, shrink: Float64, added: Float64) -> Float64:
    bounds = np.empty(len(shrink))
    for t in range(len(shrink)):
        first = bounds[t] = first * shrink[t] + added[t]
    return bounds


def _beyond(gaps: list[float], away: Float64, bounds: Float64, strong: float) -> int | None:
    far = (np.array(gaps) > bounds + 2.0**-40) | (
        away > np.sqrt(2.0 * bounds / strong) * (1.0 + 2.0**-40)
    )
    return int(np.argmax(far)) if far.any() else None


@law("linear")
def linear_motion(loop: Loop) -> Break | None:
    """A linear method on a quadratic follows its recursion, within what every rounding becomes.

    ``how["curvatures"]`` are those of the problem. Adam is linear where ε is far above |g|; what
    √v̂ then takes off a step is counted as an error of it.
    """
    steps, _ = loop.evidence.shape
    method = linear(loop.spec, loop.hyper, steps)
    if method is None:
        return None
    curvature = np.asarray(loop.how["curvatures"], np.float64)
    g = np.abs(loop.downhill)
    moved = loop.radii.copy()
    if follows_adam(loop.spec):
        _, second = corrections(loop.spec, loop.hyper, steps)
        tops = np.maximum.accumulate(g, axis=0) / loop.hyper["eps"]
        moved += np.abs(np.diff(loop.thetas, axis=0)) * tops * second[:, None] * (1.0 + GRAIN)
    turned = loop.evidence.fmt.u * g + loop.evidence.fmt.eta
    path, stray = predicted(method, curvature, loop.thetas[0], moved, turned)
    far = np.abs(loop.thetas[1:] - path)
    sharp = stray < np.abs(path)
    loop.account.examples += int(sharp.sum())
    loop.account.undecided += int((~sharp).sum())
    if (far > stray).any():
        t, k = (int(i) for i in np.argwhere(far > stray)[0])
        text = f"θ is {far[t, k]:.3g} from momentum's path at step {t + 1}, bound {stray[t, k]:.3g}"
        return Break(f"{text} (αλ/P = {_strength(loop, curvature[k]):.4g})", k, t + 1)
    return _stability(loop, curvature, np.abs(path) + stray, np.abs(path) - stray)


def _stability(loop: Loop, curvature: Float64, most: Float64, least: Float64) -> Break | None:
    """Whether what the limit calls stable has shrunk, and what it calls unstable has grown."""
    start, half = np.abs(loop.thetas[0]), len(most) // 2
    for k, word in enumerate(loop.how.get("expected", ())):
        late = np.abs(loop.thetas[1 + half :, k]).max()
        known = most[half:, k].max() < start[k] if word == "stable" else least[-1, k] > start[k]
        holds = late < start[k] if word == "stable" else abs(loop.thetas[-1, k]) > start[k]
        if known and not holds:
            text = f"αλ/P = {_strength(loop, curvature[k]):.4g} is {word} by theory, not here"
            return Break(text, k, len(most))
        loop.account.undecided += int(not known)
    return None


def _strength(loop: Loop, curvature: float) -> float:
    return loop.hyper["lr"] * curvature / loop.hyper.get("eps", 1.0)


@law("annealed")
def annealed(loop: Loop) -> Break | None:
    """Under noise n with a signal of at most S, |Δ|/α ≤ c·(|m(n)| + S)/(√v(n) - S).

    Near an optimum S vanishes and m̂/√v̂ falls to what the noise alone leaves of it.
    """
    if not follows_adam(loop.spec):
        return None
    h = loop.hyper
    steps = loop.evidence.shape[0]
    noise = loop.noise
    signal = np.maximum.accumulate(np.abs(loop.evidence.grads.astype(np.float64) - noise), axis=0)
    zeros = np.zeros(noise.shape[1])
    state: dict[str, Any] = rules.initial_state(loop.spec, h, zeros, np.float64(1.0))
    excess, last = np.empty(noise.shape), zeros
    stretch = lift(loop.spec, h, steps)
    for t in range(steps):
        with np.errstate(all="ignore"):  # only the moments are read
            state = rules.step(loop.spec, NUMPY, h, state, noise[t], zeros).state
        m, v = state["m"], state["v"]
        full_m, full_v = 1.0 - h["beta1"] ** (t + 1), np.sqrt(1.0 - h["beta2"] ** (t + 1))
        rest = np.sqrt(v) - full_v * signal[t]
        with np.errstate(divide="ignore", invalid="ignore"):
            last = stretch[t] * (np.abs(m) + full_m * signal[t]) / rest * (1.0 + GRAIN)
        last = np.where(rest > 0.0, last, np.inf)
        excess[t] = np.abs(loop.thetas[t + 1] - loop.thetas[t]) - loop.lrs[t] * last
    loop.account.undecided += int((last > 0.5).sum())
    found = loop.exceeds(np.where(np.isfinite(excess), excess, -1.0))
    if found is None:
        return None
    step, element = found
    return Break(f"steps do not anneal: |Δ|/α is above its bound at step {step}", element, step)


@law("corrected")
def corrected(loop: Loop) -> Break | None:
    """Under a constant gradient each step has the size that the spec's corrections give it."""
    if not follows_adam(loop.spec):
        return None
    right = constant_steps(loop, loop.spec.bias_correction)
    wrong = constant_steps(loop, "none" if loop.spec.bias_correction != "none" else "both")
    seen = loop.thetas[:-1] - loop.thetas[1:]
    far = np.abs(seen - right)
    bound = 2.0 * loop.radii + 2.0**-40 * np.abs(right)
    sharp = bound < np.abs(right - wrong)
    loop.account.examples += int(sharp.sum())
    loop.account.undecided += int((~sharp).sum())
    if not (far > bound).any():
        return None
    step, element = (int(k) for k in np.argwhere(far > bound)[0])
    factor = seen[step, element] / right[step, element]
    text = f"step {step + 1} is {factor:.4g} times what bias_correction={loop.spec.bias_correction}"
    other = wrong[step, element] / right[step, element]
    return Break(f"{text} gives; the other way predicts {other:.4g}", element, step + 1)


def constant_steps(loop: Loop, correction: str) -> Float64:
    """Δ_1 … Δ_T by the rule itself under the loop's constant gradient, ``[T, N]`` in float64."""
    spec = loop.spec.with_(bias_correction=correction)
    g = loop.evidence.grads[0].astype(np.float64)
    zeros = np.zeros_like(g)
    state: dict[str, Any] = rules.initial_state(spec, loop.hyper, zeros, np.float64(1.0))
    rows = []
    for _ in range(loop.evidence.shape[0]):
        done = rules.step(spec, NUMPY, loop.hyper, state, g, zeros)
        state = done.state
        rows.append(done.named["update"])
    return np.array(rows)


@law("cyclic regret")
def cyclic_regret(loop: Loop) -> Break | None:
    """On the example of Reddi, Kale & Kumar 2018 Adam returns to 1 after every cycle, AMSGrad not.

    The objective is linear, so that Δ does not depend on θ: the projection onto [-1, 1] is applied
    to the recorded steps. ``how["moves"]``: "wrong" (Adam), "right" (AMSGrad, or a large β2).
    """
    c, wrong = float(loop.how["c"]), loop.how["moves"] == "wrong"
    moved = np.diff(loop.thetas[:, 0])
    cycles = len(moved) // 3
    net = moved[: 3 * cycles].reshape(cycles, 3).sum(axis=1)
    begin = int(loop.how.get("from", 0))
    error = loop.radii[: 3 * cycles, 0].reshape(cycles, 3).sum(axis=1)
    excess = (-net if wrong else net) - error
    loop.account.examples += int((np.abs(net) > error).sum())
    if (excess[begin:] > 0.0).any():
        cycle = begin + int(np.argmax(excess[begin:] > 0.0))
        way = "towards the optimum, as AMSGrad does" if wrong else "away from the optimum"
        return Break(f"cycle {cycle + 1} moves {way}", 0, 3 * cycle + 3)
    late = 3 * (cycles - cycles // 4)
    x, regret, arrived = 1.0, [], False
    for t, step in enumerate(moved[: 3 * cycles]):
        g = c if t % 3 == 0 else -1.0
        regret.append(g * (x + 1.0))
        x = min(1.0, max(-1.0, x + float(step)))
        arrived |= x == -1.0 and t < late
    average, top = float(np.mean(regret)), float(np.abs(moved).max())
    least = (2.0 * c - 4.0) / 3.0
    slack = float(loop.slack[-1, 0]) * (c + 2.0)
    if wrong and not least - slack <= average <= least + 2.0 * top / 3.0 + slack:
        text = f"average regret {average:.6g} is not in [{least:.6g}, {least + 2 * top / 3:.6g}]"
        return Break(text, 0, 3 * cycles)
    if "tail" not in loop.how:
        return None
    # once at the optimum a cycle leaves it by at most two steps of |Δ| ≤ top
    tail = float(np.mean(regret[late:]))
    loop.account.undecided += int(not arrived)
    if arrived and tail > c * top + slack:
        return Break(f"late average regret {tail:.4g} exceeds {c * top:.4g}", 0, 3 * cycles)
    return None


def _largest_from(lrs: Float64) -> Float64:
    """The largest α of each step and all after it."""
    return np.asarray(np.maximum.accumulate(lrs[::-1])[::-1])


@law("two-cycle")
def returns(loop: Loop) -> Break | None:
    """θ_t = (-1)^t·c while the enclosure of all admissible paths is sharper than c."""
    steps = loop.evidence.shape[0]
    c = loop.thetas[0]
    course = Course(
        loop.spec, loop.evidence.fmt, loop.hyper, len(c), steps, loop.admission, None,
        loop.evidence.start, loop.evidence.first,
    )  # fmt: skip
    _, radius = tube(course, loop.problem, c)
    exact = np.where(np.arange(1, steps + 1)[:, None] % 2 == 1, -c, c)
    far = np.abs(loop.thetas[1:] - exact)
    sharp = radius < np.abs(c)
    loop.account.examples += int(sharp.sum())
    loop.account.undecided += int((~sharp).sum())
    if not (sharp & (far > radius)).any():
        return None
    step, element = (int(k) for k in np.argwhere(sharp & (far > radius))[0])
    text = f"leaves the two-cycle of amplitude {abs(c[element]):.6g} at step {step + 1}"
    return Break(text, element, step + 1)


@law("rate")
def rate(loop: Loop) -> Break | None:
    """|θ_t| ≤ (t·|θ_1|/r + (t-1)·|θ_0|)·r^t for a linear method with both roots within r.

    θ_t = U_{t-1}·θ_1 - z1·z2·U_{t-2}·θ_0 with |U_k| ≤ (k+1)·r^k (theorem momentum-quadratic).
    """
    steps, _ = loop.evidence.shape
    method = linear(loop.spec, loop.hyper, steps)
    if method is None:
        return None
    curvature = np.asarray(loop.how["curvatures"], np.float64)
    turned = loop.evidence.fmt.u * np.abs(loop.downhill) + loop.evidence.fmt.eta
    _, stray = predicted(method, curvature, loop.thetas[0], loop.radii, turned)
    # the late steps' recursion rules from the second step on
    late = min(1, steps - 1)
    r = np.array([method.roots(float(x)) for x in curvature]) * (1.0 + 2.0**-40)
    k = np.arange(1, steps + 1 - late)[:, None]
    first, second = np.abs(loop.thetas[late]), np.abs(loop.thetas[late + 1])
    first = first + (stray[late - 1] if late else 0.0)
    second = second + stray[late]
    most = (k * second / r + (k - 1) * first) * r**k + stray[late:]
    sharp = stray[late:] < most
    loop.account.examples += int(sharp.sum())
    beyond = np.abs(loop.thetas[1 + late :]) > most * (1.0 + 2.0**-30)
    if not beyond.any():
        return None
    t, element = (int(i) for i in np.argwhere(beyond)[0])
    text = f"θ shrinks more slowly than the rate {r[element]:.6g} a step"
    return Break(text, element, t + 1 + late)
