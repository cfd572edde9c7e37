"""Algorithm 1 and the one-line form agree when ε̂ = ε·√(1-β2^t) (Kingma & Ba 2015, §2)."""

from adamcheck.numerics.symbolic import Number, symbolic_step, symbols, term
from adamcheck.proof.adam import adam_setting, second_moment
from adamcheck.proof.claims import Times, eq, ge, gt, inv
from adamcheck.proof.lemmas import equal_roots, positive_root
from adamcheck.proof.theorem import Book, Control, Theorem
from adamcheck.spec import Spec


def prove(book: Book, scale: Number = 1) -> None:
    """Both rules run on the same state; q = √(1-β2^t), w = √v_t."""
    k = book.part("the same state, both forms")
    at = adam_setting(k)
    _, v = second_moment(at)
    alpha, eps = at.h.lr, at.h.eps
    (s,) = at.run.ops.roots
    v_hat = at.run.ops.roots[s]
    q, w = symbols("q w")
    weight = 1 - at.after.p2
    k.prove(gt(weight), [[1 - at.h.beta2 * at.before.p2]])
    root_s = k.root(k.prove(ge(v_hat), [[v, inv(weight)]]), s)[1]
    positive_q, root_q = positive_root(k, k.prove(gt(weight), [[weight]]), q)
    root_w = k.root(v, w)[1]
    k.prove(ge(s * q), [[s, positive_q]])
    squares = k.prove(
        eq(w * w, s * q * (s * q)),
        using=[
            Times(term(1), root_w),
            Times(-q * q, root_s),
            Times(-v_hat, root_q),
        ],
    )
    same = equal_roots(k, w, s * q, squares)
    k.conclude(same, "√v_t = √v̂_t·√(1-β2^t)")
    k.assume(gt(s + eps), "√v̂+ε > 0: only then is Δ defined")
    k.prove(gt(w + eps * q), [[q, s + eps]], using=[Times(term(1), same)])
    update = at.run.named["update"]
    line = alpha * q / (1 - at.after.p1) * at.after.m / (w + term(scale) * eps * q)
    fact = k.prove(eq(update, line), using=[Times(update / (w + eps * q), same)])
    k.conclude(fact, "Δ_t = α·√(1-β2^t)/(1-β1^t)·m_t/(√v_t+ε̂) with ε̂ = ε·√(1-β2^t)")

    hat = symbolic_step(Spec(eps="hat"), hyper={"eps": eps * q}, names=("s", "q"))
    fact = k.prove(eq(hat.named["update"], update))
    k.conclude(fact, "the dialect eps=hat with ε̂ = ε·√(1-β2^t) makes Algorithm 1's update")


THEOREM = Theorem(
    slug="one-line",
    title="The one-line form",
    statement=(
        r"$\alpha\hat m_t/(\sqrt{\hat v_t}+\epsilon) = "
        r"\alpha\frac{\sqrt{1-\beta_2^t}}{1-\beta_1^t}\,m_t/(\sqrt{v_t}+\hat\epsilon)$ "
        r"with $\hat\epsilon = \epsilon\sqrt{1-\beta_2^t}$."
    ),
    source="Kingma & Ba 2015 (arXiv:1412.6980), §2, last lines, which leave the relation open",
    covers={"adam[eps=outside|hat]": ""},
    prove=prove,
    controls=(Control("the same with ε̂ = 2ε·√(1-β2^t)", lambda book: prove(book, 2)),),
)
