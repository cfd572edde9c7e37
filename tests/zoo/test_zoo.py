"""Tests of the zoo itself: honest targets follow their spec, defects show where they say.

The sanity factor here is crude on purpose; the gate's own bound is derived, and tested elsewhere.
"""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from fractions import Fraction
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import ml_dtypes
import mpmath
import numpy as np
import pytest

from adamcheck.mutations.fused import fma
from adamcheck.rules import initial_state, step
from adamcheck.spec import parse_spec

from . import DEFECTS, EVERY, HONEST, Honest, target
from .record import ALL, Defect
from .scenarios import DTYPES, SCENARIOS
from .scenarios.driving import bits, build, normal

REPOSITORY = Path(__file__).resolve().parents[2]
STEPS = 5
HYPER = {"lr": 0.0625, "beta1": 0.9, "beta2": 0.99, "eps": 0.003}


@cache
def module(path: str) -> Any:
    """A zoo module, loaded by its path alone, as a target file is."""
    spec = importlib.util.spec_from_file_location("zoo_file_" + Path(path).stem, REPOSITORY / path)
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def load(written: str) -> Any:
    path, attribute = written.split(":")
    return getattr(module(path), attribute)


# honest targets


def worst(entry: Honest, spec_text: str, dtype: str) -> float:
    """The largest error of θ after five steps, in units of u·(|θ0| + Σ|Δ|)."""
    kind = DTYPES[dtype]
    start, grads = normal(7, kind, 1, 2.0**-4), [normal(7, kind, 2 + t) for t in range(STEPS)]
    # of one sign, so that m does not cancel; falling, so that the maximum of v is not v
    grads = [((abs(g) + kind(0.25)) * kind(2.0**-t)).astype(kind) for t, g in enumerate(grads)]
    take = build(load(entry.target), [start.copy()], {**HYPER, **entry.options})
    for g in grads:
        (theta,) = take([g.copy()])
    spec, ops = parse_spec(spec_text), SimpleNamespace(sqrt=mpmath.sqrt, maximum=max)
    numbers = {**HYPER, **{k: v for k, v in entry.options.items() if not isinstance(v, bool)}}
    with mpmath.workdps(50):
        hyper = {name: mpmath.mpf(value) for name, value in numbers.items()}
        errors = []
        for k in range(7):
            exact, scale = mpmath.mpf(float(start[k])), abs(mpmath.mpf(float(start[k])))
            state = initial_state(spec, hyper, mpmath.mpf(0), mpmath.mpf(1))
            for g in grads:
                result = step(spec, ops, hyper, state, mpmath.mpf(float(g[k])), exact)
                state, exact = result.state, result.theta
                scale += abs(result.named["update"])
            u = mpmath.mpf(float(ml_dtypes.finfo(kind).eps)) / 2
            errors.append(abs(mpmath.mpf(float(theta[k])) - exact) / (u * scale))
        return float(max(errors))


def factor(entry: Honest, dtype: str) -> float:
    # 1-fl(β) alone may be off by u·β2/(1-β2)
    return 300.0 if entry.scalars == "array" else 20.0


@pytest.mark.parametrize("entry", HONEST, ids=lambda e: e.name)
def test_honest_follows_its_spec(entry: Honest) -> None:
    for dtype in entry.dtypes:
        found = worst(entry, entry.spec, dtype)
        assert found <= factor(entry, dtype), f"{entry.name} in {dtype}: {found:.3g} units"


@pytest.mark.parametrize("entry", [e for e in HONEST if e.spec != "adam"], ids=lambda e: e.name)
def test_the_comparison_tells_a_dialect_from_adam(entry: Honest) -> None:
    dtype = entry.dtypes[0]
    assert worst(entry, "adam", dtype) > 1000 * factor(entry, dtype)


@pytest.mark.parametrize("entry", HONEST, ids=lambda e: e.name)
def test_honest_leaves_gradients_alone(entry: Honest) -> None:
    for dtype in entry.dtypes:
        _, *seen = SCENARIOS["buffers"](load(entry.target), DTYPES[dtype], dict(entry.options))
        left = [gradient for gradient, _ in seen]
        assert left == [bits(normal(5, DTYPES[dtype], 2 + t)) for t in range(4)]


@pytest.mark.parametrize("entry", HONEST, ids=lambda e: e.name)
def test_honest_goes_on_after_loading(entry: Honest) -> None:
    made = load(entry.target)
    if not isinstance(made, type):
        return  # functions have no state to save
    for dtype in entry.dtypes:
        seen = list(SCENARIOS["state"](made, DTYPES[dtype], dict(entry.options)))
        assert seen[:3] == seen[3:6] == seen[6:9]


@pytest.mark.parametrize("entry", HONEST, ids=lambda e: e.name)
def test_honest_reads_any_layout(entry: Honest) -> None:
    for dtype in entry.dtypes:
        seen = list(SCENARIOS["layout"](load(entry.target), DTYPES[dtype], dict(entry.options)))
        assert len(seen) == 32
        assert set(seen[::2]) == {seen[0]}
        assert set(seen[1::2]) == {seen[1]}


@pytest.mark.parametrize("entry", HONEST, ids=lambda e: e.name)
def test_honest_keeps_every_shape(entry: Honest) -> None:
    for dtype in entry.dtypes:
        options = dict(entry.options)
        for shape, seen in SCENARIOS["shapes"](load(entry.target), DTYPES[dtype], options):
            for ((is_array, name, shape_back, _),) in seen:
                assert (is_array, name, shape_back) == (True, dtype, shape)


@pytest.mark.parametrize("entry", HONEST, ids=lambda e: e.name)
def test_honest_refuses_what_it_should(entry: Honest) -> None:
    seen = list(SCENARIOS["reject"](load(entry.target), np.float32, dict(entry.options)))
    refused = [outcome[1] if isinstance(outcome, tuple) else outcome for outcome in seen]
    assert set(refused) == {"ValueError"}


# planted defects


@cache
def shown(written: str, shows: str, dtype: str, options: tuple[tuple[str, Any], ...]) -> list[Any]:
    with np.errstate(all="ignore"):
        return list(SCENARIOS[shows](load(written), DTYPES[dtype], dict(options)))


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda d: d.name)
def test_defect_differs_from_its_twin_where_it_says(defect: Defect) -> None:
    options = tuple(sorted(defect.options.items()))
    bites = [
        dtype
        for dtype in ALL
        if shown(defect.target, defect.shows, dtype, options)
        != shown(defect.twin, defect.shows, dtype, options)
    ]
    assert bites == [dtype for dtype in ALL if dtype in defect.dtypes]


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda d: d.name)
def test_defect_constructs_and_steps(defect: Defect) -> None:
    kind = DTYPES[defect.dtypes[0]]
    take = build(load(defect.target), [normal(6, kind, 1)], {**HYPER, **defect.options})
    (theta,) = take([normal(6, kind, 2)])
    assert np.shape(theta) == (6,)


def test_names_are_unique_and_kebab_case() -> None:
    names = [entry.name for entry in EVERY]
    assert len(set(names)) == len(names)
    assert [n for n in names if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", n)] == []


def test_records_are_sound() -> None:
    for entry in HONEST:
        assert str(parse_spec(entry.spec)), entry.name
        assert set(entry.dtypes) <= set(ALL)
    for defect in DEFECTS:
        assert str(parse_spec(defect.claims)), defect.name
        assert defect.why, defect.name
        assert defect.shows in SCENARIOS, defect.name
        assert defect.dtypes, defect.name
    assert {d.shows for d in DEFECTS} == set(SCENARIOS)


def test_target_names_a_file_and_an_attribute() -> None:
    assert target("textbook") == "tests/zoo/honest.py:Textbook"
    assert next(h for h in HONEST if h.name == "eps-inside-dialect").spec == "adam[eps=inside]"
    with pytest.raises(KeyError, match="no target of the zoo is called 'nobody'"):
        target("nobody")


def test_every_file_loads_by_its_path_from_anywhere(tmp_path: Path) -> None:
    files = sorted({entry.target.split(":")[0] for entry in EVERY})
    code = (
        "import importlib.util, sys\n"
        "for i, path in enumerate(sys.argv[1:]):\n"
        "    spec = importlib.util.spec_from_file_location(f'subject{i}', path)\n"
        "    spec.loader.exec_module(importlib.util.module_from_spec(spec))\n"
    )
    paths = [str(REPOSITORY / name) for name in files]
    run = [sys.executable, "-P", "-c", code, *paths]
    done = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


# the correctly rounded multiply-add


@pytest.mark.parametrize("dtype", ALL)
def test_fma_rounds_once(dtype: str) -> None:
    kind = DTYPES[dtype]
    info = ml_dtypes.finfo(kind)
    low, high = float(np.log2(float(info.smallest_subnormal))), float(np.log2(float(info.max)))
    rng = np.random.default_rng(7)
    near = [normal(400, kind, k) for k in range(3)]
    spread = [
        (rng.standard_normal(400) * np.exp2(rng.uniform(low / 2, high / 2, 400))).astype(kind)
        for _ in range(3)
    ]
    cancelling = [near[0], near[1], (-(near[0] * near[1])).astype(kind)]
    tiny = [
        (rng.standard_normal(400) * np.exp2(x / 2 + rng.uniform(-3, 3, 400))).astype(kind)
        for x in (1.3 * low, 1.3 * low, 3 * low)
    ]
    with np.errstate(all="ignore"):
        for a, b, c in (near, spread, cancelling, tiny):
            for x, y, z, r in zip(a, b, c, fma(a, b, c, kind), strict=True):
                exact = Fraction(float(x)) * Fraction(float(y)) + Fraction(float(z))
                error = abs(Fraction(float(r)) - exact)
                for side in (kind(np.inf), kind(-np.inf)):
                    other = float(np.nextafter(r, side))
                    assert np.isinf(other) or error <= abs(Fraction(other) - exact)
