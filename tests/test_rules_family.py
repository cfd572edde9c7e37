"""The rules of Adam's relatives against formulas spelled out again, and the laws between them.

All over exact rationals; where a root is not rational, any function will do for equality.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction as F
from itertools import product
from typing import Any

import mpmath
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opaque import Opaque

from adamcheck.errors import UsageError
from adamcheck.program import Program, trace
from adamcheck.reports.dialects import describe
from adamcheck.rules import initial_state, step
from adamcheck.spec import CONVENTIONS, Spec, parse_spec

HYPER = {
    "lr": F(1, 8),
    "beta1": F(7, 8),
    "beta2": F(15, 16),
    "eps": F(1, 64),
    "eps_root": F(1, 32),
    "weight_decay": F(1, 16),
    "momentum": F(3, 4),
    "dampening": F(1, 5),
    "lr_decay": F(1, 3),
    "initial_accumulator": F(2, 7),
    "momentum_decay": F(2),  # a whole number: 0.96^ψ stays rational
}
GRADS = (F(3), F(-1), F(2), F(0), F(5, 3), F(-1, 7))
THETA = F(2, 3)


class Digits(Opaque):
    """Real roots, in mpmath."""

    sqrt = staticmethod(mpmath.sqrt)


root = Opaque.sqrt


def walk(
    text: str | Spec,
    grads: Iterable[Any] = GRADS,
    *,
    theta: Any = THETA,
    ops: Any = Opaque,
    **hyper: Any,
) -> list[Any]:
    """One Step a gradient."""
    spec = parse_spec(text) if isinstance(text, str) else text
    h = {name: (HYPER | hyper)[name] for name in spec.hyperparameters}
    number = type(theta)
    state, done = initial_state(spec, h, number(0), number(1)), []
    for g in grads:
        done.append(step(spec, ops, h, state, number(g), theta))
        state, theta = done[-1].state, done[-1].theta
    return done


def thetas(*args: Any, **kwargs: Any) -> list[Any]:
    """The trajectory of ``walk``."""
    return [done.theta for done in walk(*args, **kwargs)]


def moving(moves: Iterable[Any]) -> list[Any]:
    """θ after each of the moves."""
    found, theta = [], THETA
    for move in moves:
        theta = theta - move
        found.append(theta)
    return found


# the formulas again, as sums over the gradients


def past(t: int, weight: Callable[[int], Any], power: int = 1) -> Any:
    """Σ weight(k)·g_{t-k}^power over the gradients up to step t."""
    return sum((weight(k) * GRADS[t - 1 - k] ** power for k in range(t)), F(0))


LR, B1, B2, EPS, MU = (HYPER[n] for n in ("lr", "beta1", "beta2", "eps", "momentum"))
STEPS = range(1, len(GRADS) + 1)


def average(beta: F, t: int, power: int = 1) -> Any:
    return (1 - beta) * past(t, lambda k: beta**k, power)


def test_gradient_descent() -> None:
    assert thetas("gd") == moving(LR * g for g in GRADS)


def test_heavy_ball_and_nesterov() -> None:
    b = {t: past(t, lambda k: MU**k) for t in STEPS}
    assert thetas("momentum") == moving(LR * b[t] for t in STEPS)
    assert thetas("nesterov") == moving(LR * (GRADS[t - 1] + MU * b[t]) for t in STEPS)


def test_dampening_spares_the_first_step_or_does_not() -> None:
    tau = HYPER["dampening"]

    def spared(t: int) -> Callable[[int], Any]:
        return lambda k: MU**k * (1 if k == t - 1 else 1 - tau)

    late = {t: past(t, spared(t)) for t in STEPS}
    assert thetas("momentum[dampening=late]") == moving(LR * late[t] for t in STEPS)
    full = {t: past(t, lambda k: MU**k * (1 - tau)) for t in STEPS}
    assert thetas("momentum[dampening=full]") == moving(LR * full[t] for t in STEPS)
    assert thetas("momentum[dampening=ema]") == moving(LR * average(MU, t) for t in STEPS)


@pytest.mark.parametrize("eps", ["outside", "inside", "none"])
@pytest.mark.parametrize(("start", "first"), [("zero", 0), ("one", 1), ("initial", F(2, 7))])
def test_adagrad(eps: str, start: str, first: Any) -> None:
    def divisor(v: Any) -> Any:
        return root(v + EPS) if eps == "inside" else root(v) + (EPS if eps == "outside" else 0)

    v = {t: first + past(t, lambda k: 1, 2) for t in STEPS}
    text = f"adagrad[eps={eps},accumulator={start}]"
    assert thetas(text) == moving(LR * (GRADS[t - 1] / divisor(v[t])) for t in STEPS)
    decayed = moving(LR / (1 + (t - 1) * F(1, 3)) * (GRADS[t - 1] / divisor(v[t])) for t in STEPS)
    assert thetas(text.replace("]", ",lr_decay=yes]")) == decayed


@pytest.mark.parametrize("corrected", ["none", "v"])
@pytest.mark.parametrize("centered", ["no", "yes"])
@pytest.mark.parametrize("start", ["zero", "initial"])
def test_rmsprop(corrected: str, centered: str, start: str) -> None:
    first = HYPER["initial_accumulator"] if start == "initial" else 0
    q = []
    for t in STEPS:
        weight = 1 - B2**t if corrected == "v" else 1
        v = (B2**t * first + average(B2, t, 2)) / weight
        m = average(B2, t) / weight if centered == "yes" else 0
        q.append(GRADS[t - 1] / (root(v - m * m) + EPS))
    switches = f"bias_correction={corrected},centered={centered},accumulator={start}"
    assert thetas(f"rmsprop[{switches}]") == moving(LR * each for each in q)
    b = [sum(MU ** (t - 1 - k) * q[k] for k in range(t)) for t in STEPS]
    for form in ("outside", "inside"):
        text = f"rmsprop[{switches},momentum=yes,form={form}"
        assert thetas(f"{text}]") == moving(LR * each for each in b)
        ahead = [LR * (x + MU * y) for x, y in zip(q, b, strict=True)]
        assert thetas(f"{text},nesterov=yes]") == moving(ahead)


@pytest.mark.parametrize("eps", CONVENTIONS["adamax"]["eps"])
def test_adamax(eps: str) -> None:
    moves = []
    for t in STEPS:
        shown = [abs(g) + (EPS if eps == "gradient" else 0) for g in GRADS[:t]]
        sizes = [B2 ** (t - 1 - k) * x for k, x in enumerate(shown)]
        if eps == "decayed":  # unrolled, since what is added decays with the rest
            u = F(0)
            for x in shown:
                u = max(B2 * u + EPS, x)
            sizes = [u]
        u = max(sizes) + (EPS if eps == "outside" else 0)
        moves.append(LR * (average(B1, t) / (1 - B1**t)) / u)
    assert thetas(f"adamax[eps={eps}]") == moving(moves)


@pytest.mark.parametrize("schedule", ["constant", "momentum-decay", "0.96^t"])
@pytest.mark.parametrize("lookahead", ["yes", "no"])
def test_nadam(schedule: str, lookahead: str) -> None:
    psi: Any = {"momentum-decay": HYPER["momentum_decay"], "0.96^t": 1}.get(schedule)

    def mu(t: int) -> F:
        return B1 if psi is None else B1 * (1 - F(24, 25) ** int(t * psi) / 2)

    def weight(t: int) -> F:
        found = F(1)
        for k in range(1, t + 1):
            found *= mu(k)
        return 1 - found

    moves = []
    for t in STEPS:
        later = t + 1 if lookahead == "yes" else t
        top = mu(later) * average(B1, t) / weight(later) + (1 - mu(t)) * GRADS[t - 1] / weight(t)
        moves.append(LR * top / (root(average(B2, t, 2) / (1 - B2**t)) + EPS))
    assert thetas(f"nadam[schedule={schedule},lookahead={lookahead}]") == moving(moves)


def test_nadam_of_dozat_has_the_quarter_thousandth_power() -> None:
    with mpmath.workdps(40):
        numbers = {n: mpmath.mpf(x.numerator) / x.denominator for n, x in HYPER.items()}
        arguments = {"theta": mpmath.mpf(1), "ops": Digits, **numbers}
        fixed = thetas("nadam[schedule=0.96^(t/250)]", (3, -1, 2, 0), **arguments)
        arguments["momentum_decay"] = mpmath.mpf(1) / 250
        assert thetas("nadam[schedule=momentum-decay]", (3, -1, 2, 0), **arguments) == fixed


@pytest.mark.parametrize(("eps", "cut"), tuple(product(CONVENTIONS["radam"]["eps"], "45")))
def test_radam(eps: str, cut: str) -> None:
    with mpmath.workdps(60):
        h = {n: mpmath.mpf(x.numerator) / x.denominator for n, x in HYPER.items()}
        b2 = h["beta2"]
        longest = 2 / (1 - b2) - 1
        grads = [mpmath.mpf(1 + k % 3) for k in range(12)]
        got = walk(f"radam[eps={eps},cut={cut}]", grads, theta=mpmath.mpf(0), ops=Digits, **h)
        m = v = mpmath.mpf(0)
        theta, adaptive = mpmath.mpf(0), []
        for t, g in enumerate(grads, start=1):
            m, v = h["beta1"] * m + (1 - h["beta1"]) * g, b2 * v + (1 - b2) * g * g
            length = longest - 2 * t * b2**t / (1 - b2**t)
            m_hat, v_hat = m / (1 - h["beta1"] ** t), v / (1 - b2**t)
            adaptive.append(length > int(cut))
            if adaptive[-1]:
                divisors = {
                    "outside": mpmath.sqrt(v_hat) + h["eps"],
                    "hat": (mpmath.sqrt(v) + h["eps"]) / mpmath.sqrt(1 - b2**t),
                    "inside": mpmath.sqrt(v_hat + h["eps"]),
                    "both": mpmath.sqrt(v_hat + h["eps_root"]) + h["eps"],
                    "none": mpmath.sqrt(v_hat),
                }
                above = (length - 4) * (length - 2) * longest
                below = (longest - 4) * (longest - 2) * length
                m_hat = mpmath.sqrt(above / below) * m_hat / divisors[eps]
            theta = theta - h["lr"] * m_hat
            assert abs(got[t - 1].theta - theta) <= mpmath.mpf(10) ** -50
        assert adaptive[0] is False
        assert adaptive[-1] is True


def test_radam_with_a_short_memory_never_adapts() -> None:
    # β2 = 3/5 makes ρ_∞ = 4: the rectification would divide by zero
    for beta2 in (F(0), F(1, 3), F(3, 5)):
        done = walk("radam", beta2=beta2)
        assert [d.theta for d in done] == moving(LR * average(B1, t) / (1 - B1**t) for t in STEPS)


# laws between the rules


rationals = st.fractions(min_value=-8, max_value=8, max_denominator=32)
few = settings(max_examples=20, deadline=None)
histories = st.lists(rationals, min_size=1, max_size=6)
rates = st.fractions(min_value=F(1, 16), max_value=F(15, 16), max_denominator=16)


def alike(left: str, right: str, grads: Any, **hyper: Any) -> None:
    assert thetas(left, grads, **hyper) == thetas(right, grads, **hyper), (left, right)


@few
@given(histories, rates)
def test_rmsprop_with_correction_is_adam_without_momentum(grads: Any, beta2: F) -> None:
    for eps in ("outside", "inside"):
        left, right = f"rmsprop[bias_correction=v,eps={eps}]", f"adam[eps={eps}]"
        alike(left, right, grads, beta1=F(0), beta2=beta2)
    alike("rmsprop", "adam[bias_correction=none]", grads, beta1=F(0), beta2=beta2)


@few
@given(histories, rates)
def test_amsgrad_on_growing_gradients_is_adam(grads: Any, beta2: F) -> None:
    growing = sorted(grads, key=abs)
    alike("amsgrad", "adam", growing, beta2=beta2)
    # the corrected v falls from its first value where the gradients do not grow enough
    steep = [g * 4**k for k, g in enumerate(growing)]
    alike("adam[amsgrad=vhat]", "adam", steep, beta2=beta2)


@few
@given(histories)
def test_momentum_without_momentum_is_gradient_descent(grads: Any) -> None:
    for text in ("momentum", "nesterov", "momentum[form=inside]", "momentum[dampening=ema]"):
        alike(text, "gd", grads, momentum=F(0))
    alike("rmsprop[momentum=yes]", "rmsprop", grads, momentum=F(0))


@few
@given(histories, rates)
def test_decay_of_zero_is_no_decay(grads: Any, beta2: F) -> None:
    for name, switches in CONVENTIONS.items():
        for decay in switches["decay"]:
            alike(f"{name}[decay={decay}]", name, (F(1), *grads), weight_decay=F(0), beta2=beta2)


@few
@given(histories, rates)
def test_the_forms_of_momentum_agree_at_a_constant_rate(grads: Any, mu: F) -> None:
    for rest in ("", ",nesterov=yes", ",dampening=late", ",dampening=full", ",dampening=ema"):
        inside, outside = f"momentum[form=inside{rest}]", f"momentum[form=outside{rest}]"
        alike(inside, outside, grads, momentum=mu)
        left = [-LR * d.state["velocity"] for d in walk(outside, grads, momentum=mu)]
        assert left == [d.state["velocity"] for d in walk(inside, grads, momentum=mu)]
    alike("momentum[dampening=ema]", "momentum[dampening=full]", grads, momentum=mu, dampening=mu)


@few
@given(histories, rates)
def test_nadam_without_momentum_is_adam(grads: Any, beta2: F) -> None:
    for schedule in ("constant", "0.96^t"):
        alike(f"nadam[schedule={schedule}]", "adam", grads, beta1=F(0), beta2=beta2)


@few
@given(histories)
def test_adagrad_is_the_mean_that_rmsprop_is_not(grads: Any) -> None:
    # v of AdaGrad is t times the plain mean of squares
    for t, done in enumerate(walk("adagrad", grads), start=1):
        assert done.state["v"] == sum(g * g for g in grads[:t])


@few
@given(histories)
def test_maximising_turns_the_gradient(grads: Any) -> None:
    for name in CONVENTIONS:
        turned = thetas(f"{name}[maximize=yes]", (F(-1), *(-g for g in grads)))
        assert turned == thetas(name, (F(1), *grads))


def test_adamax_is_the_limit_of_high_norms() -> None:
    """(v_p)^(1/p) with weights (1-β2^p)β2^(p(t-i)) tends to u, at the rate of the proof."""
    with mpmath.workdps(50):
        beta, grads = mpmath.mpf(15) / 16, [mpmath.mpf(float(g)) for g in GRADS]
        exact = [mpmath.mpf(float(d.state["v"])) for d in walk("adamax")]
        for p in (10**3, 10**5):
            v, errors = mpmath.mpf(0), []
            for g, u in zip(grads, exact, strict=True):
                v = beta**p * v + (1 - beta**p) * abs(g) ** p
                errors.append(abs(mpmath.root(v, p) - u) / u)
            assert max(errors) < mpmath.mpf(2) / p


# the tracer, and the notation


def evaluate(program: Program, inputs: dict[str, F]) -> dict[str, F]:
    """The outputs of a program, operation by operation."""
    meanings: dict[str, Any] = {
        "neg": lambda x: -x,
        "add": lambda x, y: x + y,
        "sub": lambda x, y: x - y,
        "mul": lambda x, y: x * y,
        "div": lambda x, y: x / y if y else F(0),  # only where it is not chosen
        "sqrt": root,
        "max": max,
        "choose": lambda x, a, b: a if x > 0 else b,
        "ema": lambda beta, weight, old, new: beta * old + weight * new,
        "decay": lambda power, beta: power * beta,
    }
    values: list[F] = []
    for op in program.ops:
        if op.kind == "input":
            values.append(inputs[op.name])
        elif op.kind == "const":
            assert op.value is not None
            values.append(op.value)
        else:
            values.append(meanings[op.kind](*(values[a] for a in op.args)))
    return {name: values[i] for name, i in program.outputs}


def dialects(algorithm: str) -> list[Spec]:
    """Every dialect of an algorithm, scalars left out."""
    own = {k: w for k, w in CONVENTIONS[algorithm].items() if k not in ("scalars", "maximize")}
    found = []
    for words in product(*own.values()):
        try:
            found.append(Spec(algorithm, **dict(zip(own, words, strict=True))))
        except UsageError:  # Nesterov without momentum, and the like
            continue
    return found


@pytest.mark.parametrize("algorithm", [name for name in CONVENTIONS if name != "adam"])
def test_a_program_does_what_its_rule_does(algorithm: str) -> None:
    for spec in dialects(algorithm):
        program = trace(spec)
        hyper = {n: F(k + 2, 17) for k, n in enumerate(spec.hyperparameters)}
        names = initial_state(spec, hyper, F(0), F(1))
        for t, longer in ((F(0), 9), (F(1), 9), (F(12), 31)):
            state = {n: F(k + 1, longer) for k, n in enumerate(names)} | {"t": t}
            state = {n: state[n] for n in names}
            inputs = {f"h.{k}": x for k, x in hyper.items()}
            inputs |= {f"s.{k}": x for k, x in state.items()}
            got = evaluate(program, inputs | {"g": F(1, 3), "theta": F(-2, 5)})
            want = step(spec, Opaque, hyper, state, F(1, 3), F(-2, 5))
            expected = {f"s.{k}": x for k, x in want.state.items()}
            assert got == expected | {"theta": want.theta, **want.named}, str(spec)


@pytest.mark.parametrize("algorithm", CONVENTIONS)
def test_the_notation_reads_back_and_hides_defaults(algorithm: str) -> None:
    assert str(Spec(algorithm)) == algorithm
    for spec in dialects(algorithm):
        assert parse_spec(str(spec)) == spec
        assert describe(spec)
        used = {n[2:] for n in trace(spec).inputs if n.startswith("h.")}
        assert used <= set(spec.hyperparameters)


def test_aliases() -> None:
    assert parse_spec("sgd") == parse_spec("gd") == Spec("gd")
    assert str(parse_spec("SGD")) == "gd"
    assert str(parse_spec("momentum[nesterov=yes]")) == "nesterov"
    assert str(parse_spec("nesterov[scalars=float64]")) == "nesterov[scalars=float64]"
    assert str(parse_spec("nesterov[form=inside]")) == "momentum[nesterov=yes,form=inside]"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("gd[eps=hat]", "gd has no switch 'eps' (it belongs to adam, adagrad, rmsprop"),
        ("gd[eps=hat]", "the switches of gd are decay, maximize, scalars."),
        ("adam[nesterov=yes]", "adam has no switch 'nesterov' (it belongs to momentum, rmsprop)"),
        ("momentum[amsgrad=none]", "momentum has no switch 'amsgrad' (it belongs to adam)"),
        ("rmsprop[nesterov=yes]", "rmsprop with nesterov=yes needs momentum=yes"),
        ("rmsprop[form=inside]", "rmsprop with form=inside needs momentum=yes"),
        ("nesterov[dampening=late]", "momentum with dampening=late needs nesterov=no"),
        ("adagrad[eps=hat]", "eps='hat' is not a convention; choose one of outside, inside, none"),
        ("radam[cut=6]", "cut='6' is not a convention; choose one of 5, 4"),
        ("nadam[shedule=0.96^t]", "unknown switch 'shedule'. Did you mean 'schedule'?"),
    ],
)
def test_a_foreign_switch_has_a_sentence(text: str, reason: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_spec(text)
    assert reason in str(caught.value)


def test_an_unknown_algorithm_has_a_sentence() -> None:
    with pytest.raises(UsageError, match="'adamx' is not an algorithm"):
        Spec("adamx")
    with pytest.raises(UsageError, match="gd has no switch 'eps'"):
        Spec("gd", eps="outside")


def test_hyperparameters_are_those_the_rule_reads() -> None:
    expected = {
        "gd": "lr",
        "momentum[dampening=late,decay=l2]": "lr momentum dampening weight_decay",
        "adagrad[eps=none]": "lr",
        "adagrad[lr_decay=yes,accumulator=initial]": "lr eps lr_decay initial_accumulator",
        "rmsprop[momentum=yes]": "lr momentum beta2 eps",
        "adamax": "lr beta1 beta2",
        "nadam[schedule=momentum-decay]": "lr beta1 beta2 eps momentum_decay",
        "radam[eps=both]": "lr beta1 beta2 eps eps_root",
    }
    for text, names in expected.items():
        assert " ".join(parse_spec(text).hyperparameters) == names


@few
@given(st.sampled_from(sorted(CONVENTIONS)), histories)
def test_a_step_leaves_its_inputs_alone(algorithm: str, grads: Any) -> None:
    spec = Spec(algorithm)
    h = {n: HYPER[n] for n in spec.hyperparameters}
    state = initial_state(spec, h, F(0), F(1))
    before = dict(state)
    step(spec, Opaque, h, state, 1 + abs(grads[0]), THETA)
    assert state == before
