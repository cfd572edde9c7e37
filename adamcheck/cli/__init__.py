"""The command line: thin, and light to start; everything heavy loads when a command needs it."""

from __future__ import annotations

from adamcheck.cli.app import main

__all__ = ["main"]
