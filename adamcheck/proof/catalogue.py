"""One-line statements of the theorems, read from proofs/README.md without loading SymPy."""

from __future__ import annotations

from adamcheck.proof.library import directory, theorem_names


def theorem_statements() -> dict[str, str]:
    """Slug to statement, in the order of the README."""
    rows = {}
    for line in (directory() / "README.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("| `"):
            # a bar inside a statement is written \|, as Markdown wants it
            cells = [cell.strip() for cell in line.replace("\\|", "\0").strip("|").split("|")]
            rows[cells[0].strip("`")] = cells[1].replace("\0", "|")
    return {name: rows.get(name, "") for name in theorem_names()}
