"""Files are written whole or not at all; a device or a pipe is written to and stays what it is."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from adamcheck.errors import AdamcheckError, UsageError


def place_of(path: Path) -> Path:
    """The file that a name leads to: a link is followed and stays."""
    return Path(os.path.realpath(path))


def is_special(path: Path) -> bool:
    """Whether the name leads to something that exists and is no regular file: a device, a pipe."""
    return path.exists() and not path.is_file()


def check_writable(path: Path) -> None:
    """Raise UsageError where a report could not be written, before anything has been run."""
    if path.is_dir():
        raise UsageError(f"{path}: is a directory; name a file")
    try:
        if not is_special(path):
            descriptor, probe = tempfile.mkstemp(dir=place_of(path).parent, prefix=".adamcheck-")
            os.close(descriptor)
            os.unlink(probe)
        if path.exists() and not os.access(path, os.W_OK):
            raise PermissionError(13, "file is write-protected")
    except OSError as error:
        raise UsageError(_unwritten(path, error)) from None


def write_atomically(path: Path, text: str) -> None:
    """Write the whole text or leave what was there; raises AdamcheckError with the cause."""
    atomically(path, lambda file: file.write_text(text, encoding="utf-8", newline="\n"))


def atomically(path: Path, fill: Callable[[Path], Any]) -> None:
    """Let ``fill`` write a temporary file, then put it in place; what was there stays if not.

    Raises AdamcheckError with the cause, and UsageError where a device or a pipe took it not.
    """
    special, place = is_special(path), place_of(path)
    temporary = None
    try:
        descriptor, name = tempfile.mkstemp(
            dir=None if special else place.parent, prefix=".adamcheck-", suffix=path.suffix
        )
        os.close(descriptor)
        temporary = Path(name)
        fill(temporary)
        if special:
            with temporary.open("rb") as source, path.open("wb") as out:
                shutil.copyfileobj(source, out)
        else:
            with temporary.open("r+b") as file:
                os.fsync(file.fileno())
            os.chmod(temporary, _ordinary_mode(place))
            os.replace(temporary, place)
    except OSError as error:
        # a disk may fill up; a device or a pipe that takes nothing was the wrong one to name
        kind = UsageError if special else AdamcheckError
        raise kind(_unwritten(path, error)) from None
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def _unwritten(path: Path, error: OSError) -> str:
    return f"{path}: cannot be written: {error.strerror or error}"


def _ordinary_mode(path: Path) -> int:
    # a temporary file is private to its owner; a report is not
    if path.exists():
        return path.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
