"""The judge: its levels agree; edges of shape, values that are not finite, given states."""

from __future__ import annotations

import inspect
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adamcheck.formats import FORMATS, Format
from adamcheck.mutations import target as targets
from adamcheck.mutations.simulate import simulated
from adamcheck.numerics import error_bounds
from adamcheck.numerics.comparison import CERTAIN, TALLIES
from adamcheck.numerics.double_double import FAINT
from adamcheck.oracle import evaluate, judge, top
from adamcheck.oracle.envelope import STRICT, Admission
from adamcheck.oracle.evidence import Evidence
from adamcheck.program import trace
from adamcheck.spec import Spec, parse_spec

from . import by_arrays
from .arithmetic import Arithmetic
from .cases import evidence, hypers, specs
from .orders import ORDERS, applicable, run

HYPER = {"lr": 2.0**-7, "beta1": 0.875, "beta2": 1 - 2.0**-10, "eps": 2.0**-20}
FULL = HYPER | {"eps_root": 2.0**-22, "weight_decay": 2.0**-6}


def honest(
    spec: Spec,
    name: str,
    steps: int,
    count: int,
    *,
    hyper: Any = None,
    seed: int = 0,
    order: int = 0,
) -> Evidence:
    """What an honest order shows on random gradients, from a random θ; moments included."""
    fmt, rng = FORMATS[name], np.random.default_rng(seed)
    hyper = {k: (hyper or FULL)[k] for k in spec.hyperparameters}
    grads = rng.standard_normal((steps, count)).astype(fmt.dtype)
    theta0 = (rng.standard_normal(count) * (np.arange(count) % 2)).astype(fmt.dtype)
    columns = {k: np.full(count, x) for k, x in hyper.items()}
    with np.errstate(all="ignore"):
        shown = run(ORDERS[order], spec, Arithmetic(fmt), columns, grads, theta0)
    return Evidence(spec, fmt, hyper, grads, shown.thetas, shown.moments)


def spoiled(e: Evidence, seed: int) -> Evidence:
    """The same evidence with a few numbers moved by some units in the last place."""
    rng = np.random.default_rng(seed)

    def moved(x: Any) -> Any:
        share = (
            1 + np.where(rng.random(x.shape) < 0.2, rng.integers(-400, 400, x.shape), 0) * e.fmt.u
        )
        with np.errstate(all="ignore"):
            return (x.astype(np.float64) * share).astype(x.dtype)

    return replace(e, thetas=moved(e.thetas), moments={k: moved(x) for k, x in e.moments.items()})


def by_every_level(e: Evidence, admission: Admission) -> list[Any]:
    """The raw tallies of the block machine, of arrays, and of balls, before anything escalates."""
    program, level = trace(e.spec), "dd" if e.fmt.name == "float64" else "f64"
    observed = ("theta", *(m for m in program.moments if m in e.moments))
    machine = evaluate.judge(program, level, observed, e, admission, judge.MARGIN[level])
    arrays = by_arrays.judge(level, observed, e, admission, judge.MARGIN[level])
    balls = [
        top.judge_element(program, observed, e.element(i), admission) for i in range(e.shape[1])
    ]
    return [machine, arrays, np.stack(balls, axis=-1)]


def agree(tallies: list[Any], fmt: Format) -> None:
    """Everything but what one level leaves open and the top one decides."""
    own = 2.0**-48 if fmt.name == "float64" else 2.0**-28  # the level's own error, in bounds
    column = {name: k for k, name in enumerate(TALLIES)}
    *levels, balls = tallies
    assert not balls[:, column["undecided"]].any()
    for raw in tallies:  # every element-step is counted once
        counted = sum(raw[:, column[name]] for name in ("decided", "weak", "void", "undecided"))
        assert (counted == counted.flat[0]).all()
    for raw in levels:
        decided = raw[:, column["undecided"]] == 0
        for name in TALLIES:
            got, want = raw[:, column[name]][decided], balls[:, column[name]][decided]
            if name == "worst":
                both = np.isfinite(got) & np.isfinite(want)
                assert np.array_equal(np.isfinite(got), np.isfinite(want))
                got, want = got[both], want[both]
                # a certain verdict over a subnormal bound: the ratio shares the bound's rounding
                far = want > CERTAIN
                assert (np.abs(got - want)[~far] <= (2.0**-20 * want + own)[~far]).all()
                assert (got[far] >= want[far] / 2.0).all()
                assert (got[far] / 2.0 <= want[far]).all()
            elif name != "worst_step":  # two steps may share the largest ratio
                assert np.array_equal(got, want), name


@settings(max_examples=40, deadline=None)
@given(specs, st.sampled_from(tuple(FORMATS)), st.integers(0, 2**32), st.data())
def test_the_levels_agree_on_honest_and_spoiled_runs(
    spec: Spec, name: str, seed: int, data: st.DataObject
) -> None:
    e = honest(spec, name, 5, 3, hyper=FULL | data.draw(hypers(spec)), seed=seed)
    e = spoiled(e, seed) if data.draw(st.booleans()) else e
    admission = Admission(
        data.draw(st.sampled_from(["float64", "array"])), data.draw(st.booleans())
    )
    agree(by_every_level(e, admission), e.fmt)


@settings(max_examples=40, deadline=None)
@given(evidence())
def test_the_levels_agree_on_nonsense(e: Evidence) -> None:
    agree(by_every_level(e, STRICT), e.fmt)


@pytest.mark.parametrize("text", ["adagrad", "rmsprop", "rmsprop[centered=yes]"])
@pytest.mark.parametrize("maximize", ["no", "yes"])
def test_the_sign_of_a_gradient_makes_no_bound_faint(text: str, maximize: str) -> None:
    spec = parse_spec(text).with_(maximize=maximize)
    made = targets.named(str(spec), targets.Optimizer, ("edit",))
    hyper = {name: FULL[name] for name in spec.hyperparameters}
    grads = np.random.default_rng(2).standard_normal((9, 4))
    e = simulated(made, FORMATS["float64"], hyper, grads, np.zeros(4))
    fast = by_every_level(e, STRICT)[0]
    assert not fast[:, TALLIES.index("undecided")].any()


@pytest.mark.parametrize(("eps", "swallowed"), [(2.0**-36, True), (2.0**-480, False)])
def test_a_faint_bound_of_v_counts_unless_the_bound_beside_it_swallows_it(
    eps: float, swallowed: bool
) -> None:
    """In a silence v = 0·v + 0 is 0 and may have underflowed; under the root ε stands beside it."""
    made = targets.named("adam", targets.Optimizer, ("edit",))
    hyper = {"lr": 256.0, "beta1": 0.996, "beta2": 0.0, "eps": eps}
    grads = np.random.default_rng(1).uniform(0.5, 1.0, (64, 2))
    grads[10:50] = 0.0
    e = simulated(made, FORMATS["float64"], hyper, grads, np.zeros(2))
    tallies = by_every_level(e, STRICT)
    agree(tallies, e.fmt)
    assert tallies[0][:, TALLIES.index("undecided")].any() == (not swallowed)


@pytest.mark.parametrize(("share", "open_"), [(1.003, True), (0.9, False), (2.0**40, False)])
def test_a_faint_bound_that_may_make_another_infinite_is_not_swallowed(
    share: float, open_: bool
) -> None:
    """v = 0·v is 0 and may have underflowed; √v + ε is then known to about a half, beside a large θ
    whose own bound is 2^64 times the update's."""
    hyper = {"lr": 1.0, "beta1": 0.5, "beta2": 0.0, "eps": share * 2.0**-535}
    start = {"m": np.array([2.0**-500]), "v": np.array([2.0**-1040])}
    thetas = np.full((2, 1), 2.0**300)
    e = Evidence(Spec(), FORMATS["float64"], hyper, np.zeros((1, 1)), thetas, {}, start, 5)
    tallies = by_every_level(e, STRICT)
    agree(tallies, e.fmt)
    assert bool(tallies[0][0, TALLIES.index("undecided")]) == open_


def test_what_a_bound_lacks_by_its_own_underflow_is_below_the_levels_share() -> None:
    """Theorem envelope-growth, with the products of all of a step's bounds."""
    from adamcheck.numerics.emit import Emitter

    for text in (
        "adam",
        "adam[amsgrad=vhat]",
        "nadam",
        "radam",
        "rmsprop[centered=yes,momentum=yes]",
    ):
        emitter = Emitter(trace(parse_spec(text)), paired=True)
        bounds = [emitter.bound(i) for i in emitter.elementwise]
        inner = [inspect.getsource(f) for f in error_bounds.ERROR_BOUNDS]
        most = max(source.count("*") + source.count("/") for source in inner)
        products = sum(bound.count("*") + bound.count("(") * most for bound in bounds)
        assert 2 * products < 2**12
        assert 2.0**12 / CERTAIN < 2.0**-48


def test_a_parameter_at_the_end_of_the_range_is_bounded_by_every_level() -> None:
    """Twice |θ| is not representable there, and no part of a bound may need it."""
    spec = parse_spec("adamw")
    hyper = {"lr": 1.0, "beta1": 0.0, "beta2": 0.0, "eps": 0.0, "weight_decay": 0.0}
    thetas = np.full((2, 1), 2.0**1023)
    e = Evidence(spec, FORMATS["float64"], hyper, np.array([[1.0]]), thetas, {})
    tallies = by_every_level(e, STRICT)
    agree(tallies, e.fmt)
    assert not any(raw[:, TALLIES.index("void")].any() for raw in tallies)


@pytest.mark.parametrize("text", ["gd", "rmsprop", "adagrad", "momentum", "rmsprop[momentum=yes]"])
@given(lr=st.floats(1e-3, 8.0), eps=st.floats(1e-20, 1.0), share=st.sampled_from([-12, -20, -40]))
@settings(max_examples=20, deadline=None)
def test_a_bound_that_is_subnormal_itself_decides_nothing_near_it(
    text: str, lr: float, eps: float, share: int
) -> None:
    """A zero θ that may be hidden underflow enters g = λθ: the bound is some units of underflow."""
    spec = parse_spec(text).with_(decay="l2")
    hyper = {k: FULL.get(k, 0.5) for k in spec.hyperparameters}
    hyper |= {k: x for k, x in {"lr": lr, "eps": eps, "weight_decay": 0.5}.items() if k in hyper}
    grads, thetas = np.array([[-0.5], [0.0], [0.0]]), np.array([[1.0], [0.0], [0.0], [0.0]])
    hidden = Evidence(spec, FORMATS["float64"], hyper, grads, thetas, {})
    *_, last = top.walk(trace(spec), hidden, STRICT, 160)
    edge = float(last["theta"].bound)
    assert edge > 0.0
    for seen, inside in ((edge * (1 - 2.0**share), True), (edge * (1 + 2.0**share), False)):
        if (seen <= edge) != inside or seen == edge:  # no number between
            continue
        e = replace(hidden, thetas=np.vstack([thetas[:-1], [[seen]]]), unseen=2)
        top_says = top.judge_element(trace(spec), ("theta",), e, STRICT)[0, 2] == 0.0
        assert top_says is np.bool_(inside)
        assert judge.judge(e).accepted is inside
        if edge < FAINT:
            *levels, _ = by_every_level(e, STRICT)
            for raw in levels:
                assert raw[0, TALLIES.index("undecided")] == 1


@pytest.mark.parametrize(
    "text", ["rmsprop", "rmsprop[momentum=yes]", "adagrad", "rmsprop[eps=none]"]
)
@pytest.mark.parametrize("lr", [0.875, 1.0, 1.25, 1.5])
@pytest.mark.parametrize("theta", [0.0, 3 * 2.0**-1074])
def test_a_subnormal_bound_that_a_small_divisor_blows_up_decides_nothing(
    text: str, lr: float, theta: float
) -> None:
    """The few units of underflow that θ = 0 may hide, or has, are divided by √v."""
    spec = parse_spec(text).with_(decay="l2")
    hyper = {k: FULL.get(k, 0.5) for k in spec.hyperparameters} | {"lr": lr, "weight_decay": 0.5}
    hyper |= {k: x for k, x in {"eps": 1e-30}.items() if k in hyper}
    start = {"v": np.array([1e-60])}
    grads, thetas = np.array([[-0.5], [0.0]]), np.array([[1.0], [theta], [theta]])
    given_ = Evidence(spec, FORMATS["float64"], hyper, grads, thetas, {}, start, 1, unseen=1)
    if text == "adagrad":  # it forgets nothing: g may not be large before
        grads, thetas = grads * 2.0**-100, thetas * np.array([[2.0**-100], [1.0], [1.0]])
        given_ = replace(given_, grads=grads, thetas=thetas)
    *_, step = top.walk(trace(spec), given_, STRICT, 640)
    edge, middle = float(step["theta"].bound), float(step["theta"].ball.mid())
    assert edge > 0.0
    for share in (0.9, 0.995, 1.001, 1.05, 1.3):
        shown = np.vstack([thetas[:-1], [[middle + share * edge]]])
        e = replace(given_, thetas=shown)
        inside = top.judge_element(trace(spec), ("theta",), e, STRICT)[0, 2] == 0.0
        assert judge.judge(e).accepted is bool(inside)
        agree(by_every_level(e, STRICT), e.fmt)


RESTING = (
    "adam",
    "adam[decay=l2]",
    "adamw",
    "amsgrad",
    "adam[eps=inside]",
    "adam[eps=both]",
    "momentum",
    "nesterov",
    "adagrad",
    "rmsprop",
    "rmsprop[centered=yes]",
    "rmsprop[centered=yes,momentum=yes]",
    "rmsprop[centered=yes,momentum=yes,decay=l2]",
    "rmsprop[centered=yes,bias_correction=v]",
    "adamax[eps=outside]",
    "nadam",
    "gd",
)


@pytest.mark.parametrize("admission", [STRICT, Admission("array", True)], ids=["strict", "wide"])
@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("text", RESTING)
def test_zero_gradients_at_zero_are_exact_at_every_level(
    text: str, name: str, admission: Admission
) -> None:
    """All is 0 in every admissible evaluation, and the smallest number beside it is wrong."""
    spec, fmt, steps = parse_spec(text), FORMATS[name], 3
    usual = {"lr": 0.5, "beta1": 0.75, "beta2": 0.875, "eps": 2.0**-4, "eps_root": 2.0**-8}
    hyper = {k: usual.get(k, 0.5) for k in spec.hyperparameters}
    program, zeros = trace(spec), np.zeros((steps, 1), fmt.dtype)
    moments = {m: zeros.copy() for m in program.moments}
    rest = Evidence(spec, fmt, hyper, zeros, np.zeros((steps + 1, 1), fmt.dtype), moments)
    smallest = np.asarray(max(2.0 ** (fmt.min_exponent - fmt.precision + 1), 2.0**-1074))
    cases: list[tuple[Evidence, set[str]]] = [(rest, set())]
    tiny = zeros + smallest.astype(fmt.dtype)
    cases += [(replace(rest, moments=moments | {m: tiny}), {m}) for m in moments]
    if program.feeds_back:  # elsewhere a zero θ need not be known for one
        moved = np.vstack([rest.thetas[:-1], [[smallest]]]).astype(fmt.dtype)
        cases.append((replace(rest, thetas=moved), {"theta"}))
    for e, outside in cases:
        judged = judge.judge(e, admission)
        assert judged.escalated == 0
        assert judged.decided == steps * (1 + len(moments))
        assert {q for q, tally in judged.tallies.items() if tally.first_bad.any()} == outside
        agree(by_every_level(e, admission), fmt)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("text", ["adam", "adamw", "adam[eps=both,amsgrad=vhat]", "adam[eps=hat]"])
def test_honest_runs_are_accepted_with_their_moments(text: str, name: str) -> None:
    spec = parse_spec(text)
    for order in range(0, len(ORDERS), 3):
        if not applicable(ORDERS[order], spec, name):
            continue
        got = judge.judge(honest(spec, name, 6, 5, order=order))
        assert got.accepted
        assert set(got.tallies) == {"theta", *trace(spec).moments}
        assert 0.0 < got.largest_ratio <= 1.0
        assert got.decided > 0
        assert got.blind + got.decided == len(got.tallies) * 30


def test_a_run_may_begin_with_given_moments() -> None:
    for text in ("adam", "adam[first_t=2]", "amsgrad"):
        spec = parse_spec(text)
        whole = honest(spec, "float32", 9, 4)
        late = replace(
            whole,
            grads=whole.grads[5:],
            thetas=whole.thetas[5:],
            moments={k: x[5:] for k, x in whole.moments.items()},
            start={k: x[4] for k, x in whole.moments.items()},
            first=5,
        )
        assert judge.judge(late).accepted
        assert judge.judge(replace(late, first=4)).bad.all()
        assert judge.judge(replace(late, start={})).bad.all()


def test_the_levels_agree_on_runs_that_begin_late() -> None:
    for name in ("float32", "float64"):
        whole = spoiled(honest(Spec(amsgrad="v", decay="decoupled"), name, 9, 4), 3)
        late = replace(
            whole,
            grads=whole.grads[5:],
            thetas=whole.thetas[5:],
            moments={k: x[5:] for k, x in whole.moments.items()},
            start={k: x[4] for k, x in whole.moments.items()},
            first=5,
        )
        agree(by_every_level(late, Admission("array")), late.fmt)


def test_steps_that_are_not_seen_are_not_judged() -> None:
    e = honest(Spec(), "float32", 6, 3)
    wrong = e.thetas.copy()
    wrong[2] += 1
    for unseen, bad in ((0, True), (1, True), (3, False)):
        got = judge.judge(replace(e, thetas=wrong, moments={}, unseen=unseen))
        assert got.bad.any() == bad


LANES = evaluate.LANES


@pytest.mark.parametrize("count", [1, 7, 8, 9, LANES - 1, LANES, LANES + 1, 2 * LANES + 35])
@pytest.mark.parametrize("name", ["float32", "float64"])
def test_any_number_of_elements(count: int, name: str) -> None:
    e = honest(Spec(), name, 2, count)
    wrong = e.thetas.copy()
    wrong[2, -1] *= 2
    level = judge.level_of(e.spec, e.fmt)
    for thetas, bad in ((e.thetas, 0), (wrong, 1)):
        given_ = replace(e, thetas=thetas, moments={})
        raw = evaluate.judge(trace(e.spec), level, ("theta",), given_, STRICT, 2.0**-24)
        first_bad = raw[0, TALLIES.index("first_bad")]
        assert first_bad.shape == (count,)
        assert np.flatnonzero(first_bad).tolist() == ([count - 1] if bad else [])
        single = [
            evaluate.judge(trace(e.spec), level, ("theta",), given_.element(i), STRICT, 2.0**-24)
            for i in {0, count // 2, count - 1}
        ]
        for i, alone in zip({0, count // 2, count - 1}, single, strict=True):
            assert np.array_equal(raw[:, :, i], alone[:, :, 0])


@pytest.mark.parametrize("shape", [(0, 4), (3, 0), (0, 0)])
@pytest.mark.parametrize("name", ["float32", "float64"])
def test_no_steps_and_no_elements(name: str, shape: tuple[int, int]) -> None:
    dtype = np.dtype(name)
    e = Evidence(
        Spec(),
        FORMATS[name],
        HYPER,
        np.zeros(shape, dtype),
        np.zeros((shape[0] + 1, shape[1]), dtype),
    )
    got = judge.judge(e)
    assert got.accepted
    assert got.decided == got.blind == 0
    assert got.largest_ratio == 0.0
    assert got.bad.shape == (shape[1],)


@pytest.mark.parametrize("name", ["float16", "float32", "float64"])
@pytest.mark.parametrize("what", [np.nan, np.inf, -np.inf])
def test_a_gradient_that_is_not_finite_voids_its_element(name: str, what: float) -> None:
    e = honest(Spec(), name, 5, 3)
    e.grads[2, 1] = what
    columns = {k: np.full(3, x) for k, x in e.hyper.items()}
    with np.errstate(all="ignore"):
        shown = run(ORDERS[0], e.spec, Arithmetic(e.fmt), columns, e.grads, e.thetas[0])
    e = replace(e, thetas=shown.thetas, moments=shown.moments)
    got = judge.judge(e)
    assert got.accepted
    for tally in got.tallies.values():
        assert tally.void.tolist() == [0, 3, 0]
        assert tally.first_bad.tolist() == [0, 0, 0]
    agree(by_every_level(e, STRICT), e.fmt)


@pytest.mark.parametrize("name", ["float16", "float32", "float64"])
@pytest.mark.parametrize("what", [np.nan, np.inf])
def test_a_result_that_is_not_finite_is_bad(name: str, what: float) -> None:
    e = honest(Spec(), name, 5, 3)
    e.thetas[3, 1] = what
    e.moments["v"][2, 2] = what
    got = judge.judge(e)
    assert got.tallies["theta"].first_bad.tolist() == [0, 3, 0]
    assert got.tallies["v"].first_bad.tolist() == [0, 0, 3]
    assert got.bad.tolist() == [False, True, True]
    assert got.tallies["theta"].ratio[1] == np.inf
    assert got.tallies["theta"].void.tolist() == [0, 1, 0]  # the step after it has no input
    assert got.tallies["m"].void.tolist() == [0, 0, 0]
    agree(by_every_level(e, STRICT), e.fmt)


@pytest.mark.parametrize("scale", [1e-300, 1e-160, 1e-155])
def test_what_double_double_cannot_hold_escalates_and_is_decided(scale: float) -> None:
    e = honest(Spec(), "float64", 4, 3, hyper=FULL | {"eps": 1e-200})
    grads = np.asarray(e.grads, np.float64) * scale
    columns = {k: np.full(3, x) for k, x in e.hyper.items()}
    shown = run(ORDERS[0], e.spec, Arithmetic(e.fmt), columns, grads, 0 * e.thetas[0])
    e = replace(e, grads=grads, thetas=shown.thetas, moments=shown.moments)
    got = judge.judge(e)
    assert got.escalated == 3
    assert got.accepted
    wrong = e.moments["m"].copy()
    wrong[1] *= 1 + 1e-12
    assert judge.judge(replace(e, moments={"m": wrong})).bad.all()


def test_what_no_level_decided_is_not_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judge, "MOST_ESCALATIONS", 4)
    e = honest(Spec(), "float64", 4, 3)
    e = replace(
        e,
        grads=np.asarray(e.grads, np.float64) * 1e-300,
        thetas=np.zeros_like(e.thetas),
        moments={},
    )
    got = judge.judge(e)
    assert got.escalated == 1
    assert not got.accepted
    assert got.tallies["theta"].undecided.tolist() == [0, 4, 4]
    assert got.tallies["theta"].decided.tolist() == [4, 0, 0]
    assert got.bad.tolist() == [
        True,
        False,
        False,
    ]  # θ stood still: a wrong one, seen by one escalation


def test_runs_of_moments_in_blocks_have_no_bound_and_others_beside_them_do():
    plain = replace(honest(Spec(), "float32", 6, 258), sizes=(2, 256))
    wrong = spoiled(replace(plain, unseen=2), 0)
    coded = replace(wrong, spec=parse_spec("adam[bits=8,blocks_from=256]"))
    assert coded.coded.tolist() == [False] * 2 + [True] * 256
    judgement = judge.judge(coded)
    for tally in judgement.tallies.values():
        assert tally.void.tolist()[2:] == [4] * 256
        assert not (tally.first_bad | tally.decided | tally.undecided)[2:].any()
        assert tally.decided[:2].all()
    # of arrays whose sizes are not known all may be in blocks
    assert replace(coded, sizes=()).coded.all()
    assert coded.element(0).coded.all()
