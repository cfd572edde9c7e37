"""The errors a user can meet: each carries one clear line; the class decides the exit code."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class AdamcheckError(Exception):
    """Base of every error that is reported as one line rather than as a traceback."""

    exit_code = 3


class UsageError(AdamcheckError):
    """The request itself is wrong: an unknown target, spec, check or option (exit code 2)."""

    exit_code = 2


class TargetError(AdamcheckError):
    """The target raised, hung, crashed or broke its protocol while it ran (exit code 3).

    ``kind`` is one of raised, hung, exited, crashed, memory, protocol; ``step`` is the 1-based step
    at which it happened (0 while the target was being built) or None where that is unknown.
    """

    def __init__(self, message: str, *, kind: str = "raised", step: int | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.step = step


def closest(word: str, known: Iterable[str]) -> str:
    """Return `` Did you mean 'x'?`` for the closest known word, or an empty string.

    A word that is a part of a known one is closest to it: BC to ADAM-BC-1.
    """
    words = list(known)
    inside = [w for w in words if len(word) > 1 and word.lower() in w.lower()]
    match = get_close_matches(word, words, n=1, cutoff=0.6) or inside
    return f" Did you mean '{match[0]}'?" if match else ""
