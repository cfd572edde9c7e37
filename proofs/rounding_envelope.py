"""The bounds of the running error analysis (numerics/error_bounds.py) hold for every order.

A rounding is fl(x) = x(1+d)+h with |d| ≤ u and |h| ≤ η; a fused one has d = h = 0, and every d here
may be 0. |x| ≤ b is a pair of facts. The error bounds are traced from their source; magnitudes are
exact ones, or bounds of them (envelope_slack goes over to the reference's).
"""

from adamcheck.numerics.symbolic import Number, symbols, term
from adamcheck.proof.claims import Fact, Factor, Product, Times, eq, ge, gt, inv, sq
from adamcheck.proof.coverage import ANY
from adamcheck.proof.error_bound import ONE, bounded_by, expanded, setting, slack_of
from adamcheck.proof.kernel import Proof
from adamcheck.proof.magnitudes import (
    Size,
    bounded,
    minus,
    monomials,
    nonnegative,
    plus,
    relaxed,
    times,
)
from adamcheck.proof.theorem import Book, Control, Theorem

# --- roundings ---


def roundings(book: Book, share: Number = 1) -> None:
    """(1+D)(1+d)-1 and (1+D)/(1+d)-1 for |D| ≤ γ_j, |d| ≤ u; then four factors written out."""
    k = book.part("one more rounding: γ_j becomes γ_(j+1)")
    u, j, much, d = symbols("u j D d")
    nonnegative(k, u, j)
    room = k.assume(gt(1 - (j + 1) * u), "(j+1)u < 1")
    less = k.prove(gt(1 - j * u), [[room], [u]])
    single = k.prove(gt(1 - u), [[room], [j, u]])
    gamma, more = j * u / (1 - j * u), term(share) * (j + 1) * u / (1 - (j + 1) * u)
    before, one = bounded(k, much, gamma), bounded(k, d, u)
    both = plus(k, before, one, times(k, before, one))
    ahead: list[Product] = [[j + 1, u, u, inv(less.term), inv(room.term)]]
    k.prove(gt(j + 1), [[j], [1]])
    for name, fact in zip("≤≥", relaxed_pair(k, both, more, ahead), strict=True):
        k.conclude(fact, f"(1+D)(1+d) - 1 {name} ±γ_(j+1) for |D| ≤ γ_j, |d| ≤ u")
    low = k.prove(gt(1 + d), [[single], [one.below]])
    for sign, side in ((1, before.above), (-1, before.below)):
        turn = one.below if sign > 0 else one.above
        gap = more * (1 + d) - sign * (much - d)
        # γ_(j+1)(1+d) ≥ γ_(j+1)(1-u) ≥ γ_j + u, and the rest is (γ_(j+1)+1)(u+d) or its like
        rest: list[list[Factor]] = [[side], [j, u, u, inv(less.term), inv(room.term)]]
        lift = more + 1 if sign > 0 else more - 1
        products: list[Product]
        if sign > 0:
            k.prove(gt(lift), [[j + 1, u, inv(room.term)], [1]])
            products = [*rest, [lift, turn]]
        else:
            products = [*rest, [more, one.below], [turn]]
        fact = k.prove(ge(gap), products)
        fact = k.prove(ge(more, sign * ((1 + much) / (1 + d) - 1)), [[fact, inv(low.term)]])
        k.conclude(fact, "the same for a division by 1+d: |(1+D)/(1+d) - 1| ≤ γ_(j+1)")

    k = book.part("products of up to four roundings")
    nonnegative(k, u)
    k.assume(gt(1 - 4 * u), "4u < 1")
    sizes, total = [], None
    for n in (1, 2, 3, 4):
        (d,) = symbols(f"d_{n}")
        sizes.append(bounded(k, d, u))
        gaps: list[Product] = [[1 - 4 * u], [4 - n, u]]
        below = k.prove(gt(1 - n * u), gaps if n < 4 else gaps[:1])
        most = n * u / (1 - n * u)
        if total is None:
            total = relaxed(k, sizes[0], most, [[u, u, inv(below.term)]])
        else:
            total = plus(k, total, sizes[-1], times(k, total, sizes[-1]))
            old = 1 - (n - 1) * u
            total = relaxed(k, total, most, [[n, u, u, inv(old), inv(below.term)]])
        k.conclude(total.above, f"Π(1+d_i) ≤ 1 + γ_{n} for {n} factors")
        k.conclude(total.below, f"Π(1+d_i) ≥ 1 - γ_{n} for {n} factors")


def relaxed_pair(k: Proof, size: Size, bound: Number, why: list[Product]) -> tuple[Fact, Fact]:
    """The two facts of a relaxed size."""
    wide = relaxed(k, size, bound, why)
    return wide.above, wide.below


# --- sum, product, quotient, root: with magnitudes that are exact, or bounds ---


def part_total(book: Book, forget: bool = False) -> None:
    """A sum or a difference."""
    at = setting(book, "total: a sum or a difference")
    k = at.k
    s, ea, eb, eta, gamma = symbols("s e_a e_b eta gamma")
    nonnegative(k, s, ea, eb, eta, gamma)
    error_bound = at.error_bounds.total(s, ea, eb, gamma, 0 if forget else eta)
    r, da, db, theta, h = symbols("r da db theta h")
    exact, lost = bounded(k, r, s), bounded(k, h, eta)
    a, b, d = bounded(k, da, ea), bounded(k, db, eb), bounded(k, theta, gamma)
    error = plus(k, a, b, times(k, d, plus(k, exact, a, b)), lost)
    words = "|(â+b̂)(1+θ)+h - (a+b)| ≤ total(…), with |θ| ≤ γ, |h| ≤ η, r = a+b"
    bounded_by(k, error, error_bound, (r + da + db) * (1 + theta) + h - r, words)


def part_product(book: Book, forget: bool = False) -> None:
    """A product; its roundings may come in any order, since they are one factor 1+θ."""
    at = setting(book, "product")
    k = at.k
    a, b, ea, eb, eta, gamma = symbols("a b e_a e_b eta gamma")
    nonnegative(k, a, b, ea, eb, eta, gamma)
    error_bound = at.error_bounds.product(a, ea, b, 0 if forget else eb, gamma, eta)
    x, y, dx, dy, theta, h = symbols("x y dx dy theta h")
    first, second = bounded(k, x, a), bounded(k, y, b)
    off, off2 = bounded(k, dx, ea), bounded(k, dy, eb)
    d, lost = bounded(k, theta, gamma), bounded(k, h, eta)
    x_hat, y_hat = plus(k, first, off), plus(k, second, off2)
    # x̂ŷ - xy = x̂·(ŷ-y) + y·(x̂-x)
    error = plus(
        k, times(k, x_hat, off2), times(k, second, off), times(k, d, times(k, x_hat, y_hat)), lost
    )
    words = "|âb̂(1+θ)+h - ab| ≤ product(…); α·(m/D) and (α·m)/D alike"
    bounded_by(k, error, error_bound, (x + dx) * (y + dy) * (1 + theta) + h - x * y, words)


def part_reciprocal(book: Book, forget: bool = False) -> None:
    """A quotient a/b as (â/b̂)(1+θ)+h, also as â·fl(1/b̂): all that is known of b̂ is 1/b̂ ≤ i."""
    at = setting(book, "scaled_down: a quotient by a divisor whose reciprocal i bounds")
    k = at.k
    q, ea, eb, i, eta, gamma = symbols("q e_a e_b i eta gamma")
    nonnegative(k, q, ea, eb, i, eta, gamma)
    error_bound = at.error_bounds.scaled_down(q, ea, 0 if forget else eb, i, gamma, eta)
    r, b, da, db, y, theta, h = symbols("r b da db y theta h")
    exact, off, off2 = bounded(k, r, q), bounded(k, da, ea), bounded(k, db, eb)
    inverse = bounded(k, y, i, "y = 1/b̂; see the next part")
    d, lost = bounded(k, theta, gamma), bounded(k, h, eta)
    moved = times(k, minus(k, off, times(k, exact, off2)), inverse)
    error = plus(k, moved, times(k, d, plus(k, exact, moved)), lost)
    one = k.assume(eq(y * (b + db), 1), "y = 1/b̂")
    left = k.prove(ge(error_bound, error.bound), monomials(expanded(error_bound - error.bound)))
    for sign, side in ((1, error.above), (-1, error.below)):
        value = (r * b + da) * y * (1 + theta) + h - r
        lift = Times(-sign * r * (1 + theta), one)
        fact = k.prove(ge(error_bound, sign * value), [[left], [side]], using=[lift])
        k.conclude(fact, "|(â/b̂)(1+θ)+h - a/b| ≤ scaled_down(…), with r = a/b")


def part_quotient(book: Book, margin: Number = 1) -> None:
    """The divisor b of which 2e_b < b is known; 1/(b - e_b) is the i of the part before."""
    at = setting(book, "quotient: the same error bound, and what bounds the reciprocal")
    k, pay = at.k, slack_of(at.k)
    kappa = pay.kappa
    q, ea, b, eb, eta, gamma = symbols("q e_a b e_b eta gamma")
    nonnegative(k, eb)
    asked = at.error_bounds.quotient(q, ea, b, eb, gamma, eta)
    reciprocal = at.error_bounds.inverse(b, eb)
    (claim, again), (most,) = at.conditions, at.maxima
    known = k.assume(claim, "else the error bound is infinite")
    k.conclude(k.prove(again, [[known]]), "inverse(…) is finite where quotient(…) is")
    equal = k.assume(eq(most, b - eb), "b - e_b > 0 in float64 is at least its smallest number")
    positive = k.prove(gt(b - eb), [[known], [eb]])
    k.prove(gt(most), [[positive]], using=[Times(ONE, equal)])
    same = k.prove(eq(asked, at.error_bounds.scaled_down(q, ea, eb, 1 / most, gamma, eta)))
    k.conclude(same, "quotient(…) is scaled_down(…) with i = 1/(b - e_b)")
    k.conclude(k.prove(eq(reciprocal, 1 / most)), "inverse(…) is that i, apart from its slack")
    fact = k.prove(ge(1 - eb / most), [[known, inv(most)]], using=[Times(1 / most, equal)])
    k.conclude(fact, "and e_b·i ≤ 1")
    divisor, d = symbols("B d")
    low = k.assume(ge(divisor, b - kappa * eb), "the exact divisor B > 0, of which b is reference")
    step = k.assume(ge(eb + d), "b̂ = B + d with d ≥ -e_b")
    apart = k.prove(ge(most - eb), [[known]], using=[Times(ONE, equal)])
    above = k.prove(
        gt(divisor + d),
        [[low], [step], [kappa, apart], [pay.room, most], [ONE * 7 / 8, most]],
        using=[Times(-ONE, equal)],
    )
    share = term(margin) * (1 + kappa) ** 2
    k.prove(ge(share), [[margin, sq(1 + kappa)]])
    less = 1 - kappa - kappa**2
    k.prove(gt(less), [[kappa, pay.room], [ONE * 9 / 8, pay.room], [ONE * 55 / 64]])
    rest = k.prove(ge(share * (1 - kappa) - 1), [[kappa, less]])
    whole: list = [share, inv(most), inv(above.term)]
    fact = k.prove(
        ge(share / most - 1 / (divisor + d)),
        [[*whole, low], [*whole, step], [*whole, kappa, apart], [inv(above.term), rest]],
        using=[Times(-share / most / above.term, equal)],
    )
    k.conclude(fact, "1/b̂ ≤ (1+κ)²/(b - e_b); with κ = 0, 1/b̂ ≤ i")


def part_radical(book: Book, share: Number = 1) -> None:
    """|√v̂ - √v| ≤ e_v/√v and ≤ √e_v; whichever is smaller, then one more rounding."""
    for title, first in (("e_v/√v", True), ("√e_v", False)):
        at = setting(book, f"radical: where {title} is smaller", larger=lambda x, y: x, first=first)
        k = at.k
        ev, s, s2, gamma, theta = symbols("e_v s s_2 gamma theta")
        nonnegative(k, ev, s2, gamma)
        k.assume(gt(s) if first else ge(s), "s = √v" + (", not zero" if first else ""))
        sides = [
            k.assume(ge(ev, sign * (s2 * s2 - s * s)), "s_2 = √v̂ with |v̂ - v| ≤ e_v")
            for sign in (1, -1)
        ]
        error_bound = at.error_bounds.radical(s, ev, gamma)
        moved = _divided(k, share, sides) if first else _rooted(k, share, sides)
        d = bounded(k, theta, gamma)
        exact = Size(s, s, k.prove(ge(0)), k.prove(ge(2 * s), [[2, s]]))
        error = plus(k, moved, times(k, d, plus(k, exact, moved)))
        words = f"|√v̂·(1+θ) - √v| ≤ radical(…) where {title} is smaller"
        for sign, side in ((1, error.above), (-1, error.below)):
            k.conclude(k.prove(ge(error_bound, sign * (s2 * (1 + theta) - s)), [[side]]), words)


def _divided(k: Proof, share: Number, sides: list[Fact]) -> Size:
    ev, s, s2 = symbols("e_v s s_2")
    total = k.prove(gt(s + s2), [[s], [s2]])
    most = term(share) * ev / s
    facts = [
        k.prove(
            ge(most, sign * (s2 - s)),
            [[inv(total.term), fact], [ev, s2, inv(s), inv(total.term)]],
        )
        for sign, fact in zip((1, -1), sides, strict=True)
    ]
    return Size(s2 - s, most, *facts)


def _rooted(k: Proof, share: Number, sides: list[Fact]) -> Size:
    ev, w, s, s2 = symbols("e_v w s s_2")
    nonnegative(k, w)
    root = k.assume(eq(w * w, term(share) * ev), "w = √e_v")
    facts = []
    for sign, fact, smaller in ((1, sides[0], s), (-1, sides[1], s2)):
        over = k.suppose(gt(sign * (s2 - s), w))
        products: list[Product] = [[fact], [over, over], [2, w, over], [2, smaller, over]]
        false = k.prove(gt(0), [*products, [2, smaller, w]], using=[Times(ONE, root)])
        facts.append(k.prove(ge(w, sign * (s2 - s)), [[k.absurd(false, over)]]))
    return Size(s2 - s, w, *facts)


# --- guards, underflow ---


def guards(book: Book) -> None:
    """max, chosen, rooted and within: the same branch, the same sign, no overflow."""
    k = book.part("max: the larger of two moves by at most the larger bound")
    a, b, a2, b2, most, most2, error, ea, eb = symbols("a b a_2 b_2 M M_2 E e_a e_b")
    low = [k.assume(ge(most, x)) for x in (a, b)]
    low2 = [k.assume(ge(most2, x)) for x in (a2, b2)]
    one = k.assume(eq((most - a) * (most - b)), "M = max(a, b)")
    two = k.assume(eq((most2 - a2) * (most2 - b2)), "M_2 = max(a_2, b_2)")
    wide = [k.assume(ge(error, x)) for x in (ea, eb)]
    nears = [bounded(k, x2 - x, e) for x, x2, e in ((a, a2, ea), (b, b2, eb))]
    for top, bottoms, equal, sides in (
        (most2 - most, low, two, [nears[0].above, nears[1].above]),
        (most - most2, low2, one, [nears[0].below, nears[1].below]),
    ):
        over = k.suppose(gt(top, error))
        apart = [
            k.prove(gt(over.term + bottoms[i].term + wide[i].term + sides[i].term), products)
            for i, products in enumerate(
                [[over], [bottoms[i]], [wide[i]], [sides[i]]] for i in range(2)
            )
        ]
        false = k.prove(gt(0), [[apart[0], apart[1]]], using=[Times(-ONE, equal)])
        k.conclude(k.absurd(false, over), "|max(â,b̂) - max(a,b)| ≤ max(e_a, e_b)")

    at = setting(book, "within: where it is finite, nothing overflows")
    k = at.k
    x, e, largest = symbols("x e L")
    got = at.error_bounds.within(e, x, largest)
    (fits,) = (k.assume(claim, "else the error bound is infinite") for claim in at.conditions)
    value, off = bounded(k, symbols("r")[0], x), bounded(k, symbols("d")[0], e)
    size = relaxed(k, plus(k, value, off), largest, [[fits]])
    k.conclude(size.above, "x̂ ≤ L, the largest number")
    k.conclude(size.below, "x̂ ≥ -L")
    k.conclude(k.prove(eq(got, e)), "within(…) is then e")
    for sign, side in ((1, "above"), (-1, "below")):
        at = setting(book, f"chosen and rooted: a condition {side} zero")
        k = at.k
        x2, bound, ex, ey = symbols("x_2 e_s e_x e_y")
        got = at.error_bounds.chosen(sign > 0, sign * x, e, ex, ey)
        (known,) = (k.assume(claim, "else the error bound is infinite") for claim in at.conditions)
        near = bounded(k, x2 - x, e, "x: the reference's condition; x_2: any evaluation's")
        fact = k.prove(gt(sign * x2), [[known], [near.below if sign > 0 else near.above]])
        k.conclude(fact, f"every admissible evaluation's is {side} zero too: the same branch")
        k.conclude(k.prove(eq(got, ex if sign > 0 else ey)), "chosen(…) is that branch's bound")
        if sign > 0:
            got = at.error_bounds.rooted(x, e, bound)
            again = k.prove(at.conditions[2], [[known]])
            words = "rooted(…) is finite where no radicand comes out negative; see exact-zeros"
            k.conclude(again, words)
            k.conclude(k.prove(eq(got, bound)), "rooted(…) is the root's own bound")


def underflow(book: Book, share: Number = 1) -> None:
    """A scalar is cast, then multiplied: what the cast loses is multiplied too."""
    k = book.part("underflow of a cast scalar and of its product")
    eta, u, b, eb = symbols("eta u b e_b")
    nonnegative(k, eta, u, b, eb)
    first, last = bounded(k, symbols("h_0")[0], eta), bounded(k, symbols("h_1")[0], eta)
    factor = bounded(k, symbols("y")[0], b + eb, "the other factor, as computed")
    d = bounded(k, symbols("d_1")[0], u)
    product = times(k, first, factor)
    whole = plus(k, product, times(k, product, d), last)
    most = eta * (1 + term(share) * (1 + u) * (b + eb))
    final = relaxed(k, whole, most, [])
    k.conclude(final.above, "((s + h_0)·y)(1+d_1) + h_1 loses at most η(1 + (1+u)(b+e_b))")
    k.conclude(final.below, "and gains no more")


def prove(book: Book) -> None:
    """All parts."""
    roundings(book)
    part_total(book)
    part_product(book)
    part_reciprocal(book)
    part_quotient(book)
    part_radical(book)
    guards(book)
    underflow(book)


THEOREM = Theorem(
    slug="rounding-envelope",
    title="The running error bound of the gate",
    statement=(
        r"With $fl(x)=x(1+d)+h$, $|d|\le u$, $|h|\le\eta$ (no $h$ for a root), a product of "
        r"$k$ factors $(1+d)^{\pm1}$ is within $1\pm\gamma_k$, and the bounds total, product, "
        r"quotient, scaled_down, radical and the larger of two bound |computed - exact| from "
        r"bounds of the operands, fused or not, whatever the order of their roundings. chosen, "
        r"rooted and within are finite only where no evaluation takes another branch or "
        r"overflows. Here $\eta$ stands for all that an operation loses to underflow: for a "
        r"cast scalar times $y$ at most $\eta(1+(1+u)|\hat y|)$. Averages are the subject of "
        r"average-envelope, the factor SLACK of envelope-slack."
    ),
    source="this project; for γ_k Higham 2002, Accuracy and Stability, Lemma 3.1",
    covers={ANY: "operation by operation"},
    prove=prove,
    controls=(
        Control(
            "half of γ_(j+1) suffices after one more rounding", lambda b: roundings(b, ONE / 2)
        ),
        Control("total without η", lambda b: part_total(b, True)),
        Control("product without e_b", lambda b: part_product(b, True)),
        Control("scaled_down without e_b", lambda b: part_reciprocal(b, True)),
        Control("1/b̂ ≤ (1+κ)²/(2(b-e_b))", lambda b: part_quotient(b, ONE / 2)),
        Control("|√v̂ - √v| ≤ e_v/(2√v) or √(e_v/2)", lambda b: part_radical(b, ONE / 2)),
        Control("a cast's underflow costs half of η|y|", lambda b: underflow(b, ONE / 2)),
    ),
)
