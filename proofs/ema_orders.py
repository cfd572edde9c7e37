"""Every writing of one moving average, and of one update, is the same function of real numbers."""

from adamcheck.numerics.symbolic import Number, symbolic_step, symbols, term
from adamcheck.proof.claims import eq, ne
from adamcheck.proof.theorem import Book, Control, Theorem
from adamcheck.rules import ema
from adamcheck.spec import Spec


def averages(book: Book, slip: Number = 0) -> None:
    """Textbook, lerp, reversed lerp, weight first, and squares in two orders."""
    k = book.part("one moving average")
    beta, old, new = symbols("beta m g")
    rule = ema(beta, old, new)
    writings = {
        "old + (1-β)(new-old)": old + (1 - beta) * (new - old) + term(slip) * old,
        "new - β(new-old)": new - beta * (new - old),
        "old - (1-β)(old-new)": old - (1 - beta) * (old - new),
        "(1-β)·new + β·old": (1 - beta) * new + beta * old,
    }
    for name, writing in writings.items():
        k.conclude(k.prove(eq(rule, writing)), f"β·old + (1-β)·new = {name}")
    square = ema(beta, old, new * new)
    fact = k.prove(eq(square, beta * old + ((1 - beta) * new) * new))
    k.conclude(fact, "β·old + ((1-β)·new)·new is the same average of squares")


def updates(book: Book) -> None:
    """Moved scalars, reciprocals, and the root divided by the root of its correction."""
    k = book.part("one update")
    run = symbolic_step(Spec(), names=("s",))
    (s,) = run.ops.roots
    alpha, eps, m = run.hyper["lr"], run.hyper["eps"], run.after["m"]
    weight = 1 - run.after["p1"]
    k.assume(ne(weight))
    k.assume(ne(s + eps))
    update = run.named["update"]
    writings = {
        "(α·m̂)/(√v̂+ε)": (alpha * (m / weight)) / (s + eps),
        "(α/(1-β1^t))·m/(√v̂+ε)": (alpha / weight) * m / (s + eps),
        "(α/(1-β1^t))·(m·(1/(√v̂+ε)))": (alpha / weight) * (m * (1 / (s + eps))),
        "m·((α/(1-β1^t))/(√v̂+ε))": m * ((alpha / weight) / (s + eps)),
    }
    for name, writing in writings.items():
        k.conclude(k.prove(eq(update, writing)), f"α·(m̂/(√v̂+ε)) = {name}")


def prove(book: Book) -> None:
    """Averages and updates."""
    averages(book)
    updates(book)


THEOREM = Theorem(
    slug="ema-orders",
    title="Orders of evaluation",
    statement=(
        r"$\beta m+(1-\beta)g = m+(1-\beta)(g-m) = g-\beta(g-m)$ and the reassociated forms of the "
        r"update are one function of real numbers; they differ in rounding alone."
    ),
    source="this project; the orders are those of shipped implementations",
    covers={"adam": ""},
    prove=prove,
    controls=(
        Control(
            "old + (1-β)(new-old) + old/1000 is the average",
            lambda book: averages(book, term(1) / 1000),
        ),
    ),
)
