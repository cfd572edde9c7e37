"""The weights of an exponential moving average add up to 1 - β^t (Kingma & Ba 2015, §3)."""

from adamcheck.numerics.symbolic import Number, symbolic_step, symbols, term
from adamcheck.proof.claims import Times, eq, ne
from adamcheck.proof.lemmas import equality
from adamcheck.proof.theorem import Book, Control, Theorem
from adamcheck.spec import Spec


def weights(book: Book, start: Number) -> None:
    """(1-β)·S = start - p for S = Σ β^k, by the recursion S → βS + 1, p → βp."""
    k = book.part("the sum of the weights")
    beta, total, p = symbols("beta S p")
    k.recursion({total: (0, beta * total + 1), p: (1, beta * p)})
    fact = equality(k, eq((1 - beta) * total, term(start) - p), beta)
    k.conclude(fact, "(1-β)·S_t = 1-β^t for every t ≥ 0, where S_t = Σ_{i≤t} β^(t-i) and p = β^t")
    k.assume(ne(1 - beta))
    closed = k.prove(eq(total, (1 - p) / (1 - beta)), using=[Times(1 / (1 - beta), fact)])
    k.conclude(closed, "S_t = (1-β^t)/(1-β) for β ≠ 1")


def averages(book: Book) -> None:
    """The rule's own m and v, fed with ones, are exactly what bias correction divides by."""
    k = book.part("the moments of constant ones")
    run = symbolic_step(Spec(), g=1, names=("s",))
    k.recursion({run.before[n]: (run.initial[n], run.after[n]) for n in run.before})
    for moment, power, beta in (("m", "p1", "beta1"), ("v", "p2", "beta2")):
        claim = eq(run.before[moment], 1 - run.before[power])
        fact = equality(k, claim, run.hyper[beta])
        k.conclude(fact, f"fed with ones, {moment}_t = 1-β{power[-1]}^t for every t ≥ 0")


def prove(book: Book) -> None:
    """Both parts."""
    weights(book, 1)
    averages(book)


THEOREM = Theorem(
    slug="geometric-weights",
    title="Geometric weights",
    statement=r"$(1-\beta)\sum_{i=1}^{t}\beta^{t-i} = 1-\beta^t$ for every $t$ and every $\beta$.",
    source="Kingma & Ba 2015 (arXiv:1412.6980), §3, step from eq. (2) to (3)",
    covers={"adam": ""},
    prove=prove,
    controls=(
        Control("(1-β)·Σ β^(t-i) = 2-β^t", lambda book: weights(book, 2)),
        Control("(1-β)·Σ β^(t-i) = β-β^t", lambda book: weights(book, symbols("beta")[0])),
    ),
)
