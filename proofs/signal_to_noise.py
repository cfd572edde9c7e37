"""The ratio of the mean gradient to its root mean square is at most 1, and falls with the mean."""

from adamcheck.numerics.symbolic import Number, symbols, term
from adamcheck.proof.claims import Fact, ge, gt, inv, sq
from adamcheck.proof.coverage import ANY
from adamcheck.proof.lemmas import binary_form, by_induction, nothing
from adamcheck.proof.theorem import Book, Control, Theorem


def jensen(book: Book, share: Number = 1) -> None:
    """(Σ w·g)² ≤ (Σ w)(Σ w·g²) for weights w ≥ 0, any number of them."""
    k = book.part("weighted means")
    w, g, total, first, second = symbols("w g W A B")
    k.assume(ge(w))
    k.recursion(
        {
            total: (0, total + term(share) * w),
            first: (0, first + w * g),
            second: (0, second + w * g * g),
        },
        [w, g],
    )
    by_induction(k, ge(total), nothing(k, total), [[total], [share, w]])
    by_induction(k, ge(second), nothing(k, second), [[second], [w, sq(g)]])
    claim = ge(total * second - first * first)

    def step(hypothesis: Fact) -> Fact:
        form = binary_form(k, total, first, second, g, 1, hypothesis)
        return k.prove(k.at_next(claim), [[hypothesis], [w, form]])

    fact = by_induction(k, claim, nothing(k, claim.term), step)
    k.conclude(fact, "(Σ w_i·g_i)² ≤ (Σ w_i)(Σ w_i·g_i²): |E g| ≤ √(E g²) for every finite law")


def annealing(book: Book) -> None:
    """At fixed variance σ² the squared ratio is below μ²/σ², which vanishes with μ."""
    k = book.part("annealing")
    mu, var = symbols("mu sigma2")
    k.assume(gt(var), "E g = μ and E g² = μ² + σ² with σ² > 0")
    total = k.prove(gt(mu * mu + var), [[sq(mu)], [var]])
    fact = k.prove(
        ge(mu**2 / var - mu**2 / (mu * mu + var)), [[sq(mu), sq(mu), inv(var), inv(total.term)]]
    )
    k.conclude(fact, "(E g)²/E g² ≤ μ²/σ²: the ratio vanishes with the mean gradient")
    fact = k.prove(gt(1 - mu**2 / (mu * mu + var)), [[var, inv(total.term)]])
    k.conclude(fact, "and it is below 1 wherever the variance is not 0")


def prove(book: Book) -> None:
    """Both parts."""
    jensen(book)
    annealing(book)


THEOREM = Theorem(
    slug="signal-to-noise",
    title="Signal to noise",
    statement=(
        r"$|E\,g|/\sqrt{E\,g^2}\le1$, and at fixed variance $\sigma^2$ the squared ratio is "
        r"at most $\mu^2/\sigma^2$, which vanishes with the mean gradient $\mu$."
    ),
    source="Kingma & Ba 2015 (arXiv:1412.6980), §2.1",
    covers={ANY: "a statement on gradients"},
    prove=prove,
    controls=(Control("(Σ w·g)² ≤ (1/2)(Σ w)(Σ w·g²)", lambda book: jensen(book, term(1) / 2)),),
)
