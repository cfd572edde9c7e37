"""``adamcheck list`` and ``adamcheck explain``: what the registry and the theorems say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from rich.text import Text

from adamcheck.checks.registry import Check, all_checks
from adamcheck.cli.output import draw
from adamcheck.errors import UsageError, closest
from adamcheck.proof.catalogue import theorem_statements
from adamcheck.proof.coverage import written
from adamcheck.proof.library import theorem, theorem_names
from adamcheck.proof.theorem import Theorem
from adamcheck.removed import REMOVED
from adamcheck.reports.dialects import alias_table, dialect_table, storage_table
from adamcheck.reports.terminal import grid
from adamcheck.spec import ALIASES, CONVENTIONS

SAME = ("decay", "maximize", "scalars")
"""Switches that mean the same everywhere and are listed once."""


def run_list() -> None:
    """Print the checks by family, then the conventions of a spec."""
    draw(_list)


def _list(console: Console) -> None:
    for family in dict.fromkeys(check.family for check in all_checks()):
        rows = [(c.id, c.law, ", ".join(c.profiles)) for c in all_checks() if c.family == family]
        _table(console, f"checks: {family}", ("id", "law", "profiles"), rows)
    _table(console, "specs", ("name", "meaning"), alias_table())
    for algorithm in CONVENTIONS:
        rows = [
            row for row in dialect_table(algorithm) if algorithm == "adam" or row[0] not in SAME
        ]
        if rows:
            _table(console, f"conventions of {algorithm}", ("switch", "word", "meaning"), rows)
    console.print(Text(f"{', '.join(SAME)}: in every algorithm as in adam"))
    console.print()
    _table(console, "storage, of every algorithm", ("switch", "word", "meaning"), storage_table())
    _table(console, "theorems", ("slug", "statement"), theorem_statements().items())
    console.print(Text("adamcheck explain ID says more of a check or a theorem"))


def run_explain(name: str) -> None:
    """Print a check with the theorem behind it, or a theorem with the checks that rest on it."""
    check = next((check for check in all_checks() if check.id.lower() == name.lower()), None)
    slugs = theorem_names()
    if check is not None:
        behind = theorem(check.theorem) if check.theorem in slugs else None
        draw(lambda console: _check(console, check, behind))
    elif name.lower() in slugs:
        shown = theorem(name)
        draw(lambda console: _theorem(console, shown))
    elif name.upper() in REMOVED:
        draw(lambda console: _removed(console, name.upper()))
    elif name.lower() in ALIASES:
        raise UsageError(f"{name!r} is a spec; 'adamcheck list' shows what its conventions mean")
    else:
        known = [*(check.id for check in all_checks()), *slugs]
        hint = closest(name.upper(), known) or closest(name.lower(), known)
        raise UsageError(f"unknown check or theorem {name!r}; 'adamcheck list' shows them.{hint}")


def _check(console: Console, check: Check, behind: Theorem | None) -> None:
    console.print(Text(f"{check.id}  {check.title}", style="bold"))
    rows = [
        ("law", check.law),
        ("clause", check.clause),
        ("theorem", check.theorem if behind is None else f"{check.theorem}: {behind.title}"),
        ("states", theorem_statements().get(check.theorem, "")),
        ("source", "" if behind is None else behind.source),
        ("proved for", "" if behind is None else written(behind.covers)),
        ("family", check.family),
        ("rules", ", ".join(check.algorithms)),
        ("profiles", ", ".join(check.profiles)),
        ("proof", f"adamcheck prove {check.theorem}" if check.theorem else ""),
        ("run it", f"adamcheck check TARGET --only {check.id}"),
    ]
    console.print(grid(((label, text) for label, text in rows if text), indent=2))


def _removed(console: Console, id: str) -> None:
    console.print(Text(f"{id}  is no check any more", style="bold"))
    console.print(Text(REMOVED[id], style=""))


def _theorem(console: Console, shown: Theorem) -> None:
    console.print(Text(f"{shown.slug}  {shown.title}", style="bold"))
    resting = [check.id for check in all_checks() if check.theorem == shown.slug]
    rows = [
        ("states", theorem_statements()[shown.slug] or _line(shown.statement)),
        ("source", shown.source),
        ("refutes", shown.refutes),
        ("covers", written(shown.covers)),
        ("checks", ", ".join(resting) or "none"),
        ("proof", f"adamcheck prove {shown.slug}"),
    ]
    console.print(grid(((label, text) for label, text in rows if text), indent=2))


def _line(text: str) -> str:
    """Text that was wrapped in its source file, as one line for the console to wrap."""
    return " ".join(text.split())


def _table(
    console: Console, title: str, head: Sequence[str], rows: Iterable[Sequence[str]]
) -> None:
    table = Table(box=SIMPLE, pad_edge=False, show_edge=False)
    for number, name in enumerate(head):
        table.add_column(name, overflow="fold", no_wrap=number == 0 and len(head) > 2)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console.print(Text(title, style="bold"))
    console.print(table)
    console.print()
