"""Gradient descent and momentum are linear: twice the gradients, twice the way.

Every operation of the rule multiplies its result by the factor of its inputs, and so does rounding
in a binary format when the factor is a power of two and nothing over- or underflows.
"""

from adamcheck.proof.grading import graded
from adamcheck.proof.theorem import Book, Control, Theorem
from adamcheck.spec import Spec

RULES = (
    Spec("gd"),
    Spec("gd", decay="l2"),
    Spec("gd", decay="decoupled"),
    Spec("gd", maximize="yes"),
    Spec("momentum"),
    Spec("momentum", nesterov="yes"),
    Spec("momentum", dampening="full"),
    Spec("momentum", dampening="ema"),
    Spec("momentum", form="inside"),
    Spec("momentum", nesterov="yes", form="inside"),
    Spec("momentum", decay="l2"),
)
WEIGHTS = {"g": 1, "theta": 1, "s.velocity": 1}


def prove(book: Book) -> None:
    """Every rule, operation by operation."""
    for spec in RULES:
        part = book.part(f"operation by operation: {spec}")
        graded(part, spec, kind="scale", weights=WEIGHTS, update=1)


def kept_velocity(book: Book) -> None:
    """The velocity is not scaled along."""
    weights = WEIGHTS | {"s.velocity": 0}
    graded(
        book.part("the velocity kept"), Spec("momentum"), kind="scale", weights=weights, update=1
    )


THEOREM = Theorem(
    slug="linear-scaling",
    title="Linear rules",
    statement=(
        r"For gradient descent and momentum $(g,\theta,b)\to(cg,c\theta,cb)$ gives "
        r"$\Delta\to c\Delta$: the rules are linear. With $c=2^k$ that holds bit for bit, in any "
        r"fixed order of operations under a rounding with $\mathrm{fl}(2^kx)=2^k\mathrm{fl}(x)$."
    ),
    source="this project; the rule is Polyak 1964",
    covers={str(spec): "" for spec in RULES},
    prove=prove,
    controls=(Control("the same with the velocity kept", kept_velocity),),
)
