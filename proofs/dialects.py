"""Every dialect of Adam is the function its convention says, and no two of them are the same.

Each formula below is written out a second time, on purpose, and compared with the rule; then for
each pair of a switch's words a rational input shows that they differ; first_t=0 differs from the
others in that its first step divides by zero.
"""

from collections.abc import Mapping
from fractions import Fraction
from itertools import combinations
from math import isqrt
from typing import Any

from adamcheck.numerics.symbolic import Number, SymbolicStep, Term, symbolic_step, term
from adamcheck.proof.claims import eq, ne
from adamcheck.proof.coverage import turned
from adamcheck.proof.kernel import Proof
from adamcheck.proof.normal import ProofError
from adamcheck.proof.theorem import Book, Control, Theorem
from adamcheck.spec import Spec

# one step from a fresh state at numbers whose roots are rational: g = 3, β1 = 1/2, β2 = 3/4
NUMBERS: dict[str, Number] = {
    "lr": Fraction(1, 2),
    "beta1": Fraction(1, 2),
    "beta2": Fraction(3, 4),
    "eps": 16,
    "eps_root": 7,
}
GRADIENT = 3
# 1+β2 is a square: so are v/(1-β2²) after one gradient and v̂ after it and a zero
SQUARE = {"beta2": Fraction(9, 16)}
DECAYS = ("none", "l2", "decoupled", "decoupled-unscaled", "decoupled-after")


def defined(k: Proof, *terms: Term) -> None:
    """Assume that what the terms divide by is not zero: only then are they defined."""
    divisors = set().union(*(t.divisors for t in terms))
    for divisor in sorted(divisors, key=lambda d: (len(str(d)), str(d))):
        k.assume(ne(Term(divisor)), "only then is the update defined")


def moments(run: SymbolicStep) -> tuple[Term, Term, Term, Term]:
    """m, v and the powers after the step, written out."""
    b1, b2, s, g = run.hyper["beta1"], run.hyper["beta2"], run.before, run.g
    m = b1 * s["m"] + (1 - b1) * g
    v = b2 * s["v"] + (1 - b2) * g**2
    return m, v, b1 * s["p1"], b2 * s["p2"]


def places_of_eps(book: Book, slip: Number = 0) -> None:
    """The five denominators."""
    for word in ("outside", "hat", "inside", "both", "max"):
        k = book.part(f"eps={word}")
        run = symbolic_step(Spec(eps=word), names=("s", "q"))
        m, v, p1, p2 = moments(run)
        eps, alpha = run.hyper["eps"], run.hyper["lr"]
        defined(k, run.named["update"], *run.ops.roots.values())
        s, *others = run.ops.roots
        inside = {"inside": eps, "both": run.hyper.get("eps_root", eps)}.get(word, term(0))
        under = k.prove(eq(run.ops.roots[s], v / (1 - p2) + inside))
        k.conclude(under, f"what stands under the root with eps={word}")
        if word == "max":
            (most,) = run.ops.maxima
            pair = run.ops.maxima[most]
            for part, meant in zip(pair, (s, eps), strict=True):
                k.conclude(k.prove(eq(part, meant)), "the maximum is of the root and ε")
            denominator = most
        elif word == "hat":
            (q,) = others
            k.conclude(k.prove(eq(run.ops.roots[q], 1 - p2)), "ε̂ is divided by √(1-β2^t)")
            denominator = s + eps / q
        else:
            denominator = s + (eps if word in ("outside", "both") else 0)
        meant = alpha * (m / (1 - p1)) / (denominator + term(slip) * eps)
        fact = k.prove(eq(run.named["update"], meant))
        k.conclude(fact, f"Δ with eps={word}")


def corrections(book: Book) -> None:
    """Both moments corrected, one, or none."""
    for word in ("both", "m", "v", "none"):
        k = book.part(f"bias_correction={word}")
        run = symbolic_step(Spec(bias_correction=word), names=("s",))
        m, v, p1, p2 = moments(run)
        defined(k, run.named["update"], *run.ops.roots.values())
        (s,) = run.ops.roots
        m_hat = m / (1 - p1) if word in ("both", "m") else m
        v_hat = v / (1 - p2) if word in ("both", "v") else v
        k.conclude(k.prove(eq(run.ops.roots[s], v_hat)), f"v̂ with bias_correction={word}")
        meant = run.hyper["lr"] * m_hat / (s + run.hyper["eps"])
        k.conclude(k.prove(eq(run.named["update"], meant)), f"Δ with bias_correction={word}")


def decays(book: Book) -> None:
    """The couplings of weight decay, and the sign for maximising."""
    for word in ("l2", "decoupled", "decoupled-unscaled", "decoupled-after"):
        k = book.part(f"decay={word}")
        run = symbolic_step(Spec(decay=word), names=("s",))
        rate, alpha, theta = run.hyper["weight_decay"], run.hyper["lr"], run.theta
        update = run.named["update"]
        defined(k, update)
        meant = {
            "l2": theta - update,
            "decoupled": theta - alpha * rate * theta - update,
            "decoupled-unscaled": theta - rate * theta - update,
            "decoupled-after": (theta - update) - alpha * rate * (theta - update),
        }[word]
        k.conclude(k.prove(eq(run.theta_after, meant)), f"θ with decay={word}")
        g = run.g + rate * theta if word == "l2" else run.g
        b1 = run.hyper["beta1"]
        fact = k.prove(eq(run.after["m"], b1 * run.before["m"] + (1 - b1) * g))
        k.conclude(fact, f"m with decay={word}")
    k = book.part("maximize=yes")
    run = symbolic_step(Spec(maximize="yes"), names=("s",))
    plain = symbolic_step(Spec(), g=-run.g, names=("s",))
    defined(k, run.theta_after)
    k.conclude(k.prove(eq(run.theta_after, plain.theta_after)), "maximising is minimising with -g")


def counters(book: Book) -> None:
    """The number that the first step calls t."""
    for word, power in (("1", 1), ("0", 0), ("2", 2)):
        k = book.part(f"first_t={word}")
        run = symbolic_step(Spec(first_t=word), names=("s",))
        b1, b2 = run.hyper["beta1"], run.hyper["beta2"]
        k.assume(ne(b1))
        k.assume(ne(b2))
        for name, beta in (("p1", b1), ("p2", b2)):
            first = run.after[name].subs({run.before[name]: run.initial[name]})
            fact = k.prove(eq(first, beta**power))
            k.conclude(fact, f"at the first step β^t is {beta}^{power}")
            if power == 0:
                fact = k.prove(eq(1 - first, 0))
                k.conclude(fact, f"the first step divides by 1-{beta}^0 = 0: it has no value")


def maxima(book: Book) -> None:
    """AMSGrad's maximum is over v, or over the corrected v̂."""
    for word in ("v", "vhat"):
        k = book.part(f"amsgrad={word}")
        run = symbolic_step(Spec(amsgrad=word), names=("M", "s"))
        _, v, _, p2 = moments(run)
        k.assume(ne(1 - p2))
        ((most, (old, new)),) = run.ops.maxima.items()
        ((_, inside),) = run.ops.roots.items()
        k.conclude(k.prove(eq(old, run.before["v_max"])), "the maximum so far")
        k.conclude(k.prove(eq(new, v if word == "v" else v / (1 - p2))), "against the new moment")
        meant = most / (1 - p2) if word == "v" else most
        k.conclude(k.prove(eq(inside, meant)), "what stands under the root")


def at_numbers(
    spec: Spec,
    *,
    theta: Number = 1,
    gradients: tuple[Number, ...] = (GRADIENT,),
    other: Mapping[str, Fraction] | None = None,
) -> Term:
    """The exact parameter after the gradients, at numbers whose roots are rational."""
    given: dict[str, Number] = NUMBERS | dict(other or {})
    hyper = {n: given.get(n, Fraction(1, 2)) for n in spec.hyperparameters}
    run = symbolic_step(spec, hyper=hyper, g=0, theta=0)
    state, value = run.initial, term(theta)
    for g in gradients:
        run = symbolic_step(spec, hyper=hyper, before=state, g=g, theta=value)
        values: dict = {}
        made = [*run.ops.roots, *run.ops.maxima]
        for symbol in sorted(made, key=lambda s: int(str(s).rsplit("_", 1)[1])):
            if symbol in run.ops.roots:
                values[symbol] = exact_root(run.ops.roots[symbol].subs(values))
            else:
                a, b = (part.subs(values) for part in run.ops.maxima[symbol])
                values[symbol] = a if a.expr >= b.expr else b
        state = {n: x.subs(values) for n, x in run.after.items()}
        value = run.theta_after.subs(values)
    return value


def exact_root(x: Term) -> Term:
    """The root of a rational square; anything else is refused."""
    top, below = isqrt(int(x.expr.p)), isqrt(int(x.expr.q))
    if Fraction(top * top, below * below) != Fraction(int(x.expr.p), int(x.expr.q)):
        raise ProofError(f"{x} has no rational root")
    return term(Fraction(top, below))


def apart(book: Book, switch: str, words: tuple[str, ...], **how: Any) -> None:
    """Each pair of words gives different exact parameters on one input."""
    k = book.part(f"the words of {switch} differ")
    found = {word: at_numbers(Spec(**{switch: word}), **how) for word in words}
    for a, b in combinations(words, 2):
        more, less = (a, b) if found[a].expr > found[b].expr else (b, a)
        fact = k.prove(ne(found[more], found[less]), [[found[more] - found[less]]])
        k.conclude(fact, f"{switch}={a} gives θ = {found[a]}, {switch}={b} gives {found[b]}")


def prove(book: Book) -> None:
    """Formulas first, then the differences."""
    places_of_eps(book)
    corrections(book)
    decays(book)
    counters(book)
    maxima(book)
    apart(book, "eps", ("outside", "hat", "inside", "both", "max"))
    apart(book, "bias_correction", ("both", "m", "v", "none"))
    apart(book, "decay", DECAYS, theta=4)
    apart(book, "maximize", ("no", "yes"))
    apart(book, "first_t", ("1", "2"), other=SQUARE)
    apart(book, "amsgrad", ("none", "v", "vhat"), gradients=(GRADIENT, 0), other=SQUARE)


THEOREM = Theorem(
    slug="dialects",
    title="The dialects are different functions",
    statement=(
        r"Each convention of $\epsilon$, bias correction, decay, AMSGrad, maximising and the step "
        r"counter is the formula its name says, and two words of one switch give different "
        r"$\theta$ on a stated rational input, but for the counter from 0: its first step divides "
        r"by zero."
    ),
    source="Kingma & Ba 2015; Loshchilov & Hutter 2019; Reddi, Kale & Kumar 2018",
    covers=turned("adam"),
    prove=prove,
    controls=(
        Control(
            "the same denominators with ε/1000 more",
            lambda book: places_of_eps(book, term(1) / 1000),
        ),
        Control(
            "eps=outside and eps=outside differ",
            lambda book: apart(book, "eps", ("outside", "outside")),
        ),
    ),
)
