"""A name with its numbers as text: ``name key=value key=value``, whatever stands between them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from adamcheck.errors import UsageError, closest


def written(name: str, given: Mapping[str, str], between: str) -> str:
    """The text that ``parsed`` reads."""
    return between.join([name, *(f"{key}={value}" for key, value in given.items())])


def parsed(
    what: str, text: str, known: Mapping[str, Iterable[str]], between: str
) -> tuple[str, dict[str, str]]:
    """The name and what is given with it; UsageError for another name, or a key that it has not.

    what: what is named, for the error. known: the keys of each name.
    """
    name, *rest = text.split(between)
    if name not in known:
        raise UsageError(f"{what} {text!r}: unknown {name!r}.{closest(name, known)}")
    given = {}
    for word in filter(None, rest):
        key, is_given, value = word.partition("=")
        if not is_given or key not in known[name]:
            keys = ", ".join(f"{key}=…" for key in known[name]) or "nothing"
            raise UsageError(f"{what} {text!r}: {word!r} is not one of {keys}")
        given[key] = value
    return name, given
