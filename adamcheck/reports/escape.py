"""What comes from a target is text in Markdown too, and never its structure."""

from __future__ import annotations

from adamcheck.text import visible

_HARMLESS = frozenset(" ,;:%=/?\"'.-+()\u2060")  # the callers never put text at a line's start


def for_markdown(text: str) -> str:
    """Text that Markdown shows as it is: no emphasis, links, HTML, mentions or table cells.

    The text must not stand at the start of a line.
    """
    # entities are shown as the character and can never be structure (CommonMark, 2.5)
    return "".join(
        c if c.isalnum() or c in _HARMLESS or not c.isascii() else f"&#{ord(c)};"
        for c in _without_references(visible(text))
    )


def code_block(text: str, language: str = "") -> str:
    """A fenced block that the text cannot close."""
    lines = [visible(line) for line in text.split("\n")]
    fence = "`" * max(3, 1 + max((_longest_run(line) for line in lines), default=0))
    return "\n".join([f"{fence}{language}", *lines, fence])


def code_span(text: str) -> str:
    """An inline code span that the text cannot close; safe inside a table cell."""
    shown = visible(text).replace("|", "\\|")
    ticks = "`" * (1 + _longest_run(shown))
    pad = " " if shown.startswith("`") or shown.endswith("`") or not shown else ""
    return f"{ticks}{pad}{shown}{pad}{ticks}"


def _longest_run(text: str) -> int:
    longest = run = 0
    for character in text:
        run = run + 1 if character == "`" else 0
        longest = max(longest, run)
    return longest


def _without_references(text: str) -> str:
    # forges link bare addresses, @names and #numbers after rendering; a word joiner stops that
    for start, joined in (("://", ":\u2060//"), ("www.", "www\u2060."), ("@", "@\u2060")):
        text = text.replace(start, joined)
    return text.replace("#", "#\u2060")
