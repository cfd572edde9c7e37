"""``adamcheck prove``: the theorems behind the checks, and the ledger of what discharged them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from adamcheck.cli.output import check_outputs, draw, say, write
from adamcheck.reports.files import write_atomically

if TYPE_CHECKING:
    from rich.console import Console

    from adamcheck.proof.ledger import Ledger, Row


def run_prove(theorems: Sequence[str], *, latex: str, markdown: str, json: str) -> int:
    """Prove and print the ledger; 0 when every step is discharged, 1 when one is not."""
    check_outputs(latex=latex, markdown=markdown, json=json)
    from adamcheck.proof import command

    ledger = command.prove(theorems, progress=_tell)
    writers: tuple[tuple[str, Callable[[Ledger], str]], ...] = (
        (latex, command.ledger_latex),
        (markdown, command.ledger_markdown),
        (json, command.ledger_json),
    )
    for path, written in writers:
        if path == "-":
            write(written(ledger))
        elif path:
            write_atomically(Path(path), written(ledger))
    # a ledger on stdout leaves stderr for the readable one
    draw(
        lambda console: _show(ledger, console),
        sys.stderr if "-" in (latex, markdown, json) else sys.stdout,
    )
    return 0 if ledger.ok else 1


def _tell(slug: str, done: int, total: int) -> None:
    say(f"proving {slug} ({done + 1} of {total})")


def _show(ledger: Ledger, console: Console) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for title in ("theorem", "steps", "carried by", "side conditions", "second opinions", "time"):
        table.add_column(title, justify="right" if title in ("steps", "time") else "left")
    for row in ledger.rows:
        table.add_row(
            row.theorem if row.ok else f"{row.theorem}  NOT DISCHARGED",
            str(len(row.steps)),
            row.method or "identities",
            str(len(row.side_conditions)),
            _opinions(row),
            f"{row.seconds:.2f} s",
        )
    console.print(table)
    for row in ledger.rows:
        if not row.ok:
            console.print(f"{row.theorem}: {row.error}")
    proved = sum(row.ok for row in ledger.rows)
    rejected = sum(control.rejected for row in ledger.rows for control in row.controls)
    controls = sum(len(row.controls) for row in ledger.rows)
    console.print(
        f"{proved} of {len(ledger.rows)} theorems discharged, {rejected} of {controls} false claims"
        f" rejected, {ledger.seconds:.1f} s"
    )


def _opinions(row: Row) -> str:
    return "; ".join(f"{one.tool} {one.cell}" for one in row.opinions) or "none asked"
