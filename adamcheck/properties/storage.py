"""What is held of storage: formats that are kept, updates that are not lost, rounding by chance."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from adamcheck import storage
from adamcheck.formats import FORMATS, Format
from adamcheck.oracle.enclose import enclose
from adamcheck.oracle.evidence import Evidence
from adamcheck.oracle.judge import level_of
from adamcheck.oracle.kept import foreign
from adamcheck.program import trace
from adamcheck.properties.base import How, property_
from adamcheck.properties.context import Account, Array, Break, Context, Skip
from adamcheck.spec import Spec
from adamcheck.targets.protocol import Trajectory

_Doubles = NDArray[np.float64]

LEAST: Final = 128
"""Numbers that must be seen before it counts that none has its last digit set: a chance of 2^-128
that they were kept in the format all the same."""
CHANCE: Final = 2.0**-64
"""How often an unbiased rounding may be called biased, in one bin."""
BINS: Final = 8
"""Parts of the way from one number to the next in which a bias is looked for by itself."""


@property_("kept formats")
def kept_formats(
    context: Context, account: Account, trajectory: Trajectory, spec: Spec, how: How
) -> Break | None:
    """Every moment shown is a number of the format that is claimed, and uses all of its digits."""
    evidence = context.evidence(trajectory, context.run(trajectory), spec)
    for name, fmt in claimed(spec).items():
        if name not in evidence.moments:
            continue
        shown = evidence.moments[name].astype(np.float64)
        account.examples += shown.size
        off = foreign(shown, fmt)
        if off.any():
            t, i = (int(k) for k in np.argwhere(off)[0])
            text = f"{name} is not kept in {fmt.name}: {shown[t, i]:.17g} is no number of it"
            return Break(text, i, t + 1)
        odd, normal = _last_digits(shown, fmt)
        if normal >= LEAST and not odd:
            text = (
                f"{name} is kept in fewer digits than {fmt.name} has: in none of {normal:,} numbers"
                " is the last one set"
            )
            return Break(text, 0, evidence.shape[0])
    return None


def claimed(spec: Spec) -> dict[str, Format]:
    """The moments of whose format the spec says something, with it."""
    found = {}
    for name in trace(spec).moments:
        place = storage.place_of(spec, name)
        word = {"m": spec.m, "v": spec.moments}.get(place)
        if word is not None:
            found[name] = FORMATS[word]
    return found


def _last_digits(shown: _Doubles, fmt: Format) -> tuple[int, int]:
    """(how many normal numbers have the last digit of the format set, how many there are)."""
    normal = shown[np.isfinite(shown) & (np.abs(shown) >= fmt.smallest_normal)]
    fraction, _ = np.frexp(normal)
    whole = np.ldexp(fraction, fmt.precision)
    return int((np.fmod(whole, 2.0) != 0.0).sum()), int(normal.size)


@property_("no lost updates")
def no_lost_updates(
    context: Context, account: Account, trajectory: Trajectory, spec: Spec, how: How
) -> Break | None:
    """θ_t is θ_0 less the sum of all updates so far, within what the copy that is kept loses."""
    evidence = context.evidence(trajectory, context.run(trajectory), spec)
    if context.unbounded(evidence):
        raise Skip("moments are in blocks: what codes lose over a run has no bound")
    way, lost = summed(context, evidence)
    thetas = evidence.thetas.astype(np.float64)
    apart = np.abs((thetas[1:] - thetas[0]) + way)
    told = lost < np.abs(way)
    account.examples += int(told.sum())
    account.undecided += int((~told).sum())
    off = told & ~(apart <= lost)
    if not off.any():
        return None
    t, i = (int(k) for k in np.argwhere(off)[0])
    text = (
        f"updates are lost: after step {t + 1} θ has moved by {thetas[t + 1, i] - thetas[0, i]:.4g}"
        f" and its updates add up to {-way[t, i]:.4g} (within {lost[t, i]:.2g})"
    )
    return Break(text, i, t + 1)


def summed(context: Context, evidence: Evidence) -> tuple[_Doubles, _Doubles]:
    """The sum of the updates up to every step ``[T, N]``, and how far θ may be from it.

    Each update is off by its own bound, the copy that is kept by one rounding a step, a
    compensation by those of its sums (theorem kept-sums), and what is shown by one more. Sums in
    float64 add a part 2^-40.
    """
    spec, fmt = evidence.spec, evidence.fmt
    level = level_of(evidence.spec, evidence.fmt)
    found = enclose(evidence, context.admission, level=level, quantities=("update",))["update"]
    size = np.maximum(np.abs(found.lower), np.abs(found.upper))
    way = np.cumsum((found.lower + found.upper) / 2.0, axis=0)
    thetas = np.abs(evidence.thetas[1:].astype(np.float64))
    if spec.kahan == "yes":
        before = np.abs(evidence.thetas[:-1].astype(np.float64))
        shown, each = _compensated(spec, fmt, before, thetas, size + found.bound)
        each = found.bound + each
    else:
        shown = storage.behind(spec, fmt) * thetas
        each = found.bound + 2.0 * FORMATS[spec.master].u * (thetas + size)
    each = each + (found.upper - found.lower)
    lost = np.cumsum(each, axis=0) + 1.01 * shown
    return way, lost + 2.0**-40 * (thetas + np.cumsum(size, axis=0))


def _compensated(
    spec: Spec, fmt: Format, before: _Doubles, after: _Doubles, moved: _Doubles
) -> tuple[_Doubles, _Doubles]:
    """How large a compensation may be after every step, and what its sums lose ``[T, N]``.

    before, after: |θ|; moved: at most |Δ|. θ' - θ is exact, and the compensation one rounding of
    θ', but where the update may be larger than θ.
    """
    u, several = fmt.u, storage.places(spec)
    most, lost, kept = np.zeros_like(after), np.zeros_like(after), np.zeros_like(after[:1])
    for t in range(len(after)):
        size = kept[0] + moved[t]
        far = size * (1 + u) > before[t]
        most[t] = np.where(far, storage.compensation(u, several), several * u * (1 + u)) * after[t]
        lost[t] = u * (size + most[t] + np.where(far, 2.0 * after[t], 0.0))
        kept = most[t : t + 1]
    return most, lost


@property_("rounding of theta")
def rounding_of_theta(
    context: Context, account: Account, trajectory: Trajectory, spec: Spec, how: How
) -> Break | None:
    """One step: θ goes to a neighbour of the exact one; by chance and unbiased, or towards zero."""
    evidence = context.evidence(trajectory, context.run(trajectory), spec)
    off, blur, above, most = neighbours(context, evidence)
    beyond = np.isfinite(most) & ~(np.abs(off) <= most)
    if beyond.any():
        i = int(np.argmax(beyond))
        text = (
            f"θ goes to no neighbour of the exact one: {int(beyond.sum())} of {beyond.size}"
            f" parameters are off by more than a place, this one by {off[i]:+.3f} of them"
        )
        return Break(text, i, 1)
    if spec.rounding == "truncate":
        told, first = 1.0 - above > blur, _away(off, blur)
    else:
        told, first = _biased(off, blur, above)
    if first is not None:
        return first
    if not told.any():
        base = storage.kept(spec, evidence.fmt).base.name
        raise Skip(
            f"how θ is rounded does not show: arithmetic in {base} is as coarse as its places; a"
            " wider arithmetic= in the spec lets it be asked"
        )
    account.examples += int(told.sum())
    account.undecided += int((~told).sum())
    return None


def _away(off: _Doubles, blur: _Doubles) -> Break | None:
    away = off > blur
    if not away.any():
        return None
    return Break("θ is rounded away from zero, and not truncated", int(np.argmax(away)), 1)


def _biased(
    off: _Doubles, blur: _Doubles, above: _Doubles
) -> tuple[NDArray[np.bool_], Break | None]:
    """The parameters in bins that a rounding which always goes one way would leave, ``[N]``; and
    the first bin that is left."""
    told = np.zeros(off.size, bool)
    for k in range(BINS):
        own = (above >= k / BINS) & (above < (k + 1) / BINS)
        count = int(own.sum())
        if count < LEAST:
            continue
        # Hoeffding: each is one of two numbers that are one place apart
        most = math.sqrt(math.log(2.0 / CHANCE) / (2.0 * count)) + float(blur[own].max())
        mean = float(off[own].mean())
        # a rounding that always goes one way is off by one of these
        if most < max(k / BINS, 1.0 - (k + 1) / BINS):
            told |= own
        if abs(mean) > most:
            text = (
                f"the rounding of θ is biased: {mean:+.3f} places away from zero on average over"
                f" {count:,} parameters that lie {k / BINS:.3g} to {(k + 1) / BINS:.3g} of the way"
                f" to the next number; chance explains {most:.3f}"
            )
            return told, Break(text, int(np.argmax(own)), 1)
    return told, None


def neighbours(
    context: Context, evidence: Evidence
) -> tuple[_Doubles, _Doubles, _Doubles, _Doubles]:
    """Of the last step, in places of θ's format ``[N]``: how far θ is from the exact one, away from
    zero; how far the exact one is known; how far it lies above the number below it; and how far a
    neighbour of it may be."""
    level = level_of(evidence.spec, evidence.fmt)
    found = enclose(evidence, context.admission, level=level, quantities=("update",))["update"]
    before, after = (evidence.thetas[k].astype(np.float64) for k in (-2, -1))
    exact = before - (found.lower[-1] + found.upper[-1]) / 2.0
    place = np.ldexp(1.0, np.frexp(np.abs(exact))[1] - evidence.fmt.precision)
    base = storage.kept(evidence.spec, evidence.fmt).base
    blur = found.bound[-1] + (found.upper[-1] - found.lower[-1]) + 3.0 * base.u * np.abs(exact)
    size = np.abs(exact) / place
    # what may lie in the octave above goes to the next number of that
    largest = np.ldexp(1.0, np.frexp(np.abs(exact) + blur)[1] - evidence.fmt.precision)
    off = np.where(exact < 0.0, exact - after, after - exact)
    return off / place, blur / place, size - np.floor(size), (largest + blur) / place


def spread_parameters(context: Context, count: int) -> Array:
    """Parameters of both signs whose digits are all alike likely, in one octave."""
    rng = context.rng("storage")
    return np.asarray(rng.uniform(1.0, 2.0, count) * rng.choice((-1.0, 1.0), count))
