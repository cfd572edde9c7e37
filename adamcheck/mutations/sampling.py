"""Draw an edit from wide distributions, or list every one with its numbers left open.

Thresholds are log-uniform up to beyond what a run of the gate can reach, so that what is not seen
is measured too. A guard has one condition or two, each of its own kind.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

import numpy as np

from adamcheck.formats import Format, format_named
from adamcheck.mutations.apply import apply
from adamcheck.mutations.edits import GUARDS, UNIFORM, Edit, Guard, Value
from adamcheck.mutations.guards import can_hold
from adamcheck.mutations.language import labels, live, pruned, reached
from adamcheck.mutations.operators import NARROWER, OPERATORS, Operator
from adamcheck.program import Program

LARGEST = {"t>=": 2e5, "t<": 2e5, "t==": 2e5, "t%": 2e4, "silence>=": 2e4, "size>=": 1e6,
           "index==": 1e6, "index%": 2e4}  # fmt: skip
"""Up to where the thresholds of whole numbers are drawn."""
GUARDED, PAIRED = 0.6, 1 / 3
"""The share of edits that have a guard, and of guards that have two conditions."""


def neighbours(program: Program) -> Iterator[Edit]:
    """Every edit of one operator at one place, its numbers open, without a guard."""
    for operator in OPERATORS:
        yield from (edit for edit in _edits(program, operator) if changes(program, edit))


def guards(edit: Edit, program: Program) -> Iterator[Guard]:
    """The guards that fit an edit, their numbers open."""
    for kind in GUARDS:
        if kind in UNIFORM or not _needs_uniform(program, edit.place):
            yield Guard(kind)


def sample(program: Program, rng: np.random.Generator, *, dtype: str = "float32") -> Edit:
    """Draw an edit that changes the program: the operator first, then the place, then numbers."""
    names = [name for name in OPERATORS if _edits(program, name)]
    fmt = format_named(dtype)
    while True:
        options = _edits(program, names[rng.integers(len(names))])
        places = sorted({edit.place for edit in options})
        place = places[rng.integers(len(places))]
        here = [edit for edit in options if edit.place == place]
        edit = _numbered(here[rng.integers(len(here))], rng, fmt)
        fitting = [guard.kind for guard in guards(edit, program)]
        if rng.random() < GUARDED:
            count = 2 if rng.random() < PAIRED else 1
            kinds = [fitting[k] for k in rng.permutation(len(fitting))[:count]]
            edit = replace(edit, guard=_guards(kinds, rng, fmt))
        if changes(program, edit):
            return edit


@lru_cache(maxsize=2048)
def _edits(program: Program, operator: str) -> tuple[Edit, ...]:
    program = program.expanded
    known, names = OPERATORS[operator], labels(program)
    found = []
    for i in sorted(live(program)):
        for choice in known.choices(program, i):
            given = (*choice, *((name, None) for name in known.numbers))
            found += [
                Edit(operator, names[i], (*given, *side)) for side in _sides(program, i, known)
            ]
    return tuple(found)


def _sides(program: Program, i: int, operator: Operator) -> list[tuple[tuple[str, Value], ...]]:
    """Whether a state that others read too can be changed on one side only."""
    kept = any(index == i for name, index in program.outputs if name.startswith("s."))
    if operator.side or not kept or not any(i in program.ops[k].args for k in live(program)):
        return [()]
    return [(), (("side", "state"),), (("side", "use"),)]


def changes(program: Program, edit: Edit) -> bool:
    """Whether the next state or parameter is written differently after the edit."""
    return _bare(apply(program, edit)) != _bare(program)


def _bare(program: Program) -> tuple[object, ...]:
    program = program.expanded
    outputs = tuple((n, i) for n, i in program.outputs if n == "theta" or n.startswith("s."))
    less = pruned(replace(program, outputs=outputs))
    return less.ops, less.outputs


def _needs_uniform(program: Program, place: str) -> bool:
    """Whether a value makes up a clock, which is one number for all elements."""
    program = program.expanded
    clocks = (program.output[f"s.{clock}"] for clock in program.clocks)
    return labels(program).index(place) in reached(program, *clocks)


def _numbered(edit: Edit, rng: np.random.Generator, fmt: Format) -> Edit:
    parameters = tuple(
        (name, _drawn(edit.operator, rng, fmt) if value is None else _finer(name, value, rng, fmt))
        for name, value in edit.parameters
    )
    return Edit(edit.operator, edit.place, parameters)


def _drawn(operator: str, rng: np.random.Generator, fmt: Format) -> float:
    sign = float(rng.choice((-1.0, 1.0)))
    if operator == "scale":
        if rng.random() < 0.5:
            return 1.0 + sign * _log_uniform(rng, 2.0**-fmt.precision, 0.5)
        return _log_uniform(rng, 2.0**-8, 2.0**8)
    size = _log_uniform(rng, *_magnitudes(fmt))
    return sign * size if operator == "shift" else size


def _finer(name: str, value: Value, rng: np.random.Generator, fmt: Format) -> Value:
    """A format is replaced by a narrower one of the array's, or by a number of bits."""
    if name != "to":
        return value
    narrower = [n for n in NARROWER if format_named(n).precision < fmt.precision]
    if narrower and rng.random() < 0.5:
        return narrower[rng.integers(len(narrower))]
    return int(rng.integers(2, fmt.precision))


def _guards(kinds: list[str], rng: np.random.Generator, fmt: Format) -> Guard | None:
    """A guard of a condition of each kind, drawn anew until they can hold together."""
    while True:
        guard = None
        for kind in kinds:
            guard = replace(_guard(kind, rng, fmt), also=guard)
        if guard is None or can_hold(guard):
            return guard


def _guard(kind: str, rng: np.random.Generator, fmt: Format) -> Guard:
    if kind == "index==last":
        return Guard(kind)
    if kind in ("|g|>=", "|g|<"):
        return Guard(kind, _log_uniform(rng, *_magnitudes(fmt)))
    value = int(_log_uniform(rng, 2.0, LARGEST[kind]))
    if kind == "index==":
        value -= 2
    rest = int(rng.integers(value)) if kind.endswith("%") else None
    return Guard(kind, value, rest)


def _magnitudes(fmt: Format) -> tuple[float, float]:
    """Two thirds of the format's exponents, at most 2^±32."""
    return (
        2.0 ** max(2 * fmt.min_exponent / 3, -32.0),
        2.0 ** min(2 * fmt.max_exponent / 3, 32.0),
    )


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))
