"""One record a hyperparameter: every table of values, names and ranges derives from these.

Adding one is adding a record here; rules name the hyperparameters that they read.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from adamcheck.formats import Format

Role = Literal["rate", "average", "floor", "strength"]
"""What a value has to keep in a narrow format to stay itself: a rate the digits of what it
multiplies, the weight of an average its distance from 1, a floor its distance from 0."""


@dataclass(frozen=True, kw_only=True)
class Hyperparameter:
    """What is known of one hyperparameter, whichever rule reads it.

    low, high: its domain; low belongs to it, high does only where it is ``closed``.
    usual: what people pass, then what stands in where a format cannot follow it.
    dyadic: a value that every format holds exactly, then one for formats with few digits.
    neutral: where it has no effect, as if the rule did not have it; None: there it is needed.
    passed: what is passed to tell dialects apart where nothing is usual.
    drawn, drawn_dyadic: what random trajectories choose from.
    octaves: log2 of the ends between which checks draw it (of an average, its distance from 1).
    words: its names in libraries, the common name first.
    refused: senseless values: a target that refuses any must refuse all of them.
    searched: where identification looks for a value nobody passed (of an average, for 1 - β).
    """

    name: str
    symbol: str
    latex: str
    role: Role
    usual: tuple[float, ...]
    dyadic: tuple[float, ...]
    drawn: tuple[float, ...]
    drawn_dyadic: tuple[float, ...]
    octaves: tuple[float, float]
    low: float = 0.0
    high: float = math.inf
    closed: bool = False
    neutral: float | None = None
    passed: float | None = None
    words: tuple[str, ...] = ()
    refused: tuple[float, ...] = ()
    searched: tuple[float, float] | None = None

    @property
    def spellings(self) -> tuple[str, ...]:
        """Its names in libraries."""
        return self.words or (self.name,)

    def admits(self, value: float) -> bool:
        """Whether a value lies in the domain."""
        return self.low <= value and (value <= self.high if self.closed else value < self.high)

    def follows(self, value: float, fmt: Format) -> bool:
        """Whether arrays of a format whose scalars are its own still do what the value says."""
        kept = fmt.rounded(value)
        if self.role == "average":
            return kept < 1.0  # bfloat16(0.999) is 1: nothing is averaged any more
        if self.role == "floor":
            return kept > 0.0  # float16(1e-8) is 0
        if self.role == "rate":  # α·m̂ keeps its digits down to |m̂| = u
            return kept * fmt.u >= fmt.smallest_normal
        return kept == 0.0 or kept >= fmt.smallest_normal

    def usual_in(self, fmt: Format) -> float:
        """The usual value as far as a format can follow it."""
        return next((x for x in self.usual if self.follows(x, fmt)), self.usual[-1])

    def octaves_in(self, fmt: Format) -> tuple[float, float]:
        """``octaves`` as far as a format's normal numbers reach."""
        low, high = self.octaves
        if self.role == "average":
            return low, high
        least = fmt.smallest_normal / fmt.u if self.role == "rate" else fmt.smallest_normal
        return max(low, math.log2(least)), min(high, fmt.max_exponent / 4.0)

    def dyadic_in(self, fmt: Format) -> float:
        """A value that takes no part in rounding: the coarser one where digits are few."""
        return self.dyadic[-1] if fmt.narrow else self.dyadic[0]


def _halves(*exponents: int) -> tuple[float, ...]:
    return tuple(2.0**-k for k in exponents)


def _short_of_one(*exponents: int) -> tuple[float, ...]:
    return tuple(1.0 - 2.0**-k for k in exponents)


_RECORDS: Final = (
    Hyperparameter(
        name="lr",
        symbol="α",
        latex="alpha",
        role="rate",
        usual=(1e-3, 1.0),
        dyadic=(0.125, 1.0),
        drawn=(1e-3, 1e-2, 1e-4, 0.1, 3e-4, 2e-3, 1.0),
        drawn_dyadic=_halves(3, 0, 1, 7, 10),
        octaves=(-40.0, 8.0),
        words=("lr", "learning_rate", "step_size", "stepsize", "learning_rate_init", "alpha"),
        refused=(-1e-3,),
        searched=(1e-12, 1e6),
    ),
    Hyperparameter(
        name="momentum",
        symbol="μ",
        latex="mu",
        role="average",
        high=1.0,
        usual=(0.9,),
        dyadic=(0.875,),
        drawn=(0.9, 0.95, 0.8, 0.5, 0.99, 0.0),
        drawn_dyadic=_short_of_one(3, 1, 2, 4, 6),
        octaves=(-10.0, 0.0),
        neutral=0.0,
        passed=0.75,
        words=("momentum", "mass"),
        refused=(-0.1,),  # 1 and more are taken by libraries as they stand
    ),
    Hyperparameter(
        name="dampening",
        symbol="τ",
        latex="tau",
        role="average",
        high=1.0,
        closed=True,
        usual=(0.1,),
        dyadic=(0.25,),
        drawn=(0.1, 0.0, 0.5, 0.9),
        drawn_dyadic=(0.25, 0.0, 0.5),
        octaves=(-10.0, 0.0),
        neutral=0.0,
        passed=0.25,
    ),
    Hyperparameter(
        name="beta1",
        symbol="β1",
        latex="beta_1",
        role="average",
        high=1.0,
        usual=(0.9,),
        dyadic=(0.875, 0.75),
        drawn=(0.9, 0.95, 0.8, 0.5, 0.99, 0.85),
        drawn_dyadic=_short_of_one(3, 1, 2, 4, 6),
        octaves=(-10.0, 0.0),
        words=("beta1", "beta_1", "b1"),
        refused=(-0.1, 1.0, 1.5),
        searched=(1e-7, 1.0),
    ),
    Hyperparameter(
        name="beta2",
        symbol="β2",
        latex="beta_2",
        role="average",
        high=1.0,
        usual=(0.999, 0.95, 0.75),
        dyadic=(0.96875, 0.875),
        drawn=(0.999, 0.99, 0.95, 0.9999, 0.9, 0.98),
        drawn_dyadic=_short_of_one(7, 1, 4, 6, 10, 5),
        octaves=(-14.0, 0.0),
        words=("beta2", "beta_2", "b2", "rho"),
        refused=(-0.1, 1.0, 1.5, math.nan),
        searched=(1e-7, 1.0),
    ),
    Hyperparameter(
        name="eps",
        symbol="ε",
        latex="epsilon",
        role="floor",
        usual=(1e-8, 1e-3),
        dyadic=(2.0**-20, 2.0**-9),
        drawn=(1e-8, 1e-7, 1e-6, 1e-10, 1e-3, 1e-4, 1e-5),
        drawn_dyadic=_halves(10, 4, 8, 14, 27),
        octaves=(-40.0, 0.0),
        words=("eps", "epsilon"),
        refused=(-1e-8,),
        searched=(1e-20, 1e3),
    ),
    Hyperparameter(
        name="eps_root",
        symbol="ε_root",
        latex="epsilon_r",
        role="strength",
        usual=(1e-6,),
        dyadic=(2.0**-12,),
        drawn=(0.0, 1e-12, 1e-8, 1e-6),
        drawn_dyadic=(0.0, 2.0**-20, 2.0**-10),
        octaves=(-24.0, 0.0),
        neutral=0.0,
        passed=2.0**-6,
        searched=(1e-24, 1e3),
    ),
    Hyperparameter(
        name="lr_decay",
        symbol="lr_decay",
        latex="lr_decay",
        role="strength",
        usual=(1e-2,),
        dyadic=(0.0625,),
        drawn=(1e-2, 0.0, 1e-4, 0.5),
        drawn_dyadic=_halves(4, 7, 1),
        octaves=(-12.0, 2.0),
        neutral=0.0,
        passed=0.125,
    ),
    Hyperparameter(
        name="initial_accumulator",
        symbol="v_0",
        latex="initial_accumulator",
        role="strength",
        usual=(0.1,),
        dyadic=(0.25,),
        drawn=(0.1, 1e-3, 1.0),
        drawn_dyadic=(0.25, 1.0, 2.0**-7),
        octaves=(-12.0, 3.0),
        neutral=0.0,
        passed=0.25,
        words=("initial_accumulator", "initial_accumulator_value"),
        searched=(1e-12, 1e6),
    ),
    Hyperparameter(
        name="momentum_decay",
        symbol="ψ",
        latex="momentum_decay",
        role="strength",
        usual=(0.004,),
        dyadic=(2.0**-8,),
        drawn=(0.004, 0.01, 0.1),
        drawn_dyadic=_halves(8, 4),
        octaves=(-10.0, -1.0),
        neutral=0.0,
        passed=2.0**-5,
    ),
    Hyperparameter(
        name="weight_decay",
        symbol="λ",
        latex="lamda",
        role="strength",
        usual=(1e-2,),
        dyadic=(0.03125,),
        drawn=(1e-2, 1e-4, 0.1, 0.5),
        drawn_dyadic=_halves(4, 7, 10),
        octaves=(-16.0, 0.0),
        neutral=0.0,
        passed=0.125,
        words=("weight_decay", "wd"),
        refused=(-0.1,),
        searched=(1e-10, 1e3),
    ),
)

HYPERPARAMETERS: Final[dict[str, Hyperparameter]] = {one.name: one for one in _RECORDS}
"""Every hyperparameter by its common name, in the order in which rules list them."""

STANDARD: Final = tuple(n for n, one in HYPERPARAMETERS.items() if one.neutral is None)
"""Those that have a usual value in every library and no value that takes them out of a rule."""


def usual(fmt: Format) -> dict[str, float]:
    """Every hyperparameter's usual value, as far as the format can follow it."""
    return dict(_usual(fmt))


@cache
def _usual(fmt: Format) -> dict[str, float]:
    return {name: one.usual_in(fmt) for name, one in HYPERPARAMETERS.items()}


def dyadic(fmt: Format) -> dict[str, float]:
    """A value of each that the format holds exactly: its rounding is out of the picture."""
    return {name: one.dyadic_in(fmt) for name, one in HYPERPARAMETERS.items()}


def assumed() -> Mapping[str, float]:
    """What each is taken to be where nobody passes it: neutral, or the usual value."""
    return {
        name: one.usual[0] if one.neutral is None else one.neutral
        for name, one in HYPERPARAMETERS.items()
    }


def passed() -> Mapping[str, float]:
    """What is passed for those without a usual value, where one is to be passed."""
    return {n: one.passed for n, one in HYPERPARAMETERS.items() if one.passed is not None}
