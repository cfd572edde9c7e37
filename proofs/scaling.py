"""Gradients scaled by c > 0, and ε along with them, give the same updates."""

from adamcheck.numerics.symbolic import Number, SymbolicStep, Term, symbolic_step, symbols, term
from adamcheck.proof.adam import Setting, adam_setting, second_moment
from adamcheck.proof.claims import Fact, Product, Times, eq, ge, gt, inv, ne
from adamcheck.proof.kernel import Proof
from adamcheck.proof.lemmas import equal_roots, equality
from adamcheck.proof.theorem import Book, Control, Theorem
from adamcheck.spec import Spec


def pair(k: Proof, spec: Spec, scale: Term, eps: Number) -> tuple:
    """The rule on g, and on scale·g with another ε: m̃ = scale·m, ṽ = scale²·v at every t."""
    at = adam_setting(k, spec)
    k.assume(gt(scale))
    m2, v2 = symbols("m_c v_c")
    other = symbolic_step(
        spec,
        hyper={"eps": eps},
        before={"m": m2, "v": v2, "p1": at.before.p1, "p2": at.before.p2},
        g=scale * at.g,
        names=("s_c",),
    )
    k.recursion({m2: (0, other.after["m"]), v2: (0, other.after["v"])}, [at.g])
    m = equality(k, eq(m2, scale * at.before.m), at.h.beta1)
    v = equality(k, eq(v2, scale**2 * at.before.v), at.h.beta2)
    m_now = k.prove(eq(other.after["m"], scale * at.after.m), using=[Times(at.h.beta1, m)])
    v_now = k.prove(eq(other.after["v"], scale**2 * at.after.v), using=[Times(at.h.beta2, v)])
    return at, other, m_now, v_now


def under_roots(
    k: Proof, at: Setting, other: SymbolicStep, v: Fact, scale: Term, extra: Term
) -> tuple:
    """Define both roots; the second is scale times the first. ``extra`` is what is added inside."""
    (s,), (s2,) = at.run.ops.roots, other.ops.roots
    x, x2 = at.run.ops.roots[s], other.ops.roots[s2]
    weight = 1 - at.after.p2
    k.prove(gt(weight), [[1 - at.h.beta2 * at.before.p2]])
    _, v_sign = second_moment(at)
    inner: list[Product] = [[v_sign, inv(weight)]]
    if not extra.expr.is_zero:
        inner.append([extra])
    inside = k.prove(ge(x), inner)
    known = k.prove(eq(x2, scale**2 * x), using=[Times(1 / weight, v)])
    inside2 = k.prove(ge(x2), [[scale, scale, inside]], using=[Times(term(1), known)])
    root = k.root(inside, s)[1]
    root2 = k.root(inside2, s2)[1]
    k.prove(ge(scale * s), [[scale, s]])
    squares = k.prove(
        eq(s2 * s2, scale * s * (scale * s)),
        using=[Times(term(1), root2), Times(term(1), known), Times(-(scale**2), root)],
    )
    return s, s2, equal_roots(k, s2, scale * s, squares)


def outside(book: Book, power: int = 1) -> None:
    """ε outside the root scales with c; ε = 0 is the scale invariance of the paper."""
    k = book.part("ε outside the root scales with c")
    (c,) = symbols("c")
    eps = symbols("epsilon")[0]
    at, other, m, v = pair(k, Spec(), c, c**power * eps)
    s, s2, same = under_roots(k, at, other, v, c, term(0))
    total = k.assume(gt(s + eps), "√v̂+ε > 0: only then is Δ defined; ε = 0 is allowed")
    k.prove(gt(s2 + c * eps), [[c, total]], using=[Times(term(1), same)])
    update, update2 = at.run.named["update"], other.named["update"]
    lift = at.h.lr / (1 - at.after.p1) / (s2 + c * eps)
    fact = k.prove(
        eq(update2, update), using=[Times(lift, m), Times(-update / (s2 + c * eps), same)]
    )
    k.conclude(fact, "g → c·g with ε → c·ε leaves every Δ_t unchanged; with ε = 0, g → c·g does")


def inside(book: Book, power: int = 2) -> None:
    """ε inside the root scales with c²."""
    k = book.part("ε inside the root scales with c²")
    c, eps = symbols("c epsilon")
    at, other, m, v = pair(k, Spec(eps="inside"), c, c**power * eps)
    k.assume(ge(eps))
    s, s2, same = under_roots(k, at, other, v, c, eps)
    k.assume(gt(s), "√(v̂+ε) > 0: only then is Δ defined")
    k.prove(gt(s2), [[c, s]], using=[Times(term(1), same)])
    update, update2 = at.run.named["update"], other.named["update"]
    lift = at.h.lr / (1 - at.after.p1) / s2
    fact = k.prove(eq(update2, update), using=[Times(lift, m), Times(-update / s2, same)])
    k.conclude(fact, "g → c·g with ε → c²·ε leaves every Δ_t unchanged when ε is inside the root")


def changing(book: Book) -> None:
    """The scales 1, 2 on the gradients 1, 1 change the second update: undo loss scaling first."""
    k = book.part("a scale that changes during the run")
    half = term(1) / 2
    hyper: dict[str, Number] = {"beta1": half, "beta2": half, "eps": 0, "lr": 1}
    start: dict[str, Number] = {"p1": 1, "p2": 1, "m": 0, "v": 0}
    ratios = []
    for second in (1, 2):
        first = symbolic_step(Spec(), hyper=hyper, before=start, g=1)
        after = symbolic_step(Spec(), hyper=hyper, before=first.after, g=second, names=("s",))
        (v_hat,) = after.ops.roots.values()
        ratios.append(after.named["m_hat"] ** 2 / v_hat)
    fact = k.prove(ne(ratios[0], ratios[1]), [[ratios[0] - ratios[1]]])
    k.conclude(fact, "β1=β2=1/2, ε=0: Δ_2² is 1 for g = 1, 1 and 25/27 for the scaled g = 1, 2")


def prove(book: Book) -> None:
    """All parts."""
    outside(book)
    inside(book)
    changing(book)


THEOREM = Theorem(
    slug="scaling",
    title="Scale invariance",
    statement=(
        r"For $c>0$ fixed during the run, $(g,\epsilon)\to(cg,c\epsilon)$ leaves every $\Delta_t$ "
        r"unchanged (with $\epsilon$ inside the root, $\epsilon\to c^2\epsilon$). "
        r"A scale that changes during the run does not."
    ),
    source="Kingma & Ba 2015 (arXiv:1412.6980), §2.1 (ε = 0)",
    covers={"adam[eps=outside|inside]": ""},
    prove=prove,
    controls=(
        Control("g → c·g with ε → c²·ε outside the root", lambda book: outside(book, 2)),
        Control("g → c·g with ε → c·ε inside the root", lambda book: inside(book, 1)),
    ),
)
