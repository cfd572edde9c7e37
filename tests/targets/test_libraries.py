"""Real optimizers through their adapters: names, moments, states, layouts and what they lack.

The bound on differences to Algorithm 1 only shows that every hyperparameter arrived: how precise
and which Adam a library is, the checks say.
"""

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from installed import needs

from adamcheck.engine.gate import check
from adamcheck.errors import TargetError, UsageError
from adamcheck.result import Status
from adamcheck.targets.protocol import Trajectory
from adamcheck.targets.session import Session
from targets.helpers import HYPER, request, textbook

pytestmark = pytest.mark.library

SKLEARN = "sklearn.neural_network._stochastic_optimizers"
UNUSUAL = {"lr": 0.03, "beta1": 0.7, "beta2": 0.95, "eps": 0.01}
STEPWISE = {"stepwise", "many", "moments", "load_moments"}
STATE = {"state", "live", "stored"}
TORCH_ALL = STATE | {"missing", "layouts", "assigned", "refilled", "groups", "closure"}
ADAMS = [
    # target, options, package, further abilities
    ("torch.optim:Adam", {"foreach": False}, "torch", TORCH_ALL),
    # PyTorch takes no tensor for α beside foreach=True
    ("torch.optim:Adam", {"foreach": True}, "torch", TORCH_ALL - {"refilled"}),
    ("torch.optim:Adam", {"fused": True}, "torch", TORCH_ALL),
    ("torch.optim:Adam", {"differentiable": True}, "torch", TORCH_ALL - {"closure"}),
    ("torch.optim:Adam", {"lr_tensor": True}, "torch", TORCH_ALL),
    ("torch.optim:AdamW", {"weight_decay": 0.0}, "torch", TORCH_ALL),
    ("optax:adam", {}, "optax", STATE | {"scheduled"}),
    ("optax:adam", {"jit": False}, "optax", STATE | {"scheduled"}),
    ("optax:adamw", {"weight_decay": 0.0}, "optax", STATE | {"scheduled"}),
    ("jax.example_libraries.optimizers:adam", {}, "jax", {"state"}),
    ("jax.example_libraries.optimizers:adam", {"jit": False}, "jax", {"state"}),
]


def opened(target, options):
    return Session(target, options=options)


def one(dtype="float64", steps=12, **more):
    return request(np.zeros(5, dtype), steps=steps, hyper=UNUSUAL, **more)


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("target", "options", "package", "more"), ADAMS)
def test_adam(target, options, package, more):
    needs(package)
    with opened(target, options) as session:
        description = session.description
        assert {"lr", "beta1", "beta2", "eps"} <= description.hyperparameters
        assert description.abilities == STEPWISE | more
        assert set(description.dtypes) == {"float64", "float32", "float16", "bfloat16"}
        assert package in description.environment
        asked = one(moments=True, twin=True)
        trace = session.run(asked)
        assert trace.failure is None
        assert not trace.broken
        exact = textbook(asked.grads[0], UNUSUAL)
        assert np.abs(trace.thetas[0] - exact).max() < 2.0**-20 * UNUSUAL["lr"]
        (moments,) = trace.moments
        assert moments["t"].tolist() == list(range(1, 13))
        assert moments["m"].dtype == np.float64

        # the same bits again, going on from a saved state, and from loaded moments
        whole = trace.thetas[0]
        assert session.run(one()).thetas[0].tobytes() == whole.tobytes()
        reloaded = session.run(one(reload_after=7))
        assert reloaded.failure is None
        assert reloaded.thetas[0].tobytes() == whole.tobytes()
        preload = ({name: rows[6] for name, rows in moments.items()},)
        rest = request(whole[7], asked.grads[0][7:], hyper=UNUSUAL, preload=preload)
        loaded = session.run(rest)
        assert loaded.failure is None
        assert loaded.thetas[0].tobytes() == whole[7:].tobytes()

        for dtype in description.dtypes:
            kind = np.dtype("float32") if dtype == "bfloat16" else np.dtype(dtype)
            narrow = session.run(one(description_dtype(dtype), moments=True))
            assert narrow.failure is None
            assert not narrow.broken
            assert narrow.thetas[0].dtype.name == dtype
            assert np.isfinite(narrow.thetas[0].astype(kind)).all()


def description_dtype(name):
    from adamcheck.formats import FORMATS

    return FORMATS[name].dtype


@pytest.mark.parametrize("options", [{"foreach": False}, {"foreach": True}])
def test_torch_sees_every_layout_it_can_have(options):
    needs("torch")
    draws = np.random.default_rng(3)
    theta, grads = draws.standard_normal((3, 4, 5)), draws.standard_normal((4, 3, 4, 5))
    with opened("torch.optim:Adam", options) as session:
        layouts = session.description.layouts
        assert layouts == ("C", "F", "transposed", "strided")
        plain = session.run(request(theta, grads, hyper=UNUSUAL)).thetas[0]
        for theta_layout in (*layouts, "negative"):
            for grad_layout in (*layouts, "negative"):
                asked = request(
                    theta,
                    grads,
                    hyper=UNUSUAL,
                    theta_layout=theta_layout,
                    grad_layout=grad_layout,
                )
                trace = session.run(asked)
                assert trace.failure is None
                assert not trace.broken
                assert trace.thetas[0].tobytes() == plain.tobytes()


def test_torch_late_gradients_options_and_flags():
    needs("torch")
    theta, grads = np.zeros(2), np.ones((3, 2))
    present = np.array([[True, False], [True, True], [True, True]])
    with opened("torch.optim:Adam", {}) as session:
        assert session.description.flags == {"amsgrad", "maximize"}
        late = Trajectory((theta, theta), (grads, grads), HYPER, present=present, moments=True)
        trace = session.run(late)
        assert trace.failure is None
        assert trace.moments[0]["t"].tolist() == [1, 2, 3]
        assert trace.moments[1]["t"].tolist() == [0, 1, 2]
        up = session.run(request(theta, grads, flags=frozenset({"maximize"})))
        assert (up.thetas[0][1:] > 0).all()
        spike = session.run(request(theta, grads, flags=frozenset({"amsgrad"}), moments=True))
        assert "v_max" in spike.moments[0]
    with pytest.raises(UsageError, match="it takes amsgrad, betas, capturable"):
        opened("torch.optim:Adam", {"foraech": True}).description  # noqa: B018


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", ["Adamax", "NAdam", "RAdam", "RMSprop", "Adagrad", "SGD"])
def test_torch_relatives_run(name):
    needs("torch")
    with opened(f"torch.optim:{name}", {}) as session:
        description = session.description
        assert "float64" in description.dtypes
        hyper = {k: v for k, v in UNUSUAL.items() if k in description.hyperparameters}
        asked = request(hyper=hyper, moments="moments" in description.abilities, reload_after=2)
        assert session.run(asked).failure is None
        # only a state that is Adam's and nothing more can be overwritten with Adam's
        assert ("load_moments" in description.abilities) == (name == "RAdam")


def test_jax_without_64_bits_says_so_and_flushing_is_noted():
    needs("optax")
    with opened("optax:adam", {"x64": False}) as session:
        description = session.description
        assert "float64" not in description.dtypes
        assert "64-bit mode is off" in description.notes
        assert "float32" in description.flushes


def test_a_users_own_transformation_is_recognised(tmp_path):
    needs("optax")
    (tmp_path / "mine.py").write_text(
        "import optax\n\ndef mine(learning_rate, b1=0.9, b2=0.999, eps=1e-8):\n"
        "    return optax.chain(optax.scale_by_adam(b1, b2, eps), optax.scale(-learning_rate))\n"
    )
    with opened(f"{tmp_path / 'mine.py'}:mine", {}) as session:
        assert session.description.adapter == "optax"
        assert session.run(one()).failure is None


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", ["amsgrad", "adamax", "nadam", "radam", "rmsprop", "sgd"])
def test_optax_relatives_run(name):
    needs("optax")
    with opened(f"optax:{name}", {}) as session:
        description = session.description
        hyper = {k: v for k, v in UNUSUAL.items() if k in description.hyperparameters}
        asked = request(hyper=hyper, moments="moments" in description.abilities, reload_after=2)
        trace = session.run(asked)
        assert trace.failure is None
        assert ("v_max" in (trace.moments or ({},))[0]) == (name == "amsgrad")


def test_sklearn():
    needs("sklearn")
    with opened(f"{SKLEARN}:AdamOptimizer", {}) as session:
        description = session.description
        assert description.abilities == STEPWISE | {"layouts"}
        assert "scikit-learn" in description.environment
        asked = one(moments=True, theta_layout="negative", grad_layout="strided")
        trace = session.run(asked)
        assert trace.failure is None
        # its ε is the unscaled ε̂, so the two differ where ε matters: here it is made not to
        small = UNUSUAL | {"eps": 1e-300}
        plain = session.run(request(np.zeros(5), asked.grads[0], hyper=small))
        error = np.abs(plain.thetas[0] - textbook(asked.grads[0], small)).max()
        assert error < 2.0**-40 * UNUSUAL["lr"]
        preload = ({name: rows[6] for name, rows in trace.moments[0].items()},)
        rest = request(trace.thetas[0][7], asked.grads[0][7:], hyper=UNUSUAL, preload=preload)
        assert session.run(rest).thetas[0].tobytes() == trace.thetas[0][7:].tobytes()
    with opened(f"{SKLEARN}:SGDOptimizer", {"momentum": 0.5}) as session:
        assert "load_moments" not in session.description.abilities
        assert session.run(request(hyper={"lr": 0.1})).failure is None


@pytest.mark.parametrize("name", ["adam", "rmsprop", "sgd"])
def test_autograd(name):
    needs("autograd")
    with opened(f"autograd.misc.optimizers:{name}", {}) as session:
        description = session.description
        assert description.dtypes == ("float64",)
        assert description.abilities == {"layouts"}
        hyper = {k: v for k, v in UNUSUAL.items() if k in description.hyperparameters}
        asked = request(np.zeros((2, 3)), steps=9, hyper=hyper)
        trace = session.run(asked)
        assert trace.failure is None
        assert len(trace.thetas[0]) == 10
        if name == "adam":
            exact = textbook(asked.grads[0], UNUSUAL)
            assert np.abs(trace.thetas[0] - exact).max() < 2.0**-40 * UNUSUAL["lr"]


def _backends():
    return [name for name in ("jax", "torch") if find_spec("keras") and find_spec(name)]


@pytest.mark.skipif(not _backends(), reason="keras is not installed")
@pytest.mark.parametrize("backend", _backends())
def test_keras(backend):
    with opened("keras.optimizers:Adam", {"backend": backend}) as session:
        description = session.description
        assert description.abilities == STEPWISE | STATE | {"missing", "assigned", "scheduled"}
        assert f"Keras back end {backend}" in description.notes
        trace = session.run(one(moments=True))
        assert trace.failure is None
        assert session.run(one(reload_after=7)).thetas[0].tobytes() == trace.thetas[0].tobytes()
        preload = ({name: rows[6] for name, rows in trace.moments[0].items()},)
        rest = request(trace.thetas[0][7], one().grads[0][7:], hyper=UNUSUAL, preload=preload)
        assert session.run(rest).thetas[0].tobytes() == trace.thetas[0][7:].tobytes()


RATES = np.array([0.03, 0.06, 0.0, 0.03, 0.015, 0.12])


@pytest.mark.parametrize(
    ("target", "pace", "package"),
    [
        ("torch.optim:Adam", "assigned", "torch"),
        ("torch.optim:Adam", "refilled", "torch"),
        ("optax:adam", "scheduled", "optax"),
        ("keras.optimizers:Adam", "assigned", "keras"),
        ("keras.optimizers:Adam", "scheduled", "keras"),
    ],
)
def test_a_rate_that_changes_scales_the_step_and_nothing_else(target, pace, package):
    needs(package)
    with opened(target, {}) as session:
        asked = request(np.zeros(5), steps=len(RATES), hyper=UNUSUAL)
        steady = np.diff(session.run(asked).thetas[0], axis=0)
        paced = session.run(replace(asked, lrs=RATES, pace=pace))
    assert paced.failure is None
    expected = steady * (RATES / UNUSUAL["lr"])[:, None]
    assert np.abs(np.diff(paced.thetas[0], axis=0) - expected).max() < 1e-6


def test_torch_follows_each_group_and_a_closure():
    needs("torch")
    with opened("torch.optim:Adam", {}) as session:
        theta = np.zeros(3)
        plain = request(theta, steps=6, hyper=UNUSUAL)
        other = {"lr": 0.5, "beta1": 0.5, "eps": 0.25}
        one, two = session.run(plain), session.run(replace(plain, hyper={**UNUSUAL, **other}))
        three = Trajectory((theta,) * 3, plain.grads * 3, UNUSUAL, groups=({}, other, other))
        grouped = session.run(three)
        assert [a.tobytes() for a in grouped.thetas] == [
            one.thetas[0].tobytes(), *[two.thetas[0].tobytes()] * 2
        ]  # fmt: skip
        by_closure = session.run(replace(plain, closure=True))
        assert by_closure.thetas[0].tobytes() == one.thetas[0].tobytes()


THIN = f"{Path(__file__).with_name('thin_torch.py')}"


def test_a_rate_in_a_tensor_that_a_step_changes_is_seen():
    needs("torch")
    rates = np.array([0.03, 0.03, 0.03, 0.06, 0.06, 0.06])
    asked = replace(request(np.zeros(3), steps=6, hyper=UNUSUAL), lrs=rates)
    with opened(f"{THIN}:Halving", {}) as session:
        right = session.run(replace(asked, pace="assigned")).thetas[0]
        shared = session.run(replace(asked, pace="refilled")).thetas[0]
    gone = (right != shared).any(axis=1)
    assert gone[1:].all()


def test_what_a_step_leaves_in_its_gradients_is_not_the_others():
    needs("torch")
    result = check(f"{THIN}:UsesGradients", spec="adam", dtypes=["float32"], only=["ADAM-CR-1"])
    (found,) = result.checks
    assert found.status is Status.PASSED, found.message


@pytest.mark.parametrize("name", ["Halving", "Own"])
def test_a_rate_in_a_tensor_is_held_to_the_bits_of_its_numbers(name):
    needs("torch")
    result = check(f"{THIN}:{name}", spec="gd", dtypes=["float32"], only=["ADAM-CR-1"])
    (found,) = result.checks
    assert (found.status is Status.FAILED) == (name == "Halving"), found.message


def test_a_closure_adds_to_what_zeroing_left_and_is_called_once():
    needs("torch")
    asked = request(np.zeros(3), steps=4, hyper=UNUSUAL)
    with opened(f"{THIN}:Unzeroing", {}) as session:
        plain, added = session.run(asked), session.run(replace(asked, closure=True))
        assert (plain.thetas[0][1:] != added.thetas[0][1:]).any()
    with opened(f"{THIN}:Twice", {}) as session:
        failure = session.run(replace(asked, closure=True)).failure
        assert failure is not None
        assert "calls the closure 2 times, not once" in failure.message


def test_a_refused_call_without_gradients_is_said_beside_what_held():
    needs("torch")
    target = f"{THIN}:Gradientless"
    result = check(target, only=["ADAM-NG-1"], dtypes=["float32"])
    assert [one.status for one in result.checks] == [Status.PASSED]
    (found,) = [f for f in result.findings if f.name == "empty-call-refused"]
    assert found.message.startswith("a step without any gradient is refused: IndexError")


def test_torch_states_are_references_and_come_back_in_the_dtype_of_the_parameter():
    needs("torch")
    with opened("torch.optim:Adam", {}) as session:
        asked = one(reload_after=7)
        copied = session.run(asked)
        live = session.run(replace(asked, receiver="live"))
        assert live.failure is None
        assert (copied.thetas[0][:8] == live.thetas[0][:8]).all()
        assert (copied.thetas[0][8:] != live.thetas[0][8:]).any()
        back = session.run(replace(asked, stored="bfloat16", moments=True))
        assert back.failure is None
        off = np.abs(back.thetas[0] - copied.thetas[0]).max()
        assert 0 < off < 2.0**-5 * UNUSUAL["lr"]
        assert back.moments[0]["m"].dtype == np.float64


def test_torch_capturable_is_refused_on_a_cpu_in_one_line():
    needs("torch")
    with pytest.raises(TargetError, match="capturable=True") as told:
        opened("torch.optim:Adam", {"capturable": True}).description  # noqa: B018
    assert "\n" not in str(told.value)
