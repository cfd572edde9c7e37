"""What is claimed: an algorithm together with every convention that changes the function.

A spec is written ``adam``, ``adam[eps=hat]``, ``momentum[nesterov=yes]`` …; the switches are the
dialects that real libraries ship. Each algorithm has its own switches, and an own default of each.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Final

from adamcheck.errors import UsageError, closest

Words = tuple[str, ...]

SWITCHES: Final[dict[str, Words]] = {
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
"""The switches of Adam; the first word of each is its default."""

_COMMON: Final = {name: SWITCHES[name] for name in ("decay", "maximize", "scalars")}
_ACCUMULATOR: Final = {"accumulator": ("zero", "one", "initial")}
# α multiplies the velocity, or goes into it with the gradient
_VELOCITY: Final[dict[str, Words]] = {"nesterov": ("no", "yes"), "form": ("outside", "inside")}

CONVENTIONS: Final[dict[str, dict[str, Words]]] = {
    "adam": SWITCHES,
    "gd": _COMMON,
    # the gradient's weight in the velocity: 1; 1-τ from the second step on; 1-τ always; 1-μ
    "momentum": _VELOCITY | {"dampening": ("none", "late", "full", "ema")} | _COMMON,
    "adagrad": {"eps": ("outside", "inside", "none"), "lr_decay": ("no", "yes")}
    | _ACCUMULATOR
    | _COMMON,
    "rmsprop": {
        "eps": ("outside", "inside", "none"),
        "bias_correction": ("none", "v"),
        "centered": ("no", "yes"),
        "momentum": ("no", "yes"),
    }
    | _VELOCITY
    | _ACCUMULATOR
    | _COMMON,
    # u+ε, max(β2·u, |g|+ε), max(β2·u+ε, |g|); none is Algorithm 2 of Kingma & Ba 2015
    "adamax": {
        "eps": ("none", "outside", "gradient", "decayed"),
        "bias_correction": ("m", "none"),
        "first_t": SWITCHES["first_t"],
    }
    | _COMMON,
    # μ_t = β1, or β1(1 - 0.96^(ψt)/2) with ψ a hyperparameter, 1/250 or 1; lookahead: the
    # momentum that the next step will have, and its correction
    "nadam": {
        "eps": ("outside", "hat", "inside", "both", "none"),
        "schedule": ("constant", "momentum-decay", "0.96^(t/250)", "0.96^t"),
        "lookahead": ("yes", "no"),
    }
    | _COMMON,
    # the adaptive step is taken where the length ρ_t of the average exceeds the cut
    "radam": {"eps": ("outside", "hat", "inside", "both", "none"), "cut": ("5", "4")} | _COMMON,
}
"""The switches of each algorithm, with its words; the first word of each is its default."""

_ABSENT: Final = {
    "eps": "none",
    "bias_correction": "none",
    "decay": "none",
    "amsgrad": "none",
    "maximize": "no",
    "first_t": "1",
    "scalars": "any",
    "nesterov": "no",
    "form": "outside",
    "dampening": "none",
    "centered": "no",
    "momentum": "no",
    "accumulator": "zero",
    "lr_decay": "no",
    "schedule": "constant",
    "lookahead": "no",
    "cut": "none",
}
"""What a field holds in an algorithm that has no such switch."""


@dataclass(frozen=True)
class Spec:
    """An optimizer and its conventions; the defaults are Algorithm 1 of Kingma & Ba 2015.

    ``algorithm`` names the rule (adamcheck.rules.RULES); every other field is one switch and holds
    one of the words of ``CONVENTIONS``. A field left empty takes the algorithm's default.
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

    def __post_init__(self) -> None:
        if self.algorithm not in CONVENTIONS:
            raise UsageError(
                f"spec: {self.algorithm!r} is not an algorithm; choose one of"
                f" {', '.join(CONVENTIONS)}.{closest(self.algorithm, CONVENTIONS)}"
            )
        for name in _ABSENT:
            value = getattr(self, name) or self.default(name)
            if name in self.switches:
                _check_word(name, value, self.switches[name])
            elif value != _ABSENT[name]:
                raise UsageError(_foreign(self.algorithm, name))
            object.__setattr__(self, name, value)
        if self.algorithm == "rmsprop" and self.momentum == "no":
            _check_unused(self, "momentum=yes", nesterov="no", form="outside")
        if self.nesterov == "yes":
            _check_unused(self, "nesterov=no", dampening="none")

    @property
    def switches(self) -> Mapping[str, Words]:
        """The switches of this algorithm, with their words; the first word is the default."""
        return CONVENTIONS[self.algorithm]

    def default(self, switch: str) -> str:
        """The algorithm's default of a switch, or what stands for a switch it does not have."""
        return self.switches.get(switch, (_ABSENT[switch],))[0]

    def __str__(self) -> str:
        for alias, preset in ALIASES.items():
            if preset != Spec(preset.algorithm) and replace(self, scalars="any") == preset:
                rest = {} if self.scalars == "any" else {"scalars": self.scalars}
                return _written(alias, rest)
        named = [f.name for f in fields(self) if f.name in self.switches]
        apart = {n: getattr(self, n) for n in named if getattr(self, n) != self.default(n)}
        return _written(self.algorithm, apart)

    def with_(self, **switches: str) -> Spec:
        """Return the spec with some switches changed; an unknown word raises UsageError."""
        for name, word in switches.items():
            if name not in _ABSENT:
                raise UsageError(f"spec: unknown switch {name!r}.{closest(name, self.switches)}")
            if name not in self.switches:
                raise UsageError(_foreign(self.algorithm, name))
            _check_word(name, word, self.switches[name])
        return replace(self, **switches)

    @property
    def hyperparameters(self) -> tuple[str, ...]:
        """The common names of the hyperparameters that this spec's rule reads, in order."""
        reads = {
            "lr": True,
            "momentum": self.algorithm == "momentum" or self.momentum == "yes",
            "dampening": self.dampening in ("late", "full"),
            "beta1": self.algorithm in ("adam", "adamax", "nadam", "radam"),
            "beta2": self.algorithm not in ("gd", "momentum", "adagrad"),
            "eps": self.eps != "none",
            "eps_root": self.eps == "both",
            "lr_decay": self.lr_decay == "yes",
            "initial_accumulator": self.accumulator == "initial",
            "momentum_decay": self.schedule == "momentum-decay",
            "weight_decay": self.decay != "none",
        }
        return tuple(name for name, read in reads.items() if read)


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


def _check_unused(spec: Spec, needs: str, **words: str) -> None:
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


ALIASES: Final[dict[str, Spec]] = {
    "adam": Spec(),
    "adamw": Spec(decay="decoupled"),
    "amsgrad": Spec(amsgrad="v"),
    "gd": Spec("gd"),
    "sgd": Spec("gd"),
    "momentum": Spec("momentum"),
    "nesterov": Spec("momentum", nesterov="yes"),
    "adagrad": Spec("adagrad"),
    "rmsprop": Spec("rmsprop"),
    "adamax": Spec("adamax"),
    "nadam": Spec("nadam"),
    "radam": Spec("radam"),
}
