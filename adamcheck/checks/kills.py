"""Which planted defects (tests/zoo) each check must kill; written by scripts/kills."""

from __future__ import annotations

from typing import Final

KILLS: Final[dict[str, tuple[str, ...]]] = {}
