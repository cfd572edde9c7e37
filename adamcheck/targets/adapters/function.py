"""Functions: ``make(theta0, …) -> step`` with ``step(grad) -> theta``, and ``run(theta0, grads)``.

Which of the two a function is, its second parameter's name tells.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from adamcheck.targets.adapters.base import (
    Arrays,
    Bound,
    Gradients,
    Opening,
    ProtocolError,
    Stepping,
    Traits,
    need_cupy,
    to_device,
    to_numpy,
)
from adamcheck.targets.adapters.signature import check_options, explored, names_of, parameters_of

NAME: Final = "function"


def recognises(found: Any, origins: frozenset[str]) -> bool:
    """Any callable that is not a class and takes an argument."""
    if isinstance(found, type) or not callable(found):
        return False
    try:
        return len(inspect.signature(found).parameters) > 0
    except (TypeError, ValueError):
        return False


def open(found: Callable[..., Any], opening: Opening) -> Bound:
    """Bind ``make`` or ``run``."""
    parameters = [parameter.name for parameter in parameters_of(found)[0]]
    whole = len(parameters) > 1 and parameters[1] in ("grads", "gradients")
    need_cupy(opening)
    theta = to_device(np.zeros(1), opening.device)
    given = (theta, to_device(np.zeros((1, 1)), opening.device)) if whole else (theta,)
    names = names_of(found, skip=len(given))
    names = explored(names, lambda arguments: found(*given, **arguments))
    check_options(opening.target, opening.options, names)
    abilities = {"layouts"} if whole else {"layouts", "stepwise"}
    traits = Traits(
        names.hyperparameters,
        names.flags,
        frozenset(abilities),
        notes=names.notes,
        defaults=names.defaults(opening.options),
    )

    def build(thetas: Arrays, hyper: Mapping[str, float], flags: frozenset[str]) -> Made:
        arguments = names.arguments(hyper, flags, opening.options)
        step = found(to_device(thetas[0], opening.device), **arguments)
        if not callable(step):
            raise ProtocolError(f"returned {type(step).__name__} instead of a step function")
        return Made(step, opening.device)

    def run(
        theta0: NDArray[Any],
        grads: NDArray[Any],
        hyper: Mapping[str, float],
        flags: frozenset[str],
        publish: Callable[[int, NDArray[Any]], None],
    ) -> None:
        arguments = names.arguments(hyper, flags, opening.options)
        device = opening.device
        thetas = found(to_device(theta0, device), to_device(grads, device), **arguments)
        for step, theta in enumerate(_after_each_step(thetas, theta0, len(grads)), start=1):
            publish(step, theta)

    return Bound(traits, run=run) if whole else Bound(traits, build=build)


def _after_each_step(thetas: Any, theta0: NDArray[Any], steps: int) -> list[NDArray[Any]]:
    """The parameter after every step, whether or not the target also gave the initial one."""
    if isinstance(thetas, (list, tuple)):
        rows = [to_numpy(theta) for theta in thetas]
    else:
        array = to_numpy(thetas)
        rows = [array[t, ...] for t in range(len(array))] if array.ndim else []
    if len(rows) not in (steps, steps + 1):
        raise ProtocolError(
            f"returned {len(rows)} parameters for {steps} steps;"
            f" {steps} or, with the initial one, {steps + 1} are expected"
        )
    if len(rows) == steps + 1 and not np.array_equal(rows[0], theta0, equal_nan=True):
        raise ProtocolError("returned one parameter more than steps, but the first is not theta0")
    return rows[-steps:] if steps else []


class Made(Stepping):
    """A step function that was made for one parameter."""

    def __init__(self, step: Callable[[Any], Any], device: str) -> None:
        self._step = step
        self._device = device
        if device == "cpu":
            self.step = self._direct  # type: ignore[method-assign]

    def step(self, grads: Gradients) -> Sequence[Any]:
        """Convert, step, return."""
        (grad,) = grads
        assert grad is not None
        return (to_numpy(self._step(to_device(grad, self._device))),)

    def _direct(self, grads: Gradients) -> Sequence[Any]:
        return (self._step(grads[0]),)
