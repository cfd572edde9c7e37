"""How far β^t and 1-β^t are off when β, or every product, carries a relative error of at most u."""

from collections.abc import Callable, Sequence

from adamcheck import theory
from adamcheck.numerics.symbolic import Number, symbols, term
from adamcheck.proof.claims import Claim, Fact, Product, eq, ge, gt, inv, ne
from adamcheck.proof.coverage import ANY
from adamcheck.proof.kernel import Proof
from adamcheck.proof.lemmas import by_induction, nothing
from adamcheck.proof.theorem import Book, Control, Theorem


def prove(book: Book, share: Number = 1) -> None:
    """P = Π(1+d_i) lies between (1-u)^n ≥ 1-nu and (1+u)^n ≤ 1/(1-nu)."""
    k = book.part("n relative errors of at most u")
    u, d, n, wrong, high, low = symbols("u d n P A B")
    k.assume(ge(u))
    k.assume(gt(1 - u))
    up = k.assume(ge(u - d), "|d_i| ≤ u: the error of β taken n times, or n roundings")
    down = k.assume(ge(u + d))
    k.recursion(
        {
            n: (0, n + 1),
            wrong: (1, wrong * (1 + d)),
            high: (1, high * (1 + u)),
            low: (1, low * (1 - u)),
        },
        [d],
    )
    k.prove(ge(1 + u), [[1], [u]])
    k.prove(ge(1 + d), [[1 - u], [down]])
    by_induction(k, ge(n), nothing(k, n), [[n], [1]])
    for power, step in ((wrong, 1 + d), (high, 1 + u), (low, 1 - u)):
        by_induction(k, ge(power), [1], [[power, step]])

    below_high = _step(k, ge(high - wrong), lambda ih: [[ih, 1 + u], [wrong, up]])
    above_low = _step(k, ge(wrong - low), lambda ih: [[ih, 1 + d], [low, down]])
    top = _step(
        k,
        ge(1 - high * (1 - term(share) * n * u)),
        lambda ih: [[ih], [high, n, u, u], [high, u, u]],
    )
    bottom = _step(k, ge(low - (1 - n * u)), lambda ih: [[ih, 1 - u], [n, u, u]])
    k.conclude(top, "(1+u)^n·(1-nu) ≤ 1")
    k.conclude(bottom, "(1-u)^n ≥ 1-nu")
    rest = k.assume(gt(1 - n * u), "n·u < 1")
    most = k.prove(ge(1 - wrong * (1 - n * u)), [[top], [below_high, rest]])
    least = k.prove(ge(wrong - (1 - n * u)), [[above_low], [bottom]])
    k.conclude(most, "Π(1+d_i) ≤ 1/(1-nu)")
    k.conclude(least, "Π(1+d_i) ≥ 1-nu")

    p, beta = symbols("p beta")
    k.assume(ge(p), "p = β^n")
    weight = k.assume(gt(1 - p))
    gamma = n * u / (1 - n * u)
    shown = gamma * p / (1 - p)
    above = k.prove(
        ge(shown - (p * wrong - p) / (1 - p)), [[p, most, inv(rest.term), inv(weight.term)]]
    )
    k.conclude(above, "1-β^n is too small by at most n·u/(1-nu)·β^n/(1-β^n) of itself")
    under = k.prove(
        ge(shown + (p * wrong - p) / (1 - p)),
        [[p, least, inv(weight.term)], [p, n, n, u, u, inv(rest.term), inv(weight.term)]],
    )
    k.conclude(under, "and too large by at most that")
    for t in (1, 4):
        k.assume(ne(1 - beta**t))
        told = theory.scalar_error_factor(beta, t)
        k.conclude(k.prove(eq(told, t * beta**t / (1 - beta**t))), f"the factor in theory, n = {t}")


def _step(k: Proof, claim: Claim, products: Callable[[Fact], Sequence[Product]]) -> Fact:
    return by_induction(
        k,
        claim,
        lambda _: k.prove(k.at_base(claim)),
        lambda ih: k.prove(k.at_next(claim), products(ih)),
    )


THEOREM = Theorem(
    slug="scalar-precision",
    title="Precision of the scalars",
    statement=(
        r"For $|d_i|\le u$ and $nu<1$: $1-nu\le\prod_{i\le n}(1+d_i)\le1/(1-nu)$. A relative error "
        r"$u$ of $\beta$, or of every product, moves $1-\beta^n$ by at most "
        r"$\frac{nu}{1-nu}\cdot\frac{\beta^n}{1-\beta^n}$ of itself."
    ),
    source="this project; the product bound is Higham 2002, Lemma 3.1",
    covers={ANY: "operation by operation"},
    prove=prove,
    controls=(Control("(1+u)^n·(1-nu/2) ≤ 1", lambda book: prove(book, term(1) / 2)),),
)
