"""The block machine's code: its loops, made of the instructions' texts, and compiled by LLVM."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from llvmlite import binding, ir

from adamcheck.interpret import charges, comparison, double_double, machine
from adamcheck.interpret.vectors import DOUBLE, LANES, VECTOR, Translator, number

_WHOLE: Final = ir.IntType(64)
_INDEX: Final = ir.IntType(32)
_FLOATS: Final = ir.VectorType(ir.FloatType(), LANES)
_ROW_BYTES: Final = 64
"""Alignment of rows."""
_KEPT: list[Any] = []
"""The engine owns the code: it must live as long as the process."""


def entry() -> int:
    """Address of the compiled machine."""
    if not _KEPT:
        binding.initialize_native_target()
        binding.initialize_native_asmprinter()
        target = binding.Target.from_triple(binding.get_process_triple()).create_target_machine(
            cpu=binding.get_host_cpu_name(),
            features=binding.get_host_cpu_features().flatten(),
            opt=2,
        )
        module = binding.parse_assembly(str(_module()))
        module.verify()
        engine = binding.create_mcjit_compiler(module, target)
        engine.finalize_object()
        _KEPT.extend([engine, target])
    address: int = _KEPT[0].get_function_address("drive")
    return address


def _module() -> Any:
    module = ir.Module("block_machine")
    module.triple = binding.get_process_triple()
    execute = _Execute(module).build()
    _drive(module, execute)
    return module


def _loop(builder: Any, start: Any, end: Any, body: Callable[[Any], None], name: str) -> None:
    """Run ``body`` for index start … end - 1."""
    before = builder.block
    head = builder.append_basic_block(f"{name}.head")
    inside = builder.append_basic_block(f"{name}.body")
    after = builder.append_basic_block(f"{name}.after")
    builder.branch(head)
    builder.position_at_end(head)
    index = builder.phi(_WHOLE)
    index.add_incoming(start, before)
    builder.cbranch(builder.icmp_signed("<", index, end), inside, after)
    builder.position_at_end(inside)
    body(index)
    index.add_incoming(builder.add(index, _WHOLE(1)), builder.block)
    builder.branch(head)
    builder.position_at_end(after)


class _Execute:
    """execute(code, from, to, rows, vectors, t, streams, strides, offset): instructions in turn."""

    def __init__(self, module: Any) -> None:
        pointer = ir.PointerType
        arguments = [
            pointer(_INDEX), _WHOLE, _WHOLE, pointer(DOUBLE), _WHOLE, _WHOLE,
            pointer(pointer(DOUBLE)), pointer(_WHOLE), _WHOLE,
        ]  # fmt: skip
        self.function = ir.Function(module, ir.FunctionType(ir.VoidType(), arguments), "execute")
        self.function.linkage = "internal"
        (
            self.code, self.start, self.end, self.rows, self.vectors, self.t, self.streams,
            self.strides, self.offset,
        ) = self.function.args  # fmt: skip
        self.builder = ir.IRBuilder(self.function.append_basic_block("entry"))
        functions = (*charges.CHARGES, *comparison.COMPARISON, *double_double.FUNCTIONS)
        self.translator = Translator(self.builder, functions, machine.CONSTANTS)

    def build(self) -> Any:
        _loop(self.builder, self.start, self.end, self._step, "instruction")
        self.builder.ret_void()
        return self.function

    def _step(self, k: Any) -> None:
        builder = self.builder
        self.line = builder.gep(self.code, [builder.mul(k, _WHOLE(machine.WIDTH))])
        after = builder.append_basic_block("done")
        unknown = builder.append_basic_block("unknown")
        switch = builder.switch(builder.load(self.line), unknown)
        for name, opcode in machine.OPCODES.items():
            block = builder.append_basic_block(name)
            switch.add_case(_INDEX(opcode), block)
            builder.position_at_end(block)
            if name in machine.BY_NAME:
                self._lanes(machine.BY_NAME[name])
            else:
                getattr(self, f"_{name}")()
            builder.branch(after)
        builder.position_at_end(unknown)
        builder.unreachable()
        builder.position_at_end(after)

    def _argument(self, j: int) -> Any:
        builder = self.builder
        return builder.zext(builder.load(builder.gep(self.line, [_WHOLE(j)])), _WHOLE)

    def _row(self, j: int) -> Any:
        """The row that argument j names, as vectors."""
        builder = self.builder
        start = builder.mul(self._argument(j), builder.mul(self.vectors, _WHOLE(LANES)))
        place = builder.gep(self.rows, [start])
        return builder.bitcast(place, ir.PointerType(VECTOR))

    def _lanes(self, one: machine.Instruction) -> None:
        builder = self.builder
        results = [self._row(1 + k) for k in range(one.results)]
        operands = [self._row(1 + one.results + k) for k in range(len(one.operands))]

        def body(i: Any) -> None:
            names = {}
            for operand, row in zip(one.operands, operands, strict=True):
                value = builder.load(builder.gep(row, [i]), align=_ROW_BYTES)
                name = operand.strip("|")
                magnitude = self.translator.evaluate("abs(x)", {"x": value})
                names[name] = magnitude if "|" in operand else value
            if not one.idle:
                self._put(one, results, names, i)
                return
            with builder.if_then(self.translator.any_but_zero(names[one.idle])):
                self._put(one, results, names, i)

        _loop(builder, _WHOLE(0), self.vectors, body, one.name)

    def _put(self, one: machine.Instruction, results: list[Any], names: Any, i: Any) -> None:
        found = self.translator.evaluate(one.text, names)
        for row, value in zip(results, found if one.results > 1 else (found,), strict=True):
            self.builder.store(value, self.builder.gep(row, [i]), align=_ROW_BYTES)

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

        _loop(builder, _WHOLE(0), self.vectors, body, "copied")

    def _load(self) -> None:
        source = self.builder.bitcast(self._place(DOUBLE, wide=True), ir.PointerType(VECTOR))
        self._copied(source, self._row(1), (8, _ROW_BYTES), VECTOR)

    def _load32(self) -> None:
        place = self._place(ir.FloatType(), wide=True)
        source = self.builder.bitcast(place, ir.PointerType(_FLOATS))
        self._copied(source, self._row(1), (4, _ROW_BYTES), _FLOATS)

    def _store(self) -> None:
        target = self.builder.bitcast(self._place(DOUBLE, wide=True), ir.PointerType(VECTOR))
        self._copied(self._row(1), target, (_ROW_BYTES, 8), VECTOR)

    def _store1(self) -> None:
        builder = self.builder
        value = builder.load(builder.bitcast(self._row(1), ir.PointerType(DOUBLE)))
        builder.store(value, self._place(DOUBLE, wide=False))

    def _steady(self) -> None:
        """One number for all lanes; nothing to do while it stays the same, bit for bit."""
        builder, row = self.builder, self._row(1)
        value = builder.load(self._place(DOUBLE, wide=False))
        before = builder.load(builder.bitcast(row, ir.PointerType(DOUBLE)))
        bits = [builder.bitcast(x, _WHOLE) for x in (value, before)]
        with builder.if_then(builder.icmp_unsigned("!=", *bits)):
            one = builder.insert_element(number(0.0), value, _INDEX(0))
            zeros = ir.Constant(ir.VectorType(_INDEX, LANES), [_INDEX(0)] * LANES)
            spread = builder.shuffle_vector(one, one, zeros)

            def body(i: Any) -> None:
                builder.store(spread, builder.gep(row, [i]), align=_ROW_BYTES)

            _loop(builder, _WHOLE(0), self.vectors, body, "spread")


def _drive(module: Any, execute: Any) -> None:
    pointer = ir.PointerType
    arguments = [
        pointer(_INDEX), pointer(_WHOLE), pointer(DOUBLE), _WHOLE, _WHOLE, _WHOLE,
        pointer(pointer(DOUBLE)), pointer(_WHOLE), _WHOLE,
    ]  # fmt: skip
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), arguments), "drive")
    code, ends, rows, vectors, steps, unseen, streams, strides, offset = function.args
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    marks = [builder.load(builder.gep(ends, [_WHOLE(k)])) for k in range(4)]

    def part(k: int, t: Any) -> None:
        start = marks[k - 1] if k else _WHOLE(0)
        given = [code, start, marks[k], rows, vectors, t, streams, strides, offset]
        builder.call(execute, given)

    def step(t: Any) -> None:
        part(1, t)
        with builder.if_then(builder.icmp_signed(">=", t, unseen)):
            part(2, t)

    part(0, _WHOLE(0))
    _loop(builder, _WHOLE(0), steps, step, "step")
    part(3, _WHOLE(0))
    builder.ret_void()
