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


def rests(spec: Spec, hyper: Mapping[str, float]) -> bool:
    """Whether steps without any gradient are defined: without ε they may be 0/0.

    Sixty-four of them: RAdam divides only once it has seen some steps. From 0 and from 1: under L2
    decay a parameter is a gradient of its own.
    """
    return bool(np.isfinite(_parameters(spec, hyper, np.zeros((64, 2)), np.arange(2.0))).all())


def least_parameter(spec: Spec, hyper: Mapping[str, float], grads: Float64) -> Float64:
    """The least |θ| that is not 0 of each column of gradients ``[T, N]``, from θ = 0 on."""
    sizes = np.abs(_parameters(spec, hyper, grads, np.zeros(grads.shape[1])))
    return np.asarray(np.where(sizes > 0.0, sizes, np.inf).min(axis=0))


def _parameters(spec: Spec, hyper: Mapping[str, float], grads: Float64, theta: Float64) -> Float64:
    """θ after every step, ``[T, N]``."""
    state, found = initial_state(spec, hyper, np.zeros_like(theta), 1.0), np.empty_like(grads)
    with np.errstate(all="ignore"):
        for t, g in enumerate(grads):
            after = step(spec, _ARRAYS, hyper, state, g, theta)
            state, theta = after.state, after.theta
            found[t] = theta
    return found
