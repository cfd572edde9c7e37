"""The picture of a trace: paths, effective steps under R_t, m̂/√v̂, and the error in its envelope."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np

from adamcheck.errors import UsageError
from adamcheck.reports.files import atomically
from adamcheck.trace.table import Table

FORMATS: Final = (".png", ".svg", ".pdf")
MOST_LINES: Final = 8
"""Variables that are drawn; more would hide one another."""


def need_plot(path: Path) -> None:
    """Raise UsageError where the file's kind is unknown or matplotlib is missing."""
    if path.suffix.lower() not in FORMATS:
        raise UsageError(f"{path}: a picture is written as {', '.join(FORMATS)}")
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise UsageError(
            "a picture needs matplotlib, which is not installed: pip install 'adamcheck[plot]'"
        ) from None


def write_plot(table: Table, path: Path) -> None:
    """Draw four panels into a file; nothing is shown on a screen."""
    need_plot(path)
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11.0, 7.5), layout="constrained")
    paths, steps, ratios, errors = figure.subplots(2, 2, sharex=True).reshape(-1)
    t = table.of("step")[:, 0]
    chosen = _chosen(table)
    for k in chosen:
        (line,) = paths.plot(t, table.of("theta")[:, k], lw=1.2, label=f"θ[{k}]")
        paths.plot(t, table.of("path")[:, k], lw=0.8, ls=":", color=line.get_color())
        steps.plot(t, table.of("effective")[:, k], lw=1.0, color=line.get_color())
        ratios.plot(t, table.of("ratio")[:, k], lw=1.0, color=line.get_color())
        errors.plot(t, table.of("error_over_bound")[:, k], lw=1.0, color=line.get_color())
    bound = table.of("step_bound")[:, 0]
    if np.isfinite(bound).any():
        steps.plot(t, bound, color="black", lw=1.0, ls="--", label="R_t")
        steps.legend(fontsize="small")
    errors.axhline(1.0, color="black", lw=1.0, ls="--")
    paths.legend(fontsize="small", ncols=2)
    _named(paths, "θ (dotted: the oracle on its own path)")
    _named(steps, "effective step |Δ|/α")
    _named(ratios, "m̂/√v̂ by the oracle")
    _named(errors, "error / bound (above 1: not the spec)")
    for panel in (ratios, errors):
        panel.set_xlabel("step")
    facts = table.facts
    figure.suptitle(_plain(f"{facts['target']} against {facts['spec']}, {facts['dtype']}"))
    kind = path.suffix.lower()[1:]
    # no creation date: the same trace gives the same bytes
    metadata: dict[str, Any] = {"Date": None} if kind == "svg" else {}
    metadata |= {"CreationDate": None} if kind == "pdf" else {}
    atomically(path, lambda file: figure.savefig(file, format=kind, dpi=130, metadata=metadata))


def _chosen(table: Table) -> list[int]:
    """At most MOST_LINES variables, the ones that left the envelope first."""
    outside = [int(k) for k in np.flatnonzero(table.worst() > 1.0)]
    rest = [k for k in range(table.elements) if k not in outside]
    return sorted((outside + rest)[:MOST_LINES])


def _named(panel: Any, title: str) -> None:
    panel.set_title(title, fontsize="medium")
    panel.grid(alpha=0.3)


def _plain(text: str) -> str:
    # a dollar sign would start a formula
    return text.replace("$", r"\$")
