"""Programs changed by one drawn edit, and honest orders of them.

What sets a mutant apart, and what explains it, is asked of the edit itself (gate_power.campaign).
"""

from __future__ import annotations

from ..cases import honest, mutant

__all__ = ["honest", "mutant"]
