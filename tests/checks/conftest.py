"""One bench at a time is kept open, so that neighbouring tests share the target's process."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from checks.planted import PLANTED, Bench


@pytest.fixture(scope="session")
def bench_of() -> Iterator[Callable[[str], Bench]]:
    """The bench of a planted defect by its name; tests over one defect should stand together."""
    kept: dict[str, Bench] = {}

    def get(name: str) -> Bench:
        if name not in kept:
            for bench in kept.values():
                bench.session.close()
            kept.clear()
            kept[name] = Bench.of(PLANTED[name])
        return kept[name]

    yield get
    for bench in kept.values():
        bench.session.close()
