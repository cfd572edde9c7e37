"""A program with its bounds as one Python function over any number type (arrays, balls).

The same text as the compiled judge's, run without compiling: for dialects that are looked at once
(identification), for elements that climb to ball arithmetic, and to cross-check the kernels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

import numpy as np

from adamcheck.interpret import charges
from adamcheck.interpret.emit import Emitter
from adamcheck.program import Program


@dataclass(frozen=True)
class Kit:
    """A number type: magnitude of a value, its root and maximum, and the charges over bounds.

    ``reciprocal_bound(a, e)`` is 1/(a - e) rounded up, infinite where e is at least half of a.
    """

    magnitude: Callable[[Any], Any]
    root_of: Callable[[Any], Any]
    larger_of: Callable[[Any, Any], Any]
    larger: Callable[[Any, Any], Any]
    reciprocal_bound: Callable[[Any, Any], Any]
    charges: Any


def _array_inverse(a: Any, e: Any) -> Any:
    return np.where(2.0 * e < a, charges.SLACK / np.maximum(a - e, charges.TINIEST), np.inf)


ARRAYS = Kit(np.abs, np.sqrt, np.maximum, np.maximum, _array_inverse, charges)


def step_source(program: Program) -> str:
    """Source of ``step(k, v, e, c)``: values and bounds by input name in, by output name out.

    ``c`` holds u, us, gamma2, gamma3s, gamma4, eta, fold and largest by attribute.
    """
    emitter = Emitter(program, paired=False)
    bounded = emitter.bounded([*emitter.targets, *program.output.values()])
    lines = [
        "def step(k, v, e, c):",
        "    u, us, gamma2, gamma3s, gamma4 = c.u, c.us, c.gamma2, c.gamma3s, c.gamma4",
        "    eta, largest, far, most = c.eta, c.largest, c.eta * c.fold, c.largest / c.fold",
        "    total, product, quotient = k.charges.total, k.charges.product, k.charges.quotient",
        "    scaled_down, radical = k.charges.scaled_down, k.charges.radical",
        "    average, within, larger = k.charges.average, k.charges.within, k.larger",
        "    root_of, larger_of, magnitude = k.root_of, k.larger_of, k.magnitude",
    ]
    for i, op in enumerate(program.ops):
        if op.kind == "input":
            lines.append(f"    h{i} = v[{op.name!r}]; e{i} = e[{op.name!r}]; a{i} = magnitude(h{i})")
            continue
        lines += [f"    {emitter.value(i)}", f"    a{i} = magnitude(h{i})"]
        if i in program.uniform:
            lines.append(f"    e{i} = {emitter.scalar_bound(i)}")
            if i in emitter.divisors:
                lines.append(f"    n{i} = k.reciprocal_bound(a{i}, e{i})")
        elif i in bounded:
            lines.append(f"    e{i} = {emitter.bound(i)}")
    values = ", ".join(f"{name!r}: h{i}" for name, i in program.outputs)
    bounds = ", ".join(f"{name!r}: e{i}" for name, i in program.outputs)
    return "\n".join([*lines, f"    return {{{values}}}, {{{bounds}}}"]) + "\n"


@lru_cache(maxsize=2048)
def step_function(program: Program) -> Callable[..., Any]:
    """The function of ``step_source``."""
    scope: dict[str, Any] = {}
    exec(compile(step_source(program), f"<rule {program.spec}>", "exec"), scope)
    function: Callable[..., Any] = scope["step"]
    return function


def constants(*, u: Any, us: Any, eta: Any, largest: Any, fold: Any) -> SimpleNamespace:
    """The format's constants in the form that ``step`` reads."""
    return SimpleNamespace(
        u=u,
        us=us,
        gamma2=2 * u / (1 - 2 * u),
        gamma3s=3 * us / (1 - 3 * us),
        gamma4=4 * u / (1 - 4 * u),
        eta=eta,
        largest=largest,
        fold=fold,
    )


def carry(program: Program, values: Mapping[str, Any]) -> dict[str, Any]:
    """The next step's state inputs among the outputs of this one."""
    return {name: values[name] for name, _ in program.outputs if name.startswith("s.")}
