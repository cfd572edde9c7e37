"""What is kept behind θ, step by step: honest compensations and copies stay inside."""

from __future__ import annotations

import numpy as np
import pytest

from adamcheck.errors import UsageError
from adamcheck.formats import FORMATS
from adamcheck.mutations.stored import Stored
from adamcheck.mutations.target import named
from adamcheck.oracle.envelope import STRICT, roundings
from adamcheck.oracle.evidence import Evidence
from adamcheck.oracle.judge import judge
from adamcheck.spec import parse_spec

BFLOAT16 = FORMATS["bfloat16"]


def stored(spec: str, theta: float, grads: list[float], lr: float) -> Evidence:
    """A stored target's run on one element, in bfloat16."""
    column = np.array(grads)[:, None].astype(BFLOAT16.dtype)
    thetas = [np.array([theta]).astype(BFLOAT16.dtype)]
    optimizer = named(spec, Stored, ())([thetas[0]], lr=lr)
    thetas += [optimizer.step([g])[0] for g in column]
    return Evidence(parse_spec(spec), BFLOAT16, {"lr": lr}, column, np.array(thetas), {})


@pytest.mark.parametrize("rounding", ["truncate", "stochastic"])
def test_a_copy_behind_a_subnormal_parameter_may_be_a_whole_place_away(rounding):
    """-0.99 places are shown as 0, and so are +0.99 after a step of 1.98: nearly two places off."""
    place = BFLOAT16.eta * 2.0
    spec = f"gd[arithmetic=float32,master=float32,rounding={rounding}]"
    evidence = stored(spec, 0.0, [place, -2.0 * place] * 8, 0.99)
    assert judge(evidence).accepted
    steps = [judge(evidence.step(t)) for t in range(1, 17)]
    assert all(one.accepted for one in steps)
    assert rounding == "stochastic" or max(one.largest_ratio for one in steps) > 0.98


def compensated(
    grads: np.ndarray, theta: np.ndarray, lr: float, seed: int = -1
) -> tuple[np.ndarray, Evidence]:
    """Gradient descent with Kahan's compensation, every operation in bfloat16; the compensations.

    seed: θ goes to one of its two neighbours by chance, and not to the nearest number.
    """
    kind = BFLOAT16.dtype
    rng = np.random.default_rng(seed) if seed >= 0 else None
    theta, grads = theta.astype(kind), grads.astype(kind)
    c, thetas, behind = np.zeros_like(theta), [theta], []
    for g in grads:
        move = c - np.asarray(kind.type(lr) * g, kind)
        new = theta + move
        if rng is not None:
            exact = theta.astype(np.float64) + move.astype(np.float64)
            other = np.nextafter(new, np.where(exact > new, np.inf, -np.inf).astype(kind))
            new = np.where((exact != new) & (rng.random(new.size) < 0.5), other, new)
        c = move - (new - theta)
        theta = new
        thetas.append(theta)
        behind.append(c)
    claim = "gd[kahan=yes]" if rng is None else "gd[kahan=yes,rounding=stochastic]"
    found = Evidence(parse_spec(claim), BFLOAT16, {"lr": lr}, grads, np.array(thetas), {})
    return np.array(behind), found


@pytest.mark.parametrize("seed", [-1, 0])
@pytest.mark.parametrize("octaves", [(0, 0), (-3, 3), (-10, 2)])
def test_a_compensation_is_within_what_is_granted_and_its_steps_too(seed, octaves):
    rng = np.random.default_rng(5)
    count = 1 << 14
    for lr in (1.0, 1.0 + 2.99 * 2.0**-8, 1.0 + 27.01 * 2.0**-8):
        size = 2.0 ** rng.integers(octaves[0], octaves[1] + 1, (6, count))
        grads = rng.uniform(0.5, 2.0, (6, count)) * size * rng.choice((-1.0, 1.0), (6, count))
        theta = rng.uniform(1.0, 2.0, count)
        grads[1] = theta  # leaves little of θ
        behind, evidence = compensated(grads, theta, lr, seed)
        known = roundings(evidence.spec, BFLOAT16, STRICT)
        shown = np.abs(evidence.thetas[1:].astype(np.float64))
        assert (np.abs(behind.astype(np.float64)) <= known.shown * shown + known.lost).all()
        for t in range(1, 7):
            judged = judge(evidence.step(t))
            assert judged.accepted, (t, judged.largest_ratio)


@pytest.mark.parametrize("rounding", ["nearest", "stochastic", "truncate"])
def test_a_compensation_and_any_rounding_of_the_parameter_are_held(rounding):
    spec = f"gd[kahan=yes,rounding={rounding}]"
    rng = np.random.default_rng(3)
    for _ in range(20):
        grads = (rng.normal(0.0, 1.0, 30) * 2.0 ** rng.integers(-9, 1, 30)).tolist()
        evidence = stored(spec, float(rng.normal()), grads, 2.0**-3)
        assert judge(evidence).accepted
        assert all(judge(evidence.step(t)).accepted for t in range(1, 31))


def test_a_compensation_and_a_copy_contradict_each_other():
    with pytest.raises(UsageError, match="kahan=yes and master=float32 contradict"):
        parse_spec("adam[kahan=yes,master=float32]")
