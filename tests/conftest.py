"""Fixtures for all tests: results built by hand, so that reports are tested without the engine."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import settings

from adamcheck.horizon import Horizon
from adamcheck.result import (
    CheckResult,
    Comparison,
    Finding,
    Identification,
    Result,
    Scope,
    Status,
    Verdict,
    Witness,
)

HALF, ONE = "0x1p-1", "0x1p+0"


def a_comparison(**changes: Any) -> Comparison:
    values: dict[str, Any] = {
        "quantity": "update",
        "observed": 0.0010004997253417969,
        "exact": 0.001,
        "radius": 1.5e-33,
        "bound": 2.5e-10,
        "terms": {"rounding": 2.1e-10, "scalars": 4e-11, "underflow": 0.0},
        "units": 8386.25,
        "ulps": 4193.125,
    }
    return Comparison(**{**values, **changes})


def a_witness(**changes: Any) -> Witness:
    values: dict[str, Any] = {
        "check": "ADAM-EPS-1",
        "spec": "adam",
        "dtype": "float32",
        "hyper": {"lr": "0x1p-10", "beta1": "0x1.c000000000000p-1", "eps": "0x1p-20"},
        "theta0": ("0x0.0p+0",),
        "grads": ((ONE,), (HALF,), ("-0x1.8000000000000p-3",)),
        "element": 0,
        "step": 2,
        "comparison": a_comparison(),
    }
    return Witness(**{**values, **changes})


def a_check(name: str = "ADAM-BC-1", **changes: Any) -> CheckResult:
    values: dict[str, Any] = {
        "name": name,
        "family": "bias-correction",
        "theorem": "constant-gradient",
        "law": "a constant gradient gives the same update at every step",
        "status": Status.PASSED,
        "dtype": "float64",
        "examples": 1200,
        "seconds": 0.25,
    }
    return CheckResult(**{**values, **changes})


def a_failure(**changes: Any) -> CheckResult:
    values: dict[str, Any] = {
        "family": "epsilon",
        "theorem": "one-line",
        "law": "ε stands outside the root, at full size from the first step on",
        "status": Status.FAILED,
        "dtype": "float32",
        "message": "update differs at step 2 of 3",
        "explanation": "adam[eps=hat]: the dialects differ where √v is not large against ε",
        "witness": a_witness(),
    }
    return a_check("ADAM-EPS-1", **{**values, **changes})


def a_horizon(**changes: Any) -> Horizon:
    values: dict[str, Any] = {
        "dtype": "float64",
        "steps": 8300,
        "silence": 160,
        "late_start": 40,
        "arrays": ((24, 8300), (8221, 9), (65539, 2)),
        "sizes": (0, 1, 24, 8221, 65539),
        "parameters": 113,
        "gradients": (1e-300, 1e300),
        "parameter_values": (1e-3, 4.0),
        "spikes": ((2.0, 1e9), (131.0, 64.0)),
        "hyper": {"lr": (1e-3, 0.125), "beta1": (0.9, 0.9)},
        "loaded": 65534,
        "options": {"weight_decay": 24},
    }
    return Horizon(**{**values, **changes})


def conforming() -> Result:
    checks = [a_check(dtype=dtype) for dtype in ("float64", "float32")]
    checks += [a_check("ADAM-LS-1", family="lock-step", dtype=d) for d in ("float64", "float32")]
    checks.append(
        a_check(
            "ADAM-STATE-1",
            family="state",
            status=Status.SKIPPED,
            examples=0,
            message="the target shows no moments",
        )
    )
    return Result(
        target="good.optim:Adam",
        spec="adam",
        verdict=Verdict.CONFORMS,
        checks=tuple(checks),
        findings=(
            Finding("scalars", "float64", "scalars are kept in float64"),
            Finding("scalars", "float32", "scalars are kept in float64"),
            Finding("underflow", "float32", "v vanishes below this gradient", {"|g|": 2.6e-23}),
        ),
        environment={"python": "3.11.7", "numpy": "2.4.6"},
        adapter="class",
        options={"foreach": True},
        seconds=3.21,
        horizons=(a_horizon(), a_horizon(dtype="float32", steps=96, gradients=(1e-38, 3e38))),
        scope=a_scope(),
    )


def a_scope(**changes: Any) -> Scope:
    values: dict[str, Any] = {
        "profile": "quick",
        "checks": ("ADAM-BC-1", "ADAM-LS-1"),
        "of": ("ADAM-BC-1", "ADAM-LS-1"),
        "dtypes": ("float64", "float32"),
        "takes": ("float64", "float32"),
    }
    return Scope(**{**values, **changes})


def held() -> Result:
    """Half of the profile, in one of the formats that the target takes."""
    return replace(
        conforming(),
        verdict=Verdict.HELD,
        checks=(a_check(dtype="float32"),),
        scope=a_scope(checks=("ADAM-BC-1",), dtypes=("float32",)),
    )


def deviating() -> Result:
    failures = (
        a_failure(),
        a_failure(
            dtype="float64",
            witness=a_witness(dtype="float64", grads=((ONE,),) * 300, step=300),
        ),
        a_failure(dtype="float16", witness=None, message="the first step is 4 % too small"),
    )
    return replace(
        conforming(),
        target="odd.optim:Adam",
        verdict=Verdict.DEVIATES,
        checks=(*conforming().checks, *failures),
        identified=Identification(
            spec="adam[eps=hat]",
            kind="dialect",
            deviation=0.41,
            second="adam",
            second_deviation=2130.0,
            regime="√v below about 1000·ε, most at early t",
            candidates=(("adam[eps=hat]", 0.41), ("adam", 2130.0)),
        ),
    )


def broken() -> Result:
    return replace(
        conforming(),
        target="slow.optim:Adam",
        verdict=Verdict.ERROR,
        checks=(
            *conforming().checks,
            a_check("ADAM-LS-2", status=Status.ERROR, examples=0, message="hung at step 7"),
            a_check(
                "ADAM-LS-3",
                status=Status.INCONCLUSIVE,
                dtype="bfloat16",
                undecided=31,
                message="the envelope is wider than the update",
            ),
        ),
        error="the target hung at step 7 and was stopped after 30 s",
    )


settings.register_profile("local", deadline=None)
# the same examples for the same commit: a gate judges the change, fresh examples are for local runs
settings.register_profile("ci", deadline=None, derandomize=True, database=None, print_blob=True)
settings.load_profile("local")

LEFT_OUT = pytest.StashKey[int]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--all", action="store_true", help="run the slow tests, too")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what is slow of long parametrisations, leave the slow out, skip what needs a GPU."""
    for cases in _cases(items):
        wanted = cases[0].get_closest_marker("sampled").args[0]
        spread = {k * (len(cases) - 1) // max(1, wanted - 1) for k in range(wanted)}
        for k, item in enumerate(cases):
            if k not in spread:
                item.add_marker("slow")
    if not _everything(config):
        slow = [item for item in items if item.get_closest_marker("slow")]
        items[:] = [item for item in items if not item.get_closest_marker("slow")]
        config.stash[LEFT_OUT] = len(slow)
        config.hook.pytest_deselected(items=slow)
    wanting = [item for item in items if item.get_closest_marker("gpu")]
    if wanting and (why := missing_cuda()):
        for item in wanting:
            item.add_marker(pytest.mark.skip(reason=why))


def _cases(items: list[pytest.Item]) -> Iterable[list[pytest.Item]]:
    """The cases of every test that is marked ``sampled``, a list each."""
    found: dict[str, list[pytest.Item]] = {}
    for item in items:
        if item.get_closest_marker("sampled"):
            found.setdefault(item.nodeid.partition("[")[0], []).append(item)
    return found.values()


def _everything(config: pytest.Config) -> bool:
    """Whether nothing is left out: asked for, or selected by a marker, or named one by one."""
    named = any("::" in argument for argument in config.args)
    return bool(config.option.all or config.option.markexpr or named)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker of pytest-xdist tells its controller what it left out."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left out"] = session.config.stash.get(LEFT_OUT, 0)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    node.config.stash[LEFT_OUT] = getattr(node, "workeroutput", {}).get("left out", 0)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    if left := config.stash.get(LEFT_OUT, 0):
        terminalreporter.line(f"{left} slow tests were left out; --all runs them, too")


def missing_cuda() -> str:
    """Why CuPy cannot compute here; empty where it can."""
    try:
        import cupy

        cupy.cuda.runtime.getDeviceCount()
        cupy.arange(2).sum().item()
    except ImportError:
        return "no GPU: cupy is not installed"
    except Exception as error:
        return f"no GPU: {type(error).__name__}: {error}"
    return ""


@pytest.fixture(scope="session")
def samples() -> SimpleNamespace:
    """Builders of results, checks and witnesses."""
    return SimpleNamespace(
        check=a_check,
        comparison=a_comparison,
        failure=a_failure,
        witness=a_witness,
        scope=a_scope,
        conforming=conforming,
        held=held,
        deviating=deviating,
        broken=broken,
    )


@pytest.fixture(autouse=True)
def _plain_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    # what a report looks like must not depend on who runs the tests
    for name in ("COLUMNS", "FORCE_COLOR", "NO_COLOR", "CLICOLOR_FORCE", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    if os.environ.get("TERM") in (None, "dumb"):
        monkeypatch.setenv("TERM", "xterm")
