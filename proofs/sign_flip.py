"""Turning the sign of every gradient turns the sign of every update, bit for bit.

Over the reals: by induction. In floating point: each operation of the rule commutes with the sign,
so that any rounding with fl(-x) = -fl(x) does (round to nearest and toward zero are of that kind).
"""

from adamcheck.numerics.symbolic import Number, symbolic_step, symbols, term
from adamcheck.proof.claims import Times, eq, ne
from adamcheck.proof.grading import DIALECTS, graded
from adamcheck.proof.lemmas import equality
from adamcheck.proof.theorem import Book, Control, Theorem
from adamcheck.spec import Spec


def real(book: Book, sign: Number = -1) -> None:
    """m̃ = -m, ṽ = v and Δ̃ = -Δ when g̃ = -g."""
    k = book.part("over the reals")
    run = symbolic_step(Spec(), names=("s",))
    m2, v2 = symbols("m_n v_n")
    other = symbolic_step(Spec(), before=run.before | {"m": m2, "v": v2}, g=-run.g, names=("s",))
    k.recursion({run.before[n]: (run.initial[n], run.after[n]) for n in run.before}, [run.g])
    k.recursion({m2: (0, other.after["m"]), v2: (0, other.after["v"])})
    b1, b2 = run.hyper["beta1"], run.hyper["beta2"]
    m = equality(k, eq(m2, term(sign) * run.before["m"]), b1)
    v = equality(k, eq(v2, run.before["v"]), b2)
    k.conclude(m, "m̃_t = -m_t for every t")
    k.conclude(v, "ṽ_t = v_t for every t, so that √v̂ is the same number")
    (s,) = run.ops.roots
    k.assume(ne(1 - run.after["p1"]))
    k.assume(ne(s + run.hyper["eps"]))
    lift = run.hyper["lr"] / (1 - run.after["p1"]) / (s + run.hyper["eps"])
    fact = k.prove(eq(other.named["update"], -run.named["update"]), using=[Times(lift * b1, m)])
    k.conclude(fact, "Δ̃_t = -Δ_t for every t")


def rounded(book: Book) -> None:
    """Each operation of each dialect, on results that are negated or kept."""
    for spec in DIALECTS:
        graded(book.part(f"operation by operation: {spec}"), spec, kind="sign")


def prove(book: Book) -> None:
    """Both parts."""
    real(book)
    rounded(book)


THEOREM = Theorem(
    slug="sign-flip",
    title="Sign flip",
    statement=(
        r"$g\to-g$ gives $m\to-m$, $v\to v$, $\Delta_t\to-\Delta_t$ for every $t$; bit for bit in "
        r"any fixed order of operations under a rounding with $\mathrm{fl}(-x)=-\mathrm{fl}(x)$."
    ),
    source="this project",
    covers={str(spec): "" for spec in DIALECTS},
    prove=prove,
    controls=(Control("m̃_t = m_t", lambda book: real(book, 1)),),
)
