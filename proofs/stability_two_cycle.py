"""Adam at constant α on λx²/2: when the minimum is stable, and the two-cycle where it is not."""

from adamcheck import theory
from adamcheck.numerics.symbolic import Number, symbolic_step, symbols, term
from adamcheck.proof.claims import Times, eq, ge, gt, sq
from adamcheck.proof.lemmas import equal_roots
from adamcheck.proof.theorem import Book, Control, Theorem
from adamcheck.spec import Spec


def frozen(book: Book, share: Number = 1) -> None:
    """With a fixed preconditioner P the recursion is momentum's with αλ(1-β1)/P for αλ."""
    k = book.part("a fixed preconditioner is momentum")
    b1, alpha, curvature, big, x, z = symbols("beta_1 alpha lamda P x z")
    k.assume(gt(1 - b1))
    k.assume(ge(b1))
    k.assume(gt(big))
    k.assume(gt(alpha))
    k.assume(gt(curvature))
    run = symbolic_step(Spec(bias_correction="none"), before=None, g=curvature * x, names=("s",))
    m = (1 - b1) * z
    after = run.after["m"].subs({run.before["m"]: m, run.hyper["beta1"]: b1})
    scaled = symbolic_step(
        Spec("momentum"),
        hyper={"momentum": b1, "lr": alpha * (1 - b1) / big},
        before={"velocity": z},
        g=curvature * x,
        theta=x,
    )
    k.conclude(k.prove(eq(after, (1 - b1) * scaled.after["velocity"])), "m = (1-β1)·z stays so")
    fact = k.prove(eq(x - alpha / big * after, scaled.theta_after))
    k.conclude(fact, "x - (α/P)·m is momentum's step with α(1-β1)/P")
    limit = theory.stable_curvature(b1)
    gap = limit - alpha * curvature / big
    fact = k.prove(eq(2 + 2 * b1 - alpha * (1 - b1) / big * curvature, share * (1 - b1) * gap))
    words = "2+2β1 - αλ(1-β1)/P is 1-β1 > 0 times 2(1+β1)/(1-β1) - αλ/P: both have one sign"
    k.conclude(fact, f"{words}, and stable is where the first is positive, by momentum-quadratic")
    value = theory.stable_curvature(term(9) / 10)
    k.conclude(k.prove(eq(value, 38)), "the limit is 38 at β1 = 9/10")


def cycle(book: Book, factor: Number = 1) -> None:
    """At x = c with m = -(1-β1)/(1+β1)·λc and v = (λc)² the rule steps to -c."""
    k = book.part("the two-cycle, by the rule")
    b1, alpha, eps, curvature = symbols("beta_1 alpha epsilon lamda")
    k.assume(gt(1 - b1))
    k.assume(ge(b1))
    k.assume(gt(alpha))
    k.assume(gt(curvature))
    k.assume(ge(eps))
    k.prove(gt(1 + b1), [[1], [b1]])
    c = term(factor) * theory.two_cycle(b1, lr=alpha, eps=eps, curvature=curvature)
    exists = k.assume(gt(c), "c = α(1-β1)/(2(1+β1)) - ε/λ > 0")
    slope = k.prove(gt(curvature * c), [[curvature, exists]])
    share = (1 - b1) / (1 + b1)
    run = symbolic_step(
        Spec(bias_correction="none"),
        before={"m": -share * curvature * c, "v": (curvature * c) ** 2},
        g=curvature * c,
        theta=c,
        names=("s",),
    )
    turned = k.prove(eq(run.after["m"], share * curvature * c))
    k.conclude(turned, "m turns its sign")
    same = k.prove(eq(run.after["v"], (curvature * c) ** 2))
    k.conclude(same, "v stays")
    (s,) = run.ops.roots
    root = k.root(k.prove(ge(run.after["v"]), [[sq(slope.term)]]), s)[1]
    k.prove(ge(slope.term), [[slope]])
    squares = k.prove(
        eq(s * s, slope.term * slope.term), using=[Times(term(1), root), Times(term(1), same)]
    )
    equal = equal_roots(k, s, slope.term, squares)
    k.prove(gt(s + eps), [[slope], [eps]], using=[Times(term(1), equal)])
    fact = k.prove(eq(run.theta_after, -c), using=[Times(2 * c / (s + eps), equal)])
    k.conclude(fact, "and x goes from c to -c: Δ = 2c")


def existence(book: Book) -> None:
    """The cycle exists exactly where the minimum, with P = ε there, is unstable."""
    k = book.part("it exists exactly where the minimum is unstable")
    b1, alpha, eps, curvature = symbols("beta_1 alpha epsilon lamda")
    k.assume(gt(1 - b1))
    k.assume(ge(b1))
    k.assume(gt(curvature))
    k.assume(gt(eps))
    k.prove(gt(1 + b1), [[1], [b1]])
    c = theory.two_cycle(b1, lr=alpha, eps=eps, curvature=curvature)
    gap = alpha * curvature / eps - theory.stable_curvature(b1)
    fact = k.prove(eq(c, gap * eps * (1 - b1) / (2 * (1 + b1) * curvature)))
    k.conclude(fact, "c is αλ/ε - 2(1+β1)/(1-β1) times a positive number: both have one sign")
    c0 = theory.two_cycle(term(0), lr=alpha, eps=eps, curvature=curvature)
    k.conclude(k.prove(eq(c0, alpha / 2 - eps / curvature)), "c = α/2 - ε/λ at β1 = 0")


def prove(book: Book) -> None:
    """All parts."""
    frozen(book)
    cycle(book)
    existence(book)


THEOREM = Theorem(
    slug="stability-two-cycle",
    title="Stability at a minimum, and the two-cycle",
    statement=(
        r"With a fixed preconditioner $P$ Adam is stable on $\lambda x^2/2$ iff "
        r"$\alpha\lambda/P < 2(1+\beta_1)/(1-\beta_1)$. At constant $\alpha$ it has the two-cycle "
        r"$\pm c$, $c=\frac{\alpha(1-\beta_1)}{2(1+\beta_1)}-\frac\epsilon\lambda$ (moments as "
        r"$t\to\infty$), which exists iff the minimum is unstable with $P=\epsilon$."
    ),
    source="this project; momentum-quadratic gives the region",
    covers={"adam[bias_correction=none]": "λx²/2, moments as t → ∞"},
    prove=prove,
    controls=(
        Control("the two-cycle with amplitude 2c", lambda book: cycle(book, 2)),
        Control("half the gap of momentum", lambda book: frozen(book, term(1) / 2)),
    ),
)
