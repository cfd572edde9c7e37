"""``adamcheck identify``: which dialect a target is, with the evidence for it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from adamcheck.cli.output import check_outputs, draw, say, write
from adamcheck.declared import Declared
from adamcheck.targets.protocol import Limits
from adamcheck.targets.session import Session


def run_identify(
    target: str,
    *,
    dtype: str,
    device: str,
    options: Mapping[str, Any],
    declared: Declared,
    limits: Limits | None,
    json: str,
) -> int:
    """Identify and print; 0 for a dialect, 1 for none of them, 3 where it cannot be told."""
    check_outputs(json=json)
    with Session(
        target, options=options, device=device, limits=limits or Limits(), declared=declared
    ) as session:
        session.start()
        # what asks and what shows is imported while the target's process starts, which takes longer
        from adamcheck.cli.progress import progress
        from adamcheck.identify import identify
        from adamcheck.reports.identified import document, show

        with progress() as listener:
            report = identify(
                target, options=options, dtype=dtype, session=session, listener=listener
            )
    found = report.identification
    ran = report.dtype or dtype
    if json:
        from adamcheck.reports.documents import dumps
        from adamcheck.reports.files import write_atomically

        text = dumps(document(target, ran, report))
        if json == "-":
            write(text)
        else:
            write_atomically(Path(json), text)
    if found is None or report.error:
        say(f"{target}: {report.error or 'could not be identified'}")
        return 3
    stream = sys.stderr if json == "-" else sys.stdout
    draw(lambda console: show(target, ran, report, found, console), stream)
    return 0 if found.kind == "dialect" else 1
