"""Wrong evaluations are outside, honest ones next to them inside; hyperparameters are dyadic."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from adamcheck.formats import FORMATS
from adamcheck.oracle.envelope import STRICT, Admission
from adamcheck.oracle.evidence import Evidence
from adamcheck.oracle.judge import Judgement, judge
from adamcheck.spec import Spec, parse_spec

DYADIC = {"lr": 2.0**-4, "beta1": 1 - 2.0**-3, "beta2": 1 - 2.0**-10, "eps": 2.0**-10}
ORDINARY = {"lr": 1e-3, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8}
STEPS, COUNT = 8, 16
DTYPES = tuple(FORMATS)


class Target:
    """The textbook, in pieces that a defect replaces."""

    lr: float
    beta1: float
    beta2: float
    eps: float

    def __init__(self, dtype: Any, hyper: dict[str, float]) -> None:
        self.c = np.dtype(dtype).type
        for name, x in hyper.items():
            setattr(self, name, x)

    def gradient(self, g: Any, theta: Any) -> Any:
        return g

    def count(self, t: int) -> int:
        return t

    def second(self, v: Any, g: Any) -> Any:
        return self.c(self.beta2) * v + self.c(1 - self.beta2) * (g * g)

    def denominator(self, v_hat: Any) -> Any:
        return np.sqrt(v_hat) + self.c(self.eps)

    def corrections(self, t: int) -> tuple[Any, Any]:
        return 1 - self.beta1**t, 1 - self.beta2**t

    def run(self, grads: Any, theta: Any) -> Any:
        m = v = np.zeros_like(theta)
        thetas = [theta]
        with np.errstate(all="ignore"):
            return np.stack(self.walk(grads, theta, m, v, thetas))

    def walk(self, grads: Any, theta: Any, m: Any, v: Any, thetas: list[Any]) -> list[Any]:
        for t, g in enumerate(grads, start=1):
            g = self.gradient(g, theta)
            m = self.c(self.beta1) * m + self.c(1 - self.beta1) * g
            v = self.second(v, g)
            bc1, bc2 = self.corrections(self.count(t))
            d = self.denominator(v / self.c(bc2))
            theta = theta - self.c(self.lr) * ((m / self.c(bc1)) / d)
            thetas.append(theta)
        return thetas


class EpsInside(Target):
    def denominator(self, v_hat: Any) -> Any:
        return np.sqrt(v_hat + self.c(self.eps))


class OneStepLate(Target):
    def count(self, t: int) -> int:
        return t + 1


class HiddenDecay(Target):
    def gradient(self, g: Any, theta: Any) -> Any:
        return g + self.c(1e-4) * theta


class Beta2Off(Target):
    def second(self, v: Any, g: Any) -> Any:
        beta2 = self.beta2 * (1 - 1e-3)
        return self.c(beta2) * v + self.c(1 - beta2) * (g * g)


class HalfV(Target):
    def second(self, v: Any, g: Any) -> Any:
        return super().second(v, g).astype(np.float16).astype(v.dtype)


class SingleScalars(Target):
    def __init__(self, dtype: Any, hyper: dict[str, float]) -> None:
        super().__init__(dtype, {k: float(np.float32(x)) for k, x in hyper.items()})


def judged(
    target: Callable[..., Target],
    name: str,
    hyper: dict[str, float],
    *,
    theta: float = 0.0,
    admission: Admission = STRICT,
    spec: Spec | None = None,
) -> Judgement:
    fmt, rng = FORMATS[name], np.random.default_rng(0)
    grads = (rng.standard_normal((STEPS, COUNT)) * 2.0**-4).astype(fmt.dtype)
    theta0 = np.full(COUNT, theta).astype(fmt.dtype)
    thetas = target(fmt.dtype, hyper).run(grads, theta0)
    assert thetas.dtype == fmt.dtype
    return judge(Evidence(spec or Spec(), fmt, hyper, grads, thetas), admission)


@pytest.mark.parametrize("name", DTYPES)
@pytest.mark.parametrize("theta", [0.0, 1.0])
@pytest.mark.parametrize("hyper", [DYADIC, ORDINARY], ids=["dyadic", "ordinary"])
def test_the_textbook_is_inside(hyper: dict[str, float], theta: float, name: str) -> None:
    assert judged(Target, name, hyper, theta=theta).accepted


@pytest.mark.parametrize(
    ("defect", "theta", "names"),
    [
        (EpsInside, 0.0, DTYPES),
        (OneStepLate, 0.0, DTYPES),
        (HiddenDecay, 1.0, ("float64", "float32")),
        (Beta2Off, 0.0, ("float64", "float32", "float16")),
        (HalfV, 0.0, ("float64", "float32")),
    ],
)
def test_a_wrong_evaluation_is_outside(
    defect: Callable[..., Target], theta: float, names: tuple[str, ...]
) -> None:
    for name in names:
        got = judged(defect, name, DYADIC, theta=theta)
        # in 8 and 11 bits some elements round to where the right value might also have landed
        seen = got.bad.mean() > (0.5 if FORMATS[name].precision < 24 else 0.999)
        assert seen, (name, got.tallies["theta"].ratio)


def test_a_hidden_decay_is_seen_at_one_and_not_at_zero() -> None:
    assert judged(HiddenDecay, "float64", DYADIC, theta=1.0).bad.all()
    first = judged(HiddenDecay, "float64", DYADIC, theta=0.0).tallies["theta"].first_bad
    assert (first > 1).all()  # θ=0 hides it in the first step


def test_float32_scalars_under_float64_arrays_are_outside() -> None:
    assert judged(SingleScalars, "float64", ORDINARY).bad.all()
    assert judged(SingleScalars, "float64", ORDINARY, admission=Admission("array")).bad.all()


def test_float32_scalars_under_float32_arrays_are_inside_where_admitted() -> None:
    assert judged(SingleScalars, "float32", ORDINARY, admission=Admission("array")).accepted


def test_the_claimed_dialect_decides() -> None:
    inside = parse_spec("adam[eps=inside]")
    assert judged(EpsInside, "float32", DYADIC, spec=inside).accepted
    assert judged(Target, "float32", DYADIC, spec=inside).bad.all()
