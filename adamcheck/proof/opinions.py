"""Second opinions on a proof's steps: z3 and cvc5 on each negation, python-flint on each identity.

They decide nothing alone: an opinion that disagrees turns the ledger red, one that does not know is
shown. A solver is asked whether the premises and the negated claim can hold together; where that
is too hard, whether the certificate's identity, and the sign that it gives, can fail.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from adamcheck.proof.claims import Step
from adamcheck.proof.kernel import Proof
from adamcheck.proof.normal import text
from adamcheck.proof.smt import directly, identity, signs
from adamcheck.proof.theorem import Book

POINTS = 3
PATIENCE = 2000
"""Milliseconds for a question about a certificate."""


@dataclass(frozen=True)
class Opinion:
    """What one tool says of a theorem: the steps it was asked about, and those it leaves open.

    ``status`` is agrees, unknown, disagrees or not installed. ``direct`` counts the steps that a
    solver confirmed without the certificate.
    """

    tool: str
    status: str
    asked: int = 0
    agreed: int = 0
    direct: int = 0
    unknown: tuple[str, ...] = ()
    disagreed: tuple[str, ...] = ()

    @property
    def cell(self) -> str:
        """A few characters for a table."""
        return self.status if self.status == "not installed" else f"{self.agreed}/{self.asked}"


def opinions(book: Book) -> tuple[Opinion, ...]:
    """Ask all three tools about every step that computes."""
    return (
        _solver("z3", _ask_z3, book, 200, 4000),
        _solver("cvc5", _ask_cvc5, book, 50, 500),
        _points(book),
    )


def _computed(book: Book) -> Iterator[tuple[Proof, Step]]:
    for proof in book.parts:
        for step in proof.steps:
            if step.rule == "certificate":
                yield proof, step


# --- the solvers ---


def _solver(
    tool: str, ask: Callable[[str, int], str], book: Book, milliseconds: int, longest: int
) -> Opinion:
    try:
        ask("(set-logic QF_NRA)(assert false)(check-sat)", 1000)
    except ImportError:
        return Opinion(tool, "not installed")
    unknown, disagreed = list[str](), list[str]()
    known: dict[str, tuple[str, bool]] = {}
    asked = direct = 0

    def answer_to(question: str) -> str:
        if question not in known:
            known[question] = ask(question, PATIENCE), False
        return known[question][0]

    for proof, step in _computed(book):
        query = directly(proof, step)
        if query not in known:
            answer = ask(query, milliseconds) if len(query) <= longest else "too long"
            unaided = answer in ("sat", "unsat")
            if not unaided:
                answers = {answer_to(question) for question in (identity(step), *signs(step))}
                answer = (
                    "sat" if "sat" in answers else "unsat" if answers == {"unsat"} else "unknown"
                )
            known[query] = answer, unaided
        answer, unaided = known[query]
        asked += 1
        direct += unaided
        where = f"{proof.title}, step {step.index}"
        if answer == "sat":
            disagreed.append(where)
        elif answer != "unsat":
            unknown.append(where)
    status = "disagrees" if disagreed else "unknown" if unknown else "agrees"
    agreed = asked - len(unknown) - len(disagreed)
    return Opinion(tool, status, asked, agreed, direct, tuple(unknown), tuple(disagreed))


def _ask_z3(query: str, milliseconds: int) -> str:
    import z3

    solver = z3.Solver()
    solver.set("timeout", milliseconds)
    solver.from_string(query)
    return str(solver.check())


def _ask_cvc5(query: str, milliseconds: int) -> str:
    import cvc5

    solver = cvc5.Solver()
    solver.setOption("tlimit-per", str(milliseconds))
    # cylindrical coverings run past the time limit; linearisation alone keeps it
    solver.setOption("nl-cov", "false")
    parser = cvc5.InputParser(solver)
    parser.setStringInput(cvc5.InputLanguage.SMT_LIB_2_6, query, "step")
    symbols, answer = parser.getSymbolManager(), ""
    while not (command := parser.nextCommand()).isNull():
        answer = command.invoke(solver, symbols).strip() or answer
    return answer


# --- random points ---

_INTEGER = re.compile(r"\(-\d+\)|\b\d+")


def _points(book: Book) -> Opinion:
    try:
        from flint import fmpq
    except ImportError:
        return Opinion("python-flint", "not installed")
    generator = random.Random(20141222)  # the day on which Adam appeared
    asked, disagreed = 0, list[str]()
    for proof, step in _computed(book):
        asked += 1
        if not _agrees(step, generator, fmpq):
            disagreed.append(f"{proof.title}, step {step.index}")
    status = "disagrees" if disagreed else "agrees"
    agreed = asked - len(disagreed)
    return Opinion("python-flint", status, asked, agreed, 0, (), tuple(disagreed))


def _agrees(step: Step, generator: random.Random, number: Any) -> bool:
    assert step.claim is not None

    summands = [
        "*".join(f"({text(piece.value.expr)})" for piece in pieces) or "1"
        for pieces in step.summands
    ]
    summands += [
        f"({text(cofactor.expr)})*({text(fact.term.expr)})" for cofactor, fact in step.cofactors
    ]
    whole = " + ".join(summands) or "0"
    source = f"({text(step.claim.term.expr)}) + (-1)*({whole})"
    code = compile(_INTEGER.sub(r"_Z(\g<0>)", source), "step", "eval")
    names = [name for name in code.co_names if name != "_Z"]
    checked = 0
    for _ in range(4 * POINTS):
        point = {n: number(generator.randint(-999, 999), generator.randint(1, 999)) for n in names}
        try:
            value = eval(code, {"__builtins__": {}, "_Z": number}, point)
        except ZeroDivisionError:
            continue
        if value != 0:
            return False
        checked += 1
        if checked == POINTS:
            return True
    return checked > 0
