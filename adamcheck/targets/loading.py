"""From the written target to the object: every way of not finding it has its own sentence."""

from __future__ import annotations

import importlib
import importlib.util
import os
import pkgutil
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from adamcheck.errors import UsageError, closest
from adamcheck.text import shorten, visible, with_article

INSTALL: Final = {
    "torch": "torch",
    "optax": "optax",
    "jax": "jax",
    "jaxlib": "jax",
    "keras": "keras",
    "tensorflow": "tensorflow-cpu",
    "tf_keras": "tf-keras",
    "sklearn": "scikit-learn",
    "autograd": "autograd",
    "cupy": "cupy-cuda12x",
    "numpyro": "numpyro",
    "thinc": "thinc",
    "tinygrad": "tinygrad",
    "mlx": "mlx",
    "paddle": "paddlepaddle",
    "pennylane": "pennylane",
    "chainer": "chainer",
    "flax": "flax",
}
"""Known libraries by their import names, and what pip calls them."""
MOST_SAID: Final = 200
"""Characters of a target's own message that are kept."""


def split(target: str) -> tuple[str, str]:
    """Split ``module:attribute`` or ``file.py:attribute``; check what needs no import."""
    if not isinstance(target, str):
        raise UsageError(
            f"a target is a text such as 'package.module:attribute' or 'path/to/file.py:attribute',"
            f" not {with_article(type(target).__name__)}: it is loaded in a process of its own."
        )
    place, colon, attribute = target.rpartition(":")
    # a dot at the start would be an import relative to nothing
    if not colon or not place or not attribute or place.endswith(":") or _relative(place):
        raise UsageError(
            f"target {target!r} needs the form package.module:attribute"
            " or path/to/file.py:attribute."
        )
    if is_file(place) and not Path(place).is_file():
        folder = Path(place).parent
        near = [p.name for p in folder.glob("*.py")] if folder.is_dir() else []
        raise UsageError(
            f"target {target!r}: there is no file {place}.{closest(Path(place).name, near)}"
        )
    return place, attribute


def _relative(place: str) -> bool:
    return place.startswith(".") and not is_file(place)


def is_file(place: str) -> bool:
    """Whether the part before the colon is a path rather than a module's name."""
    return place.endswith(".py") or os.sep in place


def load(target: str) -> Any:
    """Import the target's module and return the attribute; UsageError says why that failed."""
    place, attribute = split(target)
    module = _from_file(target, Path(place)) if is_file(place) else _from_name(target, place)
    found: Any = module
    for part in attribute.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            raise UsageError(
                f"target {target!r}: {place} has no attribute {part!r}."
                f"{closest(part, [n for n in dir(found) if not n.startswith('__')])}"
            ) from None
    return found


def where(error: BaseException) -> str:
    """`` (file.py:12)``: the innermost line outside adamcheck's own targets package, if any."""
    own = str(Path(__file__).parent)
    frames = [f for f in traceback.extract_tb(error.__traceback__) if own not in f.filename]
    frames = [f for f in frames if not f.filename.startswith("<")]
    if not frames:
        return ""
    return f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})"


def said(error: BaseException) -> str:
    """One line of what an exception says, cut at some 200 characters."""
    try:
        text = " ".join(str(error).split())
    except Exception:
        text = "its message cannot be shown"
    return shorten(visible(text), MOST_SAID)


def _from_file(target: str, path: Path) -> ModuleType:
    sys.path.insert(0, str(path.resolve().parent))
    name = path.stem if path.stem not in sys.modules else f"target_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UsageError(f"target {target!r}: {path} cannot be read as Python source.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException as error:
        raise _import_failed(target, str(path), error) from None
    return module


def _from_name(target: str, name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except BaseException as error:
        raise _import_failed(target, name, error) from None


def _import_failed(target: str, place: str, error: BaseException) -> UsageError:
    missing = error.name if isinstance(error, ModuleNotFoundError) else None
    if missing is None:
        kind, text = type(error).__name__, said(error)
        detail = f"{kind}: {text}" if text else kind
        return UsageError(f"target {target!r}: importing {place} raised {detail}{where(error)}.")
    top = missing.partition(".")[0]
    if top in INSTALL and top == missing:
        return UsageError(
            f"target {target!r} needs {top}, which is not installed: pip install {INSTALL[top]}"
        )
    if not (place == missing or place.startswith(missing + ".")):
        return UsageError(
            f"target {target!r}: importing {place} needs the module {missing!r},"
            f" which is not installed{where(error)}."
        )
    return UsageError(
        f"target {target!r}: there is no module {missing!r}.{_closest_module(missing)}"
    )


def _closest_module(missing: str) -> str:
    parent, _, last = missing.rpartition(".")
    if not parent:
        known = {module.name for module in pkgutil.iter_modules()} | set(INSTALL)
        return closest(last, (name for name in known if not name.startswith("_")))
    path = getattr(sys.modules.get(parent), "__path__", [])
    hint = closest(last, [module.name for module in pkgutil.iter_modules(path)])
    return hint.replace("'", f"'{parent}.", 1) if hint else ""
