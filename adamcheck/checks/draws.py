"""What checks draw, each from a range that ends at the profile's horizon and is visited to its end.

Everything is log-uniform and stratified: a threshold anywhere below the horizon is passed, whatever
its size. A seed and a salt fix what is drawn.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from adamcheck.inputs.followed import least_parameter
from adamcheck.inputs.lives import Scope, lengths, lives, spread
from adamcheck.inputs.zone import Zone, zone
from adamcheck.program import trace
from adamcheck.properties.context import Array, Context
from adamcheck.spec import Spec
from adamcheck.spec.hyperparameters import HYPERPARAMETERS
from adamcheck.theory import constant_moment

_OCTAVES: Final = 40
"""How far from the usual magnitude the gradients of a long life go: g² stays well inside."""


def ladder(rng: np.random.Generator, low: int, high: int, *, parts: int = 1) -> list[int]:
    """Whole numbers up to ``high``, which is one: one drawn in each of ``parts`` of a decade."""
    drawn = [high]
    top = float(high)
    while top > low:
        bottom = max(float(low), top * 10.0 ** (-1.0 / parts))
        drawn.append(round(math.exp(rng.uniform(math.log(bottom), math.log(top)))))
        top = bottom
    return sorted(set(drawn))


def steps_for(context: Context, elements: int) -> int:
    """How many steps a run of so many elements has, that wide runs cost alike: six at least."""
    most = context.profile.area // max(1, elements)
    return max(6, min(most, context.profile.long_steps // 16))


def slow(context: Context, steps: int) -> dict[str, float]:
    """Dyadic β so near to 1 that averages remember ``steps`` steps, as far as the format can.

    An average in storage of unit roundoff u is off by up to u/(1-β): some bits must be left.
    """
    first, second = nearest(context)
    needed = max(3, math.ceil(math.log2(max(8, steps))))
    near = 1.0 - 2.0 ** -min(first, needed - 1)
    return context.altered(
        context.dyadic, beta1=near, momentum=near, beta2=1.0 - 2.0 ** -min(second, needed + 1)
    )


def nearest(context: Context) -> tuple[int, int]:
    """(k for β1, k for β2) of the largest 1-2^-k at which the envelope leaves half of the steps."""
    p = context.coarsest.precision
    return (p - 6, p - 5) if context.coarsest.narrow else (p - 12, p - 10)


def brief(context: Context, salt: str) -> dict[str, float]:
    """Drawn hyperparameters whose averages forget soon, so that little is lost in their bounds."""
    rng = context.rng(salt)
    few = context.coarsest.narrow
    first, second = ((0.5, 2.0), (1.5, 3.0)) if few else ((1.0, 4.0), (2.0, 6.0))
    near = 1.0 - 2.0 ** -rng.uniform(*first)
    drawn = {
        "lr": context.dyadic["lr"] * rng.uniform(0.5, 1.0),
        "beta1": near,
        "beta2": 1.0 - 2.0 ** -rng.uniform(*second),
        "momentum": near,
    }
    if "eps" in context.dyadic:
        # small beside most gradients, and not so small that nobody would miss it
        drawn["eps"] = _safe(context, drawn).ordinary * 2.0 ** rng.uniform(-5.0, -1.0)
    drawn["weight_decay"] = context.dyadic.get("weight_decay", 0.0) * rng.uniform(0.5, 1.0)
    return context.altered(context.dyadic, **drawn)


def inexact(context: Context, salt: str) -> dict[str, float]:
    """Hyperparameters that no format holds: a code path that keeps them narrower shows.

    Dyadic ones where few digits leave no room for what honest scalars may be off by.
    """
    few = context.coarsest.narrow
    return context.dyadic if few else brief(context, salt)


def usual(context: Context) -> dict[str, float]:
    """The ordinary hyperparameters; dyadic ones where the format cannot average over so many."""
    return context.dyadic if context.coarsest.narrow else context.ordinary


def _safe(context: Context, hyper: Mapping[str, float]) -> Zone:
    given = {n: hyper.get(n, context.dyadic.get(n, 0.5)) for n in ("lr", "beta1", "beta2")}
    return zone(context.ranged, context.declared.settled(given))


def _memory(context: Context, hyper: Mapping[str, float]) -> int:
    """Steps without gradients after which β^k, of the average that lasts longer, is below u."""
    kept = max((hyper.get(n, 0.0) for n in ("beta1", "beta2", "momentum")), default=0.0)
    return math.ceil(math.log(context.coarsest.u) / math.log(kept)) if 0.0 < kept < 1.0 else 1


_DEEP: Final = 600
"""Octaves that moments of float64 may fall before the oracle's double-double leaves its range."""


def decidable(context: Context, hyper: Mapping[str, float]) -> float:
    """Steps without gradients after which the oracle still decides cheaply what is left."""
    least = min((x for n in ("beta1", "beta2", "momentum") if (x := hyper.get(n, 0.0)) > 0.0),
                default=1.0)  # fmt: skip
    deep = _DEEP / (2 if context.spec.centered == "yes" else 1)  # a mean is squared there
    return deep / -math.log2(least) if context.fmt.is_double and least < 1.0 else math.inf


def life(
    context: Context,
    hyper: Mapping[str, float],
    steps: int,
    count: int,
    salt: str,
    *,
    silence: int | None = None,
    start: int | None = None,
    pauses: int = 0,
) -> Array:
    """Lives ``[steps, count]`` (inputs.lives) in the zone that these hyperparameters leave.

    Silences and late starts end where there is time to see what they left behind; in so many
    ``pauses`` all elements are silent at once.
    """
    safe = _safe(context, hyper)
    low, high = safe.window(_OCTAVES)
    middle = math.log2(safe.ordinary)
    room = int(min(max(1, steps - max(8, steps // 8)), decidable(context, hyper)))
    scope = Scope(
        silence=min(room, context.profile.silence if silence is None else silence),
        memory=_memory(context, hyper),
        start=min(room, context.profile.late_start if start is None else start),
        spike=max(1.0, high - middle - 3.0),
        same_sign=4 if context.fmt.narrow else 64,
        low=low,
        high=high,
        near=(max(low, middle - 3.0), min(high, middle + 3.0)),
    )
    grads = lives(context.rng(salt), steps, count, scope)
    turns = np.where(np.arange(count) % 2 == 0, 1.0, -1.0) * 2.0**middle
    if pauses and context.spec.centered == "yes":
        # what a pause leaves of v-ḡ² is soon as narrow as its bound
        context.note("not-asked", "no silence of all elements at once, as v-ḡ² cancels after it")
        pauses = 0
    # few digits see little of what comes after one: a third of its part is left silent there
    longest = min(scope.silence, steps // (3 * pauses) if pauses and context.fmt.narrow else steps)
    for begin, end in _pauses(context.rng(f"pauses {salt}"), steps, longest, pauses):
        for beside in (slice(max(0, begin - _BESIDE), begin), slice(end, end + _BESIDE)):
            # where an element's own silence would join it, it would last longer than is asked for
            grads[beside] = np.where(grads[beside] == 0.0, turns, grads[beside])
        grads[begin:end] = 0.0
    return growing(context, _followed(context, hyper, grads), hyper)


_BESIDE: Final = 4
"""Steps before and after a common silence in which every element has a gradient."""


def _pauses(
    rng: np.random.Generator, steps: int, longest: int, count: int
) -> list[tuple[int, int]]:
    """``count`` silences of all elements, one in each of so many parts of a run.

    Log-uniform up to the longest, or to the one that leaves some room before and after it.
    """
    part = steps // max(1, count)
    before = min(8, part // 3)
    silent = lengths(rng, min(longest, part - before - max(1, part // 16)), count)
    begins = np.arange(count) * part + before
    return [(int(a), int(a + n)) for a, n in zip(begins, silent, strict=True)]


def _followed(context: Context, hyper: Mapping[str, float], grads: Array) -> Array:
    """The gradients, another column's where θ would fall so far that λθ as a gradient is too small.

    Only where nothing keeps the gradients that came: a silence of θ(1 - αλ/√v) halves θ at every
    step at which √v is near αλ, and a velocity would let it fall as slowly as itself.
    """
    kept = any(hyper.get(name, 0.0) > 0.0 for name in ("beta1", "momentum"))
    if not context.fmt.is_double or context.spec.decay != "l2" or kept:
        return grads
    least = least_parameter(context.spec, hyper, grads)
    fit = np.flatnonzero(least >= 2.0 ** -(_DEEP / 2))  # v is made of its square
    if not fit.size:
        return grads
    column = np.arange(grads.shape[1])
    return grads[:, np.where(np.isin(column, fit), column, np.resize(fit, column.size))]


def growing(context: Context, grads: Array, hyper: Mapping[str, float]) -> Array:
    """The gradients, grown to the end of the window where few digits make that needed.

    A sum of squares over hundreds of steps is not known in 8 bits, unless the last ones weigh most.
    """
    if not (context.fmt.narrow and _never_forgets(context.spec)):
        return grads
    safe = _safe(context, hyper)
    high = safe.window(_OCTAVES)[1]
    growth = np.linspace(0.0, high - math.log2(safe.ordinary), len(grads))
    return np.asarray(np.clip(grads * np.exp2(growth)[:, None], -(2.0**high), 2.0**high))


CANCELLED: Final = "few digits leave nothing of v-ḡ²"
"""Why a check does not ask what is ``cancelling``."""


def state_at(
    context: Context, t: int, m: Array, v: Array, beta2: float, *, above: float = 1.0
) -> dict[str, Any]:
    """A state of t steps to be loaded ``[N]``; AMSGrad's maximum is v, or what corrects it.

    above: so many times v has the maximum been.
    """
    state = {"m": context.moment("m", m), "v": context.moment("v", v), "t": t}
    if context.spec.amsgrad == "v":
        state["v_max"] = context.moment("v_max", v * above)
    elif context.spec.amsgrad == "vhat":
        state["v_max"] = context.moment("v_max", v * above / constant_moment(beta2, t, 1.0))
    return state


def cancelling(context: Context) -> bool:
    """Whether few digits leave nothing of a velocity over √(v-ḡ²) after hundreds of steps."""
    return context.fmt.narrow and context.spec.centered == "yes"


def _never_forgets(spec: Spec) -> bool:
    """Whether some moment is a sum of all that came, as AdaGrad's."""
    program = trace(spec)

    def is_old(i: int, name: str) -> bool:
        op = program.ops[i]  # the first value may be chosen instead of the old one
        return op.name == name or (
            op.kind == "choose" and any(is_old(k, name) for k in op.args[1:])
        )

    return any(
        program.ops[i].kind == "add" and any(is_old(k, name) for k in program.ops[i].args)
        for name, i in program.outputs
        if name.startswith("s.") and name[2:] not in program.clocks
    )


def silences(context: Context, hyper: Mapping[str, float], silence: int, count: int) -> Array:
    """Gradients ``[silence + 64, count]`` with one silence an element, up to the longest asked for.

    Before it stand 8 to 32 gradients and after it all that is left, at least 32.
    """
    rng = context.rng(f"silences {silence}")
    steps = silence + 64
    t = np.arange(steps)[:, None]
    begins = rng.integers(8, 33, count)
    given = (t < begins) | (t >= begins + lengths(rng, silence, count))
    middle = _safe(context, hyper).ordinary
    sizes = middle * np.exp2(rng.uniform(-2.0, 2.0, count)) * rng.uniform(0.5, 1.0, (steps, count))
    # where few bits are kept, a parameter that runs one way for long swallows its own steps
    turning = np.ones(count, np.int64) if context.fmt.narrow else rng.integers(0, 2, count)
    turns = np.where(turning * (t % 2) == 1, -1.0, 1.0)
    return growing(context, np.asarray(given * turns * sizes), hyper)


def spikes(
    context: Context, hyper: Mapping[str, float], steps: int, count: int, *, at_once: bool = False
) -> Array:
    """Steady gradients ``[steps, count]`` with a spike an element, at any step and of any size.

    Every other spike is moderate, as after a huge one nothing is seen for long; where digits are
    few all are forgotten within an eighth of the run. ``at_once``: all at one late step, so that
    what goes by the norms before it has met no other.
    """
    rng = context.rng("spikes")
    safe = _safe(context, hyper)
    base = min(0.0, safe.high - 6.0)
    t = np.arange(steps)[:, None]
    turns = np.where((t // rng.integers(1, 3, count)) % 2 == 0, 1.0, -1.0)
    grads = np.exp2(base) * turns * rng.uniform(0.5, 1.0, (steps, count))
    at = np.minimum(lengths(rng, steps - 1, count), steps - 1)
    if at_once:
        at = np.full(count, rng.integers(steps // 2, steps - steps // 8))
    highest = safe.high - base
    if context.fmt.narrow:
        highest = min(highest, steps / 16 * -math.log2(hyper.get("beta2") or 0.5))
    most = np.where(np.arange(count) % 2 == 0, highest, min(highest, 6.0))
    grads[at, np.arange(count)] *= np.exp2(most * spread(rng, count))
    return growing(context, np.asarray(grads), hyper)


def choices(context: Context, count: int, salt: str) -> list[dict[str, float]]:
    """``count`` drawn choices of all hyperparameters; over them each one visits its whole range."""
    rng = context.rng(salt)
    columns = {n: values(context, n, rng, count) for n in context.ordinary}
    drawn = [{n: float(x[k]) for n, x in columns.items()} for k in range(count)]
    return [context.declared.settled(each) for each in drawn]


def values(context: Context, name: str, rng: np.random.Generator, count: int) -> Array:
    """``count`` values of one hyperparameter over its whole range, in any order.

    Fractions come as near to 1 as the format can follow.
    """
    one = HYPERPARAMETERS[name]
    low, high = one.octaves_in(context.ranged)
    if one.role == "average":
        low = max(low, -float(nearest(context)[name == "beta2"]))
    drawn = np.exp2(low + (high - low) * spread(rng, count))
    return np.asarray(1.0 - drawn if one.role == "average" else drawn)
