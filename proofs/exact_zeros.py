"""Operations on exact zeros err by nothing, and their error bounds are 0.

A rounding is fl(x) = x(1+d) + x·w: what underflow takes is x·w for some w wherever x is not 0, and
nothing of a zero. A magnitude a and a bound e with a + e ≤ 0 say that the operand is 0 in every
admissible evaluation; the bounds are traced from adamcheck/numerics/error_bounds.py.
"""

from collections.abc import Sequence

from adamcheck.numerics.symbolic import Number, Term, symbols, term
from adamcheck.proof.claims import Fact, Product, Times, eq, ge, gt
from adamcheck.proof.coverage import ANY
from adamcheck.proof.error_bound import ONE, Setting, bounded_by, expanded, setting
from adamcheck.proof.kernel import Proof
from adamcheck.proof.magnitudes import (
    Size,
    bounded,
    minus,
    monomials,
    negated,
    nonnegative,
    plus,
    relaxed,
    times,
)
from adamcheck.proof.theorem import Book, Control, Theorem

NAMES = "beta e_beta w e_w old e_old new e_new"


def none(at: Setting, left_out: Sequence[Term] = ()) -> Fact:
    """The operands' size, but for what is left out of it, is not above 0."""
    (size,) = at.sizes
    less = size.term - sum(left_out, term(0))
    return at.k.assume(ge(0, less), "else underflow is counted")


def each(k: Proof, whole: Fact, *parts: Term) -> dict[Term, Fact]:
    """Of a sum of magnitudes that is at most 0 every part is."""
    return {x: k.prove(ge(-x), [[whole], *([y] for y in parts if y is not x)]) for x in parts}


def vanishes(k: Proof, bound: Term, zeros: dict[Term, Fact], words: str) -> None:
    """Conclude bound ≤ 0: each of its monomials has a factor that is at most 0."""
    names = {x.expr: fact for x, fact in zeros.items()}
    products: list[Product] = []
    for monomial in monomials(expanded(bound)):
        place = next(i for i, x in enumerate(monomial) if isinstance(x, Term) and x.expr in names)
        zero = monomial[place]
        assert isinstance(zero, Term)
        products.append([*monomial[:place], names[zero.expr], *monomial[place + 1 :]])
    k.conclude(k.prove(ge(0, bound), products), words)


def operand(k: Proof, a: Term, e: Term, name: str) -> tuple[Size, Size]:
    """An exact value of magnitude a, and the same as computed, e off."""
    exact, off = bounded(k, symbols(name)[0], a), bounded(k, symbols(f"d{name}")[0], e)
    return exact, plus(k, exact, off)


def rounded(k: Proof, size: Size, number: int, theta: Size) -> Size:
    """x(1+θ) + x·w for any w."""
    taken = bounded(k, symbols(f"w_{number}")[0], symbols(f"W_{number}")[0], "w: any number")
    return plus(k, size, times(k, size, theta), times(k, size, taken))


def roundoff(k: Proof, number: int = 1) -> Size:
    """A θ of some roundings."""
    return bounded(k, symbols(f"theta_{number}")[0], symbols("gamma")[0])


def part_sum(book: Book, left_out: str = "") -> None:
    """0 + 0 and 0 - 0."""
    at = setting(book, "a sum of zeros", zero=True)
    k = at.k
    a, ea, b, eb, eta, gamma = symbols("a e_a b e_b eta gamma")
    nonnegative(k, a, ea, b, eb, eta, gamma)
    bound = at.error_bounds.total_or_zero(a + b, a, ea, b, eb, gamma, eta)
    whole = none(at, symbols(left_out))
    x, x_hat = operand(k, a, ea, "x")
    y, y_hat = operand(k, b, eb, "y")
    computed = rounded(k, relaxed(k, plus(k, x_hat, y_hat), 0, [[whole]]), 1, roundoff(k))
    zeros = each(k, whole, a, ea, b, eb)
    error = minus(k, computed, relaxed(k, plus(k, x, y), 0, [[zeros[a]], [zeros[b]]]))
    bounded_by(k, error, bound, error.x, "|fl(x̂+ŷ) - (x+y)| ≤ total_or_zero(…) at a+e_a+b+e_b = 0")
    vanishes(k, bound, zeros, "total_or_zero(…) is 0 there: 0 + 0 is exact, in any order")


def part_product(book: Book) -> None:
    """0·s, whatever finite s is."""
    for first in (True, False):
        which = "first" if first else "second"
        at = setting(book, f"a product whose {which} factor is zero", first=first, zero=True)
        k = at.k
        a, ea, b, eb, eta, gamma = symbols("a e_a b e_b eta gamma")
        nonnegative(k, a, ea, b, eb, eta, gamma)
        bound = at.error_bounds.product_or_zero(a, ea, b, eb, gamma, eta)
        zeros = each(k, none(at), *((a, ea) if first else (b, eb)))
        x, x_hat = operand(k, a, ea, "x")
        y, y_hat = operand(k, b, eb, "y")
        factor = [x_hat, y_hat][not first]
        gone = relaxed(k, factor, 0, [[fact] for fact in zeros.values()])
        both = times(k, gone, y_hat) if first else times(k, x_hat, gone)
        computed = rounded(k, both, 1, roundoff(k))
        exact = relaxed(k, [x, y][not first], 0, [[next(iter(zeros.values()))]])
        error = minus(k, computed, times(k, exact, y) if first else times(k, x, exact))
        bounded_by(
            k, error, bound, error.x, "|fl(x̂ŷ) - xy| ≤ product_or_zero(…) at a+e_a or b+e_b = 0"
        )
        vanishes(k, bound, zeros, "product_or_zero(…) is 0 there: 0·s is 0 whatever finite s is")


def part_quotient(book: Book) -> None:
    """0/b, by a divisor that is finite and whose reciprocal is bounded."""
    at = setting(book, "a quotient of zero", zero=True)
    k = at.k
    q, a, ea, eb, c, i, eta, gamma = symbols("q a e_a e_b C i eta gamma")
    nonnegative(k, q, a, ea, eb, c, i, eta, gamma)
    bound = at.error_bounds.scaled_down_or_zero(q, ea, eb, i, gamma, eta)
    zeros = each(k, none(at), q, ea)
    exact = bounded(k, symbols("r")[0], q, "r = x/b")
    dividend = times(k, exact, bounded(k, symbols("z")[0], c, "b"))
    x_hat = plus(k, dividend, bounded(k, symbols("dx")[0], ea))
    inverse = bounded(k, symbols("y")[0], i, "y = 1/b̂, which i bounds")
    gone = relaxed(k, x_hat, 0, [[zeros[q], c], [zeros[ea]]])
    computed = rounded(k, times(k, gone, inverse), 1, roundoff(k))
    error = minus(k, computed, relaxed(k, exact, 0, [[zeros[q]]]))
    words = "|fl(x̂/b̂) - x/b| ≤ scaled_down_or_zero(…) where q + e_a = 0, so that x = 0"
    bounded_by(k, error, bound, error.x, words)
    vanishes(k, bound, zeros, "scaled_down_or_zero(…) is 0 there")
    at = setting(book, "a quotient of zero by what is no scalar", zero=True)
    k = at.k
    b = symbols("b")[0]
    asked = at.error_bounds.quotient_or_zero(q, ea, b, eb, gamma, eta)
    (most,) = at.maxima
    k.assume(gt(most), "the larger of b - e_b and the smallest number of float64")
    other = at.error_bounds.scaled_down_or_zero(q, ea, eb, 1 / most, gamma, eta)
    words = "quotient_or_zero(…) is scaled_down_or_zero(…) with i = 1/(b - e_b) there, too"
    k.conclude(k.prove(eq(asked, other)), words)
    whole = k.assume(at.sizes[0].negated(), "where the one counts no underflow")
    k.conclude(k.prove(at.sizes[1].negated(), [[whole]]), "the other counts none, either")
    at = setting(book, "zero times a scalar, before it is divided", zero=True)
    k = at.k
    nonnegative(k, a, ea, eta)
    kept = at.error_bounds.underflowed(a, ea, eta)
    zeros = each(k, none(at), a, ea)
    k.conclude(k.prove(eq(kept, ea)), "underflowed(…) is e_a where a + e_a = 0")
    vanishes(k, kept, zeros, "and that is 0")


def part_handed_on(book: Book, share: Number = 1) -> None:
    """A gradient that no operation rounds, and that is flushed where it is subnormal."""
    at = setting(book, "a value that is only handed on, and may be flushed")
    k = at.k
    a, ea, eta = symbols("a e_a eta")
    nonnegative(k, a, ea, eta)
    x, h = symbols("x h")
    _, x_hat = operand(k, a, ea, "x")
    off = x_hat.x + h - x
    error = plus(k, bounded(k, symbols("dx")[0], ea), bounded(k, h, eta, "what a flush takes"))
    bound = at.error_bounds.underflowed(a, ea, term(share) * eta)
    bounded_by(k, error, bound, off, "|x̂ + h - x| ≤ underflowed(a, e_a, η)")


def part_average(book: Book, order: str, left_out: str = "") -> None:
    """β·0 + w·0 in every order in which frameworks write it."""
    at = setting(book, f"an average of zeros, {order}", zero=True)
    k, given = at.k, symbols(NAMES)
    beta, ebeta, w, ew, old, eold, new, enew = given
    gamma2, gamma4, gamma, eta, u = symbols("gamma_2 gamma_4 gamma eta u")
    nonnegative(k, *given, gamma2, gamma4, gamma, eta, u)
    bound = at.error_bounds.average_or_zero(*given, beta * old + w * new, u, gamma2, gamma4, eta)
    off, most = at.maxima
    k.prove(ge(off), [[off - ebeta], [ebeta]])
    high = k.prove(ge(w + ew), [[w], [ew]])
    k.prove(ge(most), [[most - gamma4 * (w + ew)], [gamma4, high]])
    zeros = each(k, none(at, symbols(left_out)), *given[4:])
    o, o_hat = operand(k, old, eold, "o")
    n, n_hat = operand(k, new, enew, "n")
    o_hat = relaxed(k, o_hat, 0, [[zeros[old]], [zeros[eold]]])
    n_hat = relaxed(k, n_hat, 0, [[zeros[new]], [zeros[enew]]])
    keep = bounded(k, symbols("B")[0], beta + ebeta, "β̂")
    fresh = bounded(k, symbols("V")[0], w + ew, "ŵ")
    theta = roundoff(k)
    if order == "textbook":
        parts = [
            rounded(k, times(k, keep, o_hat), 1, theta),
            rounded(k, times(k, fresh, n_hat), 2, theta),
        ]
    else:
        spread = times(k, fresh if order == "lerp" else keep, minus(k, n_hat, o_hat))
        moved = rounded(k, spread, 1, theta)
        parts = [o_hat, moved] if order == "lerp" else [n_hat, negated(moved)]
    computed = rounded(k, plus(k, *parts), 3, roundoff(k, 2))
    weights = bounded(k, symbols("beta_0")[0], beta), bounded(k, symbols("w_0")[0], w)
    olds, news = relaxed(k, o, 0, [[zeros[old]]]), relaxed(k, n, 0, [[zeros[new]]])
    exact = plus(k, times(k, weights[0], olds), times(k, weights[1], news))
    error = minus(k, computed, exact)
    words = f"|fl(…) - (βo + wn)| ≤ average_or_zero(…) where o = n = 0, {order}"
    bounded_by(k, error, bound, error.x, words)
    vanishes(k, bound, zeros, "average_or_zero(…) is 0 there")


def part_root(book: Book) -> None:
    """√0, also of a difference that could come out negative if it were not exact."""
    at = setting(book, "a root of zero", first=False)
    k = at.k
    a, e, r, w, gamma, other = symbols("a e r w gamma e_s")
    nonnegative(k, a, e, w, gamma, other)
    got = at.error_bounds.rooted(a, e, other)
    claim = at.conditions[0]
    whole = k.assume(claim, "one of the two ways in which the error bound is finite")
    _, computed = operand(k, a, e, "x")
    gone = relaxed(k, computed, 0, [[whole]])
    k.conclude(gone.below, "x̂ ≥ 0: no radicand comes out negative")
    k.conclude(gone.above, "and none is above 0")
    k.conclude(k.prove(eq(got, other)), "rooted(…) is the root's own bound")
    zeros = each(k, whole, a, e)
    nonnegative(k, r)
    for x, square, words in ((w, e, "w = √e"), (r, a, "r = √a")):
        equal = k.assume(eq(x * x, square), words)
        over = k.suppose(gt(x))
        false = k.prove(gt(0), [[over, over], [zeros[square]]], using=[Times(-ONE, equal)])
        zeros[x] = k.absurd(false, over)
    bound = at.error_bounds.radical(r, e, gamma)
    vanishes(k, bound, zeros, "radical(…) is at most what √e gives, and that is 0")


def part_counted(book: Book) -> None:
    """Elsewhere each bound is the one that rounding-envelope and average-envelope prove."""
    at = setting(book, "where underflow is counted", larger=lambda x, y: x)
    k, f = at.k, at.error_bounds
    s, q, a, ea, b, eb, i = symbols("s q a e_a b e_b i")
    gamma, gamma2, gamma4, eta, u = symbols("gamma gamma_2 gamma_4 eta u")
    k.assume(gt(b - eb))
    given = *symbols(NAMES), s, u, gamma2, gamma4, eta
    for name, plain, guarded in (
        ("total", f.total(s, ea, eb, gamma, eta), f.total_or_zero(s, a, ea, b, eb, gamma, eta)),
        (
            "product",
            f.product(a, ea, b, eb, gamma, eta),
            f.product_or_zero(a, ea, b, eb, gamma, eta),
        ),
        (
            "quotient",
            f.quotient(q, ea, b, eb, gamma, eta),
            f.quotient_or_zero(q, ea, b, eb, gamma, eta),
        ),
        (
            "scaled_down",
            f.scaled_down(q, ea, eb, i, gamma, eta),
            f.scaled_down_or_zero(q, ea, eb, i, gamma, eta),
        ),
        ("average", f.average(*given), f.average_or_zero(*given)),
        ("e_a + η", ea + eta, f.underflowed(a, ea, eta)),
    ):
        k.conclude(k.prove(eq(plain, guarded)), f"{name} is what underflow leaves of it")


def part_known(book: Book) -> None:
    """Who else knows the zero: finer roundoffs, and the reference's magnitude."""
    k = book.part("what is exactly zero is so at every precision level")
    a, a2, e, e2, kappa, x = symbols("a a_2 e e_2 kappa x")
    nonnegative(k, a, a2, e, e2, kappa, x)
    whole = k.assume(ge(0, a + e), "a + e ≤ 0 at one roundoff")
    finer = k.assume(ge(e, (1 + x) * e2), "error bounds fall in proportion to the roundoff")
    fact = k.prove(ge(0, a + e2), [[whole], [finer], [x, e2]])
    k.conclude(fact, "a + e_2 ≤ 0 at a smaller one")
    near = k.assume(ge(a + kappa * e, a2), "a_2 is off by κ bounds")
    zeros = each(k, whole, a, e)
    fact = k.prove(ge(0, a2 + e), [[near], [whole], [kappa, zeros[e]]])
    k.conclude(fact, "and for any magnitude within κ bounds of a")


def prove(book: Book) -> None:
    """All parts."""
    part_sum(book)
    part_product(book)
    part_quotient(book)
    part_handed_on(book)
    for order in ("textbook", "lerp", "reversed"):
        part_average(book, order)
    part_root(book)
    part_counted(book)
    part_known(book)


THEOREM = Theorem(
    slug="exact-zeros",
    title="Operations on exact zeros",
    statement=(
        r"Let $fl(x)=x(1+d)+xw$, $w$ any number: underflow takes nothing of a zero. Where operands "
        r"are known to be exactly zero, $a+e\le0$ (both of a sum or an average, one factor of a "
        r"product, the dividend of a quotient, a radicand), $|$computed - exact$|$, the error "
        r"bounds …_or_zero of total, product, quotient, scaled_down and average, and radical are "
        r"0, whatever the order, fused or not, and rooted is finite; elsewhere …_or_zero are the "
        r"bounds without it. A value that is only handed on and may be flushed, by $\eta$ at most, "
        r"is within underflowed. Supposed: other factors are finite."
    ),
    source="this project; IEEE 754-2019, 6.3: sums, products and roots of zeros are zeros",
    covers={ANY: "operation by operation"},
    prove=prove,
    controls=(
        Control("half of what a flush takes", lambda b: part_handed_on(b, ONE / 2)),
        Control("zeros as computed, whatever their errors", lambda b: part_sum(b, "e_a e_b")),
        Control("a sum of which one summand is zero", lambda b: part_sum(b, "b e_b")),
        Control(
            "an average whose old value alone is zero",
            lambda b: part_average(b, "textbook", "new e_new"),
        ),
    ),
)
