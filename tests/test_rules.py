"""The rules against Algorithm 1 spelled out again, over exact rationals, and their switches."""

from __future__ import annotations

from fractions import Fraction as F
from types import SimpleNamespace
from typing import Any

import mpmath
import pytest

from adamcheck.rules import ema, initial_state, step
from adamcheck.spec import Spec, parse_spec

HYPER = {"lr": F(1, 8), "beta1": F(7, 8), "beta2": F(15, 16), "eps": F(1, 64)}
EXTRA = {"eps_root": F(1, 32), "weight_decay": F(1, 16)}
GRADS = (F(3), F(-1), F(2), F(0), F(5, 3))


class Exact:
    """Roots of perfect squares only: the tests choose gradients that keep to them, or mpmath."""

    @staticmethod
    def sqrt(x: Any) -> Any:
        return mpmath.sqrt(mpmath.mpf(x.numerator) / x.denominator) if isinstance(x, F) else x**0.5

    @staticmethod
    def maximum(x: Any, y: Any) -> Any:
        return max(x, y)


EXACT: Any = Exact()
"""Without a choice, which no rule of Adam makes."""


def mp(x: F | Any) -> Any:
    return mpmath.mpf(x.numerator) / x.denominator if isinstance(x, F) else x


def walk(spec: Spec, grads: Any = GRADS, theta: Any = F(1), hyper: Any = None) -> list[Any]:
    """The rule on mpmath numbers at 60 digits; one Step a gradient."""
    with mpmath.workdps(60):
        h = {k: mp(x) for k, x in (hyper or HYPER | EXTRA).items() if k in spec.hyperparameters}
        state = initial_state(spec, h, mpmath.mpf(0), mpmath.mpf(1))
        theta, done = mp(theta), []
        for g in grads:
            done.append(step(spec, EXACT, h, state, mp(g), theta))
            state, theta = done[-1].state, done[-1].theta
        return done


def close(a: Any, b: Any) -> bool:
    """Equal to 50 digits, of 60 that were carried."""
    with mpmath.workdps(60):
        return bool(abs(a - b) <= mpmath.mpf(10) ** -50 * (abs(a) + abs(b)))


def sums(t: int, beta: F, power: int) -> F:
    """(1-β) Σ β^(t-i) g_i^power: the closed form of a moment."""
    return (1 - beta) * sum(beta ** (t - i) * GRADS[i - 1] ** power for i in range(1, t + 1))


def test_algorithm_1_by_its_closed_form() -> None:
    b1, b2, theta = HYPER["beta1"], HYPER["beta2"], mp(F(1))
    for t, got in enumerate(walk(Spec()), start=1):
        with mpmath.workdps(60):
            m_hat = mp(sums(t, b1, 1) / (1 - b1**t))
            root = mpmath.sqrt(mp(sums(t, b2, 2) / (1 - b2**t)))
            update = mp(HYPER["lr"]) * m_hat / (root + mp(HYPER["eps"]))
            theta = theta - update
        assert close(got.named["update"], update)
        assert close(got.theta, theta)


def test_an_average_has_weights_that_sum_to_one() -> None:
    assert ema(F(3, 4), F(5), F(5)) == 5
    assert ema(F(3, 4), F(1), F(0)) == F(3, 4)


CONSTANT = (F(3),) * 4


@pytest.mark.parametrize(
    ("text", "first"),
    [
        # what the first step subtracts for g = 3: the correction makes m̂ = g and v̂ = g²
        ("adam", lambda h, c1, c2: h.lr * 3 / (3 + h.eps)),
        ("adam[eps=hat]", lambda h, c1, c2: h.lr * 3 / (3 + h.eps / c2**0.5)),
        ("adam[eps=inside]", lambda h, c1, c2: h.lr * 3 / (9 + h.eps) ** 0.5),
        ("adam[eps=both]", lambda h, c1, c2: h.lr * 3 / ((9 + h.eps_root) ** 0.5 + h.eps)),
        ("adam[eps=max]", lambda h, c1, c2: h.lr * 3 / 3),
        (
            "adam[bias_correction=none]",
            lambda h, c1, c2: h.lr * 3 * c1 / (3 * c2**0.5 + h.eps),
        ),
        ("adam[bias_correction=m]", lambda h, c1, c2: h.lr * 3 / (3 * c2**0.5 + h.eps)),
        ("adam[bias_correction=v]", lambda h, c1, c2: h.lr * 3 * c1 / (3 + h.eps)),
        ("adam[maximize=yes]", lambda h, c1, c2: -h.lr * 3 / (3 + h.eps)),
    ],
)
def test_the_first_step_of_each_dialect(text: str, first: Any) -> None:
    spec = parse_spec(text)
    with mpmath.workdps(60):
        h = SimpleNamespace(**{k: mp(x) for k, x in (HYPER | EXTRA).items()})
        want = first(h, 1 - h.beta1, 1 - h.beta2)
    assert close(walk(spec, CONSTANT)[0].named["update"], want)


@pytest.mark.parametrize(
    ("decay", "theta"),
    [
        ("decoupled", lambda p, u, h: p * (1 - h.lr * h.weight_decay) - u),
        ("decoupled-unscaled", lambda p, u, h: p * (1 - h.weight_decay) - u),
        ("decoupled-after", lambda p, u, h: (p - u) * (1 - h.lr * h.weight_decay)),
    ],
)
def test_decoupled_decays_leave_the_moments_alone(decay: str, theta: Any) -> None:
    plain, decayed = walk(Spec()), walk(Spec(decay=decay))
    before = mp(F(1))
    with mpmath.workdps(60):
        h = SimpleNamespace(**{k: mp(x) for k, x in (HYPER | EXTRA).items()})
        for a, b in zip(plain, decayed, strict=True):
            assert close(a.named["update"], b.named["update"])
            assert close(b.theta, theta(before, b.named["update"], h))
            before = b.theta


def test_l2_is_a_term_of_the_gradient() -> None:
    before, moved = mp(F(1)), []
    with mpmath.workdps(60):
        for g, done in zip(GRADS, walk(Spec(decay="l2")), strict=True):
            moved.append(mp(g) + mp(EXTRA["weight_decay"]) * before)
            before = done.theta
    again = walk(Spec(), moved)
    assert close(again[-1].state["m"], walk(Spec(decay="l2"))[-1].state["m"])


@pytest.mark.parametrize(("first_t", "seen"), [("1", 1), ("2", 2)])
def test_the_first_step_may_be_called_two(first_t: str, seen: int) -> None:
    done = walk(Spec(first_t=first_t))[0]
    with mpmath.workdps(60):
        assert close(done.state["p1"], mp(HYPER["beta1"] ** seen))


def test_t_from_zero_divides_by_zero_at_once() -> None:
    with pytest.raises(ZeroDivisionError):
        step(
            Spec(first_t="0"),
            EXACT,
            HYPER,
            initial_state(Spec(first_t="0"), HYPER, F(0), F(1)),
            F(1),
            F(0),
        )


@pytest.mark.parametrize("kind", ["v", "vhat"])
def test_amsgrad_never_forgets_a_spike(kind: str) -> None:
    done = walk(Spec(amsgrad=kind), (F(1), F(100), *(F(1),) * 6))
    largest = [x.state["v_max"] for x in done]
    assert largest == sorted(largest)
    with mpmath.workdps(60):
        second = [
            x.state["v"] / (1 - x.state["p2"]) if kind == "vhat" else x.state["v"] for x in done
        ]
        assert close(largest[-1], max(second))
