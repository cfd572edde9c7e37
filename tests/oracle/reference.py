"""The envelope in extended precision, over many columns with their own hyperparameters at once.

The same emitted text as every level, on NumPy's longdouble (2^-64): exact enough to hold float64
against its bound, and wide enough in exponent that no format of interest under- or overflows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from adamcheck.numerics.walk import ARRAYS, carry, constants, step_function
from adamcheck.oracle import envelope
from adamcheck.oracle.envelope import Admission
from adamcheck.program import Program
from adamcheck.rules import initial_state

from .arithmetic import Array
from .orders import Run
from .regimes import Columns

LONG = np.longdouble
needs_extended = pytest.mark.skipif(
    np.finfo(LONG).nmant < 63, reason="longdouble is no wider than float64 here"
)


def walk(
    program: Program, cols: Columns, thetas: Array, admission: Admission
) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Values and bounds of every step; thetas [T+1, …, N] are what the targets showed."""
    fmt, spec = cols.fmt, program.spec
    steps = cols.grads.shape[0]
    names = spec.hyperparameters
    hyper = {n: cols.hyper[n].astype(LONG) for n in names}
    errors = [envelope.scalar_errors(names, s, fmt, admission) for s in cols.sets]
    error = dict(zip(names, np.array(errors).T[:, cols.index], strict=True))
    clock_error = [envelope.start(program, s, fmt, admission)[:, 2] for s in cols.sets]
    reassociation = np.array([envelope.reassociation(spec, s, steps, 0) for s in cols.sets])[
        cols.index
    ]
    zero = np.zeros(thetas.shape[-1], LONG)
    state = initial_state(spec, hyper, zero, zero + 1)
    values = {f"s.{n}": x for n, x in state.items()} | {f"h.{n}": x for n, x in hyper.items()}
    bounds: dict[str, Any] = dict.fromkeys(values, 0.0)
    bounds |= {f"h.{n}": e for n, e in error.items()}
    bounds |= {
        f"s.{c}": e
        for c, e in zip(program.clocks, np.array(clock_error).T[:, cols.index], strict=True)
    }
    c = constants(
        u=fmt.u,
        us=envelope.scalar_roundoff(fmt, admission),
        eta=envelope.underflow(fmt, admission),
        flush=envelope.flushed(fmt, admission),
        largest=fmt.largest,
        reassociation=(1.0, 1.0),
    )
    run = step_function(program)
    for t in range(steps):
        theta = thetas[t].astype(LONG)
        values |= {"g": cols.grads[t].astype(LONG), "theta": theta}
        bounds |= {"g": 0.0, "theta": fmt.u * np.abs(theta) + c.eta if t else 0.0}
        c.reassociation = reassociation[:, t].T
        after, radii = run(ARRAYS, values, bounds, c)
        yield after, radii
        values |= carry(program, after)
        bounds |= carry(program, radii)


def ratios(
    program: Program, cols: Columns, runs: list[Run], admission: Admission
) -> tuple[Array, Array]:
    """Largest error/bound ``[quantities, runs, N]`` and how many steps had a bound, the same shape.

    Quantities are theta and the moments; an observed number that is not finite where a bound exists
    counts as infinitely wrong.
    """
    thetas = np.stack([r.thetas for r in runs], axis=1)
    keys = ["theta", *(f"s.{m}" for m in program.moments)]
    shape = (len(keys), len(runs), thetas.shape[-1])
    worst, bounded = np.zeros(shape), np.zeros(shape, int)
    with np.errstate(all="ignore"):
        for t, (after, radii) in enumerate(walk(program, cols, thetas, admission)):
            for k, key in enumerate(keys):
                seen = thetas[t + 1] if k == 0 else np.stack([r.moments[key[2:]][t] for r in runs])
                bound = np.broadcast_to(radii[key], shape[1:])
                d = np.abs(seen.astype(LONG) - after[key])
                known = bound < np.inf
                ratio = np.where(d == 0, 0.0, d / bound)
                ratio = np.where(np.isnan(ratio), np.inf, ratio).astype(np.float64)
                worst[k] = np.where(known, np.maximum(worst[k], ratio), worst[k])
                bounded[k] += known
    return worst, bounded
