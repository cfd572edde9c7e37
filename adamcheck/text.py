"""What comes from a target is one line of text: no terminal codes, and no longer than a line is."""

from __future__ import annotations

import unicodedata

_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


def visible(text: str) -> str:
    """One line of printable text: control, direction and surrogate characters are spelt out."""
    return "".join(_spelt(c) if unicodedata.category(c) in _UNSEEN else c for c in str(text))


def shorten(text: str, most: int = 160) -> str:
    """The text, or its beginning where it is too long for a line."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def with_article(noun: str) -> str:
    """The noun with its article: a tuple, an int."""
    return f"{'an' if noun[:1].lower() in 'aeiou' else 'a'} {noun}"


def _spelt(character: str) -> str:
    code = ord(character)
    named = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(character)
    if named:
        return named
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
