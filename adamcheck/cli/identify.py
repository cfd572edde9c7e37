"""``adamcheck identify``: which dialect a target is, with the evidence for it."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from rich.text import Text

from adamcheck._version import __version__
from adamcheck.cli.output import check_outputs, draw, say, write
from adamcheck.cli.progress import progress
from adamcheck.errors import UsageError
from adamcheck.reports import summary
from adamcheck.reports.dialects import describe
from adamcheck.reports.documents import dumps, identification_document
from adamcheck.reports.files import write_atomically
from adamcheck.reports.terminal import grid
from adamcheck.result import Finding, Identification
from adamcheck.spec import parse_spec
from adamcheck.text import visible

if TYPE_CHECKING:
    from adamcheck.targets.protocol import Limits

SHOWN = 6
"""Candidates that are listed; the JSON file holds all."""


def run_identify(
    target: str,
    *,
    dtype: str,
    device: str,
    options: Mapping[str, Any],
    limits: Limits | None,
    json: str,
) -> int:
    """Identify and print; 0 for a dialect, 1 for none of them, 3 where it cannot be told."""
    check_outputs(json=json)
    from adamcheck.targets.protocol import Limits as Usual
    from adamcheck.targets.session import Session

    with Session(target, options=options, device=device, limits=limits or Usual()) as session:
        session.start()
        # what asks is imported while the target's process starts, which takes as long
        from adamcheck.identify import identify

        with progress() as listener:
            report = identify(
                target, options=options, dtype=dtype, session=session, listener=listener
            )
    found = report.identification
    ran = report.dtype or dtype
    if json:
        text = dumps(
            {
                "schema": "adamcheck.identification/1",
                "adamcheck": __version__,
                "target": target,
                "dtype": ran,
                "error": report.error,
                "findings": [
                    {"name": f.name, "dtype": f.dtype, "message": f.message}
                    for f in report.findings
                ],
                "identified": None if found is None else identification_document(found),
                "environment": {str(k): str(v) for k, v in report.environment.items()},
            }
        )
        if json == "-":
            write(text)
        else:
            write_atomically(Path(json), text)
    if found is None or report.error:
        say(f"{target}: {report.error or 'could not be identified'}")
        return 3
    stream = sys.stderr if json == "-" else sys.stdout
    draw(lambda console: _show(target, ran, found, report.findings, console), stream)
    return 0 if found.kind == "dialect" else 1


def _show(
    target: str,
    dtype: str,
    found: Identification,
    findings: Sequence[Finding],
    console: Console,
) -> None:
    rows = [
        ("target", target),
        ("dtype", dtype),
        ("found", summary.evidence(found)),
        ("meaning", meaning(found.spec) if found.kind == "dialect" else ""),
        ("from adam", found.regime),
    ]
    console.print(grid((label, text) for label, text in rows if text))
    if found.candidates:
        table = Table(box=SIMPLE, pad_edge=False, show_edge=False)
        table.add_column("candidate", overflow="fold")
        table.add_column("largest deviation, × envelope", justify="right")
        for spec, deviation in found.candidates[:SHOWN]:
            table.add_row(Text(visible(spec)), f"{deviation:.3g}")
        console.print()
        console.print(table)
    if findings:
        console.print()
    for finding in findings:
        line = f"finding {finding.name} [{finding.dtype}]: {finding.message}"
        console.print(Text(visible(line), style="cyan"))
    console.print()
    last = found.spec if found.kind == "dialect" else found.kind
    if found.edit is not None:
        last = f"{found.spec} with one change: {found.edit.text}"
    console.print(Text(visible(f"{target} is {last}"), style="bold"))


def meaning(text: str) -> str:
    """The spec in words, or nothing for a text that is not one."""
    try:
        return describe(parse_spec(text))
    except UsageError:
        return ""
