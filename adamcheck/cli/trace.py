"""``adamcheck trace``: a target and the oracle side by side, as a table and a picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from adamcheck.cli.output import check_outputs, draw, say, write
from adamcheck.cli.request import literal
from adamcheck.errors import UsageError
from adamcheck.problems import PROBLEMS, build
from adamcheck.text import visible
from adamcheck.trace import Table, load_gradients, trace
from adamcheck.trace.picture import need_plot, write_plot
from adamcheck.trace.table import csv_text, json_text, need_parquet, write_csv, write_json
from adamcheck.trace.table import write_parquet as _parquet

if TYPE_CHECKING:
    from rich.console import Console

    from adamcheck.targets.protocol import Limits

_SHOWN = 12


@dataclass(frozen=True)
class TraceRequest:
    """What one ``adamcheck trace`` asks for; the last four are paths, "" for none, - for stdout."""

    target: str
    problem: Mapping[str, Any] | None
    gradients: str
    spec: str
    dtype: str
    steps: int
    hyper: Mapping[str, float]
    device: str = "cpu"
    options: Mapping[str, Any] = field(default_factory=dict)
    limits: Limits | None = None
    csv: str = ""
    parquet: str = ""
    json: str = ""
    plot: str = ""


def run_trace(request: TraceRequest) -> int:
    """Trace, write what was asked for, and show the steps that say most; returns the exit code.

    0: every step that can be judged lies in the envelope; 1: some do not; 3: the target failed on
    the way, or nothing could be judged.
    """
    outputs = _outputs(request)
    grads, start = (None, None)
    if request.gradients:
        grads, start = load_gradients(Path(request.gradients))
    table = trace(
        request.target,
        problem=request.problem,
        gradients=grads,
        theta0=start,
        spec=request.spec,
        dtype=request.dtype,
        steps=request.steps,
        hyper=request.hyper,
        options=request.options,
        device=request.device,
        limits=request.limits,
    )
    for put in outputs:
        put(table)
    if "-" not in (request.csv, request.json):
        draw(lambda console: _show(console, table))
    if table.failure:
        say(f"the target failed: {table.failure}")
        return 3
    if table.outside:
        return 1
    return 3 if table.unjudged == table.steps * table.elements else 0


def problem_for(name: str, parameters: Sequence[str], gradients: str) -> Mapping[str, Any] | None:
    """The problem that was named with its parameters, checked; None for gradients from a file."""
    if bool(name) == bool(gradients):
        known = ", ".join(PROBLEMS)
        raise UsageError(f"trace: give either --problem NAME ({known}) or --gradients FILE")
    if not name:
        if parameters:
            raise UsageError("trace: --set is for a problem, not for gradients from a file")
        return None
    asked = {"problem": name, **{key: _value(text) for key, text in _pairs(parameters, "--set")}}
    build(asked)
    return asked


def hyper_for(values: Sequence[str]) -> dict[str, float]:
    """Hyperparameters written ``name=number``."""
    given: dict[str, float] = {}
    for name, text in _pairs(values, "--hyper"):
        try:
            given[name] = float(text)
        except ValueError:
            raise UsageError(f"--hyper {name}={text}: {text!r} is not a number") from None
    return given


def _pairs(values: Sequence[str], option: str) -> list[tuple[str, str]]:
    pairs = [tuple(part.strip() for part in value.partition("=")) for value in values]
    for value, (name, equals, text) in zip(values, pairs, strict=True):
        if not equals or not name.isidentifier() or not text:
            raise UsageError(f"{option} {value!r}: write it as name=value")
    return [(name, text) for name, _, text in pairs]


def _value(text: str) -> Any:
    """A number, true or false, or several numbers with commas."""
    parts = [literal(part.strip()) for part in text.split(",")]
    return parts[0] if len(parts) == 1 else parts


def _outputs(request: TraceRequest) -> list[Callable[[Table], None]]:
    """What to write; every file that cannot be written is refused before anything is run."""
    if "-" in (request.parquet, request.plot):
        raise UsageError("a Parquet file or a picture needs a file name, not -")
    check_outputs(csv=request.csv, json=request.json, parquet=request.parquet, plot=request.plot)
    texts = ((request.csv, write_csv, csv_text), (request.json, write_json, json_text))
    files = ((request.parquet, _parquet), (request.plot, write_plot))
    if request.parquet:
        need_parquet()
    if request.plot:
        need_plot(Path(request.plot))
    outputs: list[Callable[[Table], None]] = []
    for name, put, text in texts:
        if name == "-":
            outputs.append(lambda table, text=text: write(text(table)))  # type: ignore[misc]
        elif name:
            outputs.append(lambda table, put=put, name=name: put(table, Path(name)))  # type: ignore[misc]
    for name, put in files:
        if name:
            outputs.append(lambda table, put=put, name=name: put(table, Path(name)))  # type: ignore[misc]
    return outputs


def _show(console: Console, table: Table) -> None:
    from rich.box import SIMPLE
    from rich.table import Table as Grid
    from rich.text import Text

    facts = table.facts
    told = facts["problem"] or "given gradients"
    head = f"{facts['target']} against {facts['spec']} in {facts['dtype']}: {told}"
    console.print(Text(visible(head), style="bold"))
    numbers = ", ".join(f"{name}={value:g}" for name, value in facts["hyper"].items())
    console.print(Text(numbers))
    grid = Grid(box=SIMPLE, pad_edge=False, show_edge=False)
    columns = {
        "step": "step", "θ": "theta", "|Δ|/α": "effective", "R_t": "step_bound",
        "m̂/√v̂": "ratio", "error/bound": "error_over_bound", "oracle's path": "path",
    }  # fmt: skip
    for title in columns:
        grid.add_column(title, justify="right")
    worst = _worst(table)
    for t in _rows(table.steps):
        cells = [_cell(name, table.of(name)[t, worst]) for name in columns.values()]
        grid.add_row(str(t + 1), *cells[1:])
    label = f"variable {worst} of {table.elements}, the one nearest to its envelope's edge"
    console.print(Text(label))
    console.print(grid)
    console.print(Text(_verdict(table)))


def _cell(name: str, x: float) -> str:
    """A number, blank where there is none; a parameter that is not finite is shown as it is."""
    shown = name == "theta" or np.isfinite(x) or (name == "error_over_bound" and x == np.inf)
    return f"{x:.6g}" if shown else ""


def _worst(table: Table) -> int:
    worst = table.worst()
    return int(np.argmax(worst)) if worst.size else 0


def _rows(steps: int) -> list[int]:
    """The first steps, the last, and some evenly spread in the exponent between them."""
    if steps <= _SHOWN:
        return list(range(steps))
    spread = np.rint(np.geomspace(1.0, steps, _SHOWN)).astype(int) - 1
    return sorted({int(t) for t in spread})


def _verdict(table: Table) -> str:
    largest = float(table.worst().max(initial=0.0))
    if table.outside:
        step = int(np.argmax((table.of("error_over_bound") > 1.0).any(axis=1))) + 1
        return (
            f"{table.outside} of {table.elements} variables leave the envelope, first at step"
            f" {step} (largest error/bound {largest:.4g}); see adamcheck identify"
        )
    total, unjudged = table.steps * table.elements, table.unjudged
    if unjudged == total:
        return f"none of {total} element-steps could be judged: none has a finite envelope"
    held = f"each of the {table.steps} steps before the failure" if table.failure else "every step"
    told = f"{held} lies in its envelope (largest error/bound {largest:.4g})"
    if not unjudged:
        return told
    return f"{unjudged} of {total} element-steps were not judged: no finite envelope; else {told}"
