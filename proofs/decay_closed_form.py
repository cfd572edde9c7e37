"""Weight decay alone, in each coupling; L2 decay is a change of the gradient."""

from adamcheck.numerics.symbolic import Number, symbolic_step, symbols, term
from adamcheck.proof.claims import Times, eq, ge, gt, ne
from adamcheck.proof.lemmas import equality, power_facts, unit
from adamcheck.proof.theorem import Book, Control, Theorem
from adamcheck.spec import Spec


def alone(book: Book, decay: str, scale: Number = 1) -> None:
    """θ_t = shrink^t·θ_0 under zero gradients, with the rule's own update."""
    k = book.part(f"decay={decay}, zero gradients")
    run = symbolic_step(Spec(decay=decay), g=0, names=("s",))
    b1, b2, eps = run.hyper["beta1"], run.hyper["beta2"], run.hyper["eps"]
    alpha, rate = run.hyper["lr"], run.hyper["weight_decay"]
    unit(k, b1, zero=True)
    unit(k, b2)
    k.assume(gt(eps))
    (s,) = run.ops.roots
    k.recursion({run.before[n]: (run.initial[n], run.after[n]) for n in run.before})
    power_facts(k, run.before["p1"], b1, positive=False)
    m = equality(k, eq(run.before["m"]), b1)
    k.assume(ge(s), "s = √v̂, which is 0 here (zero-inertness)")
    k.prove(gt(s + eps), [[s], [eps]])
    shrink = 1 - term(scale) * (rate if decay == "decoupled-unscaled" else alpha * rate)
    after = alpha / (1 - run.after["p1"]) / (s + eps) * b1
    last = (1 - alpha * rate) if decay == "decoupled-after" else term(1)
    step = k.prove(eq(run.theta_after, shrink * run.theta), using=[Times(-after * last, m)])
    k.conclude(step, f"θ_t = ({shrink})·θ_(t-1)")
    theta, start, power = symbols("theta_t theta_0 P")
    k.recursion({theta: (start, shrink * theta), power: (1, shrink * power)})
    fact = equality(k, eq(theta, power * start), shrink)
    k.conclude(fact, f"θ_t = ({shrink})^t·θ_0")


def penalty(book: Book) -> None:
    """L2: the rule with λ is the rule without it on g + λθ."""
    k = book.part("decay=l2")
    with_decay = symbolic_step(Spec(decay="l2"), names=("s",))
    rate = with_decay.hyper["weight_decay"]
    plain = symbolic_step(Spec(), g=with_decay.g + rate * with_decay.theta, names=("s",))
    for name in ("m", "v"):
        fact = k.prove(eq(with_decay.after[name], plain.after[name]))
        k.conclude(fact, f"{name} with L2 decay is {name} of the gradient g + λθ")
    k.assume(ne(1 - plain.after["p2"]))
    (s,), (s_plain,) = with_decay.ops.roots, plain.ops.roots
    k.conclude(k.prove(eq(with_decay.ops.roots[s], plain.ops.roots[s_plain])), "and so is v̂")


def coupled(book: Book) -> None:
    """Decay after the step instead of before it adds αλΔ: it shows where Δ is not small."""
    k = book.part("before or after the step")
    before = symbolic_step(Spec(decay="decoupled"), names=("s",))
    after = symbolic_step(Spec(decay="decoupled-after"), names=("s",))
    alpha, rate = before.hyper["lr"], before.hyper["weight_decay"]
    (s,) = before.ops.roots
    k.assume(ne(1 - before.after["p1"]))
    k.assume(ne(s + before.hyper["eps"]))
    gap = alpha * rate * before.named["update"]
    fact = k.prove(eq(after.theta_after - before.theta_after, gap))
    k.conclude(fact, "decay after the step adds αλΔ_t: it shrinks the update too")


def prove(book: Book) -> None:
    """All couplings."""
    for decay in ("decoupled", "decoupled-unscaled", "decoupled-after"):
        alone(book, decay)
    penalty(book)
    coupled(book)


THEOREM = Theorem(
    slug="decay-closed-form",
    title="Weight decay in closed form",
    statement=(
        r"Under zero gradients decoupled decay gives $\theta_t=(1-\alpha\lambda)^t\theta_0$ "
        r"(unscaled: $(1-\lambda)^t\theta_0$). L2 decay is Algorithm 1 on $g+\lambda\theta$."
    ),
    source="Loshchilov & Hutter 2019 (arXiv:1711.05101), Algorithm 2",
    covers={"adam[decay=*]": ""},
    prove=prove,
    controls=(
        Control("θ_t = (1-2αλ)^t·θ_0", lambda book: alone(book, "decoupled", 2)),
        Control("θ_t = (1-2λ)^t·θ_0, unscaled", lambda book: alone(book, "decoupled-unscaled", 2)),
    ),
)
