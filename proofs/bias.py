"""The bias of the second moment and its correction (Kingma & Ba 2015, §3, eqs. (2)-(4)).

Expectation enters through its linearity alone: the rule's v is affine in g², so E[v] obeys the same
recursion with e = E[g²] in the place of g².
"""

from adamcheck.numerics.symbolic import Number, symbolic_step, symbols, term
from adamcheck.proof.claims import Times, eq, ge, gt, inv
from adamcheck.proof.lemmas import by_induction, equality
from adamcheck.proof.theorem import Book, Control, Theorem
from adamcheck.spec import Spec


def affine(book: Book) -> None:
    """The rule's second moment is β2·v + (1-β2)·g²: affine in v and in g²."""
    k = book.part("the rule is affine in v and g²")
    run = symbolic_step(Spec(), names=("s",))
    b2, v, g = run.hyper["beta2"], run.before["v"], run.g
    fact = k.prove(eq(run.after["v"], b2 * v + (1 - b2) * g**2))
    k.conclude(fact, "v_t = β2·v_(t-1) + (1-β2)·g_t², so E[v_t] = β2·E[v_(t-1)] + (1-β2)·E[g_t²]")


def exact(book: Book, sign: Number = 1) -> None:
    """E[v_t] = e_t(1-β2^t) + ζ_t; V = E[v], A = Σ β2^(t-i)e_i, B = Σ β2^(t-i)."""
    k = book.part("the exact bias")
    b2, e, v, a, b, p = symbols("beta_2 e V A B p")
    k.recursion(
        {v: (0, b2 * v + (1 - b2) * e), a: (0, b2 * a + e), b: (0, b2 * b + 1), p: (1, b2 * p)},
        inputs=[e],
    )
    moment = equality(k, eq(v, (1 - b2) * a), b2)
    weights = equality(k, eq((1 - b2) * b, 1 - p), b2)
    (last,) = symbols("e_t")
    zeta = (1 - b2) * (a - term(sign) * last * b)
    fact = k.prove(
        eq(v, last * (1 - p) + zeta), using=[Times(term(1), moment), Times(last, weights)]
    )
    k.conclude(fact, "E[v_t] = E[g_t²](1-β2^t) + ζ_t, ζ_t = (1-β2)·Σ β2^(t-i)(E[g_i²]-E[g_t²])")


def stationary(book: Book) -> None:
    """With the same e at every step the correction by 1/(1-β2^t) is exact; so it is for m."""
    k = book.part("stationary moments")
    b1, b2, e, mean, v, m, p1, p2 = symbols("beta_1 beta_2 e mu V M p_1 p_2")
    k.recursion({v: (0, b2 * v + (1 - b2) * e), p2: (1, b2 * p2)})
    k.recursion({m: (0, b1 * m + (1 - b1) * mean), p1: (1, b1 * p1)})
    fact = equality(k, eq(v, e * (1 - p2)), b2)
    k.conclude(fact, "stationary E[g²] = e: E[v_t] = e(1-β2^t), so E[v̂_t] = e")
    k.conclude(equality(k, eq(m, mean * (1 - p1)), b1), "stationary E[g] = μ: E[m_t] = μ(1-β1^t)")


def drift(book: Book, bound: Number = 1) -> None:
    """|e_(t-j) - e_t| ≤ L·j for every j gives |ζ_t| ≤ L·β2/(1-β2)."""
    k = book.part("bounded drift")
    b2, lipschitz, omega, j, p, w, x = symbols("beta_2 L omega j p W X")
    k.assume(gt(b2))
    k.assume(gt(1 - b2))
    k.assume(ge(lipschitz))
    k.assume(ge(1 - omega), "e_(t-j) - e_t = L·j·ω_j with ω_j ≤ 1")
    k.assume(ge(1 + omega), "and ω_j ≥ -1")
    step = p * lipschitz * j * omega
    k.recursion({j: (0, j + 1), p: (1, b2 * p), w: (0, w + p * j), x: (0, x + step)}, [omega])
    by_induction(k, ge(j), [], [[j], [1]])
    by_induction(k, gt(p), [1], [[b2, p]])
    above = by_induction(
        k,
        ge(lipschitz * w - x),
        [],
        lambda ih: k.prove(k.at_next(ge(lipschitz * w - x)), [[ih], [p, lipschitz, j, 1 - omega]]),
    )
    below = by_induction(
        k,
        ge(lipschitz * w + x),
        [],
        lambda ih: k.prove(k.at_next(ge(lipschitz * w + x)), [[ih], [p, lipschitz, j, 1 + omega]]),
    )
    closed = eq(b2 - (1 - b2) ** 2 * w, p * (j * (1 - b2) + b2))
    total = equality(k, closed, 1)
    for side, name in ((above, "ζ_t"), (below, "-ζ_t")):
        sign = -1 if side is above else 1
        fact = k.prove(
            ge(term(bound) * lipschitz * b2 / (1 - b2) + sign * (1 - b2) * x),
            [[1 - b2, side], [lipschitz, p, j], [lipschitz, p, b2, inv(1 - b2)]],
            using=[Times(lipschitz / (1 - b2), total)],
        )
        k.conclude(fact, f"{name} ≤ L·β2/(1-β2) when |E[g_(t-j)²]-E[g_t²]| ≤ L·j for every j")


def prove(book: Book) -> None:
    """All parts."""
    affine(book)
    exact(book)
    stationary(book)
    drift(book)


THEOREM = Theorem(
    slug="bias",
    title="Bias of the second moment",
    statement=(
        r"$E[v_t] = E[g_t^2](1-\beta_2^t) + \zeta_t$ with "
        r"$\zeta_t = (1-\beta_2)\sum_i \beta_2^{t-i}(E[g_i^2]-E[g_t^2])$; "
        r"$\zeta_t = 0$ for stationary second moments, and "
        r"$|\zeta_t| \le L\beta_2/(1-\beta_2)$ when $|E[g_{t-j}^2]-E[g_t^2]| \le Lj$."
    ),
    source="Kingma & Ba 2015 (arXiv:1412.6980), §3, eqs. (2)-(4), where ζ is left open",
    covers={"adam": ""},
    prove=prove,
    controls=(
        Control("ζ with the sign of E[g_t²] turned", lambda book: exact(book, -1)),
        Control("|ζ_t| ≤ L·β2/(2(1-β2))", lambda book: drift(book, term(1) / 2)),
    ),
)
