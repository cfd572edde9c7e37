"""``adamcheck prove``: run theorems through kernel, controls, checker and second opinions."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

from adamcheck.proof.certificates import certificate
from adamcheck.proof.ledger import Ledger, Row, ledger_json
from adamcheck.proof.library import theorem, theorem_names
from adamcheck.proof.render import ledger_latex, ledger_markdown
from adamcheck.proof.row import prove_one
from adamcheck.proof.theorem import Book
from adamcheck.proof.worker import prove_in_children

__all__ = [
    "Ledger",
    "Row",
    "ledger_json",
    "ledger_latex",
    "ledger_markdown",
    "prove",
    "theorem",
    "theorem_names",
    "write_certificates",
]

Progress: TypeAlias = Callable[[str, int, int], None]
"""Called with the slug that is finished, how many were before it, and how many there are."""

FEW = 4


def prove(
    names: Sequence[str] = (),
    *,
    second_opinions: bool = True,
    progress: Progress | None = None,
    workers: int | None = None,
) -> Ledger:
    """Prove the named theorems, or all of them; an unknown name raises UsageError.

    Every theorem passes through the kernel, its negative controls must be rejected, its certificate
    must replay in the stand-alone checker and be the one that proofs/LOCK.json pins. More than a
    few theorems are shared among child processes, two unless ``workers`` says otherwise.
    """
    began = time.perf_counter()
    chosen = list(dict.fromkeys(theorem(name).slug for name in names or theorem_names()))
    finished = 0

    def tell(slug: str) -> None:
        nonlocal finished
        if progress is not None:
            progress(slug, finished, len(chosen))
        finished += 1

    few = len(chosen) < FEW or (os.cpu_count() or 1) == 1
    workers = (1 if few else 2) if workers is None else workers
    if workers > 1:
        rows = prove_in_children(
            chosen, second_opinions=second_opinions, workers=workers, done=tell
        )
    else:
        found = []
        for slug in chosen:
            found.append(prove_one(theorem(slug), second_opinions=second_opinions))
            tell(slug)
        rows = tuple(found)
    return Ledger(rows, time.perf_counter() - began)


def write_certificates(folder: Path, names: Sequence[str] = ()) -> list[Path]:
    """Write the certificates of the named theorems, or of all, as JSON files."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name in names or theorem_names():
        one, book = theorem(name), Book()
        one.prove(book)
        path = folder / f"{one.slug}.json"
        text = json.dumps(certificate(one, book), indent=1, ensure_ascii=False)
        path.write_text(text + "\n", encoding="utf-8")
        written.append(path)
    return written
