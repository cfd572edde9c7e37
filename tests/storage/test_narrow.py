"""Operations that round in their operands' own formats stay inside, however they are written."""

from __future__ import annotations

import numpy as np
import pytest

from adamcheck.errors import UsageError
from adamcheck.formats import FORMATS, format_named
from adamcheck.mutations.orders import Order, draw
from adamcheck.mutations.stored import Stored
from adamcheck.mutations.target import named
from adamcheck.oracle.evidence import Evidence
from adamcheck.oracle.judge import judge
from adamcheck.program import trace
from adamcheck.spec import parse_spec
from adamcheck.spec.hyperparameters import dyadic

U = 2.0**-8


def ran(spec: str, dtype: str, grads: np.ndarray, options: dict[str, str], **given) -> Evidence:
    """A run from θ = 0 of a target that rounds as narrowly as a spec allows.

    given: hyperparameters other than dyadic ones; start: moments after five steps, if any.
    """
    fmt, claim = format_named(dtype), parse_spec(spec)
    start = given.pop("start", {})
    hyper = {n: dyadic(FORMATS["bfloat16"])[n] for n in claim.hyperparameters}
    hyper |= {n: x for n, x in given.items() if n in hyper}
    optimizer = named(spec, Stored, tuple(options))(
        [np.zeros(grads.shape[1], fmt.dtype)], **hyper, **options
    )
    names = trace(claim).moments
    if start:
        zero = optimizer.moments()[0]
        start = {n: np.full_like(zero[n], start.get(n, 0.0)) for n in names}
        optimizer.load_moments([start | {"t": 5}])
    thetas, moments = [np.zeros(grads.shape[1], fmt.dtype)], []
    for g in grads.astype(fmt.dtype):
        thetas.append(optimizer.step([g])[0])
        moments.append(optimizer.moments()[0])
    shown = {n: np.array([m[n] for m in moments]) for n in names}
    grads = grads.astype(fmt.dtype)
    first = 5 if start else 0
    return Evidence(claim, fmt, hyper, grads, np.array(thetas), shown, start, first)


def held(evidence: Evidence) -> bool:
    """Whether a run, and each of its steps from the moments shown before it, is accepted."""
    steps = [evidence.step(t) for t in range(1, evidence.shape[0] + 1)]
    return all(judge(one).accepted for one in (evidence, *steps))


def test_a_rate_that_is_moved_into_a_narrow_dividend():
    grads = np.random.default_rng(0).uniform(1.0, 2.0, (1, 4096))
    options = {"order": "update:first"}
    for k in (0.0, 2.99, 3.01, 27.01):
        given = {"lr": 2.0**-7 * (1.0 + k * U), "start": {"v": 2.0**20}}
        assert held(ran("rmsprop[moments=float32]", "bfloat16", grads, options, **given))


@pytest.mark.parametrize("form", ["lerp", "lerp-fma", "lerp-ends"])
@pytest.mark.parametrize("beta", [0.1, 0.4, 0.9])
def test_an_average_in_a_narrower_format_than_the_arithmetic(form, beta):
    rng = np.random.default_rng(0)
    grads = rng.uniform(1.0, 2.0, (4, 1024)) * 2.0 ** -np.arange(4.0)[:, None]
    spec, options = "adam[moments=bfloat16,m=float32]", {"order": f"v':{form}"}
    assert held(ran(spec, "bfloat16", grads, options, beta1=beta, beta2=beta))


@pytest.mark.parametrize(
    ("spec", "dtype"),
    [
        ("rmsprop[moments=bfloat16]", "float64"),
        ("adam[moments=bfloat16,m=float64]", "float32"),
        ("adam[m=bfloat16]", "float32"),
        ("nadam[moments=float16]", "float32"),
        ("adam[amsgrad=v,moments=bfloat16]", "float32"),
    ],
)
def test_moments_that_are_read_as_they_are_kept(spec, dtype):
    grads = np.random.default_rng(1).normal(0.0, 1.0, (12, 64))
    kept = ran(spec, dtype, grads, {"reads": "kept"})
    assert held(kept)
    assert (kept.thetas != ran(spec, dtype, grads, {"order": "plain"}).thetas).any()


@pytest.mark.parametrize("seed", range(12))
def test_any_honest_order_of_any_formats(seed):
    rng = np.random.default_rng(seed)
    rules = ("adam", "adamw", "adam[amsgrad=vhat]", "adam[decay=l2]", "nadam", "rmsprop", "adagrad")
    formats = ("bfloat16", "float32", "float16")
    for rule in rules:
        spec = parse_spec(rule).with_(moments=str(rng.choice(formats)))
        if "m" in trace(spec).moments:
            spec = spec.with_(m=str(rng.choice(("bfloat16", "float32"))))
        dtype = str(rng.choice(("bfloat16", "float32")))
        order = draw(trace(parse_spec(rule)), rng, dtype=dtype)
        options = {"order": str(Order(order.forms)) or "plain"}
        options |= {"reads": "kept"} if rng.integers(2) else {}
        grads = rng.normal(0.0, 1.0, (8, 64)) * 2.0 ** rng.integers(-8, 6, (8, 64))
        given = {"lr": 0.01, "beta1": 0.9, "beta2": 0.95}
        assert held(ran(str(spec), dtype, grads, options, **given)), (str(spec), dtype, options)


def test_a_maximum_that_left_its_format_is_judged_no_more():
    grads = np.random.default_rng(2).choice((-400.0, 400.0), (4, 8))
    spec = "adam[amsgrad=vhat,moments=float16]"
    evidence = ran(spec, "bfloat16", grads, {"order": "plain"})
    assert np.isinf(evidence.moments["v_max"].astype(np.float64)).any()
    assert held(evidence)


@pytest.mark.parametrize(
    "options", [{"order": "wide=float64"}, {"reads": "wide"}, {"order": "plain", "edit": "drop lr"}]
)
def test_what_narrow_arithmetic_has_not_is_refused(options):
    spec = "adam[moments=bfloat16]"
    with pytest.raises(UsageError, match="operands"):
        named(spec, Stored, tuple(options))([np.zeros(1, np.float32)], lr=1.0, **options)


def test_narrow_arithmetic_of_a_wider_claim_is_refused():
    spec = "adam[moments=bfloat16,arithmetic=float32]"
    with pytest.raises(UsageError, match="arithmetic=any"):
        named(spec, Stored, ("reads",))([np.zeros(1, np.float32)], lr=1.0, reads="kept")


@pytest.mark.parametrize(
    "spec", ["amsgrad[arithmetic=float32]", "adam[amsgrad=vhat,arithmetic=float32]"]
)
def test_a_kept_maximum_is_rounded_once(spec):
    """After hundreds of silent steps its bound has not grown by a rounding a step."""
    from adamcheck.oracle.enclose import enclose

    grads = np.zeros((400, 4))
    grads[0] = 1.0
    fmt, claim = format_named("bfloat16"), parse_spec(spec)
    hyper = {n: dyadic(fmt)[n] for n in claim.hyperparameters}
    thetas = np.zeros((401, 4), fmt.dtype)
    evidence = Evidence(claim, fmt, hyper, grads.astype(fmt.dtype), thetas)
    bound = enclose(evidence, quantities=("v_max",))["v_max"].bound
    # the average beside it is rounded at every step, and decays
    assert bound[-1].max() <= 4.0 * bound[0].max()
