"""The floating-point formats that a target may store its arrays in: one record a format.

A new format is one more record; everything else asks a record for the property that it needs, by
the reason for it, and never for a name. NumPy is imported where arrays are made, not before.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, Final

from adamcheck.errors import UsageError, closest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Format:
    """A binary format: ``precision`` counts the leading bit; exponents are those of 1.x·2^e.

    ``name`` is the one that NumPy, PyTorch, JAX and Keras all use; ``bits`` the width in memory;
    ``native`` whether NumPy itself has it (others come from ml_dtypes, and travel as their bits).
    """

    name: str
    precision: int
    min_exponent: int
    max_exponent: int
    bits: int
    native: bool = True

    @property
    def u(self) -> float:
        """Unit roundoff 2^-p: the largest relative error of rounding to nearest."""
        return 2.0**-self.precision

    @property
    def eta(self) -> float:
        """Half the smallest subnormal: the largest absolute error of a gradual underflow.

        For float64 the half is not representable; the smallest subnormal stands in (twice as wide).
        """
        return max(2.0 ** (self.min_exponent - self.precision), 2.0**-1074)

    @property
    def smallest_normal(self) -> float:
        """The smallest normal number: what flush-to-zero may lose."""
        return 2.0**self.min_exponent

    @property
    def largest(self) -> float:
        """The largest finite number."""
        return math.ldexp(2.0 - 2.0 ** (1 - self.precision), self.max_exponent)

    @property
    def is_double(self) -> bool:
        """Whether it is float64: scalars of its own are float64 ones, and float64 is no oracle."""
        return self.precision >= 53

    @property
    def narrow(self) -> bool:
        """Whether its digits are too few for usual numbers: 1-β or α·m̂ meets the last place.

        Closed loops stall there at the format's resolution before a theorem speaks.
        """
        return self.precision < 16

    @property
    def short_ranged(self) -> bool:
        """Whether squares leave its range within some octaves of 1: g² is in it for few g only."""
        return self.max_exponent < 64

    def rounded(self, value: float) -> float:
        """The number as the format holds it; infinite beyond its range."""
        import numpy as np

        with np.errstate(all="ignore"):
            return float(self.dtype.type(value))

    @cached_property
    def dtype(self) -> np.dtype[Any]:
        """The NumPy dtype."""
        import numpy as np

        if self.native:
            return np.dtype(self.name)
        import ml_dtypes

        found: np.dtype[Any] = np.dtype(getattr(ml_dtypes, self.name))
        return found

    @cached_property
    def carrier(self) -> np.dtype[Any]:
        """Whole numbers of the format's width, which every library knows: they carry its bits."""
        import numpy as np

        return np.dtype(f"u{self.bits // 8}")

    @cached_property
    def wire(self) -> np.dtype[Any]:
        """What an array of it is in a message: little-endian, bits where NumPy has no such type."""
        return (self.dtype if self.native else self.carrier).newbyteorder("<")


FORMATS: Final[dict[str, Format]] = {
    each.name: each
    for each in (
        Format("float64", 53, -1022, 1023, 64),
        Format("float32", 24, -126, 127, 32),
        Format("float16", 11, -14, 15, 16),
        Format("bfloat16", 8, -126, 127, 16, native=False),
    )
}
"""Every format by its name, the widest first."""


def format_named(name: str) -> Format:
    """Look a format up by its name; raise UsageError with the closest one."""
    if name not in FORMATS:
        raise UsageError(
            f"unknown dtype {name!r}; known are {', '.join(FORMATS)}.{closest(name, FORMATS)}"
        )
    return FORMATS[name]


@cache
def name_of(dtype: np.dtype[Any]) -> str:
    """The dtype's name, which NumPy spells anew at every look, for the time of five operations."""
    return str(dtype.name)


def widened(array: NDArray[Any]) -> NDArray[Any]:
    """The same numbers as float32 or float64: exact, and a dtype that compiled code can read."""
    return array if name_of(array.dtype) in ("float32", "float64") else array.astype("float32")
