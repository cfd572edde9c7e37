"""Every script in Python is named where mypy looks for what it checks."""

from __future__ import annotations

import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_every_python_script_is_type_checked() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["mypy"]
    heads = {p: p.read_bytes()[:40] for p in sorted((ROOT / "scripts").iterdir())}
    python = [f"scripts/{p.name}" for p, head in heads.items() if b"python" in head]
    assert python
    assert sorted(set(python) - set(settings["files"])) == []
    assert {"adamcheck", "proofs", "tests"} <= set(settings["files"])
