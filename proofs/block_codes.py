"""Codes in blocks: half a gap of the map times the scale, and what small neighbours lose."""

from fractions import Fraction

from adamcheck.numerics.symbolic import Number, symbols, term
from adamcheck.proof.claims import ge, gt, inv
from adamcheck.proof.coverage import ANY
from adamcheck.proof.error_bound import ONE
from adamcheck.proof.theorem import Book, Control, Theorem


def nearest(book: Book, share: Number = Fraction(1, 2)) -> None:
    """Between two numbers of a map the nearer one is within half of what lies between them."""
    for upper in (False, True):
        k = book.part("the nearest number, " + ("the upper one" if upper else "the lower one"))
        low, high, x, scale = symbols("p q x A")
        k.assume(gt(scale), "A: the largest magnitude of the block")
        k.assume(ge(x - low))
        k.assume(ge(high - x))
        nearer = ge((x - low) - (high - x)) if upper else ge((high - x) - (x - low))
        near = k.assume(nearer)
        gap = term(share) * (high - low)
        if upper:
            fact = k.prove(ge(gap - (high - x)), [[ONE / 2, near]])
            k.conclude(k.prove(ge(scale * gap - scale * (high - x)), [[scale, fact]]), "A·(q-x)")
        else:
            fact = k.prove(ge(gap - (x - low)), [[ONE / 2, near]])
            k.conclude(k.prove(ge(scale * gap - scale * (x - low)), [[scale, fact]]), "A·(x-p)")


def small_neighbours(book: Book, share: Number = 1) -> None:
    """A second moment that its codes lose is that of the last gradient alone."""
    k = book.part("a small neighbour of a large element")
    g, weight, first, d2, step = symbols("g w f s D")
    k.assume(gt(g))
    k.assume(gt(weight), "w = 1-β2")
    k.assume(gt(1 - weight))
    k.assume(gt(first))
    k.assume(gt(step))
    k.assume(gt(d2))
    root = k.assume(ge(weight * g * g - d2 * d2), "√v = s, v = w·g² where what was kept is 0")
    moved = k.assume(ge(step * d2 - first * g), "Δ/α = m/√v with m = f·g")
    high = k.prove(ge(step * step * d2 * d2 - first * first * g * g), [
        [moved, moved], [2, moved, first, g]])  # fmt: skip
    most = k.prove(ge(step * step * weight * g * g - term(share) * first * first * g * g), [
        [high], [step, step, root]])  # fmt: skip
    fact = k.prove(ge(step * step * weight - term(share) * first * first),
                   [[most, inv(g), inv(g)]])  # fmt: skip
    k.conclude(fact, "(Δ/α)² ≥ f²/(1-β2), where m = f·g: f = 1 after a constant gradient")


def prove(book: Book) -> None:
    """Both."""
    nearest(book)
    small_neighbours(book)


THEOREM = Theorem(
    slug="block-codes",
    title="Moments kept as codes in blocks",
    statement=(
        r"Where $x/A$ lies between neighbours $p\le q$ of a map, the number of the nearer code is "
        r"within $A(q-p)/2$ of $x$, for $A$ the largest magnitude of the block. Where a second "
        r"moment beside a large one is kept as 0, a gradient $g$ with $m=f\,g$ moves $\theta$ by "
        r"at least $\alpha f/\sqrt{1-\beta_2}$."
    ),
    source="this project; Dettmers et al. 2022 (arXiv:2110.02861) for the codes",
    covers={ANY: "moments kept in blocks"},
    prove=prove,
    controls=(
        Control("a quarter of the gap suffices", lambda b: nearest(b, Fraction(1, 4))),
        Control("twice as far", lambda b: small_neighbours(b, 2)),
    ),
)
