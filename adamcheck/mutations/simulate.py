"""Run a target of this package in this process, and hold what it did against the oracle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adamcheck.formats import Format
from adamcheck.mutations.target import Optimizer
from adamcheck.oracle.evidence import Evidence

Array = NDArray[Any]


def simulated(
    made: type[Optimizer],
    fmt: Format,
    hyper: Mapping[str, float],
    grads: Array,
    theta0: Array,
    *,
    start: Mapping[str, Array] | None = None,
    first: int = 0,
    options: Mapping[str, str] | None = None,
) -> Evidence:
    """Steps over ``grads [T, N]`` from ``theta0 [N]``, as evidence with the moments of every step.

    ``start`` and ``first`` load a state of that many steps before the first one.
    """
    g, theta = (np.asarray(x, np.float64).astype(fmt.dtype) for x in (grads, theta0))
    optimizer = made([theta], **hyper, **(options or {}))
    begun = {name: np.asarray(x, np.float64).astype(fmt.dtype) for name, x in (start or {}).items()}
    if first:
        optimizer.load_moments([begun | {"t": first}])
    thetas, moments = [theta], []
    for row in g:
        thetas.append(optimizer.step([row])[0])
        moments.append(optimizer.moments()[0])
    names = [name for name in (moments[0] if moments else {}) if name != "t"]
    shown = {name: np.stack([each[name] for each in moments]) for name in names}
    return Evidence(made.spec, fmt, dict(hyper), g, np.stack(thetas), shown, begun, first)
