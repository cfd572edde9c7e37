"""The ledger: green only if everything holds, red with a reason otherwise."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from installed import needs

from adamcheck.errors import UsageError
from adamcheck.numerics.symbolic import symbols
from adamcheck.proof import opinions, worker
from adamcheck.proof import row as rows
from adamcheck.proof.catalogue import theorem_statements
from adamcheck.proof.certificates import certificate, checker, locked_digests
from adamcheck.proof.claims import ge, gt, sq
from adamcheck.proof.command import (
    ledger_json,
    ledger_latex,
    ledger_markdown,
    prove,
    theorem,
    theorem_names,
    write_certificates,
)
from adamcheck.proof.ledger import Ledger, row_dict, row_of
from adamcheck.proof.row import prove_one
from adamcheck.proof.smt import directly, identity
from adamcheck.proof.theorem import Book, Control, Theorem

X, Y = symbols("x y")


def small(attempt, *controls: Control) -> Theorem:
    return Theorem("small", "Small", "words", "here", attempt, controls)


def crash(book: Book) -> None:
    int("x")


def squares(book: Book) -> None:
    k = book.part("squares")
    k.conclude(k.prove(ge(X**2), [[sq(X)]]), "x² ≥ 0")


def false(book: Book) -> None:
    k = book.part("false")
    k.conclude(k.prove(gt(X**2), [[sq(X)]]), "x² > 0")


CONTROL = Control("x² > 0", false)


@pytest.fixture(autouse=True)
def pinned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small theorems are not in the lock file; every one of them counts as pinned here."""
    real = locked_digests()
    monkeypatch.setattr(rows, "locked_digests", lambda: _Anything(real))


class _Anything(dict[str, str]):
    def get(self, name: str, default: object = None) -> object:  # type: ignore[override]
        return super().get(name) if name in self else _Equal()


class _Equal:
    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0


def test_a_theorem_that_holds_is_green() -> None:
    row = prove_one(small(squares, CONTROL), second_opinions=False)
    assert row.ok, row.error
    assert row.conclusions == ("x² ≥ 0",)
    assert row.controls[0].rejected
    assert row.replayed == "small: 1 steps hold"


def test_a_refused_step_is_red() -> None:
    row = prove_one(small(false, CONTROL), second_opinions=False)
    assert not row.ok
    assert "does not give the relation" in row.error


@pytest.mark.parametrize(
    ("problem", "said"),
    [
        (small(squares), "no negative control"),
        (small(lambda book: None, CONTROL), "concludes nothing"),
        (small(squares, Control("x² ≥ 0", squares)), "accepted a false claim"),
        (small(squares, Control("broken", crash)), "accepted a false claim"),
        (small(lambda book: 1 / 0, CONTROL), "ZeroDivisionError"),
    ],
    ids=["no control", "no conclusion", "accepted control", "broken control", "exception"],
)
def test_what_else_is_red(problem: Theorem, said: str) -> None:
    row = prove_one(problem, second_opinions=False)
    assert not row.ok
    assert said in row.error


@pytest.mark.parametrize("problem", [AttributeError, NameError, AssertionError, RecursionError])
def test_whatever_is_raised_is_red(
    problem: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(book: Book) -> None:
        raise problem("broken")

    row = prove_one(small(broken, CONTROL), second_opinions=False)
    assert not row.ok
    assert row.error == f"{problem.__name__}: broken"
    monkeypatch.setattr(rows, "opinions", broken)
    row = prove_one(small(squares, CONTROL))
    assert not row.ok
    assert row.error == f"{problem.__name__}: broken"


def test_what_is_not_pinned_is_red(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "locked_digests", lambda: {"small": "another"})
    row = prove_one(small(squares, CONTROL), second_opinions=False)
    assert not row.ok
    assert not row.locked
    assert "LOCK.json" in row.error


def test_a_solver_that_disagrees_is_red(monkeypatch: pytest.MonkeyPatch) -> None:
    needs("z3", "proofs")
    monkeypatch.setattr(opinions, "_ask_z3", lambda query, milliseconds: "sat")
    row = prove_one(small(squares, CONTROL))
    assert not row.ok
    assert "z3 found a step whose claim can fail" in row.error


def test_a_solver_that_does_not_know_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    needs("z3", "proofs")
    monkeypatch.setattr(opinions, "_ask_z3", lambda query, milliseconds: "unknown")
    row = prove_one(small(squares, CONTROL))
    z3 = row.opinions[0]
    assert row.ok
    assert (z3.status, z3.cell) == ("unknown", "0/1")
    assert z3.unknown == ("squares, step 0",)


def test_a_solver_that_is_absent_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(query: str, milliseconds: int) -> str:
        raise ImportError

    monkeypatch.setattr(opinions, "_ask_cvc5", absent)
    row = prove_one(small(squares, CONTROL))
    assert row.ok
    assert row.opinions[1].cell == "not installed"


@pytest.mark.parametrize("tool", ["z3", "cvc5"])
def test_solvers_find_a_step_that_does_not_follow(tool: str) -> None:
    needs(tool, "proofs")
    ask = opinions._ask_z3 if tool == "z3" else opinions._ask_cvc5
    book = Book()
    squares(book)
    proof = book.parts[0]
    step = proof.steps[0]
    assert ask(directly(proof, step), 1000) == "unsat"
    wrong = type(step)(
        step.index, step.rule, ge(X**2 - 1), step.premises, step.detail, summands=step.summands
    )
    assert ask(directly(proof, wrong), 1000) == "sat"
    assert ask(identity(wrong), 1000) == "sat"


def test_rational_points_find_an_identity_that_does_not_hold() -> None:
    book = Book()
    squares(book)
    step = book.parts[0].steps[0]
    wrong = type(step)(
        step.index, step.rule, ge(2 * X**2), step.premises, step.detail, summands=step.summands
    )
    book.parts[0].steps[0] = wrong
    assert opinions._points(book).status == "disagrees"


def test_rows_travel_as_json() -> None:
    row = prove_one(theorem("forgetting"))
    again = row_of(json.loads(json.dumps(row_dict(row))))
    assert row_dict(again) == row_dict(row)
    assert again.method == row.method


def test_children_prove_what_this_process_proves() -> None:
    names = ("forgetting", "closed-form", "ema-orders", "geometric-weights")
    told: list[tuple[str, int, int]] = []
    ledger = prove(
        names, second_opinions=False, workers=2, progress=lambda *args: told.append(args)
    )
    assert [row.theorem for row in ledger.rows] == list(names)
    assert ledger.ok, [row.error for row in ledger.rows]
    assert sorted(done for _, done, _ in told) == [0, 1, 2, 3]
    assert {name for name, _, _ in told} == set(names)


def test_a_child_that_dies_makes_its_row_red(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "CODE", "import sys; sys.stdin.readline(); sys.exit(7)")
    ledger = prove(("forgetting", "closed-form"), second_opinions=False, workers=2)
    assert not ledger.ok
    assert all("ended (7)" in row.error for row in ledger.rows)


def test_an_unknown_name_is_answered_with_the_closest() -> None:
    with pytest.raises(UsageError, match=r"unknown theorem 'step-bond'.*Did you mean 'step-bound'"):
        prove(["step-bond"])
    assert theorem("Step_Bound").slug == "step-bound"


def test_an_empty_ledger_is_not_ok() -> None:
    assert not Ledger((), 0.0).ok


def test_every_theorem_is_listed_in_one_line() -> None:
    statements = theorem_statements()
    assert tuple(statements) == theorem_names()
    assert all(statements.values()), [name for name, text in statements.items() if not text]


def test_documents() -> None:
    ledger = prove(["forgetting", "published-bound-refuted"], second_opinions=False)
    markdown = ledger_markdown(ledger)
    assert "## Forgetting (`forgetting`)" in markdown
    assert "**Hence** k steps after the last gradient m = beta1^k·m_0." in markdown
    assert r"m = P_{m} m_{0}" in markdown
    assert "Refutes: |Δ_t| ≤ α(1-β1)/√(1-β2)" in markdown
    latex = ledger_latex(ledger)
    assert latex.startswith("% compile")
    assert latex.count(r"\section{") == 2
    assert r"\end{document}" in latex
    told = json.loads(ledger_json(ledger))
    assert told["ok"] is True
    assert [t["theorem"] for t in told["theorems"]] == ["forgetting", "published-bound-refuted"]
    assert told["theorems"][1]["negative_controls"][0]["rejected"] is True


def test_certificates_are_written_and_replayed_elsewhere(tmp_path: Path) -> None:
    (path,) = write_certificates(tmp_path / "certificates", ["bias"])
    content = json.loads(path.read_text(encoding="utf-8"))
    assert checker()(content) == "bias: 45 steps hold"
    assert content["versions"]["sympy"]
    book = Book()
    theorem("bias").prove(book)
    assert certificate(theorem("bias"), book)["digest"] == content["digest"]
