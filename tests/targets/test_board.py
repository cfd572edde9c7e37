"""Both sides see the same board, and its numbers come back in the target's own formats."""

import os

import ml_dtypes
import numpy as np
import pytest

from adamcheck.targets.board import Board, Plan, new_descriptor

BFLOAT16 = np.dtype(ml_dtypes.bfloat16)


@pytest.fixture
def descriptor():
    made = new_descriptor()
    yield made
    os.close(made)


def both(descriptor, plan):
    return Board(descriptor, plan, create=True), Board(descriptor, plan, create=False)


def test_what_one_side_writes_the_other_reads(descriptor):
    theta: list[np.ndarray] = [np.zeros((2, 3)), np.zeros((), np.float32), np.zeros(0, np.float16)]
    mine, theirs = both(descriptor, Plan.of(theta, 4, moments=True))
    theirs.thetas[0][1] = 7
    theirs.thetas[1][2] = 5
    theirs.moments[1]["v"][0] = 0.25
    theirs.note_dtype(1, "v", np.dtype(np.float32))
    theirs.note_dtype(0, "m", BFLOAT16)
    theirs.head[0] = theirs.head[2] = 2
    assert [a.shape for a in mine.copied_thetas()] == [(3, 2, 3), (3,), (3, 0)]
    assert mine.copied_thetas()[0][1].tolist() == [[7] * 3] * 2
    assert mine.copied_thetas()[1].tolist() == [0, 0, 5]
    moments = mine.copied_moments()
    assert moments[0].keys() == {"m", "t"}
    assert moments[0]["m"].dtype == BFLOAT16
    assert moments[1]["v"].dtype == np.float32
    assert moments[1]["v"].tolist() == [0.25, 0.0]
    mine.close()
    theirs.close()


def test_a_new_run_starts_from_nothing(descriptor):
    plan = Plan.of([np.zeros(2)], 3, moments=True)
    first, child = both(descriptor, plan)
    child.head[0] = child.head[1] = child.head[2] = 3
    child.note_dtype(0, "m", np.dtype(np.float64))
    first.close()
    child.close()
    again = Board(descriptor, plan, create=True)
    assert again.finished() == 0
    assert not again.stepping()
    assert again.copied_moments()[0].keys() == {"t"}
    again.close()


@pytest.mark.parametrize("nonsense", [-5, 10**9])
def test_a_counter_full_of_nonsense_stays_inside(descriptor, nonsense):
    mine, theirs = both(descriptor, Plan.of([np.zeros(2)], 3, moments=True))
    theirs.head[0] = theirs.head[2] = nonsense
    assert len(mine.copied_thetas()[0]) <= 4
    assert len(mine.copied_moments()[0]["t"]) <= 3
    mine.close()
    theirs.close()


def test_an_unknown_format_of_a_moment_is_refused(descriptor):
    mine, theirs = both(descriptor, Plan.of([np.zeros(2)], 1, moments=True))
    with pytest.raises(ValueError, match="moment m has dtype int32; a moment is kept in float64"):
        theirs.note_dtype(0, "m", np.dtype(np.int32))
    mine.close()
    theirs.close()
