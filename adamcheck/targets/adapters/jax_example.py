"""Optimizers of ``jax.example_libraries``: a factory that makes ``(init, update, get_params)``.

The caller counts the steps, from 0. Options ``jit`` and ``x64`` as for optax.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from adamcheck.targets.adapters import jax_arrays
from adamcheck.targets.adapters.base import Arrays, Bound, Gradients, Opening, Traits, to_numpy
from adamcheck.targets.adapters.signature import SYNONYMS, explored, names_of, synonyms_for

NAME: Final = "jax"


def recognises(found: Any, origins: frozenset[str]) -> bool:
    """A function of a step size that returns three functions."""
    made = jax_arrays.made_by(found, SYNONYMS["lr"])
    return isinstance(made, tuple) and len(made) == 3 and all(callable(part) for part in made)


def open(found: Callable[..., Any], opening: Opening) -> Bound:
    """Bind the factory."""
    names = names_of(found, skip=0, synonyms=synonyms_for(found))
    names = explored(names, lambda arguments: found(**arguments))
    options, jit, notes = jax_arrays.settings(opening, names)

    @lru_cache(maxsize=64)
    def made(hyper: tuple[tuple[str, float], ...], flags: frozenset[str]) -> tuple[Any, Any, Any]:
        init, update, get_params = found(**names.arguments(dict(hyper), flags, options))
        return init, jax_arrays.compiled(update, jit), get_params

    def build(thetas: Arrays, hyper: Mapping[str, float], flags: frozenset[str]) -> Tripled:
        return Tripled(*made(tuple(sorted(hyper.items())), flags), thetas)

    probe = build([_zeros()], {"lr": 0.001, "momentum": 0.5}, frozenset())
    abilities = {"stepwise", "many", "state"}
    # only Adam and Adamax carry (x, m, v); others have states that mean something else
    if probe.triples() and getattr(found, "__name__", "") in ("adam", "adamax"):
        abilities |= {"moments", "load_moments"}
    traits = Traits(
        names.hyperparameters,
        names.flags,
        frozenset(abilities),
        layouts=("C",),
        packages=("jax", "jaxlib"),
        notes=notes,
        defaults=names.defaults(options),
    )
    return Bound(traits, build=build, flushes=jax_arrays.flushes)


class Tripled:
    """The state of one optimizer and its step count."""

    def __init__(
        self,
        init: Callable[..., Any],
        update: Callable[..., Any],
        get_params: Callable[..., Any],
        thetas: Arrays,
    ) -> None:
        self._update = update
        self._get_params = get_params
        self._state = init([jax_arrays.to_jax(theta) for theta in thetas])
        self._steps = 0

    def step(self, grads: Gradients) -> Sequence[Any]:
        """Update with the step's number, then read."""
        moved = [None if g is None else jax_arrays.to_jax(g) for g in grads]
        self._state = self._update(self._steps, moved, self._state)
        self._steps += 1
        return [to_numpy(theta) for theta in self._get_params(self._state)]

    def triples(self) -> bool:
        """Whether every parameter's state has three arrays."""
        return all(len(each) == 3 for each in self._state.packed_state)

    def moments(self) -> Sequence[Mapping[str, Any]]:
        """The second and third array of each parameter's state."""
        return [
            {"m": to_numpy(m), "v": to_numpy(v), "t": self._steps}
            for _, m, v in self._state.packed_state
        ]

    def load_moments(self, moments: Sequence[Mapping[str, Any]]) -> None:
        """Replace them, and set the step count."""
        self._steps = jax_arrays.same_count(moments)
        packed = [
            (x, *(jax_arrays.to_jax(each[k]).astype(old.dtype) for k, old in (("m", m), ("v", v))))
            for (x, m, v), each in zip(self._state.packed_state, moments, strict=True)
        ]
        self._state = self._state._replace(packed_state=packed)

    def save(self) -> Any:
        """The leaves of the state, parameters included, and the count."""
        return self._steps, jax_arrays.leaves(self._state)

    def load(self, saved: Any) -> None:
        """As saved."""
        self._steps, arrays = saved
        self._state = jax_arrays.from_leaves(self._state, arrays)


def _zeros() -> Any:
    import numpy as np

    return np.zeros(1, np.float32)
