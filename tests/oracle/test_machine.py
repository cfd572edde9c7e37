"""The block machine: it computes what the generated walk does, and so does code of its own."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from adamcheck.formats import FORMATS
from adamcheck.numerics import machine
from adamcheck.numerics.lower import UnsupportedError, lower
from adamcheck.numerics.vectors import fused
from adamcheck.oracle import evaluate, paths, tape, top
from adamcheck.oracle.envelope import STRICT, Admission
from adamcheck.oracle.evidence import Evidence
from adamcheck.program import Op, trace
from adamcheck.spec import Spec, parse_spec

from . import by_arrays
from .test_family import SPECS
from .test_family_levels import HYPER

ADAMS = ("adam", "adamw", "adam[eps=both,amsgrad=vhat]", "adam[eps=inside,decay=l2]", "amsgrad")
ALL = (*SPECS, *(parse_spec(text) for text in ADAMS))


def wild(spec: Spec, name: str, steps: int, count: int, *, first: int = 0) -> Evidence:
    """Numbers of all magnitudes that no target would show, non-finite ones among them."""
    fmt, rng = FORMATS[name], np.random.default_rng(ALL.index(spec))
    far = 2 if name == "float16" else 30

    def numbers(*shape: int) -> np.ndarray:
        x = rng.standard_normal(shape) * np.exp2(rng.integers(-far, far, shape))
        x = np.where(rng.random(shape) < 0.02, 0.0, x)
        return np.where(rng.random(shape) < 0.002, np.inf, x).astype(fmt.dtype)

    hyper = {k: HYPER[k] for k in spec.hyperparameters}
    moments = {m: numbers(steps, count) for m in trace(spec).moments}
    start = {m: np.abs(numbers(count)) for m in trace(spec).moments} if first else {}
    grads, thetas = numbers(steps, count), numbers(steps + 1, count)
    return Evidence(spec, fmt, hyper, grads, thetas, moments, start, first)


@pytest.mark.parametrize("spec", ALL, ids=str)
@pytest.mark.parametrize("admission", [STRICT, Admission("array", True)], ids=["strict", "wide"])
def test_the_machine_computes_what_the_walk_does(spec: Spec, admission: Admission) -> None:
    """Bit for bit in float64, values and bounds of all outputs."""
    e, program = wild(spec, "float32", 6, 37, first=3), trace(spec)
    names = ("theta", "update", *program.moments)
    values, _, bounds, _ = evaluate.enclose(program, "f64", names, e, admission)
    course, feed = paths.Course.of(e, admission), paths.observed(e, admission)
    with np.errstate(all="ignore"), by_arrays.once_rounded():
        for t, (wanted, radii) in enumerate(paths.walk(course, feed)):
            for q, name in enumerate(names):
                key = name if name in wanted else f"s.{name}"
                assert np.array_equal(values[q, t], wanted[key] + np.zeros(37), equal_nan=True)
                assert np.array_equal(bounds[q, t], radii[key] + np.zeros(37), equal_nan=True)


def test_only_sums_of_products_in_bounds_are_fused() -> None:
    def bound(a, b, c):
        moved = a * b + c * a
        return (c + a * b) * (a - b * c) + (a + moved)

    told = ast.unparse(fused(bound))
    assert "moved = fma(c, a, a * b)" in told
    assert "return fma(fma(a, b, c), a - b * c, a + moved)" in told


@pytest.mark.parametrize("name", ["float32", "float64", "bfloat16"])
@pytest.mark.parametrize("spec", ALL[::3], ids=str)
def test_code_of_its_own_computes_what_the_machine_does(
    spec: Spec, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    count, level = 2 * evaluate.LANES + 3, "dd" if name == "float64" else "f64"
    e, program = wild(spec, name, 5, count), trace(spec)
    observed = ("theta", *program.moments)
    found = []
    for worth in (1 << 60, 0):
        monkeypatch.setattr(tape, "WORTH", worth)
        counts = evaluate.judge(program, level, observed, e, STRICT, 2.0**-24)
        shown = evaluate.enclose(program, level, observed, e, STRICT)
        found.append([counts, *shown])
    for by_machine, by_code in zip(*found, strict=True):
        assert np.array_equal(by_machine, by_code, equal_nan=True)
    assert found[0][0].any()


def test_a_program_gets_code_of_its_own_once_it_ran_so_much() -> None:
    spec = parse_spec("adam[eps=inside]")
    lowered = lower(trace(spec), paired=False, quantities=("theta", "update"))
    made = tape.judging.__wrapped__(lowered, ("theta",), True, ())
    assert made.code(tape.WORTH - 1, 0) is machine.run()
    assert made.code(1, 3) is machine.run()  # some steps are not judged
    own = made.code(1, 0)
    assert own is not machine.run()
    assert made.code(1, 0) is own


@pytest.mark.parametrize("count", [3, 100_003])
def test_threads_and_padding_change_nothing(count: int) -> None:
    spec = parse_spec("adamw")
    e = wild(spec, "float32", 2, count)
    program, observed = trace(spec), ("theta", "m", "v")
    whole = evaluate.judge(program, "f64", observed, e, STRICT, 2.0**-24)
    for i in (0, count // 2, count - 1):
        alone = evaluate.judge(program, "f64", observed, e.element(i), STRICT, 2.0**-24)
        assert np.array_equal(whole[:, :, i], alone[:, :, 0], equal_nan=True)


def test_arrays_that_nobody_may_write_to_and_views_are_read() -> None:
    e = wild(parse_spec("adam"), "float32", 4, 50)
    want = evaluate.judge(trace(e.spec), "f64", ("theta",), e, STRICT, 2.0**-24)
    grads = np.asfortranarray(e.grads)
    grads.setflags(write=False)
    twice = np.repeat(e.thetas, 2, axis=1)[:, ::2]
    got = replace(e, grads=grads, thetas=twice)
    assert np.array_equal(
        evaluate.judge(trace(e.spec), "f64", ("theta",), got, STRICT, 2.0**-24), want
    )


def test_an_operation_that_the_machine_does_not_know_is_refused() -> None:
    program = trace(parse_spec("adam"))
    place = program.output["update"]
    ops = list(program.ops)
    ops[place] = Op("tan", ops[place].args[:1])
    with pytest.raises(UnsupportedError, match="tan"):
        lower(replace(program, ops=tuple(ops)), paired=True, quantities=("theta",))


def test_nothing_is_kept_on_disk(tmp_path: Path) -> None:
    """No code is read from a folder that others might write to: there is no such folder."""
    text = "from adamcheck.numerics import machine; machine.run()"
    folder = {"XDG_CACHE_HOME": str(tmp_path), "HOME": str(tmp_path)}
    subprocess.run([sys.executable, "-c", text], check=True, env=os.environ | folder)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["float32", "float64"])
@pytest.mark.parametrize("text", ["adam", "adamw", "rmsprop[momentum=yes]", "gd"])
def test_every_level_takes_a_rate_that_changes(text: str, name: str) -> None:
    spec, fmt, steps = parse_spec(text), FORMATS[name], 6
    level = "dd" if name == "float64" else "f64"
    grads = np.random.default_rng(1).standard_normal((steps, 3)).astype(fmt.dtype)
    thetas = np.cumsum(np.vstack([grads[:1], -0.01 * grads]), axis=0, dtype=fmt.dtype)
    hyper = {k: HYPER[k] for k in spec.hyperparameters}
    lrs = tuple(0.01 / np.sqrt(t) for t in range(1, steps + 1))
    e = Evidence(spec, fmt, hyper, grads, thetas, lrs=lrs)
    for admission in (STRICT, Admission("array")):
        raw = evaluate.judge(trace(spec), level, ("theta",), e, admission, 2.0**-24)
        arrays = by_arrays.judge(level, ("theta",), e, admission, 2.0**-24)
        assert np.allclose(raw[:, 0], arrays[:, 0], rtol=1e-9)
        for i in range(3):
            balls = top.judge_element(trace(spec), ("theta",), e.element(i), admission)
            assert np.array_equal(raw[:, 2:, i], balls[:, 2:])
            assert np.allclose(raw[:, 0, i], balls[:, 0], rtol=1e-6)
    paced, constant = (
        evaluate.enclose(trace(spec), level, ("theta",), x, STRICT)[0]
        for x in (e, replace(e, lrs=()))
    )
    assert not np.array_equal(paced, constant)
