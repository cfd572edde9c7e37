"""Find and load theorem files: ``proofs/`` of a checkout, ``adamcheck/_proofs`` of a wheel."""

from __future__ import annotations

import importlib.util
import sys
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import adamcheck
from adamcheck.errors import UsageError, closest

if TYPE_CHECKING:
    from adamcheck.proof.theorem import Theorem

NOT_THEOREMS = frozenset({"check_certificate"})


@lru_cache(maxsize=1)
def directory() -> Path:
    """The folder with the theorem files."""
    package = Path(adamcheck.__file__).parent
    for folder in (package / "_proofs", package.parent / "proofs"):
        if (folder / "check_certificate.py").is_file():
            return folder
    raise UsageError("the theorem files are missing from this installation; reinstall adamcheck.")


def theorem_names() -> tuple[str, ...]:
    """The slugs of all theorems, in the order of proofs/README.md, without loading them."""
    found = {p.stem.replace("_", "-") for p in directory().glob("*.py")}
    found -= {name.replace("_", "-") for name in NOT_THEOREMS}
    listed = [
        line.split("`")[1]
        for line in (directory() / "README.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("| `")
    ]
    return tuple(n for n in listed if n in found) + tuple(sorted(found - set(listed)))


def theorem(name: str) -> Theorem:
    """Load one theorem by its slug; raise UsageError with the closest slug."""
    slug = name.strip().lower().replace("_", "-")
    names = theorem_names()
    if slug not in names:
        raise UsageError(
            f"unknown theorem {name!r}; 'adamcheck list' shows all.{closest(slug, names)}"
        )
    stem = slug.replace("-", "_")
    module_name = f"adamcheck._proofs.{stem}"
    module = sys.modules.get(module_name)
    if module is None:
        path = directory() / f"{stem}.py"
        spec = importlib.util.spec_from_file_location(module_name, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        sys.modules[module_name] = module
    found: Theorem = module.THEOREM
    if found.slug != slug:
        raise UsageError(
            f"{stem}.py holds the theorem {found.slug!r}; rename the file or the slug."
        )
    return found
