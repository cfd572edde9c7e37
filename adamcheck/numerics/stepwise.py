"""A program with its bounds on arrays, operation by operation: for programs that are run a little.

The text of an operation is emit.py's, as everywhere. It is compiled once, whatever the numbers of
its operands are: the hundreds of programs that identification looks at share a few dozen texts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final

import numpy as np

from adamcheck.numerics import error_bounds
from adamcheck.numerics.emit import FORMAT_CONSTANTS, Emitter
from adamcheck.numerics.walk import ARRAYS
from adamcheck.program import Program

_OPERAND: Final = re.compile(r"\b([haenr])(\d+)\b")
_WORDS: Final[dict[str, Any]] = {
    **{function.__name__: function for function in error_bounds.ERROR_BOUNDS},
    "np": np,
    "larger": ARRAYS.larger,
    "root_of": ARRAYS.root_of,
    "larger_of": ARRAYS.larger_of,
    "magnitude": ARRAYS.magnitude,
    "above_zero": ARRAYS.above_zero,
    "choice_of": ARRAYS.choice_of,
    "reciprocal_bound": ARRAYS.reciprocal_bound,
}


class Stepwise:
    """``step(v, e, c)`` of a program: values and bounds by input name in, by output name out."""

    def __init__(self, program: Program, emitter: Emitter, words: Mapping[str, Any]) -> None:
        texts = _texts(program, emitter)
        operands = [_operands(text) for _, _, text in texts]
        slots: dict[tuple[str, int], int] = {}
        for key in [r for reads in operands for r in reads] + [t[:2] for t in texts]:
            slots.setdefault(key, len(slots))
        for _, i in program.outputs:
            slots.setdefault(("h", i), len(slots))
            slots.setdefault(("e", i), len(slots))
        self._count = len(slots)
        self._inputs = [
            (op.name, slots.get(("h", i)), slots.get(("e", i)), slots.get(("a", i)))
            for i, op in enumerate(program.ops)
            if op.kind == "input"
        ]
        self._lines = [
            (
                slots[letter, i],
                slots.get(("a", i)) if letter == "h" else None,
                _compiled(*_canonical(text), tuple(words.items())),
                tuple(slots[r] for r in reads),
            )
            for (letter, i, text), reads in zip(texts, operands, strict=True)
        ]
        self._outputs = [(name, slots["h", i], slots["e", i]) for name, i in program.outputs]

    def __call__(self, v: Mapping[str, Any], e: Mapping[str, Any], c: Any) -> tuple[Any, Any]:
        far, most = c.eta * c.reassociation[0], c.largest / c.reassociation[1]
        given = (c, *(getattr(c, name) for name in FORMAT_CONSTANTS), far, most)
        known: list[Any] = [None] * self._count
        for name, h, bound, a in self._inputs:
            if h is not None:
                known[h] = v[name]
            if bound is not None:
                known[bound] = e[name]
            if a is not None:
                known[a] = np.abs(v[name])
        for slot, a, work, reads in self._lines:
            value = known[slot] = work(*given, *[known[r] for r in reads])
            if a is not None:
                known[a] = np.abs(value)
        values = {name: known[h] for name, h, _ in self._outputs}
        return values, {name: known[bound] for name, _, bound in self._outputs}


def _texts(program: Program, emitter: Emitter) -> list[tuple[str, int, str]]:
    """(register, index, text) of every line; r is the reciprocal of a scalar, n bounds its size."""
    bounded = emitter.bounded([*emitter.targets, *program.output.values()])
    found: list[tuple[str, int, str]] = []
    for uniform in (True, False):
        for i, op in enumerate(program.ops):
            if (i in program.uniform) != uniform:
                continue
            if op.kind != "input":
                found.append(("h", i, _value(emitter, i)))
                if uniform:
                    found.append(("e", i, emitter.scalar_bound(i)))
                elif i in bounded:
                    found.append(("e", i, emitter.bound(i)))
            if i in emitter.divisors:
                a, b = emitter.inverse(i)
                found.append(("n", i, f"within(reciprocal_bound({a}, {b}), 0.0, largest)"))
                found.append(("r", i, f"1.0 / h{i}"))
    return found


def _value(emitter: Emitter, i: int) -> str:
    """The right side of value i, with the steps of a composed operation put in."""
    inner: dict[str, str] = {}
    *steps, last = emitter.value(i).split("; ")
    for step in steps:
        name, _, text = step.partition(" = ")
        inner[name] = f"({_filled(text, inner)})"
    return _filled(last.partition(" = ")[2], inner)


def _filled(text: str, inner: Mapping[str, str]) -> str:
    return re.sub(r"\bh\d+_\d+\b", lambda match: inner[match[0]], text)


def _operands(text: str) -> tuple[tuple[str, int], ...]:
    return tuple(dict.fromkeys((m[1], int(m[2])) for m in _OPERAND.finditer(text)))


def _canonical(text: str) -> tuple[str, int]:
    """The text with its operands numbered as they come, and how many there are."""
    numbers: dict[str, str] = {}

    def numbered(match: re.Match[str]) -> str:
        return numbers.setdefault(match[0], f"x{len(numbers)}")

    return _OPERAND.sub(numbered, text), len(set(_OPERAND.findall(text)))


@lru_cache(maxsize=4096)
def _compiled(text: str, count: int, words: tuple[tuple[str, Any], ...]) -> Callable[..., Any]:
    names = ", ".join(["c", *FORMAT_CONSTANTS, "far", "most", *(f"x{k}" for k in range(count))])
    scope: dict[str, Any] = {**_WORDS, **dict(words)}
    work: Callable[..., Any] = eval(f"lambda {names}: {text}", scope)
    return work


@lru_cache(maxsize=2048)
def stepwise(program: Program) -> Stepwise:
    """The step of a rule's program."""
    return Stepwise(program, Emitter(program, paired=False), {})
