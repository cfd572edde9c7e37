"""What a target may be: a dialect, perhaps with other hyperparameters or a one-line change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from adamcheck.identify.stack import Array, Stack
from adamcheck.spec import Spec

Hyper = Mapping[str, Array]


@dataclass(frozen=True)
class Shrinkage:
    """What a changed decay can see at one step; ``rate`` is αλ, all are ``[N]``."""

    theta: Array
    first_theta: Array
    g: Array
    rate: Array
    hyper: Hyper
    t: Any


@dataclass(frozen=True)
class Change:
    """A one-line departure from a rule, put around it; whatever is None is left as it is.

    hyper: the hyperparameters in use, from those asked for and the sizes of the runs.
    gradients: the gradients in use ``[T, N]``. corrections: 1-β1^t and 1-β2^t in use at step t.
    moments: what is stored and used in place of m and v (see moments.py). shrinkage: what is taken
    off θ besides, from a Shrinkage. rounded: a place (g, m, v, update, theta) and the narrower
    format through which it passes. scalars: a narrower format of all scalar arithmetic.
    """

    words: str
    hyper: Callable[[Hyper, Stack], Hyper] | None = None
    gradients: Callable[[Stack], Array] | None = None
    corrections: Callable[[Any, Array, Array], tuple[Array, Array]] | None = None
    moments: Callable[..., Any] | None = None
    shrinkage: Callable[[Shrinkage], Array] | None = None
    rounded: tuple[str, str] | None = None
    scalars: str = ""


NONE: Final = Change("")


@dataclass(frozen=True)
class Candidate:
    """A dialect with a change; ``given`` are hyperparameters known apart from the request."""

    spec: Spec
    given: tuple[tuple[str, float], ...] = ()
    change: Change = NONE

    def hyper(self, stack: Stack) -> Hyper:
        """The hyperparameters in use, name -> ``[N]``."""
        hyper = dict(stack.hyper)
        for name, value in self.given:
            hyper[name] = 0.0 * hyper[name] + value
        return self.change.hyper(hyper, stack) if self.change.hyper else hyper
