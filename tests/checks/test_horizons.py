"""Kinds of defects with drawn thresholds: a threshold anywhere inside the horizon is passed.

The targets are programs changed by one edit under a guard (adamcheck.mutations); thresholds are
drawn, log-uniform, so that none of a check's own numbers can stand just beyond one of them.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from adamcheck.checks.draws import ladder
from adamcheck.engine import unit
from adamcheck.engine.plan import Unit
from adamcheck.formats import format_named
from adamcheck.inputs.lives import Scope, lengths, lives
from adamcheck.profiles import PROFILES, profile_named
from adamcheck.properties.context import Context

from .planted import Bench, killed

LONG, SLOW, WIDE = "ADAM-LS-7", "ADAM-BC-1", "ADAM-EL-2"
KINDS = (
    # spec, edit, what bounds its threshold, the checks of which one must see it
    ("adam", "reset m if silence>={}", "silence", (LONG, SLOW)),
    ("adam", "reset v if silence>={}", "silence", (LONG, SLOW)),
    ("adam", "scale update c=1.001 if t>={}", "long_steps", (LONG,)),
    ("adam", "scale update c=1.001 if t=={}", "long_steps", (LONG,)),
    ("adam", "couple g by=center if t%{}==0", "long_steps", (LONG,)),
    ("adam", "reset p2' if t>={}", "slow_steps", (SLOW,)),
    ("adam", "scale update c=1.01 if size>={}", "wide", (WIDE,)),
    ("adam", "scale update c=1.01 if index=={}", "wide", (WIDE,)),
    ("adam[amsgrad=v]", "reset v_max if t=={}", "long_steps", (LONG, SLOW)),
    ("adam[maximize=yes]", "insert update f=neg if t>={}", "long_steps", (LONG,)),
    ("adam[decay=l2]", "reset weight_decay if t>={}", "long_steps", (LONG, SLOW)),
    ("adam[decay=decoupled]", "reset weight_decay if t>={}", "long_steps", (LONG, SLOW)),
)
FAST = {0, 4, 7}
"""Kinds of which one threshold is tried among the fast tests."""


def thresholds(kind: int, high: int, *, count: int = 3) -> list[int]:
    """Log-uniform in [2, high], from another stream than the checks'."""
    rng = np.random.default_rng([kind, 404])
    return [round(x) for x in np.exp(rng.uniform(np.log(2.0), np.log(high), count)).tolist()]


def cases(profile: str) -> Iterator[pytest.ParameterSet]:
    """Every kind with its thresholds; at the very end of a run nothing is left to be seen."""
    for k, (spec, edit, bound, checks) in enumerate(KINDS):
        last = int(0.9 * getattr(PROFILES[profile], bound))
        for n, threshold in enumerate(thresholds(k, last)):
            text = edit.format(threshold)
            marks = [] if profile == "quick" and k in FAST and not n else [pytest.mark.slow]
            yield pytest.param(spec, text, checks, id=f"{spec}-{text}", marks=marks)


def seen(spec: str, edit: str, checks: tuple[str, ...], profile: str) -> bool:
    """Whether one of the checks sees the edit, in float32."""
    target = f"adamcheck.mutations.target:{spec}"
    with Bench(target, spec=spec, options={"edit": edit}) as bench:
        return any(killed(bench.hold(check, "float32", profile=profile)) for check in checks)


@pytest.mark.parametrize(("spec", "edit", "checks"), list(cases("quick")))
def test_a_drawn_threshold_inside_the_horizon_is_passed(spec, edit, checks):
    assert seen(spec, edit, checks, "quick")


@pytest.mark.parametrize(("spec", "edit", "checks"), list(cases("ci")))
def test_so_it_is_in_ci_whose_horizon_lies_further(spec, edit, checks):
    assert seen(spec, edit, checks, "ci")


PAIRS = (
    ("step, size", "scale update c=1.01 if t>={} and size>={}", WIDE),
    ("size, silence", "reset v' if size>={} and silence>={}", WIDE),
    ("size, common silence", "scale m_hat c=1.1 if index=={} and silence>={}", WIDE),
    ("step, silence", "reset v' if t>={} and silence>={}", LONG),
    ("step, gradient", "scale g c=1.1 if t>={} and |g|>={}", LONG),
    ("silence, gradient", "scale g c=1.1 if silence>={} and |g|>={}", LONG),
)
"""(what was met at once, an edit that needs both, the check that must see it)"""


def met(check: str, pair: str) -> list[tuple[int, int]]:
    """Three corners of what a check's runs met at once in quick, a tenth less of each number."""
    with Bench("adamcheck.mutations.target:adam", spec="adam") as bench:
        context = Context(
            bench.session, bench.spec, format_named("float32"), profile_named("quick")
        )
        horizon = unit.run_unit(context, Unit(check, "float32", 1)).horizon
    assert horizon is not None
    corners = horizon.together[pair]
    some = [corners[k * (len(corners) - 1) // 4] for k in (1, 2, 3)]
    return [(int(0.9 * a), int(0.9 * b)) for a, b in some]


@pytest.mark.parametrize(
    ("pair", "edit", "check"),
    [pytest.param(*p, marks=[] if k == 1 else [pytest.mark.slow]) for k, p in enumerate(PAIRS)],
)
def test_two_conditions_that_a_run_met_at_once_are_passed(pair, edit, check):
    for numbers in met(check, pair):
        assert seen("adam", edit.format(*numbers), (check,), "quick"), numbers


@pytest.mark.parametrize("place", ["g", "m_hat", "update"])
def test_clipping_at_two_is_seen(place):
    assert seen("adam", f"clip {place} c=2", (LONG, "ADAM-SB-2"), "quick")


# the draws themselves


@pytest.mark.parametrize("parts", [1, 2, 5])
def test_a_ladder_visits_every_part_of_a_decade_and_its_end(parts):
    rng = np.random.default_rng(3)
    for low, high in ((1, 7), (2, 2_000), (300, 65_539)):
        drawn = ladder(rng, low, high, parts=parts)
        assert drawn == sorted(set(drawn))
        assert drawn[-1] == high
        assert low <= drawn[0]
        edges = np.log10(np.array([low, *drawn]))
        assert np.diff(edges).max() <= 2.0 / parts + 0.2  # whole numbers, few of them below 10


def test_lengths_are_spread_over_every_octave_to_the_longest():
    drawn = lengths(np.random.default_rng(1), 2_000, 64)
    assert drawn.max() == 2_000
    assert drawn.min() >= 1
    assert set(np.floor(np.log2(drawn)).astype(int)) == set(range(11))


def test_lives_reach_what_they_are_asked_for():
    scope = Scope(silence=300, memory=80, start=200, spike=20.0, same_sign=16, low=-30, high=30)
    grads = lives(np.random.default_rng(5), 1_000, 48, scope)
    assert grads.shape == (1_000, 48)
    assert np.isfinite(grads).all()
    given = grads != 0.0
    assert given.any(axis=0).all()
    assert given.argmax(axis=0).max() == 200
    t = np.arange(1_000)[:, None]
    since = t - np.maximum.accumulate(np.where(given, t, -1_000), axis=0)
    assert 300 in since
    sizes = np.abs(grads[given])
    assert 2.0**18 < sizes.max() <= 2.0**30
    assert sizes.min() < 2.0**-18
    twin = lives(np.random.default_rng(5), 1_000, 48, scope)
    assert np.array_equal(grads, twin)
