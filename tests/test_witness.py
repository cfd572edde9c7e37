"""Witnesses: exact on the way to JSON and back, pasteable, and loud when damaged."""

from __future__ import annotations

import ast
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adamcheck.errors import UsageError
from adamcheck.reports.documents import dumps, results_document
from adamcheck.result import Witness
from adamcheck.witness import (
    LONGEST_SNIPPET,
    load_witnesses,
    read_witness,
    short_hex,
    snippet,
    witness_document,
)


@given(st.floats(allow_nan=False))
def test_short_hex_is_the_same_number(value):
    assert float.fromhex(short_hex(value)) == value
    assert short_hex(short_hex(value)) == short_hex(value)


def test_short_hex_is_short():
    assert short_hex(1.0) == "0x1p+0"
    assert short_hex(-0.0) == "-0x0p+0"
    assert short_hex("0x1.8000000000000p-3") == "0x1.8p-3"
    assert short_hex(float("-inf")) == "-inf"
    assert short_hex(16.0) == "0x1p+4"


@given(
    st.lists(st.floats(), min_size=1, max_size=3).flatmap(
        lambda theta: st.tuples(
            st.just(theta),
            st.lists(
                st.lists(st.floats(), min_size=len(theta), max_size=len(theta)),
                min_size=1,
                max_size=4,
            ),
        )
    )
)
def test_a_witness_comes_back_bit_for_bit(run):
    theta, grads = run
    witness = Witness(
        check="ADAM-X-1",
        spec="adam",
        dtype="float64",
        hyper={"lr": short_hex(0.1)},
        theta0=tuple(short_hex(x) for x in theta),
        grads=tuple(tuple(short_hex(x) for x in row) for row in grads),
        element=0,
        step=1,
    )
    again = read_witness(json.loads(json.dumps(witness_document(witness), allow_nan=False)))
    assert again == witness


def test_a_file_may_hold_a_witness_or_results(samples, tmp_path):
    path = tmp_path / "w.json"
    path.write_text(dumps(witness_document(samples.witness())))
    (alone,) = load_witnesses(path)
    path.write_text(dumps(results_document([samples.deviating()])))
    first, second = load_witnesses(path)
    assert first == alone
    assert second.dtype == "float64"
    path.write_text(dumps(results_document([samples.conforming(), samples.deviating()])))
    assert load_witnesses(path) == (first, second)


def test_a_file_without_a_witness_says_how_to_make_one(samples, tmp_path):
    path = tmp_path / "w.json"
    path.write_text(dumps(results_document([samples.conforming()])))
    with pytest.raises(UsageError, match="holds no witness; write one with"):
        load_witnesses(path)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"theta0": [0.5]}, "0.5 is not a hex float"),
        ({"theta0": ["0.5"]}, "'0.5' is not a hex float"),
        ({"theta0": ["0x1p+9999"]}, "too large"),
        ({"theta0": "0x1p0"}, "is not a list"),
        ({"grads": [["0x1p0", "0x1p0"]]}, "differ in length"),
        ({"step": 4}, "element 0 or step 4 lies outside of the run"),
        ({"element": -1}, "element -1 or step 2 lies outside of the run"),
        ({"element": 1}, "lies outside"),
        ({"schema": "other"}, "'other' is neither adamcheck.result/1, adamcheck.results/1 nor"),
        ({"hyper": {"lr": "1e-3"}}, "'1e-3' is not a hex float"),
        ({"hyper": {"lr": "nan"}}, "lr=nan is not a finite number"),
        ({"hyper": []}, "items"),
        ({"dtype": 7}, "7 is not a text"),
        ({"comparison": {}}, "is missing"),
        ({"how": 3}, "not iterable"),
    ],
)
def test_a_damaged_witness_says_where(samples, tmp_path, change, reason):
    path = tmp_path / "w.json"
    path.write_text(json.dumps(witness_document(samples.witness()) | change))
    with pytest.raises(UsageError, match=r"w\.json: damaged witness: ") as caught:
        load_witnesses(path)
    assert reason in str(caught.value)


def test_what_is_no_witness_and_no_result_says_what_was_expected(samples, tmp_path):
    path = tmp_path / "g.json"
    path.write_text("[1, 2]")
    told = "g.json: damaged witness: a list instead of an object with a witness or a result"
    with pytest.raises(UsageError, match=told):
        load_witnesses(path)
    later = results_document([samples.deviating()]) | {"schema": "adamcheck.result/9"}
    path.write_text(dumps(later))
    with pytest.raises(UsageError, match=r"schema 'adamcheck\.result/9' is neither"):
        load_witnesses(path)


def test_a_missing_member_is_named(samples, tmp_path):
    path = tmp_path / "w.json"
    document = witness_document(samples.witness())
    for key in document:
        path.write_text(json.dumps({k: v for k, v in document.items() if k != key}))
        with pytest.raises(UsageError, match=f"{key!r} is missing"):
            load_witnesses(path)


def pasted(text):
    """Run a snippet with the gate's replay taken out: the witness and the call it makes."""
    tree = ast.parse(text)
    call = tree.body[-1].value.func.value
    names = {"adamcheck": __import__("adamcheck")}
    exec(compile(ast.Module(tree.body[:-1], []), "snippet", "exec"), names)
    return names["witness"], ast.unparse(call)


def test_a_snippet_is_python_for_the_same_witness(samples):
    witness = replace(
        samples.witness(comparison=None),
        flags=("maximize", "amsgrad"),
        how={"layout": "F", "shape": (1, 1)},
    )
    text = snippet(witness, "a'b.py:make", {"foreach": True})
    again, call = pasted(text)
    assert len(text.splitlines()) <= 12
    assert again == replace(
        witness,
        flags=("amsgrad", "maximize"),
        hyper={k: short_hex(v) for k, v in witness.hyper.items()},
        theta0=tuple(short_hex(v) for v in witness.theta0),
        grads=tuple(tuple(short_hex(v) for v in row) for row in witness.grads),
        how={"layout": "F", "shape": [1, 1]},
    )
    assert call == """adamcheck.replay("a'b.py:make", witness, options={'foreach': True})"""


@pytest.mark.parametrize("count", [1, 3, 4, 300])
def test_equal_steps_are_written_once(samples, count):
    rows = (("0x1p+0",),) * count + (("0x1p-1",),) + (("0x0p+0",),) * count
    text = snippet(samples.witness(grads=rows, step=1), "a:b")
    assert pasted(text)[0].grads == rows
    assert len(text.splitlines()) <= 12


def test_a_run_without_steps_can_be_pasted(samples):
    witness = samples.witness(grads=(), theta0=(), step=0, comparison=None)
    assert pasted(snippet(witness, "a:b"))[0].grads == ()


def test_what_is_too_long_is_not_pasted(samples):
    rows = tuple((short_hex(i / 7),) for i in range(1000))
    assert snippet(samples.witness(grads=rows, step=1), "a:b") == ""
    assert len(snippet(samples.witness(), "a:b")) < LONGEST_SNIPPET
