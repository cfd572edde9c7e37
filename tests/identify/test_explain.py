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
TOLD = [
    ("counter-frozen", "the bias correction is frozen at t=1"),
    ("counter-stops-at-256", "the step counter stops at 256"),
    ("counter-uint8", "after 255 the step counter starts again at 0"),
    ("counter-twice-a-step", "t advances by two"),
    ("bias-one-minus-beta", "1-β in place of 1-β^t"),
    ("bias-multiplied", "multiplies by 1-β^t"),
    ("bias-root-missing", "divides √v by 1-β2^t"),
    ("betas-swapped", "β1 and β2 change places"),
    ("beta2-hard-coded", "β2 in use is 0.999, whatever was asked for"),
    ("eps-times-ten", "ε in use is 10 times"),
    ("eps-hard-coded", "ε in use is 1e-07, whatever was asked for"),
    ("eps-ignored", "ε is never read"),
    ("eps-hidden-root", "ε_root (also under the root) in use is 1e-12"),
    ("family-adabelief", "AdaBelief"),
    ("v-of-absolute", "v averages |g|"),
    ("v-one-step-behind", "the v of the step before"),
    ("m-weight-missing", "m is β1·m + g"),
    ("v-float16", "v is stored in float16"),
    ("theta-float32", "the parameter is kept in float32"),
    ("scalars-float32", "all hyperparameters pass through float32"),
    ("bias-1e-12", "1.000000000001 at every step"),
    ("decay-l2-sign", "λ has the other sign"),
    ("decay-rate-corrected", "the bias correction scales the decay"),
    ("amsgrad-minimum", "the running minimum"),
    ("gradient-centred", "the mean over the parameter"),
    ("gradient-norm-clipped-at-one", "a gradient whose norm exceeds 1 "),
    ("gradient-one-step-late", "the gradient of the step before"),
    ("rate-inverse-root", "0.57735026918963"),
    ("first-update-skipped", "0 at step 1"),
    ("wrong-at-step-7", "1.001 at step 7"),
    ("wrong-for-negative", "only where g < 0"),
    ("tail-of-16-untouched", "only the last 3 of 67 elements"),
    ("index-33-wrong", "only element 33 of 67"),
]


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


@pytest.mark.sampled(8)
@pytest.mark.parametrize(("name", "words"), TOLD, ids=[name for name, _ in TOLD])
def test_planted_defects_are_explained(name, words):
    defect = named(name)
    report = identify(str(ROOT / defect.target), options=defect.options)
    found = report.identification
    assert not report.error
    assert found.kind in ("not-adam", "not-elementwise")
    assert found.deviation > 1.0
    assert words in found.regime
    assert any(f.name == "explanation" and words in f.message for f in report.findings)


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
    stacks = observed(Spec())

    def warmed(stack):
        moves = np.diff(stack.thetas, axis=0)
        factors = np.minimum(np.arange(1, stack.steps + 1) / 10, 1.0)[:, None]
        # lock-step takes θ as it is seen: the moves of L2-free Adam do not depend on it
        return np.concatenate([stack.thetas[:1], stack.thetas[0] + np.cumsum(moves * factors, 0)])

    found = conclude(changed(stacks, warmed), claimed=None).identification
    assert "times a" in found.regime or "times 0.1, 0.2, 0.3, 0.4, 0.5" in found.regime


def test_an_unknown_departure_says_where_it_is():
    def nudged(stack):
        thetas = stack.thetas.copy()
        thetas[5:] += np.where(np.abs(stack.grads[4]) > 1e3, 1e-3, 0.0)
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
    assert "running maximum" in report.identification.regime
