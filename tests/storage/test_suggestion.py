"""What a target stores is said where the claim does not say it."""

from __future__ import annotations

import numpy as np
import pytest

from adamcheck.checks.registry import check_by_id
from adamcheck.oracle import kept
from adamcheck.properties import suggestion
from adamcheck.properties.context import Account

from .asked import STORED, asked


def said(check: str, target: str, dtype: str) -> str:
    """The finding about storage that a check makes of a target held to a claim of no storage."""
    with asked(f"{STORED}:{target}", "adam", dtype) as context:
        check_by_id(check).run(context, Account())
    return next((f.message for f in context.findings if f.name == "storage"), "")


@pytest.mark.parametrize(
    ("check", "target", "dtype"),
    [
        ("ADAM-LS-8", "adam[m=bfloat16,arithmetic=float32]", "float32"),
        ("ADAM-LS-8", "adam[moments=bfloat16,arithmetic=float32]", "float32"),
        ("ADAM-LS-8", "adam[moments=float32,arithmetic=float32]", "bfloat16"),
        ("ADAM-EL-2", "adam[bits=8]", "float32"),
        ("ADAM-EL-2", "adam[bits=4,blocks=128,map=dynamic-linear]", "float32"),
    ],
)
def test_the_claim_that_fits_is_named(check, target, dtype):
    assert said(check, target, dtype).startswith(f"every single step fits {target}: ")


def test_nothing_is_said_of_a_target_that_stores_what_its_format_is():
    assert not said("ADAM-LS-8", "adam", "float32")


OWN = """
from adamcheck.formats import format_named
from adamcheck.mutations.stored import Stored
from adamcheck.mutations.target import named

class Own(named("adam[m=bfloat16,arithmetic=float32]", Stored, ())):
    def _adopt(self, hyper):
        fmt = format_named("float32")
        super()._adopt({name: fmt.rounded(x) for name, x in hyper.items()})
"""


def test_scalars_of_the_arrays_dtype_explain_nothing_where_the_claim_denies_them(tmp_path):
    path = tmp_path / "own.py"
    path.write_text(OWN)
    found = {}
    for claim in ("adam", "adam[scalars=float64]"):
        with asked(f"{path}:Own", claim, "float32") as context:
            grads = context.gradients(context.ordinary, 24, 0)
            trajectory = context.trajectory(grads, hyper=context.ordinary, moments=True)
            evidence = context.evidence(trajectory, context.run(trajectory), context.spec)
            suggestion.of_steps(context, context.spec, evidence, broken=True)
            found[claim] = [f.message for f in context.findings if f.name == "storage"]
    assert found["adam"][0].startswith("every single step fits adam[m=bfloat16,arithmetic=float32]")
    assert not found["adam[scalars=float64]"]


def test_a_claim_that_decides_little_is_not_suggested():
    assert not kept.enough(4, 5)
    assert not kept.enough(0, 0)
    assert kept.enough(5, 5)


def large(size: int, target: str) -> str:
    """What is said of blocks after an array of this size."""
    grads = np.random.default_rng(2).standard_normal((3, size))
    with asked(f"{STORED}:{target}", "adam", "float32") as context:
        suggestion.of_blocks(context, context.spec, context.trajectory(grads))
    return next((f.message for f in context.findings if f.name == "storage"), "")


def test_the_claim_says_from_which_size_on_arrays_are_in_blocks(monkeypatch):
    """And one that an array is too small for, or that no spec can make, hides no other."""
    small = {"bits": "8", "blocks_from": "1024"}
    tried = ({"bits": "4", "map": "float8"}, {"bits": "8"}, small)
    monkeypatch.setattr(suggestion, "BLOCKS", tried)
    target = "adam[bits=8,blocks_from=1024]"
    assert large(2048, target).startswith(f"every single step fits {target}: ")
    assert not large(512, target)
