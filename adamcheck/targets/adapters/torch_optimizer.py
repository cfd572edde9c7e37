"""``torch.optim.Optimizer`` subclasses: gradients in ``.grad``, state in ``optimizer.state``.

Tensors share memory with the arrays that were laid out, so strides reach PyTorch as they are.
"""

from __future__ import annotations

import copy
import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from adamcheck.errors import UsageError
from adamcheck.formats import FORMATS, Format, format_named
from adamcheck.spec.hyperparameters import HYPERPARAMETERS
from adamcheck.targets.adapters.base import (
    Arrays,
    Bound,
    Gradients,
    Opening,
    ProtocolError,
    Traits,
    in_groups,
    mapped,
    survives_not,
    tensor_view,
    to_numpy,
)
from adamcheck.targets.adapters.signature import (
    Names,
    check_options,
    explored,
    names_of,
    shape_of,
    synonyms_for,
    two,
)

NAME: Final = "torch"
_STATE: Final = {
    "exp_avg": "m",
    "exp_avg_sq": "v",
    "exp_inf": "v",
    "square_avg": "v",
    "state1": "m",
    "state2": "v",
    "sum": "v",
    "grad_avg": "m",
    "momentum_buffer": "velocity",
    "max_exp_avg_sq": "v_max",
    "step": "t",
}
_QUANTISED: Final = 256
"""Elements that share a scale in the 8-bit states of bitsandbytes, which do not name it."""


def recognises(found: Any, origins: frozenset[str]) -> bool:
    """A subclass of ``torch.optim.Optimizer``, or a function of parameters that makes one."""
    if "torch" not in sys.modules:
        return False
    torch = sys.modules["torch"]
    if isinstance(found, type):
        return "torch" in origins and issubclass(found, torch.optim.Optimizer)
    return isinstance(shape_of(found, _parameters), torch.optim.Optimizer)


def _parameters() -> list[Any]:
    return [sys.modules["torch"].zeros(1, requires_grad=True)]


def open(found: Callable[..., Any], opening: Opening) -> Bound:
    """Bind the optimizer class; one step on two elements shows what its state holds."""
    import torch

    torch.set_num_threads(1)
    if opening.device == "cuda" and not torch.cuda.is_available():
        raise UsageError(f"target {opening.target!r}: this PyTorch sees no CUDA device.")
    synonyms = dict(synonyms_for(found)) | {"lr": ("lr",)}
    names = explored(
        names_of(found, skip=1, synonyms=synonyms),
        lambda arguments: found(_parameters(), **arguments),
    )
    check_options(opening.target, opening.options, names, more=("lr_tensor",))
    options = dict(opening.options)
    lr_tensor = bool(options.pop("lr_tensor", False))
    names = _followed(names, lambda arguments: found(_parameters(), **{**options, **arguments}))
    tracked = not options.get("differentiable", False)

    def named(
        hyper: Mapping[str, float], flags: frozenset[str], more: Mapping[str, Any]
    ) -> dict[str, Any]:
        arguments = names.arguments(hyper, flags, more)
        if lr_tensor and "lr" in arguments:
            arguments["lr"] = torch.tensor(arguments["lr"], dtype=torch.float64)
        return arguments

    def tensors_of(thetas: Arrays) -> list[Any]:
        # a differentiable step changes leaves in place, which autograd forbids for tracked ones
        return [tensor(a, opening.device).requires_grad_(tracked) for a in thetas]

    def build(thetas: Arrays, hyper: Mapping[str, float], flags: frozenset[str]) -> Optimizing:
        tensors = tensors_of(thetas)
        return Optimizing(found(tensors, **named(hyper, flags, options)), tensors, opening.device)

    def grouped(
        thetas: Arrays,
        hyper: Mapping[str, float],
        flags: frozenset[str],
        groups: Sequence[Mapping[str, float]],
    ) -> Optimizing:
        tensors, none = tensors_of(thetas), frozenset[str]()
        parts = in_groups(tensors, groups, lambda own: named({**hyper, **own}, none, {}))
        return Optimizing(found(parts, **named(hyper, flags, options)), tensors, opening.device)

    def refilled(thetas: Arrays, hyper: Mapping[str, float], flags: frozenset[str]) -> Optimizing:
        arguments = named(hyper, flags, options)
        shared = torch.tensor(arguments["lr"], dtype=torch.float64)
        one, other = (
            Optimizing(found(tensors, **{**arguments, "lr": shared}), tensors, opening.device)
            for tensors in (tensors_of(thetas), tensors_of([theta.copy() for theta in thetas]))
        )
        one.beside = other
        return one

    # plain gradient descent keeps nothing; asked for a velocity, it shows that it keeps one, and
    # takes the flags that go with it
    with_velocity = {"momentum": 0.5} if "momentum" in names.own else {}
    state = _state_after_one(build, with_velocity)
    abilities = {"stepwise", "many", "missing", "layouts", "state", "live", "stored", "groups"}
    if "lr" in names.hyperparameters:
        abilities.add("assigned")
        if _steps(refilled, {"lr": HYPERPARAMETERS["lr"].dyadic[0], **with_velocity}):
            abilities.add("refilled")
    made = shape_of(found, _parameters)
    if tracked and "closure" in inspect.signature(made.step).parameters:
        abilities.add("closure")
    if set(_shown(state)) - {"step"}:
        abilities.add("moments")
    if {"exp_avg", "exp_avg_sq", "step"} <= state.keys() <= _STATE.keys() - {"exp_inf"}:
        abilities.add("load_moments")
    refused = {flag for flag in names.flags if _refuses(build, flag, with_velocity)}
    traits = Traits(
        names.hyperparameters,
        names.flags - refused,
        frozenset(abilities),
        layouts=("C", "F", "transposed", "strided"),
        packages=("torch",),
        notes=(
            *names.notes,
            *(f"takes {flag} by name, and refuses it" for flag in sorted(refused)),
        ),
        defaults=names.defaults(options, _held(build, names)),
    )
    return Bound(
        traits,
        build=build,
        grouped=grouped,
        refilled=refilled,
        flushes=lambda dtype: flushes(dtype, opening.device),
    )


def _followed(names: Names, make: Callable[[dict[str, Any]], Any]) -> Names:
    """The words of a signature that takes any: ``defaults`` of an instance tell more than it does.

    A word that stands there is taken where what stands there changes with what is passed.
    """
    if not names.open_ended:
        return names

    def held(more: Mapping[str, Any]) -> dict[str, Any]:
        for base in ({}, {"lr": HYPERPARAMETERS["lr"].dyadic[0]}):
            try:
                return dict(make({**base, **more}).defaults)
            except Exception:  # the run that is asked for will say why
                continue
        return {}

    kept = held({})

    def follows(word: str, value: Any, at: str) -> bool:
        try:
            return bool(held({word: value}).get(at, kept[at]) != kept[at])
        except Exception:  # whatever the object of a target makes of being compared
            return False

    own, pair, still = dict(names.own), names.pair, set[str]()
    for name, words in names.synonyms.items():
        for word in words:
            at = "betas" if name in ("beta1", "beta2") and word not in kept else word
            in_sight = own.get(name) == word and (name in names.given or word in names.required)
            if at not in kept or (in_sight and word not in names.borrowed):
                continue
            numbers = HYPERPARAMETERS[name].dyadic if name in HYPERPARAMETERS else ()
            if any(follows(word, value, at) for value in numbers or (not kept[at],)):
                own[name] = word
                break
            if own.get(name) == word:
                del own[name]
                still.add(word)
    if "betas" in kept and (pair is None or "betas" in names.borrowed):
        moves = follows("betas", (0.5, 0.75), "betas")
        pair = two(kept["betas"]) if moves and not own.keys() & {"beta1", "beta2"} else None
        still |= set() if moves else {"betas"}
    notes = (
        f"takes any word, {word} too, and its defaults do not follow that"
        for word in sorted(still & names.borrowed)
    )
    return replace(names, own=own, pair=pair, notes=(*names.notes, *notes))


def _refuses(build: Callable[..., Optimizing], flag: str, hyper: Mapping[str, float]) -> bool:
    """Whether an option that the signature names cannot be on, beside these hyperparameters."""
    theta = [np.zeros(2, np.float32)]
    try:
        build(theta, hyper, frozenset())
    except Exception:  # what is asked of it will say why
        return False
    try:
        build(theta, hyper, frozenset({flag}))
    except Exception:
        return True
    return False


def _state_after_one(
    build: Callable[..., Optimizing], hyper: Mapping[str, float]
) -> Mapping[str, Any]:
    try:
        instance = build([np.zeros(2, np.float32)], hyper, frozenset())
        instance.step([np.ones(2, np.float32)])
    except Exception:  # the run that is asked for will say why
        return {}
    return {str(key): value for key, value in instance.state(0).items()}


def _steps(build: Callable[..., Optimizing], hyper: Mapping[str, float]) -> bool:
    """Whether what is built so takes a step."""
    try:
        build([np.zeros(2, np.float32)], hyper, frozenset()).step([np.ones(2, np.float32)])
    except Exception:  # a library says of many ways to give α that it does not take them
        return False
    return True


def _shown(state: Mapping[str, Any]) -> dict[str, str]:
    """The keys of a state that say which moment they hold, and its name; ``state1`` alone no."""
    return {
        key: name
        for key, name in _STATE.items()
        if state.get(key) is not None and (key != "state1" or state.get("state2") is not None)
    }


def _held(build: Callable[..., Optimizing], names: Names) -> dict[str, Any]:
    """What an instance to which nothing was passed holds in ``defaults``."""
    try:
        held = dict(build([np.zeros(2, np.float32)], {}, frozenset()).optimizer.defaults)
    except Exception:  # something must be passed: the signature is what is left
        return {}
    betas = held.get("betas")
    if isinstance(betas, (tuple, list)) and len(betas) == 2 and names.pair:
        held["beta1"], held["beta2"] = betas
    own = {**names.own, **({"beta1": "beta1", "beta2": "beta2"} if names.pair else {})}
    return {name: held[word] for name, word in own.items() if word in held}


def tensor(array: NDArray[Any], device: str) -> Any:
    """A tensor that shares the array's memory on the CPU, strides and all but negative ones."""
    from torch import from_numpy

    if array.strides and min(array.strides) < 0:
        array = array.copy(order="C")
    carried = _carried(array.dtype)
    if carried is None:
        shared = from_numpy(array)
    else:
        signed, own = carried
        shared = from_numpy(array.view(signed)).view(own)
    return shared if device == "cpu" else shared.to(device)


@cache
def _carried(dtype: np.dtype[Any]) -> tuple[np.dtype[Any], Any] | None:
    """For a format that NumPy has not: whole numbers that carry its bits, and PyTorch's dtype."""
    import torch

    fmt = FORMATS.get(dtype.name)
    if fmt is None or fmt.native:
        return None
    return np.dtype(f"i{dtype.itemsize}"), getattr(torch, fmt.name)


def flushes(dtype: str, device: str) -> bool:
    """Whether PyTorch's arithmetic loses subnormals of a format."""
    kind = format_named(dtype)
    normal = tensor(np.full(9, kind.smallest_normal, kind.dtype), device)
    half = normal * 0.5
    return any(survives_not(tensor_view(x.cpu())) for x in (half, half + half))


class Optimizing:
    """One optimizer object and its parameters.

    beside: another one, which takes each step before it does.
    """

    beside: Optimizing | None = None

    def __init__(self, optimizer: Any, tensors: list[Any], device: str) -> None:
        self._optimizer = optimizer
        self._tensors = tensors
        self._device = device
        self._steps = [0] * len(tensors)
        self._seen: list[tuple[Any, NDArray[Any]]] = [((), np.empty(0))] * len(tensors)

    @property
    def optimizer(self) -> Any:
        """The library's own object."""
        return self._optimizer

    def state(self, index: int) -> Mapping[str, Any]:
        """What the optimizer keeps for one parameter; empty before its first gradient."""
        state: Mapping[str, Any] = self._optimizer.state[self._tensors[index]]
        return state

    def step(self, grads: Gradients) -> Sequence[Any]:
        """Set the gradients, step, and read the parameters."""
        if self.beside is not None:
            self.beside.step([None if g is None else g.copy() for g in grads])
        for index, (parameter, grad) in enumerate(zip(self._tensors, grads, strict=True)):
            parameter.grad = None if grad is None else tensor(grad, self._device)
            self._steps[index] += grad is not None
        self._optimizer.step()
        return [self._array(index) for index in range(len(self._tensors))]

    def step_by_closure(self, grads: Gradients) -> Sequence[Any]:
        """The gradients are zeroed and set by a closure, as a loss would set them."""
        import torch

        calls = []

        def closure() -> Any:
            self._optimizer.zero_grad()
            for parameter, grad in zip(self._tensors, grads, strict=True):
                own, left = None if grad is None else tensor(grad, self._device), parameter.grad
                # autograd adds to what zeroing has left
                parameter.grad = own if own is None or left is None else left + own
            calls.append(torch.is_grad_enabled())
            return torch.zeros(())

        for parameter in self._tensors:  # what a step of before has left, and nobody may use
            parameter.grad = torch.ones_like(parameter)
        self._steps = [n + (grad is not None) for n, grad in zip(self._steps, grads, strict=True)]
        self._optimizer.step(closure)
        if not calls or not all(calls):
            how = "with gradients switched off" if calls else "not at all"
            raise ProtocolError(f"step(closure) calls the closure {how}")
        if len(calls) > 1:
            raise ProtocolError(f"step(closure) calls the closure {len(calls)} times, not once")
        return [self._array(index) for index in range(len(self._tensors))]

    def _array(self, index: int) -> NDArray[Any]:
        """A parameter as an array; on the CPU the one of before while it is in the same memory."""
        one = self._tensors[index]
        if self._device != "cpu":
            return to_numpy(one)
        place = one.data_ptr(), one.dtype, one.shape, one.stride()
        if self._seen[index][0] != place:
            self._seen[index] = place, to_numpy(one)
        return self._seen[index][1]

    def moments(self) -> Sequence[Mapping[str, Any]]:
        """Read from ``optimizer.state``; a parameter without state has moments zero."""
        return [self._moments(index) for index in range(len(self._tensors))]

    def load_moments(self, moments: Sequence[Mapping[str, Any]]) -> None:
        """Overwrite a state that the optimizer made itself, so that its kinds are its own."""
        import torch

        before = [parameter.detach().clone() for parameter in self._tensors]
        for parameter in self._tensors:
            parameter.grad = torch.zeros_like(parameter)
        self._optimizer.step()
        with torch.no_grad():
            for index, each in enumerate(moments):
                self._tensors[index].copy_(before[index])
                state = self._optimizer.state[self._tensors[index]]
                for key, name in _STATE.items():
                    if key in state:
                        state[key] = _like(state[key], each[name])

    def save(self) -> Any:
        """A deep copy of ``state_dict()``."""
        return copy.deepcopy(self.handed())

    def handed(self) -> Any:
        """What ``state_dict()`` gives: its tensors are the optimizer's own."""
        return self._optimizer.state_dict()

    def stored(self, saved: Any, fmt: Format) -> Any:
        """The tensors of floating point numbers in the format, step counts among them."""
        return {**saved, "state": mapped(saved["state"], lambda x: _stored(x, fmt))}

    def set_lr(self, lr: float) -> None:
        """Into every parameter group; a tensor is filled, as schedulers do."""
        for group in self._optimizer.param_groups:
            if hasattr(group["lr"], "fill_"):
                group["lr"].fill_(lr)
            else:
                group["lr"] = lr

    def load(self, saved: Any) -> None:
        """Through ``load_state_dict``."""
        self._optimizer.load_state_dict(saved)

    def _moments(self, index: int) -> dict[str, Any]:
        state = self.state(index)
        if not state:
            zero = np.zeros_like(to_numpy(self._tensors[index]))
            return {"m": zero, "v": zero, "t": 0}
        shown = {name: _numbers(state, key) for key, name in _shown(state).items()}
        shown.setdefault("t", self._steps[index])  # plain momentum counts nothing
        return {name: int(x) if name == "t" else to_numpy(x) for name, x in shown.items()}


def _stored(value: Any, fmt: Format) -> Any:
    import torch

    if not isinstance(value, torch.Tensor) or not value.is_floating_point():
        return value
    return value.to(getattr(torch, fmt.name))


def _numbers(state: Mapping[str, Any], key: str) -> Any:
    """What is kept under a key, as numbers: codes are looked up and scaled, block by block."""
    kept = state[key]
    place = key.removeprefix("state")
    if f"qmap{place}" in state and f"absmax{place}" in state:
        table, scale = (to_numpy(state[f"{name}{place}"]) for name in ("qmap", "absmax"))
        found = table[to_numpy(kept).reshape(-1)]
        if len(scale) != -(-found.size // _QUANTISED):
            raise ProtocolError(
                f"{key} has {len(scale)} scales for {found.size} elements,"
                f" not one for each {_QUANTISED}"
            )
        scale = np.repeat(scale, _QUANTISED)[: found.size]
        return (found * scale).reshape(tuple(kept.shape))
    return kept.dequantize() if type(kept).__name__.startswith("OptimState") else kept


def _like(old: Any, new: Any) -> Any:
    import torch

    if not isinstance(old, torch.Tensor):
        return type(old)(new)
    if isinstance(new, int):
        return torch.full_like(old, new)
    return tensor(new, "cpu").to(dtype=old.dtype, device=old.device, copy=True)
