"""The theorems of the envelope run the text of error_bounds.py: what it says is what is proved.

A changed coefficient, operator, comparison or helper in an error bound, or a changed constant, must
turn a theorem red. The factor ``reassociation`` is no error bound; its numbers are held against its
theorem.
"""

from __future__ import annotations

import ast
import importlib.util
import inspect
import itertools
import math
import random
import sys
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from mutations import Change, mutants, proved

from adamcheck.numerics import error_bounds
from adamcheck.numerics.emit import Emitter
from adamcheck.oracle.envelope import reassociation
from adamcheck.oracle.moved import movable
from adamcheck.program import trace
from adamcheck.proof import traced
from adamcheck.proof.normal import ProofError
from adamcheck.spec import Spec, parse_spec

TELLING = (
    "rounding-envelope",
    "average-envelope",
    "exact-zeros",
    "envelope-slack",
    "composed-envelope",
    "envelope-growth",
)
OTHER = {"larger": "smaller", "smaller": "larger", "gamma2": "gamma4", "eold": "enew"}


@pytest.fixture(scope="module")
def untouched() -> dict[str, str]:
    return {name: proved(name) for name in TELLING}


# --- mutants ---


def error_bound_mutants() -> list[tuple[str, str]]:
    """Every mutant of an error bound or constant; load_error_bounds, a copier, has its own test."""
    source = inspect.getsource(error_bounds)
    lines = {
        source[: source.index(inspect.getsource(f))].count("\n") + 1
        for f in error_bounds.ERROR_BOUNDS
    }
    last = max(lines) + 3
    first = next(i for i, x in enumerate(source.splitlines(), 1) if x.startswith("SLACK ="))
    found = []
    for what, changed in itertools.chain(mutants(source), mutants(source, changes=further)):
        line = int(what.split()[1].rstrip(":"))
        if first <= line <= last:
            found.append((what, changed))
    return found


def further(node: ast.AST) -> Change | None:
    """A float grows by 1, a comparison turns around, a name is taken for another."""
    if isinstance(node, ast.Constant) and type(node.value) is float:
        return _more
    if isinstance(node, ast.Compare):
        return _around
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in OTHER:
        return _renamed
    return None


def _more(node: ast.AST) -> str:
    assert isinstance(node, ast.Constant)
    assert isinstance(node.value, float)
    node.value += 1.0
    return f"{node.value - 1.0} became {node.value}"


def _around(node: ast.AST) -> str:
    assert isinstance(node, ast.Compare)
    node.left, node.comparators = node.comparators[0], [node.left]
    return "a comparison turned around"


def _renamed(node: ast.AST) -> str:
    assert isinstance(node, ast.Name)
    old, node.id = node.id, OTHER[node.id]
    return f"{old} became {node.id}"


def is_red(source: str, folder: Path, untouched: dict[str, str]) -> bool:
    """Whether a theorem fails, or proves something else, with these error bounds."""
    path = folder / f"error_bounds_{abs(hash(source))}.py"
    path.write_text(source, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    changed = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as context:
        context.setitem(sys.modules, path.stem, changed)
        for module in readers():
            context.setattr(module, "error_bounds", changed)
        try:
            spec.loader.exec_module(changed)
            return any(proved(name) != untouched[name] for name in TELLING)
        except Exception:  # error bounds that cannot even be read are red
            return True


def readers() -> list[ModuleType]:
    """The modules through which theorems read the error bounds."""
    theorems = [m for n, m in sys.modules.items() if n.startswith("adamcheck._proofs.")]
    return [traced, *(m for m in theorems if getattr(m, "error_bounds", None) is error_bounds)]


def test_the_error_bounds_as_they_are_are_green(tmp_path: Path, untouched: dict[str, str]) -> None:
    assert not is_red(inspect.getsource(error_bounds), tmp_path, untouched)


@pytest.mark.parametrize("seed", range(5))
def test_a_changed_error_bound_fails_a_theorem(
    seed: int, tmp_path: Path, untouched: dict[str, str]
) -> None:
    what, changed = random.Random(seed).choice(error_bound_mutants())
    assert is_red(changed, tmp_path, untouched), what


@pytest.mark.slow
def test_every_changed_error_bound_fails_a_theorem(
    tmp_path: Path, untouched: dict[str, str]
) -> None:
    found = error_bound_mutants()
    assert len(found) > 80
    survivors = [what for what, changed in found if not is_red(changed, tmp_path, untouched)]
    assert not survivors


def test_load_error_bounds_gives_each_helper_its_own_place() -> None:
    loaded = error_bounds.load_error_bounds(
        larger=max,
        smaller=min,
        root=math.sqrt,
        select=lambda condition, yes, no: yes if condition else no,
        slack=error_bounds.SLACK,
    )
    generator = random.Random(3)
    for function in error_bounds.ERROR_BOUNDS:
        count = len(inspect.signature(function).parameters)
        for _ in range(20):
            given = [generator.uniform(0.0, 2.0) ** 4 for _ in range(count)]
            with np.errstate(over="ignore"):
                told = float(function(*given))
            assert getattr(loaded, function.__name__)(*given) == told


@pytest.mark.parametrize(
    ("written", "instead"),
    [
        ("1.01 * u", "1.0 * u"),
        ("2.0 * far + ", "1.0 * far + "),
        ("2.0 * gamma4", "1.0 * gamma4"),
        ("2.0 * far * (1.0", "1.0 * far * (1.0"),
        ("gamma2", "u"),
    ],
)
def test_a_changed_text_of_the_kernels_fails_a_theorem(
    written: str, instead: str, monkeypatch: pytest.MonkeyPatch, untouched: dict[str, str]
) -> None:
    original = Emitter.bound

    def changed(self: Emitter, i: int) -> str:
        return original(self, i).replace(written, instead)

    monkeypatch.setattr(Emitter, "bound", changed)
    # (a-b)-c has room for η, since its a-b is bounded for one as well: what is proved changes
    try:
        assert proved("composed-envelope") != untouched["composed-envelope"]
    except ProofError:
        assert written != "2.0 * far + "


# --- reassociation: theorem moved-scalars ---

HYPER = {"lr": 1e-3, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "lr_decay": 0.25}


@pytest.mark.parametrize("lr", [1e-3, 1.0, 40.0])
@pytest.mark.parametrize("betas", [(0.9, 0.999), (0.25, 0.5), (0.0, 0.875)])
@pytest.mark.parametrize("correction", ["both", "m", "v", "none"])
def test_reassociation_serves_every_product_of_adams_scalars(
    lr: float, betas: tuple[float, float], correction: str
) -> None:
    hyper = {**HYPER, "lr": lr, "beta1": betas[0], "beta2": betas[1]}
    b1, b2 = (Fraction(beta) for beta in betas)
    steps = 12
    found = reassociation(Spec(bias_correction=correction), hyper, steps, 0)
    for t in range(1, steps + 1):
        c = 1 - b1**t if correction in ("both", "m") else Fraction(1)
        q_squared = 1 - b2**t if correction in ("both", "v") else Fraction(1)
        lost, most = (Fraction(x) ** 2 for x in found[t - 1].tolist())
        for a, b, e in itertools.product((-1, 0, 1), repeat=3):
            if (b, e) != (-1, -1):
                moved = Fraction(lr) ** (2 * a) * c ** (2 * b) * q_squared**e
                assert lost >= 1 / moved
                assert most >= moved


@pytest.mark.parametrize(
    ("name", "squares"),
    [
        ("rmsprop[bias_correction=v]", lambda t: [1 - Fraction(0.999) ** t]),
        ("adagrad[lr_decay=yes]", lambda t: [(1 + (t - 1) * Fraction(0.25)) ** 2]),
        ("adamax", lambda t: [(1 - Fraction(0.9) ** t) ** 2]),
        (
            "nadam",
            lambda t: [
                (1 - Fraction(0.9) ** t) ** 2,
                1 - Fraction(0.999) ** t,
                Fraction(0.9) ** 2,
                Fraction(0.1) ** 2,
            ],
        ),
        ("radam", lambda t: [(1 - Fraction(0.9) ** t) ** 2, 1 - Fraction(0.999) ** t]),
    ],
)
def test_reassociation_serves_every_product_of_a_relatives_scalars(
    name: str, squares: Callable[[int], list[Fraction]]
) -> None:
    found = reassociation(parse_spec(name), HYPER, 12, 0)
    assert np.isfinite(found).all()
    for t in range(1, 13):
        scalars = [Fraction(HYPER["lr"]) ** 2, *squares(t)]
        most = math.prod(max(s, 1 / s) for s in scalars)
        assert all(Fraction(x) ** 2 >= most for x in found[t - 1].tolist())


def test_what_may_be_moved_is_read_off_the_program() -> None:
    def told(name: str) -> set[tuple[str, float]]:
        program = trace(parse_spec(name))
        names = {i: n for n, i in program.inputs.items()} | {i: n for n, i in program.outputs}
        ops = program.ops
        return {
            (names.get(s.index) or f"1-{names[ops[s.index].args[1]]}", s.power)
            for s in movable(program)
        }

    assert told("adam") == {("h.lr", 1.0), ("1-s.p1", 1.0), ("1-s.p2", 0.5)}
    assert told("adam[eps=hat,decay=l2]") == told("adamw") == told("adam")
    assert told("adam[bias_correction=m]") == {("h.lr", 1.0), ("1-s.p1", 1.0)}
    assert told("momentum[form=inside]") == told("gd[decay=l2]") == {("h.lr", 1.0)}
    assert told("nesterov") == {("h.lr", 1.0), ("h.momentum", 1.0)}


def test_a_rule_without_a_way_to_its_update_is_an_error() -> None:
    program = trace(Spec())
    outputs = tuple(
        (n, program.inputs["theta"] if n == "update" else i) for n, i in program.outputs
    )
    with pytest.raises(ValueError, match="made of no moment and no gradient"):
        movable(replace(program, outputs=outputs))
