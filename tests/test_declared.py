"""What is declared of a target: read, checked, joined, and said back."""

import functools

import pytest

import adamcheck
from adamcheck.declared import NOTHING, Declared, declared_by, joined, read
from adamcheck.engine.plain import dumped, loaded
from adamcheck.errors import UsageError


def test_words_make_a_record_that_gives_them_back():
    words = {
        "one_dimensional": True,
        "least_size": 3,
        "flushes_subnormals": True,
        "beta1_above": 0.0,
        "lr_below": 1.0,
        "fixed": {"eps": 1e-8},
    }
    declared = read(words, "here")
    assert declared.document() == words
    assert loaded(Declared, dumped(declared)) == declared
    assert NOTHING.document() == {}
    assert NOTHING.told() == NOTHING.told_fixed() == ""
    assert declared.told_fixed() == "eps fixed at 1e-08"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"one_dimensionnal": True}, "Did you mean 'one_dimensional'"),
        ({"beta3_above": 0}, "unknown limit 'beta3_above'"),
        ({"one_dimensional": 1}, "must be true or false"),
        ({"least_size": -1}, "a whole number from 0 on"),
        ({"beta1_above": "0"}, "must be a finite number"),
        ({"beta1_above": 0.5, "beta1_below": 0.5}, "no beta1 lies above 0.5 and below 0.5"),
        ({"fixed": {"beta": 0.9}}, "Did you mean 'beta"),
        ({"fixed": {"beta1": 1.0}}, "outside of what beta1 may be"),
        ({"fixed": {"beta1": 0.5}, "beta1_above": 0.5}, "fixed at 0.5, outside of its limits"),
        ([], "is no mapping"),
    ],
)
def test_what_makes_no_sense_is_refused(words, message):
    with pytest.raises(UsageError, match=message):
        read(words, "here")


def test_values_settle_where_they_may_be():
    declared = read({"beta1_above": 0.0, "fixed": {"beta2": 0.99}}, "here")
    settled = declared.settled({"beta1": 0.0, "beta2": 0.5, "eps": 1.0})
    assert 0.0 < settled["beta1"] < 0.9
    assert (settled["beta2"], settled["eps"]) == (0.99, 1.0)
    assert declared.denied({"beta1": 0.0}) == "beta1 is declared to be above 0"
    assert declared.denied({"beta2": 0.5}) == "beta2 is fixed at 0.99"
    assert declared.denied({"beta2": 0.99, "beta1": 0.5, "eps": 0.0}) == ""


def test_shapes_that_are_taken():
    declared = read({"one_dimensional": True, "least_size": 2}, "here")
    assert [declared.takes(s) for s in ((), (1,), (2,), (2, 2))] == [False, False, True, False]


def test_the_decorator_adds_up_and_is_found_through_what_wraps():
    @adamcheck.limits(least_size=2)
    @adamcheck.limits(one_dimensional=True)
    def make(theta0):
        """A target."""

    declared = declared_by(functools.partial(make, 1), "t")
    assert (declared.least_size, declared.one_dimensional) == (2, True)
    assert joined(declared, read({"least_size": 1}, "here"), "here").least_size == 1
    with pytest.raises(UsageError, match="limits: unknown limit"):
        adamcheck.limits(least=2)
