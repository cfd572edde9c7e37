"""All known one-line departures from a rule, the likelier ones first."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from adamcheck.formats import FORMATS
from adamcheck.identify.averages import AVERAGES
from adamcheck.identify.candidate import Change
from adamcheck.identify.narrowing import narrow, wide
from adamcheck.identify.slips import CORRECTIONS, DECAY, GRADIENTS, HYPER, STRENGTHS, ends_at

Known = tuple[Change, dict[str, str]]
"""A change, and the switches of the dialect that it is put around (others stay as they are)."""

_EMPTY: Final[dict[str, str]] = {}


@lru_cache(maxsize=len(FORMATS))
def known(name: str) -> tuple[Known, ...]:
    """The changes that are tried on a target in the format called ``name``."""
    fmt = FORMATS[name]
    plain = [*CORRECTIONS, *HYPER, *GRADIENTS, *DECAY, *narrow(fmt)]
    decays = [(c, {"decay": word}) for c in STRENGTHS for word in ("l2", "decoupled")]
    return (*((c, _EMPTY) for c in plain), *decays, *AVERAGES)


@lru_cache(maxsize=len(FORMATS))
def vague(name: str) -> tuple[Change, ...]:
    """Changes with a wide envelope, to be tried when nothing sharper fits."""
    return tuple(wide(FORMATS[name]))


__all__ = ["Known", "ends_at", "known", "vague"]
