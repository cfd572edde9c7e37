"""No honest evaluation order lands outside the envelope: a false alarm would be a defect of ours.

The orders are written in orders.py, apart from the package and from the zoo; the regimes are meant
to hurt. A violation found here is a bug of the bound, to be mended by deriving the right error
bound.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adamcheck.formats import FORMATS
from adamcheck.oracle.envelope import Admission
from adamcheck.program import trace
from adamcheck.spec import SWITCHES, Spec, parse_spec

from .arithmetic import Arithmetic
from .orders import ORDERS, Order, applicable, random_order, run
from .outside import violations
from .reference import needs_extended, ratios
from .regimes import HYPERS, Columns, columns

pytestmark = needs_extended

DTYPES = ("float64", "float32", "float16", "bfloat16")
ADMISSIONS = tuple(Admission(s, f) for s in ("float64", "array") for f in (False, True))


def judged(
    spec: Spec, cols: Columns, orders: Iterable[Order], admission: Admission
) -> tuple[list[str], float, int]:
    used = [o for o in orders if applicable(o, spec, cols.fmt.name)]
    return violations(spec, cols, used, admission, run)


def none_outside(
    specs: Sequence[Spec], name: str, admission: Admission, *, steps: int, seed: int, more: int = 0
) -> None:
    rng = np.random.default_rng(seed)
    extra = [random_order(rng) for _ in range(more)]
    for k, spec in enumerate(specs):
        cols = columns(FORMATS[name], steps, seed=seed + k)
        found, _, bounded = judged(spec, cols, (*ORDERS, *extra), admission)
        assert not found, "\n".join(found[:10])
        assert bounded > 0


SAMPLE = tuple(
    parse_spec(text)
    for text in (
        "adam",
        "adam[eps=hat,bias_correction=v]",
        "adam[eps=inside,decay=l2,maximize=yes]",
        "adam[eps=both,amsgrad=v]",
        "adam[eps=max,bias_correction=none]",
        "adam[decay=decoupled,amsgrad=vhat]",
        "adam[decay=decoupled-after,bias_correction=m]",
        "adam[decay=decoupled-unscaled,first_t=2]",
        "adam[first_t=0]",
    )
)


@pytest.mark.parametrize("name", DTYPES)
def test_no_honest_order_is_outside(name: str) -> None:
    for admission in ADMISSIONS[:: 2 if name == "float64" else 1]:
        specs = SAMPLE if admission == ADMISSIONS[0] else SAMPLE[:4]
        none_outside(specs, name, admission, steps=12, seed=1, more=2)


@settings(max_examples=12, deadline=None)
@given(
    st.builds(
        Spec,
        **{k: st.sampled_from(v[: 1 if k == "scalars" else None]) for k, v in SWITCHES.items()},
    ),
    st.sampled_from(DTYPES),
    st.sampled_from(ADMISSIONS),
    st.integers(0, 2**32),
)
def test_no_order_of_any_dialect_is_outside(
    spec: Spec, name: str, admission: Admission, seed: int
) -> None:
    none_outside([spec], name, admission, steps=8, seed=seed, more=10)


@pytest.mark.slow
@pytest.mark.parametrize("name", DTYPES)
@pytest.mark.parametrize("admission", ADMISSIONS, ids=str)
def test_no_order_of_any_dialect_is_outside_at_length(name: str, admission: Admission) -> None:
    part = (DTYPES.index(name) + ADMISSIONS.index(admission)) % 3
    none_outside(every_other_switch()[part::3], name, admission, steps=16, seed=7, more=4)


def every_other_switch() -> list[Spec]:
    """All pairs of ε's place and bias correction, and every other switch with a few of them."""
    specs = [
        Spec(eps=e, bias_correction=b) for e in SWITCHES["eps"] for b in SWITCHES["bias_correction"]
    ]
    places = SWITCHES["eps"]
    for switch in ("decay", "amsgrad", "first_t", "maximize"):
        specs += [Spec(eps=places[k % 5], **{switch: w}) for k, w in enumerate(SWITCHES[switch])]
    specs += [Spec(decay=d, amsgrad=a) for d in SWITCHES["decay"][1:] for a in ("v", "vhat")]
    return specs


LONG: dict[str, Any] = {
    "names": ("constant", "cancelling", "spiked", "small", "growing"),
    "hypers": HYPERS[:8],
}


@pytest.mark.slow
@pytest.mark.parametrize("name", DTYPES)
def test_no_honest_order_is_outside_after_3000_steps(name: str) -> None:
    """Constant gradients are the worst regime: v stagnates at u/(1-β2)."""
    cols = columns(FORMATS[name], 3000, **LONG)
    narrow = ADMISSIONS[0 if name == "float64" else 2]
    for spec, orders, admission in (
        (Spec(), ORDERS, ADMISSIONS[0]),
        (Spec(decay="decoupled"), ORDERS[::4], narrow),
    ):
        found, _, _ = judged(spec, cols, orders, admission)
        assert not found, "\n".join(found[:10])


def test_float32_scalars_under_float64_arrays_are_outside() -> None:
    spec, fmt = Spec(), FORMATS["float64"]
    cols = columns(fmt, 12, names=("normal", "constant"), hypers=HYPERS[:1])
    narrow = {k: x.astype(np.float32).astype(np.float64) for k, x in cols.hyper.items()}
    with np.errstate(all="ignore"):
        bad = run(ORDERS[0], spec, Arithmetic(fmt), narrow, cols.grads, cols.theta0)
    worst, _ = ratios(trace(spec), cols, [bad], ADMISSIONS[0])
    assert (worst[0] > 1.0).all()


def test_the_search_can_fail() -> None:
    """The same harness with a wrong β2 finds it everywhere: it is not blind."""
    spec, fmt = Spec(), FORMATS["float32"]
    cols = columns(fmt, 12, names=("normal", "small"), hypers=HYPERS[1:2])
    cols = replace(cols, theta0=0 * cols.theta0)
    off = {k: x * (1 - 1e-3 * (k == "beta2")) for k, x in cols.hyper.items()}
    bad = run(ORDERS[0], spec, Arithmetic(fmt), off, cols.grads, cols.theta0)
    worst, _ = ratios(trace(spec), cols, [bad], ADMISSIONS[0])
    assert (worst[0] > 1.0).all()
    assert (worst[2] > 1.0).all()


REGIMES = (
    *("normal", "constant", "sparse", "spiked", "decaying", "growing", "cancelling", "extremal"),
    *("small", "tiny", "underflowing", "subnormal", "large", "wild"),
)


def table(rows: dict[str, list[float]], heads: Sequence[str]) -> str:
    lines = [f"{'':14}" + "".join(f"{h:>10}" for h in heads)]
    lines += [f"{k:14}" + "".join(f"{x:10.3f}" for x in row) for k, row in rows.items()]
    return "\n".join(lines)


@pytest.mark.slow
def test_how_tight_the_envelope_is(capsys: pytest.CaptureFixture[str]) -> None:
    """Largest error/bound of any honest order, by regime and format; shown by ``pytest -s``."""
    rows: dict[str, list[float]] = {regime: [] for regime in REGIMES}
    for name in DTYPES:
        cols = columns(FORMATS[name], 100, hypers=HYPERS[:6], names=REGIMES, seed=3)
        used = [o for o in ORDERS if applicable(o, Spec(), name)]
        with np.errstate(all="ignore"):
            runs = [
                run(o, Spec(), Arithmetic(cols.fmt), cols.hyper, cols.grads, cols.theta0)
                for o in used
            ]
        worst = ratios(trace(Spec()), cols, runs, ADMISSIONS[0])[0].max(axis=(0, 1))
        for regime in REGIMES:
            chosen = [
                x for x, n in zip(worst, cols.names, strict=True) if n.split(" #")[0] == regime
            ]
            rows[regime].append(max(chosen))
    with capsys.disabled():
        print("\nlargest error/bound of honest orders, θ and moments\n" + table(rows, DTYPES))
    everything = np.array(list(rows.values()))
    assert everything.max() <= 1.0
    assert everything[:4].min() > 0.05  # a bound a hundred times too wide would not judge


def climb(
    spec: Spec, name: str, order: Order, rounds: int, seed: int, quantity: int = 0
) -> tuple[float, Columns]:
    """Hill climbing over the bits of gradients for the largest error/bound of one order."""
    rng = np.random.default_rng(seed)
    fmt = FORMATS[name]
    cols = columns(fmt, 10, hypers=HYPERS[:2], names=REGIMES[:8], seed=seed)
    best = np.zeros(cols.grads.shape[1])
    grads = cols.grads
    for _ in range(rounds):
        scale = np.exp2(rng.uniform(-fmt.precision, 0, grads.shape))
        noise = np.where(rng.random(grads.shape) < 0.3, rng.standard_normal(grads.shape) * scale, 0)
        trial = (grads.astype(np.float64) * (1 + noise)).astype(fmt.dtype)
        moved = replace(cols, grads=trial)
        with np.errstate(all="ignore"):
            one = run(order, spec, Arithmetic(fmt), cols.hyper, trial, cols.theta0)
        worst = ratios(trace(spec), moved, [one], ADMISSIONS[0])[0][quantity, 0]
        better = worst > best
        best = np.where(better, worst, best)
        grads = np.where(better, trial, grads)
        cols = replace(cols, grads=grads)
    return float(best.max()), cols


@pytest.mark.slow
def test_hill_climbing_stays_inside(capsys: pytest.CaptureFixture[str]) -> None:
    """Hill-climb from every regime, for the order of each style; shown by ``pytest -s``."""
    lines: list[str] = []
    for name in DTYPES:
        for order in (ORDERS[0], ORDERS[2], ORDERS[8]):
            reached: list[Any] = [climb(Spec(), name, order, 40, 11, q)[0] for q in (0, 1, 2)]
            assert max(reached) <= 1.0, (name, order.name, reached)
            cells = "".join(f"{x:9.3f}" for x in reached)
            lines.append(f"{name:10}{order.name:28}{cells}")
    with capsys.disabled():
        print(f"\nlargest error/bound reached by climbing\n{'':38}{'θ':>9}{'m':>9}{'v':>9}")
        print("\n".join(lines))
