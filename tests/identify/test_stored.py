"""What a target stores is named: formats of moments, roundings by chance, what is behind θ."""

from __future__ import annotations

import numpy as np
import pytest

from adamcheck import check, identify
from adamcheck.formats import FORMATS
from adamcheck.oracle.kept import foreign, formats_shown
from adamcheck.result import Verdict

STORED = "adamcheck.mutations.stored:"


@pytest.mark.parametrize(
    ("spec", "dtype", "named"),
    [
        ("adam[moments=bfloat16]", "float32", "adam[moments=bfloat16,arithmetic=float32]"),
        ("adam[m=float16]", "float32", "adam[m=float16,arithmetic=float32]"),
        ("adam[eps=hat,m=bfloat16]", "float64", "adam[eps=hat,m=bfloat16,arithmetic=float64]"),
        ("nadam[moments=float32]", "float64", "nadam[moments=float32,arithmetic=float64]"),
    ],
)
def test_the_formats_that_moments_are_kept_in_are_named(spec, dtype, named):
    found = identify(STORED + spec, dtype=dtype).identification
    assert found.kind == "dialect"
    assert found.spec == named
    assert "stored: " in found.regime


def test_a_claim_that_was_named_is_one_that_holds():
    result = check(STORED + "adam[m=bfloat16]", spec="auto", dtypes=["float32"])
    assert result.spec == "adam[m=bfloat16,arithmetic=float32]"
    assert result.verdict is Verdict.CONFORMS


def test_what_deviates_from_a_plain_claim_is_named_by_what_it_stores():
    target = STORED + "adam[moments=bfloat16]"
    result = check(target, spec="adam", dtypes=["float32"], only=["ADAM-LS-1"])
    assert result.verdict is Verdict.DEVIATES
    assert result.identified.spec == "adam[moments=bfloat16,arithmetic=float32]"


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (
            "adam[moments=float32,arithmetic=float32]",
            "fits adam[moments=float32,arithmetic=float32]",
        ),
        ("adam[kahan=yes]", "no update is lost"),
        ("adam[master=float32]", "no update is lost"),
    ],
)
def test_under_few_digits_the_sharper_claim_is_said_beside_the_plain_one(spec, words):
    report = identify(STORED + spec, dtype="bfloat16")
    assert report.identification.spec == "adam"
    assert any(words in f.message for f in report.findings if f.name == "storage")


def test_a_plain_target_is_said_to_store_nothing_else():
    report = identify("adamcheck.mutations.honest:adam", dtype="bfloat16")
    assert report.identification.spec == "adam"
    assert not [f for f in report.findings if "no update is lost" in f.message]


@pytest.mark.slow
def test_a_defect_beside_narrow_moments_is_no_dialect():
    edit = {"edit": "scale v c=1.01"}
    found = identify(STORED + "adam[moments=bfloat16]", dtype="float32", options=edit)
    assert found.identification.kind != "dialect"


@pytest.mark.parametrize(
    "spec",
    [
        "adam[bits=8]",
        "nadam[bits=8,map=float8]",
        "adam[eps=hat,bits=4,blocks=128,map=dynamic-linear]",
        "adam[m=bfloat16,arithmetic=float32,bits=8]",
    ],
)
def test_codes_in_blocks_of_large_arrays_are_named(spec):
    found = identify(STORED + spec, dtype="float32").identification
    assert found.spec == spec
    assert "arrays below 4,096 elements fit" in found.regime


def test_what_deviates_in_large_arrays_alone_is_named_by_its_codes():
    target = STORED + "adam[bits=8]"
    result = check(target, spec="adam", dtypes=["float32"], only=["ADAM-EL-2"])
    assert result.identified.spec == "adam[bits=8]"


def test_large_arrays_that_no_code_explains_are_said():
    edit = {"edit": "scale v c=1.01 if size>=4096"}
    report = identify("adamcheck.mutations.target:adam", dtype="float32", options=edit)
    assert [f for f in report.findings if f.name == "large-arrays"]


ODD = """
import ml_dtypes
import numpy as np

class Narrow:
    rate, shown = 1.0, False

    def __init__(self, params, *, lr, beta1, beta2, eps):
        self.p, self.lr, self.b1, self.b2, self.eps = params, lr, beta1, beta2, eps
        self.m = [np.zeros_like(p) for p in params]
        self.v = [np.zeros_like(p) for p in params]
        self.t = 0

    def kept(self, x):
        return x if self.shown else x.astype(ml_dtypes.bfloat16).astype(x.dtype)

    def step(self, grads):
        self.t += 1
        for i, g in enumerate(grads):
            m = self.b1 * self.m[i] + (1 - self.b1) * g
            v = self.b2 * self.v[i] + (1 - self.b2) * g * g
            self.m[i], self.v[i] = self.kept(m), self.kept(v)
            root = np.sqrt(v / (1 - self.b2**self.t)) + self.eps
            self.p[i] = self.p[i] - self.rate * self.lr * (m / (1 - self.b1**self.t)) / root
        return self.p

    def moments(self):
        def show(x):
            return x.astype(ml_dtypes.bfloat16).astype(x.dtype) if self.shown else x.copy()
        pairs = zip(self.m, self.v, strict=True)
        return [{"m": show(m), "v": show(v), "t": self.t} for m, v in pairs]

class Fast(Narrow):
    rate = 1.04

class ShownRounded(Narrow):
    shown = True
"""


@pytest.mark.slow
def test_a_rate_that_is_always_too_large_is_no_rounding(tmp_path):
    path = tmp_path / "odd.py"
    path.write_text(ODD)
    assert identify(f"{path}:Narrow", dtype="float32").identification.kind == "dialect"
    assert identify(f"{path}:Fast", dtype="float32").identification.kind != "dialect"


def test_of_moments_that_are_shown_rounded_nothing_is_said_of_sizes(tmp_path):
    path = tmp_path / "odd.py"
    path.write_text(ODD)
    report = identify(f"{path}:ShownRounded", dtype="float64")
    assert report.identification.spec == "adam"
    assert not [f for f in report.findings if f.name == "large-arrays"]


def test_over_several_formats_no_arithmetic_is_claimed_that_one_of_them_has():
    target, dtypes = STORED + "adam[m=bfloat16]", ["float64", "float32"]
    result = check(target, spec="auto", dtypes=dtypes, only=["ADAM-LS-1", "ADAM-FS-1"])
    assert result.spec == "adam[m=bfloat16]"
    assert result.verdict is Verdict.HELD
    (told,) = (f.message for f in result.findings if "no arithmetic is claimed" in f.message)
    assert told.startswith("identified in float64 as adam[m=bfloat16,arithmetic=float64]")


def test_formats_are_proposed_from_numbers_alone():
    rng = np.random.default_rng(1)
    wide = rng.standard_normal((4, 50)).astype(np.float32)
    narrow = wide.astype(FORMATS["bfloat16"].dtype).astype(np.float32)
    own = FORMATS["float32"]
    assert list(formats_shown({"m": wide, "v": wide}, own)) == [{"arithmetic": "float32"}]
    assert list(formats_shown({"m": narrow, "v": wide}, own))[-1] == {"m": "bfloat16"}
    assert list(formats_shown({"m": narrow, "v": narrow}, own))[-1] == {"moments": "bfloat16"}
    assert not foreign(np.array([np.nan, np.inf, 1.0]), FORMATS["bfloat16"]).any()
