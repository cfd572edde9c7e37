"""The error bound of a moving average holds for every order in which frameworks write one.

A rounding is fl(x) = x(1+d)+h; a fused operation has d = h = 0, and every d here may be 0. The
error bound is traced from adamcheck/numerics/error_bounds.py; see rounding_envelope for the others.
"""

from adamcheck.numerics.symbolic import symbols, term
from adamcheck.proof.claims import eq, ge
from adamcheck.proof.coverage import ANY
from adamcheck.proof.error_bound import ONE, bounded_by, setting
from adamcheck.proof.magnitudes import (
    Size,
    bounded,
    negated,
    nonnegative,
    plus,
    relaxed,
    times,
)
from adamcheck.proof.theorem import Book, Control, Theorem

ORDERS = {
    "textbook": "β·o + w·n and β·o + (w·g)·g: casts and products rounded, fused where a d is 0",
    "lerp": "o + w·(n - o): casts, difference and product rounded",
    "reversed": "n - β·(n - o), with β = 1 - ŵ no larger than w",
}
"""The orders of one average before its last rounding."""

NAMES = "beta e_beta w e_w old e_old new e_new result"


def part_average(book: Book, order: str, half: bool = False) -> None:
    """|X - r| ≤ moved + 2η for what is rounded last; r = β·o + w·n with w = 1-β exactly."""
    at = setting(book, f"average, {order}: {ORDERS[order]}")
    k, given = at.k, symbols(NAMES)
    beta, ebeta, w, ew, old, eold, new, enew, _ = given
    gamma2, gamma4, eta = symbols("gamma_2 gamma_4 eta")
    nonnegative(k, *given[:-1], gamma2, gamma4)
    moved = at.error_bounds.average(*given, term(0), gamma2, gamma4, 0)
    off, rounded = at.maxima
    olds, high = (k.prove(ge(p + q), [[p], [q]]) for p, q in ((old, eold), (w, ew)))

    o, n, weight, do, dn, dw = symbols("o n W do dn dw")
    size = bounded(k, o, old)
    low, down = bounded(k, do, eold), bounded(k, dn, enew)
    news = bounded(k, n, new)
    o_hat, n_hat = plus(k, size, low), plus(k, news, down)
    slip = bounded(k, dw, ew)
    fresh = plus(k, bounded(k, weight, w), slip)
    beta_size = bounded(k, 1 - weight, beta, "β = 1-w")
    if order == "textbook":
        (db,) = symbols("db")
        move = relaxed(k, bounded(k, db, ebeta), off, [[off - ebeta]])
    else:  # β is 1 - ŵ
        move = relaxed(k, negated(slip), off, [[off - ew]])
    keep = plus(k, beta_size, move)
    lost = bounded(k, symbols("h")[0], 2 * eta, "what the products lose below the normal range")
    parts = [
        times(k, keep, low),
        times(k, move, size),
        times(k, fresh, down),
        times(k, slip, news),
        lost,
    ]
    if order == "textbook":
        first, second = symbols("theta_1 theta_2")
        d = bounded(k, first, gamma2, "cast and product")
        d2 = bounded(k, second, gamma4, "a cast, and the products of (w·g)·g")
        on_old, on_new = times(k, d, keep, o_hat), times(k, d2, fresh, n_hat)
        why = rounded - gamma2 * (beta + off)
        value = keep.x * (1 + first) * o_hat.x + fresh.x * (1 + second) * n_hat.x
    else:
        (theta,) = symbols("theta")
        d, factor = bounded(k, theta, gamma4, "two casts, difference, product"), fresh
        if order == "reversed":
            above = k.assume(ge(high.term, keep.x), "β̂ ≤ w, as for β < 1/2")
            factor = Size(keep.x, high.term, above, k.assume(ge(high.term + keep.x)))
        on_old, on_new = times(k, d, factor, o_hat), times(k, d, factor, n_hat)
        why = rounded - gamma4 * high.term
        spread = n_hat.x - o_hat.x
        if order == "reversed":
            on_new, value = negated(on_new), n_hat.x - keep.x * spread * (1 + theta)
        else:
            on_old, value = negated(on_old), o_hat.x + fresh.x * spread * (1 + theta)
    bound = (rounded / 2 if half else rounded) * olds.term
    parts += [relaxed(k, on_old, bound, [[olds, why]]), on_new]
    total = plus(k, *parts)
    difference = value + lost.x - (1 - weight) * o - weight * n
    words = f"|X - r| ≤ moved + 2η for the order {order}, fused or not"
    bounded_by(k, total, moved + 2 * eta, difference, words)


def part_last(book: Book) -> None:
    """The last rounding of an average: normal (h = 0), or below the normal range (d = 0)."""
    for normal in (True, False):
        at = setting(book, "average, the last rounding" + (", normal" if normal else ", underflow"))
        k, given = at.k, symbols(NAMES)
        gamma2, gamma4, eta, u = symbols("gamma_2 gamma_4 eta u")
        moved, x, r, d, h, result = symbols("moved X r d h result")
        nonnegative(k, *given, gamma2, gamma4, eta, u, moved)
        small = k.assume(ge(ONE / 2, u), "u ≤ 1/2")
        error_bound = at.error_bounds.average(*given, u, gamma2, gamma4, eta)
        inner = at.error_bounds.average(*given, term(0), gamma2, gamma4, 0)
        lost = eta * (3 + sum(given[4:8], term(0)))
        same = k.prove(eq(error_bound, inner + u * (result + inner) + lost))
        k.conclude(same, "average(…) = moved + u(r + moved) + η(3 + …)")
        before = bounded(k, x - r, moved + 2 * eta, "from the parts before")
        if normal:
            exact = bounded(k, r, result)
            error = times(k, bounded(k, d, u), plus(k, before, exact))
            extra = relaxed(k, error, u * (moved + result) + eta, [[2, eta, small]])
            value = x * (1 + d) - r
        else:
            extra, value = bounded(k, h, eta), x + h - r
        total = plus(k, before, extra)
        most = moved + u * (result + moved) + lost
        bounded_by(k, total, most, value, "|fl(X) - r| ≤ average(…)")


def prove(book: Book) -> None:
    """Every order up to its last rounding, then that one."""
    for order in ORDERS:
        part_average(book, order)
    part_last(book)


THEOREM = Theorem(
    slug="average-envelope",
    title="The error bound of a moving average",
    statement=(
        r"With $fl(x)=x(1+d)+h$, $|d|\le u\le\tfrac12$, $|h|\le\eta$ and $d$ or $h$ zero in the "
        r"last rounding, average(…) bounds |computed - exact| of $\beta o+wn$, $w=1-\beta$, for "
        r"the orders textbook, $\beta o+(wg)g$, lerp $o+w(n-o)$ and reversed $n-\beta(n-o)$, each "
        r"fused or not. Supposed: the products lose at most $2\eta$ to underflow (no weight's cast "
        r"underflows; the inner product of $(wg)g$ is in $\eta$'s factor); in the difference "
        r"forms $\hat\beta=1-\hat w$ and, reversed, $\hat\beta\le w$ as for $\beta<1/2$."
    ),
    source="this project; for γ_k Higham 2002, Accuracy and Stability, Lemma 3.1",
    covers={ANY: "operation by operation"},
    prove=prove,
    controls=(
        Control(
            "lerp with half of the error bound on |o|",
            lambda book: part_average(book, "lerp", True),
        ),
        Control(
            "textbook with half of the error bound on |o|",
            lambda book: part_average(book, "textbook", True),
        ),
    ),
)
