"""JSON results: the shipped schema, the way back."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from importlib.resources import files

import jsonschema
import pytest

from adamcheck.errors import UsageError
from adamcheck.reports.documents import dumps, load_results, results_document
from adamcheck.result import Finding, InferredEdit, Traits, Verdict

SCHEMA = json.loads(files("adamcheck.reports").joinpath("result.schema.json").read_text("utf-8"))


def valid(document):
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(dumps(document)))


@pytest.fixture
def odd(samples):
    """A result with everything that JSON has no word for."""
    numbers = samples.comparison(observed=math.nan, bound=math.inf, units=-math.inf, ulps=None)
    witness = samples.witness(
        comparison=numbers,
        theta0=("nan", "-inf"),
        grads=(("inf", "-0x0.0p+0"),),
        step=1,
        flags=("amsgrad",),
        how={"layout": "F", "reload_after": 3},
    )
    return replace(
        samples.deviating(),
        checks=(samples.failure(witness=witness, message="line\nbreak \x1b[0m ε"),),
        findings=(Finding("f", "float16", "m", {"x": math.nan, "y": -math.inf}),),
    )


def test_the_schema_is_itself_valid():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("name", ["conforming", "held", "deviating", "broken"])
def test_results_keep_to_the_schema(samples, name):
    valid(results_document([getattr(samples, name)()]))


def test_several_results_keep_to_the_schema(samples):
    valid(results_document([samples.conforming(), samples.deviating()]))
    valid(results_document([]))


def test_the_schema_rejects_what_is_not_a_result(samples):
    document = results_document([samples.conforming()])
    for change in ({"verdict": "fine"}, {"schema": "adamcheck.result/2"}, {"more": 1}):
        with pytest.raises(jsonschema.ValidationError):
            valid(document | change)


@pytest.mark.parametrize("name", ["conforming", "held", "deviating", "broken"])
def test_results_come_back_as_they_were(samples, tmp_path, name):
    result = getattr(samples, name)()
    path = tmp_path / "r.json"
    path.write_text(dumps(results_document([result])))
    assert load_results(path) == (result,)


def test_an_old_result_conforms_no_more_as_nobody_knows_of_what(samples, tmp_path):
    document = results_document([samples.conforming()])
    del document["scope"]
    valid(document)
    path = tmp_path / "r.json"
    path.write_text(dumps(document))
    (read,) = load_results(path)
    assert read.verdict is Verdict.HELD
    assert not read.conforms


def test_of_an_old_identification_nobody_knows_how_near_it_is(samples, tmp_path):
    document = results_document([samples.deviating()])
    document["identified"] |= {"kind": "not-adam", "edit": None}
    del document["identified"]["unexplained"]
    path = tmp_path / "r.json"
    path.write_text(dumps(document))
    (read,) = load_results(path)
    assert read.identified.unexplained is None
    assert not read.identified.near
    valid(results_document([read]))


def test_what_is_not_finite_comes_back(odd, tmp_path):
    valid(results_document([odd]))
    path = tmp_path / "r.json"
    path.write_text(dumps(results_document([odd, odd])))
    first, second = load_results(path)
    assert repr(first) == repr(odd) == repr(second)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not JSON"),
        ('{"schema"', "not JSON"),
        ("[]", "damaged result"),
        ("7", "damaged result"),
        ("null", "damaged result"),
        ("{}", "'schema' is missing"),
        ('{"schema": "adamcheck.result/9"}', "is not 'adamcheck.result/1'"),
        ('{"schema": "adamcheck.result/1"}', "is missing"),
        ("[" * 100_000, "not a JSON text file"),
    ],
)
def test_a_damaged_file_says_where(tmp_path, text, reason):
    path = tmp_path / "r.json"
    path.write_text(text)
    with pytest.raises(UsageError, match=r"r\.json: ") as caught:
        load_results(path)
    assert reason in str(caught.value)


def test_every_missing_member_is_named(samples, tmp_path):
    document = results_document([samples.deviating()])
    path = tmp_path / "r.json"
    for key in document:
        # older files lack the last three
        if key in ("adamcheck", "counts", "horizon", "scope", "defaults"):
            continue
        path.write_text(dumps({k: v for k, v in document.items() if k != key}))
        with pytest.raises(UsageError, match=repr(key)):
            load_results(path)


def test_no_file_and_binary_file(tmp_path):
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        load_results(tmp_path / "none.json")
    (tmp_path / "b.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="not a JSON text file"):
        load_results(tmp_path / "b.json")


def test_an_inferred_edit_keeps_to_the_schema_and_comes_back(samples, tmp_path):
    edit = InferredEdit(
        operator="clip",
        place="the gradient",
        text="the gradient is clipped at c, 1.98 <= c <= 2.03",
        parameters={"c": (1.98, 2.03)},
        guard="from-step",
        guard_parameters={"T": (200.0, math.inf)},
    )
    result = samples.deviating()
    assert result.identified is not None
    found = replace(result.identified, edit=edit, also=(edit,), traits=Traits(first_step=True))
    document = results_document([replace(result, identified=found)])
    valid(document)
    file = tmp_path / "result.json"
    file.write_text(dumps(document))
    (back,) = load_results(file)
    assert back.identified == found
