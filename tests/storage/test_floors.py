"""Moments of fewer digits than θ lower a floor only where every single step is held for itself."""

from __future__ import annotations

from adamcheck.checks.registry import all_checks, check_by_id
from adamcheck.formats import FORMATS

from .asked import STORED, asked

HIDES = """
from adamcheck.mutations.stored import Stored
from adamcheck.mutations.target import named

class Hides(named("adam[moments=bfloat16]", Stored, ())):
    def moments(self):
        return [{name: x for name, x in one.items() if name != "v"} for one in super().moments()]
"""


def test_single_steps_keep_their_floor():
    wide = FORMATS["float32"]
    for one in all_checks():
        lowered = one.floor.of(wide, stored=True)
        assert lowered == (0.5 if one.id == "ADAM-LS-8" else 0.05)
        assert one.floor.of(wide) == 0.5
    assert check_by_id("ADAM-LS-8").needs == {"moments"}


def test_a_claim_of_few_digits_lowers_floors_where_all_moments_are_shown(tmp_path):
    path = tmp_path / "hides.py"
    path.write_text(HIDES)
    for target, claim, lowered in (
        (f"{STORED}:adam[moments=bfloat16]", "adam[moments=bfloat16]", True),
        (f"{STORED}:adam", "adam", False),
        (f"{path}:Hides", "adam[moments=bfloat16]", False),
    ):
        with asked(target, claim, "float32") as context:
            assert context.stored_short is lowered
