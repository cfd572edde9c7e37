"""Messages survive the wire bit for bit; damaged ones are refused, never misread or crashed on."""

import ml_dtypes
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from adamcheck.targets import wire

relaxed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
DTYPES = [np.float64, np.float32, np.float16, ml_dtypes.bfloat16, np.int64, np.bool_]


@st.composite
def arrays(draw):
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    shape = draw(hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))
    if dtype.kind == "b":
        return draw(hnp.arrays(dtype, shape))
    size = int(np.prod(shape)) * dtype.itemsize
    array = np.frombuffer(draw(st.binary(min_size=size, max_size=size)), np.uint8)
    return array.view(dtype).reshape(shape) if size else np.empty(shape, dtype)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | arrays(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text().filter(lambda k: not k.startswith("$")), inner, max_size=4)
    ),
    max_leaves=8,
)
messages = st.dictionaries(st.sampled_from("abcdef"), values, max_size=5)


def joined(message):
    return bytearray(b"".join(bytes(chunk) for chunk in wire.encode(message)))


def parsed(raw):
    header, payload = wire.sizes(raw[: wire.PREFIX.size])
    rest = raw[wire.PREFIX.size :]
    if len(rest) != header + payload:
        raise wire.WireError("cut")
    return wire.decode(rest[:header], rest[header:])


def same(a, b):
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return type(a) is type(b) and a == b


@relaxed
@given(messages)
def test_a_message_comes_back_bit_for_bit(message):
    assert same(message, parsed(joined(message)))


@relaxed
@given(messages, st.data())
def test_a_damaged_message_is_refused_or_still_a_message(message, data):
    raw = joined(message)
    for _ in range(data.draw(st.integers(1, 4))):
        index = data.draw(st.integers(0, len(raw) - 1))
        raw[index] = data.draw(st.integers(0, 255))
    try:
        result = parsed(raw)
    except wire.WireError:
        return
    assert isinstance(result, dict)


@relaxed
@given(messages, st.data())
def test_a_cut_message_is_refused(message, data):
    raw = joined(message)
    cut = raw[: data.draw(st.integers(0, len(raw) - 1))]
    with pytest.raises(wire.WireError):
        parsed(cut)


@relaxed
@given(st.binary(max_size=200), st.binary(max_size=64))
def test_noise_is_refused(header, payload):
    with pytest.raises(wire.WireError):
        wire.decode(header, payload)


@pytest.mark.parametrize("layout", ["F", "strided", "negative"])
def test_any_layout_travels_in_c_order(layout):
    from adamcheck.targets.layouts import laid_out

    values = np.arange(24.0).reshape(2, 3, 4)
    assert same({"x": values}, parsed(joined({"x": laid_out(values, layout)})))


@pytest.mark.parametrize(
    "thing",
    [object(), np.zeros(2, complex), np.zeros(2, ">f8"), {"$array": 0}, {1: 2}, b"bytes", 1j],
)
def test_what_cannot_travel_is_refused(thing):
    if isinstance(thing, np.ndarray) and thing.dtype == np.dtype(">f8"):
        # another byte order is the same dtype by name and arrives natively
        assert parsed(joined({"x": thing}))["x"].dtype == np.float64
        return
    with pytest.raises(wire.WireError):
        wire.encode({"x": thing})


@pytest.mark.parametrize(
    ("header", "payload", "what"),
    [
        (b'{"body": {}}', b"", "exactly the keys"),
        (b'{"body": [], "arrays": []}', b"", "must be an object"),
        (b'{"body": {}, "arrays": [3]}', b"", "dtype and shape"),
        (b'{"body": {}, "arrays": [{"dtype": "object", "shape": [1]}]}', b"12345678", "dtype"),
        (b'{"body": {}, "arrays": [{"dtype": "float64", "shape": [-1]}]}', b"", "shape"),
        (b'{"body": {}, "arrays": [{"dtype": "float64", "shape": [true]}]}', b"", "shape"),
        (b'{"body": {}, "arrays": [{"dtype": "float64", "shape": [2]}]}', b"12345678", "fit"),
        (b'{"body": {}, "arrays": []}', b"12345678", "accounts for 0"),
        (b'{"body": {}, "arrays": [{"dtype": "bool", "shape": [1]}]}', b"\x02", "boolean"),
        (b'{"body": {"x": {"$array": 0}}, "arrays": []}', b"", "reference"),
        (b'{"body": {"x": {"$array": 0, "y": 1}}, "arrays": []}', b"", "reference"),
        (b"[" * 100_000, b"", "JSON"),
    ],
)
def test_every_validator_can_fail(header, payload, what):
    with pytest.raises(wire.WireError, match=what):
        wire.decode(header, payload)


@pytest.mark.parametrize(
    "prefix",
    [
        b"short",
        wire.PREFIX.pack(b"HTTP", 1, 1),
        wire.PREFIX.pack(wire.MAGIC, wire.MAX_HEADER + 1, 0),
        wire.PREFIX.pack(wire.MAGIC, 0, wire.MAX_PAYLOAD + 1),
    ],
)
def test_a_bad_prefix_is_refused_before_memory_is_taken(prefix):
    with pytest.raises(wire.WireError):
        wire.sizes(prefix)
