"""What an order that moves scalars across operations may lose to underflow, and when it overflows.

Such an order keeps s·z where the textbook keeps z, for a product s of step sizes and corrections,
and divides by s later. What an underflow takes from s·z is stretched by 1/s. adamcheck.oracle's
envelope.reassociation bounds 1/s and s; tests hold its numbers against the products below.
"""

from collections.abc import Sequence

from adamcheck.numerics.symbolic import Number, Term, symbols, term
from adamcheck.proof.claims import Fact, Product, ge, gt, inv, sq
from adamcheck.proof.coverage import ANY
from adamcheck.proof.lemmas import by_induction
from adamcheck.proof.theorem import Book, Control, Theorem

ONE = term(1)
ADAM = ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1), (1, -1), (-1, 1), (1, 1))
"""Powers of 1-β1^t and √(1-β2^t) by which a partial result of Adam may differ."""


def stretched(book: Book, share: Number = 1) -> None:
    """((s·z)(1+d)+h)/s is z(1+d) and at most η·F besides, for 1/s ≤ F; it fits for L/G, s ≤ G."""
    k = book.part("a moved scalar and an underflow")
    s, z, d, h, eta, factor, most, largest = symbols("s z d h eta F G L")
    k.assume(gt(s), "the product of the moved scalars")
    wide = k.assume(ge(factor, 1 / s), "F is at least 1/s")
    high = k.assume(ge(most, s), "G is at least s")
    lost = [k.assume(ge(eta, sign * h), "an underflow loses at most η") for sign in (1, -1)]
    k.prove(ge(eta), [[ONE / 2, lost[0]], [ONE / 2, lost[1]]])
    value = (s * z * (1 + d) + h) / s
    for sign, side in zip((1, -1), lost, strict=True):
        claim = ge(term(share) * eta * factor, sign * (value - z * (1 + d)))
        fact = k.prove(claim, [[eta, wide], [inv(s), side]])
        k.conclude(fact, "|((s·z)(1+d)+h)/s - z(1+d)| ≤ η·F")
    k.prove(gt(most), [[high], [s]])
    fits = [k.assume(ge(largest / most, sign * z), "|z| ≤ L/G") for sign in (1, -1)]
    k.prove(ge(largest / most), [[ONE / 2, fits[0]], [ONE / 2, fits[1]]])
    for sign, side in zip((1, -1), fits, strict=True):
        fact = k.prove(ge(largest, sign * s * z), [[s, side], [largest / most, high]])
        k.conclude(fact, "|s·z| ≤ L: no overflow where |z| ≤ L/G")


def every_product(book: Book, share: Number = 1) -> None:
    """The product of max(s, 1/s) over all scalars bounds that of any of their powers -1, 0, 1."""
    k = book.part("one scalar")
    s, most = symbols("s A")
    k.assume(gt(s))
    sides = [k.assume(ge(most, x), "A = max(s, 1/s)") for x in (s, 1 / s)]
    parts: list[Product] = [[ONE / 2, side] for side in sides]
    fact = k.prove(ge(most, share), [*parts, [ONE / 2, inv(s), sq(s - 1)]])
    k.conclude(fact, "max(s, 1/s) ≥ 1, so it bounds s, 1/s and 1")

    k = book.part("any number of them")
    whole, factor, x, most = symbols("P F x A")
    k.recursion({whole: (1, whole * x), factor: (1, factor * most)}, [x, most])
    k.transition(ge(x), "s to the power -1, 0 or 1")
    more = k.transition(ge(most, x), "A = max(s, 1/s)")
    k.prove(ge(most), [[more], [x]])
    by_induction(k, ge(whole), [1], [[whole, x]])
    claim = ge(factor, whole)

    def step(hypothesis: Fact) -> Fact:
        return k.prove(k.at_next(claim), [[most, hypothesis], [whole, more]])

    k.conclude(by_induction(k, claim, [], step), "Π s^(-1, 0 or 1) ≤ Π max(s, 1/s)")


def adam(book: Book, powers: Sequence[tuple[int, int]] = ADAM) -> None:
    """For Adam's overflow the smallest correction suffices: no order divides by both too early."""
    k = book.part("Adam's scalars")
    alpha, c, q, most, least = symbols("alpha c q A w")
    for x in (alpha, c, q, least):
        k.assume(gt(x))
    for x in (c, q):
        k.assume(ge(1 - x), "c = 1-β1^t and q = √(1-β2^t), or 1 where not corrected")
    far = {a: k.assume(ge(most, alpha**a), "A = max(α, 1/α, 1)") for a in (1, -1, 0)}
    near = {x.expr: k.assume(ge(x, least), "w = min(c, q, 1)") for x in (c, q, ONE)}
    k.prove(gt(most), [[far[0]], [1]])
    for b, e in powers:
        value = c**b * q**e
        if (b, e) == (0, 0):
            fact = k.prove(ge(1 / least, 1), [[near[ONE.expr], inv(least)]])
        elif b >= 0 and e >= 0:
            x = c if b else q
            parts: list[Product] = [[near[ONE.expr], inv(least)], [1 - x]]
            fact = k.prove(ge(1 / least, value), parts + ([[c, 1 - q]] if b and e else []))
        else:
            below, above = (c, q) if b < 0 else (q, c)
            parts = [[near[below.expr], inv(least), inv(below)]]
            if b and e:
                parts.append([1 - above, inv(below)])
            fact = k.prove(ge(1 / least, value), parts)
        k.prove(gt(value), [[value]] if (b, e) == (0, 0) else [factors(c, b) + factors(q, e)])
        for a, side in far.items():
            both = k.prove(ge(most / least, alpha**a * value), [[most, fact], [value, side]])
            k.conclude(both, f"α^{a}·c^{b}·q^{e} ≤ A/w")


def alternatives(book: Book, bounded: Sequence[int] = (0, 1)) -> None:
    """Of scalars that stand in a summand each the largest max(s, 1/s) bounds every summand's."""
    k = book.part("scalars of different summands")
    whole, factor, most, *scalars = symbols("P F A s t")
    k.assume(gt(whole), "the other scalars of a summand, to powers -1, 0, 1")
    rest = k.assume(ge(factor, whole), "F is a factor for these")
    for s in scalars:
        k.assume(gt(s), "1-Πμ to this step in the one summand, to the next in the other")
    sides: list[Fact | None] = []
    for i, s in enumerate(scalars):
        for x in (s, 1 / s):
            known = k.assume(ge(most, x), "A ≥ max(s, 1/s, t, 1/t)") if i in bounded else None
            sides.append(known)
    s = scalars[0]
    halves: list[Product] = [[ONE / 2, side] for side in sides[:2] if side]
    one = k.prove(ge(most, 1), [*halves, [ONE / 2, inv(s), sq(s - 1)]])
    k.prove(ge(most), [[one], [1]])
    values = [
        (x, side)
        for s, pair in zip(scalars, (sides[:2], sides[2:]), strict=True)
        for x, side in zip((s, 1 / s), pair, strict=True)
    ]
    for x, side in [*values, (ONE, one)]:
        fact = k.prove(ge(factor * most, whole * x), [[most, rest], [whole, side or one]])
        k.conclude(fact, "P·s^b ≤ F·A and P·t^b ≤ F·A for b = -1, 0, 1")


def factors(x: Term, exponent: int) -> list:
    """x^exponent as factors of a certificate."""
    return [] if exponent == 0 else [x] if exponent > 0 else [inv(x)]


def prove(book: Book) -> None:
    """All parts."""
    stretched(book)
    every_product(book)
    alternatives(book)
    adam(book)


THEOREM = Theorem(
    slug="moved-scalars",
    title="Scalars moved across operations",
    statement=(
        r"If an order keeps $sz$ in place of $z$ and divides by $s$ later, an underflow of at most "
        r"$\eta$ costs at most $\eta F$, $F\ge1/s$, and nothing overflows for $|z|\le L/G$, "
        r"$G\ge s$. $F=G=\prod\max(s_i,1/s_i)$ serves every product of powers $-1,0,1$ of scalars "
        r"$s_i$, with one factor for those of which every summand holds at most one; for Adam "
        r"$G=\max(\alpha,1/\alpha,1)/\min(1,c,q)$ serves $\alpha^ac^bq^e$ but for $b=e=-1$: "
        r"$c=1-\beta_1^t$, $q=\sqrt{1-\beta_2^t}$, $|a|,|b|,|e|\le1$."
    ),
    source="this project",
    covers={ANY: "operation by operation"},
    prove=prove,
    controls=(
        Control("half of η·F", lambda book: stretched(book, ONE / 2)),
        Control("max(s, 1/s) ≥ 2", lambda book: every_product(book, 2)),
        Control("A of one scalar serves another's", lambda book: alternatives(book, (0,))),
        Control("A/w serves 1/(c·q) too", lambda book: adam(book, [(-1, -1)])),
    ),
)
