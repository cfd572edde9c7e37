"""Named problems with proven properties: what a closed loop or ``adamcheck trace`` runs on.

A problem is asked for as a mapping, ``{"problem": NAME, parameter: value, …}``, which travels to
the child process and into witnesses.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from inspect import signature
from numbers import Integral, Real
from typing import Any, Final

import numpy as np

from adamcheck.errors import UsageError, closest
from adamcheck.problems.functions import cyclic, rosenbrock, sparse
from adamcheck.problems.logistic import logistic
from adamcheck.problems.problem import Problem
from adamcheck.problems.quadratics import drifting, quadratic, rotated, slope

PROBLEMS: Final[dict[str, Callable[..., Problem]]] = {
    "quadratic": quadratic,
    "rotated": rotated,
    "logistic": logistic,
    "drifting": drifting,
    "sparse": sparse,
    "rosenbrock": rosenbrock,
    "slope": slope,
    "cyclic": cyclic,
}

MOST_VARIABLES: Final = 4_000_000
"""Variables (or pairs) that a problem has at most."""
MOST_MIXED: Final = 4_096
"""Variables where all are mixed by one matrix."""

__all__ = ["PROBLEMS", "Problem", "build"]


def build(asked: Mapping[str, Any]) -> Problem:
    """The problem that a mapping asks for; ``maximize`` true turns the objective upside down.

    Raises UsageError for an unknown name or parameter, or a value that makes no sense.
    """
    given = dict(asked)
    name = str(given.pop("problem", ""))
    upside_down = bool(given.pop("maximize", False))
    if name not in PROBLEMS:
        raise UsageError(
            f"unknown problem {name!r}; known are {', '.join(PROBLEMS)}.{closest(name, PROBLEMS)}"
        )
    known = signature(PROBLEMS[name]).parameters
    for parameter in given:
        if parameter not in known:
            raise UsageError(
                f"problem {name!r} has no parameter {parameter!r}; it takes"
                f" {', '.join(known)}.{closest(parameter, known)}"
            )
    for parameter, value in given.items():
        _checked(name, parameter, value, str(known[parameter].annotation).split(" | "))
    try:
        found = PROBLEMS[name](**given)
    except (TypeError, ValueError, OverflowError, MemoryError) as error:
        raise UsageError(f"problem {name!r}: {str(error) or 'not enough memory'}") from None
    return _negated(found) if upside_down else found


def _checked(problem: str, parameter: str, value: Any, kinds: list[str]) -> None:
    """UsageError that names a value of another kind than annotated, or a size beyond any use."""
    if not any(_MEETS[kind](value) for kind in kinds):
        wanted = " or ".join(_WORDS[kind] for kind in kinds)
        raise UsageError(f"problem {problem!r}: {parameter} is {value!r}, which is not {wanted}")
    # arrays of this length are made at once: a size is refused before the memory is asked for
    most = MOST_MIXED if problem == "rotated" else MOST_VARIABLES
    if parameter in ("size", "pairs") and value > most:
        raise UsageError(f"problem {problem!r}: {parameter}={value} is too large; at most {most}")


def _number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _numbers(value: Any) -> bool:
    return isinstance(value, (list, tuple, np.ndarray)) and all(_number(part) for part in value)


_MEETS: Final[dict[str, Callable[[Any], bool]]] = {
    "int": lambda value: isinstance(value, Integral) and not isinstance(value, bool),
    "float": _number,
    "Sequence[float]": _numbers,
    "None": lambda value: value is None,
}
_WORDS: Final = {
    "int": "a whole number",
    "float": "a number",
    "Sequence[float]": "several numbers",
    "None": "left out",
}


def _negated(problem: Problem) -> Problem:
    return replace(
        problem,
        gradient=lambda t, x: -problem.gradient(t, x),
        loss=lambda t, x: -problem.loss(t, x),
    )
