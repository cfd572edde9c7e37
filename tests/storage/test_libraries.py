"""Released libraries that store otherwise than in the parameter format conform to that claim."""

from __future__ import annotations

import shutil

import pytest
from installed import needs

from adamcheck import check
from adamcheck.result import Status, Verdict

pytestmark = pytest.mark.library

EIGHT = "adam[moments=float32,arithmetic=float32,bits=8,map=dynamic-table]"


def held(target: str, claim: str, *ids: str, dtype: str = "float32", **options):
    """The outcomes of a few checks of a released optimizer by the claim that is made of it."""
    package = target.partition(".")[0].partition(":")[0]
    needs(package, "libraries" if package == "optax" else "stored")
    result = check(target, spec=claim, dtypes=[dtype], options=options, only=list(ids), jobs=1)
    assert result.verdict is Verdict.HELD
    return {one.name: one.status for one in result.checks}


def test_optax_keeps_its_first_moment_where_it_says():
    found = held(
        "optax:adam",
        "adam[m=bfloat16]",
        "ADAM-LS-1",
        "ADAM-LS-6",
        "ADAM-LS-8",
        "ADAM-ST-1",
        mu_dtype="bfloat16",
    )
    assert set(found.values()) == {Status.PASSED}


def test_optimi_loses_no_update_with_kahan():
    found = held(
        "optimi:Adam", "adam[kahan=yes]", "ADAM-ST-2", "ADAM-LS-1", dtype="bfloat16", kahan_sum=True
    )
    assert found["ADAM-ST-2"] is Status.PASSED


def test_bitsandbytes_keeps_large_arrays_in_blocks():
    found = held("bitsandbytes.optim:Adam8bit", EIGHT, "ADAM-ST-4", "ADAM-LS-8")
    assert set(found.values()) == {Status.PASSED}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "claim"),
    [
        ("Adam8bit", "adam[arithmetic=float32,bits=8]"),
        ("Adam4bit", "adam[arithmetic=float32,bits=4,blocks=128,map=dynamic-linear]"),
        ("AdamFp8", "adam[arithmetic=float32,bits=8,map=float8]"),
    ],
)
def test_torchao_keeps_large_arrays_in_blocks(name, claim):
    if shutil.which("g++") is None:
        pytest.skip("torchao compiles its steps, and there is no C++ compiler g++ here")
    found = held(f"torchao.optim:{name}", claim, "ADAM-ST-4", "ADAM-LS-8")
    assert set(found.values()) == {Status.PASSED}
