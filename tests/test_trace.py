"""``adamcheck trace``: tables that agree with the run, files whole or not at all, kind errors."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from installed import needs

from adamcheck.cli import main
from adamcheck.errors import AdamcheckError, UsageError
from adamcheck.reports.files import atomically
from adamcheck.theory import step_bound
from adamcheck.trace import load_gradients, trace
from adamcheck.trace.table import COLUMNS, csv_text, json_text

sys.path.append(str(Path(__file__).parent))
from zoo import target as zoo_target

ROOT = Path(__file__).resolve().parents[1]
NUMPY = "adamcheck.implementations:NumpyAdam"


@pytest.fixture(scope="module")
def table():
    asked = {"problem": "quadratic", "size": 3}
    return trace(NUMPY, problem=asked, steps=40, hyper={"lr": 0.0625})


def no_leftovers(folder):
    return [p.name for p in folder.iterdir() if p.name.startswith(".adamcheck")] == []


# the table ---------------------------------------------------------------------------------------


def test_the_columns_fit_together(table):
    assert tuple(table.columns) == tuple(COLUMNS)
    assert (table.steps, table.elements, table.outside, table.failure) == (40, 3, 0, "")
    theta, update = table.of("theta"), table.of("update")
    before = np.vstack([np.ones(3), theta[:-1]])
    assert (before - theta == update).all()
    assert (table.of("effective") == np.abs(update) / 0.0625).all()
    assert (table.of("gradient") == before * [1.0, 0.1, 0.01]).all()
    assert (table.of("step_bound")[:, 0] == step_bound(0.9, 0.999, np.arange(1, 41))).all()
    assert (table.of("effective") <= table.of("step_bound") * (1 + 1e-9)).all()
    assert (np.abs(theta - table.of("exact_theta")) <= table.of("bound")).all()
    assert (table.of("error_over_bound") < 1.0).all()
    # far above ε the effective step is m̂/√v̂
    assert np.abs(table.of("effective") - np.abs(table.of("ratio"))).max() < 1e-5
    assert np.abs(table.of("path") - theta).max() < 1e-12
    assert len(table.losses) == 41
    assert table.losses[0] == pytest.approx(0.555)


def test_another_dialect_leaves_the_envelope():
    found = trace(
        zoo_target("amsgrad-corrected"), spec="adam[eps=hat]", steps=6,
        problem={"problem": "quadratic", "size": 2}, hyper={"eps": 0.25},
    )  # fmt: skip
    assert found.outside == 2
    assert found.of("error_over_bound").max() > 1.0


def test_given_gradients_are_used_as_they_are():
    grads = np.random.default_rng(1).standard_normal((9, 2)).astype(np.float32)
    found = trace(NUMPY, gradients=grads, theta0=[1.0, 2.0], dtype="float32")
    assert (found.of("gradient") == grads).all()
    assert found.losses == ()
    assert found.facts["problem"] == ""
    assert found.steps == 9


def test_other_rules_leave_out_what_they_do_not_have():
    grads = np.ones((4, 1))
    found = trace(zoo_target("textbook-l2"), spec="adam[decay=l2]", gradients=grads)
    assert np.isnan(found.of("step_bound")).all()
    assert np.isfinite(found.of("ratio")).all()


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ({}, "either a problem or gradients"),
        ({"problem": "slope", "gradients": [[1.0]]}, "either a problem or gradients"),
        ({"problem": "slope", "steps": 0}, "at least one step"),
        ({"problem": "slope", "hyper": {"lr2": 1.0}}, "no hyperparameter 'lr2'.*'lr'"),
        ({"problem": "slope", "dtype": "float8"}, "unknown dtype"),
        ({"problem": "sloop"}, "unknown problem 'sloop'.*'slope'"),
        ({"problem": "slope", "steps": 10**8}, "rows are too many"),
        ({"problem": "slope", "steps": 10**13}, "20000000000000 rows are too many"),
    ],
)
def test_senseless_requests_are_refused(how, told):
    with pytest.raises(UsageError, match=told):
        trace(NUMPY, **how)


# files -------------------------------------------------------------------------------------------


def test_csv_reads_back_to_the_same_numbers(table):
    rows = list(csv.reader(io.StringIO(csv_text(table))))
    assert rows[0] == list(COLUMNS)
    back = np.array([[float(x) for x in row] for row in rows[1:]])
    for k, name in enumerate(COLUMNS):
        assert np.array_equal(back[:, k], table.columns[name], equal_nan=True)


def test_json_is_strict_and_explains_itself(table):
    document = json.loads(json_text(table), parse_constant=lambda text: pytest.fail(text))
    assert document["schema"] == "adamcheck.trace/1"
    assert document["target"] == NUMPY
    assert document["meanings"] == COLUMNS
    assert document["columns"]["theta"] == table.columns["theta"].tolist()
    assert document["columns"]["step"][:4] == [1, 1, 1, 2]


def test_parquet_reads_back(table, tmp_path):
    needs("pyarrow", "parquet")
    import pyarrow.parquet as parquet

    from adamcheck.trace.table import write_parquet

    write_parquet(table, tmp_path / "t.parquet")
    back = parquet.read_table(tmp_path / "t.parquet")
    assert back.column_names == list(COLUMNS)
    assert back["theta"].to_pylist() == table.columns["theta"].tolist()
    assert back.schema.metadata[b"target"] == NUMPY.encode()
    assert no_leftovers(tmp_path)


@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_the_picture_is_drawn_and_the_same_each_time(table, tmp_path, kind):
    needs("matplotlib", "plot")
    from adamcheck.trace.picture import write_plot

    first, second = tmp_path / f"a.{kind}", tmp_path / f"b.{kind}"
    write_plot(table, first)
    write_plot(table, second)
    head = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}[kind]
    assert first.read_bytes().startswith(head)
    if kind != "svg":  # its ids are random
        assert first.read_bytes() == second.read_bytes()
    assert no_leftovers(tmp_path)


def test_a_failed_write_leaves_what_was_there(tmp_path):
    path = tmp_path / "kept.bin"
    path.write_text("before")

    def fails(file):
        file.write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(AdamcheckError, match=r"kept\.bin: cannot be written: No space left"):
        atomically(path, fails)
    assert path.read_text() == "before"
    assert no_leftovers(tmp_path)


# gradients from files ----------------------------------------------------------------------------


def test_gradients_are_read_from_every_form(tmp_path):
    grads = np.arange(6.0).reshape(3, 2) / 7
    np.save(tmp_path / "g.npy", grads.astype(np.float32))
    np.savez(tmp_path / "g.npz", grads=grads, theta0=np.array([1.0, 2.0]), other=np.ones(3))
    np.savez(tmp_path / "one.npz", anything=grads[:, 0])
    (tmp_path / "g.json").write_text(json.dumps(grads.tolist()))
    hexes = [[x.hex() for x in row] for row in grads]
    (tmp_path / "w.json").write_text(json.dumps({"grads": hexes, "theta0": ["0x1p-1", "-0x1p+0"]}))
    assert (load_gradients(tmp_path / "g.npy")[0] == grads.astype(np.float32)).all()
    found, start = load_gradients(tmp_path / "g.npz")
    assert (found == grads).all()
    assert start.tolist() == [1.0, 2.0]
    assert load_gradients(tmp_path / "one.npz")[0].shape == (3, 1)
    assert (load_gradients(tmp_path / "g.json")[0] == grads).all()
    found, start = load_gradients(tmp_path / "w.json")
    assert (found == grads).all()
    assert start.tolist() == [0.5, -1.0]


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("g.txt", b"1 2", "read from .npy, .npz or .json"),
        ("g.npy", b"no array", "cannot be read as NumPy data"),
        ("g.npz", b"no archive", "cannot be read"),
        ("g.json", b"{", "not JSON"),
        ("g.json", b'{"a": 1}', "a list of gradients, or an object with grads"),
        ("g.json", b'[["x"]]', "not gradients"),
        ("g.json", b"[[1], [1, 2]]", "not gradients"),
        ("g.json", b"[true]", "not gradients"),
        ("g.json", b"[]", "holds no gradients"),
        ("g.json", b'{"grads": [[1, 2]], "theta0": [1]}', "θ0 has 1 numbers, a gradient 2"),
    ],
)
def test_bad_gradient_files_are_named_with_the_reason(tmp_path, name, content, told):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UsageError, match=told) as caught:
        load_gradients(tmp_path / name)
    assert name in str(caught.value)


def test_a_damaged_archive_is_named(tmp_path):
    rng = np.random.default_rng(2)
    for name, method in (("z.npz", zipfile.ZIP_DEFLATED), ("l.npz", zipfile.ZIP_LZMA)):
        inner = io.BytesIO()
        np.save(inner, rng.standard_normal(400))
        with zipfile.ZipFile(tmp_path / name, "w", method) as archive:
            archive.writestr("grads.npy", inner.getvalue())
        whole = bytearray((tmp_path / name).read_bytes())
        whole[60:400] = bytes(340)
        (tmp_path / name).write_bytes(whole)
        with pytest.raises(UsageError, match=f"{name}: cannot be read as a NumPy archive: "):
            load_gradients(tmp_path / name)


def test_a_damaged_header_is_named(tmp_path):
    np.save(tmp_path / "g.npy", np.ones(3))
    whole = (tmp_path / "g.npy").read_bytes()
    for old, new in ((b"(3,)", b"(3, "), (b"}", b"("), (b"<f8", b"zzz"), (b"descr", b"describe")):
        wrong = whole.replace(old, new)
        assert wrong != whole
        (tmp_path / "g.npy").write_bytes(wrong)
        with pytest.raises(UsageError, match=r"g.npy: cannot be read as NumPy data: "):
            load_gradients(tmp_path / "g.npy")


def test_a_file_too_large_for_memory_is_named(tmp_path):
    with (tmp_path / "g.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(
            file, {"descr": "<f8", "fortran_order": False, "shape": (2 * 10**12,)}
        )
    with pytest.raises(UsageError, match=r"g.npy: cannot be read as NumPy data: "):
        load_gradients(tmp_path / "g.npy")


def test_a_wrong_suffix_is_named(tmp_path):
    np.save(tmp_path / "g.npy", np.ones(3))
    np.savez(tmp_path / "h.npz", np.ones(3))
    (tmp_path / "g.npy").rename(tmp_path / "g.npz")
    (tmp_path / "h.npz").rename(tmp_path / "h.npy")
    with pytest.raises(UsageError, match=r"g.npz: holds one array.*suffix .npy"):
        load_gradients(tmp_path / "g.npz")
    with pytest.raises(UsageError, match=r"h.npy: holds an archive.*suffix .npz"):
        load_gradients(tmp_path / "h.npy")


@pytest.mark.parametrize("start", [np.array([1j, 2.0]), np.array(["1", "2"]), np.ones(2, bool)])
def test_a_start_that_is_not_real_is_refused(tmp_path, start):
    np.savez(tmp_path / "g.npz", grads=np.ones((3, 2)), theta0=start)
    with pytest.raises(UsageError, match=r"g.npz: θ0 of dtype .*: not real numbers"):
        load_gradients(tmp_path / "g.npz")


def test_nothing_is_unpickled(tmp_path):
    np.save(tmp_path / "g.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "g.npz", grads=np.array([{"a": 1}], dtype=object))
    for name in ("g.npy", "g.npz"):
        with pytest.raises(UsageError, match="cannot be read"):
            load_gradients(tmp_path / name)
    with pytest.raises(UsageError, match="no such file"):
        load_gradients(tmp_path / "absent.npy")


def test_an_archive_must_say_which_array(tmp_path):
    np.savez(tmp_path / "g.npz", a=np.ones(2), b=np.ones(2))
    with pytest.raises(UsageError, match="needs an array called grads; it holds a, b"):
        load_gradients(tmp_path / "g.npz")


# the command -------------------------------------------------------------------------------------


def test_the_command_writes_and_shows(tmp_path, capsys):
    needs("matplotlib", "plot")
    csv_, json_, plot = (str(tmp_path / name) for name in ("t.csv", "t.json", "t.png"))
    code = main(
        ["trace", NUMPY, "--problem", "quadratic", "--set", "size=2", "--set", "optimum=0.5,-1",
         "--steps", "30", "--hyper", "lr=0.0625", "--dtype", "float32",
         "--csv", csv_, "--json", json_, "--plot", plot]
    )  # fmt: skip
    shown = capsys.readouterr()
    assert code == 0, shown.err
    assert "every step lies in its envelope" in shown.out
    assert "separable quadratic of 2 variables" in shown.out
    assert len(Path(csv_).read_text().splitlines()) == 61
    assert json.loads(Path(json_).read_text())["dtype"] == "float32"
    assert Path(plot).stat().st_size > 10_000


def test_csv_to_stdout_is_nothing_but_csv(capsys):
    assert main(["trace", NUMPY, "--problem", "slope", "--steps", "3", "--csv", "-"]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert rows[0].startswith("step,element,")
    assert len(rows) == 7


def test_gradients_from_a_file_on_the_command_line(tmp_path, capsys):
    np.save(tmp_path / "g.npy", np.ones((5, 2)))
    assert main(["trace", NUMPY, "--gradients", str(tmp_path / "g.npy")]) == 0
    assert "given gradients" in capsys.readouterr().out


def test_a_deviation_is_exit_code_1(capsys):
    code = main(["trace", NUMPY, "--problem", "slope", "--spec", "adam[eps=hat]",
                 "--hyper", "eps=0.5", "--steps", "4"])  # fmt: skip
    assert code == 1
    assert "leave the envelope, first at step 1" in capsys.readouterr().out


def test_a_target_that_is_lost_is_told_with_its_step(tmp_path, capsys):
    (tmp_path / "t.py").write_text(
        "import numpy as np\n"
        "from adamcheck.implementations import NumpyAdam\n"
        "class Lost(NumpyAdam):\n"
        "    def step(self, grads):\n"
        "        self.calls = getattr(self, 'calls', 0) + 1\n"
        "        found = super().step(grads)\n"
        "        if self.calls < 3: return found\n"
        "        return [np.where(np.arange(p.size) == 1, np.nan, p) for p in found]\n"
    )
    target = f"{tmp_path / 't.py'}:Lost"
    plot = tmp_path / "t.svg"
    asked = ["--problem", "slope", "--steps", "6", "--json", str(tmp_path / "t.json")]
    if find_spec("matplotlib"):
        asked += ["--plot", str(plot)]
    assert main(["trace", target, *asked]) == 1
    shown = capsys.readouterr().out
    assert "first at step 3 (largest error/bound inf)" in shown
    assert "variable 1 of 2" in shown
    ratios = json.loads((tmp_path / "t.json").read_text())["columns"]["error_over_bound"][1::2]
    assert [isinstance(x, float) for x in ratios] == [True, True, False, False, False, False]
    assert "inf" in str(ratios[2]).lower()


def test_a_target_that_fails_on_the_way_is_exit_code_3(tmp_path, capsys):
    (tmp_path / "t.py").write_text(
        "class Fails:\n"
        "    def __init__(self, params, *, lr=0.1, beta1=0.9, beta2=0.999, eps=1e-8):\n"
        "        self.p, self.t = params, 0\n"
        "    def step(self, grads):\n"
        "        self.t += 1\n"
        "        if self.t == 4: raise RuntimeError('enough')\n"
        "        return self.p\n"
    )
    out = tmp_path / "t.csv"
    target = f"{tmp_path / 't.py'}:Fails"
    code = main(["trace", target, "--problem", "slope", "--steps", "9", "--csv", str(out)])
    assert code == 3
    shown = capsys.readouterr()
    assert "enough" in shown.err
    assert "variables leave the envelope" in shown.out
    assert len(out.read_text().splitlines()) == 7


def test_only_the_steps_before_a_failure_are_said_to_hold(tmp_path, capsys):
    (tmp_path / "t.py").write_text(
        "from adamcheck.implementations import NumpyAdam\n"
        "class Fails(NumpyAdam):\n"
        "    calls = 0\n"
        "    def step(self, grads):\n"
        "        self.calls += 1\n"
        "        if self.calls == 4: raise RuntimeError('enough')\n"
        "        return super().step(grads)\n"
    )
    assert main(["trace", f"{tmp_path / 't.py'}:Fails", "--problem", "slope"]) == 3
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("each of the 3 steps before the failure lies in its envelope")


@pytest.mark.parametrize(
    ("lost", "code", "told"),
    [
        ([(1, 0)], 0, "3 of 8 element-steps were not judged: no finite envelope; else every"),
        ([(0, 0), (0, 1)], 3, "none of 8 element-steps could be judged: none has a finite"),
    ],
)
def test_what_is_not_judged_is_counted(tmp_path, capsys, lost, code, told):
    grads = np.ones((4, 2))
    for place in lost:
        grads[place] = np.nan
    np.save(tmp_path / "g.npy", grads)
    asked = ["--gradients", str(tmp_path / "g.npy"), "--json", str(tmp_path / "t.json")]
    assert main(["trace", NUMPY, *asked]) == code
    assert told in " ".join(capsys.readouterr().out.split())
    assert json.loads((tmp_path / "t.json").read_text())["unjudged"] == (3 if code == 0 else 8)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--problem", "nothing"], "unknown problem 'nothing'"),
        ([], "give either --problem NAME (quadratic"),
        (["--problem", "slope", "--gradients", "g.npy"], "give either --problem"),
        (["--gradients", "absent.npy"], "absent.npy: there is no such file"),
        (["--gradients", "absent.npy", "--set", "size=2"], "--set is for a problem"),
        (["--problem", "slope", "--set", "size"], "write it as name=value"),
        (["--problem", "quadratic", "--set", "sizes=2"], "no parameter 'sizes'"),
        (["--problem", "quadratic", "--set", "size=x"], "size is 'x', which is not a whole number"),
        (["--problem", "slope", "--hyper", "lr=fast"], "'fast' is not a number"),
        (["--problem", "slope", "--hyper", "lr=nan"], "lr=nan is not a finite number"),
        (["--problem", "slope", "--hyper", "eps=inf"], "eps=inf is not a finite number"),
        (["--gradients", "."], ".: is a directory; name a file"),
        (["--problem", "slope", "--csv", "t", "--json", "./t"], "--csv and --json name the same"),
        (["--problem", "slope", "--csv", "-", "--json", "-"], "only one of --csv and --json"),
        (["--problem", "slope", "--plot", "t.gif"], "a picture is written as .png"),
        (["--problem", "slope", "--csv", "absent/t.csv"], "absent/t.csv: cannot be written"),
    ],
)
def test_wrong_usage_is_exit_code_2_and_one_line(words, told, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["trace", NUMPY, *words]) == 2
    shown = capsys.readouterr()
    assert told in shown.err
    assert len(shown.err.splitlines()) == 1
    assert shown.out == ""


@pytest.mark.parametrize(
    ("option", "module", "extra"),
    [("--parquet", "pyarrow", "adamcheck[parquet]"), ("--plot", "matplotlib", "adamcheck[plot]")],
)
def test_a_missing_library_is_named_with_its_install_line(option, module, extra, tmp_path):
    file = "t.png" if option == "--plot" else "t.parquet"
    code = (
        f"import sys; sys.modules[{module!r}] = None\n"
        "from adamcheck.cli import main\n"
        f"sys.exit(main(['trace', {NUMPY!r}, '--problem', 'slope', {option!r}, {file!r}]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert done.returncode == 2
    assert f"pip install '{extra}'" in done.stderr
    assert list(tmp_path.iterdir()) == []
