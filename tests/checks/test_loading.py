"""Whose hyperparameters hold after loading a state: saved, new, a product of both, or nobody's."""

from __future__ import annotations

from typing import Any

import pytest

import adamcheck
from adamcheck.result import Status

CONDUCT = "adamcheck.mutations.conduct"
BETWEEN = """
from adamcheck.mutations.conduct import Conduct
from adamcheck.mutations.target import named

class Between(named("adam", Conduct, ())):
    def load_state_dict(self, state):
        own = self._groups[0]["{name}"]
        super().load_state_dict(state)
        group = self._groups[0]
        group["{name}"] = (own + group["{name}"]) / 2
"""


def loaded(target: str, spec: str = "adam", **options: str) -> tuple[Any, list[str]]:
    """What ADAM-SV-2 says of a target, and what is told beside it of loading."""
    result = adamcheck.check(
        target, spec=spec, only=["ADAM-SV-2"], dtypes=["float32"], options=options, jobs=1
    )
    names = ("loaded-hyperparameters", "not-asked")
    return result.checks[0], [f.message for f in result.findings if f.name in names]


@pytest.mark.parametrize("name", ["beta1", "beta2"])
def test_a_beta_that_is_neither_the_saved_nor_the_new_one_nor_a_product_is_a_deviation(
    tmp_path, name
):
    path = tmp_path / "between.py"
    path.write_text(BETWEEN.format(name=name))
    outcome, told = loaded(f"{path}:Between")
    assert outcome.status is Status.FAILED
    assert outcome.message.startswith(
        f"after loading a state neither the saved nor the new {name} alone holds, nor a product of"
    )
    assert told == ["after loading a state the saved α holds"]


@pytest.mark.parametrize("spec", ["adam", "nadam"])
def test_a_product_of_both_is_judged_and_named(spec):
    """Whose target keeps β^t, and not t, and its own β."""
    outcome, told = loaded(f"{CONDUCT}:{spec}", spec, fault="own names=all")
    assert outcome.status is Status.PASSED
    assert told[0] == "after loading a state the new α holds"
    for name, said in zip(("beta1", "beta2"), told[1:], strict=True):
        assert said.startswith(f"after loading a state neither the saved nor the new {name} alone")
        assert said.endswith("β^t is a product of both")
    # what the first run of each left open is not counted as decided
    assert outcome.undecided == 2 * 5 * 32


def test_what_cannot_be_judged_of_a_product_is_not_asked():
    outcome, told = loaded(f"{CONDUCT}:radam", "radam", fault="own names=beta1")
    assert outcome.status is Status.PASSED
    assert outcome.undecided == 5 * 32
    assert told[1].endswith("whether a product of both does cannot be judged")


def test_what_both_values_explain_is_nobodys():
    """RAdam's first steps know no ε and no β2."""
    _, told = loaded(f"{CONDUCT}:radam", "radam", fault="own names=all")
    assert not [text for text in told if "eps" in text]
