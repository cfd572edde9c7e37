"""What the libraries' other optimizers are: each fits one dialect, and not its neighbours.

Whole trajectories of the real thing, through the child process, against the oracle's envelope.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from installed import needs

from adamcheck.formats import FORMATS
from adamcheck.oracle.envelope import Admission
from adamcheck.oracle.evidence import Evidence
from adamcheck.oracle.judge import judge
from adamcheck.program import trace
from adamcheck.spec import Spec, parse_spec
from adamcheck.targets.protocol import Trajectory
from adamcheck.targets.session import Session

from .family_cases import CASES, KERAS, TORCH, Case

pytestmark = pytest.mark.library

HYPER = {
    "lr": 0.01,
    "beta1": 0.9,
    "beta2": 0.99,
    "eps": 1e-3,
    "eps_root": 1e-3,
    "momentum": 0.9,
    "dampening": 0.3,
    "lr_decay": 0.01,
    "initial_accumulator": 0.25,
    "momentum_decay": 0.004,
    "weight_decay": 0.02,
}
STEPS = 40


def observe(session: Session, spec: Spec, dtype: str, flags: tuple[str, ...]) -> Evidence:
    """One run of the target under the hyperparameters of ``spec``."""
    fmt, known = FORMATS[dtype], session.description
    rng = np.random.default_rng(11)
    grads = rng.standard_normal((STEPS, 6))
    grads[:, 1] = 0.3
    grads[:, 2] *= rng.random(STEPS) < 0.3
    grads[:, 3] *= 1e-3
    grads[0] = (1.0, 0.3, 0.5, 1e-3, -2.0, 0.1)  # no element starts on a zero gradient
    grads = grads.astype(fmt.dtype)
    theta = np.array([0.0, 0.0, 0.5, 0.0, -1.0, 2.0], fmt.dtype)
    hyper = {name: HYPER[name] for name in spec.hyperparameters}
    asked = Trajectory(
        (theta,),
        (grads,),
        {n: x for n, x in hyper.items() if n in known.hyperparameters},
        frozenset(flags),
        moments="moments" in known.abilities,
    )
    trace_ = session.run(asked)
    assert trace_.failure is None
    shown = trace_.moments[0] if trace_.moments else {}
    moments = {name: rows for name, rows in shown.items() if name != "t"}
    return Evidence(spec, fmt, hyper, grads, trace_.thetas[0], moments)


@pytest.fixture(scope="module")
def session_of() -> Iterator[Callable[[Case], Session]]:
    """The session of a case; one is kept, so that neighbours share what took long to import."""
    kept: dict[str, Session] = {}

    def get(case: Case) -> Session:
        needs(case.target.partition(".")[0].partition(":")[0])
        name = f"{case.target} {sorted(case.options.items())}"
        if name not in kept:
            for session in kept.values():
                session.close()
            kept.clear()
            kept[name] = Session(case.target, options=case.options)
        return kept[name]

    yield get
    for session in kept.values():
        session.close()


@pytest.mark.sampled(6)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_dialect_of(case: Case, session_of: Callable[[Case], Session]) -> None:
    session = session_of(case)
    for dtype in case.dtypes:
        seen = observe(session, parse_spec(case.spec), dtype, case.flags)
        strict, loose = (judge(seen, Admission(s)) for s in ("float64", "array"))
        assert (strict if case.scalars == "float64" else loose).accepted, loose.largest_ratio
        assert strict.accepted == (case.scalars == "float64")
        assert strict.decided > 0.9 * (strict.decided + strict.blind)
        assert set(case.shows) <= set(seen.moments)
        for text in case.others:
            other = parse_spec(text)
            hyper = {name: HYPER[name] for name in other.hyperparameters}
            # two forms of momentum are one function of the gradients: their velocities differ
            kept = seen.moments if other.form != seen.spec.form else {}
            assert judge(replace(seen, spec=other, hyper=hyper, moments=kept)).bad.any(), text


@pytest.mark.slow
def test_pytorch_nadam_keeps_the_product_of_its_momenta_in_float32(tmp_path: Path) -> None:
    """So it deviates on float64 parameters, unless float64 is the default when it is built."""
    needs("torch")
    spec = parse_spec("nadam[schedule=momentum-decay]")
    with Session(TORCH + "NAdam") as session:
        judged = judge(observe(session, spec, "float64", ()))
        assert 1e4 < judged.largest_ratio < 1e7
        assert {q for q, t in judged.tallies.items() if t.first_bad.any()} == {"theta"}
    wide = tmp_path / "wide.py"
    wide.write_text(
        "import torch\ntorch.set_default_dtype(torch.float64)\nNAdam = torch.optim.NAdam\n"
    )
    with Session(f"{wide}:NAdam") as session:
        assert judge(observe(session, spec, "float64", ())).accepted


@pytest.mark.sampled(2)
@pytest.mark.parametrize("case", KERAS, ids=str)
def test_the_dialect_of_keras(case: Case, session_of: Callable[[Case], Session]) -> None:
    options = {"backend": "jax", "floatx": "float64"}
    test_the_dialect_of(replace(case, options=options, dtypes=("float64",)), session_of)


def test_targets_of_the_zoo_run_in_a_session() -> None:
    targets = (
        ("tests/zoo/family/descent.py:Nesterov", "nesterov", ("nesterov",)),
        ("tests/zoo/family/mean.py:RMSPropWithOptions", "rmsprop[momentum=yes]", ()),
        ("tests/zoo/family/norm.py:NAdamScheduled", "nadam[schedule=momentum-decay]", ()),
    )
    root = Path(__file__).resolve().parents[2]
    for target, text, flags in targets:
        with Session(f"{root / target}") as session:
            seen = observe(session, parse_spec(text), "float32", flags)
            assert judge(seen).accepted, text
            assert set(trace(seen.spec).moments) <= set(seen.moments)
