"""Planted defects that show in time or near an optimum: what the convergence checks must kill."""

from __future__ import annotations

from . import defects, velocity

HONEST = velocity.HONEST
DEFECTS = (*defects.DEFECTS, *velocity.DEFECTS)
KILLERS = {**defects.KILLERS, **velocity.KILLERS}
"""The checks that must kill each defect, by its name."""
