"""A state that is known exactly without being shown: every admissible evaluation gives it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from adamcheck import rules
from adamcheck.program import trace
from adamcheck.properties.context import Array, Context
from adamcheck.spec import Spec


def state_after(
    context: Context, spec: Spec, hyper: Mapping[str, float], grads: Array
) -> dict[str, Array] | None:
    """The moments after the gradients ``[T, N]`` from θ = 0, if all are numbers of the format.

    Then every admissible evaluation gives them, and they are known without being shown. None where
    one is rounded, or depends on more than the gradients.
    """
    if spec.decay == "l2" and len(grads) > 1:
        return None
    full, names = context.completed(hyper, spec), trace(spec).moments
    theta = np.zeros(grads.shape[1:])
    with np.errstate(all="ignore"):
        state = rules.initial_state(spec, full, np.float64(0.0), np.float64(1.0))
        for g in np.asarray(grads, np.float64):
            state = rules.step(spec, Doubles(), full, state, g, theta).state
            for name in names:
                exact = np.broadcast_to(state[name], g.shape)
                if not (context.moment(name, exact).astype(np.float64) == exact).all():
                    return None
    return {n: context.moment(n, np.broadcast_to(state[n], theta.shape)) for n in names}


class Doubles:
    """The functions of a rule over NumPy's float64."""

    def sqrt(self, x: Any) -> Any:
        """The root."""
        return np.sqrt(x)

    def maximum(self, x: Any, y: Any) -> Any:
        """The larger one."""
        return np.maximum(x, y)

    def choose(self, x: Any, a: Callable[[], Any], b: Callable[[], Any]) -> Any:
        """One of two by a sign."""
        return np.where(x > 0, a(), b())
