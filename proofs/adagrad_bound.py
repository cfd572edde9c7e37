"""AdaGrad's step is at most α, and its step sizes never grow."""

from adamcheck.numerics.symbolic import Number, symbolic_step, symbols, term
from adamcheck.proof.claims import Times, ge, gt, inv, sq
from adamcheck.proof.lemmas import at_most, by_induction, nothing
from adamcheck.proof.theorem import Book, Control, Theorem
from adamcheck.spec import Spec


def prove(book: Book, share: Number = 1) -> None:
    """v grows by g², so √v ≥ |g|; the root before the step is the smaller one."""
    k = book.part("every sequence")
    run = symbolic_step(Spec("adagrad"), names=("s",))
    v, g, eps, alpha = run.before["v"], run.g, run.hyper["eps"], run.hyper["lr"]
    k.assume(ge(eps))
    k.assume(ge(alpha))
    k.recursion({v: (run.initial["v"], run.after["v"])}, [g])
    before = by_induction(k, ge(v), nothing(k, v), [[v], [sq(g)]])
    after = k.prove(ge(run.after["v"]), [[v], [sq(g)]])
    (s,) = run.ops.roots
    root = k.root(after, s)[1]
    k.assume(gt(s + eps), "√v+ε > 0: only then is Δ defined")
    whole: list = [sq(alpha), inv(s + eps), inv(s + eps)]
    fact = k.prove(
        ge(term(share) * alpha**2, run.named["update"] ** 2),
        [[*whole, v], [*whole, 2, s, eps], [*whole, sq(eps)]],
        using=[Times(alpha**2 / (s + eps) ** 2, root)],
    )
    k.conclude(fact, "|Δ_t| ≤ α for every t and every gradient sequence")
    (old,) = symbols("r")
    old_root = k.root(before, old)[1]
    squares = k.prove(
        ge(s * s, old * old), [[sq(g)]], using=[Times(term(1), root), Times(term(-1), old_root)]
    )
    smaller = at_most(k, old, s, squares)
    k.assume(gt(old + eps))
    fact = k.prove(
        ge(alpha / (old + eps), alpha / (s + eps)), [[alpha, smaller, inv(old + eps), inv(s + eps)]]
    )
    k.conclude(fact, "α/(√v_t+ε) ≤ α/(√v_(t-1)+ε): step sizes never grow")


THEOREM = Theorem(
    slug="adagrad-bound",
    title="The step of AdaGrad",
    statement=r"$|\Delta_t|\le\alpha$, and $\alpha/(\sqrt{v_t}+\epsilon)$ never grows.",
    source="follows from Duchi, Hazan & Singer 2011, the diagonal rule",
    covers={"adagrad": ""},
    prove=prove,
    controls=(Control("|Δ_t|² ≤ (9/10)·α²", lambda book: prove(book, term(9) / 10)),),
)
