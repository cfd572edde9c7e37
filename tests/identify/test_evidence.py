"""Runs of witnesses, asked again: wider and longer, with zeros where they were."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from adamcheck.formats import FORMATS
from adamcheck.identify.batch import Run
from adamcheck.identify.evidence import _further, _is_plain, is_late
from adamcheck.targets.protocol import Trace, Trajectory

FLOAT32 = FORMATS["float32"]


def small():
    grads = np.asarray([[1.0], [0.0], [0.0], [2.0]], np.float32)
    return Trajectory((np.zeros(1, np.float32),), (grads,), {"lr": 0.5})


def test_a_small_witness_is_given_company_and_goes_on():
    made = _further(small(), FLOAT32)
    (g,), (theta,) = made.grads, made.theta0
    assert g.shape == (4 + 4 + 24, theta.size)
    assert theta.size >= 48
    assert np.array_equal(g[:4, :1], small().grads[0])
    assert ((g[:8] == 0.0) == np.tile([[False], [True], [True], [False]], (2, theta.size))).all()
    assert (g[8:] != 0.0).all()


def test_what_is_not_one_plain_run_is_no_evidence():
    plain = small()
    assert _is_plain(plain, FLOAT32, frozenset())
    assert not _is_plain(plain, FLOAT32, frozenset({"amsgrad"}))
    assert not _is_plain(plain, FORMATS["float64"], frozenset())


def test_long_runs_and_those_that_begin_late_are_for_the_moments():
    request = Trajectory((np.zeros(1, np.float32),), (np.ones((5000, 1), np.float32),), {"lr": 0.5})
    assert not _is_plain(request, FLOAT32, frozenset())
    assert _is_plain(request, FLOAT32, frozenset(), most=8192)
    assert _further(request, FLOAT32).steps == 2 * 5000 + 24
    loaded = replace(small(), preload=({"t": 3},))
    assert [is_late(Run("evidence 1", one, Trace(()))) for one in (request, loaded, small())] == [
        True,
        True,
        False,
    ]
