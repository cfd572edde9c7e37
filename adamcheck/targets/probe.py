"""What only a run tells about a target: the formats it takes, lists, missing gradients, flushing.

Every question is a run of one or two steps through the session, so a crash is an answer too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from adamcheck.errors import TargetError
from adamcheck.formats import FORMATS
from adamcheck.spec.defaults import Defaults
from adamcheck.spec.hyperparameters import HYPERPARAMETERS
from adamcheck.targets.protocol import Description, Failure, Trace, Trajectory

Run = Callable[[Trajectory], Trace]


def described(
    target: str,
    traits: Mapping[str, Any],
    run: Run,
    flushes: Callable[[tuple[str, ...]], tuple[str, ...]],
) -> Description:
    """Complete what the adapter found out with what short runs show.

    Raises TargetError when the target fails in every format.
    """
    # what is not finite under values that every format can follow is for the checks to say
    takes = traits["hyperparameters"]
    hyper = {n: one.dyadic[-1] for n, one in HYPERPARAMETERS.items() if n in takes}
    notes = list(traits["notes"])
    dtypes: list[str] = []
    first: Failure | None = None
    for name in FORMATS:
        trace = run(_request(name, hyper))
        first = first or trace.failure
        if not _taken(trace):
            notes.append(f"does not take {name}: {_reason(trace)}")
        else:
            dtypes.append(name)
        if trace.failure is not None and trace.failure.kind == "hung":
            break  # each further format would only cost the same time again
    if first is not None and not dtypes:
        raise TargetError(
            f"target {target!r} takes no step in any format: {first.message}",
            kind=first.kind,
            step=first.step,
        )
    abilities = set(traits["abilities"])
    if dtypes:
        many = "many" in abilities and _taken(run(_request(dtypes[0], hyper, count=2)))
        missing = many and "missing" in abilities
        missing = missing and _taken(run(_request(dtypes[0], hyper, count=2, absent=True)))
        abilities -= {n for n, seen in (("many", many), ("missing", missing)) if not seen}
    flushed = tuple(name for name in flushes(tuple(dtypes)) if name in dtypes)
    if flushed:
        notes.append(f"flushes subnormals: {', '.join(flushed)}")
    return Description(
        target=target,
        adapter=traits["adapter"],
        hyperparameters=frozenset(traits["hyperparameters"]),
        flags=frozenset(traits["flags"]),
        abilities=frozenset(abilities),
        dtypes=tuple(dtypes),
        environment=dict(traits["environment"]),
        notes=tuple(notes),
        layouts=tuple(traits["layouts"]),
        flushes=frozenset(flushed),
        defaults=Defaults(
            values=traits["defaults"]["values"],
            lacking=traits["defaults"]["lacking"],
            opaque=frozenset(traits["defaults"]["opaque"]),
            on=frozenset(traits["defaults"]["on"]),
        ),
    )


def _request(
    dtype: str, hyper: Mapping[str, float], *, count: int = 1, absent: bool = False
) -> Trajectory:
    kind = FORMATS[dtype].dtype
    theta = np.array([0.5, -1.0, 0.0], np.float32).astype(kind)
    grads = np.array([[0.5, -0.25, 0.125]], np.float32).astype(kind)
    present = np.array([[True] * (count - 1) + [False]]) if absent else None
    return Trajectory((theta,) * count, (grads,) * count, hyper, present=present)


def _taken(trace: Trace) -> bool:
    """Whether a probing run counts as taken, whatever words come with a failure."""
    return trace.failure is None and "dtype" not in trace.broken


def _reason(trace: Trace) -> str:
    """Why a run was not taken, for people."""
    return "gives back another dtype" if trace.failure is None else trace.failure.message
