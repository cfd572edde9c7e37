"""Run a target on a problem or on given gradients, and the oracle beside it.

The oracle takes every step twice: from the target's own parameter (which is what the envelope
judges), and on a path of its own from the same start (which rounding soon makes another one).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from adamcheck.errors import TargetError, UsageError, closest
from adamcheck.formats import format_named
from adamcheck.numerics.comparison import known_ratio
from adamcheck.oracle.evidence import Evidence
from adamcheck.oracle.paths import Course, Given, closed, distance, high, observed, walk
from adamcheck.problems import Problem, build
from adamcheck.profiles import profile_named
from adamcheck.properties.context import Context
from adamcheck.spec import Spec, parse_spec
from adamcheck.targets.protocol import Limits, Trace, Trajectory
from adamcheck.targets.session import Session
from adamcheck.theory import step_bound
from adamcheck.trace.table import COLUMNS, Table

Float64 = NDArray[np.float64]
MOST_ROWS: Final = 4_000_000


def trace(
    target: str,
    *,
    problem: str | Mapping[str, Any] | None = None,
    gradients: Any = None,
    theta0: Any = None,
    spec: str | Spec = "adam",
    dtype: str = "float64",
    steps: int = 200,
    hyper: Mapping[str, float] = MappingProxyType({}),
    options: Mapping[str, Any] = MappingProxyType({}),
    device: str = "cpu",
    limits: Limits | None = None,
) -> Table:
    """Trace a target on a named problem, or on ``gradients`` ``[T, N]`` from θ0 (default zeros).

    hyper: common names; what is missing takes the usual values. Raises UsageError for a request
    that makes no sense, TargetError for a target that fails before its first step.
    """
    claimed = spec if isinstance(spec, Spec) else parse_spec(spec)
    fmt = format_named(dtype)
    if (problem is None) == (gradients is None):
        raise UsageError("trace: give either a problem or gradients")
    asked = None if problem is None else _asked(problem, claimed)
    found = None if asked is None else build(asked)
    given = _given(gradients, found, steps)
    start = theta0 if theta0 is not None else (0.0 if found is None else found.start)
    with Session(target, options=options, limits=limits or Limits(), device=device) as session:
        context = Context(session, claimed, fmt, profile_named("quick"))
        known = session.description.dtypes
        if dtype not in known:
            raise UsageError(
                f"target {target!r} does not take {dtype}; it takes {', '.join(known)}"
            )
        numbers = _hyper(context, hyper)
        trajectory = context.trajectory(given, start, hyper=numbers, problem=asked)
        seen = context.attempt(trajectory)
        if seen.failure is not None and len(seen.thetas[0]) < 2:
            raise TargetError(f"target {target!r}: {seen.failure.message}")
        evidence = _evidence(context, trajectory, seen, claimed)
        outside = int(context.judged(evidence).bad.sum())
    facts = {
        "target": target,
        "spec": str(claimed),
        "dtype": dtype,
        "hyper": dict(numbers),
        "problem": "" if found is None else found.about,
        "parameters": {} if asked is None else dict(asked),
    }
    failure = "" if seen.failure is None else f"{seen.failure.message} (step {seen.failure.step})"
    columns = _columns(context, evidence, found)
    thetas = evidence.thetas.astype(np.float64)
    losses = () if found is None else tuple(_losses(found, thetas))
    return Table(columns, facts, failure, losses, outside)


def _asked(problem: str | Mapping[str, Any], spec: Spec) -> dict[str, Any]:
    asked = {"problem": problem} if isinstance(problem, str) else dict(problem)
    return asked | ({"maximize": True} if spec.maximize == "yes" else {})


def _given(gradients: Any, problem: Problem | None, steps: int) -> Float64:
    if problem is not None:
        shape = (max(steps, 0), problem.size)
        _limited(shape[0] * shape[1])
        return np.zeros(shape)
    rows = np.asarray(gradients, np.float64)
    _limited(rows.size)
    return rows.reshape(len(rows), -1) if rows.ndim else rows.reshape(1, 1)


def _limited(rows: int) -> None:
    """UsageError unless so many rows can be traced; asked before there is memory for them."""
    if not rows:
        raise UsageError("trace: needs at least one step and one variable")
    if rows > MOST_ROWS:
        raise UsageError(f"trace: {rows} rows are too many; at most {MOST_ROWS} are traced")


def _hyper(context: Context, hyper: Mapping[str, float]) -> dict[str, float]:
    usual = {**context.ordinary, "momentum": 0.9, "weight_decay": 0.01, "eps_root": 0.0}
    names = context.spec.hyperparameters
    for name, value in hyper.items():
        if name not in names:
            raise UsageError(
                f"spec {context.spec} has no hyperparameter {name!r}; it has {', '.join(names)}."
                f"{closest(name, names)}"
            )
        if not isinstance(value, int | float) or not np.isfinite(value):
            raise UsageError(f"hyperparameter {name}={value!r} is not a finite number")
    return context.completed({**usual, **{k: float(v) for k, v in hyper.items()}})


def _evidence(context: Context, trajectory: Trajectory, seen: Trace, spec: Spec) -> Evidence:
    from dataclasses import replace

    opened = trajectory if seen.grads is None else replace(trajectory, grads=seen.grads)
    return context.evidence(opened, seen, spec)


def _columns(
    context: Context, evidence: Evidence, problem: Problem | None
) -> dict[str, NDArray[Any]]:
    steps, count = evidence.shape
    thetas = evidence.thetas.astype(np.float64)
    grads = evidence.grads.astype(np.float64)
    blank = {n: np.full((steps, count), np.nan) for n in COLUMNS}
    lr = evidence.hyper["lr"]
    with np.errstate(all="ignore"):
        blank["update"] = thetas[:-1] - thetas[1:]
        blank["effective"] = np.abs(blank["update"]) / abs(lr) if lr else blank["effective"]
    blank["step"], blank["element"] = np.indices((steps, count)).astype(np.int64)
    blank["step"] += 1
    blank["gradient"], blank["theta"] = grads, thetas[1:]
    blank["lr"][...] = lr
    if _bounded(evidence.spec):
        h = evidence.hyper
        blank["step_bound"][...] = step_bound(h["beta1"], h["beta2"], np.arange(1, steps + 1))[
            :, None
        ]
    _lock_step(context, evidence, blank)
    blank["path"] = _path(context, evidence, problem)
    return {name: np.ascontiguousarray(blank[name].reshape(-1)) for name in COLUMNS}


def _lock_step(context: Context, evidence: Evidence, columns: dict[str, NDArray[Any]]) -> None:
    paired = evidence.fmt.is_double
    course = Course.of(evidence, context.admission)
    thetas = evidence.thetas.astype(np.float64)
    walked = walk(course, observed(evidence, course.admission), paired=paired)
    for t, (values, bounds) in enumerate(walked):
        with np.errstate(all="ignore"):
            error = distance(thetas[t + 1], values["theta"])
            columns["exact_theta"][t] = high(values["theta"])
            columns["exact_update"][t] = high(values["update"])
            columns["error"][t], columns["bound"][t] = error, bounds["theta"]
            unbounded = ~(columns["bound"][t] < np.inf)
            ratio = known_ratio(error, columns["bound"][t])
            columns["error_over_bound"][t] = np.where(unbounded, np.nan, ratio)
            columns["ratio"][t] = _ratio(values)


def _ratio(values: Mapping[str, Any]) -> Any:
    """m̂/√v̂ where the rule has both."""
    if not {"m_hat", "v_hat"} <= values.keys():
        return np.nan
    return high(values["m_hat"]) / np.sqrt(high(values["v_hat"]))


def _path(context: Context, evidence: Evidence, problem: Problem | None) -> Float64:
    steps, count = evidence.shape
    start = evidence.thetas[0].astype(np.float64)
    grads = evidence.grads.astype(np.float64)

    def given(t: int, theta: Float64 | None, error: Float64 | None) -> Given:
        return Given(start if theta is None else theta, 0.0, grads[t], 0.0)

    course = Course.of(evidence, context.admission)
    feed = given if problem is None else closed(problem, course, start)
    rows = [high(values["theta"]) for values, _ in walk(course, feed)]
    return np.stack(rows) if rows else np.zeros((steps, count))


def _losses(problem: Problem, thetas: Float64) -> list[float]:
    with np.errstate(all="ignore"):
        return [problem.loss(max(t, 1), x) for t, x in enumerate(thetas)]


def _bounded(spec: Spec) -> bool:
    """Whether the tight step bound is stated for a spec: both corrections, t from 1, no decay."""
    plain = spec.algorithm == "adam" and spec.decay == "none" and spec.first_t == "1"
    return plain and spec.bias_correction == "both"
