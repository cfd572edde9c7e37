"""The strategies reach every layout, shape, law regime and hyperparameter edge, in every format."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis.strategies import SearchStrategy

from adamcheck.formats import FORMATS, Format
from adamcheck.inputs.strategies import EXTRAS, hyperparameters, shapes, trajectories
from adamcheck.inputs.zone import zone
from adamcheck.spec import parse_spec
from adamcheck.targets.protocol import LAYOUTS, Description, Trajectory
from adamcheck.targets.requests import check

FULL = Description(
    target="t",
    adapter="class",
    hyperparameters=frozenset({"lr", "beta1", "beta2", "eps", "weight_decay"}),
    flags=frozenset({"amsgrad"}),
    abilities=frozenset(
        {"stepwise", "many", "missing", "moments", "load_moments", "state", "layouts"}
    ),
    dtypes=tuple(FORMATS),
    layouts=LAYOUTS,
)
SMALLEST = replace(
    FULL, hyperparameters=frozenset({"lr"}), abilities=frozenset({"stepwise"}), layouts=("C",)
)
every_format = pytest.mark.parametrize("fmt", FORMATS.values(), ids=lambda fmt: fmt.name)


def seen(
    strategy: SearchStrategy[Any], look: Callable[[Any], Any], examples: int = 300
) -> list[Any]:
    found: list[Any] = []

    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def test(example: Any) -> None:
        found.append(look(example))

    test()
    return found


@every_format
@pytest.mark.parametrize("safe", [True, False])
def test_every_trajectory_can_be_sent(fmt: Format, safe: bool) -> None:
    def look(asked: Trajectory) -> int:
        check(asked)
        for theta, grads in zip(asked.theta0, asked.grads, strict=True):
            assert theta.dtype == grads.dtype == fmt.dtype
            assert grads.shape == (asked.steps, *theta.shape)
            wide = grads.astype(np.float64)
            assert np.isfinite(wide).all()
            assert np.isfinite(theta.astype(np.float64)).all()
            if safe:
                usual = {"lr": 1e-3, "beta1": 0.9, "beta2": 0.999}
                assert (np.abs(wide) <= zone(fmt, usual | dict(asked.hyper)).largest).all()
        assert set(asked.hyper) == {"lr", "beta1", "beta2", "eps"}
        assert fmt.rounded(asked.hyper["eps"]) > 0
        assert all(fmt.rounded(asked.hyper[name]) < 1 for name in ("beta1", "beta2"))
        return sum(theta.size for theta in asked.theta0)

    sizes = seen(trajectories(fmt, FULL, safe=safe, extras=tuple(EXTRAS)), look, 80)
    assert max(sizes) > 100


def test_all_layouts_shapes_and_extras_occur() -> None:
    strategy = trajectories(
        FORMATS["float32"], FULL, extras=tuple(EXTRAS), flags=[frozenset(), frozenset({"amsgrad"})]
    )
    asked = seen(strategy, lambda trajectory: trajectory, 400)
    assert {a.theta_layout for a in asked} == {a.grad_layout for a in asked} == set(LAYOUTS)
    assert len({(a.theta_layout, a.grad_layout) for a in asked}) > 2 * len(LAYOUTS)
    assert {a.flags for a in asked} == {frozenset(), frozenset({"amsgrad"})}
    assert {len(a.theta0) for a in asked} == {1, 2, 3}
    assert {a.theta0[0].ndim for a in asked} == {0, 1, 2, 3, 4}
    assert any(a.theta0[0].size == 0 for a in asked)
    assert any(a.present is not None and not a.present.all() for a in asked)
    assert any(a.preload is not None and a.preload[0]["t"] >= 255 for a in asked)
    assert {a.reload_after is None for a in asked} == {True, False}
    assert {a.twin for a in asked} == {a.moments for a in asked} == {True, False}
    assert max(a.steps for a in asked) == 40
    thetas = [a.theta0[0] for a in asked if a.theta0[0].size]
    assert any((np.signbit(x) & (x == 0)).all() for x in thetas)
    assert any((x == 1).all() for x in thetas)
    assert any(np.ptp(np.log2(np.abs(x[x != 0]))) > 20 for x in thetas if (x != 0).any())


def test_small_sizes_all_occur() -> None:
    found = set(seen(shapes(600), lambda shape: shape, 1500))
    assert {(n,) for n in range(1, 34)} <= found
    assert {(), (0,), (3, 0), (257,)} <= found
    assert not [shape for shape in found if np.prod(shape) > 600]
    assert all(np.prod(shape) <= 6 for shape in seen(shapes(6), lambda shape: shape, 60))


def test_hyperparameters_are_usual_ordinary_dyadic_and_at_edges() -> None:
    names = ["lr", "beta1", "beta2", "eps"]
    found = seen(hyperparameters(FORMATS["float64"], names, zero_eps=True), lambda h: h, 600)
    assert all(list(h) == names for h in found)
    assert any(h == {"lr": 1e-3, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8} for h in found)
    assert any(h["beta1"] == 0 for h in found)
    assert any(h["beta1"] == h["beta2"] != 0 for h in found)
    assert any(0 < h["beta2"] < h["beta1"] ** 2 for h in found)
    assert any(h["eps"] == 0 for h in found)
    assert any(h["lr"] >= 1000 for h in found)
    assert any(h["lr"] < 1e-9 for h in found)
    assert any(all(float(x).as_integer_ratio()[1] <= 2**30 for x in h.values()) for h in found)
    calm = seen(hyperparameters(FORMATS["float64"], names), lambda h: h["eps"], 300)
    assert min(calm) > 0


def test_a_target_that_takes_little_is_asked_for_little() -> None:
    def look(asked: Trajectory) -> None:
        assert set(asked.hyper) == {"lr"}
        assert (asked.theta_layout, asked.grad_layout) == ("C", "C")
        assert len(asked.theta0) == 1
        absent = (asked.present, asked.preload, asked.reload_after)
        assert all(x is None for x in absent)
        assert not asked.moments

    seen(trajectories(FORMATS["float32"], SMALLEST, extras=tuple(EXTRAS)), look, 100)


def test_the_spec_decides_which_hyperparameters_are_drawn_and_callers_can_pin_them() -> None:
    strategy = trajectories(
        FORMATS["float64"], FULL, spec=parse_spec("adamw"), hyper={"weight_decay": 0.25}
    )
    assert all(a.hyper["weight_decay"] == 0.25 for a in seen(strategy, lambda a: a, 20))


@pytest.mark.parametrize("fmt", FORMATS.values(), ids=lambda f: f.name)
def test_every_hyperparameter_that_a_rule_can_read_has_values(fmt: Format) -> None:
    specs = (
        "nesterov",
        "momentum[dampening=late]",
        "rmsprop[momentum=yes,accumulator=initial]",
        "adagrad[lr_decay=yes,decay=l2]",
        "nadam[schedule=momentum-decay,eps=both]",
    )
    for names in (parse_spec(text).hyperparameters for text in specs):
        drawn = find(hyperparameters(fmt, names), lambda hyper: True)
        assert set(drawn) == set(names)


def test_examples_shrink_towards_one_constant_element() -> None:
    fmt = FORMATS["float32"]
    asked = find(
        trajectories(fmt, FULL),
        lambda a: a.theta0[0].size >= 3 and a.steps >= 2 and a.grads[0].any(),
        settings=settings(max_examples=500, database=None, derandomize=True, deadline=None),
    )
    assert asked.grads[0].shape == (2, 3)
    assert len(asked.theta0) == 1
    assert not asked.theta0[0].any()
    assert (asked.grads[0] == asked.grads[0][0]).all()


def test_only_the_strategies_import_hypothesis() -> None:
    code = (
        "import sys, adamcheck.inputs.sequences, adamcheck.inputs.shrink,"
        " adamcheck.inputs.fuzz; print('hypothesis' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
