"""From a broken trajectory to a witness: shrunk, explained in numbers, and back for a replay."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from enum import Enum
from numbers import Integral
from typing import Any, Final

import numpy as np

from adamcheck.errors import UsageError
from adamcheck.formats import FORMATS, Format, widened
from adamcheck.oracle import top
from adamcheck.oracle.evidence import Evidence
from adamcheck.oracle.judge import judge
from adamcheck.problems import build
from adamcheck.properties import PROPERTIES
from adamcheck.properties.base import gates
from adamcheck.properties.context import (
    Account,
    Array,
    Break,
    Broken,
    Context,
    Meaning,
    TargetTrouble,
)
from adamcheck.result import Comparison, Witness
from adamcheck.spec import parse_spec
from adamcheck.spec.hyperparameters import HYPERPARAMETERS
from adamcheck.targets import requests
from adamcheck.targets.protocol import Trajectory
from adamcheck.theory import weighted_moment
from adamcheck.witness import reason

_SHRUNK = ("envelope",)


def witness_of(context: Context, check: str, broken: Broken, *, runs: int) -> Witness:
    """The witness of a broken law; ``runs`` more runs of the target may be spent on shrinking."""
    if broken.first.step and broken.law in PROPERTIES:
        broken = _shrunk(context, _cut(context, broken), runs)
    return written(context, check, broken)


def written(context: Context, check: str, broken: Broken) -> Witness:
    """The witness of a broken law as it stands."""
    trajectory, first = broken.trajectory, broken.first
    steps = trajectory.steps
    grads = [g.reshape(steps, -1) for g in trajectory.grads]
    rows = np.concatenate(grads, axis=1) if grads else np.zeros((steps, 0))
    theta0 = np.concatenate([a.reshape(-1) for a in trajectory.theta0])
    return Witness(
        check=check,
        spec=str(broken.spec),
        dtype=context.fmt.name,
        hyper={n: float(x).hex() for n, x in trajectory.hyper.items()},
        theta0=tuple(_hexes(theta0)),
        grads=tuple(tuple(_hexes(row)) for row in rows),
        element=first.element,
        step=first.step,
        flags=tuple(sorted(trajectory.flags)),
        how=_how(broken),
        comparison=comparison(first),
    )


def comparison(first: Break) -> Comparison | None:
    """The numbers of a departure from the envelope; None for laws about bits."""
    evidence = first.evidence
    if evidence is None or not first.quantity:
        return None
    fmt = evidence.fmt
    t = first.step - first.before
    one = evidence.element(first.element, t)
    try:
        facts = top.explain(one, first.admission, t, first.quantity)
    except ValueError:
        return None
    if first.quantity == "theta":
        before = float(one.thetas[t - 1, 0])
        observed, exact = before - float(one.thetas[t, 0]), before - facts["exact"]
        size, quantity = abs(facts["update"]), "update"
    else:
        observed, exact = float(one.moments[first.quantity][t - 1, 0]), facts["exact"]
        size, quantity = abs(exact), first.quantity
    error = abs(observed - exact)
    unit = _unit(one, facts, t, fmt) if quantity == "update" else 0.0
    return Comparison(
        quantity=quantity,
        observed=observed,
        exact=exact,
        radius=facts["radius"],
        bound=facts["bound"],
        terms=facts["terms"],
        units=error / unit if unit else None,
        ulps=error / _ulp(size, fmt) if size and math.isfinite(error) else None,
    )


def replayed(context: Context, account: Account, witness: Witness) -> Broken | None:
    """Run a witness again; None where its property holds now."""
    law = str(witness.how.get("law", "envelope"))
    if law not in PROPERTIES:
        raise UsageError(f"witness of {witness.check}: unknown property {law!r}")
    trajectory = trajectory_of(witness, context)
    spec = parse_spec(witness.spec)
    how = witness.how.get("with", {})
    wrong = _damage(law, how, trajectory)
    if wrong:
        raise UsageError(f"witness of {witness.check}: damaged: {wrong}")
    first = PROPERTIES[law](context, account, trajectory, spec, _Given(witness.check, how))
    if first is None or not gates(context, first):
        return None
    return Broken(law, dict(how), trajectory, spec, first)


class _Given(dict[str, Any]):
    """The numbers of a witness; one that is missing is the file's fault, whoever asks for it."""

    def __init__(self, check: str, values: Mapping[str, Any]) -> None:
        super().__init__(values)
        self._check = check

    def __missing__(self, key: str) -> Any:
        raise UsageError(f"witness of {self._check}: damaged: {key!r} is missing")


def _damage(law: str, how: Any, trajectory: Trajectory) -> str:
    """Why a property cannot be asked with what a witness gives it; empty if it can."""
    if not isinstance(how, Mapping):
        return f"'with' is {how!r}, which is not an object"
    for wanted, name in (("late", "present"), ("no gradient", "present"), ("groups", "groups")):
        if law == wanted and getattr(trajectory, name) is None:
            return f"{name!r} is missing"
    reads = {
        "reload with other hyperparameters": ("reload_after", "reload_hyper"),
        "reload with another": ("reload_after", "reload_hyper"),
        "stored": ("reload_after", "stored"),
        "late count": ("preload",),
        "stored count": ("reload_after", "stored", "preload"),
    }
    for name in reads.get(law, ()):
        if getattr(trajectory, name) is None:
            return f"{name!r} is missing"
    missing = [name for name in _NEEDS.get(law, ()) if name not in how]
    if missing:
        return f"{missing[0]!r} is missing"
    for name, value in how.items():
        meets = _KINDS.get(name)
        if meets is not None and not meets(value):
            return f"{name!r} cannot be {value!r}"
    return ""


def _are_meanings(value: Any) -> bool:
    known = value.values() if isinstance(value, Mapping) else [None]
    return all(
        isinstance(one, list | tuple) and len(one) > 0 and all(m in [*Meaning] for m in one)
        for one in known
    )


_NEEDS: Final[Mapping[str, tuple[str, ...]]] = {
    "scaling": ("k",),
    "linear": ("k",),
    "interface": ("law",),
    "refused": ("what",),
    "taken": ("what",),
    "reload with another": ("name",),
    "each in its format": ("formats",),
}
"""What a property reads beside the trajectory, whatever that is."""
_KINDS: Final[Mapping[str, Callable[[Any], bool]]] = {
    # 2^2k must be a number
    "k": lambda value: isinstance(value, Integral) and abs(int(value)) <= 500,
    "name": lambda value: value in HYPERPARAMETERS,
    "formats": lambda value: isinstance(value, list) and bool(value) and {*value} <= {*FORMATS},
    "meant": lambda value: _are_meanings(value),
    "law": lambda value: value in ("dtype", "shape", "parameter-count", "gradient-changed"),
    # until 0.1.0 a closed loop was also held to laws of motion: none of these can be replayed
    "laws": lambda value: value == [],
}


def trajectory_of(witness: Witness, context: Context) -> Trajectory:
    """The trajectory that a witness describes; UsageError where it contradicts itself."""
    how = witness.how
    try:
        flat = context.cast([float.fromhex(x) for x in witness.theta0])
        steps = len(witness.grads)
        rows = context.cast([[float.fromhex(x) for x in row] for row in witness.grads])
        rows = rows.reshape(steps, -1)
        shapes = [tuple(s) for s in how.get("shapes", [[flat.size]])]
        gradient_shapes = [tuple(s) for s in how.get("gradient_shapes", shapes)]
        preload = how.get("preload")
        present = how.get("present")
        other = how.get("reload_hyper")
        lrs, groups = how.get("lrs"), how.get("groups")
        problem = how.get("problem")
        if problem is not None:
            build(problem)
        request = Trajectory(
            theta0=tuple(_split(flat[None], shapes, drop=True)),
            grads=tuple(_split(rows, gradient_shapes, drop=False)),
            hyper={n: float.fromhex(x) for n, x in witness.hyper.items()},
            flags=frozenset(witness.flags),
            present=None if present is None else np.array(present, bool),
            theta_layout=how.get("theta_layout", "C"),
            grad_layout=how.get("grad_layout", "C"),
            preload=None
            if preload is None
            else tuple(_state(p, context, s) for p, s in zip(preload, shapes, strict=True)),
            reload_after=how.get("reload_after"),
            reload_hyper=None if other is None else {n: float.fromhex(x) for n, x in other.items()},
            scramble=bool(how.get("scramble", True)),
            twin=bool(how.get("twin", False)),
            moments=bool(how.get("moments", False)),
            problem=problem,
            lrs=None if lrs is None else np.array([float.fromhex(x) for x in lrs]),
            pace=how.get("pace", "rebuilt"),
            stored=how.get("stored"),
            closure=bool(how.get("closure", False)),
            groups=None
            if groups is None
            else tuple({n: float.fromhex(x) for n, x in one.items()} for one in groups),
        )
        requests.check(request)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, IndexError) as error:
        raise UsageError(f"witness of {witness.check}: damaged: {reason(error)}") from None
    return request


def _cut(context: Context, broken: Broken) -> Broken:
    """The same without the steps after the failing one, if it still fails there."""
    t = broken.trajectory
    keep = broken.first.step
    if keep >= t.steps or (t.reload_after is not None and keep <= t.reload_after):
        return broken
    if t.present is not None:  # the step is counted from the parameter's own first gradient
        return broken
    short = replace(
        t,
        grads=tuple(g[:keep] for g in t.grads),
        lrs=None if t.lrs is None else t.lrs[:keep],
    )
    return _still(context, broken, short)


def _still(context: Context, broken: Broken, trajectory: Trajectory) -> Broken:
    try:
        first = PROPERTIES[broken.law](context, Account(), trajectory, broken.spec, broken.how)
    except TargetTrouble:
        return broken
    return broken if first is None else replace(broken, trajectory=trajectory, first=first)


def _shrunk(context: Context, broken: Broken, runs: int) -> Broken:
    t = broken.trajectory
    plain = len(t.grads) == 1 and t.grads[0].ndim == 2 and not t.moments
    plain = plain and t.preload is None and t.reload_after is None and t.present is None
    plain = plain and t.problem is None and t.lrs is None
    if runs <= 0 or broken.law not in _SHRUNK or not plain or broken.first.evidence is None:
        return broken
    from adamcheck.inputs.shrink import NotReproducedError, shrink

    def run(grads: Array, theta0: Array) -> Array:
        candidate = replace(t, grads=(grads,), theta0=(theta0,))
        trace = context.attempt(candidate)
        if trace.failure is not None or trace.broken.keys() & {"shape", "dtype"}:
            return np.zeros(theta0.size, np.int64)
        evidence = context.evidence(candidate, trace, broken.spec)
        judgement = judge(evidence, broken.first.admission)
        bad = np.zeros(theta0.size, np.int64)
        for tally in judgement.tallies.values():
            bad = np.where((bad == 0) | ((tally.first_bad > 0) & (tally.first_bad < bad)),
                           tally.first_bad, bad)  # fmt: skip
        return bad

    try:
        small = shrink(
            run, t.grads[0], t.theta0[0], broken.first.element, broken.first.step,
            fmt=context.fmt, budget_runs=runs,
        )  # fmt: skip
    except (
        NotReproducedError
    ):  # a target that fails only sometimes keeps the input that it failed on
        return broken
    found = _still(context, broken, replace(t, grads=(small.grads,), theta0=(small.theta0,)))
    return replace(found, first=replace(found.first, message=broken.first.message))


def _how(broken: Broken) -> dict[str, Any]:
    t = broken.trajectory
    how: dict[str, Any] = {"law": broken.law}
    if broken.how:
        how["with"] = {name: _written(value) for name, value in broken.how.items()}
    shapes = [list(a.shape) for a in t.theta0]
    gradient_shapes = [list(g.shape[1:]) for g in t.grads]
    if len(shapes) != 1 or len(shapes[0]) != 1:
        how["shapes"] = shapes
    if gradient_shapes != shapes:
        how["gradient_shapes"] = gradient_shapes
    for name, usual in (("theta_layout", "C"), ("grad_layout", "C"), ("reload_after", None),
                        ("twin", False), ("moments", False), ("scramble", True),
                        ("pace", "rebuilt"), ("stored", None), ("closure", False)):  # fmt: skip
        value = getattr(t, name)
        if value != usual:
            how[name] = value
    if t.reload_hyper is not None:
        how["reload_hyper"] = {n: float(x).hex() for n, x in t.reload_hyper.items()}
    if t.problem is not None:
        how["problem"] = dict(t.problem)
    if t.lrs is not None:
        how["lrs"] = [float(x).hex() for x in t.lrs]
    if t.groups is not None:
        how["groups"] = [{n: float(x).hex() for n, x in one.items()} for one in t.groups]
    if t.present is not None:
        how["present"] = t.present.astype(int).tolist()
    if t.preload is not None:
        how["preload"] = [
            {k: int(x) if k == "t" else _hexes(np.asarray(x).reshape(-1)) for k, x in p.items()}
            for p in t.preload
        ]
    return how


def _written(value: Any) -> Any:
    """A number of a property as a file holds it: lists and plain words."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {name: _written(part) for name, part in value.items()}
    return [_written(part) for part in value] if isinstance(value, (list, tuple)) else value


def _state(document: Mapping[str, Any], context: Context, shape: tuple[int, ...]) -> dict[str, Any]:
    return {
        k: int(x) if k == "t" else context.cast([float.fromhex(y) for y in x]).reshape(shape)
        for k, x in document.items()
    }


def _split(rows: Array, shapes: list[tuple[int, ...]], *, drop: bool) -> list[Array]:
    parts, at = [], 0
    for shape in shapes:
        size = math.prod(shape)
        part = rows[:, at : at + size].reshape(rows.shape[0], *shape)
        parts.append(np.asarray(part[0]) if drop else part)
        at += size
    if at != rows.shape[1]:
        raise ValueError(f"shapes hold {at} numbers, the rows {rows.shape[1]}")
    return parts


def _hexes(values: Array) -> list[str]:
    return [float(x).hex() for x in widened(values)]


def _unit(one: Evidence, facts: Mapping[str, Any], t: int, fmt: Format) -> float:
    """u·|α|·EMA(|g|)^/(√v̂+ε), the unit in which errors of an honest Δ are bounded."""
    h = dict(one.hyper)
    if "beta1" not in h:  # a relative of Adam: the unit is that of the last gradient alone
        h = h | {"beta1": 0.0}
    size = weighted_moment(h["beta1"], [abs(float(g)) for g in one.grads[:t, 0]])
    corrected = size / (1.0 - h["beta1"] ** t) if h["beta1"] < 1.0 else size
    denominator = abs(facts["denominator"])
    return fmt.u * abs(h["lr"]) * float(corrected) / denominator if denominator else 0.0


def _ulp(size: float, fmt: Format) -> float:
    exponent = max(math.frexp(size)[1] - 1, fmt.min_exponent)
    return math.ldexp(1.0, max(exponent - fmt.precision + 1, -1074))
