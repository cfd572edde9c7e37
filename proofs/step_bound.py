"""The tight bound of Adam's step for every t and every gradient sequence.

R_t² = K_t(1-β2^t)/(1-β1^t)² with K_(t+1) = (1-β1)²/(1-β2) + (β1²/β2)K_t. For growth in t the
decay rates are written β2 = b², β1 = b·c, so that with x = b^t, y = c^t: β1^t = xy, β2^t = x².
"""

from adamcheck import theory
from adamcheck.numerics.symbolic import Number, Term, symbolic_step, symbols, term
from adamcheck.proof.adam import adam_setting, moments_bound
from adamcheck.proof.claims import Fact, Times, eq, ge, gt, inv, ne, sq
from adamcheck.proof.kernel import Proof
from adamcheck.proof.lemmas import (
    at_most,
    by_induction,
    equality,
    nothing,
    power_facts,
    squeeze,
    unit,
    vanishes,
)
from adamcheck.proof.theorem import Book, Control, Theorem
from adamcheck.spec import Spec


def bound(book: Book, share: Number = 1) -> None:
    """|Δ_t| ≤ α·R_t for every gradient sequence, by the rule itself."""
    at = adam_setting(k := book.part("the bound"))
    b2, v = at.h.beta2, at.after.v
    found = moments_bound(at, share)
    k.conclude(found.next, "m_t² ≤ K_t·v_t for every t ≥ 1 and every gradient sequence")

    (s,) = at.run.ops.roots
    v_hat = at.run.ops.roots[s]
    weight_m, weight_v = 1 - at.after.p1, 1 - at.after.p2
    k.prove(gt(weight_v), [[1 - b2 * at.before.p2]])
    every = by_induction(
        k, ge(at.before.v), nothing(k, at.before.v), [[b2, at.before.v], [1 - b2, sq(at.g)]]
    )
    k.prove(ge(v), [[b2, every], [1 - b2, sq(at.g)]])
    root = k.root(k.prove(ge(v_hat), [[v, inv(weight_v)]]), s)[1]
    alpha, eps = at.h.lr, at.h.eps
    k.assume(ge(eps))
    k.assume(ge(alpha))
    whole = k.assume(gt(s + eps), "√v̂+ε > 0: only then is Δ defined")
    r_squared = found.after * weight_v / weight_m**2
    update = at.run.named["update"]
    squares = k.prove(
        ge(alpha**2 * r_squared - update**2),
        [
            [sq(alpha), *over(whole), *over(weight_m), found.next],
            [
                sq(alpha),
                *over(whole),
                *over(weight_m),
                found.positive,
                weight_v,
                2,
                s,
                eps,
            ],
            [
                sq(alpha),
                *over(whole),
                *over(weight_m),
                found.positive,
                weight_v,
                sq(eps),
            ],
        ],
        using=[Times(alpha**2 * found.after * weight_v / (weight_m * (s + eps)) ** 2, root)],
    )
    (r,) = symbols("R")
    inside = k.prove(gt(r_squared), [[found.positive, weight_v, *over(weight_m)]])
    r_square = k.root(inside, r)[1]
    k.prove(ge(alpha * r), [[alpha, r]])
    below = k.prove(
        ge((alpha * r) ** 2 - update**2), [[squares]], using=[Times(alpha**2, r_square)]
    )
    k.conclude(at_most(k, update, alpha * r, below), "Δ_t ≤ α·R_t for every t ≥ 1")
    below = k.prove(ge((alpha * r) ** 2 - (-update) ** 2), [[below]])
    k.conclude(at_most(k, -update, alpha * r, below), "-Δ_t ≤ α·R_t")


def over(x: Fact | Term) -> list:
    """The factor 1/x² for an x > 0."""
    positive = x.term if isinstance(x, Fact) else x
    return [inv(positive), inv(positive)]


def attained(book: Book, ratio: Number = 1) -> None:
    """g_(t+1) = g_t·β2/β1, that is g_(t-k) ∝ (β1/β2)^k, attains the bound at every t, ε = 0."""
    k = book.part("attainment")
    (w,) = symbols("g")
    run = symbolic_step(Spec(), hyper={"eps": 0}, g=w, names=("s",))
    b1, b2 = run.hyper["beta1"], run.hyper["beta2"]
    unit(k, b1)
    unit(k, b2)
    m, v = run.before["m"], run.before["v"]
    k.recursion({run.before[n]: (run.initial[n], run.after[n]) for n in run.before})
    k.recursion({w: (1, w * term(ratio) * b2 / b1)})
    (bound_,) = symbols("K")
    k.recursion({bound_: (0, (1 - b1) ** 2 / (1 - b2) + b1**2 / b2 * bound_)})
    first = equality(k, eq((1 - b1) * b2 * m, b1 * (1 - b2) * bound_ * w), b1)
    second = equality(k, eq((1 - b1) * b2 * v, b1 * (1 - b2) * m * w), b2)
    scale = 1 / ((1 - b1) * b2)
    fact = k.prove(
        eq(bound_ * v, m * m), using=[Times(scale * bound_, second), Times(-scale * m, first)]
    )
    k.conclude(fact, "g_(t-k) ∝ (β1/β2)^k gives m_t² = K_t·v_t: with ε = 0, |Δ_t| = α·R_t")


def only_there(book: Book) -> None:
    """Equality after a step needs equality before it and the one gradient that keeps it."""
    at = adam_setting(k := book.part("equality only there"), beta1_may_be_zero=False)
    b1, b2, g, m, v = at.h.beta1, at.h.beta2, at.g, at.before.m, at.before.v
    found = moments_bound(at)
    positive = k.assume(gt(found.now), "K_t > 0: t ≥ 1")
    tight = k.assume(eq(found.after * at.after.v, at.after.m**2), "m² = K·v after the step")
    mixed = (1 - b1) * b2 * m - b1 * (1 - b2) * found.now * g
    rest = found.after * b2 / found.now * (found.now * v - m * m)
    square = mixed**2 / (found.now * (1 - b2) * b2)
    parts: list = [[found.positive, b2, inv(found.now), found.every]]
    mixed_parts: list = [[sq(mixed), inv(found.now), inv(1 - b2), inv(b2)]]
    one = squeeze(
        k, k.prove(ge(rest), parts), k.prove(ge(-rest), mixed_parts, using=[Times(term(-1), tight)])
    )
    two = squeeze(
        k,
        k.prove(ge(square), mixed_parts),
        k.prove(ge(-square), parts, using=[Times(term(-1), tight)]),
    )
    before = k.prove(eq(found.now * v - m * m), using=[Times(found.now / (found.after * b2), one)])
    k.conclude(before, "then m² = K·v held before the step")
    zero = k.prove(eq(mixed**2), using=[Times(found.now * (1 - b2) * b2, two)])
    same = vanishes(k, mixed, zero)
    fact = k.prove(
        eq(g, (1 - b1) * b2 * m / (b1 * (1 - b2) * positive.term)),
        using=[Times(-1 / (b1 * (1 - b2) * found.now), same)],
    )
    k.conclude(fact, "and g = (1-β1)β2·m/(β1(1-β2)K): the sequence is unique up to its scale")


def closed_form(book: Book) -> None:
    """K_t as a geometric sum: the R_t² that adamcheck.theory evaluates."""
    k = book.part("the closed form of R_t")
    b1, b2, p1, p2, ratio, total = symbols("beta_1 beta_2 p_1 p_2 r K")
    unit(k, b1, zero=True)
    unit(k, b2)
    rho = b1**2 / b2
    k.recursion({p1: (1, b1 * p1), p2: (1, b2 * p2), ratio: (1, rho * ratio)})
    k.recursion({total: (0, (1 - b1) ** 2 / (1 - b2) + rho * total)})
    weight = (1 - b1) ** 2 / (1 - b2)
    fact = equality(k, eq((1 - rho) * total, weight * (1 - ratio)), rho)
    k.conclude(fact, "(1-ρ)·K_t = (1-β1)²/(1-β2)·(1-ρ^t), ρ = β1²/β2, so K_t is a geometric sum")
    k.assume(ne(1 - rho), "ρ ≠ 1; where ρ = 1 the sum is t")
    k.assume(ne(1 - p1))
    r_squared = total * (1 - p2) / (1 - p1) ** 2
    lift = (1 - b1) / (1 - p1)
    form = lift * lift * (1 - p2) / (1 - b2) * ((1 - ratio) / (1 - rho))
    closed = k.prove(eq(r_squared, form), using=[Times((1 - p2) / (1 - p1) ** 2 / (1 - rho), fact)])
    k.conclude(closed, "R_t² = ((1-β1)/(1-β1^t))²·(1-β2^t)/(1-β2)·(1-ρ^t)/(1-ρ)")
    for t in (1, 2, 3, 5):
        exact = theory.step_bound_squared(b1, b2, t)
        geometric = sum((rho**i for i in range(t)), term(0))
        explicit = weight * geometric * (1 - b2**t) / (1 - b1**t) ** 2
        k.assume(ne(1 - b1**t), f"1-β1^{t} is not zero")
        k.conclude(
            k.prove(eq(exact, explicit)),
            f"adamcheck.theory.step_bound_squared is this expression at t = {t}",
        )


def sizes(k: Proof) -> tuple[Term, Term, Term, Term]:
    """b, c, x = b^t, y = c^t with 0 < b < 1, 0 < c < 1 and the signs of the powers."""
    b, c, x, y = symbols("b c x y")
    unit(k, b)
    unit(k, c)
    k.recursion({x: (1, b * x), y: (1, c * y)})
    power_facts(k, x, b, positive=True)
    power_facts(k, y, c, positive=True)
    return b, c, x, y


def r_squared_of(b: Term, c: Term, x: Term, y: Term) -> Term:
    """R_t² with β2 = b², β1 = bc, β2^t = x², β1^t = xy."""
    return (1 - b * c) ** 2 * (1 - x**2) * (1 - y**2) / ((1 - b**2) * (1 - c**2) * (1 - x * y) ** 2)


def uniform_limit(book: Book, share: Number = 1) -> None:
    """R_t² ≤ R_∞², and the gap is at most a multiple of β2^t + (β1²/β2)^t, which vanishes."""
    k = book.part("uniformity and limit (β1² < β2)")
    b, c, x, y = sizes(k)
    later_x, later_y = b * x, c * y
    product = k.prove(gt(1 - b * c), [[1 - b], [b, 1 - c]])
    k.prove(gt(1 - b**2), [[1 - b], [b, 1 - b]])
    k.prove(gt(1 - c**2), [[1 - c], [c, 1 - c]])
    apart = k.prove(gt(1 - later_x * later_y), [[1 - later_x], [later_x, 1 - later_y]])
    top = (1 - b * c) ** 2 / ((1 - b**2) * (1 - c**2))
    now = r_squared_of(b, c, later_x, later_y)
    top_parts: list = [sq(product.term), inv(1 - b**2), inv(1 - c**2)]
    gap = k.prove(ge(term(share) * top - now), [[*top_parts, *over(apart), sq(later_x - later_y)]])
    k.conclude(gap, "R_t² ≤ R_∞² = (1-β1)²/((1-β2)(1-β1²/β2)) for every t ≥ 1")
    k.prove(ge(1 - x * y), [[1 - x], [x, 1 - y]])
    wide = k.prove(ge(apart.term - product.term), [[b, c, 1 - x * y]])
    near = k.prove(
        ge((later_x**2 + later_y**2) / product.term**2 - (later_x - later_y) ** 2 / apart.term**2),
        [
            [sq(later_x), *over(product), *over(apart), wide, apart],
            [sq(later_x), *over(product), *over(apart), wide, product],
            [sq(later_y), *over(product), *over(apart), wide, apart],
            [sq(later_y), *over(product), *over(apart), wide, product],
            [2, b, c, x, y, *over(apart)],
        ],
    )
    fact = k.prove(
        ge(top * (later_x**2 + later_y**2) / product.term**2 - (top - now)), [[*top_parts, near]]
    )
    k.conclude(fact, "R_∞² - R_t² ≤ R_∞²·(β2^t + (β1²/β2)^t)/(1-β1)²")


def vanishing(book: Book) -> None:
    """β^t ≤ 1/(1+t(1-β)), which is below any δ > 0 from an explicit t on."""
    k = book.part("β^t vanishes")
    beta, p, t = symbols("beta p t")
    unit(k, beta)
    k.recursion({p: (1, beta * p), t: (0, t + 1)})
    by_induction(k, ge(t), nothing(k, t), [[t], [1]])
    by_induction(k, gt(p), [1], [[beta, p]])
    claim = ge(1 - p * (1 + t * (1 - beta)))

    def step(hypothesis: Fact) -> Fact:
        return k.prove(k.at_next(claim), [[hypothesis], [p, sq(1 - beta), t], [p, sq(1 - beta)]])

    fact = by_induction(k, claim, [], step)
    k.conclude(fact, "β^t·(1+t(1-β)) ≤ 1 for 0 < β < 1: β^t ≤ δ once t ≥ 1/(δ(1-β))")


def increasing(book: Book, low: str, high: str) -> None:
    """R_t² grows strictly in t: f = (x-y)/(1-xy) falls, and R_t² = R_∞²(1-f²).

    ``high`` names the larger of b and c; R_t² is symmetric in them. With S_t(b) = Σ_{|j|≤t} b^j,
    the fall is S_t(c) > S_t(b), and each new pair of summands is larger for the smaller base.
    """
    k = book.part(f"strict growth in t ({high} > {low})")
    b, c, x, y = sizes(k)
    if high == "c":
        b, c, x, y = c, b, y, x
    gap = k.assume(gt(b - c), "β1 < β2" if high == "b" else "β1 > β2")
    order = by_induction(
        k, ge(x - y), [], lambda ih: k.prove(ge(b * x - c * y), [[b, ih], [gap, y]])
    )
    ahead = k.prove(gt(b * x - c * y), [[b, order], [gap, y]])
    s, u = symbols("S U")
    k.recursion({s: (1, s + b * x + 1 / (b * x)), u: (1, u + c * y + 1 / (c * y))})
    first = equality(k, eq(s * x * (1 - b), 1 - b * x * x), b)
    second = equality(k, eq(u * y * (1 - c), 1 - c * y * y), c)
    apart = k.prove(gt(1 - b * x * c * y), [[1 - b * x], [b, x, 1 - c * y]])
    pair: list = [ahead, apart, inv(b), inv(x), inv(c), inv(y)]
    every = by_induction(k, ge(u - s), [], lambda ih: k.prove(k.at_next(ge(u - s)), [[ih], pair]))
    next_s, next_u = k.state[s.expr][1], k.state[u.expr][1]
    larger = k.prove(gt(next_u - next_s), [[every], pair])
    x, y = b * x, c * y
    next_first = k.prove(eq(next_s * x * (1 - b), 1 - b * x * x), using=[Times(b, first)])
    next_second = k.prove(eq(next_u * y * (1 - c), 1 - c * y * y), using=[Times(c, second)])
    falls = k.prove(
        gt((x - y) * (1 - b * c * x * y) - (b * x - c * y) * (1 - x * y)),
        [[b, x / b, c, y / c, 1 - b, 1 - c, larger]],
        using=[Times((1 - c) * y, next_first), Times(-(1 - b) * x, next_second)],
    )
    k.prove(gt(1 - b * c), [[1 - b], [b, 1 - c]])
    k.prove(gt(1 - b**2), [[1 - b], [b, 1 - b]])
    k.prove(gt(1 - c**2), [[1 - c], [c, 1 - c]])
    k.prove(gt(1 - x * y), [[apart]])
    k.prove(gt(x), [[b, x / b]])
    k.prove(gt(y), [[c, y / c]])
    k.prove(gt(x * y), [[x, y]])
    step = k.prove(gt(1 - b * c * x * y), [[1 - b * c], [b, c, 1 - x * y]])
    further = k.prove(gt(b * x - c * y), [[b, ahead], [gap, y]])
    inside: list = [sq(1 - b * c), inv(1 - b**2), inv(1 - c**2), falls]
    scale: list = [*over(apart), *over(step)]
    fact = k.prove(
        gt(r_squared_of(b, c, b * x, c * y) - r_squared_of(b, c, x, y)),
        [[*inside, ahead, step, *scale], [*inside, further, 1 - x * y, *scale]],
    )
    k.conclude(
        fact, f"R_(t+1) > R_t for every t ≥ 1 when {'β1 < β2' if high == 'b' else 'β2 < β1 < √β2'}"
    )


def at_least_one(book: Book) -> None:
    """R_t² ≥ 1, since constant gradients reach 1; strictly from t = 2 on where β1 ≠ β2."""
    k = book.part("R_t is at least 1")
    b1, b2, p1, p2, total = symbols("beta_1 beta_2 p_1 p_2 K")
    unit(k, b1)
    unit(k, b2)
    k.assume(ne(b1 - b2), "β1 ≠ β2; where they are equal R_t = 1")
    weight, rho = (1 - b1) ** 2 / (1 - b2), b1**2 / b2
    start = {p1: b1 * b1, p2: b2 * b2, total: weight + rho * weight}
    after = {p1: b1 * p1, p2: b2 * p2, total: weight + rho * total}
    k.recursion({x: (start[x], after[x]) for x in start})
    k.prove(gt(1 - b1**2), [[1 - b1], [b1, 1 - b1]])
    by_induction(k, gt(1 - p1), [[1 - b1**2]], [[1 - b1], [b1, 1 - p1]])
    whole: list = [[sq(1 - b1), inv(1 - b2)], [sq(b1), inv(b2), total]]
    first: list = [[sq(1 - b1), inv(1 - b2)], [sq(b1), inv(b2), sq(1 - b1), inv(1 - b2)]]
    by_induction(k, gt(total), first, whole)
    larger = k.prove(gt(after[total]), whole)
    claim = gt(total * (1 - p2) - (1 - p1) ** 2)

    def step(hypothesis: Fact) -> Fact:
        mixed = (1 - b1) * b2 * (1 - p1) - b1 * (1 - b2) * total
        square: list = [sq(mixed), inv(total), inv(1 - b2), inv(b2)]
        return k.prove(k.at_next(claim), [[larger, b2, inv(total), hypothesis], square])

    fact = by_induction(k, claim, [[sq(1 - b1), sq(b1 - b2), inv(b2)]], step)
    k.conclude(fact, "R_t > 1 for every t ≥ 2 where β1 ≠ β2: K_t(1-β2^t) > (1-β1^t)²")


def unbounded(book: Book) -> None:
    """Where β1² ≥ β2 there is no bound for all t: R_t² ≥ (1-β1)²·t."""
    k = book.part("no uniform bound where β1² ≥ β2")
    b1, b2, p1, p2, total, t = symbols("beta_1 beta_2 p_1 p_2 K t")
    unit(k, b1)
    unit(k, b2)
    k.assume(ge(b1**2 - b2), "β1² ≥ β2")
    weight, rho = (1 - b1) ** 2 / (1 - b2), b1**2 / b2
    k.recursion({p1: (1, b1 * p1), p2: (1, b2 * p2), total: (0, weight + rho * total)})
    k.recursion({t: (0, t + 1)})
    power_facts(k, p1, b1, positive=True)
    power_facts(k, p2, b2, positive=True)
    by_induction(k, ge(t), nothing(k, t), [[t], [1]])
    whole: list = [[sq(1 - b1), inv(1 - b2)], [sq(b1), inv(b2), total]]
    by_induction(k, ge(total), nothing(k, total), whole)
    above = ge(total - weight * t)
    excess = (b1**2 - b2, inv(b2), total)
    every = by_induction(
        k, above, nothing(k, above.term), lambda ih: k.prove(k.at_next(above), [[ih], [*excess]])
    )
    grown = k.prove(k.at_next(above), [[every], [*excess]])
    k.prove(ge(b2 * (1 - p2)), [[b2, 1 - p2]])
    k.prove(ge(2 - b1 * p1), [[1], [1 - b1 * p1]])
    k.prove(ge(t + 1), [[t], [1]])
    lift = 1 / (1 - b1 * p1)
    fact = k.prove(
        ge((weight + rho * total) * (1 - b2 * p2) * lift**2 - (1 - b1) ** 2 * (t + 1)),
        [
            [grown, 1 - b2 * p2, *over(1 - b1 * p1)],
            [sq(1 - b1), inv(1 - b2), t + 1, b2 * (1 - p2), *over(1 - b1 * p1)],
            [sq(1 - b1), t + 1, b1, p1, 2 - b1 * p1, *over(1 - b1 * p1)],
        ],
    )
    k.conclude(fact, "R_t² ≥ (1-β1)²·t for every t ≥ 1 when β1² ≥ β2")


def two_steps(book: Book) -> None:
    """R_2² - 1 in closed form, R_1 = 1, R_t = 1 where β1 = β2, and R_∞² = 370/7 at the defaults."""
    k = book.part("values")
    b1, b2, p = symbols("beta_1 beta_2 p")
    unit(k, b1, zero=True)
    unit(k, b2)
    k.prove(gt(1 + b1), [[1], [b1]])
    k.prove(gt(1 - b1**2), [[1 - b1], [b1, 1 - b1]])
    rho = b1**2 / b2

    def r_squared(t: int) -> Term:
        chi = sum((rho**i for i in range(t)), term(0))
        return ((1 - b1) / (1 - b1**t)) ** 2 * (1 - b2**t) / (1 - b2) * chi

    k.conclude(k.prove(eq(r_squared(1), 1)), "R_1 = 1")
    two = k.prove(eq(r_squared(2) - 1, (b1 - b2) ** 2 / (b2 * (1 + b1) ** 2)))
    k.conclude(two, "R_2² - 1 = (β1-β2)²/(β2(1+β1)²), so R_2 = 1 iff β1 = β2")
    k.assume(ne(1 - p))
    same = (1 - b2) / (1 - p) * ((1 - b2) / (1 - p)) * (1 - p) / (1 - b2) * ((1 - p) / (1 - b2))
    k.conclude(
        k.prove(eq(same, 1)), "R_t = 1 for every t where β1 = β2 (then β1²/β2 = β2, p = β2^t)"
    )
    nine, most = term(9) / 10, term(999) / 1000
    value = theory.step_bound_limit_squared(nine, most)
    k.conclude(k.prove(eq(value, term(370) / 7)), "R_∞² = 370/7 at β1 = 9/10, β2 = 999/1000")


def prove(book: Book) -> None:
    """All parts."""
    bound(book)
    attained(book)
    only_there(book)
    closed_form(book)
    uniform_limit(book)
    vanishing(book)
    increasing(book, "c", "b")
    increasing(book, "b", "c")
    at_least_one(book)
    unbounded(book)
    two_steps(book)


THEOREM = Theorem(
    slug="step-bound",
    title="The tight step bound",
    statement=(
        r"For every $t\ge1$ and every gradient sequence $|\Delta_t| \le \alpha R_t$ with "
        r"$R_t^2 = \left(\frac{1-\beta_1}{1-\beta_1^t}\right)^2\frac{1-\beta_2^t}{1-\beta_2}"
        r"\sum_{k<t}\left(\frac{\beta_1^2}{\beta_2}\right)^k$; for $\epsilon=0$ equality holds iff "
        r"$g_{t-k}\propto(\beta_1/\beta_2)^k$. For $\beta_1^2<\beta_2$: $R_t\le R_\infty$, "
        r"$R_t\to R_\infty$, $R_\infty^2=\frac{(1-\beta_1)^2}{(1-\beta_2)(1-\beta_1^2/\beta_2)}$, "
        r"and $R_t$ grows strictly where $\beta_1\ne\beta_2$."
    ),
    source="this project; corrects Kingma & Ba 2015 (arXiv:1412.6980), §2.1",
    covers={"adam": ""},
    prove=prove,
    controls=(
        Control(
            "m_t² ≤ K_t·v_t with a K that starts from 9/10 of its summand",
            lambda book: bound(book, term(9) / 10),
        ),
        Control("g_(t-k) ∝ (β1/(2β2))^k attains the bound", lambda book: attained(book, 2)),
        Control("R_t² ≤ (99/100)·R_∞²", lambda book: uniform_limit(book, term(99) / 100)),
    ),
)
