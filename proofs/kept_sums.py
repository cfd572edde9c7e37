"""No update is lost: a wider copy behind θ, and Kahan's compensation, follow the exact sum.

Every step subtracts an update that is off by at most e and rounds what is kept by at most r; the
errors add up, and what rounding θ for show takes away is not among them.
"""

from adamcheck.numerics.symbolic import Number, symbols, term
from adamcheck.proof.claims import Claim, Fact, ge
from adamcheck.proof.coverage import ANY
from adamcheck.proof.kernel import Proof
from adamcheck.proof.lemmas import by_induction, nothing
from adamcheck.proof.theorem import Book, Control, Theorem


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
    """θ' = θ + c_1 + S with c_1 = c - Δ̂ + R, and c' = c_1 - (θ' - θ), which is exact."""
    k = book.part("what rounding takes from θ is kept and added to the next update")
    start, update, off, rounding, lost = symbols("theta_0 Delta D R S")
    e, r, exact, theta, c, bound = symbols("e r x theta c b")
    facts = [k.assume(ge(e, off)), k.assume(ge(e + off))]
    facts += [k.assume(ge(r, rounding)), k.assume(ge(r + rounding))]
    taken = c - update + off + rounding
    moved = theta + taken + lost
    k.recursion(
        {
            exact: (start, exact - update),
            theta: (start, moved),
            c: (0, term(keep) * (taken - (moved - theta))),
            bound: (0, bound + e + r),
        },
        [update, off, rounding, lost, e, r],
    )
    _follows(k, ge(bound - (theta + c - exact)), facts[0], facts[2])
    _follows(k, ge(bound + (theta + c - exact)), facts[1], facts[3])
    most = k.assume(ge(symbols("s")[0] - lost), "|S| ≤ s: the rounding of θ")
    fact = k.prove(ge(symbols("s")[0] + (taken - (moved - theta))), [[most]])
    k.conclude(fact, "what is kept is no larger than that one rounding of θ")


def prove(book: Book) -> None:
    """Both."""
    copy_behind(book)
    compensated(book)


THEOREM = Theorem(
    slug="kept-sums",
    title="No update is lost where θ has a copy or a compensation",
    statement=(
        r"Let each $\hat\Delta_i$ be within $e_i$ of $\Delta_i$, and what is kept rounded by at "
        r"most $r_i$ a step. A copy $s$ behind $\theta$ obeys "
        r"$|s_t-(\theta_0-\sum\Delta_i)|\le\sum(e_i+r_i)$ for every $t$, however coarsely $\theta$ "
        r"shows it. So does $\theta+c$ where $c$ takes what rounding $\theta$ loses (Kahan), and "
        r"$c$ is no more than one rounding of $\theta$."
    ),
    source="this project; Kahan 1965 for the compensation",
    covers={ANY: "updates that do not depend on θ"},
    prove=prove,
    controls=(
        Control("half of the roundings suffices", lambda b: copy_behind(b, term(1) / 2)),
        Control("the compensation is forgotten at every step", lambda b: compensated(b, 0)),
    ),
)
