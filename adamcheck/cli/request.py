"""From words on the command line and in the config to what the gate is asked."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from adamcheck.config import PROFILES, Config, find_config, load_config
from adamcheck.declared import NOTHING, Declared, joined, read_fixed
from adamcheck.errors import UsageError, closest
from adamcheck.formats import FORMATS
from adamcheck.removed import said_of
from adamcheck.spec import parse_spec
from adamcheck.waivers import Waiver

if TYPE_CHECKING:
    from adamcheck.targets.protocol import Limits

DEVICES: Final = ("cpu", "cuda")
DTYPES: Final = tuple(FORMATS)
_UNITS: Final = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_READABLE: Final = 12  # more names than this are a list of their own


@dataclass(frozen=True)
class Request:
    """What one ``adamcheck check`` asks for, validated; paths are those of the reports."""

    targets: tuple[str, ...]
    spec: str = "adam"
    profile: str = "quick"
    dtypes: tuple[str, ...] | None = None
    device: str = "cpu"
    seed: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    declared: Declared = NOTHING
    only: tuple[str, ...] | None = None
    allow_partial: bool = False
    max_steps: int | None = None
    defaults: str = "report"
    strict_interface: bool = False
    timeout: float | None = None
    memory: int | None = None
    jobs: int | None = None
    waivers: tuple[Waiver, ...] = ()
    json: str = ""
    markdown: str = ""
    replay: str = ""


def known_checks() -> tuple[str, ...]:
    """The ids in the registry."""
    from adamcheck.checks.registry import all_checks

    return tuple(check.id for check in all_checks())


def config_for(path: str) -> Config:
    """The config that was named, or the nearest one."""
    return load_config(Path(path)) if path else find_config(Path.cwd())


def targets_for(named: Sequence[str], config: Config) -> tuple[str, ...]:
    """The targets of the run, each once; raises UsageError where there is none."""
    targets = tuple(dict.fromkeys(named or config.targets))
    if not targets:
        raise UsageError(
            "no target: name one, such as torch.optim:Adam or path/to/file.py:make,"
            " or list targets under [tool.adamcheck] in pyproject.toml"
        )
    return targets


def spec_for(text: str) -> str:
    """The spec's canonical notation, or ``auto``."""
    return text if text == "auto" else str(parse_spec(text))


def one_of(word: str, known: Sequence[str], what: str) -> str:
    """The word itself when it is known; raises UsageError with the closest one."""
    if word not in known:
        many = len(known) > _READABLE
        choices = "'adamcheck list' shows all" if many else f"choose one of {', '.join(known)}"
        raise UsageError(f"unknown {what} {word!r}; {choices}.{closest(word, known)}")
    return word


def profile_for(word: str) -> str:
    """A known profile."""
    return one_of(word, PROFILES, "profile")


def words(values: Sequence[str]) -> tuple[str, ...]:
    """The words of an option that is repeatable and may hold commas, each once, in order."""
    parts = [part.strip() for value in values for part in value.split(",")]
    return tuple(dict.fromkeys(part for part in parts if part))


def dtypes_for(values: Sequence[str]) -> tuple[str, ...] | None:
    """The dtypes asked for; None: all that the target takes."""
    return tuple(one_of(word, DTYPES, "dtype") for word in words(values)) or None


def only_for(values: Sequence[str], known: Sequence[str]) -> tuple[str, ...] | None:
    """The ids of the checks asked for; None: all."""
    for word in words(values):
        if gone := said_of(word):
            raise UsageError(gone)
    return tuple(one_of(word, known, "check") for word in words(values)) or None


def options_for(values: Sequence[str], config: Config) -> dict[str, Any]:
    """The target's own options; those of the command line win over the config's."""
    given: dict[str, Any] = {}
    for value in values:
        name, equals, text = (part.strip() for part in value.partition("="))
        if not equals or not name.isidentifier():
            raise UsageError(f"option {value!r}: write it as name=value, such as foreach=true")
        if name in given:
            raise UsageError(f"option {name!r} is given twice")
        given[name] = literal(text)
    return {**config.options, **given}


def declared_for(values: Sequence[str], config: Config) -> Declared:
    """What is declared of the targets; the command line's fixed values win over the config's."""
    given: dict[str, float] = {}
    for value in values:
        name, equals, text = (part.strip() for part in value.partition("="))
        number = literal(text)
        if not equals or isinstance(number, bool) or not isinstance(number, (int, float)):
            raise UsageError(f"fixed {value!r}: write it as name=value, such as beta1=0.9")
        if name in given:
            raise UsageError(f"fixed {name!r} is given twice")
        given[name] = float(number)
    return joined(config.declared, Declared(fixed=read_fixed(given, "fixed")), "fixed")


def literal(text: str) -> bool | int | float | str | None:
    """true, false, none, a whole number, a number, else the text; quotes keep it a text."""
    word = {"true": True, "false": False, "none": None, "null": None}.get(text.lower(), text)
    if not isinstance(word, str):
        return word
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "\"'":
        return text[1:-1]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def bytes_for(text: str) -> int | None:
    """A size such as 4G, 512M or 1073741824 in bytes; None where nothing was said."""
    if not text:
        return None
    form = re.fullmatch(
        r"(\d{1,15}(?:\.\d{1,9})?)\s*([kmgt]?)(?:i?b)?", text.strip(), re.IGNORECASE
    )
    size = int(float(form[1]) * _UNITS[form[2].lower()]) if form else 0
    if size <= 0:
        raise UsageError(f"memory {text!r}: write a size such as 4G, 512M or a number of bytes")
    return size


def seed_for(text: str) -> int:
    """A seed as it is written, or a drawn one for ``random``; ValueError for anything else."""
    if text.strip().lower() == "random":
        from secrets import randbelow

        return randbelow(1 << 32)
    seed = int(text)
    if seed < 0:
        raise ValueError(text)
    return seed


def seconds_for(value: float | None) -> float | None:
    """A positive number of seconds; None where nothing was said."""
    if value is not None and not (math.isfinite(value) and value > 0):
        raise UsageError(f"timeout {value}: must be a positive number of seconds")
    return value


def limits_for(timeout: float | None, memory: int | None) -> Limits | None:
    """The limits of a target's process; None: the usual ones."""
    if timeout is None and memory is None:
        return None
    from adamcheck.targets.protocol import Limits

    limits = Limits()
    if timeout is not None:
        limits = replace(limits, start_seconds=timeout, step_seconds=timeout, run_seconds=timeout)
    return limits if memory is None else replace(limits, memory_bytes=memory)
