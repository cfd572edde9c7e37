"""Averages kept in few digits: what never forgets, and where a constant gradient stops them.

Nearest rounding leaves a number where it is while what is added stays within half of the way to its
neighbours, h below it and no less above: v' = fl(v + w(g² - v)), w = 1-β2.
"""

from fractions import Fraction

from adamcheck.numerics.symbolic import Number, symbols, term
from adamcheck.proof.claims import ge, gt, inv
from adamcheck.proof.coverage import ANY
from adamcheck.proof.theorem import Book, Control, Theorem


def never_forgets(book: Book, share: Number = 1) -> None:
    """With g = 0 every other number of the format is farther from β·v than v is."""
    k = book.part("an average that no longer forgets")
    v, w, h, other = symbols("v w h x")
    k.assume(gt(v))
    k.assume(gt(w), "w = 1-β")
    small = k.assume(gt(term(share) * h - 2 * w * v), "what decays is less than half a gap")
    below = k.assume(ge(v - h - other), "x: any number of the format below v")
    fact = k.prove(gt(((1 - w) * v - other) - w * v), [[below], [small]])
    k.conclude(fact, "|x - βv| > |v - βv|: v stays what it is, for ever")
    k = book.part("which is so of every v where 1-β is below a quarter of the last digit's weight")
    v, w, h, u, low = symbols("v w h u a")
    k.assume(gt(low), "2^e ≤ v < 2^(e+1), and h = 2^(e+1)·u for a roundoff u = 2^-p")
    k.assume(ge(v - low))
    top = k.assume(gt(2 * low - v))
    k.assume(gt(w))
    wide = k.assume(ge(h - 2 * low * u))
    less = k.assume(ge(term(share) * u - 2 * w), "w ≤ u/2")
    fact = k.prove(gt(h - 2 * w * v), [[wide], [2, low, less], [2, w, top]])
    k.conclude(fact, "2wv < h: in bfloat16 (u = 2^-8) no v forgets at β2 = 0.999")


def stops(book: Book, most: Number = Fraction(157, 32)) -> None:
    """A constant gradient: v stops short of g², and the step stays larger than α."""
    k = book.part("where a constant gradient stops an average")
    v, w, g2, h = symbols("v w G h")
    k.assume(gt(v))
    k.assume(gt(w))
    still = k.assume(ge(h - 2 * w * (g2 - v)), "v + w(g² - v) is nearest to v")
    fact = k.prove(ge(1 + h / (2 * w * v) - g2 / v), [[Fraction(1, 2), still, inv(w), inv(v)]])
    k.conclude(fact, "(Δ/α)² = g²/v ≤ 1 + h/(2wv), at m = g and no ε")
    k = book.part("bfloat16 at β2 = 0.999")
    v, g2, h = symbols("v G h")
    k.assume(gt(v))
    gap = k.assume(ge(v / 128 - h), "h ≤ 2^-7·v")
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
        r"as it is for ever without gradients; with $1-\beta\le u/2$ that is every $v$. A constant "
        r"gradient leaves $v$ where $2(1-\beta)(g^2-v)\le h$, so that $(\Delta/\alpha)^2=g^2/v$ is "
        r"up to $1+h/(2(1-\beta)v)$: in bfloat16 at $\beta_2=0.999$ up to $157/32$, and $4.9$ is "
        r"attained."
    ),
    source="this project",
    covers={ANY: "averages rounded to nearest where they are kept"},
    prove=prove,
    controls=(
        Control("a whole gap instead of half of it", lambda b: never_forgets(b, 2)),
        Control("g² ≤ 4·v in bfloat16", lambda b: stops(b, 4)),
    ),
)
