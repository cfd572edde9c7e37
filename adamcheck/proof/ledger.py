"""The ledger: what was proved, by which steps, on which suppositions, and who agrees."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

from adamcheck.proof.opinions import Opinion
from adamcheck.proof.theorem import Book, Theorem

METHODS: Final[dict[str, str]] = {
    "assume": "hypothesis",
    "transition": "definition of the step",
    "suppose": "supposition",
    "certificate": "identity or sum of nonnegative products",
    "root": "square root",
    "absurd": "contradiction",
    "induction": "induction on t",
    "run": "exact rational evaluation",
}


@dataclass(frozen=True)
class StepRow:
    """One step: its part, its rule, what it claims, what it divides by, and the reader's note."""

    part: str
    index: int
    rule: str
    claim: str
    side: tuple[str, ...]
    note: str


@dataclass(frozen=True)
class ControlRow:
    """A false claim, whether the kernel rejected it, and with which words."""

    claim: str
    rejected: bool
    reason: str


@dataclass(frozen=True)
class Row:
    """One theorem. ``ok`` is true only if every step, control, replay and opinion is as it should.

    ``certificate`` is the digest of the certificate that was replayed, ``locked`` whether it is the
    one that proofs/LOCK.json pins.
    """

    theorem: str
    title: str
    statement: str
    source: str
    refutes: str
    hypotheses: tuple[str, ...]
    conclusions: tuple[str, ...]
    steps: tuple[StepRow, ...]
    controls: tuple[ControlRow, ...]
    opinions: tuple[Opinion, ...]
    certificate: str
    replayed: str
    locked: bool
    seconds: float
    ok: bool
    error: str

    @property
    def methods(self) -> dict[str, int]:
        """How many steps were taken by each method."""
        return dict(Counter(METHODS[step.rule] for step in self.steps))

    @property
    def side_conditions(self) -> tuple[str, ...]:
        """Every divisor, once; each was discharged by facts that say it is not zero."""
        return tuple(dict.fromkeys(f"{d} ≠ 0" for step in self.steps for d in step.side))

    @property
    def method(self) -> str:
        """The methods that carry the proof, in a few words."""
        telling = ("induction", "certificate", "root", "absurd", "run")
        used = Counter(step.rule for step in self.steps)
        return ", ".join(f"{used[rule]} {rule}" for rule in telling if used[rule])


@dataclass(frozen=True)
class Ledger:
    """The rows of one run of ``prove``."""

    rows: tuple[Row, ...]
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether there is a row, and none is red."""
        return bool(self.rows) and all(row.ok for row in self.rows)


def hypotheses(book: Book) -> tuple[str, ...]:
    """What the parts assume, once each, with the note that says why."""
    found: dict[str, None] = {}
    for proof in book.parts:
        for step in proof.steps:
            if step.rule in ("assume", "transition"):
                found[f"{step.claim}" + (f" ({step.note})" if step.note else "")] = None
    return tuple(found)


def step_rows(book: Book) -> tuple[StepRow, ...]:
    """Every step of every part."""
    return tuple(
        StepRow(
            part=proof.title,
            index=step.index,
            rule=step.rule,
            claim=str(step.claim) if step.claim is not None else "",
            side=tuple(divisor for divisor, _ in step.side),
            note=step.note,
        )
        for proof in book.parts
        for step in proof.steps
    )


def failed(theorem: Theorem, error: str, seconds: float, controls: tuple[ControlRow, ...]) -> Row:
    """The red row of a theorem that a step, or the loading, stopped."""
    return Row(
        theorem=theorem.slug,
        title=theorem.title,
        statement=theorem.statement,
        source=theorem.source,
        refutes=theorem.refutes,
        hypotheses=(),
        conclusions=(),
        steps=(),
        controls=controls,
        opinions=(),
        certificate="",
        replayed="",
        locked=False,
        seconds=seconds,
        ok=False,
        error=error,
    )


def row_dict(row: Row) -> dict[str, Any]:
    """A row as plain JSON."""
    return {
        "theorem": row.theorem,
        "title": row.title,
        "statement": row.statement,
        "source": row.source,
        "refutes": row.refutes,
        "ok": row.ok,
        "error": row.error,
        "seconds": round(row.seconds, 3),
        "hypotheses": list(row.hypotheses),
        "conclusions": list(row.conclusions),
        "methods": row.methods,
        "side_conditions": list(row.side_conditions),
        "steps": [
            {
                "part": step.part,
                "index": step.index,
                "method": METHODS[step.rule],
                "claim": step.claim,
                "side_conditions": list(step.side),
                "note": step.note,
            }
            for step in row.steps
        ],
        "negative_controls": [
            {"claim": c.claim, "rejected": c.rejected, "reason": c.reason} for c in row.controls
        ],
        "second_opinions": [
            {
                "tool": o.tool,
                "status": o.status,
                "asked": o.asked,
                "agreed": o.agreed,
                "direct": o.direct,
                "unknown": list(o.unknown),
                "disagreed": list(o.disagreed),
            }
            for o in row.opinions
        ],
        "certificate": {
            "digest": row.certificate,
            "replayed": row.replayed,
            "locked": row.locked,
        },
    }


def row_of(data: dict[str, Any]) -> Row:
    """The row that row_dict wrote."""
    rules = {words: rule for rule, words in METHODS.items()}
    return Row(
        theorem=data["theorem"],
        title=data["title"],
        statement=data["statement"],
        source=data["source"],
        refutes=data["refutes"],
        hypotheses=tuple(data["hypotheses"]),
        conclusions=tuple(data["conclusions"]),
        steps=tuple(
            StepRow(
                part=step["part"],
                index=step["index"],
                rule=rules[step["method"]],
                claim=step["claim"],
                side=tuple(step["side_conditions"]),
                note=step["note"],
            )
            for step in data["steps"]
        ),
        controls=tuple(ControlRow(**control) for control in data["negative_controls"]),
        opinions=tuple(
            Opinion(**{**o, "unknown": tuple(o["unknown"]), "disagreed": tuple(o["disagreed"])})
            for o in data["second_opinions"]
        ),
        certificate=data["certificate"]["digest"],
        replayed=data["certificate"]["replayed"],
        locked=data["certificate"]["locked"],
        seconds=data["seconds"],
        ok=data["ok"],
        error=data["error"],
    )


def ledger_json(ledger: Ledger) -> str:
    """The ledger as JSON text."""
    content = {
        "schema": "adamcheck-ledger-1",
        "ok": ledger.ok,
        "seconds": round(ledger.seconds, 3),
        "theorems": [row_dict(row) for row in ledger.rows],
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"
