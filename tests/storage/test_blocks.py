"""Moments in blocks: what codes stand for, honest blocks, and others than are claimed."""

from __future__ import annotations

import numpy as np
import pytest

from adamcheck import check
from adamcheck.checks.registry import check_by_id
from adamcheck.codes import numbers, rounded, scales, slack
from adamcheck.errors import UsageError
from adamcheck.properties import hold
from adamcheck.properties.context import Account, Skip
from adamcheck.result import Status, Verdict
from adamcheck.spec import parse_spec

from .asked import STORED, asked, broken, seen

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


def test_the_slack_holds_for_every_value_of_an_interval_and_every_scale_of_one():
    """Gaps grow by the decade, and the last one is a half: the ends alone do not tell."""
    rng = np.random.default_rng(3)
    for words in ("bits=8", "bits=4", "bits=8,map=linear", "bits=4,map=dynamic-linear"):
        spec = parse_spec(f"adam[{words}]")
        for state in ("m", "v"):
            ends = np.sort(rng.uniform(0.0, 1.0, (2, 512)) ** 2, axis=0)
            low, high = ends[0], ends[1] * (ends[1] > ends[0])
            least = np.full(512, rng.uniform(1.0, 1.2))
            most = slack(spec, state, low, high, least * 1.3, least)
            for share in np.linspace(0.0, 1.0, 41):
                x, scale = low + share * (high - low), least * rng.uniform(1.0, 1.3)
                off = np.abs(rounded(spec, state, x, scale) - x)
                assert (off <= most * (1 + 1e-12)).all()


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


def test_single_steps_count_what_they_decide_and_how_far_they_look():
    account = seen("ADAM-ST-4", EIGHT, EIGHT, "float32")
    large, small = 2 * (4096 + 256), 4095
    # what a code keeps nothing of, beside a much larger element, is asked and not decided
    assert account.examples + account.undecided == 3 * 6 * (large + small)
    assert 0 < account.undecided < account.examples
    assert 0.0 < account.ratio < 1.0
    assert account.reach.horizons


HIDES = """
from adamcheck.mutations.stored import Stored
from adamcheck.mutations.target import named

KIND = named("adam[arithmetic=float32,bits=8]", Stored, ())

def make(theta0, *, lr, beta1, beta2, eps):
    made = KIND([theta0], lr=lr, beta1=beta1, beta2=beta2, eps=eps)
    return lambda g: made.step([g])[0]
"""


def test_whole_runs_of_blocks_decide_nothing_whoever_judges_them(tmp_path):
    """No bound of what codes lose over a run is derived: nothing of it is decided, and it is said.

    Arrays that are not in blocks are judged all the same.
    """
    path = tmp_path / "hides.py"
    path.write_text(HIDES)
    rng = np.random.default_rng(3)
    with asked(f"{path}:make", EIGHT, "float32") as context:
        account = Account()
        trajectory = context.trajectory(rng.standard_normal((4, 5000)))
        assert hold(context, account, trajectory)
        assert (account.examples, account.undecided) == (0, 4 * 5000)
        assert hold(context, account, context.trajectory(rng.standard_normal((4, 50))))
        assert (account.examples, account.undecided) == (4 * 50, 4 * 5000)
        told = [f.message for f in context.findings if f.name == "not-asked"]
        assert len(told) == 2
        assert told[0].endswith("in blocks: the target does not show its moments")
        assert told[1].startswith("whole runs of arrays of 4096 elements and more, whose moments")
    with asked(f"{STORED}:{EIGHT}", EIGHT, "float32") as context:
        # by whatever property: here none of those that are asked step by step
        trajectory = context.trajectory(rng.standard_normal((4, 5000)), hyper=context.used)
        with pytest.raises(Skip, match="moments are in blocks"):
            hold(context, Account(), trajectory, "moves")


@pytest.mark.parametrize("name", ["ADAM-ST-1", "ADAM-LS-8"])
def test_what_is_not_shown_is_skipped_by_its_name(name, tmp_path):
    path = tmp_path / "hides.py"
    path.write_text(
        "from adamcheck.mutations.stored import Stored\n"
        "from adamcheck.mutations.target import named\n"
        "class Hides(named('adam[moments=float32]', Stored, ())):\n"
        "    def moments(self):\n"
        "        return [{n: x for n, x in one.items() if n != 'v'} for one in super().moments()]\n"
    )
    with (
        asked(f"{path}:Hides", "adam[moments=float32]", "bfloat16") as context,
        pytest.raises(Skip, match=r"^the target does not show v$"),
    ):
        check_by_id(name).run(context, Account())
