"""Scaling every gradient by a power of two changes no bit of any update.

Every operation of the rule commutes with the scale, and so does rounding in a binary format as long
as nothing over- or underflows. ε is scaled along, or is 0.
"""

from fractions import Fraction

from adamcheck.program import Op
from adamcheck.proof.grading import DIALECTS, graded, operations, scale_weights
from adamcheck.proof.theorem import Book, Control, Theorem
from adamcheck.spec import Spec


def orders(book: Book) -> None:
    """The other writings of an average and of a quotient, as programs of their own."""
    start = (Op("input", name="h.beta1"), Op("input", name="s.m"), Op("input", name="g"))
    one = Op("const", value=Fraction(1))
    writings = {
        "old + (1-β)(new-old)": (
            Op("sub", (3, 0)),
            Op("sub", (2, 1)),
            Op("mul", (4, 5)),
            Op("add", (1, 6)),
        ),
        "new - β(new-old)": (Op("sub", (2, 1)), Op("mul", (0, 4)), Op("sub", (2, 5))),
        "old - (1-β)(old-new)": (
            Op("sub", (3, 0)),
            Op("sub", (1, 2)),
            Op("mul", (4, 5)),
            Op("sub", (1, 6)),
        ),
        "new·(1/old), a reciprocal multiplied": (Op("div", (3, 1)), Op("mul", (2, 4))),
        "(β·new)·new": (Op("mul", (0, 2)), Op("mul", (4, 2))),
    }
    for name, steps in writings.items():
        ops = (*start, one, *steps)
        operations(
            book.part(f"another order: {name}"),
            ops,
            range(len(ops)),
            kind="scale",
            weights=scale_weights(Spec()),
        )


def prove(book: Book) -> None:
    """Every dialect, then the other orders."""
    for spec in DIALECTS:
        graded(book.part(f"operation by operation: {spec}"), spec, kind="scale")
    orders(book)


def fixed_eps(book: Book) -> None:
    """ε not scaled along."""
    weights = scale_weights(Spec()) | {"h.eps": 0}
    graded(book.part("ε kept"), Spec(), kind="scale", weights=weights)


THEOREM = Theorem(
    slug="power-of-two",
    title="Power-of-two scaling",
    statement=(
        r"With $g\to2^kg$ and $\epsilon\to2^k\epsilon$ (inside the root $2^{2k}\epsilon$; or "
        r"$\epsilon=0$) every operation's result is multiplied by a power of $2^k$ and every "
        r"$\Delta_t$ is the same, bit for bit, in any fixed order of operations under a rounding "
        r"with $\mathrm{fl}(2^kx)=2^k\mathrm{fl}(x)$."
    ),
    source="this project",
    covers={str(spec): "" for spec in DIALECTS},
    prove=prove,
    controls=(Control("the same with ε not scaled", fixed_eps),),
)
