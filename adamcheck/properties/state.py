"""The life of the state: saved, loaded, begun late."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from adamcheck.errors import UsageError
from adamcheck.formats import FORMATS, Format
from adamcheck.oracle.evidence import Evidence
from adamcheck.oracle.judge import judge
from adamcheck.program import trace as program_of
from adamcheck.properties.base import How, compared, difference, property_, rows
from adamcheck.properties.context import (
    Account,
    Array,
    Break,
    Context,
    TargetTrouble,
)
from adamcheck.properties.envelope import departure
from adamcheck.properties.exactly import state_after
from adamcheck.properties.storage import claimed
from adamcheck.rules.storage import UNCLAIMED
from adamcheck.spec import Spec
from adamcheck.spec.hyperparameters import HYPERPARAMETERS
from adamcheck.storage import claiming
from adamcheck.targets.protocol import Trace, Trajectory
from adamcheck.theory import stalled_update


@property_("reload")
def reload(
    context: Context, account: Account, trajectory: Trajectory, spec: Spec, how: How
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
    one = context.run(straight)  # what fails without a reload, too, is not the reload's fault
    try:
        two = context.run(moved)
    except TargetTrouble as trouble:
        failure = trouble.failure
        if failure.kind != "raised" or failure.step != moved.reload_after:
            raise
        return Break(f"{_RELOADS[receiver]} at step {failure.step} fails: {failure.message}")
    if spec.rounding == "stochastic":  # no bits to compare: what goes on has to lie in the envelope
        if why := _unasked(context, moved, spec):
            told = f"{_RELOADS[receiver]}, where θ is rounded by chance"
            context.note("not-asked", f"{told} and no bits can be compared: {why}")
            return None
        judgement = context.judged(context.evidence(moved, two, spec))
        account.count(judgement)
        first = departure(judgement)
        text = f"after {_RELOADS[receiver]} at step {trajectory.reload_after}"
        return None if first is None else replace(first, message=f"{text} {first.message}")
    text = f"after {_RELOADS[receiver]} at step {trajectory.reload_after} the bits differ"
    return compared(context, account, (straight, one), (moved, two), text)


def _unasked(context: Context, trajectory: Trajectory, spec: Spec) -> str:
    """Why what goes on after a reload is not held to the envelope; empty where it is."""
    unread = trajectory.hyper.keys() - set(spec.hyperparameters)
    options = [name for name in sorted(unread) if trajectory.hyper[name]]
    if trajectory.receiver == "used":
        return "the instance has moved its own parameters before"
    if trajectory.present is not None:
        return "some parameters have no gradient at first"
    if options or trajectory.flags != context.flags_of(spec):
        more = [*options, *sorted(trajectory.flags ^ context.flags_of(spec))]
        return f"the spec says nothing of {', '.join(more)}"
    return ""


_RELOADS: Final = {
    "fresh": "saving and loading",
    "used": "loading into an instance that has been used",
    "twice": "loading the same saved state a second time",
    "none": "saving, without loading,",
}


@property_("reload with other hyperparameters")
def reload_other(
    context: Context, account: Account, trajectory: Trajectory, spec: Spec, how: How
) -> Break | None:
    """After loading into an instance built with another α, θ follows the one α or the other.

    The moments do not depend on α, so both are judged from the same gradients.
    """
    assert trajectory.reload_after is not None
    assert trajectory.reload_hyper is not None
    trace = context.run(trajectory)
    whole = context.evidence(trajectory, trace, spec)
    after = replace(whole, unseen=trajectory.reload_after)
    return _holds(context, account, "lr", _saved_or_new(context, trajectory, after))


@property_("reload with another")
def reload_another(
    context: Context, account: Account, trajectory: Trajectory, spec: Spec, how: How
) -> Break | None:
    """After loading into an instance built with another value of one hyperparameter (``name``).

    θ follows the saved value or the new one. The state that is loaded is known exactly. A β that is
    neither is named: libraries that keep β^t, and not t, go on with a product of both. That is
    asked at values of which such a product is β^t of the new one, after a step more.
    """
    assert trajectory.reload_hyper is not None
    name = str(how["name"])
    after = _resumed(context, trajectory, context.run(trajectory), spec)
    if after is None:
        context.note("not-asked", _UNKNOWN.format(f"into an instance with another {name}"))
        return None
    first = _holds(context, account, name, _saved_or_new(context, trajectory, after))
    clock = _POWERS.get(name)
    if first is None or clock not in program_of(spec).clocks:
        return first
    account.undecided += after.grads.size
    asked = _squared(context, trajectory, name, spec)
    product = None if asked is None else _resumed(context, asked, context.run(asked), spec)
    told = _NEITHER.format(name)
    if asked is None or product is None:
        context.note("not-asked", f"{told}; whether a product of both does cannot be judged")
        return None
    _, (_, new) = _saved_or_new(context, asked, product)
    if _holds(context, account, name, [("", replace(new, first=2))]) is None:
        return None
    return replace(first, message=f"{told}, nor a product of both: {first.message}")


Reading = tuple[str, Evidence]
_UNKNOWN: Final = "loading {}: what is saved is not a state that is known exactly"
_POWERS: Final = {"beta1": "p1", "beta2": "p2"}
"""What of a rule's clocks is a power of an average's weight."""
_NEITHER: Final = "after loading a state neither the saved nor the new {} alone holds"


def _saved_or_new(
    context: Context, trajectory: Trajectory, after: Evidence
) -> tuple[Reading, Reading]:
    """What was seen after loading, as the saved hyperparameters' and as the new instance's."""
    assert trajectory.reload_hyper is not None
    ways = (("saved", trajectory.hyper), ("new", trajectory.reload_hyper))
    saved, new = (
        (whose, replace(after, hyper=context.completed(hyper, after.spec))) for whose, hyper in ways
    )
    return saved, new


def _holds(
    context: Context, account: Account, name: str, readings: Sequence[Reading]
) -> Break | None:
    """Count the first reading that holds, and name it; where none does, how the first is left.

    What another one explains, too, or no bound decides, does not tell whose value it is.
    """
    judgements = [context.judged(evidence) for _, evidence in readings]
    left = [departure(judgement) for judgement in judgements]
    if None not in left:
        return left[0]
    held = left.index(None)
    account.count(judgements[held])
    if judgements[held].decided and left.count(None) == 1:
        _whose(context, name, readings[held][0])
    return None


def _squared(context: Context, trajectory: Trajectory, name: str, spec: Spec) -> Trajectory | None:
    """The same where the saved β is the new one's square, and every other average's weight is 0.

    Saved after one step, a product of both is then β^t of the new one whose count is one ahead.
    None where it cannot be run, or the rule has a clock that is no such product.
    """
    assert trajectory.reload_hyper is not None
    new = context.completed(trajectory.reload_hyper, spec)
    averages = [n for n in new if HYPERPARAMETERS[n].role == "average"]
    wanted = {**dict.fromkeys(averages, 0.0), name: new[name] ** 2}
    if not {*program_of(spec).clocks} <= {*_POWERS.values()} or not context.may(**wanted):
        return None
    saved = {**new, **wanted}
    asked = replace(
        trajectory, hyper=saved, reload_hyper={**saved, name: new[name]}, reload_after=1
    )
    return None if context.unspoken(asked) else asked


def _whose(context: Context, name: str, whose: str) -> None:
    """Name whose value holds after loading: of α, and of any other where it is not the same.

    "": neither one's alone, but a product of both.
    """
    if not whose:
        context.note("loaded-hyperparameters", f"{_NEITHER.format(name)}: β^t is a product of both")
        return
    text = f"after loading a state the {whose} {{}} holds"
    if all(f.message != text.format("α") for f in context.findings):
        context.note("loaded-hyperparameters", text.format("α" if name == "lr" else name))


def _resumed(context: Context, trajectory: Trajectory, trace: Trace, spec: Spec) -> Evidence | None:
    """What a target did after it loaded a state; None where that is not known exactly."""
    after = trajectory.reload_after
    assert after is not None
    grads = trajectory.grads[0]
    before = grads[:after].reshape(after, -1)
    state = state_after(context, spec, trajectory.hyper, before)
    if state is None:
        return None
    rest = replace(trajectory, grads=(grads[after:],))
    evidence = context.evidence(rest, Trace((trace.thetas[0][after:],)), spec)
    return replace(evidence, start=state, first=after, shown=after > 0)


def _gone_on(
    context: Context, account: Account, trajectory: Trajectory
) -> tuple[Trace, Break | None]:
    """A run whose state comes back in another format, and its refusal, which is a choice."""
    assert trajectory.reload_after is not None
    trace, after = context.attempt(trajectory), trajectory.reload_after
    failure = trace.failure
    if failure is None:
        context.sound(trace, trajectory)
        return trace, None
    # the state that is loaded is refused, or the first step from it
    if failure.kind != "raised" or failure.step not in (after, after + 1):
        raise TargetTrouble(failure, trajectory)
    account.refused.append(f"states that come back as {trajectory.stored}")
    text = f"a state that comes back as {trajectory.stored} is refused: {failure.message}"
    return trace, Break(text, 0, failure.step, choice=True, finding="stored-state")


def _in_either(
    context: Context, account: Account, evidence: Evidence, other: Format
) -> Break | None:
    """Judge in the target's own format or in the other one, if that is narrower, which is told."""
    judgement = context.judged(evidence)
    first = departure(judgement)
    for staying in _staying(evidence, other) if first is not None else ():
        within = judge(staying, context.admission)
        if not within.bad.any():
            judgement, first = within, None
            text = f"a state that comes back as {other.name} stays {other.name}"
            context.note("stored-state", text)
            break
    if first is None:
        account.count(judgement)
    return first


def _staying(evidence: Evidence, other: Format) -> Iterator[Evidence]:
    """The same of a target that goes on in the other format, where that is narrower."""
    if other.precision < evidence.fmt.precision:
        yield replace(evidence, fmt=other)
    if any(fmt.precision > other.precision for fmt in claimed(evidence.spec).values()):
        spec = claiming(evidence.spec, {"moments": other.name, "m": UNCLAIMED["m"]})
        if spec is not None:
            yield replace(evidence, spec=spec)


@property_("stored")
def stored(
    context: Context, account: Account, trajectory: Trajectory, spec: Spec, how: How
) -> Break | None:
    """A state that came back in another format (``trajectory.stored``) is gone on from.

    In the target's own format, or in the other one, if that is narrower.
    """
    assert trajectory.stored is not None
    trace, refused = _gone_on(context, account, trajectory)
    if refused is not None:
        return refused
    after = _resumed(context, trajectory, trace, spec)
    if after is None:
        context.note("not-asked", _UNKNOWN.format(f"a state as {trajectory.stored}"))
        return None
    other = FORMATS[trajectory.stored]
    first = _in_either(context, account, after, other)
    return None if first is None else replace(first, message=_came_back(other, first))


@property_("stored count")
def stored_count(
    context: Context, account: Account, trajectory: Trajectory, spec: Spec, how: How
) -> Break | None:
    """A count that came back in another format goes on, or is told to stall where that format ends.

    It was loaded two steps before that, with averages that a gradient of 1 leaves as they are.
    """
    assert trajectory.stored is not None
    trace, refused = _gone_on(context, account, trajectory)
    if refused is not None:
        return refused
    other = FORMATS[trajectory.stored]
    evidence = context.evidence(trajectory, trace, spec)
    first = _in_either(context, account, evidence, other)
    if first is None:
        return None
    last = 2**other.precision
    narrower = [other] if other.precision < context.fmt.precision else []
    for fmt in (context.fmt, *narrower):
        parts = [replace(part, fmt=fmt) for part in _stalled(evidence, last)]
        judgements = [judge(part, context.admission) for part in parts]
        if not any(judgement.bad.any() for judgement in judgements):
            for judgement in judgements:
                account.count(judgement, alone=True)
            _stalls(context, other)
            return None
    return replace(first, message=_came_back(other, first))


def _came_back(other: Format, first: Break) -> str:
    return f"after a state came back as {other.name} {first.message}"


def _stalled(evidence: Evidence, last: int) -> list[Evidence]:
    """The steps of a run as those of a count that goes to ``last`` and no further.

    Every later one is the last of a run that ends there: the averages are the same all the while.
    """
    before = last - evidence.first
    later = range(before + 1, evidence.shape[0] + 1)
    return [
        evidence.until(before),
        *(replace(evidence.until(k), first=last - k, unseen=k - 1) for k in later),
    ]


def _stalls(context: Context, other: Format) -> None:
    last = 2**other.precision
    first, second = (HYPERPARAMETERS[n].usual[0] for n in ("beta1", "beta2"))
    share = stalled_update(first, second, last)
    context.note(
        "stored-count",
        f"a state that comes back as {other.name} counts in {other.name}, no further than {last}:"
        f" at the usual β a constant gradient then moves by {share:.3f}·α",
    )


@property_("late")
def late(
    context: Context, account: Account, trajectory: Trajectory, spec: Spec, how: How
) -> Break | None:
    """Parameters without a gradient at some steps; what of the known conventions holds is named.

    Before its first gradient a parameter stays put; then t is its own count or the optimizer's. In
    a later gap it stays put; after the gap nothing is judged. Or all the time it moves as under
    gradients of zero.
    """
    assert trajectory.present is not None
    trace = context.run(trajectory)
    for p, given in enumerate(np.asarray(trajectory.present).T):
        one = replace(trajectory, theta0=(trajectory.theta0[p],), grads=(trajectory.grads[p],))
        first = _apart(context, account, one, trace.thetas[p], spec, given)
        if first is None:
            continue
        silent = one.grads[0].copy()
        silent[~given] = 0
        coasting = replace(one, grads=(silent,))
        judgement = context.judged(context.evidence(coasting, Trace((trace.thetas[p],)), spec))
        if judgement.bad.any():
            return first
        account.count(judgement)
        context.note("missing-gradient", "a missing gradient counts as a zero one: θ coasts on")
    return None


def _apart(
    context: Context, account: Account, one: Trajectory, thetas: Array, spec: Spec, given: Array
) -> Break | None:
    """A parameter that stays put while it has no gradient."""
    begins = int(np.argmax(given))
    gap = begins + int(np.argmin(given[begins:])) if not given[begins:].all() else given.size
    back = gap + int(np.argmax(given[gap:])) if gap < given.size else gap
    idle = difference(rows(thetas[:1]), rows(thetas[: begins + 1]), _MOVES)
    if idle is not None:
        return idle
    rest = replace(one, grads=(one.grads[0][begins:],))
    first = _from_first_gradient(context, account, rest, thetas[begins : gap + 1], spec, begins)
    if first is not None:
        what = "a parameter that begins late" if begins else "a parameter beside a late one"
        return replace(first, message=f"{what}: {first.message}")
    idle = difference(rows(thetas[gap : gap + 1]), rows(thetas[gap : back + 1]), _MOVES)
    return None if idle is None else replace(idle, step=idle.step + gap)


_MOVES: Final = "a parameter without a gradient moves"


def _from_first_gradient(
    context: Context, account: Account, one: Trajectory, thetas: Array, spec: Spec, begins: int
) -> Break | None:
    """Judge one parameter from its first gradient on, under its own t or the optimizer's."""
    evidence = context.evidence(one, Trace((thetas,)), spec)
    judgement = context.judged(evidence)
    if begins and judgement.bad.any():
        shared = context.judged(replace(evidence, first=begins))
        if not shared.bad.any():
            context.note("step-count", "parameters share one step count t (global, not their own)")
            judgement = shared
    account.count(judgement)
    return departure(judgement)
