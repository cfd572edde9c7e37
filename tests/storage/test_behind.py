"""Copies behind θ, compensations and roundings by chance: honest ones hold, faulty ones do not."""

from __future__ import annotations

import pytest

from adamcheck import check
from adamcheck.errors import UsageError
from adamcheck.result import Status, Verdict
from adamcheck.spec import parse_spec

from .asked import broken

BEHIND = ("ADAM-ST-2", "ADAM-ST-3", "ADAM-LS-1", "ADAM-LS-3", "ADAM-LS-8", "ADAM-SV-1")


def held(target: str, claim: str, dtype: str = "bfloat16", **options: str):
    """The result of a few checks of a stored target."""
    return check(
        f"adamcheck.mutations.stored:{target}", spec=claim, dtypes=[dtype], options=options,
        only=list(BEHIND), jobs=1,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("spec", "dtype"),
    [
        ("adam[master=float32]", "bfloat16"),
        ("adamw[moments=float32,arithmetic=float32,master=float32]", "float16"),
        ("adam[kahan=yes]", "bfloat16"),
        ("adamw[kahan=yes]", "bfloat16"),
        ("adam[arithmetic=float32,rounding=stochastic]", "bfloat16"),
        ("momentum[arithmetic=float32,rounding=stochastic]", "float16"),
        ("adam[arithmetic=float32,rounding=truncate]", "bfloat16"),
        ("adam[arithmetic=float32,master=none]", "bfloat16"),
    ],
)
def test_what_is_claimed_is_held(spec, dtype):
    result = held(spec, spec, dtype)
    assert result.verdict is Verdict.HELD
    ran = {c.name: c.status for c in result.checks}
    expected = "ADAM-ST-3" if "rounding" in spec else "ADAM-ST-2"
    if "master=none" not in spec:
        assert ran[expected] is Status.PASSED


@pytest.mark.parametrize(
    ("target", "claim", "options", "killer"),
    [
        ("adam", "adam[master=float32]", {}, "ADAM-ST-2"),
        ("adam[master=float32]", "adam[master=float32]", {"forgets": "always"}, "ADAM-ST-2"),
        (
            "adam[kahan=yes]",
            "adam[kahan=yes]",
            {"forgets": "load"},
            "ADAM-SV-1",
        ),
        (
            "adam[arithmetic=float32,rounding=truncate]",
            "adam[arithmetic=float32,rounding=stochastic]",
            {},
            "ADAM-ST-3",
        ),
        (
            "adam[arithmetic=float32]",
            "adam[arithmetic=float32,rounding=stochastic]",
            {},
            "ADAM-ST-3",
        ),
        (
            "adam[arithmetic=float32,rounding=stochastic]",
            "adam[arithmetic=float32,rounding=stochastic]",
            {"chance": "0.25"},
            "ADAM-ST-3",
        ),
        (
            "adam[arithmetic=float32,rounding=truncate]",
            "adam[arithmetic=float32,master=none]",
            {},
            "ADAM-LS-1",
        ),
    ],
)
def test_a_fault_is_found(target, claim, options, killer):
    assert broken(killer, target, claim, "bfloat16", **options)


def test_a_compensation_is_judged_in_the_formats_of_the_parameter_alone():
    with pytest.raises(UsageError, match="kahan=yes is judged with the parameter's own formats"):
        parse_spec("adam[kahan=yes,arithmetic=float32]")
