"""Faults under the hyperparameters that users have: formats that do not hold them, rest, and NaN.

An honest twin keeps its scalars in float64, or in a format that holds its defaults.
"""

from __future__ import annotations

import numpy as np

from adamcheck.formats import FORMATS, Format
from adamcheck.mutations.defaulted import own
from adamcheck.spec import parse_spec
from adamcheck.spec.hyperparameters import HYPERPARAMETERS

from ..cases import Case, dialect

_TARGET = "adamcheck.mutations.defaulted"


def mutant(seed: int, index: int, dtype: str, specs: tuple[str, ...] = ()) -> Case:
    """Narrow scalars where the format does not hold a default, rest, or NaN from some step on."""
    rng = np.random.default_rng([seed, index, *dtype.encode(), *b"defaults"])
    spec = specs[rng.integers(len(specs))] if specs else dialect(rng)
    # log-uniform, up to the step from which rest lasts for half of quick's long run
    begin = round(float(np.exp2(rng.uniform(0.0, 10.0))))
    faults = [f"still from={begin}", f"nan from={begin}"]
    if not _holds(spec, FORMATS[dtype]):
        faults += ["narrow"] * 2
    return _case("mutant", seed, index, dtype, spec, faults[rng.integers(len(faults))])


def honest(seed: int, index: int, dtype: str, specs: tuple[str, ...] = ()) -> Case:
    """No fault, or scalars in the arrays' format where that is float32 and holds the defaults."""
    rng = np.random.default_rng([seed, index, *dtype.encode(), *b"defaults", 1])
    spec = specs[rng.integers(len(specs))] if specs else dialect(rng)
    narrow = dtype == "float32" and _holds(spec, FORMATS[dtype]) and rng.integers(2)
    return _case("honest", seed, index, dtype, spec, "narrow" if narrow else "")


def _holds(spec: str, fmt: Format) -> bool:
    """Whether a format's scalars follow every average's weight among the defaults."""
    return all(
        HYPERPARAMETERS[name].role != "average" or HYPERPARAMETERS[name].follows(value, fmt)
        for name, value in own(parse_spec(spec)).items()
    )


def _case(kind: str, seed: int, index: int, dtype: str, spec: str, fault: str) -> Case:
    given = (("fault", fault),) if fault else ()
    return Case(
        kind, seed, index, spec, dtype, fault or "none", "defaults", f"{_TARGET}:{spec}", given
    )
