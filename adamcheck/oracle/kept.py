"""The formats that moments are kept in, as their numbers show, and claims held step by step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from adamcheck.formats import FORMATS, Format, name_of
from adamcheck.oracle.envelope import Admission
from adamcheck.oracle.evidence import Evidence
from adamcheck.oracle.judge import judge


def formats_shown(moments: Mapping[str, Any], own: Format) -> Iterator[dict[str, str]]:
    """Claims of formats that what is shown ``[T, N]`` suggests, the sharper arithmetic first.

    own: the format of θ.
    """
    shown = {name: kept_in(x, own) for name, x in moments.items() if name != "t"}
    others = {fmt.name for name, fmt in shown.items() if name != "m"}
    words: dict[str, str] = {}
    if len(others) == 1 and (rest := others.pop()) != own.name:
        words["moments"] = rest
    first = shown["m"].name if "m" in shown else ""
    if first and first != words.get("moments", own.name):
        words["m"] = first
        if words.get("moments") is None and len(shown) == 1:
            words = {"moments": first}
    wide = "float64" if own.is_double else "float32"
    yield words | {"arithmetic": wide}
    if words:
        yield words


def kept_in(shown: object, own: Format) -> Format:
    """The format of an array, or a narrower one of which all its numbers are."""
    array = np.asarray(shown)
    kind = FORMATS.get(name_of(array.dtype), own)
    values = array.astype(np.float64)
    for fmt in sorted(FORMATS.values(), key=lambda f: f.precision):
        if fmt.precision < kind.precision and not foreign(values, fmt).any():
            return fmt
    return kind


def foreign(values: NDArray[np.float64], fmt: Format) -> NDArray[np.bool_]:
    """Where a finite number is none of a format's."""
    with np.errstate(all="ignore"):
        known = values.astype(fmt.dtype).astype(np.float64)
    return np.asarray(np.isfinite(values) & (known != values))


BLOCKS: Final = (
    {"bits": "8"},
    {"bits": "8", "map": "dynamic-table"},
    {"bits": "8", "map": "float8"},
    {"bits": "4", "blocks": "128", "map": "dynamic-linear"},
    {"bits": "8", "map": "linear"},
    {"bits": "8", "blocks": "2048"},
)
"""Claims of codes in blocks as libraries ship them, and near relatives."""


def holds_alone(evidence: Evidence, admission: Admission) -> bool:
    """Whether every single step follows from the moments shown before it, and half are decided."""
    decided = blind = 0
    for t in range(1, evidence.shape[0] + 1):
        judgement = judge(evidence.step(t), admission)
        if judgement.bad.any():
            return False
        decided, blind = decided + judgement.decided, blind + judgement.blind
    return enough(decided, blind)


def holds_in_blocks(evidence: Evidence, admission: Admission) -> bool:
    """Whether every step of one large array follows with all of its moments in blocks."""
    from adamcheck.oracle.coded import judged_in_blocks

    judgement, first = judged_in_blocks(evidence, admission, whole=True)
    return first is None and enough(judgement.decided, judgement.blind)


def enough(decided: int, blind: int) -> bool:
    """Whether half of what is asked was decided: a claim that decides little explains little."""
    return decided > 0 and decided >= blind
