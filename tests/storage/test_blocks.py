"""Moments in blocks: what codes stand for, honest blocks, and others than are claimed."""

from __future__ import annotations

import numpy as np
import pytest

from adamcheck import check
from adamcheck.codes import numbers, rounded, scales, slack
from adamcheck.errors import UsageError
from adamcheck.result import Status, Verdict
from adamcheck.spec import parse_spec

from .asked import broken

BLOCKED = ("ADAM-ST-4", "ADAM-EL-2", "ADAM-LS-8")
EIGHT = "adam[arithmetic=float32,bits=8]"


def held(target: str, claim: str, **options: str):
    """The result of a few checks of a target whose moments are in blocks."""
    return check(
        f"adamcheck.mutations.stored:{target}", spec=claim, dtypes=["float32"], options=options,
        only=list(BLOCKED), jobs=1,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("bits", "signed", "count"), [(8, True, 256), (8, False, 256), (4, True, 16)]
)
def test_a_dynamic_map_has_as_many_numbers_as_codes(bits, signed, count):
    found = numbers("dynamic", bits, signed=signed)
    assert len(found) == count
    assert max(found) == 1.0
    assert 0.0 in found


@pytest.mark.parametrize(
    "words",
    ["bits=8", "bits=4,map=linear", "bits=4,map=dynamic-linear,blocks=64", "bits=8,map=float8"],
)
@pytest.mark.parametrize("state", ["m", "v"])
def test_the_nearest_number_is_within_the_slack(words, state):
    spec = parse_spec(f"adam[{words}]")
    rng = np.random.default_rng(7)
    x = rng.standard_normal(2048) * 2.0 ** rng.uniform(-20, 0, 2048)
    x = x * x if state == "v" else x
    scale = scales(x, int(spec.blocks))
    off = np.abs(rounded(spec, state, x, scale) - x)
    most = slack(spec, state, x, x, scale)
    assert (off <= most * (1 + 1e-12)).all()
    assert (off > 0.9 * most).any()


def test_blocks_need_bits():
    with pytest.raises(UsageError, match="blocks=128 needs bits=8 or bits=4"):
        parse_spec("adam[blocks=128]")
    with pytest.raises(UsageError, match="map=float8 needs bits=8"):
        parse_spec("adam[bits=4,map=float8]")


@pytest.mark.parametrize(
    "spec",
    [
        EIGHT,
        "adamw[arithmetic=float32,bits=4,blocks=128,map=dynamic-linear]",
        "adam[bits=8,map=float8,blocks_from=1024]",
        "momentum[arithmetic=float32,bits=8,map=linear,blocks=64]",
    ],
)
def test_what_is_claimed_of_blocks_is_held(spec):
    result = held(spec, spec)
    assert result.verdict is Verdict.HELD
    assert {c.status for c in result.checks} == {Status.PASSED}


@pytest.mark.parametrize(
    ("target", "options"),
    [
        ("adam[arithmetic=float32,bits=8,blocks=512]", {}),
        (EIGHT, {"scale": "neighbour"}),
        (EIGHT, {"scale": "global"}),
        ("adam[arithmetic=float32,bits=4]", {}),
        ("adam[arithmetic=float32]", {}),
        ("adam[arithmetic=float32,bits=8,blocks_from=1024]", {}),
    ],
)
def test_other_blocks_are_found(target, options):
    assert broken("ADAM-ST-4", target, EIGHT, "float32", **options)
