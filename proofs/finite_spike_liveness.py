"""After one finite spike and zeros the update keeps a known positive size: Adam is not frozen."""

from adamcheck import theory
from adamcheck.numerics.symbolic import Number, symbolic_step, symbols, term
from adamcheck.proof.claims import Times, eq, gt, ne, sq
from adamcheck.proof.lemmas import by_induction, unit
from adamcheck.proof.theorem import Book, Control, Theorem
from adamcheck.spec import Spec


def prove(book: Book, factor: Number = 1) -> None:
    """The spike G > 0 at the first step, then zeros; P = β1^k, Q = β2^k count the steps since."""
    k = book.part("a spike at the first step, then zeros")
    spike, p, q = symbols("G P Q")
    run = symbolic_step(Spec(), hyper={"eps": 0}, g=0, names=("s",))
    first = symbolic_step(Spec(), hyper={"eps": 0}, before=run.initial, g=spike, names=("r",))
    b1, b2 = run.hyper["beta1"], run.hyper["beta2"]
    unit(k, b1)
    unit(k, b2)
    k.assume(gt(spike), "the spike; a negative one is its mirror image (sign-flip)")
    k.recursion({run.before[n]: (first.after[n], run.after[n]) for n in run.before})
    k.recursion({p: (1, term(factor) * b1 * p), q: (1, b2 * q)})
    m, v = run.before["m"], run.before["v"]
    by_induction(k, gt(p), [1], [[factor, b1, p]])
    by_induction(k, gt(q), [1], [[b2, q]])
    mean = by_induction(
        k,
        eq(m, (1 - b1) * spike * p),
        lambda _: k.prove(k.at_base(eq(m, (1 - b1) * spike * p))),
        lambda ih: k.prove(k.at_next(eq(m, (1 - b1) * spike * p)), using=[Times(b1, ih)]),
    )
    square = by_induction(
        k,
        eq(v, (1 - b2) * spike**2 * q),
        lambda _: k.prove(k.at_base(eq(v, (1 - b2) * spike**2 * q))),
        lambda ih: k.prove(k.at_next(eq(v, (1 - b2) * spike**2 * q)), using=[Times(b2, ih)]),
    )
    k.conclude(mean, "m = (1-β1)·β1^k·G, k steps after the spike")
    k.conclude(square, "v = (1-β2)·β2^k·G²")
    p1, p2 = run.before["p1"], run.before["p2"]
    by_induction(k, gt(1 - p1), [[1 - b1]], [[1 - b1], [b1, 1 - p1]])
    by_induction(k, gt(1 - p2), [[1 - b2]], [[1 - b2], [b2, 1 - p2]])
    size = k.prove(gt(m), [[1 - b1, spike, p]], using=[Times(term(1), mean)])
    k.conclude(size, "so m stays positive: the update never freezes at 0")
    ratio = ((1 - b1) * p / (1 - p1)) ** 2 / ((1 - b2) * q / (1 - p2))
    k.prove(gt(v), [[1 - b2, sq(spike), q]], using=[Times(term(1), square)])
    w = (1 - b2) * spike**2 * q
    fact = k.prove(
        eq((m / (1 - p1)) ** 2 / (v / (1 - p2)), ratio),
        using=[
            Times((1 - p2) / (1 - p1) ** 2 / v * (m + (1 - b1) * spike * p), mean),
            Times(-((1 - p2) / (1 - p1) ** 2) * ((1 - b1) * spike * p) ** 2 / (v * w), square),
        ],
    )
    k.conclude(fact, "m̂²/v̂ = ((1-β1)β1^k/(1-β1^t))²·(1-β2^t)/((1-β2)β2^k), free of G")
    values(book)


def values(book: Book) -> None:
    """adamcheck.theory.spiked_update with the root left out is m̂/v̂ of a spike of 1, at k = 1, 3."""
    k = book.part("the closed form in adamcheck.theory")
    b1, b2 = symbols("beta_1 beta_2")
    for steps in (1, 3):
        t = steps + 1
        for beta in (b1, b2):
            k.assume(ne(1 - beta**t))
        if steps == 1:
            k.assume(ne(b2))
            k.assume(ne(1 - b2))
        told = theory.spiked_update(b1, b2, steps, sqrt=lambda x: 1 / (1 / x))
        stated = (1 - b1) * b1**steps / (1 - b1**t) / ((1 - b2) * b2**steps / (1 - b2**t))
        fact = k.prove(eq(told, stated))
        k.conclude(fact, f"with the root left out it is m̂/v̂ at G = 1, k = {steps}")


THEOREM = Theorem(
    slug="finite-spike-liveness",
    title="Alive after a finite spike",
    statement=(
        r"$k$ steps after a lone gradient at the first step $|\Delta|/\alpha = "
        r"\frac{(1-\beta_1)\beta_1^k}{1-\beta_1^t}\sqrt{\frac{1-\beta_2^t}{(1-\beta_2)\beta_2^k}}$ "
        r"for $\epsilon=0$: positive, free of the spike's size, and (by step-bound) at most $R_t$."
    ),
    source="this project",
    covers={"adam": "ε = 0"},
    prove=prove,
    controls=(Control("m = (1-β1)(2β1)^k·G", lambda book: prove(book, 2)),),
)
