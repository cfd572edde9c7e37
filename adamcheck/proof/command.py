"""``adamcheck prove``: run theorems through kernel, controls, checker and second opinions."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

from adamcheck.errors import AdamcheckError
from adamcheck.proof.certificates import certificate, checker, locked_digests, substance
from adamcheck.proof.ledger import (
    ControlRow,
    Ledger,
    Row,
    failed,
    hypotheses,
    ledger_json,
    step_rows,
)
from adamcheck.proof.library import theorem, theorem_names
from adamcheck.proof.normal import ProofError
from adamcheck.proof.opinions import opinions
from adamcheck.proof.render import ledger_latex, ledger_markdown
from adamcheck.proof.theorem import Book, Theorem
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


def prove_one(one: Theorem, *, second_opinions: bool = True) -> Row:
    """One theorem's row; a failure of any kind makes it red and says why."""
    began = time.perf_counter()
    book, controls = Book(), tuple(_control(c.claim, c.attempt) for c in one.controls)
    try:
        one.prove(book)
        content = certificate(one, book)
        replayed = checker()(content)
    except (AdamcheckError, ArithmeticError, ValueError, TypeError, LookupError) as problem:
        error = f"{type(problem).__name__}: {problem}"
        return failed(one, error, time.perf_counter() - began, controls)
    asked = opinions(book) if second_opinions else ()
    digest = substance(one, book)
    locked = locked_digests().get(one.slug) == digest
    conclusions = tuple(text for proof in book.parts for _, text in proof.conclusions)
    error = _problem(conclusions, controls, locked, [o.tool for o in asked if o.disagreed])
    return Row(
        theorem=one.slug,
        title=one.title,
        statement=one.statement,
        source=one.source,
        refutes=one.refutes,
        hypotheses=hypotheses(book),
        conclusions=conclusions,
        steps=step_rows(book),
        controls=controls,
        opinions=asked,
        certificate=digest,
        replayed=replayed,
        locked=locked,
        seconds=time.perf_counter() - began,
        ok=not error,
        error=error,
    )


def _problem(
    conclusions: Sequence[str],
    controls: Sequence[ControlRow],
    locked: bool,
    against: Sequence[str],
) -> str:
    accepted = [control.claim for control in controls if not control.rejected]
    if not conclusions:
        return "the proof concludes nothing"
    if not controls:
        return "the theorem has no negative control"
    if accepted:
        return f"the kernel accepted a false claim: {accepted[0]}"
    if against:
        return f"{' and '.join(against)} found a step whose claim can fail"
    if not locked:
        return "what is proved is not what proofs/LOCK.json pins; see scripts/report-proofs"
    return ""


def _control(claim: str, attempt: Callable[[Book], None]) -> ControlRow:
    try:
        attempt(Book())
    except (ProofError, ZeroDivisionError) as rejection:
        return ControlRow(claim, True, str(rejection))
    except Exception as problem:  # a control that breaks otherwise controls nothing
        return ControlRow(claim, False, f"{type(problem).__name__}: {problem}")
    return ControlRow(claim, False, "accepted")


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
