"""Frozen records as JSON values and back, by their types: what a worker is told and answers.

Both ends are adamcheck's own processes of one version, so that this is no file format; nothing is
unpickled, and every field that a record gains travels without a word here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import numpy as np


def dumped(value: Any) -> str:
    """One line of JSON; numbers that are not finite stay what they are."""
    return json.dumps(_plain(value))


def loaded(kind: Any, text: str | bytes) -> Any:
    """The record of type ``kind`` that a line holds."""
    return _typed(kind, json.loads(text))


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if isinstance(value, Enum):
        return value.value
    return value.tolist() if isinstance(value, (np.generic, np.ndarray)) else value


def _typed(kind: Any, value: Any) -> Any:
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        if value is None:
            return None
        (kind,) = (one for one in inner if one is not NoneType)
        return _typed(kind, value)
    if origin is tuple:
        each = inner[:1] * len(value) if inner[1:] == (...,) else inner
        return tuple(_typed(one, item) for one, item in zip(each, value, strict=True))
    if origin in (list, frozenset):
        return origin(_typed(inner[0], item) for item in value)
    if origin is not None and issubclass(origin, Mapping):
        return {key: _typed(inner[1], item) for key, item in value.items()}
    if isinstance(kind, type) and is_dataclass(kind):
        known = _hints(kind)
        return kind(**{name: _typed(known[name], item) for name, item in value.items()})
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(value)
    return value


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)
