"""Common names are found in whatever words a target uses for them."""

from functools import partial
from typing import Any

import pytest

from adamcheck.errors import UsageError
from adamcheck.targets.adapters import _unwrapped
from adamcheck.targets.adapters.base import origins
from adamcheck.targets.adapters.signature import SYNONYMS, check_options, names_of


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


def test_partials_are_options_however_deep_they_stand():
    first: partial[Any] = partial(dict, a=1, b=1)
    first.__dict__["note"] = "which keeps it apart"
    second = partial(first, b=2, c=2)
    assert second.func is first
    assert _unwrapped(second, {"c": 3}) == (dict, {"a": 1, "b": 2, "c": 3})
    function = partial(print, end="")
    assert _unwrapped(function, {"c": 3}) == (function, {"c": 3})
