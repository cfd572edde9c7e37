"""The horizon is what the judged runs reached, and nothing more."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from adamcheck.formats import format_named
from adamcheck.horizon import _JOIN, Horizon, front, merged
from adamcheck.oracle.evidence import Evidence
from adamcheck.oracle.judge import judge
from adamcheck.properties.context import Account
from adamcheck.properties.reach import Reach
from adamcheck.spec import parse_spec

HYPER = {"lr": 0.125, "beta1": 0.875, "beta2": 0.96875, "eps": 2.0**-20}


def run(grads, *, spec="adam", hyper=HYPER, theta0=0.0, **more):
    """The judgement of textbook Adam in float64 on ``grads [T, N]``."""
    grads = np.asarray(grads, np.float64)
    thetas = np.full((len(grads) + 1, grads.shape[1]), theta0)
    m = v = np.zeros(grads.shape[1])
    b1, b2 = hyper["beta1"], hyper["beta2"]
    for t, g in enumerate(grads, 1):
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g * g
        root = np.sqrt(v / (1 - b2**t)) + hyper["eps"]
        thetas[t] = thetas[t - 1] - hyper["lr"] * (m / (1 - b1**t)) / root
    return judge(Evidence(parse_spec(spec), format_named("float64"), hyper, grads, thetas, **more))


def reached(*judgements):
    """What one check's runs reached."""
    reach = Reach()
    for one in judgements:
        reach.add(one)
    return merged("float64", reach.horizons)


def silent(steps, *where):
    grads = np.zeros((steps, len(where)))
    for column, rows in enumerate(where):
        grads[list(rows), column] = 1.0
    return grads


@pytest.mark.parametrize(
    ("rows", "silence", "late"),
    [
        ([0, 1, 2], 0, 0),
        ([0, 11], 10, 0),
        ([0, 3, 11], 7, 0),
        ([5, 6], 0, 5),
        ([4, 9], 4, 4),
        ([0], 0, 0),  # after this silence no gradient came again
    ],
)
def test_a_silence_lies_between_two_gradients_of_one_element(rows, silence, late):
    found = reached(run(silent(12, range(12), rows)))
    assert (found.silence, found.late_start) == (silence, late)


def test_silences_of_different_elements_do_not_add_up():
    found = reached(run(silent(20, [0, 6], [0, 9, 19])))
    assert found.silence == 9


def test_steps_arrays_and_lists():
    found = reached(run(np.ones((3, 7)), sizes=(2, 5)))
    assert (found.steps, found.sizes, found.parameters) == (3, (2, 5), 2)
    assert found.arrays == ((5, 3),)
    assert found.steps_of(5) == 3
    assert found.steps_of(6) == 0


def test_what_was_met_at_one_step_of_one_element_is_kept_two_by_two():
    grads = silent(12, [0, *range(4, 12)], [0, 5, 11])
    grads[4, 0], grads[5, 1] = 8.0, 4.0
    found = reached(run(grads, sizes=(2,)))
    assert found.together == {
        "step, size": ((12.0, 2.0),),
        "step, silence": ((12.0, 5.0),),
        "step, gradient": ((5.0, 8.0), (6.0, 4.0), (12.0, 1.0)),
        "size, silence": ((2.0, 5.0),),
        "size, common silence": ((2.0, 3.0),),
        "size, gradient": ((2.0, 8.0),),
        "silence, gradient": ((3.0, 8.0), (4.0, 4.0), (5.0, 1.0)),
    }
    assert found.met("silence", 4, "gradient", 4.0)
    assert found.met("gradient", 1.0, "silence", 5)
    assert not found.met("silence", 5, "gradient", 4.0)
    assert not found.met("step", 7, "gradient", 4.0)


def test_corrections_are_followed_while_their_powers_are_above_the_roundoff():
    brief = HYPER | {"beta1": 0.5, "beta2": 0.75}  # 0.75^128 is below 2^-53
    assert reached(run(np.ones((200, 1)), hyper=brief)).corrected == 127
    assert reached(run(np.ones((100, 1)), hyper=brief)).corrected == 100


@pytest.mark.parametrize(
    ("spec", "clocks"),
    [
        ("adam", 1),
        ("adam[bias_correction=none]", 0),
        ("adam[bias_correction=m]", 1),
        ("adam[bias_correction=v]", 2),
    ],
)
def test_only_corrections_that_the_update_reads_count(spec, clocks):
    beta1, beta2 = 0.75, 0.5
    hyper = {**HYPER, "beta1": beta1, "beta2": beta2}
    last = {0: 0, 1: 127, 2: 53}[clocks]  # beta^t >= 2^-53
    judged = run(np.ones((200, 1)), hyper=hyper)
    changed = replace(judged, evidence=replace(judged.evidence, spec=parse_spec(spec)))
    assert reached(changed).corrected == last


def test_an_element_is_met_in_the_array_that_it_stands_in():
    rows = [range(12)] * 5 + [[0, 9]]
    found = reached(run(silent(12, *rows) * ([1.0] * 5 + [4.0]), sizes=(5, 1)))
    assert found.together["size, silence"] == ((1.0, 8.0),)
    assert found.together["size, gradient"] == ((1.0, 4.0), (5.0, 1.0))
    assert "size, common silence" not in reached(run(silent(12, range(12), [0, 9]))).together


def test_a_common_silence_is_one_of_all_elements_at_once():
    apart = reached(run(silent(24, [0, 9, *range(10, 24)], [*range(10), 20, 23])))
    assert "size, common silence" not in apart.together
    at_once = reached(run(silent(24, [0, 9, 12], [1, 2, 9, 20])))
    assert at_once.together["size, common silence"] == ((2.0, 7.0),)


def test_steps_are_counted_from_a_loaded_one():
    plain = run(np.ones((3, 2)))
    loaded = replace(plain, evidence=replace(plain.evidence, first=100))
    assert reached(loaded).together["step, size"] == ((103.0, 2.0),)


def test_a_spike_is_measured_against_what_came_before_it():
    grads = np.ones((10, 2))
    grads[6, 1] = 48.0
    found = reached(run(grads))
    assert found.spikes == ((7.0, 48.0),)
    assert found.gradients == (1.0, 48.0)
    assert reached(run(silent(8, [5]))).spikes == ()  # a first gradient is no spike


def test_switches_count_only_where_they_are_on():
    grads = np.zeros((4, 1))  # no step, so that every dialect fits
    plain = reached(run(grads + 1.0))
    assert plain.options == {}
    decayed = HYPER | {"weight_decay": 0.0}
    assert reached(run(grads + 1.0, spec="adamw", hyper=decayed)).options == {}
    grown = reached(run(grads + 1.0, spec="adam[amsgrad=v]"))
    assert grown.options == {"amsgrad": 4}


def test_what_decided_nothing_does_not_count():
    with np.errstate(over="ignore", invalid="ignore"):
        assert reached(run(np.full((50, 3), 1e300))) == Horizon("float64")


def test_magnitudes_of_undecided_steps_do_not_count():
    with np.errstate(over="ignore", invalid="ignore"):
        found = reached(run(np.array([[1.0, 0.0], [1.0, 1e300], [2.0, 1e300]])))
    assert found.gradients == (1.0, 2.0)


def test_an_account_collects_and_horizons_merge():
    account = Account()
    account.count(run(np.ones((5, 2))))
    account.count(run(2.0 * silent(30, [0, 20])))
    found = merged("float64", account.reach.horizons)
    assert (found.steps, found.silence) == (30, 19)
    assert found.gradients == (1.0, 2.0)
    assert found.arrays == ((1, 30), (2, 5))
    assert found.hyper["lr"] == (0.125, 0.125)


def test_runs_measured_side_by_side_reach_what_each_reaches_alone():
    rng = np.random.default_rng(5)
    runs = []
    for steps, sizes in ((1, (3,)), (24, (2, 0, 5)), (24, ()), (24, (7,)), (40, (1, 1))):
        count = sum(sizes) or 4
        grads = rng.choice((0.0, 0.0, 1.0, 3.0, 64.0), (steps, count))
        grads[:, 0] = 2.0**520  # of these squares no bound is known
        runs.append(run(grads, sizes=sizes))
        loaded = {"m": np.full(count, 0.5), "v": np.ones(count)}
        runs.append(run(grads, sizes=sizes, start=loaded, first=100 * steps))
    alone = merged("float64", (reached(one) for one in runs))
    assert reached(*runs) == alone
    assert alone.together.keys() > {"step, silence", "size, common silence", "silence, gradient"}


def test_merging_knows_every_field_and_never_shrinks():
    assert set(_JOIN) == {f.name for f in fields(Horizon)} - {"dtype"}
    one = reached(run(silent(30, [0, 20])))
    assert one | Horizon("float64") == one == Horizon("float64") | one == one | one


def test_a_front_keeps_what_no_other_pair_exceeds():
    assert front([(1, 9), (2, 5), (2, 4), (3, 5), (0, 9)]) == ((1, 9), (3, 5))
