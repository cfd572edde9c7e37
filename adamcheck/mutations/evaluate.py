"""Run any program on arrays, in any format: Python text once per program, NumPy from there on.

As a textbook would be written: what is one number for all elements is computed in the scalars'
format, and rounded to the arrays' where it meets an array; every operation on arrays rounds once.
Slow beside the oracle and meant to be clear: this is what targets are made of, and judges nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from adamcheck.formats import FORMATS, format_named
from adamcheck.mutations.fused import fma
from adamcheck.mutations.language import REDUCTIONS, TESTS, live
from adamcheck.program import Program
from adamcheck.storage import widest

Array = NDArray[Any]


@dataclass(frozen=True)
class Arithmetic:
    """How a program is evaluated.

    dtype: of the arrays in between; ``storage``: of the states and the parameter, where narrower;
    ``rounds``: values that are rounded to the storage's format as soon as they are computed;
    ``scalars``: format of what is one number for all elements; ``formats``: of each value of the
    expanded program, where operations round to the widest format of their operands.
    """

    dtype: str
    storage: str = ""
    rounds: frozenset[int] = frozenset()
    scalars: str = "float64"
    formats: tuple[str, ...] = ()


@dataclass
class Slot:
    """What a parameter keeps: clocks, arrays, the step count, that since the moments were loaded,
    and the silence of each element."""

    clocks: dict[str, Any]
    arrays: dict[str, Array]
    t: int = 0
    since: int = 0
    silence: Array | None = None


def advance(
    program: Program,
    arithmetic: Arithmetic,
    hyper: Mapping[str, Any],
    slot: Slot,
    theta: Array,
    g: Array,
) -> Array:
    """One step on flat arrays: the next parameter; ``slot`` is brought forward."""
    slot.t += 1
    slot.since += 1
    program = program.expanded
    run, clocks, arrays = compiled(program, arithmetic)
    silence = slot.silence
    if silence is None and reads(program, "x.silence"):
        silence = slot.silence = np.zeros(g.shape)
    found, kept, theta = run(hyper, slot.clocks, slot.arrays, g, theta, slot, silence)
    slot.clocks = dict(zip(clocks, found, strict=True))
    slot.arrays = dict(zip(arrays, kept, strict=True))
    if silence is not None:
        slot.silence = np.where(g == 0, silence + 1.0, 0.0)
    return np.asarray(theta)


@lru_cache(maxsize=4096)
def reads(program: Program, name: str) -> bool:
    """Whether what lives in a program reads an input."""
    return any(program.ops[i].name == name for i in live(program))


_DTYPES: Final = {f"D_{name}": fmt.dtype for name, fmt in FORMATS.items()}
_SCALAR: Final = {
    "neg": "-{0}",
    "add": "{0} + {1}",
    "sub": "{0} - {1}",
    "mul": "{0} * {1}",
    "div": "{0} / {1}",
    "mod": "{0} % {1}",
    "sqrt": "sqrt({0})",
    "max": "maximum({0}, {1})",
    "min": "minimum({0}, {1})",
    "ge": "S({0} >= {1})",
    "equal": "S({0} == {1})",
    "choose": "({1} if {0} > 0 else {2})",
    "fma": "({0} * {1} + {2})",
    "pow": "({0} ** {1})",
    "expm1": "-np.expm1({0} * np.log1p(-{1}))",
}
_ARRAY: Final = _SCALAR | {
    "ge": "({0} >= {1})",
    "equal": "({0} == {1})",
    "choose": "where({0}, {1}, {2})",
    "fma": "fma({0}, {1}, {2}, D)",
}


@lru_cache(maxsize=1024)
def compiled(
    program: Program, arithmetic: Arithmetic
) -> tuple[Callable[..., Any], tuple[str, ...], tuple[str, ...]]:
    """(function, names of the clocks, names of the arrays) in the order that it returns them."""
    states = [name[2:] for name, _ in program.outputs if name.startswith("s.")]
    clocks = tuple(name for name in states if name in program.clocks)
    arrays = tuple(name for name in states if name not in program.clocks)
    writer = _Writer(program, arithmetic, clocks, arrays)
    scope = writer.scope()
    exec(compile(writer.text(), f"<{program.spec}, changed>", "exec"), scope)
    run: Callable[..., Any] = scope["run"]
    return run, clocks, arrays


@dataclass
class _Writer:
    program: Program
    arithmetic: Arithmetic
    clocks: tuple[str, ...]
    arrays: tuple[str, ...]

    def scope(self) -> dict[str, Any]:
        """What the text calls by name."""
        wide = format_named(self.arithmetic.dtype).dtype
        narrow = format_named(self.arithmetic.storage or self.arithmetic.dtype).dtype
        return {
            "np": np,
            "D": wide,
            "c": wide.type,
            "S": format_named(self.arithmetic.scalars).dtype.type,
            "N": narrow,
            "sqrt": np.sqrt,
            "maximum": np.maximum,
            "minimum": np.minimum,
            "where": np.where,
            "fma": fma,
            "rounded": rounded,
            "filled": _filled,
            **(_DTYPES if self.arithmetic.formats else {}),
            **{kind: globals()[f"_{kind}"] for kind in REDUCTIONS},
        }

    def text(self) -> str:
        program, needed = self.program, sorted(live(self.program))
        lines = ["def run(h, k, s, g, theta, slot, silence):"]
        if self.arithmetic.storage:
            lines.append("    g = g.astype(D); theta = theta.astype(D)")
        cast: set[int] = set()
        for i in needed:
            uniform = i in program.uniform
            for a in [] if self.arithmetic.formats else self._read_as_number(i):
                if a not in cast:
                    many = a in self.precise
                    lines.append(f"    c{a} = h{a}.astype(D)" if many else f"    c{a} = c(h{a})")
                    cast.add(a)
            lines.append(f"    h{i} = {self._value(i)}")
            if self.arithmetic.formats and not uniform:
                lines.append(f"    h{i} = h{i}.astype(D_{self.arithmetic.formats[i]}, copy=False)")
            if i in self.arithmetic.rounds and not uniform and i not in self.precise:
                lines.append(f"    h{i} = h{i}.astype(N).astype(D)")
        out, stored = program.output, ".astype(N)" if self.arithmetic.storage else ""
        clocks = "".join(f"h{out[f's.{name}']}, " for name in self.clocks)
        arrays = "".join(f"filled(h{out[f's.{name}']}, g){stored}, " for name in self.arrays)
        lines.append(f"    return ({clocks}), ({arrays}), filled(h{out['theta']}, g){stored}")
        return "\n".join(lines) + "\n"

    @cached_property
    def precise(self) -> frozenset[int]:
        """Numbers that differ between elements by a guard alone: they stay in the scalars' format,
        so that what follows is computed as it would be without the guard."""
        program, found = self.program, set[int]()
        for i, op in enumerate(program.ops):
            parts = op.args[1:] if op.kind == "choose" else op.args
            if i in program.uniform or op.kind in REDUCTIONS:
                continue
            if op.kind == "input":
                numbers = op.name in ("x.index", "x.silence")
            else:
                numbers = all(a in program.uniform or a in found for a in parts)
            if numbers or op.kind in TESTS:
                found.add(i)
        return frozenset(found)

    def _read_as_number(self, i: int) -> list[int]:
        """Operands that are rounded to the arrays' format where an operation on arrays reads them.

        Counts and thresholds are compared as they are.
        """
        op, numbers = self.program.ops[i], self.program.uniform | self.precise
        if i in numbers:
            return []
        return [a for a in (op.args[1:] if op.kind == "choose" else op.args) if a in numbers]

    def _value(self, i: int) -> str:
        program, op = self.program, self.program.ops[i]
        if op.kind == "input":
            return self._input(op.name)
        if op.kind == "const":
            assert op.value is not None
            return f"S({float(op.value)!r})"
        if i in program.uniform:
            args = [f"h{a}" for a in op.args]
            if op.kind == "round":
                return f"S(rounded({args[0]}, {op.name!r}))"
            return _SCALAR[op.kind].format(*args)
        numbers = self._read_as_number(i)
        args = [f"c{a}" if a in numbers else f"h{a}" for a in op.args]
        own = self._own(i) if self.arithmetic.formats else ""
        if own:
            args = [
                f"D_{own}.type(h{a})" if a in numbers else f"h{a}.astype(D_{own}, copy=False)"
                for a in op.args
            ]
            args[:1] = [f"h{op.args[0]}"] if op.kind == "choose" else args[:1]
        if op.kind == "fma" and own:
            return f"fma({', '.join(args)}, D_{own})"
        if op.kind == "choose":
            first = op.args[0]
            if first in program.uniform:
                return _SCALAR["choose"].format(*args)
            if program.ops[first].kind not in TESTS:
                args[0] = f"{args[0]} > 0"
        elif op.kind == "round":
            return f"rounded({args[0]}, {op.name!r})"
        elif op.kind in REDUCTIONS:
            return f"{op.kind}({args[0]})"
        return _ARRAY[op.kind].format(*args)

    def _own(self, i: int) -> str:
        """The widest format of an operation's operands."""
        args = [a for a in self.program.ops[i].args if a not in self.program.uniform]
        return widest(FORMATS[self.arithmetic.formats[a]] for a in args).name

    def _input(self, name: str) -> str:
        scope, _, rest = name.partition(".")
        match scope:
            case "h":
                return f"S(h[{rest!r}])"
            case "s" if rest in self.clocks:
                return f"k[{rest!r}]"
            case "s":
                return f"s[{rest!r}]" + (".astype(D)" if self.arithmetic.storage else "")
            case "x":
                known = {
                    "t": "S(slot.t)",
                    "since": "S(slot.since)",
                    "size": "S(g.size)",
                    "index": "np.arange(g.size, dtype=np.float64)",
                    "silence": "silence",
                }
                return known[rest]
            case "e":
                raise ValueError(f"parameter {rest} of the edit is left open")
        return name


def rounded(x: Any, to: str) -> Any:
    """x through a format, or to a number of significand bits, and back in its own dtype."""
    if to in FORMATS:
        return x.astype(FORMATS[to].dtype).astype(x.dtype)
    fraction, exponent = np.frexp(np.asarray(x, np.float64))
    steps = 2.0 ** int(to)
    return np.ldexp(np.rint(fraction * steps) / steps, exponent).astype(x.dtype)


def _filled(x: Any, like: Array) -> Array:
    """A choice may come out as one number for all elements."""
    return x if x.shape == like.shape else np.full(like.shape, x)


def _mean(x: Array) -> Array:
    return np.full_like(x, x.sum(dtype=np.float64) / max(x.size, 1))


def _norm(x: Array) -> Array:
    wide = x.astype(np.float64)
    return np.full_like(x, np.sqrt((wide * wide).sum()))


def _largest(x: Array) -> Array:
    return np.full_like(x, np.abs(x).max(initial=0))
