"""Operation by operation: how results change when the gradients change by a power of two, or sign.

For every operation of a program the kernel proves op(f^a·x, f^b·y) = f^w·op(x, y). Rounding that
commutes with the factor f then keeps it, so that two runs of one order of operations agree in every
bit up to f^w, whatever the precision, as long as nothing over- or underflows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from adamcheck.numerics.symbolic import Term, symbols, term
from adamcheck.program import Op, trace
from adamcheck.proof.claims import Fact, Times, eq, ge, gt, ne, sq
from adamcheck.proof.kernel import Proof
from adamcheck.proof.lemmas import equal_roots
from adamcheck.proof.normal import ProofError
from adamcheck.spec import Spec

Weights = Mapping[str, int]
DIALECTS: Final = (
    Spec(),
    Spec(eps="hat"),
    Spec(eps="inside"),
    Spec(eps="both"),
    Spec(eps="max"),
    Spec(amsgrad="v"),
    Spec(amsgrad="vhat"),
    Spec(bias_correction="none"),
    Spec("rmsprop"),
    Spec("adagrad"),
    Spec("adamax"),
    Spec("nadam"),
)
"""The dialects whose programs hold every operation that a step can hold."""
OUTPUTS: Final = ("s.m", "s.v", "s.v_max", "s.velocity", "update")


def scale_weights(spec: Spec) -> dict[str, int]:
    """The power of c that each input carries when gradients are scaled by c (0 where absent)."""
    squared = 1 if spec.algorithm == "adamax" else 2
    eps = 2 if spec.eps == "inside" else 1
    return {"g": 1, "s.m": 1, "s.v": squared, "s.v_max": squared, "h.eps": eps, "h.eps_root": 2}


def sign_weights(spec: Spec) -> dict[str, int]:
    """1 for the inputs that turn their sign with the gradients."""
    return {"g": 1, "s.m": 1}


def graded(
    k: Proof, spec: Spec, *, kind: str, weights: Weights | None = None, update: int | None = None
) -> None:
    """Prove the law for every operation on the way to the moments and the update.

    update: the weight that the update shall have; none under scaling, one under a change of sign.
    """
    given = weights or (scale_weights(spec) if kind == "scale" else sign_weights(spec))
    program = trace(spec).expanded
    wanted = {index for name, index in program.outputs if name in OUTPUTS}
    needed: set[int] = set()
    while wanted:
        index = wanted.pop()
        if index not in needed:
            needed.add(index)
            wanted |= set(program.ops[index].args)
    found = operations(k, program.ops, sorted(needed), kind=kind, weights=given)
    for name, index in program.outputs:
        meant = (0 if kind == "scale" else 1) if update is None else update
        expected = meant if name == "update" else given.get(name, 0)
        if name in OUTPUTS and found[index] != expected:
            raise ProofError(f"{k.title}: {name} has weight {found[index]}, not {expected}")


def operations(
    k: Proof, ops: Sequence[Op], needed: Sequence[int], *, kind: str, weights: Weights
) -> dict[int, int]:
    """The weight of each needed operation, each by a fact about that operation alone."""
    if kind == "scale":
        (factor,) = symbols("c")
        k.assume(gt(factor), "c > 0 with fl(c·x) = c·fl(x): a power of two in a binary format")
    else:
        factor = term(-1)
    found: dict[int, int] = {}
    for i in needed:
        op = ops[i]
        if op.kind == "input":
            found[i] = weights.get(op.name, 0)
        elif op.kind == "const":
            found[i] = 0
        else:
            found[i] = _operation(k, ops, i, factor, [found[a] for a in op.args])
    return found


def _operation(k: Proof, ops: Sequence[Op], i: int, factor: Term, of: Sequence[int]) -> int:
    op = ops[i]
    x = [_value(ops, a) for a in op.args]
    y = [_power(factor, w) * value for w, value in zip(of, x, strict=True)]
    if op.kind == "mul":
        weight = of[0] + of[1]
    elif op.kind == "div":
        weight = of[0] - of[1]
        k.assume(ne(x[1]), "else both runs divide by zero")
    elif op.kind == "sqrt":
        weight = of[0] // 2
    elif op.kind == "max" and factor.expr.is_Rational:
        weight = 0
    else:
        weight = of[0]
    if factor.expr.is_Rational:
        weight %= 2
    fact = _law(k, op.kind, i, x, y, _power(factor, weight))
    k.conclude(fact, f"operation {i} ({op.kind}): weight {weight}")
    return weight


def _law(k: Proof, kind: str, i: int, x: Sequence[Term], y: Sequence[Term], scale: Term) -> Fact:
    if kind == "neg":
        return k.prove(eq(-y[0], -x[0] * scale))
    if kind == "add":
        return k.prove(eq(y[0] + y[1], (x[0] + x[1]) * scale))
    if kind == "sub":
        return k.prove(eq(y[0] - y[1], (x[0] - x[1]) * scale))
    if kind == "mul":
        return k.prove(eq(y[0] * y[1], x[0] * x[1] * scale))
    if kind == "div":
        return k.prove(eq(y[0] / y[1], x[0] / x[1] * scale))
    if kind not in ("sqrt", "max"):
        raise ProofError(f"{k.title}: nothing is known of the operation {kind}")
    old, new = symbols(f"r_{i} q_{i}")
    if kind == "sqrt":
        inside = k.assume(ge(x[0]), "else neither run has a root")
        inner, outer = x[0], y[0]
    else:
        # max(x, y) = (x + y + |x - y|)/2
        inner, outer = (x[0] - x[1]) ** 2, (y[0] - y[1]) ** 2
        inside = k.prove(ge(inner), [[sq(x[0] - x[1])]])
    root = k.root(inside, old)[1]
    other = k.root(k.prove(ge(outer), [[scale, scale, inside]]), new)[1]
    k.prove(ge(scale * old), [[scale, old]])
    squares = k.prove(
        eq(new * new, (scale * old) ** 2), using=[Times(term(1), other), Times(-(scale**2), root)]
    )
    same = equal_roots(k, new, scale * old, squares)
    if kind == "sqrt":
        return same
    half = term(1) / 2
    return k.prove(
        eq((y[0] + y[1] + new) / 2, (x[0] + x[1] + old) / 2 * scale), using=[Times(half, same)]
    )


def _value(ops: Sequence[Op], index: int) -> Term:
    op = ops[index]
    if op.kind == "const":
        return term(op.value)
    if op.kind == "neg":
        # kept as -x, so that max(x, -x) is seen to be even
        return -_value(ops, op.args[0])
    return symbols(f"x_{index}")[0]


def _power(factor: Term, weight: int) -> Term:
    return factor**weight if weight else term(1)
