"""The README says what is true: its generated parts are those that the code gives."""

from __future__ import annotations

import importlib.util
import re
from importlib.machinery import SourceFileLoader
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "README.md").read_text("utf-8")


@pytest.fixture(scope="module")
def script():
    """scripts/readme as a module."""
    loader = SourceFileLoader("readme_script", str(ROOT / "scripts" / "readme"))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def test_generated_parts_are_up_to_date(script):
    if script.rewritten(TEXT, record=False) != TEXT:
        pytest.fail("README.md is out of date: run scripts/readme")


def test_recorded_parts_are_filled(script):
    for match in script.BLOCK.finditer(TEXT):
        body = match[0].removeprefix(match["head"]).removesuffix(match["tail"])
        assert body.strip(), match["name"]


def test_every_part_is_known_and_used_once(script):
    names = [(match["kind"], match["name"]) for match in script.BLOCK.finditer(TEXT)]
    known = [("generated", name) for name in script.GENERATED]
    known += [("recorded", name) for name in script.RECORDED]
    assert sorted(names) == sorted(known)


def test_links_lead_somewhere():
    for link in re.findall(r"\]\(([^)#]+)\)", TEXT):
        assert link.startswith("http") or (ROOT / link).exists(), link


def test_the_example_is_short():
    assert len(_code("import numpy as np").splitlines()) <= 18


def test_options_of_the_examples_exist():
    from typer.main import get_command

    from adamcheck.cli.app import app

    commands = getattr(get_command(app), "commands")  # noqa: B009 - a group, in all but its type
    blocks = "".join(re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL))
    for line in re.findall(r"^adamcheck (.+?)(?:\s+#.*)?$", blocks, flags=re.MULTILINE):
        name, *words = line.split()
        known = {option for p in commands[name].params for option in p.opts}
        assert {word for word in words if word.startswith("--")} <= known, line


def test_the_example_of_a_config_is_valid(tmp_path):
    from adamcheck.cli.request import known_checks
    from adamcheck.config import load_config
    from adamcheck.waivers import validate_waivers

    (text,) = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)
    path = tmp_path / "pyproject.toml"
    path.write_text(text, encoding="utf-8")
    waivers = load_config(path).waivers
    assert waivers
    validate_waivers(waivers, known_checks())


def _code(start: str) -> str:
    """The Python block that begins so."""
    (found,) = [
        b for b in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL) if b.startswith(start)
    ]
    return found
