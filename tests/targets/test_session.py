"""What a request asks is what the target meets: layouts, gaps, reloads, twins, and all dtypes."""

import time

import ml_dtypes
import numpy as np
import pytest

from adamcheck.errors import UsageError
from adamcheck.targets.layouts import laid_out
from adamcheck.targets.protocol import LAYOUTS, Limits, Trajectory
from adamcheck.targets.session import Session
from targets.helpers import HYPER, request, subject, textbook


@pytest.fixture(scope="module")
def sessions():
    """One session per subject, kept for the whole module."""
    opened: dict = {}

    def session(name):
        return opened.setdefault(name, Session(subject(name)))

    yield session
    for each in opened.values():
        each.close()


def test_make_and_both_forms_of_run_agree_bit_for_bit(sessions):
    asked = request(steps=20)
    made = sessions("make").run(asked)
    assert made.failure is None
    assert made.thetas[0].shape == (21, 4)
    assert np.abs(made.thetas[0] - textbook(asked.grads[0])).max() < 2.0**-56
    for name in ("run", "run_with_start"):
        trace = sessions(name).run(asked)
        assert trace.failure is None
        assert trace.thetas[0].tobytes() == made.thetas[0].tobytes()


def test_descriptions(sessions):
    made, ran, plain = (sessions(n).description for n in ("make", "run", "Plain"))
    assert (made.adapter, ran.adapter, plain.adapter) == ("function", "function", "class")
    assert made.hyperparameters == {"lr", "beta1", "beta2", "eps"}
    assert made.flags == {"maximize"}
    assert made.abilities == {"stepwise", "layouts"}
    assert ran.abilities == {"layouts"}
    assert plain.abilities == {"stepwise", "layouts", "many", "missing"}
    assert made.dtypes[:3] == ("float64", "float32", "float16")
    assert made.layouts == LAYOUTS
    assert {"python", "numpy"} <= made.environment.keys()
    stateful = sessions("Stateful").description
    assert {"moments", "load_moments", "state"} <= stateful.abilities
    # it cannot take None, so "missing" is not claimed although the protocol allows it
    assert "missing" not in stateful.abilities


def test_own_names_and_options():
    with Session(subject("unopened"), options={"mode": "negated"}) as session:
        assert session.description.hyperparameters == {"lr", "beta1", "beta2", "eps"}
        trace = session.run(request())
    with Session(subject("unopened")) as session:
        plain = session.run(request())
    assert (trace.thetas[0][1:] == -plain.thetas[0][1:]).all()
    with Session(subject("open_ended"), options={"anything": 3}) as session:
        assert session.description.hyperparameters == {"lr", "beta1", "beta2", "eps"}


def test_flags_reach_the_target(sessions):
    grads = request().grads[0]
    up = sessions("make").run(request(grads=grads, flags=frozenset({"maximize"})))
    assert up.thetas[0].tobytes() == sessions("make").run(request(grads=-grads)).thetas[0].tobytes()


def test_what_a_target_does_not_take_is_the_callers_error(sessions):
    with pytest.raises(UsageError, match="no hyperparameter 'weight_decay'"):
        sessions("make").run(request(hyper=HYPER | {"weight_decay": 0.1}))
    with pytest.raises(UsageError, match="no flag 'amsgrad'"):
        sessions("make").run(request(flags=frozenset({"amsgrad"})))
    neutral = sessions("make").run(request(hyper=HYPER | {"weight_decay": 0.0, "eps_root": 0.0}))
    assert neutral.failure is None


@pytest.mark.parametrize("theta_layout", LAYOUTS)
@pytest.mark.parametrize("grad_layout", LAYOUTS)
def test_layouts_reach_the_target_independently(sessions, theta_layout, grad_layout):
    theta, grads = np.zeros((2, 3, 4)), np.ones((2, 2, 3, 4))
    asked = request(theta, grads, theta_layout=theta_layout, grad_layout=grad_layout)
    seen = sessions("Layouts").run(asked).thetas[0][1].reshape(-1)[:6] * 8
    expected = [*laid_out(theta, theta_layout).strides, *laid_out(theta, grad_layout).strides]
    assert seen.tolist() == expected


def test_the_layout_of_the_gradient_may_change_from_step_to_step(sessions):
    theta, grads = np.zeros((2, 3, 4)), np.ones((5, 2, 3, 4))
    turns = ("C", "F", "expanded")
    trace = sessions("Layouts").run(request(theta, grads, grad_layout="/".join(turns)))
    seen = trace.thetas[0][1:].reshape(5, -1)[:, 3:6] * 8
    strides = [laid_out(theta, a).strides if a != "expanded" else (0, 0, 0) for a in turns]
    assert seen.tolist() == [list(strides[t % 3]) for t in range(5)]


def test_a_read_only_gradient_can_be_read_and_not_changed(sessions):
    asked = request(grad_layout="read-only")
    plain = sessions("make").run(request()).thetas[0]
    assert sessions("make").run(asked).thetas[0].tobytes() == plain.tobytes()
    failure = sessions("Scales").run(asked).failure
    assert (failure.kind, failure.step) == ("raised", 2)
    assert "read-only" in failure.message


@pytest.mark.parametrize("scramble", [True, False])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_one_buffer_may_be_filled_again_for_every_step(sessions, layout, scramble):
    again = {"refill": True, "scramble": scramble, "grad_layout": layout}
    plain = sessions("make").run(request()).thetas[0]
    trace = sessions("make").run(request(**again))
    assert not trace.broken
    assert trace.thetas[0].tobytes() == plain.tobytes()
    # what is kept by reference is the next gradient already
    late = sessions("Keeps").run(request(**again)).thetas[0]
    assert np.allclose(late[2:], late[1] - np.cumsum(request().grads[0][1:], axis=0))
    assert dict(sessions("Scales").run(request(**again)).broken) == {"gradient-changed": 2}


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", ml_dtypes.bfloat16])
@pytest.mark.parametrize("shape", [(), (0,), (1,), (3, 0, 2), (2, 3)])
@pytest.mark.parametrize("name", ["Plain", "InPlace"])
def test_shapes_and_dtypes(sessions, name, dtype, shape):
    grads = np.ones((3, *shape), dtype)
    trace = sessions(name).run(request(np.zeros(shape, dtype), grads))
    assert trace.failure is None
    assert not trace.broken
    assert trace.thetas[0].dtype == np.dtype(dtype)
    assert trace.thetas[0].shape == (4, *shape)
    if trace.thetas[0].size:
        assert trace.thetas[0].reshape(4, -1)[:, 0].astype(float).tolist() == [0, -1, -2, -3]


def test_missing_gradients_and_many_parameters(sessions):
    thetas = (np.zeros(2), np.zeros((1, 3), np.float32))
    grads = (np.ones((3, 2)), np.ones((3, 1, 3), np.float32))
    present = np.array([[True, False], [False, True], [True, True]])
    for name in ("Plain", "InPlace"):
        trace = sessions(name).run(Trajectory(thetas, grads, HYPER, present=present))
        assert trace.failure is None
        assert trace.thetas[0][:, 0].tolist() == [0, -1, -1, -2]
        assert trace.thetas[1][:, 0, 0].tolist() == [0, 0, -1, -2]


def test_a_kept_gradient_shows_when_buffers_are_scrambled(sessions):
    assert np.isnan(sessions("Keeps").run(request()).thetas[0][2:]).all()
    kept = sessions("Keeps").run(request(scramble=False))
    assert not np.isnan(kept.thetas[0]).any()


@pytest.mark.parametrize("scramble", [True, False])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("shape", [(4,), (40, 50)])
def test_a_changed_gradient_is_told_with_its_first_step(sessions, scramble, layout, shape):
    asked = request(np.zeros(shape), scramble=scramble, grad_layout=layout)
    assert dict(sessions("Scales").run(asked).broken) == {"gradient-changed": 2}
    assert not sessions("Plain").run(asked).broken
    # the caller's own array is out of reach
    assert asked.grads[0].tobytes() == request(np.zeros(shape)).grads[0].tobytes()


def test_a_whole_run_tells_changed_gradients_and_wrong_lengths(sessions):
    assert dict(sessions("run_late").run(request()).broken) == {"gradient-changed": 3}
    failure = sessions("run_short").run(request(steps=9)).failure
    assert (failure.kind, failure.step) == ("protocol", 1)
    assert "2 parameters for 9 steps" in failure.message


def test_a_twin_shows_shared_state(sessions):
    asked = request(steps=6)
    alone = sessions("Shared").run(asked)
    twinned = sessions("Shared").run(request(steps=6, twin=True))
    assert alone.thetas[0].tobytes() != twinned.thetas[0].tobytes()
    for name in ("make", "run", "Stateful"):
        same = sessions(name).run(request(steps=6, twin=True)).thetas[0]
        assert same.tobytes() == sessions(name).run(asked).thetas[0].tobytes()


@pytest.mark.parametrize("shape", [(), (4,), (2, 3)])
def test_a_twin_shows_what_depends_on_the_last_shape_and_on_shared_results(sessions, shape):
    grads = np.random.default_rng(3).standard_normal((6, *shape))
    for name, alike in (("Stateful", True), ("OneShape", False), ("OneResult", False)):
        asked = request(np.zeros(shape), grads)
        alone = sessions(name).run(asked).thetas[0]
        twinned = sessions(name).run(request(np.zeros(shape), grads, twin=True)).thetas[0]
        assert (alone.tobytes() == twinned.tobytes()) is alike, name


@pytest.mark.parametrize("after", [0, 3, 8])
def test_a_saved_state_goes_to_the_receiver_that_was_asked_for(sessions, after):
    whole = sessions("Stateful").run(request(steps=8)).thetas[0]

    def went_on(name, receiver):
        trace = sessions(name).run(request(steps=8, reload_after=after, receiver=receiver))
        assert trace.failure is None
        return trace.thetas[0]

    for receiver in ("fresh", "twice", "none"):
        assert went_on("Stateful", receiver).tobytes() == whole.tobytes()
    used, beside = went_on("Stateful", "used"), went_on("Stateful", "beside")
    assert used.tobytes() == beside.tobytes()
    # its own steps moved it, and the loaded momentum then moves it as it does the others
    assert (used[after] != whole[after]).all()
    assert np.allclose(np.diff(used[after:], axis=0), np.diff(whole[after:], axis=0))
    same = went_on("Adds", "used").tobytes() == went_on("Adds", "beside").tobytes()
    assert same is (after == 8)


def test_reload_goes_on_or_shows_what_was_lost(sessions):
    whole = sessions("Stateful").run(request(steps=8)).thetas[0]
    for after in (0, 3, 8):
        trace = sessions("Stateful").run(request(steps=8, reload_after=after))
        assert trace.failure is None
        assert trace.thetas[0].tobytes() == whole.tobytes()
    lost = sessions("Forgets").run(request(steps=8, reload_after=3)).thetas[0]
    assert lost[:4].tobytes() == whole[:4].tobytes()
    assert lost[4:].tobytes() != whole[4:].tobytes()
    other = request(steps=8, reload_after=3, reload_hyper=HYPER | {"lr": 0.5})
    assert np.abs(np.diff(sessions("Stateful").run(other).thetas[0], axis=0))[3:].max() > 0.1


def test_moments_out_and_in(sessions):
    grads = np.ones((4, 2), np.float32)
    trace = sessions("Stateful").run(request(np.zeros(2, np.float32), grads, moments=True))
    (moments,) = trace.moments
    assert moments["m"][:, 0].tolist() == [1, 2, 3, 4]
    assert moments["v"].dtype == moments["m"].dtype == np.float32
    assert moments["t"].tolist() == [1, 2, 3, 4]
    assert "v_max" not in moments
    preload = ({"m": np.full(2, 7, np.float32), "v": np.zeros(2, np.float32), "t": 41},)
    asked = request(np.zeros(2, np.float32), grads, moments=True, preload=preload)
    (moments,) = sessions("Stateful").run(asked).moments
    assert moments["m"][:, 0].tolist() == [8, 9, 10, 11]
    assert moments["t"].tolist() == [42, 43, 44, 45]


def test_asking_for_what_a_target_cannot_do_is_a_failure(sessions):
    for more in ({"moments": True}, {"reload_after": 2}, {"preload": ({"t": 1},)}):
        failure = sessions("make").run(request(**more)).failure
        assert (failure.kind, failure.type) == ("raised", "AbilityError")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"theta0": (np.zeros(4),) * 2, "grads": (np.zeros((3, 4)), np.zeros((2, 4)))},
            "for 3 steps",
        ),
        ({"grads": ()}, "gradient sequences"),
        ({"theta0": (np.zeros(4, complex),)}, "unsupported dtype"),
        ({"grad_layout": "spiral"}, "unknown layout"),
        ({"present": np.ones((2, 2), bool)}, "booleans of shape"),
        ({"preload": ()}, "preload has 0"),
        ({"reload_after": 9}, "outside 0"),
        ({"receiver": "anybody"}, "unknown receiver"),
        ({"grad_layout": "C/spiral"}, "unknown layout"),
        ({"theta_layout": "expanded"}, "unknown layout"),
        ({"grad_layout": "C/F", "refill": True}, "cannot be filled again"),
        ({"grad_layout": "read-only", "refill": True}, "cannot be filled again"),
    ],
)
def test_a_request_that_contradicts_itself_is_refused(sessions, changes, message):
    from dataclasses import replace

    with pytest.raises(ValueError, match=message):
        sessions("make").run(replace(request(), **changes))


def test_a_gradient_of_another_shape_reaches_the_target(sessions):
    asked = request(np.zeros(4), np.ones((3, 5)))
    failure = sessions("Plain").run(asked).failure
    assert (failure.kind, failure.type, failure.step) == ("raised", "ValueError", 1)
    broadcast = sessions("make").run(request(np.zeros((2, 4)), np.ones((3, 4)), twin=True))
    assert broadcast.failure is None


def test_no_steps_is_a_run_too(sessions):
    for name in ("make", "run", "Plain"):
        trace = sessions(name).run(request(np.ones(3), np.zeros((0, 3))))
        assert trace.failure is None
        assert trace.thetas[0].tolist() == [[1, 1, 1]]


def test_results_are_the_callers_own(sessions):
    first = sessions("Plain").run(request(steps=3))
    before = first.thetas[0].copy()
    sessions("Plain").run(request(np.full(9, 5.0), np.ones((40, 9))))
    assert first.thetas[0].tobytes() == before.tobytes()
    first.thetas[0][...] = 0


def test_a_long_run_needs_little_for_each_step(sessions):
    # 20,000 steps of nothing: far from 100 µs each even on a loaded machine
    grads = np.ones((20_000, 4))
    with Session(subject("InPlace"), limits=Limits(run_seconds=2.0)) as session:
        session.run(request())
        assert session.run(request(grads=grads)).failure is None


def test_a_large_run_gives_its_memory_back(sessions):
    import os

    with Session(subject("InPlace")) as session:
        trace = session.run(request(np.zeros(1_000_000), np.ones((12, 1_000_000))))
        assert trace.thetas[0][12, -1] == -12
        assert os.fstat(session._child.board).st_size == 0
        assert session.run(request()).failure is None


def test_a_closed_session_can_be_used_again():
    session = Session(subject("Plain"))
    session.run(request())
    session.close()
    session.close()
    assert session.run(request()).failure is None
    session.close()


def test_a_started_session_loads_before_anybody_asks(tmp_path):
    place, mark = tmp_path / "slow_to_load.py", tmp_path / "imported"
    place.write_text(
        f"open({str(mark)!r}, 'w').close()\n"
        "def make(theta0, *, lr, beta1, beta2, eps):\n    return lambda grad: theta0\n"
    )
    with Session(f"{place}:make") as session:
        session.start()
        deadline = time.monotonic() + 30
        while not mark.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        assert mark.exists()
        assert session.run(request()).failure is None


def test_what_cannot_be_loaded_is_told_each_time():
    with Session(f"{subject('Plain')}Missing") as session:
        session.start()
        for _ in range(2):
            with pytest.raises(UsageError, match="no attribute 'PlainMissing'"):
                session.run(request())
