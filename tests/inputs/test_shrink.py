"""The shrinker finds the smallest witness of known defects and returns only what fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from adamcheck.formats import FORMATS
from adamcheck.inputs.numbers import complexity, powers_below, representable, truncated
from adamcheck.inputs.sequences import battery
from adamcheck.inputs.shrink import NotReproducedError, Run, Shrunk, shrink
from adamcheck.oracle.evidence import Evidence
from adamcheck.oracle.judge import judge
from adamcheck.spec import Spec

FMT = FORMATS["float32"]
HYPER = {"lr": 1e-3, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8}
Array = NDArray[Any]
Step = Callable[..., Array]


def adam(
    grads: Array,
    theta: Array,
    *,
    root: Callable[[Array], Array] = lambda v: np.sqrt(v) + HYPER["eps"],
    clock: Callable[[int], int] = lambda t: t,
    after: Callable[[Array, Array, int], Array] = lambda new, old, t: new,
    gradient: Callable[[Array, Array], Array] = lambda g, theta: g,
    keep: Callable[[Array], Array] = lambda v: v,
) -> Array:
    """A textbook Adam in float32 with a hook at each place where a defect can sit."""
    m, v = np.zeros_like(theta), np.zeros_like(theta)
    thetas = [theta]
    with np.errstate(all="ignore"):
        for t, g in enumerate(grads, start=1):
            g = gradient(g, theta)
            m = (HYPER["beta1"] * m + (1 - HYPER["beta1"]) * g).astype(g.dtype)
            v = keep((HYPER["beta2"] * v + (1 - HYPER["beta2"]) * g * g).astype(g.dtype))
            m_hat = m / (1 - HYPER["beta1"] ** clock(t))
            v_hat = v / (1 - HYPER["beta2"] ** clock(t))
            new = (theta - HYPER["lr"] * (m_hat / root(v_hat))).astype(g.dtype)
            theta = after(new, theta, t)
            thetas.append(theta)
    return np.stack(thetas)


def lost_tail(new: Array, old: Array, t: int) -> Array:
    whole = len(new) - len(new) % 8
    return np.concatenate((new[:whole], old[whole:])) if whole else new


def lost_above(new: Array, old: Array, t: int) -> Array:
    return np.where(np.arange(len(new)) >= 4096, old, new)


def leaks(new: Array, old: Array, t: int) -> Array:
    # the second element takes what the first one should get
    return np.concatenate((new[:1], new[:1], new[2:])) if len(new) > 1 else new


DEFECTS: dict[str, Step] = {
    "eps-inside": lambda g, th: adam(g, th, root=lambda v: np.sqrt(v + HYPER["eps"])),
    "counter-stops": lambda g, th: adam(g, th, clock=lambda t: min(t, 16)),
    "hidden-decay": lambda g, th: adam(g, th, gradient=lambda g, th: g + np.float32(1e-4) * th),
    "narrow-moment": lambda g, th: adam(g, th, keep=lambda v: v.astype("f2").astype("f4")),
    "nan-at-zero": lambda g, th: adam(g, th, root=np.sqrt),
    "large-clipped": lambda g, th: adam(g, th, gradient=lambda g, th: np.clip(g, -4, 4)),
    "wrong-sign": lambda g, th: adam(g, th, gradient=lambda g, th: np.where(th < 0, -g, g)),
    "lost-tail": lambda g, th: adam(g, th, after=lost_tail),
    "lost-above-4096": lambda g, th: adam(g, th, after=lost_above),
    "leaks": lambda g, th: adam(g, th, after=leaks),
}


def judged(target: Step) -> Run:
    """First bad steps as a check sees them: the target's trajectory under the envelope."""

    def run(grads: Array, theta0: Array) -> NDArray[np.int64]:
        assert grads.dtype == theta0.dtype == FMT.dtype
        thetas = target(grads, theta0)
        return judge(Evidence(Spec(), FMT, HYPER, grads, thetas)).tallies["theta"].first_bad

    return run


def failing_input(run: Run, steps: int, repeat: int = 1) -> tuple[Array, Array, int, int]:
    found = battery(FMT, HYPER, steps, seed=5, repeat=repeat)
    rng = np.random.default_rng(0)
    theta0 = rng.standard_normal(len(found.labels)).astype(np.float32)
    bad = run(found.grads, theta0)
    assert bad.any()
    element = int(np.flatnonzero(bad)[-1])
    return found.grads, theta0, element, int(bad[element])


def shrunk(name: str, *, steps: int = 60, repeat: int = 1) -> Shrunk:
    run = judged(DEFECTS[name])
    result = shrink(run, *failing_input(run, steps, repeat), fmt=FMT)
    again = run(result.grads, result.theta0)
    assert again[result.element] == result.step == len(result.grads)
    assert result.runs <= 45
    return result


@pytest.mark.parametrize(
    ("name", "steps"),
    [
        ("eps-inside", 1),
        ("counter-stops", 17),
        ("hidden-decay", 1),
        ("narrow-moment", 1),
        ("nan-at-zero", 1),
        ("large-clipped", 2),
        ("wrong-sign", 1),
    ],
)
def test_elementwise_defects_shrink_to_one_element_and_the_fewest_steps(
    name: str, steps: int
) -> None:
    result = shrunk(name)
    assert result.grads.shape == (steps, 1)
    assert np.count_nonzero(result.grads) <= (2 if name == "large-clipped" else 1)
    # every number is a zero, or within two bits of a power of two
    numbers = np.concatenate((result.grads.ravel(), result.theta0)).astype(np.float64)
    assert (truncated(numbers, 2) == numbers).all()


def test_a_lost_tail_shrinks_to_the_smallest_array_that_has_one() -> None:
    result = shrunk("lost-tail")
    assert result.grads.shape == (1, 9)
    assert result.element == 8
    assert np.count_nonzero(result.grads) == 1
    assert result.grads[0, 8] == 1.0
    assert not result.theta0.any()


def test_a_lost_end_shrinks_to_its_first_index() -> None:
    result = shrunk("lost-above-4096", steps=5, repeat=35)
    assert result.grads.shape == (1, 4097)
    assert result.element == 4096
    assert np.count_nonzero(result.grads) == 1


def test_elements_that_need_each_other_shrink_to_two() -> None:
    result = shrunk("leaks")
    assert result.grads.shape[1] == 2
    assert len(result.grads) == 1


def test_shrinking_is_deterministic() -> None:
    first, again = shrunk("counter-stops"), shrunk("counter-stops")
    assert first.grads.tobytes() == again.grads.tobytes()
    assert (first.theta0, first.element, first.runs) == (again.theta0, again.element, again.runs)


def test_a_small_budget_still_returns_a_failure() -> None:
    run = judged(DEFECTS["counter-stops"])
    start = failing_input(run, 60)
    for budget in range(12):
        result = shrink(run, *start, fmt=FMT, budget_runs=budget)
        assert run(result.grads, result.theta0)[result.element] == result.step


def test_a_failure_that_does_not_come_back_is_said_to_be_one() -> None:
    grads, theta0 = np.ones((3, 2), np.float32), np.zeros(2, np.float32)
    with pytest.raises(NotReproducedError, match="passes when the same input is run again"):
        shrink(lambda g, th: np.zeros(g.shape[1], np.int64), grads, theta0, 1, 2, fmt=FMT)


def test_a_failure_that_stops_half_way_is_not_returned() -> None:
    calls = []

    def run(grads: Array, theta0: Array) -> NDArray[np.int64]:
        calls.append(1)
        return np.full(grads.shape[1], len(calls) < 9, np.int64)

    with pytest.raises(NotReproducedError, match="in some runs only"):
        shrink(run, np.ones((1, 2), np.float32), np.zeros(2, np.float32), 0, 1, fmt=FMT)


# Laws of the shrinker over random defects: what fails is a predicate of the gradients.
floats = st.floats(width=32, allow_nan=False, allow_infinity=False, min_value=-1e6, max_value=1e6)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(data=st.data())
def test_random_defects_shrink_to_the_fewest_steps(data: st.DataObject) -> None:
    steps = data.draw(st.integers(1, 20))
    needed = data.draw(st.integers(1, steps))
    threshold = data.draw(st.sampled_from([0.0, 0.5, 3.0, 1000.0]))
    column = data.draw(st.lists(floats, min_size=steps, max_size=steps))
    others = data.draw(st.integers(0, 4))
    grads = np.zeros((steps, 1 + others), np.float32)
    grads[:, others] = column

    def run(g: Array, theta0: Array) -> NDArray[np.int64]:
        above = np.cumsum(np.abs(g) > threshold, axis=0) >= needed
        return np.where(above.any(axis=0), above.argmax(axis=0) + 1, 0)

    theta0 = np.ones(1 + others, np.float32)
    bad = run(grads, theta0)
    if not bad[others]:
        return
    result = shrink(run, grads, theta0, others, int(bad[others]), fmt=FMT)
    assert run(result.grads, result.theta0)[result.element] == result.step
    assert result.grads.shape == (needed, 1)
    assert result.theta0 == [0.0]
    assert len(set(result.grads.ravel().tolist())) == 1


@settings(max_examples=40, deadline=None, derandomize=True)
@given(size=st.integers(2, 300), lanes=st.integers(2, 40), at=st.integers(0, 10**6))
def test_random_positions_shrink_to_an_array_that_still_fails(
    size: int, lanes: int, at: int
) -> None:
    def run(g: Array, theta0: Array) -> NDArray[np.int64]:
        n = g.shape[1]
        lost = (np.arange(n) >= n - n % lanes) & (n > lanes)
        return np.where(lost & g.any(axis=0), 1, 0)

    grads = np.full((3, size), 0.3, np.float32)
    bad = run(grads, np.zeros(size, np.float32))
    if not bad.any():
        return
    element = int(np.flatnonzero(bad)[at % int(bad.sum())])
    result = shrink(run, grads, np.zeros(size, np.float32), element, 1, fmt=FMT)
    assert run(result.grads, result.theta0)[result.element] == result.step == 1
    assert result.grads.shape[1] <= max(2 * lanes, 33)
    assert np.count_nonzero(result.grads) == 1


@given(st.floats(width=32), st.integers(1, 24))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_simpler_numbers_are_numbers_of_the_format_and_no_harder_to_read(
    value: float, bits: int
) -> None:
    here = np.array([value])
    for there in (truncated(here, bits), powers_below(here)):
        assert np.array_equal(representable(there, FMT), there, equal_nan=True)
        assert (complexity(there) <= complexity(here)).all()
    assert complexity(np.array([0.0]))[0] == 0.0
