"""What only a run tells about a target: the formats it takes, lists, missing gradients, flushing.

Every question is a run of one or two steps through the session, so a crash is an answer too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from adamcheck.declared import NOTHING, Declared
from adamcheck.errors import TargetError
from adamcheck.formats import FORMATS
from adamcheck.spec.defaults import read as read_defaults
from adamcheck.spec.hyperparameters import HYPERPARAMETERS
from adamcheck.targets.protocol import Description, Failure, Trace, Trajectory

Run = Callable[[Trajectory], Trace]


def described(
    target: str,
    traits: Mapping[str, Any],
    run: Run,
    flushes: Callable[[tuple[str, ...]], tuple[str, ...]],
    *,
    declared: Declared = NOTHING,
) -> Description:
    """Complete what the adapter found out, and what is declared, with what short runs show.

    Raises TargetError when the target fails in every format.
    """
    # what is not finite under values that every format can follow is for the checks to say
    takes = frozenset(traits["hyperparameters"])
    asked = {n: one.dyadic[-1] for n, one in HYPERPARAMETERS.items() if n in takes}
    hyper, size = declared.settled(asked), max(3, declared.least_size)
    notes = list(traits["notes"])
    dtypes, reasons, first = _formats(run, hyper, size)
    if first is not None and not dtypes:
        refused = _refused(run, hyper, size, takes - declared.fixed.keys())
        kept = {n: x for n, x in hyper.items() if n not in refused}
        again = _formats(run, kept, size) if refused else ([], [], first)
        if not again[0]:
            raise TargetError(
                f"target {target!r} takes no step in any format: {first.message}",
                kind=first.kind,
                step=first.step,
            )
        dtypes, reasons, _ = again
        hyper, takes = kept, takes - refused
        notes.append(f"takes no other {', '.join(sorted(refused))} than its own: {first.message}")
    notes += reasons
    abilities = set(traits["abilities"])
    if dtypes:
        many = "many" in abilities and _taken(run(_request(dtypes[0], hyper, size, count=2)))
        missing = many and "missing" in abilities
        missing = missing and _taken(run(_request(dtypes[0], hyper, size, count=2, absent=True)))
        abilities -= {n for n, seen in (("many", many), ("missing", missing)) if not seen}
    said = dtypes if declared.flushes_subnormals else flushes(tuple(dtypes))
    flushed = tuple(name for name in said if name in dtypes)
    if flushed and not declared.flushes_subnormals:
        notes.append(f"flushes subnormals: {', '.join(flushed)}")
    return Description(
        target=target,
        adapter=traits["adapter"],
        hyperparameters=takes,
        flags=frozenset(traits["flags"]),
        abilities=frozenset(abilities),
        dtypes=tuple(dtypes),
        environment=dict(traits["environment"]),
        notes=tuple(notes),
        layouts=tuple(traits["layouts"]),
        flushes=frozenset(flushed),
        # what cannot be set is what users have, too
        defaults=read_defaults(traits["defaults"]).with_fixed(declared.fixed),
        declared=declared,
    )


def _formats(
    run: Run, hyper: Mapping[str, float], size: int
) -> tuple[list[str], list[str], Failure | None]:
    """The formats that are taken, why the others are not, and the first failure."""
    dtypes: list[str] = []
    reasons: list[str] = []
    first: Failure | None = None
    for name in FORMATS:
        trace = run(_request(name, hyper, size))
        first = first or trace.failure
        if not _taken(trace):
            reasons.append(f"does not take {name}: {_reason(trace)}")
        else:
            dtypes.append(name)
        if trace.failure is not None and trace.failure.kind == "hung":
            break  # each further format would only cost the same time again
    return dtypes, reasons, first


def _refused(
    run: Run, hyper: Mapping[str, float], size: int, free: frozenset[str]
) -> frozenset[str]:
    """The hyperparameters of which a target that takes none of a choice refuses its value.

    Empty where it fails at its own values, too: then they are not what is in the way.
    """
    pinned = {n: x for n, x in hyper.items() if n not in free}
    name = None
    for more in ({}, {n: x for n, x in hyper.items() if n == "lr"}):  # which seldom has a default
        asked = pinned | more
        name = next((name for name in FORMATS if _taken(run(_request(name, asked, size)))), None)
        if name is not None:
            pinned = asked
            break
    if name is None:
        return frozenset()
    return frozenset(
        n
        for n in hyper.keys() & free
        if not _taken(run(_request(name, pinned | {n: hyper[n]}, size)))
    )


def _request(
    dtype: str, hyper: Mapping[str, float], size: int, *, count: int = 1, absent: bool = False
) -> Trajectory:
    kind = FORMATS[dtype].dtype
    theta = np.resize(np.array([0.5, -1.0, 0.0], np.float32), size).astype(kind)
    grads = np.resize(np.array([[0.5, -0.25, 0.125]], np.float32), (1, size)).astype(kind)
    present = np.array([[True] * (count - 1) + [False]]) if absent else None
    return Trajectory((theta,) * count, (grads,) * count, hyper, present=present)


def _taken(trace: Trace) -> bool:
    """Whether a probing run counts as taken, whatever words come with a failure."""
    return trace.failure is None and "dtype" not in trace.broken


def _reason(trace: Trace) -> str:
    """Why a run was not taken, for people."""
    return "gives back another dtype" if trace.failure is None else trace.failure.message
