"""Planted defects that the zoo lacks: one for each check that kills none of the zoo's by itself."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

if (_tests := str(Path(__file__).resolve().parents[1])) not in sys.path:
    sys.path.append(_tests)

from zoo.base import Array
from zoo.family.base import Scalar, Slot
from zoo.family.descent import HeavyBall
from zoo.family.norm import AdaMax, NAdam
from zoo.honest import ArrayScalars, Textbook
from zoo.record import BFLOAT16, WIDE, Cage, Defect

cage = Cage(__file__, family="interface")
relatives = Cage(__file__, family="relatives")


class _FitsGradient(Textbook):
    """Makes a gradient of another size fit, in silence."""

    def fitted(self, g: Array, size: int) -> Array:
        return g

    def check_gradients(self, grads: Sequence[Array | None]) -> None:
        """Everything is taken."""

    def advance(self, i: int, g: Array) -> None:
        if np.shape(g) != self.shapes[i]:
            g = self.fitted(np.ravel(g), self.thetas[i].size).reshape(self.shapes[i])
        super().advance(i, g)


@cage.defect("gradient-cut-to-size", "a gradient that is too long is cut", shows="reject")
class CutToSize(_FitsGradient):
    def fitted(self, g: Array, size: int) -> Array:
        if g.size < size:
            raise ValueError(f"{g.size} gradients for {size} elements")
        return g[:size]


@cage.defect(
    "gradient-repeated-to-size", "a gradient that is too short is repeated", shows="reject"
)
class RepeatedToSize(_FitsGradient):
    def fitted(self, g: Array, size: int) -> Array:
        return np.resize(g, size)


@cage.defect("gradient-padded-to-size", "what a gradient lacks is taken as zero", shows="reject")
class PaddedToSize(_FitsGradient):
    def fitted(self, g: Array, size: int) -> Array:
        return np.concatenate([g, np.zeros(max(size - g.size, 0), g.dtype)])[:size]


@cage.defect(
    "defaults-beyond-the-format",
    "a default β2 that the scalars of bfloat16 arrays do not hold: 1-β2^t is 0",
    dtypes=(BFLOAT16,),
    twin=Textbook,
)
class DefaultsBeyondTheFormat(ArrayScalars):
    def __init__(
        self,
        params: Sequence[Array],
        *,
        lr: float = 1e-3,
        beta1: float = 0.9,
        beta2: float = 0.999,
        eps: float = 1e-8,
    ) -> None:
        self.setup(params, lr=lr, beta1=beta1, beta2=beta2, eps=eps)


@cage.defect("refuses-matrices", "only vectors are taken", shows="shapes")
class RefusesMatrices(Textbook):
    def __init__(self, params: Sequence[Array], **hyper: Any) -> None:
        if any(np.ndim(p) > 1 for p in params):
            raise ValueError("params: arrays of one axis only")
        super().__init__(params, **hyper)


@relatives.defect(
    "momentum-falsy-default", "momentum or .9: a μ of 0 becomes the default", claims="momentum"
)
class MomentumFalsyDefault(HeavyBall):
    def adopt(self, hyper: Mapping[str, Any]) -> None:
        super().adopt({**hyper, "momentum": hyper["momentum"] or 0.9})


@relatives.defect(
    "adamax-clipped-at-rate",
    "no update is longer than α, as the paper has it",
    claims="adamax",
    dtypes=WIDE,
)
class AdaMaxClippedAtRate(AdaMax):
    def moved(self, theta: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        moved = super().moved(theta, g, slot, c)
        return theta + np.clip(moved - theta, c(-self.lr), c(self.lr))


@relatives.defect("nadam-clipped-at-rate", "no update is longer than α", claims="nadam")
class NAdamClippedAtRate(NAdam):
    def moved(self, theta: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        moved = super().moved(theta, g, slot, c)
        return theta + np.clip(moved - theta, c(-self.lr), c(self.lr))


_CONDUCT = "adamcheck.mutations.conduct"


def _conduct(name: str, why: str, fault: str, *, claims: str = "adam") -> Defect:
    """A rule that is right in every step, and goes wrong around it (adamcheck.mutations.faults)."""
    twin, options = f"{_CONDUCT}:{claims}", {"fault": fault}
    return Defect(
        name, _CONDUCT, claims, twin, why, claims=claims, options=options, tags=("conduct",)
    )


CONDUCT: tuple[Defect, ...] = (
    _conduct(
        "empty-call-forgets", "a call without a gradient starts m and v again", "idle act=reset"
    ),
    _conduct("empty-call-repeats", "a missing gradient is the last one again", "idle act=again"),
    _conduct(
        "empty-call-counts-thrice", "a call without a gradient counts three", "idle act=ahead by=3"
    ),
    _conduct("rate-never-changes", "the first α is kept", "rate act=first"),
    _conduct("rate-lags", "α is that of the step before", "rate act=lag"),
    _conduct("rate-forgets", "where α changes m and v start again", "rate act=forget"),
    _conduct("groups-share-beta2", "β2 is that of the first group", "group name=beta2 of=0"),
    _conduct("groups-ignore-eps", "ε is that of no group", "group name=eps of=default"),
    _conduct("foreign-state-dropped", "a state in another format is forgotten", "foreign act=zero"),
    _conduct("saved-count-wraps", "a saved count is what 100 leaves of it", "wrap at=100"),
    _conduct("load-invents-eps", "loading leaves half of ε", "mix name=eps factor=0.5"),
    _conduct(
        "load-invents-decay",
        "loading leaves half of λ",
        "mix name=weight_decay factor=0.5",
        claims="adamw",
    ),
)

_STORED = "adamcheck.mutations.stored"


def _stored(
    name: str,
    why: str,
    *,
    claims: str,
    keeps: str = "",
    dtypes: tuple[str, ...] = (BFLOAT16,),
    **fault: str,
) -> Defect:
    """A rule whose formula is right, and which keeps something else than is claimed."""
    twin, at = f"{_STORED}:{claims}", keeps or claims
    return Defect(
        name, _STORED, at, twin, why, claims=claims, dtypes=dtypes, options=fault, tags=("storage",)
    )


STORED: tuple[Defect, ...] = (
    _stored(
        "moments-narrower-than-claimed",
        "moments are rounded to bfloat16",
        claims="adam[moments=float32]",
        keeps="adam[moments=bfloat16,arithmetic=float32]",
        dtypes=("float32", BFLOAT16),
    ),
    _stored(
        "master-forgotten",
        "the copy behind θ is read from θ again",
        claims="adam[moments=float32,arithmetic=float32,master=float32]",
        forgets="always",
    ),
    _stored(
        "compensation-forgotten",
        "what rounding took is never added",
        claims="adam[kahan=yes]",
        forgets="always",
    ),
    _stored(
        "compensation-lost-at-load",
        "what rounding took is gone after a reload",
        claims="adam[kahan=yes]",
        forgets="load",
    ),
    _stored(
        "chance-takes-sides",
        "stochastic rounding goes up too often",
        claims="adam[arithmetic=float32,rounding=stochastic]",
        chance="0.3",
    ),
    _stored(
        "block-scale-of-a-neighbour",
        "the scale of a block is that of the one before it",
        claims="adam[arithmetic=float32,bits=8]",
        dtypes=("float32",),
        scale="neighbour",
    ),
)

DEFECTS: tuple[Defect, ...] = (*cage.records, *relatives.records, *CONDUCT, *STORED)
