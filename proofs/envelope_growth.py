"""How the envelope's error bounds grow with the data, the roundoff and the operands' errors.

That a reference computed with a roundoff m times smaller lies within a part m of the bound rests on
this: every error bound grows at least in proportion, a root's where its radicand is known well
enough.
"""

from adamcheck.numerics.symbolic import Number, Term, symbols, term
from adamcheck.proof.claims import Times, eq, ge, gt, inv
from adamcheck.proof.coverage import ANY
from adamcheck.proof.error_bound import ONE, expanded, setting
from adamcheck.proof.kernel import Proof
from adamcheck.proof.lemmas import by_induction, nothing
from adamcheck.proof.magnitudes import monomials, nonnegative
from adamcheck.proof.theorem import Book, Control, Theorem

NAMES = "beta e_beta w e_w old e_old new e_new result"


def homogeneity(book: Book, share: Number = 1) -> None:
    """c times the data: c times the bound; m times roundoff and errors: m times it, or more."""
    at = setting(book, "homogeneity", larger=lambda x, y: x)
    k, f = at.k, at.error_bounds
    c, x = symbols("c x")
    s, a, b, ea, eb, gamma, eta, i, r = symbols("s a b e_a e_b gamma eta i r")
    k.assume(gt(c))
    k.assume(gt(r))
    pairs = (
        (f.total(c * s, c * ea, c * eb, gamma, c * eta), f.total(s, ea, eb, gamma, eta), "total"),
        (
            f.product(c * a, c * ea, b, eb, gamma, c * eta),
            f.product(a, ea, b, eb, gamma, eta),
            "product",
        ),
        (
            f.scaled_down(c * s, c * ea, eb, i, gamma, c * eta),
            f.scaled_down(s, ea, eb, i, gamma, eta),
            "scaled_down",
        ),
        (f.radical(c * r, c * c * ea, gamma), f.radical(r, ea, gamma), "radical"),
    )
    for scaled, once, name in pairs:
        k.conclude(k.prove(eq(scaled, c * once)), f"{name}(…) of data c times as large is c times")
    nonnegative(k, s, a, b, ea, eb, gamma, eta, i, x)
    m = 1 + x
    ups = (
        (f.total(s, m * ea, m * eb, m * gamma, m * eta), f.total(s, ea, eb, gamma, eta), "total"),
        (
            f.product(a, m * ea, b, m * eb, m * gamma, m * eta),
            f.product(a, ea, b, eb, gamma, eta),
            "product",
        ),
        (
            f.scaled_down(s, m * ea, m * eb, i, m * gamma, m * eta),
            f.scaled_down(s, ea, eb, i, gamma, eta),
            "scaled_down",
        ),
    )
    for larger, once, name in ups:
        rest = expanded(larger - term(share) * m * once)
        k.conclude(
            k.prove(ge(larger - term(share) * m * once), monomials(rest)),
            f"{name}(…) grows at least as fast as the roundoff and the errors, (1+x) times",
        )


def radical_in_u(book: Book, share: Number = 1) -> None:
    """radical(…) for a roundoff m times smaller: m times smaller where v is known well enough."""
    r, ev, less, gamma, small, x, w, w2 = symbols("r e_v d_v gamma gamma_0 x w w_0")
    m = 1 + x

    def begin(title: str, first: bool) -> tuple[Proof, Term, Term]:
        f = setting(book, title, larger=lambda x, y: x, first=first)
        k = f.k
        nonnegative(k, ev, less, gamma, small, x, w, w2)
        k.assume(gt(r))
        return k, f.error_bounds.radical(r, ev, gamma), f.error_bounds.radical(r, less, small)

    words = "radical(r, e, γ) ≥ m·radical(r, e', γ')"
    k, big, little = begin("radical and the roundoff: where e_v ≤ v", True)
    k.prove(gt(m), [[1], [x]])
    errors = k.assume(ge(ev, m * less), "e' ≤ e/m")
    rounded = k.assume(ge(gamma, m * small), "γ' ≤ γ/m")
    fewer = k.prove(ge(ev, less), [[errors], [x, less]])
    fact = k.prove(
        ge(big, term(share) * m * little),
        [
            [inv(r), errors],
            [r, rounded],
            [inv(r), ev, rounded],
            [inv(r), m, small, fewer],
        ],
    )
    k.conclude(fact, f"{words} where e/√v is the smaller: e_v ≤ v")
    k, big, _ = begin("radical and the roundoff: where v' is known to within v/m", False)
    little = begin("", True)[2]
    book.parts.pop()
    k.prove(gt(m), [[1], [x]])
    near = k.assume(ge(r * r, m * less), "e' ≤ v/m")
    rounded = k.assume(ge(gamma, m * small), "γ' ≤ γ/m")
    above = k.assume(ge(w, r), "√e ≥ √v")
    closer = k.prove(ge(r, m * less / r), [[near, inv(r)]])
    smaller = k.prove(ge(r, less / r), [[closer], [x, less, inv(r)]])
    both = k.prove(ge(r + w - r - less / r), [[above], [smaller]])
    fact = k.prove(
        ge(big, m * little),
        [[above], [closer], [r, rounded], [w, rounded], [m, small, both]],
    )
    k.conclude(fact, f"{words} where e' ≤ v/m, although √e is the smaller")
    k, big, little = begin("radical and the roundoff: always by √m", False)
    little = little.subs({w: w2})
    root_m = symbols("n")[0]
    k.assume(ge(root_m - 1), "n = √m ≥ 1")
    far = k.assume(ge(w, root_m * w2), "√e' ≤ √e/√m")
    rounded = k.assume(ge(gamma, root_m * small), "γ' ≤ γ/m ≤ γ/n")
    k.prove(gt(root_m), [[root_m - 1], [1]])
    fewer = k.prove(ge(w, w2), [[far], [root_m - 1, w2]])
    fact = k.prove(
        ge(big, root_m * little),
        [[far], [r, rounded], [w, rounded], [root_m, small, fewer]],
    )
    k.conclude(fact, "radical(r, e, γ) ≥ √m·radical(r, e', γ') whatever v is")
    k = book.part("radical and the roundoff: no more than √m in general")
    numbers = gt(m * w2, w)
    at: dict[Term, Number] = {x: 3, r: ONE / 8, ev: 4, less: 1, w: 2, w2: 1}
    claims = [numbers, eq(w * w, ev), eq(w2 * w2, less), eq(ev, m * less), gt(less / r, w2)]
    fact = k.witness(at, claims)
    k.conclude(fact, "v = 1/64, e = 4, e' = e/4: √e' is 1, more than √e/4 = 1/2")


def average_in_u(book: Book, share: Number = 1) -> None:
    """average(…) grows at least in proportion to roundoff and operand errors."""
    given = symbols(NAMES)
    gamma2, gamma4, eta, u, x = symbols("gamma_2 gamma_4 eta u x")
    m = 1 + x
    off, off2, rounded2 = symbols("M_1 m_1 m_2")
    k = book.part("average and the roundoff: the larger of two")
    a, b = symbols("a_1 a_2")
    nonnegative(k, off2, x)
    k.prove(gt(m), [[1], [x]])
    product = k.assume(eq((off2 - a) * (off2 - b)), "m_1 is one of the two")
    sides = [k.assume(ge(off, m * y), "M_1 is no smaller than m times either") for y in (a, b)]
    over = k.suppose(gt(m * off2, off))
    parts = [
        k.prove(gt(off2, y), [[inv(m), over], [inv(m), side]])
        for y, side in zip((a, b), sides, strict=True)
    ]
    false = k.prove(gt(0), [parts], using=[Times(-ONE, product)])
    k.conclude(k.absurd(false, over), "max(m·a, m·b) ≥ m·max(a, b), and so for anything larger")

    k = book.part("average and the roundoff")
    more, more2 = symbols("delta_1 delta_2")
    nonnegative(k, *given, gamma2, gamma4, eta, u, x, off2, rounded2, more, more2)

    def evaluated(by: Term, *maxima: Term) -> Term:
        found = iter(maxima)
        f = setting(Book(), "", larger=lambda x, y: next(found)).error_bounds
        errors = [by * e for e in given[1:8:2]]
        pairs = [v for pair in zip(given[0:8:2], errors, strict=True) for v in pair]
        return f.average(*pairs, given[8], by * u, by * gamma2, by * gamma4, by * eta)

    big = evaluated(m, m * off2 + more, m * rounded2 + more2)
    little = evaluated(ONE, off2, rounded2)
    rest = expanded(big - term(share) * m * little)
    fact = k.prove(ge(big, term(share) * m * little), monomials(rest))
    k.conclude(fact, "average(…) grows at least as fast as the roundoff and the errors, m times")


def faint(book: Book, share: Number = 1) -> None:
    """What a bound loses to its own underflow stays the same part of it, over a whole run.

    For fixed data a bound is F·e + η of the bounds before it, and what it lacks F·L + l: each of
    its products lacks up to 2^-1075, which sums hand on, and η is at least 2^-1074.
    """
    k = book.part("a bound that is so small that its own products underflow")
    factor, lost, eta, part, bound, lacks = symbols("F l eta c e L")
    nonnegative(k, part)
    k.assume(ge(factor))
    k.assume(ge(eta))
    less = k.assume(ge(term(share) * part * eta, lost), "l ≤ c·η: c is twice the products, at most")
    k.recursion(
        {bound: (0, factor * bound + eta), lacks: (0, factor * lacks + lost)}, [factor, lost, eta]
    )
    claim = ge(part * bound - lacks)
    fact = by_induction(
        k, claim, nothing(k, claim.term), lambda held: k.prove(
            k.at_next(claim), [[factor, held], [less]]
        ),
    )  # fmt: skip
    k.conclude(fact, "L ≤ c·e at every step, whatever the F, also where they differ")
    k = book.part("beside a bound that is far larger")
    e, whole, times_ = symbols("e E T")
    nonnegative(k, e, part)
    k.assume(gt(times_))
    far = k.assume(ge(whole, times_ * e), "the sum's bound E is at least T times as large")
    own = k.assume(ge(part * e - lacks), "L ≤ c·e")
    fact = k.prove(ge(part * whole / times_ - lacks), [[own], [part, inv(times_), far]])
    k.conclude(fact, "L ≤ (c/T)·E: at T = 2^64 and c ≤ 2^12 less than 2^-48 of E")


def prove(book: Book) -> None:
    """All parts."""
    faint(book)
    homogeneity(book)
    radical_in_u(book)
    average_in_u(book)


THEOREM = Theorem(
    slug="envelope-growth",
    title="The running error bound and the roundoff",
    statement=(
        r"total, product, scaled_down and radical are homogeneous in the data. total, product, "
        r"scaled_down and average grow at least in proportion to roundoff and operand errors. "
        r"For $v>0$, $me'\le e$ and $m\gamma'\le\gamma$, radical$(\sqrt v,e,\gamma)\ge m\cdot$"
        r"radical$(\sqrt v,e',\gamma')$ where $e\le v$ or $me'\le v$, that is where the radicand "
        r"is known well enough; in general only $\sqrt m$ holds there, and not $m$. Let a bound "
        r"be $Fe+\eta$ and lack $FL+l$ with $l\le c\eta$: then $L\le ce$ for every step, and "
        r"beside an $E\ge Te$ that is at most $(c/T)E$."
    ),
    source="this project",
    covers={ANY: "operation by operation"},
    prove=prove,
    controls=(
        Control(
            "error bounds grow twice as fast as the roundoff", lambda book: homogeneity(book, 2)
        ),
        Control("radical grows twice as fast", lambda book: radical_in_u(book, 2)),
        Control("average grows twice as fast", lambda book: average_in_u(book, 2)),
        Control("twice of η is lost at a step", lambda book: faint(book, 2)),
    ),
)
