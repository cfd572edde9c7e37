"""Every way of not finding a target has its own sentence; modules come from the caller's cwd."""

import sys
import textwrap
import types

import pytest

from adamcheck.errors import UsageError
from adamcheck.targets import session as session_module
from adamcheck.targets.protocol import Limits
from adamcheck.targets.session import Session
from targets.helpers import request, subject

GOOD = """
    def make(theta0, *, lr, beta1, beta2, eps):
        return lambda grad: theta0 - lr * grad
"""


def write(folder, name, text):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text))
    return path


def refusal(target, **more):
    with pytest.raises(UsageError) as told, Session(target, **more) as session:
        session.run(request())
    assert "\n" not in str(told.value)
    return str(told.value)


@pytest.mark.parametrize(
    ("target", "parts"),
    [
        ("nothing", ["needs the form package.module:attribute"]),
        (":make", ["needs the form"]),
        ("optx:adam", ["there is no module 'optx'", "Did you mean 'optax'?"]),
        ("json.decodr:x", ["there is no module 'json.decodr'", "Did you mean 'json.decoder'?"]),
        ("paddle.optimizer:Adam", ["needs paddle", "pip install paddlepaddle"]),
        (subject("mkae"), ["has no attribute 'mkae'", "Did you mean 'make'?"]),
        (subject("make.inner"), ["has no attribute 'inner'"]),
        (subject("make").replace("subjects", "subject"), ["no file", "'subjects.py'"]),
        ("os:path", ["is a module that no adapter recognises"]),
        ("os:getpid", ["no adapter recognises"]),
        ("os:O_RDONLY", ["is an int that no adapter recognises"]),
        ("..:make", ["'..:make' needs the form package.module:attribute"]),
        ("odd.py::make", ["'odd.py::make' needs the form package.module:attribute"]),
        ("json:JSONDecoder", ["is a class that no adapter recognises", "step(grads)"]),
    ],
)
def test_what_is_not_there(target, parts):
    message = refusal(target)
    assert all(part in message for part in parts), message


def test_options_that_a_target_does_not_take():
    message = refusal(subject("make"), options={"maximise": True})
    assert "no option 'maximise'" in message
    assert "it takes beta1, beta2, eps, lr, maximize" in message
    assert "Did you mean 'maximize'?" in message
    assert "adapter='clas' is unknown" in refusal(subject("Plain"), options={"adapter": "clas"})


def test_an_adapter_can_be_named():
    with Session(subject("Plain"), options={"adapter": "class"}) as session:
        assert session.description.adapter == "class"


def test_devices():
    assert "unknown device 'gpu'" in refusal(subject("make"), device="gpu")


@pytest.mark.parametrize(
    ("body", "parts"),
    [
        ("raise ValueError('at import')", ["importing", "ValueError: at import", "(bad.py:1)"]),
        ("import sys; sys.exit(3)", ["SystemExit"]),
        ("import nowhere_at_all", ["needs the module 'nowhere_at_all'", "(bad.py:1)"]),
        ("def make(:", ["SyntaxError"]),
        ("import os; os._exit(3)", ["ended its process with exit status 3", "being imported"]),
        ("import os; os.abort()", ["killed by SIGABRT", "being imported"]),
        ("while True: pass", ["made no progress for 1 s", "being imported"]),
        ("x = []\nwhile True: x.append(bytes(10**7))", ["512 MiB of memory", "being imported"]),
    ],
)
def test_a_module_that_fails_while_it_is_imported(tmp_path, body, parts):
    path = write(tmp_path, "bad.py", body)
    hog = "memory" in parts[0]
    limits = Limits(start_seconds=30.0 if hog else 1.0, memory_bytes=512 << 20)
    message = refusal(f"{path}:make", limits=limits)
    assert all(part in message for part in parts), message


def test_modules_come_from_the_working_directory_and_do_not_shadow(tmp_path, monkeypatch):
    write(tmp_path, "package/inner.py", GOOD)
    # a file named like a module of the standard library must not break the child
    write(tmp_path, "struct.py", "raise RuntimeError('shadowed')")
    monkeypatch.chdir(tmp_path)
    with Session("package.inner:make") as session:
        assert session.run(request()).failure is None
    with Session("package/inner.py:make") as session:
        assert session.run(request()).failure is None


def test_a_file_finds_its_neighbours(tmp_path):
    write(tmp_path, "neighbour.py", GOOD)
    path = write(tmp_path, "entry.py", "from neighbour import make")
    with Session(f"{path}:make") as session:
        assert session.run(request()).failure is None


def test_what_the_caller_can_import_the_child_can(tmp_path, monkeypatch):
    write(tmp_path, "only_here.py", GOOD)
    monkeypatch.syspath_prepend(str(tmp_path))
    with Session("only_here:make") as session:
        assert session.run(request()).failure is None


def test_a_target_that_dies_on_its_second_import_fails_at_step_zero(tmp_path):
    flag = tmp_path / "loaded"
    path = write(
        tmp_path,
        "once.py",
        f"""
        import os, pathlib
        flag = pathlib.Path({str(flag)!r})
        if flag.exists():
            os._exit(7)
        flag.touch()

        def make(theta0, *, lr, beta1, beta2, eps):
            return lambda grad: os._exit(6)
        """,
    )
    with Session(f"{path}:make") as session:
        assert session.run(request()).failure.step == 1
        again = session.run(request()).failure
    assert (again.kind, again.step) == ("exited", 0)
    assert "exit status 7" in again.message


def test_a_package_can_register_an_adapter(tmp_path, monkeypatch):
    write(
        tmp_path,
        "odd_adapter.py",
        """
        from adamcheck.targets.adapters import function
        from adamcheck.targets.adapters.base import Opening

        NAME = "odd"

        def recognises(found, origins):
            return hasattr(found, "odd_step")

        def open(found, opening):
            return function.open(found.odd_step, opening)
        """,
    )
    write(
        tmp_path,
        "odd_target.py",
        """
        class Odd:
            def step(self, grads):
                "the class adapter would take this"

            @staticmethod
            def odd_step(theta0, *, lr, beta1, beta2, eps):
                return lambda grad: theta0 - lr * grad
        """,
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    point = types.SimpleNamespace(value="odd_adapter")
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: [point])
    session_module._registered.cache_clear()
    try:
        with Session("odd_target:Odd") as session:
            assert session.description.adapter == "odd"
    finally:
        session_module._registered.cache_clear()


def test_the_session_imports_nothing_heavy():
    import subprocess

    code = (
        "import sys, adamcheck.targets.session, adamcheck.targets.child;"
        "heavy = {'numba', 'sympy', 'hypothesis', 'typer', 'torch', 'jax', 'mpmath', 'rich'};"
        "sys.exit(' '.join(heavy & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
