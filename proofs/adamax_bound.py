"""AdaMax: its second moment is the max-norm limit, and its step may exceed α."""

from adamcheck.numerics.symbolic import Number, symbolic_step, symbols, term
from adamcheck.proof.adam import take_maxima
from adamcheck.proof.claims import Claim, Fact, Factor, Product, Times, eq, ge, gt, inv, sq
from adamcheck.proof.lemmas import by_induction, equality, nothing, power_facts, unit
from adamcheck.proof.theorem import Book, Control, Theorem
from adamcheck.spec import Spec


def bound(book: Book, share: Number = 1) -> None:
    """|m_t| ≤ C_t·u_t with C_(t+1) = (1-β1) + (β1/β2)·C_t, for every sequence."""
    k = book.part("the tight bound")
    run = symbolic_step(Spec("adamax"), names=("a", "u"))
    b1, b2, g = run.hyper["beta1"], run.hyper["beta2"], run.g
    m, u, p1 = run.before["m"], run.before["v"], run.before["p1"]
    unit(k, b1, zero=True)
    unit(k, b2)
    (c,) = symbols("C")
    after = term(share) * (1 - b1) + b1 / b2 * c
    k.recursion({run.before[n]: (run.initial[n], run.after[n]) for n in run.before}, [g])
    k.recursion({c: (0, after)})
    facts = take_maxima(k, run)
    (a_g, a_minus, _), (u_old, u_new, _) = facts["a"], facts["u"]
    power_facts(k, p1, b1, positive=False)
    by_induction(k, ge(c), nothing(k, c), [[share, 1 - b1], [b1, inv(b2), c]])
    most = run.after["v"]
    over = k.prove(ge(most - g), [[u_new], [a_g]])
    under = k.prove(ge(most + g), [[u_new], [a_minus]])
    results = []
    for sign, gap in ((1, over), (-1, under)):
        claim = ge(c * u - sign * m)

        def step(hypothesis: Fact, gap: Fact = gap, claim: Claim = claim) -> Fact:
            return k.prove(
                k.at_next(claim),
                [[share, 1 - b1, gap], [b1, inv(b2), c, u_old], [b1, hypothesis]],
            )

        results.append(step(by_induction(k, claim, nothing(k, claim.term), step)))
    alpha, weight = run.hyper["lr"], 1 - run.after["p1"]
    k.assume(gt(most), "u_t > 0: only then is Δ defined")
    k.assume(ge(alpha))
    for sign, fact in zip((1, -1), results, strict=True):
        claim = ge(alpha * after / weight - sign * run.named["update"])
        whole: list[Factor] = [alpha, fact, inv(weight), inv(most)]
        name = "Δ_t" if sign == 1 else "-Δ_t"
        k.conclude(k.prove(claim, [whole]), f"{name} ≤ α·C_t/(1-β1^t) for every t ≥ 1")


def values(book: Book) -> None:
    """C_t in closed form, its limit, and the growth where β1 ≥ β2."""
    k = book.part("closed form and limit (β1 < β2)")
    b1, b2, p, rho, c = symbols("beta_1 beta_2 p rho C")
    unit(k, b1)
    unit(k, b2)
    gap = k.assume(gt(b2 - b1), "β1 < β2")
    k.recursion({p: (1, b1 * p), rho: (1, b1 / b2 * rho), c: (0, (1 - b1) + b1 / b2 * c)})
    power_facts(k, p, b1, positive=True)
    by_induction(k, gt(rho), [1], [[b1, inv(b2), rho]])
    closed = equality(k, eq((b2 - b1) * c, (1 - b1) * b2 * (1 - rho)), b1 / b2)
    k.conclude(closed, "C_t = (1-β1)β2(1-(β1/β2)^t)/(β2-β1)")
    claim = ge(rho - p)

    def step(hypothesis: Fact) -> Fact:
        return k.prove(k.at_next(claim), [[b1, inv(b2), hypothesis], [b1, inv(b2), 1 - b2, p]])

    slower = by_induction(k, claim, [], step)
    most = (1 - b1) * b2 / (b2 - b1)
    known = k.assume(gt(1 - p), "t ≥ 1")
    fact = k.prove(
        ge(most - c / (1 - p)),
        [[1 - b1, b2, inv(gap.term), inv(known.term), slower]],
        using=[Times(-1 / ((b2 - b1) * (1 - p)), closed)],
    )
    k.conclude(fact, "|Δ_t|/α ≤ (1-β1)β2/(β2-β1) for every t")
    fact = k.prove(
        ge(most * rho / (1 - p) - (most - c / (1 - p))),
        [[1 - b1, b2, inv(gap.term), inv(known.term), p]],
        using=[Times(1 / ((b2 - b1) * (1 - p)), closed)],
    )
    k.conclude(fact, "and the gap is at most that value times (β1/β2)^t/(1-β1^t): it is the limit")
    for b, value in ((term(999) / 1000, term(111) / 110), (term(95) / 100, term(19) / 10)):
        nine = term(9) / 10
        fact = k.prove(eq((1 - nine) * b / (b - nine), value))
        k.conclude(fact, f"the limit is {value} at β1 = 9/10, β2 = {b}")

    k = book.part("no bound for all t where β1 ≥ β2")
    (t,) = symbols("t")
    unit(k, b1)
    unit(k, b2)
    k.assume(ge(b1 - b2))
    k.recursion({c: (0, (1 - b1) + b1 / b2 * c), t: (0, t + 1)})
    by_induction(k, ge(c), nothing(k, c), [[1 - b1], [b1, inv(b2), c]])
    claim = ge(c - (1 - b1) * t)
    fact = by_induction(
        k,
        claim,
        nothing(k, claim.term),
        lambda ih: k.prove(k.at_next(claim), [[ih], [b1 - b2, inv(b2), c]]),
    )
    k.conclude(fact, "C_t ≥ (1-β1)·t")


def attained(book: Book, ratio: Number = 1) -> None:
    """g_(t+1) = β2·g_t attains it at every t, so |Δ_t| ≤ α fails at t = 2 for all β1 > 0."""
    k = book.part("attainment")
    b1, b2, w, m, u, c = symbols("beta_1 beta_2 g m u C")
    unit(k, b1)
    unit(k, b2)
    k.recursion(
        {
            w: (1, term(ratio) * b2 * w),
            m: (0, b1 * m + (1 - b1) * w),
            u: (0, w),
            c: (0, (1 - b1) + b1 / b2 * c),
        }
    )
    positive = by_induction(k, gt(w), [1], [[ratio, b2, w]])
    k.conclude(positive, "g_t > 0, so |g_t| = g_t")
    claim = ge(w - b2 * u)
    # at a larger ratio the new gradient is larger by (ratio-1)·β2·g_t
    more: list[Product] = [[term(ratio) - 1, b2, w]] if ratio != 1 else []
    fact = by_induction(k, claim, [1], more)
    k.conclude(fact, "β2·u_(t-1) ≤ g_t, so u_t = max(β2·u_(t-1), |g_t|) = g_t")
    tight = equality(k, eq(b2 * m, c * w), b1)
    after = k.prove(
        eq(b1 * m + (1 - b1) * w, ((1 - b1) + b1 / b2 * c) * w), using=[Times(b1 / b2, tight)]
    )
    k.conclude(after, "m_t = C_t·u_t: |Δ_t| = α·C_t/(1-β1^t)")
    k.prove(gt(1 + b1), [[1], [b1]])
    k.prove(gt(1 - b1**2), [[1 - b1, 1 + b1]])
    two = (1 - b1) + b1 / b2 * (1 - b1)
    fact = k.prove(gt(two / (1 - b1**2), 1), [[b1, 1 - b2, inv(b2), inv(1 + b1)]])
    k.conclude(fact, "C_2/(1-β1²) > 1 for all 0 < β1, β2 < 1: |Δ_2| > α")


def max_norm(book: Book) -> None:
    """V = u^p with q = β2^p: (1-q)M^p ≤ V ≤ t(1-q)M^p, and the p-th roots of both factors → 1."""
    k = book.part("the limit of the p-norms")
    q, x, v, w, most, t = symbols("q X V W N t")
    unit(k, q)
    k.assume(ge(x), "X = |g|^p, q = β2^p; N = max(q·W, X) is the p-th power of the next maximum")
    k.recursion({v: (0, q * v + (1 - q) * x), w: (0, most), t: (0, t + 1)}, [x, most])
    first = k.transition(ge(most, q * w))
    second = k.transition(ge(most, x))
    one = k.transition(eq((most - q * w) * (most - x)))
    by_induction(k, ge(w), nothing(k, w), [[second], [x]])
    by_induction(k, ge(t), nothing(k, t), [[t], [1]])
    beyond = k.suppose(gt(most, q * w + x))
    left = k.prove(gt(most - q * w), [[beyond], [x]])
    more = k.prove(gt(most - x), [[beyond], [q, w]])
    false = k.prove(gt(0), [[left, more]], using=[Times(term(-1), one)])
    sum_bound = k.absurd(false, beyond)
    low = ge(v - (1 - q) * w)
    fact = by_induction(
        k,
        low,
        nothing(k, low.term),
        lambda ih: k.prove(k.at_next(low), [[q, ih], [1 - q, sum_bound]]),
    )
    k.conclude(fact, "V_t ≥ (1-β2^p)·M_t^p with M_t = max_i β2^(t-i)|g_i|")
    high = ge(t * (1 - q) * w - v)
    fact = by_induction(
        k,
        high,
        nothing(k, high.term),
        lambda ih: k.prove(k.at_next(high), [[t, 1 - q, first], [q, ih], [1 - q, second]]),
    )
    k.conclude(fact, "V_t ≤ t(1-β2^p)·M_t^p")

    k = book.part("p-th roots tend to 1")
    r, power, n = symbols("r P n")
    k.assume(ge(r, 1), "r = c^(1/p) for c ≥ 1; for c < 1 take 1/c")
    k.recursion({power: (1, r * power), n: (0, n + 1)})
    by_induction(k, ge(n), nothing(k, n), [[n], [1]])
    claim = ge(power - 1 - n * (r - 1))
    k.prove(ge(r), [[r - 1], [1]])
    fact = by_induction(
        k, claim, [], lambda ih: k.prove(k.at_next(claim), [[r, ih], [n, sq(r - 1)]])
    )
    k.conclude(fact, "r^p ≥ 1 + p(r-1), so 1 ≤ c^(1/p) ≤ 1 + (c-1)/p: V_t^(1/p) → M_t")


def prove(book: Book) -> None:
    """All parts."""
    max_norm(book)
    bound(book)
    values(book)
    attained(book)


THEOREM = Theorem(
    slug="adamax-bound",
    title="AdaMax",
    statement=(
        r"As $p\to\infty$ the second moment becomes $u_t=\max(\beta_2u_{t-1},|g_t|)$. "
        r"$|\Delta_t|\le\alpha C_t/(1-\beta_1^t)$ with "
        r"$C_t=(1-\beta_1)\sum_{k<t}(\beta_1/\beta_2)^k$, attained by $g_{t-k}=\beta_2^{-k}$; "
        r"its limit is $(1-\beta_1)\beta_2/(\beta_2-\beta_1)>1$ for $\beta_1<\beta_2$; there is "
        r"none for $\beta_1\ge\beta_2$."
    ),
    source="Kingma & Ba 2015 (arXiv:1412.6980), §7.1, where |Δ_t| ≤ α is claimed",
    covers={"adamax": ""},
    prove=prove,
    controls=(
        Control("|m_t| ≤ (9/10)·C_t·u_t", lambda book: bound(book, term(9) / 10)),
        Control("g_(t+1) = 2β2·g_t attains it", lambda book: attained(book, 2)),
    ),
    refutes="|Δ_t| ≤ α for AdaMax (Kingma & Ba 2015, §7.1)",
)
