"""Implementations under test that test the tester: honest orders and planted defects.

A gate must pass every one of HONEST against the spec it names and fail every one of DEFECTS.
Every module here also loads by its path alone, as a target file does.
"""

from __future__ import annotations

from .defects import DEFECTS
from .dialects import DIALECTS
from .honest import HONEST as ORDERS
from .record import Defect, Honest, Record

HONEST: tuple[Honest, ...] = (*ORDERS, *DIALECTS)
EVERY: tuple[Record, ...] = (*HONEST, *DEFECTS)
_BY_NAME: dict[str, Record] = {entry.name: entry for entry in EVERY}


def named(name: str) -> Record:
    """The record of an honest target or a planted defect, by its name."""
    if name not in _BY_NAME:
        raise KeyError(f"no target of the zoo is called {name!r}")
    return _BY_NAME[name]


def target(name: str) -> str:
    """``path:attribute``, relative to the repository, of the target called ``name``."""
    return named(name).target


__all__ = ["DEFECTS", "HONEST", "Defect", "Honest", "named", "target"]
