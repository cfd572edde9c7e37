"""Decoupled decay keeps the parameter within max(|θ_0|, R_∞/λ)."""

from adamcheck.numerics.symbolic import Number, symbolic_step, symbols, term
from adamcheck.proof.claims import Fact, eq, ge, gt
from adamcheck.proof.lemmas import by_induction
from adamcheck.proof.theorem import Book, Control, Theorem
from adamcheck.spec import Spec


def prove(book: Book, rate: Number = 1) -> None:
    """θ' = (1-αλ)θ - Δ and |Δ| ≤ αR: the interval [-B, B] with λB ≥ R is never left."""
    k = book.part("the interval that is never left")
    run = symbolic_step(Spec(decay="decoupled"), names=("s",))
    alpha, decay = run.hyper["lr"], run.hyper["weight_decay"]
    theta, delta, start, bound, radius = symbols("theta Delta theta_0 R B")
    k.assume(gt(alpha))
    k.assume(gt(decay))
    k.assume(ge(1, term(rate) * alpha * decay), "αλ ≤ 1")
    high = k.assume(ge(alpha * bound - delta), "|Δ_t| ≤ α·R, which step-bound gives with R = R_∞")
    low = k.assume(ge(alpha * bound + delta))
    wide = k.assume(ge(decay * radius, bound), "B ≥ R/λ")
    up, down = k.assume(ge(radius, start), "B ≥ |θ_0|"), k.assume(ge(radius + start))
    # the rule's own step, with whatever its update is as the input Δ
    update = run.named["update"]
    k.assume(gt(run.named["denominator"]))
    k.assume(gt(1 - run.after["p1"]))
    same = k.prove(eq(run.theta_after, (1 - alpha * decay) * run.theta - update))
    k.conclude(same, "the rule: θ_t = (1-αλ)·θ_(t-1) - Δ_t")
    k.recursion({theta: (start, (1 - alpha * decay) * theta - delta)}, [delta])
    upper, lower = ge(radius - theta), ge(radius + theta)

    def below(hypothesis: Fact) -> Fact:
        return k.prove(k.at_next(upper), [[1 - alpha * decay, hypothesis], [alpha, wide], [low]])

    def above(hypothesis: Fact) -> Fact:
        return k.prove(k.at_next(lower), [[1 - alpha * decay, hypothesis], [alpha, wide], [high]])

    k.conclude(by_induction(k, upper, [[up]], below), "θ_t ≤ max(|θ_0|, R/λ) for every t")
    k.conclude(by_induction(k, lower, [[down]], above), "-θ_t ≤ max(|θ_0|, R/λ)")


THEOREM = Theorem(
    slug="adamw-bound",
    title="The parameter under decoupled decay",
    statement=(
        r"For $0<\alpha\lambda\le1$: $|\theta_t|\le\max(|\theta_0|, R_\infty/\lambda)$ "
        r"for every $t$ and every gradient sequence."
    ),
    source="this project; the rule is Loshchilov & Hutter 2019 (arXiv:1711.05101), Algorithm 2",
    covers={"adam[decay=decoupled]": "0 < αλ ≤ 1"},
    prove=prove,
    controls=(Control("the same for 0 < αλ ≤ 2", lambda book: prove(book, term(1) / 2)),),
)
