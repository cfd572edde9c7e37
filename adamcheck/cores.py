"""How many cores there are to work on."""

from __future__ import annotations

import os


def cores() -> int:
    """How many cores this process may use."""
    known = getattr(os, "sched_getaffinity", None)
    return len(known(0)) if known else os.cpu_count() or 1
