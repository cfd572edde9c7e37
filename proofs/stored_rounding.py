"""What is kept is rounded once more: the bounds of stored moments and parameters, traced.

A rounding is fl(x) = x(1+d)+h with |d| ≤ u and |h| ≤ η, u and η those of the format in which a
number is kept. What an average's product loses by itself, in the format of its own factors, adds to
the bound of the average. The error bounds are those of adamcheck/numerics/error_bounds.py.
"""

from adamcheck.numerics.symbolic import Number, symbols, term
from adamcheck.proof.claims import Times, eq, ge, gt
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


def kept_maximum(book: Book, share: Number = 1) -> None:
    """fl(max(â, b̂)) for an â that is a number of the format: only what is new in it is rounded."""
    for older in (True, False):
        which = "b̂ ≤ â" if older else "b̂ ≥ â"
        k = book.part(f"a maximum that is kept, of what was kept before: where {which}")
        a, b, old, new, most, ea, eb, bound = symbols("a b a_1 b_1 M e_a e_b E")
        low = [k.assume(ge(most, x)) for x in (a, b)]
        one = k.assume(eq((most - a) * (most - b)), "M = max(a, b)")
        wide = [k.assume(ge(bound, term(share) * x), "E: the larger bound") for x in (ea, eb)]
        near = [
            bounded(k, old - a, ea, "â, a number of the format, so that fl(â) = â"),
            bounded(k, new - b, eb, "fl(b̂), with its own rounding"),
        ]
        top, less = (old, new) if older else (new, old)
        side = k.assume(ge(top, less), "rounding is monotone, so this is fl(max(â, b̂))")
        mine, its = (0, 1) if older else (1, 0)
        above = k.prove(ge(bound, top - most), [[wide[mine]], [near[mine].above], [low[mine]]])
        k.conclude(above, "fl(max(â, b̂)) - M ≤ max(e_a, e_b)")
        over = k.suppose(gt(most - top, bound))
        parts = [
            [[over], [wide[mine]], [near[mine].below]],
            [[over], [wide[its]], [near[its].below], [side]],
        ]
        apart = [k.prove(gt(most - x), why) for x, why in zip(
            ((a, b) if older else (b, a)), parts, strict=True)]  # fmt: skip
        false = k.prove(gt(0), [apart], using=[Times(-ONE, one)])
        k.conclude(k.absurd(false, over), "M - fl(max(â, b̂)) ≤ max(e_a, e_b)")


def carried(book: Book, share: Number = 1) -> None:
    """A moment over a run: every rounding is carried on with β, but none from what is shown."""
    k = book.part("roundings of a moment over a run")
    beta, g, off, r, exact, kept, bound = symbols("beta g D r m M b")
    k.assume(ge(beta))
    sides = [k.assume(ge(r, off)), k.assume(ge(r + off))]
    k.recursion(
        {
            exact: (0, beta * exact + (1 - beta) * g),
            kept: (0, beta * kept + (1 - beta) * g + off),
            bound: (0, beta * bound + term(share) * r),
        },
        [g, off, r],
    )
    for sign, side in ((1, sides[0]), (-1, sides[1])):
        claim = ge(bound - sign * (kept - exact))
        held = k.suppose(claim)
        after = k.prove(k.at_next(claim), [[beta, held], [side]])
        fact = k.induct(claim, k.prove(k.at_base(claim), []), held, after)
        k.conclude(fact, "|M_t - m_t| ≤ Σ β^(t-i)·r_i, each moment being off by r_i as it is kept")
    k = book.part("a step from the moment that is shown")
    apart = bounded(k, off, r)
    now = beta * kept + (1 - beta) * g
    bounded_by(k, apart, r, now + off - (beta * kept + (1 - beta) * g), "|M_t - step(M)| ≤ r_t")


def prove(book: Book) -> None:
    """All parts."""
    kept_once_more(book)
    product_apart(book)
    kept_maximum(book)
    carried(book)


THEOREM = Theorem(
    slug="stored-rounding",
    title="The error bound of what is kept in a format of its own",
    statement=(
        r"Let $|\hat x-x|\le e$ and $|x|\le a$. Kept in a format of roundoff $u$ and loss $\eta$ "
        r"it is within total$(a,e,0,u,\eta)$ of $x$; so is what a factor $1+\theta$, "
        r"$|\theta|\le\gamma_2$, makes of it where a scalar is moved into an operand, with "
        r"$\gamma_2$ for $u$. A product $\beta m$ of an average that rounds "
        r"by itself, its scalar cast before, adds at most "
        r"$\gamma_2(\beta+e_\beta)(|m|+e_m)+\eta(1+|m|+e_m)$. Of a maximum that is kept only what "
        r"is new is rounded, as rounding is monotone: it is within the larger of $e_a$ and the "
        r"bound of $fl(\hat b)$. Over a run a moment that each step keeps within $r_t$ is within "
        r"$\sum\beta^{t-i}r_i$; a step from the moment that is shown is within $r_t$."
    ),
    source="this project",
    covers={ANY: "operation by operation"},
    prove=prove,
    controls=(
        Control("half of the last rounding suffices", lambda b: kept_once_more(b, ONE / 2)),
        Control("half of a product's two roundings suffices", lambda b: product_apart(b, ONE / 2)),
        Control("half of the larger bound of a maximum", lambda b: kept_maximum(b, ONE / 2)),
        Control("half of each rounding over a run", lambda b: carried(b, ONE / 2)),
    ),
)
