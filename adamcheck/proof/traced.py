"""The envelope's error bounds over terms, from the source text that judges: nothing is retyped.

Its floats are read as the rationals they are; a comparison becomes a claim; of a maximum and of a
choice a proof says itself what it needs.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

from adamcheck.numerics import error_bounds
from adamcheck.numerics.symbolic import Term
from adamcheck.proof.claims import Claim, ge, gt


class _Exact(ast.NodeTransformer):
    """Floats become rationals, comparisons become claims."""

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        if not isinstance(node.value, float):
            return node
        exact = Fraction(node.value)
        parts: list[ast.expr] = [ast.Constant(exact.numerator), ast.Constant(exact.denominator)]
        return ast.Call(ast.Name("Fraction", ast.Load()), parts, [])

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        self.generic_visit(node)
        (operator,), (right,) = node.ops, node.comparators
        sides = [right, node.left] if isinstance(operator, ast.Gt) else [node.left, right]
        name = {ast.Lt: "less", ast.Gt: "less", ast.LtE: "at_most"}[type(operator)]
        return ast.Call(ast.Name(name, ast.Load()), sides, [])


def _less(x: Any, y: Any) -> Claim:
    return gt(y, x)


def _at_most(x: Any, y: Any) -> Claim:
    return ge(y, x)


def traced_error_bounds(
    *,
    larger: Callable[[Any, Any], Any],
    smaller: Callable[[Any, Any], Any],
    root: Callable[[Any], Any],
    select: Callable[[Any, Any, Any], Any],
    slack: Any,
    tiniest: Term,
) -> SimpleNamespace:
    """Every error bound by its name; infinity, which is no number, is None."""
    scope: dict[str, Any] = {
        "larger": larger,
        "smaller": smaller,
        "root": root,
        "select": select,
        "SLACK": slack,
        "TINIEST": tiniest,
        "np": SimpleNamespace(inf=None),
        "Any": Any,
        "Fraction": Fraction,
        "less": _less,
        "at_most": _at_most,
    }
    for function in error_bounds.ERROR_BOUNDS:
        tree = ast.fix_missing_locations(_Exact().visit(ast.parse(inspect.getsource(function))))
        exec(compile(tree, f"<error_bound {function.__name__}>", "exec"), scope)
    return SimpleNamespace(**{f.__name__: scope[f.__name__] for f in error_bounds.ERROR_BOUNDS})
