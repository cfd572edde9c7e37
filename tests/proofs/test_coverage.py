"""Every theorem says which specs it covers, and its proof runs the rule of each of them."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest

import adamcheck
from adamcheck import program, rules
from adamcheck.errors import UsageError
from adamcheck.numerics import symbolic  # noqa: F401 - holds the step that proofs run
from adamcheck.proof.coverage import ANY, beyond, condition, expanded, table
from adamcheck.proof.library import directory, theorem, theorem_names
from adamcheck.proof.theorem import Book
from adamcheck.spec import Spec, parse_spec

SLUGS = theorem_names()


def test_the_table_is_what_the_theorems_say() -> None:
    said = {slug: dict(theorem(slug).covers) for slug in SLUGS}
    assert all(said.values())
    written = json.loads((directory() / "COVERAGE.json").read_text("utf-8"))
    assert written == said, "run scripts/report-proofs --lock"


@pytest.mark.sampled(12)
@pytest.mark.parametrize("slug", SLUGS)
def test_each_spec_that_is_covered_was_run_by_the_proof(
    slug: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, run = rules.step, set()

    def step(spec: Spec, *rest: Any) -> Any:
        run.add(spec.with_(scalars="any"))
        return real(spec, *rest)

    for module in [m for name, m in sys.modules.items() if name.startswith("adamcheck")]:
        if getattr(module, "step", None) is real:
            monkeypatch.setattr(module, "step", step)
    if hasattr(program.trace, "cache_clear"):
        program.trace.cache_clear()
    theorem(slug).prove(Book())
    covered = {spec for p in theorem(slug).covers if p != ANY for spec in expanded(p)}
    assert covered <= run
    assert bool(covered) != (ANY in theorem(slug).covers)


def test_a_pattern_that_names_nothing_is_refused() -> None:
    for pattern in ("adam[no=*]", "adam[eps=nowhere|inside]", "no_rule[eps=*]"):
        with pytest.raises(UsageError):
            list(expanded(pattern))


def test_what_is_beyond_a_theorem_is_said() -> None:
    assert condition("step-bound", Spec()) == ""
    assert condition("step-bound", Spec(scalars="array")) == ""
    assert condition("step-bound", Spec(eps="hat")) is None
    assert condition("rounding-envelope", Spec("radam")) == "operation by operation"
    assert beyond(Spec()) == beyond(parse_spec("adamw")) == beyond(parse_spec("nesterov")) == ""
    assert "at β2 = 9/10 and t = 1, 5, 10 only" in beyond(Spec("radam"))
    assert "not of all of them together" in beyond(Spec(eps="hat", amsgrad="v"))
    assert set(table()) == set(SLUGS)


def test_the_result_says_where_a_claim_is_beyond_the_proofs() -> None:
    target = "adamcheck.implementations:NumpyAdam"
    asked: Any = {"only": ("ADAM-FS-1",), "dtypes": ("float64",)}
    told = adamcheck.check(target, spec="adam[eps=hat,bias_correction=none]", **asked)
    assert [f.name for f in told.findings if f.name == "beyond-proof"] == ["beyond-proof"]
    plain = adamcheck.check(target, spec="adam", **asked)
    assert [f.name for f in plain.findings if f.name == "beyond-proof"] == []
