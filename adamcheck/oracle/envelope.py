"""The admissible class of one judgement: format, scalar precision, underflow; and its constants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adamcheck.formats import Format
from adamcheck.oracle import moved
from adamcheck.program import Program
from adamcheck.rules import initial_state
from adamcheck.spec import Spec
from adamcheck.storage import KEPT, behind, gamma, kept, places, unkept


@dataclass(frozen=True)
class Admission:
    """What an evaluation may do and still be called honest.

    scalars: precision in which β, 1-β, β^t, α are kept: "float64" or "array" (the array's dtype, or
    that of its arithmetic where the spec says that this is wider).
    flushed: subnormal numbers may be flushed to zero.
    """

    scalars: str = "float64"
    flushed: bool = False


STRICT = Admission()


@dataclass(frozen=True)
class Roundings:
    """All that an admissible class loses to roundings of a spec's target in one format.

    base: the format of its arithmetic, and of scalars in "the array's own"; shown: what a parameter
    as it is seen may be away from the one behind it, in parts of it. stored: STORAGE_CONSTANTS.
    """

    base: Format
    u: float
    us: float
    eta: float
    flush: float
    largest: float
    shown: float
    lost: float
    stored: Mapping[str, float]


@lru_cache(maxsize=256)
def roundings(spec: Spec, fmt: Format, admission: Admission) -> Roundings:
    """Those of a spec, of parameters in ``fmt``."""
    found = kept(spec, fmt)
    base = found.base
    stored, several = unkept(base.u), places(spec)
    for place, at in found.at.items():
        if found.narrower(place):
            stored |= {f"u_{place}": at.u, f"gamma2_{place}": gamma(2, at.u)}
            stored |= {f"gamma4_{place}": gamma(4, at.u), f"twice_{place}": gamma(2, at.u)}
            if place in KEPT:
                stored |= _rounding(place, at, 1.0, admission)
    if found.narrower("o") or several > 1.0:
        stored |= _rounding("o", fmt, several, admission)
    return Roundings(
        base=base,
        u=base.u,
        us=scalar_roundoff(base, admission),
        eta=max(underflow(one, admission) for one in found.formats),
        flush=max(flushed(one, admission) for one in found.formats),
        largest=found.largest,
        shown=behind(spec, fmt),
        lost=several * underflow(fmt, admission) if behind(spec, fmt) else 0.0,
        stored=stored,
    )


def _rounding(place: str, at: Format, several: float, admission: Admission) -> dict[str, float]:
    """The constants of what is kept at a place, by so many roundoffs."""
    once, eta = several * at.u, several * underflow(at, admission)
    return {f"once_{place}": once, f"eta_{place}": eta, f"top_{place}": at.largest}


def scalar_roundoff(fmt: Format, admission: Admission) -> float:
    """Unit roundoff of scalar arithmetic; float64 scalars serve every format."""
    return fmt.u if admission.scalars == "array" else 2.0**-53


def scalar_errors(
    names: tuple[str, ...], hyper: Mapping[str, float], fmt: Format, admission: Admission
) -> NDArray[np.float64]:
    """How far each hyperparameter as kept may lie from the one asked for, ``[len(names)]``.

    Zero for float64 scalars and for numbers that the array's dtype holds exactly (dyadic ones).
    """
    if admission.scalars != "array":
        return np.zeros(len(names))
    with np.errstate(all="ignore"):
        return np.array([abs(hyper[n] - float(fmt.dtype.type(hyper[n]))) for n in names])


def start(
    program: Program, hyper: Mapping[str, float], fmt: Format, admission: Admission
) -> NDArray[np.float64]:
    """The clocks before the first step as (hi, lo, error bound), ``[C, 3]``.

    The error is not zero where the first step is called 2: β^1 is then the β that the target keeps.
    """
    names = program.spec.hyperparameters
    errors = scalar_errors(names, hyper, fmt, admission)
    asked = _clocks(program, hyper)
    kept = asked
    if errors.any():
        kept = _clocks(program, {n: hyper[n] + e for n, e in zip(names, errors, strict=True)})
    moved = np.abs(kept[:, 0] - asked[:, 0]) * (1.0 + 2.0**-24)
    if _FACTOR in program.clocks:
        k = program.clocks.index(_FACTOR)
        moved[k] += _factor_error(float(asked[k, 0]), scalar_roundoff(fmt, admission))
    return np.column_stack([asked, moved])


_FACTOR = "q"
"""The clock that holds 0.96^ψ: not rational, and no target computes it but 0.96^(ψt) at once."""


def _factor_error(q: float, us: float) -> float:
    """What makes t steps of q cover a power 0.96^(ψt) in arithmetic of unit roundoff us.

    Its base is off by us, to the power ψt; its exponent by 2·us, times ψt·|ln 0.96|: at most 1.1·ψt
    units together, and ψ = |ln q|/|ln 0.96| < 25·|ln q|. The rest is left to the powers of q.
    """
    return 30.0 * us * abs(float(np.log(q))) * q if q > 0.0 else us


def _clocks(program: Program, hyper: Mapping[str, float]) -> NDArray[np.float64]:
    exact = {n: Fraction(float(hyper[n])) for n in program.spec.hyperparameters}
    try:
        state = initial_state(program.spec, exact, Fraction(0), Fraction(1))
    except ZeroDivisionError:  # t counted from 0 with β = 0: β^-1, and every later bound is void
        return np.full((len(program.clocks), 2), np.nan)
    if isinstance(state.get(_FACTOR), float):
        state[_FACTOR] = _irrational(program.spec, hyper)
    high = [float(state[c]) for c in program.clocks]
    rest = [float(state[c] - Fraction(x)) for c, x in zip(program.clocks, high, strict=True)]
    return np.stack([high, rest], axis=1)


def _irrational(spec: Spec, hyper: Mapping[str, float]) -> Fraction:
    """The factor of the momentum's schedule to 240 bits, far beyond double-double."""
    import mpmath

    context = mpmath.MPContext()  # not the host's
    context.prec = 240
    numbers = {n: context.mpf(float(hyper[n])) for n in spec.hyperparameters}
    q = initial_state(spec, numbers, context.mpf(0), context.mpf(1))[_FACTOR]
    mantissa, exponent = q.man_exp
    return Fraction(int(mantissa)) * Fraction(2) ** int(exponent)


def underflow(fmt: Format, admission: Admission) -> float:
    """What one operation may lose below the normal range."""
    return fmt.smallest_normal if admission.flushed else fmt.eta


def flushed(fmt: Format, admission: Admission) -> float:
    """What a number may lose that is only handed on, as gradual underflow loses none."""
    return fmt.smallest_normal if admission.flushed else 0.0


def reassociation(
    spec: Spec,
    hyper: Mapping[str, Any],
    steps: int,
    first: int,
    lrs: Sequence[float] = (),
) -> NDArray[np.float64]:
    """How much smaller and larger partial results may be than the textbook's, ``[steps, 2]``; of
    several runs at once ``[R, steps, 2]``, where hyperparameters are ``[R, 1]``.

    An order may multiply by α, or leave 1/(1-β1^t) or 1/√(1-β2^t) for later: an underflow is then
    stretched by at most the first factor, and an overflow comes earlier by the second. They differ
    where the scalars are Adam's, as no order multiplies by both corrections' inverses at once. One
    per cent on top pays for their own rounding. Where α changes, as ``lrs`` say, the widest factors
    hold.
    """
    if lrs:
        ends = [{**hyper, "lr": float(lr)} for lr in (min(lrs), max(lrs))]
        return np.asarray(np.max([reassociation(spec, h, steps, first) for h in ends], axis=0))
    found = moved.stretches(spec, hyper, steps, first)
    return np.asarray(np.fmin(1.01 * np.stack(found, axis=-1), 2.0**1000))
