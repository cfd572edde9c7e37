"""Faults of the life of a state: what is saved, through which format, and what loading makes of it.

An honest twin has no fault, or saves through a format that holds everything, or keeps some of its
own hyperparameters when it loads.
"""

from __future__ import annotations

import numpy as np

from adamcheck.checks.state import LATEST
from adamcheck.formats import FORMATS
from adamcheck.mutations.faults import Fault, parse_fault
from adamcheck.profiles import profile_named
from adamcheck.program import trace
from adamcheck.result import Result
from adamcheck.spec import Spec, parse_spec

from ..cases import Case
from ..conducted import counts, drawn, fault, late


def mutant(seed: int, index: int, dtype: str, specs: tuple[str, ...] = ()) -> Case:
    """One of the faults, with its numbers drawn from wide ranges."""
    return drawn("mutant", "state", _faults, seed, index, dtype, specs)


def honest(seed: int, index: int, dtype: str, specs: tuple[str, ...] = ()) -> Case:
    """Its twin."""
    return drawn("honest", "state", _conventions, seed, index, dtype, specs)


def apart(case: Case, result: Result) -> tuple[str, str]:
    """A fault that needs a count that no run saved: those of Adam are loaded, others are run."""
    fault = parse_fault(dict(case.given)["fault"])
    needed = max(fault.whole("at"), fault.whole("from"))
    if fault.word("name") == "t" and "format" in fault.given:
        needed = 2 ** FORMATS[fault.word("format")].precision + 1
    spike = profile_named(result.profile).spike
    reached = LATEST if parse_spec(case.spec).algorithm == "adam" else spike - spike // 4
    if needed > reached:
        return "beyond the horizon", f"needs a saved count of {needed}, and {reached} was reached"
    return "survived", ""


def _conventions(rng: np.random.Generator, spec: Spec, dtype: str) -> Fault:
    names = list(trace(spec).moments)
    choice = rng.integers(4)
    if choice == 0:
        return fault("narrow", name=rng.choice(names), format="float64")
    if choice == 1:
        return fault("own", names="all")
    if choice == 2:
        return fault("own", names=rng.choice(list(spec.hyperparameters)))
    return Fault()


def _faults(rng: np.random.Generator, spec: Spec, dtype: str) -> Fault:
    rule = trace(spec)
    names = list(rule.moments)
    name = rng.choice(names)
    kinds = ["narrow", "lose", "mix", "foreign"]
    kinds += ["wrap", "saturate", "shift", "narrow t", "lose t"] if counts(spec) else []
    kinds += ["exchange"] if {"m", "v"} <= set(names) else []
    narrower = [f.name for f in FORMATS.values() if f.precision < FORMATS[dtype].precision]
    # a count at which saving goes wrong: up to what a loaded state reaches in quick
    at = round(float(np.exp2(rng.uniform(0.0, 16.0))))
    match kind := rng.choice(kinds):
        case "narrow" if narrower:
            return fault("narrow", name=name, format=rng.choice(narrower))
        case "narrow t":
            return fault("narrow", name="t", format=rng.choice(("bfloat16", "float16")))
        case "wrap" | "saturate":
            return fault(kind, at=at)
        case "shift":
            return fault("shift", by=rng.choice((-1, 1)) * rng.integers(1, 4))
        case "foreign":
            signed = [] if name == "v" else ["absolute"]
            return fault("foreign", act=rng.choice(["zero", "halve", *signed]))
        case "exchange":
            return fault("exchange")
        case "mix":
            factor = float(np.exp2(rng.uniform(-3.0, -0.5)))
            return fault("mix", name=rng.choice(list(spec.hyperparameters)), factor=factor)
    lost = "t" if kind == "lose t" else name
    one = 0 if rng.integers(2) else rng.integers(1, 3)
    return fault("lose", name=lost, **{"from": late(rng, 2.0**16), "parameter": one})
