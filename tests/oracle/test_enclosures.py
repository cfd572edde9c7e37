"""Every level encloses the exact value: against rational intervals and mpmath."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import example, given, settings

from adamcheck.formats import FORMATS
from adamcheck.numerics.balls import working
from adamcheck.oracle import enclose, evaluate, paths, top
from adamcheck.oracle.envelope import STRICT, Admission
from adamcheck.oracle.evidence import Evidence
from adamcheck.program import trace
from adamcheck.rules import initial_state, step
from adamcheck.spec import Spec, parse_spec

from . import by_arrays
from .cases import evidence, exactly

OUTPUTS = ("theta", "update", "m", "v")
WHOLE = 2.0**-28, 2.0**-48  # what the float64 and the double-double level claim of the bound


def key(name: str) -> str:
    return f"s.{name}" if name in ("m", "v", "v_max") else name


def fraction(x: Any) -> Fraction:
    """An arb without radius, or a float, exactly."""
    if hasattr(x, "mid"):
        mantissa, exponent = x.mid().man_exp()
        return Fraction(int(mantissa)) * Fraction(2) ** int(exponent)
    return Fraction(float(x))


@settings(max_examples=60, deadline=None)
@given(evidence())
@pytest.mark.parametrize("level", ["f64", "dd"])
def test_enclosures_enclose(level: str, e: Evidence) -> None:
    if level == "f64" and e.fmt.name == "float64":
        return  # the float64 level judges narrower formats only
    got = enclose.enclose(e, level=level, quantities=OUTPUTS)
    for i in range(e.shape[1]):
        for t, point in enumerate(exactly(e, i)):
            for name in OUTPUTS:
                lower, upper = got[name].lower[t, i], got[name].upper[t, i]
                assert lower <= upper
                exact = point[key(name)]
                if not exact.known:
                    assert (lower, upper) == (-np.inf, np.inf)
                    continue
                assert lower == -np.inf or Fraction(lower) <= exact.hi, (name, t)
                assert upper == np.inf or Fraction(upper) >= exact.lo, (name, t)


@settings(max_examples=60, deadline=None)
@given(evidence())
def test_balls_enclose_and_stay_small(e: Evidence) -> None:
    for i in range(e.shape[1]):
        walked = top.walk(trace(e.spec), e.element(i), STRICT, 160)
        for point, want in zip(walked, exactly(e, i), strict=True):
            for name in OUTPUTS:
                ball, exact = point[key(name)].ball, want[key(name)]
                assert ball.is_finite() == exact.known
                if exact.known:
                    with working(160):
                        low, high = fraction(ball.lower()), fraction(ball.upper())
                    assert low <= exact.hi
                    assert high >= exact.lo
                    assert high - low <= Fraction(1, 2**100) * max(abs(low), abs(high), Fraction(1))


def homogeneous(e: Evidence, high: Any, low: Any, bound: Any, tiny: Any, share: float) -> None:
    for i in range(e.shape[1]):
        for t, point in enumerate(exactly(e, i)):
            for k, name in enumerate(OUTPUTS):
                exact = point[key(name)]
                if tiny[i] or not bound[k][t, i] < np.inf:
                    continue
                assert exact.known
                error = exact.near(fraction(high[k][t, i]) + fraction(low[k][t, i]))
                assert error <= Fraction(share) * Fraction(float(bound[k][t, i])), (name, t, i)


@settings(max_examples=60, deadline=None)
@given(evidence())
@pytest.mark.parametrize("admission", [STRICT, Admission("array"), Admission(flushed=True)])
def test_a_level_is_far_more_exact_than_its_bound(admission: Admission, e: Evidence) -> None:
    paired = e.fmt.name == "float64"
    level = "dd" if paired else "f64"
    high, low, bound, tiny = evaluate.enclose(trace(e.spec), level, OUTPUTS, e, admission)
    homogeneous(e, high, low, bound, tiny, WHOLE[paired])


@settings(max_examples=60, deadline=None)
@given(evidence())
@pytest.mark.parametrize("admission", [STRICT, Admission("array")])
def test_the_array_level_is_as_exact_and_has_the_same_bound(
    admission: Admission, e: Evidence
) -> None:
    paired = e.fmt.name == "float64"
    program, shape = trace(e.spec), e.shape
    high, low, bound = (np.zeros((len(OUTPUTS), *shape)) for _ in range(3))
    tiny = np.zeros(shape[1], bool)
    with np.errstate(all="ignore"), by_arrays.once_rounded():
        course, feed = paths.Course.of(e, admission), paths.observed(e, admission)
        walked = paths.flagged(course, feed, paired=paired)
        for t, (values, radii, left, _) in enumerate(walked):
            for k, name in enumerate(OUTPUTS):
                x = values[key(name)]
                high[k, t], low[k, t] = (x.hi, x.lo) if paired else (x, 0.0)
                bound[k, t] = radii[key(name)]
            tiny |= left & paired
    homogeneous(e, high, low, bound, tiny, WHOLE[paired])
    level = "dd" if paired else "f64"
    known_values, _, other, _ = evaluate.enclose(program, level, OUTPUTS, e, admission)
    known = (bound < np.inf) & (other < np.inf)
    with np.errstate(all="ignore"):
        assert np.array_equal(bound < np.inf, other < np.inf)
        if not paired:  # the walk and the machine run the same text
            assert np.array_equal(high[known], known_values[known])
            assert np.array_equal(bound[known], other[known])
        assert (np.abs(bound - other)[known] <= 2.0**-24 * other[known] + 2.0**-1073).all()


class Mp:
    sqrt = staticmethod(mpmath.sqrt)
    maximum = staticmethod(max)


def by_mpmath(e: Evidence, digits: int) -> list[dict[str, Any]]:
    with mpmath.workdps(digits):
        ops: Any = Mp()
        h = {n: mpmath.mpf(e.hyper[n]) for n in e.spec.hyperparameters}
        state = initial_state(e.spec, h, mpmath.mpf(0), mpmath.mpf(1))
        out = []
        for t in range(e.shape[0]):
            g, theta = (mpmath.mpf(float(x[t, 0])) for x in (e.grads, e.thetas))
            done = step(e.spec, ops, h, state, g, theta)
            state = done.state
            out.append({f"s.{k}": x for k, x in state.items()} | {"theta": done.theta} | done.named)
        return out


@settings(max_examples=40, deadline=None)
@given(evidence(extreme=False))
@example(
    Evidence(
        Spec(),
        FORMATS["float64"],
        {"lr": 1e-3, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8},
        np.linspace(-1, 1, 40)[:, None],
        np.linspace(0, 1, 41)[:, None],
    )
)
def test_mpmath_at_two_precisions_lies_inside(e: Evidence) -> None:
    try:
        coarse, fine = by_mpmath(e, 60), by_mpmath(e, 120)
    except ZeroDivisionError:
        return
    got = enclose.enclose(e, quantities=OUTPUTS)
    for t, (a, b) in enumerate(zip(coarse, fine, strict=True)):
        for name in OUTPUTS:
            with mpmath.workdps(120):
                x, y = a[key(name)], b[key(name)]
                lower, upper = (mpmath.mpf(z[t, 0]) for z in (got[name].lower, got[name].upper))
                between = abs(x - y)
                assert lower - between <= y <= upper + between
                assert between <= (abs(x) + abs(y)) * mpmath.mpf(10) ** -40 or lower <= x <= upper


def test_enclosures_are_tight_where_numbers_are_usual() -> None:
    rng = np.random.default_rng(0)
    e = Evidence(
        Spec(decay="decoupled"),
        FORMATS["float64"],
        {"lr": 1e-3, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.01},
        rng.standard_normal((8, 3)),
        rng.standard_normal((9, 3)),
    )
    for got in enclose.enclose(e, quantities=OUTPUTS).values():
        # neighbours: the exact value is no double, and both sides of it are
        assert (np.nextafter(got.lower, np.inf) >= got.upper).all()
        assert (got.bound > 0).all()


@pytest.mark.parametrize("text", ["adam", "rmsprop", "momentum", "adamax", "nadam"])
def test_the_radius_of_a_subnormal_bound_is_no_smaller_than_it(text: str) -> None:
    spec = parse_spec(text)
    hyper = {"lr": 0.9, "beta1": 0.7, "beta2": 0.9, "eps": 1e-8, "momentum": 0.7}
    hyper = {k: hyper.get(k, 0.5) for k in spec.hyperparameters}
    e = Evidence(spec, FORMATS["float64"], hyper, np.zeros((6, 1)), np.zeros((7, 1)))
    names = ("theta", "update", *trace(spec).moments)
    names += ("m_hat",) if text == "nadam" else ()
    got = enclose.enclose(e, quantities=names)
    for t, points in enumerate(top.walk(trace(spec), e, STRICT, 160)):
        for name in names:
            exact = points[name if name in points else f"s.{name}"].bound
            assert got[name].bound[t, 0] >= exact


def test_the_terms_of_a_bound_name_what_it_is_made_of() -> None:
    kept = {"lr": 1e-3, "beta1": 0.9, "beta2": 1 - 2.0**-20, "eps": 1e-8}
    lone, still = np.ones((1, 1)), np.zeros((1, 1))
    start = np.zeros((2, 1))
    seen = Evidence(Spec(), FORMATS["float64"], kept, lone, start)
    terms = top.explain(seen, STRICT, 1, "theta")["terms"]
    assert terms["scalars"] > 100 * terms["rounding"]  # 1-β2 is 2^-20: β2's last bit counts
    at_rest = replace(seen, grads=still)
    terms = top.explain(at_rest, STRICT, 1, "theta")["terms"]
    assert terms["underflow"] > 0.0
    assert terms["rounding"] == terms["scalars"] == 0.0
