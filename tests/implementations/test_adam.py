"""The Adams that ship: correct against a slow scalar reading of Algorithm 1, and strict."""

from __future__ import annotations

import math
import subprocess
import sys
from fractions import Fraction
from typing import Any

import ml_dtypes
import mpmath
import numpy as np
import pytest

from adamcheck.implementations import CupyAdam, NumpyAdam
from adamcheck.targets.layouts import laid_out
from adamcheck.targets.protocol import LAYOUTS
from adamcheck.targets.session import Session

HYPER: dict[str, Any] = {"lr": 0.02, "beta1": 0.8, "beta2": 0.97, "eps": 1e-3}
DTYPES = [np.float64, np.float32, np.float16, ml_dtypes.bfloat16]


def gradients(steps=6, shape=(3,), dtype=np.float64):
    return np.random.default_rng(5).standard_normal((steps, *shape)).astype(dtype)


def exact(grads, theta, *, decay=0.0, decoupled=False, amsgrad=False, sign=1, **hyper):
    """θ after the last step of one element, at 50 digits; moments in rationals."""
    h = {name: Fraction(value) for name, value in (HYPER | hyper).items()}
    m = v = v_max = Fraction(0)
    with mpmath.workdps(50):
        theta = _mp(Fraction(theta))
        for t, given in enumerate(grads, start=1):
            g = sign * Fraction(float(given))
            if decay and not decoupled:
                g += Fraction(decay) * _fraction(theta)
            m = h["beta1"] * m + (1 - h["beta1"]) * g
            v = h["beta2"] * v + (1 - h["beta2"]) * g * g
            v_max = max(v_max, v)
            second = (v_max if amsgrad else v) / (1 - h["beta2"] ** t)
            step = _mp(m / (1 - h["beta1"] ** t)) / (mpmath.sqrt(_mp(second)) + _mp(h["eps"]))
            if decay and decoupled:
                theta *= 1 - _mp(h["lr"] * Fraction(decay))
            theta -= _mp(h["lr"]) * step
        return float(theta)


def _mp(x):
    return mpmath.mpf(x.numerator) / x.denominator


def _fraction(x):
    return Fraction(*mpmath.libmp.to_rational(x._mpf_))


def run(optimizer, grads):
    for grad in grads:
        (theta,) = optimizer.step([grad])
    return theta


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"weight_decay": 0.1},
        {"weight_decay": 0.1, "decoupled": True},
        {"amsgrad": True},
        {"maximize": True},
    ],
)
def test_it_is_algorithm_1_with_its_options(options):
    grads, start = gradients(), np.array([0.5, -2.0, 1.25])
    result = run(NumpyAdam([start], **HYPER, **options), grads)
    for index in range(3):
        expected = exact(
            grads[:, index],
            start[index],
            decay=options.get("weight_decay", 0.0),
            decoupled=options.get("decoupled", False),
            amsgrad=options.get("amsgrad", False),
            sign=-1 if options.get("maximize") else 1,
        )
        # six steps of some twenty roundings each, on numbers below 4
        assert abs(result[index] - expected) < 6 * 20 * 2.0**-52


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (0,), (1,), (2, 3), (2, 0, 2)])
def test_dtype_and_shape_are_kept(dtype, shape):
    grads = gradients(shape=shape, dtype=dtype)
    optimizer = NumpyAdam([np.ones(shape, dtype)], **HYPER)
    theta = run(optimizer, grads)
    assert isinstance(theta, np.ndarray)
    assert (theta.dtype, theta.shape) == (np.dtype(dtype), shape)
    (moments,) = optimizer.moments()
    wide = np.float64 if dtype is np.float64 else np.float32
    assert moments["m"].dtype == moments["v"].dtype == wide
    assert moments["m"].shape == moments["v"].shape == shape
    assert moments["t"] == 6


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16])
def test_narrow_parameters_are_computed_in_float32_and_stored_once(dtype):
    grads = gradients(steps=1, dtype=dtype)
    start = np.array([0.5, -2.0, 1.25], dtype)
    narrow = run(NumpyAdam([start], **HYPER), grads)
    wide = run(NumpyAdam([start.astype(np.float32)], **HYPER), grads.astype(np.float32))
    assert narrow.tobytes() == wide.astype(dtype).tobytes()


@pytest.mark.parametrize("theta_layout", LAYOUTS)
@pytest.mark.parametrize("grad_layout", LAYOUTS)
def test_layouts_do_not_matter(theta_layout, grad_layout):
    start, grads = gradients(1, (3, 4, 5))[0], gradients(3, (3, 4, 5))
    plain = run(NumpyAdam([start], **HYPER), grads)
    optimizer = NumpyAdam([laid_out(start, theta_layout)], **HYPER)
    other = run(optimizer, [laid_out(grad, grad_layout) for grad in grads])
    assert other.tobytes() == plain.tobytes()


def test_nothing_of_the_callers_is_changed_or_kept():
    start, grads = np.ones(3), gradients()
    optimizer = NumpyAdam([start], **HYPER)
    expected = run(NumpyAdam([start.copy()], **HYPER), grads.copy())
    for grad in grads:
        given = grad.copy()
        (theta,) = optimizer.step([given])
        assert given.tobytes() == grad.tobytes()
        given.fill(np.nan)
        start.fill(np.nan)
    assert theta.tobytes() == expected.tobytes()
    optimizer.moments()[0]["m"].fill(np.nan)
    assert np.isfinite(optimizer.step([grads[0]])[0]).all()


def test_a_late_gradient_starts_its_own_count():
    grads = gradients()
    optimizer = NumpyAdam([np.zeros(3), np.zeros(3)], **HYPER)
    for t, grad in enumerate(grads):
        late, always = optimizer.step([grad if t >= 2 else None, grad])
    assert late.tobytes() == run(NumpyAdam([np.zeros(3)], **HYPER), grads[2:]).tobytes()
    assert always.tobytes() == run(NumpyAdam([np.zeros(3)], **HYPER), grads).tobytes()
    assert [each["t"] for each in optimizer.moments()] == [4, 6]


@pytest.mark.parametrize("options", [{}, {"amsgrad": True}, {"weight_decay": 0.1}])
def test_going_on_from_a_state_gives_the_same_bits(options):
    grads, start = gradients(9), np.ones(3)
    first = NumpyAdam([start], **HYPER, **options)
    middle = run(first, grads[:4])
    # built with everything different: the state brings hyperparameters and flags along
    second = NumpyAdam([middle], lr=0.5, beta1=0.0)
    second.load_state_dict(first.state_dict())
    third = NumpyAdam([middle], **HYPER, **options)
    third.load_moments(first.moments())
    whole = run(first, grads[4:])
    assert run(second, grads[4:]).tobytes() == whole.tobytes()
    assert run(third, grads[4:]).tobytes() == whole.tobytes()


def test_a_late_step_count_is_exact():
    moments = {"m": np.zeros(1), "v": np.zeros(1), "t": 10**6}
    optimizer = NumpyAdam([np.zeros(1)], lr=1.0, beta1=0.5, beta2=0.5, eps=0.0)
    optimizer.load_moments([moments])
    (theta,) = optimizer.step([np.ones(1)])
    assert theta[0] == -0.5 / math.sqrt(0.5)
    assert optimizer.moments()[0]["t"] == 10**6 + 1


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        (name, bad)
        for name in ("lr", "beta1", "beta2", "eps", "weight_decay")
        for bad in (-1e-9, math.nan, math.inf, -math.inf)
    ]
    + [("beta1", 1.0), ("beta2", 1.5)],
)
def test_hyperparameters_out_of_range(name, bad):
    with pytest.raises(ValueError, match=name):
        NumpyAdam([np.zeros(1)], **HYPER | {name: bad})


def test_hyperparameters_on_the_edge_are_taken():
    NumpyAdam([np.zeros(1)], lr=0.0, beta1=0.0, beta2=0.0, eps=0.0, weight_decay=0.0)


def test_bad_gradients_move_nothing():
    optimizer = NumpyAdam([np.zeros(2), np.zeros((2, 1))], **HYPER)
    good = np.ones(2)
    for bad in (np.ones(2), np.ones((1, 2)), np.ones(()), np.ones((2, 2))):
        with pytest.raises(ValueError, match="gradient of shape"):
            optimizer.step([good, bad])
    with pytest.raises(ValueError, match="1 gradients for 2"):
        optimizer.step([good])
    with pytest.raises(TypeError, match="complex"):
        optimizer.step([good, np.ones((2, 1), complex)])
    assert [each["t"] for each in optimizer.moments()] == [0, 0]
    first, _ = optimizer.step([None, None])
    assert first.tolist() == [0, 0]


def test_bad_parameters_and_states():
    with pytest.raises(TypeError, match="int64"):
        NumpyAdam([np.zeros(2, int)])
    optimizer = NumpyAdam([np.zeros(2)])
    good = optimizer.state_dict()
    cases: list[tuple[dict, str]] = [
        ({"moments": []}, "0 moments for 1"),
        ({"moments": [{"m": np.zeros(3), "v": np.zeros(2), "t": 1}]}, "m of shape"),
        ({"moments": [{"m": np.zeros(2), "v": np.zeros(2), "t": -1}]}, "step count of -1"),
        ({"hyper": {"lr": 1.0}}, "other hyperparameters"),
        ({"hyper": good["hyper"] | {"lr": -1.0}}, "lr=-1.0"),
    ]
    for change, what in cases:
        with pytest.raises(ValueError, match=what):
            optimizer.load_state_dict(good | change)
    with pytest.raises(ValueError, match="lacks flags, moments"):
        optimizer.load_state_dict({"hyper": {}})
    assert optimizer.state_dict()["hyper"] == good["hyper"]


@pytest.mark.parametrize("name", ["m", "v", "t"])
def test_a_load_that_fails_leaves_everything_as_it_was(name):
    optimizer = NumpyAdam([np.ones(3)], **HYPER)
    optimizer.step([np.ones(3)])
    before = optimizer.state_dict()
    other = NumpyAdam([np.ones(3)], **HYPER | {"lr": 0.9}, maximize=True)
    saved = other.state_dict()
    del saved["moments"][0][name]
    with pytest.raises(ValueError, match=f"lack {name}"):
        optimizer.load_state_dict(saved)
    after = optimizer.state_dict()
    assert (after["hyper"], after["flags"]) == (before["hyper"], before["flags"])
    assert after["moments"][0]["m"].tolist() == before["moments"][0]["m"].tolist()


def test_overflow_is_quiet_and_stays_in_its_element():
    with np.errstate(all="raise"):
        theta = run(NumpyAdam([np.zeros(3, np.float32)], **HYPER), [np.array([1e30, 1, 0], "f4")])
    alone = run(NumpyAdam([np.zeros(2, np.float32)], **HYPER), [np.array([1, 0], "f4")])
    assert theta[1:].tobytes() == alone.tobytes()


def test_it_is_a_target_with_every_ability():
    with Session("adamcheck.implementations:NumpyAdam") as session:
        description = session.description
    assert description.adapter == "class"
    assert set(description.dtypes) == {"float64", "float32", "float16", "bfloat16"}
    assert description.flags == {"amsgrad", "maximize"}
    assert "weight_decay" in description.hyperparameters
    assert description.abilities == {
        "stepwise",
        "many",
        "missing",
        "moments",
        "load_moments",
        "state",
        "live",
        "stored",
        "layouts",
    }


def test_without_cupy_the_message_says_what_to_install():
    try:
        import cupy  # noqa: F401
    except ImportError:
        with pytest.raises(ImportError, match="pip install cupy-cuda12x or cupy-cuda13x"):
            CupyAdam([np.zeros(1)])
    else:
        pytest.skip("cupy is installed")


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_cupy_agrees_with_numpy(dtype):
    import cupy

    grads, start = gradients(dtype=dtype), np.array([0.5, -2.0, 1.25], dtype)
    theta = run(CupyAdam([cupy.asarray(start)], **HYPER), [cupy.asarray(g) for g in grads])
    assert isinstance(theta, cupy.ndarray)
    expected = run(NumpyAdam([start], **HYPER), grads)
    # square roots and divisions of the two may round differently, once each a step
    spacing = np.spacing(np.abs(expected).max()).astype(np.float64)
    difference = np.abs(theta.get().astype(np.float64) - expected.astype(np.float64))
    assert difference.max() <= 8 * spacing


@pytest.mark.gpu
def test_cupy_as_a_target():
    with Session("adamcheck.implementations:CupyAdam", device="cuda") as session:
        assert {"float64", "float32", "float16"} <= set(session.description.dtypes)
        assert {"moments", "load_moments", "state"} <= session.description.abilities


def test_numpy_arrays_load_no_further_part_of_numpy():
    code = "import sys, numpy as np; from adamcheck.implementations import NumpyAdam"
    code += "; NumpyAdam([np.zeros(3)]).step([np.ones(3)])"
    code += "; print({'numpy.f2py', 'numpy.testing'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
