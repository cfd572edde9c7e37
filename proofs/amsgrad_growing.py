"""AMSGrad is Adam where |g_t| never falls: the newest moment is then the largest."""

from adamcheck.numerics.symbolic import symbolic_step, symbols, term
from adamcheck.proof.claims import Fact, Factor, Product, Solve, Times, eq, ge, gt, inv, ne, sq
from adamcheck.proof.kernel import Proof
from adamcheck.proof.lemmas import by_induction, nothing, power_facts, squeeze, unit
from adamcheck.proof.theorem import Book, Control, Theorem
from adamcheck.spec import Spec

ONE = term(1)
PLACES = ("outside", "inside", "hat", "both")


def newest(book: Book, word: str, *, growing: bool = True) -> None:
    """v_t ≤ (1-β2^t)·g_t² by induction, so v_t ≥ v_(t-1), and v̂_t ≥ every v̂ before."""
    k = book.part(f"amsgrad={word}: the newest moment is the largest")
    run = symbolic_step(Spec(amsgrad=word), names=("M", "s"))
    b2, g = run.hyper["beta2"], run.g
    v, p2, top = (run.before[n] for n in ("v", "p2", "v_max"))
    ((most, (old, new)),) = run.ops.maxima.items()
    last, first = symbols("G G_0")
    unit(k, b2)
    k.recursion({v: (run.initial["v"], run.after["v"])}, [g, most])
    k.recursion({p2: (run.initial["p2"], run.after["p2"])})
    # where |g_t| falls G starts anywhere: from 0 it would force every gradient to be 0
    start, some = (term(0), list[Product]()) if growing else (first, [[first]])
    k.recursion({top: (run.initial["v_max"], run.after["v_max"]), last: (start, g * g)})
    if not growing:
        k.assume(ge(first), "G before the first step")
    power_facts(k, p2, b2, positive=True)
    k.conclude(k.prove(eq(old, top)), "the maximum is of V_(t-1) and the new moment")
    order, sign = (ge(g * g, last), "≥") if growing else (ge(last, g * g), "≤")
    words = f"G = g_(t-1)² and g_t² {sign} g_(t-1)²; before the first step G = {start}"
    grows = k.transition(order, words)
    k.transition(ge(most, top), f"{most} is a maximum")
    above = k.transition(ge(most, new))
    product = k.transition(eq((most - top) * (most - new)))
    nonneg = by_induction(k, ge(last), some, [[sq(g)]])
    short = ge((1 - p2) * last, v)

    def step(hypothesis: Fact) -> Fact:
        return k.prove(k.at_next(short), [[b2, hypothesis], [b2, 1 - p2, grows]])

    below = by_induction(k, short, nothing(k, short.term), step)
    k.conclude(below, "v_t ≤ (1-β2^t)·g_t²")
    # V(1-β2^t) = v where V is of v̂, and V = v where it is of v
    weight, share, same = ONE, ONE, eq(top, v)
    if word == "v":
        under = k.prove(ge(last, v), [[below], [p2, nonneg]])
    else:
        weight, share, same = 1 - run.after["p2"], b2, eq((1 - p2) * top, v)
        limit = k.prove(
            ge(g * g, new), [[inv(weight), b2, below], [inv(weight), b2, 1 - p2, grows]]
        )

        def inside(hypothesis: Fact) -> Fact:
            before = k.prove(ge(g * g, top), [[grows], [hypothesis]])
            return at_least(k, g * g, most, top, new, (before, limit), product)

        under = by_induction(k, ge(last, top), some, inside)
    lift: list[Factor] = [1 - b2] if word == "v" else [1 - b2, inv(weight)]

    def largest(hypothesis: Fact) -> Fact:
        using = [Times(-share / weight, hypothesis)]
        more = k.prove(ge(new, top), [[*lift, grows], [*lift, under]], using=using)
        itself = k.prove(ge(new, new))
        return squeeze(k, above, at_least(k, new, most, top, new, (more, itself), product))

    def stays(hypothesis: Fact) -> Fact:
        return k.prove(k.at_next(same), using=[Times(weight, largest(hypothesis))])

    every = by_induction(k, same, lambda _: k.prove(k.at_base(same)), stays)
    k.conclude(largest(every), "V_t is the newest moment, for every t ≥ 1")


def at_least(k: Proof, x, most, a, b, above: tuple[Fact, Fact], product: Fact) -> Fact:
    """x ≥ M = max(a, b), since x is no smaller than either."""
    over = k.suppose(gt(most, x))
    parts = [k.prove(gt(most, y), [[over], [f]]) for y, f in zip((a, b), above, strict=True)]
    false = k.prove(gt(0), [parts], using=[Times(-ONE, product)])
    return k.prove(ge(x, most), [[k.absurd(false, over)]])


def same_step(book: Book, word: str, place: str) -> None:
    """With the newest moment in the maximum's place the step is Adam's."""
    spec, plain = Spec(amsgrad=word, eps=place), Spec(eps=place)
    k = book.part(f"{spec} is {plain} there")
    run = symbolic_step(spec, names=("M", "s", "q"))
    other = symbolic_step(plain, names=("s", "q"))
    said = [other.theta_after, other.named["update"], *other.ops.roots.values()]
    divisors = set().union(*(x.divisors for x in said))
    for divisor in sorted(divisors, key=lambda d: (len(str(d)), str(d))):
        k.assume(ne(type(other.g)(divisor)), f"only then is the step of {plain} defined")
    ((most, (_, new)),) = run.ops.maxima.items()
    known = [Solve(k.assume(eq(most, new), "the newest moment is the largest: above"), most)]
    for a, b in zip(run.ops.roots, other.ops.roots, strict=True):
        inside = k.prove(eq(run.ops.roots[a], other.ops.roots[b]), using=known)
        k.conclude(inside, f"{a} is a root of the same in both")
    for x, y, what in (
        (run.named["update"], other.named["update"], "the update"),
        (run.theta_after, other.theta_after, "θ"),
    ):
        k.conclude(k.prove(eq(x, y)), f"{what} is the same")
    for name in ("m", "v", "p1", "p2"):
        k.conclude(k.prove(eq(run.after[name], other.after[name])), f"so is {name}")


def prove(book: Book) -> None:
    """Both maxima, and ε in every place but a maximum."""
    for word in ("v", "vhat"):
        newest(book, word)
        for place in PLACES:
            same_step(book, word, place)


THEOREM = Theorem(
    slug="amsgrad-growing",
    title="Where AMSGrad is Adam",
    statement=(
        r"If $g_t^2\ge g_{t-1}^2$ at every step then $v_t\le(1-\beta_2^t)g_t^2$ and both "
        r"$v_t\ge v_{t-1}$ and $\hat v_t\ge\hat v_{t-1}$: AMSGrad, with the maximum of $v$ or of "
        r"$\hat v$, takes the steps of Adam."
    ),
    source="this project; the rule is Reddi, Kale & Kumar 2018 (arXiv:1904.09237)",
    covers={"adam[amsgrad=*,eps=outside|hat|inside|both]": ""},
    prove=prove,
    controls=(
        Control(
            "AMSGrad is Adam where |g_t| never grows",
            lambda book: newest(book, "v", growing=False),
        ),
        Control(
            "AMSGrad of v̂ is Adam where |g_t| never grows",
            lambda book: newest(book, "vhat", growing=False),
        ),
    ),
)
