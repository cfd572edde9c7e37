"""scikit-learn's private optimizers: ``update_params(params, grads)`` changes params in place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from adamcheck.errors import UsageError
from adamcheck.targets.adapters.base import Arrays, Bound, Gradients, Opening, Stepping, Traits
from adamcheck.targets.adapters.signature import check_options, explored, names_of

NAME: Final = "sklearn"


def recognises(found: Any, origins: frozenset[str]) -> bool:
    """A class with a method ``update_params``."""
    return isinstance(found, type) and callable(getattr(found, "update_params", None))


def open(found: Callable[..., Any], opening: Opening) -> Bound:
    """Bind the class."""
    if opening.device != "cpu":
        raise UsageError(f"target {opening.target!r} runs on the CPU only.")
    names = explored(names_of(found, skip=1), lambda arguments: found([np.zeros(1)], **arguments))
    check_options(opening.target, opening.options, names)

    def build(thetas: Arrays, hyper: Mapping[str, float], flags: frozenset[str]) -> Updating:
        params = list(thetas)
        return Updating(found(params, **names.arguments(hyper, flags, opening.options)), params)

    probe = found([np.zeros(1)], **opening.options)
    abilities = {"stepwise", "many", "layouts"}
    if all(hasattr(probe, name) for name in ("ms", "vs", "t")):
        abilities |= {"moments", "load_moments"}
    elif hasattr(probe, "velocities"):
        abilities.add("moments")
    traits = Traits(
        names.hyperparameters,
        names.flags,
        frozenset(abilities),
        packages=("scikit-learn",),
        notes=names.notes,
        defaults=names.defaults(opening.options),
    )
    return Bound(traits, build=build)


class Updating(Stepping):
    """One optimizer and the parameters that it changes."""

    def __init__(self, optimizer: Any, params: list[Any]) -> None:
        self._optimizer = optimizer
        self._params = params
        self._steps = 0

    def step(self, grads: Gradients) -> Sequence[Any]:
        """Update in place."""
        self._steps += 1
        self._optimizer.update_params(self._params, grads)
        return self._params

    def moments(self) -> Sequence[Mapping[str, Any]]:
        """From the attributes ms, vs and t, or velocities, which has no count."""
        own = self._optimizer
        if hasattr(own, "velocities"):
            return [{"velocity": b, "t": self._steps} for b in own.velocities]
        return [{"m": m, "v": v, "t": own.t} for m, v in zip(own.ms, own.vs, strict=True)]

    def load_moments(self, moments: Sequence[Mapping[str, Any]]) -> None:
        """Into the same attributes; the counter is one for all parameters."""
        counts = {int(each["t"]) for each in moments}
        if len(counts) != 1:
            raise ValueError("this target has one step counter for all parameters")
        self._optimizer.t = counts.pop()
        self._optimizer.ms = [each["m"] for each in moments]
        self._optimizer.vs = [each["v"] for each in moments]
