"""Every theorem holds, and what the package computes is what is proved."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import flint
import numpy as np
import pytest
import sympy

from adamcheck import theory
from adamcheck.checks.registry import CHECKS
from adamcheck.numerics.symbolic import symbols
from adamcheck.proof.certificates import checker
from adamcheck.proof.command import write_certificates
from adamcheck.proof.library import directory, theorem, theorem_names
from adamcheck.proof.normal import evaluate
from adamcheck.proof.row import prove_one
from adamcheck.proof.theorem import Book

BETAS = [(0.9, 0.999), (0.5, 0.999), (0.9, 0.95), (0.0, 0.999), (0.9, 0.81), (0.25, 0.0625)]


@pytest.mark.parametrize("name", theorem_names())
def test_theorem(name: str) -> None:
    row = prove_one(theorem(name), second_opinions=False)
    assert row.ok, row.error
    assert row.conclusions
    assert all(control.rejected for control in row.controls)
    assert all(control.reason for control in row.controls)
    assert row.source
    assert row.locked


def test_every_check_names_a_theorem_that_exists() -> None:
    missing = {check.id: check.theorem for check in CHECKS if check.theorem not in theorem_names()}
    assert not missing


def test_the_checker_uses_the_standard_library_alone_and_is_short() -> None:
    path = directory() / "check_certificate.py"
    source = path.read_text(encoding="utf-8")
    assert len(source.splitlines()) <= 150
    tree = ast.parse(source)
    imported = {
        (alias.name if isinstance(node, ast.Import) else str(node.module)).split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for alias in node.names
    }
    assert imported <= sys.stdlib_module_names


def test_the_checker_runs_on_its_own(tmp_path: Path) -> None:
    (path,) = write_certificates(tmp_path, ["forgetting"])
    script = str(directory() / "check_certificate.py")
    good = subprocess.run(
        [sys.executable, "-I", "-S", script, str(path)], capture_output=True, text=True, check=False
    )
    assert (good.returncode, good.stdout) == (0, "forgetting: 10 steps hold\n")
    content = json.loads(path.read_text(encoding="utf-8"))
    content["digest"] = "0" * 64
    path.write_text(json.dumps(content), encoding="utf-8")
    bad = subprocess.run(
        [sys.executable, "-I", "-S", script, str(path)], capture_output=True, text=True, check=False
    )
    assert bad.returncode == 1
    assert "the digest differs" in bad.stderr


def test_no_theorem_uses_sympys_heuristics() -> None:
    forbidden = {"simplify", "equals", "limit", "doit", "is_positive", "solve", "nsimplify"}
    places = [*directory().glob("*.py"), *(directory().parent / "adamcheck" / "proof").glob("*.py")]
    for path in places:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        called = {
            node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            for node in ast.walk(tree)
            if isinstance(node, ast.Call)
        }
        assert not called & forbidden, path.name
        floats = [
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, float)
        ]
        assert path.parent.name != "proofs" or not floats, (path.name, floats)


# --- the numbers that the gate uses are the expressions that are proved ---


def proved_bound(b1: Fraction, b2: Fraction, t: int) -> Fraction:
    """R_t² by the recursion of the theorem step-bound, not by the closed form."""
    total = Fraction(0)
    for _ in range(t):
        total = (1 - b1) ** 2 / (1 - b2) + b1**2 / b2 * total
    return total * (1 - b2**t) / (1 - b1**t) ** 2


@pytest.mark.parametrize("t", [1, 2, 3, 10, 57])
@pytest.mark.parametrize(("beta1", "beta2"), BETAS)
def test_the_step_bound_exactly_and_in_balls(beta1: float, beta2: float, t: int) -> None:
    b1, b2 = Fraction(beta1), Fraction(beta2)
    exact = proved_bound(b1, b2, t)
    assert theory.step_bound_squared(b1, b2, t) == exact
    ball = theory.step_bound_ball(b1, b2, t)
    square = flint.arb(flint.fmpq(exact.numerator, exact.denominator))
    assert (ball * ball).overlaps(square)
    value = float(theory.step_bound(beta1, beta2, t))
    assert abs(Fraction(value) ** 2 - exact) <= exact * Fraction(1, 2**44)


def test_balls_stay_narrow_far_out() -> None:
    for t in (100, 10_000, 1_000_000):
        ball = theory.step_bound_ball(0.9, 0.999, t)
        value = float(theory.step_bound(0.9, 0.999, t))
        assert ball.rad() < ball * flint.arb(2) ** -100
        assert abs(value - float(ball.mid())) <= 2.0**-45 * value


def test_the_step_bound_on_symbols_is_the_proved_closed_form() -> None:
    b1, b2 = symbols("b1 b2")
    point = {sympy.Symbol("b1"): Fraction(3, 7), sympy.Symbol("b2"): Fraction(8, 9)}
    for t in (2, 5, 8):
        told = evaluate(theory.step_bound_squared(b1, b2, t).expr, point)
        assert told == proved_bound(Fraction(3, 7), Fraction(8, 9), t)


@pytest.mark.parametrize(("beta1", "beta2"), BETAS[:5])
def test_the_extremal_gradients_attain_the_bound(beta1: float, beta2: float) -> None:
    t = 40
    b1, b2 = Fraction(beta1), Fraction(beta2)
    exact = theory.extremal_gradients_exact(b1, b2, t)
    m, v = moments(b1, b2, exact)
    ratio = (m / (1 - b1**t)) ** 2 / (v / (1 - b2**t))
    assert ratio == proved_bound(b1, b2, t)
    rounded = theory.extremal_gradients(beta1, beta2, t)
    assert np.max(np.abs(rounded)) == 1.0
    scale = Fraction(float(rounded[-1]))
    for g, h in zip(exact, rounded, strict=True):
        assert abs(Fraction(float(h)) - scale * g) <= scale * g * Fraction(1, 2**44)


def moments(b1: Fraction, b2: Fraction, gradients: list[Fraction]) -> tuple[Fraction, Fraction]:
    m = v = Fraction(0)
    for g in gradients:
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g * g
    return m, v


@pytest.mark.parametrize(
    ("beta1", "beta2", "first"),
    [
        ("9/10", "999/1000", 210),
        ("9/10", "99/100", 2),
        ("9/10", "95/100", 2),
        ("1/2", "999/1000", 1385),
        ("9/10", "9/10", None),
        ("0", "999/1000", None),
        ("9/10", "81/100", 2),
    ],
)
def test_the_first_violating_step(beta1: str, beta2: str, first: int | None) -> None:
    assert theory.first_violation(Fraction(beta1), Fraction(beta2)) == first


def test_the_limit_at_the_defaults() -> None:
    limit = theory.step_bound_limit_squared(Fraction(9, 10), Fraction(999, 1000))
    assert limit == Fraction(370, 7)
    assert theory.step_bound_limit(0.5, 0.25) == np.inf


@pytest.mark.parametrize("t", [1, 2, 9, 33])
def test_the_bounds_of_the_relatives(t: int) -> None:
    b1, b2 = Fraction(9, 10), Fraction(19, 20)
    total = Fraction(0)
    for _ in range(t):
        total = (1 - b1) + b1 / b2 * total
    exact = total / (1 - b1**t)
    assert theory.adamax_bound_exact(b1, b2, t) == exact
    assert abs(float(theory.adamax_bound(0.9, 0.95, t)) - float(exact)) < 1e-12
    assert exact <= theory.adamax_limit(b1, b2) == Fraction(19, 10)
    corrected = float(theory.rmsprop_corrected_bound(0.95, t)) ** 2
    assert abs(corrected - float((1 - b2**t) / (1 - b2))) < 1e-12
    assert corrected <= theory.rmsprop_bound(0.95) ** 2


@pytest.mark.parametrize("t", [1, 2, 7, 40])
def test_nadams_extremal_gradients_attain_its_bound(t: int) -> None:
    b1, b2 = Fraction(9, 10), Fraction(999, 1000)
    ahead = b1 / (1 - b1 ** (t + 1))

    def squared(gradients: list[Fraction]) -> Fraction:
        m, v = moments(b1, b2, gradients)
        top = ahead * m + (1 - b1) / (1 - b1**t) * gradients[-1]
        return top**2 / (v / (1 - b2**t))

    best = [ahead * (1 - b1) * (b1 / b2) ** k for k in range(t - 1, -1, -1)]
    best[-1] += (1 - b1) / (1 - b1**t)
    bound = theory.nadam_bound_squared(b1, b2, t)
    assert squared(best) == bound
    for other in ([Fraction(1)] * t, [(-1) ** k * g for k, g in enumerate(best, 1 - t)]):
        assert squared(other) <= bound
    rounded = theory.nadam_extremal_gradients(0.9, 0.999, t)
    scale = Fraction(float(rounded[-1])) / best[-1]
    for g, h in zip(best, rounded, strict=True):
        assert abs(Fraction(float(h)) - scale * g) <= scale * g * Fraction(1, 2**44)


def test_special_runs_in_closed_form() -> None:
    b1, b2, g = Fraction(4, 5), Fraction(24, 25), Fraction(-7, 3)
    m, v = moments(b1, b2, [g] * 6)
    assert theory.constant_moment(b1, 6, g) == m
    assert theory.constant_moment(b2, 6, g * g) == v
    assert theory.weighted_moment(b1, [g, 2 * g, -g]) == moments(b1, b2, [g, 2 * g, -g])[0]
    m, v = moments(b1, b2, [g, Fraction(0), Fraction(0)])
    assert theory.decayed_moment(b1, 2, (1 - b1) * g) == m
    told = theory.spiked_update(b1, b2, 2, sqrt=lambda x: x)
    assert told == abs(m / g) / (1 - b1**3) / (v / g**2 / (1 - b2**3))
    assert theory.decayed_theta(8, lr=Fraction(1, 2), weight_decay=Fraction(1, 2), t=2) == Fraction(
        9, 2
    )
    assert theory.constant_gradient_update(g, lr=Fraction(1, 2), eps=Fraction(1, 3)) == Fraction(
        -7, 16
    )


def test_the_two_cycle_returns_after_two_steps() -> None:
    b1, lr, eps, curvature = Fraction(0), Fraction(1, 8), Fraction(1, 64), Fraction(2)
    state = theory.two_cycle_state(
        b1, lr=lr, eps=eps, curvature=curvature, t=10**4, beta2=Fraction(0)
    )
    x = state["theta"]
    assert x == lr / 2 - eps / curvature
    for _ in range(2):
        g = curvature * x
        x = x - lr * g / (abs(g) + eps)
    assert x == state["theta"]


def test_the_cyclic_example() -> None:
    assert list(theory.cyclic_gradients(3, 7)) == [3, -1, -1, 3, -1, -1, 3]
    assert theory.cyclic_beta2(Fraction(3)) == Fraction(1, 10)
    assert theory.cyclic_regret(Fraction(3)) == Fraction(2, 3)


def test_certificates_replay_from_a_file(tmp_path: Path) -> None:
    for path in write_certificates(tmp_path, ["step-bound", "convexity"]):
        assert checker()(json.loads(path.read_text(encoding="utf-8"))).endswith("steps hold")


def test_proving_twice_gives_the_same_steps() -> None:
    first, second = Book(), Book()
    theorem("scaling").prove(first)
    theorem("scaling").prove(second)
    assert [s.detail for p in first.parts for s in p.steps] == [
        s.detail for p in second.parts for s in p.steps
    ]
