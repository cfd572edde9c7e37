"""The horizon as JSON types, back, and in plain words."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from adamcheck.horizon import Front, Horizon, Range
from adamcheck.witness import number

_FAR = 0.5
"""A dtype whose longest run is shorter than this share of the longest of all is named."""


def horizon_document(one: Horizon) -> dict[str, Any]:
    """A horizon as JSON types."""
    return {
        "dtype": one.dtype,
        "steps": one.steps,
        "corrected": one.corrected,
        "silence": one.silence,
        "late_start": one.late_start,
        "arrays": [[int(elements), int(steps)] for elements, steps in one.arrays],
        "sizes": list(one.sizes),
        "parameters": one.parameters,
        "gradients": None if one.gradients is None else _pair(one.gradients),
        "parameter_values": None if one.parameter_values is None else _pair(one.parameter_values),
        "spikes": [_pair(pair) for pair in one.spikes],
        "hyper": {name: _pair(pair) for name, pair in one.hyper.items()},
        "loaded": one.loaded,
        "options": dict(one.options),
        "together": {name: [_pair(pair) for pair in kept] for name, kept in one.together.items()},
    }


def read_horizon(document: Any) -> Horizon:
    """Read a horizon back; raises KeyError, TypeError or ValueError where it is damaged."""
    return Horizon(
        dtype=str(document["dtype"]),
        steps=int(document["steps"]),
        corrected=int(document.get("corrected", 0)),
        silence=int(document["silence"]),
        late_start=int(document["late_start"]),
        arrays=tuple((int(n), int(steps)) for n, steps in document["arrays"]),
        sizes=tuple(int(size) for size in document["sizes"]),
        parameters=int(document["parameters"]),
        gradients=_read(document["gradients"]),
        parameter_values=_read(document["parameter_values"]),
        spikes=_front(document["spikes"]),
        hyper={name: (float(a), float(b)) for name, (a, b) in document["hyper"].items()},
        loaded=int(document["loaded"]),
        options={name: int(steps) for name, steps in document["options"].items()},
        together={name: _front(kept) for name, kept in document.get("together", {}).items()},
    )


def lines(horizons: Sequence[Horizon]) -> list[tuple[str, str]]:
    """Rows (label, text): how far the runs looked, in words; where dtypes differ widely, by dtype.

    A defect that shows only beyond what is said was not looked for.
    """
    if not any(one.steps for one in horizons):
        return []
    rows = [
        ("looked", "; ".join(part for part in (_time(horizons), _space(horizons)) if part)),
        ("over", "; ".join(part for part in (_sizes(horizons), _hyper(horizons)) if part)),
        ("at once", _together(horizons)),
        ("options", _options(horizons)),
    ]
    return [(label, text) for label, text in rows if text]


def _time(horizons: Sequence[Horizon]) -> str:
    parts = [_each(horizons, "steps", " steps")]
    if any(one.corrected for one in horizons):
        parts.append(f"corrections that move until {_each(horizons, 'corrected')}")
    if any(one.silence for one in horizons):
        parts.append(f"silences of {_each(horizons, 'silence')}")
    if any(one.late_start for one in horizons):
        parts.append(f"first gradients after {_each(horizons, 'late_start')}")
    if any(one.loaded for one in horizons):
        parts.append(f"t loaded up to {_each(horizons, 'loaded')}")
    return ", ".join(parts)


def _space(horizons: Sequence[Horizon]) -> str:
    arrays = [pair for one in horizons for pair in one.arrays]
    if not arrays:
        return ""
    widest = max(arrays)
    text = f"arrays of up to {_whole(widest[0])} elements ({_whole(widest[1])} steps"
    longer = [pair for pair in arrays if 1000 <= pair[0] < widest[0] and pair[1] > widest[1]]
    if longer:
        best = max(longer, key=lambda pair: (pair[1], pair[0]))
        text += f"; {_whole(best[0])} elements {_whole(best[1])} steps"
    sizes = {size for one in horizons for size in one.sizes}
    text += f"), {len(sizes)} sizes"
    most = max(one.parameters for one in horizons)
    return text + (f", {_whole(most)} parameters at once" if most > 1 else "")


def _sizes(horizons: Sequence[Horizon]) -> str:
    parts = [f"{one.dtype} {_range(one.gradients)}" for one in horizons if one.gradients]
    text = f"|g| {', '.join(parts)}" if parts else ""
    spikes = [pair for one in horizons for pair in one.spikes]
    if spikes:
        step = max(step for step, factor in spikes if factor >= min(16.0, max(spikes)[1]))
        text += f"; spikes up to step {_whole(step)}"
    return text


def _hyper(horizons: Sequence[Horizon]) -> str:
    names = dict.fromkeys(name for one in horizons for name in one.hyper)
    parts = []
    for name in names:
        found = [one.hyper[name] for one in horizons if name in one.hyper]
        parts.append(f"{name} {_range((min(a for a, _ in found), max(b for _, b in found)))}")
    return ", ".join(parts)


def _options(horizons: Sequence[Horizon]) -> str:
    most: dict[str, int] = {}
    for one in horizons:
        for name, steps in one.options.items():
            most[name] = max(steps, most.get(name, 0))
    return ", ".join(f"{name} {_whole(steps)} steps" for name, steps in most.items())


def _together(horizons: Sequence[Horizon]) -> str:
    """Of each pair the corner that is farthest in both, and the dtypes that met it, if not all."""
    parts = []
    for name in dict.fromkeys(name for one in horizons for name in one.together):
        corners = [pair for one in horizons for pair in one.together.get(name, ())]
        best = max(corners, key=_far_in_both)
        first, second = name.split(", ")
        text = f"{first} {_number(best[0])} and {second} {_number(best[1])}"
        met = [one.dtype for one in horizons if one.met(first, best[0], second, best[1])]
        parts.append(text + (f" ({', '.join(met)})" if len(met) < len(horizons) else ""))
    return "; ".join(parts)


def _far_in_both(pair: tuple[float, float]) -> tuple[float, float]:
    """How far both numbers are, on logarithmic scales; then how far either is."""
    first, second = math.log(pair[0]), math.log(pair[1])
    return max(first, 0.0) * max(second, 0.0), first + second


def _number(value: float) -> str:
    return _whole(value) if value == int(value) and value < 1e9 else f"{value:.3g}"


def _each(horizons: Sequence[Horizon], name: str, unit: str = "") -> str:
    """The number all dtypes reach, or the largest one and those that stay far behind."""
    values: Mapping[str, int] = {one.dtype: getattr(one, name) for one in horizons}
    most = max(values.values())
    behind = [f"{_whole(x)} in {dtype}" for dtype, x in values.items() if x < _FAR * most]
    return _whole(most) + unit + (f" ({', '.join(behind)})" if behind else "")


def _whole(value: float) -> str:
    return f"{int(value):,}"


def _range(pair: Range) -> str:
    low, high = (f"{x:.3g}" for x in pair)
    return low if low == high else f"{low} … {high}"


def _pair(pair: tuple[float, float]) -> list[float | str]:
    return [number(pair[0]), number(pair[1])]


def _read(document: Any) -> Range | None:
    return None if document is None else (float(document[0]), float(document[1]))


def _front(document: Any) -> Front:
    return tuple((float(a), float(b)) for a, b in document)
