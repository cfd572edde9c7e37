"""The moments as weighted sums of the gradients (Kingma & Ba 2015, §3, eq. (1))."""

from adamcheck.numerics.symbolic import Number, Term, symbolic_step, symbols, term
from adamcheck.proof.claims import eq
from adamcheck.proof.lemmas import equality
from adamcheck.proof.theorem import Book, Control, Theorem
from adamcheck.spec import Spec


def sums(book: Book, weight: Number = 1) -> None:
    """m = (1-β1)·A and v = (1-β2)·B with A → β1·A + g, B → β2·B + g², the sums by recursion."""
    k = book.part("for every t")
    run = symbolic_step(Spec(), names=("s",))
    b1, b2, g = run.hyper["beta1"], run.hyper["beta2"], run.g
    first, second = symbols("A B")
    k.recursion({run.before[n]: (run.initial[n], run.after[n]) for n in run.before}, [g])
    k.recursion({first: (0, b1 * first + weight * g), second: (0, b2 * second + g * g)})
    fact = equality(k, eq(run.before["m"], (1 - b1) * first), b1)
    k.conclude(fact, "m_t = (1-β1)·A_t with A_t = Σ_{i≤t} β1^(t-i)·g_i")
    fact = equality(k, eq(run.before["v"], (1 - b2) * second), b2)
    k.conclude(fact, "v_t = (1-β2)·B_t with B_t = Σ_{i≤t} β2^(t-i)·g_i²")


def written_out(book: Book, steps: int = 5) -> None:
    """The rule run ``steps`` times on symbols equals the sums written out."""
    k = book.part(f"written out at t = {steps}")
    gradients = symbols(" ".join(f"g_{i}" for i in range(1, steps + 1)))
    run = symbolic_step(Spec(), g=gradients[0], names=("s",))
    b1, b2 = run.hyper["beta1"], run.hyper["beta2"]
    state = symbolic_step(Spec(), before=run.initial, g=gradients[0], names=("s",)).after
    for g in gradients[1:]:
        state = symbolic_step(Spec(), before=state, g=g, names=("s",)).after

    def weighted(beta: Term, power: int) -> Term:
        terms = (beta ** (steps - i) * g**power for i, g in enumerate(gradients, 1))
        return (1 - beta) * sum(terms, term(0))

    for name, total in (("m", weighted(b1, 1)), ("v", weighted(b2, 2))):
        fact = k.prove(eq(state[name], total))
        k.conclude(fact, f"the rule run {steps} times gives {name}_{steps} as the sum written out")
    for name, beta in (("p1", b1), ("p2", b2)):
        k.conclude(k.prove(eq(state[name], beta**steps)), f"and {name} = {beta}^{steps}")


def prove(book: Book) -> None:
    """Both parts."""
    sums(book)
    written_out(book)


THEOREM = Theorem(
    slug="closed-form",
    title="Closed form of the moments",
    statement=(
        r"$m_t = (1-\beta_1)\sum_{i\le t}\beta_1^{t-i}g_i$ and "
        r"$v_t = (1-\beta_2)\sum_{i\le t}\beta_2^{t-i}g_i^2$."
    ),
    source="Kingma & Ba 2015 (arXiv:1412.6980), §3, eq. (1)",
    covers={"adam": ""},
    prove=prove,
    controls=(Control("m_t = (1-β1)·Σ β1^(t-i)·2g_i", lambda book: sums(book, 2)),),
)
