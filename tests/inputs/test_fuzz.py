"""The search finds, simplifies, repeats and stops; it steers; it leaves no files and no state."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import hypothesis
import numpy as np
import pytest
from hypothesis import configuration

from adamcheck.formats import FORMATS
from adamcheck.inputs.fuzz import Counterexample, fuzz, seed_for
from adamcheck.inputs.strategies import trajectories
from adamcheck.oracle.evidence import Evidence
from adamcheck.oracle.judge import judge
from adamcheck.spec import Spec
from adamcheck.targets.protocol import Description, Trajectory

FMT = FORMATS["float32"]
TARGET = Description(
    target="t",
    adapter="function",
    hyperparameters=frozenset({"lr", "beta1", "beta2", "eps"}),
    flags=frozenset(),
    abilities=frozenset({"stepwise", "layouts"}),
    dtypes=("float32",),
    layouts=("C", "F", "strided"),
)
SEARCH = trajectories(FMT, TARGET, spec=Spec(), max_steps=20)


def strided_and_long(asked: Trajectory) -> float:
    size = asked.theta0[0].size
    if asked.grad_layout == "strided" and asked.steps >= 3 and size >= 8:
        raise AssertionError(f"{size} elements over {asked.steps} steps")
    return 0.5


def same(first: Counterexample, second: Counterexample) -> bool:
    a, b = first.trajectory, second.trajectory
    return (
        first.message == second.message
        and a.hyper == b.hyper
        and a.grads[0].tobytes() == b.grads[0].tobytes()
    )


def test_a_failure_is_found_simplified_and_repeated() -> None:
    found = fuzz(SEARCH, strided_and_long, seed=1)
    again = fuzz(SEARCH, strided_and_long, seed=1)
    assert found is not None
    assert again is not None
    assert found.trajectory.grads[0].shape == (3, 8)
    assert found.trajectory.grad_layout == "strided"
    assert found.message == "8 elements over 3 steps"
    assert (found.seed, found.flaky) == (1, False)
    assert same(found, again)
    other = fuzz(SEARCH, strided_and_long, seed=2)
    assert other is not None
    assert other.seed == 2


def test_a_property_that_holds_is_run_so_many_times() -> None:
    calls: list[int] = []
    assert fuzz(SEARCH, lambda t: calls.append(t.steps), seed=0, max_examples=30) is None
    assert len(calls) == 30
    assert len(set(calls)) > 3
    assert np.median(calls) >= 5


def test_shrinking_ends_with_its_budget_on_something_that_failed() -> None:
    calls: list[bool] = []

    def long(asked: Trajectory) -> None:
        calls.append(asked.steps > 4)
        if asked.steps > 4:
            raise ValueError("long")

    found = fuzz(SEARCH, long, seed=0, max_shrinks=5)
    assert found is not None
    assert found.trajectory.steps > 4
    assert len(calls) - calls.index(True) <= 6
    assert found.message == "long"


def test_a_failure_of_another_kind_does_not_take_over() -> None:
    def two(asked: Trajectory) -> None:
        if asked.theta0[0].size >= 4:
            raise ValueError("large")
        if asked.theta0[0].size == 1:
            raise KeyError("small")

    kinds = set()
    for seed in range(6):
        found = fuzz(SEARCH, two, seed=seed)
        assert found is not None
        kinds.add(type(found.error))
        with pytest.raises(type(found.error)):
            two(found.trajectory)
    assert kinds <= {ValueError, KeyError}


def test_a_failure_that_does_not_come_back_is_marked() -> None:
    calls: list[int] = []

    def sometimes(asked: Trajectory) -> None:
        calls.append(1)
        if len(calls) == 4:
            raise AssertionError("once")

    found = fuzz(SEARCH, sometimes, seed=0)
    assert found is not None
    assert found.flaky
    assert found.message == "once"


def test_the_search_climbs_towards_the_bound() -> None:
    def height(asked: Trajectory) -> float:
        steps = asked.steps / 20
        size = min(asked.theta0[0].size, 400) / 400
        if steps * size >= 0.9:
            raise AssertionError("reached")
        return steps * size

    assert fuzz(SEARCH, height, seed=3, max_examples=400) is not None


def test_nonfinite_ratios_do_not_stop_the_search() -> None:
    assert fuzz(SEARCH, lambda t: float("inf"), seed=0, max_examples=5) is None
    assert fuzz(SEARCH, lambda t: float("nan"), seed=0, max_examples=5) is None


def test_assumptions_pass_through() -> None:
    def few(asked: Trajectory) -> None:
        hypothesis.assume(asked.steps > 1)
        if asked.steps == 1:
            raise AssertionError("assumed away")

    assert fuzz(SEARCH, few, seed=0, max_examples=20) is None


def test_interrupts_are_not_counterexamples() -> None:
    def stop(asked: Trajectory) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fuzz(SEARCH, stop, seed=0)


def test_a_database_brings_the_failure_back_at_once(tmp_path: Path) -> None:
    def rare(asked: Trajectory) -> None:
        if asked.theta0[0].ndim == 3 and asked.grad_layout == "F":
            raise AssertionError("rare")

    kept = tmp_path / "examples"
    assert fuzz(SEARCH, rare, seed=0, max_examples=300, database=kept, name="rare") is not None
    calls: list[bool] = []

    def watched(asked: Trajectory) -> None:
        calls.append(asked.theta0[0].ndim == 3 and asked.grad_layout == "F")
        rare(asked)

    assert fuzz(SEARCH, watched, seed=9, max_examples=1, database=kept, name="rare") is not None
    assert calls[0]
    assert fuzz(SEARCH, watched, seed=9, max_examples=1, database=kept, name="other") is None


def test_nothing_is_written_to_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = getattr(configuration, "__hypothesis_home_directory")
    fuzz(SEARCH, strided_and_long, seed=1)
    assert list(tmp_path.iterdir()) == []
    assert getattr(configuration, "__hypothesis_home_directory") == before


def test_seeds_are_fixed_except_for_thorough_runs() -> None:
    assert seed_for("quick") == seed_for("ci") == 0
    assert seed_for("thorough", 5) == seed_for("ci", 5) == 5
    assert len({seed_for("thorough") for _ in range(8)}) > 1


def textbook(asked: Trajectory, dtype: np.dtype[Any], *, inside: bool) -> np.ndarray:
    h = asked.hyper
    theta, grads = asked.theta0[0].reshape(-1), asked.grads[0].reshape(asked.steps, -1)
    m, v, thetas = np.zeros_like(theta), np.zeros_like(theta), [theta]
    one = dtype.type
    with np.errstate(all="ignore"):
        for t, g in enumerate(grads, start=1):
            m = one(h["beta1"]) * m + one(1 - h["beta1"]) * g
            v = one(h["beta2"]) * v + one(1 - h["beta2"]) * (g * g)
            m_hat = m / one(1 - h["beta1"] ** t)
            v_hat = v / one(1 - h["beta2"] ** t)
            eps = one(h["eps"])
            theta = theta - one(h["lr"]) * (
                m_hat / (np.sqrt(v_hat + eps) if inside else np.sqrt(v_hat) + eps)
            )
            thetas.append(theta)
    return np.stack(thetas)


@pytest.mark.parametrize("name", ["float64", "float32", "float16"])
@pytest.mark.parametrize("safe", [True, False])
def test_an_honest_order_survives_the_search_and_a_dialect_does_not(name: str, safe: bool) -> None:
    fmt = FORMATS[name]
    decided = []

    def holds(asked: Trajectory, inside: bool = False) -> float:
        thetas = textbook(asked, fmt.dtype, inside=inside)
        grads = asked.grads[0].reshape(asked.steps, -1)
        judged = judge(Evidence(Spec(), fmt, asked.hyper, grads, thetas))
        assert not judged.bad.any()
        decided.append((judged.decided, judged.blind))
        return judged.largest_ratio

    search = trajectories(fmt, TARGET, max_steps=12, safe=safe)
    assert fuzz(search, holds, seed=0, max_examples=60) is None
    seen, blind = np.sum(decided, axis=0)
    assert seen > blind
    found = fuzz(search, lambda asked: holds(asked, inside=True), seed=0, max_examples=60)
    assert found is not None
    assert found.trajectory.grads[0].size == 1


def test_one_example_holds_many_elements() -> None:
    sizes: list[int] = []
    fuzz(SEARCH, lambda t: sizes.append(t.grads[0].size), seed=0, max_examples=60)
    assert np.mean(sizes) > 100
