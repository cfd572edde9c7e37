"""Messages between the session and its child: a JSON header, then raw little-endian buffers.

Nothing is pickled, and nothing is believed: a header that does not add up raises WireError.
"""

from __future__ import annotations

import json
import math
import struct
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from adamcheck.formats import FORMATS, name_of

MAGIC: Final = b"ADCK"
PREFIX: Final = struct.Struct("<4sIQ")
"""Magic, bytes of the header, bytes of the buffers."""
MAX_HEADER: Final = 16 << 20
MAX_PAYLOAD: Final = 64 << 30
_ALIGN: Final = 64
_SMALL: Final = 1 << 16
_KEY: Final = "$array"
_PLAIN: Final = frozenset({str, float, int, bool, type(None)})
# what a name is in memory
_WIRE: Final[dict[str, np.dtype[Any]]] = {
    **{name: fmt.wire for name, fmt in FORMATS.items()},
    "int64": np.dtype("<i8"),
    "bool": np.dtype("|b1"),
}
# the objects that NumPy itself uses, so that a dtype can be known by identity
_HERE: Final = {name: np.dtype(kind.type) for name, kind in _WIRE.items()}


class WireError(ValueError):
    """A message is damaged or holds something that cannot travel."""


def encode(message: Mapping[str, Any]) -> list[bytes | memoryview]:
    """Return the chunks of one message: JSON values and arrays at any depth.

    Tuples and sets arrive as lists, arrays in C order. Raises WireError for any other type.
    """
    arrays: list[NDArray[Any]] = []
    body = _flatten(message, arrays)
    chunks: list[bytes | memoryview] = []
    listed, size = [], 0
    for array in arrays:
        raw = _bits(array)
        listed.append({"dtype": name_of(array.dtype), "shape": list(array.shape)})
        gap = -size % _ALIGN
        chunks += [bytes(gap)] if gap else []
        chunks += [raw.data.cast("B")] if raw.size else []
        size += gap + raw.nbytes
    header = json.dumps({"body": body, "arrays": listed}).encode()
    if len(header) > MAX_HEADER or size > MAX_PAYLOAD:
        raise WireError(f"message too large: header {len(header)} bytes, buffers {size} bytes")
    first = PREFIX.pack(MAGIC, len(header), size) + header
    # a small message goes out in one system call
    return [b"".join((first, *chunks))] if size < _SMALL else [first, *chunks]


def sizes(prefix: bytes | bytearray | memoryview) -> tuple[int, int]:
    """Return the bytes of header and buffers that follow a prefix."""
    if len(prefix) != PREFIX.size:
        raise WireError(f"prefix of {len(prefix)} bytes instead of {PREFIX.size}")
    magic, header, payload = PREFIX.unpack(prefix)
    if magic != MAGIC:
        raise WireError(f"not a message: it starts with {magic!r}")
    if header > MAX_HEADER or payload > MAX_PAYLOAD:
        raise WireError(f"message too large: header {header} bytes, buffers {payload} bytes")
    return header, payload


def decode(header: bytes | bytearray, payload: bytearray | bytes) -> dict[str, Any]:
    """Rebuild a message; its arrays are views of ``payload``."""
    try:
        top = json.loads(header)
    except (ValueError, RecursionError) as error:
        raise WireError(f"header is not JSON: {error}") from None
    if not isinstance(top, dict) or set(top) != {"body", "arrays"}:
        raise WireError("header needs exactly the keys body and arrays")
    if not isinstance(top["arrays"], list) or not isinstance(top["body"], dict):
        raise WireError("header: body must be an object and arrays a list")
    arrays, offset = [], 0
    for entry in top["arrays"]:
        array, offset = _array(entry, payload, offset)
        arrays.append(array)
    if offset != len(payload):
        raise WireError(f"buffers hold {len(payload)} bytes, the header accounts for {offset}")
    body = _rebuild(top["body"], arrays)
    assert isinstance(body, dict)
    return body


def encode_text(message: Mapping[str, Any]) -> str:
    """A message as one line of text, to be put into another one."""
    return b64encode(b"".join(bytes(chunk) for chunk in encode(message))).decode()


def decode_text(text: str) -> dict[str, Any]:
    """The message of a line of text; raises WireError for a damaged one."""
    whole = b64decode(text)
    header, payload = sizes(whole[: PREFIX.size])
    body = whole[PREFIX.size :]
    if len(body) != header + payload:
        raise WireError(f"{len(body)} bytes, the prefix accounts for {header + payload}")
    return decode(body[:header], body[header:])


def _flatten(value: Any, arrays: list[NDArray[Any]]) -> Any:
    if type(value) in _PLAIN:
        return value
    if isinstance(value, np.ndarray):
        if name_of(value.dtype) not in _WIRE:
            raise WireError(f"arrays of dtype {value.dtype} cannot travel")
        arrays.append(value)
        return {_KEY: len(arrays) - 1}
    if isinstance(value, (dict, Mapping)):
        if bad := [k for k in value if not isinstance(k, str) or k.startswith("$")]:
            raise WireError(f"key {bad[0]!r} cannot travel")
        return {key: _flatten(item, arrays) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_flatten(item, arrays) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted(_flatten(item, arrays) for item in value)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise WireError(f"a value of type {type(value).__name__} cannot travel")


def _bits(array: NDArray[Any]) -> NDArray[Any]:
    whole = array if array.flags.c_contiguous else array.copy(order="C")
    name = name_of(array.dtype)
    raw = whole.view(FORMATS[name].carrier) if _foreign(name) else whole
    return raw.astype(_WIRE[name], copy=False)


def _foreign(name: str) -> bool:
    """Whether NumPy itself has no such type."""
    return name in FORMATS and not FORMATS[name].native


def _array(entry: Any, payload: bytearray | bytes, offset: int) -> tuple[NDArray[Any], int]:
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape"}:
        raise WireError("an array needs exactly the keys dtype and shape")
    name, shape = entry["dtype"], entry["shape"]
    if not isinstance(name, str) or name not in _WIRE:
        raise WireError(f"unknown dtype {name!r}")
    if not isinstance(shape, list) or len(shape) > 32:
        raise WireError(f"bad shape {shape!r}")
    if any(type(n) is not int or not 0 <= n < 1 << 48 for n in shape):
        raise WireError(f"bad shape {shape!r}")
    wire, count = _WIRE[name], math.prod(shape)
    start = offset + (-offset % _ALIGN)
    end = start + count * wire.itemsize
    if end > len(payload):
        raise WireError(f"an array of {name} {shape} does not fit into {len(payload)} bytes")
    raw = np.frombuffer(payload, wire, count, start) if count else np.empty(0, wire)
    if name == "bool" and (raw.view(np.uint8) > 1).any():
        raise WireError("a boolean array holds bytes other than 0 and 1")
    native = raw.astype(_HERE[name], copy=False).reshape(shape)
    return (native.view(FORMATS[name].dtype) if _foreign(name) else native), end


def _rebuild(value: Any, arrays: list[NDArray[Any]]) -> Any:
    if isinstance(value, dict):
        if _KEY in value:
            index = value[_KEY]
            if len(value) != 1 or type(index) is not int or not 0 <= index < len(arrays):
                raise WireError(f"bad reference to an array: {value!r}")
            return arrays[index]
        return {key: _rebuild(item, arrays) for key, item in value.items()}
    if isinstance(value, list):
        return [_rebuild(item, arrays) for item in value]
    return value
