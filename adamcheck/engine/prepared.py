"""What every whole run needs, made ready at once: the compiled machine, and slow imports."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import Final

_WANTED: Final = ("adamcheck.inputs.strategies", "adamcheck.numerics.balls", "hypothesis")


def prepare() -> None:
    """Import while LLVM compiles, which holds no lock of the interpreter; leaves no thread."""
    from adamcheck.numerics import machine

    with ThreadPoolExecutor(1) as pool:
        compiled = pool.submit(machine.run)
        for name in _WANTED:
            import_module(name)
        compiled.result()
