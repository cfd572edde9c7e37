"""Gradient laws, each taken from a theorem: the inputs at which that theorem bites hardest.

A law is a small function ``(steps, fmt, hyper, rng) -> float64 [steps, k]``; ``sequences.battery``
stacks them, rounds them to the format and names the columns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from adamcheck import theory
from adamcheck.formats import Format
from adamcheck.inputs.zone import Float64, zone

Hyper = Mapping[str, float]
Build = Callable[[int, Format, Hyper, np.random.Generator], Float64]


@dataclass(frozen=True)
class Law:
    """A named law. ``regime``: safe, extreme (leaves the zone on purpose) or nonfinite."""

    name: str
    reason: str
    theorem: str
    regime: str
    build: Build


LAWS: Final[dict[str, Law]] = {}


def law(name: str, theorem: str, reason: str, regime: str = "safe") -> Callable[[Build], Build]:
    """Register a law under a name with its theorem's slug and a one-line reason."""

    def register(build: Build) -> Build:
        if name in LAWS:
            raise ValueError(f"law {name!r} is registered twice")
        LAWS[name] = Law(name, reason, theorem, regime, build)
        return build

    return register


def columns(*parts: NDArray[Any]) -> Float64:
    """Stack sequences ``[steps]`` as columns ``[steps, k]``."""
    return np.stack(parts, axis=1).astype(np.float64)


def _two_to(exponents: NDArray[np.int64]) -> Float64:
    return np.asarray(np.ldexp(1.0, exponents), np.float64)


def _at(steps: int, where: list[int]) -> Float64:
    # one column for each 1-based step in ``where`` that exists, 1 there and 0 elsewhere
    chosen = sorted({t for t in where if 1 <= t <= steps})
    out = np.zeros((steps, len(chosen)))
    out[[t - 1 for t in chosen], range(len(chosen))] = 1.0
    return out


def _times(unit: Float64, scales: Float64) -> Float64:
    # every column at every scale, [steps, k * len(scales)]
    return (unit[:, :, None] * scales).reshape(unit.shape[0], -1)


@law("extremal", "step-bound", "the step is as large as any gradients can make it, at four t")
def extremal(steps: int, fmt: Format, hyper: Hyper, rng: np.random.Generator) -> Float64:
    beta1, beta2 = hyper["beta1"], hyper["beta2"]
    if beta2 == 0.0:
        return np.zeros((steps, 0))
    chosen = sorted({min(t, steps) for t in (2, 10, (steps + 1) // 2, steps)})
    unit = np.zeros((steps, len(chosen)))
    for k, t in enumerate(chosen):
        unit[:t, k] = theory.extremal_gradients(beta1, beta2, t)
    safe = zone(fmt, hyper)
    return _times(unit, np.array([safe.ordinary, -safe.ordinary, safe.largest]))


@law("extremal-max-norm", "adamax-bound", "the same for a maximum in place of the second moment")
def extremal_max_norm(steps: int, fmt: Format, hyper: Hyper, rng: np.random.Generator) -> Float64:
    if hyper["beta2"] == 0.0:
        return np.zeros((steps, 0))
    unit = theory.adamax_extremal_gradients(hyper["beta2"], steps)
    return columns(unit, -unit) * zone(fmt, hyper).ordinary


@law("lone", "rmsprop-bound", "one gradient, then silence: bias corrections and decay in the open")
def lone(steps: int, fmt: Format, hyper: Hyper, rng: np.random.Generator) -> Float64:
    safe = zone(fmt, hyper)
    unit = _at(steps, [1, 2, (steps + 1) // 2, steps])
    return _times(unit, np.array([safe.ordinary, -safe.largest]))


@law("constant", "constant-gradient", "the step has a closed form for every t, and v stagnates")
def constant(steps: int, fmt: Format, hyper: Hyper, rng: np.random.Generator) -> Float64:
    safe = zone(fmt, hyper)
    low, high = safe.window(6)
    scales = np.concatenate((safe.spread(5), [safe.ordinary], 2.0 ** rng.uniform(low, high, 4)))
    signs = np.where(np.arange(len(scales)) % 2, -1.0, 1.0)
    return np.broadcast_to(scales * signs, (steps, len(scales))).copy()


@law("sparse", "forgetting", "zeros between gradients: moments decay, lazy rows keep stale ones")
def sparse(steps: int, fmt: Format, hyper: Hyper, rng: np.random.Generator) -> Float64:
    t = np.arange(steps)[:, None]
    on = t % np.array([2, 7, 31, 2, 7, 31]) == np.array([0, 0, 0, 1, 3, 17])
    values = rng.standard_normal((steps, 6))
    thin = np.where(rng.random((steps, 2)) < 0.1, rng.standard_normal((steps, 2)), 0.0)
    return np.concatenate((np.where(on, values, 0.0), thin), axis=1) * zone(fmt, hyper).ordinary


@law("blocks", "forgetting", "long silence after and before activity")
def blocks(steps: int, fmt: Format, hyper: Hyper, rng: np.random.Generator) -> Float64:
    t = np.arange(steps)
    half = t < steps // 2
    on = columns(half, ~half, t // 16 % 2 == 0, t // 16 % 2 == 1, t // 5 % 2 == 0)
    return on * rng.standard_normal(on.shape) * zone(fmt, hyper).ordinary


@law("growing", "bias", "each gradient dwarfs the ones before: the first moments forget in time")
def growing(steps: int, fmt: Format, hyper: Hyper, rng: np.random.Generator) -> Float64:
    safe = zone(fmt, hyper)
    back = np.arange(steps - 1, -1, -1.0)[:, None]
    rates = np.array([-0.01, -0.1, -1.0, (safe.low - safe.high) / steps])
    up = np.exp2(np.maximum(back * rates, safe.low - safe.high)) * safe.largest
    return np.concatenate((up, -up[:, :2]), axis=1)


@law("decaying", "forgetting", "gradients fade at the rates of the moments themselves and faster")
def decaying(steps: int, fmt: Format, hyper: Hyper, rng: np.random.Generator) -> Float64:
    safe = zone(fmt, hyper)
    t = np.arange(steps, dtype=np.float64)[:, None]
    beta1, beta2 = hyper["beta1"], hyper["beta2"]
    rates = np.array([0.5, 0.9, beta1, beta2, np.sqrt(beta2), beta1 * beta2])
    return _times(rates**t, np.array([safe.ordinary, -safe.largest]))


@law("sign-flipping", "sign-flip", "the same magnitude with random signs")
def sign_flipping(steps: int, fmt: Format, hyper: Hyper, rng: np.random.Generator) -> Float64:
    signs = np.where(rng.random((steps, 4)) < [0.5, 0.5, 0.1, 0.9], -1.0, 1.0)
    return np.asarray(signs * zone(fmt, hyper).ordinary * np.array([1.0, 1.5, 1.0, 1.75]))


@law("alternating", "signal-to-noise", "the first moment cancels, nearly or exactly, v does not")
def alternating(steps: int, fmt: Format, hyper: Hyper, rng: np.random.Generator) -> Float64:
    odd = np.arange(steps) % 2 == 1
    flip = np.where(odd, -1.0, 1.0)
    cancel = np.where(odd, -hyper["beta1"], 1.0)
    thirds = np.where(np.arange(steps) % 3 == 2, -2.0, 1.0)
    noisy = flip + rng.standard_normal(steps) * 2.0**-8
    return columns(flip, cancel, thirds, noisy, -cancel) * zone(fmt, hyper).ordinary


@law("cyclic", "non-convergence", "one large gradient in three pulls against two small ones")
def cyclic(steps: int, fmt: Format, hyper: Hyper, rng: np.random.Generator) -> Float64:
    both = (theory.cyclic_gradients(c, steps) for c in (3.0, 7.5))
    return columns(*both) * zone(fmt, hyper).ordinary


@law("eps-scale", "dialects", "|g| around ε and around √ε, where the places of ε differ most")
def eps_scale(steps: int, fmt: Format, hyper: Hyper, rng: np.random.Generator) -> Float64:
    scales = [
        scale
        for name in ("eps", "eps_root")
        if (eps := hyper.get(name, 0.0)) > 0.0
        for scale in (eps / 1000, eps / 8, eps, eps * 30, eps * 1000, np.sqrt(eps))
    ]
    if not scales:
        return np.zeros((steps, 0))
    sizes = np.array(scales)
    normal = rng.standard_normal((steps, len(sizes))) * sizes
    first = np.zeros_like(normal)
    first[0] = sizes
    return np.concatenate((np.broadcast_to(-sizes, normal.shape), normal, first), axis=1)


@law("zeros", "zero-inertness", "nothing but zeros of either sign: a fresh state stays put")
def zeros(steps: int, fmt: Format, hyper: Hyper, rng: np.random.Generator) -> Float64:
    mixed = np.where(rng.random(steps) < 0.5, -0.0, 0.0)
    return columns(np.zeros(steps), np.full(steps, -0.0), mixed)


@law("zeros-mixed", "zero-inertness", "signed zeros among ordinary gradients")
def zeros_mixed(steps: int, fmt: Format, hyper: Hyper, rng: np.random.Generator) -> Float64:
    values = rng.standard_normal((steps, 3)) * zone(fmt, hyper).ordinary
    kind = rng.integers(0, 3, (steps, 3))
    kind[0] = 2
    return np.where(kind == 0, 0.0, np.where(kind == 1, -0.0, values))


@law("spike", "finite-spike-liveness", "one huge gradient among ordinary ones: v remembers it")
def spike(steps: int, fmt: Format, hyper: Hyper, rng: np.random.Generator) -> Float64:
    safe = zone(fmt, hyper)
    where = np.array([0, steps // 2, steps // 2, steps - 1])
    huge = np.array([safe.largest, safe.ordinary * 64.0, -safe.largest, safe.largest])
    values = rng.standard_normal((steps, 4)) * safe.ordinary
    values[where, range(4)] = np.clip(huge, -safe.largest, safe.largest)
    return values


@law("drift", "bias", "a mean that moves, so that the two averages lag differently")
def drift(steps: int, fmt: Format, hyper: Hyper, rng: np.random.Generator) -> Float64:
    ramp = np.linspace(-1.0, 1.0, steps)
    noisy = ramp + 0.1 * rng.standard_normal(steps)
    wave = np.sin(np.arange(steps) * (2 * np.pi / 25)) + 0.5
    return columns(ramp, noisy, wave, np.linspace(4.0, 0.25, steps)) * zone(fmt, hyper).ordinary


@law("step-change", "scaling", "the scale or the sign changes once: scaling laws stop holding")
def step_change(steps: int, fmt: Format, hyper: Hyper, rng: np.random.Generator) -> Float64:
    late = np.arange(steps)[:, None] >= steps // 2
    before = np.array([1.0, 1.0, 2.0**-3, 1.0, 3.0])
    after = np.array([2.0**-6, -1.0, 2.0**3, 0.0, 2.0])
    return np.where(late, after, before) * zone(fmt, hyper).ordinary


@law("log-uniform", "closed-form", "every step another magnitude, near 1 and over the whole zone")
def log_uniform(steps: int, fmt: Format, hyper: Hyper, rng: np.random.Generator) -> Float64:
    safe = zone(fmt, hyper)
    low, high = safe.window(6)
    near = rng.uniform(low, high, (steps, 4))
    wide = rng.uniform(safe.low, safe.high, (steps, 3))
    signs = np.where(rng.random((steps, 7)) < 0.5, -1.0, 1.0)
    return signs * np.exp2(np.concatenate((near, wide), axis=1))


@law("normal", "closed-form", "what training looks like, at several scales")
def normal(steps: int, fmt: Format, hyper: Hyper, rng: np.random.Generator) -> Float64:
    safe = zone(fmt, hyper)
    low, high = safe.window(10)
    scales = np.ldexp(1.0, np.array([0, 0, 0, 0, low // 2, high // 2]))
    return np.asarray(rng.standard_normal((steps, 6)) * scales)


@law("heavy-tailed", "closed-form", "a few gradients carry nearly all of v")
def heavy_tailed(steps: int, fmt: Format, hyper: Hyper, rng: np.random.Generator) -> Float64:
    safe = zone(fmt, hyper)
    values = rng.standard_cauchy((steps, 3)) * safe.ordinary
    return np.clip(values, -safe.largest, safe.largest)


@law("powers-of-two", "power-of-two", "products are exact, so only sums and roots can round")
def powers_of_two(steps: int, fmt: Format, hyper: Hyper, rng: np.random.Generator) -> Float64:
    low, high = zone(fmt, hyper).window(8)
    signs = np.where(rng.random((steps, 3)) < 0.5, -1.0, 1.0)
    return signs * _two_to(rng.integers(low, high, (steps, 3), endpoint=True))


@law("mantissa-ones", "rounding-envelope", "mantissas of ones: all products round, carries ripple")
def mantissa_ones(steps: int, fmt: Format, hyper: Hyper, rng: np.random.Generator) -> Float64:
    low, high = zone(fmt, hyper).window(4)
    ones = 2.0 - 2.0 ** (1 - fmt.precision)
    exponents = rng.integers(low, high - 1, (steps, 3), endpoint=True)
    exponents[:, 0] = exponents[0, 0]
    return np.asarray(ones * _two_to(exponents) * np.array([1.0, -1.0, 1.0]))


@law("mantissa-bits", "rounding-envelope", "mantissas of random bits, which no decimal writes")
def mantissa_bits(steps: int, fmt: Format, hyper: Hyper, rng: np.random.Generator) -> Float64:
    low, high = zone(fmt, hyper).window(3)
    span = 2 ** (fmt.precision - 1)
    mantissas = rng.integers(span, 2 * span, (steps, 4)) / span
    signs = np.where(rng.random((steps, 4)) < 0.5, -1.0, 1.0)
    return np.asarray(signs * mantissas * _two_to(rng.integers(low, high, (steps, 4))))


@law("neighbours", "rounding-envelope", "neighbours of one number: differences of one ulp and ties")
def neighbours(steps: int, fmt: Format, hyper: Hyper, rng: np.random.Generator) -> Float64:
    ulp = 2.0 ** (1 - fmt.precision)
    offsets = rng.integers(-2, 3, (steps, 3)) * ulp
    return np.asarray((1.0 + offsets) * np.array([1.0, -1.5, 1.25]) * zone(fmt, hyper).ordinary)


@law("near-overflow", "finite-spike-liveness", "the largest |g| whose square is finite", "extreme")
def near_overflow(steps: int, fmt: Format, hyper: Hyper, rng: np.random.Generator) -> Float64:
    # largest = 2^2k·(1-2^-p), so this is the last number before 2^k whose square is finite
    edge = np.ldexp(1.0 - 2.0**-fmt.precision, (fmt.max_exponent + 1) // 2)
    scales = edge * np.array([1.0, -0.5, 0.25, 2.0**-10])
    flip = np.where(np.arange(steps) % 2, -1.0, 1.0)[:, None]
    values = rng.standard_normal((steps, 3))
    values[np.array([0, steps // 2, steps - 1]), range(3)] = edge * np.array([1.0, -1.0, 0.5])
    return np.concatenate((np.ones((steps, 1)) * scales, flip * scales[:2], values), axis=1)


@law("near-underflow", "rounding-envelope", "g² at the smallest normal, and g itself", "extreme")
def near_underflow(steps: int, fmt: Format, hyper: Hyper, rng: np.random.Generator) -> Float64:
    root = 2.0 ** (fmt.min_exponent // 2)
    deep = 2.0 ** ((fmt.min_exponent - fmt.precision) // 2)
    scales = np.array([root / 2, root, root * 2, root * 16, deep, deep * 2, fmt.smallest_normal])
    signs = np.where(rng.random((steps, len(scales))) < 0.5, -1.0, 1.0)
    constants = np.broadcast_to(scales, signs.shape)
    return np.concatenate((constants, signs * scales * rng.uniform(1, 2, signs.shape)), axis=1)


@law("subnormals", "rounding-envelope", "below the normal range, flushed or not", "extreme")
def subnormals(steps: int, fmt: Format, hyper: Hyper, rng: np.random.Generator) -> Float64:
    tiny = np.ldexp(1.0, fmt.min_exponent - fmt.precision + 1)
    most = 2 ** (fmt.precision - 1) - 1
    random = tiny * rng.integers(1, most, (steps, 2), endpoint=True).astype(np.float64)
    signed = np.where(rng.random(steps) < 0.5, -1.0, 1.0) * random[:, 1]
    mixed = np.where(rng.random(steps) < 0.5, random[:, 0], zone(fmt, hyper).ordinary)
    ends = np.ones((steps, 2)) * np.array([tiny, -tiny * most])
    return np.concatenate((ends, columns(random[:, 0], signed, mixed)), axis=1)


@law("bit-patterns", "rounding-envelope", "any finite bit pattern at every step", "extreme")
def bit_patterns(steps: int, fmt: Format, hyper: Hyper, rng: np.random.Generator) -> Float64:
    size = fmt.dtype.itemsize
    with np.errstate(invalid="ignore"):
        raw = np.frombuffer(rng.bytes(steps * 6 * size), fmt.dtype).astype(np.float64)
    return np.where(np.isfinite(raw), raw, np.copysign(fmt.largest, raw)).reshape(steps, 6)


@law("huge", "finite-spike-liveness", "the largest numbers: g² overflows", "extreme")
def huge(steps: int, fmt: Format, hyper: Hyper, rng: np.random.Generator) -> Float64:
    once = _at(steps, [1, (steps + 1) // 2])
    rest = np.where(once == 0.0, rng.standard_normal(once.shape), 0.0)
    return np.concatenate((np.full((steps, 1), fmt.largest), once * -fmt.largest + rest), axis=1)


@law("nonfinite", "elementwise", "NaN or an infinity once among ordinary gradients", "nonfinite")
def nonfinite(steps: int, fmt: Format, hyper: Hyper, rng: np.random.Generator) -> Float64:
    values = rng.standard_normal((steps, 6)) * zone(fmt, hyper).ordinary
    where = np.array([0, 0, 0, steps // 2, steps // 2, steps // 2])
    values[where, range(6)] = np.array([np.nan, np.inf, -np.inf] * 2)
    return values
