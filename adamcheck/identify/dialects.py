"""All dialects of an algorithm that can be told apart, each function once.

A dialect that computes the same numbers as one with fewer switches is left out, and so are those
that read a hyperparameter of which nothing is known.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields, replace
from itertools import product
from typing import Final

from adamcheck.errors import UsageError
from adamcheck.rules.storage import UNCLAIMED
from adamcheck.spec import CONVENTIONS, Spec
from adamcheck.spec.hyperparameters import passed

_APART: Final = ("algorithm", "scalars", *UNCLAIMED)
_NEEDS_VALUE: Final = tuple(n for n in passed() if n != "weight_decay")
"""Hyperparameters without a usual value: a dialect that reads one of unknown value is no use.

A decay's is found from what it does to θ alone."""


def relatives() -> tuple[str, ...]:
    """Every rule but Adam."""
    return tuple(name for name in CONVENTIONS if name != "adam")


def distance(spec: Spec, other: Spec) -> int:
    """The number of switches in which two specs differ, precision left out; 100: another rule."""
    if spec.algorithm != other.algorithm:
        return 100 + distance(spec, Spec(spec.algorithm))
    names = [f.name for f in fields(Spec) if f.name not in _APART]
    return sum(getattr(spec, n) != getattr(other, n) for n in names)


def canonical(spec: Spec) -> Spec:
    """The spec with the fewest switches that computes the same function, scalars left alone."""
    if spec.algorithm == "adam":
        corrects_v = spec.bias_correction in ("both", "v")
        if not corrects_v and spec.eps == "hat":
            spec = replace(spec, eps="outside")
        if not corrects_v and spec.amsgrad == "vhat":
            spec = replace(spec, amsgrad="v")
    if spec.algorithm in ("adam", "adamax") and spec.bias_correction == "none":
        spec = replace(spec, first_t="1")
    return spec


def dialects(
    algorithm: str, *, valued: Iterable[str], maximize: tuple[str, ...] = ("no",)
) -> list[Spec]:
    """All dialects without decay; ``valued``: hyperparameters of known value that is not zero."""
    switches = dict(CONVENTIONS[algorithm]) | {"maximize": maximize, "decay": ("none",)}
    del switches["scalars"]
    known = set(valued)
    found: set[Spec] = set()
    for choice in product(*switches.values()):
        try:
            spec = canonical(Spec(algorithm, **dict(zip(switches, choice, strict=True))))
        except UsageError:  # switches that exclude each other
            continue
        if all(name in known for name in spec.hyperparameters if name in _NEEDS_VALUE):
            found.add(spec)
    plain = Spec(algorithm)
    return sorted(found, key=lambda spec: (distance(spec, plain), str(spec)))
