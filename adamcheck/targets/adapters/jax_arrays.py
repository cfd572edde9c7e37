"""What the JAX adapters share: 64-bit mode, arrays in and out, state as leaves, flushing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from adamcheck.errors import UsageError
from adamcheck.formats import format_named
from adamcheck.targets.adapters.base import Opening, survives_not
from adamcheck.targets.adapters.signature import SYNONYMS, Names, check_options, parameters_of

OPTIONS: Final = ("jit", "x64")


def settings(opening: Opening, names: Names) -> tuple[dict[str, Any], bool, tuple[str, ...]]:
    """Take ``jit`` and ``x64`` out of the options; return the rest, jit, and notes."""
    import jax

    check_options(opening.target, opening.options, names, more=OPTIONS)
    options = dict(opening.options)
    jit, x64 = bool(options.pop("jit", True)), bool(options.pop("x64", True))
    jax.config.update("jax_enable_x64", x64)
    if opening.device == "cuda":
        try:
            jax.config.update("jax_default_device", jax.devices("cuda")[0])
        except RuntimeError:
            raise UsageError(f"target {opening.target!r}: this JAX sees no CUDA device.") from None
    notes = names.notes if x64 else (*names.notes, "64-bit mode is off")
    return options, jit, notes


def to_jax(array: NDArray[Any]) -> Any:
    """A JAX array of its own memory: on the CPU JAX would else alias the array's."""
    import jax

    return jax.device_put(np.array(array, order="C"))


def leaves(state: Any) -> list[NDArray[Any]]:
    """A state as plain arrays."""
    import jax

    return [np.array(leaf) for leaf in jax.tree.leaves(state)]


def from_leaves(like: Any, saved: list[NDArray[Any]]) -> Any:
    """The state of the structure of ``like`` that holds the saved arrays."""
    import jax

    structure = jax.tree.structure(like)
    old = jax.tree.leaves(like)
    if len(old) != len(saved):
        raise ValueError(f"a saved state of {len(saved)} arrays for one of {len(old)}")
    return jax.tree.unflatten(structure, [to_jax(leaf) for leaf in saved])


def compiled(function: Callable[..., Any], jit: bool) -> Callable[..., Any]:
    """The function, jitted when that was asked for."""
    import jax

    return jax.jit(function) if jit else function


def schedule(lrs: NDArray[Any]) -> Callable[[Any], Any]:
    """A function of the step count, from 0, that gives α of the step; the last one from then on."""
    import jax.numpy as jnp

    table = to_jax(np.asarray(lrs, np.float64))

    def of(count: Any) -> Any:
        return table[jnp.minimum(count, len(lrs) - 1)]

    return of


def made_by(found: Any, words: tuple[str, ...]) -> Any:
    """What a factory of gradient transformations makes, or None if it is none.

    Its first parameter is the learning rate, and others that it needs are a momentum; nothing else
    is called to find out.
    """
    if isinstance(found, type) or not callable(found):
        return None
    try:
        first, *rest = parameters_of(found)[0]
        if first.kind is first.VAR_KEYWORD or (first.kind is first.VAR_POSITIONAL and rest):
            return _asked(found, words)
        needed = [each.name for each in rest if each.default is each.empty and each.kind < 2]
        if first.name not in words or not set(needed) <= set(SYNONYMS["momentum"]):
            return None
        return found(0.001, **dict.fromkeys(needed, 0.5))
    except Exception:
        return None


def _asked(found: Callable[..., Any], words: tuple[str, ...]) -> Any:
    """What a factory makes that says nothing of its parameters, by the first word it takes."""
    for word in words:
        try:
            return found(**{word: 0.001})
        except TypeError:
            continue
    return None


def flushes(dtype: str) -> bool:
    """Whether JAX's arithmetic loses subnormals of a format."""
    import jax.numpy as jnp

    kind = format_named(dtype)
    normal = to_jax(np.full(9, kind.smallest_normal, kind.dtype))
    half = normal * jnp.asarray(0.5, normal.dtype)
    return any(survives_not(np.array(x)) for x in (half, half + half))


def same_count(moments: Any) -> int:
    """The one step count of all parameters; a library with a single counter has no other."""
    counts = {int(each["t"]) for each in moments}
    if len(counts) != 1:
        raise ValueError("this target has one step counter for all parameters")
    return counts.pop()


Hyper = Mapping[str, float]
