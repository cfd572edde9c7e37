"""What a spec says of formats: honest storage stays inside, narrower storage does not."""

from __future__ import annotations

import numpy as np
import pytest

from adamcheck.formats import FORMATS, format_named
from adamcheck.mutations.stored import Stored
from adamcheck.mutations.target import named
from adamcheck.oracle.evidence import Evidence
from adamcheck.oracle.judge import judge
from adamcheck.program import trace
from adamcheck.spec import parse_spec
from adamcheck.spec.hyperparameters import dyadic
from adamcheck.storage import holds, kept, widest

HONEST = [
    ("adam[m=bfloat16]", "float32"),
    ("adam[moments=bfloat16]", "float32"),
    ("adam[moments=bfloat16,arithmetic=float32]", "float32"),
    ("adam[moments=float32]", "bfloat16"),
    ("adam[moments=float32,arithmetic=float32]", "bfloat16"),
    ("adam[m=float32]", "float16"),
    ("adam[moments=float32,m=float16]", "bfloat16"),
    ("adam[arithmetic=float64]", "float32"),
    ("adam[moments=float32]", "float64"),
    ("adamw[moments=float32,arithmetic=float32]", "bfloat16"),
    ("adam[decay=l2,moments=bfloat16]", "float32"),
    ("rmsprop[centered=yes,momentum=yes,moments=bfloat16]", "float32"),
    ("momentum[moments=float16]", "float32"),
    ("nadam[moments=float32,arithmetic=float32]", "float16"),
    ("adam[amsgrad=v,moments=bfloat16]", "float64"),
]


def ran(target: str, claimed: str, dtype: str, **options: str) -> Evidence:
    """Fifty steps of a stored target, as evidence for the spec that is claimed of it."""
    fmt, spec = format_named(dtype), parse_spec(claimed)
    rng = np.random.default_rng(3)
    hyper = {n: dyadic(FORMATS["bfloat16"])[n] for n in spec.hyperparameters}
    theta = rng.normal(0, 1, 40).astype(fmt.dtype)
    grads = rng.normal(0, 1, (50, 40)).astype(fmt.dtype)
    optimizer = named(target, Stored, tuple(options))([theta], **hyper, **options)
    thetas, moments = [theta], []
    for g in grads:
        thetas.append(optimizer.step([g])[0])
        moments.append(optimizer.moments()[0])
    shown = {n: np.array([m[n] for m in moments]) for n in trace(spec).moments}
    return Evidence(spec, fmt, hyper, grads, np.array(thetas), shown)


def outside(evidence: Evidence) -> bool:
    """Whether some step from the moments shown before it leaves the envelope."""
    return any(judge(evidence.step(t)).bad.any() for t in range(1, evidence.shape[0] + 1))


@pytest.mark.parametrize(("spec", "dtype"), HONEST)
def test_honest_storage_stays_in_the_envelope(spec, dtype):
    evidence = ran(spec, spec, dtype)
    judgement = judge(evidence)
    assert judgement.accepted
    assert judgement.largest_ratio > 0.0
    assert not outside(evidence)


@pytest.mark.parametrize(
    ("claimed", "dtype", "target", "digits"),
    [
        ("adam", "float32", "adam[m=bfloat16]", ""),
        ("adam[m=float16]", "float32", "adam[m=bfloat16]", ""),
        ("adam[moments=bfloat16,arithmetic=float32]", "float32", "adam[moments=bfloat16]", "6"),
        ("adam[moments=float32]", "bfloat16", "adam", ""),
        ("adam[moments=float32,arithmetic=float32]", "bfloat16", "adam[m=bfloat16]", ""),
        ("adam[arithmetic=float64]", "float32", "adam", ""),
    ],
)
def test_narrower_storage_than_claimed_leaves_it(claimed, dtype, target, digits):
    assert outside(ran(target, claimed, dtype, digits=digits))


def test_float32_moments_beside_bfloat16_have_a_much_tighter_envelope():
    """The widest bound of a moment over 50 steps, of pure bfloat16 and of float32 moments."""
    from adamcheck.oracle.enclose import enclose

    def width(claim: str) -> float:
        found = enclose(ran("adam[moments=float32]", claim, "bfloat16"), quantities=("v",))["v"]
        return float((found.bound[-1] / np.abs(found.upper[-1])).max())

    assert width("adam[moments=float32,arithmetic=float32]") < 2.0**-12 * width("adam")


def test_the_widest_of_two_sixteen_bit_formats_is_float32():
    names = ("bfloat16", "float16")
    assert widest(FORMATS[n] for n in names).name == "float32"
    assert not holds(FORMATS["bfloat16"], FORMATS["float16"])
    assert kept(parse_spec("adam[moments=float16]"), FORMATS["bfloat16"]).base.name == "float32"


def test_a_relative_is_asked_with_the_same_storage_or_not_at_all():
    from adamcheck.checks.relations import special_cases

    for text in ("adam[moments=float16]", "adam[m=bfloat16]"):
        assert all(case.other.algorithm == "adam" for case in special_cases(parse_spec(text)))
    found = list(special_cases(parse_spec("adam[arithmetic=float32,rounding=stochastic]")))
    assert any(case.other.algorithm == "rmsprop" for case in found)
    assert all(case.other.rounding == "stochastic" for case in found)
