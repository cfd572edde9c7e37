"""The block machine: one compiled function that runs any program, an operation at a time.

Values live in rows of a block ``[rows, lanes]``; an instruction is an opcode and the rows that it
writes and reads, and works through its lanes before the next one starts. So a program is data: no
program is ever compiled, and what an instruction costs to start is shared by a block's elements.
The error bounds come from error_bounds.py word for word. LLVM compiles the machine when it is first
asked for, in a fraction of a second: nothing is kept on disk.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from typing import Final

from adamcheck.numerics import assembly

_ADDRESS, _WHOLE = ctypes.c_void_p, ctypes.c_int64
KIND: Final = ctypes.CFUNCTYPE(
    None, _ADDRESS, _ADDRESS, _ADDRESS, _WHOLE, _WHOLE, _WHOLE, _ADDRESS, _ADDRESS, _WHOLE
)
"""How compiled programs are called; the interpreter lock is free meanwhile."""


@cache
def run() -> Callable[..., None]:
    """The machine: run(code, ends, rows, vectors, steps, unseen, streams, strides, offset).

    Addresses of: code uint32 [K, WIDTH]; ends int64 [4]; rows float64 [R, 8·vectors], aligned to
    64 bytes; streams [S]; strides int64 [S], in numbers a step. Instructions before ends[0] run
    once, before ends[1] at every step, before ends[2] at every step from ``unseen`` on, before
    ends[3] once at the end. ``offset`` numbers of each stream are passed over.
    """
    machine: Callable[..., None] = KIND(assembly.entry())
    return machine
