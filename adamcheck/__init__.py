"""adamcheck: is it Adam, which Adam, proved how far, and how precisely.

The public names are loaded on first use, so that ``import adamcheck`` stays light.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from adamcheck._version import __version__

if TYPE_CHECKING:
    from adamcheck.declared import limits
    from adamcheck.engine.gate import check
    from adamcheck.engine.replay import replay
    from adamcheck.errors import AdamcheckError, TargetError, UsageError
    from adamcheck.identify import identify
    from adamcheck.result import DeviationError, Result, Status, Verdict, Witness
    from adamcheck.spec import Spec, parse_spec

_HOMES: Final = {
    "AdamcheckError": "adamcheck.errors",
    "DeviationError": "adamcheck.result",
    "Result": "adamcheck.result",
    "Spec": "adamcheck.spec",
    "Status": "adamcheck.result",
    "TargetError": "adamcheck.errors",
    "UsageError": "adamcheck.errors",
    "Verdict": "adamcheck.result",
    "Witness": "adamcheck.result",
    "check": "adamcheck.engine.gate",
    "identify": "adamcheck.identify",
    "limits": "adamcheck.declared",
    "parse_spec": "adamcheck.spec",
    "replay": "adamcheck.engine.replay",
}

__all__ = [
    "AdamcheckError",
    "DeviationError",
    "Result",
    "Spec",
    "Status",
    "TargetError",
    "UsageError",
    "Verdict",
    "Witness",
    "__version__",
    "check",
    "identify",
    "limits",
    "parse_spec",
    "replay",
]


class _Package(ModuleType):
    """Keeps ``adamcheck.identify`` the function although a submodule has that name too."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _HOMES and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'adamcheck' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
