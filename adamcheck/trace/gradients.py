"""Gradients (and a start) from a file: .npy, .npz or JSON; nothing is unpickled."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from adamcheck.errors import UsageError
from adamcheck.witness import read_json

Float64 = NDArray[np.float64]
KEYS: Final = ("grads", "gradients", "g")
STARTS: Final = ("theta0", "theta")
Read = TypeVar("Read")


def load_gradients(path: Path) -> tuple[Float64, Float64 | None]:
    """(gradients ``[T, N]``, θ0 ``[N]`` if the file holds one) in float64.

    An array ``[T]`` is one variable; more axes are flattened. JSON is a list (of lists) of numbers
    or hex floats, or an object with ``grads`` and perhaps ``theta0``, such as a witness. Raises
    UsageError that says what is wrong with the file.
    """
    if path.is_dir():
        raise UsageError(f"{path}: is a directory; name a file")
    if not path.exists():
        raise UsageError(f"{path}: there is no such file")
    suffix = path.suffix.lower()
    if suffix == ".npy":
        grads, start = _numpy(path), None
    elif suffix == ".npz":
        grads, start = _archive(path)
    elif suffix == ".json":
        grads, start = _json(path)
    else:
        raise UsageError(f"{path}: gradients are read from .npy, .npz or .json files")
    return _shaped(path, grads, start)


def _numpy(path: Path) -> Any:
    def read(loaded: Any) -> Any:
        if not isinstance(loaded, np.ndarray):
            raise UsageError(f"{path}: holds an archive of arrays; name it with the suffix .npz")
        return loaded

    return _loaded(path, "NumPy data", read)


def _archive(path: Path) -> tuple[Any, Any]:
    def read(loaded: Any) -> tuple[Any, Any]:
        if isinstance(loaded, np.ndarray):
            raise UsageError(f"{path}: holds one array, no archive; name it with the suffix .npy")
        names = list(loaded.files)
        key = next((k for k in KEYS if k in names), names[0] if len(names) == 1 else "")
        if not key:
            held = ", ".join(names) or "nothing"
            raise UsageError(f"{path}: needs an array called grads; it holds {held}")
        start = next((k for k in STARTS if k in names and k != key), None)
        return loaded[key], None if start is None else loaded[start]

    return _loaded(path, "a NumPy archive", read)


def _loaded(path: Path, what: str, read: Callable[[Any], Read]) -> Read:
    """``read`` of what NumPy makes of the file; UsageError where either of them fails."""
    try:
        loaded = np.load(path, allow_pickle=False)
        with loaded if isinstance(loaded, np.lib.npyio.NpzFile) else nullcontext():
            return read(loaded)
    except UsageError:
        raise
    except Exception as error:  # a damaged file: zip, zlib, lzma and the header's parser have many
        told = " ".join(str(error).split()) or type(error).__name__
        raise UsageError(f"{path}: cannot be read as {what}: {told}") from None


def _json(path: Path) -> tuple[Any, Any]:
    document = read_json(path)
    if isinstance(document, list):
        return _numbers(path, document), None
    if not isinstance(document, dict) or not any(k in document for k in KEYS):
        raise UsageError(f"{path}: needs a list of gradients, or an object with grads")
    grads = _numbers(path, next(document[k] for k in KEYS if k in document))
    start = next((document[k] for k in STARTS if k in document), None)
    return grads, None if start is None else _numbers(path, start)


def _numbers(path: Path, value: Any) -> Any:
    def read(item: Any) -> Any:
        if isinstance(item, list):
            return [read(part) for part in item]
        if isinstance(item, str):
            return float.fromhex(item)
        if isinstance(item, (int, float)) and not isinstance(item, bool):
            return float(item)
        raise ValueError(f"{str(item)[:40]!r} is not a number")

    try:
        return np.array(read(value), np.float64)
    except (ValueError, OverflowError, RecursionError) as error:
        raise UsageError(f"{path}: not gradients: {error}") from None


def _shaped(path: Path, grads: Any, start: Any) -> tuple[Float64, Float64 | None]:
    grads = _real(path, grads, "gradients")
    start = None if start is None else _real(path, start, "θ0")
    if grads.ndim == 0 or not grads.size:
        raise UsageError(f"{path}: holds no gradients; the first axis is the step")
    try:
        rows = grads.astype(np.float64).reshape(len(grads), -1)
        first = None if start is None else start.astype(np.float64).reshape(-1)
    except (ValueError, TypeError, MemoryError) as error:
        raise UsageError(f"{path}: not gradients: {error}") from None
    if first is not None and first.size != rows.shape[1]:
        raise UsageError(f"{path}: θ0 has {first.size} numbers, a gradient {rows.shape[1]}")
    return rows, first


def _real(path: Path, values: Any, what: str) -> NDArray[Any]:
    array = np.asarray(values)
    if array.dtype.kind not in "fiuV" or array.dtype.names:
        raise UsageError(f"{path}: {what} of dtype {array.dtype}: not real numbers")
    return array
