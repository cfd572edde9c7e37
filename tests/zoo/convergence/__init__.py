"""Planted defects that show in time or near an optimum: what the convergence checks must kill."""

from __future__ import annotations

from . import defects

DEFECTS = defects.DEFECTS
KILLERS = defects.KILLERS
