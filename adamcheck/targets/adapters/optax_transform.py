"""Factories of gradient transformations in the style of optax: ``init``, ``update``, apply.

Options: ``jit`` (default true) compiles one whole step, ``x64`` (default true) is 64-bit mode.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from numpy.typing import NDArray

from adamcheck.formats import Format
from adamcheck.targets.adapters import jax_arrays
from adamcheck.targets.adapters.base import (
    Arrays,
    Bound,
    Gradients,
    Opening,
    Traits,
    in_format,
    to_numpy,
)
from adamcheck.targets.adapters.signature import SYNONYMS, Names, explored, names_of, synonyms_for

NAME: Final = "optax"
_FIELDS: Final = {"mu": "m", "nu": "v", "nu_max": "v_max"}


def recognises(found: Any, origins: frozenset[str]) -> bool:
    """A function of a learning rate that returns something with ``init`` and ``update``."""
    made = jax_arrays.made_by(found, SYNONYMS["lr"])
    return made is not None and callable(getattr(made, "init", None)) and hasattr(made, "update")


def open(found: Callable[..., Any], opening: Opening) -> Bound:
    """Bind the factory; what it makes is compiled once for each set of hyperparameters."""
    names = names_of(found, skip=0, synonyms=synonyms_for(found))
    names = explored(names, lambda arguments: found(**arguments))
    options, jit, notes = jax_arrays.settings(opening, names)
    begun = found(**names.arguments({"lr": 0.001}, (), options)).init([_scalar()])
    probe = _moments_of(begun)
    abilities = {"stepwise", "many", "state", "live", "stored"}
    abilities |= {"moments", "load_moments"} if probe is not None else set()
    if _injected(begun):
        abilities.add("assigned")
    elif "lr" in names.hyperparameters and _takes_schedule(found, names, options):
        abilities.add("scheduled")

    @lru_cache(maxsize=64)
    def made(hyper: tuple[tuple[str, float], ...], flags: frozenset[str]) -> tuple[Any, Any]:
        transform = found(**names.arguments(dict(hyper), flags, options))
        return transform, jax_arrays.compiled(_whole(transform), jit)

    def build(thetas: Arrays, hyper: Mapping[str, float], flags: frozenset[str]) -> Transforming:
        transform, step = made(tuple(sorted(hyper.items())), flags)
        params = [jax_arrays.to_jax(theta) for theta in thetas]
        return Transforming(step, params, transform.init(params))

    def scheduled(
        thetas: Arrays, hyper: Mapping[str, float], flags: frozenset[str], lrs: NDArray[Any]
    ) -> Transforming:
        arguments = names.arguments(hyper, flags, options)
        transform = found(**arguments | {names.own["lr"]: jax_arrays.schedule(lrs)})
        step = jax_arrays.compiled(_whole(transform), jit)
        params = [jax_arrays.to_jax(theta) for theta in thetas]
        return Transforming(step, params, transform.init(params))

    traits = Traits(
        names.hyperparameters,
        names.flags,
        frozenset(abilities),
        layouts=("C",),
        packages=("optax", "jax", "jaxlib"),
        notes=notes,
        defaults=names.defaults(options),
    )
    return Bound(traits, build=build, scheduled=scheduled, flushes=jax_arrays.flushes)


def _whole(transform: Any) -> Callable[..., Any]:
    """One step: update and apply."""

    def whole(params: Any, state: Any, grads: Any) -> tuple[Any, Any]:
        updates, state = transform.update(grads, state, params)
        return _applied(params, updates), state

    return whole


def _takes_schedule(found: Any, names: Names, options: Mapping[str, Any]) -> bool:
    """Whether α may be a function of the step count: one step on one number tells."""
    import numpy as np

    arguments = names.arguments({}, (), options)
    try:
        transform = found(
            **arguments | {names.own["lr"]: jax_arrays.schedule(np.array([0.5, 0.25]))}
        )
        _whole(transform)([_scalar()], transform.init([_scalar()]), [_scalar()])
    except Exception:  # whatever it says: the run that is asked for gives a number
        return False
    return True


def _injected(state: Any) -> Any:
    """The part of a state that keeps α as optax.inject_hyperparams does, or None."""
    kept = getattr(state, "hyperparams", None)
    if isinstance(kept, dict) and _rate(kept) is not None:
        return state
    parts = state if isinstance(state, tuple) else ()
    return next((one for part in parts if (one := _injected(part)) is not None), None)


def _rate(hyperparams: Mapping[str, Any]) -> str | None:
    """What α is called among injected hyperparameters; static ones are not among them."""
    return next((name for name in SYNONYMS["lr"] if name in hyperparams), None)


class Transforming:
    """Parameters and the state of one transformation."""

    def __init__(self, step: Callable[..., Any], params: list[Any], state: Any) -> None:
        self._step = step
        self._params = params
        self._state = state

    def step(self, grads: Gradients) -> Sequence[Any]:
        """Update, apply, and wait for the numbers."""
        moved = [None if g is None else jax_arrays.to_jax(g) for g in grads]
        self._params, self._state = self._step(self._params, self._state, moved)
        return [to_numpy(theta) for theta in self._params]

    def moments(self) -> Sequence[Mapping[str, Any]]:
        """From the one state in the chain that has mu, nu and count."""
        part = _moments_of(self._state)
        known = {name: getattr(part, own) for own, name in _FIELDS.items() if hasattr(part, own)}
        return [
            {name: to_numpy(tree[index]) for name, tree in known.items()} | {"t": int(part.count)}
            for index in range(len(self._params))
        ]

    def load_moments(self, moments: Sequence[Mapping[str, Any]]) -> None:
        """Replace mu, nu and count where the chain keeps them."""
        part = _moments_of(self._state)
        old = {own: getattr(part, own) for own in _FIELDS if hasattr(part, own)}
        new: dict[str, Any] = {
            own: [
                jax_arrays.to_jax(each[_FIELDS[own]]).astype(leaf.dtype)
                for each, leaf in zip(moments, tree, strict=True)
            ]
            for own, tree in old.items()
        }
        count = jax_arrays.same_count(moments)
        new["count"] = jax_arrays.to_jax(_count(count, part.count))
        self._state = _replaced(self._state, part, part._replace(**new))

    def save(self) -> Any:
        """The leaves of the state."""
        return jax_arrays.leaves(self._state)

    def handed(self) -> Any:
        """The same: a state of JAX is never changed."""
        return self.save()

    def stored(self, saved: Any, fmt: Format) -> Any:
        """The leaves that hold floating point numbers in the format."""
        return [in_format(leaf, fmt) for leaf in saved]

    def set_lr(self, lr: float) -> None:
        """Into the injected hyperparameters, in the dtype that they are kept in."""
        part = _injected(self._state)
        name = _rate(part.hyperparams)
        old = part.hyperparams[name]
        rate = jax_arrays.to_jax(_count(lr, old)) if hasattr(old, "dtype") else lr
        new = part._replace(hyperparams=part.hyperparams | {name: rate})
        self._state = _replaced(self._state, part, new)

    def load(self, saved: Any) -> None:
        """The leaves in this instance's own structure."""
        self._state = jax_arrays.from_leaves(self._state, saved)


def _applied(params: Any, updates: Any) -> Any:
    try:
        from optax import apply_updates
    except ImportError:  # a library of the same style: what optax does
        import jax

        return jax.tree.map(lambda p, u: (p + u).astype(p.dtype), params, updates)
    return apply_updates(params, updates)


def _moments_of(state: Any) -> Any:
    """The part of a nested state that holds the moments; None without one or with several."""
    found = list(_parts(state))
    return found[0] if len(found) == 1 else None


def _parts(state: Any) -> Any:
    if all(hasattr(state, name) for name in ("mu", "nu", "count", "_replace")):
        yield state
    elif isinstance(state, tuple):
        for part in state:
            yield from _parts(part)


def _replaced(state: Any, old: Any, new: Any) -> Any:
    if state is old:
        return new
    if not isinstance(state, tuple):
        return state
    parts = [_replaced(part, old, new) for part in state]
    return type(state)(*parts) if hasattr(state, "_fields") else tuple(parts)


def _scalar() -> Any:
    import numpy as np

    return jax_arrays.to_jax(np.zeros(1, np.float32))


def _count(count: float, like: Any) -> Any:
    import numpy as np

    return np.asarray(count, like.dtype)
