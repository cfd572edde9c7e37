"""Common names against a target's own: which hyperparameters, flags and options it takes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from adamcheck.errors import UsageError, closest
from adamcheck.rules import RULES
from adamcheck.spec.defaults import Defaults
from adamcheck.spec.hyperparameters import HYPERPARAMETERS, STANDARD
from adamcheck.targets.protocol import FLAGS
from adamcheck.text import shorten

SYNONYMS: Final[dict[str, tuple[str, ...]]] = {
    **{name: one.spellings for name, one in HYPERPARAMETERS.items()},
    **{flag: (flag,) for flag in FLAGS},
}
"""The words of libraries by the common name."""
_PAIR: Final = "betas"


@dataclass(frozen=True)
class Names:
    """The keyword parameters of a target.

    ``own`` maps common names to its own; ``pair`` is the default of a ``betas`` parameter or None;
    ``options`` are its further names; ``open_ended`` that it takes any (``**options``); ``lit`` are
    the flags that are on unless they are switched off; ``given`` the defaults that the signature
    has, by common name.
    """

    own: Mapping[str, str]
    pair: tuple[float, float] | None
    options: tuple[str, ...]
    open_ended: bool
    lit: frozenset[str] = frozenset()
    given: Mapping[str, Any] = field(default_factory=dict)

    @property
    def hyperparameters(self) -> frozenset[str]:
        """Common names of the numeric hyperparameters."""
        betas = {"beta1", "beta2"} if self.pair else set()
        return frozenset(self.own.keys() & set(HYPERPARAMETERS) | betas)

    @property
    def flags(self) -> frozenset[str]:
        """Common names of the boolean options that change the rule."""
        return frozenset(self.own.keys() & set(FLAGS))

    def arguments(
        self, hyper: Mapping[str, Any], flags: Iterable[str], options: Mapping[str, Any]
    ) -> dict[str, Any]:
        """The keyword arguments of one call; what the request asks wins over the options."""
        given = dict(options)
        if self.pair and ("beta1" in hyper or "beta2" in hyper):
            first, second = given.get(_PAIR, self.pair)
            given[_PAIR] = (hyper.get("beta1", first), hyper.get("beta2", second))
        for name, value in hyper.items():
            if name in self.own:
                given[self.own[name]] = value
        off = {self.own[name]: False for name in self.lit - set(flags)}
        on = {self.own[name]: True for name in flags if name in self.own}
        return off | given | on

    def defaults(
        self, options: Mapping[str, Any], seen: Mapping[str, Any] | None = None
    ) -> Defaults:
        """What holds where nothing is passed: as ``seen`` of an instance, else by the signature.

        The target's own options are part of what the target is.
        """
        found = {**self.given, **(seen or {})}
        for name, own in self.own.items():
            if own in options:
                found[name] = options[own]
        if self.pair and _PAIR in options:
            found["beta1"], found["beta2"] = _two(options[_PAIR]) or (options[_PAIR],) * 2
        values: dict[str, float] = {}
        lacking: dict[str, str] = {}
        opaque: set[str] = set()
        for name in sorted(self.hyperparameters):
            number = _number(found.get(name))
            if number is not None:
                values[name] = number
                continue
            if name not in found and self.open_ended and not self.given:
                lacking[name] = "the signature takes any name and tells no default"
            else:
                lacking[name] = f"it is {_told(found[name])}" if name in found else "it has none"
            if found.get(name) is not None or "any name" in lacking[name]:
                opaque.add(name)
        return Defaults(values, lacking, frozenset(opaque), self.lit)


def names_of(
    call: Callable[..., Any],
    *,
    skip: int,
    synonyms: Mapping[str, Sequence[str]] = SYNONYMS,
) -> Names:
    """Read the signature of ``call``, past its first ``skip`` parameters."""
    own: dict[str, str] = {}
    pair: tuple[float, float] | None = None
    options: list[str] = []
    lit: set[str] = set()
    open_ended = False
    given: dict[str, Any] = {}
    common = {word: name for name, words in synonyms.items() for word in words}
    # what a functools.partial has switched on makes the target what it is
    fixed = {word for word, x in getattr(call, "keywords", {}).items() if isinstance(x, bool)}
    for parameter in list(inspect.signature(call).parameters.values())[skip:]:
        if parameter.kind is parameter.VAR_KEYWORD:
            open_ended = True
        elif parameter.kind in (parameter.VAR_POSITIONAL, parameter.POSITIONAL_ONLY):
            continue
        elif parameter.name in common and parameter.name not in fixed:
            own.setdefault(common[parameter.name], parameter.name)
            if own[common[parameter.name]] == parameter.name and _has_default(parameter):
                given[common[parameter.name]] = parameter.default
            if common[parameter.name] in FLAGS and parameter.default is True:
                lit.add(common[parameter.name])
        elif parameter.name == _PAIR:
            pair = _betas(parameter.default)
            if _has_default(parameter):
                two = _two(parameter.default) or (parameter.default,) * 2
                given |= {"beta1": two[0], "beta2": two[1]}
        else:
            options.append(parameter.name)
    if open_ended and not pair and not own.keys() & set(STANDARD):
        own |= {name: name for name in STANDARD}
    return Names(own, pair, tuple(options), open_ended, frozenset(lit), given)


def synonyms_for(call: Callable[..., Any]) -> Mapping[str, Sequence[str]]:
    """The words of a library's optimizer: some rules have their own, which mean nothing else."""
    name = str(getattr(call, "__name__", "")).lower()
    own = next((rule.words for rule in RULES.values() if name.startswith(rule.name)), {})
    taken = {word for words in own.values() for word in words}
    common = {n: tuple(w for w in words if w not in taken) for n, words in SYNONYMS.items()}
    return common | {n: (*common[n], *words) for n, words in own.items()}


def check_options(
    target: str, options: Mapping[str, Any], names: Names, *, more: Sequence[str] = ()
) -> None:
    """Raise UsageError for an option that the target does not take, naming those it does."""
    if names.open_ended:
        return
    pair = [_PAIR] if names.pair else []
    known = sorted({*names.options, *names.own.values(), *pair, *more})
    for name in options:
        if name not in known:
            takes = f"it takes {', '.join(known)}" if known else "it takes none"
            raise UsageError(
                f"target {target!r} has no option {name!r}; {takes}.{closest(name, known)}"
            )


def _betas(default: Any) -> tuple[float, float]:
    return _two(default) or (HYPERPARAMETERS["beta1"].usual[0], HYPERPARAMETERS["beta2"].usual[0])


def _two(pair: Any) -> tuple[float, float] | None:
    try:
        first, second = (float(beta) for beta in pair)
    except (TypeError, ValueError):
        return None
    return first, second


def _has_default(parameter: inspect.Parameter) -> bool:
    return parameter.default is not parameter.empty


def _told(value: Any) -> str:
    try:
        return shorten(repr(value), 40)
    except Exception:  # whatever the object of a target makes of being asked
        return type(value).__name__


def _number(value: Any) -> float | None:
    """A default that is one number, a tensor or array of one included; None for all else."""
    if value is None or isinstance(value, bool | str):
        return None
    try:
        return float(value)
    except Exception:  # whatever the object of a target makes of being asked
        return None
