"""A correctly rounded a·b + c over arrays, for the orders that contract multiply and add.

float64: the processor's own instruction, or the C library's function where it has none. Narrower
formats: the product is exact in float64 and the sum is rounded to odd there, so that rounding it to
the format is correct.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from typing import Any, Final

import ml_dtypes
import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


def fma(a: Any, b: Any, c: Any, dtype: Any) -> Array:
    """Round a·b + c once to ``dtype``; operands are arrays or scalars of that format."""
    kind = np.dtype(dtype)
    parts = [np.asarray(x, np.float64, "C") for x in (a, b, c)]
    out = np.empty(np.broadcast(*parts).shape)
    parts = [_spread(x, out.shape) for x in parts]
    how = "once" if kind == np.float64 else "odd32" if kind == ml_dtypes.bfloat16 else "odd"
    if out.size:
        addresses = [_address(x) for x in (*parts, out)]
        _loop(how)(out.size, *addresses, *(x.ndim > 0 for x in parts))
    return out if how == "once" else out.astype(kind)


def _spread(x: Array, shape: tuple[int, ...]) -> Array:
    """Numbers for every place; one for all of them stays one."""
    if x.shape in ((), shape):
        return x
    return np.ascontiguousarray(np.broadcast_to(x, shape))


def _address(x: Array) -> int:
    """Where an array's numbers stand; asked of its buffer, which is faster than asking NumPy."""
    if not x.flags.writeable:
        return int(x.ctypes.data)
    return ctypes.addressof(ctypes.c_char.from_buffer(x.data))


_ADDRESS, _WHOLE = ctypes.c_void_p, ctypes.c_int64
_KIND: Final = ctypes.CFUNCTYPE(
    None, _WHOLE, _ADDRESS, _ADDRESS, _ADDRESS, _ADDRESS, _WHOLE, _WHOLE, _WHOLE
)


@cache
def _loop(how: str) -> Callable[..., None]:
    """loop(n, a, b, c, out, strides of a, b and c), compiled: addresses of float64.

    how: once, rounded to float64; odd, rounded to odd there; odd32, and from there to odd in
    float32, which is what a conversion to bfloat16 passes through.
    """
    from llvmlite import ir

    from adamcheck.numerics.assembly import address_of, counted_loop, empty_module

    double, whole, single, half = ir.DoubleType(), ir.IntType(64), ir.FloatType(), ir.IntType(32)
    array = ir.PointerType(double)
    module = empty_module()
    arguments = [whole, array, array, array, array, whole, whole, whole]
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), arguments), "loop")
    n, *arrays, out, first, second, third = function.args
    builder = ir.IRBuilder(function.append_basic_block())

    def to_odd(rounded: Any, exact_is_above: Any, inexact: Any, bits: Any) -> Any:
        """The neighbour of a rounded number on the exact one's side, if its last bit is 0."""
        written = builder.bitcast(rounded, bits)
        even = builder.icmp_unsigned("==", builder.and_(written, bits(1)), bits(0))
        negative = builder.icmp_signed("<", written, bits(0))  # by its sign bit: it may be zero
        outward = builder.icmp_unsigned("!=", exact_is_above, negative)
        moved = builder.select(
            outward, builder.add(written, bits(1)), builder.sub(written, bits(1))
        )
        chosen = builder.select(builder.and_(inexact, even), moved, written)
        return builder.bitcast(chosen, rounded.type)

    def body(i: Any) -> None:
        strides = (first, second, third)
        a, b, c = (
            builder.load(builder.gep(x, [builder.mul(i, s)]))
            for x, s in zip(arrays, strides, strict=True)
        )
        if how == "once":
            value = builder.fma(a, b, c)
        else:
            # Knuth's sum: what is lost in rounding it, exactly
            product = builder.fmul(a, b)
            s = builder.fadd(product, c)
            t = builder.fsub(s, product)
            left = builder.fsub(product, builder.fsub(s, t))
            error = builder.fadd(left, builder.fsub(c, t))
            above = builder.fcmp_ordered(">", error, double(0.0))
            value = to_odd(s, above, builder.fcmp_ordered("!=", error, double(0.0)), whole)
        if how == "odd32":
            narrow = builder.fptrunc(value, single)
            back = builder.fpext(narrow, double)
            size = builder.call(builder.module.declare_intrinsic("llvm.fabs", [double]), [back])
            finite = builder.fcmp_ordered("<", size, double(float("inf")))
            inexact = builder.and_(finite, builder.fcmp_ordered("!=", back, value))
            above = builder.fcmp_ordered(">", value, back)
            value = builder.fpext(to_odd(narrow, above, inexact, half), double)
        builder.store(value, builder.gep(out, [i]))

    counted_loop(builder, whole(0), n, body)
    builder.ret_void()
    return _KIND(address_of(module, "loop"))
