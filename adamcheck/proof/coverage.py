"""Which specs a theorem covers, read without loading the theorem.

A pattern names an algorithm and the switches that may differ from its default: ``adam`` is the
default alone, ``adam[eps=*]`` every place of ε, ``adam[eps=*,amsgrad=v|vhat]`` all pairs, ``any``
every program, as of theorems on single operations. The precision of the scalars and what is stored
are left open: the theorems speak of real numbers, or of every precision.
``proofs/COVERAGE.json`` repeats what the theorem files say; a test holds it, and that each spec
covered was run by its proof.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import product

from adamcheck.errors import UsageError
from adamcheck.proof.library import directory
from adamcheck.spec import CONVENTIONS, Spec, parse_spec

ANY = "any"


def expanded(pattern: str) -> Iterator[Spec]:
    """The specs of a pattern other than ``any``; raise UsageError where it names none."""
    if not set(pattern) & {"*", "|"}:
        yield parse_spec(pattern)
        return
    algorithm, _, inside = pattern.removesuffix("]").partition("[")
    choices = []
    for part in filter(None, inside.split(",")):
        switch, _, words = part.partition("=")
        known = CONVENTIONS.get(algorithm, {}).get(switch)
        if known is None:
            raise UsageError(f"coverage {pattern!r}: {algorithm} has no switch {switch!r}.")
        choices.append([(switch, w) for w in (known if words == "*" else words.split("|"))])
    for chosen in product(*choices):
        yield Spec(algorithm, **dict(chosen))


def turned(algorithm: str, **where: str) -> dict[str, str]:
    """Patterns for the default and each of its switches turned alone, scalars apart.

    ``where`` gives the condition of single switches; ``where["all"]`` that of every other pattern.
    """
    rest = where.pop("all", "")
    names = [n for n in CONVENTIONS[algorithm] if n != "scalars"]
    return {f"{algorithm}[{n}=*]": where.get(n, rest) for n in names}


@lru_cache(maxsize=1)
def table() -> dict[str, dict[str, str]]:
    """Slug to pattern to the condition under which the spec is covered ("" where there is none)."""
    text = (directory() / "COVERAGE.json").read_text(encoding="utf-8")
    found: dict[str, dict[str, str]] = json.loads(text)
    return found


def condition(slug: str, spec: Spec) -> str | None:
    """Under which condition a theorem covers a spec; None if it does not, "" if under none."""
    asked = spec.formula
    found = [
        where
        for pattern, where in table().get(slug, {}).items()
        if pattern == ANY or any(asked == one for one in expanded(pattern))
    ]
    return min(found, key=len, default=None)


def written(covers: Mapping[str, str]) -> str:
    """Patterns and their conditions for people."""
    return "; ".join(f"{p} ({where})" if where else p for p, where in covers.items())


def beyond(spec: Spec) -> str:
    """What is not proved of a claimed spec's rule, in one sentence; empty where all of it is."""
    slug = "dialects" if spec.algorithm == "adam" else "family"
    where = condition(slug, spec)
    if where is None:
        return (
            f"that the rule of {spec} is its sources' formula is proved of each of its conventions"
            f" alone, not of all of them together (theorem {slug})"
        )
    if where:
        return f"the rule of {spec} is proved to be its source's formula at {where} only"
    return ""
