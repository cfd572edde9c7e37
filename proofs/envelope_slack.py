"""SLACK pays for what the envelope's charges are computed from and with; and how charges scale.

S·charge covers the charge of magnitudes that are larger by κ times their bounds, since the exact
ones may be, and what its own evaluation in float64 loses.
"""

from adamcheck.interpret.symbolic import Number, Term, symbols, term
from adamcheck.proof.charged import ONE, expanded, paid, roundoff, setting, slack_of
from adamcheck.proof.claims import Product, eq, ge, gt, inv, sq
from adamcheck.proof.magnitudes import monomials, nonnegative
from adamcheck.proof.theorem import Book, Control, Theorem

NAMES = "beta e_beta w e_w old e_old new e_new result"


def references(book: Book) -> None:
    """S times a charge covers the charge of magnitudes that are larger by κ times their bounds."""
    s, a, b, ea, eb, i, eta, gamma = symbols("s a b e_a e_b i eta gamma")
    at = setting(book, "total of a reference's magnitude")
    pay = slack_of(at.k)
    nonnegative(at.k, s, ea, eb, eta)
    _, small = roundoff(at.k)
    f, kappa, k = at.charges, pay.kappa, at.k
    paid(
        pay,
        f.total(s, ea, eb, gamma, eta),
        lambda more: f.total(s + more, ea, eb, gamma, eta),
        gamma,
        [[small], [7]],
        "S·total(s, …) ≥ total(s + κE, …) for E = S·total(s, …)",
    )
    at = setting(book, "product of references' magnitudes")
    pay = slack_of(at.k)
    nonnegative(at.k, a, b, ea, eb, eta)
    roundoff(at.k)
    paid(
        pay,
        at.charges.product(a, ea, b, eb, gamma, eta),
        lambda more: at.charges.product(a + kappa * ea, ea, b + kappa * eb, eb, gamma, eta),
        term(0),
        [[8]],
        "S·product(a, …, b, …) ≥ product(a + κe_a, …, b + κe_b, …)",
    )
    at = setting(book, "quotient of references' magnitudes")
    k, pay = at.k, slack_of(at.k)
    nonnegative(k, s, ea, eb, i, eta)
    half = k.assume(ge(1 - eb * i), "e_b·i ≤ 1; see quotient")
    _, small = roundoff(k)
    square, more = (1 + kappa) ** 2, k.prove(gt(1 + gamma), [[1], [gamma]])
    room = pay.room
    two = k.prove(ge(2 - square), [[kappa, room], [ONE * 17 / 8, room], [ONE * 47 / 64]])
    paid(
        pay,
        at.charges.scaled_down(s, ea, eb, i, gamma, eta),
        lambda more: at.charges.scaled_down(s + more, ea, eb, square * i, gamma, eta),
        eb * i * square * (1 + gamma) + gamma,
        [[sq(1 + kappa), more, half], [more, two], [3, small], [3]],
        "S·scaled_down(q, …, i, …) ≥ scaled_down(q + κE, …, (1+κ)²i, …)",
    )
    for first in (True, False):
        name = "the first" if first else "the second"
        at = setting(
            book, f"radical of a reference, {name} smaller", larger=lambda x, y: x, first=first
        )
        k, pay = at.k, slack_of(at.k)
        r, ev, w = symbols("r e_v w")
        nonnegative(k, ev, w)
        roundoff(k)
        k.assume(gt(r))
        k.assume(gt(s))
        up = k.assume(ge((1 + kappa) * s, r), "the reference r of s = √v")
        down = k.assume(ge((1 + kappa) * r, s), "is within 1+κ of it")
        charge, exact = at.charges.radical(r, ev, gamma), at.charges.radical(s, ev, gamma)
        moved: Product = [ev, inv(r)] if first else [w]
        parts: list[Product] = [moved, [gamma, *moved], [gamma, r]]
        base = k.prove(ge(charge), parts)
        least: list[Product] = [[1 + gamma, ev, inv(s), inv(r), up]]
        k.prove(gt(1 + gamma), [[1], [gamma]])
        if not first:
            least = [[1 + gamma, kappa, w]]
        near = k.prove(ge((1 + kappa) * charge, exact), [*least, [gamma, down]])
        extra: list[Product] = [[kappa] * n for n in (1, 2, 3)]
        rest = k.prove(
            ge((1 + kappa) ** 4 - (1 + kappa)),
            [[c, *p] for c, p in zip((3, 6, 4), extra, strict=True)] + [[kappa] * 4],
        )
        fact = k.prove(
            ge(pay.S * charge, exact),
            [[pay.enough, base], [8, pay.S, kappa, base], [rest, base], [near]],
        )
        k.conclude(fact, "S·radical(r, …) ≥ radical(s, …) for r within 1+κ of s")


def average_references(book: Book) -> None:
    """S·average(…) covers the average of magnitudes larger by κ times their bounds."""
    k = book.part("average of references' magnitudes")
    pay, given = slack_of(k), symbols(NAMES)
    kappa, one = pay.kappa, 1 + pay.kappa
    beta, ebeta, w, ew, *_, result = given
    gamma2, gamma4, eta, u, off, rounded = symbols("gamma_2 gamma_4 eta u M_1 M_2")
    nonnegative(k, *given, gamma2, gamma4, eta, u)
    small = k.assume(ge(ONE / 2, u), "u ≤ 1/2")
    above = k.assume(ge(off, ebeta), "M_1 is the larger of two")
    k.assume(ge(off, ew))
    b, high = beta + off, w + ew
    least = [k.assume(ge(rounded, gamma2 * b), "so is M_2"), k.assume(ge(rounded, gamma4 * high))]
    k.prove(ge(off), [[above], [ebeta]])
    k.prove(ge(rounded), [[least[1]], [gamma4, w], [gamma4, ew]])
    k.prove(ge(one), [[1], [kappa]])
    parts: list[Product] = [[one, least[0]], [gamma2, kappa, beta]]
    fact = k.prove(ge(one * rounded, gamma2 * (b + kappa * off)), parts)
    k.conclude(fact, "(1+κ)·M_2 serves as the larger of the two roundings")
    fact = k.prove(
        ge(one * rounded, gamma4 * (high + kappa * ew)), [[one, least[1]], [gamma4, kappa, w]]
    )
    k.conclude(fact, "(1+κ)·M_2 serves as the larger of the two roundings")

    def evaluated(shift: Term, more: Term, share: Term) -> Term:
        found = iter((off, share * rounded))
        f = setting(Book(), "", larger=lambda x, y: next(found)).charges
        errors = (off, *given[3:8:2])  # off is no smaller than e_β
        moved = [x + shift * e for x, e in zip(given[0:8:2], errors, strict=True)]
        pairs = [value for pair in zip(moved, given[1:8:2], strict=True) for value in pair]
        return f.average(*pairs, result + more, u, gamma2, gamma4, eta)

    paid(
        pay,
        evaluated(term(0), term(0), ONE),
        lambda more: evaluated(kappa, more, one),
        u,
        [[small], [ONE * 15 / 2]],
        "S·average(…) ≥ average(…) of β + κM_1, w + κe_w, old + κe_old, new + κe_new, r + κE",
    )


SLACK_POINT = (1 + term(1) / 2**24, term(1) / 2**28, term(1) / 2**53)


def slack(book: Book, count: int = 2**10) -> None:
    """S = 1+2^-24 pays for κ = 2^-28 and for 1,024 roundings of the bound in float64."""
    k = book.part("the slack of the code, and the bound's own evaluation in float64")
    slack_, kappa, v, lost = symbols("S kappa v q")
    # Bernoulli: (1-v)^n ≥ 1 - n·v, by induction
    n = symbols("n")[0]
    k.recursion({lost: (1, lost * (1 - v)), n: (0, n + 1)})
    k.assume(ge(v))
    k.assume(gt(1 - v))
    claim = ge(lost - 1 + n * v)
    hypothesis_base = k.prove(k.at_base(claim))
    counted_base = k.prove(k.at_base(ge(n)))
    counted = k.suppose(ge(n))
    counted = k.induct(ge(n), counted_base, counted, k.prove(ge(n + 1), [[counted], [1]]))
    hypothesis = k.suppose(claim)
    step = k.prove(k.at_next(claim), [[1 - v, hypothesis], [counted, v, v]])
    fact = k.induct(claim, hypothesis_base, hypothesis, step)
    k.conclude(fact, "(1-v)^n ≥ 1 - n·v for every n")
    s0, k0, v0 = SLACK_POINT
    numbers = gt(slack_ * (1 - term(count) * v) * (1 - 8 * kappa), (1 + kappa) ** 4)
    point = {slack_: s0, kappa: k0, v: v0}
    fact = k.witness(point, [numbers, ge(term(1) / 8, kappa)])
    k.conclude(fact, f"S(1 - {count}·2^-53)(1-8κ) > (1+κ)⁴ for S = 1+2^-24, κ = 2^-28")

    k = book.part("one more operation of the bound in float64 loses one factor 1-v")
    v, x, y, x2, y2, p, q, d = symbols("v x y x_2 y_2 p q d")
    nonnegative(k, v, x, y, p, q, x2, y2)
    k.assume(ge(1 - v))
    k.assume(ge(1 - p))
    k.assume(ge(1 - q))
    first, second = k.assume(ge(x2, p * x)), k.assume(ge(y2, q * y))
    rounding = k.assume(ge(d + v), "d ≥ -v")
    fact = k.prove(
        ge((x2 + y2) * (1 + d), (1 - v) * p * q * (x + y)),
        [
            [x2, rounding],
            [y2, rounding],
            [1 - v, first],
            [1 - v, second],
            [1 - v, p, x, 1 - q],
            [1 - v, q, y, 1 - p],
        ],
    )
    k.conclude(fact, "a sum of values that are at least p·x and q·y is at least (1-v)pq(x+y)")
    fact = k.prove(
        ge(x2 * y2 * (1 + d), (1 - v) * p * q * x * y),
        [[x2, y2, rounding], [1 - v, first, y2], [1 - v, p, x, second]],
    )
    k.conclude(fact, "and a product at least (1-v)pq·xy")


def homogeneity(book: Book, share: Number = 1) -> None:
    """c times the data: c times the charge; m times roundoff and errors: m times it, or more."""
    at = setting(book, "homogeneity", larger=lambda x, y: x)
    k, f = at.k, at.charges
    c, x = symbols("c x")
    s, a, b, ea, eb, gamma, eta, i, r = symbols("s a b e_a e_b gamma eta i r")
    k.assume(gt(c))
    k.assume(gt(r))
    pairs = (
        (f.total(c * s, c * ea, c * eb, gamma, c * eta), f.total(s, ea, eb, gamma, eta), "total"),
        (
            f.product(c * a, c * ea, b, eb, gamma, c * eta),
            f.product(a, ea, b, eb, gamma, eta),
            "product",
        ),
        (
            f.scaled_down(c * s, c * ea, eb, i, gamma, c * eta),
            f.scaled_down(s, ea, eb, i, gamma, eta),
            "scaled_down",
        ),
        (f.radical(c * r, c * c * ea, gamma), f.radical(r, ea, gamma), "radical"),
    )
    for scaled, once, name in pairs:
        k.conclude(k.prove(eq(scaled, c * once)), f"{name}(…) of data c times as large is c times")
    nonnegative(k, s, a, b, ea, eb, gamma, eta, i, x)
    m = 1 + x
    ups = (
        (f.total(s, m * ea, m * eb, m * gamma, m * eta), f.total(s, ea, eb, gamma, eta), "total"),
        (
            f.product(a, m * ea, b, m * eb, m * gamma, m * eta),
            f.product(a, ea, b, eb, gamma, eta),
            "product",
        ),
        (
            f.scaled_down(s, m * ea, m * eb, i, m * gamma, m * eta),
            f.scaled_down(s, ea, eb, i, gamma, eta),
            "scaled_down",
        ),
    )
    for larger, once, name in ups:
        rest = expanded(larger - term(share) * m * once)
        k.conclude(
            k.prove(ge(larger - term(share) * m * once), monomials(rest)),
            f"{name}(…) grows at least as fast as the roundoff and the errors, (1+x) times",
        )


def prove(book: Book) -> None:
    """All parts."""
    references(book)
    average_references(book)
    slack(book)
    homogeneity(book)


THEOREM = Theorem(
    slug="envelope-slack",
    title="The slack of the running error bound",
    statement=(
        r"For $S(1-8\kappa)\ge(1+\kappa)^4$, $S$ times each charge (total, product, "
        r"scaled_down, radical, average) covers the charge of magnitudes that are larger by "
        r"$\kappa$ times their bounds. At $S=1+2^{-24}$, $\kappa=2^{-28}$ this leaves room for "
        r"1,024 roundings of the "
        r"bound in float64, underflow apart. total, product, scaled_down and radical are "
        r"homogeneous in the data; the first three grow at least in proportion to roundoff and "
        r"operand errors."
    ),
    source="this project",
    prove=prove,
    controls=(
        Control("the slack pays for 2^30 roundings", lambda book: slack(book, 2**30)),
        Control("charges grow twice as fast as the roundoff", lambda book: homogeneity(book, 2)),
    ),
)
