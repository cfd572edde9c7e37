"""Shapes, layouts, dtypes and buffers: the arrays around the arithmetic."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import numpy as np

from adamcheck.checks.draws import inexact
from adamcheck.checks.registry import check
from adamcheck.properties import hold, offered
from adamcheck.properties.context import Account, Context
from adamcheck.targets.protocol import LAYOUTS

_TILE: Final = 64
"""The usual tiles of a transposed copy, in both axes; larger arrays are drawn beyond it."""


def _large(context: Context) -> tuple[int, int]:
    """A matrix that no tile holds."""
    rows, columns = context.rng("large matrix").integers(_TILE + 1, 2 * _TILE + 1, 2)
    return int(rows), int(columns)


@check(
    "ADAM-SH-1",
    title="Shapes",
    law="0-d to 5-d parameters, empty ones too, follow the rule and come back in their shape.",
    clause="each element by itself",
    theorem="elementwise",
)
def shapes(context: Context, account: Account) -> None:
    rng, hyper = context.rng("shapes"), inexact(context, "shapes")
    for shape in (
        (),
        (1,),
        (0,),
        (3, 0),
        (7,),
        (1, 1),
        (5, 3),
        (2, 3, 4),
        (2, 1, 3, 2),
        (1, 17),
        (4, 4),
        (2, 1, 2, 3, 2),
        (17, 17),
        _large(context),
    ):
        grads = rng.standard_normal((4, *shape))
        offered(
            context,
            account,
            context.trajectory(grads, rng.uniform(-1, 1, shape), hyper=hyper),
        )


@check(
    "ADAM-LY-1",
    title="Memory layouts",
    law="In every combination of the parameter's and the gradient's layout, when the gradient's"
    " changes from step to step and when it is an expanded scalar or row, each element follows the"
    " rule.",
    clause="each element by itself",
    theorem="elementwise",
    needs=("layouts",),
)
def layouts(context: Context, account: Account) -> None:
    rng, hyper = context.rng("layouts"), inexact(context, "layouts")
    large = _large(context)
    for shape in (
        (5, 7),
        (3, 3),
        (2, 3, 5),
        (2, 3, 4, 4),  # axes that channels-last code takes for one another
        (6,),
        (33,),  # beyond the vectors of a kernel
        large,
    ):
        grads = rng.standard_normal((2 if shape == large else 3, *shape))
        theta0 = rng.uniform(-1, 1, shape)
        for a, b in _layouts(context, shape):
            trajectory = context.trajectory(
                grads, theta0, hyper=hyper, theta_layout=a, grad_layout=b
            )
            offered(context, account, trajectory)
    _changing(context, account)
    _constant(context, account)


def _changing(context: Context, account: Account) -> None:
    """The gradient's layout is another one at every step."""
    if not context.able("stepwise"):
        return
    rng, hyper = context.rng("changing layouts"), inexact(context, "layouts")
    for shape in ((5, 7), (2, 3, 5), (19,)):
        known = _known(context, shape)
        if len(known) < 2:
            continue
        for turns in (known, known[::-1]):
            grads = rng.standard_normal((len(turns) + 1, *shape))
            how = {"theta_layout": turns[0], "grad_layout": "/".join(turns)}
            offered(context, account, context.trajectory(grads, 0.5, hyper=hyper, **how))


def _constant(context: Context, account: Account) -> None:
    """What the gradients of sums are: one scalar or one row for all, with strides of zero.

    Memory that nobody may write to is met as well; compiled code often refuses it, which is told.
    """
    rng, hyper = context.rng("expanded layouts"), inexact(context, "layouts")
    for shape, same in (((5, 7), (1, 7)), ((5, 7), (5, 1)), ((5, 7), (1, 1)), ((33,), (1,))):
        grads = np.broadcast_to(rng.standard_normal((3, *same)), (3, *shape))
        theta0 = rng.uniform(-1, 1, shape)
        if "strided" in context.description.layouts:
            trajectory = context.trajectory(grads, theta0, hyper=hyper, grad_layout="expanded")
            offered(context, account, trajectory)
    if set(LAYOUTS) <= set(context.description.layouts):  # arrays reach the target as they are
        frozen = context.trajectory(grads, theta0, hyper=hyper, grad_layout="read-only")
        failure = context.attempt(frozen).failure
        if failure is not None and failure.kind == "raised":
            text = f"a gradient that may only be read is refused: {failure.message}"
            context.note("read-only-gradient", text)
        else:
            hold(context, account, frozen)


def _layouts(context: Context, shape: tuple[int, ...]) -> list[tuple[str, str]]:
    """Every pair for one shape; for the others those in which at least one is C.

    The large one is there for copies in tiles; two axes transposed are Fortran's order again.
    """
    known = _known(context, shape)
    pairs = [(a, b) for a in known for b in known]
    if shape == _large(context):
        wanted = (("C", "F"), ("F", "C"), ("C", "strided"), ("C", "negative"))
        return [pair for pair in pairs if pair in wanted]
    return [(a, b) for a, b in pairs if shape == (5, 7) or "C" in (a, b)]


def _known(context: Context, shape: tuple[int, ...]) -> list[str]:
    """The layouts that reach the target and differ for this shape."""
    return [
        a for a in context.description.layouts if len(shape) > 1 or a not in ("F", "transposed")
    ]


@check(
    "ADAM-DS-1",
    title="Dtype and shape preserved",
    law="What comes back has the parameter's dtype and shape, also for sizes 0 and 1 and 0-d.",
    clause="interface",
    theorem="elementwise",
)
def preserved(context: Context, account: Account) -> None:
    rng = context.rng("preserved")
    for shape in ((), (1,), (0,), (3, 0), (6,), (2, 3), (2, 1), (1, 5), (1, 1)):
        _law(
            context,
            account,
            rng.standard_normal((3, *shape)),
            ("dtype", "shape", "parameter-count"),
        )


@check(
    "ADAM-GB-1",
    title="Gradient buffers are left alone",
    law="No bit of the caller's gradient changes during a step, with every option on.",
    clause="interface",
    theorem="elementwise",
    needs=("stepwise",),
    looks_back=True,
)
def buffers(context: Context, account: Account) -> None:
    rng = context.rng("buffers")
    extra = {n: 0.0625 for n in ("weight_decay",) if n in context.description.hyperparameters}
    for hyper, flags in (
        (context.dyadic, frozenset()),
        (context.extended(context.dyadic, extra), context.switches),
    ):
        for shape in ((19,), (), (5, 3), (2, 3, 4)):
            _law(
                context, account, rng.standard_normal((5, *shape)), ("gradient-changed",),
                theta0=0.5, hyper=hyper, flags=flags,
            )  # fmt: skip
    if context.changed is not None:  # any run of any check may have seen it
        hold(context, account, context.changed, "interface", law="gradient-changed")


@check(
    "ADAM-GB-2",
    title="Gradient buffers are not kept",
    law="A gradient buffer that the caller overwrites after the step has no influence any more, and"
    " one that is filled again with the next gradient is read again.",
    clause="interface",
    theorem="elementwise",
    needs=("stepwise",),
)
def not_kept(context: Context, account: Account) -> None:
    grads = context.rng("kept").standard_normal((8, 21))
    trajectory = context.trajectory(grads, hyper=context.dyadic, scramble=True)
    hold(context, account, trajectory)
    hold(context, account, trajectory, "refilled")
    if context.able("many"):
        several = replace(
            trajectory,
            theta0=(trajectory.theta0[0][:9], trajectory.theta0[0][9:]),
            grads=(trajectory.grads[0][:, :9], trajectory.grads[0][:, 9:]),
        )
        hold(context, account, several, "refilled")


def _law(
    context: Context, account: Account, grads: object, laws: tuple[str, ...], **how: Any
) -> None:
    how.setdefault("hyper", context.dyadic)
    trajectory = context.trajectory(grads, **how)
    for law in laws:
        offered(context, account, trajectory, "interface", law=law)
