"""A rule that is added: one file makes it known to specs, oracle, gate and identification.

The page docs/adding-a-rule.md shows this very file; what it promises is held here.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import adabelief
import pytest

from adamcheck import check, identify
from adamcheck.program import trace
from adamcheck.reports.dialects import describe
from adamcheck.rules import RULES
from adamcheck.spec import ALIASES, CONVENTIONS, parse_spec, register

FILE = Path(adabelief.__file__)


@pytest.fixture(autouse=True)
def added() -> Iterator[None]:
    """The rule, known for one test: what an entry in rules/__init__.py does for good."""
    register(adabelief.RULE)
    yield
    for table in (RULES, CONVENTIONS, ALIASES):
        table.pop("adabelief")


def test_its_spec_is_written_and_told() -> None:
    spec = parse_spec("adabelief[eps=inside]")
    assert str(spec) == "adabelief[eps=inside]"
    assert spec.hyperparameters == ("lr", "beta1", "beta2", "eps")
    assert describe(spec).startswith("AdaBelief")
    assert [op.kind for op in trace(spec).ops].count("ema") == 2


def test_an_honest_target_conforms_and_a_defect_does_not() -> None:
    honest = check(f"{FILE}:AdaBelief", spec="adabelief", dtypes=("float32",))
    assert honest.conforms, [c.message for c in honest.checks if c.status.value == "failed"]
    wrong = check(f"{FILE}:Uncentered", spec="adabelief", dtypes=("float32",))
    assert wrong.verdict.value == "deviates"


@pytest.mark.parametrize(("name", "spec"), [("AdaBelief", "adabelief"), ("Uncentered", "adam")])
def test_it_is_identified(name: str, spec: str) -> None:
    found = identify(f"{FILE}:{name}", dtype="float64").identification
    assert found is not None
    assert (found.kind, found.spec) == ("dialect", spec)
