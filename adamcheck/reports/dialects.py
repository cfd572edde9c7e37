"""What each algorithm and each convention means, in words and formulas."""

from __future__ import annotations

from adamcheck.rules import RULES
from adamcheck.rules.storage import STORAGE
from adamcheck.spec import ALIASES, CONVENTIONS, Spec


def meaning(algorithm: str, switch: str, word: str) -> str:
    """What one word of one switch means in an algorithm."""
    return RULES[algorithm].switches[switch][word].meaning


def describe(spec: Spec) -> str:
    """The spec in words: the algorithm, and what sets it apart from the algorithm's default."""
    apart = [
        meaning(spec.algorithm, switch, getattr(spec, switch))
        for switch in spec.switches
        if getattr(spec, switch) != spec.default(switch)
    ]
    # a dialect of Adam is told by its formula; the others need their name first
    named = [] if apart and spec.algorithm == "adam" else [RULES[spec.algorithm].title]
    kept = [STORAGE[switch][word].meaning for switch, word in spec.stored.items()]
    return "; ".join(named + apart + kept)


def dialect_table(algorithm: str = "adam") -> list[tuple[str, str, str]]:
    """Rows (switch, word, meaning); the first word of a switch is its default."""
    return [
        (switch, word, meaning(algorithm, switch, word))
        for switch, words in CONVENTIONS[algorithm].items()
        for word in words
    ]


def storage_table() -> list[tuple[str, str, str]]:
    """The same of what is stored, which every algorithm has."""
    return [
        (switch, word, one.meaning)
        for switch, words in STORAGE.items()
        for word, one in words.items()
    ]


def alias_table() -> list[tuple[str, str]]:
    """Rows (name, what it stands for)."""
    return [(name, describe(spec)) for name, spec in ALIASES.items()]
