"""AMSGrad: the maximum only helps the step bound, and without correction the bound is smaller."""

from adamcheck.numerics.symbolic import Number, symbols, term
from adamcheck.proof.adam import adam_setting, moments_bound, take_maxima
from adamcheck.proof.claims import Fact, Product, Times, ge, gt, inv, sq
from adamcheck.proof.lemmas import by_induction, nothing
from adamcheck.proof.theorem import Book, Control, Theorem
from adamcheck.spec import Spec


def kept(book: Book) -> None:
    """m² ≤ K·V for the running maximum V, which never falls."""
    k = book.part("the maximum keeps m² ≤ K·v")
    at = adam_setting(k, Spec(amsgrad="v"), names=("M", "s"))
    found = moments_bound(at)
    above_old, above_new, _ = take_maxima(k, at.run)["M"]
    k.conclude(above_old, "V_t ≥ V_(t-1): the maximum never falls")
    most = at.after.v_max
    fact = k.prove(
        ge(found.after * most, at.after.m**2), [[found.next], [found.positive, above_new]]
    )
    k.conclude(fact, "m_t² ≤ K_t·V_t, so R_t bounds AMSGrad too (maximum of v)")

    k = book.part("the maximum of the corrected v̂ as well")
    at = adam_setting(k, Spec(amsgrad="vhat"), names=("M", "s"))
    found = moments_bound(at)
    _, above_new, _ = take_maxima(k, at.run)["M"]
    weight = 1 - at.after.p2
    fact = k.prove(
        ge(found.after * weight * at.after.v_max, at.after.m**2),
        [[found.next], [found.positive, weight, above_new]],
    )
    k.conclude(fact, "m_t² ≤ K_t·(1-β2^t)·max v̂")


def uncorrected(book: Book, share: Number = 1) -> None:
    """|Δ_t| ≤ α(1-β1^t)/√(1-β2) without bias correction, from the largest gradient so far."""
    k = book.part("without bias correction")
    at = adam_setting(k, Spec(amsgrad="v", bias_correction="none"), names=("M", "s"))
    b1, b2, g, eps, alpha = at.h.beta1, at.h.beta2, at.g, at.h.eps, at.h.lr
    (most,) = symbols("G")
    k.assume(ge(most - g), "|g_i| ≤ G up to this step, and G is attained")
    k.assume(ge(most + g))
    k.assume(ge(most))
    k.assume(ge(eps))
    _, above_new, _ = take_maxima(k, at.run)["M"]
    m, v, p1 = at.before.m, at.before.v, at.before.p1
    new: list[Product] = [[b2, v], [1 - b2, sq(g)]]
    by_induction(k, ge(v), nothing(k, v), new)
    own = k.prove(ge(at.after.v_max, (1 - b2) * g * g), [[above_new], [b2, v]])
    k.conclude(own, "V_t ≥ (1-β2)·g_t² at every step, and V never falls (above)")
    reached = k.assume(
        ge(at.after.v_max, (1 - b2) * most * most), "by these two, since G is attained"
    )
    high, low = ge((1 - p1) * most - m), ge((1 - p1) * most + m)

    def up(hypothesis: Fact) -> Fact:
        return k.prove(k.at_next(high), [[b1, hypothesis], [1 - b1, most - g]])

    def down(hypothesis: Fact) -> Fact:
        return k.prove(k.at_next(low), [[b1, hypothesis], [1 - b1, most + g]])

    above = up(by_induction(k, high, nothing(k, high.term), up))
    below = down(by_induction(k, low, nothing(k, low.term), down))
    (s,) = at.run.ops.roots
    k.prove(ge(at.after.v), new)
    root = k.root(k.prove(ge(at.after.v_max), [[above_new], [at.after.v]]), s)[1]
    k.assume(gt(s + eps), "√V+ε > 0: only then is Δ defined")
    weight = 1 - at.after.p1
    whole: list = [sq(alpha), inv(s + eps), inv(s + eps)]
    fact = k.prove(
        ge(term(share) * alpha**2 * weight**2 / (1 - b2), at.run.named["update"] ** 2),
        [
            [*whole, inv(1 - b2), sq(weight), reached],
            [*whole, inv(1 - b2), sq(weight), 2, s, eps],
            [*whole, inv(1 - b2), sq(weight), sq(eps)],
            [*whole, above, below],
        ],
        using=[Times(alpha**2 * weight**2 / (1 - b2) / (s + eps) ** 2, root)],
    )
    k.conclude(fact, "|Δ_t| ≤ α(1-β1^t)/√(1-β2) without bias correction")


def prove(book: Book) -> None:
    """Both parts."""
    kept(book)
    uncorrected(book)


THEOREM = Theorem(
    slug="amsgrad-bound",
    title="The step of AMSGrad",
    statement=(
        r"$V_t$ never falls and $m_t^2\le K_tV_t$, so that $R_t$ bounds AMSGrad's step too; "
        r"without bias correction $|\Delta_t|\le\alpha(1-\beta_1^t)/\sqrt{1-\beta_2}$."
    ),
    source="this project; the rule is Reddi, Kale & Kumar 2018 (arXiv:1904.09237)",
    covers={"adam[amsgrad=v|vhat]": "", "adam[amsgrad=v,bias_correction=none]": ""},
    prove=prove,
    controls=(
        Control(
            "without correction |Δ_t|² ≤ (9/10)·α²(1-β1^t)²/(1-β2)",
            lambda book: uncorrected(book, term(9) / 10),
        ),
    ),
)
