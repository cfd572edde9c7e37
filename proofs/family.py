"""The relatives of Adam are the functions their sources state: every rule, every convention.

Each formula below is written out a second time, on purpose, from its source, and compared with the
rule at a generic state. Where a rule asks for the step count, it is given: t-1 = 0 and 2; in RAdam,
with β2 = 9/10, t-1 = 0, 4 and 9.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from adamcheck.numerics.symbolic import Number, SymbolicStep, Term, symbolic_step, term
from adamcheck.proof.claims import eq, ne
from adamcheck.proof.coverage import turned
from adamcheck.proof.kernel import Proof
from adamcheck.proof.normal import ProofError, is_zero
from adamcheck.proof.theorem import Book, Control, Theorem
from adamcheck.rules import initial_state
from adamcheck.spec import Spec

RATE = Fraction(9, 10)


class Written:
    """Formulas for one run of a rule: names for its hyperparameters, state and roots."""

    def __init__(self, k: Proof, spec: Spec, count: int | None, slip: Number = 0) -> None:
        self.k = k
        self.spec = spec
        # what a negative control writes wrong in the update
        self.slip = term(slip)
        before: dict[str, Number] = {} if count is None else {"t": count}
        hyper: dict[str, Number] = {}
        if spec.algorithm == "radam" and count is not None:
            # its branch asks for the sign of ρ_t - 4 or - 5: 1, 4.6 and 8.3 at these counts
            hyper["beta2"] = RATE
            before["p2"] = RATE**count
        names = tuple(f"{name}_{count}" if count is not None else name for name in ("s", "r", "w"))
        self.run: SymbolicStep = symbolic_step(spec, hyper=hyper, before=before, names=names)
        self.h = self.run.hyper
        self.s = self.run.before
        self.count = count
        defined = [self.run.theta_after, *self.run.named.values(), *self.run.after.values()]
        defined += list(self.run.ops.roots.values())
        divisors = set().union(*(x.divisors for x in defined))
        for divisor in sorted(divisors, key=lambda d: (len(str(d)), str(d))):
            k.assume(ne(Term(divisor)), "only then is the step defined")

    def says(self, what: str, value: Term, meant: Number) -> None:
        """Conclude that the rule's value is what is meant."""
        fact = self.k.prove(eq(value, meant))
        self.k.conclude(fact, f"{what} of {self.spec}")

    def root(self, inside: Term) -> Term:
        """The rule's root of ``inside``; the kernel checks that there is one."""
        for symbol, x in self.run.ops.roots.items():
            if is_zero(x.expr - inside.expr):
                self.says("a root", x, inside)
                return symbol
        raise ProofError(f"{self.spec}: the rule takes no root of {inside}")

    def larger(self, a: Term, b: Term) -> Term:
        """The rule's maximum of ``a`` and ``b``."""
        for symbol, (x, y) in self.run.ops.maxima.items():
            if is_zero(x.expr - a.expr) and is_zero(y.expr - b.expr):
                self.says("a maximum", x, a)
                self.says("a maximum", y, b)
                return symbol
        raise ProofError(f"{self.spec}: the rule takes no maximum of {a} and {b}")

    def gradient(self) -> Term:
        """The gradient that the rule follows."""
        g = -self.run.g if self.spec.maximize == "yes" else self.run.g
        return g + self.h["weight_decay"] * self.run.theta if self.spec.decay == "l2" else g

    def denominator(self, second: Term, correction: Term | None = None) -> Term:
        """√second with ε in its place."""
        eps = self.h.get("eps", term(0))
        if self.spec.eps == "inside":
            return self.root(second + eps)
        if self.spec.eps == "both":
            return self.root(second + self.h["eps_root"]) + eps
        if self.spec.eps == "hat" and correction is not None:
            return self.root(second) + eps / self.root(correction)
        return self.root(second) + eps

    def ends(self, update: Term, average: Term | None = None) -> None:
        """The update, the m̂ in it, and the parameter after it with whichever decay there is."""
        update = update + self.slip
        self.says("the update", self.run.named["update"], update)
        if average is not None:
            self.says("m̂", self.run.named["m_hat"], average)
        theta = self.run.theta
        rate = self.h.get("weight_decay", term(0))
        if self.spec.decay == "decoupled":
            theta = theta - self.h["lr"] * rate * theta
        elif self.spec.decay == "decoupled-unscaled":
            theta = theta - rate * theta
        theta = theta - update
        if self.spec.decay == "decoupled-after":
            theta = theta - self.h["lr"] * rate * theta
        self.says("the parameter", self.run.theta_after, theta)

    def start(self) -> Term:
        """The accumulator before the step; at the first one its initial value."""
        if self.spec.accumulator == "zero" or self.count != 0:
            return self.s["v"]
        return self.h["initial_accumulator"] if self.spec.accumulator == "initial" else term(1)


def average(beta: Term, old: Term, new: Term) -> Term:
    """One moving average, written as old + (1-β)(new-old)."""
    return old + (1 - beta) * (new - old)


def gd(at: Written) -> None:
    """θ - α·g."""
    at.ends(at.h["lr"] * at.gradient())


def momentum(at: Written) -> None:
    """Polyak 1964; Nesterov as in Sutskever et al. 2013; dampening as in PyTorch."""
    mu, alpha, g, z = at.h["momentum"], at.h["lr"], at.gradient(), at.s["velocity"]
    full = {"full": True, "late": at.count != 0}.get(at.spec.dampening, False)
    weight = 1 - at.h["dampening"] if full else 1 - mu if at.spec.dampening == "ema" else term(1)
    if at.spec.form == "inside":
        b = mu * z - alpha * weight * g
        update = alpha * g - mu * b if at.spec.nesterov == "yes" else -b
    else:
        b = mu * z + weight * g
        update = alpha * (g + mu * b) if at.spec.nesterov == "yes" else alpha * b
    at.says("the velocity", at.run.after["velocity"], b)
    at.ends(update)


def adagrad(at: Written) -> None:
    """Duchi, Hazan & Singer 2011."""
    g = at.gradient()
    v = at.start() + g * g
    at.says("v", at.run.after["v"], v)
    rate = at.h["lr"]
    if at.spec.lr_decay == "yes":
        assert at.count is not None
        rate = rate / (1 + at.count * at.h["lr_decay"])
    at.ends(rate * g / at.denominator(v))


def rmsprop(at: Written) -> None:
    """Tieleman & Hinton 2012; centred and with momentum as in Graves 2013."""
    g, b2 = at.gradient(), at.h["beta2"]
    v = average(b2, at.start(), g * g)
    at.says("v", at.run.after["v"], v)
    weight = 1 - b2 * at.s["p2"] if at.spec.bias_correction == "v" else term(1)
    second = v / weight
    if at.spec.centered == "yes":
        m = average(b2, at.s["m"], g)
        at.says("m", at.run.after["m"], m)
        second = second - (m / weight) ** 2
    q = g / at.denominator(second)
    alpha, inside = at.h["lr"], at.spec.form == "inside"
    if at.spec.momentum == "yes":
        mu = at.h["momentum"]
        b = mu * at.s["velocity"] + (alpha * q if inside else q)
        at.says("the velocity", at.run.after["velocity"], b)
        push = (alpha * q if inside else q) + mu * b if at.spec.nesterov == "yes" else b
        at.ends(push if inside else alpha * push)
    else:
        at.ends(alpha * q)


def adamax(at: Written) -> None:
    """Kingma & Ba 2015, Algorithm 2; ε in the places that libraries have put it."""
    g, b1, b2 = at.gradient(), at.h["beta1"], at.h["beta2"]
    eps = at.h.get("eps", term(0))
    m = average(b1, at.s["m"], g)
    size = at.larger(g, -g)
    decayed = b2 * at.s["v"]
    if at.spec.eps == "gradient":
        size = size + eps
    if at.spec.eps == "decayed":
        decayed = decayed + eps
    u = at.larger(decayed, size)
    at.says("m", at.run.after["m"], m)
    at.says("u", at.run.after["v"], u)
    m_hat = m / (1 - b1 * at.s["p1"]) if at.spec.bias_correction == "m" else m
    at.ends(at.h["lr"] * m_hat / (u + eps if at.spec.eps == "outside" else u), m_hat)


def nadam(at: Written) -> None:
    """Dozat 2016: the momentum of the next step, and the fresh gradient."""
    g, b1, b2, s = at.gradient(), at.h["beta1"], at.h["beta2"], at.s
    m, v = average(b1, s["m"], g), average(b2, s["v"], g * g)
    mu = following = b1
    if at.spec.schedule != "constant":
        now = s["q"] * s["d"]
        mu, following = b1 - b1 * now / 2, b1 - b1 * now * s["q"] / 2
        at.says("q^t", at.run.after["d"], now)
        at.says("q", at.run.after["q"], s["q"])
    product = s["p1"] * mu
    at.says("m", at.run.after["m"], m)
    at.says("v", at.run.after["v"], v)
    at.says("the product of the momenta", at.run.after["p1"], product)
    ahead = (
        following / (1 - product * following) if at.spec.lookahead == "yes" else mu / (1 - product)
    )
    correction = 1 - b2 * s["p2"]
    top = ahead * m + (1 - mu) / (1 - product) * g
    at.ends(at.h["lr"] * top / at.denominator(v / correction, correction), top)


def radam(at: Written) -> None:
    """Liu et al. 2020, Algorithm 2."""
    g, b1, b2, s = at.gradient(), at.h["beta1"], at.h["beta2"], at.s
    assert at.count is not None
    t = at.count + 1
    m, v = average(b1, s["m"], g), average(b2, s["v"], g * g)
    p2 = b2 * s["p2"]
    at.says("m", at.run.after["m"], m)
    at.says("v", at.run.after["v"], v)
    at.says("t", at.run.after["t"], t)
    m_hat = m / (1 - b1 * s["p1"])
    longest = 2 / (1 - b2) - 1
    length = longest - 2 * t * p2 / (1 - p2)
    if (length - int(at.spec.cut)).expr > 0:
        r = at.root(
            (length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)
        )
        update = at.h["lr"] * r * m_hat / at.denominator(v / (1 - p2), 1 - p2)
    else:
        update = at.h["lr"] * m_hat
    at.ends(update, m_hat)


FORMULAS = {
    "gd": gd,
    "momentum": momentum,
    "adagrad": adagrad,
    "rmsprop": rmsprop,
    "adamax": adamax,
    "nadam": nadam,
    "radam": radam,
}
EXTRA = (
    Spec("momentum", nesterov="yes", form="inside"),
    Spec("momentum", dampening="full", form="inside"),
    Spec("rmsprop", momentum="yes", nesterov="yes"),
    Spec("rmsprop", momentum="yes", form="inside"),
    Spec("rmsprop", momentum="yes", nesterov="yes", form="inside"),
    Spec("rmsprop", centered="yes", bias_correction="v"),
)


def specs(algorithm: str) -> Iterator[Spec]:
    """The default, every switch turned to each of its words, and a few pairs."""
    base = Spec(algorithm)
    yield base
    for switch, words in base.switches.items():
        for word in words[1:]:
            if switch == "scalars":
                continue
            if algorithm == "rmsprop" and switch in ("nesterov", "form"):
                continue
            yield base.with_(**{switch: word})
    yield from (spec for spec in EXTRA if spec.algorithm == algorithm)


@dataclass(frozen=True)
class Powered:
    """value^exponent, for the one start that is no rational number: q = 0.96^ψ."""

    value: Fraction
    exponent: Fraction = Fraction(1)

    def __rmul__(self, factor: int) -> "Powered":
        return Powered(factor * self.value)

    def __truediv__(self, divisor: int) -> "Powered":
        return Powered(self.value / divisor)

    def __pow__(self, exponent: "Powered | Fraction") -> "Powered":
        return Powered(self.value, exponent.value if isinstance(exponent, Powered) else exponent)


def start_of_schedule(at: Written) -> None:
    """q = (24/25)^ψ with ψ the momentum decay, or 1/250."""
    hyper = dict.fromkeys(at.spec.hyperparameters, Fraction(7, 3))
    state = initial_state(at.spec, hyper, Powered(Fraction(0)), Powered(Fraction(1)))
    exponent = Fraction(7, 3) if at.spec.schedule == "momentum-decay" else Fraction(1, 250)
    at.says("the base of q", term(state["q"].value), term(24) / 25)
    at.says("the exponent of q", term(state["q"].exponent), exponent)


def starts(at: Written) -> None:
    """Everything starts at 0, powers at 1, and the step count at 0."""
    if at.spec.schedule in ("momentum-decay", "0.96^(t/250)"):
        start_of_schedule(at)
        return
    meant: dict[str, Number] = {"t": 0, "m": 0, "v": 0, "velocity": 0, "p1": 1, "p2": 1, "d": 1}
    meant |= {"q": term(96) / 100}
    if at.spec.first_t in ("0", "2"):
        b1 = at.h["beta1"]
        at.k.assume(ne(b1))
        meant["p1"] = b1 if at.spec.first_t == "2" else 1 / b1
    for name, value in at.run.initial.items():
        at.says(f"{name} at the start", value, term(meant[name]))


def check(book: Book, spec: Spec, slip: Number = 0) -> None:
    """One spec: its start, its clocks, and its step; ``slip`` is added to the written update."""
    k = book.part(str(spec))
    counts: list[int | None] = [None]
    if spec.algorithm == "radam":
        counts = [0, 4, 9]
    elif spec.accumulator != "zero" or spec.lr_decay == "yes" or spec.dampening == "late":
        counts = [0, 2]
    for count in counts:
        at = Written(k, spec, count, slip)
        FORMULAS[spec.algorithm](at)
        for clock, beta in (("p1", "beta1"), ("p2", "beta2")):
            if clock in at.s and not (spec.algorithm == "nadam" and clock == "p1"):
                at.says(f"{clock} after the step", at.run.after[clock], at.s[clock] * at.h[beta])
        if count is not None and "t" in at.s:
            at.says("the count after the step", at.run.after["t"], term(count + 1))
    starts(at)


def prove(book: Book) -> None:
    """Every algorithm, every word of every switch."""
    for algorithm in FORMULAS:
        for spec in specs(algorithm):
            check(book, spec)


SOME = "t = 1 and t = 3"
COVERS = {
    **{k: v for algorithm in FORMULAS if algorithm not in ("rmsprop", "radam")
       for k, v in turned(algorithm, accumulator=SOME, lr_decay=SOME, dampening=SOME).items()},
    **{k: v for k, v in turned("rmsprop", accumulator=SOME).items()
       if "nesterov" not in k and "form" not in k},
    **turned("radam", all="β2 = 9/10 and t = 1, 5, 10"),
    **{str(spec): "" for spec in EXTRA},
}  # fmt: skip


THEOREM = Theorem(
    slug="family",
    title="The relatives, as their sources state them",
    statement=(
        r"Gradient descent, momentum, AdaGrad, RMSProp, AdaMax, NAdam and RAdam, with every word "
        r"of every convention, are the formulas of their sources, at the first step and later. "
        r"RAdam is at $\beta_2=9/10$ and $t=1,5,10$, what else asks for $t$ at $t=1,3$, and the "
        r"others at every $t$."
    ),
    source=(
        "Polyak 1964; Sutskever et al. 2013; Duchi, Hazan & Singer 2011; Tieleman & Hinton 2012; "
        "Graves 2013; Kingma & Ba 2015; Dozat 2016; Liu et al. 2020"
    ),
    covers=COVERS,
    prove=prove,
    controls=(
        Control(
            "AdaGrad's step and 1/1000 more", lambda b: check(b, Spec("adagrad"), term(1) / 1000)
        ),
    ),
)
