"""Straight-line Python functions as vector code: error_bounds.py for eight lanes at once.

Translates the few things that such functions are made of (arithmetic, comparisons, selections,
calls of each other) into LLVM's instructions, one for one: nothing is reordered, and every lane
computes what NumPy's float64 would. Only in functions that compute bounds a product is added
without being rounded itself, by a fused multiply-add: fewer roundings than SLACK pays for.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Mapping
from typing import Any, Final

from llvmlite import ir

LANES: Final = 8
DOUBLE: Final = ir.DoubleType()
VECTOR: Final = ir.VectorType(DOUBLE, LANES)
_BITS: Final = ir.VectorType(ir.IntType(1), LANES)
_ARITHMETIC: Final = {ast.Add: "fadd", ast.Sub: "fsub", ast.Mult: "fmul", ast.Div: "fdiv"}
_LOGIC: Final = {ast.BitAnd: "and_", ast.BitOr: "or_", ast.And: "and_", ast.Or: "or_"}
_ORDERS: Final = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "=="}


class UntranslatableError(Exception):
    """A text that uses more of Python than is translated."""


def number(value: float) -> Any:
    """A constant in all lanes."""
    return ir.Constant(VECTOR, [ir.Constant(DOUBLE, float(value))] * LANES)


def spread(builder: Any, value: Any) -> Any:
    """One number in all lanes."""
    index = ir.IntType(32)
    one = builder.insert_element(number(0.0), value, index(0))
    zeros = ir.Constant(ir.VectorType(index, LANES), [index(0)] * LANES)
    return builder.shuffle_vector(one, one, zeros)


class Translator:
    """Emits code for expressions; ``functions`` may be called, ``constants`` are known by name.

    ``bounds`` may be called too; their sums of products are fused.
    """

    def __init__(
        self,
        builder: Any,
        functions: tuple[Callable[..., Any], ...],
        bounds: tuple[Callable[..., Any], ...],
        constants: Mapping[str, float],
    ) -> None:
        self.builder = builder
        self._constants = constants
        self._functions = {f.__name__: _parsed(f) for f in functions}
        self._functions |= {f.__name__: fused(f) for f in bounds}
        self._builtin = {
            "select": builder.select,
            "choice_of": self._choice,
            "larger": lambda x, y: self._first(">", x, y),
            "smaller": lambda x, y: self._first("<", x, y),
            "root": lambda x: self._intrinsic("llvm.sqrt", x),
            "sqrt": lambda x: self._intrinsic("llvm.sqrt", x),
            "abs": lambda x: self._intrinsic("llvm.fabs", x),
            "fma": lambda x, y, z: self._intrinsic("llvm.fma", x, y, z),
        }

    def evaluate(self, text: str, names: Mapping[str, Any]) -> Any:
        """The vector, or tuple of them, that an expression stands for."""
        return self._expression(ast.parse(text, mode="eval").body, names)

    def _expression(self, node: ast.expr, names: Mapping[str, Any]) -> Any:
        match node:
            case ast.Constant(value=int() | float() as value):
                return number(value)
            case ast.Name(id=name):
                return names[name] if name in names else number(self._constants[name])
            case ast.Attribute(value=ast.Name(id="np"), attr="inf"):
                return number(float("inf"))
            case ast.Tuple(elts=parts):
                return tuple(self._expression(x, names) for x in parts)
            case ast.UnaryOp(op=ast.USub(), operand=x):
                return self.builder.fneg(self._expression(x, names))
            case ast.BinOp(left=left, op=op, right=right):
                table = _ARITHMETIC | _LOGIC
                return self._joined(table[type(op)], [left, right], names)
            case ast.BoolOp(op=op, values=values):
                return self._joined(_LOGIC[type(op)], values, names)
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                x, y = self._expression(left, names), self._expression(right, names)
                return self.builder.fcmp_ordered(_ORDERS[type(op)], x, y)
            case ast.IfExp(test=test, body=body, orelse=other):
                return self.builder.select(
                    *(self._expression(x, names) for x in (test, body, other))
                )
            case ast.Call(func=ast.Name(id=name), args=args, keywords=[]):
                return self._call(name, [self._expression(x, names) for x in args])
        raise UntranslatableError(f"cannot translate {ast.unparse(node)}")

    def _joined(self, method: str, parts: list[ast.expr], names: Mapping[str, Any]) -> Any:
        first, *others = (self._expression(x, names) for x in parts)
        for other in others:
            first = getattr(self.builder, method)(first, other)
        return first

    def _call(self, name: str, values: list[Any]) -> Any:
        if name in self._builtin:
            return self._builtin[name](*values)
        if name not in self._functions:
            raise UntranslatableError(f"cannot translate a call of {name}")
        function = self._functions[name]
        names = dict(zip((a.arg for a in function.args.args), values, strict=True))
        for line in function.body:
            match line:
                case ast.Expr(value=ast.Constant()):
                    continue
                case ast.Assign(targets=[ast.Name(id=target)], value=value):
                    names[target] = self._expression(value, names)
                case ast.Assign(targets=[ast.Tuple(elts=targets)], value=value):
                    found = self._expression(value, names)
                    for one, part in zip(targets, found, strict=True):
                        assert isinstance(one, ast.Name)
                        names[one.id] = part
                case ast.Return(value=ast.expr() as value):
                    return self._expression(value, names)
                case _:
                    raise UntranslatableError(f"cannot translate {ast.unparse(line)}")
        raise UntranslatableError(f"{name} returns nothing")

    def _choice(self, x: Any, a: Any, b: Any) -> Any:
        return self.builder.select(self.builder.fcmp_ordered(">", x, number(0.0)), a, b)

    def _first(self, order: str, x: Any, y: Any) -> Any:
        """x where it is first or no number, else y: no number wherever one of the two is none."""
        first = self.builder.fcmp_ordered(order, x, y)
        none = self.builder.fcmp_unordered("uno", x, x)
        return self.builder.select(self.builder.or_(first, none), x, y)

    def _intrinsic(self, name: str, *values: Any) -> Any:
        module = self.builder.module
        kind = ir.FunctionType(VECTOR, [VECTOR] * len(values))
        full = f"{name}.v{LANES}f64"
        function = module.globals.get(full) or ir.Function(module, kind, full)
        return self.builder.call(function, values)

    def any_but_zero(self, x: Any) -> Any:
        """One bit: whether some lane is not 0."""
        module = self.builder.module
        full = f"llvm.vector.reduce.or.v{LANES}i1"
        kind = ir.FunctionType(ir.IntType(1), [_BITS])
        function = module.globals.get(full) or ir.Function(module, kind, full)
        return self.builder.call(function, [self.builder.fcmp_unordered("!=", x, number(0.0))])


class _Fusing(ast.NodeTransformer):
    """c + a·b and a·b + c become fma(a, b, c)."""

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        for product, other in ((node.right, node.left), (node.left, node.right)):
            match node.op, product:
                case ast.Add(), ast.BinOp(left=a, op=ast.Mult(), right=b):
                    return ast.Call(ast.Name("fma", ast.Load()), [a, b, other], [])
        return node


def fused(function: Callable[..., Any]) -> ast.FunctionDef:
    """The text of a function with a fused multiply-add for every product that is added."""
    found: ast.FunctionDef = _Fusing().visit(_parsed(function))
    return found


def _parsed(function: Callable[..., Any]) -> ast.FunctionDef:
    (found,) = ast.parse(textwrap.dedent(inspect.getsource(function))).body
    assert isinstance(found, ast.FunctionDef)
    return found
