"""A Trajectory as a message and back, with everything checked that the engine relies on."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np

from adamcheck.errors import UsageError
from adamcheck.formats import FORMATS
from adamcheck.problems import build
from adamcheck.targets.board import Plan
from adamcheck.targets.protocol import GRADIENT_LAYOUTS, LAYOUTS, PACES, RECEIVERS, Trajectory


def to_message(request: Trajectory) -> dict[str, Any]:
    """The message body of a request; ValueError when the request contradicts itself."""
    check(request)
    body = {field.name: getattr(request, field.name) for field in fields(request)}
    if request.preload is not None:
        body["preload"] = [
            {k: int(x) if k == "t" else np.asarray(x) for k, x in each.items()}
            for each in request.preload
        ]
    return body


def from_message(body: dict[str, Any]) -> Trajectory:
    """The request of a message body."""
    body = dict(body)
    for name in ("theta0", "grads"):
        body[name] = tuple(body[name])
    body["flags"] = frozenset(body["flags"])
    for name in ("preload", "groups"):
        if body[name] is not None:
            body[name] = tuple(body[name])
    return Trajectory(**body)


def plan(request: Trajectory) -> Plan:
    """What a run of the request will write."""
    return Plan.of(
        request.theta0,
        request.steps,
        moments=request.moments,
        gradients=request.problem is not None,
    )


def check(request: Trajectory) -> None:
    """Raise ValueError for a request whose parts do not fit together."""
    count, steps = len(request.theta0), request.steps
    if not count or len(request.grads) != count:
        raise ValueError(f"{count} parameters but {len(request.grads)} gradient sequences")
    for theta, grads in zip(request.theta0, request.grads, strict=True):
        if theta.dtype.name not in FORMATS or grads.dtype.name not in FORMATS:
            raise ValueError(f"unsupported dtype {theta.dtype} or {grads.dtype}")
        # a gradient may have another shape than its parameter: some checks ask what happens then
        if grads.shape[:1] != (steps,):
            raise ValueError(f"gradients of shape {grads.shape} for {steps} steps")
    turns = request.grad_layout.split("/")
    if request.theta_layout not in LAYOUTS or not set(turns) <= set(GRADIENT_LAYOUTS):
        raise ValueError(f"unknown layout {request.theta_layout!r} or {request.grad_layout!r}")
    if request.present is not None:
        present = np.asarray(request.present)
        if present.shape != (steps, count) or present.dtype != bool:
            raise ValueError(f"present needs booleans of shape {(steps, count)}")
    if request.preload is not None and len(request.preload) != count:
        raise ValueError(f"preload has {len(request.preload)} entries for {count} parameters")
    if request.reload_after is not None and not 0 <= request.reload_after <= steps:
        raise ValueError(f"reload_after={request.reload_after} is outside 0 … {steps}")
    if request.receiver not in RECEIVERS:
        raise ValueError(f"unknown receiver {request.receiver!r} of a saved state")
    if (request.refill or request.problem is not None) and request.grad_layout not in LAYOUTS:
        raise ValueError(f"an array of layout {request.grad_layout!r} cannot be filled again")
    if request.lrs is not None and np.shape(request.lrs) != (steps,):
        raise ValueError(f"lrs of shape {np.shape(request.lrs)} for {steps} steps")
    if request.pace not in PACES:
        raise ValueError(f"unknown pace {request.pace!r}")
    if request.groups is not None and len(request.groups) != count:
        raise ValueError(f"{len(request.groups)} groups for {count} parameters")
    if request.stored is not None and request.stored not in FORMATS:
        raise ValueError(f"unknown format {request.stored!r} of a stored state")
    if request.problem is not None:
        _check_problem(request)


def _check_problem(request: Trajectory) -> None:
    if len(request.theta0) != 1 or request.present is not None:
        raise ValueError("a problem is for one parameter that always has a gradient")
    theta, grads = request.theta0[0], request.grads[0]
    if grads.shape[1:] != theta.shape or grads.dtype != theta.dtype:
        raise ValueError("a problem needs gradients of its parameter's shape and dtype (or zeros)")
    assert request.problem is not None
    try:
        size = build(request.problem).start.size
    except UsageError as error:
        raise ValueError(str(error)) from None
    if size != theta.size:
        raise ValueError(f"the problem has {size} variables, the parameter {theta.size}")
