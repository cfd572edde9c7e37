"""Keras 3 optimizer classes on any back end: variables, ``apply(grads)``, own variables as state.

Options: ``backend`` (else KERAS_BACKEND, else the first that is installed), ``floatx`` (the dtype
in which Keras keeps the learning rate), and ``x64`` (default true) on the JAX back end.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib.util import find_spec
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from adamcheck.errors import UsageError
from adamcheck.formats import Format, format_named
from adamcheck.targets.adapters.base import (
    Arrays,
    Bound,
    Gradients,
    Opening,
    Traits,
    in_format,
    survives_not,
)
from adamcheck.targets.adapters.signature import Names, check_options, explored, names_of

NAME: Final = "keras"
_OPTIONS: Final = ("backend", "floatx", "x64")
_ADAM: Final = {"m": "_momentums", "v": "_velocities"}
_KEPT: Final = {
    "SGD": {"velocity": "momentums"},
    "RMSprop": {"v": "_velocities", "m": "_average_gradients", "velocity": "_momentums"},
    "Adagrad": {"v": "_accumulators"},
    "Adamax": {"m": "_m", "v": "_u"},
    "Nadam": _ADAM,
    "Adam": _ADAM | {"v_max": "_velocity_hats"},
}
_BACKENDS: Final = ("tensorflow", "torch", "jax")


def prepare(place: str, options: Mapping[str, Any]) -> None:
    """Choose the back end, which has to be done before Keras is imported."""
    if "backend" in options:
        os.environ["KERAS_BACKEND"] = str(options["backend"])
    elif place.partition(".")[0] == "keras" and "KERAS_BACKEND" not in os.environ:
        installed = [name for name in _BACKENDS if find_spec(name) is not None]
        if installed:
            os.environ["KERAS_BACKEND"] = installed[0]


def recognises(found: Any, origins: frozenset[str]) -> bool:
    """A subclass of ``keras.optimizers.Optimizer``."""
    if not isinstance(found, type) or "keras" not in origins or "keras" not in sys.modules:
        return False
    return issubclass(found, sys.modules["keras"].optimizers.Optimizer)


def open(found: Callable[..., Any], opening: Opening) -> Bound:
    """Bind the optimizer class."""
    keras = _keras()
    if opening.device != "cpu":
        raise UsageError(f"target {opening.target!r}: Keras is driven on the CPU only.")
    names = replace(names_of(found, skip=0), open_ended=False, reads=False)
    names = explored(names, lambda arguments: found(**arguments))
    check_options(opening.target, opening.options, names, more=_OPTIONS)
    options = {name: x for name, x in opening.options.items() if name not in _OPTIONS}
    backend = keras.config.backend()
    notes = [f"Keras back end {backend}"]
    if backend == "jax":
        import jax

        jax.config.update("jax_enable_x64", bool(opening.options.get("x64", True)))
    if "floatx" in opening.options:
        keras.config.set_floatx(opening.options["floatx"])
    notes.append(f"Keras floatx {keras.config.floatx()}")

    def build(thetas: Arrays, hyper: Mapping[str, float], flags: frozenset[str]) -> Applying:
        return Applying(found(**names.arguments(hyper, flags, options)), thetas)

    # plain gradient descent keeps nothing; asked for a velocity, it shows that it keeps one
    asked = {"momentum": 0.5} if "momentum" in names.own else {}
    probe = build([np.zeros(1, np.float32)], asked, frozenset())
    abilities = {"stepwise", "many", "missing", "state", "live", "stored"}
    if "lr" in names.hyperparameters:
        abilities |= {"assigned", "scheduled"}
    if probe.kept():
        abilities.add("moments")
    if {"m", "v"} <= probe.kept().keys():
        abilities.add("load_moments")
    distribution = {"jax": "jax", "torch": "torch", "tensorflow": "tensorflow"}.get(backend)
    traits = Traits(
        names.hyperparameters,
        names.flags,
        frozenset(abilities),
        layouts=("C",),
        packages=("keras", distribution) if distribution else ("keras",),
        notes=(*names.notes, *notes),
        defaults=names.defaults(options, _configured(found, names, options)),
    )

    def scheduled(
        thetas: Arrays, hyper: Mapping[str, float], flags: frozenset[str], lrs: NDArray[Any]
    ) -> Applying:
        arguments = names.arguments(hyper, flags, options)
        return Applying(found(**arguments | {names.own["lr"]: schedule(lrs)}), thetas)

    return Bound(traits, build=build, scheduled=scheduled, flushes=flushes)


def schedule(lrs: NDArray[Any]) -> Any:
    """A LearningRateSchedule that gives α of every step, from 0; the last one from then on."""
    keras = _keras()

    base: Any = keras.optimizers.schedules.LearningRateSchedule

    class Table(base):  # type: ignore[misc]
        def __call__(self, step: Any) -> Any:
            ops = keras.ops
            last = ops.minimum(ops.cast(step, "int32"), len(lrs) - 1)
            return ops.take(ops.convert_to_tensor(lrs.astype(keras.config.floatx())), last)

    return Table()


def _configured(found: Any, names: Names, options: Mapping[str, Any]) -> dict[str, Any]:
    """What an instance says of itself, where that is more than a rounded number of the signature.

    Keras keeps the learning rate in its floatx.
    """
    try:
        config = found(**names.arguments({}, (), options)).get_config()
    except Exception:  # the signature is what is left
        return {}
    told = {name: config[own] for name, own in names.own.items() if own in config}
    floatx = np.dtype(_keras().config.floatx()).type

    def rounded(name: str) -> bool:
        stated = names.given.get(name)
        return isinstance(stated, float) and float(floatx(stated)) == told[name]

    return {name: value for name, value in told.items() if not rounded(name)}


def flushes(dtype: str) -> bool:
    """Whether the back end's arithmetic loses subnormals of a format."""
    ops = _keras().ops
    kind = format_named(dtype)
    normal = ops.convert_to_tensor(np.full(9, kind.smallest_normal, kind.dtype), dtype=dtype)
    half = normal * ops.convert_to_tensor(np.asarray(0.5, kind.dtype), dtype=dtype)
    return any(survives_not(_numpy(x)) for x in (half, half + half))


class Applying:
    """One optimizer and the variables that it was built on."""

    def __init__(self, optimizer: Any, thetas: Arrays) -> None:
        keras = _keras()
        self._optimizer = optimizer
        self._variables = [keras.Variable(theta.copy(), dtype=theta.dtype.name) for theta in thetas]
        optimizer.build(self._variables)

    def step(self, grads: Gradients) -> Sequence[Any]:
        """Apply the gradients as tensors of their own memory."""
        ops = _keras().ops
        moved = [
            None if g is None else ops.convert_to_tensor(np.array(g, order="C"), dtype=g.dtype.name)
            for g in grads
        ]
        self._optimizer.apply(moved, self._variables)
        return [_numpy(variable) for variable in self._variables]

    def moments(self) -> Sequence[Mapping[str, Any]]:
        """From the optimizer's variables."""
        count = int(_numpy(self._optimizer.iterations))
        return [
            {name: _numpy(each[index]) for name, each in self.kept().items()} | {"t": count}
            for index in range(len(self._variables))
        ]

    def load_moments(self, moments: Sequence[Mapping[str, Any]]) -> None:
        """Assign them; the counter is one for all parameters."""
        counts = {int(each["t"]) for each in moments}
        if len(counts) != 1:
            raise ValueError("this target has one step counter for all parameters")
        self._optimizer.iterations.assign(counts.pop())
        for name, kept in self.kept().items():
            for variable, each in zip(kept, moments, strict=True):
                variable.assign(np.asarray(each[name]))

    def save(self) -> Any:
        """The optimizer's own variables, as Keras saves them."""
        return {name: np.array(value) for name, value in self.handed().items()}

    def handed(self) -> Any:
        """The store as the optimizer fills it."""
        store: dict[str, Any] = {}
        self._optimizer.save_own_variables(store)
        return store

    def stored(self, saved: Any, fmt: Format) -> Any:
        """What holds floating point numbers in the format."""
        return {name: in_format(value, fmt) for name, value in saved.items()}

    def set_lr(self, lr: float) -> None:
        """Assign ``learning_rate``."""
        self._optimizer.learning_rate = lr

    def load(self, saved: Any) -> None:
        """Back into the own variables."""
        self._optimizer.load_own_variables(saved)

    def kept(self) -> dict[str, Any]:
        """The optimizer's variables by the common names; Keras has other names in every class."""
        own = self._optimizer
        kind = next((c.__name__ for c in type(own).__mro__ if c.__name__ in _KEPT), "")
        found = {name: getattr(own, at, None) for name, at in _KEPT.get(kind, {}).items()}
        return {name: variables for name, variables in found.items() if variables}


def _numpy(value: Any) -> Any:
    return np.asarray(_keras().ops.convert_to_numpy(value))


def _keras() -> Any:
    return sys.modules["keras"]
