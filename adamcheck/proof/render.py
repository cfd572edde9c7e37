"""A ledger as a document: every theorem with its hypotheses, derivation and controls.

The theorems are run again to get at their terms; what the kernel refuses is shown as refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import sympy

from adamcheck.numerics.symbolic import Term, term
from adamcheck.proof.claims import Claim, Fact, Piece, Step
from adamcheck.proof.kernel import Proof
from adamcheck.proof.ledger import Ledger, Row
from adamcheck.proof.library import theorem
from adamcheck.proof.normal import ProofError
from adamcheck.proof.theorem import Book

RELATIONS: Final = {">=": r"\ge", ">": ">", "=": "=", "!=": r"\ne"}
LONGEST = 900
"""A formula with more characters than this is left to the certificate."""


@dataclass(frozen=True)
class Line:
    """One line of a derivation: words, and a formula in LaTeX or nothing."""

    words: str
    formula: str = ""


def derivation(proof: Proof) -> Iterator[Line]:
    """The proof's recursion, hypotheses and telling steps, as a reader follows them."""
    if proof.state:
        rows = [
            rf"{latex(name)} &: {latex(base.expr)} &&\mapsto {latex(after.expr)}"
            for name, (base, after) in proof.state.items()
        ]
        block = r" \\ ".join(rows)
        yield Line("What each quantity starts from and becomes at every step")
        yield Line("", rf"\begin{{aligned}} {block} \end{{aligned}}")
    for rule, word in (("assume", "Hypotheses"), ("transition", "At every step")):
        claims = [
            f"${claim_latex(step.claim)}$" + _because(step)
            for step in proof.steps
            if step.rule == rule
        ]
        if claims:
            yield Line(f"{word}: " + "; ".join(claims) + ".")
    shown: set[int] = set()
    for fact, statement in proof.conclusions:
        for index in _telling(proof, fact):
            if index not in shown:
                shown.add(index)
                yield from _lines(proof, proof.steps[index])
        yield Line(f"**Hence** {statement}.")


def _telling(proof: Proof, fact: Fact) -> list[int]:
    """The steps that carry a conclusion: inductions, notes, roots, evaluations, and itself."""
    found: set[int] = set()
    todo, seen = [fact.index], set[int]()
    while todo:
        index = todo.pop()
        if index in seen:
            continue
        seen.add(index)
        step = proof.steps[index]
        todo.extend(step.premises)
        defines = step.rule == "root" and step.claim is not None and step.claim.relation == "="
        if step.rule in ("induction", "run") or defines or step.note or index == fact.index:
            found.add(index)
    return sorted(
        i for i in found if proof.steps[i].rule not in ("assume", "transition", "suppose")
    )


def _lines(proof: Proof, step: Step) -> Iterator[Line]:
    because = _because(step)
    if step.rule == "induction":
        yield Line(f"By induction{because}", claim_latex(step.claim))
        after = proof.steps[step.detail["step"]]
        if after.rule == "certificate" and (after.summands or after.cofactors):
            yield Line("The step", _certificate(after))
    elif step.rule == "root":
        x = latex(proof.facts[step.detail["of"]].term.expr)
        yield Line("", rf"{step.detail['symbol']} = \sqrt{{{x}}}")
    elif step.rule == "absurd":
        yield Line(f"The contrary is contradictory{because}", claim_latex(step.claim))
    elif step.rule == "run":
        point = ", ".join(f"{name} = {value}" for name, value in step.detail["point"].items())
        where = f" for {step.detail['steps']} steps" if step.detail["steps"] else ""
        yield Line(f"Exact evaluation{because} at {point}{where}.")
    elif step.summands or step.cofactors:
        yield Line(f"Since{because}", _certificate(step))
    elif step.claim is not None:
        yield Line(f"By expansion{because}", claim_latex(step.claim))


def _certificate(step: Step) -> str:
    """A claim, and the sum of products that its two sides differ by."""
    assert step.claim is not None
    terms = [_product(pieces) for pieces in step.summands]
    terms += [_multiple(cofactor, fact) for cofactor, fact in step.cofactors]
    claim = claim_latex(step.claim)
    formula = rf"{latex(step.claim.term.expr)} = {' + '.join(terms)}"
    if len(formula) > LONGEST:
        formula = r"\text{(a long sum of this kind; see the certificate)}"
    return rf"\begin{{gathered}} {claim}, \\ {formula} \end{{gathered}}"


def _multiple(cofactor: Term, fact: Fact) -> str:
    zero = rf"\underbrace{{\left({latex(fact.term.expr)}\right)}}_{{0}}"
    if cofactor.expr == 1:
        return zero
    return rf"\left({latex(cofactor.expr)}\right){zero}"


def _product(pieces: tuple[Piece, ...]) -> str:
    parts = []
    for piece in pieces:
        if piece.how == "number" and piece.value.expr == 1:
            continue
        if piece.how in ("square", "nonzero") and not piece.value.expr.is_Pow:
            parts.append(latex(piece.value.expr))
        elif piece.value.expr.is_Add:
            parts.append(rf"\left({latex(piece.value.expr)}\right)")
        else:
            parts.append(latex(piece.value.expr))
    return r"\,".join(parts) or "1"


def claim_latex(claim: Claim | None) -> str:
    """A claim as LaTeX."""
    if claim is None:
        return ""
    left, right = (side.expr for side in claim.sides or (claim.term, term(0)))
    return rf"{latex(left)} {RELATIONS[claim.relation]} {latex(right)}"


def latex(expr: sympy.Expr) -> str:
    """An expression as LaTeX."""
    return str(sympy.latex(expr))


def _because(step: Step) -> str:
    return f" ({step.note})" if step.note else ""


def ledger_markdown(ledger: Ledger) -> str:
    """Every theorem's derivation as Markdown with formulas."""
    lines = ["# Proofs", ""]
    for row in ledger.rows:
        lines += [*theorem_markdown(row), ""]
    return "\n".join(lines).rstrip() + "\n"


def theorem_markdown(row: Row) -> list[str]:
    """One theorem as Markdown lines."""
    state = "proved" if row.ok else f"**not proved**: {row.error}"
    lines = [f"## {row.title} (`{row.theorem}`)", "", row.statement, "", f"Source: {row.source}."]
    lines += [f"{len(row.steps)} steps; {state}.", ""]
    if row.refutes:
        lines += [f"Refutes: {row.refutes}.", ""]
    for proof in _book(row.theorem).parts:
        lines += [f"### {proof.title}", ""]
        for line in derivation(proof):
            lines += [line.words + (":" if line.formula else ""), ""] if line.words else []
            lines += [f"$${line.formula}$$", ""] if line.formula else []
    lines += ["Rejected by the kernel, as they should be:", ""]
    lines += [f"- {c.claim}" + ("" if c.rejected else " **(accepted)**") for c in row.controls]
    return lines


def ledger_latex(ledger: Ledger) -> str:
    """Every theorem's derivation as a LaTeX document."""
    body = []
    for row in ledger.rows:
        body += [rf"\section{{{_escaped(row.title)}}}", _inline(row.statement), ""]
        body += [rf"\emph{{Source:}} {_inline(row.source)}.", ""]
        if not row.ok:
            body += [rf"\textbf{{Not proved:}} {_escaped(row.error)}", ""]
        for proof in _book(row.theorem).parts:
            body += [rf"\subsection*{{{_inline(proof.title)}}}"]
            for line in derivation(proof):
                if line.words:
                    body.append(_inline(line.words) + (":" if line.formula else "") + r"\par")
                if line.formula:
                    body.append(rf"\begin{{dmath*}}{line.formula}\end{{dmath*}}")
        claims = "".join(rf"\item {_inline(c.claim)}" for c in row.controls)
        body += [rf"Rejected: \begin{{itemize}}{claims}\end{{itemize}}", ""]
    head = [
        r"% compile with lualatex or xelatex",
        r"\documentclass{article}",
        r"\usepackage{amsmath,breqn,unicode-math}",
        r"\begin{document}",
        r"\title{Proofs}\maketitle",
    ]
    return "\n".join([*head, *body, r"\end{document}"]) + "\n"


def _book(slug: str) -> Book:
    book = Book()
    # the row says what was refused; the parts so far are shown
    with suppress(ProofError):
        theorem(slug).prove(book)
    return book


_MATH = re.compile(r"(\$[^$]*\$)")


def _inline(text: str) -> str:
    pieces = _MATH.split(text.replace("**", ""))
    return "".join(p if p.startswith("$") else _escaped(p) for p in pieces)


def _escaped(text: str) -> str:
    for plain, written in (("\\", r"\textbackslash "), ("_", r"\_"), ("^", r"\^{}"), ("%", r"\%")):
        text = text.replace(plain, written)
    return text.replace("&", r"\&").replace("#", r"\#").replace("~", r"\~{}")
