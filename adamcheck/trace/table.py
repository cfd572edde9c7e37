"""The table that a trace yields, and its files: CSV, JSON and Parquet, each whole or not at all."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from adamcheck._version import __version__
from adamcheck.errors import UsageError
from adamcheck.reports.documents import dumps
from adamcheck.reports.files import atomically, write_atomically
from adamcheck.witness import number

SCHEMA: Final = "adamcheck.trace/1"

COLUMNS: Final[dict[str, str]] = {
    "step": "t, from 1",
    "element": "index of the variable, from 0",
    "gradient": "g_t that the target was given",
    "theta": "the target's θ_t",
    "update": "θ_{t-1} - θ_t of the target",
    "exact_theta": "θ_t by the oracle from the target's θ_{t-1}",
    "exact_update": "Δ_t by the oracle",
    "error": "|θ_t - exact θ_t|",
    "bound": "radius of the envelope of θ_t",
    "error_over_bound": "above 1 the step is not the spec's",
    "effective": "|θ_{t-1} - θ_t|/α",
    "step_bound": "R_t: |Δ_t| ≤ α·R_t for every gradient sequence (Adam)",
    "ratio": "m̂/√v̂ by the oracle, where the rule has both",
    "path": "θ_t of the oracle on its own path from the same start",
    "lr": "α of the step",
}
"""The columns in their order, and what they hold; a number that a spec does not have is NaN."""


@dataclass(frozen=True)
class Table:
    """One row for every step and variable; ``columns`` maps the names of COLUMNS to ``[T·N]``.

    ``facts`` says what was run: target, spec, dtype, hyperparameters, problem; ``failure`` is what
    ended the target early, if anything did. ``losses``: f before the first and after every step.
    """

    columns: Mapping[str, NDArray[Any]]
    facts: Mapping[str, Any]
    failure: str = ""
    losses: tuple[float, ...] = ()
    outside: int = field(default=0)

    @property
    def steps(self) -> int:
        """Steps that the target finished."""
        return int(self.columns["step"].max(initial=0))

    @property
    def elements(self) -> int:
        """Variables."""
        return int(self.columns["element"].max(initial=-1)) + 1

    def of(self, column: str) -> NDArray[Any]:
        """One column as ``[T, N]``."""
        return self.columns[column].reshape(-1, max(self.elements, 1))

    @property
    def unjudged(self) -> int:
        """Element-steps that nothing can be said of: without a finite envelope, or behind NaN."""
        lost = np.isnan(self.columns["error_over_bound"])
        return int((lost | ~np.isfinite(self.columns["bound"])).sum())

    def worst(self) -> NDArray[np.float64]:
        """The largest error/bound of every variable; steps that nothing can be said of count 0."""
        # fmax leaves out NaN: once a target is lost, no later step of it can be judged
        return np.asarray(np.fmax.reduce(self.of("error_over_bound"), axis=0, initial=0.0))


def write_csv(table: Table, path: Path) -> None:
    """Write a header and one line a row; floats in as many digits as they need to be read back."""
    write_atomically(path, csv_text(table))


def csv_text(table: Table) -> str:
    """The table as CSV."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(table.columns)
    # Python's floats print the shortest digits that give the same number back
    writer.writerows(zip(*(a.tolist() for a in table.columns.values()), strict=True))
    return out.getvalue()


def write_json(table: Table, path: Path) -> None:
    """Write facts, meanings and columns as strict JSON; non-finite numbers become texts."""
    write_atomically(path, json_text(table))


def json_text(table: Table) -> str:
    """The table as JSON."""
    return dumps(
        {
            "schema": SCHEMA,
            "adamcheck": __version__,
            **table.facts,
            "failure": table.failure,
            "outside": table.outside,
            "unjudged": table.unjudged,
            "meanings": {name: COLUMNS[name] for name in table.columns},
            "losses": [number(x) for x in table.losses],
            "columns": {
                name: array.tolist() if array.dtype.kind == "i" else [number(x) for x in array]
                for name, array in table.columns.items()
            },
        }
    )


def need_parquet() -> None:
    """Raise UsageError with the line that installs it where pyarrow is missing."""
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError:
        raise UsageError(
            "a Parquet file needs pyarrow, which is not installed: pip install 'adamcheck[parquet]'"
        ) from None


def write_parquet(table: Table, path: Path) -> None:
    """Write the columns, with the facts as the schema's metadata."""
    need_parquet()
    import pyarrow
    import pyarrow.parquet

    facts = {str(k): str(v) for k, v in {**table.facts, "schema": SCHEMA}.items()}
    made = pyarrow.table({k: np.ascontiguousarray(a) for k, a in table.columns.items()})
    made = made.replace_schema_metadata(facts)
    atomically(path, lambda file: pyarrow.parquet.write_table(made, file))
