"""Adam's relatives under test: honest orders of each rule, and planted defects of each.

The records are those of the zoo: ``spec`` and ``claims`` are written specs. Every module here also
loads by its path alone, as a target file does.
"""

from __future__ import annotations

from ..record import Defect, Honest
from . import defects_descent, defects_mean, defects_norm, descent, mean, norm

FAMILY_HONEST: tuple[Honest, ...] = (*descent.HONEST, *mean.HONEST, *norm.HONEST)
FAMILY_DEFECTS: tuple[Defect, ...] = (
    *defects_descent.DEFECTS,
    *defects_mean.DEFECTS,
    *defects_norm.DEFECTS,
)

__all__ = ["FAMILY_DEFECTS", "FAMILY_HONEST"]
