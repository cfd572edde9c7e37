"""What is kept is rounded once more: the bounds of stored moments and parameters, traced.

A rounding is fl(x) = x(1+d)+h with |d| ≤ u and |h| ≤ η, u and η those of the format in which a
number is kept. What an average's product loses by itself, in the format of its own factors, adds to
the bound of the average. The error bounds are those of adamcheck/numerics/error_bounds.py.
"""

from adamcheck.numerics.symbolic import Number, symbols, term
from adamcheck.proof.claims import eq
from adamcheck.proof.coverage import ANY
from adamcheck.proof.error_bound import ONE, bounded_by, setting
from adamcheck.proof.magnitudes import bounded, nonnegative, plus, times
from adamcheck.proof.theorem import Book, Control, Theorem


def kept_once_more(book: Book, share: Number = 1) -> None:
    """|fl(x̂) - x| ≤ total_or_zero(a, a, e, 0, 0, u, η) for |x̂ - x| ≤ e, |x| ≤ a."""
    at = setting(book, "a value is rounded once more, to be kept")
    k = at.k
    a, e, u, eta, x, off = symbols("a e u eta x D")
    nonnegative(k, a, e, u, eta)
    error_bound = at.error_bounds.total_or_zero(a, a, e, 0, 0, term(share) * u, eta)
    exact, moved = bounded(k, x, a), bounded(k, off, e, "how far it was off before")
    size = plus(k, exact, moved)
    d, h = bounded(k, symbols("d")[0], u), bounded(k, symbols("h")[0], eta)
    error = plus(k, moved, times(k, d, size), h)
    bounded_by(k, error, error_bound, error.x, "(x̂(1+d) + h) - x for x̂ = x + D")


def product_apart(book: Book, share: Number = 1) -> None:
    """β̂·ô rounded by itself, its factor cast before: what that adds to the bound of a sum."""
    at = setting(book, "a product of an average rounds in the format of its own factors")
    k = at.k
    a, ea, b, eb, gamma, eta = symbols("a e_a b e_b gamma_2 eta")
    nonnegative(k, a, ea, b, eb, gamma, eta)
    error_bound = at.error_bounds.product_or_zero(
        a + ea, 0, b + eb, 0, term(share) * gamma, eta * (1 + b + eb)
    )
    one = bounded(k, symbols("beta")[0], a + ea, "the scalar, as any evaluation has it")
    other = bounded(k, symbols("o")[0], b + eb, "the moment, as any evaluation has it")
    d = bounded(k, symbols("D")[0], gamma, "cast and product: rounding-envelope")
    h = bounded(k, symbols("h")[0], eta * (1 + b + eb), "what both lose below the normal range")
    error = plus(k, times(k, d, one, other), h)
    bounded_by(k, error, error_bound, error.x, "β̂ô(1+D) + h is off from β̂ô")


def from_shown(book: Book) -> None:
    """From a moment as it is kept one step's bound holds no earlier rounding."""
    k = book.part("a step from the moment that was kept")
    beta, kept, exact, g, earlier = symbols("beta M m g E")
    k.assume(eq(kept - exact - earlier), "M = m + E: what earlier steps rounded away")
    now = beta * kept + (1 - beta) * g
    apart = beta * exact + (1 - beta) * g
    k.conclude(
        k.prove(eq(now - apart, beta * (kept - exact))),
        "over a run the errors are carried on with β; from M itself they are 0",
    )


def prove(book: Book) -> None:
    """All parts."""
    kept_once_more(book)
    product_apart(book)
    from_shown(book)


THEOREM = Theorem(
    slug="stored-rounding",
    title="The error bound of what is kept in a format of its own",
    statement=(
        r"Let $|\hat x-x|\le e$ and $|x|\le a$. Kept in a format of roundoff $u$ and loss $\eta$ "
        r"it is within total$(a,e,0,u,\eta)$ of $x$. A product $\beta m$ of an average that rounds "
        r"by itself, its scalar cast before, adds at most "
        r"$\gamma_2(\beta+e_\beta)(|m|+e_m)+\eta(1+|m|+e_m)$. From moments as they are kept a step "
        r"holds no earlier rounding: those of a run are carried on with $\beta$."
    ),
    source="this project",
    covers={ANY: "operation by operation"},
    prove=prove,
    controls=(
        Control("half of the last rounding suffices", lambda b: kept_once_more(b, ONE / 2)),
        Control("half of a product's two roundings suffices", lambda b: product_apart(b, ONE / 2)),
    ),
)
