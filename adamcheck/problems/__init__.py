"""Named problems with proven properties: what a closed loop or ``adamcheck trace`` runs on.

A problem is asked for as a mapping, ``{"problem": NAME, parameter: value, …}``, which travels to
the child process and into witnesses.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from inspect import signature
from typing import Any, Final

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
    try:
        found = PROBLEMS[name](**given)
    except (TypeError, ValueError, OverflowError) as error:
        raise UsageError(f"problem {name!r}: {error}") from None
    return _negated(found) if upside_down else found


def _negated(problem: Problem) -> Problem:
    return replace(
        problem,
        gradient=lambda t, x: -problem.gradient(t, x),
        loss=lambda t, x: -problem.loss(t, x),
    )
