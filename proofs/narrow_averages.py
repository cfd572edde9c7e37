"""Averages kept in few digits: what never forgets, and where a constant gradient stops them.

Nearest rounding leaves a number where it is while what is added stays within half of the way to its
neighbour on that side: v' = fl(v + w(g² - v)), w = 1-β2. Below a power of two that way is half of
the one above it.
"""

from fractions import Fraction

from adamcheck.numerics.symbolic import Number, symbols, term
from adamcheck.proof.claims import Times, eq, ge, gt, inv
from adamcheck.proof.coverage import ANY
from adamcheck.proof.theorem import Book, Control, Theorem


def never_forgets(book: Book, share: Number = 1) -> None:
    """With g = 0 every other number of the format is farther from β·v than v is."""
    k = book.part("an average that no longer forgets")
    v, w, h, other = symbols("v w h x")
    k.assume(gt(v))
    k.assume(gt(w), "w = 1-β")
    small = k.assume(gt(term(share) * h - 2 * w * v), "h, the gap below v, is more than 2wv")
    below = k.assume(ge(v - h - other), "x: any number of the format below v")
    fact = k.prove(gt(((1 - w) * v - other) - w * v), [[below], [small]])
    k.conclude(fact, "|x - βv| > |v - βv|: v stays what it is, for ever")
    for power in (False, True):
        which = "a power of two" if power else "no power of two"
        title = f"which is so of every v where 1-β is below half a roundoff: v is {which}"
        k = book.part(title)
        v, w, h, u, low = symbols("v w h u a")
        k.assume(gt(low), "2^e ≤ v < 2^(e+1), for a roundoff u = 2^-p")
        k.assume(gt(w))
        less = k.assume(gt(term(share) * u - 2 * w), "w < u/2")
        if power:
            same = k.assume(eq(v - low))
            wide = k.assume(ge(h - low * u), "h = 2^e·u, the gap below it")
            fact = k.prove(gt(h - 2 * w * v), [[wide], [low, less]], using=[Times(-2 * w, same)])
        else:
            top = k.assume(gt(2 * low - v))
            wide = k.assume(ge(h - 2 * low * u), "h = 2^(e+1)·u")
            fact = k.prove(gt(h - 2 * w * v), [[wide], [2, low, less], [2, w, top]])
        k.conclude(fact, "2wv < h: in bfloat16 (u = 2^-8) no v forgets at β2 = 0.999")


def stops(book: Book, most: Number = Fraction(157, 32)) -> None:
    """A constant gradient: v stops short of g², and the step stays larger than α."""
    k = book.part("where a constant gradient stops an average")
    v, w, g2, h = symbols("v w G h")
    k.assume(gt(v))
    k.assume(gt(w))
    still = k.assume(ge(h - 2 * w * (g2 - v)), "v + w(g² - v) is nearest to v; h: the gap above v")
    fact = k.prove(ge(1 + h / (2 * w * v) - g2 / v), [[Fraction(1, 2), still, inv(w), inv(v)]])
    k.conclude(fact, "(Δ/α)² = g²/v ≤ 1 + h/(2wv), at m = g and no ε")
    k = book.part("bfloat16 at β2 = 0.999")
    v, g2, h = symbols("v G h")
    k.assume(gt(v))
    gap = k.assume(ge(v / 128 - h), "h ≤ 2^-7·v, the gap above v")
    still = k.assume(ge(h - term(2) / 1000 * (g2 - v)), "w = 1/1000")
    fact = k.prove(ge(term(most) * v - g2), [[500, still], [500, gap]])
    k.conclude(fact, "g² ≤ 157/32·v: Δ ≤ 2.216·α where α is right")
    k = book.part("which is nearly attained")
    near = k.prove(gt(term(1) / 128 - term(2) / 1000 * (term(49) / 10 - 1)), [[term(1) / 80000]])
    k.conclude(near, "v = 1 stays under g² = 4.9: Δ = 2.2135·α")


def prove(book: Book) -> None:
    """Both."""
    never_forgets(book)
    stops(book)


THEOREM = Theorem(
    slug="narrow-averages",
    title="Averages kept in few digits",
    statement=(
        r"Under rounding to nearest a kept $v$ with $2(1-\beta)v<h$, $h$ the gap below it, stays "
        r"as it is for ever without gradients; with $1-\beta<u/2$ that is every $v$. A constant "
        r"gradient leaves $v$ where it is only with $2(1-\beta)(g^2-v)\le h'$, $h'$ the gap above "
        r"it, so that $(\Delta/\alpha)^2=g^2/v$ is up to $1+h'/(2(1-\beta)v)$: in bfloat16 at "
        r"$\beta_2=0.999$ up to $157/32$, and $4.9$ is attained."
    ),
    source="this project",
    covers={ANY: "averages rounded to nearest where they are kept"},
    prove=prove,
    controls=(
        Control("a whole gap instead of half of it", lambda b: never_forgets(b, 2)),
        Control("g² ≤ 4·v in bfloat16", lambda b: stops(b, 4)),
    ),
)
