"""What a target stores is said where the claim does not say it."""

from __future__ import annotations

import pytest

from adamcheck.checks.registry import check_by_id
from adamcheck.formats import format_named
from adamcheck.profiles import profile_named
from adamcheck.properties.context import Account, Context
from adamcheck.spec import Spec
from adamcheck.targets.session import Session


def said(check: str, target: str, dtype: str) -> str:
    """The finding about storage that a check makes of a target held to plain adam."""
    with Session(f"adamcheck.mutations.stored:{target}") as session:
        session.start()
        context = Context(session, Spec(), format_named(dtype), profile_named("quick"))
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
