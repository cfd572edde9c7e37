"""Classes of adamcheck's own protocol: ``Cls(params, *, lr, beta1, beta2, eps, …)`` with ``step``.

``step(grads)`` changes the parameters in place (and returns None) or returns new ones.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np

from adamcheck.formats import Format
from adamcheck.targets.adapters.base import (
    Arrays,
    Bound,
    Gradients,
    Opening,
    ProtocolError,
    Traits,
    in_format,
    in_groups,
    mapped,
    need_cupy,
    to_device,
    to_numpy,
)
from adamcheck.targets.adapters.signature import (
    check_options,
    explored,
    instance_of,
    names_of,
    shape_of,
)
from adamcheck.text import with_article

NAME: Final = "class"
_METHODS: Final = ("moments", "load_moments", "state_dict", "load_state_dict", "set_lr")


def recognises(found: Any, origins: frozenset[str]) -> bool:
    """A class with a method ``step``, or a function of parameters that makes such an object."""
    return callable(getattr(shape_of(found, _parameters), "step", None))


def _parameters() -> list[Any]:
    return [np.zeros(1)]


def open(found: Callable[..., Any], opening: Opening) -> Bound:
    """Bind the class; what it can do, the methods of an instance tell."""
    need_cupy(opening)

    def parameters() -> list[Any]:
        return [to_device(one, opening.device) for one in _parameters()]

    names = explored(names_of(found, skip=1), lambda arguments: found(parameters(), **arguments))
    check_options(opening.target, opening.options, names)
    abilities = {"stepwise", "many", "missing", "layouts"}
    made = shape_of(found, _parameters)
    if isinstance(found, type) and _sets(found):
        made = instance_of(found, names, opening.options, parameters)
    methods = {name for name in _METHODS if callable(getattr(made, name, None))}
    abilities |= methods & {"moments", "load_moments"}
    if {"state_dict", "load_state_dict"} <= methods:
        abilities |= {"state", "live", "stored"}
    grouping = hasattr(made, "param_groups")
    if "lr" in names.hyperparameters and (grouping or "set_lr" in methods):
        abilities.add("assigned")
    if grouping:
        abilities.add("groups")
    traits = Traits(
        names.hyperparameters,
        names.flags,
        frozenset(abilities),
        notes=names.notes,
        defaults=names.defaults(opening.options),
    )

    def build(thetas: Arrays, hyper: Mapping[str, float], flags: frozenset[str]) -> Built:
        params = [to_device(theta, opening.device) for theta in thetas]
        optimizer = found(params, **names.arguments(hyper, flags, opening.options))
        return Built(optimizer, params, opening.device)

    def grouped(
        thetas: Arrays,
        hyper: Mapping[str, float],
        flags: frozenset[str],
        groups: Sequence[Mapping[str, float]],
    ) -> Built:
        params = [to_device(theta, opening.device) for theta in thetas]
        parts = in_groups(params, groups, lambda own: names.arguments({**hyper, **own}, (), {}))
        optimizer = found(parts, **names.arguments(hyper, flags, opening.options))
        return Built(optimizer, params, opening.device)

    return Bound(traits, build=build, grouped=grouped)


def _sets(found: type) -> bool:
    """Whether instances may have what their class has not, as far as its code names that.

    Else none is built to find out: one that is never done is a failure of the run that builds it.
    """
    if hasattr(found, "__getattr__"):
        return True
    held = [f for c in found.__mro__ for f in vars(c).values() if inspect.isfunction(f)]
    codes = [getattr(inspect.unwrap(f), "__code__", f.__code__) for f in held]
    said = [word for code in codes for word in (*code.co_names, *_texts(code.co_consts))]
    return any(word in said and not hasattr(found, word) for word in (*_METHODS, "param_groups"))


def _texts(constants: Any) -> Iterator[str]:
    """The texts among constants; names of keywords are a tuple of them."""
    for one in constants:
        if isinstance(one, str):
            yield one
        elif isinstance(one, tuple):
            yield from _texts(one)


class Built:
    """An optimizer object and the list of parameters that it was given."""

    def __init__(self, optimizer: Any, params: list[Any], device: str) -> None:
        self._optimizer = optimizer
        self._params = params
        self._device = device
        self._step = optimizer.step
        if device == "cpu":
            self.step = self._direct  # type: ignore[method-assign]

    def step(self, grads: Gradients) -> Sequence[Any]:
        """Convert, step, return; None means that the parameters were changed in place."""
        moved = [None if g is None else to_device(g, self._device) for g in grads]
        return [to_numpy(theta) for theta in self._after(self._step(moved))]

    def _direct(self, grads: Gradients) -> Sequence[Any]:
        return self._after(self._step(grads))

    def _after(self, result: Any) -> Sequence[Any]:
        if result is None:
            return self._params
        if not hasattr(result, "__len__"):
            kind = with_article(type(result).__name__)
            raise ProtocolError(f"step(grads) returned {kind} instead of a list of arrays")
        given: Sequence[Any] = result
        return given

    def moments(self) -> Sequence[Mapping[str, Any]]:
        """As the optimizer shows them."""
        shown: Sequence[Mapping[str, Any]] = self._optimizer.moments()
        return shown

    def load_moments(self, moments: Sequence[Mapping[str, Any]]) -> None:
        """Hand them over as fresh arrays on the device."""
        self._optimizer.load_moments(
            [
                {k: int(x) if k == "t" else to_device(x, self._device) for k, x in each.items()}
                for each in moments
            ]
        )

    def save(self) -> Any:
        """A deep copy stands for writing to a file and reading back."""
        return copy.deepcopy(self.handed())

    def handed(self) -> Any:
        """What ``state_dict()`` gives."""
        return self._optimizer.state_dict()

    def stored(self, saved: Any, fmt: Format) -> Any:
        """Arrays of floating point numbers in the format; numbers that are no arrays stay."""
        return mapped(saved, lambda x: in_format(x, fmt) if isinstance(x, np.ndarray) else x)

    def set_lr(self, lr: float) -> None:
        """By ``set_lr(lr)``, else in every one of ``param_groups``."""
        if callable(getattr(self._optimizer, "set_lr", None)):
            self._optimizer.set_lr(lr)
            return
        for group in self._optimizer.param_groups:
            group["lr"] = lr

    def load(self, saved: Any) -> None:
        """Hand the saved state over."""
        self._optimizer.load_state_dict(saved)
