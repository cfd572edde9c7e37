"""The package from outside: light to import, quick to ask, its public names where they belong."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

import adamcheck

PACKAGE = Path(adamcheck.__file__).parent
HEAVY = {
    *("numpy", "numba", "mpmath", "flint", "sympy", "hypothesis", "ml_dtypes", "rich"),
    *("torch", "jax", "optax", "sklearn", "autograd", "cupy", "z3", "cvc5", "matplotlib"),
}


def loaded_after(code):
    """The heavy modules that a fresh interpreter has loaded after some code."""
    probe = f"import sys\n{code}\nprint(*sorted(set(sys.modules) & {HEAVY!r}))"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    return done.stdout.split("\n")[-2].split()


@pytest.mark.parametrize(
    "code",
    [
        "import adamcheck",
        "import adamcheck; adamcheck.Spec, adamcheck.Result, adamcheck.Witness",
        "from adamcheck.cli import main; main(['--help'])",
        "from adamcheck.cli import main; main(['check', '--help'])",
        "from adamcheck.cli import main; main(['--version'])",
        "from adamcheck.cli import main; main(['check', 'a:b', '--spec', 'adam[eps=x]'])",
    ],
)
def test_nothing_heavy_is_loaded(code):
    assert loaded_after(code) == []


def test_what_fits_a_dialect_needs_no_compiler_and_no_edits():
    code = "import sys, adamcheck.identify; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    late = {"llvmlite", "adamcheck.oracle.judge", "adamcheck.identify.explain"}
    assert not late & set(done.stdout.split())


def test_every_public_name_is_there_and_documented():
    for name in adamcheck.__all__:
        value = getattr(adamcheck, name)
        assert isinstance(value, str) or value.__doc__, name
    assert set(adamcheck.__all__) == {*adamcheck._HOMES, "__version__"}
    assert dir(adamcheck) == sorted(adamcheck.__all__)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'chek'"):
        _ = adamcheck.chek


def test_identify_stays_the_function_beside_its_module():
    import adamcheck.identify
    from adamcheck.identify import identify

    assert adamcheck.identify is identify
    assert callable(adamcheck.identify)


LAYERS = (
    {"errors", "text", "removed"},
    {"formats"},
    {"rules", "spec"},
    {"program", "theory", "result"},
    {"events", "witness", "waivers"},
    {"problems", "numerics"},
    {"oracle", "targets"},
    {"inputs"},
    {"properties"},
    {"checks", "identify"},
    {"engine", "config"},
    {"reports"},
    {"cli"},
)
"""From the bottom up; a module may import its own layer and those below."""


def imports_of(path):
    """The top-level names below ``adamcheck`` that a file imports anywhere."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module]
            if node.module == "adamcheck":
                names = [f"adamcheck.{alias.name}" for alias in node.names]
        for name in names:
            parts = name.split(".")
            if parts[0] == "adamcheck" and len(parts) > 1:
                yield parts[1]


def test_imports_point_downwards():
    level = {name: number for number, names in enumerate(LAYERS) for name in names}
    wrong = []
    for path in sorted(PACKAGE.rglob("*.py")):
        relative = path.relative_to(PACKAGE)
        here = level.get(relative.parts[0].removesuffix(".py"))
        if here is None:
            continue
        wrong += [
            f"{relative} imports {name}" for name in imports_of(path) if level.get(name, -1) > here
        ]
    assert wrong == []


def test_no_module_is_long_and_each_says_what_it_is():
    for path in sorted(PACKAGE.rglob("*.py")):
        text = path.read_text("utf-8")
        assert len(text.splitlines()) <= 500, path
        if text.strip():
            assert ast.get_docstring(ast.parse(text)), path


def test_no_tolerance_is_chosen_anywhere():
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        names = {node.arg for node in ast.walk(tree) if isinstance(node, ast.keyword)}
        names |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        assert not names & {"rtol", "atol", "allclose", "isclose", "assert_allclose"}, path


@pytest.mark.slow
@pytest.mark.skipif(find_spec("build") is None, reason="build is not installed: extra dev")
def test_the_wheel_proves_in_an_empty_folder(tmp_path):
    """The theorems travel with the package: nothing of the checkout is read."""
    built = [sys.executable, "-m", "build", "--wheel", "--outdir", str(tmp_path)]
    subprocess.run([*built, str(PACKAGE.parent)], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    site, empty = tmp_path / "site", tmp_path / "empty"
    empty.mkdir()
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    paths = [str(site), *(p for p in sys.path if p and "site-packages" in p)]
    asked = [sys.executable, "-P", "-S", "-m", "adamcheck", "prove", "forgetting", "--json", "out"]
    done = subprocess.run(
        asked, cwd=empty, env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads((empty / "out").read_text("utf-8"))["ok"]
    assert (site / "adamcheck" / "_proofs" / "forgetting.py").exists()
