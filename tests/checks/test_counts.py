"""How far a target counts: one that ends within reach deviates, and one beyond is told."""

from __future__ import annotations

import pytest

from adamcheck import check
from adamcheck.program import trace
from adamcheck.properties.counts import FURTHEST, settled
from adamcheck.result import Status
from adamcheck.spec import parse_spec

TARGET = """
import numpy as np

class Counting:
    def __init__(self, params, *, lr, beta1, beta2, eps):
        self.p, self.lr, self.b1, self.b2, self.eps = params, lr, beta1, beta2, eps
        self.m = [np.zeros_like(p) for p in params]
        self.v = [np.zeros_like(p) for p in params]
        self.t = 0

    def step(self, grads):
        self.t = self.after(self.t)
        one, two = self.b1**self.t, self.b2**self.t
        for i, g in enumerate(grads):
            self.m[i] = self.b1 * self.m[i] + (1 - self.b1) * g
            self.v[i] = self.b2 * self.v[i] + (1 - self.b2) * g * g
            root = np.sqrt(self.v[i] / (1 - two))
            self.p[i] = self.p[i] - self.lr * (self.m[i] / (1 - one)) / (root + self.eps)
        return self.p

    def after(self, t):
        return t + 1

    def moments(self):
        return [{"m": m.copy(), "v": v.copy(), "t": self.t} for m, v in zip(self.m, self.v)]

    def load_moments(self, moments):
        self.m, self.v = [x["m"].copy() for x in moments], [x["v"].copy() for x in moments]
        self.t = self.taken(int(moments[0]["t"]))

    def taken(self, t):
        return t

class Wraps24(Counting):
    def after(self, t):
        return (t + 1) % 2**24 or 1

class Wraps31(Counting):
    def after(self, t):
        return (t + 1) % 2**31 or 1

class Refuses16(Counting):
    def taken(self, t):
        if t >= 2**15:
            raise OverflowError(f"{t} does not fit into int16")
        return t

class Raises31(Counting):
    def after(self, t):
        if t + 1 >= 2**31:
            raise OverflowError("the count does not fit into int32")
        return t + 1

class Refuses31(Counting):
    def taken(self, t):
        if t >= 2**31 - 1:
            raise OverflowError(f"{t} does not fit into int32")
        return t
"""


@pytest.mark.parametrize(
    ("name", "status", "said"),
    [
        ("Counting", Status.PASSED, ""),
        ("Wraps24", Status.FAILED, ""),
        ("Refuses16", Status.FAILED, ""),
        ("Wraps31", Status.PASSED, "at step 2,147,483,646"),
        ("Raises31", Status.PASSED, "at step 2,147,483,646"),
        ("Refuses31", Status.PASSED, "at step 4,294,967,294"),
    ],
)
def test_a_count_that_ends_is_seen(tmp_path, name, status, said):
    path = tmp_path / "counting.py"
    path.write_text(TARGET)
    result = check(f"{path}:{name}", spec="adam", dtypes=["float32"], only=["ADAM-BC-2"])
    (found,) = result.checks
    assert found.status is status, found.message
    told = [f.message for f in result.findings if f.name == "count-limit"]
    if status is Status.PASSED:
        assert bool(told) == bool(said)
        assert all(text.startswith("beyond what anybody takes") for text in told)
        assert any(said in text for text in [*told, ""])


def test_a_count_is_walked_as_far_as_corrections_move():
    program, hyper = trace(parse_spec("adam")), {"beta1": 0.5, "beta2": 0.75}
    assert settled(program, hyper, 100) == 100
    far = settled(program, hyper, 2**31)
    assert far < 4000
    assert 0.75**far == 0.0
    assert settled(program, {"beta1": 0.0, "beta2": 0.999}, FURTHEST) < 2**20
    assert settled(trace(parse_spec("radam")), hyper, 2**31) == 2**31
