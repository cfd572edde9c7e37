"""The records of hyperparameters: what every table that derives from them relies on."""

from __future__ import annotations

import math

import pytest

from adamcheck.formats import FORMATS
from adamcheck.spec import CONVENTIONS, Spec
from adamcheck.spec.hyperparameters import (
    HYPERPARAMETERS,
    STANDARD,
    Hyperparameter,
    assumed,
    dyadic,
    passed,
    usual,
)

RECORDS = list(HYPERPARAMETERS.values())


@pytest.fixture(params=RECORDS, ids=lambda one: one.name)
def one(request: pytest.FixtureRequest) -> Hyperparameter:
    found: Hyperparameter = request.param
    return found


def test_every_value_lies_in_the_domain_and_every_senseless_one_outside(
    one: Hyperparameter,
) -> None:
    values = [*one.usual, *one.dyadic, *one.drawn, *one.drawn_dyadic]
    values += [x for x in (one.neutral, one.passed) if x is not None]
    assert all(one.admits(x) for x in values)
    assert not any(one.admits(x) for x in one.refused)


def test_ends_of_a_domain_are_open_or_closed() -> None:
    beta, dampening, lr = (HYPERPARAMETERS[n] for n in ("beta1", "dampening", "lr"))
    assert beta.admits(0.0)
    assert not beta.admits(1.0)
    assert dampening.admits(1.0)
    assert not lr.admits(math.inf)
    assert not lr.admits(math.nan)


def test_dyadic_values_are_exact_in_every_format(one: Hyperparameter) -> None:
    for fmt in FORMATS.values():
        assert fmt.rounded(one.dyadic_in(fmt)) == one.dyadic_in(fmt)
        assert all(x * 2.0**60 == int(x * 2.0**60) for x in (*one.dyadic, *one.drawn_dyadic))


def test_what_a_format_cannot_follow_is_replaced() -> None:
    told = {name: usual(fmt) for name, fmt in FORMATS.items()}
    assert told["float64"] == told["float32"]
    apart = {
        name: {n: x for n, x in each.items() if x != told["float64"][n]}
        for name, each in told.items()
    }
    assert apart["float16"] == {"lr": 1.0, "eps": 1e-3}  # float16(1e-8) is 0
    assert apart["bfloat16"] == {"beta2": 0.95}  # bfloat16(0.999) is 1
    assert dyadic(FORMATS["float16"]) == dyadic(FORMATS["bfloat16"]) != dyadic(FORMATS["float32"])


def test_a_hyperparameter_is_standard_or_has_a_neutral_value_and_one_to_pass() -> None:
    assert set(STANDARD) == {"lr", "beta1", "beta2", "eps"}
    assert set(passed()) == set(HYPERPARAMETERS) - set(STANDARD)
    assert all(x != assumed()[n] for n, x in passed().items())


def test_no_word_means_two_hyperparameters() -> None:
    words = [word for one in RECORDS for word in one.spellings]
    assert len(set(words)) == len(words)
    assert all(one.spellings[0] == one.name for one in RECORDS)
    assert (
        len({one.symbol for one in RECORDS}) == len({one.latex for one in RECORDS}) == len(RECORDS)
    )


def test_every_rule_reads_known_hyperparameters_in_their_order() -> None:
    order = list(HYPERPARAMETERS)
    for algorithm, switches in CONVENTIONS.items():
        for switch, words in switches.items():
            for word in words:
                if switch == "nesterov" and algorithm == "rmsprop":
                    continue  # it needs a velocity besides
                if switch == "form" and algorithm == "rmsprop":
                    continue
                reads = Spec(algorithm, **{switch: word}).hyperparameters
                assert list(reads) == sorted(reads, key=order.index)
