"""Parameters of several formats in one list: each is judged in its own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from adamcheck.formats import FORMATS
from adamcheck.properties.base import How, property_
from adamcheck.properties.context import Account, Break, Context
from adamcheck.properties.envelope import departure
from adamcheck.spec import Spec
from adamcheck.targets.protocol import Trace, Trajectory


@property_("each in its format")
def each_in_its_format(
    context: Context, account: Account, trajectory: Trajectory, spec: Spec, how: How
) -> Break | None:
    """Every parameter of the run's format in a list with others lies in its envelope.

    All stay in their formats. The others are judged where their format is.
    formats: their names, for the parameters and their gradients in turn. Numbers that a format does
    not hold are rounded to it before anything is asked.
    """
    names = list(how["formats"])
    formats = [FORMATS[names[p % len(names)]] for p in range(len(trajectory.theta0))]
    mixed = replace(
        trajectory,
        theta0=tuple(
            a.astype(fmt.dtype) for a, fmt in zip(trajectory.theta0, formats, strict=True)
        ),
        grads=tuple(a.astype(fmt.dtype) for a, fmt in zip(trajectory.grads, formats, strict=True)),
    )
    trace = context.run(mixed)
    at = 0
    for p, fmt in enumerate(formats):
        if fmt != context.fmt:
            at += mixed.theta0[p].size
            continue
        one = replace(mixed, theta0=(mixed.theta0[p],), grads=(mixed.grads[p],))
        evidence = context.evidence(one, Trace((trace.thetas[p],)), spec)
        judgement = context.judged(evidence)
        account.count(judgement)
        if (left := departure(judgement)) is not None:
            others = ", ".join(dict.fromkeys(o.name for o in formats if o != fmt))
            text = f"a {fmt.name} parameter beside {others}: {left.message}"
            # elements are counted over all parameters
            seen = replace(
                evidence,
                grads=np.pad(evidence.grads, ((0, 0), (at, 0))),
                thetas=np.pad(evidence.thetas, ((0, 0), (at, 0))),
            )
            return replace(left, message=text, element=left.element + at, evidence=seen)
        at += mixed.theta0[p].size
    return None
