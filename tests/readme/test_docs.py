"""The documents say what is true: their code runs, their links and commands lead somewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from adamcheck.checks.registry import all_checks
from adamcheck.removed import REMOVED

ROOT = Path(__file__).resolve().parents[2]
DOCS = sorted((ROOT / "docs").glob("*.md"))
RUN = ("CONTRIBUTING.md",)
"""Whose Python blocks stand for themselves; those of adding-a-rule.md are tests/adabelief.py's."""


def blocks(path: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", path.read_text("utf-8"), re.DOTALL)


@pytest.mark.parametrize("name", RUN)
def test_the_python_of_a_document_runs(name: str, tmp_path: Path) -> None:
    code = blocks(ROOT / "docs" / name, "python")
    assert code
    for number, text in enumerate(code):
        file = tmp_path / f"block_{number}.py"
        file.write_text(text, encoding="utf-8")
        done = subprocess.run(
            [sys.executable, str(file)],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            cwd=tmp_path,
        )
        assert done.returncode == 0, f"block {number + 1} of {name}: {done.stderr}"


@pytest.mark.parametrize("path", DOCS, ids=lambda p: p.name)
def test_what_a_document_names_is_there(path: Path) -> None:
    text = path.read_text("utf-8")
    for link in re.findall(r"\]\(([^)#]+)\)", text):
        assert link.startswith("http") or (path.parent / link).exists(), link
    for line in "".join(blocks(path, "sh")).splitlines():
        command, *words = line.partition("#")[0].split()
        if command.startswith("./"):
            assert os.access(ROOT / command, os.X_OK), command
        for word in words:
            assert "/" not in word or (ROOT / word.partition("::")[0]).exists(), line
    for name in re.findall(r"`((?:adamcheck|proofs|tests|scripts|docs)/[\w./-]+)`", text):
        assert "NAME" in name or (ROOT / name).exists(), name
    for block in blocks(path, "toml"):
        tomllib.loads(block)


def test_the_changelog_names_every_id_that_is_gone() -> None:
    text = (ROOT / "docs" / "CHANGELOG.md").read_text("utf-8")
    assert set(REMOVED) <= set(re.findall(r"ADAM-[A-Z]+-[0-9]+", text))
    assert not set(REMOVED) & {c.id for c in all_checks()}


def test_a_word_of_the_glossary_is_defined_once() -> None:
    text = (ROOT / "docs" / "GLOSSARY.md").read_text("utf-8")
    words = [w for head in re.findall(r"^\| (\*\*.*?) \|", text, re.M)
             for w in re.findall(r"\*\*(.+?)\*\*", head)]  # fmt: skip
    assert len(words) > 30
    assert sorted(set(words)) == sorted(words)
    assert all(line.count(" | ") == 1 for line in text.splitlines() if line.startswith("| **"))
