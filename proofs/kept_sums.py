"""No update is lost: a wider copy behind θ, and Kahan's compensation, follow the exact sum.

Every step subtracts an update that is off by at most e and rounds what is kept by at most r; the
errors add up, and what rounding θ for show takes away is not among them. A compensation is made of
two subtractions that are nearly always exact: when they are not, and how large it is, is derived.
"""

import re
from fractions import Fraction
from types import SimpleNamespace

from adamcheck.numerics.emit import Emitter
from adamcheck.numerics.symbolic import Number, Term, symbols, term
from adamcheck.program import trace
from adamcheck.proof.claims import Claim, Fact, Product, eq, ge
from adamcheck.proof.coverage import ANY
from adamcheck.proof.error_bound import ONE, expanded, setting
from adamcheck.proof.kernel import Proof
from adamcheck.proof.lemmas import by_induction, nothing
from adamcheck.proof.magnitudes import (
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
from adamcheck.spec import Spec
from adamcheck.storage import compensation


def _follows(k: Proof, claim: Claim, *terms: Fact) -> None:
    """The claim for every t: 0 ≥ 0 at the start, and each step adds what is not negative."""
    fact = by_induction(k, claim, nothing(k, claim.term), lambda held: k.prove(
        k.at_next(claim), [[held], *([x] for x in terms)]))  # fmt: skip
    k.conclude(fact, "within the errors of the updates and of the roundings, added up")


def copy_behind(book: Book, share: Number = 1) -> None:
    """s is kept: s' = (s - Δ̂)(1+d), of which only the absolute rounding counts here."""
    k = book.part("a wider copy of θ is kept")
    start, update, off, rounding, e, r, exact, kept, bound = symbols("theta_0 Delta D R e r x s b")
    facts = [k.assume(ge(e, off)), k.assume(ge(e + off))]
    facts += [k.assume(ge(r, rounding)), k.assume(ge(r + rounding))]
    k.recursion(
        {
            exact: (start, exact - update),
            kept: (start, kept - update + off + rounding),
            bound: (0, bound + e + term(share) * r),
        },
        [update, off, rounding, e, r],
    )
    _follows(k, ge(bound - (kept - exact)), facts[0], facts[2])
    _follows(k, ge(bound + (kept - exact)), facts[1], facts[3])


def compensated(book: Book, keep: Number = 1) -> None:
    """θ' = θ + c_1 + S with c_1 = c - Δ̂ + R, and c' = c_1 - (θ' - θ) + Z, both as rounded."""
    k = book.part("what rounding takes from θ is kept and added to the next update")
    start, update, off, rounding, lost, rest = symbols("theta_0 Delta D R S Z")
    e, r, z, exact, theta, c, bound = symbols("e r z x theta c b")
    facts = [k.assume(ge(e, off)), k.assume(ge(e + off))]
    facts += [k.assume(ge(r, rounding)), k.assume(ge(r + rounding))]
    facts += [k.assume(ge(z, rest), "|Z| ≤ z: see the parts below"), k.assume(ge(z + rest))]
    taken = c - update + off + rounding
    moved = theta + taken + lost
    k.recursion(
        {
            exact: (start, exact - update),
            theta: (start, moved),
            c: (0, term(keep) * (taken - (moved - theta) + rest)),
            bound: (0, bound + e + r + z),
        },
        [update, off, rounding, lost, rest, e, r, z],
    )
    _follows(k, ge(bound - (theta + c - exact)), facts[0], facts[2], facts[4])
    _follows(k, ge(bound + (theta + c - exact)), facts[1], facts[3], facts[5])


def far(book: Book, share: Number = 1) -> None:
    """|θ' - θ| ≤ 2|θ'| where |c_1| > |θ| and θ + c_1 is rounded: for θ ≥ 0, the rest by symmetry.

    Elsewhere θ' - θ is a number of the format: θ' lies between θ/2 and 2θ, or is c_1 + θ exactly
    (Sterbenz), and Z is one rounding of what is left.
    """
    k = book.part("an update larger than θ, of the same sign")
    theta, new = symbols("theta theta_1")
    k.assume(ge(theta))
    most = k.assume(ge(new, theta), "θ + c_1 ≥ θ for c_1 ≥ 0, and rounding is monotone")
    fact = k.prove(ge(2 * term(share) * new - (new - theta)), [[most], [2, theta]])
    k.conclude(fact, "|θ' - θ| ≤ 2|θ'|")
    k = book.part("an update larger than θ, of the other sign")
    k.assume(ge(theta))
    most = k.assume(ge(-theta, new), "θ + c_1 ≤ -θ for c_1 ≤ -2θ; nearer to θ it is exact")
    fact = k.prove(ge(-2 * term(share) * new - (theta - new)), [[most]])
    k.conclude(fact, "|θ' - θ| ≤ 2|θ'|")


def small(book: Book, share: Number = 1) -> None:
    """c' = (c_1 - (θ'-θ)(1+d_1))(1+d_2) is no larger than what the gate grants of θ'."""
    k = book.part("the size of a compensation")
    a, u, several = symbols("a u k")
    nonnegative(k, a, u, several)
    lost = bounded(k, symbols("S")[0], several * u * a, "the rounding of θ': k roundoffs")
    apart = bounded(k, symbols("delta")[0], 2 * a, "θ' - θ where it is rounded, else d_1 = 0")
    d, d2 = (bounded(k, symbols(f"d_{n}")[0], u) for n in (1, 2))
    left = minus(k, negated(lost), times(k, d, apart))
    whole = plus(k, left, times(k, d2, left))
    most = term(share) * compensation(u, several) * a
    why = monomials(expanded(most - whole.bound))
    kept = relaxed(k, whole, most, why)
    for fact in (kept.above, kept.below):
        k.conclude(fact, "|c'| ≤ (k+2)·u(1+4u)·|θ'|")
    near = plus(k, negated(lost), negated(times(k, d2, lost)))
    near = relaxed(k, near, several * u * (1 + u) * a, monomials(expanded(
        several * u * (1 + u) * a - near.bound)))  # fmt: skip
    for fact in (near.above, near.below):
        k.conclude(fact, "|c'| ≤ k·u(1+u)·|θ'| where θ' - θ is exact")
    rest = plus(k, negated(times(k, d, apart)), times(k, d2, left))
    grown = 2 * u * a + u * (several + 2) * u * a
    for fact in (plus(k, rest).above, rest.below):
        k.conclude(fact, "|Z| ≤ u|θ' - θ| + u(k+2)u|θ'|, the first part where |c_1| > |θ|")
    k.conclude(k.prove(eq(rest.bound, grown)), "which is 2u|θ'| + (k+2)u²|θ'|")


def one_step(book: Book, share: Number = 1) -> None:
    """What the gate grants a step of θ with a compensation behind it, read off its kernel."""
    at = setting(book, "one step: c - Δ̂ is rounded, and then added to θ")
    k = at.k
    a, size, ec, ed, u, eta, flush = symbols("a_theta a_Delta e_theta e_Delta u eta flush")
    nonnegative(k, a, size, ec, ed, u, eta, flush)
    less = k.assume(ge(eta, flush), "what is only handed on loses no more than an operation")
    little = k.assume(ge(ONE / 100 - u), "u ≤ 1/100")
    plain = at.error_bounds.total(a, ec, ed, u, 2 * eta)
    most = granted(at.error_bounds, (plain, size, term(share) * u, flush))
    c, x, off = symbols("c x D")
    behind = bounded(k, c, ec, "c: how far θ as it is shown is from the one behind it")
    update, slip = bounded(k, x, size), bounded(k, off, ed)
    inner = minus(k, behind, plus(k, update, slip))
    d, h = bounded(k, symbols("d_1")[0], u), bounded(k, symbols("h_1")[0], flush)
    before = plus(k, behind, negated(slip), times(k, d, inner), h)
    d2, h2 = bounded(k, symbols("d_2")[0], u), bounded(k, symbols("h_2")[0], eta)
    exact = bounded(k, symbols("r")[0], a, "r = θ - Δ")
    error = plus(k, before, times(k, d2, plus(k, exact, before)), h2)
    more = Fraction(float("0.01")) - Fraction(1, 100)  # the double in the kernel
    why: list[Product] = [[eta], [u, eta], [u, less], [u, u, a], [u, size, little]]
    why.append([more, u, size])
    found = relaxed(k, error, most, why)
    for fact in (found.above, found.below):
        k.conclude(fact, "|fl(θ + fl(c - Δ̂)) - (θ - Δ)| ≤ what the kernel grants")


def granted(error_bounds: SimpleNamespace, given: tuple[Term, ...]) -> Term:
    """The kernel's bound of θ with a compensation, from its bound without."""
    program = trace(Spec(kahan="yes"))
    text = Emitter(program, paired=False).compensated("plain")
    text = re.sub(r"\d+\.\d+", lambda number: f"exact({number[0]})", text)
    plain, size, u, flush = given
    scope = {"exact": Fraction, "plain": plain, "u": u, "flush": flush}
    scope |= {f"a{program.output['update']}": size}
    return term(eval(text, scope | {"total_or_zero": error_bounds.total_or_zero}))


def prove(book: Book) -> None:
    """All parts."""
    copy_behind(book)
    compensated(book)
    far(book)
    small(book)
    one_step(book)


THEOREM = Theorem(
    slug="kept-sums",
    title="No update is lost where θ has a copy or a compensation",
    statement=(
        r"Let each $\hat\Delta_i$ be within $e_i$ of $\Delta_i$, and what is kept rounded by at "
        r"most $r_i$ a step. A copy $s$ behind $\theta$ obeys "
        r"$|s_t-(\theta_0-\sum\Delta_i)|\le\sum(e_i+r_i)$ for every $t$, however coarsely $\theta$ "
        r"shows it. $\theta+c$ with Kahan's $c'=c_1-(\theta'-\theta)$, $c_1=c-\hat\Delta$, is "
        r"within $\sum(e_i+r_i+z_i)$, for $z$ what the last two subtractions are rounded by: "
        r"$\theta'-\theta$ is exact (Sterbenz) but where $|c_1|>|\theta|$, and there at most "
        r"$2|\theta'|$. So, for a $\theta'$ that is rounded by up to $k$ roundoffs, "
        r"$|c'|\le(k+2)u(1+4u)|\theta'|$, and $ku(1+u)|\theta'|$ where the difference is exact. "
        r"One step from a $\theta$ that is shown is within what the gate's kernel grants, for "
        r"$u\le1/100$."
    ),
    source="this project; Kahan 1965 for the compensation, Sterbenz 1974 for the difference",
    covers={ANY: "updates that do not depend on θ"},
    prove=prove,
    controls=(
        Control("half of the roundings suffices", lambda b: copy_behind(b, term(1) / 2)),
        Control("the compensation is forgotten at every step", lambda b: compensated(b, 0)),
        Control("|θ' - θ| ≤ |θ'|", lambda b: far(b, term(1) / 2)),
        Control("half of a compensation", lambda b: small(b, term(1) / 2)),
        Control("c - Δ̂ is rounded by half", lambda b: one_step(b, term(1) / 2)),
    ),
)
