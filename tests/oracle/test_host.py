"""What the oracle says does not depend on contexts that the host program has set."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import flint
import gmpy2
import mpmath
import numpy as np
import pytest

from adamcheck.oracle import enclose, top
from adamcheck.oracle.envelope import STRICT, Admission
from adamcheck.oracle.evidence import Evidence
from adamcheck.program import trace
from adamcheck.spec import Spec, parse_spec

from .test_judge import honest


@contextmanager
def hostile() -> Iterator[None]:
    """Five bits, rounded down, hardly any exponents: bounds come out per cents too small."""
    narrow = gmpy2.context(precision=5, round=gmpy2.RoundDown, emin=-30, emax=30)
    with mpmath.workprec(3), flint.ctx.workprec(4), narrow:
        yield


def told(e: Evidence, admission: Admission) -> list[object]:
    """Everything that the top level says of the first element, exactly."""
    top._clocks_after.cache_clear()
    element, program = e.element(0), trace(e.spec)
    observed = ("theta", *e.moments)
    said: list[object] = [top.judge_element(program, observed, element, admission).tolist()]
    said.append(top.explain(element, admission, 2, "theta"))
    for points in top.walk(program, element, admission, 160):
        said += [(name, p.ball.mid().man_exp(), p.bound.digits(16)) for name, p in points.items()]
    tiny = replace(element, grads=np.asarray(element.grads, np.float64) * 1e-200)
    for found in enclose.enclose(tiny, admission).values():
        said += [x.tobytes() for x in (found.lower, found.upper, found.bound)]
    return said


@pytest.mark.parametrize("spec", ["adam", "nadam[schedule=momentum-decay]", "adam[eps=inside]"])
@pytest.mark.parametrize("first", [0, 3])
def test_the_top_level_keeps_its_own_precision(spec: str, first: int) -> None:
    hyper = {"momentum_decay": 0.004, "lr": 1e-3, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8}
    named: Spec = parse_spec(spec)
    e = honest(Spec(), "float64", 4, 1, hyper=hyper)
    given = {name: hyper[name] for name in named.hyperparameters}
    e = replace(e, spec=named, hyper=given, moments={}, first=first)
    want = told(e, STRICT)
    with hostile():
        assert told(e, STRICT) == want


def test_nothing_of_the_oracles_context_stays_behind() -> None:
    e = honest(Spec(), "float64", 3, 1).element(0)
    with hostile():
        before = flint.ctx.prec, repr(gmpy2.get_context()), mpmath.mp.prec
        for _ in top.walk(trace(e.spec), e, STRICT, 160):
            assert (flint.ctx.prec, repr(gmpy2.get_context()), mpmath.mp.prec) == before
        assert np.isfinite(top.explain(e, STRICT, 1, "theta")["bound"])
        assert (flint.ctx.prec, repr(gmpy2.get_context()), mpmath.mp.prec) == before
