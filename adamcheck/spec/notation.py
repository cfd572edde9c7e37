"""What is claimed: an algorithm together with every convention that changes the function.

A spec is written ``adam``, ``adam[eps=hat]``, ``momentum[nesterov=yes]`` …; the switches are the
dialects that real libraries ship. Each algorithm has its own switches, and an own default of each.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from typing import Final

from adamcheck.errors import UsageError, closest
from adamcheck.rules import RULES, Rule
from adamcheck.rules.storage import STORAGE, UNCLAIMED
from adamcheck.rules.words import ABSENT
from adamcheck.spec.hyperparameters import HYPERPARAMETERS

Words = tuple[str, ...]

CONVENTIONS: Final[dict[str, dict[str, Words]]] = {}
"""The switches of each algorithm, with its words; the first word of each is its default."""


@dataclass(frozen=True)
class Spec:
    """An optimizer and its conventions; the defaults are Algorithm 1 of Kingma & Ba 2015.

    ``algorithm`` names the rule (adamcheck.rules.RULES); every other field is one switch and holds
    one of the words of ``CONVENTIONS``. A field left empty takes the algorithm's default. The last
    ones, of ``adamcheck.rules.storage.STORAGE``, say what is kept in which format: every algorithm
    has them, and their defaults claim nothing.
    """

    algorithm: str = "adam"
    eps: str = ""
    bias_correction: str = ""
    decay: str = ""
    amsgrad: str = ""
    maximize: str = ""
    first_t: str = ""
    scalars: str = ""
    nesterov: str = ""
    form: str = ""
    dampening: str = ""
    lr_decay: str = ""
    accumulator: str = ""
    centered: str = ""
    momentum: str = ""
    schedule: str = ""
    lookahead: str = ""
    cut: str = ""
    moments: str = UNCLAIMED["moments"]
    m: str = UNCLAIMED["m"]
    arithmetic: str = UNCLAIMED["arithmetic"]
    rounding: str = UNCLAIMED["rounding"]
    master: str = UNCLAIMED["master"]
    kahan: str = UNCLAIMED["kahan"]
    bits: str = UNCLAIMED["bits"]
    blocks: str = UNCLAIMED["blocks"]
    blocks_from: str = UNCLAIMED["blocks_from"]
    map: str = UNCLAIMED["map"]

    def __post_init__(self) -> None:
        if self.algorithm not in CONVENTIONS:
            raise UsageError(
                f"spec: {self.algorithm!r} is not an algorithm; choose one of"
                f" {', '.join(CONVENTIONS)}.{closest(self.algorithm, CONVENTIONS)}"
            )
        for name in ABSENT:
            value = getattr(self, name) or self.default(name)
            if name in self.switches:
                _check_word(name, value, self.switches[name])
            elif value != ABSENT[name]:
                raise UsageError(_foreign(self.algorithm, name))
            object.__setattr__(self, name, value)
        for name, unclaimed in UNCLAIMED.items():
            if getattr(self, name) != unclaimed:
                _check_word(name, getattr(self, name), tuple(STORAGE[name]))
        if self.kahan == "yes" and self.stored.keys() & {"moments", "m", "arithmetic"}:
            raise UsageError(
                "spec: kahan=yes is judged with the parameter's own formats: leave moments, m and"
                " arithmetic as they are."
            )
        if self.kahan == "yes" and self.master not in ("any", "none"):
            raise UsageError(
                f"spec: kahan=yes and master={self.master} contradict each other: θ has a"
                " compensation or a copy behind it."
            )
        if self.bits == "none":
            for name in ("blocks", "blocks_from", "map"):
                if getattr(self, name) != UNCLAIMED[name]:
                    word = getattr(self, name)
                    raise UsageError(f"spec: {name}={word} needs bits=8 or bits=4.")
        if self.bits == "4" and self.map == "float8":
            raise UsageError("spec: map=float8 needs bits=8.")
        for rule in RULES[self.algorithm].needs:
            if all(getattr(self, name) == word for name, word in rule.where.items()):
                _check_unused(self, rule.instead, rule.only)

    @property
    def switches(self) -> Mapping[str, Words]:
        """The switches of this algorithm, with their words; the first word is the default."""
        return CONVENTIONS[self.algorithm]

    @property
    def stored(self) -> dict[str, str]:
        """What is claimed of storage: those of its switches that are not at their default."""
        found = ((name, getattr(self, name)) for name in UNCLAIMED)
        return {name: word for name, word in found if word != UNCLAIMED[name]}

    @property
    def formula(self) -> Spec:
        """The spec without what it claims of precision and storage: one function of numbers."""
        return replace(self, scalars="any", **UNCLAIMED)

    def default(self, switch: str) -> str:
        """The algorithm's default of a switch, or what stands for a switch it does not have."""
        if switch in UNCLAIMED:
            return UNCLAIMED[switch]
        return self.switches.get(switch, (ABSENT[switch],))[0]

    def __str__(self) -> str:
        apart = self._apart
        beside = {"scalars", *UNCLAIMED}
        plain = {name: word for name, word in apart.items() if name not in beside}
        for alias, preset in ALIASES.items():
            if preset.algorithm == self.algorithm and plain and preset._apart == plain:
                return _written(alias, {n: word for n, word in apart.items() if n not in plain})
        return _written(self.algorithm, apart)

    @property
    def _apart(self) -> dict[str, str]:
        """The switches that are not as the algorithm has them by default, in their order."""
        names = (f.name for f in fields(self) if f.name in self.switches)
        named = {n: word for n in names if (word := getattr(self, n)) != self.default(n)}
        return named | self.stored

    def with_(self, **switches: str) -> Spec:
        """Return the spec with some switches changed; an unknown word raises UsageError."""
        for name, word in switches.items():
            if name in STORAGE:
                _check_word(name, word, tuple(STORAGE[name]))
                continue
            if name not in ABSENT:
                known = (*self.switches, *STORAGE)
                raise UsageError(f"spec: unknown switch {name!r}.{closest(name, known)}")
            if name not in self.switches:
                raise UsageError(_foreign(self.algorithm, name))
            _check_word(name, word, self.switches[name])
        return replace(self, **switches)

    @property
    def hyperparameters(self) -> tuple[str, ...]:
        """The common names of the hyperparameters that this spec's rule reads, in order."""
        return _read(self)


@lru_cache(maxsize=512)
def _read(spec: Spec) -> tuple[str, ...]:
    reads = RULES[spec.algorithm].hyperparameters(spec)
    return tuple(name for name in HYPERPARAMETERS if name in reads)


_FORM = re.compile(r"\s*(?P<name>[A-Za-z][\w-]*)\s*(?:\[(?P<switches>[^\[\]]*)\])?\s*")


def parse_spec(text: str) -> Spec:
    """Parse the notation ``name`` or ``name[switch=word,…]``; raise UsageError with a hint."""
    if not isinstance(text, str):
        raise UsageError(f"spec: {text!r} is no text; write it like 'adam' or 'adam[eps=hat]'.")
    form = _FORM.fullmatch(text)
    if form is None:
        raise UsageError(f"spec: cannot read {text!r}; write it like adam or adam[eps=hat].")
    name = form["name"].lower()
    if name not in ALIASES:
        raise UsageError(
            f"spec: unknown algorithm {name!r}; known are {', '.join(ALIASES)}."
            f"{closest(name, ALIASES)}"
        )
    switches: dict[str, str] = {}
    for part in filter(None, (p.strip() for p in (form["switches"] or "").split(","))):
        key, equals, word = (s.strip() for s in part.partition("="))
        if not equals:
            raise UsageError(f"spec: {part!r} in {text!r} needs the form switch=word.")
        if key in switches:
            raise UsageError(f"spec: {key!r} is given twice in {text!r}.")
        switches[key] = word
    return ALIASES[name].with_(**switches)


def _written(name: str, switches: dict[str, str]) -> str:
    inside = ",".join(f"{key}={word}" for key, word in switches.items())
    return f"{name}[{inside}]" if inside else name


def _check_word(name: str, value: str, words: Words) -> None:
    if value not in words:
        raise UsageError(
            f"spec: {name}={value!r} is not a convention; choose one of"
            f" {', '.join(words)}.{closest(str(value), words)}"
        )


def _check_unused(spec: Spec, needs: str, words: Mapping[str, str]) -> None:
    for name, word in words.items():
        if getattr(spec, name) != word:
            raise UsageError(
                f"spec: {spec.algorithm} with {name}={getattr(spec, name)} needs {needs}."
            )


def _foreign(algorithm: str, name: str) -> str:
    owners = [a for a, switches in CONVENTIONS.items() if name in switches]
    return (
        f"spec: {algorithm} has no switch {name!r} (it belongs to {', '.join(owners)});"
        f" the switches of {algorithm} are {', '.join(CONVENTIONS[algorithm])}."
    )


ALIASES: Final[dict[str, Spec]] = {}
"""The names that a spec may begin with, and what each stands for."""


def register(rule: Rule) -> None:
    """Make a rule known: to specs by its name, its switches and its aliases."""
    RULES[rule.name] = rule
    CONVENTIONS[rule.name] = {name: tuple(words) for name, words in rule.switches.items()}
    for alias, switches in rule.aliases.items():
        ALIASES[alias] = Spec(rule.name, **switches)


for _rule in tuple(RULES.values()):
    register(_rule)

SWITCHES: Final = CONVENTIONS["adam"]
"""The switches of Adam; the first word of each is its default."""
