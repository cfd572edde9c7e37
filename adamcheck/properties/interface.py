"""What a target hands back and refuses."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np

from adamcheck.properties.base import How, hold, property_
from adamcheck.properties.context import (
    Account,
    Break,
    Context,
    TargetTrouble,
)
from adamcheck.spec import Spec
from adamcheck.targets.protocol import Failure, Trajectory

_ARITHMETIC: Final = ("OverflowError", "ZeroDivisionError", "FloatingPointError")
"""What Python raises where numbers of an array would become infinite, or none."""


@property_("interface")
def interface(
    context: Context, account: Account, trajectory: Trajectory, spec: Spec, how: How
) -> Break | None:
    """One law of the protocol: dtype, shape, parameter-count or gradient-changed."""
    trace = context.attempt(trajectory)
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
    context: Context, account: Account, trajectory: Trajectory, spec: Spec, how: How
) -> Break | None:
    """The target raises a plain exception; silence and worse than an exception are breaks."""
    trace = context.attempt(trajectory)
    account.examples += 1
    if trace.failure is None:
        return Break(f"accepts {how['what']}", 0, 0, choice=True)
    if trace.failure.kind == "protocol":  # such as the complex root of a number below 0
        text = f"accepts {how['what']}, and gives no parameter back: {trace.failure.message}"
        return Break(text, 0, trace.failure.step, choice=True)
    if trace.failure.kind not in ("raised", "exited"):
        return Break(f"{trace.failure.kind} on {how['what']}", 0, trace.failure.step)
    return None


@property_("taken")
def taken(
    context: Context, account: Account, trajectory: Trajectory, spec: Spec, how: How
) -> Break | None:
    """The target takes arrays as they are; a plain exception is a refusal, which is its choice."""
    failure = context.attempt(trajectory).failure
    account.examples += failure is None
    if failure is None:
        return None
    if failure.kind != "raised":
        raise TargetTrouble(failure)
    return Break(f"refuses {how['what']}: {failure.message}", 0, failure.step, choice=True)


def offered(
    context: Context,
    account: Account,
    trajectory: Trajectory,
    law: str = "envelope",
    /,
    *,
    spec: Spec | None = None,
    **how: Any,
) -> bool:
    """``hold`` for arrays of any shape and layout: those that the target refuses are its choice.

    What is declared not to be taken is not asked for. A shape is refused where the target raises at
    its first step, as for every shape of some kind that it is of; a layout, where it does not raise
    for the same arrays in C order.
    """
    kept = [k for k, theta in enumerate(trajectory.theta0) if context.declared.takes(theta.shape)]
    trajectory = _only(trajectory, kept)
    if not kept:
        return True
    try:
        held = hold(context, account, trajectory, law, spec=spec, **how)
    except TargetTrouble as trouble:
        if trouble.failure.kind != "raised":
            raise
        refused = [] if trouble.failure.step > 1 else _refused(context, trajectory)
        for k in refused:
            if not _chosen(
                context, account, _plain(_only(trajectory, [k])), _shape(context, k, trajectory)
            ):
                return False
        if refused:
            rest = [k for k in range(len(trajectory.theta0)) if k not in refused]
            again = _only(trajectory, rest)
            return not rest or offered(context, account, again, law, spec=spec, **how)
        if _layout(trajectory) and context.attempt(_plain(trajectory)).failure is None:
            trajectory = _simpler(context, trajectory)
            return _chosen(context, account, trajectory, _layout(trajectory))
        raise
    for theta in trajectory.theta0:
        context.accepted.update(_kinds(theta.shape))
    _consistent(context)
    return held


def in_range(context: Context, account: Account, trajectory: Trajectory) -> bool:
    """``hold`` for gradients of every size; one whose square overflows may be refused as such.

    Python's own floats raise there, where arrays become infinite.
    """
    try:
        return hold(context, account, trajectory)
    except TargetTrouble as trouble:
        if trouble.failure.type not in _ARITHMETIC:
            raise
        most = 2.0 ** ((context.ranged.max_exponent - 1) // 2 - 1)
        small = np.abs(trajectory.grads[0].astype(np.float64)).max(axis=0) < most
        if small.all():
            raise
        what = "gradients whose squares leave the range"
        if not _chosen(context, account, trajectory, what):
            return False
        kept = replace(
            trajectory,
            theta0=(trajectory.theta0[0][small],),
            grads=(trajectory.grads[0][:, small],),
        )
        return hold(context, account, kept)


def refuses(context: Context, account: Account, trajectory: Trajectory) -> bool:
    """Whether a run failed because the target takes no parameter of some shape in it."""
    refused = _refused(context, trajectory)
    for k in refused:
        _chosen(context, account, _plain(_only(trajectory, [k])), _shape(context, k, trajectory))
    return bool(refused)


def _chosen(context: Context, account: Account, trajectory: Trajectory, what: str) -> bool:
    account.refused.append(what)
    told = f"refuses {what}: "
    if not context.strict and any(f.message.startswith(told) for f in context.findings):
        return True  # the target's own words may name each shape
    return hold(context, account, trajectory, "taken", what=what)


def _refused(context: Context, trajectory: Trajectory) -> list[int]:
    """The parameters that the target refuses, each alone, for their shapes."""
    found = []
    for k, theta in enumerate(trajectory.theta0):
        if not _kinds(theta.shape):
            continue
        failure = context.attempt(_plain(_only(trajectory, [k]))).failure
        if failure is not None and failure.kind == "raised" and failure.step <= 1:
            context.refused[theta.shape] = failure.message
            found.append(k)
    _consistent(context)
    return found


def _consistent(context: Context) -> None:
    """Raise where a shape was refused although every kind that it is of was taken elsewhere."""
    for shape, message in context.refused.items():
        if not _kinds(shape) - context.accepted:
            text = f"shape {shape} is refused, and others of its kind are not: {message}"
            raise TargetTrouble(Failure("raised", text, 1))


def _kinds(shape: tuple[int, ...]) -> frozenset[str]:
    """What is unusual about a shape: its axes, and so few elements; empty for a plain vector."""
    size = math.prod(shape)
    kinds = {f"{len(shape)}-d arrays"} if len(shape) != 1 else set()
    if size < 2 and shape:
        kinds.add(f"arrays of {size or 'no'} element{'s' * (size != 1)}")
    return frozenset(kinds)


def _shape(context: Context, k: int, trajectory: Trajectory) -> str:
    """The kind of arrays that is refused, as far as others were seen to be taken."""
    return max(_kinds(trajectory.theta0[k].shape) - context.accepted)


def _layout(trajectory: Trajectory) -> str:
    """In words which array lies otherwise than in C order; empty where none does."""
    theta, grads = trajectory.theta_layout, trajectory.grad_layout
    if "/" in grads:
        return "gradients whose layout changes"
    parts = [f"a parameter in {theta} layout"] if theta != "C" else []
    parts += [f"a gradient in {grads} layout"] if grads != "C" else []
    return " with ".join(parts)


def _simpler(context: Context, trajectory: Trajectory) -> Trajectory:
    """With only the parameter or only the gradient in its layout, where that is refused, too."""
    for one in (replace(trajectory, grad_layout="C"), replace(trajectory, theta_layout="C")):
        failure = context.attempt(one).failure
        if failure is not None and failure.kind == "raised":
            return one
    return trajectory


def _plain(trajectory: Trajectory) -> Trajectory:
    """The same arrays in C order, once and without a problem."""
    return replace(
        trajectory, theta_layout="C", grad_layout="C", reload_after=None, problem=None, lrs=None
    )


def _only(trajectory: Trajectory, kept: Sequence[int]) -> Trajectory:
    """Some of the parameters, all of whose gradients are there where they are not all kept."""
    if len(kept) == len(trajectory.theta0):
        return trajectory
    present, preload, groups = trajectory.present, trajectory.preload, trajectory.groups
    return replace(
        trajectory,
        theta0=tuple(trajectory.theta0[k] for k in kept),
        grads=tuple(trajectory.grads[k] for k in kept),
        present=None if present is None else present[:, list(kept)],
        preload=None if preload is None else tuple(preload[k] for k in kept),
        groups=None if groups is None else tuple(groups[k] for k in kept),
    )
