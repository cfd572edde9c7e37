"""Each hyperparameter changes the update: exact numbers that show by how much.

Two gradients, 1 and -1/2, at β1 = 1/2, β2 = 3/4, α = 1, ε = 1; then one hyperparameter is changed.
Denominators carry a root, so that updates are compared by their squares or by their roots.
"""

from fractions import Fraction

from adamcheck.numerics.symbolic import Number, SymbolicStep, Term, symbolic_step, symbols
from adamcheck.proof.claims import Fact, Times, eq, gt, inv, ne
from adamcheck.proof.kernel import Proof
from adamcheck.proof.lemmas import positive_root
from adamcheck.proof.theorem import Book, Control, Theorem
from adamcheck.spec import Spec

BASE: dict[str, Number] = {"lr": 1, "beta1": Fraction(1, 2), "beta2": Fraction(3, 4), "eps": 1}
FRESH = {"p1": 1, "p2": 1, "m": 0, "v": 0}
GRADIENTS = (Fraction(1), Fraction(-1, 2))


def two_steps(spec: Spec, name: str, hyper: dict[str, Number]) -> SymbolicStep:
    """The rule run on both gradients; its root is called ``name``."""
    first = symbolic_step(spec, hyper=hyper, before=FRESH, g=GRADIENTS[0], theta=1, names=(name,))
    return symbolic_step(
        spec,
        hyper=hyper,
        before=first.after,
        g=GRADIENTS[1],
        theta=1,
        names=(name,),
    )


def roots(k: Proof, *runs: SymbolicStep) -> list[tuple[Term, Fact]]:
    """Define the roots of the runs, each of a positive number; with s² = x."""
    found = []
    for run in runs:
        ((s, x),) = run.ops.roots.items()
        _, square = positive_root(k, k.prove(gt(x), [[x]]), s)
        k.prove(gt(s + run.hyper["eps"]), [[s], [run.hyper["eps"]]])
        found.append((s, square))
    return found


def rate(book: Book) -> None:
    """Δ is proportional to α."""
    k = book.part("α")
    run = symbolic_step(Spec(), names=("s",))
    (s,) = run.ops.roots
    k.assume(ne(1 - run.after["p1"]))
    k.assume(ne(s + run.hyper["eps"]))
    (other,) = symbols("alpha_b")
    changed = symbolic_step(Spec(), hyper={"lr": other}, names=("s",))
    fact = k.prove(eq(changed.named["update"] * run.hyper["lr"], run.named["update"] * other))
    k.conclude(fact, "Δ(α̃)·α = Δ(α)·α̃: another α gives another Δ wherever Δ ≠ 0")


def first_rate(book: Book, other: Fraction = Fraction(1, 4)) -> None:
    """β1 changes m̂ and leaves v̂."""
    k = book.part("β1")
    one = two_steps(Spec(), "s", BASE)
    two = two_steps(Spec(), "s", BASE | {"beta1": other})
    ((s, _),) = roots(k, one)
    gap = one.named["m_hat"] - two.named["m_hat"]
    k.prove(gt(gap), [[gap]])
    fact = k.prove(gt(one.named["update"], two.named["update"]), [[gap, inv(s + 1)]])
    k.conclude(fact, f"β1 = 1/2 gives a larger Δ_2 than β1 = {other}: m̂_2 differs, v̂_2 does not")


def second_rate(book: Book) -> None:
    """β2 changes v̂ and leaves m̂, which is not 0 under other gradients."""
    k = book.part("β2")
    hyper: dict[str, Number] = BASE | {"beta1": Fraction(1, 4)}
    one = two_steps(Spec(), "s", hyper)
    two = two_steps(Spec(), "r", hyper | {"beta2": Fraction(1, 4)})
    (s, square_s), (r, square_r) = roots(k, one, two)
    ((x,), (y,)) = one.ops.roots.values(), two.ops.roots.values()
    k.prove(gt(s + r), [[s], [r]])
    k.prove(
        gt(s - r),
        [[x - y, inv(s + r)]],
        using=[Times(1 / (s + r), square_s), Times(-1 / (s + r), square_r)],
    )
    size = -one.named["m_hat"]
    fact = k.prove(
        gt(one.named["update"], two.named["update"]), [[size, s - r, inv(s + 1), inv(r + 1)]]
    )
    k.conclude(fact, "β2 = 3/4 and β2 = 1/4 give different Δ_2: v̂_2 differs, m̂_2 does not")


def epsilon(book: Book) -> None:
    """ε adds to the denominator."""
    k = book.part("ε")
    run = symbolic_step(Spec(), hyper=BASE, before=FRESH, g=1, names=("s",))
    ((s, _),) = roots(k, run)
    other = symbolic_step(Spec(), hyper=BASE | {"eps": 2}, before=FRESH, g=1, names=("s",))
    k.prove(gt(s + 2), [[s], [2]])
    fact = k.prove(gt(run.named["update"], other.named["update"]), [[inv(s + 1), inv(s + 2)]])
    k.conclude(fact, "ε = 1 gives a larger Δ_1 than ε = 2")


def decay(book: Book) -> None:
    """λ shrinks the parameter."""
    k = book.part("λ")
    run = symbolic_step(Spec(decay="decoupled"), names=("s",))
    (other,) = symbols("lamda_b")
    (s,) = run.ops.roots
    k.assume(ne(1 - run.after["p1"]))
    k.assume(ne(s + run.hyper["eps"]))
    changed = symbolic_step(Spec(decay="decoupled"), hyper={"weight_decay": other}, names=("s",))
    gap = run.hyper["lr"] * (run.hyper["weight_decay"] - other) * run.theta
    fact = k.prove(eq(changed.theta_after - run.theta_after, gap))
    k.conclude(fact, "θ(λ̃) - θ(λ) = α(λ-λ̃)θ_(t-1): different wherever θ_(t-1) ≠ 0")


def prove(book: Book) -> None:
    """Each hyperparameter in turn."""
    rate(book)
    first_rate(book)
    second_rate(book)
    epsilon(book)
    decay(book)


THEOREM = Theorem(
    slug="hyperparameter-liveness",
    title="Hyperparameters are alive",
    statement=(
        r"$\Delta_t$ depends on each of $\alpha$, $\beta_1$, $\beta_2$, $\epsilon$, and $\theta_t$ "
        r"on $\lambda$: two values of each with different exact results."
    ),
    source="this project",
    covers={"adam": "", "adam[decay=decoupled]": ""},
    prove=prove,
    controls=(
        Control("β1 = 1/2 and β1 = 1/2 differ", lambda book: first_rate(book, Fraction(1, 2))),
    ),
)
