"""The admissible class of one judgement: format, scalar precision, underflow; and its constants."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adamcheck.formats import Format
from adamcheck.program import Program
from adamcheck.rules import initial_state, step
from adamcheck.spec import Spec


@dataclass(frozen=True)
class Admission:
    """What an evaluation may do and still be called honest.

    scalars: precision in which β, 1-β, β^t, α are kept: "float64" or "array" (the array's dtype).
    flushed: subnormal numbers may be flushed to zero.
    """

    scalars: str = "float64"
    flushed: bool = False


STRICT = Admission()


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


def fold(spec: Spec, hyper: Mapping[str, float], steps: int, first: int) -> NDArray[np.float64]:
    """How much smaller and larger partial results may be than the textbook's, ``[steps, 2]``.

    An order may multiply by α, or leave 1/(1-β1^t) or 1/√(1-β2^t) for later: an underflow is then
    stretched by at most the first factor, and an overflow comes earlier by the second. They differ
    for Adam alone, where no order multiplies by both corrections' inverses at once. One per cent on
    top pays for their own rounding.
    """
    t = np.arange(first + 1, first + steps + 1) + (int(spec.first_t) - 1)
    factors = np.full((steps, 2), 1.01 * _stretch(abs(hyper["lr"])))
    with np.errstate(all="ignore"):
        stretches = [np.maximum(x, 1.0 / x) for x in _movable(spec, hyper, t)]
        for stretch in stretches:
            factors[:, 0] *= stretch
        one_of = np.maximum if spec.algorithm == "adam" else np.multiply
        factors[:, 1] *= reduce(one_of, stretches, np.ones(steps))
        return np.asarray(np.fmin(factors, 2.0**1000))


def _movable(spec: Spec, hyper: Mapping[str, float], t: Any) -> list[NDArray[np.float64]]:
    """The scalars beside α that an order may move (or bounds of them)."""
    found = []
    if spec.algorithm == "adam":
        if spec.bias_correction in ("both", "m"):
            found.append(_correction(hyper["beta1"], t))
        if spec.bias_correction in ("both", "v"):
            found.append(np.sqrt(_correction(hyper["beta2"], t)))
    elif spec.algorithm == "rmsprop" and spec.bias_correction == "v":
        found = [np.sqrt(_correction(hyper["beta2"], t))]
    elif spec.algorithm == "adagrad" and spec.lr_decay == "yes":
        found = [1.0 + (t - 1.0) * hyper["lr_decay"]]
    elif spec.algorithm == "adamax" and spec.bias_correction == "m":
        found = [_correction(hyper["beta1"], t)]
    elif spec.algorithm in ("nadam", "radam"):
        found = [_correction(hyper["beta1"], t), np.sqrt(_correction(hyper["beta2"], t))]
    if spec.algorithm == "nadam":  # β1/2 <= μ_t <= β1, so 1 - Π μ >= 1 - β1^t
        found += [np.asarray(x) for x in (hyper["beta1"] / 2.0, 1.0 - hyper["beta1"]) if x > 0.0]
    elif spec.algorithm == "radam":
        found.append(_rectification(spec, hyper, t))
    return found


def _rectification(spec: Spec, hyper: Mapping[str, float], t: Any) -> NDArray[np.float64]:
    """r_t of RAdam where the step is adaptive, 1 elsewhere.

    It is the rule's own update under a constant gradient of 1, at α = 1 and ε = 0: m̂ and v̂ are 1.
    """
    plain = Spec("radam", eps="none", cut=spec.cut)
    p1, p2 = (np.power(hyper[name], t - 1.0) for name in ("beta1", "beta2"))
    state = {"t": t - 1.0, "p1": p1, "p2": p2, "m": 1.0 - p1, "v": 1.0 - p2}
    ops = SimpleNamespace(sqrt=np.sqrt, maximum=np.maximum, choose=_either)
    done = step(plain, ops, {**hyper, "lr": 1.0}, state, np.ones_like(state["t"]), 0.0)
    return np.asarray(np.abs(done.named["update"]))


def _either(x: Any, a: Callable[[], Any], b: Callable[[], Any]) -> Any:
    return np.where(x > 0.0, a(), b())


def _correction(beta: float, t: Any) -> NDArray[np.float64]:
    return np.asarray(-np.expm1(t * _log(beta)))


def _stretch(lr: float) -> float:
    return max(lr, 1.0 / lr if lr > 0.0 else 1.0, 1.0)


def compiled_constants(fmt: Format, admission: Admission, margin: float) -> tuple[Any, ...]:
    """(u, gamma2, gamma4, eta, largest, kept, margin) as the compiled judge takes them."""
    u = fmt.u
    eta = underflow(fmt, admission)
    return (u, 2 * u / (1 - 2 * u), 4 * u / (1 - 4 * u), eta, fmt.largest, u, margin)


def _log(beta: float) -> float:
    return float(np.log(beta)) if beta > 0.0 else -np.inf
