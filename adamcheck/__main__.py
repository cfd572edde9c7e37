"""``python -m adamcheck`` and the script ``adamcheck``: the command line in an own process."""

from __future__ import annotations

import gc
import os
import sys
from typing import Final

_YOUNG: Final = 1 << 16
"""Objects that are made before garbage is looked for. Nearly all that a command imports and builds
lives to its end, and every search goes through it again."""


def main() -> int:
    """Run the command line; returns the exit code."""
    gc.set_threshold(_YOUNG)
    # nothing here multiplies matrices, and a process of one thread can be copied for a worker
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from adamcheck.cli import main as run

    return run()


if __name__ == "__main__":
    sys.exit(main())
