"""Ids of checks that are gone: an id is never used again, and says what holds its law now."""

from __future__ import annotations

from typing import Final

_LAWS: Final = (
    "what the whole path obeys follows from the envelope of each step, which"
    " {} judges; the theorem's law is a test of the rules (tests/oracle/test_motion.py)"
)

REMOVED: Final[dict[str, str]] = {
    "ADAM-CV-2": "a quadratic with mixed axes: " + _LAWS.format("ADAM-CV-7 (logistic regression)"),
    "ADAM-CV-4": "the two-cycle: " + _LAWS.format("ADAM-CV-1 (at constant α) or ADAM-SV-1"),
    "ADAM-CV-5": "momentum at large ε: " + _LAWS.format("ADAM-LS-4 (where ε rules)"),
    "ADAM-CV-6": "momentum's rate on quadratics: " + _LAWS.format("ADAM-CV-1"),
    "ADAM-CV-8": "minibatches in a fixed order: now a part of ADAM-CV-7",
    "ADAM-CV-9": "a drifting optimum: " + _LAWS.format("ADAM-LS-7 (long runs)"),
    "ADAM-CV-10": "rarely seen variables: " + _LAWS.format("ADAM-LS-1 (sparse gradients)"),
    "ADAM-CV-12": "annealing under noise: " + _LAWS.format("ADAM-LS-1 (noisy gradients)"),
    "ADAM-CV-13": "what bias correction does: " + _LAWS.format("ADAM-CG-1 or ADAM-BC-1"),
}
"""Id to what it was and what took its place; since 0.2.0."""


def said_of(id: str) -> str:
    """One line on an id that is gone; empty for any other."""
    what = REMOVED.get(id.upper())
    return f"{id.upper()} is no check any more: {what}." if what else ""
