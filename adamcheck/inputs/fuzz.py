"""Search with Hypothesis for a trajectory that breaks a property, steered towards the bound.

The property returns the largest error/bound it saw, which Hypothesis tries to raise, and raises
where the property fails. Examples are seeded, so that a run can be repeated.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from adamcheck.targets.protocol import Trajectory

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

Property = Callable[[Trajectory], float | None]


@dataclass(frozen=True, eq=False)
class Counterexample:
    """The simplest trajectory that was found to break the property.

    ``seed`` repeats the search; ``flaky``: it did not fail again when it was run once more.
    """

    trajectory: Trajectory
    error: Exception
    seed: int
    flaky: bool = False

    @property
    def message(self) -> str:
        """The text of the exception that the property raised."""
        return str(self.error) or type(self.error).__name__


def seed_for(profile: str, seed: int | None = None) -> int:
    """The seed to use and to print: the one given, else 0, or a random one for thorough runs."""
    if seed is not None:
        return seed
    if profile != "thorough":
        return 0
    from secrets import randbelow

    return randbelow(1 << 32)


def fuzz(
    strategy: SearchStrategy[Trajectory],
    holds: Property,
    *,
    seed: int,
    max_examples: int = 100,
    max_shrinks: int = 200,
    name: str = "adamcheck",
    database: Path | None = None,
) -> Counterexample | None:
    """Look for a trajectory on which ``holds`` raises an Exception; return the simplest found.

    Hypothesis may run ``max_shrinks`` more examples to simplify it. ``database`` is a folder in
    which failing examples of ``name`` are kept and tried first next time.
    """
    import hypothesis
    from hypothesis import HealthCheck, Phase, Verbosity, settings
    from hypothesis.database import DirectoryBasedExampleDatabase
    from hypothesis.errors import Flaky

    watch = _Watch(holds, max_shrinks)

    def search(trajectory: Trajectory) -> None:
        ratio = watch(trajectory)
        if ratio is not None and math.isfinite(ratio):
            hypothesis.target(float(ratio), label="error/bound")

    configured = settings(
        max_examples=max_examples,
        database=None if database is None else DirectoryBasedExampleDatabase(database / name),
        deadline=None,
        phases=[Phase.reuse, Phase.generate, Phase.target, Phase.shrink],
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.quiet,
        report_multiple_bugs=False,
        print_blob=False,
        derandomize=False,
    )
    # in this order: seed() takes the database away from the settings that it finds
    test = configured(hypothesis.seed(seed)(hypothesis.given(strategy)(search)))
    flaky = False
    with _storage(), _alike():
        try:
            test()
        except (_BrokenError, _EnoughError):
            pass
        except Flaky:
            if watch.simplest is None:
                raise
            flaky = True
    # once it has a failure Hypothesis tries simpler examples only, so the last one is the simplest
    found = watch.simplest
    return None if found is None else Counterexample(found.trajectory, found.error, seed, flaky)


class _BrokenError(Exception):
    """The property failed on a trajectory: one class, so that Hypothesis sees one failure."""

    def __init__(self, trajectory: Trajectory, error: Exception) -> None:
        super().__init__(str(error))
        self.trajectory, self.error = trajectory, error


class _EnoughError(BaseException):
    """The runs for shrinking are used up; not an Exception, so that Hypothesis lets it through."""


class _Watch:
    """Runs the property; after a failure only failures of its type count, and runs are counted."""

    def __init__(self, holds: Property, max_shrinks: int) -> None:
        from hypothesis.errors import HypothesisException

        self._holds, self._left = holds, max_shrinks
        self._passing_through = HypothesisException
        self.simplest: _BrokenError | None = None

    def __call__(self, trajectory: Trajectory) -> float | None:
        if self.simplest is not None:
            self._left -= 1
            if self._left < 0:
                raise _EnoughError
        try:
            return self._holds(trajectory)
        except self._passing_through:
            raise
        except Exception as error:
            if self.simplest is not None and type(error) is not type(self.simplest.error):
                return None
            self.simplest = _BrokenError(trajectory, error)
            raise self.simplest from error


@contextmanager
def _storage() -> Iterator[None]:
    """Keep Hypothesis's own files out of the user's working directory, and put its choice back."""
    from hypothesis import configuration
    from platformdirs import user_cache_path

    name = "__hypothesis_home_directory"
    before = getattr(configuration, name, None)
    if before is None:
        configuration.set_hypothesis_home_dir(user_cache_path("adamcheck") / "hypothesis")
    try:
        yield
    finally:
        configuration.set_hypothesis_home_dir(before)


@contextmanager
def _alike() -> Iterator[None]:
    """Draw the same wherever it runs.

    Hypothesis mixes the constants of all local modules that happen to be imported into what it
    draws: those of the user's project, and of adamcheck where it is not installed. A seed would
    then mean something else in every project, process and version.
    """
    from hypothesis.internal.conjecture import providers

    name = "_get_local_constants"
    before = getattr(providers, name, None)
    if before is None:  # a version without this
        yield
        return
    none = type(providers.GLOBAL_CONSTANTS)()
    setattr(providers, name, lambda: none)
    providers.CONSTANTS_CACHE.cache.clear()
    try:
        yield
    finally:
        setattr(providers, name, before)
        providers.CONSTANTS_CACHE.cache.clear()
