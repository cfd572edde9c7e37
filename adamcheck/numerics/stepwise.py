"""A program with its bounds on arrays, operation by operation: for programs that are run a little.

The text of an operation is emit.py's, as everywhere. It is compiled once, whatever the numbers of
its operands are: the hundreds of programs that identification looks at share a few dozen texts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np

from adamcheck.numerics import error_bounds
from adamcheck.numerics.emit import FORMAT_CONSTANTS, Emitter
from adamcheck.numerics.walk import ARRAYS
from adamcheck.program import Program
from adamcheck.storage import STORAGE_CONSTANTS

Register = tuple[str, int]
"""A letter and the index of a value: h the value, a its magnitude, e its bound, r and n the
reciprocal of a scalar and the bound of its size."""
_OPERAND: Final = re.compile(r"\b([haenr])(\d+)\b")
_LATE: Final = re.compile(r"\b(far|most)\b")
_STORED: Final = re.compile(rf"\b({'|'.join(STORAGE_CONSTANTS)})\b")
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


@dataclass(frozen=True)
class Line:
    """``work(c, *FORMAT_CONSTANTS, far, most, *operands)`` makes one slot of others.

    late: it reads far or most, which change from step to step and from dialect to dialect.
    """

    slot: int
    work: Callable[..., Any]
    reads: tuple[int, ...]
    late: bool


class Stepwise:
    """``step(v, e, c)`` of a program: values and bounds by input name in, by output name out.

    lines: in an order in which they can be computed, over so many ``slots``. inputs, outputs: by
    name the slots of a value and of its bound; an input's may be None where nothing reads it.
    """

    def __init__(self, program: Program, emitter: Emitter, words: Mapping[str, Any]) -> None:
        slots: dict[Register, int] = {}
        further = tuple(words.items())
        self.lines: list[Line] = []
        for register, text in _texts(program, emitter):
            form, reads = _parsed(text)
            for read in reads:
                if read[0] == "a" and read not in slots:
                    value = slots.setdefault(("h", read[1]), len(slots))
                    slot = slots.setdefault(read, len(slots))
                    self.lines.append(Line(slot, _magnitude, (value,), late=False))
            operands = tuple([slots.setdefault(read, len(slots)) for read in reads])
            slot = slots.setdefault(register, len(slots))
            work = _compiled(form, len(reads), further)
            self.lines.append(Line(slot, work, operands, _LATE.search(form) is not None))
        self.outputs = {
            name: (slots.setdefault(("h", i), len(slots)), slots.setdefault(("e", i), len(slots)))
            for name, i in program.outputs
        }
        self.inputs = {
            name: (slots.get(("h", i)), slots.get(("e", i))) for name, i in program.inputs.items()
        }
        self.slots = len(slots)

    def __call__(self, v: Mapping[str, Any], e: Mapping[str, Any], c: Any) -> tuple[Any, Any]:
        given = (c, *(getattr(c, name) for name in FORMAT_CONSTANTS), *reaches(c))
        known: list[Any] = [None] * self.slots
        for name, (value, bound) in self.inputs.items():
            if value is not None:
                known[value] = v[name]
            if bound is not None:
                known[bound] = e[name]
        for line in self.lines:
            known[line.slot] = line.work(*given, *[known[r] for r in line.reads])
        values = {name: known[value] for name, (value, _) in self.outputs.items()}
        return values, {name: known[bound] for name, (_, bound) in self.outputs.items()}


def reaches(c: Any) -> tuple[Any, Any]:
    """(far, most): what an underflow may lose late in a step, and the largest number there."""
    return c.eta * c.reassociation[0], c.largest / c.reassociation[1]


def _magnitude(*given: Any) -> Any:
    return np.abs(given[-1])


def _texts(program: Program, emitter: Emitter) -> list[tuple[Register, str]]:
    """Register and text of every line but those of magnitudes."""
    bounded = emitter.bounded([*emitter.targets, *program.output.values()])
    found: list[tuple[Register, str]] = []
    for uniform in (True, False):
        for i, op in enumerate(program.ops):
            if (i in program.uniform) != uniform:
                continue
            if op.kind != "input":
                found.append((("h", i), _value(emitter, i)))
                if uniform:
                    found.append((("e", i), emitter.scalar_bound(i)))
                elif i in bounded:
                    found.append((("e", i), emitter.bound(i)))
            if i in emitter.divisors:
                a, b = emitter.inverse(i)
                found.append((("n", i), f"within(reciprocal_bound({a}, {b}), 0.0, largest)"))
                found.append((("r", i), f"1.0 / h{i}"))
    return found


def _value(emitter: Emitter, i: int) -> str:
    """The right side of value i, with the steps of a composed operation put in."""
    inner: dict[str, str] = {}
    *steps, last = emitter.value(i).split("; ")
    if not steps:
        return last.partition(" = ")[2]
    for step in steps:
        name, _, text = step.partition(" = ")
        inner[name] = f"({_filled(text, inner)})"
    return _filled(last.partition(" = ")[2], inner)


def _filled(text: str, inner: Mapping[str, str]) -> str:
    return re.sub(r"\bh\d+_\d+\b", lambda match: inner[match[0]], text)


@lru_cache(maxsize=1 << 14)
def _parsed(text: str) -> tuple[str, tuple[Register, ...]]:
    """The text with its operands numbered as they come, and the registers that these are."""
    numbers: dict[str, str] = {}

    def numbered(match: re.Match[str]) -> str:
        return numbers.setdefault(match[0], f"x{len(numbers)}")

    form = _OPERAND.sub(numbered, text)
    return form, tuple((name[0], int(name[1:])) for name in numbers)


@lru_cache(maxsize=4096)
def _compiled(text: str, count: int, words: tuple[tuple[str, Any], ...]) -> Callable[..., Any]:
    names = ", ".join(["c", *FORMAT_CONSTANTS, "far", "most", *(f"x{k}" for k in range(count))])
    scope: dict[str, Any] = {**_WORDS, **dict(words)}
    # few programs read what is kept where: it is looked up, and not handed to every line
    text = _STORED.sub(r"c.\1", text)
    work: Callable[..., Any] = eval(f"lambda {names}: {text}", scope)
    return work


@lru_cache(maxsize=2048)
def stepwise(program: Program) -> Stepwise:
    """The step of a rule's program."""
    return Stepwise(program, Emitter(program, paired=False), {})
