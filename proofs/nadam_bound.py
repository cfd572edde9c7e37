"""The largest step of any linear numerator over an averaged denominator, and of NAdam."""

from adamcheck.numerics.symbolic import Number, symbolic_step, symbols, term
from adamcheck.proof.adam import adam_setting, moments_bound
from adamcheck.proof.claims import Fact, Times, eq, ge, gt, inv, sq
from adamcheck.proof.lemmas import binary_form, by_induction, equality, nothing
from adamcheck.proof.theorem import Book, Control, Theorem
from adamcheck.spec import Spec


def linear(book: Book, share: Number = 1) -> None:
    """(Σ a·g)² ≤ (Σ a²/b)·(Σ b·g²), with equality where g = a/b."""
    k = book.part("any linear numerator over any averaged denominator")
    a, b, g, x, y, z = symbols("a b g X Y Z")
    k.assume(gt(b), "the denominator's weights are positive")
    added = term(share) * a * a / b
    k.recursion({x: (0, x + a * g), y: (0, y + added), z: (0, z + b * g * g)}, [a, b, g])
    by_induction(k, ge(y), nothing(k, y), [[y], [share, sq(a), inv(b)]])
    by_induction(k, ge(z), nothing(k, z), [[z], [b, sq(g)]])
    claim = ge(y * z - x * x)

    def step(hypothesis: Fact) -> Fact:
        form = binary_form(k, y, x, z, b * g, a, hypothesis)
        return k.prove(k.at_next(claim), [[hypothesis], [form, inv(b)]])

    fact = by_induction(k, claim, nothing(k, claim.term), step)
    k.conclude(fact, "(Σ a_k·g_k)² ≤ (Σ a_k²/b_k)·(Σ b_k·g_k²) for any number of terms")

    k = book.part("attained where g = a/b")
    k.assume(gt(b))
    k.recursion(
        {x: (0, x + a * a / b), y: (0, y + a * a / b), z: (0, z + b * (a / b) ** 2)}, [a, b]
    )
    one = equality(k, eq(x, y), 1)
    two = equality(k, eq(z, y), 1)
    fact = k.prove(eq(x * x, y * z), using=[Times(x + y, one), Times(-y, two)])
    k.conclude(fact, "g_k = a_k/b_k gives equality: the supremum is √(Σ a_k²/b_k)")


def nadam(book: Book, share: Number = 1) -> None:
    """|Δ_t| ≤ α·N_t with N_t² = (1-β2^t)·(c²β1²K_(t-1)/β2 + A²/(1-β2)), constant momentum."""
    k = book.part("NAdam with constant momentum")
    at = adam_setting(k, beta1_may_be_zero=False)
    found = moments_bound(at)
    b1, b2, g, m, v, big = at.h.beta1, at.h.beta2, at.g, at.before.m, at.before.v, found.now
    rule = symbolic_step(
        Spec("nadam"), before={"m": m, "v": v, "p1": at.before.p1, "p2": at.before.p2}, names=("r",)
    )
    (r,) = rule.ops.roots
    p1, p2 = rule.after["p1"], rule.after["p2"]
    k.prove(gt(1 - p1 * b1), [[1 - b1], [b1, 1 - p1]])
    ahead = b1 / (1 - p1 * b1)
    weight = ahead * (1 - b1) + (1 - b1) / (1 - p1)
    value = rule.named["m_hat"]
    same = k.prove(eq(value, ahead * b1 * m + weight * g))
    every = by_induction(k, ge(v), nothing(k, v), [[b2, v], [1 - b2, sq(g)]])
    by_induction(k, ge(big), nothing(k, big), [[sq(1 - b1), inv(1 - b2)], [sq(b1), inv(b2), big]])
    form = binary_form(k, big, m, v, ahead * b1 * (1 - b2) * g, weight * b2, found.every)
    norm = term(share) * ahead**2 * b1**2 * big / b2 + weight**2 / (1 - b2)
    total = k.prove(
        ge(norm * rule.after["v"] - (ahead * b1 * m + weight * g) ** 2),
        [[sq(ahead * b1), found.every], [form, inv(b2), inv(1 - b2)]],
    )
    k.conclude(total, "numerator² ≤ (c²β1²·K_(t-1)/β2 + A²/(1-β2))·v_t")
    inside = k.prove(
        ge(rule.ops.roots[r]), [[b2, every, inv(1 - p2)], [1 - b2, sq(g), inv(1 - p2)]]
    )
    root = k.root(inside, r)[1]
    eps, alpha = at.h.eps, at.h.lr
    k.assume(ge(eps))
    k.assume(gt(r + eps), "√v̂+ε > 0: only then is Δ defined")
    whole: list = [sq(alpha), inv(r + eps), inv(r + eps)]
    k.prove(ge(norm), [[sq(ahead * b1), big, inv(b2)], [sq(weight), inv(1 - b2)]])
    size = norm * (1 - p2)
    fact = k.prove(
        ge(alpha**2 * size - rule.named["update"] ** 2),
        [
            [*whole, total],
            [*whole, norm, 1 - p2, 2, r, eps],
            [*whole, norm, 1 - p2, sq(eps)],
        ],
        using=[
            Times(alpha**2 * size / (r + eps) ** 2, root),
            Times(-(alpha**2) / (r + eps) ** 2 * (value + ahead * b1 * m + weight * g), same),
        ],
    )
    k.conclude(fact, "Δ_t² ≤ α²·(1-β2^t)·(c²β1²·K_(t-1)/β2 + A²/(1-β2)) for every sequence")


def values(book: Book) -> None:
    """At t = 1 the bound is (1+2β1)/(1+β1); at the defaults its limit squared is 70.81…"""
    k = book.part("values of NAdam's bound")
    (b1,) = symbols("beta_1")
    k.assume(ge(b1))
    k.assume(gt(1 - b1))
    k.prove(gt(1 + b1), [[1], [b1]])
    k.prove(gt(1 - b1 * b1), [[1 - b1, 1 + b1]])
    weight = b1 / (1 - b1 * b1) * (1 - b1) + (1 - b1) / (1 - b1)
    k.conclude(k.prove(eq(weight, (1 + 2 * b1) / (1 + b1))), "N_1 = (1+2β1)/(1+β1): 1.474 at 9/10")
    nine, most = term(9) / 10, term(999) / 1000
    rho = nine**2 / most
    big = (1 - nine) ** 2 / ((1 - most) * (1 - rho))
    total = nine**4 * big / most + ((1 - nine) * (1 + nine)) ** 2 / (1 - most)
    fact = k.prove(gt(total, term(708) / 10), [[total - term(708) / 10]])
    k.conclude(fact, "N_∞² > 70.8 at (9/10, 999/1000): N_∞ > 8.41, against 7.27 for Adam")


def prove(book: Book) -> None:
    """All parts."""
    linear(book)
    nadam(book)
    values(book)


THEOREM = Theorem(
    slug="nadam-bound",
    title="Linear numerators, and NAdam",
    statement=(
        r"$\sup_g \frac{\sum a_kg_k}{\sqrt{\sum b_kg_k^2}} = \sqrt{\sum a_k^2/b_k}$. "
        r"NAdam with constant momentum: $\Delta_t^2\le\alpha^2(1-\beta_2^t)"
        r"\left(\frac{c^2\beta_1^2K_{t-1}}{\beta_2}+\frac{A^2}{1-\beta_2}\right)$ with "
        r"$c=\frac{\beta_1}{1-\beta_1^{t+1}}$, $A=c(1-\beta_1)+\frac{1-\beta_1}{1-\beta_1^t}$."
    ),
    source="this project; the rule is Dozat 2016",
    covers={"nadam": ""},
    prove=prove,
    controls=(
        Control("(Σ a·g)² ≤ (9/10)(Σ a²/b)(Σ b·g²)", lambda book: linear(book, term(9) / 10)),
        Control("NAdam with 9/10 of the first summand", lambda book: nadam(book, term(9) / 10)),
    ),
)
