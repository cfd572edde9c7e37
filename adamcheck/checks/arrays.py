"""Shapes, layouts, dtypes and buffers: the arrays around the arithmetic."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import numpy as np

from adamcheck.checks.lab import Account, Lab
from adamcheck.checks.properties import hold
from adamcheck.checks.registry import check
from adamcheck.targets.protocol import LAYOUTS

_TILE: Final = 64
"""The usual tiles of a transposed copy, in both axes; larger arrays are drawn beyond it."""


def _large(lab: Lab) -> tuple[int, int]:
    """A matrix that no tile holds."""
    rows, columns = lab.rng("large matrix").integers(_TILE + 1, 2 * _TILE + 1, 2)
    return int(rows), int(columns)


@check(
    "ADAM-SH-1",
    title="Shapes",
    law="0-d to 5-d parameters, empty ones too, follow the rule and come back in their shape.",
    clause="each element by itself",
    theorem="elementwise",
)
def shapes(lab: Lab, account: Account) -> None:
    rng = lab.rng("shapes")
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
        _large(lab),
    ):
        grads = rng.standard_normal((4, *shape))
        hold(lab, account, lab.trajectory(grads, rng.uniform(-1, 1, shape), hyper=lab.dyadic))


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
def layouts(lab: Lab, account: Account) -> None:
    rng = lab.rng("layouts")
    large = _large(lab)
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
        for a, b in _layouts(lab, shape):
            trajectory = lab.trajectory(
                grads, theta0, hyper=lab.dyadic, theta_layout=a, grad_layout=b
            )
            hold(lab, account, trajectory)
    _changing(lab, account)
    _constant(lab, account)


def _changing(lab: Lab, account: Account) -> None:
    """The gradient's layout is another one at every step."""
    if not lab.able("stepwise"):
        return
    rng = lab.rng("changing layouts")
    for shape in ((5, 7), (2, 3, 5), (19,)):
        known = _known(lab, shape)
        if len(known) < 2:
            continue
        for turns in (known, known[::-1]):
            grads = rng.standard_normal((len(turns) + 1, *shape))
            how = {"theta_layout": turns[0], "grad_layout": "/".join(turns)}
            hold(lab, account, lab.trajectory(grads, 0.5, hyper=lab.dyadic, **how))


def _constant(lab: Lab, account: Account) -> None:
    """What the gradients of sums are: one scalar or one row for all, with strides of zero.

    Memory that nobody may write to is met as well; compiled code often refuses it, which is told.
    """
    rng = lab.rng("expanded layouts")
    for shape, same in (((5, 7), (1, 7)), ((5, 7), (5, 1)), ((5, 7), (1, 1)), ((33,), (1,))):
        grads = np.broadcast_to(rng.standard_normal((3, *same)), (3, *shape))
        theta0 = rng.uniform(-1, 1, shape)
        if "strided" in lab.description.layouts:
            trajectory = lab.trajectory(grads, theta0, hyper=lab.dyadic, grad_layout="expanded")
            hold(lab, account, trajectory)
    if set(LAYOUTS) <= set(lab.description.layouts):  # arrays reach the target as they are
        frozen = lab.trajectory(grads, theta0, hyper=lab.dyadic, grad_layout="read-only")
        failure = lab.attempt(frozen).failure
        if failure is not None and failure.kind == "raised":
            text = f"a gradient that may only be read is refused: {failure.message}"
            lab.note("read-only-gradient", text)
        else:
            hold(lab, account, frozen)


def _layouts(lab: Lab, shape: tuple[int, ...]) -> list[tuple[str, str]]:
    """Every pair for one shape; for the others those in which at least one is C.

    The large one is there for copies in tiles; two axes transposed are Fortran's order again.
    """
    known = _known(lab, shape)
    pairs = [(a, b) for a in known for b in known]
    if shape == _large(lab):
        wanted = (("C", "F"), ("F", "C"), ("C", "strided"), ("C", "negative"))
        return [pair for pair in pairs if pair in wanted]
    return [(a, b) for a, b in pairs if shape == (5, 7) or "C" in (a, b)]


def _known(lab: Lab, shape: tuple[int, ...]) -> list[str]:
    """The layouts that reach the target and differ for this shape."""
    return [a for a in lab.description.layouts if len(shape) > 1 or a not in ("F", "transposed")]


@check(
    "ADAM-DS-1",
    title="Dtype and shape preserved",
    law="What comes back has the parameter's dtype and shape, also for sizes 0 and 1 and 0-d.",
    clause="interface",
    theorem="elementwise",
)
def preserved(lab: Lab, account: Account) -> None:
    rng = lab.rng("preserved")
    for shape in ((), (1,), (0,), (3, 0), (6,), (2, 3), (2, 1), (1, 5), (1, 1)):
        _law(lab, account, rng.standard_normal((3, *shape)), ("dtype", "shape", "parameter-count"))


@check(
    "ADAM-GB-1",
    title="Gradient buffers are left alone",
    law="No bit of the caller's gradient changes during a step, with every option on.",
    clause="interface",
    theorem="elementwise",
    needs=("stepwise",),
    looks_back=True,
)
def buffers(lab: Lab, account: Account) -> None:
    rng = lab.rng("buffers")
    extra = {n: 0.0625 for n in ("weight_decay",) if n in lab.description.hyperparameters}
    for hyper, flags in ((lab.dyadic, frozenset()), (lab.dyadic | extra, lab.switches)):
        for shape in ((19,), (), (5, 3), (2, 3, 4)):
            _law(
                lab, account, rng.standard_normal((5, *shape)), ("gradient-changed",), theta0=0.5,
                hyper=hyper, flags=flags,
            )  # fmt: skip
    if lab.changed is not None:  # any run of any check may have seen it
        hold(lab, account, lab.changed, "interface", law="gradient-changed")


@check(
    "ADAM-GB-2",
    title="Gradient buffers are not kept",
    law="A gradient buffer that the caller overwrites after the step has no influence any more, and"
    " one that is filled again with the next gradient is read again.",
    clause="interface",
    theorem="elementwise",
    needs=("stepwise",),
)
def not_kept(lab: Lab, account: Account) -> None:
    grads = lab.rng("kept").standard_normal((8, 21))
    trajectory = lab.trajectory(grads, hyper=lab.dyadic, scramble=True)
    hold(lab, account, trajectory)
    hold(lab, account, trajectory, "refilled")
    if lab.able("many"):
        several = replace(
            trajectory,
            theta0=(trajectory.theta0[0][:9], trajectory.theta0[0][9:]),
            grads=(trajectory.grads[0][:, :9], trajectory.grads[0][:, 9:]),
        )
        hold(lab, account, several, "refilled")


def _law(lab: Lab, account: Account, grads: object, laws: tuple[str, ...], **how: Any) -> None:
    how.setdefault("hyper", lab.dyadic)
    trajectory = lab.trajectory(grads, **how)
    for law in laws:
        hold(lab, account, trajectory, "interface", law=law)
