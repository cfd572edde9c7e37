"""Compiled kernels that return values with their running bounds instead of a judgement.

The same emitted text as the judge's; for enclosures, vectors and what a rung costs by itself.
"""

from __future__ import annotations

from functools import lru_cache
from types import ModuleType

from adamcheck.interpret import compiled
from adamcheck.interpret.compiled import BLOCK
from adamcheck.interpret.emit import Emitter
from adamcheck.program import Program


def enclose_source(program: Program, rung: str, quantities: tuple[str, ...]) -> str:
    """Source of ``enclose(g, theta, start, table, fold, fmt, values, lows, radii, tiny)``.

    Arguments as for ``judge``; values, lows (double-double only) and radii are [Q, T, N], tiny [N]
    is 1 where a product, or a bound, left the range of double-double.
    """
    dd = rung == "dd"
    emitter = Emitter(program, paired=dd)
    parts = "hle" if dd else "he"
    w = [
        "@njit(cache=True, parallel=True, error_model='numpy')",
        "def enclose(g, theta, start, table, fold, fmt, values, lows, radii, tiny_out):",
        "    steps, count = g.shape",
        "    u, gamma2, gamma4, eta, largest, kept, margin = fmt",
        f"    for b in prange((count + {BLOCK - 1}) // {BLOCK}):",
        f"        first = b * {BLOCK}",
        f"        n = min({BLOCK}, count - first)",
        f"        tiny = np.zeros({BLOCK})",
    ]
    for k, m in enumerate(program.moments):
        w += [f"        S{m}{x} = np.zeros({BLOCK})" for x in parts]
        w.append(f"        for i in range(n): S{m}h[i] = start[{k}, first + i]")
    w.append("        for t in range(steps):")
    w += [" " * 12 + line for line in compiled.scalar_lines(program, emitter)]
    w.append("            for i in range(n):")
    outputs = [program.output[q if q in program.output else f"s.{q}"] for q in quantities]
    inner = compiled.element_lines(program, emitter, outputs)
    inner += ["tiny[i] = select(faint, 1.0, tiny[i])"] if dd else []
    for q, i in enumerate(outputs):
        inner += [f"values[{q}, t, first + i] = h{i}", f"radii[{q}, t, first + i] = e{i}"]
        inner += [f"lows[{q}, t, first + i] = l{i}"] if dd else []
    for m in program.moments:
        i = program.output[f"s.{m}"]
        inner += [f"S{m}{x}[i] = {x}{i}" for x in parts]
    w += [" " * 16 + line for line in inner]
    w.append("        for i in range(n): tiny_out[first + i] = tiny[i]")
    return "\n".join(w) + "\n"


@lru_cache(maxsize=128)
def kernels(program: Program, rung: str, quantities: tuple[str, ...]) -> ModuleType:
    """Return the module with ``uniform`` and ``enclose``; compiled once an installation."""
    return compiled.load(
        compiled.header(program, rung)
        + compiled.uniform_source(program)
        + "\n"
        + enclose_source(program, rung, quantities)
    )
