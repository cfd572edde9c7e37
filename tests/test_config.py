"""[tool.adamcheck]: found upwards, read strictly, every mistake named."""

from __future__ import annotations

from datetime import date

import pytest

from adamcheck.config import Config, find_config, load_config
from adamcheck.errors import UsageError
from adamcheck.waivers import Waiver

WHOLE = """
[tool.adamcheck]
targets = ["a.b:C", "d.py:make"]
spec = "adam[eps=hat]"
profile = "ci"
options = { foreach = true, block = 64, name = "x" }

[[tool.adamcheck.waivers]]
check = "ADAM-BC-1"
dtype = "float16"
reason = "known, see issue 12"
expiry = 2027-01-31

[[tool.adamcheck.waivers]]
check = "ADAM-EPS-1"
dtype = "any"
reason = "meant"
expiry = "2027-02-01"
target = "a.b:C"
"""


@pytest.fixture
def written(tmp_path):
    def write(text):
        path = tmp_path / "pyproject.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_the_whole_table(written):
    path = written(WHOLE)
    config = load_config(path)
    assert config == Config(
        targets=("a.b:C", "d.py:make"),
        spec="adam[eps=hat]",
        profile="ci",
        options={"foreach": True, "block": 64, "name": "x"},
        waivers=(
            Waiver("ADAM-BC-1", "float16", "known, see issue 12", date(2027, 1, 31)),
            Waiver("ADAM-EPS-1", "any", "meant", date(2027, 2, 1), "a.b:C"),
        ),
        path=path,
    )


def test_the_nearest_file_with_the_table_is_found(written, tmp_path):
    written(WHOLE)
    inner = tmp_path / "x" / "y"
    inner.mkdir(parents=True)
    (tmp_path / "x" / "pyproject.toml").write_text("[project]\nname='x'\n")
    assert find_config(inner).spec == "adam[eps=hat]"


def test_without_a_table_there_is_nothing(written, tmp_path):
    written("[tool.other]\n")
    assert find_config(tmp_path) == Config()
    with pytest.raises(UsageError, match=r"has no \[tool\.adamcheck\] table"):
        load_config(tmp_path / "pyproject.toml")


def test_an_empty_table_is_a_table(written):
    path = written("[tool.adamcheck]\n")
    assert load_config(path) == Config(path=path)


W = "[[tool.adamcheck.waivers]]\n"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[tool.adamcheck\n", "not TOML"),
        ("[tool]\nadamcheck = 3\n", "tool.adamcheck is not a table"),
        ("[tool.adamcheck]\ntarget = ['x']\n", "unknown key 'target'; known are targets"),
        ("[tool.adamcheck]\ntargets = 'x'\n", "targets must be a list of texts"),
        ("[tool.adamcheck]\ntargets = [1]\n", "targets must be a list of texts"),
        ("[tool.adamcheck]\nspec = 1\n", "spec must be a text"),
        ("[tool.adamcheck]\nprofile = 'fast'\n", "unknown profile 'fast'; choose one of quick"),
        ("[tool.adamcheck]\noptions = 1\n", "options must be a table"),
        ("[tool.adamcheck]\noptions = {a = []}\n", "options must be a table"),
        ("[tool.adamcheck]\nwaivers = {}\n", "waivers must be an array of tables"),
        ("[tool.adamcheck]\nwaivers = [1]\n", "waiver 1 is not a table"),
        (W + "dtype='any'\nreason='r'\n", "waiver 1 (no check): needs 'check'"),
        (W + "check='A'\nreason='r'\n", "waiver 1 (A): needs 'dtype'"),
        (W + "check='A'\ndtype='any'\nreason='  '\n", "waiver 1 (A): needs 'reason'"),
        (W + "check='A'\ndtype='any'\nreason=3\n", "needs 'reason', a text"),
        (W + "check='A'\ndtype='any'\nreason='r'\nuntil=2\n", "unknown key 'until'"),
        (W + "check='A'\ndtype='any'\nreason='r'\nexpiry='soon'\n", "'soon' is not a day"),
        (W + "check='A'\ndtype='any'\nreason='r'\nexpiry=3\n", "3 is not a day"),
        (W + "check='A'\ndtype='any'\nreason='r'\ntarget=3\n", "target must be a text"),
    ],
)
def test_every_mistake_is_named(written, text, reason):
    path = written(text)
    with pytest.raises(UsageError, match=r"pyproject\.toml") as caught:
        load_config(path)
    assert reason in str(caught.value)


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        load_config(tmp_path / "none.toml")
    (tmp_path / "b.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="not a UTF-8 text file"):
        load_config(tmp_path / "b.toml")
