"""Common names against a target's own: which hyperparameters, flags and options it takes."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from adamcheck.errors import UsageError, closest
from adamcheck.rules import RULES
from adamcheck.spec.defaults import Defaults
from adamcheck.spec.hyperparameters import HYPERPARAMETERS, STANDARD
from adamcheck.targets.loading import said
from adamcheck.targets.protocol import FLAGS
from adamcheck.text import shorten

SYNONYMS: Final[dict[str, tuple[str, ...]]] = {
    **{name: one.spellings for name, one in HYPERPARAMETERS.items()},
    **{flag: (flag,) for flag in FLAGS},
}
"""The words of libraries by the common name."""
_PAIR: Final = "betas"
_LISTS: Final = ("params", "parameters", "thetas")
"""What the first parameter of a factory of whole optimizers is called."""


@dataclass(frozen=True)
class Names:
    """The keyword parameters of a target.

    ``own`` maps common names to its own; ``pair`` is the default of a ``betas`` parameter or None;
    ``options`` are its further names; ``open_ended`` that it takes any (``**options``); ``reads``
    that it takes any, too, but what it may hand them on to does not; ``lit`` are
    the flags that are on unless they are switched off; ``given`` the defaults that the signature
    has, by common name; ``borrowed`` are names that stand in no
    signature of its own, but in that of what it hands its keywords on to; ``synonyms`` the words in
    which they were looked for; ``required`` those of its names that have no default; ``notes`` say
    for people what it hands on and refuses.
    """

    own: Mapping[str, str]
    pair: tuple[float, float] | None
    options: tuple[str, ...]
    open_ended: bool
    lit: frozenset[str] = frozenset()
    given: Mapping[str, Any] = field(default_factory=dict)
    borrowed: frozenset[str] = frozenset()
    synonyms: Mapping[str, Sequence[str]] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    reads: bool = False
    notes: tuple[str, ...] = ()

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
            found["beta1"], found["beta2"] = two(options[_PAIR]) or (options[_PAIR],) * 2
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
    """Read the signature of ``call``, past its first ``skip`` parameters, through what hides it."""
    own: dict[str, str] = {}
    pair: tuple[float, float] | None = None
    options: list[str] = []
    lit: set[str] = set()
    defaults: dict[str, Any] = {}
    open_ended = False
    given: dict[str, Any] = {}
    common = {word: name for name, words in synonyms.items() for word in words}
    # what a functools.partial has switched on makes the target what it is
    fixed = {word for word, x in getattr(call, "keywords", {}).items() if isinstance(x, bool)}
    parameters, borrowed = parameters_of(call, skip=skip)
    any_word = any(p.kind is p.VAR_KEYWORD for p in inspect.signature(call).parameters.values())
    for parameter in parameters:
        if parameter.kind is parameter.VAR_KEYWORD:
            open_ended = True
            continue
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.POSITIONAL_ONLY):
            continue
        defaults[parameter.name] = parameter.default
        if parameter.name in common and parameter.name not in fixed:
            own.setdefault(common[parameter.name], parameter.name)
            if own[common[parameter.name]] == parameter.name and _has_default(parameter):
                given[common[parameter.name]] = parameter.default
            if common[parameter.name] in FLAGS and parameter.default is True:
                lit.add(common[parameter.name])
        elif parameter.name == _PAIR:
            pair = _betas(parameter.default)
            if _has_default(parameter):
                both = two(parameter.default) or (parameter.default,) * 2
                given |= {"beta1": both[0], "beta2": both[1]}
        else:
            options.append(parameter.name)
    guessed = open_ended and not pair and not own.keys() & set(STANDARD)
    if guessed:
        own |= {name: name for name in STANDARD}
    return Names(
        own,
        pair,
        tuple(options),
        open_ended,
        frozenset(lit),
        given,
        frozenset(borrowed),
        synonyms,
        tuple(word for word, x in defaults.items() if x is inspect.Parameter.empty),
        any_word and not open_ended,
    )


def shape_of(found: Any, parameters: Callable[[], list[Any]]) -> Any:
    """What has the methods: a class, or what a function of a list of parameters makes, else None.

    A function is called only where its first parameter is called so, and once for one maker of
    ``parameters``: adapters ask in turn, and each asks more than once.
    """
    if isinstance(found, type) or not callable(found):
        return found if isinstance(found, type) else None
    at = id(found), parameters
    if at not in _MADE:
        _MADE[at] = found, _made_of(found, parameters)
    return _MADE[at][1]


_MADE: Final[dict[tuple[int, Callable[[], list[Any]]], tuple[Any, Any]]] = {}
"""What functions made, beside the function itself: while it is kept, its id is its own."""


def _made_of(found: Callable[..., Any], parameters: Callable[[], list[Any]]) -> Any:
    try:
        first = parameters_of(found)[0][0]
    except (TypeError, ValueError, IndexError):
        return None
    if first.name not in _LISTS:
        return None
    for arguments in ({}, {"lr": _value("lr")}):
        try:
            return found(parameters(), **arguments)
        except Exception:
            continue
    return None


def instance_of(
    found: Callable[..., Any],
    names: Names,
    options: Mapping[str, Any],
    parameters: Callable[[], list[Any]],
) -> Any:
    """One instance, of harmless values; where none can be built, what has its methods."""
    required = {name: _value(name) for name, word in names.own.items() if word in names.required}
    for hyper in (required, {name: _value(name) for name in names.hyperparameters}):
        try:
            return found(parameters(), **names.arguments(hyper, (), options))
        except Exception:  # the run that is asked for will say why
            continue
    return shape_of(found, parameters)


def parameters_of(
    call: Callable[..., Any], *, skip: int = 0
) -> tuple[list[inspect.Parameter], set[str]]:
    """The parameters of a call past the first ``skip``, and which of them it only hands on.

    A signature that ends in ``**kwargs`` is completed from what takes them: for a class the next
    ``__init__`` of its bases, for a function the one that a decorator holds. ``inspect`` follows
    ``__wrapped__`` and ``functools.partial`` itself.
    """
    own = list(inspect.signature(call).parameters.values())
    kept, borrowed = own[skip:], set[str]()
    # what stands for the first ones is theirs, whatever they are called
    named = sum(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in own)
    for inner in _behind(call):
        if not any(p.kind is p.VAR_KEYWORD for p in kept):
            break
        try:
            more = list(inspect.signature(inner).parameters.values())
        except (TypeError, ValueError):  # written in C
            break
        if isinstance(call, type):
            more = more[1:]  # self
        if named < skip:
            named = sum(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in more)
        known = {p.name for p in kept if p.kind is not p.VAR_KEYWORD}
        more = [p for p in more[skip:] if p.name not in known]
        borrowed |= {p.name for p in more}
        kept = [p for p in kept if p.kind is not p.VAR_KEYWORD] + more
    return kept, borrowed


def _behind(call: Callable[..., Any]) -> Iterator[Callable[..., Any]]:
    """What a call hands its keyword arguments on to, as far as that can be read."""
    if isinstance(call, type):
        makers = [c.__dict__["__init__"] for c in call.__mro__[:-1] if "__init__" in c.__dict__]
        yield from makers[1:]
        return
    seen = {id(call)}
    while cells := getattr(call, "__closure__", None):
        held = [x for cell in cells if callable(x := _content(cell)) and id(x) not in seen]
        if len(held) != 1:
            return
        (call,) = held
        seen.add(id(call))
        yield call


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not filled yet
        return None


def explored(names: Names, attempt: Callable[[dict[str, Any]], Any]) -> Names:
    """The names that are really taken, where the signature alone does not tell.

    ``attempt(arguments)`` builds the target with some keyword arguments. Words that it only hands
    on are kept as far as no refusal says that they are not taken; where it takes any, further
    words are tried, unless it takes a senseless one, too. A refusal is a TypeError, or what the
    senseless word raises; an attempt that fails otherwise tells nothing.
    """
    tried = names.open_ended or names.reads
    if not (names.borrowed or tried):
        return names
    in_sight = {  # what stands in its own signature
        word
        for name, word in names.own.items()
        if (name in names.given or word in names.required) and word not in names.borrowed
    }
    standard = {name: name for name in STANDARD}
    needed = {word: _some(names, word) for word in names.required if word in names.own.values()}
    failure = _failure(attempt, needed)
    for word in _missing(failure):
        common = next((n for n, words in names.synonyms.items() if word in words), None)
        if common is not None:
            needed[word] = _value(common)
            names = replace(names, own={**names.own, common: word})
            failure = _failure(attempt, needed)
    if failure is not None:
        # without a default, and in no signature: a learning rate, or all of the standard ones
        guesses = [{"lr": word} for word in names.synonyms.get("lr", ())] + [standard]
        for guess in guesses if tried else ():
            more = {word: _value(name) for name, word in guess.items()}
            if _failure(attempt, {**needed, **more}) is None:
                needed |= more
                names = replace(names, own={**names.own, **guess})
                break
        else:  # the run that is asked for will say why
            return names
    # what a base needs, and was built without, the target gives it
    spared = {word for word in names.required if word in names.borrowed and word not in needed}
    names = replace(
        names,
        options=tuple(word for word in names.options if word not in spared),
        required=tuple(word for word in names.required if word not in spared),
    )
    senseless = _failure(attempt, {**needed, "adamcheck_asks": 1.0}) if tried else None

    def refusal(word: str, value: Any) -> Exception | None:
        failed = _failure(attempt, {**needed, word: value})
        alike = type(failed) is type(senseless)
        return failed if alike or isinstance(failed, TypeError) else None

    def taken(word: str, value: Any) -> bool:
        return refusal(word, value) is None

    own, pair = dict(names.own), names.pair
    handed = {word: _some(names, word) for word in own.values()} | ({_PAIR: pair} if pair else {})
    refused = {
        word: failed
        for word, value in handed.items()
        if word in names.borrowed and word not in needed
        if (failed := refusal(word, value)) is not None
    }
    own = {name: word for name, word in own.items() if word not in refused}
    pair = None if _PAIR in refused else pair
    if senseless is not None:
        own = {
            name: word
            for name, word in own.items()
            if name not in STANDARD or word in in_sight or taken(word, _some(names, word))
        }
        if pair is None and taken(_PAIR, _betas(None)):
            pair = _betas(None)
        for name, words in names.synonyms.items():
            if name in own or (pair is not None and name in ("beta1", "beta2")):
                continue
            found = [w for w in words if taken(w, _value(name))]
            own |= {name: found[0]} if found else {}
    elif names.reads:
        # its own signature tells nothing, and no base refuses what it reads
        names = replace(names, open_ended=True)
        if not in_sight & {word for name, word in own.items() if name in STANDARD}:
            betas = {"beta1", "beta2"} if pair else set()
            own = {name: name for name in standard.keys() - betas} | own
    notes = tuple(
        f"hands on {word}, and refuses it: {type(failed).__name__}: {said(failed)}"
        for word, failed in refused.items()
        if word not in (*own.values(), _PAIR if pair else None)
    )
    return replace(names, own=own, pair=pair, notes=notes)


def _failure(
    attempt: Callable[[dict[str, Any]], Any], arguments: Mapping[str, Any]
) -> Exception | None:
    """What building with these keyword arguments raises, or None."""
    try:
        attempt(dict(arguments))
    except Exception as error:
        return error
    return None


def _missing(failure: Exception | None) -> list[str]:
    """The keyword arguments of which Python itself says that they are missing."""
    if not isinstance(failure, TypeError):
        return []
    _, missing, listed = str(failure).partition(" missing ")
    return re.findall(r"'(\w+)'", listed) if missing else []


def _some(names: Names, word: str) -> Any:
    """A harmless value for a target's own word."""
    return _value(next(name for name, own in names.own.items() if own == word))


def _value(name: str) -> Any:
    return HYPERPARAMETERS[name].dyadic[-1] if name in HYPERPARAMETERS else False


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
    return two(default) or (HYPERPARAMETERS["beta1"].usual[0], HYPERPARAMETERS["beta2"].usual[0])


def two(pair: Any) -> tuple[float, float] | None:
    """A pair of numbers, or None for all else."""
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
