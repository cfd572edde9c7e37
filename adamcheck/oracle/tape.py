"""Machine programs of whole runs: inputs are loaded, a step is computed, results are written.

A tape is put together once for a lowered program and what is asked of it; a run brings numbers for
its named rows and arrays for its named streams.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from adamcheck.numerics import instructions, machine
from adamcheck.numerics.comparison import TALLIES
from adamcheck.numerics.fusion import fused
from adamcheck.numerics.lower import STEP_CONSTANTS, Block, Lowered
from adamcheck.numerics.vectors import LANES

WORTH: Final = 1 << 23
"""Element-steps after which a program gets code of its own: running them on the machine took about
as long as that takes to compile, so at most twice the least time is spent, whatever follows."""
BEFORE, STEP, JUDGED, AFTER = range(4)
"""Parts of a tape: run once, at every step, at every step that is judged, once in the end."""


@dataclass(eq=False)
class Tape:
    """A machine program being put together: its parts, its rows and its streams by name."""

    rows: int
    named: dict[str, int] = field(default_factory=dict)
    fixed: dict[int, float] = field(default_factory=dict)
    parts: tuple[list[tuple[int, ...]], ...] = field(default_factory=lambda: ([], [], [], []))
    streams: dict[str, int] = field(default_factory=dict)
    ran: int = 0

    @classmethod
    def of(cls, block: Block) -> Tape:
        """A tape whose steps are a block's instructions, to be preceded by what they read."""
        return cls(block.rows, dict(block.given), dict(block.fixed))

    def add(self, part: int, name: str, *arguments: int) -> None:
        """An instruction."""
        line = (instructions.OPCODES[name], *arguments)
        self.parts[part].append(line + (0,) * (instructions.WIDTH - len(line)))

    def move(self, part: int, name: str, row: int, stream: str) -> None:
        """An instruction that loads a row from a named stream, or writes it there."""
        self.add(part, name, row, self.streams.setdefault(stream, len(self.streams)))

    def new(self, count: int) -> list[int]:
        """So many further rows."""
        self.rows += count
        return list(range(self.rows - count, self.rows))

    @cached_property
    def assembled(self) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
        """The instructions of all parts, and where each part ends; nothing may be added then."""
        code = np.array([line for part in self.parts for line in part], np.uint32)
        return code, np.cumsum([len(part) for part in self.parts], dtype=np.int64)

    def run(
        self,
        values: Mapping[str, float],
        streams: Mapping[str, tuple[NDArray[Any], int, int]],
        steps: int,
        unseen: int,
        lanes: int,
        offsets: Iterable[int],
        call: Callable[..., None] | None = None,
    ) -> None:
        """Run a block of ``lanes`` columns from each offset, judged after ``unseen`` steps.

        values: of rows by name. streams: arrays by name, the numbers that they hold a step, and how
        many are passed over first. call: what ``code`` returned; the machine by default.
        """
        code, ends = self.assembled
        given = [streams[name] for name in self.streams]
        tables = {id(x): x for x, _, _ in given}  # many are rows of one table
        places = {name: _address(x) for name, x in tables.items()}
        starts = np.array([places[id(x)] + x.itemsize * skip for x, _, skip in given], np.uint64)
        strides = np.array([stride for _, stride, _ in given], np.int64)
        buffer = np.zeros(self.rows * lanes + LANES)
        skipped = -_address(buffer) % 64 // 8
        rows = buffer[skipped : skipped + self.rows * lanes].reshape(self.rows, lanes)
        for row, value in self.fixed.items():
            rows[row] = value
        for name, value in values.items():
            if name in self.named:
                rows[self.named[name]] = value
        fixed = _address(code), _address(ends), _address(rows), lanes // LANES, steps, unseen
        more = _address(starts), _address(strides)
        call = call or machine.run()
        for offset in offsets:
            call(*fixed, *more, offset)

    def code(self, size: int, unseen: int) -> Callable[..., None]:
        """The machine; or code of its own, once all runs of this tape were worth that.

        size: element-steps of the run that follows; unseen: its steps that are not judged.
        """
        self.ran += size
        return machine.run() if unseen or self.ran < WORTH else self._own

    @cached_property
    def _own(self) -> Callable[..., None]:
        before, step, judged, after = (tuple(part) for part in self.parts)
        own: Callable[..., None] = fused(before, (*step, *judged), after)
        return own


def _address(array: NDArray[Any]) -> int:
    address: int = array.__array_interface__["data"][0]
    return address


@lru_cache(maxsize=256)
def scalars_code(lowered: Lowered, *, paced: bool) -> Tape:
    """Computes a step's scalars in one column: "changing.K" come in, "scalar.K" go out.

    Of those that are constant only the first number goes out. ``paced``: "pace.0" and "pace.1" are
    α and its error bound at every step.
    """
    block = lowered.uniform
    tape = Tape.of(block)
    for k, name in enumerate(STEP_CONSTANTS):
        if name in block.given:
            tape.move(STEP, "steady", block.given[name], f"changing.{k}")
    for k, name in enumerate(("h.lr.h", "h.lr.e") if paced else ()):
        if name in block.given:
            tape.move(STEP, "steady", block.given[name], f"pace.{k}")
    lines = [tuple(line) for line in block.code.tolist()]
    tape.parts[BEFORE].extend(lines[: block.once])
    tape.parts[STEP].extend(lines[block.once :])
    for k, name in enumerate(lowered.passed):
        part = AFTER if name in lowered.constant else STEP
        tape.move(part, "store1", block.found[name], f"scalar.{k}")
    return tape


@lru_cache(maxsize=256)
def clocks_code(lowered: Lowered) -> Tape:
    """Carries the clocks on in one column; what they are in the end goes out under their names."""
    block = lowered.clocks
    tape = Tape.of(block)
    tape.parts[STEP].extend(map(tuple, block.code.tolist()))
    for name, row in block.states.items():
        tape.move(AFTER, "store1", row, name)
    return tape


@lru_cache(maxsize=1024)
def showing(lowered: Lowered, shown: tuple[str, ...], single: bool, given: tuple[str, ...]) -> Tape:
    """Writes each step's values and bounds to "out.NAME.PART", and "strained" in the end."""
    tape, found = _elements(lowered, single, given), lowered.elements.found
    for name in shown:
        for part in "hle":
            if found[f"{name}.{part}"]:
                tape.move(STEP, "store", found[f"{name}.{part}"], f"out.{name}.{part}")
    if "low" in found:
        (flag,) = tape.new(1)
        tape.add(BEFORE, "copy", flag, 0)
        for raised in ("low", *(f"{name}.faint" for name in shown)):
            tape.add(STEP, "larger", flag, flag, found[raised])
        tape.move(AFTER, "store", flag, "strained")
    return tape


@lru_cache(maxsize=1024)
def judging(
    lowered: Lowered, observed: tuple[str, ...], single: bool, given: tuple[str, ...]
) -> Tape:
    """Holds observed quantities against their bounds and writes the counts to "tally.K.NAME"."""
    tape, found = _elements(lowered, single, given), lowered.elements.found
    now, margin, judged, flag, seen, distance, outcome, ratio = tape.new(8)
    tape.named |= {"margin": margin, "judged": judged}
    tape.move(JUDGED, "steady", now, "now")
    tape.add(BEFORE, "copy", flag, 0)
    if "low" in found:
        tape.add(STEP, "larger", flag, flag, found["low"])
    for j, name in enumerate(observed):
        worst, at, first, unresolved, void, weak, decided = tape.new(7)
        for row in (worst, at, first, unresolved, void, weak):
            tape.add(BEFORE, "copy", row, 0)
        load = "load32" if single and name == "theta" else "load"
        tape.move(JUDGED, load, seen, "next" if name == "theta" else f"seen.{name}")
        high, low, bound = (found[f"{name}.{part}"] for part in "hle")
        quantity = found["update.h"] if name == "theta" else high
        counted = first, unresolved, void, weak
        against = distance, bound, quantity, margin
        if low:
            faint = found[f"{name}.faint"]
            tape.add(JUDGED, "distance", distance, seen, high, low)
            tape.add(JUDGED, "outcome", outcome, ratio, *against, faint)
        else:
            tape.add(JUDGED, "distance.single", distance, seen, high)
            tape.add(JUDGED, "outcome.single", outcome, ratio, *against)
        tape.add(JUDGED, "worst", worst, at, worst, at, ratio, now)
        tape.add(JUDGED, "count", *counted, *counted, outcome, now)
        tape.add(AFTER, "settle", first, unresolved, weak, decided, flag, *counted, judged)
        rows = (worst, at, first, unresolved, void, weak, decided)
        for row, count in zip(rows, TALLIES, strict=True):
            tape.move(AFTER, "store", row, f"tally.{j}.{count}")
    return tape


def _elements(lowered: Lowered, single: bool, given: tuple[str, ...]) -> Tape:
    """The elements' steps; ``given`` states start from "start.NAME", the others from zero.

    ``single``: gradients "g" and parameters "theta" are float32.
    """
    block, load = lowered.elements, "load32" if single else "load"
    tape = Tape.of(block)
    for state, row in block.states.items():
        name = state.removeprefix("s.").removesuffix(".h")
        if name in given:
            tape.move(BEFORE, "load", row, f"start.{name}")
        else:
            tape.add(BEFORE, "copy", row, 0)
    for name in ("g", "theta"):
        if f"{name}.h" in block.given:
            tape.move(STEP, load, block.given[f"{name}.h"], name)
    for k, name in enumerate(lowered.passed):
        part = BEFORE if name in lowered.constant else STEP
        tape.move(part, "steady", block.given[name], f"scalar.{k}")
    tape.parts[STEP].extend(map(tuple, block.code.tolist()))
    return tape
