"""The block machine's code: its loops, made of the instructions' texts, and compiled by LLVM."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from llvmlite import binding, ir

from adamcheck.numerics import comparison, double_double, error_bounds, instructions
from adamcheck.numerics.instructions import Instruction
from adamcheck.numerics.vectors import DOUBLE, LANES, VECTOR, Translator, spread

WHOLE: Final = ir.IntType(64)
_INDEX: Final = ir.IntType(32)
FLOATS: Final = ir.VectorType(ir.FloatType(), LANES)
ROW_BYTES: Final = 64
"""Alignment of rows."""
POINTER: Final = ir.PointerType
DRIVE: Final = ir.FunctionType(
    ir.VoidType(),
    [
        POINTER(_INDEX), POINTER(WHOLE), POINTER(DOUBLE), WHOLE, WHOLE, WHOLE,
        POINTER(POINTER(DOUBLE)), POINTER(WHOLE), WHOLE,
    ],
)  # fmt: skip
"""(code, ends, rows, vectors, steps, unseen, streams, strides, offset), as machine.run has it."""
_KEPT: list[Any] = []
"""Engines own the code that they made: they must live as long as the process."""


def entry() -> int:
    """Address of the compiled machine."""
    module = empty_module()
    execute = _Execute(module).build()
    _drive(module, execute)
    return address_of(module, "drive")


def empty_module() -> Any:
    """A module for this processor."""
    module = ir.Module("adamcheck")
    module.triple = binding.get_process_triple()
    return module


def address_of(module: Any, name: str) -> int:
    """Compile a module and return the address of one of its functions."""
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    try:
        features = binding.get_host_cpu_features().flatten()
    except RuntimeError:  # not told on every platform: the processor's name will do
        features = ""
    target = binding.Target.from_triple(binding.get_process_triple()).create_target_machine(
        cpu=binding.get_host_cpu_name(), features=features, opt=2
    )
    parsed = binding.parse_assembly(str(module))
    parsed.verify()
    engine = binding.create_mcjit_compiler(parsed, target)
    engine.finalize_object()
    _KEPT.extend([engine, target])
    address: int = engine.get_function_address(name)
    return address


def translator(builder: Any) -> Translator:
    """What turns the instructions' texts into code."""
    functions = (*comparison.COMPARISON, *double_double.FUNCTIONS)
    return Translator(builder, functions, error_bounds.ERROR_BOUNDS, instructions.CONSTANTS)


def results_of(made: Translator, one: Instruction, values: Sequence[Any]) -> Sequence[Any]:
    """What an instruction makes of its operands' values."""
    names = {}
    for operand, value in zip(one.operands, values, strict=True):
        name = operand.strip("|")
        names[name] = made.evaluate("abs(x)", {"x": value}) if "|" in operand else value
    found = made.evaluate(one.text, names)
    return found if one.results > 1 else (found,)


def counted_loop(
    builder: Any, start: Any, end: Any, body: Callable[[Any], None], name: str = "loop"
) -> None:
    """Run ``body`` for index start … end - 1."""
    before = builder.block
    head = builder.append_basic_block(f"{name}.head")
    inside = builder.append_basic_block(f"{name}.body")
    after = builder.append_basic_block(f"{name}.after")
    builder.branch(head)
    builder.position_at_end(head)
    index = builder.phi(WHOLE)
    index.add_incoming(start, before)
    builder.cbranch(builder.icmp_signed("<", index, end), inside, after)
    builder.position_at_end(inside)
    body(index)
    index.add_incoming(builder.add(index, WHOLE(1)), builder.block)
    builder.branch(head)
    builder.position_at_end(after)


class _Execute:
    """execute(code, from, to, rows, vectors, t, streams, strides, offset): instructions in turn."""

    def __init__(self, module: Any) -> None:
        pointer = ir.PointerType
        arguments = [
            pointer(_INDEX), WHOLE, WHOLE, pointer(DOUBLE), WHOLE, WHOLE,
            pointer(pointer(DOUBLE)), pointer(WHOLE), WHOLE,
        ]  # fmt: skip
        self.function = ir.Function(module, ir.FunctionType(ir.VoidType(), arguments), "execute")
        self.function.linkage = "internal"
        (
            self.code, self.start, self.end, self.rows, self.vectors, self.t, self.streams,
            self.strides, self.offset,
        ) = self.function.args  # fmt: skip
        self.builder = ir.IRBuilder(self.function.append_basic_block("entry"))
        self.translator = translator(self.builder)

    def build(self) -> Any:
        counted_loop(self.builder, self.start, self.end, self._step, "instruction")
        self.builder.ret_void()
        return self.function

    def _step(self, k: Any) -> None:
        builder = self.builder
        self.line = builder.gep(self.code, [builder.mul(k, WHOLE(instructions.WIDTH))])
        after = builder.append_basic_block("done")
        unknown = builder.append_basic_block("unknown")
        switch = builder.switch(builder.load(self.line), unknown)
        for name, opcode in instructions.OPCODES.items():
            block = builder.append_basic_block(name)
            switch.add_case(_INDEX(opcode), block)
            builder.position_at_end(block)
            if name in instructions.BY_NAME:
                self._lanes(instructions.BY_NAME[name])
            else:
                getattr(self, f"_{name}")()
            builder.branch(after)
        builder.position_at_end(unknown)
        builder.unreachable()
        builder.position_at_end(after)

    def _argument(self, j: int) -> Any:
        builder = self.builder
        return builder.zext(builder.load(builder.gep(self.line, [WHOLE(j)])), WHOLE)

    def _row(self, j: int) -> Any:
        """The row that argument j names, as vectors."""
        builder = self.builder
        start = builder.mul(self._argument(j), builder.mul(self.vectors, WHOLE(LANES)))
        place = builder.gep(self.rows, [start])
        return builder.bitcast(place, ir.PointerType(VECTOR))

    def _lanes(self, one: Instruction) -> None:
        builder = self.builder
        results = [self._row(1 + k) for k in range(one.results)]
        operands = [self._row(1 + one.results + k) for k in range(len(one.operands))]

        def body(i: Any) -> None:
            values = [builder.load(builder.gep(row, [i]), align=ROW_BYTES) for row in operands]
            if not one.idle:
                self._put(one, results, values, i)
                return
            names = [operand.strip("|") for operand in one.operands]
            busy = self.translator.any_but_zero(values[names.index(one.idle)])
            with builder.if_then(busy):
                self._put(one, results, values, i)

        counted_loop(builder, WHOLE(0), self.vectors, body, one.name)

    def _put(self, one: Instruction, results: list[Any], values: list[Any], i: Any) -> None:
        found = results_of(self.translator, one, values)
        for row, value in zip(results, found, strict=True):
            self.builder.store(value, self.builder.gep(row, [i]), align=ROW_BYTES)

    # --- memory ---

    def _place(self, kind: Any, *, wide: bool) -> Any:
        """Where the stream of argument 2 is at this step; past the offset where it has lanes."""
        builder, s = self.builder, self._argument(2)
        base = builder.bitcast(builder.load(builder.gep(self.streams, [s])), ir.PointerType(kind))
        ahead = builder.mul(self.t, builder.load(builder.gep(self.strides, [s])))
        return builder.gep(base, [builder.add(ahead, self.offset) if wide else ahead])

    def _copied(self, source: Any, target: Any, aligned: tuple[int, int], kind: Any) -> None:
        builder = self.builder

        def body(i: Any) -> None:
            value = builder.load(builder.gep(source, [i]), align=aligned[0])
            value = value if kind == VECTOR else builder.fpext(value, VECTOR)
            builder.store(value, builder.gep(target, [i]), align=aligned[1])

        counted_loop(builder, WHOLE(0), self.vectors, body, "copied")

    def _load(self) -> None:
        source = self.builder.bitcast(self._place(DOUBLE, wide=True), ir.PointerType(VECTOR))
        self._copied(source, self._row(1), (8, ROW_BYTES), VECTOR)

    def _load32(self) -> None:
        place = self._place(ir.FloatType(), wide=True)
        source = self.builder.bitcast(place, ir.PointerType(FLOATS))
        self._copied(source, self._row(1), (4, ROW_BYTES), FLOATS)

    def _store(self) -> None:
        target = self.builder.bitcast(self._place(DOUBLE, wide=True), ir.PointerType(VECTOR))
        self._copied(self._row(1), target, (ROW_BYTES, 8), VECTOR)

    def _store1(self) -> None:
        builder = self.builder
        value = builder.load(builder.bitcast(self._row(1), ir.PointerType(DOUBLE)))
        builder.store(value, self._place(DOUBLE, wide=False))

    def _steady(self) -> None:
        """One number for all lanes; nothing to do while it stays the same, bit for bit."""
        builder, row = self.builder, self._row(1)
        value = builder.load(self._place(DOUBLE, wide=False))
        before = builder.load(builder.bitcast(row, ir.PointerType(DOUBLE)))
        bits = [builder.bitcast(x, WHOLE) for x in (value, before)]
        with builder.if_then(builder.icmp_unsigned("!=", *bits)):
            everywhere = spread(builder, value)

            def body(i: Any) -> None:
                builder.store(everywhere, builder.gep(row, [i]), align=ROW_BYTES)

            counted_loop(builder, WHOLE(0), self.vectors, body, "spread")


def _drive(module: Any, execute: Any) -> None:
    function = ir.Function(module, DRIVE, "drive")
    code, ends, rows, vectors, steps, unseen, streams, strides, offset = function.args
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    marks = [builder.load(builder.gep(ends, [WHOLE(k)])) for k in range(4)]

    def part(k: int, t: Any) -> None:
        start = marks[k - 1] if k else WHOLE(0)
        given = [code, start, marks[k], rows, vectors, t, streams, strides, offset]
        builder.call(execute, given)

    def step(t: Any) -> None:
        part(1, t)
        with builder.if_then(builder.icmp_signed(">=", t, unseen)):
            part(2, t)

    part(0, WHOLE(0))
    counted_loop(builder, WHOLE(0), steps, step, "step")
    part(3, WHOLE(0))
    builder.ret_void()
