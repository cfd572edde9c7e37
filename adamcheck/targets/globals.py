"""Global state of the child that a target may change, put back around every run."""

from __future__ import annotations

import os
import sys
import warnings
from typing import Any

import numpy as np


class Globals:
    """A snapshot of process-wide settings, taken when the target was loaded."""

    def __init__(self) -> None:
        self._errors = np.geterr()
        self._folder = os.getcwd()
        self._filters = list(warnings.filters)
        self._streams = sys.stdout, sys.stderr
        torch = _torch()
        self._torch = None if torch is None else (torch.get_default_dtype(),)

    def restore(self) -> None:
        """Put the settings back."""
        np.seterr(**self._errors)
        np.seterrcall(None)
        if os.getcwd() != self._folder:
            os.chdir(self._folder)
        if warnings.filters != self._filters:
            warnings.filters[:] = self._filters  # type: ignore[index]
        sys.stdout, sys.stderr = self._streams
        torch = _torch()
        if torch is not None and self._torch is not None:
            torch.set_default_dtype(self._torch[0])
            torch.set_grad_enabled(True)


def _torch() -> Any:
    return sys.modules.get("torch")
