"""Orders that move an operation across another one: three summands, and θ(1-s) as θ - s·θ.

The error bound is the text that adamcheck/numerics/emit.py writes into the gate's kernels for NAdam
and AdamW, read over symbols. A rounding is fl(x) = x(1+d)+h, of the last one d or h is zero.
"""

import re
from collections.abc import Sequence
from fractions import Fraction
from types import SimpleNamespace

from adamcheck.numerics.emit import Emitter
from adamcheck.numerics.symbolic import Number, Term, symbols, term
from adamcheck.program import Program, trace
from adamcheck.proof.claims import Product, ge
from adamcheck.proof.error_bound import ONE, expanded, setting
from adamcheck.proof.kernel import Proof
from adamcheck.proof.magnitudes import (
    Size,
    bounded,
    monomials,
    negated,
    nonnegative,
    plus,
    times,
)
from adamcheck.proof.theorem import Book, Control, Theorem
from adamcheck.spec import Spec


def emitted(
    error_bounds: SimpleNamespace, emitter: Emitter, i: int, names: dict[str, Term]
) -> Term:
    """The bound of operation ``i`` as its kernel computes it, with ``names`` for its symbols."""
    text = re.sub(r"\d+\.\d+", lambda number: f"exact({number[0]})", emitter.bound(i))
    scope = {"exact": Fraction, "within": lambda e, x, most: e}
    scope |= {"total": error_bounds.total, "product": error_bounds.product}
    used = set(re.findall(r"[a-z]\w*", text)) - set(scope)
    values = {name: names.get(name, symbols(name)[0]) for name in used}
    return term(eval(text, scope | values))


def exclusive(
    k: Proof,
    before: Size,
    whole: Size,
    value: Term,
    bounds: tuple[Term, Term],
    why: Sequence[Product],
    words: str,
) -> None:
    """The last rounding: ``before`` and d, or ``before`` and h, lies within the larger bound.

    Of ``bounds`` the first is what (1+d) alone may cost, the second what the kernel error bounds.
    """
    d, h, u, eta = symbols("d_2 h_2 u eta")
    least, most = bounds
    turned = plus(k, before, times(k, bounded(k, d, u), plus(k, whole, before)))
    first = k.prove(ge(least, turned.bound), why)
    more = k.prove(ge(most, least + (1 - u) * eta), surplus(most - least - (1 - u) * eta))
    sunk = plus(k, before, bounded(k, h, eta))
    rest = k.prove(ge(before.bound, eta), monomials(expanded(before.bound - eta)))
    k.prove(ge(whole.bound), monomials(expanded(whole.bound)))
    last = k.prove(ge(most, sunk.bound), [[first], [more], [u, rest], [u, whole.bound]])
    exact = whole.x
    for size, rounded, parts in (
        (turned, value * (1 + d), [[first], [more], [1 - u, eta]]),
        (sunk, value + h, [[last]]),
    ):
        for sign, side in ((1, size.above), (-1, size.below)):
            fact = k.prove(ge(most, sign * (rounded - exact)), [*parts, [side]])
            k.conclude(fact, words)


def surplus(value: Term) -> list[Product]:
    """A certificate of a polynomial in which u ≤ 1/100 is needed: u² is bought with u/100."""
    u = symbols("u")[0]
    rest, parts = expanded(value), list[Product]()
    for part in rest.expr.as_ordered_terms():
        if part.as_coeff_Mul()[0] < 0:
            found = Term(-part) / u**2
            parts += [[*p, u, ONE / 100 - u] for p in monomials(Term(found.expr))]
            rest = rest - found * u * (ONE / 100 - u)
    return [*parts, *monomials(Term(expanded(rest).expr))]


def three_summands(book: Book, share: Number = 1) -> None:
    """a - b - c as (a-c)-b or a-(b+c), against the error bound of (a-b)-c in NAdam."""
    for title in ("(a-c)-b", "a-(b+c)"):
        at = setting(book, f"three summands as {title}")
        k = at.k
        s, p, a, b, c, ea, eb, ec, u, eta = symbols("s p a b c e_a e_b e_c u eta")
        nonnegative(k, s, p, a, b, c, ea, eb, ec, u, eta)
        little = k.assume(ge(ONE / 100 - u), "u ≤ 1/100")
        k.prove(ge(1 - u), [[little], [ONE * 99 / 100]])
        x, y, z, da, db, dc, d, h = symbols("x y z da db dc d h")
        first = plus(k, bounded(k, x, a), off := bounded(k, da, ea))
        second = plus(k, bounded(k, y, b), off2 := bounded(k, db, eb))
        third = plus(k, bounded(k, z, c), off3 := bounded(k, dc, ec))
        pair = (first, negated(third)) if title == "(a-c)-b" else (negated(second), negated(third))
        inner = times(k, bounded(k, d, u), plus(k, *pair))
        before = plus(k, off, negated(off2), negated(off3), inner, bounded(k, h, eta))
        exact = bounded(k, x - y - z, s, "the exact result")
        extra = (1 + u) * (share * u * (a + b + c + ea + eb + ec) + eta)
        least = at.error_bounds.total(s, ea + eb, ec, u, extra)
        most = error_bound_of_three(at.error_bounds, (s, p, a, ea, b, eb, c, ec, u, eta))
        value = inner.x + first.x - second.x - third.x + h
        why = monomials(expanded(least - (1 + u) * before.bound - u * s))
        words = f"{title} lies within the error bound of NAdam's (a-b)-c"
        exclusive(k, before, exact, value, (least, most), why, words)


def error_bound_of_three(error_bounds: SimpleNamespace, given: tuple[Term, ...]) -> Term:
    """The kernel's bound of (a-b)-c in terms of a, b, c, the results s and p and their errors."""
    program = trace(Spec("nadam"))
    emitter = Emitter(program, paired=False)
    i = next(i for i in emitter.elementwise if is_third(program, i))
    x, last = program.ops[i].args
    keys = [i, x, *program.ops[x].args, last]
    s, p, a, ea, b, eb, c, ec, u, eta = given
    names = {f"a{k}": v for k, v in zip(keys, (s, p, a, b, c), strict=True)}
    names |= {f"e{k}": v for k, v in zip(keys[2:], (ea, eb, ec), strict=True)}
    names |= {"u": u, "far": eta}
    names[f"e{x}"] = emitted(error_bounds, emitter, x, names)
    return emitted(error_bounds, emitter, i, names)


def is_third(program: Program, i: int) -> bool:
    """Whether operation i is (a-b)-c."""
    op = program.ops[i]
    return op.kind == "sub" and program.ops[op.args[0]].kind == "sub"


def shrunk(book: Book, roundings: Number = 2) -> None:
    """θ - s·θ with up to four roundings of s·θ, against product(…) of θ and 1-s."""
    at = setting(book, "θ(1-s) as θ - s·θ")
    k = at.k
    theta, et, keep, ek, s, u, gamma2, gamma4, eta = symbols(
        "theta e_theta keep e_keep s u gamma_2 gamma_4 eta"
    )
    nonnegative(k, theta, et, keep, ek, s, u, gamma4, eta)
    double = k.assume(ge(gamma2, roundings * u), f"γ_2 ≥ {roundings}u")
    limit = k.assume(ge(9 * u / 2, gamma4), "γ_4 ≤ 9u/2")
    small, wide = k.assume(ge(ONE / 8, u)), k.assume(ge(keep, ONE * 7 / 8), "s is small")
    little = k.assume(ge(ONE / 8, s), "s ≤ 1/8")
    x, dx, dk, sigma, t, h = symbols("x dx dk sigma t h")
    exact, off = bounded(k, x, theta), bounded(k, dx, et)
    factor = bounded(k, 1 - sigma - dk, keep, "1-s, exactly; σ = ŝ")
    slip = bounded(k, dk, ek, "1-ŝ = (1-s) + dk")
    scaled = bounded(k, sigma, ONE * 9 / 8 * s, "|ŝ| ≤ 9s/8")
    all_four = bounded(k, t, gamma4)
    lost = bounded(k, h, eta)
    both = plus(k, exact, off)
    rounded = negated(times(k, all_four, scaled, both))
    before = plus(k, times(k, off, factor), times(k, slip, both), rounded, lost)
    whole = times(k, exact, factor)
    least = at.error_bounds.product(theta, et, keep, ek, gamma2, (1 + u) * eta)
    least = least + 2 * gamma4 * s * theta
    most = error_bound_of_decay(at.error_bounds, (theta, et, keep, ek, s, gamma2, gamma4, eta))
    k.prove(ge(1 - u), [[small], [ONE * 7 / 8]])
    high = k.prove(ge(theta + et), [[theta], [et]])
    kept = k.prove(ge(keep + ek), [[keep], [ek]])
    more, whole_share = ONE * 9 / 8, ONE * 81 / 64
    products: list[Product] = [
        [high, kept, double],
        [u, theta, keep],
        [u, high, ek],
        # of 2γ_4·s·θ the order takes 9/8·(1+u) parts of γ_4·s·θ
        [2 - whole_share, gamma4, s, theta],
        [more, gamma4, s, theta, small],
        # and as many of γ_4·s·e_θ, which the product's second rounding pays for
        [more, gamma4, s, et, small],
        [whole_share, s, et, limit],
        [whole_share * 9 / 2, u, et, little],
        [u, et, wide],
        [ONE * 167 / 1024, u, et],
    ]
    value = both.x - sigma * both.x * (1 + t) + h
    words = "θ - s·θ lies within the error bound of AdamW's θ(1-s)"
    exclusive(k, before, whole, value, (least, most), products, words)


def error_bound_of_decay(error_bounds: SimpleNamespace, given: tuple[Term, ...]) -> Term:
    """The kernel's bound of θ(1-s)."""
    emitter = Emitter(trace(Spec(decay="decoupled")), paired=False)
    ((i, (x, rest, scalar)),) = emitter.shrinks.items()
    theta, et, keep, ek, s, gamma2, gamma4, eta = given
    names = {f"a{x}": theta, f"e{x}": et, f"a{rest}": keep, f"e{rest}": ek, f"a{scalar}": s}
    names |= {"gamma2": gamma2, "gamma4": gamma4, "far": eta}
    return emitted(error_bounds, emitter, i, names)


def prove(book: Book) -> None:
    """Both."""
    three_summands(book)
    shrunk(book)


THEOREM = Theorem(
    slug="composed-envelope",
    title="Orders that move an operation across another",
    statement=(
        r"$(a-c)-b$ and $a-(b+c)$ lie within what the gate's kernel error bounds for $(a-b)-c$ in "
        r"NAdam, for $u\le1/100$; $\theta-s\theta$, with up to four roundings of $s\theta$, within "
        r"what it error bounds for $\theta(1-s)$ in AdamW, for $0\le s\le1/8$, $|\hat s|\le 9s/8$, "
        r"$u\le1/8$. In the last rounding $d$ or $h$ is zero."
    ),
    source="this project",
    covers={"nadam": "", "adam[decay=decoupled]": ""},
    prove=prove,
    controls=(
        Control("half of u(a+b+c+e_a+e_b+e_c)", lambda book: three_summands(book, ONE / 2)),
        # at s = e = η = 0 and 1-s = 1 the last rounding alone costs u·θ, and the error bound is
        # γ_2·θ
        Control("γ_2 ≥ u/2 suffices where γ_2 ≥ 2u is given", lambda book: shrunk(book, ONE / 2)),
    ),
)
