"""Small changes to Python source: what a slip or a tamperer would do to a rule or a theorem."""

from __future__ import annotations

import ast
import random
from collections.abc import Callable, Iterator

from adamcheck.proof.certificates import substance
from adamcheck.proof.library import theorem
from adamcheck.proof.theorem import Book

OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
}


Change = Callable[[ast.AST], str]
"""Changes a node of a tree in place and says what became of it."""


def integer_or_operator(node: ast.AST) -> Change | None:
    """An integer grows by 1, an operator of arithmetic becomes its inverse."""
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return _next_integer
    if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
        return _other_operator
    return None


def mutants(
    source: str,
    *,
    changes: Callable[[ast.AST], Change | None] = integer_or_operator,
    sample: int | None = None,
    seed: str = "",
) -> Iterator[tuple[str, str]]:
    """Mutants of the source, as (what changed, new source): one node changed in each.

    All of them in order, or a random sample; only those that are asked for are made.
    """
    tree = ast.parse(source)
    numbers = [n for n, node in enumerate(ast.walk(tree)) if changes(node) is not None]
    chosen = numbers if sample is None else random.Random(seed).sample(numbers, sample)
    for number in chosen:
        changed = ast.parse(source)
        node = list(ast.walk(changed))[number]
        change = changes(node)
        assert change is not None
        what = change(node)
        line = getattr(node, "lineno", 0)
        yield f"line {line}: {what}", ast.unparse(ast.fix_missing_locations(changed))


def _next_integer(node: ast.AST) -> str:
    assert isinstance(node, ast.Constant)
    assert isinstance(node.value, int)
    node.value += 1
    return f"{node.value - 1} became {node.value}"


def _other_operator(node: ast.AST) -> str:
    assert isinstance(node, ast.BinOp)
    old = type(node.op)
    node.op = OPERATORS[old]()
    return f"{old.__name__} became {OPERATORS[old].__name__}"


def proved(name: str) -> str:
    """What a theorem proves as the code stands now, to be compared with what it proved before."""
    book = Book()
    theorem(name).prove(book)
    return substance(theorem(name), book)
