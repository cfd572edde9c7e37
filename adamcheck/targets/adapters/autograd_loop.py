"""autograd.misc.optimizers: a whole loop that asks for gradients and shows each x to a callback."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Final

from numpy.typing import NDArray

from adamcheck.errors import UsageError
from adamcheck.targets.adapters.base import Bound, Opening, Traits
from adamcheck.targets.adapters.signature import check_options, names_of, synonyms_for

NAME: Final = "autograd"
_FIRST: Final = ("grad", "x0", "callback")


def recognises(found: Any, origins: frozenset[str]) -> bool:
    """A function of a gradient function, a start and a callback."""
    if isinstance(found, type) or not callable(found):
        return False
    try:
        parameters = list(inspect.signature(found).parameters)
    except (TypeError, ValueError):
        return False
    return tuple(parameters[:3]) in (_FIRST, ("grad", "x", "callback"))


def open(found: Callable[..., Any], opening: Opening) -> Bound:
    """Bind the loop."""
    if opening.device != "cpu":
        raise UsageError(f"target {opening.target!r} runs on the CPU only.")
    inner = _wrapped(found)
    names = names_of(inner, skip=4, synonyms=synonyms_for(inner))
    check_options(opening.target, opening.options, names)

    def run(
        theta0: NDArray[Any],
        grads: NDArray[Any],
        hyper: Mapping[str, float],
        flags: frozenset[str],
        publish: Callable[[int, Any], None],
    ) -> None:
        arguments = names.arguments(hyper, flags, opening.options)

        def callback(x: Any, i: int, g: Any) -> None:
            # it is shown before the step, so x at i is what step i left
            if i:
                publish(i, x)

        steps = len(grads)
        last = found(lambda x, i: grads[i, ...], theta0, callback, num_iters=steps, **arguments)
        if steps:
            publish(steps, last)

    traits = Traits(
        names.hyperparameters,
        names.flags,
        frozenset({"layouts"}),
        packages=("autograd",),
        defaults=names.defaults(opening.options),
    )
    return Bound(traits, run=run)


def _wrapped(found: Callable[..., Any]) -> Callable[..., Any]:
    """The loop inside autograd's decorator, whose signature is the real one."""
    for cell in getattr(found, "__closure__", None) or ():
        inner = cell.cell_contents
        if callable(inner) and getattr(inner, "__name__", "") == getattr(found, "__name__", None):
            inside: Callable[..., Any] = inner
            return inside
    return found
