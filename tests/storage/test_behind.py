"""Copies behind θ, compensations and roundings by chance: honest ones hold, faulty ones do not."""

from __future__ import annotations

import pytest

from adamcheck import check
from adamcheck.checks.registry import check_by_id
from adamcheck.errors import UsageError
from adamcheck.properties.context import Account, Skip
from adamcheck.result import Status, Verdict
from adamcheck.spec import parse_spec

from .asked import STORED, asked, broken, seen

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


@pytest.mark.parametrize("rounding", ["stochastic", "truncate"])
def test_how_theta_is_rounded_counts_only_where_it_can_show(rounding):
    spec = f"adam[arithmetic=float32,rounding={rounding}]"
    account = seen("ADAM-ST-3", spec, spec, "bfloat16")
    assert account.examples + account.undecided == 8192
    assert account.examples >= 4096


@pytest.mark.parametrize("rounding", ["stochastic", "truncate"])
def test_where_arithmetic_is_as_coarse_as_theta_its_rounding_is_skipped(rounding):
    spec = f"adam[rounding={rounding}]"
    with pytest.raises(Skip, match="arithmetic in bfloat16 is as coarse as its places"):
        seen("ADAM-ST-3", spec, spec, "bfloat16")


AWAY = """
import numpy as np
from adamcheck.mutations.stored import Stored
from adamcheck.mutations.target import named

class Away(named("adam[arithmetic=float32,rounding=stochastic]", Stored, ())):
    def _rounded(self, x, kind):
        near = super()._rounded(x, kind)
        place = np.ldexp(1.0, np.frexp(np.abs(near.astype(float)))[1] - 8)
        signs = np.where(np.arange(near.size) // 2 % 2, 1.0, -1.0)
        return (near.astype(float) + signs.reshape(near.shape) * place).astype(kind)
"""


def test_a_theta_beside_its_neighbours_is_found_though_it_has_no_bias(tmp_path):
    path, claim = tmp_path / "away.py", "adam[arithmetic=float32,rounding=stochastic]"
    path.write_text(AWAY)
    account = Account()
    with asked(f"{path}:Away", claim, "bfloat16") as context:
        check_by_id("ADAM-ST-3").run(context, account)
    assert account.broken[0].first.message.startswith("θ goes to no neighbour of the exact one: ")


def test_reloads_whose_bits_nobody_can_compare_are_said_not_to_be_asked():
    spec = "adam[arithmetic=float32,rounding=stochastic]"
    with asked(f"{STORED}:{spec}", spec, "bfloat16") as context:
        check_by_id("ADAM-SV-1").run(context, Account())
    told = [f.message for f in context.findings if f.name == "not-asked"]
    assert (
        "loading into an instance that has been used, where θ is rounded by chance and no bits can"
        " be compared: the instance has moved its own parameters before"
    ) in told
