"""``[tool.adamcheck]`` of a pyproject.toml: what a project's gate runs without being told."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

from adamcheck.declared import NOTHING, Declared, joined, read, read_fixed
from adamcheck.errors import UsageError, closest
from adamcheck.waivers import Waiver

PROFILES: Final = ("quick", "ci", "thorough")
DEFAULTS: Final = ("report", "strict")
"""What a default that differs from its source's is: a finding, or a deviation."""
_KEYS: Final = (
    "targets",
    "spec",
    "profile",
    "defaults",
    "options",
    "fixed",
    "limits",
    "strict_interface",
    "waivers",
)
_WAIVER_KEYS: Final = ("check", "dtype", "reason", "expiry", "target")


@dataclass(frozen=True)
class Config:
    """What the table says; empty where it says nothing. ``path`` is the file it came from."""

    targets: tuple[str, ...] = ()
    spec: str = ""
    profile: str = ""
    defaults: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    declared: Declared = NOTHING
    strict_interface: bool = False
    waivers: tuple[Waiver, ...] = ()
    path: Path | None = None


def find_config(folder: Path) -> Config:
    """The table of the nearest pyproject.toml that has one, from ``folder`` upwards."""
    for place in (folder, *folder.parents):
        path = place / "pyproject.toml"
        if path.is_file():
            table = _table(path)
            if table is not None:
                return _config(path, table)
    return Config()


def load_config(path: Path) -> Config:
    """The table of a named file; raises UsageError where it is missing or damaged."""
    table = _table(path)
    if table is None:
        raise UsageError(f"{path}: has no [tool.adamcheck] table")
    return _config(path, table)


def _table(path: Path) -> Any:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path}: not a UTF-8 text file") from None
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path}: not TOML: {error}") from None
    tools = document.get("tool", {})
    return tools.get("adamcheck") if isinstance(tools, dict) else None


def _config(path: Path, table: Any) -> Config:
    if not isinstance(table, dict):
        raise UsageError(f"{path}: tool.adamcheck is not a table")
    _known(table, _KEYS, f"{path}: [tool.adamcheck]")
    profile = _text(table, "profile", path)
    if profile and profile not in PROFILES:
        raise UsageError(
            f"{path}: unknown profile {profile!r}; choose one of {', '.join(PROFILES)}."
            f"{closest(profile, PROFILES)}"
        )
    defaults = _text(table, "defaults", path)
    if defaults and defaults not in DEFAULTS:
        raise UsageError(
            f"{path}: unknown defaults {defaults!r}; choose one of {', '.join(DEFAULTS)}."
            f"{closest(defaults, DEFAULTS)}"
        )
    options = table.get("options", {})
    if not isinstance(options, dict) or not all(
        isinstance(value, bool | int | float | str) for value in options.values()
    ):
        raise UsageError(f"{path}: options must be a table of booleans, numbers and texts")
    waivers = table.get("waivers", [])
    if not isinstance(waivers, list):
        raise UsageError(f"{path}: waivers must be an array of tables: [[tool.adamcheck.waivers]]")
    return Config(
        targets=_texts(table, "targets", path),
        spec=_text(table, "spec", path),
        profile=profile,
        defaults=defaults,
        options=options,
        declared=_declared(path, table),
        strict_interface=_switch(table, "strict_interface", path),
        waivers=tuple(_waiver(path, number, part) for number, part in enumerate(waivers, 1)),
        path=path,
    )


def _declared(path: Path, table: Mapping[str, Any]) -> Declared:
    fixed = Declared(fixed=read_fixed(table.get("fixed", {}), f"{path}: fixed"))
    return joined(read(table.get("limits", {}), f"{path}: limits"), fixed, f"{path}: fixed")


def _waiver(path: Path, number: int, part: Any) -> Waiver:
    place = f"{path}: waiver {number}"
    if not isinstance(part, dict):
        raise UsageError(f"{place} is not a table")
    _known(part, _WAIVER_KEYS, place)
    for key in ("check", "dtype", "reason"):
        if not isinstance(part.get(key), str) or not part[key].strip():
            raise UsageError(f"{place} ({part.get('check', 'no check')}): needs {key!r}, a text")
    target = part.get("target", "")
    if not isinstance(target, str):
        raise UsageError(f"{place}: target must be a text")
    return Waiver(
        check=part["check"],
        dtype=part["dtype"],
        reason=part["reason"],
        expiry=_day(place, part.get("expiry")),
        target=target,
    )


def _day(place: str, value: Any) -> date | None:
    if isinstance(value, datetime):
        return value.date()
    if value is None or isinstance(value, date):
        return value
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise UsageError(f"{place}: expiry {value!r} is not a day such as 2027-01-31") from None


def _known(table: Mapping[str, Any], keys: tuple[str, ...], place: str) -> None:
    for key in table:
        if key not in keys:
            raise UsageError(
                f"{place}: unknown key {key!r}; known are {', '.join(keys)}.{closest(key, keys)}"
            )


def _switch(table: Mapping[str, Any], key: str, path: Path) -> bool:
    value = table.get(key, False)
    if not isinstance(value, bool):
        raise UsageError(f"{path}: {key} must be true or false")
    return value


def _text(table: Mapping[str, Any], key: str, path: Path) -> str:
    value = table.get(key, "")
    if not isinstance(value, str):
        raise UsageError(f"{path}: {key} must be a text")
    return value


def _texts(table: Mapping[str, Any], key: str, path: Path) -> tuple[str, ...]:
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise UsageError(f"{path}: {key} must be a list of texts")
    return tuple(value)
