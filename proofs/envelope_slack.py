"""SLACK pays for what error bounds are computed from and with; and how they scale.

S·error bound covers the error bound of magnitudes that are larger by κ times their bounds, since
the exact ones may be, and what its own evaluation in float64 loses. SLACK, where it stands in each
error bound and how many roundings one takes are read from adamcheck/numerics/error_bounds.py;
nothing is retyped.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from adamcheck.numerics import error_bounds
from adamcheck.numerics.symbolic import Term, symbols, term
from adamcheck.proof.claims import Factor, Product, Times, eq, ge, gt, inv, sq
from adamcheck.proof.coverage import ANY
from adamcheck.proof.error_bound import ONE, paid, roundoff, setting, slack_of
from adamcheck.proof.lemmas import at_most
from adamcheck.proof.magnitudes import nonnegative
from adamcheck.proof.normal import ProofError
from adamcheck.proof.theorem import Book, Control, Theorem
from adamcheck.proof.traced import traced_error_bounds

NAMES = "beta e_beta w e_w old e_old new e_new result"


def references(book: Book) -> None:
    """S times an error bound covers that of magnitudes larger by κ times their bounds."""
    s, a, b, ea, eb, i, eta, gamma = symbols("s a b e_a e_b i eta gamma")
    at = setting(book, "total of a reference's magnitude")
    pay = slack_of(at.k)
    nonnegative(at.k, s, ea, eb, eta)
    _, small = roundoff(at.k)
    f, kappa, k = at.error_bounds, pay.kappa, at.k
    paid(
        pay,
        f.total(s, ea, eb, gamma, eta),
        lambda more: f.total(s + more, ea, eb, gamma, eta),
        gamma,
        [[small], [7]],
        "S·total(s, …) ≥ total(s + κE, …) for E = S·total(s, …)",
    )
    at = setting(book, "product of references' magnitudes")
    pay = slack_of(at.k)
    nonnegative(at.k, a, b, ea, eb, eta)
    roundoff(at.k)
    paid(
        pay,
        at.error_bounds.product(a, ea, b, eb, gamma, eta),
        lambda more: at.error_bounds.product(a + kappa * ea, ea, b + kappa * eb, eb, gamma, eta),
        term(0),
        [[8]],
        "S·product(a, …, b, …) ≥ product(a + κe_a, …, b + κe_b, …)",
    )
    at = setting(book, "quotient of references' magnitudes")
    k, pay = at.k, slack_of(at.k)
    nonnegative(k, s, ea, eb, i, eta)
    half = k.assume(ge(1 - eb * i), "e_b·i ≤ 1; see quotient")
    _, small = roundoff(k)
    square, more = (1 + kappa) ** 2, k.prove(gt(1 + gamma), [[1], [gamma]])
    room = pay.room
    two = k.prove(ge(2 - square), [[kappa, room], [ONE * 17 / 8, room], [ONE * 47 / 64]])
    paid(
        pay,
        at.error_bounds.scaled_down(s, ea, eb, i, gamma, eta),
        lambda more: at.error_bounds.scaled_down(s + more, ea, eb, square * i, gamma, eta),
        eb * i * square * (1 + gamma) + gamma,
        [[sq(1 + kappa), more, half], [more, two], [3, small], [3]],
        "S·scaled_down(q, …, i, …) ≥ scaled_down(q + κE, …, (1+κ)²i, …)",
    )
    for first in (True, False):
        name = "the first" if first else "the second"
        at = setting(
            book, f"radical of a reference, {name} smaller", larger=lambda x, y: x, first=first
        )
        k, pay = at.k, slack_of(at.k)
        r, ev, w = symbols("r e_v w")
        nonnegative(k, ev, w)
        roundoff(k)
        k.assume(gt(r))
        k.assume(gt(s))
        up = k.assume(ge((1 + kappa) * s, r), "the reference r of s = √v")
        down = k.assume(ge((1 + kappa) * r, s), "is within 1+κ of it")
        error_bound, exact = (
            at.error_bounds.radical(r, ev, gamma),
            at.error_bounds.radical(s, ev, gamma),
        )
        moved: list[Factor] = [ev, inv(r)] if first else [w]
        parts: list[Product] = [moved, [gamma, *moved], [gamma, r]]
        base = k.prove(ge(error_bound), parts)
        least: list[Product] = [[1 + gamma, ev, inv(s), inv(r), up]]
        k.prove(gt(1 + gamma), [[1], [gamma]])
        if not first:
            least = [[1 + gamma, kappa, w]]
        near = k.prove(ge((1 + kappa) * error_bound, exact), [*least, [gamma, down]])
        extra: list[list[Factor]] = [[kappa] * n for n in (1, 2, 3)]
        rest = k.prove(
            ge((1 + kappa) ** 4 - (1 + kappa)),
            [[c, *p] for c, p in zip((3, 6, 4), extra, strict=True)] + [[kappa] * 4],
        )
        fact = k.prove(
            ge(pay.S * error_bound, exact),
            [[pay.enough, base], [8, pay.S, kappa, base], [rest, base], [near]],
        )
        k.conclude(fact, "S·radical(r, …) ≥ radical(s, …) for r within 1+κ of s")


def average_references(book: Book) -> None:
    """S·average(…) covers the average of magnitudes larger by κ times their bounds."""
    k = book.part("average of references' magnitudes")
    pay, given = slack_of(k), symbols(NAMES)
    kappa, one = pay.kappa, 1 + pay.kappa
    beta, ebeta, w, ew, *_, result = given
    gamma2, gamma4, eta, u, off, rounded = symbols("gamma_2 gamma_4 eta u M_1 M_2")
    nonnegative(k, *given, gamma2, gamma4, eta, u)
    small = k.assume(ge(ONE / 2, u), "u ≤ 1/2")
    above = k.assume(ge(off, ebeta), "M_1 is the larger of two")
    k.assume(ge(off, ew))
    b, high = beta + off, w + ew
    least = [k.assume(ge(rounded, gamma2 * b), "so is M_2"), k.assume(ge(rounded, gamma4 * high))]
    k.prove(ge(off), [[above], [ebeta]])
    k.prove(ge(rounded), [[least[1]], [gamma4, w], [gamma4, ew]])
    k.prove(ge(one), [[1], [kappa]])
    parts: list[Product] = [[one, least[0]], [gamma2, kappa, beta]]
    fact = k.prove(ge(one * rounded, gamma2 * (b + kappa * off)), parts)
    k.conclude(fact, "(1+κ)·M_2 serves as the larger of the two roundings")
    fact = k.prove(
        ge(one * rounded, gamma4 * (high + kappa * ew)), [[one, least[1]], [gamma4, kappa, w]]
    )
    k.conclude(fact, "(1+κ)·M_2 serves as the larger of the two roundings")

    def evaluated(shift: Term, more: Term, share: Term) -> Term:
        found = iter((off, share * rounded))
        f = setting(Book(), "", larger=lambda x, y: next(found)).error_bounds
        errors = (off, *given[3:8:2])  # off is no smaller than e_β
        moved = [x + shift * e for x, e in zip(given[0:8:2], errors, strict=True)]
        pairs = [value for pair in zip(moved, given[1:8:2], strict=True) for value in pair]
        return f.average(*pairs, result + more, u, gamma2, gamma4, eta)

    paid(
        pay,
        evaluated(term(0), term(0), ONE),
        lambda more: evaluated(kappa, more, one),
        u,
        [[small], [ONE * 15 / 2]],
        "S·average(…) ≥ average(…) of β + κM_1, w + κe_w, old + κe_old, new + κe_new, r + κE",
    )


# --- the bound's own evaluation ---

PARAMETERS = {
    "total": "s e_a e_b gamma eta",
    "product": "a e_a b e_b gamma eta",
    "scaled_down": "q e_a e_b i gamma eta",
    "quotient": "q e_a b e_b gamma eta",
    "radical": "r e_v gamma",
    "average": f"{NAMES} u gamma_2 gamma_4 eta",
    "total_or_zero": "s a e_a b e_b gamma eta",
    "product_or_zero": "a e_a b e_b gamma eta",
    "scaled_down_or_zero": "q e_a e_b i gamma eta",
    "quotient_or_zero": "q e_a b e_b gamma eta",
    "average_or_zero": f"{NAMES} u gamma_2 gamma_4 eta",
    "inverse": "a e",
}
"""The error bounds that compute, with names for what they are given."""


@dataclass(frozen=True)
class Rounded:
    """A value of the bound in float64 that is at least (1-v)^n times what is meant.

    ``given`` is one of the arguments, which are what they are. A difference is rounded once if it
    is of two of them; of a rounded value it may lose everything, and is refused.
    """

    n: int = 0
    given: bool = False

    def _with(self, other: Any) -> "Rounded":
        return Rounded(self.n + (other.n if isinstance(other, Rounded) else 0) + 1)

    __add__ = __radd__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _with

    def __lt__(self, other: Any) -> bool:
        return True  # 2e < b: doubling is exact, and so is the choice; sums are 0 where all are

    __gt__ = __lt__

    def __sub__(self, other: "Rounded") -> "Rounded":
        if not (self.given and other.given):
            raise ProofError("a difference of a rounded value may lose all of it")
        return Rounded(1)


def roundings(name: str) -> int | None:
    """How many roundings the error bound's result has been through at most, by its own text.

    None where the text takes a difference of a rounded value.
    """

    def either(x: Any, y: Any) -> Rounded:
        return Rounded(max(v.n if isinstance(v, Rounded) else 0 for v in (x, y)))

    counting = error_bounds.load_error_bounds(
        larger=either,
        smaller=either,
        root=lambda x: Rounded(x.n + 1),
        select=lambda claim, yes, no: yes,
        slack=Rounded(0, True),
    )
    error_bound = getattr(counting, name)
    try:
        return int(error_bound(*[Rounded(0, True)] * len(PARAMETERS[name].split())).n)
    except ProofError:
        return None


def slack_stands_once(book: Book, power: int = 1) -> None:
    """Each error bound is S times what the other theorems prove of it."""
    k = book.part("SLACK multiplies each error bound, once")
    (slack_,) = symbols("S")
    found: dict[str, list[Any]] = {}
    for value in (slack_, ONE):
        made: dict[Any, Term] = {}

        def above(x: Any, y: Any, made: Any = made) -> Term:
            return made.setdefault((term(x).expr, term(y).expr), symbols(f"M_{len(made)}")[0])

        f = traced_error_bounds(
            larger=above,
            smaller=lambda x, y: x,
            root=lambda x: symbols("w")[0],
            select=lambda claim, yes, no: yes,
            slack=value,
            tiniest=symbols("tau")[0],
        )
        for name, given in PARAMETERS.items():
            found.setdefault(name, []).append(getattr(f, name)(*symbols(given)))
    divisors = {d for pair in found.values() for x in pair for d in x.divisors}
    for divisor in sorted(divisors, key=str):
        k.assume(gt(Term(divisor)))
    for name, (loose, tight) in found.items():
        fact = k.prove(eq(loose, slack_**power * tight))
        k.conclude(fact, f"{name}(…) is S times the error bound without it")


def slack(book: Book, count: int | None = None) -> None:
    """S pays for κ = 2^-28 and for as many roundings in float64 as an error bound can have."""
    k = book.part("the slack of the code, and the bound's own evaluation in float64")
    slack_, kappa, v, lost = symbols("S kappa v q")
    # Bernoulli: (1-v)^n ≥ 1 - n·v, by induction
    n = symbols("n")[0]
    k.recursion({lost: (1, lost * (1 - v)), n: (0, n + 1)})
    k.assume(ge(v))
    k.assume(gt(1 - v))
    claim = ge(lost - 1 + n * v)
    hypothesis_base = k.prove(k.at_base(claim))
    counted_base = k.prove(k.at_base(ge(n)))
    counted = k.suppose(ge(n))
    counted = k.induct(ge(n), counted_base, counted, k.prove(ge(n + 1), [[counted], [1]]))
    hypothesis = k.suppose(claim)
    step = k.prove(k.at_next(claim), [[1 - v, hypothesis], [counted, v, v]])
    fact = k.induct(claim, hypothesis_base, hypothesis, step)
    k.conclude(fact, "(1-v)^n ≥ 1 - n·v for every n")
    point = {slack_: term(Fraction(error_bounds.SLACK)), kappa: ONE / 2**28, v: ONE / 2**53}
    tau, tiniest = symbols("tau")[0], term(Fraction(error_bounds.TINIEST))
    fact = k.witness({tau: tiniest}, [eq(2**1074 * tau, 1)])
    k.conclude(fact, "TINIEST is the smallest positive number of float64: no positive x is below")
    counts = {"1,024 roundings": 2**10} if count is None else {"these": count}
    for name in PARAMETERS if count is None else ():
        if (found := roundings(name)) is not None:
            counts[f"the {found} of {name}"] = found
    for words, most in counts.items():
        numbers = gt(slack_ * (1 - term(most) * v) * (1 - 8 * kappa), (1 + kappa) ** 4)
        fact = k.witness(point, [numbers, ge(ONE / 8, kappa)])
        k.conclude(fact, f"S(1 - n·2^-53)(1-8κ) > (1+κ)⁴ for κ = 2^-28 and n: {words}")

    k = book.part("one more operation of the bound in float64 loses one factor 1-v")
    v, x, y, x2, y2, p, q, d = symbols("v x y x_2 y_2 p q d")
    nonnegative(k, v, x, y, p, q, x2, y2)
    k.assume(ge(1 - v))
    k.assume(ge(1 - p))
    k.assume(ge(1 - q))
    first, second = k.assume(ge(x2, p * x)), k.assume(ge(y2, q * y))
    rounding = k.assume(ge(d + v), "d ≥ -v")
    fact = k.prove(
        ge((x2 + y2) * (1 + d), (1 - v) * p * q * (x + y)),
        [
            [x2, rounding],
            [y2, rounding],
            [1 - v, first],
            [1 - v, second],
            [1 - v, p, x, 1 - q],
            [1 - v, q, y, 1 - p],
        ],
    )
    k.conclude(fact, "a sum of values that are at least p·x and q·y is at least (1-v)pq(x+y)")
    fact = k.prove(
        ge(x2 * y2 * (1 + d), (1 - v) * p * q * x * y),
        [[x2, y2, rounding], [1 - v, first, y2], [1 - v, p, x, second]],
    )
    k.conclude(fact, "and a product at least (1-v)pq·xy")
    k.assume(gt(y))
    k.assume(gt(y2))
    down = k.assume(ge(y, q * y2), "a divisor that is at most y/q")
    fact = k.prove(
        ge(x2 / y2 * (1 + d), (1 - v) * p * q * x / y),
        [
            [x2, rounding, inv(y2)],
            [1 - v, first, inv(y2)],
            [1 - v, p, x, down, inv(y), inv(y2)],
        ],
    )
    k.conclude(fact, "and a quotient at least (1-v)pq·x/y")
    fact = k.prove(ge(1, (1 - v) * (1 + v)), [[sq(v)]])
    k.conclude(fact, "a difference of two arguments, rounded once, is at most 1/(1-v) times it")
    root, root2 = symbols("r r_2")
    nonnegative(k, root, root2)
    one = k.assume(eq(root * root, x), "r = √x and r_2 = √x_2")
    two = k.assume(eq(root2 * root2, x2))
    squares: list[Product] = [[first], [p, 1 - p, sq(root)]]
    using = [Times(ONE, two), Times(-p, one)]
    wide = k.prove(ge(root2**2, (p * root) ** 2), squares, using=using)
    k.prove(ge(p * root), [[p, root]])
    low = at_most(k, p * root, root2, wide)
    fact = k.prove(ge(root2 * (1 + d), (1 - v) * p * root), [[root2, rounding], [1 - v, low]])
    k.conclude(fact, "and a root at least (1-v)p·√x")


def prove(book: Book) -> None:
    """All parts."""
    references(book)
    average_references(book)
    slack_stands_once(book)
    slack(book)


THEOREM = Theorem(
    slug="envelope-slack",
    title="The slack of the running error bound",
    statement=(
        r"For $S(1-8\kappa)\ge(1+\kappa)^4$, $S$ times each error bound (total, product, "
        r"scaled_down, radical, average) covers the error bound of magnitudes that are larger by "
        r"$\kappa$ times their bounds; in the code each is $S$ times the error bound that "
        r"rounding-envelope and average-envelope prove. At the code's $S$ and $\kappa=2^{-28}$ "
        r"this leaves room for 1,024 roundings of the bound in float64, underflow apart; total, "
        r"product, quotient, scaled_down, radical and inverse take 13 at most, average 48."
    ),
    source="this project",
    covers={ANY: "operation by operation"},
    prove=prove,
    controls=(
        Control("the slack pays for 2^30 roundings", lambda book: slack(book, 2**30)),
        Control(
            "each error bound is S² times the one without", lambda book: slack_stands_once(book, 2)
        ),
    ),
)
