"""The adapters that adamcheck has: which one drives a given object.

The order matters: libraries first, then what other packages registered, then the bare protocols.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from importlib import import_module
from typing import Any, Final

from adamcheck.errors import UsageError, closest
from adamcheck.targets.adapters.base import Bound, Opening, origins
from adamcheck.text import with_article

GROUP: Final = "adamcheck.adapters"
LIBRARIES: Final = (
    "torch_optimizer",
    "keras_optimizer",
    "sklearn_optimizer",
    "autograd_loop",
    "optax_transform",
    "jax_example",
)
PROTOCOLS: Final = ("classes", "function")


def bind(found: Any, opening: Opening, registered: Sequence[str]) -> tuple[str, Bound]:
    """Recognise ``found`` and bind it; return the adapter's name too.

    ``registered`` are entry points of GROUP, written ``package.module:adapter``. The option
    ``adapter`` names one outright. Raises UsageError for an object that nobody knows how to drive.
    """
    wanted = opening.options.get("adapter")
    options = {name: value for name, value in opening.options.items() if name != "adapter"}
    found, options = _unwrapped(found, options)
    opening = Opening(opening.target, options, opening.device)
    packages = origins(found)
    known = []
    for adapter in _adapters(registered):
        known.append(adapter.NAME)
        if wanted == adapter.NAME or (wanted is None and adapter.recognises(found, packages)):
            return adapter.NAME, adapter.open(found, opening)
    if wanted is not None:
        raise UsageError(
            f"option adapter={wanted!r} is unknown; known are {', '.join(known)}."
            f"{closest(str(wanted), known)}"
        )
    kind = "class" if isinstance(found, type) else type(found).__name__
    raise UsageError(
        f"target {opening.target!r} is {with_article(kind)} that no adapter recognises:"
        " expected a function make(theta0, …) or run(theta0, grads, …), a class with a method"
        " step(grads), or an optimizer of a supported library."
    )


def _unwrapped(found: Any, options: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    """The class inside a functools.partial, with what that sets as options."""
    inner: Any = found
    given = dict(options)
    while isinstance(inner, partial) and not inner.args:
        inner, given = inner.func, {**inner.keywords, **given}
    return (inner, given) if isinstance(inner, type) else (found, dict(options))


def prepare(place: str, options: Mapping[str, Any]) -> None:
    """Let adapters act before the module ``place`` is imported (Keras needs its back end then)."""
    for name in LIBRARIES:
        adapter = import_module(f"{__name__}.{name}")
        if hasattr(adapter, "prepare"):
            adapter.prepare(place, options)


def _adapters(registered: Sequence[str]) -> Any:
    for name in LIBRARIES:
        yield import_module(f"{__name__}.{name}")
    for entry in registered:
        module, _, attribute = entry.partition(":")
        found = import_module(module)
        yield getattr(found, attribute) if attribute else found
    for name in PROTOCOLS:
        yield import_module(f"{__name__}.{name}")
