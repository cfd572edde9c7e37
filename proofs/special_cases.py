"""Where one rule is another: laws between the rules as traced, at generic shared symbols.

A law takes one step of both rules from one state, θ and g, and concludes that what they share of
the state begins and stays the same, and so does θ: by induction on t the two runs are one. Where
the general rule's step is defined (no divisor is zero) the special one's is too.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from adamcheck import rules
from adamcheck.numerics.symbolic import (
    STATE_NAMES,
    Number,
    SymbolicOps,
    Term,
    symbols,
    term,
)
from adamcheck.proof.claims import Fact, Product, Solve, Times, eq, ge, gt, inv, ne, sq
from adamcheck.proof.kernel import Proof
from adamcheck.proof.lemmas import equal_roots, squeeze, unit
from adamcheck.proof.normal import ProofError
from adamcheck.proof.theorem import Book, Control, Theorem
from adamcheck.spec import CONVENTIONS, Spec
from adamcheck.spec.hyperparameters import HYPERPARAMETERS

ONE, HALF = term(1), term(1) / 2
COUPLINGS: tuple[dict[str, str], ...] = (
    *({"decay": word} for word in CONVENTIONS["adam"]["decay"] if word != "none"),
    {"maximize": "yes"},
)


@dataclass
class Branched(SymbolicOps):
    """Roots and maxima in the order in which the rule takes them; a choice takes one branch."""

    above: bool = True
    order: list[Term] = field(default_factory=list)
    conditions: list[Term] = field(default_factory=list)

    def sqrt(self, x: Any) -> Term:
        """√x, as a symbol."""
        self.order.append(super().sqrt(x))
        return self.order[-1]

    def maximum(self, x: Any, y: Any) -> Term:
        """max(x, y), as a symbol."""
        self.order.append(super().maximum(x, y))
        return self.order[-1]

    def choose(self, x: Any, a: Any, b: Any) -> Any:
        """``a()`` or ``b()`` as asked for, and the condition as it is met."""
        if term(x).expr.is_Rational:
            return super().choose(x, a, b)
        self.conditions.append(term(x))
        return a() if self.above else b()


@dataclass(frozen=True)
class Run:
    """One step of a rule on symbols, some of them replaced by values."""

    spec: Spec
    ops: Branched
    hyper: dict[str, Term]
    start: dict[str, Any]
    before: dict[str, Term]
    done: rules.Step

    @property
    def order(self) -> list[Term]:
        """The roots and maxima that θ is made of, in the order in which they are taken."""
        found = {*term(self.done.theta).symbols, *self["update"].symbols}
        for symbol in reversed(self.ops.order):
            if symbol.expr in found:
                found.update(*(x.symbols for x in self.of(symbol)))
        return [symbol for symbol in self.ops.order if symbol.expr in found]

    def of(self, symbol: Term) -> tuple[Term, ...]:
        """What a root or a maximum is taken of."""
        roots = self.ops.roots
        return (roots[symbol],) if symbol in roots else self.ops.maxima[symbol]

    def __getitem__(self, name: str) -> Term:
        return term(self.done.theta if name == "θ" else self.done.named[name])


def stepped(
    spec: Spec,
    letter: str = "r",
    *,
    hyper: Mapping[str, Number] | None = None,
    before: Mapping[str, Number] | None = None,
    above: bool = True,
) -> Run:
    """Run the rule once; ``letter`` begins the names of its roots and maxima."""
    ops = Branched(tuple(f"{letter}_{i}" for i in range(1, 6)), above=above)
    h = {n: symbols(HYPERPARAMETERS[n].latex)[0] for n in spec.hyperparameters}
    h |= {n: term(x) for n, x in (hyper or {}).items() if n in h}
    zero: Number = term(0)
    one: Number = ONE
    given: dict[str, Number] = dict(h)
    if spec.schedule != "constant":  # q = 0.96^ψ is no rational number; no law asks for it
        zero, one = Fraction(0), Fraction(1)
        given = {n: Fraction(1, 2) for n in spec.hyperparameters}
    start = rules.initial_state(spec, given, zero, one)
    s = {n: symbols(STATE_NAMES.get(n, n))[0] for n in start}
    s |= {n: term(x) for n, x in (before or {}).items()}
    g, theta = symbols("g theta")
    return Run(spec, ops, h, start, s, rules.step(spec, ops, h, s, g, theta))


def special(spec: Spec, **how: Any) -> Run:
    """The rule that a law is about."""
    return stepped(spec, "s", **how)


# --- two runs side by side ---


def law(book: Book, title: str, a: Run, b: Run, *, shared: Iterable[str] | None = None) -> None:
    """Conclude that ``a`` is ``b``: the states they share, the update and θ."""
    k = book.part(title)
    defined(k, b)
    same = alike(k, a, b)
    after, other = a.done.state, b.done.state
    for name in (n for n in after if n in other) if shared is None else shared:
        k.conclude(k.prove(eq(term(a.start[name]), term(b.start[name]))), f"{name} at the start")
        fact = k.prove(eq(term(after[name]).subs(same), other[name]))
        k.conclude(fact, f"{name} after the step")
    for name in ("update", "θ"):
        fact = k.prove(eq(a[name].subs(same), b[name]))
        k.conclude(fact, f"the {name} of both: {title}")


def defined(k: Proof, run: Run) -> None:
    """Assume that the step divides by nothing that is zero."""
    said = [run["θ"], run["update"], *(x for symbol in run.order for x in run.of(symbol))]
    divisors = set[Any]().union(*(x.divisors for x in said))
    for divisor in sorted(divisors, key=lambda d: (len(str(d)), str(d))):
        k.assume(ne(Term(divisor)), f"only then is the step of {run.spec} defined")


def alike(k: Proof, a: Run, b: Run) -> dict[Term, Term]:
    """One symbol for a root, or a maximum, of what is proved equal: those of ``a`` by ``b``'s."""
    same: dict[Term, Term] = {}
    if len(a.order) != len(b.order):
        raise ProofError(f"{k.title}: {len(a.order)} roots against {len(b.order)}")
    for x, y in zip(a.order, b.order, strict=True):
        for p, q in zip(a.of(x), b.of(y), strict=True):
            fact = k.prove(eq(p.subs(same), q))
            k.conclude(fact, f"{x} and {y} are taken of the same, and so are one")
        same[x] = y
    return same


Of = tuple[Term, ...]


def taken(k: Proof, most: Term, of: Of) -> tuple[list[Fact], Fact]:
    """What says that ``most`` is the larger of two."""
    low = [k.assume(ge(most, x), f"{most} is the larger of two") for x in of]
    return low, k.assume(eq((most - of[0]) * (most - of[1])))


def no_less(k: Proof, m: Term, most: Term, of: Of, above: Iterable[Fact], product: Fact) -> Fact:
    """m ≥ max(of), since m is no smaller than either."""
    over = k.suppose(gt(most, m))
    parts = [k.prove(gt(most, x), [[over], [f]]) for x, f in zip(of, above, strict=True)]
    false = k.prove(gt(0), [parts], using=[Times(-ONE, product)])
    return k.prove(ge(m, most), [[k.absurd(false, over)]])


# --- without the first average ---

ONLY_G: Mapping[str, Number] = {"beta1": 0}
CORRECTED = {"both": "v", "v": "v", "none": "none", "m": "none"}
"""Adam's corrections, and RMSProp's that is the same at β1 = 0."""


def plain(book: Book, spec: Spec, other: Spec, hyper: Mapping[str, Number] = ONLY_G) -> None:
    """A rule at β1 = 0 is another one, which may have a β1 = 0 too."""
    title = f"{spec} at β1={hyper['beta1']} is {other}"
    title += " there" if "beta1" in other.hyperparameters else ""
    law(book, title, special(spec, hyper=hyper), stepped(other, hyper=hyper))


def without_momentum(book: Book) -> None:
    """Adam and NAdam at β1 = 0."""
    for place in ("outside", "inside"):
        for word, other in CORRECTED.items():
            spec = Spec("rmsprop", eps=place, bias_correction=other)
            plain(book, Spec(eps=place, bias_correction=word), spec)
    for words in COUPLINGS:
        for word, other in (("both", "v"), ("none", "none")):
            spec = Spec("rmsprop", bias_correction=other, **words)
            plain(book, Spec(bias_correction=word, **words), spec)
    for word in ("m", "none"):  # without a correction of v ε̂ is ε
        plain(book, Spec(eps="hat", bias_correction=word), Spec("rmsprop"))
    for schedule in CONVENTIONS["nadam"]["schedule"]:
        for ahead in CONVENTIONS["nadam"]["lookahead"]:
            spec = Spec("nadam", schedule=schedule, lookahead=ahead)
            plain(book, spec, Spec("rmsprop", bias_correction="v"))
    for place in ("inside", "none"):
        spec = Spec("rmsprop", eps=place, bias_correction="v")
        plain(book, Spec("nadam", eps=place), spec)
    for place in ("outside", "hat", "inside", "both"):
        plain(book, Spec("nadam", eps=place), Spec(eps=place))


def hat(book: Book, share: Number = 1) -> None:
    """adam[eps=hat] at β1 = 0 steps √(1-β2^t) times as far as RMSProp without correction."""
    k = book.part("adam[eps=hat] at β1=0 is √(1-β2^t) times rmsprop")
    a, b = special(Spec(eps="hat"), hyper={"beta1": 0}), stepped(Spec("rmsprop"))
    (s, x), (q, weight) = a.ops.roots.items()
    ((r, v),) = b.ops.roots.items()
    positive = k.assume(gt(weight), "1-β2^t > 0")
    inside = k.assume(ge(v), "only then has it a root")
    of_weight, of_v = k.root(positive, q)[1], k.root(inside, r)[1]
    of_x = k.root(k.prove(ge(x), [[inside, inv(weight)]]), s)[1]
    k.prove(ge(s * q), [[s, q]])
    using = [Times(q * q, of_x), Times(v / weight, of_weight), Times(-ONE, of_v)]
    same = equal_roots(k, s * q, r, k.prove(eq((s * q) ** 2, r * r), using=using))
    supposed = k.suppose(eq(q))
    using = [Times(ONE, of_weight), Times(-q, supposed)]
    k.absurd(k.prove(gt(0), [[positive]], using=using), supposed)
    eps = b.hyper["eps"]
    whole = k.assume(ne(r + eps), "only then is the step of rmsprop defined")
    denominator = s + eps / q
    supposed = k.suppose(eq(denominator))
    using = [Times(-q * whole.term, supposed), Times(whole.term, same)]
    k.absurd(k.prove(gt(0), [[sq(whole.term)]], using=using), supposed)
    claim = eq(a["update"], term(share) * q * b["update"])
    k.conclude(k.prove(claim, using=[Solve(same, r)]), "Δ is √(1-β2^t) times RMSProp's")


# --- without any average ---

NONE = {"beta1": 0, "beta2": 0}


def without_average(book: Book) -> None:
    """At β1 = β2 = 0 Adam, RMSProp, AdaMax and AdaGrad's first step are one."""
    for place in ("outside", "inside", "none"):
        first_step(book, place, {"v": 0})
        if place != "none":
            for word in CORRECTED:
                a, other = Spec(eps=place, bias_correction=word), Spec("rmsprop", eps=place)
                title = f"{a} at β1=β2=0 is {other} at β2=0"
                law(book, title, special(a, hyper=NONE), stepped(other, hyper=NONE))
    for word in CONVENTIONS["adamax"]["bias_correction"]:
        for place, like in (("outside", "outside"), ("gradient", "outside"), ("decayed", "max")):
            spec = Spec("adamax", eps=place, bias_correction=word)
            one_norm(book, spec, Spec(eps=like), NONE)
        one_norm(book, Spec("adamax", bias_correction=word), Spec(), {**NONE, "eps": 0})


def first_step(book: Book, place: str, before: Mapping[str, Number]) -> None:
    """AdaGrad from v = 0."""
    a, b = Spec("adagrad", eps=place), Spec("rmsprop", eps=place)
    title = f"{a}, its first step, is {b} at β2=0"
    law(book, title, special(a, before=before), stepped(b, hyper=NONE), shared=["v"])


def one_norm(book: Book, spec: Spec, other: Spec, values: Mapping[str, Number]) -> None:
    """|g| is the root of g²: of a single gradient every norm is the same."""
    k = book.part(f"{spec} at β1=β2=0 is {other} there" + (" at ε=0" if "eps" in values else ""))
    a, b = special(spec, hyper=values), stepped(other, hyper=values)
    if (eps := b.hyper["eps"]).expr.is_Symbol:
        k.assume(ge(eps))
    size, u = a.ops.order
    r, *maxima = b.ops.order
    sides, product = taken(k, size, a.of(size))
    nonneg = k.prove(ge(size), [[HALF, sides[0]], [HALF, sides[1]]])
    parts: list[Product] = [[sq(symbols("g")[0])], *([[eps]] if other.eps == "inside" else [])]
    square = k.root(k.prove(ge(b.ops.roots[r]), parts), r)[1]
    using = [Times(ONE, product), Times(-ONE, square)]
    norm = equal_roots(k, size, r, k.prove(eq(size**2, r**2), using=using))
    k.conclude(norm, "|g| = √(g²)")
    known = [Solve(norm, size)]
    low, high = a.of(u)
    if maxima:  # max(ε, |g|) and max(√v̂, ε) are one
        first, second = b.of(maxima[0])
        k.conclude(k.prove(eq(low, second)), "both are the larger of ε and |g|")
        k.conclude(k.prove(eq(high, first), using=known), "both are the larger of ε and |g|")
        same = {u: maxima[0]}
    else:
        (_, above), one = taken(k, u, (low, high))
        more = k.prove(ge(high, low), [[nonneg], *([[eps]] if spec.eps == "gradient" else [])])
        itself = k.prove(ge(high, high))
        greater = no_less(k, high, u, (low, high), (more, itself), one)
        known.insert(0, Solve(squeeze(k, above, greater), u))
        same = {}
    defined(k, b)
    if not maxima:
        nonzero(k, term(a.done.named["denominator"]), term(b.done.named["denominator"]), known)
    for name in ("update", "θ"):
        fact = k.prove(eq(a[name].subs(same), b[name]), using=known)
        k.conclude(fact, f"the {name} of both: {k.title}")


def nonzero(k: Proof, x: Term, y: Term, known: list[Solve]) -> None:
    """x ≠ 0 from y ≠ 0 and what is known to make them equal."""
    equal = k.prove(eq(x, y), using=known)
    supposed = k.suppose(eq(x))
    false = k.prove(gt(0), [[sq(y)]], using=[Times(-y, supposed), Times(y, equal)])
    k.absurd(false, supposed)


# --- velocities, decay, RAdam's first steps ---


def at(spec: Spec, name: str, value: Number = 0, **how: Any) -> Run:
    """The special rule at one value of a hyperparameter."""
    return special(spec, hyper={name: value}, **how)


def velocities(book: Book) -> None:
    """A velocity that forgets at once is none."""
    for form in ("outside", "inside"):
        for words in ({}, {"nesterov": "yes"}, {"dampening": "ema"}, *COUPLINGS):
            spec = Spec("momentum", form=form, **words)
            gd = Spec("gd", **{n: w for n, w in words.items() if n in ("decay", "maximize")})
            law(book, f"{spec} at μ=0 is {gd}", at(spec, "momentum"), stepped(gd))
        for decay in ("none", "l2", "decoupled-unscaled"):
            damped(book, Spec("momentum", form=form, dampening="full", decay=decay))
            damped(book, Spec("momentum", form=form, dampening="late", decay=decay))
        spec, bare = Spec("momentum", form=form, dampening="full"), Spec("momentum", form=form)
        law(book, f"{spec} at τ=0 is {bare}", at(spec, "dampening"), stepped(bare))
        spec = Spec("momentum", form=form, dampening="late")
        for first, when in ((True, "its first step"), (False, "later steps")):
            run = at(spec, "dampening", above=first)
            law(book, f"{spec} at τ=0, {when}, is {bare}", run, stepped(bare))
        for nesterov in ("no", "yes"):
            spec = Spec("rmsprop", momentum="yes", nesterov=nesterov, form=form)
            law(book, f"{spec} at μ=0 is rmsprop", at(spec, "momentum"), stepped(Spec("rmsprop")))


def damped(book: Book, spec: Spec, share: Number = 1) -> None:
    """Dampening scales gradient descent's α by 1-τ, unless a decoupled decay reads α too."""
    gd = Spec("gd", decay=spec.decay)
    alpha, tau = symbols("alpha tau")
    less = stepped(gd, hyper={"lr": term(share) * alpha * (1 - tau)})
    late = spec.dampening == "late"
    when = " after its first step" if late else ""
    law(book, f"{spec} at μ=0{when} is {gd} with α(1-τ)", at(spec, "momentum", above=False), less)
    if late:
        law(book, f"{spec} at μ=0, its first step, is {gd}", at(spec, "momentum"), stepped(gd))


def no_decay(book: Book) -> None:
    """λ = 0 makes every coupling of weight decay the rule without decay."""
    for algorithm, words in CONVENTIONS.items():
        for decay in words["decay"][1:]:
            spec, bare = Spec(algorithm, decay=decay), Spec(algorithm)
            for above in (True, False) if algorithm == "radam" else (True,):
                when = "" if above else ", before the average is long enough"
                run = at(spec, "weight_decay", above=above)
                law(book, f"{spec} at λ=0 is {bare}{when}", run, stepped(bare, above=above))


def unrectified(book: Book, cut: int) -> None:
    """RAdam at β1 = 0 is gradient descent while the average is too short: ρ_t ≤ cut."""
    run = at(Spec("radam", cut=str(cut)), "beta1", above=False)
    law(book, f"{run.spec} at β1=0 is gd while ρ_t ≤ {cut}", run, stepped(Spec("gd")))
    k = book.part(f"{run.spec}: the condition")
    b2, p2, t = run.hyper["beta2"], run.done.state["p2"], run.done.state["t"]
    k.assume(ne(1 - b2))
    k.assume(ne(1 - p2))
    length = 2 / (1 - b2) - 1 - 2 * t * p2 / (1 - p2)
    k.conclude(k.prove(eq(run.ops.conditions[0], length - cut)), f"it is ρ_t - {cut} > 0")


def early(book: Book, cut: int, steps: int) -> None:
    """ρ_t ≤ t in the first steps: (t - ρ_t)·Σ β2^i = (1-β2)·Σ (i+1)(t-1-i)·β2^i."""
    spec = Spec("radam", cut=str(cut))
    for t in range(1, steps + 1):
        k = book.part(f"{spec}: ρ_{t} ≤ {t}, whatever β2")
        (b2,) = symbols("beta_2")
        unit(k, b2)
        powers = [[b2] * i for i in range(t)]
        total = sum((b2**i for i in range(t)), term(0))
        k.prove(gt(total), [[1, *power] for power in powers])
        k.prove(gt(1 - b2**t), [[1 - b2, total]])
        run = at(spec, "beta1", before={"t": t - 1, "p2": b2 ** (t - 1)}, above=False)
        parts: list[Product] = [
            [(i + 1) * (t - 1 - i), 1 - b2, *power, inv(total)]
            for i, power in enumerate(powers[:-1])
        ]
        fact = k.prove(ge(-run.ops.conditions[0]), [*parts, *([[cut - t]] if t != cut else [])])
        k.conclude(fact, f"ρ_{t} ≤ {t} ≤ {cut} for every β2: step {t} is not adaptive")


def prove(book: Book) -> None:
    """All laws."""
    without_momentum(book)
    hat(book)
    without_average(book)
    velocities(book)
    no_decay(book)
    for cut in (5, 4):
        unrectified(book, cut)
        early(book, cut, cut)


HALF_G = {"beta1": HALF}
CORRECTS_V = Spec("rmsprop", bias_correction="v")
THEOREM = Theorem(
    slug="special-cases",
    title="Where one rule is another",
    statement=(
        r"At $\beta_1=0$ Adam is RMSProp with the same correction of $v$, NAdam, on every "
        r"schedule, is Adam, and RAdam is gradient descent while $\rho_t$ is at most its cut, as "
        r"it is for $t$ up to the cut; with unscaled $\hat\epsilon$ Adam's step is "
        r"$\sqrt{1-\beta_2^t}$ times RMSProp's. At $\beta_1=\beta_2=0$ AdaMax is Adam; at "
        r"$\beta_2=0$ RMSProp's step is AdaGrad's first. At $\mu=0$ momentum is gradient descent, "
        r"dampened with $\alpha(1-\tau)$ where no decay reads $\alpha$, and RMSProp with momentum "
        r"is RMSProp. At $\lambda=0$ every coupling of weight decay is the rule without it."
    ),
    source="folklore, and this project; the rules are those of the theorem family",
    covers={
        "adam": "",
        "gd": "",
        "momentum": "μ = 0",
        "adagrad": "",
        "rmsprop": "",
        "adamax": "",
        "nadam": "",
        "radam": "while ρ_t is at most its cut",
    },
    prove=prove,
    controls=(
        Control(
            "Adam without correction at β1=0 is RMSProp with it",
            lambda b: plain(b, Spec(bias_correction="none"), CORRECTS_V),
        ),
        Control(
            "Adam with ε outside the root at β1=0 is RMSProp with ε inside",
            lambda b: plain(b, Spec(), Spec("rmsprop", bias_correction="v", eps="inside")),
        ),
        Control(
            "Adam with the correction of v alone is RMSProp with it at β1 = 1/2",
            lambda b: plain(b, Spec(bias_correction="v"), CORRECTS_V, HALF_G),
        ),
        Control(
            "NAdam is Adam at β1 = 1/2",
            lambda b: plain(b, Spec("nadam"), Spec(), HALF_G),
        ),
        Control("with ε̂ Adam's step is 2√(1-β2^t) times RMSProp's", lambda b: hat(b, 2)),
        Control(
            "AdaMax at β1=β2=0 is Adam with ε inside the root",
            lambda b: one_norm(b, Spec("adamax", eps="outside"), Spec(eps="inside"), NONE),
        ),
        Control(
            "every step of AdaGrad is RMSProp's at β2=0", lambda b: first_step(b, "outside", {})
        ),
        Control(
            "dampening scales α under decoupled decay too",
            lambda b: damped(b, Spec("momentum", dampening="full", decay="decoupled")),
        ),
        Control(
            "dampened momentum at μ=0 is gradient descent with 2α(1-τ)",
            lambda b: damped(b, Spec("momentum", dampening="full"), 2),
        ),
        Control("RAdam's first five steps have ρ_t ≤ 4", lambda b: early(b, 4, 5)),
    ),
)
