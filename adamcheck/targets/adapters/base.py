"""What an adapter provides: a bound target that builds instances and steps them on NumPy arrays.

An adapter is a module with ``NAME``, ``recognises(found, origins)`` and ``open(found, request)``;
other packages register theirs by the entry-point group ``adamcheck.adapters``.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from adamcheck.errors import UsageError
from adamcheck.formats import FORMATS, Format
from adamcheck.spec.defaults import UNREAD, Defaults
from adamcheck.targets.loading import said
from adamcheck.targets.protocol import LAYOUTS
from adamcheck.text import with_article

Arrays = Sequence[NDArray[Any]]
Gradients = Sequence[NDArray[Any] | None]


@dataclass(frozen=True)
class Opening:
    """What the session asked for: the target's own options, the device and the written target."""

    target: str
    options: Mapping[str, Any]
    device: str


@dataclass(frozen=True)
class Traits:
    """What an adapter found out about a target without running it (see Description)."""

    hyperparameters: frozenset[str]
    flags: frozenset[str]
    abilities: frozenset[str]
    layouts: tuple[str, ...] = LAYOUTS
    packages: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    defaults: Defaults = UNREAD


class Instance(Protocol):
    """One optimizer, built and ready to step; a target without an ability never sees its call."""

    def step(self, grads: Gradients) -> Sequence[Any]:
        """Take one step; return the new parameters, readable until the next step."""

    def moments(self) -> Sequence[Mapping[str, Any]]:
        """Per parameter the arrays m, v (and v_max) and the step count t."""

    def load_moments(self, moments: Sequence[Mapping[str, Any]]) -> None:
        """Take moments in the form that ``moments`` gives."""

    def save(self) -> Any:
        """The state, sharing no memory with this instance."""

    def load(self, saved: Any) -> None:
        """Take a state that another instance saved."""


class Conducting(Protocol):
    """What an Instance may offer besides; the abilities of its target say so."""

    def handed(self) -> Any:
        """The state as the target hands it over, not copied (ability live)."""

    def stored(self, saved: Any, fmt: Format) -> Any:
        """A saved state whose floating point numbers are in a format (ability stored)."""

    def set_lr(self, lr: float) -> None:
        """Another α from the next step on (ability assigned)."""

    def step_by_closure(self, grads: Gradients) -> Sequence[Any]:
        """A step with gradients that a function computes while it is taken (ability closure)."""


class Stepping:
    """What an Instance answers that can only step; a subclass overrides what its target can do.

    The session asks for abilities before it calls; a caller that does not gets the reason.
    """

    def moments(self) -> Sequence[Mapping[str, Any]]:
        """Not shown."""
        raise _lacking("moments", "does not show its moments")

    def load_moments(self, moments: Sequence[Mapping[str, Any]]) -> None:
        """Not taken."""
        raise _lacking("load_moments", "does not take moments")

    def save(self) -> Any:
        """Not given."""
        raise _lacking("state", "has no state to save")

    def load(self, saved: Any) -> None:
        """Not taken."""
        raise _lacking("state", "takes no saved state")


class AbilityError(Exception):
    """A request asked for what the target's traits deny; no check does, a request by hand may."""


def _lacking(ability: str, what: str) -> AbilityError:
    return AbilityError(f"this target {what}: it lacks the ability {ability!r}")


def in_groups(
    params: Sequence[Any],
    groups: Sequence[Mapping[str, float]],
    arguments: Callable[[Mapping[str, float]], Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """Parameter groups as PyTorch takes them: neighbours with the same hyperparameters are one."""
    found: list[dict[str, Any]] = []
    for index, (param, own) in enumerate(zip(params, groups, strict=True)):
        if index and own == groups[index - 1]:
            found[-1]["params"].append(param)
        else:
            found.append({**arguments(own), "params": [param]})
    return found


def mapped(saved: Any, change: Callable[[Any], Any]) -> Any:
    """A saved state with every leaf of its dicts, lists and tuples changed, of the same types."""
    if isinstance(saved, Mapping):
        changed = {key: mapped(value, change) for key, value in saved.items()}
        if not isinstance(saved, MutableMapping):
            return changed
        own = copy.copy(saved)
        own.update(changed)
        return own
    if isinstance(saved, (list, tuple)):
        items = [mapped(value, change) for value in saved]
        # a named tuple takes its parts one by one
        return type(saved)(*items) if hasattr(saved, "_fields") else type(saved)(items)
    return change(saved)


def in_format(array: NDArray[Any], fmt: Format) -> NDArray[Any]:
    """The numbers of an array in a format; what holds no floating point numbers stays."""
    if array.dtype.name not in FORMATS:
        return array
    with np.errstate(all="ignore"):
        return array.astype(fmt.dtype)


@dataclass(frozen=True)
class Bound:
    """A recognised target.

    ``build(thetas, hyper, flags)`` makes an Instance; ``scheduled(…, lrs)`` one whose α follows
    ``lrs`` (ability scheduled), ``refilled`` one whose α is an array of one number that it shares
    with another instance (ability refilled), ``grouped(…, groups)`` one whose parameters have
    hyperparameters of their own (ability groups). A target that is not stepwise has ``run``:
    ``run(theta0, grads, hyper, flags, publish)`` calls ``publish(t, theta)`` for every step as soon
    as it knows it. ``flushes(dtype)`` tells whether its arithmetic loses subnormals.
    """

    traits: Traits
    build: Callable[[Arrays, Mapping[str, float], frozenset[str]], Instance] | None = None
    run: Callable[..., None] | None = None
    scheduled: Callable[..., Instance] | None = None
    refilled: Callable[..., Instance] | None = None
    grouped: Callable[..., Instance] | None = None
    flushes: Callable[[str], bool] = field(default=lambda dtype: numpy_flushes(dtype))


class ProtocolError(Exception):
    """A target gave something that its protocol does not allow; reported as kind ``protocol``."""


def origins(found: Any) -> frozenset[str]:
    """The top-level packages that an object, its class and their bases come from."""
    classes = found.__mro__ if isinstance(found, type) else type(found).__mro__
    modules = [getattr(found, "__module__", None), *(c.__module__ for c in classes)]
    return frozenset(m.partition(".")[0] for m in modules if isinstance(m, str))


def to_numpy(value: Any) -> NDArray[Any]:
    """Whatever array a target returned, as a NumPy array (a view where that is possible)."""
    if isinstance(value, np.ndarray):
        return value
    if hasattr(value, "detach") and hasattr(value, "cpu"):  # a PyTorch tensor
        value = value.detach().cpu()
        return tensor_view(value)
    if hasattr(value, "__cuda_array_interface__") and hasattr(value, "get"):  # a CuPy array
        value = value.get()
    try:
        array = np.asarray(value)
    except Exception as error:  # only the target's own __array__ runs here: whatever it raises
        kind, told = type(value).__name__, type(error).__name__
        text = f"returned {kind}, which is not an array: {told}: {said(error)}"
        raise ProtocolError(text) from None
    if array.dtype == object:
        kind = "None" if value is None else with_article(type(value).__name__)
        raise ProtocolError(f"returned {kind} instead of an array")
    return array


@cache
def foreign(dtype: Any) -> Format | None:
    """The format of a PyTorch dtype that NumPy itself has not, else None."""
    fmt = FORMATS.get(str(dtype).removeprefix("torch."))
    return None if fmt is None or fmt.native else fmt


def tensor_view(tensor: Any) -> NDArray[Any]:
    """A CPU tensor as a NumPy array that shares its memory, whichever format it is in."""
    fmt = foreign(tensor.dtype)
    if fmt is None:
        array: NDArray[Any] = tensor.numpy()
        return array
    # whole numbers of the format's width: PyTorch always has signed ones
    bits: NDArray[Any] = tensor.view(getattr(sys.modules["torch"], f"int{fmt.bits}")).numpy()
    return bits.view(fmt.dtype)


def need_cupy(opening: Opening) -> None:
    """UsageError unless arrays can be moved to the device that was asked for."""
    if opening.device == "cpu":
        return
    try:
        import cupy

        cupy.cuda.runtime.getDeviceCount()
    except ImportError:
        raise UsageError(
            "device cuda needs CuPy, which is not installed: pip install cupy-cuda12x"
            " or cupy-cuda13x, whichever is your CUDA's major version"
        ) from None
    except Exception as error:
        raise UsageError(f"device cuda: CuPy sees no GPU ({error}).") from None


def to_device(array: NDArray[Any], device: str) -> Any:
    """The array as the target is to see it: itself, or a CuPy copy on the GPU."""
    if device == "cpu":
        return array
    import cupy

    return cupy.asarray(array)


def numpy_flushes(dtype: str) -> bool:
    """Whether NumPy in this process turns subnormals of a format into zero, going in or out."""
    from adamcheck.formats import format_named

    kind = format_named(dtype)
    normal = np.full(9, kind.smallest_normal, kind.dtype)
    half = normal * np.asarray(0.5, kind.dtype)
    return survives_not(half) or survives_not(half + half)


def survives_not(values: NDArray[Any]) -> bool:
    """Whether any element is zero; bits are read, since a flushing unit also compares wrongly."""
    return bool((values.view(np.uint8).reshape(values.size, -1) == 0).all(axis=1).any())


def versions(packages: Sequence[str]) -> dict[str, str]:
    """Versions of Python, NumPy and the named distributions, asked of the modules themselves."""
    found = {"python": sys.version.split()[0], "numpy": np.__version__}
    for name in packages:
        module = sys.modules.get({"scikit-learn": "sklearn"}.get(name, name))
        version = getattr(module, "__version__", None) or _installed(name)
        if version:
            found[name] = str(version)
    return found


def _installed(name: str) -> str | None:
    from importlib import metadata  # slow to import, and hardly ever needed

    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
