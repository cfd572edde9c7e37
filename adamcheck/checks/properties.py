"""The properties that checks hold trajectories against; a witness names one and is replayed by it.

A property takes (lab, account, trajectory, spec, how), adds what it decided to the account, and
returns the first Break or None. ``how`` holds the numbers that it needs beside the trajectory.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np

from adamcheck.checks.lab import Account, Array, Break, Broken, Lab, TargetTrouble, flat_index
from adamcheck.errors import UsageError
from adamcheck.oracle.evidence import Evidence
from adamcheck.oracle.judge import Judgement, judge
from adamcheck.spec import Spec
from adamcheck.targets.protocol import Trace, Trajectory

How = Mapping[str, Any]
Property = Callable[[Lab, Account, Trajectory, Spec, How], Break | None]

PROPERTIES: Final[dict[str, Property]] = {}


def property_(name: str) -> Callable[[Property], Property]:
    """Register a property under the name that witnesses carry."""

    def register(function: Property) -> Property:
        PROPERTIES[name] = function
        return function

    return register


def hold(
    lab: Lab,
    account: Account,
    trajectory: Trajectory,
    law: str = "envelope",
    /,
    *,
    spec: Spec | None = None,
    **how: Any,
) -> bool:
    """Hold one trajectory against one property and book what comes out; True if it held."""
    claimed = spec or lab.spec
    first = PROPERTIES[law](lab, account, trajectory, claimed, how)
    if first is not None:
        account.broken.append(Broken(law, how, trajectory, claimed, first))
    return first is None


@property_("envelope")
def envelope(
    lab: Lab, account: Account, trajectory: Trajectory, spec: Spec, how: How
) -> Break | None:
    """Every observed number lies in the envelope of the spec; building changes no parameter."""
    trace = lab.run(trajectory)
    for asked, seen in zip(trajectory.theta0, trace.thetas, strict=True):
        built = _difference(_rows(asked[None]), _rows(seen[:1]), "building changes the parameter")
        if built is not None:
            return built
    return _judged(lab, account, lab.evidence(trajectory, trace, spec))


def first_fit(
    lab: Lab, account: Account, trajectory: Trajectory, specs: Sequence[Spec]
) -> Spec | None:
    """The first of several specs that the trajectory fits; what it decided is booked."""
    for s in specs:
        asked = replace(trajectory, hyper=lab.completed(trajectory.hyper, s))
        judgement = lab.judged(lab.evidence(asked, lab.run(asked), s))
        if judgement.accepted:
            account.count(judgement)
            return s
    return None


def _judged(lab: Lab, account: Account, evidence: Evidence) -> Break | None:
    judgement = lab.judged(evidence)
    account.count(judgement)
    return departure(judgement)


def departure(judgement: Judgement) -> Break | None:
    """The earliest departure from the envelope, if there is one."""
    if not judgement.bad.any():
        return None
    element, step, quantity = flat_index(judgement)
    return Break(
        f"{_which(judgement)} the envelope, first at step {step}",
        element,
        step,
        quantity,
        judgement.evidence,
        judgement.admission,
    )


def _which(judgement: Judgement) -> str:
    """Which elements left, in words that point at a lost tail or at one wrong index."""
    bad = np.flatnonzero(judgement.bad)
    count, size = bad.size, judgement.evidence.shape[1]
    thetas = judgement.evidence.thetas[:, bad].astype(np.float64)
    still = " does not move and" if bool((thetas == thetas[:1]).all()) else ""
    if count < size and bad[-1] == size - 1 and bad[0] == size - count:
        what = "the last element" if count == 1 else f"the last {count} elements"
        return f"{what} of {size}{_plural(still, count)} {_leave(count)}"
    if count <= 3 and count < size:
        what = ", ".join(str(i) for i in bad)
        return f"element {what} of {size}{_plural(still, count)} {_leave(count)}"
    if size == 1:
        return f"the only element{still} {_leave(1)}"
    return f"{count} of {size} elements{_plural(still, count)} {_leave(count)}"


def _leave(count: int) -> str:
    return "leaves" if count == 1 else "leave"


def _plural(text: str, count: int) -> str:
    return text if count == 1 else text.replace("does", "do")


@property_("non-finite stays")
def nonfinite_stays(
    lab: Lab, account: Account, trajectory: Trajectory, spec: Spec, how: How
) -> Break | None:
    """A NaN or infinite gradient makes its own element non-finite and leaves all others exact."""
    trace = lab.run(trajectory)
    evidence = lab.evidence(trajectory, trace, spec)
    first = _judged(lab, account, evidence)
    if first is not None:
        return replace(first, message=f"beside a non-finite gradient {first.message}")
    poisoned = ~np.isfinite(evidence.grads.astype(np.float64)).all(axis=0)
    after = evidence.thetas[-1].astype(np.float64)
    if np.isfinite(after[poisoned]).any():
        element = int(np.flatnonzero(poisoned & np.isfinite(after))[0])
        text = "a NaN or infinite gradient leaves a finite parameter: gradients are filtered"
        return Break(text, element, evidence.shape[0])
    return None


@property_("scaling")
def scaling(
    lab: Lab, account: Account, trajectory: Trajectory, spec: Spec, how: How
) -> Break | None:
    """Gradients (and ε, where there is one) times 2^k: the same parameters, bit for bit."""
    k = int(how["k"])
    power = 1 if spec.eps != "inside" else 2
    hyper = dict(trajectory.hyper)
    if "eps" in hyper:
        hyper["eps"] = hyper["eps"] * 2.0 ** (k * power)
    if "eps_root" in hyper:
        hyper["eps_root"] = hyper["eps_root"] * 2.0 ** (2 * k)
    scaled = tuple(lab.cast(np.ldexp(g.astype(np.float64), k)) for g in trajectory.grads)
    other = replace(trajectory, grads=scaled, hyper=hyper)
    text = f"scaling gradients{' and ε' if trajectory.hyper.get('eps') else ''} by 2^{k}"
    return _same_bits(lab, account, trajectory, other, f"{text} changes bits")


@property_("sign flip")
def sign_flip(
    lab: Lab, account: Account, trajectory: Trajectory, spec: Spec, how: How
) -> Break | None:
    """Negated gradients and parameters give exactly negated parameters."""
    other = replace(
        trajectory,
        grads=tuple(-g for g in trajectory.grads),
        theta0=tuple(-a for a in trajectory.theta0),
    )
    return _same_bits(
        lab, account, trajectory, other, "negating everything changes bits", factor=-1
    )


@property_("same bits")
def same_bits(
    lab: Lab, account: Account, trajectory: Trajectory, spec: Spec, how: How
) -> Break | None:
    """The same input again gives the same bits; a short run is tried more often, as chance may."""
    for _ in range(max(1, _STEPS_OF_CHANCE // max(1, trajectory.steps))):
        text = "the same input gives other bits"
        found = _same_bits(lab, account, trajectory, trajectory, text)
        if found is not None:
            return found
    return None


@property_("reload")
def reload(
    lab: Lab, account: Account, trajectory: Trajectory, spec: Spec, how: How
) -> Break | None:
    """Saving, loading and going on equals going on, whoever the receiver is (``into``).

    A used receiver is compared with a new one at its parameters, as its own have moved.
    """
    receiver = how.get("into", "fresh")
    if receiver not in _RELOADS:
        raise UsageError(f"witness of a reload: damaged: 'into' cannot be {receiver!r}")
    straight = replace(trajectory, reload_after=None, reload_hyper=None)
    if receiver == "used":
        straight = replace(trajectory, receiver="beside")
    moved = replace(trajectory, receiver=receiver)
    one = lab.run(straight)  # what fails without a reload, too, is not the reload's fault
    try:
        two = lab.run(moved)
    except TargetTrouble as trouble:
        failure = trouble.failure
        if failure.kind != "raised" or failure.step != moved.reload_after:
            raise
        return Break(f"{_RELOADS[receiver]} at step {failure.step} fails: {failure.message}")
    text = f"after {_RELOADS[receiver]} at step {trajectory.reload_after} the bits differ"
    return _compared(lab, account, (straight, one), (moved, two), text)


_RELOADS: Final = {
    "fresh": "saving and loading",
    "used": "loading into an instance that has been used",
    "twice": "loading the same saved state a second time",
    "none": "saving, without loading,",
}
"""Every receiver of Trajectory but the one that another is compared with, in words."""


@property_("reload with other hyperparameters")
def reload_other(
    lab: Lab, account: Account, trajectory: Trajectory, spec: Spec, how: How
) -> Break | None:
    """After loading into an instance built with another α, θ follows the one α or the other.

    The moments do not depend on α, so both are judged from the same gradients.
    """
    assert trajectory.reload_after is not None
    assert trajectory.reload_hyper is not None
    trace = lab.run(trajectory)
    first: Break | None = None
    for hyper, whose in ((trajectory.hyper, "saved"), (trajectory.reload_hyper, "new")):
        evidence = lab.evidence(replace(trajectory, hyper=hyper), trace, spec)
        judgement = lab.judged(replace(evidence, unseen=trajectory.reload_after))
        first = departure(judgement)
        if first is None:
            account.count(judgement)
            lab.note("loaded-hyperparameters", f"after loading a state the {whose} α holds")
            return None
    return first


@property_("twin")
def twin(lab: Lab, account: Account, trajectory: Trajectory, spec: Spec, how: How) -> Break | None:
    """A second instance at work in between changes nothing."""
    alone = replace(trajectory, twin=False)
    text = "a second instance at work changes the first one's results"
    return _same_bits(lab, account, alone, trajectory, text)


@property_("refilled")
def refilled(
    lab: Lab, account: Account, trajectory: Trajectory, spec: Spec, how: How
) -> Break | None:
    """In the envelope, too, when every gradient comes in one and the same array, filled again."""
    again = replace(trajectory, refill=True, scramble=False)
    first = _judged(lab, account, lab.evidence(again, lab.run(again), spec))
    if first is None:
        return None
    return replace(first, message=f"in a gradient buffer that is filled again {first.message}")


@property_("unchanged")
def unchanged(
    lab: Lab, account: Account, trajectory: Trajectory, spec: Spec, how: How
) -> Break | None:
    """The parameters stay what they were, bit for bit (±0 are equal)."""
    trace = lab.run(trajectory)
    evidence = lab.evidence(trajectory, trace, spec)
    account.examples += evidence.shape[0] * evidence.shape[1]
    return _difference(evidence.thetas[:1], evidence.thetas, str(how.get("why", "moves")))


@property_("linear")
def linear(
    lab: Lab, account: Account, trajectory: Trajectory, spec: Spec, how: How
) -> Break | None:
    """From θ = 0, gradients times 2^k move every parameter 2^k times as far, bit for bit."""
    k = int(how["k"])
    scaled = tuple(lab.cast(np.ldexp(g.astype(np.float64), k)) for g in trajectory.grads)
    other = replace(trajectory, grads=scaled)
    text = f"gradients times 2^{k} do not move θ exactly 2^{k} times as far"
    return _same_bits(lab, account, trajectory, other, text, factor=2.0**-k)


@property_("interface")
def interface(
    lab: Lab, account: Account, trajectory: Trajectory, spec: Spec, how: How
) -> Break | None:
    """One law of the protocol: dtype, shape, parameter-count or gradient-changed."""
    trace = lab.attempt(trajectory)
    account.examples += trajectory.steps
    law = str(how["law"])
    if law in trace.broken:
        text = law.replace("-", " ")
        text = "the gradient buffer is changed" if law == "gradient-changed" else f"another {text}"
        return Break(text, 0, trace.broken[law])
    if trace.failure is not None and not trace.broken:
        raise TargetTrouble(trace.failure)
    return None


@property_("refused")
def refused(
    lab: Lab, account: Account, trajectory: Trajectory, spec: Spec, how: How
) -> Break | None:
    """The target raises a plain exception; silence and worse than an exception are breaks."""
    trace = lab.attempt(trajectory)
    account.examples += 1
    if trace.failure is None:
        return Break(f"accepts {how['what']}", 0, 0)
    if trace.failure.kind not in ("raised", "exited"):
        return Break(f"{trace.failure.kind} on {how['what']}", 0, trace.failure.step)
    return None


@property_("late")
def late(lab: Lab, account: Account, trajectory: Trajectory, spec: Spec, how: How) -> Break | None:
    """Parameters without a gradient at some steps; what of the known conventions holds is named.

    Before its first gradient a parameter stays put; then t is its own count or the optimizer's. In
    a later gap it stays put, or coasts as under a zero gradient; after the gap nothing is judged.
    """
    assert trajectory.present is not None
    trace = lab.run(trajectory)
    for p, given in enumerate(np.asarray(trajectory.present).T):
        begins = int(np.argmax(given))
        gap = begins + int(np.argmin(given[begins:])) if not given[begins:].all() else given.size
        back = gap + int(np.argmax(given[gap:])) if gap < given.size else gap
        thetas = trace.thetas[p]
        idle = _difference(_rows(thetas[:1]), _rows(thetas[: begins + 1]), _MOVES)
        if idle is not None:
            return idle
        one = replace(
            trajectory, theta0=(trajectory.theta0[p],), grads=(trajectory.grads[p][begins:],)
        )
        first = _from_first_gradient(lab, account, one, thetas[begins : gap + 1], spec, begins)
        if first is not None:
            what = "a parameter that begins late" if begins else "a parameter beside a late one"
            return replace(first, message=f"{what}: {first.message}")
        idle = _difference(_rows(thetas[gap : gap + 1]), _rows(thetas[gap : back + 1]), _MOVES)
        if idle is not None:
            silent = trajectory.grads[p][:back].copy()
            silent[gap:back] = 0
            coasting = replace(one, grads=(silent,))
            evidence = lab.evidence(coasting, Trace((thetas[: back + 1],)), spec)
            judgement = judge(evidence, lab.admission)
            if judgement.bad.any():
                return replace(idle, step=idle.step + gap)
            account.count(judgement)
            lab.note("missing-gradient", "a missing gradient counts as a zero one: θ coasts on")
    return None


_STEPS_OF_CHANCE: Final = 24
_MOVES: Final = "a parameter without a gradient moves"


def _rows(thetas: Array) -> Array:
    return thetas.reshape(thetas.shape[0], -1)


def _from_first_gradient(
    lab: Lab, account: Account, one: Trajectory, thetas: Array, spec: Spec, begins: int
) -> Break | None:
    """Judge one parameter from its first gradient on, under its own t or the optimizer's."""
    evidence = lab.evidence(one, Trace((thetas,)), spec)
    judgement = lab.judged(evidence)
    if begins and judgement.bad.any():
        shared = judge(replace(evidence, first=begins), lab.admission)
        if not shared.bad.any():
            lab.note("step-count", "parameters share one step count t (global, not their own)")
            judgement = shared
    account.count(judgement)
    return departure(judgement)


def _same_bits(
    lab: Lab,
    account: Account,
    trajectory: Trajectory,
    other: Trajectory,
    message: str,
    *,
    factor: float = 1.0,
) -> Break | None:
    one, two = (trajectory, lab.run(trajectory)), (other, lab.run(other))
    return _compared(lab, account, one, two, message, factor=factor)


def _compared(
    lab: Lab,
    account: Account,
    one: tuple[Trajectory, Trace],
    two: tuple[Trajectory, Trace],
    message: str,
    *,
    factor: float = 1.0,
) -> Break | None:
    a = lab.evidence(*one, lab.spec).thetas
    b = lab.evidence(*two, lab.spec).thetas
    account.examples += int(a[1:].size)
    return _difference(a.astype(np.float64), factor * b.astype(np.float64), message)


def _difference(a: Array, b: Array, message: str) -> Break | None:
    """The first (step, element) where numbers differ; NaN equals NaN and +0 equals -0."""
    x, y = a.astype(np.float64), b.astype(np.float64)
    with np.errstate(invalid="ignore"):
        differs = np.broadcast_to(~((x == y) | (np.isnan(x) & np.isnan(y))), y.shape)
    if not differs.any():
        return None
    step, element = (int(k) for k in np.argwhere(differs)[0])
    count = int(differs.any(axis=0).sum())
    return Break(f"{message} ({count} of {y.shape[1]} elements)", element, step)
