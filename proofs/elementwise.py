"""Every element is computed from its own gradients: permuting, splitting and joining commute.

The rule is a function of scalars; a program applies it to each element. What has to be shown is
that what elements share, the clocks and hyperparameters, does not depend on any element.
"""

from adamcheck.numerics.symbolic import Number, SymbolicOps, Term, symbolic_step, symbols, term
from adamcheck.program import trace
from adamcheck.proof.claims import eq, ne
from adamcheck.proof.normal import ProofError
from adamcheck.proof.theorem import Book, Control, Theorem
from adamcheck.spec import Spec

DIALECTS = (
    Spec(),
    Spec(eps="hat"),
    Spec(amsgrad="v"),
    Spec(decay="l2"),
    Spec(decay="decoupled"),
    Spec("rmsprop", bias_correction="v"),
    Spec("adagrad"),
    Spec("adamax"),
    Spec("nadam"),
    Spec("momentum"),
)
POINTWISE = frozenset(
    {"input", "const", "neg", "add", "sub", "mul", "div", "sqrt", "max", "choose"}
)


def pair(book: Book, spec: Spec, leak: Number = 0) -> None:
    """Two elements, one step: equal inputs give equal outputs, and the clocks are shared."""
    k = book.part(str(spec))
    run = symbolic_step(spec, names=("s", "r"))
    shared = set(trace(spec).clocks)
    elementwise = {n for n in run.before if n not in shared}
    names = {n: f"{run.before[n]}_b" for n in elementwise}
    second = {n: symbols(name)[0] for n, name in names.items()}
    g, theta = symbols("g_b theta_b")
    other = symbolic_step(
        spec,
        before=run.before | second,
        g=g + term(leak) * run.g,
        theta=theta,
        names=("s_b", "r_b"),
    )
    divisors = set(run.theta_after.divisors)
    for parts in _defined(run.ops).values():
        divisors = divisors.union(*(part.divisors for part in parts))
    for divisor in sorted(divisors, key=lambda d: (len(str(d)), str(d))):
        k.assume(ne(Term(divisor)), "only then is the update defined")
    for clock in sorted(shared):
        fact = k.prove(eq(run.after[clock], other.after[clock]))
        k.conclude(fact, f"the clock {clock} is the same whichever element it is computed beside")
    first = {x.expr for n, x in run.before.items() if n in elementwise} | {run.g.expr}
    reached = {n: other.after[n] for n in elementwise} | {"θ": other.theta_after}
    defined = _defined(other.ops)
    for name, value in reached.items():
        found = set(value.symbols)
        for s, x in defined.items():
            found |= set().union(*(part.symbols for part in x)) if s.expr in found else set()
        if found & first:
            raise ProofError(f"{k.title}: {name} of one element depends on another element")
    # renaming the second element's inputs to the first's gives the first's outputs
    back = {second[n]: run.before[n] for n in elementwise} | {g: run.g, theta: run.theta}
    made, made_b = (_defined(step.ops) for step in (run, other))
    back |= {new: old for old, new in zip(made, made_b, strict=True)}
    for (_, parts), (_, parts_b) in zip(made.items(), made_b.items(), strict=True):
        for part, part_b in zip(parts, parts_b, strict=True):
            k.conclude(
                k.prove(eq(part, part_b.subs(back))), "the same root, or maximum, of the same"
            )
    fact = k.prove(eq(run.theta_after, other.theta_after.subs(back)))
    k.conclude(fact, "equal inputs give equal outputs, at whichever place in the array")


def _defined(ops: SymbolicOps) -> dict[Term, tuple[Term, ...]]:
    """What each root and maximum is made of; both runs name them in the same order."""
    return {s: (x,) for s, x in ops.roots.items()} | dict(ops.maxima.items())


def operations(book: Book) -> None:
    """Each operation of each program is one that acts on every element by itself."""
    for spec in DIALECTS:
        mixing = {op.kind for op in trace(spec).expanded.ops} - POINTWISE
        if mixing:
            raise ProofError(f"{spec}: {', '.join(mixing)} may mix elements")


def prove(book: Book) -> None:
    """All dialects."""
    operations(book)
    for spec in DIALECTS:
        pair(book, spec)


THEOREM = Theorem(
    slug="elementwise",
    title="Elements are independent",
    statement=(
        r"What elements share ($\beta^t$ and hyperparameters) depends on no element, and each "
        r"element's $m$, $v$, $\Delta$, $\theta$ on its own inputs only: permuting, splitting and "
        r"joining arrays commutes with the rule."
    ),
    source="Kingma & Ba 2015 (arXiv:1412.6980), §2: all operations are element-wise",
    covers={str(spec): "" for spec in DIALECTS},
    prove=prove,
    controls=(
        Control("the same when another element's gradient leaks in", lambda b: pair(b, Spec(), 1)),
    ),
)
