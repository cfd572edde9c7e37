"""Under few digits of moments late steps are held one by one, from the moments before them."""

from __future__ import annotations

import pytest

from adamcheck.properties.envelope import _picked

from .asked import broken


@pytest.mark.parametrize(
    ("claim", "edit"),
    [
        ("adam[moments=bfloat16]", "hold p2' if t>=700"),
        ("amsgrad[m=float16]", "hold p1' if t>=2000"),
        ("nadam[moments=bfloat16]", "scale v c=1.05 side=use if t>=5000"),
    ],
)
def test_what_begins_late_is_seen_in_single_steps(claim, edit):
    assert broken("ADAM-LS-8", claim, claim, "float32", edit=edit)
    assert not broken("ADAM-LS-8", claim, claim, "float32")


@pytest.mark.parametrize("steps", [1, 7, 200, 8300])
def test_the_last_step_is_among_those_that_are_held(steps):
    picked = _picked(steps, 96)
    assert picked[0] == 1
    assert picked[-1] == steps
    assert picked == sorted(set(picked))
    assert _picked(steps, 0) == list(range(1, steps + 1))
