"""The verdict as a person reads it in a terminal or a log; every width, with and without colour."""

from __future__ import annotations

from collections.abc import Iterable

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from rich.text import Text

from adamcheck.reports import horizon, summary
from adamcheck.result import Result, Verdict
from adamcheck.text import visible
from adamcheck.witness import snippet

DETAILED = 3
"""Failing checks that are shown whole; of the others a line is said, and files hold them all."""
_COLOURS = {
    "passed": "green",
    "failed": "bold red",
    "stale-waiver": "bold red",
    "error": "bold red",
    "waived": "yellow",
    "inconclusive": "yellow",
    "skipped": "dim",
}
_GOOD, _BAD = "bold green", "bold red"
_VERDICTS = {
    Verdict.CONFORMS: _GOOD,
    Verdict.HELD: "bold yellow",
    Verdict.DEVIATES: _BAD,
    Verdict.ERROR: _BAD,
}


def render(result: Result, console: Console, *, kept_in: str = "") -> None:
    """Print a result; ``kept_in`` is the JSON file from which its witnesses can be replayed."""
    _heading(result, console)
    if result.checks:
        _table(result, console)
    failing = summary.groups(result, summary.BAD)
    for group in failing[:DETAILED]:
        _failure(group, result, console, kept_in)
    for group in failing[DETAILED:]:
        _line(group, console)
    if len(failing) > DETAILED:
        _print(console, f"(details of {DETAILED} of {len(failing)}; --markdown F holds all)")
    _others(result, console)
    rows = summary.findings(result)
    if rows:
        console.print()
    for name, dtypes, message in rows:
        _print(console, f"finding {name} [{dtypes}]: {message}", "cyan")
    console.print()
    if looked := horizon.lines(result.horizons):
        console.print(grid(looked))
    _print(console, summary.ran(result))
    # the verdict is one line whatever the width, so that a script can read it
    last = Text(visible(summary.verdict(result)), style=_VERDICTS[result.verdict])
    console.print(last, soft_wrap=True)


def grid(rows: Iterable[tuple[str, str]], *, indent: int = 0) -> Table:
    """Labels and texts in two columns; long texts wrap inside theirs."""
    table = Table.grid(padding=(0, 2, 0, indent), expand=False)
    table.add_column(no_wrap=True, style="dim")
    table.add_column(overflow="fold")
    for label, text in rows:
        table.add_row(Text(label), Text(visible(text)))
    return table


def _heading(result: Result, console: Console) -> None:
    adapter = f" ({result.adapter})" if result.adapter else ""
    rows = [
        ("target", f"{result.target}{adapter}"),
        ("claimed", summary.claimed(result)),
        ("found", summary.found(result)),
        ("differs", summary.differs(result.identified)),
        ("defaults", summary.defaults(result.defaults)),
        ("run", summary.settings(result)),
        ("scope", summary.scope(result)),
        ("declared", summary.declared(result)),
        ("decided", summary.decided(result)),
        ("with", summary.environment(result)),
        ("error", result.error),
    ]
    console.print(grid((label, text) for label, text in rows if text))
    line = Text("verdict  ", style="dim")
    said = "stale waivers" if summary.only_stale(result) else summary.word(result)
    line.append(said.upper(), style=_VERDICTS[result.verdict])
    console.print(line)


def _table(result: Result, console: Console) -> None:
    table = Table(box=SIMPLE, pad_edge=False, show_edge=False)
    table.add_column("family", overflow="fold")
    for dtype in summary.dtypes_of(result):
        table.add_column(visible(dtype), overflow="fold")
    for family, cells in summary.outcomes(result):
        table.add_row(Text(visible(family)), *(_cell(phrases) for phrases in cells))
    console.print()
    console.print(table)


def _cell(phrases: list[str]) -> Text:
    cell = Text()
    for number, phrase in enumerate(phrases):
        cell.append(("\n" if number else "") + phrase, style=_COLOURS[phrase.split()[1]])
    return cell


def _failure(group: summary.Group, result: Result, console: Console, kept_in: str) -> None:
    check = group.shown
    console.print()
    _print(console, f"{check.name} {check.status.value} [{check.dtype}]", "bold red")
    rows = summary.facts(check)
    if group.others:
        rows.append(("also", summary.also(group)))
    console.print(grid(rows, indent=2))
    if check.witness is None:
        return
    target = visible(result.target)
    pasteable = snippet(check.witness, result.target, result.options)
    if pasteable:
        _print(console, "  reproduce in Python:")
        # flush left and never wrapped, so that it can be copied as it stands
        for line in pasteable.split("\n"):
            console.print(Text(visible(line)), soft_wrap=True)
    if kept_in:
        line = f"  replay: adamcheck check {target} --replay {visible(kept_in)} --only {check.name}"
        console.print(Text(line), soft_wrap=True)
    else:
        _print(console, "  replay: run again with --json F, then adamcheck check … --replay F")


def _line(group: summary.Group, console: Console) -> None:
    check = group.shown
    dtypes = ", ".join(summary.in_order(c.dtype for c in (check, *group.others)))
    _print(console, f"{check.name} {check.status.value} [{dtypes}] {check.message}", "red")


def _others(result: Result, console: Console) -> None:
    rows = summary.others(result)
    if rows:
        console.print()
    for status, names, why in rows:
        _print(console, f"{status.value}: {names}: {why}", _COLOURS[status.value])


def _print(console: Console, text: str, style: str = "") -> None:
    console.print(Text(visible(text), style=style, overflow="fold"))
