"""What is held of a run: the envelope, relations between runs, state, calls, the interface.

A property takes (context, account, trajectory, spec, how), adds what it decided to the account, and
returns the first Break or None. ``how`` holds the numbers that it needs beside the trajectory. A
witness names a property and is replayed by it: all of them are registered here.
"""

from adamcheck.properties import (
    blocks,
    calls,
    counts,
    envelope,
    interface,
    loops,
    metamorphic,
    mixed,
    motion,
    state,
    storage,
)
from adamcheck.properties.base import PROPERTIES, hold
from adamcheck.properties.interface import in_range, offered

__all__ = [
    "PROPERTIES",
    "blocks",
    "calls",
    "counts",
    "envelope",
    "hold",
    "in_range",
    "interface",
    "loops",
    "metamorphic",
    "mixed",
    "motion",
    "offered",
    "state",
    "storage",
]
