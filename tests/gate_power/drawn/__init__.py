"""The kinds of cases that a campaign draws: a module of this folder each, found by its name.

A kind's module has ``mutant(seed, index, dtype, specs) -> Case`` and an honest twin of the same
signature, both fixed by their arguments alone. It may have ``apart(case, result) -> (fate, why)``
for a mutant that no check has failed (a fate of outcomes.SET_ASIDE with its evidence, or
"survived"), and ``named(case, failed, found) -> (bool, said)``: whether what was said of a kill is
its reason, from the check that failed and the identification (None where there is none).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules

from adamcheck.result import CheckResult, Identification, Result

from ..cases import ARITHMETIC, Case

Draw = Callable[[int, int, str, tuple[str, ...]], Case]


@dataclass(frozen=True)
class Kind:
    """What a module of this folder draws (see above)."""

    name: str
    mutant: Draw
    honest: Draw
    apart: Callable[[Case, Result], tuple[str, str]] | None = None
    named: Callable[[Case, CheckResult, Identification | None], tuple[bool, str]] | None = None


def kinds() -> tuple[str, ...]:
    """The names of all kinds, arithmetic first."""
    found = (module.name for module in iter_modules(__path__))
    return tuple(sorted(found, key=lambda name: (name != ARITHMETIC, name)))


def kind_named(name: str) -> Kind:
    """The kind that a module of this folder is."""
    module = import_module(f"{__name__}.{name}")
    apart, named = (getattr(module, optional, None) for optional in ("apart", "named"))
    return Kind(name, module.mutant, module.honest, apart, named)
