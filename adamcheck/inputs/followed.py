"""Where a rule goes under given gradients, in plain float64: what an input would ask of an oracle.

Nothing is judged by these numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any, Final

import numpy as np

from adamcheck.inputs.zone import Float64
from adamcheck.rules import initial_state, step
from adamcheck.spec import Spec


def _choose(x: float, a: Callable[[], Any], b: Callable[[], Any]) -> Any:
    return a() if x > 0 else b()


_ARRAYS: Final = SimpleNamespace(sqrt=np.sqrt, maximum=np.maximum, choose=_choose)


def least_parameter(spec: Spec, hyper: Mapping[str, float], grads: Float64) -> Float64:
    """The least |θ| that is not 0 of each column of gradients ``[T, N]``, from θ = 0 on."""
    zero = np.zeros(grads.shape[1])
    state, theta = initial_state(spec, hyper, zero, 1.0), zero
    least = np.full(grads.shape[1], np.inf)
    with np.errstate(all="ignore"):
        for g in grads:
            after = step(spec, _ARRAYS, hyper, state, g, theta)
            state, theta = after.state, after.theta
            size = np.abs(theta)
            least = np.where((size > 0.0) & (size < least), size, least)
    return least
