"""RMSProp's step is at most α/√(1-β2), and a lone gradient attains it."""

from adamcheck.numerics.symbolic import Number, SymbolicStep, Term, symbolic_step, term
from adamcheck.proof.claims import Fact, Product, Times, eq, ge, gt, inv, sq
from adamcheck.proof.kernel import Proof
from adamcheck.proof.lemmas import by_induction, nothing, power_facts, unit
from adamcheck.proof.theorem import Book, Control, Theorem
from adamcheck.spec import Spec


def bound(book: Book, spec: Spec, share: Number = 1) -> None:
    """α²·R² - Δ² ≥ 0 with R² = 1/(1-β2), or (1-β2^t)/(1-β2) where v is corrected."""
    corrected = spec.bias_correction == "v"
    k = book.part("with bias correction" if corrected else "without bias correction")
    run = symbolic_step(spec, names=("s",))
    b2, eps, alpha, g = (*(run.hyper[n] for n in ("beta2", "eps", "lr")), run.g)
    v = run.before["v"]
    unit(k, b2)
    k.assume(ge(eps))
    k.recursion({run.before[n]: (run.initial[n], run.after[n]) for n in run.before}, [g])
    new: list[Product] = [[b2, v], [1 - b2, sq(g)]]
    by_induction(k, ge(v), nothing(k, v), new)
    after = k.prove(ge(run.after["v"]), new)
    (s,) = run.ops.roots
    if corrected:
        power_facts(k, run.before["p2"], b2, positive=True)
        weight = 1 - run.after["p2"]
        inside = k.prove(ge(run.ops.roots[s]), [[after, inv(weight)]])
    else:
        weight, inside = term(1), after
    root = k.root(inside, s)[1]
    k.assume(gt(s + eps), "√v+ε > 0: only then is Δ defined")
    whole: list = [sq(alpha), inv(s + eps), inv(s + eps), inv(1 - b2)]
    claim = ge(alpha**2 * term(share) * weight / (1 - b2), run.named["update"] ** 2)
    parts: list[Product] = [
        [*whole, b2, v],
        [*whole, 2, weight, s, eps],
        [*whole, weight, sq(eps)],
    ]
    lift = alpha**2 / (s + eps) ** 2 / (1 - b2) * weight
    fact = k.prove(claim, parts, using=[Times(lift, root)])
    size = "√((1-β2^t)/(1-β2))" if corrected else "1/√(1-β2)"
    k.conclude(fact, f"|Δ_t| ≤ α·{size} for every t and every gradient sequence")
    if not corrected:
        attained(k, s, run, root)


def attained(k: Proof, s: Term, run: SymbolicStep, root: Fact) -> None:
    """A lone gradient after zeros, ε = 0."""
    v = run.before["v"]
    zero = k.assume(eq(v), "only zeros came before, and ε = 0")
    none = k.assume(eq(run.hyper["eps"]))
    b2, eps, alpha = run.hyper["beta2"], run.hyper["eps"], run.hyper["lr"]
    update = run.named["update"]
    fact = k.prove(
        eq((1 - b2) * update**2, alpha**2),
        using=[
            Times(-(alpha**2) / (s + eps) ** 2, root),
            Times(-(alpha**2) * b2 / (s + eps) ** 2, zero),
            Times(-(alpha**2) * (2 * s + eps) / (s + eps) ** 2, none),
        ],
    )
    k.conclude(fact, "a lone gradient with ε = 0 gives |Δ_t| = α/√(1-β2) exactly")


def prove(book: Book) -> None:
    """Both dialects."""
    bound(book, Spec("rmsprop"))
    bound(book, Spec("rmsprop", bias_correction="v"))


THEOREM = Theorem(
    slug="rmsprop-bound",
    title="The step of RMSProp",
    statement=(
        r"$|\Delta_t|\le\alpha/\sqrt{1-\beta_2}$, attained by a lone gradient with $\epsilon=0$; "
        r"with bias correction $|\Delta_t|\le\alpha\sqrt{(1-\beta_2^t)/(1-\beta_2)}$."
    ),
    source="this project; the rule is Tieleman & Hinton 2012",
    covers={"rmsprop[bias_correction=*]": ""},
    prove=prove,
    controls=(
        Control(
            "|Δ_t|² ≤ (9/10)·α²/(1-β2)",
            lambda book: bound(book, Spec("rmsprop"), term(9) / 10),
        ),
    ),
)
