"""One theorem through kernel, negative controls, checker, second opinions and lock: its row."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from adamcheck.proof.certificates import certificate, checker, locked_digests, substance
from adamcheck.proof.ledger import ControlRow, Row, failed, hypotheses, step_rows
from adamcheck.proof.normal import ProofError
from adamcheck.proof.opinions import opinions
from adamcheck.proof.theorem import Book, Theorem


def prove_one(one: Theorem, *, second_opinions: bool = True) -> Row:
    """One theorem's row; a failure of any kind makes it red and says why."""
    began = time.perf_counter()
    book, controls = Book(), tuple(_control(c.claim, c.attempt) for c in one.controls)
    try:
        one.prove(book)
        content = certificate(one, book)
        replayed = checker()(content)
        asked = opinions(book) if second_opinions else ()
    except Exception as problem:  # whatever breaks, the theorem is not proved
        error = f"{type(problem).__name__}: {problem}"
        return failed(one, error, time.perf_counter() - began, controls)
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
