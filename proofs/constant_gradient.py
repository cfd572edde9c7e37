"""A gradient that stays the same gives the same update at every step, whatever β1 and β2."""

from adamcheck.numerics.symbolic import Number, symbolic_step, symbols, term
from adamcheck.proof.claims import Times, eq, ge, gt, sq
from adamcheck.proof.kernel import Proof
from adamcheck.proof.lemmas import equal_roots, equality, positive_root, power_facts, unit
from adamcheck.proof.theorem import Book, Control, Theorem
from adamcheck.spec import Spec


def begin(k: Proof, spec: Spec) -> tuple:
    """The rule fed with the constant c: its step, the facts m = (1-p1)c, v = (1-p2)c², and |c|."""
    c, size = symbols("c a")
    run = symbolic_step(spec, g=c, names=("s", "q"))
    b1, b2 = run.hyper["beta1"], run.hyper["beta2"]
    unit(k, b1, zero=True)
    unit(k, b2)
    k.recursion({run.before[n]: (run.initial[n], run.after[n]) for n in run.before})
    power_facts(k, run.before["p1"], b1, positive=False)
    power_facts(k, run.before["p2"], b2, positive=True)
    m = equality(k, eq(run.before["m"], (1 - run.before["p1"]) * c), b1)
    v = equality(k, eq(run.before["v"], (1 - run.before["p2"]) * c * c), b2)
    m_next = k.prove(eq(run.after["m"], (1 - run.after["p1"]) * c), using=[Times(b1, m)])
    v_next = k.prove(eq(run.after["v"], (1 - run.after["p2"]) * c * c), using=[Times(b2, v)])
    nonneg, square = k.root(k.prove(ge(c * c), [[sq(c)]]), size)
    return run, c, size, nonneg, square, m_next, v_next


def outside(book: Book, factor: Number = 1) -> None:
    """Δ_t = α·c/(|c|+ε) for Algorithm 1."""
    k = book.part("ε outside the root")
    run, c, a, _, square, m, v = begin(k, Spec())
    (s,) = run.ops.roots
    v_hat = run.ops.roots[s]
    weight = 1 - run.after["p2"]
    known = k.prove(eq(v_hat, c * c), using=[Times(1 / weight, v)])
    _, root = k.root(k.prove(ge(v_hat), [[sq(c)]], using=[Times(term(1), known)]), s)
    squares = k.prove(
        eq(s * s, a * a),
        using=[Times(term(1), root), Times(term(1), known), Times(term(-1), square)],
    )
    same = equal_roots(k, s, a, squares)
    alpha, eps = run.hyper["lr"], run.hyper["eps"]
    total = k.assume(gt(a + eps), "|c|+ε > 0: only then is Δ defined")
    k.prove(gt(s + eps), [[total]], using=[Times(term(1), same)])
    claim = eq(run.named["update"], term(factor) * alpha * c / (a + eps))
    lift = alpha / (1 - run.after["p1"])
    fact = k.prove(
        claim,
        using=[
            Times(lift / (s + eps), m),
            Times(-alpha * c / ((s + eps) * (a + eps)), same),
        ],
    )
    k.conclude(fact, "Δ_t = α·c/(|c|+ε) for every t ≥ 1 and every β1, β2; a = |c|")


def inside(book: Book) -> None:
    """Δ_t = α·c/√(c²+ε) with ε inside the root."""
    k = book.part("ε inside the root")
    run, c, _, _, _, m, v = begin(k, Spec(eps="inside"))
    (s,) = run.ops.roots
    alpha, eps = run.hyper["lr"], run.hyper["eps"]
    k.assume(gt(eps))
    known = k.prove(eq(run.ops.roots[s], c * c + eps), using=[Times(1 / (1 - run.after["p2"]), v)])
    inner = k.prove(gt(run.ops.roots[s]), [[sq(c)], [eps]], using=[Times(term(1), known)])
    _, root = positive_root(k, inner, s)
    square = k.prove(eq(s * s, c * c + eps), using=[Times(term(1), root), Times(term(1), known)])
    k.conclude(square, "the denominator s is √(c²+ε) at every t")
    fact = k.prove(
        eq(run.named["update"], alpha * c / s), using=[Times(alpha / (1 - run.after["p1"]) / s, m)]
    )
    k.conclude(fact, "Δ_t = α·c/√(c²+ε) for every t ≥ 1")


def prove(book: Book) -> None:
    """Both places of ε."""
    outside(book)
    inside(book)


THEOREM = Theorem(
    slug="constant-gradient",
    title="Constant gradient",
    statement=(
        r"If $g_1=\dots=g_t=c$ then $\Delta_t = \alpha c/(|c|+\epsilon)$ for every $t$, "
        r"and $\alpha c/\sqrt{c^2+\epsilon}$ with $\epsilon$ inside the root. "
        r"At $t=1$ every gradient is constant: the first step of any Adam with both corrections."
    ),
    source="follows from Kingma & Ba 2015 (arXiv:1412.6980), Algorithm 1; the case t=1 is folklore",
    covers={"adam[eps=outside|inside]": ""},
    prove=prove,
    controls=(Control("Δ_t = 2α·c/(|c|+ε)", lambda book: outside(book, 2)),),
)
