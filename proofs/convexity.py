"""Quadratics and L2-regularised logistic regression are convex; the latter strongly so.

Convexity is the monotone gradient: (∇f(x)-∇f(y))·(x-y) ≥ λ|x-y|². Of the exponential only that it
is positive and grows is used.
"""

from adamcheck.numerics.symbolic import Number, symbols, term
from adamcheck.proof.claims import eq, ge, gt, inv, sq
from adamcheck.proof.coverage import ANY
from adamcheck.proof.lemmas import by_induction, nothing
from adamcheck.proof.theorem import Book, Control, Theorem


def quadratics(book: Book) -> None:
    """λx²/2 and sums of (a·x - b)²/2."""
    k = book.part("quadratics")
    curvature, x, y, mix = symbols("lamda x y theta")
    k.assume(ge(curvature))
    k.assume(ge(mix))
    k.assume(ge(1 - mix))
    half = term(1) / 2
    gap = half * curvature * (mix * x**2 + (1 - mix) * y**2 - (mix * x + (1 - mix) * y) ** 2)
    fact = k.prove(ge(gap), [[half, curvature, mix, 1 - mix, sq(x - y)]])
    k.conclude(fact, "f(θx+(1-θ)y) ≤ θf(x)+(1-θ)f(y) for f = λx²/2, λ ≥ 0")

    k = book.part("sums of squares of linear terms")
    d, total = symbols("d S")
    k.recursion({total: (0, total + d * d)}, [d])
    fact = by_induction(k, ge(total), nothing(k, total), [[total], [sq(d)]])
    k.conclude(fact, "Σ (a_i·(x-y))² ≥ 0 = (∇f(x)-∇f(y))·(x-y) for f = Σ (a_i·x-b_i)²/2")


def logistic(book: Book, strength: Number = 1) -> None:
    """The gradient of Σ log(1+exp(-z_i)) + λ|x|²/2 is strongly monotone with λ."""
    k = book.part("logistic regression with L2")
    e, f, gap = symbols("E F d")
    total, square, curvature, step = symbols("S N lamda h")
    k.assume(gt(e), "E = exp(z), F = exp(z̃) for one sample's z = y·(a·x), z̃ = y·(a·x̃)")
    k.assume(gt(f))
    grows = k.assume(ge((e - f) * gap), "exp grows: (E-F)(z-z̃) ≥ 0, d = z-z̃")
    k.assume(ge(curvature))
    k.prove(gt(1 + e), [[1], [e]])
    k.prove(gt(1 + f), [[1], [f]])
    # the loss's derivative in z is -1/(1+exp z)
    slope = -1 / (1 + e) + 1 / (1 + f)
    one = k.prove(ge(slope * gap), [[grows, inv(1 + e), inv(1 + f)]])
    k.conclude(one, "one sample's gradient in z is monotone: (σ(z)-σ(z̃))(z-z̃) ≥ 0")
    k.recursion({total: (0, total + slope * gap)}, [e, f, gap])
    every = by_induction(k, ge(total), nothing(k, total), [[total], [one]])
    k.conclude(every, "so is the sum over the samples")
    k.recursion({square: (0, square + step * step)}, [step])
    by_induction(k, ge(square), nothing(k, square), [[square], [sq(step)]])
    whole = total + curvature * square
    fact = k.prove(ge(whole, term(strength) * curvature * square), [[every]])
    k.conclude(fact, "(∇f(x)-∇f(y))·(x-y) ≥ λ|x-y|²: λ-strongly convex with L2 weight λ")
    weight = e / ((1 + e) * (1 + e))
    k.conclude(
        k.prove(ge(term(1) / 4 - weight), [[term(1) / 4, sq(1 - e), inv(1 + e), inv(1 + e)]]),
        "the Hessian's weights σ(1-σ) are at most 1/4",
    )
    k.conclude(k.prove(gt(weight), [[e, inv(1 + e), inv(1 + e)]]), "and positive")
    k.conclude(k.prove(eq(weight, e / (1 + e) * (1 - e / (1 + e)))), "with σ = E/(1+E)")


def prove(book: Book) -> None:
    """Both."""
    quadratics(book)
    logistic(book)


def too_strong(book: Book) -> None:
    """The same with 2λ."""
    logistic(book, 2)


THEOREM = Theorem(
    slug="convexity",
    title="Convexity of the test problems",
    statement=(
        r"$\lambda x^2/2$ and $\sum(a_i\cdot x-b_i)^2/2$ are convex; "
        r"$\sum\log(1+e^{-y_ia_i\cdot x})+\lambda|x|^2/2$ is $\lambda$-strongly convex, with "
        r"Hessian weights $0<\sigma(1-\sigma)\le1/4$."
    ),
    source="textbook; used by the convergence checks",
    covers={ANY: "a statement on problems"},
    prove=prove,
    controls=(Control("logistic regression is 2λ-strongly convex", too_strong),),
)
