"""What the libraries' other optimizers are: each fits one dialect, and not its neighbours.

Whole trajectories of the real thing, through the child process, against the oracle's envelope.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adamcheck.formats import FORMATS
from adamcheck.oracle.envelope import Admission
from adamcheck.oracle.judge import Evidence, judge
from adamcheck.program import trace
from adamcheck.spec import Spec, parse_spec
from adamcheck.targets.protocol import Trajectory
from adamcheck.targets.session import Session

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
TORCH, JAX = "torch.optim:", "jax.example_libraries.optimizers:"
SKLEARN = "sklearn.neural_network._stochastic_optimizers:SGDOptimizer"


@dataclass(frozen=True)
class Case:
    """A target that fits ``spec`` and none of ``others``; ``scalars`` are those that it keeps."""

    target: str
    spec: str
    others: tuple[str, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    flags: tuple[str, ...] = ()
    scalars: str = "float64"
    dtypes: tuple[str, ...] = ("float64", "float32")
    shows: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.target.rpartition('.')[2]} {self.spec}"


CASES = (
    Case(TORCH + "SGD", "gd", ("gd[maximize=yes]",)),
    Case(TORCH + "SGD", "momentum", ("nesterov", "momentum[dampening=ema]"), shows=("velocity",)),
    Case(TORCH + "SGD", "nesterov", ("momentum",), flags=("nesterov",), shows=("velocity",)),
    Case(
        TORCH + "SGD",
        "momentum[dampening=late]",
        ("momentum[dampening=full]", "momentum"),
        shows=("velocity",),
    ),
    Case(TORCH + "SGD", "momentum[decay=l2]", ("momentum[decay=decoupled]",), {"foreach": True}),
    Case(TORCH + "RMSprop", "rmsprop", ("rmsprop[eps=inside]",), shows=("v",)),
    Case(
        TORCH + "RMSprop",
        "rmsprop[centered=yes,momentum=yes]",
        ("rmsprop[momentum=yes]", "rmsprop[nesterov=yes,centered=yes,momentum=yes]"),
        {"foreach": True},
        ("centered",),
        shows=("v", "m", "velocity"),
    ),
    Case(TORCH + "Adagrad", "adagrad", ("adagrad[eps=inside]",), shows=("v",)),
    Case(
        TORCH + "Adagrad",
        "adagrad[lr_decay=yes,accumulator=initial]",
        ("adagrad[accumulator=initial]", "adagrad[lr_decay=yes]"),
        shows=("v",),
    ),
    Case(
        TORCH + "Adamax",
        "adamax[eps=gradient]",
        ("adamax", "adamax[eps=outside]", "adamax[eps=decayed]"),
        shows=("m", "v"),
    ),
    Case(
        TORCH + "NAdam",
        "nadam[schedule=momentum-decay]",
        ("nadam", "nadam[schedule=0.96^t]", "nadam[schedule=momentum-decay,lookahead=no]"),
        dtypes=("float32",),
        shows=("m", "v"),
    ),
    Case(TORCH + "RAdam", "radam[eps=hat]", ("radam", "radam[eps=hat,cut=4]"), shows=("m", "v")),
    Case("optax:sgd", "gd"),
    Case("optax:sgd", "momentum", ("momentum[dampening=ema]",)),
    Case("optax:sgd", "nesterov", ("momentum",), flags=("nesterov",)),
    Case("optax:rmsprop", "rmsprop[eps=inside]", ("rmsprop",)),
    Case(
        "optax:rmsprop",
        "rmsprop[bias_correction=v]",
        ("rmsprop", "rmsprop[eps=inside]"),
        {"eps_in_sqrt": False, "bias_correction": True},
    ),
    Case(
        "optax:rmsprop",
        "rmsprop[eps=inside,accumulator=initial,centered=yes,momentum=yes]",
        ("rmsprop[eps=inside,centered=yes,momentum=yes]",),
        flags=("centered",),
    ),
    Case(
        "optax:adagrad",
        "adagrad[eps=inside,accumulator=initial]",
        ("adagrad[accumulator=initial]", "adagrad[eps=inside]"),
    ),
    Case("optax:adamax", "adamax[eps=gradient]", ("adamax",), shows=("m", "v")),
    Case("optax:nadam", "nadam", ("nadam[lookahead=no]",), shows=("m", "v")),
    Case("optax:radam", "radam[eps=both]", ("radam[eps=hat]",), shows=("m", "v")),
    Case("optax:radam", "radam", ("radam[eps=hat]",), {"x64": False}, (), "array", ("float32",)),
    Case(SKLEARN, "momentum[form=inside]", ("momentum",), shows=("velocity",)),
    Case(
        SKLEARN,
        "momentum[nesterov=yes,form=inside]",
        ("nesterov", "momentum[form=inside]"),
        flags=("nesterov",),
        shows=("velocity",),
    ),
    Case(
        "autograd.misc.optimizers:sgd",
        "momentum[dampening=ema]",
        ("momentum",),
        dtypes=("float64",),
    ),
    Case(
        "autograd.misc.optimizers:rmsprop",
        "rmsprop[accumulator=one]",
        ("rmsprop",),
        dtypes=("float64",),
    ),
    Case(JAX + "momentum", "momentum", ("nesterov",)),
    Case(JAX + "nesterov", "nesterov", ("momentum",)),
    Case(
        JAX + "rmsprop_momentum",
        "rmsprop[eps=inside,form=inside,momentum=yes]",
        ("rmsprop[momentum=yes]",),
    ),
    Case(JAX + "adamax", "adamax[eps=outside]", ("adamax[eps=gradient]",), shows=("m", "v")),
)


def needs(package: str) -> None:
    """Skip where a library is not installed; it is not imported here."""
    if find_spec(package) is None:
        pytest.skip(f"{package} is not installed")


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


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_dialect_of(case: Case) -> None:
    needs(case.target.partition(".")[0].partition(":")[0])
    with Session(case.target, options=case.options) as session:
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


KERAS = (
    Case("keras.optimizers:SGD", "gd"),
    Case("keras.optimizers:SGD", "momentum[form=inside]", shows=("velocity",)),
    Case(
        "keras.optimizers:SGD",
        "momentum[nesterov=yes,form=inside]",
        ("momentum[form=inside]",),
        flags=("nesterov",),
        shows=("velocity",),
    ),
    Case("keras.optimizers:RMSprop", "rmsprop[eps=inside]", ("rmsprop",), shows=("v",)),
    Case(
        "keras.optimizers:RMSprop",
        "rmsprop[eps=inside,form=inside,centered=yes,momentum=yes]",
        ("rmsprop[eps=inside,centered=yes]",),
        flags=("centered",),
        shows=("v", "m", "velocity"),
    ),
    Case(
        "keras.optimizers:Adagrad",
        "adagrad[eps=inside,accumulator=initial]",
        ("adagrad[eps=inside]",),
        shows=("v",),
    ),
    Case("keras.optimizers:Adamax", "adamax[eps=outside]", ("adamax",), shows=("m", "v")),
    Case("keras.optimizers:Nadam", "nadam[schedule=0.96^t]", ("nadam",), shows=("m", "v")),
)


@pytest.mark.parametrize("case", KERAS, ids=str)
def test_the_dialect_of_keras(case: Case) -> None:
    needs("keras")
    options = {"backend": "jax", "floatx": "float64"}
    test_the_dialect_of(replace(case, options=options, dtypes=("float64",)))


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
