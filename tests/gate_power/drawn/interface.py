"""Interfaces: values that cannot be set, limits, refusals, guards and hidden signatures.

An honest twin has a manner that is its own choice, declared where it has to be; a mutant has one
that makes numbers wrong: another value than the declared one, values that are silently brought
back, shapes that stay where they are, a NaN that spoils others, a keyword that is swallowed.
"""

from __future__ import annotations

import numpy as np

from adamcheck.formats import FORMATS
from adamcheck.mutations.manners import KINDS, RIGHT_WAYS, WRONG_WAYS, Manner
from adamcheck.spec import Spec, parse_spec
from adamcheck.spec.hyperparameters import HYPERPARAMETERS

from ..cases import Case, dialect

_TARGET = "adamcheck.mutations.manners"


def mutant(seed: int, index: int, dtype: str, specs: tuple[str, ...] = ()) -> Case:
    """A manner with which some number is wrong, its own numbers drawn from wide ranges."""
    rng = np.random.default_rng([seed, index, *dtype.encode(), *b"interface"])
    text = specs[rng.integers(len(specs))] if specs else dialect(rng)
    spec = parse_spec(text)
    word = str(rng.choice(["fixed", "clamps", "ignores", "guard", "swallows"]))
    if word == "guard":
        # a rule that keeps nothing has nothing that a skipped step could spoil
        ways = WRONG_WAYS if spec.algorithm == "adam" else ("spread",)
        return _case(
            "mutant", seed, index, dtype, text, Manner(word, {"way": str(rng.choice(ways))})
        )
    if word == "ignores":
        return _case(
            "mutant", seed, index, dtype, text, Manner(word, {"kind": str(rng.choice(_full()))})
        )
    name = _one(rng, spec)
    if word == "swallows":
        return _case("mutant", seed, index, dtype, text, Manner(word, {"name": name}))
    value = _value(rng, name, dtype)
    if word == "clamps":
        # below it lies what people use, so that it is met
        record = HYPERPARAMETERS[name]
        low = record.usual_in(FORMATS[dtype])
        end = 1.0 - (1.0 - low) / 2.0 if record.role == "average" else 2.0 * low
        return _case(
            "mutant", seed, index, dtype, text, Manner(word, {"name": name, "value": repr(end)})
        )
    factor = float(np.exp2(rng.choice((-1.0, 1.0)) * rng.uniform(0.25, 3.0)))
    record = HYPERPARAMETERS[name]
    really = 1.0 - (1.0 - value) * factor if record.role == "average" else value * factor
    if not record.admits(really):
        really = value / 2.0
    given = {"name": name, "value": repr(value), "really": repr(really)}
    return _case("mutant", seed, index, dtype, text, Manner("fixed", given))


def honest(seed: int, index: int, dtype: str, specs: tuple[str, ...] = ()) -> Case:
    """A manner that is a choice, or a limit that is declared and kept."""
    rng = np.random.default_rng([seed, index, *dtype.encode(), *b"interface", 1])
    text = specs[rng.integers(len(specs))] if specs else dialect(rng)
    spec = parse_spec(text)
    words = ["fixed", "insists", "above", "vectors", "least", "refuses", "guard", "hidden"]
    word = str(rng.choice(words))
    given: dict[str, str] = {}
    if word in ("fixed", "insists"):
        name = _one(rng, spec)
        given = {"name": name, "value": repr(_value(rng, name, dtype))}
    elif word == "above":
        name = _one(rng, spec)
        given = {"name": name, "value": "0.0"}
    elif word == "least":
        given = {"size": str(int(rng.integers(1, 7)))}
    elif word == "refuses":
        given = {"kind": str(rng.choice(KINDS))}
    elif word == "guard":
        given = {"way": str(rng.choice(RIGHT_WAYS))}
    return _case("honest", seed, index, dtype, text, Manner(word, given))


def _full() -> list[str]:
    """Kinds of shapes that have elements."""
    return [kind for kind in KINDS if kind != "empty"]


def _one(rng: np.random.Generator, spec: Spec) -> str:
    names = [n for n in spec.hyperparameters if HYPERPARAMETERS[n].neutral is None]
    return str(rng.choice(names))


def _value(rng: np.random.Generator, name: str, dtype: str) -> float:
    """What people fix a hyperparameter at, as far as the format follows it."""
    record = HYPERPARAMETERS[name]
    fmt = FORMATS[dtype]
    known = [x for x in (*record.usual, *record.drawn) if record.follows(x, fmt)]
    return float(rng.choice(known or [record.dyadic_in(fmt)]))


def _case(kind: str, seed: int, index: int, dtype: str, spec: str, manner: Manner) -> Case:
    at = f"{_TARGET}:{spec}@[{manner}]"
    return Case(kind, seed, index, spec, dtype, str(manner), "interface", at)
