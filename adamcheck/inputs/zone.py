"""The gradients at which a format can tell right from wrong: no admissible order leaves its range.

Below the zone g² drowns in underflow, above it g² overflows; inside it the envelope is sharp.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from adamcheck.formats import Format

Float64 = NDArray[np.float64]

_NARROWEST = 8
_PAIRED: Final = -430
"""Below 2^_PAIRED the squares of float64 lose their error terms in double-double, and escalate."""
"""Octaves that a zone spans at least, even where underflow blurs its lower end (float16)."""


@dataclass(frozen=True)
class Zone:
    """Powers of two between which |g| is safe: ``2^low <= |g| <= 2^high``."""

    low: int
    high: int

    @property
    def smallest(self) -> float:
        """The smallest safe magnitude."""
        return math.ldexp(1.0, self.low)

    @property
    def largest(self) -> float:
        """The largest safe magnitude."""
        return math.ldexp(1.0, self.high)

    @property
    def ordinary(self) -> float:
        """1 where it is safe, otherwise the safe power of two next to it."""
        return math.ldexp(1.0, min(max(0, self.low), self.high))

    def spread(self, count: int) -> Float64:
        """Powers of two evenly spread over the zone, both ends included, ``[count]``."""
        exponents = np.round(np.linspace(self.low, self.high, count)).astype(np.int64)
        return np.ldexp(1.0, exponents)

    def window(self, octaves: int) -> tuple[int, int]:
        """Exponents of the safe window of at most ``2·octaves`` around the ordinary magnitude."""
        middle = round(math.log2(self.ordinary))
        return max(self.low, middle - octaves), min(self.high, middle + octaves)


def zone(fmt: Format, hyper: Mapping[str, float]) -> Zone:
    """The safe zone of a format under given hyperparameters.

    Orders that move α or a correction across an operation stretch what they keep in between, see
    ``envelope.reassociation``: an overflow of v̂ comes so much earlier, and an underflow of v
    weighs η times that over (1-β2)·g², kept below one roundoff where the format is wide enough.
    """
    lr = abs(float(hyper.get("lr", 1.0))) or 1.0
    weight_m, weight_v = (1.0 - float(hyper[name]) for name in ("beta1", "beta2"))
    rate, root_v = 1.01 * max(lr, 1.0 / lr), math.sqrt(weight_v)
    earlier = math.log2(rate / min(weight_m, root_v))
    stretched = math.log2(rate / (weight_m * root_v))
    high = math.floor((fmt.max_exponent - earlier) / 2.0)
    low = math.ceil((fmt.min_exponent + stretched - math.log2(weight_v)) / 2.0)
    if fmt.is_double:
        low = max(low, _PAIRED)
    return Zone(min(low, high - _NARROWEST), high)
