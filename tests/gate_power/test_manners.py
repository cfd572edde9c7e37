"""Interfaces that are right or wrong in one way: named by a text, and told apart by the gate."""

from __future__ import annotations

import pytest

import adamcheck
from adamcheck.errors import UsageError
from adamcheck.mutations.manners import mannered, parse_manner
from adamcheck.result import Verdict

from .drawn import interface


def test_a_manner_is_written_as_it_is_read():
    for text in ("fixed;name=beta1;value=0.8;really=0.9", "vectors", "guard;way=skip"):
        assert str(parse_manner(text)) == text


@pytest.mark.parametrize(
    ("text", "said"),
    [("fix", "fixed"), ("fixed;names=beta1", "name=…"), ("vectors;x=1", "nothing")],
)
def test_a_manner_that_is_none_is_refused(text: str, said: str):
    with pytest.raises(UsageError, match=said):
        parse_manner(text)
    with pytest.raises(AttributeError):
        mannered(f"adam@[{text}]")


@pytest.mark.parametrize(
    ("manner", "check", "verdict"),
    [
        ("fixed;name=beta1;value=0.8", "ADAM-LS-1", Verdict.HELD),
        ("fixed;name=beta1;value=0.8;really=0.81", "ADAM-LS-1", Verdict.DEVIATES),
        ("insists;name=eps;value=1e-06", "ADAM-HP-1", Verdict.HELD),
        ("above;name=beta1;value=0.0", "ADAM-HP-1", Verdict.HELD),
        ("clamps;name=beta1;value=0.95", "ADAM-HP-1", Verdict.DEVIATES),
        ("vectors", "ADAM-SH-1", Verdict.HELD),
        ("least;size=7", "ADAM-EL-4", Verdict.HELD),
        ("refuses;kind=0-d", "ADAM-SH-1", Verdict.HELD),
        ("ignores;kind=0-d", "ADAM-SH-1", Verdict.DEVIATES),
        ("guard;way=count", "ADAM-NF-1", Verdict.HELD),
        ("guard;way=fade", "ADAM-NF-1", Verdict.DEVIATES),
        ("hidden", "ADAM-HP-1", Verdict.HELD),
        ("swallows;name=beta2", "ADAM-HP-1", Verdict.DEVIATES),
    ],
)
def test_a_manner_is_what_it_says(manner: str, check: str, verdict: Verdict):
    target = f"adamcheck.mutations.manners:adam@[{manner}]"
    result = adamcheck.check(target, only=check, dtypes="float32")
    assert result.verdict is verdict, [(c.name, c.message) for c in result.checks]


def test_what_is_drawn_depends_on_its_arguments_alone():
    for draw in (interface.mutant, interface.honest):
        assert draw(3, 4, "float32") == draw(3, 4, "float32")
        assert len({draw(3, k, "float32").text for k in range(20)}) > 5
