"""Planted defects of what is remembered: saving, loading, instances, late and missing gradients."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

if (_tests := str(Path(__file__).resolve().parents[2])) not in sys.path:
    sys.path.append(_tests)

from zoo.base import Array, Slot
from zoo.dialects import AMSGRAD, Amsgrad
from zoo.honest import Textbook, make_closure
from zoo.record import FLOAT16, WIDE, Cage, Defect

cage = Cage(__file__)
values = Cage(__file__, family="values")


class _EditsState(Textbook):
    """Changes each slot of the state, on saving or on loading."""

    def saved(self, slot: dict[str, Any]) -> None:
        """Change what is saved."""

    def loaded(self, slot: Slot) -> None:
        """Change what was loaded."""

    def state_dict(self) -> dict[str, Any]:
        state = super().state_dict()
        for slot in state["slots"]:
            self.saved(slot)
        return state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        super().load_state_dict(state)
        for slot in self.slots:
            self.loaded(slot)


@cage.defect(
    "state-loses-t",
    "t is not saved",
    shows="state",
    row="microsoft/DeepSpeed#4396, #564; tensorflow/tensorflow#48947",
)
class StateLosesT(_EditsState):
    def saved(self, slot: dict[str, Any]) -> None:
        slot["t"] = 0


@cage.defect(
    "state-loses-v",
    "v is not saved",
    shows="state",
    row="keras-team/keras#12449, tensorflow/tensorflow#44670",
)
class StateLosesV(_EditsState):
    def saved(self, slot: dict[str, Any]) -> None:
        slot["v"] = np.zeros_like(slot["v"])


@cage.defect("state-loses-m", "m is not saved", shows="state", row="keras-team/keras#12449")
class StateLosesM(_EditsState):
    def saved(self, slot: dict[str, Any]) -> None:
        slot["m"] = np.zeros_like(slot["m"])


@cage.defect(
    "state-loses-second-parameter", "only the first parameter's state is loaded", shows="state"
)
class StateLosesSecondParameter(Textbook):
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        kept = self.slots[1:]
        super().load_state_dict(state)
        self.slots[1:] = kept


@cage.defect("state-in-float16", "moments are saved in float16", shows="state", dtypes=WIDE)
class StateInFloat16(_EditsState):
    def saved(self, slot: dict[str, Any]) -> None:
        for name in ("m", "v"):
            slot[name] = slot[name].astype(np.float16)


@cage.defect(
    "state-in-float32",
    "moments are saved in float32 under float64",
    shows="state",
    dtypes=("float64",),
)
class StateInFloat32(_EditsState):
    def saved(self, slot: dict[str, Any]) -> None:
        for name in ("m", "v"):
            slot[name] = slot[name].astype(np.float32)


@cage.defect("state-shares-buffers", "the saved moments are the live ones", shows="state")
class StateSharesBuffers(Textbook):
    def _moments(self, i: int) -> dict[str, Any]:
        slot, shape = self.slots[i], self.shapes[i]
        return {"m": slot.m.reshape(shape), "v": slot.v.reshape(shape), "t": slot.t}

    def kernel(self, theta: Array, g: Array, slot: Slot) -> Array:
        m, v = slot.m, slot.v
        moved = super().kernel(theta, g, slot)
        m[...], v[...] = slot.m, slot.v
        slot.m, slot.v = m, v
        return moved


@cage.defect(
    "load-keeps-hyperparameters", "loading leaves the new instance's hyperparameters", shows="state"
)
class LoadKeepsHyperparameters(Textbook):
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        hyper = super().state_dict()["hyper"]
        super().load_state_dict(state)
        self.adopt(hyper)


@cage.defect(
    "load-keeps-rate", "loading leaves the new instance's lr, and loads the rest", shows="state"
)
class LoadKeepsRate(Textbook):
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        rate = self.lr
        super().load_state_dict(state)
        self.lr = rate


@cage.defect("load-resets-t", "loading starts t again at zero", shows="state")
class LoadResetsT(_EditsState):
    def loaded(self, slot: Slot) -> None:
        slot.t = 0


@cage.defect("load-advances-t", "loading counts one step too many", shows="state")
class LoadAdvancesT(_EditsState):
    def loaded(self, slot: Slot) -> None:
        slot.t += 1


@cage.defect("load-exchanges-moments", "m is loaded as v and v as m", shows="state")
class LoadExchangesMoments(_EditsState):
    def loaded(self, slot: Slot) -> None:
        slot.m, slot.v = slot.v, np.abs(slot.m)


@cage.defect(
    "load-clears-moments", "the first step after loading starts from zero moments", shows="state"
)
class LoadClearsMoments(_EditsState):
    def loaded(self, slot: Slot) -> None:
        slot.m, slot.v = np.zeros_like(slot.m), np.zeros_like(slot.v)


@cage.defect(
    "state-loses-maximum",
    "v_max is not saved: it starts again as v",
    shows="state",
    claims="adam[amsgrad=v]",
    options=AMSGRAD,
)
class StateLosesMaximum(Amsgrad, _EditsState):
    def saved(self, slot: dict[str, Any]) -> None:
        slot["v_max"] = np.zeros_like(slot["v"])


@cage.defect(
    "state-given-away",
    "saving hands the moments over: who goes on starts from zero ones",
    shows="checkpoints",
)
class StateGivenAway(Textbook):
    def state_dict(self) -> dict[str, Any]:
        state = super().state_dict()
        for i, slot in enumerate(self.slots):
            self.slots[i] = self.fresh(i)
            self.slots[i].t = slot.t
        return state


@cage.defect(
    "state-needs-a-step", "before the first step there is nothing to save", shows="checkpoints"
)
class StateNeedsAStep(Textbook):
    def state_dict(self) -> dict[str, Any]:
        if not any(slot.t for slot in self.slots):
            raise KeyError("exp_avg")
        return super().state_dict()


@cage.defect(
    "state-t-in-float16", "t is saved in float16", shows="checkpoints", dtypes=(*WIDE, FLOAT16)
)
class StateTInFloat16(_EditsState):
    def saved(self, slot: dict[str, Any]) -> None:
        slot["t"] = int(np.float16(min(slot["t"], 65_504)))


@cage.defect(
    "load-adds", "loading adds to the moments and the count there are", shows="checkpoints"
)
class LoadAdds(Textbook):
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        before = self.slots[:]
        super().load_state_dict(state)
        for slot, old in zip(self.slots, before, strict=True):
            slot.m, slot.v, slot.t = slot.m + old.m, slot.v + old.v, slot.t + old.t


@cage.defect("load-keeps-larger-v", "loading keeps the larger v of two", shows="checkpoints")
class LoadKeepsLargerV(Textbook):
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        before = [slot.v for slot in self.slots]
        super().load_state_dict(state)
        for slot, old in zip(self.slots, before, strict=True):
            slot.v = np.maximum(slot.v, old)


@cage.defect(
    "load-empties-state", "loading takes the saved state apart: it loads once", shows="checkpoints"
)
class LoadEmptiesState(Textbook):
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        assert isinstance(state, dict)
        super().load_state_dict({name: state.pop(name) for name in ("hyper", "slots")})


# instances beside each other


@cage.defect(
    "make-returns-scratch",
    "θ is returned in a buffer that all closures of one shape share",
    shows="apart",
    twin=make_closure,
)
def make_returns_scratch(
    theta0: Array, *, lr: float, beta1: float, beta2: float, eps: float
) -> Callable[[Array], Array]:
    inner = make_closure(theta0, lr=lr, beta1=beta1, beta2=beta2, eps=eps)
    key = theta0.shape, theta0.dtype.name

    def step(grad: Array) -> Array:
        theta = inner(grad)
        shared = _scratch.setdefault(key, np.empty_like(theta))
        shared[...] = theta
        return shared

    return step


_scratch: dict[Any, Array] = {}


class _LosesV(Textbook):
    last: ClassVar[list[Any]] = []

    def step(self, grads: Sequence[Array | None]) -> list[Array]:
        if self.last and self.last[-1] != self.shapes:
            for slot in self.slots:
                slot.v = np.zeros_like(slot.v)
        self.last[:] = [self.shapes]
        return super().step(grads)


@cage.defect(
    "make-loses-v-beside-another-shape",
    "v is dropped when a closure of another shape was at work in between",
    shows="apart",
    twin=make_closure,
)
def make_loses_v(
    theta0: Array, *, lr: float, beta1: float, beta2: float, eps: float
) -> Callable[[Array], Array]:
    made = _LosesV([theta0], lr=lr, beta1=beta1, beta2=beta2, eps=eps)
    return lambda grad: made.step([grad])[0]


# long silence, and spikes that come late


@values.defect(
    "silent-elements-reset",
    "after a hundred steps without a gradient an element's moments are dropped",
    shows="silence",
)
class SilentElementsReset(Textbook):
    patience = 100

    def kernel(self, theta: Array, g: Array, slot: Slot) -> Array:
        silent = np.where(g == 0, slot.extra.get("silent", np.zeros(g.shape, int)) + 1, 0)
        slot.extra["silent"] = silent
        for name in ("m", "v"):
            moment = getattr(slot, name)
            setattr(slot, name, np.where(silent >= self.patience, np.zeros_like(moment), moment))
        return super().kernel(theta, g, slot)


@values.defect(
    "silent-elements-reset-at-200",
    "after two hundred steps without a gradient an element's moments are dropped",
    shows="long_silence",
)
class SilentElementsResetLater(SilentElementsReset):
    patience = 200


@values.defect(
    "silent-elements-freeze",
    "after seventy steps without a gradient an element no longer moves; its moments decay",
    shows="silence",
)
class SilentElementsFreeze(Textbook):
    def kernel(self, theta: Array, g: Array, slot: Slot) -> Array:
        silent = np.where(g == 0, slot.extra.get("silent", np.zeros(g.shape, int)) + 1, 0)
        slot.extra["silent"] = silent
        return np.where(silent >= 70, theta, super().kernel(theta, g, slot))


@values.defect(
    "spike-cut-after-warm-up",
    "from the hundredth step on |g| is cut at 20·√v̂",
    shows="late_spike",
)
class SpikeCutAfterWarmUp(Textbook):
    warm = 100

    def kernel(self, theta: Array, g: Array, slot: Slot) -> Array:
        if slot.t > self.warm:
            most = g.dtype.type(20) * np.sqrt(slot.v / g.dtype.type(1 - self.beta2 ** (slot.t - 1)))
            g = np.where((slot.v > 0) & (np.abs(g) > most), np.copysign(most, g), g)
        return super().kernel(theta, g, slot)


@values.defect(
    "spike-cut-after-200-steps",
    "from the two-hundredth step on |g| is cut at 20·√v̂",
    shows="later_spike",
)
class SpikeCutAfter200(SpikeCutAfterWarmUp):
    warm = 200


# late and missing gradients


@cage.defect(
    "late-parameter-crashes",
    "state is made at the first step, for what has a gradient then",
    shows="late",
)
class LateParameterCrashes(Textbook):
    def step(self, grads: Sequence[Array | None]) -> list[Array]:
        for slot, g in zip(self.slots, grads, strict=True):
            if g is None and slot.t == 0:
                slot.extra["absent"] = True
            elif slot.extra.get("absent"):
                raise KeyError("exp_avg")
        return super().step(grads)


@cage.defect(
    "none-as-zero",
    "a missing gradient counts as zero: moments decay, θ coasts on",
    shows="late",
    tags=("convention",),
)
class NoneAsZero(Textbook):
    def step(self, grads: Sequence[Array | None]) -> list[Array]:
        filled = [
            np.zeros(shape, dtype) if g is None else g
            for g, shape, dtype in zip(grads, self.shapes, self.dtypes, strict=True)
        ]
        return super().step(filled)


@cage.defect("none-stops-the-step", "one missing gradient, and no parameter moves", shows="late")
class NoneStopsTheStep(Textbook):
    def step(self, grads: Sequence[Array | None]) -> list[Array]:
        if any(g is None for g in grads):
            grads = [None] * len(grads)
        return super().step(grads)


@cage.defect(
    "none-ends-the-loop",
    "parameters after the first missing gradient are left out",
    shows="late_first",
)
class NoneEndsTheLoop(Textbook):
    def step(self, grads: Sequence[Array | None]) -> list[Array]:
        kept = list(grads)
        for i, g in enumerate(kept):
            if g is None:
                kept[i:] = [None] * (len(kept) - i)
                break
        return super().step(kept)


@cage.defect("none-reuses-gradient", "a missing gradient is the last one seen", shows="late")
class NoneReusesGradient(Textbook):
    def step(self, grads: Sequence[Array | None]) -> list[Array]:
        last = self.__dict__.setdefault("last", [None] * len(grads))
        for i, g in enumerate(grads):
            last[i] = last[i] if g is None else g.copy()
        return super().step(last)


@cage.defect("none-advances-t", "t advances without a gradient", shows="late", tags=("convention",))
class NoneAdvancesT(Textbook):
    def step(self, grads: Sequence[Array | None]) -> list[Array]:
        for slot, g in zip(self.slots, grads, strict=True):
            slot.t += g is None
        return super().step(grads)


# zero gradients


@cage.defect(
    "lazy-elements",
    "elements with g = 0 keep θ, m and v: the lazy sparse rule",
    shows="zeros",
    tags=("convention",),
    row="tensorflow/tensorflow#23668, #6460, pytorch/pytorch#3137",
)
class LazyElements(Textbook):
    def kernel(self, theta: Array, g: Array, slot: Slot) -> Array:
        m, v = slot.m, slot.v
        moved = super().kernel(theta, g, slot)
        slot.m, slot.v = np.where(g == 0, m, slot.m), np.where(g == 0, v, slot.v)
        return np.where(g == 0, theta, moved)


@cage.defect("zero-elements-do-not-move", "θ stays where g = 0; the moments decay", shows="zeros")
class ZeroElementsDoNotMove(Textbook):
    def kernel(self, theta: Array, g: Array, slot: Slot) -> Array:
        return np.where(g == 0, theta, super().kernel(theta, g, slot))


@cage.defect("zero-gradient-skips-step", "a gradient of zeros skips the whole step", shows="zeros")
class ZeroGradientSkipsStep(Textbook):
    def advance(self, i: int, g: Array) -> None:
        if np.any(g):
            super().advance(i, g)


DEFECTS: tuple[Defect, ...] = (*cage.records, *values.records)
