"""Runs honest orders over hurtful columns, and says which of them lie outside the envelope."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from adamcheck.oracle.envelope import Admission
from adamcheck.program import trace
from adamcheck.spec import Spec

from .arithmetic import Arithmetic
from .orders import Order, Run
from .reference import ratios
from .regimes import Columns


def violations(
    spec: Spec,
    cols: Columns,
    used: Sequence[Order],
    admission: Admission,
    run: Callable[..., Run],
) -> tuple[list[str], float, int]:
    """Who lies outside and where; the largest ratio; how many numbers had a bound at all."""
    storage = Arithmetic(cols.fmt, admission.flushed)
    with np.errstate(all="ignore"):
        runs = [
            run(o, spec, storage, cols.hyper, cols.grads, cols.theta0, scalars=admission.scalars)
            for o in used
        ]
        worst, bounded = ratios(trace(spec), cols, runs, admission)
    names = ("theta", *trace(spec).moments)
    found = [
        f"{spec} {cols.fmt.name} {admission}: {names[q]} of {used[r].name!r} in {cols.names[n]!r}"
        f" at {worst[q, r, n]:.4g} of the bound"
        for q, r, n in np.argwhere(worst > 1.0)
    ]
    return found, float(worst.max(initial=0.0)), int(bounded.sum())
