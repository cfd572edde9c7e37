"""The laws keep what they promise: shape, dtype, range, seed; the extremal one attains R_t."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest

from adamcheck import theory
from adamcheck.errors import UsageError
from adamcheck.formats import FORMATS, Format
from adamcheck.inputs.laws import LAWS, law
from adamcheck.inputs.sequences import battery, law_named
from adamcheck.inputs.zone import zone
from adamcheck.oracle.envelope import STRICT
from adamcheck.oracle.evidence import Evidence
from adamcheck.oracle.top import walk
from adamcheck.program import trace
from adamcheck.spec import Spec

USUAL = {"lr": 1e-3, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8}
DYADIC = {"lr": 0.125, "beta1": 0.875, "beta2": 1 - 2**-7, "eps": 2**-10}
HYPERS = [
    USUAL,
    DYADIC,
    USUAL | {"beta1": 0.0},
    USUAL | {"beta1": 0.99, "beta2": 0.5},
    USUAL | {"eps": 0.0, "beta2": 0.0},
]
every_format = pytest.mark.parametrize("fmt", FORMATS.values(), ids=lambda fmt: fmt.name)


@every_format
@pytest.mark.parametrize("hyper", HYPERS)
@pytest.mark.parametrize("steps", [1, 2, 3, 100])
@pytest.mark.filterwarnings("error")
def test_batteries_have_the_promised_shape_dtype_and_range(
    fmt: Format, hyper: dict[str, float], steps: int
) -> None:
    safe = battery(fmt, hyper, steps, seed=3)
    wild = battery(fmt, hyper, steps, seed=3, safe=False)
    for built in (safe, wild):
        assert built.grads.shape == (steps, len(built.labels))
        assert built.grads.dtype == fmt.dtype
        assert built.grads.flags.c_contiguous
        assert np.isfinite(built.grads.astype(np.float64)).all()
        assert len(set(built.labels)) == len(built.labels)
    assert set(safe.labels) <= set(wild.labels)
    peak = np.abs(safe.grads.astype(np.float64)).max(axis=0)
    inside = (peak <= zone(fmt, hyper).largest) & (peak >= zone(fmt, hyper).smallest / 2)
    assert (inside | (peak == 0)).all()
    if fmt.rounded(hyper["eps"]) == 0.0:
        assert (safe.grads[0] != 0).all()


def test_every_finite_law_contributes_to_the_ordinary_battery() -> None:
    wild = battery(FORMATS["float32"], USUAL, 40, seed=0, safe=False)
    seen = {label.partition("/")[0] for label in wild.labels}
    assert seen == {name for name, found in LAWS.items() if found.regime != "nonfinite"}
    safe = battery(FORMATS["float32"], USUAL, 40, seed=0)
    kept = {label.partition("/")[0] for label in safe.labels}
    assert kept == {name for name, found in LAWS.items() if found.regime == "safe"}
    assert wild.columns("lone").size == sum(x.startswith("lone/") for x in wild.labels)


def test_columns_depend_on_the_seed_and_the_law_only() -> None:
    fmt = FORMATS["float32"]
    first, again = (battery(fmt, USUAL, 50, seed=7, repeat=2) for _ in range(2))
    assert first.labels == again.labels
    assert first.grads.tobytes() == again.grads.tobytes()
    alone = battery(fmt, USUAL, 50, seed=7, laws=["normal"], repeat=2)
    assert alone.grads.tobytes() == first.grads[:, first.columns("normal")].tobytes()
    other = battery(fmt, USUAL, 50, seed=8, laws=["normal"], repeat=2)
    assert (other.grads != alone.grads).any(axis=0).all()


def test_repeats_bring_other_numbers() -> None:
    fmt = FORMATS["float64"]
    twice = battery(fmt, USUAL, 30, seed=0, laws=["constant"], repeat=3)
    sizes = np.abs(twice.grads[0])
    assert len(set(sizes.tolist())) > len(sizes) // 2


def test_nonfinite_gradients_come_only_when_asked_for() -> None:
    fmt = FORMATS["float16"]
    asked = battery(fmt, USUAL, 9, seed=0, laws=["nonfinite"])
    bad = ~np.isfinite(asked.grads.astype(np.float64))
    assert bad.sum(axis=0).tolist() == [1] * asked.grads.shape[1]


def test_laws_name_theorems_that_are_listed() -> None:
    readme = Path(__file__).parents[2] / "proofs" / "README.md"
    slugs = set(re.findall(r"^\| `([a-z0-9-]+)` \|", readme.read_text(), re.M))
    assert {found.theorem for found in LAWS.values()} <= slugs
    assert all(
        found.reason and found.regime in ("safe", "extreme", "nonfinite") for found in LAWS.values()
    )


def test_wrong_requests_name_the_cause() -> None:
    with pytest.raises(UsageError, match="Did you mean 'extremal'"):
        law_named("extrema")
    with pytest.raises(UsageError, match="steps=0"):
        battery(FORMATS["float32"], USUAL, 0, seed=0)
    with pytest.raises(ValueError, match="twice"):
        law("lone", "x", "y")(LAWS["lone"].build)


def test_signed_zeros_and_subnormals_survive_the_rounding() -> None:
    fmt = FORMATS["float32"]
    found = battery(fmt, USUAL, 20, seed=0, laws=["zeros"])
    assert np.signbit(found.grads[:, 1]).all()
    assert not np.signbit(found.grads[:, 0]).any()
    tiny = battery(fmt, USUAL, 20, seed=0, laws=["subnormals"], safe=False).grads
    assert ((np.abs(tiny) < fmt.smallest_normal) & (tiny != 0)).any(axis=0).all()


@every_format
def test_near_overflow_stands_at_the_edge(fmt: Format) -> None:
    with np.errstate(over="ignore"):
        edge = battery(fmt, USUAL, 4, seed=0, laws=["near-overflow"], safe=False).grads[0, 0]
        following = np.nextafter(edge, fmt.dtype.type(np.inf))
        assert np.isfinite(np.float64(edge * edge))
        assert np.isinf(np.float64(following * following))


@pytest.mark.parametrize(
    ("beta1", "beta2"),
    [(0.9, 0.999), (0.5, 0.999), (0.9, 0.9), (0.9, 0.81), (0.75, 0.9375), (0.0, 0.9)],
)
def test_the_extremal_law_attains_the_step_bound(beta1: float, beta2: float) -> None:
    hyper = {"lr": 0.25, "beta1": beta1, "beta2": beta2, "eps": 0.0}
    steps, fmt = 60, FORMATS["float64"]
    found = battery(fmt, hyper, steps, seed=0, laws=["extremal"], safe=False)
    reached: dict[int, float] = {}
    signs = set()
    program = trace(Spec())
    for i in range(found.grads.shape[1]):
        column = found.grads[:, i : i + 1]
        evidence = Evidence(Spec(), fmt, hyper, column, np.zeros((steps + 1, 1)))
        for t, points in enumerate(walk(program, evidence, STRICT, 200), start=1):
            if column[0, 0] == 0.0 and not column[:t].any():
                continue  # before the first gradient m̂/√v̂ is 0/0
            update = float(points["update"].ball.mid()) / hyper["lr"]
            if math.isfinite(update):
                assert abs(update) <= theory.step_bound(beta1, beta2, t) * (1 + 2**-48)
                signs.add(math.copysign(1.0, update))
                reached[t] = max(reached.get(t, 0.0), abs(update))
    for t in (2, 10, 30, 60):
        bound = float(theory.step_bound(beta1, beta2, t))
        assert bound * (1 - 2**-46) <= reached[t]
    assert signs == {-1.0, 1.0}
