"""Specs: the notation says a spec and nothing else, both ways, and mistakes have a hint."""

from __future__ import annotations

from dataclasses import fields

import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from adamcheck.errors import UsageError
from adamcheck.reports.dialects import alias_table, describe, dialect_table
from adamcheck.rules import RULES
from adamcheck.rules.storage import STORAGE
from adamcheck.spec import ALIASES, CONVENTIONS, SWITCHES, Spec, parse_spec


@st.composite
def specs(draw):
    """Any spec of any algorithm; switches that contradict each other are no spec."""
    algorithm = draw(st.sampled_from(sorted(CONVENTIONS)))
    switches = {name: draw(st.sampled_from(w)) for name, w in CONVENTIONS[algorithm].items()}
    switches |= {name: draw(st.sampled_from(list(w))) for name, w in STORAGE.items()}
    try:
        return Spec(algorithm, **switches)
    except UsageError:
        reject()


@given(specs())
def test_the_notation_reads_back(spec):
    assert parse_spec(str(spec)) == spec


@given(specs())
def test_spaces_and_case_of_the_name_do_not_matter(spec):
    text = str(spec)
    name, bracket, rest = text.partition("[")
    spaced = f"  {name.upper()} {bracket}{rest}".replace(",", " , ").replace("=", " = ")
    assert parse_spec(spaced) == spec


def test_the_default_is_algorithm_1():
    assert parse_spec("adam") == Spec()
    assert all(getattr(Spec(), name) == words[0] for name, words in SWITCHES.items())


def test_every_switch_is_a_field_and_every_field_a_switch():
    every = dict.fromkeys(name for own in CONVENTIONS.values() for name in own)
    assert [f.name for f in fields(Spec)] == ["algorithm", *every, *STORAGE]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("adam", "adam"),
        ("adam[]", "adam"),
        ("adam[eps=outside]", "adam"),
        ("adam[eps=hat,maximize=yes]", "adam[eps=hat,maximize=yes]"),
        ("adam[maximize=yes,eps=hat,]", "adam[eps=hat,maximize=yes]"),
        ("adamw", "adamw"),
        ("adam[decay=decoupled]", "adamw"),
        ("adamw[scalars=float64]", "adamw[scalars=float64]"),
        ("adamw[eps=hat]", "adam[eps=hat,decay=decoupled]"),
        ("amsgrad[amsgrad=vhat]", "adam[amsgrad=vhat]"),
    ],
)
def test_one_spec_has_one_writing(text, written):
    assert str(parse_spec(text)) == written


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "cannot read ''"),
        ("adam[", "cannot read 'adam['"),
        ("adam[eps=hat", "cannot read"),
        ("adam]eps=hat[", "cannot read"),
        ("adam[eps=[hat]]", "cannot read"),
        ("9adam", "cannot read"),
        ("adamm", "unknown algorithm 'adamm'; known are adam, adamw, amsgrad, gd, sgd, mom"),
        ("adam[eps]", "'eps' in 'adam[eps]' needs the form switch=word"),
        ("adam[epz=hat]", "unknown switch 'epz'. Did you mean 'eps'?"),
        ("adam[eps=hta]", "eps='hta' is not a convention; choose one of outside"),
        ("adam[eps=hat,eps=hat]", "'eps' is given twice"),
        ("adam[algorithm=x]", "unknown switch 'algorithm'"),
        ("adam[eps=]", "eps='' is not a convention"),
    ],
)
def test_a_mistake_has_a_sentence(text, reason):
    with pytest.raises(UsageError) as caught:
        parse_spec(text)
    assert reason in str(caught.value)


def test_a_spec_checks_its_own_words():
    with pytest.raises(UsageError, match="eps='above' is not a convention"):
        Spec(eps="above")
    with pytest.raises(UsageError, match="unknown switch 'ep'"):
        Spec().with_(ep="hat")


def test_hyperparameters_are_those_the_rule_reads():
    assert Spec().hyperparameters == ("lr", "beta1", "beta2", "eps")
    assert "eps_root" in Spec(eps="both").hyperparameters
    assert "weight_decay" in ALIASES["adamw"].hyperparameters


def test_every_word_of_every_algorithm_has_a_meaning():
    assert list(RULES) == list(CONVENTIONS)
    for algorithm, switches in CONVENTIONS.items():
        rows = dialect_table(algorithm)
        assert [(s, w) for s, words in switches.items() for w in words] == [r[:2] for r in rows]
        assert all(text for _, _, text in rows)


@given(specs())
def test_every_spec_can_be_told(spec):
    text = describe(spec)
    assert text
    assert spec.algorithm == "adam" or text.startswith(RULES[spec.algorithm].title)


def test_a_spec_in_words():
    assert describe(Spec()) == "Algorithm 1 of Kingma & Ba 2015"
    assert describe(Spec(eps="inside", maximize="yes")) == (
        "α·m̂/√(v̂+ε): ε inside the root; ascends: the gradient's sign is turned"
    )
    assert describe(parse_spec("nesterov")).startswith("heavy ball")
    assert [name for name, _ in alias_table()] == list(ALIASES)
