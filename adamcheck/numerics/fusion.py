"""A program of the block machine as one piece of code: its rows become registers.

What an instruction writes is used by the next one without a detour through memory; only what lives
from step to step stays in rows. Made of the same instructions, so it computes the same numbers;
compiling one takes as long as the machine takes for some millions of element-steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from llvmlite import ir

from adamcheck.numerics import instructions, machine
from adamcheck.numerics.assembly import (
    DRIVE,
    FLOATS,
    ROW_BYTES,
    WHOLE,
    address_of,
    counted_loop,
    empty_module,
    results_of,
    translator,
)
from adamcheck.numerics.vectors import DOUBLE, VECTOR, spread

Line = tuple[int, ...]
Part = tuple[Line, ...]
ABREAST: Final = 4
"""Vectors that are worked on side by side: one waits for its divisions while the other goes on."""
_NAMES: Final = {opcode: name for name, opcode in instructions.OPCODES.items()}


@lru_cache(maxsize=64)
def fused(before: Part, step: Part, after: Part) -> Any:
    """The program as a function that is called as the machine is; it judges every step."""
    module = empty_module()
    _Fusion(module, before, step, after).build()
    return machine.KIND(address_of(module, "drive"))


@dataclass
class _Column:
    """One vector of lanes while a step is emitted: values by row, what is written, put off."""

    index: Any
    known: dict[int, Any] = field(default_factory=dict)
    written: set[int] = field(default_factory=set)
    seldom: list[tuple[Line, dict[int, Any]]] = field(default_factory=list)


class _Fusion:
    """Emits drive(code, ends, rows, vectors, steps, unseen, streams, strides, offset)."""

    def __init__(self, module: Any, before: Part, step: Part, after: Part) -> None:
        self.parts = before, step, after
        self.function = ir.Function(module, DRIVE, "drive")
        (
            _, _, self.rows, self.vectors, self.steps, _, self.streams, self.strides, self.offset,
        ) = self.function.args  # fmt: skip
        self.builder = ir.IRBuilder(self.function.append_basic_block("entry"))
        self.translator = translator(self.builder)
        self.shared: dict[int, Any] = {}
        self.kept: set[int] = set()

    def build(self) -> None:
        """The three parts: once, every step, once."""
        before, step, after = self.parts
        self.kept = _carried(step) | _carried(after)
        written = {r for line in (*before, *step, *after) for r in _writes(line)}
        read = {r for line in (*before, *step, *after) for r in _reads(line)}
        for row in sorted(read - written):  # constants: the same in all lanes and steps
            self.shared[row] = self._first_lane(row)
        self._all_lanes(self._steady(before, WHOLE(0)), WHOLE(0))
        counted_loop(self.builder, WHOLE(0), self.steps, lambda t: self._one_step(step, t))
        self._all_lanes(after, WHOLE(0))
        self.builder.ret_void()

    def _one_step(self, step: Part, t: Any) -> None:
        known = set(self.shared)
        self._all_lanes(self._steady(step, t), t)
        for row in self.shared.keys() - known:
            del self.shared[row]

    def _steady(self, lines: Part, t: Any) -> list[Line]:
        """Share the numbers that are the same in all lanes; the other instructions are left."""
        left = []
        for line in lines:
            if _NAMES[line[0]] == "steady":
                value = self.builder.load(self._place(line, t, DOUBLE))
                self.shared[line[1]] = spread(self.builder, value)
            else:
                left.append(line)
        return left

    def _all_lanes(self, lines: Sequence[Line], t: Any) -> None:
        """The instructions for all vectors of lanes at one step."""
        kinds = {"load": DOUBLE, "load32": ir.FloatType(), "store": DOUBLE}
        places = {
            line: self._place(line, t, kinds[_NAMES[line[0]]], self.offset)
            for line in lines
            if _NAMES[line[0]] in kinds
        }
        builder = self.builder

        def several(j: Any) -> None:
            first = builder.mul(j, WHOLE(ABREAST))
            columns = [_Column(builder.add(first, WHOLE(u))) for u in range(ABREAST)]
            for line in lines:
                for column in columns:
                    self._emit(line, places, column)
            for column in columns:
                for row in sorted(column.written & self.kept):
                    self._keep(row, column.known[row], column.index)
            self._seldom(columns)

        counted_loop(builder, WHOLE(0), builder.udiv(self.vectors, WHOLE(ABREAST)), several)

    def _read(self, row: int, column: _Column) -> Any:
        if row in self.shared:
            return self.shared[row]
        if row not in column.known:
            column.known[row] = self._fetched(row, column.index)
        return column.known[row]

    def _emit(self, line: Line, places: dict[Line, Any], column: _Column) -> None:
        """One instruction for one vector of lanes."""
        builder, name = self.builder, _NAMES[line[0]]
        if name == "load":
            source = self._lane(places[line], VECTOR, column.index)
            column.known[line[1]] = builder.load(source, align=8)
        elif name == "load32":
            source = self._lane(places[line], FLOATS, column.index)
            column.known[line[1]] = builder.fpext(builder.load(source, align=4), VECTOR)
        elif name == "store":
            target = self._lane(places[line], VECTOR, column.index)
            builder.store(self._read(line[1], column), target, align=8)
        elif instructions.BY_NAME[name].idle:
            # its rows stay in memory; a branch here would part what can be worked on side by side
            own = _writes(line)
            values = {row: self._read(row, column) for row in _reads(line) if row not in own}
            column.seldom.append((line, values))
            return
        else:
            given = [self._read(row, column) for row in _reads(line)]
            found = results_of(self.translator, instructions.BY_NAME[name], given)
            column.known |= dict(zip(_writes(line), found, strict=True))
        column.written.update(_writes(line))

    def _seldom(self, columns: list[_Column]) -> None:
        """The instructions that are idle where an operand is 0, if it is not so in all columns."""
        builder, busy = self.builder, None
        for column in columns:
            for line, values in column.seldom:
                one = instructions.BY_NAME[_NAMES[line[0]]]
                names = [operand.strip("|") for operand in one.operands]
                here = self.translator.any_but_zero(values[_reads(line)[names.index(one.idle)]])
                busy = here if busy is None else builder.or_(busy, here)
        if busy is None:
            return
        with builder.if_then(busy, likely=False):
            for column in columns:
                for line, values in column.seldom:
                    one, own = instructions.BY_NAME[_NAMES[line[0]]], _writes(line)
                    known = values | {row: self._fetched(row, column.index) for row in own}
                    given = [known[row] for row in _reads(line)]
                    found = results_of(self.translator, one, given)
                    for row, value in zip(own, found, strict=True):
                        self._keep(row, value, column.index)

    def _first_lane(self, row: int) -> Any:
        place = self.builder.bitcast(self._row(row, WHOLE(0)), ir.PointerType(DOUBLE))
        return spread(self.builder, self.builder.load(place))

    def _fetched(self, row: int, i: Any) -> Any:
        return self.builder.load(self._row(row, i), align=ROW_BYTES)

    def _keep(self, row: int, value: Any, i: Any) -> None:
        self.builder.store(value, self._row(row, i), align=ROW_BYTES)

    def _row(self, row: int, i: Any) -> Any:
        builder = self.builder
        start = builder.add(builder.mul(WHOLE(row), self.vectors), i)
        return builder.gep(builder.bitcast(self.rows, ir.PointerType(VECTOR)), [start])

    def _place(self, line: Line, t: Any, kind: Any, offset: Any = None) -> Any:
        """Where the stream of an instruction is at step t."""
        builder, stream = self.builder, WHOLE(line[2])
        base = builder.load(builder.gep(self.streams, [stream]))
        ahead = builder.mul(t, builder.load(builder.gep(self.strides, [stream])))
        start = builder.add(ahead, offset) if offset is not None else ahead
        return builder.gep(builder.bitcast(base, ir.PointerType(kind)), [start])

    def _lane(self, place: Any, kind: Any, i: Any) -> Any:
        return self.builder.gep(self.builder.bitcast(place, ir.PointerType(kind)), [i])


def _writes(line: Line) -> Sequence[int]:
    name = _NAMES[line[0]]
    if name in instructions.BY_NAME:
        return line[1 : 1 + instructions.BY_NAME[name].results]
    return line[1:2] if name in ("load", "load32", "steady") else ()


def _reads(line: Line) -> Sequence[int]:
    name = _NAMES[line[0]]
    if name in instructions.BY_NAME:
        one = instructions.BY_NAME[name]
        return line[1 + one.results : 1 + one.results + len(one.operands)]
    return line[1:2] if name in ("store", "store1") else ()


def _carried(lines: Sequence[Line]) -> set[int]:
    """Rows that are read before they are written: they come from before."""
    found, written = set[int](), set[int]()
    for line in lines:
        found |= set(_reads(line)) - written
        written |= set(_writes(line))
    return found
