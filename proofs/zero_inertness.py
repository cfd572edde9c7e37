"""A parameter that never saw a gradient does not move."""

from adamcheck.numerics.symbolic import Number, symbolic_step, term
from adamcheck.proof.claims import Times, eq, ge, gt
from adamcheck.proof.lemmas import equality, power_facts, unit, vanishes
from adamcheck.proof.theorem import Book, Control, Theorem
from adamcheck.spec import Spec


def prove(book: Book, start: Number = 0) -> None:
    """The rule fed with zeros from a fresh state, ε > 0."""
    k = book.part("zeros from a fresh state")
    run = symbolic_step(Spec(), g=0, names=("s",))
    b1, b2 = run.hyper["beta1"], run.hyper["beta2"]
    unit(k, b1, zero=True)
    unit(k, b2)
    k.assume(gt(run.hyper["eps"]), "ε > 0; with ε = 0 the update is 0/0")
    initial = run.initial | {"m": term(start)}
    k.recursion({run.before[n]: (initial[n], run.after[n]) for n in run.before})
    power_facts(k, run.before["p1"], b1, positive=False)
    power_facts(k, run.before["p2"], b2, positive=True)
    m = equality(k, eq(run.before["m"]), b1)
    v = equality(k, eq(run.before["v"]), b2)
    k.conclude(m, "m_t = 0 for every t")
    k.conclude(v, "v_t = 0 for every t")
    (s,) = run.ops.roots
    inside = run.ops.roots[s]
    nothing = k.prove(eq(inside), using=[Times(b2 / (1 - run.after["p2"]), v)])
    root = k.root(k.prove(ge(inside), using=[Times(term(1), nothing)]), s)[1]
    square = k.prove(eq(s * s), using=[Times(term(1), root), Times(term(1), nothing)])
    zero = vanishes(k, s, square)
    k.prove(gt(s + run.hyper["eps"]), [[run.hyper["eps"]]], using=[Times(term(1), zero)])
    update = run.named["update"]
    lift = run.hyper["lr"] / (1 - run.after["p1"]) / (s + run.hyper["eps"])
    fact = k.prove(eq(update), using=[Times(lift * b1, m)])
    k.conclude(fact, "Δ_t = 0 for every t: the parameter stays where it is")


THEOREM = Theorem(
    slug="zero-inertness",
    title="Zero-gradient inertness",
    statement=r"From a fresh state $g=0$ and $\epsilon>0$ give $m_t=v_t=\Delta_t=0$ for all $t$.",
    source="follows from Kingma & Ba 2015 (arXiv:1412.6980), Algorithm 1",
    covers={"adam": "ε > 0"},
    prove=prove,
    controls=(Control("the same from m_0 = 1", lambda book: prove(book, 1)),),
)
