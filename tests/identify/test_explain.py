"""What no dialect fits is explained: planted defects of the zoo, and synthetic ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from zoo import named

from adamcheck.identify import identify
from adamcheck.identify.investigation import conclude
from adamcheck.spec import Spec

from .simulate import changed, observed

ROOT = Path(__file__).resolve().parents[2]
SLOW = pytest.mark.slow
TOLD = [
    ("counter-stops-at-256", "the step count in use is t up to step 256, then 256"),
    ("bias-root-missing", "1-β2^t is squared"),
    ("betas-swapped", "β1 and β2 change places"),
    ("beta2-hard-coded", "β2 in use is 0.999, whatever was asked for"),
    ("eps-times-ten", "ε is multiplied by c, "),
    ("gradient-centred", "the mean over the array is subtracted from the gradient"),
    ("index-33-wrong", "in element 33 only"),
    pytest.param("counter-frozen", "the step count in use is 1", marks=SLOW),
    pytest.param("counter-uint8", "the target is not finite from step 256", marks=SLOW),
    pytest.param("counter-twice-a-step", "the step count in use is 2t-1", marks=SLOW),
    pytest.param("bias-one-minus-beta", "the step count in use is 1", marks=SLOW),
    pytest.param("eps-hard-coded", "ε in use is 1e-07, whatever was asked for", marks=SLOW),
    pytest.param("eps-ignored", "ε is 0", marks=SLOW),
    pytest.param("eps-hidden-root", "c is added to v̂, 9.9", marks=SLOW),
    pytest.param(
        "v-one-step-behind", "v is read before the step changes it from step 2 on", marks=SLOW
    ),
    pytest.param("m-weight-missing", "the weight 1-β1 is only 1", marks=SLOW),
    pytest.param("theta-float32", "the parameter is rounded to float32", marks=SLOW),
    ("rate-float32", "lr is kept in float32"),
    pytest.param("scalars-float32", "are kept in float32", marks=SLOW),
    pytest.param("bias-1e-12", "multiplied by c, 1.00000000000099", marks=SLOW),
    pytest.param("decay-l2-sign", "the sign of λ is turned", marks=SLOW),
    pytest.param("gradient-norm-clipped-at-one", "where its norm exceeds c, ", marks=SLOW),
    pytest.param("gradient-one-step-late", "the gradient is that of the step before", marks=SLOW),
    pytest.param("rate-inverse-root", "0.57735026918963", marks=SLOW),
    pytest.param("first-update-skipped", "step 1", marks=SLOW),
    pytest.param("wrong-at-step-7", "at step 7 only", marks=SLOW),
    pytest.param("wrong-for-negative", "only where g < 0", marks=SLOW),
    pytest.param("tail-of-16-untouched", "only the last 3 of 67 elements", marks=SLOW),
]
TWO = [
    # m̂ and v̂ are both multiplied; v averages (g-m)²; |g| is averaged and not rooted; the decay
    # is scaled by two corrections; the minimum begins at the first v
    "bias-multiplied",
    "family-adabelief",
    "v-of-absolute",
    "decay-rate-corrected",
    "amsgrad-minimum",
]
BESIDE = {"family-adabelief", "v-of-absolute", "decay-rate-corrected"}
"""Those that leave less than half of their movement open beside some rule."""


PLACES = """
import numpy as np

class LastSix:
    def __init__(self, params, *, lr, beta1, beta2, eps):
        self.p, self.lr, self.b1, self.b2, self.eps = params, lr, beta1, beta2, eps
        self.m = [np.zeros_like(p) for p in params]
        self.v = [np.zeros_like(p) for p in params]
        self.t = 0

    def wrong(self, flat):
        k = min(6, flat.size)
        flat[flat.size - k:] *= 1.01 + 0.003 * np.arange(k)

    def step(self, grads):
        self.t += 1
        for i, g in enumerate(grads):
            self.m[i] = self.b1 * self.m[i] + (1 - self.b1) * g
            self.v[i] = self.b2 * self.v[i] + (1 - self.b2) * g * g
            root = np.sqrt(self.v[i] / (1 - self.b2**self.t))
            u = self.lr * (self.m[i] / (1 - self.b1**self.t)) / (root + self.eps)
            self.wrong(u.reshape(-1))
            self.p[i] = self.p[i] - u
        return self.p

class FirstSix(LastSix):
    def wrong(self, flat):
        flat[:6] *= 1.01 + 0.003 * np.arange(min(6, flat.size))
"""


@pytest.mark.parametrize(("name", "words"), TOLD)
def test_planted_defects_are_explained(name, words):
    defect = named(name)
    report = identify(str(ROOT / defect.target), options=defect.options)
    found = report.identification
    assert not report.error
    assert found.kind in ("not-adam", "not-elementwise")
    assert found.deviation > 1.0
    assert words in found.regime
    assert any(f.name == "explanation" and words in f.message for f in report.findings)


def test_a_moment_that_is_kept_in_another_format_is_a_claim_of_storage():
    defect = named("v-float16")
    found = identify(str(ROOT / defect.target), options=defect.options).identification
    assert found.kind == "dialect"
    assert found.spec == "adam[moments=float16,m=float64,arithmetic=float64]"
    assert found.regime.startswith("stored: moments=float16, m=float64")


@pytest.mark.slow
@pytest.mark.parametrize("name", TWO)
def test_of_two_edits_at_once_what_is_known_is_said(name):
    defect = named(name)
    report = identify(str(ROOT / defect.target), options=defect.options)
    found = report.identification
    assert found.edit is None
    assert found.near is (name in BESIDE)
    assert ("element-steps deviate from" if name in BESIDE else "no known rule is near") in (
        found.regime
    )
    (known,) = (f.message for f in report.findings if f.name == "known")
    assert known.startswith("no single edit of a dialect fits; ")
    assert "the same run gives the same bits" in known
    assert found.traits.deterministic
    assert found.traits.elementwise
    assert all(
        a <= b for (_, a), (_, b) in zip(found.candidates, found.candidates[1:], strict=False)
    )


@pytest.mark.parametrize("name", ["gradient-normalised", "v-of-mean-square", "m-eight-bits"])
def test_coupled_elements_are_noticed(name):
    defect = named(name)
    found = identify(str(ROOT / defect.target), options=defect.options).identification
    assert found.kind == "not-elementwise"


@pytest.mark.parametrize(
    ("name", "words"),
    [("LastSix", "only the last 6 of 67 elements"), ("FirstSix", "5 of 67")],
)
def test_places_are_told_of_runs_that_have_them(name, words, tmp_path):
    """The designed runs have 5 and 67 elements: no six of them are among 5."""
    file = tmp_path / "places.py"
    file.write_text(PLACES)
    found = identify(f"{file}:{name}").identification
    assert words in found.regime
    assert "of 5 " not in found.regime


def test_a_factor_of_t_is_read_off():
    batches = observed(Spec())

    def warmed(batch):
        moves = np.diff(batch.thetas, axis=0)
        factors = np.minimum(np.arange(1, batch.steps + 1) / 10, 1.0)[:, None]
        # lock-step takes θ as it is seen: the moves of L2-free Adam do not depend on it
        return np.concatenate([batch.thetas[:1], batch.thetas[0] + np.cumsum(moves * factors, 0)])

    found = conclude(changed(batches, warmed), claimed=None).identification
    assert "times a" in found.regime or "times 0.1, 0.2, 0.3, 0.4, 0.5" in found.regime


def test_an_unknown_departure_says_where_it_is():
    def nudged(batch):
        thetas = batch.thetas.copy()
        thetas[5:] += np.where(np.abs(batch.grads[4]) > 1e3, 1e-3, 0.0)
        return thetas

    found = conclude(changed(observed(Spec()), nudged), claimed=None).identification
    assert found.kind == "not-adam"
    assert found.spec == "adam"
    assert "only at step 5" in found.regime


def test_the_claimed_spec_is_what_a_defect_is_explained_around():
    report = identify(
        str(ROOT / named("amsgrad-in-v").target),
        options=named("amsgrad-in-v").options,
        claimed=Spec(amsgrad="v"),
    )
    assert report.identification.edit is not None
    assert report.identification.spec == "amsgrad"
