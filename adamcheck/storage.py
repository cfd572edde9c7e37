"""What a spec's switches of storage admit: in which formats an evaluation rounds, and where.

A *place* is a set of letters: t the parameter and what has its format, m the first moment where it
is kept apart, v every moment else where the spec says in what. An operation's place is that of its
operands together; its format is the widest of theirs. ``o`` is the parameter where it is kept.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from adamcheck.errors import UsageError
from adamcheck.formats import FORMATS, Format
from adamcheck.rules.storage import STORAGE, UNCLAIMED

if TYPE_CHECKING:
    from adamcheck.spec import Spec

PLACES: Final = ("t", "m", "v", "mt", "tv", "mv")
"""Places of operations that may round to a narrower format than others do."""
KEPT: Final = ("t", "m", "v", "o")
"""Places where something is kept."""
STORAGE_CONSTANTS: Final = (
    *(f"{name}_{place}" for name in ("u", "gamma2", "gamma4", "twice") for place in PLACES),
    *(f"{name}_{place}" for name in ("once", "eta", "top") for place in KEPT),
)
"""By place: roundoff of an operation, and of two and four of its roundings, in the format of the
place or in the base, whichever has fewer digits. Nothing but where a place is narrower than the
base: two roundings there beside those of the base (twice); where something is kept, one (once),
its loss to underflow and the largest number."""


def unkept(u: float) -> dict[str, float]:
    """STORAGE_CONSTANTS where every operation rounds alike and what is kept is not rounded."""
    many = {"u": u, "gamma2": gamma(2, u), "gamma4": gamma(4, u), "top": math.inf}
    return {name: many.get(name.split("_")[0], 0.0) for name in STORAGE_CONSTANTS}


def gamma(k: int, u: float) -> float:
    """γ_k, the bound of k roundings."""
    return k * u / (1 - k * u)


CODED: Final = ("bits", "blocks", "blocks_from", "map")
"""The switches that say how moments of large arrays are codes."""
LEAST: Final = int(UNCLAIMED["blocks_from"])
"""Elements from which on an array's moments may be codes, where a spec does not say."""


def place_of(spec: Spec, state: str) -> str:
    """The letter of a state that has one number an element."""
    if state == "m" and spec.m != UNCLAIMED["m"]:
        return "m"
    return "t" if spec.moments == UNCLAIMED["moments"] else "v"


def plain(spec: Spec) -> bool:
    """Whether nothing is claimed that changes a bound: all rounds to θ's format or a wider one."""
    return not spec.stored.keys() - {"master", *CODED}


def remembers(spec: Spec) -> bool:
    """Whether no update may be lost: what rounding takes from θ is kept somewhere."""
    return spec.kahan == "yes" or spec.master in FORMATS


def places(spec: Spec) -> float:
    """How many roundoffs θ may be rounded by: the nearest number is one away, a neighbour two."""
    return 1.0 if spec.rounding == UNCLAIMED["rounding"] else 2.0


def behind(spec: Spec, fmt: Format) -> float:
    """How far a θ that is shown may be from the one behind it, in parts of it."""
    if spec.kahan == "yes":
        return float(compensation(fmt.u, places(spec)))
    return 0.0 if spec.master == "none" else places(spec) * fmt.u


def compensation(u: Any, several: Any) -> Any:
    """How large a compensation may be, in parts of θ, for a θ that is rounded by several roundoffs.

    It holds what θ was rounded by, and what fl(θ'-θ) was where an update was larger than θ: then
    |θ'-θ| ≤ 2|θ'| (theorem kept-sums).
    """
    return (several + 2) * u * (1 + 4 * u)


def everywhere(spec: Spec) -> str:
    """The place of all letters together, whose operations are the widest."""
    letters = {"t", place_of(spec, "m"), place_of(spec, "")}
    return "".join(sorted(letters))


@dataclass(frozen=True)
class Kept:
    """The formats of one judgement.

    base: of the operations that touch everything; parameter: of θ and g; averages: of the moment
    with the fewest digits; at: of a place. own: an operation may round to the format of its place.
    """

    base: Format
    parameter: Format
    averages: Format
    at: Mapping[str, Format]
    own: bool

    @property
    def formats(self) -> tuple[Format, ...]:
        """Those that operations may round to."""
        return (self.base, *self.at.values()) if self.own else (self.base,)

    @property
    def largest(self) -> float:
        """The number beyond which some operation may overflow."""
        return min(fmt.largest for fmt in self.formats)

    def narrower(self, place: str) -> bool:
        """Whether what is kept there, or rounded there, loses digits or range beside the base."""
        at = self.parameter if place == "o" else self.at.get(place)
        return at is not None and not holds(at, self.base)


@lru_cache(maxsize=256)
def kept(spec: Spec, fmt: Format) -> Kept:
    """The formats under which a spec's target is judged whose parameters are in ``fmt``."""
    letters = {"t": fmt}
    if spec.moments != UNCLAIMED["moments"]:
        letters["v"] = FORMATS[spec.moments]
    if spec.m != UNCLAIMED["m"]:
        letters["m"] = FORMATS[spec.m]
    used = {place for place in PLACES if set(place) <= letters.keys()}
    at = {place: widest(letters[x] for x in place) for place in used}
    base = widest(letters.values())
    if spec.arithmetic != UNCLAIMED["arithmetic"]:
        base = widest((base, FORMATS[spec.arithmetic]))
    states = [letters[place_of(spec, state)] for state in ("m", "v")]
    averages = min(states, key=lambda one: one.precision)
    return Kept(base, fmt, averages, at, spec.arithmetic == UNCLAIMED["arithmetic"])


@lru_cache(maxsize=256)
def ranged(spec: Spec, fmt: Format) -> Format:
    """θ's format with the range of whatever is kept in the least one: in it numbers may be asked.

    float16 moments hold g² of few gradients, whatever the format of g is.
    """
    every = (*kept(spec, fmt).at.values(), fmt)
    low, high = max(f.min_exponent for f in every), min(f.max_exponent for f in every)
    if (low, high) == (fmt.min_exponent, fmt.max_exponent):
        return fmt
    return replace(fmt, min_exponent=low, max_exponent=high)


def holds(wide: Format, narrow: Format) -> bool:
    """Whether every number of one format is one of the other."""
    return (
        wide.precision >= narrow.precision
        and wide.max_exponent >= narrow.max_exponent
        and wide.min_exponent - wide.precision <= narrow.min_exponent - narrow.precision
    )


def widest(formats: Iterable[Format]) -> Format:
    """The narrowest format that holds the numbers of all: float32 of bfloat16 and float16."""
    found = tuple(formats)
    return next(
        fmt
        for fmt in sorted(FORMATS.values(), key=lambda f: (f.precision, f.max_exponent))
        if all(holds(fmt, one) for one in found)
    )


def claiming(spec: Spec, words: Mapping[str, str]) -> Spec | None:
    """The spec with claims of storage (switch -> word); None where they do not go together."""
    try:
        return spec.with_(**words)
    except UsageError:
        return None


def in_words(words: Mapping[str, str]) -> str:
    """What claims of storage mean."""
    return "; ".join(STORAGE[switch][word].meaning for switch, word in words.items())


def in_switches(spec: Spec, beside: Spec) -> str:
    """What a spec says of storage that another one does not, as switches; empty where nothing."""
    said = ", ".join(f"{n}={word}" for n, word in spec.stored.items() if getattr(beside, n) != word)
    if not said or spec.bits == UNCLAIMED["bits"]:
        return f"stored: {said}" if said else ""
    small = spec.with_(**{name: UNCLAIMED[name] for name in CODED})
    return f"stored: {said} (arrays below {LEAST:,} elements fit {small}, too)"
