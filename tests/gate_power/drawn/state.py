"""Faults of the life of a state: what is saved, through which format, and what loading makes of it.

An honest twin is the same target without a fault, or one whose state goes through wider formats.
"""

from __future__ import annotations

import numpy as np

from adamcheck.formats import FORMATS
from adamcheck.mutations.conduct import Fault
from adamcheck.program import trace
from adamcheck.spec import Spec, parse_spec

from ..cases import Case, dialect

_TARGET = "adamcheck.mutations.conduct"


def mutant(seed: int, index: int, dtype: str, specs: tuple[str, ...] = ()) -> Case:
    """One of the faults, with its numbers drawn from wide ranges."""
    rng = np.random.default_rng([seed, index, *dtype.encode(), *b"state"])
    text = specs[rng.integers(len(specs))] if specs else _stateful(rng)
    fault = _drawn(rng, parse_spec(text), dtype)
    return _case("mutant", seed, index, dtype, text, str(fault))


def honest(seed: int, index: int, dtype: str, specs: tuple[str, ...] = ()) -> Case:
    """No fault, or a format that holds all that is saved."""
    rng = np.random.default_rng([seed, index, *dtype.encode(), *b"state", 1])
    text = specs[rng.integers(len(specs))] if specs else _stateful(rng)
    names = trace(parse_spec(text)).moments
    name = names[rng.integers(len(names))]
    fault = Fault("narrow", {"name": name, "format": "float64"}) if rng.integers(2) else ""
    return _case("honest", seed, index, dtype, text, str(fault))


def _case(kind: str, seed: int, index: int, dtype: str, spec: str, fault: str) -> Case:
    given = (("fault", fault),) if fault else ()
    at = f"{_TARGET}:{spec}"
    return Case(kind, seed, index, spec, dtype, fault or "none", "state", at, given)


def _stateful(rng: np.random.Generator) -> str:
    """A drawn dialect that keeps something."""
    while True:
        text = dialect(rng)
        if trace(parse_spec(text)).moments:
            return text


def _drawn(rng: np.random.Generator, spec: Spec, dtype: str) -> Fault:
    rule = trace(spec)
    names = list(rule.moments)
    name = str(names[rng.integers(len(names))])
    kinds = ["narrow", "lose", "mix"]
    kinds += ["wrap", "saturate", "shift", "narrow t", "lose t"] if rule.clocks else []
    kinds += ["exchange"] if {"m", "v"} <= set(names) else []
    kind = kinds[rng.integers(len(kinds))]
    # a count at which saving goes wrong: log-uniform, up to what a loaded state reaches in quick
    at = round(float(np.exp2(rng.uniform(0.0, 16.0))))
    if kind == "narrow":
        narrower = [f.name for f in FORMATS.values() if f.precision < FORMATS[dtype].precision]
        if not narrower:
            return Fault("lose", {"name": name})
        return Fault("narrow", {"name": name, "format": narrower[rng.integers(len(narrower))]})
    if kind == "narrow t":
        return Fault("narrow", {"name": "t", "format": str(rng.choice(("bfloat16", "float16")))})
    if kind in ("wrap", "saturate"):
        return Fault(kind, {"at": str(at)})
    if kind == "shift":
        return Fault(kind, {"by": str(int(rng.choice((-1, 1)) * rng.integers(1, 4)))})
    if kind == "exchange":
        return Fault(kind, {})
    if kind == "mix":
        known = [n for n in spec.hyperparameters if n != "weight_decay"]
        factor = float(np.exp2(rng.uniform(-3.0, -0.5)))
        return Fault(kind, {"name": known[rng.integers(len(known))], "factor": repr(factor)})
    few = {} if rng.integers(2) else {"from": str(at)}
    late = {} if rng.integers(2) else {"parameter": str(rng.integers(1, 3))}
    return Fault("lose", {"name": "t" if kind == "lose t" else name, **few, **late})
