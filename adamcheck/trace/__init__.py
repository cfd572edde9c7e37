"""Target and oracle side by side, step by step, for people who would rather look."""

from __future__ import annotations

from adamcheck.trace.gradients import load_gradients
from adamcheck.trace.side_by_side import trace
from adamcheck.trace.table import Table

__all__ = ["Table", "load_gradients", "trace"]
