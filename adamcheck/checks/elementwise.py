"""Element independence: sizes, tails, permutations, parameter lists, non-finite neighbours."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from adamcheck.checks.draws import ladder, life, steps_for
from adamcheck.checks.lab import Account, Lab
from adamcheck.checks.properties import hold
from adamcheck.checks.registry import check


@check(
    "ADAM-EL-1",
    title="Sizes 0, 1, 2 … 33",
    law="For every size from 0 to 33 every element follows the rule.",
    clause="each element by itself",
    theorem="elementwise",
)
def small_sizes(lab: Lab, account: Account) -> None:
    rng = lab.rng("sizes")
    for n in range(34):
        grads = rng.uniform(0.25, 1.0, (3, n)) * rng.choice((-1.0, 1.0), (3, n))
        hold(lab, account, lab.trajectory(grads, hyper=lab.dyadic))


@check(
    "ADAM-EL-2",
    title="Large arrays",
    law="In arrays that fill blocks of 64 to 4,096 exactly or by one element more, and of sizes"
    " drawn up to the horizon, every element follows the rule, the last one too, for many steps.",
    clause="each element by itself",
    theorem="elementwise",
)
def large_sizes(lab: Lab, account: Account) -> None:
    rng = lab.rng("large")
    blocks = [2**k + odd for k in range(6, 13) for odd in (0, 1)]
    if lab.able("many"):
        grads = life(lab, lab.dyadic, 4, sum(blocks), "blocks")
        parts = np.split(lab.cast(grads), np.cumsum(blocks)[:-1], axis=1)
        one = lab.trajectory(parts[0], hyper=lab.dyadic)
        starts = tuple(lab.cast(np.zeros(n)) for n in blocks)
        hold(lab, account, replace(one, theta0=starts, grads=tuple(parts)))
        blocks = [int(n) for n in rng.choice(blocks, 4, replace=False)]
    for n in blocks:
        grads = life(lab, lab.dyadic, 2, n, f"block of {n}")
        hold(lab, account, lab.trajectory(grads, hyper=lab.dyadic))
    for n in ladder(rng, 300, lab.profile.wide, parts=2):
        steps = lab.affordable(steps_for(lab, n), least=6)
        grads = life(lab, lab.dyadic, steps, n, f"array of {n}")
        hold(lab, account, lab.trajectory(grads, hyper=lab.dyadic))


@check(
    "ADAM-EL-3",
    title="Permuted, split and joined",
    law="Permuting the elements permutes the result; where bits depend on the position it is a"
    " finding, while every value stays in the envelope.",
    clause="each element by itself",
    theorem="elementwise",
)
def permuted(lab: Lab, account: Account) -> None:
    rng = lab.rng("permute")
    grads = rng.standard_normal((6, 257))
    order = rng.permutation(257)
    straight = lab.trajectory(grads, hyper=lab.dyadic)
    shuffled = lab.trajectory(grads[:, order], hyper=lab.dyadic)
    first = lab.trajectory(grads[:, :101], hyper=lab.dyadic)
    if not all(hold(lab, account, t) for t in (straight, shuffled, first)):
        return
    whole, other, part = (lab.run(t).thetas[0] for t in (straight, shuffled, first))
    same = np.array_equal(whole[:, order], other) and np.array_equal(whole[:, :101], part)
    if not same:
        lab.note("position-dependent-bits", "where an element stands changes its last bits")


@check(
    "ADAM-EL-4",
    title="Several parameters",
    law="In a list of parameters of several sizes and shapes each follows the rule, same t.",
    clause="each parameter by itself",
    theorem="elementwise",
    needs=("many",),
)
def several(lab: Lab, account: Account) -> None:
    rng = lab.rng("several")
    shapes = ((5,), (3, 4), (5,), (), (1,), (2, 1, 3), (3, 4), (33,), (0,))
    grads = tuple(lab.cast(rng.standard_normal((12, *shape))) for shape in shapes)
    theta0 = tuple(lab.cast(rng.uniform(-1.0, 1.0, shape)) for shape in shapes)
    one = lab.trajectory(grads[0], hyper=lab.dyadic)
    hold(lab, account, replace(one, theta0=theta0, grads=grads))
    # a pair of one shape, and of equal values: what they are cannot tell them apart
    hold(lab, account, replace(one, theta0=theta0[:1] * 2, grads=grads[:3:2]))
    # more parameters than one launch of a kernel over lists of tensors takes
    sizes = [k % 3 + 1 for k in range(lab.profile.parameters)]
    grads = tuple(lab.cast(rng.standard_normal((3, n))) for n in sizes)
    theta0 = tuple(lab.cast(rng.uniform(-1.0, 1.0, n)) for n in sizes)
    hold(lab, account, replace(one, theta0=theta0, grads=grads))


@check(
    "ADAM-NF-1",
    title="Non-finite gradients stay in their element",
    law="A NaN or infinite gradient spoils its own element and no other.",
    clause="each element by itself",
    theorem="elementwise",
)
def nonfinite(lab: Lab, account: Account) -> None:
    rng = lab.rng("nonfinite")
    # wider than the blocks in which kernels reduce, and no multiple of them
    grads = rng.uniform(0.25, 1.0, (8, 299)) * rng.choice((-1.0, 1.0), (8, 299))
    for bad, where in ((np.nan, (0, 17)), (np.inf, (3, 298)), (-np.inf, (2, 0))):
        poisoned = grads.copy()
        poisoned[where] = bad
        hold(lab, account, lab.trajectory(poisoned, hyper=lab.dyadic), "non-finite stays")
