"""What is claimed: an algorithm together with every convention that changes the function.

A spec is written ``adam``, ``adam[eps=hat]``, ``adamw`` or ``adam[eps=inside,maximize=yes]``; the
switches are the dialects that real libraries ship.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, replace
from typing import Final

from adamcheck.errors import UsageError, closest

SWITCHES: Final[dict[str, tuple[str, ...]]] = {
    # where ε stands; "hat" is the unscaled ε̂ of Kingma & Ba 2015, §2, last lines
    "eps": ("outside", "hat", "inside", "both", "max"),
    "bias_correction": ("both", "m", "v", "none"),
    # the last two are couplings that exist in the wild and are not AdamW
    "decay": ("none", "l2", "decoupled", "decoupled-unscaled", "decoupled-after"),
    "amsgrad": ("none", "v", "vhat"),
    "maximize": ("no", "yes"),
    # the number that the first step calls t: 1 in Algorithm 1
    "first_t": ("1", "0", "2"),
    # precision in which β, 1-β, β^t and α are kept; "any" admits both and names the one found
    "scalars": ("any", "float64", "array"),
}


@dataclass(frozen=True)
class Spec:
    """An optimizer and its conventions; the defaults are Algorithm 1 of Kingma & Ba 2015.

    ``algorithm`` names the rule (adamcheck.rules.RULES); every other field is one switch of
    ``SWITCHES`` and holds one of the words listed there.
    """

    algorithm: str = "adam"
    eps: str = "outside"
    bias_correction: str = "both"
    decay: str = "none"
    amsgrad: str = "none"
    maximize: str = "no"
    first_t: str = "1"
    scalars: str = "any"

    def __post_init__(self) -> None:
        for name, words in SWITCHES.items():
            value = getattr(self, name)
            if value not in words:
                raise UsageError(
                    f"spec: {name}={value!r} is not a convention; choose one of"
                    f" {', '.join(words)}.{closest(str(value), words)}"
                )

    def __str__(self) -> str:
        named = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "algorithm"}
        default = {f.name: f.default for f in fields(self)}
        for alias, preset in ALIASES.items():
            if alias != "adam" and replace(self, scalars="any") == preset:
                rest = {} if self.scalars == "any" else {"scalars": self.scalars}
                return _written(alias, rest)
        return _written(self.algorithm, {k: v for k, v in named.items() if v != default[k]})

    def with_(self, **switches: str) -> Spec:
        """Return the spec with some switches changed; an unknown word raises UsageError."""
        unknown = next((name for name in switches if name not in SWITCHES), None)
        if unknown is not None:
            raise UsageError(f"spec: unknown switch {unknown!r}.{closest(unknown, SWITCHES)}")
        return replace(self, **switches)

    @property
    def hyperparameters(self) -> tuple[str, ...]:
        """The common names of the hyperparameters that this spec's rule reads, in order."""
        names = ["lr", "beta1", "beta2", "eps"]
        if self.eps == "both":
            names.append("eps_root")
        if self.decay != "none":
            names.append("weight_decay")
        return tuple(names)


ALIASES: Final[dict[str, Spec]] = {
    "adam": Spec(),
    "adamw": Spec(decay="decoupled"),
    "amsgrad": Spec(amsgrad="v"),
}

_FORM = re.compile(r"\s*(?P<name>[A-Za-z][\w-]*)\s*(?:\[(?P<switches>[^\[\]]*)\])?\s*")


def parse_spec(text: str) -> Spec:
    """Parse the notation ``name`` or ``name[switch=word,…]``; raise UsageError with a hint."""
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
