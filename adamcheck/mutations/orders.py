"""Honest orders of a rule, drawn: one function of real numbers, written and rounded otherwise.

A form is chosen for every place where a rule can be written in several admissible ways (theorems
ema-orders, one-line, moved-scalars and rounding-envelope say which); besides, arithmetic may be
wider than storage, and scalars kept in float64 or in the arrays' own format.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from adamcheck.errors import UsageError, closest
from adamcheck.formats import FORMATS, format_named
from adamcheck.mutations.evaluate import Arithmetic
from adamcheck.mutations.forms import forms, rewritten
from adamcheck.mutations.language import indices, labels
from adamcheck.program import Program

_SETTINGS = ("wide", "rounds", "scalars")


@dataclass(frozen=True)
class Order:
    """Forms by the label of their place (as written where none is named), and the arithmetic.

    wide: the format of intermediate results, if wider than the arrays'; rounds: which of them are
    stored all the same: none, all, or those that a number draws; scalars: float64 or array.
    """

    forms: tuple[tuple[str, str], ...] = ()
    wide: str = ""
    rounds: str = "none"
    scalars: str = "float64"

    def __str__(self) -> str:
        words = [f"{place}:{form}" for place, form in self.forms]
        words += [f"wide={self.wide}"] if self.wide else []
        words += [f"rounds={self.rounds}"] if self.rounds != "none" else []
        words += [f"scalars={self.scalars}"] if self.scalars != "float64" else []
        return " ".join(words)


def parse_order(text: str) -> Order:
    """Read the notation: ``PLACE:FORM`` and ``wide=…``, ``rounds=…``, ``scalars=…``."""
    chosen: list[tuple[str, str]] = []
    settings: dict[str, str] = {}
    for word in text.split():
        name, equals, value = word.partition("=")
        if equals and name in _SETTINGS:
            settings[name] = value
            continue
        place, colon, form = word.rpartition(":")
        if not colon:
            raise UsageError(f"order {text!r}: {word!r} is neither PLACE:FORM nor a setting.")
        chosen.append((place, form))
    return Order(tuple(chosen), **settings)


def draw(program: Program, rng: np.random.Generator, *, dtype: str) -> Order:
    """A form for every place, each as likely, and an arithmetic that fits the format."""
    names, chosen = labels(program), []
    for i, options in forms(program).items():
        fitting = [f for f in options if dtype != "float16" or f != "capturable"]
        form = fitting[rng.integers(len(fitting))]
        if form != options[0]:
            chosen.append((names[i], form))
    precision = format_named(dtype).precision
    wider = [n for n, f in FORMATS.items() if f.precision > precision and n != "float16"]
    wide, rounds = "", "none"
    if wider and rng.random() < 0.4:
        wide = wider[rng.integers(len(wider))]
        rounds = ("none", "all", str(rng.integers(1000)))[rng.integers(3)]
    # narrower than float32 a β of the arrays' own format is another β: 0.999 is 1 in bfloat16
    admitted = dtype == "float32" and program.spec.scalars != "float64"
    scalars = "array" if admitted and rng.random() < 0.25 else "float64"
    return Order(tuple(chosen), wide, rounds, scalars)


@lru_cache(maxsize=1024)
def ordered(program: Program, order: Order) -> Program:
    """The program written in the order's forms; UsageError for a place or a form it has not."""
    known, options = indices(program), forms(program)
    chosen: dict[int, str] = {}
    for place, form in order.forms:
        i = known.get(place)
        if i is None or i not in options:
            places = [labels(program)[k] for k in options]
            raise UsageError(f"order: no choice at {place!r}.{closest(place, places)}")
        if form not in options[i]:
            raise UsageError(f"order: {place} is written {', '.join(options[i])}, not {form!r}")
        chosen[i] = form
    return rewritten(program, chosen)


def arithmetic(program: Program, order: Order, dtype: str) -> Arithmetic:
    """How an ordered program is evaluated on arrays of a format."""
    scalars = dtype if order.scalars == "array" else "float64"
    wide = order.wide and format_named(order.wide).precision > format_named(dtype).precision
    if not wide:
        return Arithmetic(dtype, scalars=scalars)
    return Arithmetic(order.wide, dtype, _rounds(program, order.rounds), scalars)


def _rounds(program: Program, which: str) -> frozenset[int]:
    every = range(len(program.expanded.ops))
    if which in ("none", "all"):
        return frozenset(every if which == "all" else ())
    drawn = np.random.default_rng(int(which)).random(len(every)) < 0.5
    return frozenset(int(i) for i in np.flatnonzero(drawn))


__all__ = ["Order", "arithmetic", "draw", "ordered", "parse_order"]
