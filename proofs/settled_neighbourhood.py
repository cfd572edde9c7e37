"""How far momentum carries a variable against its gradient, and where a variable settles.

With ρ = β1/√β2 < 1: while a gradient keeps its sign, what is left of m against it shrinks as β1^k
and √v at most as √β2^k, so the way against the gradient is a geometric sum. The rule is run in
every dialect that checks/dynamics.py calls Adam. The convergence checks rest on this theorem.
"""

from adamcheck.numerics.symbolic import Number, SymbolicStep, Term, symbolic_step, symbols, term
from adamcheck.proof.adam import adam_setting, moments_bound
from adamcheck.proof.claims import Fact, Factor, Product, Times, eq, ge, gt, inv, sq
from adamcheck.proof.lemmas import at_most, by_induction, nothing, positive_root, power_facts, unit
from adamcheck.proof.theorem import Book, Control, Theorem
from adamcheck.spec import SWITCHES, Spec

ONE, HALF = term(1), term(1) / 2


def dialects() -> list[Spec]:
    """Every place of ε, every correction and both maxima, one at a time."""
    switches = ("eps", "bias_correction", "amsgrad")
    turned = [Spec(**{name: word}) for name in switches for word in SWITCHES[name][1:]]
    return [Spec(), *turned]


# --- what is left of momentum ---


def ceiling(book: Book) -> None:
    """m² ≤ K_t·v and K_t ≤ K_∞, which is finite where β1² < β2."""
    at = adam_setting(k := book.part("m_t² ≤ K_∞·v_t at every t"))
    b1, b2, v, m = at.h.beta1, at.h.beta2, at.before.v, at.before.m
    found = moments_bound(at)
    room = k.assume(gt(1 - b1**2 / b2), "β1² < β2")
    top = (1 - b1) ** 2 / ((1 - b2) * (1 - b1**2 / b2))
    claim = ge(top, found.now)
    start: list[Product] = [[sq(1 - b1), inv(1 - b2), inv(room.term)]]

    def step(hypothesis: Fact) -> Fact:
        return k.prove(k.at_next(claim), [[sq(b1), inv(b2), hypothesis]])

    below = by_induction(k, claim, start, step)
    every = by_induction(k, ge(v), nothing(k, v), [[b2, v], [1 - b2, sq(at.g)]])
    k.conclude(k.prove(ge(top * v - m * m), [[found.every], [below, every]]), "m_t² ≤ K_∞·v_t")


def left_over(book: Book, share: Number = 1) -> None:
    """A run of gradients of one sign: m ≥ -ρ^k·√K·√v, from any state with m² ≤ K·v."""
    k = book.part("what is left of momentum after k gradients of one sign")
    b, rho, y, r, first, size, w, kappa = symbols("b rho y r m_0 N w kappa")
    unit(k, b)
    unit(k, rho, zero=True)
    run = symbolic_step(Spec(), hyper={"beta1": rho * b, "beta2": b * b}, names=("s",))
    m, v, g = run.before["m"], run.before["v"], run.g
    k.recursion({m: (first, run.after["m"]), v: (w * w, run.after["v"])}, [g])
    k.recursion({y: (1, b * y), r: (1, rho * r)})
    k.transition(ge(g), "every gradient of the run is at least 0 (else turn the sign)")
    power_facts(k, y, b, positive=True)
    power_facts(k, r, rho, positive=False)
    k.assume(ge(w), "w = √v and N = |m_0| before the run")
    k.assume(ge(size))
    absolute = k.assume(eq(size * size, first * first))
    k.assume(ge(kappa), "κ = √K")
    bound = k.assume(ge(kappa**2 * w**2, first * first), "m_0² ≤ K·v: K = K_∞, or K_t of then")
    k.prove(gt(1 - rho * b), [[1 - rho], [rho, 1 - b]])
    k.prove(gt(1 - b * b), [[1 - b], [b, 1 - b]])
    k.prove(ge(rho * b), [[rho, b]])
    reach = k.prove(ge((kappa * w) ** 2, size**2), [[bound]], using=[Times(-ONE, absolute)])
    k.prove(ge(kappa * w), [[kappa, w]])
    short = at_most(k, size, kappa * w, reach)
    negative = k.prove(ge(size**2, (-first) ** 2), using=[Times(ONE, absolute)])
    down = at_most(k, -first, size, negative)
    claim = ge(y * r * size + m)

    def pushed(hypothesis: Fact) -> Fact:
        return k.prove(k.at_next(claim), [[rho, b, hypothesis], [1 - rho * b, g]])

    kept = by_induction(k, claim, [[down]], pushed)
    slow = ge(v, y * y * w * w)

    def grown(hypothesis: Fact) -> Fact:
        return k.prove(k.at_next(slow), [[sq(b), hypothesis], [1 - b * b, sq(g)]])

    wide = by_induction(k, slow, [], grown)
    k.conclude(wide, "v ≥ β2^k·v_0")
    (root,) = symbols("S")
    every = k.prove(ge(v), [[wide], [sq(y * w)]])
    square = k.root(every, root)[1]
    k.prove(ge(y * w), [[y, w]])
    far = at_most(k, y * w, root, k.prove(ge(root**2, (y * w) ** 2), [[wide]], using=[square]))
    k.conclude(kept, "-m ≤ β1^k·|m_0|; so from m_0 = 0 it is never against the gradient")
    claim = ge(term(share) * r * kappa * root + m)
    fact = k.prove(claim, [[kept], [y, r, short], [r, kappa, far]])
    k.conclude(fact, "-m ≤ ρ^k·√K·√v after k gradients of one sign; at k = 0 for any m")


# --- the rule's denominator, in every dialect ---


class Denominator:
    """One step of a dialect from any state: D, √v, √(1-β2^t), and what they are made of."""

    def __init__(self, book: Book, spec: Spec, title: str) -> None:
        self.k = k = book.part(f"{spec}: {title}")
        self.spec = spec
        names = ("M", "s", "q") if spec.amsgrad != "none" else ("s", "q")
        self.run: SymbolicStep = symbolic_step(spec, names=names)
        h, before, after = self.run.hyper, self.run.before, self.run.after
        self.b2, self.g, self.alpha, self.v = h["beta2"], self.run.g, h["lr"], after["v"]
        unit(k, self.b2)
        k.assume(ge(self.alpha))
        self.eps = [h[n] for n in ("eps", "eps_root") if n in h]
        for eps in self.eps:
            k.assume(ge(eps))
        k.assume(ge(before["v"]))
        k.assume(ge(before["p2"]), "β^(t-1), as 1-β^(t-1) ≥ 0")
        k.assume(ge(1 - before["p2"]))
        self.old = before["p2"]
        self.p1, self.p2 = after["p1"], after["p2"]
        k.prove(ge(self.v), [[self.b2, before["v"]], [1 - self.b2, sq(self.g)]])
        k.prove(ge(self.p2), [[self.b2, self.old]])
        weight = k.prove(gt(1 - self.p2), [[1 - self.b2], [self.b2, 1 - self.old]])
        k.assume(gt(1 - self.p1), "β1^t < 1")
        both = spec.bias_correction
        self.weight_m = 1 - self.p1 if both in ("both", "m") else ONE
        self.corrects_v = both in ("both", "v")
        self.weight_v = 1 - self.p2 if self.corrects_v else ONE
        self.lift, self.lifted = ONE, k.prove(eq(ONE, 1))
        if self.corrects_v:
            (self.lift,) = symbols("q")
            _, self.lifted = positive_root(k, weight, self.lift)
        # what the moment under the root is at least: v, or its share of the maximum
        self.above: list[list[Factor]] = []
        if spec.amsgrad != "none":
            ((_, (_, new)),) = [x for x in self.run.ops.maxima.items() if str(x[0]) == "M"]
            more = k.assume(ge(symbols("M")[0], new), "M is a maximum")
            self.above = [[self.weight_v, more] if spec.amsgrad == "vhat" else [more]]
        (self.s,) = [s for s in self.run.ops.roots if str(s) == "s"]
        self.inside = self.run.ops.roots[self.s]
        self.added = self.inside - self.moment
        parts: list[list[Factor]] = [[eps] for eps in self.eps if eps.expr == self.added.expr]
        self.extra = [[self.weight_v, *part] for part in parts]
        enough: list[Product] = [[inv(self.weight_v), self.v]] if self.corrects_v else [[self.v]]
        enough += [[inv(self.weight_v), *part] if self.corrects_v else part for part in self.above]
        _, self.square = k.root(k.prove(ge(self.inside), [*enough, *parts]), self.s)

    @property
    def moment(self) -> Term:
        """v̂, or the maximum that stands in its place."""
        if self.spec.amsgrad == "none":
            return self.v / self.weight_v
        (most,) = symbols("M")
        return most if self.spec.amsgrad == "vhat" else most / self.weight_v

    def denominator(self) -> Term:
        """D, with the facts D > 0 and D ≥ s."""
        k, d = self.k, self.run.named["denominator"]
        if self.spec.eps == "max":
            self.no_less = k.assume(ge(d, self.s), "D is the larger of √v̂ and ε")
            k.assume(ge(d, self.eps[0]))
            self.one_of = k.assume(eq((d - self.s) * (d - self.eps[0])))
        k.assume(gt(d), "D > 0: only then is Δ defined")
        if self.spec.eps != "max":
            more = (d - self.s) * self.lift if self.hat else d - self.s
            parts: list[Product] = [[more, inv(self.lift)] if self.hat else [more]]
            self.no_less = k.prove(ge(d, self.s), parts if more.expr != 0 else [])
        return d

    @property
    def hat(self) -> bool:
        """Whether ε is divided by √(1-β2^t)."""
        return self.spec.eps == "hat" and self.corrects_v


def carried(book: Book, spec: Spec, share: Number = 1) -> None:
    """-Δ ≤ α·c_t·κ·r where -m ≤ r·κ·√v, with c_t = √(1-β2^t)/(1-β1^t) as far as corrected."""
    at = Denominator(book, spec, "a step against the gradient")
    k = at.k
    r, kappa, root = symbols("r kappa S")
    k.assume(ge(r), "r = ρ^k; r = 1 for any step")
    k.assume(ge(kappa))
    own = k.root(k.prove(ge(at.v), [[at.v]]), root)[1]
    using = [
        Times(at.lift**2, at.square),
        Times(at.inside, at.lifted),
        Times(-ONE, own),
    ]
    wide = k.prove(ge((at.s * at.lift) ** 2 - root**2), [*at.above, *at.extra], using=using)
    k.prove(ge(at.s * at.lift), [[at.s, at.lift]])
    far = at_most(k, root, at.s * at.lift, wide)
    d = at.denominator()
    reach = k.prove(ge(d * at.lift, root), [[at.lift, at.no_less], [far]])
    m = at.run.after["m"]
    left = k.assume(ge(r * kappa * root + m), "-m ≤ r·κ·√v: the parts before")
    scale: list = [at.alpha, inv(d), *([inv(at.weight_m)] if at.weight_m.expr != 1 else [])]
    c = at.lift / at.weight_m
    fact = k.prove(
        ge(term(share) * at.alpha * c * kappa * r + at.run.named["update"]),
        [[*scale, kappa, r, reach], [*scale, left]],
    )
    k.conclude(fact, "-Δ_t ≤ α·c_t·√K·ρ^k")


def approach(book: Book, spec: Spec, share: Number = 1) -> None:
    """Δ ≥ α·w·g/(G + what ε adds) where m ≥ (1-β1^t)·g and v ≤ (1-β2^t)·G²."""
    at = Denominator(book, spec, "the slowest approach")
    k, g, top = at.k, at.g, symbols("G")[0]
    k.assume(ge(g), "before the optimum is crossed every gradient has one sign")
    k.assume(ge(top), "G is the largest gradient so far")
    old = k.assume(ge(at.run.after["m"], (1 - at.p1) * g), "the gradient does not grow: below")
    values = {"v": at.v}
    if spec.amsgrad != "none":
        values["the maximum"] = symbols("M")[0]
    low = {}
    for name, value in values.items():
        size = top**2 if name != "v" and spec.amsgrad == "vhat" else (1 - at.p2) * top**2
        low[name] = k.assume(ge(size, value), f"{name} is an average of squares: below")
    fact = low.get("the maximum", low["v"])
    if spec.amsgrad == "vhat":
        short: list[Product] = [[fact]]
    elif at.corrects_v:
        short = [[inv(at.weight_v), fact]]
    else:
        short = [[fact], [at.p2, sq(top)]]
    # ε inside the root adds at most φ = √ε to it
    floor, using = term(0), [Times(-ONE, at.square)]
    if at.extra:
        (floor,) = symbols("phi")
        k.assume(ge(floor))
        using.append(Times(ONE, k.assume(eq(floor**2, at.added), "φ is the root of it")))
        short.append([2, top, floor])
    k.prove(ge(top + floor), [[top], *([[floor]] if at.extra else [])])
    squares = k.prove(ge((top + floor) ** 2 - at.s**2), short, using=using)
    near = at_most(k, at.s, top + floor, squares)
    d = at.denominator()
    eps = at.eps[0]
    if at.hat:
        (least,) = symbols("c")
        _, lowest = positive_root(k, k.prove(gt(1 - at.b2), [[1 - at.b2]]), least)
        using = [Times(ONE, at.lifted), Times(-ONE, lowest)]
        part = k.prove(ge(at.lift**2 - least**2), [[at.b2, 1 - at.old]], using=using)
        wide = at_most(k, least, at.lift, part)
        most = top + eps / least
        less = k.prove(ge(most, d), [[near], [eps, wide, inv(least), inv(at.lift)]])
    elif spec.eps == "max":
        most = top + eps
        over = k.suppose(gt(d, at.s + eps))
        one, two = k.prove(gt(d, at.s), [[over], [eps]]), k.prove(gt(d, eps), [[over], [at.s]])
        false = k.prove(gt(0), [[one, two]], using=[Times(-ONE, at.one_of)])
        less = k.prove(ge(most, d), [[near], [k.absurd(false, over)]])
    else:
        most = top + floor + (0 if spec.eps == "inside" else eps)
        less = k.prove(ge(most, d), [[near]])
    whole = k.prove(gt(most), [[less], [d]])
    weight = ONE if at.weight_m.expr != 1 else 1 - at.p1
    scale: list = [at.alpha, inv(d), *([inv(at.weight_m)] if at.weight_m.expr != 1 else [])]
    rest: list = [at.alpha, g, inv(d), inv(whole.term), less]
    fact = k.prove(
        ge(at.run.named["update"], term(share) * at.alpha * weight * g / most),
        [[*scale, old], rest if weight is ONE else [weight, *rest]],
    )
    k.conclude(fact, "Δ_t ≥ α·w_t·g_t/(max|g| + what ε adds): nearer by that much")


# --- paths ---


def way(book: Book, share: Number = 1) -> None:
    """The way against the gradient, and the distance from an optimum that was crossed."""
    k = book.part("the way against a gradient that keeps its sign, and the neighbourhood")
    rho, most, r, total, away, start, x, z = symbols("rho B r T d d_0 x z")
    unit(k, rho, zero=True)
    k.assume(ge(most), "B ≥ α_t·c_t·√K for every step from the turn on")
    k.recursion({r: (1, rho * r), total: (0, total + x), away: (start, away + x - z)}, [x, z])
    power_facts(k, r, rho, positive=False)
    short = k.transition(ge(most * rho * r, x), "x = max(0, -Δ) ≤ B·ρ^k: the parts before")
    k.transition(ge(z), "z = max(0, Δ): towards the optimum")
    claim = ge(term(share) * most * rho * (1 - r), (1 - rho) * total)

    def step(hypothesis: Fact) -> Fact:
        return k.prove(k.at_next(claim), [[hypothesis], [1 - rho, short]])

    every = by_induction(k, claim, nothing(k, claim.term), step)
    parts: list[Product] = [[inv(1 - rho), every], [most, rho, r, inv(1 - rho)]]
    fact = k.prove(ge(most * rho / (1 - rho), total), parts)
    k.conclude(fact, "the way is at most B·ρ/(1-ρ), however long the gradient keeps its sign")
    near = ge(start + total, away)
    kept = by_induction(k, near, [], lambda h: k.prove(k.at_next(near), [[h], [z]]))
    landed = k.assume(ge(most, start), "a crossing step lands within B: below")
    whole = k.prove(ge(most / (1 - rho), away), [[landed], [kept], [fact]])
    k.conclude(whole, "|θ-θ*| ≤ B/(1-ρ) from a crossing of the optimum to the next")

    k = book.part("a crossing step")
    before, delta = symbols("e Delta")
    k.assume(ge(before), "e = θ_(t-1)-θ* ≥ 0, else turn the sign")
    k.assume(ge(delta - before), "θ_t-θ* = e-Δ ≤ 0")
    size = k.assume(ge(most, delta), "|Δ| ≤ B: r = 1 in the parts before")
    k.conclude(k.prove(ge(most, delta - before), [[size], [before]]), "it lands within B")


def lifted(book: Book) -> None:
    """With both corrections c_t·√K_s ≤ √K_∞ for s ≤ t; with that of v alone, or none, c_t ≤ 1."""
    k = book.part("what corrections add")
    b, rho, x, y, z, top = symbols("b rho x y z K")
    unit(k, b)
    unit(k, rho, zero=True)
    k.recursion({x: (1, b * x), y: (1, rho * y)})
    power_facts(k, x, b, positive=True)
    power_facts(k, y, rho, positive=False)
    k.assume(ge(top), "K = K_∞; K_s = K_∞·(1-ρ^2s): step-bound")
    k.assume(ge(z - rho * y), "z = ρ^s ≥ ρ^t: s ≤ t")
    old_x, old_y = x, y
    x, y = b * x, rho * y
    apart = k.prove(gt(1 - x * y), [[1 - x], [x, 1 - y]])
    k.prove(gt(1 - x * x), [[1 - x], [x, 1 - x]])
    k.prove(ge(z), [[z - y], [y]])
    k.prove(ge(y), [[rho, old_y]])
    over: list = [top, inv(apart.term), inv(apart.term)]
    c_squared = (1 - x * x) / (1 - x * y) ** 2
    fact = k.prove(
        ge(top, c_squared * top * (1 - z * z)),
        [[*over, sq(x - y)], [*over, 1 - x * x, z - y, z], [*over, 1 - x * x, z - y, y]],
    )
    k.conclude(fact, "c_t²·K_s ≤ K_∞, c_t² = (1-β2^t)/(1-β1^t)², β2^t = x², β1^t = xy")
    fact = k.prove(ge(1 - (1 - x * x)), [[sq(x)]])
    k.conclude(fact, "c_t² = 1-β2^t ≤ 1 where v alone is corrected")
    first = k.prove(gt(1 - rho * b), [[1 - rho], [rho, 1 - b]])
    less = k.prove(ge(1 - old_x * old_y), [[1 - old_x], [old_x, 1 - old_y]])
    parts: list[Product] = [[rho, b, less, inv(first.term), inv(apart.term)]]
    fact = k.prove(ge(1 / first.term, 1 / apart.term), parts)
    k.conclude(fact, "c_t = 1/(1-β1^t) ≤ 1/(1-β1) where m alone is corrected")


def averages(book: Book, word: str, share: Number = 1) -> None:
    """While 0 ≤ g_t ≤ g_(t-1) ≤ G: m ≥ (1-β1^t)·g_t, and v and the maximum are averages."""
    k = book.part(f"amsgrad={word}: averages of gradients of one sign that do not grow")
    run = symbolic_step(Spec(amsgrad=word), names=("M", "s"))
    b1, b2, g, s = run.hyper["beta1"], run.hyper["beta2"], run.g, run.before
    m, v, p1, p2, big = (s[n] for n in ("m", "v", "p1", "p2", "v_max"))
    last, top = symbols("h G")
    ((most, (_, new)),) = run.ops.maxima.items()
    unit(k, b1, zero=True)
    unit(k, b2)
    k.assume(ge(top), "G is the first gradient, or any number no smaller")
    k.recursion({x: (run.initial[n], run.after[n]) for n, x in s.items()}, [g, most])
    k.recursion({last: (top, g)})
    power_facts(k, p1, b1, positive=False)
    power_facts(k, p2, b2, positive=True)
    k.transition(ge(g), "before the optimum is crossed every gradient has one sign")
    once = by_induction(k, ge(m), nothing(k, m), [[b1, m], [1 - b1, g]])
    k.conclude(once, "m ≥ 0: no step leads away, so by convexity no gradient is larger: below")
    falls = k.transition(ge(last, g), "h = g_(t-1), or G before the first step")
    product = k.transition(eq((most - big) * (most - new)), "M is a maximum")
    k.transition(ge(most, big))
    k.transition(ge(most, new))
    by_induction(k, ge(last), [[top]], [[g]])
    high = by_induction(k, ge(top, last), [], lambda h: k.prove(ge(top, g), [[h], [falls]]))
    now = k.prove(ge(top, g), [[high], [falls]])
    claim = ge(m, term(share) * (1 - p1) * last)

    def step(hypothesis: Fact) -> Fact:
        return k.prove(k.at_next(claim), [[b1, hypothesis], [b1, 1 - p1, falls]])

    k.conclude(step(by_induction(k, claim, nothing(k, claim.term), step)), "m_t ≥ (1-β1^t)·g_t")
    squares = k.prove(ge(top**2, g**2), [[now, top], [now, g]])
    average = ge((1 - p2) * top**2, v)

    def mean(hypothesis: Fact) -> Fact:
        return k.prove(k.at_next(average), [[b2, hypothesis], [1 - b2, squares]])

    below = mean(by_induction(k, average, nothing(k, average.term), mean))
    k.conclude(below, "v_t ≤ (1-β2^t)·G²")
    size = (1 - p2) * top**2 if word == "v" else top**2
    later = (1 - b2 * p2) * top**2 if word == "v" else top**2
    room: list[Product] = [[1 - b2, p2, sq(top)]] if word == "v" else []
    newest: list[Product] = [[below]] if word == "v" else [[below, inv(1 - b2 * p2)]]

    def largest(hypothesis: Fact) -> Fact:
        over = k.suppose(gt(most, later))
        one = k.prove(gt(most, big), [[over], [hypothesis], *room])
        two = k.prove(gt(most, new), [[over], *newest])
        false = k.prove(gt(0), [[one, two]], using=[Times(-ONE, product)])
        return k.prove(ge(later, most), [[k.absurd(false, over)]])

    start = nothing(k, size - big) if word == "v" else [[sq(top)]]
    every = by_induction(k, ge(size, big), start, largest)
    words = "V_t ≤ (1-β2^t)·G²" if word == "v" else "V_t ≤ G²"
    k.conclude(largest(every), words)


def convex(book: Book) -> None:
    """A monotone gradient is no larger nearer to the optimum."""
    k = book.part("no farther, no steeper")
    x, y, f, g = symbols("x y f_x f_y")
    monotone = k.assume(ge((f - g) * (x - y)), "convexity: the gradient is monotone")
    nearer = k.assume(gt(x - y), "the step led from x to y < x; where y = x, f_y = f_x")
    fact = k.prove(ge(f, g), [[monotone, inv(nearer.term)]])
    k.conclude(fact, "f_x ≥ f_y")


def prove(book: Book) -> None:
    """Momentum's share, every dialect's step, and the paths."""
    ceiling(book)
    left_over(book)
    for spec in dialects():
        carried(book, spec)
    way(book)
    lifted(book)
    for word in ("v", "vhat"):
        averages(book, word)
    convex(book)
    for spec in dialects():
        approach(book, spec)


THEOREM = Theorem(
    slug="settled-neighbourhood",
    title="The way against the gradient, and the settled neighbourhood",
    statement=(
        r"For $\rho=\beta_1/\sqrt{\beta_2}<1$: while a variable's gradient keeps its sign, Adam "
        r"moves it against the gradient by at most $\alpha c\sqrt{K_\infty}\rho/(1-\rho)$ in all, "
        r"whatever the problem; on a separable convex problem it comes nearer by at least "
        r"$\alpha w_t|g_t|/(\max|g|+\varphi)$ a step until it crosses its optimum, and then stays "
        r"within $\alpha c\sqrt{K_\infty}/(1-\rho)$. $K_\infty=\frac{(1-\beta_1)^2}{(1-\beta_2)"
        r"(1-\rho^2)}$; $w_t=1$, or $1-\beta_1^t$ where $m$ is not corrected; $\varphi$ is what "
        r"$\epsilon$ adds to $\sqrt{\hat v}$; $c=1$, or $1/(1-\beta_1)$ where $m$ alone is "
        r"corrected; $\alpha$ is the largest from the turn on. For every place of $\epsilon$, "
        r"every correction, and AMSGrad."
    ),
    source="this project",
    covers={f"adam[{switch}=*]": "β1² < β2" for switch in ("eps", "bias_correction", "amsgrad")},
    prove=prove,
    controls=(
        Control("half of ρ^k·√K·√v bounds -m", lambda book: left_over(book, HALF)),
        Control("half of α·c·√K·ρ^k bounds -Δ", lambda book: carried(book, Spec(), HALF)),
        Control("the way is at most half as long", lambda book: way(book, HALF)),
        Control(
            "each step comes nearer by 2α|g|/(max|g|+ε)", lambda book: approach(book, Spec(), 2)
        ),
        Control("m_t ≥ 2(1-β1^t)·g_t", lambda book: averages(book, "v", 2)),
    ),
)
