"""The Coq proofs compile, rest on no axiom of ours, and break when a coefficient is changed.

A proof that survives a wrong coefficient would prove nothing about it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

COQ = Path(__file__).resolve().parents[2] / "proofs" / "coq"

needs_coq = pytest.mark.skipif(
    shutil.which("coqc") is None or shutil.which("coqchk") is None,
    reason="coqc or coqchk not found; the Debian package coq brings both",
)

# (file changed, what stands there, what is put there, file that must then fail). Where the text
# occurs more than once, its first occurrence is the definition or the statement.
MUTANTS = {
    "certificate-first-term": (
        "StepBound.v",
        "= k' * b2 * (v - m ^ 2 / k)",
        "= k' * b2 * (v + m ^ 2 / k)",
        "StepBound.v",
    ),
    "certificate-square": (
        "StepBound.v",
        "+ ((1 - b1) * b2 * m - b1 * (1 - b2) * k * g) ^ 2",
        "+ ((1 - b1) * b2 * m - b2 * (1 - b2) * k * g) ^ 2",
        "StepBound.v",
    ),
    "K-ratio": ("StepBound.v", "+ b1 ^ 2 / b2 * K b1 b2 n", "+ b1 / b2 * K b1 b2 n", "StepBound.v"),
    "K-start": ("StepBound.v", "  | O => 0\n", "  | O => 1\n", "StepBound.v"),
    "R-second-correction": (
        "StepBound.v",
        "((1 - b2 ^ t) / (1 - b2))",
        "((1 - b1 ^ t) / (1 - b2))",
        "StepBound.v",
    ),
    "extremal-ratio": ("StepBound.v", "c * (b1 / b2) ^ k", "c * (b2 / b1) ^ k", "StepBound.v"),
    "R-infinity": (
        "StepBound.v",
        "((1 - b2) * (1 - b1 ^ 2 / b2))",
        "((1 - b2) * (1 - b1 / b2))",
        "StepBound.v",
    ),
    "uniform-certificate": ("StepBound.v", "= (x - z) ^ 2 / x", "= (x - z) ^ 2", "StepBound.v"),
    "370/7": ("StepBound.v", "= 370 / 7", "= 371 / 7", "StepBound.v"),
    "negative-eps": (
        "StepBound.v",
        "0 < b2 < 1 -> 0 <= alpha -> 0 <= eps ->",
        "0 < b2 < 1 -> 0 <= alpha -> -1 <= eps ->",
        "StepBound.v",
    ),
    "m-without-weight": ("Adam.v", "(1 - b1) * g (S n)", "g (S n)", "GeometricWeights.v"),
    "v-of-g-not-squared": ("Adam.v", "g (S n) ^ 2", "g (S n)", "Adam.v"),
    "m_hat-one-step-late": (
        "Adam.v",
        "m b1 g t / (1 - b1 ^ t)",
        "m b1 g t / (1 - b1)",
        "StepBound.v",
    ),
    "v_hat-uncorrected": ("Adam.v", "v b2 g t / (1 - b2 ^ t)", "v b2 g t / 1", "StepBound.v"),
}


def compile_proof(folder: Path, name: str) -> subprocess.CompletedProcess[str]:
    """Compile one file of `folder` in place, as check.sh does."""
    return subprocess.run(
        ["coqc", "-q", "-Q", ".", "Adamcheck", name],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
    )


def mutate(path: Path, *, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{path.name} no longer holds {old!r}: adapt the mutant"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unchanged proofs up to StepBound.v, compiled: what a mutant starts from."""
    folder = tmp_path_factory.mktemp("coq")
    for source in COQ.glob("*.v"):
        # Printing assumptions takes most of the compile time and decides nothing here.
        lines = source.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = (line for line in lines if not line.startswith("Print Assumptions"))
        (folder / source.name).write_text("".join(kept), encoding="utf-8")
    for name in ("Adam.v", "GeometricWeights.v", "StepBound.v"):
        done = compile_proof(folder, name)
        assert done.returncode == 0, done.stderr
    return folder


@needs_coq
def test_check_script_accepts_the_proofs_and_leaves_nothing_behind() -> None:
    before = sorted(COQ.rglob("*"))
    done = subprocess.run(
        [str(COQ / "check.sh"), "--fast"], capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for name in ("step_bound", "step_bound_attained", "R_inf_sq_default"):
        assert f"proved  StepBound.{name}  axioms:" in done.stdout
    assert "proved  GeometricWeights.geometric_weights " in done.stdout
    assert "proved  ConstantGradient.constant_gradient " in done.stdout
    assert "proved  PublishedBound.published_refuted_at_two " in done.stdout
    assert done.stdout.count("refused negative/") == 2
    assert sorted(COQ.rglob("*")) == before


@needs_coq
@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_changed_coefficient_does_not_compile(
    mutant: str, compiled: Path, tmp_path: Path
) -> None:
    file, old, new, fails = MUTANTS[mutant]
    folder = tmp_path / "coq"
    shutil.copytree(compiled, folder)
    mutate(folder / file, old=old, new=new)
    order = ["Adam.v", "GeometricWeights.v", "StepBound.v"]
    for name in order[order.index(file) : order.index(fails)]:
        done = compile_proof(folder, name)
        assert done.returncode == 0, done.stderr
    done = compile_proof(folder, fails)
    assert done.returncode != 0, f"{fails} compiles with {new!r} in the place of {old!r}"
    assert "Syntax error" not in done.stderr
    assert f'File "./{fails}"' in done.stderr


@needs_coq
def test_constant_gradient_refuses_eps_inside_the_root(compiled: Path, tmp_path: Path) -> None:
    folder = tmp_path / "coq"
    shutil.copytree(compiled, folder)
    mutate(folder / "Adam.v", old="(sqrt (v_hat b2 g t) + eps)", new="sqrt (v_hat b2 g t + eps)")
    assert compile_proof(folder, "Adam.v").returncode == 0
    done = compile_proof(folder, "ConstantGradient.v")
    assert done.returncode != 0
    assert 'File "./ConstantGradient.v"' in done.stderr


@needs_coq
def test_check_script_refuses_an_admitted_proof(tmp_path: Path) -> None:
    folder = tmp_path / "coq"
    shutil.copytree(COQ, folder)
    mutate(folder / "GeometricWeights.v", old="Proof. intros b p. ring. Qed.", new="Admitted.")
    done = subprocess.run(
        [str(folder / "check.sh"), "--fast"], capture_output=True, text=True, timeout=120
    )
    assert done.returncode != 0
    assert "weight_step rests on weight_step" in done.stderr


@needs_coq
@pytest.mark.parametrize("control", ["PublishedBound.v", "UniformBound.v"])
def test_a_control_fails_by_its_number_alone(control: str, compiled: Path, tmp_path: Path) -> None:
    """The control fails because its number is false, so the true number must compile."""
    folder = tmp_path / "coq"
    shutil.copytree(compiled, folder)
    shutil.copy(COQ / "negative" / control, folder / "Control.v")
    assert compile_proof(folder, "Control.v").returncode != 0
    true = {"PublishedBound.v": "3980 / 3971", "UniformBound.v": "11 / 2"}[control]
    mutate(folder / "Control.v", old="claim : R := 1.", new=f"claim : R := {true}.")
    assert compile_proof(folder, "Control.v").returncode == 0


def test_check_script_says_so_where_coq_is_missing(tmp_path: Path) -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("bash not found")
    done = subprocess.run(
        [bash, str(COQ / "check.sh")],
        env={**os.environ, "PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "skipped: coqc not found\n"
