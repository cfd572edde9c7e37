"""What was identified: for the terminal, and as the JSON document of ``adamcheck identify``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from rich.text import Text

from adamcheck._version import __version__
from adamcheck.declared import Declared
from adamcheck.errors import UsageError
from adamcheck.formats import format_named
from adamcheck.reports import summary
from adamcheck.reports.dialects import describe
from adamcheck.reports.documents import defaults_document, identification_document
from adamcheck.reports.terminal import grid
from adamcheck.result import Identification
from adamcheck.spec import parse_spec
from adamcheck.text import visible

if TYPE_CHECKING:
    from adamcheck.identify import IdentifyReport

SHOWN: Final = 6
"""Candidates that are listed; the JSON file holds all."""


def document(target: str, dtype: str, report: IdentifyReport) -> dict[str, Any]:
    """The report as plain data; ``dtype`` is that of the runs."""
    found = report.identification
    return {
        "schema": "adamcheck.identification/1",
        "adamcheck": __version__,
        "target": target,
        "dtype": dtype,
        "error": report.error,
        "findings": [
            {"name": f.name, "dtype": f.dtype, "message": f.message} for f in report.findings
        ],
        "defaults": defaults_document(report.defaults),
        "identified": None if found is None else identification_document(found),
        "environment": {str(k): str(v) for k, v in report.environment.items()},
    }


def show(
    target: str, dtype: str, report: IdentifyReport, found: Identification, console: Console
) -> None:
    """Print what was found, the candidates and the findings."""
    rows = [
        ("target", target),
        ("dtype", dtype),
        ("found", summary.evidence(found)),
        ("meaning", meaning(found.spec) if found.kind == "dialect" else ""),
        ("from adam" if found.kind == "dialect" else "differs", summary.differs(found)),
        ("defaults", summary.defaults(report.defaults)),
    ]
    console.print(grid((label, text) for label, text in rows if text))
    if found.candidates:
        table = Table(box=SIMPLE, pad_edge=False, show_edge=False)
        table.add_column("candidate", overflow="fold")
        some = any(deviation <= 1.0 for _, deviation in found.candidates)
        if some:
            table.add_column("largest deviation, × envelope", justify="right")
        table.add_column("movement left open", justify="right")
        for spec, deviation in found.candidates[:SHOWN]:
            fits = [f"{deviation:.3g}" if deviation <= 1.0 else ""] if some else []
            share = max(deviation - 1.0, 0.0) * format_named(dtype).u
            table.add_row(Text(_lines(visible(spec))), *fits, summary.open_share(share))
        console.print()
        console.print(table)
    if report.findings:
        console.print()
    for finding in report.findings:
        line = f"finding {finding.name} [{finding.dtype}]: {finding.message}"
        console.print(Text(visible(line), style="cyan"))
    console.print()
    last = found.spec if found.kind == "dialect" else summary.evidence(found)
    if found.edit is not None:
        last = f"{found.spec} with one change: {found.edit.text}"
    if found.fixed:
        fixed = Declared(fixed={name: value for name, (value, *_) in found.fixed.items()})
        last += f" with {fixed.told_fixed()}"
    verb = "is " if found.kind == "dialect" or found.edit is not None else ""
    console.print(Text(visible(f"{target}{': ' if not verb else ' '}{verb}{last}"), style="bold"))


def _lines(spec: str) -> str:
    """A long spec in lines that end between its switches."""
    lines = [""]
    for part in re.findall(r"[^,]+,?", spec):
        if len(lines[-1]) + len(part) > _WIDE and lines[-1]:
            lines.append("  ")
        lines[-1] += part
    return "\n".join(lines)


_WIDE: Final = 44
"""Characters of a line in the table of candidates, beside two columns of numbers in 100."""


def meaning(text: str) -> str:
    """The spec in words, or nothing for a text that is not one."""
    try:
        return describe(parse_spec(text))
    except UsageError:
        return ""
