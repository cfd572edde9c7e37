"""Faults of calls: without gradients, under a rate that changes, in groups, and by chance.

An honest twin has no fault, or one of the conventions for a call without a gradient.
"""

from __future__ import annotations

import numpy as np

from adamcheck.formats import FORMATS
from adamcheck.mutations.faults import Fault
from adamcheck.program import trace
from adamcheck.spec import Spec

from ..cases import Case
from ..conducted import counts, drawn, fault, late


def mutant(seed: int, index: int, dtype: str, specs: tuple[str, ...] = ()) -> Case:
    """One of the faults, with its numbers drawn from wide ranges."""
    return drawn("mutant", "calls", _faults, seed, index, dtype, specs)


def honest(seed: int, index: int, dtype: str, specs: tuple[str, ...] = ()) -> Case:
    """Its twin."""
    return drawn("honest", "calls", _conventions, seed, index, dtype, specs)


def _conventions(rng: np.random.Generator, spec: Spec, dtype: str) -> Fault:
    choice = rng.integers(3)
    if choice == 0:
        return fault("idle", act="zero")
    if choice == 1 and counts(spec):
        return fault("idle", act="count")
    return Fault()


def _faults(rng: np.random.Generator, spec: Spec, dtype: str) -> Fault:
    rule = trace(spec)
    names = list(spec.hyperparameters)
    match rng.choice(("idle", "rate", "group", "noise")):
        case "idle":
            acts = ["again", "fade", "reset", "nan", *(["ahead"] if counts(spec) else [])]
            act = rng.choice(acts)
            by = rng.integers(2, 6) if act == "ahead" else 0
            return fault("idle", act=act, by=by, **{"from": min(4, late(rng, 4.0))})
        case "rate":
            acts = ["first", "lag", "lower", "forget"]
            acts += ["carry"] if "m" in rule.moments else []
            acts += ["restart"] if counts(spec) else []
            act = rng.choice(acts)
            by = rng.integers(1, 4) if act == "lag" else 0
            return fault("rate", act=act, by=by, **{"from": min(6, late(rng, 6.0))})
        case "group":
            of = rng.choice(("0", "1", "next", "default"))
            return fault("group", name=rng.choice(names), of=of)
    # errors that are beyond any rounding, or a unit that is honest in itself and not by chance
    bits = rng.integers(4, FORMATS[dtype].precision)
    return fault("noise", bits=bits, share=float(np.exp2(-rng.uniform(0.0, 6.0))))
