"""The case bounds of Kingma & Ba 2015, §2.1, are false as worst-case statements.

They say |Δ_t| ≤ α(1-β1)/√(1-β2) if 1-β1 > √(1-β2), and |Δ_t| ≤ α otherwise (< α at equality).
"""

from fractions import Fraction

from adamcheck.numerics.symbolic import Number, symbolic_step, symbols, term
from adamcheck.proof.claims import Fact, Times, eq, ge, gt, inv, ne, sq
from adamcheck.proof.kernel import Proof
from adamcheck.proof.lemmas import (
    by_induction,
    cases,
    equality,
    nothing,
    power_facts,
    squeeze,
    unit,
    vanishes,
)
from adamcheck.proof.theorem import Book, Control, Theorem
from adamcheck.spec import Spec

TENTHS, THOUSANDTHS = Fraction(9, 10), Fraction(999, 1000)


def second_case(book: Book, factor: Number = 1) -> None:
    """Two gradients, β1/β2 and 1, exceed α for every 0 < β1 ≠ β2: the second case never holds."""
    k = book.part("the second case fails at t = 2 for every β1 ≠ β2")
    b1, b2 = symbols("beta_1 beta_2")
    unit(k, b1)
    unit(k, b2)
    apart = k.assume(ne(b1 - b2))
    hyper = {"eps": 0}
    start = {"p1": 1, "p2": 1, "m": 0, "v": 0}
    one = symbolic_step(Spec(), hyper=hyper, before=start, g=term(factor) * b1 / b2, names=("s",))
    two = symbolic_step(Spec(), hyper=hyper, before=one.after, g=1, names=("s",))
    k.prove(gt(1 + b1), [[1], [b1]])
    k.prove(gt(1 - b1**2), [[1 - b1, 1 + b1]])
    k.prove(gt(1 + b2), [[1], [b2]])
    k.prove(gt(1 - b2**2), [[1 - b2, 1 + b2]])
    k.prove(gt(b2 + b1**2), [[b2], [b1, b1]])
    (v_hat,) = two.ops.roots.values()
    m_hat = two.named["m_hat"]
    gap = k.prove(
        eq(m_hat**2 - v_hat * (1 + (b1 - b2) ** 2 / (b2 * (1 + b1) ** 2)), 0),
    )
    positive: list = [[1 - b2, inv(1 - b2**2), inv(b2), b2 + b1**2]]
    k.prove(gt(v_hat), positive)
    excess: list = [v_hat, sq(apart.term), inv(b2), inv(1 + b1), inv(1 + b1)]
    fact = k.prove(gt(m_hat**2 - v_hat), [excess], using=[Times(term(1), gap)])
    k.conclude(fact, "g = (β1/β2, 1) gives m̂_2² = v̂_2·(1+(β1-β2)²/(β2(1+β1)²)) > v̂_2: |Δ_2| > α")
    for named, b in (("(9/10, 99/100)", Fraction(99, 100)), ("(9/10, 95/100)", Fraction(95, 100))):
        at = {b1: TENTHS, b2: b}
        fact = k.witness(at, [ge(1 - b2, (1 - b1) ** 2), gt(m_hat**2, v_hat)], named)
        k.conclude(fact, f"at (β1, β2) = {named} the second case applies, and |Δ_2| > α")


def begun(k: Proof, first: Fraction, second: Fraction) -> tuple:
    """The powers from t = 1 on and R_t² in them, in closed form."""
    b1, b2, p1, p2, r = symbols("beta_1 beta_2 p_1 p_2 r")
    ratio = b1**2 / b2
    k.recursion({p1: (b1, b1 * p1), p2: (b2, b2 * p2), r: (ratio, ratio * r)})
    lift = (1 - b1) / (1 - p1)
    bound = lift**2 * (1 - p2) / (1 - b2) * (1 - r) / (1 - ratio)
    return {b1: first, b2: second}, bound, (1 - b1) ** 2 / (1 - b2)


def first_case(book: Book, steps: int = 210) -> None:
    """At (9/10, 999/1000) the first case holds up to t = 209 and fails at t = 210."""
    k = book.part("the first case at (9/10, 999/1000)")
    point, bound, published = begun(k, TENTHS, THOUSANDTHS)
    claims = [
        (eq(published, 10), 1, 1),
        (ge(published, bound), 1, steps - 1),
        (gt(bound, published), steps, steps),
    ]
    fact = k.run(point, steps, claims, "R_t² against (1-β1)²/(1-β2) = 10")
    k.conclude(fact, f"R_t² ≤ 10 for t < {steps} and R_{steps}² > 10: t = {steps} violates first")

    k = book.part("the violating gradients at (9/10, 999/1000), run by the rule")
    (w,) = symbols("g")
    run = symbolic_step(Spec(), hyper={"eps": 0}, g=w, names=("s",))
    k.recursion({run.before[n]: (run.initial[n], run.after[n]) for n in run.before})
    k.recursion({w: (1, w * run.hyper["beta2"] / run.hyper["beta1"])})
    m, v = run.before["m"], run.before["v"]
    p1, p2 = run.before["p1"], run.before["p2"]
    excess = gt(m**2 * (1 - p2), 10 * (1 - p1) ** 2 * v)
    point = {run.hyper["beta1"]: TENTHS, run.hyper["beta2"]: THOUSANDTHS}
    # the recursion starts at t = 0, so that t steps are done at step t + 1
    fact = k.run(point, steps + 1, [(excess, steps + 1, steps + 1)], "g_(t+1) = g_t·β2/β1")
    k.conclude(fact, f"the rule, run exactly for {steps} steps: |Δ_{steps}| > α(1-β1)/√(1-β2)")


def half(book: Book) -> None:
    """At (1/2, 999/1000) the first violating step is 1385, since R_t grows."""
    k = book.part("the first case at (1/2, 999/1000)")
    point, bound, published = begun(k, Fraction(1, 2), THOUSANDTHS)
    claims = [(ge(published, bound), 1384, 1384), (gt(bound, published), 1385, 1385)]
    fact = k.run(point, 1385, claims)
    k.conclude(fact, "R_1384² ≤ (1-β1)²/(1-β2) < R_1385²; R_t grows (step-bound)")


def equal_rates(book: Book) -> None:
    """β1 = β2: the bound α holds for every sequence."""
    k = book.part("they hold where β1 = β2")
    g, beta = symbols("g beta")
    run = symbolic_step(Spec(), hyper={"beta1": beta, "beta2": beta}, names=("s",))
    unit(k, beta)
    k.recursion({run.before[n]: (run.initial[n], run.after[n]) for n in run.before}, [g])
    m, v, p = run.before["m"], run.before["v"], run.before["p1"]
    power_facts(k, p, beta, positive=True)
    by_induction(k, ge(v), nothing(k, v), [[beta, v], [1 - beta, sq(g)]])
    spread = ge((1 - p) * v - m * m)

    def step(hypothesis: Fact) -> Fact:
        positive = k.suppose(gt(1 - p))
        some = k.prove(
            k.at_next(spread),
            [
                [beta, 1 - beta * p, inv(1 - p), hypothesis],
                [beta, 1 - beta, inv(1 - p), sq(m - (1 - p) * g)],
            ],
        )
        none = k.suppose(ge(-(1 - p)))
        zero = squeeze(k, k.prove(ge(1 - p), [[1 - p]]), none)
        square = k.prove(ge(-(m * m)), [[hypothesis]], using=[Times(-v, zero)])
        m_zero = vanishes(k, m, squeeze(k, k.prove(ge(m * m), [[sq(m)]]), square))
        at_start = k.prove(
            k.at_next(spread),
            [[1 - beta, beta, v]],
            using=[
                Times(beta * k.at_next(eq(v)).term, zero),
                Times(-(beta * beta * m + 2 * beta * (1 - beta) * g), m_zero),
            ],
        )
        return cases(k, none, positive, at_start, some)

    every = by_induction(k, spread, nothing(k, spread.term), step)
    k.conclude(step(every), "β1 = β2: m_t² ≤ (1-β^t)·v_t, so m̂_t² ≤ v̂_t and |Δ_t| ≤ α")


def lone_gradient(book: Book) -> None:
    """One gradient, at the current step only: both cases hold, for every t."""
    k = book.part("they hold for a lone gradient at the current step, first case")
    b1, b2, p1, p2 = symbols("beta_1 beta_2 p_1 p_2")
    unit(k, b1, zero=True)
    unit(k, b2)
    wide = k.assume(ge((1 - b1) ** 2, 1 - b2), "1-β1 ≥ √(1-β2)")
    k.recursion({p1: (1, b1 * p1), p2: (1, b2 * p2)})
    power_facts(k, p1, b1, positive=False)
    power_facts(k, p2, b2, positive=True)
    k.prove(ge(2 - b1), [[1], [1 - b1]])
    claim = ge((1 - p1) ** 2, 1 - p2)

    def step(hypothesis: Fact) -> Fact:
        parts: list = [[p2, wide], [b1, 2 - b1, hypothesis], [2, p1, b1, 1 - b1, 1 - p1]]
        return k.prove(k.at_next(claim), parts)

    every = by_induction(k, claim, [], step)
    later = step(every)
    c, d = 1 - b1 * p1, 1 - b2 * p2
    fact = k.prove(
        ge((1 - b1) ** 2 / (1 - b2), ((1 - b1) / c) ** 2 / ((1 - b2) / d)),
        [[sq(1 - b1), inv(1 - b2), inv(c), inv(c), later]],
    )
    k.conclude(fact, "m̂_t²/v̂_t ≤ (1-β1)²/(1-β2) for the lone gradient g_t, every t")

    k = book.part("they hold for a lone gradient at the current step, second case")
    s, a = symbols("S A")
    unit(k, b1, zero=True)
    unit(k, b2)
    narrow = k.assume(ge(1 - b2, (1 - b1) ** 2), "1-β1 ≤ √(1-β2)")
    k.recursion({p1: (1, b1 * p1), p2: (1, b2 * p2), s: (0, 1 + b1 * s), a: (0, 1 + b2 * a)})
    power_facts(k, p1, b1, positive=False)
    power_facts(k, p2, b2, positive=True)
    first = equality(k, eq(s * (1 - b1), 1 - p1), b1)
    second = equality(k, eq(a * (1 - b2), 1 - p2), b2)
    by_induction(k, ge(s), nothing(k, s), [[1], [b1, s]])
    claim = ge(s * s - a)

    def grow(hypothesis: Fact) -> Fact:
        return k.prove(
            k.at_next(claim),
            [[b2, hypothesis], [narrow, sq(s)], [2, b1, s, p1]],
            using=[Times(-2 * b1 * s, first)],
        )

    later = grow(by_induction(k, claim, nothing(k, claim.term), grow))
    first = k.prove(eq((1 + b1 * s) * (1 - b1), 1 - b1 * p1), using=[Times(b1, first)])
    second = k.prove(eq((1 + b2 * a) * (1 - b2), 1 - b2 * p2), using=[Times(b2, second)])
    c, d = 1 - b1 * p1, 1 - b2 * p2
    n = 1 + b1 * s
    fact = k.prove(
        ge(1, ((1 - b1) / c) ** 2 / ((1 - b2) / d)),
        [[sq(1 - b1), inv(c), inv(c), later]],
        using=[
            Times(-(n * (1 - b1) + c) / c**2, first),
            Times((1 - b1) ** 2 / (1 - b2) / c**2, second),
        ],
    )
    k.conclude(fact, "m̂_t²/v̂_t ≤ 1 for the lone gradient g_t, every t")


def no_momentum(book: Book) -> None:
    """β1 = 0: the first case is the bound of RMSProp, and holds for every sequence."""
    k = book.part("they hold where β1 = 0")
    g, b2 = symbols("g beta_2")
    run = symbolic_step(Spec(), hyper={"beta1": 0}, names=("s",))
    unit(k, b2)
    k.recursion({run.before[n]: (run.initial[n], run.after[n]) for n in run.before}, [g])
    v, p2 = run.before["v"], run.before["p2"]
    power_facts(k, p2, b2, positive=True)
    by_induction(k, ge(v), nothing(k, v), [[b2, v], [1 - b2, sq(g)]])
    d = 1 - b2 * p2
    m_hat = run.named["m_hat"]
    fact = k.prove(
        ge(run.after["v"] / d / (1 - b2) - m_hat**2),
        [[b2, v, inv(d), inv(1 - b2)], [sq(g), inv(d), b2, p2]],
    )
    k.conclude(fact, "β1 = 0: m̂_t² ≤ v̂_t/(1-β2), which is the first case's bound")


def prove(book: Book) -> None:
    """Refutations first, then where the bounds do hold."""
    second_case(book)
    first_case(book)
    half(book)
    equal_rates(book)
    no_momentum(book)
    lone_gradient(book)


THEOREM = Theorem(
    slug="published-bound-refuted",
    title="The published step bounds are false",
    statement=(
        r"$|\Delta_t|\le\alpha(1-\beta_1)/\sqrt{1-\beta_2}$ where $1-\beta_1>\sqrt{1-\beta_2}$ "
        r"fails: at $(9/10, 999/1000)$ first at $t=210$, at $(1/2, 999/1000)$ first at $t=1385$. "
        r"$|\Delta_t|\le\alpha$ otherwise fails at $t=2$ for every $0<\beta_1\ne\beta_2$. "
        r"Both hold for a lone gradient at the current step, and where $\beta_1=\beta_2$; "
        r"the first holds where $\beta_1=0$."
    ),
    source="Kingma & Ba 2015 (arXiv:1412.6980), §2.1, the two upper bounds on |Δ_t|",
    covers={"adam": ""},
    prove=prove,
    controls=(
        Control("the first violation is at t = 209", lambda book: first_case(book, 209)),
        Control("the first violation is at t = 211", lambda book: first_case(book, 211)),
        Control("g = (2β1/β2, 1) has the same excess", lambda book: second_case(book, 2)),
    ),
    refutes="|Δ_t| ≤ α(1-β1)/√(1-β2), or α (Kingma & Ba 2015, §2.1)",
)
