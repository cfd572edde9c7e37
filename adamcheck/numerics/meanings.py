"""What each kind of operation means on float64 arrays, wherever no error bound is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np


def holds(truth: Any) -> Any:
    """1 where it holds, 0 elsewhere."""
    return np.where(truth, 1.0, 0.0)


MEANING: Final[Mapping[str, Callable[..., Any]]] = {
    "neg": np.negative,
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "sqrt": np.sqrt,
    "max": np.maximum,
    "min": np.minimum,
    "mod": np.mod,
    "ge": lambda x, y: holds(x >= y),
    "equal": lambda x, y: holds(x == y),
    "choose": lambda x, a, b: np.where(np.greater(x, 0.0), a, b),
    "ema": lambda beta, weight, old, new: beta * old + weight * new,
    "decay": np.multiply,
}
"""By kind; inputs, constants, rounding and what couples elements aside."""
