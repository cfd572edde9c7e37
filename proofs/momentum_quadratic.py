"""Momentum on the quadratic λw²/2: when it converges, how fast, and the best parameters.

With a = αλ, u = w_t and x = w_(t-1) = w_t + αz_t the recursion is w_(t+1) = T·u - β·x, T = 1+β-a.
"""

from adamcheck.numerics.symbolic import Number, Term, symbolic_step, symbols, term
from adamcheck.proof.claims import Times, eq, ge, gt, inv, sq
from adamcheck.proof.lemmas import at_most, by_induction
from adamcheck.proof.theorem import Book, Control, Theorem
from adamcheck.spec import Spec


def linked(book: Book) -> None:
    """The rule on λw²/2 is that recursion; without momentum it is gradient descent."""
    k = book.part("the rule is a linear recursion")
    w, curvature = symbols("w lamda")
    run = symbolic_step(Spec("momentum"), g=curvature * w, theta=w)
    alpha, beta, z = run.hyper["lr"], run.hyper["momentum"], run.before["velocity"]
    before = w + alpha * z
    trace = 1 + beta - alpha * curvature
    fact = k.prove(eq(run.theta_after, trace * w - beta * before))
    k.conclude(fact, "w_(t+1) = (1+β-αλ)·w_t - β·w_(t-1), with w_(t-1) = w_t + α·z_t")
    fact = k.prove(eq(run.theta_after + alpha * run.after["velocity"], w))
    k.conclude(fact, "and w_t = w_(t+1) + α·z_(t+1) again")
    plain = symbolic_step(Spec("gd"), g=curvature * w, theta=w)
    none = symbolic_step(Spec("momentum"), hyper={"momentum": 0}, g=curvature * w, theta=w)
    k.conclude(k.prove(eq(none.theta_after, plain.theta_after)), "β = 0 is gradient descent")


def energy(trace: Term, beta: Term, u: Term, x: Term) -> Term:
    """E = (1+β)(u²+x²) - 2T·u·x."""
    return (1 + beta) * (u * u + x * x) - 2 * trace * u * x


def stable(book: Book, excess: Number = 0) -> None:
    """0 < a < 2+2β, 0 ≤ β < 1: E is positive definite and E_(t+2) ≤ (1-γ)·E_t with γ > 0."""
    k = book.part("convergence inside the region")
    a, beta, u, x = symbols("a beta u x")
    k.assume(ge(beta))
    k.assume(gt(1 - beta))
    low = k.assume(gt(a))
    high = k.assume(gt(2 + 2 * beta + excess, a), "a = αλ < 2+2β")
    trace = 1 + beta - a
    up = k.prove(gt(1 + beta - trace), [[low]])
    down = k.prove(gt(1 + beta + trace), [[high]])
    e = energy(trace, beta, u, x)
    half = term(1) / 2
    fact = k.prove(ge(e, 0), [[half, up, sq(u + x)], [half, down, sq(u - x)]])
    k.conclude(fact, "E = ((1+β-T)(u+x)² + (1+β+T)(u-x)²)/2 > 0 unless u = x = 0")
    after = trace * u - beta * x
    first = (1 + beta) * x - trace * u
    second = (1 + beta) * u - trace * after
    e_next = energy(trace, beta, after, u)
    last = trace * after - beta * u
    e_last = energy(trace, beta, last, after)
    fall = k.prove(eq(e - e_next, (1 - beta) * first**2))
    k.conclude(fall, "E_t - E_(t+1) = (1-β)·((1+β)x - Tu)² ≥ 0")
    two = k.prove(eq(e - e_last, (1 - beta) * (first**2 + second**2)))
    det = k.prove(gt((1 + beta) ** 2 - trace**2), [[up, down]])
    d = det.term
    total = first**2 + second**2
    # Cauchy-Schwarz for D·u = (1+β)·second - Tβ·first and D·x = T·second + (1+β-T²)·first
    mixed = 1 + beta - trace**2
    u_bound = k.prove(
        ge(((1 + beta) ** 2 + trace**2 * beta**2) * total - d**2 * u**2),
        [[sq((1 + beta) * first + trace * beta * second)]],
    )
    x_bound = k.prove(
        ge((trace**2 + mixed**2) * total - d**2 * x**2), [[sq(trace * first - mixed * second)]]
    )
    # |T| < 1+β < 2 makes every coefficient at most 20
    small = k.prove(gt(4 - trace**2), [[up, down], [3, 1 - beta], [beta, 1 - beta]])
    k.prove(gt(1 + beta), [[1], [beta]])
    one = k.prove(
        ge(8 - (1 + beta) ** 2 - trace**2 * beta**2),
        [[7, 1 - beta], [5, beta, 1 - beta], [beta, beta, small]],
    )
    below = k.prove(ge(2 - mixed), [[1 - beta], [sq(trace)]])
    above = k.prove(ge(4 + mixed), [[small], [1], [beta]])
    other = k.prove(ge(20 - trace**2 - mixed**2), [[small], [below, above], [2, above]])
    k.prove(ge(total), [[sq(first)], [sq(second)]])
    squares = k.prove(
        ge(28 * total - d**2 * (u * u + x * x)),
        [[u_bound], [x_bound], [one, total], [other, total]],
    )
    k.prove(ge(u * u + x * x), [[sq(u)], [sq(x)]])
    size = k.prove(
        ge(4 * (u * u + x * x) - e),
        [[2, 1 - beta, u * u + x * x], [half, down, sq(u + x)], [half, up, sq(u - x)]],
    )
    gamma = (1 - beta) * d**2 / 112
    fact = k.prove(
        ge((1 - gamma) * e - e_last),
        [[1 - beta, squares, term(1) / 28], [1 - beta, sq(d), size, term(1) / 112]],
        using=[Times(term(1), two)],
    )
    k.conclude(fact, "E_(t+2) ≤ (1-γ)·E_t with γ = (1-β)((1+β)²-T²)²/112 > 0: it converges")
    k.conclude(k.prove(gt(gamma), [[term(1) / 112, 1 - beta, sq(d)]]), "γ > 0")


def unstable(book: Book) -> None:
    """Outside, an orbit does not shrink: a real root beyond 1, or a determinant of at least 1."""
    for side in ("low", "high"):
        k = book.part(
            "no convergence for a ≤ 0" if side == "low" else "no convergence for a ≥ 2+2β"
        )
        a, beta, s = symbols("a beta s")
        k.assume(ge(beta))
        k.assume(gt(1 - beta))
        sign = 1 if side == "low" else -1
        trace = 1 + beta - a
        out = k.assume(ge(-a) if side == "low" else ge(a, 2 + 2 * beta))
        beyond = k.prove(ge(sign * trace - (1 + beta)), [[out]])
        k.prove(gt(sign * trace + (1 + beta)), [[beyond], [2], [2, beta]])
        known = sign * trace + (1 + beta)
        real = k.prove(ge(trace**2 - 4 * beta), [[beyond, known], [sq(1 - beta)]])
        root = k.root(real, s)[1]
        squares = k.prove(
            ge(s * s - (1 - beta) ** 2), [[beyond, known]], using=[Times(term(1), root)]
        )
        wide = at_most(k, 1 - beta, s, squares)
        mu = (trace + sign * s) / 2
        far = k.prove(ge(sign * mu - 1), [[term(1) / 2, beyond], [term(1) / 2, wide]])
        k.conclude(far, f"{'' if side == 'low' else '-'}μ ≥ 1")
        fact = k.prove(eq(mu**2, trace * mu - beta), using=[Times(term(1) / 4, root)])
        k.conclude(
            fact, "for a root μ of μ² = Tμ - β, so w_t = μ^t is an orbit that does not shrink"
        )

    k = book.part("no convergence for β ≥ 1")
    trace, beta, u, x, det, start = symbols("T beta u x V V_0")
    k.assume(ge(beta, 1))
    k.recursion({det: (start, beta * det)})
    after = trace * u - beta * x
    fact = k.prove(
        eq(after**2 - trace * after * u + beta * u**2, beta * (u**2 - trace * u * x + beta * x**2))
    )
    k.conclude(fact, "V = u² - T·u·x + β·x² is multiplied by β at every step")
    k.assume(gt(start), "an orbit that starts with V > 0")
    k.prove(ge(beta), [[beta - 1], [1]])
    kept = by_induction(
        k,
        ge(det - start),
        [],
        lambda ih: k.prove(ge(beta * det - start), [[beta, ih], [beta - 1, start]]),
    )
    k.conclude(kept, "so V_t ≥ V_0 > 0 for β ≥ 1: w does not tend to 0")


def rates(book: Book, power: int = 1) -> None:
    """Complex roots shrink at √β; critical damping; the largest step doubles."""
    k = book.part("rate and critical damping")
    s, beta, trace, u, x = symbols("s beta T u x")
    after = trace * u - beta * x
    fact = k.prove(
        eq(
            after**2 - trace * after * u + beta * u**2,
            beta**power * (u**2 - trace * u * x + beta * x**2),
        )
    )
    k.conclude(fact, "V = u² - T·u·x + β·x² shrinks by exactly β a step: the rate is √β")
    curve = k.assume(gt(4 * beta - trace**2), "complex roots")
    fact = k.prove(
        ge(u**2 - trace * u * x + beta * x**2),
        [[sq(u - trace * x / 2)], [term(1) / 4, curve, sq(x)]],
    )
    k.conclude(fact, "where T² < 4β, V is positive definite")
    critical = (1 - s) ** 2
    fact = k.prove(eq((1 + critical - s**2) ** 2, 4 * critical))
    k.conclude(fact, "β = (1-√(αλ))² gives T² = 4β: both roots are 1-√(αλ) = √β, not 2√β")
    limit, one = symbols("beta_m lamda")
    k.assume(gt(one))
    fact = k.prove(eq((2 + 2 * limit) / one - 2 / one, 2 * limit / one))
    k.conclude(
        fact, "the largest stable α exceeds gradient descent's 2/λ by 2β/λ: it doubles as β→1"
    )


def optimum(book: Book) -> None:
    """α = (2/(√λ1+√λn))², β = ((√λn-√λ1)/(√λn+√λ1))²; l, h are the roots of λ1, λn."""
    k = book.part("the optimum over [λ1, λn]")
    low_root, h, r = symbols("l h r")
    k.assume(gt(low_root))
    k.assume(gt(h, low_root), "0 < √λ1 < √λn")
    k.prove(gt(h), [[h - low_root], [low_root]])
    k.prove(gt(h + low_root), [[h], [low_root]])
    step, root = 4 / (h + low_root) ** 2, (h - low_root) / (h + low_root)
    for edge, name in ((low_root, "λ1"), (h, "λn")):
        trace = 1 + root**2 - step * edge**2
        k.conclude(k.prove(eq(trace**2, 4 * root**2)), f"critical damping at {name}: rate √β")
    low = k.assume(ge(r * r, low_root * low_root), "λ = r² between λ1 and λn")
    high = k.assume(ge(h * h, r * r))
    trace = 1 + root**2 - step * r**2
    # 4β - T² = 4(2√β - ...)...: (2√β - T)(2√β + T) with 2√β ∓ T proportional to λ - λ1, λn - λ
    first = k.prove(ge(2 * root - trace), [[step, low]])
    second = k.prove(ge(2 * root + trace), [[step, high]])
    k.conclude(
        k.prove(ge(4 * root**2 - trace**2), [[first, second]]),
        "T² ≤ 4β for every λ between them: the rate is √β = (√κ-1)/(√κ+1) on all of them",
    )
    k.conclude(
        k.prove(eq(root, (h / low_root - 1) / (h / low_root + 1))),
        "√β = (√κ-1)/(√κ+1) with √κ = √λn/√λ1",
    )

    k = book.part("no parameters are faster")
    rho, beta, a, b = symbols("rho beta a b")
    k.assume(gt(rho))
    k.assume(gt(1 - rho), "all roots within ρ < 1 at both ends, a = αλ1, b = αλn")
    k.assume(ge(rho**2 - beta), "the product of the roots")
    k.assume(ge(rho**2 + beta))
    k.assume(gt(a))
    k.assume(gt(b))
    near = k.assume(ge(rho**2 - (1 + beta - a) * rho + beta), "the characteristic value at ρ, λ1")
    far = k.assume(ge(rho**2 + (1 + beta - b) * rho + beta), "and at -ρ, λn")
    gap = rho**2 - beta
    k.prove(gt(1 + rho), [[1], [rho]])
    low_a = k.prove(
        ge(a * rho - (1 - rho) * (rho - rho**2)),
        [[near], [1 - rho, gap]],
    )
    high_b = k.prove(ge((1 + rho) * (rho + rho**2) - b * rho), [[far], [1 + rho, gap]])
    fact = k.prove(
        ge((1 + rho) ** 2 * a - (1 - rho) ** 2 * b),
        [[(1 + rho) * (1 + rho), inv(rho), low_a], [(1 - rho) * (1 - rho), inv(rho), high_b]],
    )
    k.conclude(fact, "κ = λn/λ1 ≤ ((1+ρ)/(1-ρ))², that is ρ ≥ (√κ-1)/(√κ+1)")

    k = book.part("gradient descent")
    one, most = symbols("lamda_1 lamda_n")
    k.assume(gt(one))
    k.assume(gt(most, one))
    k.prove(gt(most), [[most - one], [one]])
    k.prove(gt(one + most), [[one], [most]])
    best = 2 / (one + most)
    rate = (most - one) / (most + one)
    k.conclude(k.prove(eq(1 - best * one, rate)), "α = 2/(λ1+λn) gives 1-αλ1 = (κ-1)/(κ+1)")
    k.conclude(k.prove(eq(1 - best * most, -rate)), "and 1-αλn = -(κ-1)/(κ+1)")


def prove(book: Book) -> None:
    """All parts."""
    linked(book)
    stable(book)
    unstable(book)
    rates(book)
    optimum(book)


THEOREM = Theorem(
    slug="momentum-quadratic",
    title="Momentum on a quadratic",
    statement=(
        r"On $\lambda w^2/2$ momentum converges iff $0<\alpha\lambda<2+2\beta$, $0\le\beta<1$ "
        r"(for $\beta\ge0$). At critical damping $\beta=(1-\sqrt{\alpha\lambda})^2$ the rate is "
        r"$\sqrt\beta$. Over $[\lambda_1,\lambda_n]$ the best rate is "
        r"$(\sqrt\kappa-1)/(\sqrt\kappa+1)$, at "
        r"$\alpha=(2/(\sqrt{\lambda_1}+\sqrt{\lambda_n}))^2$, "
        r"$\beta=((\sqrt{\lambda_n}-\sqrt{\lambda_1})/(\sqrt{\lambda_n}+\sqrt{\lambda_1}))^2$. "
        r"$\beta=0$ is gradient descent."
    ),
    source="Polyak 1964; Goh 2017, whose caption gives the rate at critical damping as 2√β",
    covers={"momentum": "λw²/2", "gd": "λw²/2"},
    prove=prove,
    controls=(
        Control("convergence for a < 2+2β+1/10", lambda book: stable(book, term(1) / 10)),
        Control("V shrinks by β² a step", lambda book: rates(book, 2)),
    ),
    refutes="the spectral radius at critical damping is 2√β (a caption of Goh 2017)",
)
