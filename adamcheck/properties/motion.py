"""Whether θ moves, and stays a number, where the exact update is an ordinary one for the format.

It is asked with hyperparameters that the format may not hold: the envelope of a target that keeps
its scalars in the format is then too wide to judge, and what is left to say has names and numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from adamcheck.formats import Format
from adamcheck.oracle.enclose import enclose
from adamcheck.oracle.envelope import STRICT
from adamcheck.oracle.evidence import Evidence
from adamcheck.oracle.judge import Judgement, judge, level_of
from adamcheck.properties.admission import own_scalars
from adamcheck.properties.base import How, property_
from adamcheck.properties.context import Account, Break, Context, Skip
from adamcheck.properties.envelope import departure
from adamcheck.spec import Spec
from adamcheck.spec.defaults import Defaults
from adamcheck.spec.hyperparameters import HYPERPARAMETERS
from adamcheck.storage import remembers
from adamcheck.targets.protocol import Trajectory

Flags = NDArray[np.bool_]
Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Motion:
    """How a target moved beside how it should have; arrays are ``[T, N]`` or, of elements, ``[N]``.

    exact: θ_t - θ_{t-1} with exact scalars from the θ_{t-1} that was seen, NaN where the format
    cannot hold the exact θ_t. clear: that is more than a whole place of θ, twice what rounding to
    nearest may swallow. ordinary ``[N]``: what the rule keeps of every gradient is a normal number.
    lost ``[N]``: so many first steps θ is a number wherever the exact one is. still ``[N]``: after
    so many first steps θ keeps its bits.
    """

    evidence: Evidence
    exact: Numbers
    clear: Flags
    ordinary: Flags
    lost: NDArray[np.int64]
    still: NDArray[np.int64]

    @property
    def steps(self) -> int:
        """T."""
        return self.evidence.shape[0]

    @property
    def sizes(self) -> Numbers:
        """|g|, ``[T, N]``."""
        return np.abs(self.evidence.grads[: self.steps].astype(np.float64))

    @property
    def at_rest(self) -> Flags:
        """Where θ keeps its bits to the end, ``[T, N]``."""
        return np.asarray(np.arange(self.steps)[:, None] >= self.still)

    @property
    def stands(self) -> Flags:
        """Elements that stand still for half of the run at least, though they clearly should move.

        Where most of these updates are lost in θ, nothing is said: that is the format's limit.
        """
        rest = self.at_rest.sum(axis=0)
        clear = (self.at_rest & self.clear).sum(axis=0)
        return np.asarray((2 * self.still <= self.steps) & (2 * clear > rest))


def motion(evidence: Evidence) -> Motion:
    """Hold a run beside the exact steps from its own parameters."""
    fmt, steps = evidence.fmt, evidence.shape[0]
    level = level_of(evidence.spec, fmt)
    exact = enclose(evidence, STRICT, level=level, quantities=("theta",))["theta"]
    thetas = evidence.thetas.astype(np.float64)
    known = (exact.lower >= -fmt.largest) & (exact.upper <= fmt.largest)
    with np.errstate(invalid="ignore"):
        away = np.maximum(exact.lower - thetas[:-1], thetas[:-1] - exact.upper)
        clear = known & (away > places(thetas[:-1], fmt))
        middle = np.where(known, (exact.lower + exact.upper) / 2.0, np.nan)
        lost = known & ~np.isfinite(thetas[1:])
        changed = thetas[1:] != thetas[:-1]
        moved = middle - thetas[:-1]
    return Motion(
        evidence,
        moved,
        clear,
        _ordinary(evidence),
        np.where(lost.any(axis=0), lost.argmax(axis=0), steps),
        np.where(changed.any(axis=0), steps - np.argmax(changed[::-1], axis=0), 0),
    )


def places(values: Numbers, fmt: Format) -> Numbers:
    """The distance between neighbours of the format at each value."""
    finite = np.where(np.isfinite(values), values, 0.0)
    exponents = np.maximum(np.frexp(finite)[1] - 1, fmt.min_exponent)
    lowest = np.where(finite == 0.0, fmt.min_exponent, exponents)
    return np.asarray(np.ldexp(1.0, lowest - fmt.precision + 1), np.float64)


def _ordinary(evidence: Evidence) -> Flags:
    """Elements whose gradients leave normal numbers in g, g² and what the averages add of both."""
    fmt, hyper = evidence.fmt, evidence.hyper
    sizes = np.abs(evidence.grads[: evidence.shape[0]].astype(np.float64))
    first, second = (1.0 - hyper.get(name, 0.0) for name in ("beta1", "beta2"))
    with np.errstate(over="ignore"):
        least, most = sizes.min(axis=0), sizes.max(axis=0)
        normal = np.minimum(first * least, second * least * least) >= fmt.smallest_normal
        return np.asarray(normal & (4.0 * most * most <= fmt.largest))


@property_("moves")
def moves(
    context: Context, account: Account, trajectory: Trajectory, spec: Spec, how: How
) -> Break | None:
    """θ stays in the envelope, is a number where the exact one is, and does not stand still.

    What the envelope is too wide to decide asks nothing here, as the law is that θ moves. What only
    gradients meet that are beyond the format, or only some elements, is noted. tail: how many
    last steps are measured against the exact ones.
    """
    trace = context.run(trajectory)
    evidence = context.evidence(trajectory, trace, spec)
    judgement = context.judged(evidence)
    if context.unbounded(evidence):
        raise Skip("moments are in blocks: what codes lose over a run has no bound")
    seen = motion(evidence)
    decided, undecided = _asked(seen, judgement)
    account.reach.add(judgement)
    account.examples += decided
    account.undecided += undecided
    account.open += sum(int(tally.undecided.sum()) for tally in judgement.tallies.values())
    account.ratio = max(account.ratio, judgement.largest_ratio)
    broken = _lost(seen) or _stands(seen) or departure(judgement)
    if broken is not None and _excused(context, seen):
        text = f"under usual hyperparameters {broken.message}"
        context.note("default-limit", text)
        # an envelope that such scalars leave without a bound decides nothing, and passes nothing
        raise Skip(f"the target has no default of its own, and {text}")
    if broken is None:
        for one in _notes(seen, int(how.get("tail", 0))):
            context.note(one.name, f"under default hyperparameters {one.text}", **one.numbers)
    return broken


def _asked(seen: Motion, judgement: Judgement) -> tuple[int, int]:
    """How many element-steps could have shown a law broken, and how many could not.

    Those that could are clear, so that standing still is one, or decided by the envelope. Which the
    latter are is known by number alone: so many at least are either.
    """
    # from what is no number no step can be asked for
    asked = np.isfinite(seen.evidence.thetas[:-1].astype(np.float64)) & seen.ordinary
    steps = asked.sum(axis=0)
    either = np.maximum((asked & seen.clear).sum(axis=0), judgement.tallies["theta"].decided)
    told = int(np.minimum(either, steps).sum())
    return told, int(steps.sum()) - told


def _excused(context: Context, seen: Motion) -> bool:
    """Whether the format's own scalars, where the spec admits them, explain what the target did."""
    evidence, wider = seen.evidence, replace(context.admission, scalars="array")
    if wider != context.admission and not own_scalars(evidence.spec, evidence.fmt):
        return False
    chosen = _chosen(seen, context.description.defaults)
    return chosen and departure(judge(evidence, wider)) is None


def _chosen(seen: Motion, defaults: Defaults) -> bool:
    """Whether it is the caller who chose an average's weight that the format does not hold.

    A target without a default of its own promises nothing of such a number: what comes of it is the
    format's limit. One that has it offers its users what cannot work.
    """
    hyper, fmt = seen.evidence.hyper, seen.evidence.fmt
    records = [HYPERPARAMETERS[name] for name in hyper]
    lost = [
        one for one in records if one.role == "average" and not one.follows(hyper[one.name], fmt)
    ]
    return bool(lost) and not any(one.name in defaults.values for one in lost)


def _lost(seen: Motion) -> Break | None:
    bad = np.flatnonzero(seen.ordinary & (seen.lost < seen.steps))
    if not bad.size:
        return None
    element = int(bad[np.argmin(seen.lost[bad])])
    step = int(seen.lost[element]) + 1
    text = f"θ is {_word(seen, element)} from step {step} on in {bad.size} of {seen.ordinary.size}"
    return Break(f"{text} elements{because(seen.evidence)}", element, step, "theta", seen.evidence)


def _stands(seen: Motion) -> Break | None:
    """All at rest for half of the run at least, while some of them clearly should move."""
    if not seen.ordinary.any():
        return None
    last = int(seen.still[seen.ordinary].max())
    clear = 2 * seen.clear[last:].sum(axis=0) > seen.steps - last
    asked = seen.ordinary & clear
    if 2 * last > seen.steps or not asked.any():
        return None
    element = int(np.flatnonzero(asked)[0])
    where = f"stands still from step {last + 1} of {seen.steps} on" if last else "does not move"
    during = "" if last else f" in {seen.steps} step{'s' * (seen.steps != 1)}"
    text = (
        f"θ {where}{during}: none of {int(seen.ordinary.sum())} elements changes a bit, and exact"
        f" updates of {int(asked.sum())} are more than a place of θ{because(seen.evidence)}"
    )
    return Break(text, element, last + 1, "theta", seen.evidence)


def because(evidence: Evidence) -> str:
    """Which averages and floors the format does not hold, as a clause; empty where it does."""
    return lost_in(evidence.hyper, evidence.fmt, before="; ")


def lost_in(hyper: Mapping[str, float], fmt: Format, *, before: str = "") -> str:
    """Such as ``β2 = 0.999 is 1 in bfloat16``; empty where the format follows every value."""
    records = [HYPERPARAMETERS[name] for name in hyper]
    bad = [
        f"{one.symbol} = {hyper[one.name]:g} is {fmt.rounded(hyper[one.name]):g} in {fmt.name}"
        for one in records
        if one.role in ("average", "floor") and not one.follows(hyper[one.name], fmt)
        if fmt.rounded(hyper[one.name]) != hyper[one.name]
    ]
    return before + ", ".join(bad) if bad else ""


@dataclass(frozen=True)
class _Note:
    """A finding about a run."""

    name: str
    text: str
    numbers: Mapping[str, float] = field(default_factory=dict)


def _notes(seen: Motion, tail: int) -> Iterator[_Note]:
    yield from _underflows(seen)
    yield from _some_stand(seen)
    if 0 < tail < seen.steps:
        yield from _swallowed(seen)
        yield from _pace(seen, tail)


def _underflows(seen: Motion) -> Iterator[_Note]:
    """What is no number as the gradient's square is not in the format's range, or is 0."""
    least = seen.sizes.min(axis=0)
    gone = ~seen.ordinary & (seen.lost < seen.steps)
    for where, which in (("", gone & (least > 0.0)), ("the gradient is 0", gone & (least == 0.0))):
        if which.any():
            element = int(np.argmax(np.where(which, least, -1.0)))
            where = where or f"|g| is {least[element]:.3g}"
            text = (
                f"θ is {_word(seen, element)} from step {seen.lost[element] + 1} on where {where}"
            )
            yield _Note("default-underflow", f"{text}{because(seen.evidence)}")


def _some_stand(seen: Motion) -> Iterator[_Note]:
    halted = seen.stands & (seen.lost == seen.steps)
    if not halted.any():
        return
    element = int(np.flatnonzero(halted)[0])
    text = (
        f"{int(halted.sum())} of {halted.size} elements stand still though exact updates are more"
        f" than a place of θ, such as one under |g| = {seen.sizes[-1, element]:.3g}"
    )
    yield _Note("default-still", f"{text}{because(seen.evidence)}")


def _swallowed(seen: Motion) -> Iterator[_Note]:
    """Where θ has grown until it swallows its updates: the format's limit, with numbers."""
    evidence, thetas = seen.evidence, seen.evidence.thetas.astype(np.float64)
    if remembers(evidence.spec) or evidence.spec.rounding == "stochastic":
        return  # it is kept, or made good by chance: no run that ends here shows a loss
    rest = seen.at_rest
    below = (rest & (seen.exact != 0.0) & np.isfinite(seen.exact) & ~seen.clear).sum(axis=0)
    halted = seen.ordinary & (seen.still < seen.steps) & (2 * below > rest.sum(axis=0))
    if not halted.any():
        return
    element = int(np.argmin(np.where(halted, seen.still, seen.steps)))
    place = places(thetas[-1:, element], evidence.fmt)[0]
    text = (
        f"and |g| = {seen.sizes[-1, element]:.3g} θ stays at {thetas[-1, element]:.3g} from step"
        f" {seen.still[element] + 1} on: an update of {abs(seen.exact[-1, element]):.3g} is lost in"
        f" its place, {place:.3g}"
    )
    yield _Note("lost-updates", text)


def _pace(seen: Motion, tail: int) -> Iterator[_Note]:
    """How long the last steps of gradients of one size are beside the exact ones."""
    sizes, fmt = seen.sizes, seen.evidence.fmt
    late = seen.evidence.thetas[-1 - tail :].astype(np.float64)
    with np.errstate(invalid="ignore"):
        went, asked = late[-1] - late[0], seen.exact[-tail:].sum(axis=0)
    # each step may lose half a place
    rounding = tail * places(np.abs(late).max(axis=0), fmt) / 2.0
    told = seen.ordinary & (sizes == sizes[0]).all(axis=0) & (np.abs(asked) > rounding)
    told &= np.abs(went - asked) > rounding
    ratio = np.where(told, went / np.where(told, asked, 1.0), 1.0)
    element = int(np.argmax(np.abs(ratio - 1.0)))
    if f"{ratio[element]:.3g}" == "1":
        return
    text = (
        f"after {seen.steps - tail} steps of |g| = {sizes[0, element]:.3g} the next {tail} go"
        f" {ratio[element]:.3g} times as far as exact ones"
    )
    yield _Note("default-pace", text, {"times_the_exact_step": float(ratio[element])})


def _word(seen: Motion, element: int) -> str:
    value = float(seen.evidence.thetas[int(seen.lost[element]) + 1, element])
    return "NaN" if np.isnan(value) else "infinite"
