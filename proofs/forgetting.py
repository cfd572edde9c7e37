"""After the last gradient the moments shrink by exactly β a step."""

from adamcheck.numerics.symbolic import Number, symbolic_step, symbols, term
from adamcheck.proof.claims import eq
from adamcheck.proof.lemmas import equality
from adamcheck.proof.theorem import Book, Control, Theorem
from adamcheck.spec import Spec


def prove(book: Book, factor: Number = 1) -> None:
    """The rule fed with zeros, from whatever moments there were."""
    k = book.part("zeros after the last gradient")
    run = symbolic_step(Spec(), g=0, names=("s",))
    for moment, beta in (("m", "beta1"), ("v", "beta2")):
        b, now = run.hyper[beta], run.before[moment]
        fact = k.prove(eq(run.after[moment], b * now))
        k.conclude(fact, f"g = 0: {moment} is multiplied by {beta}")
        start, power = symbols(f"{moment}_0 P_{moment}")
        k.recursion({now: (start, run.after[moment]), power: (1, term(factor) * b * power)})
        kept = equality(k, eq(now, power * start), b)
        k.conclude(kept, f"k steps after the last gradient {moment} = {beta}^k·{moment}_0")


THEOREM = Theorem(
    slug="forgetting",
    title="Forgetting",
    statement=r"$g=0$ from some step on: $m\to\beta_1^km$ and $v\to\beta_2^kv$ after $k$ steps.",
    source="follows from Kingma & Ba 2015 (arXiv:1412.6980), Algorithm 1",
    covers={"adam": ""},
    prove=prove,
    controls=(Control("m = (2β1)^k·m_0", lambda book: prove(book, 2)),),
)
