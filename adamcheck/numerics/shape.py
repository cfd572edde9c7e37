"""What a program's values are to its error bounds: which are scalars, decays, quotients, exact."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from adamcheck.numerics import signs
from adamcheck.program import Program


@dataclass(frozen=True)
class Shape:
    """The values of ``program`` by what a bound asks of them, as indices."""

    program: Program

    @cached_property
    def shrinks(self) -> dict[int, tuple[int, int, int]]:
        """Products x·(1-s) of an elementwise and a uniform value: their (x, 1-s, s)."""
        program, found = self.program, {}
        for i, op in enumerate(program.ops):
            if op.kind != "mul" or i in program.uniform:
                continue
            for x, keep in (op.args, op.args[::-1]):
                less = program.ops[keep]
                if keep not in program.uniform or less.kind != "sub":
                    continue
                if self._is_one(less.args[0]) and self._is_decay(less.args[1]):
                    found[i] = (x, keep, less.args[1])
        return found

    def _is_decay(self, i: int) -> bool:
        """Whether uniform value i is λ or a product of it."""
        op = self.program.ops[i]
        return "h.weight_decay" in (op.name, *(self.program.ops[k].name for k in op.args))

    @cached_property
    def exact(self) -> frozenset[int]:
        """Values of which it counts whether they are exactly 0.

        Those that states, dividends and radicands are made of; all, where θ is in these.
        """
        program = self.program
        ends = [program.output[f"s.{m}"] for m in program.moments]
        for op in (program.ops[i] for i in self.elementwise):
            if op.kind == "div" and op.args[1] not in program.uniform:
                ends.append(op.args[0])
            if op.kind == "sqrt":
                ends.append(op.args[0])
        if program.feeds_back:
            ends.append(program.output["theta"])
        return self.bounded(ends)

    @cached_property
    def nonnegative(self) -> frozenset[int]:
        """Values that no admissible evaluation makes negative."""
        return signs.nonnegative(self.program)

    @cached_property
    def unrooted(self) -> frozenset[int]:
        """Quotients of elementwise values whose divisor is no root, so that it may be subnormal."""
        return signs.unrooted(self.program)

    @cached_property
    def scalars(self) -> tuple[int, ...]:
        """The uniform values that elementwise operations and their bounds read."""
        program = self.program
        wanted = {a for i in self.elementwise for a in program.ops[i].args if a in program.uniform}
        return tuple(sorted(wanted | {s for _, _, s in self.shrinks.values()}))

    def _is_one(self, i: int) -> bool:
        return self.program.ops[i].value == 1

    def _is_square(self, i: int) -> bool:
        op = self.program.ops[i]
        return op.kind == "mul" and op.args[0] == op.args[1]

    @cached_property
    def scaled(self) -> frozenset[int]:
        """Quotients of an elementwise value by a uniform one."""
        return frozenset(
            i
            for i, op in enumerate(self.program.ops)
            if op.kind == "div"
            and i not in self.program.uniform
            and op.args[1] in self.program.uniform
        )

    @cached_property
    def divisors(self) -> frozenset[int]:
        """Uniform values that elementwise ones are divided by."""
        return frozenset(self.program.ops[i].args[1] for i in self.scaled)

    def bounded(self, outputs: list[int]) -> frozenset[int]:
        """Elementwise values whose bound the outputs' bounds need."""
        found: set[int] = set()
        todo = list(outputs)
        while todo:
            i = todo.pop()
            if i in found or i in self.program.uniform or self.program.ops[i].kind == "input":
                continue
            found.add(i)
            op = self.program.ops[i]
            todo.extend(op.args[2:] if op.kind == "ema" else op.args)
        return frozenset(found)

    @property
    def elementwise(self) -> list[int]:
        """Indices of the elementwise operations, inputs left out, in order."""
        return [
            i
            for i, op in enumerate(self.program.ops)
            if i not in self.program.uniform and op.kind != "input"
        ]

    @property
    def targets(self) -> list[int]:
        """The outputs whose bounds matter: the moments, the parameter and the update."""
        out = self.program.output
        return [*(out[f"s.{m}"] for m in self.program.moments), out["theta"], out["update"]]
