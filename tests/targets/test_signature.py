"""Common names are found in whatever words a target uses for them."""

from functools import partial
from typing import Any

import pytest

from adamcheck.errors import UsageError
from adamcheck.targets.adapters import _unwrapped
from adamcheck.targets.adapters.base import origins
from adamcheck.targets.adapters.signature import (
    SYNONYMS,
    check_options,
    explored,
    names_of,
    shape_of,
)


def test_synonyms_are_unambiguous():
    words = [word for each in SYNONYMS.values() for word in each]
    assert len(words) == len(set(words))


def test_own_names_pairs_and_options():
    def build(params, lr=1e-3, betas=(0.8, 0.99), eps=1e-8, *, amsgrad=False, foreach=None):
        """A signature."""

    names = names_of(build, skip=1)
    assert names.hyperparameters == {"lr", "beta1", "beta2", "eps"}
    assert names.flags == {"amsgrad"}
    assert names.options == ("foreach",)
    given = names.arguments({"lr": 1.0, "beta2": 0.5}, {"amsgrad"}, {"foreach": True})
    assert given == {"lr": 1.0, "betas": (0.8, 0.5), "amsgrad": True, "foreach": True}
    assert names.arguments({"beta1": 0.1}, (), {"betas": (0.2, 0.3)}) == {"betas": (0.1, 0.3)}
    assert names.arguments({}, (), {}) == {}


def test_open_ended_signatures_take_the_standard_names_unless_they_say_some():
    def anything(theta0, **options):
        """A signature."""

    def some(theta0, lr, **options):
        """A signature."""

    assert names_of(anything, skip=1).hyperparameters == {"lr", "beta1", "beta2", "eps"}
    assert names_of(some, skip=1).hyperparameters == {"lr"}
    check_options("t", {"whatever": 1}, names_of(some, skip=1))


def test_a_betas_parameter_without_a_readable_default():
    def build(params, lr, betas):
        """A signature."""

    assert names_of(build, skip=1).pair == (0.9, 0.999)


def test_an_unknown_option_names_those_there_are():
    def none_at_all(theta0):
        """A signature."""

    with pytest.raises(UsageError, match="it takes none"):
        check_options("t", {"x": 1}, names_of(none_at_all, skip=1))


def test_origins_see_bases():
    class Mine(dict):
        """Made here."""

    assert {"builtins", __name__.partition(".")[0]} <= origins(Mine)


def test_what_a_base_needs_and_the_class_gives_is_nobodys_to_give():
    class Base:
        def __init__(self, params, defaults):
            """Needs its defaults."""

    class Own(Base):
        def __init__(self, params, **kw):
            super().__init__(params, {"lr": kw.get("lr", 0.5)})

    names = names_of(Own, skip=1)
    assert (names.required, names.options, names.reads) == (("defaults",),) * 2 + (True,)
    names = explored(names, lambda arguments: Own([], **arguments))
    assert (names.required, names.options, names.open_ended) == ((), (), True)


@pytest.mark.parametrize("raised", [TypeError, ValueError, KeyError])
def test_any_exception_on_a_senseless_word_says_that_not_any_is_taken(raised):
    error = raised("no such word")

    def build(theta0, **words):
        if words.keys() - {"step_size", "b2"}:
            raise error

    names = explored(names_of(build, skip=1), lambda arguments: build(0, **arguments))
    assert names.own == {"lr": "step_size", "beta2": "b2"}


def test_what_a_function_holds_and_has_no_signature_says_nothing():
    error = ValueError

    def build(theta0, **words):
        if words.keys() - {"lr"}:
            raise error("no such word")

    names = explored(names_of(build, skip=1), lambda arguments: build(0, **arguments))
    assert names.own == {"lr": "lr"}


def test_a_function_is_called_once_for_all_who_ask_what_it_makes():
    calls = []

    def make(params, lr=0.5):
        calls.append(params)
        return calls

    def parameters():
        return [0.0]

    assert shape_of(make, parameters) is shape_of(make, parameters) is calls
    assert calls == [[0.0]]
    assert shape_of(make, lambda: [1.0]) is calls
    assert len(calls) == 2
    assert shape_of(len, parameters) is None


def test_partials_are_options_however_deep_they_stand():
    first: partial[Any] = partial(dict, a=1, b=1)
    first.__dict__["note"] = "which keeps it apart"
    second = partial(first, b=2, c=2)
    assert second.func is first
    assert _unwrapped(second, {"c": 3}) == (dict, {"a": 1, "b": 2, "c": 3})
    function = partial(print, end="")
    assert _unwrapped(function, {"c": 3}) == (function, {"c": 3})
