"""Witnesses as JSON and as a snippet: a failure is kept and run again without Hypothesis or seed.

Numbers that go into a target are hex floats, so that nothing is rounded on the way.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from adamcheck.errors import UsageError
from adamcheck.result import SCHEMA, SEVERAL, Comparison, Witness

WITNESS_SCHEMA: Final = "adamcheck.witness/1"
LONGEST_SNIPPET: Final = 1500
"""Characters beyond which a witness is kept in a file instead of printed."""
_HEX_FLOAT: Final = re.compile(r"[+-]?(0x[0-9a-fA-F.]+(p[+-]?[0-9]+)?|inf|nan)")
_LARGEST_FILE: Final = 256 << 20


def short_hex(value: float | str) -> str:
    """The hex float of a number without trailing zeros: ``0x1p-1``; ``inf`` and ``nan`` as such."""
    text = (float.fromhex(value) if isinstance(value, str) else value).hex()
    return re.sub(r"\.?0+p", "p", text) if "." in text else text


def number(value: float) -> float | str:
    """A float as strict JSON has it: non-finite values become ``"inf"``, ``"-inf"``, ``"nan"``."""
    value = float(value)
    return value if math.isfinite(value) else str(value)


def plain(value: Any) -> Any:
    """The same value in JSON's own types; what has no JSON form becomes its text."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return number(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, frozenset | set):
        return sorted(str(item) for item in value)
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [plain(item) for item in value]
    return str(value)


def comparison_document(comparison: Comparison) -> dict[str, Any]:
    """A comparison as JSON; ``error`` is written for readers and ignored when read back."""
    return {
        "quantity": comparison.quantity,
        "observed": number(comparison.observed),
        "exact": number(comparison.exact),
        "radius": number(comparison.radius),
        "error": number(comparison.error),
        "bound": number(comparison.bound),
        "terms": {name: number(value) for name, value in comparison.terms.items()},
        "units": None if comparison.units is None else number(comparison.units),
        "ulps": None if comparison.ulps is None else number(comparison.ulps),
    }


def witness_document(witness: Witness) -> dict[str, Any]:
    """A witness as JSON: everything that a replay needs."""
    comparison = witness.comparison
    return {
        "schema": WITNESS_SCHEMA,
        "check": witness.check,
        "spec": witness.spec,
        "dtype": witness.dtype,
        "hyper": {name: str(value) for name, value in witness.hyper.items()},
        "flags": sorted(witness.flags),
        "theta0": list(witness.theta0),
        "grads": [list(row) for row in witness.grads],
        "element": int(witness.element),
        "step": int(witness.step),
        "how": plain(witness.how),
        "comparison": None if comparison is None else comparison_document(comparison),
    }


def read_comparison(document: Any) -> Comparison:
    """Read a comparison back; raises KeyError, TypeError or ValueError where it is damaged."""
    units, ulps = document["units"], document["ulps"]
    return Comparison(
        quantity=_text(document["quantity"]),
        observed=float(document["observed"]),
        exact=float(document["exact"]),
        radius=float(document["radius"]),
        bound=float(document["bound"]),
        terms={str(name): float(value) for name, value in document["terms"].items()},
        units=None if units is None else float(units),
        ulps=None if ulps is None else float(ulps),
    )


def read_witness(document: Any) -> Witness:
    """Read a witness back; raises KeyError, TypeError or ValueError where it is damaged."""
    if document["schema"] != WITNESS_SCHEMA:
        raise ValueError(f"schema {document['schema']!r} is not {WITNESS_SCHEMA!r}")
    theta0 = tuple(_hex(value) for value in _list(document["theta0"]))
    grads = tuple(tuple(_hex(v) for v in _list(row)) for row in _list(document["grads"]))
    element, step = int(document["element"]), int(document["step"])
    if any(len(row) != len(theta0) for row in grads) and "gradient_shapes" not in document["how"]:
        raise ValueError("a row of 'grads' and 'theta0' differ in length")
    if not 0 <= element < max(len(theta0), 1) or not 0 <= step <= len(grads):
        raise ValueError(f"element {element} or step {step} lies outside of the run")
    comparison = document["comparison"]
    return Witness(
        check=_text(document["check"]),
        spec=_text(document["spec"]),
        dtype=_text(document["dtype"]),
        hyper={str(name): _finite(name, value) for name, value in document["hyper"].items()},
        theta0=theta0,
        grads=grads,
        element=element,
        step=step,
        flags=tuple(_text(flag) for flag in _list(document["flags"])),
        how=dict(document["how"]),
        comparison=None if comparison is None else read_comparison(comparison),
    )


def read_json(path: Path) -> Any:
    """The JSON in a file; raises UsageError with the reason and the place where it is damaged."""
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise UsageError(f"{path}: larger than {_LARGEST_FILE >> 20} MiB; not read")
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror or error}") from None
    except json.JSONDecodeError as error:
        raise UsageError(
            f"{path}: not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        ) from None
    except (UnicodeDecodeError, RecursionError, ValueError):
        raise UsageError(f"{path}: not a JSON text file") from None


def load_witnesses(path: Path) -> tuple[Witness, ...]:
    """The witnesses in a witness file or in a result file (``--json``), in the file's order."""
    document = read_json(path)
    try:
        found = tuple(read_witness(part) for part in _witness_documents(document))
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise UsageError(f"{path}: damaged witness: {reason(error)}") from None
    if not found:
        raise UsageError(f"{path}: holds no witness; write one with 'adamcheck check … --json F'")
    return found


def check_witness(witness: Any) -> None:
    """Raise UsageError for what is no witness, or one whose parts contradict each other."""
    if not isinstance(witness, Witness):
        raise UsageError(
            f"replay needs a Witness, not {type(witness).__name__};"
            " adamcheck.witness.load_witnesses reads those of a file"
        )
    try:
        read_witness(witness_document(witness))
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise UsageError(f"witness of {witness.check}: damaged: {reason(error)}") from None


def reason(error: Exception) -> str:
    """Why a document could not be read, in words."""
    if isinstance(error, KeyError):
        return f"{error.args[0]!r} is missing"
    return str(error) or type(error).__name__


def snippet(witness: Witness, target: str, options: Mapping[str, Any] | None = None) -> str:
    """Python that replays a witness when pasted; empty where it would be too long to paste."""
    extra = f", options={_readable(options)}" if options else ""
    body = [
        f"check={witness.check!r}, spec={witness.spec!r}, dtype={witness.dtype!r},",
        f"step={witness.step}, element={witness.element},",
        f"hyper={_readable({k: short_hex(v) for k, v in witness.hyper.items()})},",
        f"theta0={_run_lengths([short_hex(v) for v in witness.theta0])},",
        f"grads={_run_lengths([tuple(short_hex(v) for v in row) for row in witness.grads])},",
    ]
    if witness.flags:
        body.append(f"flags={tuple(sorted(witness.flags))!r},")
    if witness.how:
        body.append(f"how={_readable(witness.how)},")
    lines = ["import adamcheck", "witness = adamcheck.Witness("]
    lines += [f"    {line}" for line in body]
    lines += [")", f"adamcheck.replay({target!r}, witness{extra}).raise_for_deviation()"]
    text = "\n".join(lines)
    return text if len(text) <= LONGEST_SNIPPET else ""


def _readable(value: Any) -> str:
    return repr(plain(value))


def _run_lengths(values: Sequence[Any]) -> str:
    # equal neighbours are written once, so that a constant gradient of 300 steps stays a line
    parts: list[str] = []
    plain_run: list[str] = []
    for value, group in groupby(values):
        count = len(list(group))
        if count < 4:
            plain_run += [repr(value)] * count
            continue
        if plain_run:
            parts.append(_tuple(plain_run))
            plain_run = []
        parts.append(f"({value!r},) * {count}")
    if plain_run or not parts:
        parts.append(_tuple(plain_run))
    return " + ".join(parts)


def _tuple(items: list[str]) -> str:
    return f"({items[0]},)" if len(items) == 1 else f"({', '.join(items)})"


def _witness_documents(document: Any) -> Iterator[Any]:
    if not isinstance(document, dict):
        raise TypeError(f"{_kind(document)} instead of an object with a witness or a result")
    schema = document["schema"]
    if schema == SEVERAL:
        for result in document["results"]:
            yield from _witness_documents(result)
    elif schema == SCHEMA:
        for check in document["checks"]:
            if check["witness"] is not None:
                yield check["witness"]
    elif schema == WITNESS_SCHEMA:
        yield document
    else:
        known = f"{SCHEMA}, {SEVERAL} nor {WITNESS_SCHEMA}"
        raise ValueError(f"schema {schema!r} is neither {known}")


def _kind(value: Any) -> str:
    return {list: "a list", str: "a text", type(None): "null"}.get(type(value), "a bare value")


def _hex(value: Any) -> str:
    # float() would accept decimal text, which says less than it seems to
    if not isinstance(value, str) or not _HEX_FLOAT.fullmatch(value):
        raise ValueError(f"{value!r} is not a hex float")
    float.fromhex(value)
    return value


def _finite(name: str, value: Any) -> str:
    if not math.isfinite(float.fromhex(_hex(value))):
        raise ValueError(f"{name}={value} is not a finite number")
    return str(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not a text")
    return value


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError(f"{str(value)[:40]!r} is not a list")
    return value
