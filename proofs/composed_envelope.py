"""Orders that move an operation across another one: three summands, and θ(1-s) as θ - s·θ.

What such an order costs beyond the charge of the textbook's operations is stated as the ``lost``
that the charge has to be given.
"""

from adamcheck.interpret.symbolic import Number, symbols, term
from adamcheck.proof.charged import ONE, charged, setting
from adamcheck.proof.claims import Product, ge
from adamcheck.proof.magnitudes import bounded, negated, nonnegative, plus, relaxed, times
from adamcheck.proof.theorem import Book, Control, Theorem


def three_summands(book: Book, share: Number = 1) -> None:
    """a - b - c as (a-c)-b or a-(b+c), against total(…) of (a-b) and c."""
    for title in ("(a-c)-b", "a-(b+c)"):
        at = setting(book, f"three summands as {title}")
        k = at.k
        s, a, b, c, ea, eb, ec, u, eta = symbols("s a b c e_a e_b e_c u eta")
        nonnegative(k, s, a, b, c, ea, eb, ec, u, eta)
        x, y, z, da, db, dc, d, d2, h, h2 = symbols("x y z da db dc d d_2 h h_2")
        first = plus(k, bounded(k, x, a), off := bounded(k, da, ea))
        second = plus(k, bounded(k, y, b), off2 := bounded(k, db, eb))
        third = plus(k, bounded(k, z, c), off3 := bounded(k, dc, ec))
        pair = (first, negated(third)) if title == "(a-c)-b" else (negated(second), negated(third))
        one, two = bounded(k, d, u), bounded(k, d2, u)
        lost, lost2 = bounded(k, h, eta), bounded(k, h2, eta)
        inner = times(k, one, plus(k, *pair))
        exact = bounded(k, x - y - z, s, "the exact result")
        before = plus(k, off, negated(off2), negated(off3), inner, lost)
        total = plus(k, before, times(k, two, plus(k, exact, before)), lost2)
        extra = u * (a + b + c + ea + eb + ec)
        gone = (1 + u) * (term(share) * extra + eta) + eta
        charge = at.charges.total(s, ea + eb, ec, u, gone)
        rounded = inner.x + first.x - second.x - third.x + h
        value = rounded * (1 + d2) + h2 - (x - y - z)
        words = f"{title}: lost = (1+u)(u(a+b+c+e_a+e_b+e_c)+η)+η covers it"
        charged(k, total, charge, value, words)


def shrunk(book: Book, share: Number = 2) -> None:
    """θ - s·θ with up to four roundings of s·θ, against product(…) of θ and 1-s."""
    at = setting(book, "θ(1-s) as θ - s·θ")
    k = at.k
    theta, et, keep, ek, s, u, gamma2, gamma4, eta = symbols(
        "theta e_theta keep e_keep s u gamma_2 gamma_4 eta"
    )
    nonnegative(k, theta, et, keep, ek, s, u, gamma4, eta)
    double = k.assume(ge(gamma2, 2 * u), "γ_2 ≥ 2u")
    limit = k.assume(ge(9 * u / 2, gamma4), "γ_4 ≤ 9u/2")
    small, wide = k.assume(ge(ONE / 8, u)), k.assume(ge(keep, ONE * 7 / 8), "s is small")
    little = k.assume(ge(ONE / 8, s), "s ≤ 1/8")
    x, dx, dk, sigma, t, d, h, h2 = symbols("x dx dk sigma t d h h_2")
    exact, off = bounded(k, x, theta), bounded(k, dx, et)
    factor = bounded(k, 1 - sigma - dk, keep, "1-s, exactly; σ = ŝ")
    slip = bounded(k, dk, ek, "1-ŝ = (1-s) + dk")
    scaled = bounded(k, sigma, ONE * 9 / 8 * s, "|ŝ| ≤ 9s/8")
    roundings = bounded(k, t, gamma4)
    last, lost, lost2 = bounded(k, d, u), bounded(k, h, eta), bounded(k, h2, eta)
    both = plus(k, exact, off)
    rounded = negated(times(k, roundings, scaled, both))
    before = plus(k, times(k, off, factor), times(k, slip, both), rounded, lost)
    whole = times(k, exact, factor)
    total = plus(k, before, times(k, last, plus(k, whole, before)), lost2)
    charge = at.charges.product(theta, et, keep, ek, gamma2, (1 + u) * eta + eta)
    charge = charge + term(share) * gamma4 * s * theta
    high = k.prove(ge(theta + et), [[theta], [et]])
    kept = k.prove(ge(keep + ek), [[keep], [ek]])
    more, whole_share = ONE * 9 / 8, ONE * 81 / 64
    products: list[Product] = [
        [high, kept, double],
        [u, theta, keep],
        [u, high, ek],
        # of 2γ_4·s·θ the order takes 9/8·(1+u) parts of γ_4·s·θ
        [term(share) - whole_share, gamma4, s, theta],
        [more, gamma4, s, theta, small],
        # and as many of γ_4·s·e_θ, which the product's second rounding pays for
        [more, gamma4, s, et, small],
        [whole_share, s, et, limit],
        [whole_share * 9 / 2, u, et, little],
        [u, et, wide],
        [ONE * 167 / 1024, u, et],
    ]
    final = relaxed(k, total, charge, products)
    value = (both.x - sigma * both.x * (1 + t) + h) * (1 + d) + h2 - x * factor.x
    for sign, side in ((1, final.above), (-1, final.below)):
        fact = k.prove(ge(charge, sign * value), [[side]])
        k.conclude(fact, "θ - s·θ lies within product(…) + 2γ_4·s·θ")


def prove(book: Book) -> None:
    """Both."""
    three_summands(book)
    shrunk(book)


THEOREM = Theorem(
    slug="composed-envelope",
    title="Orders that move an operation across another",
    statement=(
        r"$(a-c)-b$ and $a-(b+c)$ lie within total(…) of $a-b$ and $c$ that is given as lost "
        r"$(1+u)(u(|a|+|b|+|c|+e_a+e_b+e_c)+\eta)+\eta$. $\theta-s\theta$, with up to four "
        r"roundings of $s\theta$, lies within product(θ, 1-s) + $2\gamma_4s|\theta|$ that is "
        r"given as lost $(2+u)\eta$, for $0\le s\le1/8$, $|\hat s|\le 9s/8$, $u\le1/8$."
    ),
    source="this project",
    prove=prove,
    controls=(
        Control("half of u(a+b+c+e_a+e_b+e_c)", lambda book: three_summands(book, ONE / 2)),
        Control("γ_4·s·θ where 2γ_4·s·θ is given", lambda book: shrunk(book, 1)),
    ),
)
