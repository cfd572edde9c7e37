"""The floating-point formats that a target may store its arrays in, and their exact constants."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from adamcheck.errors import UsageError, closest


@dataclass(frozen=True)
class Format:
    """A binary format: ``precision`` counts the leading bit; exponents are those of 1.x·2^e."""

    name: str
    precision: int
    min_exponent: int
    max_exponent: int

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
        return float(np.ldexp(2.0 - 2.0 ** (1 - self.precision), self.max_exponent))

    @property
    def narrow(self) -> bool:
        """Whether its digits are too few for usual numbers: 1-β or α·m̂ meets the last place."""
        return self.precision < 16

    def rounded(self, value: float) -> float:
        """The number as the format holds it; infinite beyond its range."""
        with np.errstate(all="ignore"):
            return float(self.dtype.type(value))

    @property
    def dtype(self) -> np.dtype[Any]:
        """The NumPy dtype; bfloat16 comes from ml_dtypes."""
        if self.name == "bfloat16":
            import ml_dtypes

            found: np.dtype[Any] = np.dtype(ml_dtypes.bfloat16)
            return found
        return np.dtype(self.name)


FORMATS: Final[dict[str, Format]] = {
    "float64": Format("float64", 53, -1022, 1023),
    "float32": Format("float32", 24, -126, 127),
    "float16": Format("float16", 11, -14, 15),
    "bfloat16": Format("bfloat16", 8, -126, 127),
}


def format_named(name: str) -> Format:
    """Look a format up by its name; raise UsageError with the closest one."""
    if name not in FORMATS:
        raise UsageError(
            f"unknown dtype {name!r}; known are {', '.join(FORMATS)}.{closest(name, FORMATS)}"
        )
    return FORMATS[name]


def widened(array: NDArray[Any]) -> NDArray[Any]:
    """The same numbers as float32 or float64: exact, and a dtype that compiled code can read."""
    return array if array.dtype in (np.float32, np.float64) else array.astype(np.float32)
