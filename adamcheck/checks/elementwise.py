"""Element independence: sizes, tails, permutations, parameter lists, non-finite neighbours."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from adamcheck.checks.calls import EXACT
from adamcheck.checks.draws import inexact, ladder, life, steps_for
from adamcheck.checks.registry import SWALLOWED, check
from adamcheck.formats import format_named
from adamcheck.properties import hold, offered
from adamcheck.properties.context import Account, Array, Context, Skip
from adamcheck.properties.exactly import state_after


@check(
    "ADAM-EL-1",
    title="Sizes 0, 1, 2 … 33",
    law="For every size from 0 to 33 every element follows the rule.",
    clause="each element by itself",
    theorem="elementwise",
)
def small_sizes(context: Context, account: Account) -> None:
    rng = context.rng("sizes")
    hyper = inexact(context, "sizes")
    for n in range(context.declared.least_size, 34):
        grads = rng.uniform(0.25, 1.0, (3, n)) * rng.choice((-1.0, 1.0), (3, n))
        offered(context, account, context.trajectory(grads, hyper=hyper))


@check(
    "ADAM-EL-2",
    title="Large arrays",
    law="In arrays that fill blocks of 64 to 4,096 exactly or by one element more, and of sizes"
    " drawn up to the horizon, every element follows the rule, the last one too, for many steps.",
    clause="each element by itself",
    theorem="elementwise",
)
def large_sizes(context: Context, account: Account) -> None:
    rng, hyper = context.rng("large"), inexact(context, "large")
    blocks = [2**k + odd for k in range(6, 13) for odd in (0, 1)]
    if context.able("many"):
        grads = life(context, hyper, 4, sum(blocks), "blocks")
        parts = np.split(context.cast(grads), np.cumsum(blocks)[:-1], axis=1)
        one = context.trajectory(parts[0], hyper=hyper)
        starts = tuple(context.cast(np.zeros(n)) for n in blocks)
        hold(context, account, replace(one, theta0=starts, grads=tuple(parts)))
        blocks = [int(n) for n in rng.choice(blocks, 4, replace=False)]
    for n in blocks:
        grads = life(context, hyper, 2, n, f"block of {n}")
        hold(context, account, context.trajectory(grads, hyper=hyper))
    for n in ladder(rng, 300, context.profile.wide, parts=2):
        steps = context.affordable(steps_for(context, n), least=6)
        # which element is silent is left to no chance
        grads = life(context, hyper, steps, n, f"array of {n}", pauses=1)
        hold(context, account, context.trajectory(grads, hyper=hyper))


@check(
    "ADAM-EL-3",
    title="Permuted, split and joined",
    law="Permuting the elements permutes the result; where bits depend on the position it is a"
    " finding, while every value stays in the envelope.",
    clause="each element by itself",
    theorem="elementwise",
)
def permuted(context: Context, account: Account) -> None:
    rng = context.rng("permute")
    grads = rng.standard_normal((6, 257))
    order = rng.permutation(257)
    straight = context.trajectory(grads, hyper=context.dyadic)
    shuffled = context.trajectory(grads[:, order], hyper=context.dyadic)
    first = context.trajectory(grads[:, :101], hyper=context.dyadic)
    if not all(hold(context, account, t) for t in (straight, shuffled, first)):
        return
    whole, other, part = (context.run(t).thetas[0] for t in (straight, shuffled, first))
    same = np.array_equal(whole[:, order], other) and np.array_equal(whole[:, :101], part)
    if not same:
        context.note("position-dependent-bits", "where an element stands changes its last bits")


@check(
    "ADAM-EL-4",
    title="Several parameters",
    law="In a list of parameters of several sizes and shapes each follows the rule, same t.",
    clause="each parameter by itself",
    theorem="elementwise",
    needs=("many",),
)
def several(context: Context, account: Account) -> None:
    rng = context.rng("several")
    shapes = ((5,), (3, 4), (5,), (), (1,), (2, 1, 3), (3, 4), (33,), (0,))
    grads = tuple(context.cast(rng.standard_normal((12, *shape))) for shape in shapes)
    theta0 = tuple(context.cast(rng.uniform(-1.0, 1.0, shape)) for shape in shapes)
    one = context.trajectory(grads[0], hyper=inexact(context, "several"))
    offered(context, account, replace(one, theta0=theta0, grads=grads))
    # a pair of one shape, and of equal values: what they are cannot tell them apart
    offered(context, account, replace(one, theta0=theta0[:1] * 2, grads=grads[:3:2]))
    # more parameters than one launch of a kernel over lists of tensors takes
    sizes = [k % 3 + 1 for k in range(context.profile.parameters)]
    grads = tuple(context.cast(rng.standard_normal((3, n))) for n in sizes)
    theta0 = tuple(context.cast(rng.uniform(-1.0, 1.0, n)) for n in sizes)
    offered(context, account, replace(one, theta0=theta0, grads=grads))


@check(
    "ADAM-EL-5",
    title="Parameters of several formats",
    law="In a list with parameters of other formats each follows the rule in its own as it does"
    " alone, and stays in it.",
    clause="each parameter by itself",
    theorem="elementwise",
    needs=("many",),
    floor=SWALLOWED,
)
def several_formats(context: Context, account: Account) -> None:
    if context.fmt.is_double:
        raise Skip("beside fewer digits a list may keep its scalars in those: not asked of float64")
    others = [
        name
        for name in context.description.dtypes
        if name != context.fmt.name and not format_named(name).is_double
    ]
    if not others:
        raise Skip(f"of formats that are no float64 the target takes {context.fmt.name} alone")
    rng = context.rng("several formats")
    # the odd one first, in the middle and last, two of one shape
    hyper = context.altered(context.dyadic, eps=0.25, **_BRIEF)
    shapes = ((5,), (3, 4), (5,), (7,))
    theta0, grads = (
        tuple(
            context.cast(rng.uniform(0.25, 2.0, shape) * rng.choice((-1.0, 1.0), shape))
            for shape in (((*steps, *shape)) for shape in shapes)
        )
        for steps in ((), (10,))
    )
    one = context.trajectory(grads[0], hyper=hyper)
    own = context.fmt.name
    for other in others:
        for formats in ((own, other), (other, own, own), (own, own, other, own)):
            several = replace(one, theta0=theta0, grads=grads)
            offered(context, account, several, "each in its format", formats=list(formats))


_BRIEF: Final = {"lr": 0.1, "beta1": 0.7, "beta2": 0.85, "momentum": 0.7}
"""Averages that forget before the fewest digits swallow what comes; no format holds these numbers,
so that one which is rounded to another format than its parameter's shows."""


@check(
    "ADAM-NF-1",
    title="Non-finite gradients stay in their element",
    law="A NaN or infinite gradient spoils its own element and no other.",
    clause="each element by itself",
    theorem="elementwise",
)
def nonfinite(context: Context, account: Account) -> None:
    rng = context.rng("nonfinite")
    # wider than the blocks in which kernels reduce, and no multiple of them
    grads = rng.uniform(0.25, 1.0, (8, 299)) * rng.choice((-1.0, 1.0), (8, 299))
    # first gradients and averages whose moments are exact: the state at a guarded step is known
    exact = grads.copy()
    exact[:EXACT] = np.sign(exact[:EXACT])
    hyper = context.altered(context.dyadic, beta1=0.5, beta2=0.5, momentum=0.5)
    late = int(rng.integers(2, EXACT))
    # a first step that moves nothing tells less of a guard than the second, but needs no state
    known = [state_after(context, context.spec, hyper, exact[:k]) is not None for k in (1, late)]
    for at in (1, 0, late) if known[0] else (0, 1, late):
        for bad, element in ((np.nan, 17), (np.inf, 298), (-np.inf, 0)):
            _poisoned(context, account, exact, hyper, (at, element), bad, shown=not known[1])
    # averages that remember longer: little of what was made of the step is forgotten
    for bad, where in ((np.inf, (3, 298)), (-np.inf, (2, 0)), (np.nan, (0, 17))):
        _poisoned(context, account, grads, context.dyadic, where, bad, shown=True)


def _poisoned(
    context: Context,
    account: Account,
    grads: Array,
    hyper: dict[str, float],
    where: tuple[int, int],
    bad: float,
    *,
    shown: bool,
) -> None:
    """One gradient that is not finite, at (step, element); ``shown``: with moments, if it can."""
    poisoned = grads.copy()
    poisoned[where] = bad
    trajectory = context.trajectory(
        poisoned, hyper=hyper, moments=shown and where[0] > 0 and context.able("moments")
    )
    hold(context, account, trajectory, "non-finite stays", meant=dict(account.meant))
