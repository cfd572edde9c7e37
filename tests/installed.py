"""Tests of other people's software skip where it is missing, and say what installs it."""

from __future__ import annotations

from importlib.util import find_spec

import pytest


def needs(package: str, extra: str = "libraries") -> None:
    """Skip without the package; it is not imported here, but by the process that is tested.

    An extra that is not installed is no fault. CI installs all but CuPy, so that these tests run
    there: only what needs a GPU is left out.
    """
    if find_spec(package) is None:
        pytest.skip(f"{package} is not installed: pip install 'adamcheck[{extra}]'")
