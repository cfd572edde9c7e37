"""A program with its bounds as one Python function over any number type (arrays, balls).

The same text as the compiled judge's, run without compiling: for dialects that are looked at once
(identification), for elements that escalate to ball arithmetic, and to cross-check the kernels.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType, SimpleNamespace
from typing import Any, Final

import numpy as np

from adamcheck.numerics import comparison, error_bounds
from adamcheck.numerics.double_double import SMALLEST
from adamcheck.numerics.emit import Emitter
from adamcheck.program import Program
from adamcheck.storage import STORAGE_CONSTANTS, plain


@dataclass(frozen=True)
class Backend:
    """A number type: magnitude of a value, its root, maximum, sign, choice, and the error bounds.

    ``above_zero(x)`` says whether x > 0, ``choice_of(x, a, b)`` is a where it is and b elsewhere.

    ``reciprocal_bound(a, e)`` is 1/(a - e) rounded up, infinite where e is at least half of a.
    Uniform values are computed by ``clocks`` (None: this backend) and pass through ``narrow``
    before an elementwise operation reads them.
    """

    magnitude: Callable[[Any], Any]
    root_of: Callable[[Any], Any]
    larger_of: Callable[[Any, Any], Any]
    larger: Callable[[Any, Any], Any]
    reciprocal_bound: Callable[[Any, Any], Any]
    error_bounds: Any
    above_zero: Callable[[Any], Any]
    choice_of: Callable[[Any, Any, Any], Any]
    narrow: Callable[[Any], Any] | None = None
    clocks: Backend | None = None


def _array_inverse(a: Any, e: Any) -> Any:
    return np.where(
        2.0 * e < a, error_bounds.SLACK / np.maximum(a - e, error_bounds.TINIEST), np.inf
    )


def _above_zero(x: Any) -> Any:
    return np.greater(x, 0.0)


def _choice(x: Any, a: Any, b: Any) -> Any:
    return np.where(np.greater(x, 0.0), a, b)


ARRAYS = Backend(
    np.abs, np.sqrt, np.maximum, np.maximum, _array_inverse, error_bounds, _above_zero, _choice
)


def step_source(program: Program, *, flagged: bool = False) -> str:
    """Source of ``step(k, v, e, c)``: values and bounds by input name in, by output name out.

    ``c`` holds u, us, gamma2, gamma3s, gamma6s, gamma4, eta, flush, reassociation and largest by
    attribute, and STORAGE_CONSTANTS where the spec says what is kept in which format. ``flagged``
    adds where a pair of doubles left its range, and where a bound in doubles did, by output name.
    """
    emitter = Emitter(program, paired=False)
    bounded = emitter.bounded([*emitter.targets, *program.output.values()])
    lines = [
        "def step(k, v, e, c):",
        "    u, us, gamma2, gamma4 = c.u, c.us, c.gamma2, c.gamma4",
        "    gamma3s, gamma6s = c.gamma3s, c.gamma6s",
        "    eta, flush, largest = c.eta, c.flush, c.largest",
        "    far, most = c.eta * c.reassociation[0], c.largest / c.reassociation[1]",
        "    b = k.error_bounds",
        "    total, product, quotient = b.total, b.product, b.quotient",
        "    total_or_zero, product_or_zero = b.total_or_zero, b.product_or_zero",
        "    quotient_or_zero, average_or_zero = b.quotient_or_zero, b.average_or_zero",
        "    scaled_down_or_zero, underflowed = b.scaled_down_or_zero, b.underflowed",
        "    scaled_down, radical = b.scaled_down, b.radical",
        "    average, within, larger = b.average, b.within, k.larger",
        "    chosen, rooted, inverse = b.chosen, b.rooted, b.inverse",
        "    s = k.clocks or k",
        "    root_of, larger_of, magnitude = s.root_of, s.larger_of, s.magnitude",
        "    above_zero, choice_of = s.above_zero, s.choice_of",
    ]
    if not plain(program.spec):
        lines += [f"    {name} = c.{name}" for name in STORAGE_CONSTANTS]
    lines += ["    low = False"] if flagged else []
    indices = range(len(program.ops))
    for i in (i for i in indices if i in program.uniform):
        lines += _value(program, emitter, i)
        if program.ops[i].kind != "input":
            lines.append(f"    e{i} = {emitter.scalar_bound(i)}")
        if i in emitter.divisors:
            a, e = emitter.inverse(i)
            lines.append(f"    n{i} = within(k.reciprocal_bound({a}, {e}), 0.0, largest)")
    lines += [f"    w{i} = h{i}" for _, i in program.outputs if i in program.uniform]
    lines += ["    if k.narrow is not None:", "        pass"]
    read = [i for i in emitter.scalars if program.ops[i].kind != "const"]
    lines += [f"        h{i} = k.narrow(h{i})" for i in read]
    lines += [f"    r{i} = 1.0 / h{i}" for i in sorted(emitter.divisors)]
    lines.append("    root_of, larger_of, magnitude = k.root_of, k.larger_of, k.magnitude")
    lines.append("    above_zero, choice_of = k.above_zero, k.choice_of")
    for i in (i for i in indices if i not in program.uniform):
        lines += _value(program, emitter, i)
        flags = emitter.out_of_range(i, "magnitude") if flagged else []
        if i in bounded:
            lines.append(f"    e{i} = {emitter.bound(i)}")
        lines += [f"    {line}" for line in flags]
    letter = {i: "w" if i in program.uniform else "h" for _, i in program.outputs}
    values = ", ".join(f"{name!r}: {letter[i]}{i}" for name, i in program.outputs)
    bounds = ", ".join(f"{name!r}: e{i}" for name, i in program.outputs)
    alone = program.uniform
    faint = ", ".join(
        f"{name!r}: {emitter.faint(i)}" for name, i in program.outputs if i not in alone
    )
    more = f", low, {{{faint}}}" if flagged else ""
    return "\n".join(_read([*lines, f"    return {{{values}}}, {{{bounds}}}{more}"])) + "\n"


def _read(lines: list[str]) -> list[str]:
    """The lines without the magnitudes that no other line reads."""
    found = Counter(name for line in lines for name in re.findall(r"\ba\d+\b", line))
    return [line for line in lines if not (own := _MAGNITUDE.match(line)) or found[own[1]] > 1]


_MAGNITUDE: Final = re.compile(r"    (a\d+) = magnitude\(")


def _value(program: Program, emitter: Emitter, i: int) -> list[str]:
    op = program.ops[i]
    if op.kind == "input":
        name = repr(op.name)
        return [f"    h{i} = v[{name}]; e{i} = e[{name}]", f"    a{i} = magnitude(h{i})"]
    return [f"    {emitter.value(i)}", f"    a{i} = magnitude(h{i})"]


@lru_cache(maxsize=2048)
def step_function(program: Program, *, flagged: bool = False) -> Callable[..., Any]:
    """The function of ``step_source``."""
    scope: dict[str, Any] = {
        "SMALLEST": SMALLEST,
        "faint": comparison.faint,
        "unswallowed": comparison.unswallowed,
    }
    source = step_source(program, flagged=flagged)
    exec(compile(source, f"<rule {program.spec}>", "exec"), scope)
    function: Callable[..., Any] = scope["step"]
    return function


def constants(
    *,
    u: Any,
    us: Any,
    eta: Any,
    flush: Any,
    largest: Any,
    reassociation: Any,
    stored: Mapping[str, Any] = MappingProxyType({}),
) -> SimpleNamespace:
    """The format's constants in the form that ``step`` reads; ``stored``: STORAGE_CONSTANTS."""
    return SimpleNamespace(
        **stored,
        u=u,
        us=us,
        gamma2=2 * u / (1 - 2 * u),
        gamma3s=3 * us / (1 - 3 * us),
        gamma6s=6 * us / (1 - 6 * us),
        gamma4=4 * u / (1 - 4 * u),
        eta=eta,
        flush=flush,
        largest=largest,
        reassociation=reassociation,
    )


def carry(program: Program, values: Mapping[str, Any]) -> dict[str, Any]:
    """The next step's state inputs among the outputs of this one."""
    return {name: values[name] for name, _ in program.outputs if name.startswith("s.")}
