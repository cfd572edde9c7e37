"""Relations between runs: the same bits under a scale, a sign, another array, another history."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from adamcheck.oracle.evidence import Evidence
from adamcheck.properties.base import How, difference, property_, same_bits_under
from adamcheck.properties.context import (
    Account,
    Break,
    Context,
    Meaning,
    TargetTrouble,
)
from adamcheck.properties.envelope import departure, judged
from adamcheck.properties.gaps import explained, possible
from adamcheck.spec import Spec
from adamcheck.targets.protocol import Trajectory

_STEPS_OF_CHANCE: Final = 24
_FRESH, _FEW_STEPS = 1 << 13, 4
"""Elements and steps of a fresh state: a good library misrounds a power in a few of so many."""


@property_("non-finite stays")
def nonfinite_stays(
    context: Context, account: Account, trajectory: Trajectory, spec: Spec, how: How
) -> Break | None:
    """A NaN or infinite gradient makes its own element non-finite and leaves all others exact.

    Where that step is refused, or skipped as a whole, or the element's gradient is filtered, that
    is a choice of the interface, and everything else follows the rule.
    """
    trace = context.attempt(trajectory)
    at = int(
        np.argmax(
            ~np.isfinite(trajectory.grads[0].reshape(trajectory.steps, -1).astype(np.float64)).all(
                axis=1
            )
        )
    )
    failure = trace.failure
    if failure is not None:
        if failure.kind != "raised" or failure.step != at + 1:
            raise TargetTrouble(failure, trajectory)
        account.examples += 1
        first = judged(context, account, context.evidence(trajectory, trace, spec)) if at else None
        text = f"a step with a NaN or infinite gradient is refused: {failure.message}"
        return first or Break(text, 0, at + 1, choice=True)
    context.sound(trace, trajectory)
    evidence = context.evidence(trajectory, trace, spec)
    # moments that are shown tell from where a guarded run goes on; infinite ones have no bound
    judgement = context.judged(replace(evidence, moments={}))
    if judgement.bad.any() and (guard := _guarded(context, account, evidence, at, how)):
        text = f"a step with a NaN or infinite gradient {guard}"
        return Break(text, 0, at + 1, choice=True)
    account.count(judgement)
    first = departure(judgement)
    if first is not None:
        return replace(first, message=f"beside a non-finite gradient {first.message}")
    poisoned = ~np.isfinite(evidence.grads.astype(np.float64)).all(axis=0)
    after = evidence.thetas[-1].astype(np.float64)
    if np.isfinite(after[poisoned]).any():
        element = int(np.flatnonzero(poisoned & np.isfinite(after))[0])
        text = "a NaN or infinite gradient leaves a finite parameter: gradients are filtered"
        return Break(text, element, evidence.shape[0], choice=True)
    return None


_GUARDS: Final = {
    Meaning.NOTHING: "is skipped as a whole, and not counted",
    Meaning.COUNTED: "is skipped as a whole, and counted",
    Meaning.ZERO: "is taken as one of zero gradients",
}


def _guarded(context: Context, account: Account, evidence: Evidence, at: int, how: How) -> str:
    """What a guard made of step ``at`` (from 0), if one thing explains every number; else "".

    What it made of other such steps, it makes of this one.
    """
    kinds = {at: "guarded"}
    if explained(context, account, evidence, kinds, possible(how, kinds)) is not None:
        return ""
    return " or ".join(_GUARDS[meant] for meant in account.meant["guarded"])


@property_("scaling")
def scaling(
    context: Context, account: Account, trajectory: Trajectory, spec: Spec, how: How
) -> Break | None:
    """Gradients (and ε, where there is one) times 2^k: the same parameters, bit for bit.

    That needs squares and roots that are rounded correctly. Where a first step shows that the
    target's are not, both runs lie in the envelope.
    """
    k = int(how["k"])
    power = 1 if spec.eps != "inside" else 2
    hyper = dict(trajectory.hyper)
    if "eps" in hyper:
        hyper["eps"] = hyper["eps"] * 2.0 ** (k * power)
    if "eps_root" in hyper:
        hyper["eps_root"] = hyper["eps_root"] * 2.0 ** (2 * k)
    scaled = tuple(context.cast(np.ldexp(g.astype(np.float64), k)) for g in trajectory.grads)
    other = replace(trajectory, grads=scaled, hyper=hyper)
    text = f"scaling gradients{' and ε' if trajectory.hyper.get('eps') else ''} by 2^{k}"
    found = same_bits_under(context, account, trajectory, other, f"{text} changes bits")
    if found is None or not _inexact(context, trajectory, other, k):
        return found
    for run in (trajectory, other):
        outside = judged(context, account, context.evidence(run, context.run(run), spec))
        if outside is not None:
            return outside
    context.note(
        "inexact-functions",
        "a square or a root is not rounded correctly, as x**2 and v**0.5 of Python's floats are"
        " not: scaling by powers of two is held to the envelope and not to the bits",
    )
    return None


def _inexact(context: Context, trajectory: Trajectory, other: Trajectory, k: int) -> bool:
    """Whether a few first steps of many elements show a function that is not rounded correctly.

    Those of one step would show little: the root of a square is the number again. What a function
    of a library is off by lies in the envelope: bits that differ there, and do not from run to
    run, are those of a square or a root of another mantissa. What depends on the scale leaves it.
    """
    rng = context.rng("inexact")
    shape = (_FEW_STEPS, _FRESH)
    grads = context.cast(rng.uniform(0.5, 2.0, shape) * rng.choice((-1.0, 1.0), shape))
    scaled = context.cast(np.ldexp(grads.astype(np.float64), k))
    start = context.cast(np.zeros(_FRESH))
    seen = []
    for run, g in ((trajectory, grads), (trajectory, grads), (other, scaled)):
        one = replace(run, theta0=(start,), grads=(g,))
        evidence = context.evidence(one, context.run(one), context.spec)
        if context.judged(evidence).bad.any():
            return False
        seen.append(evidence.thetas)
    first, again, moved = seen
    return np.array_equal(first, again) and not np.array_equal(first, moved)


@property_("sign flip")
def sign_flip(
    context: Context, account: Account, trajectory: Trajectory, spec: Spec, how: How
) -> Break | None:
    """Negated gradients and parameters give exactly negated parameters."""
    other = replace(
        trajectory,
        grads=tuple(-g for g in trajectory.grads),
        theta0=tuple(-a for a in trajectory.theta0),
    )
    return same_bits_under(
        context, account, trajectory, other, "negating everything changes bits", factor=-1
    )


@property_("same bits")
def same_bits(
    context: Context, account: Account, trajectory: Trajectory, spec: Spec, how: How
) -> Break | None:
    """The same input again gives the same bits; a short run is tried more often, as chance may.

    So do gradients that a closure computes, and those that were there before the step.
    """
    if trajectory.closure:
        if spec.rounding == "stochastic":
            text = "bits of gradients that a closure sets: θ is rounded by chance"
            context.note("not-asked", f"{text} (rounding=stochastic), and is held to the envelope")
            return judged(
                context, account, context.evidence(trajectory, context.run(trajectory), spec)
            )
        plain = replace(trajectory, closure=False)
        text = "gradients that a closure sets give other bits"
        return same_bits_under(context, account, plain, trajectory, text)
    for _ in range(max(1, _STEPS_OF_CHANCE // max(1, trajectory.steps))):
        text = "the same input gives other bits"
        found = same_bits_under(context, account, trajectory, trajectory, text)
        if found is not None:
            return found
    return None


@property_("twin")
def twin(
    context: Context, account: Account, trajectory: Trajectory, spec: Spec, how: How
) -> Break | None:
    """A second instance at work in between changes nothing."""
    alone = replace(trajectory, twin=False)
    text = "a second instance at work changes the first one's results"
    return same_bits_under(context, account, alone, trajectory, text)


@property_("refilled")
def refilled(
    context: Context, account: Account, trajectory: Trajectory, spec: Spec, how: How
) -> Break | None:
    """In the envelope, too, when every gradient comes in one and the same array, filled again."""
    again = replace(trajectory, refill=True, scramble=False)
    first = judged(context, account, context.evidence(again, context.run(again), spec))
    if first is None:
        return None
    return replace(first, message=f"in a gradient buffer that is filled again {first.message}")


@property_("unchanged")
def unchanged(
    context: Context, account: Account, trajectory: Trajectory, spec: Spec, how: How
) -> Break | None:
    """The parameters stay what they were, bit for bit (±0 are equal)."""
    trace = context.run(trajectory)
    evidence = context.evidence(trajectory, trace, spec)
    account.examples += evidence.shape[0] * evidence.shape[1]
    return difference(evidence.thetas[:1], evidence.thetas, str(how.get("why", "moves")))


@property_("linear")
def linear(
    context: Context, account: Account, trajectory: Trajectory, spec: Spec, how: How
) -> Break | None:
    """From θ = 0, gradients times 2^k move every parameter 2^k times as far, bit for bit."""
    k = int(how["k"])
    scaled = tuple(context.cast(np.ldexp(g.astype(np.float64), k)) for g in trajectory.grads)
    other = replace(trajectory, grads=scaled)
    text = f"gradients times 2^{k} do not move θ exactly 2^{k} times as far"
    return same_bits_under(context, account, trajectory, other, text, factor=2.0**-k)
