"""What a target may be: a dialect, perhaps with other hyperparameters or a one-line change.

A dialect that computes the same numbers as one with fewer switches is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from itertools import product
from typing import Any, Final

from adamcheck.identify.stack import Array, Stack
from adamcheck.spec import SWITCHES, Spec

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


def distance(spec: Spec, other: Spec) -> int:
    """The number of switches in which two specs differ, scalars left out."""
    names = [f.name for f in fields(Spec) if f.name not in ("algorithm", "scalars")]
    return sum(getattr(spec, n) != getattr(other, n) for n in names)


def canonical(spec: Spec) -> Spec:
    """The spec with the fewest switches that computes the same function, scalars left alone."""
    corrects_v = spec.bias_correction in ("both", "v")
    if not corrects_v and spec.eps == "hat":
        spec = replace(spec, eps="outside")
    if not corrects_v and spec.amsgrad == "vhat":
        spec = replace(spec, amsgrad="v")
    if spec.bias_correction == "none" and spec.first_t != "1":
        spec = replace(spec, first_t="1")
    return spec


def dialects(*, root: bool, maximize: tuple[str, ...] = ("no",)) -> list[Spec]:
    """All dialects without decay, each function once; ``root``: whether ε_root is in play."""
    names = ("eps", "bias_correction", "amsgrad", "first_t", "maximize")
    words = [SWITCHES[n] if n != "maximize" else maximize for n in names]
    found = {canonical(Spec(**dict(zip(names, choice, strict=True)))) for choice in product(*words)}
    found = {spec for spec in found if root or spec.eps != "both"}
    return sorted(found, key=lambda spec: (distance(spec, Spec()), str(spec)))
