"""What is admitted of a target is decided once, before any check, and by designated runs alone."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import adamcheck
from adamcheck.checks import registry
from adamcheck.checks.registry import all_checks
from adamcheck.formats import format_named
from adamcheck.oracle.envelope import STRICT, Admission
from adamcheck.oracle.judge import judge
from adamcheck.profiles import PROFILES, profile_named
from adamcheck.properties.admission import decide, designated, exact
from adamcheck.properties.context import Context
from adamcheck.result import CheckResult, Result, Status, Verdict
from adamcheck.spec import Spec, parse_spec
from adamcheck.targets.session import Session

from .planted import located

HONEST = located("tests/zoo/honest.py")
SOME = (
    *("ADAM-LS-1", "ADAM-LS-2", "ADAM-LS-4", "ADAM-FS-1", "ADAM-CG-1", "ADAM-SC-1", "ADAM-ZG-1"),
    *("ADAM-WD-1", "ADAM-HP-1", "ADAM-DT-1"),
)

AT_TIMES = """
import numpy as np

def make(theta0, *, lr, beta1, beta2, eps):
    theta, m, v, t = theta0.copy(), 0 * theta0, 0 * theta0, 0
    c = theta0.dtype.type

    def step(grad):
        nonlocal theta, m, v, t
        t += 1
        k = c if beta2 > 0.9995 else float
        rest = [float(k(1) - k(b) ** k(t)) for b in (beta1, beta2)]
        with np.errstate(all="ignore"):
            m = c(beta1) * m + c(k(1) - k(beta1)) * grad
            v = c(beta2) * v + c(k(1) - k(beta2)) * (grad * grad)
            theta = theta - c(lr) * ((m / c(rest[0])) / (np.sqrt(v / c(rest[1])) + c(eps)))
        return theta

    return step
"""

ROUNDED = """
import numpy as np

def make(theta0, *, lr, beta1, beta2, eps):
    theta, m, v, t = theta0.copy(), 0 * theta0, 0 * theta0, 0
    lr, beta1, beta2, eps = (float(np.float32(x)) for x in (lr, beta1, beta2, eps))

    def step(grad):
        nonlocal theta, m, v, t
        t += 1
        with np.errstate(all="ignore"):
            m = beta1 * m + (1 - beta1) * grad
            v = beta2 * v + (1 - beta2) * (grad * grad)
            theta = theta - lr * (m / (1 - beta1**t)) / (np.sqrt(v / (1 - beta2**t)) + eps)
        return theta

    return step
"""


@pytest.fixture
def at_times(tmp_path: Path) -> str:
    """An Adam whose β are those of its dtype where β2 is near 1: no convention, a defect."""
    path = tmp_path / "at_times.py"
    path.write_text(AT_TIMES)
    return f"{path}:make"


def outcomes(result: Result) -> dict[tuple[str, str], CheckResult]:
    return {(c.name, c.dtype): replace(c, seconds=0.0) for c in result.checks}


def orders() -> Iterator[tuple[registry.Check, ...]]:
    checks = list(all_checks())
    yield tuple(reversed(checks))
    random.Random(5).shuffle(checks)
    yield tuple(checks)


@pytest.mark.parametrize(
    ("target", "spec"), [("array-scalars", "adam"), ("array-scalars", "adam[eps=hat]")]
)
def test_the_order_of_the_checks_changes_nothing(target, spec, monkeypatch):
    asked = {"only": SOME, "dtypes": ("float32",), "spec": spec}
    place = f"{HONEST}:{''.join(word.title() for word in target.split('-'))}"
    first = adamcheck.check(place, **asked)
    assert first.verdict is (Verdict.HELD if spec == "adam" else Verdict.DEVIATES)
    assert "scalar-precision" in {f.name for f in first.findings} or spec != "adam"
    for order in orders():
        monkeypatch.setattr(registry, "_all", order)
        again = adamcheck.check(place, **asked)
        assert [c.name for c in again.checks] != [c.name for c in first.checks]
        assert again.verdict is first.verdict
        assert outcomes(again) == outcomes(first)
        assert sorted(map(str, again.findings)) == sorted(map(str, first.findings))
        assert again.identified == first.identified


def context_of(
    session: Session, *, spec: str = "adam", dtype: str = "float32", **more: object
) -> Context:
    return Context(session, parse_spec(spec), format_named(dtype), profile_named("quick"), **more)  # type: ignore[arg-type]


def test_neither_seed_nor_profile_decides():
    with Session(f"{HONEST}:ArrayScalars") as session:
        told = [
            decide(Context(session, Spec(), format_named("float32"), profile, seed))
            for profile in PROFILES.values()
            for seed in (0, 17)
        ]
        assert told[0][0] == Admission("array")
        assert all(each == told[0] for each in told)
        one, two = context_of(session, seed=0), context_of(session, seed=17)
        for a, b in zip(designated(one), designated(two), strict=True):
            assert (a.grads[0] == b.grads[0]).all()
            assert a.hyper == b.hyper


def test_the_narrowest_class_that_explains_is_taken():
    with Session(f"{HONEST}:Textbook") as session:
        assert decide(context_of(session)) == (STRICT, ())
        assert decide(context_of(session, spec="adam[eps=hat]")) == (STRICT, ())
    with Session(f"{HONEST}:ArrayScalars") as session:
        # float64 arrays have no wider scalars, and a claim of float64 scalars admits no others
        assert decide(context_of(session, dtype="float64"))[0] == STRICT
        assert decide(context_of(session, spec="adam[scalars=float64]"))[0] == STRICT
        found, told = decide(context_of(session))
        assert found == Admission("array")
        assert "all checks are judged so" in told[0].message
        assert told[0].numbers["times_the_float64_bound"] > 1.0


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("spec", ["adam", "adamw", "rmsprop", "adam[eps=inside,amsgrad=v]"])
def test_scalars_that_are_exact_explain_nothing(spec, dtype):
    honest = f"adamcheck.mutations.honest:{spec}"
    with Session(honest, options={"order": "scalars=array"}) as session:
        context = context_of(session, spec=spec, dtype=dtype)
        assert decide(context)[0] == Admission("array")
        runs = [context.evidence(t, context.run(t), context.spec) for t in exact(context)]
    assert runs
    assert all(judge(evidence).accepted for evidence in runs)


def test_what_was_judged_under_one_class_is_judged_again_under_another():
    with Session(f"{HONEST}:ArrayScalars") as session:
        context = context_of(session)
        trajectory = next(designated(context))
        evidence = context.evidence(trajectory, context.run(trajectory), context.spec)
        context.settled = STRICT
        strict = context.judged(evidence)
        context.settled = Admission("array")
        wider = context.judged(evidence)
        assert (strict.admission, wider.admission) == (STRICT, Admission("array"))
        assert strict.bad.any()
        assert not wider.bad.any()
        context.settled = STRICT
        assert context.judged(evidence) is strict


def test_scalars_that_show_only_where_averages_are_slow_are_admitted():
    """Under usual hyperparameters AdaMax's stay within the strict envelope, by a twentieth."""
    order = "m':fma-new p1':pow m_hat:reciprocal update:carried-last theta':fma scalars=array"
    spec = "adamax[eps=outside]"
    with Session(f"adamcheck.mutations.honest:{spec}", options={"order": order}) as session:
        assert decide(context_of(session, spec=spec))[0] == Admission("array")


def test_numbers_that_are_rounded_once_and_used_so_throughout_are_admitted(tmp_path):
    """Shown only by a late first gradient: elsewhere β cancels between averages and corrections."""
    path = tmp_path / "rounded.py"
    path.write_text(ROUNDED)
    with Session(f"{path}:make") as session:
        assert decide(context_of(session))[0] == Admission("array")


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_a_small_deviation_in_few_digits_is_not_taken_for_scalars(dtype):
    edit = "round sqrt(v_hat) to=3"
    with Session("adamcheck.mutations.target:adam", options={"edit": edit}) as session:
        assert decide(context_of(session, dtype=dtype)) == (STRICT, ())


def test_flushing_is_admitted_only_where_it_is_needed():
    """A description may say so: what does not flush is judged strictly all the same."""
    with Session(f"{HONEST}:Textbook") as session:
        known = replace(session.description, flushes=frozenset({"float32"}))
        session._description = known
        assert decide(context_of(session)) == (STRICT, ())


def test_what_only_some_check_would_excuse_is_a_deviation(at_times):
    result = adamcheck.check(at_times, only=("ADAM-LS-2", "ADAM-HP-1"), dtypes=("float32",))
    told = {c.name: c.status for c in result.checks}
    assert told == {"ADAM-LS-2": Status.PASSED, "ADAM-HP-1": Status.FAILED}
    assert not [f for f in result.findings if f.name == "scalar-precision"]


def test_a_witness_is_replayed_under_the_class_of_its_target(at_times):
    result = adamcheck.check(at_times, only=("ADAM-HP-1",), dtypes=("float32",))
    witness = result.checks[0].witness
    assert witness is not None
    assert adamcheck.replay(f"{HONEST}:ArrayScalars", witness).verdict is Verdict.HELD
    assert adamcheck.replay(at_times, witness).verdict is Verdict.DEVIATES
