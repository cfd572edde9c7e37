"""Adam may not converge on a convex problem (Reddi, Kale & Kumar 2018), and AMSGrad does.

On [-1, 1] the losses are C·x, -x, -x, C·x, ...; β1 = 0 and β2 = 1/(1+C²). A period begins at x = 1.
"""

from adamcheck.numerics.symbolic import Number, Term, symbolic_step, symbols, term
from adamcheck.proof.claims import Fact, Times, eq, ge, gt, inv, sq
from adamcheck.proof.kernel import Proof
from adamcheck.proof.lemmas import at_most, positive_root
from adamcheck.proof.theorem import Book, Control, Theorem
from adamcheck.spec import Spec

HALF = term(1) / 2


def period(k: Proof, c: Term, v: Term, beta2: Term) -> list[Term]:
    """v after each of the three gradients C, -1, -1, by the rule."""
    spec = Spec(bias_correction="none")
    state: dict[str, Number] = {"p1": 0, "p2": 1, "m": 0, "v": v}
    found = []
    for g in (c, term(-1), term(-1)):
        run = symbolic_step(spec, hyper={"beta1": 0, "beta2": beta2, "eps": 0}, before=state, g=g)
        state = {**run.after, "p1": 0}
        k.prove(eq(run.named["m_hat"], g))
        found.append(run.after["v"])
    return found


def returns(book: Book, decay: Number = 1) -> None:
    """A period that begins at 1 ends at 1, for step sizes that fall by at most √2 within it."""
    k = book.part("Adam returns to 1")
    c, v, a1, a2, a3 = symbols("C v a_1 a_2 a_3")
    beta2 = 1 / (1 + c * c)
    k.assume(ge(c, 2))
    k.assume(ge(v))
    bounded = k.assume(ge(c * c, v), "v ≤ C², an average of squared gradients")
    for a in (a1, a2, a3):
        k.assume(gt(a), "the step sizes, whatever their corrections")
    second = k.assume(ge(2 * a2 * a2, term(decay) * a1 * a1), "they fall by at most √2 in a period")
    third = k.assume(ge(2 * a3 * a3, term(decay) * a1 * a1))
    k.prove(gt(c), [[c - 2], [2]])
    total = k.prove(gt(1 + c * c), [[1], [sq(c)]])
    q2 = c * c / (1 + c * c)
    (q,) = symbols("q")
    positive_q, square_q = positive_root(k, k.prove(gt(q2), [[c, c, inv(total.term)]]), q)
    v1, v2, v3 = period(k, c, v, beta2)
    down = inv(total.term)
    kept = k.prove(ge(c * c - v1), [[down, bounded]])
    k.conclude(kept, "v stays below C² within the period")
    low = k.prove(ge(v1 - c * c * q2), [[v, down]])
    k.prove(gt(v1), [[v, down], [c, c, c, c, down]])
    high2 = k.prove(ge(2 * q2 - v2), [[kept, down]])
    k.prove(gt(v2), [[v1, down], [c, c, down]])
    over = k.prove(ge(c * c - 1), [[c - 2, c], [2, c - 2], [3]])
    high3 = k.prove(ge(2 * q2 - v3), [[high2, down], [over, c, c, down, down]])
    k.prove(gt(v3), [[v2, down], [c, c, down]])
    roots = []
    for i, value in enumerate((v1, v2, v3), 1):
        (r,) = symbols(f"r_{i}")
        roots.append((r, *positive_root(k, k.prove(gt(value), [[value]]), r)))
    (r1, _, root1), (r2, _, root2), (r3, _, root3) = roots
    # the step down is at most a1/q
    squares = k.prove(
        ge(r1 * r1 - (c * q) ** 2), [[low]], using=[Times(term(1), root1), Times(-c * c, square_q)]
    )
    k.prove(ge(c * q), [[c, positive_q]])
    wide = at_most(k, c * q, r1, squares)
    fall = k.prove(ge(a1 / q - a1 * c / r1), [[a1, wide, inv(q), inv(r1)]])
    k.conclude(fall, "the step down at C is at most a_1/√(1-β2)")
    rises = []
    for a, r, root, high, kept_a in ((a2, r2, root2, high2, second), (a3, r3, root3, high3, third)):
        squares = _rise(k, a, a1, r, q, root, square_q, high, kept_a)
        rises.append(at_most(k, a1 / (2 * q), a / r, squares))
    fact = k.prove(
        ge(a2 / r2 + a3 / r3 - a1 * c / r1),
        [[fall], [rises[0]], [rises[1]]],
    )
    k.conclude(fact, "the two steps up make good for it: 1 - down + up + up ≥ 1, clipped to 1")
    small = k.assume(gt(q, a1), "α < √(1-β2)")
    fact = k.prove(gt(1 - a1 * c / r1), [[small, inv(q)], [fall]])
    k.conclude(fact, "x stays above 0, so nothing is clipped below: x_(3k+1) = 1 for every k")


def _rise(
    k: Proof,
    a: Term,
    a1: Term,
    r: Term,
    q: Term,
    root: Fact,
    square_q: Fact,
    high: Fact,
    kept: Fact,
) -> Fact:
    """(a/r)² ≥ (a1/(2q))² from 2a² ≥ a1² and r² ≤ 2q²."""
    near = k.prove(
        ge(2 * q * q - r * r), [[high]], using=[Times(term(2), square_q), Times(term(-1), root)]
    )
    return k.prove(
        ge((a / r) ** 2 - (a1 / (2 * q)) ** 2),
        [
            [HALF, kept, inv(r), inv(r)],
            [term(1) / 4, sq(a1), near, inv(q), inv(q), inv(r), inv(r)],
        ],
    )


def first_period(book: Book) -> None:
    """With α/√t the first period falls faster, from a_1 to a_1/√3; there v starts at 0."""
    k = book.part("the first period with α/√t, from v = 0")
    (b,) = symbols("beta_2")
    k.assume(gt(b))
    small = k.assume(ge(1, 5 * b), "C ≥ 2")
    rest = k.prove(ge(1 - b), [[4 * b], [small]])
    # v in units of 1-β2: v_1 = C², v_2 = 2-β2, v_3 = 1+2β2-β2²; the steps are a, a/√2, a/√3
    x, y = symbols("x y")
    two = k.prove(gt(2 * (2 - b)), [[2], [2, rest]])
    three = k.prove(gt(3 * (1 + 2 * b - b * b)), [[3], [3, b], [3, b, rest]])
    _, root_x = positive_root(k, two, x)
    _, root_y = positive_root(k, three, y)
    eighth = term(1) / 8
    k.prove(ge(HALF - eighth * b), [[eighth, rest], [term(3) / 8]])
    one = k.prove(
        ge(1 - (x * (HALF + eighth * b)) ** 2),
        [[term(3) / 16, sq(b)], [term(1) / 32, b, sq(b)]],
        using=[Times(-((HALF + eighth * b) ** 2), root_x)],
    )
    k.prove(ge(term(1)), [[1]])
    first = at_most(k, x * (HALF + eighth * b), term(1), one)
    other = k.prove(
        ge(1 - (y * (HALF - eighth * b)) ** 2),
        [
            [term(9) / 40, small],
            [term(1) / 40],
            [term(3) / 32, sq(b), small],
            [term(87) / 64, sq(b)],
            [term(3) / 64, sq(b), sq(b)],
        ],
        using=[Times(-((HALF - eighth * b) ** 2), root_y)],
    )
    second = at_most(k, y * (HALF - eighth * b), term(1), other)
    fact = k.prove(ge(1 / x + 1 / y - 1), [[first, inv(x)], [second, inv(y)]])
    k.conclude(fact, "1/√(2v_2) + 1/√(3v_3) ≥ 1: the two steps up make good for the first one down")
    c = symbols("C")[0]
    link = k.assume(eq(b * (1 + c * c), 1), "β2 = 1/(1+C²)")
    _, v2, v3 = period(k, c, term(0), b)
    fact = k.prove(eq(v2, (1 - b) * (2 - b)), using=[Times(1 - b, link)])
    k.conclude(fact, "v_2 = (1-β2)(2-β2) by the rule")
    fact = k.prove(eq(v3, (1 - b) * (1 + 2 * b - b * b)), using=[Times(b * (1 - b), link)])
    k.conclude(fact, "v_3 = (1-β2)(1+2β2-β2²) by the rule")


def regret(book: Book, share: Number = 1) -> None:
    """Against x = -1 every period costs at least 2C-4 more, and tends to it."""
    k = book.part("regret")
    c, x2, x3, a, q = symbols("C x_2 x_3 a q")
    k.assume(gt(c, 2))
    k.assume(gt(q))
    one = k.assume(ge(1 - x2), "x_2, x_3 ≤ 1 on the interval")
    two = k.assume(ge(1 - x3))
    low = k.assume(ge(x2 - 1 + a / q), "x_2 ≥ 1 - a_1/√(1-β2), as shown")
    more = k.assume(ge(x3 - x2), "x_3 ≥ x_2")
    cost = (c - x2 - x3) - (-c + 1 + 1)
    fact = k.prove(ge(cost, term(share) * (2 * c - 4)), [[one], [two]])
    k.conclude(fact, "a period's regret is at least 2C-4 > 0: the average never vanishes")
    fact = k.prove(ge(2 * c - 4 + 2 * a / q - cost), [[2, low], [more]])
    k.conclude(fact, "and at most 2C-4 + 2a_1/√(1-β2): with a → 0 the average tends to (2C-4)/3")


def amsgrad(book: Book) -> None:
    """With the running maximum every period moves towards -1."""
    k = book.part("AMSGrad moves towards -1")
    c, v, most, a1, a2, a3, s = symbols("C v V a_1 a_2 a_3 s")
    beta2 = 1 / (1 + c * c)
    wide = k.assume(gt(c, 2))
    k.assume(ge(v))
    k.assume(gt(a1))
    second = k.assume(ge(a1 - a2), "step sizes that do not grow")
    third = k.assume(ge(a1 - a3))
    k.prove(gt(c), [[wide], [2]])
    total = k.prove(gt(1 + c * c), [[1], [sq(c)]])
    v1, v2, v3 = period(k, c, v, beta2)
    down = inv(total.term)
    square = k.prove(gt(c * c - 3), [[wide, c], [2, wide], [1]])
    one = k.prove(ge(v1 - 1), [[v, down], [square, c, c, down], [2, square, down], [5, down]])
    k.conclude(one, "after C, v ≥ 1")
    fall2 = k.prove(ge(v1 - v2), [[one, c, c, down]])
    fall3 = k.prove(ge(v1 - v3), [[one, c, c, down], [fall2, down]])
    above = k.assume(ge(most - v1), "V = the maximum after C")
    k.conclude(k.prove(ge(most - v2), [[above], [fall2]]), "V is not raised by the next v")
    k.conclude(
        k.prove(ge(most - v3), [[above], [fall3]]), "nor by the one after: all three share V"
    )
    bounded = k.assume(ge(c * c - most), "V ≤ C², a maximum of averages of squared gradients")
    v_most = k.prove(gt(most), [[above], [one], [1]])
    _, root = positive_root(k, v_most, s)
    squares = k.prove(ge(c * c - s * s), [[bounded]], using=[Times(term(-1), root)])
    narrow = at_most(k, s, c, squares)
    fact = k.prove(
        ge(-(a1 * (c - 2)) / c - (-(a1 * c) / s + (a2 + a3) / s)),
        [[a1, c - 2, narrow, inv(c), inv(s)], [second, inv(s)], [third, inv(s)]],
    )
    k.conclude(fact, "a period moves x by at most -a_1(C-2)/C: AMSGrad arrives at -1")


def prove(book: Book) -> None:
    """All parts."""
    returns(book)
    first_period(book)
    regret(book)
    amsgrad(book)


THEOREM = Theorem(
    slug="non-convergence",
    title="Non-convergence on a convex problem",
    statement=(
        r"On $[-1,1]$ with losses $Cx,-x,-x,\dots$, $C>2$, $\beta_1=0$, $\beta_2=1/(1+C^2)$, "
        r"$\alpha<\sqrt{1-\beta_2}$ and $x_1=1$: $x_{3k+1}=1$ for every $k$, for constant "
        r"$\alpha$, for $\alpha/\sqrt t$, and with bias correction; each period's regret is at "
        r"least $2C-4$, and the average tends to $(2C-4)/3$ as steps vanish. AMSGrad moves towards "
        r"$-1$ in every period."
    ),
    source="Reddi, Kale & Kumar 2018 (arXiv:1904.09237), Theorem 1",
    covers={"adam[bias_correction=none]": "β1 = 0, β2 = 1/(1+C²)"},
    prove=prove,
    controls=(
        Control("steps that may fall by 2 within a period", lambda book: returns(book, HALF)),
        Control("a period's regret is at least 2(2C-4)", lambda book: regret(book, 2)),
    ),
    refutes="Adam converges on every convex problem (Kingma & Ba 2015, Theorem 4.1)",
)
