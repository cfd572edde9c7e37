"""Two versions of adamcheck side by side: whole processes, run in turn, compared pair by pair."""

from __future__ import annotations

import ctypes
import os
import resource
import statistics
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
RELEASES: Final = {"0.1.0": "95d0538"}
"""The commit of each release; anything else is taken for a revision of this repository."""
NUMPY: Final = "adamcheck.implementations:NumpyAdam"
WORKLOADS: Final[dict[str, tuple[tuple[str, ...], int]]] = {
    "check quick": (("check", NUMPY), 7),
    "check torch.optim:Adam": (("check", "torch.optim:Adam"), 5),
    "identify": (("identify", NUMPY), 7),
    "check ci": (("check", NUMPY, "--profile", "ci"), 3),
    "prove": (("prove",), 3),
}
"""What both versions are asked, and how many pairs of runs."""
_CHILD_SUBREAPER: Final = 36
"""PR_SET_CHILD_SUBREAPER of prctl(2)."""


@dataclass(frozen=True)
class Taken:
    """What a run took: seconds on the clock, seconds of all cores, its exit code.

    Seconds of all cores are those of its process and of all that descend from it.
    """

    seconds: float
    cpu: float
    code: int


class Version:
    """One version's source in an environment of its own, with a kernel cache of its own.

    The environment holds the packages of the one that runs the bench, in the same versions, and
    this source; what differs is adamcheck alone.
    """

    def __init__(self, source: Path, folder: Path) -> None:
        self._folder = folder
        environment = folder / "environment"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
        self._python = environment / "bin" / "python"
        base = {"base": str(environment), "platbase": str(environment)}
        site = Path(sysconfig.get_path("purelib", "venv", vars=base))
        packages = dict.fromkeys(sysconfig.get_path(kind) for kind in ("purelib", "platlib"))
        # a path that stands first wins over an adamcheck among the packages
        (site / "bench.pth").write_text("\n".join([str(source), *packages]) + "\n", "utf-8")
        self._ask("-c", f"import adamcheck; assert {str(source)!r} in adamcheck.__file__")

    def run(self, *words: str, cache: Path | None = None) -> Taken:
        """Run the command line; SystemExit where it neither conforms nor deviates."""
        _adopt()
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        start = time.perf_counter()
        done = self._ask("-m", "adamcheck", *words, cache=cache)
        seconds = time.perf_counter() - start
        _await_adopted()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return Taken(seconds, cpu, done.returncode)

    def _ask(self, *arguments: str, cache: Path | None = None) -> subprocess.CompletedProcess[str]:
        # sources are compiled in the first run and not in every one, as installed ones are
        left_out = ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE")
        environment = {k: v for k, v in os.environ.items() if k not in left_out}
        environment["XDG_CACHE_HOME"] = str(cache or self._folder / "cache")
        done = subprocess.run(
            [str(self._python), *arguments],
            cwd=self._folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
            check=False,
        )
        if done.returncode not in (0, 1) or (done.returncode and arguments[0] == "-c"):
            what = " ".join(arguments)
            raise SystemExit(f"bench: {what}: exit {done.returncode}\n{done.stderr[-2000:]}")
        return done


def _adopt() -> None:
    """Be the parent of descendants whose own has ended, which would be counted nowhere else.

    A copy of a loaded target is one. Only Linux has that; elsewhere they are left out.
    """
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_CHILD_SUBREAPER, 1, 0, 0, 0)


def _await_adopted() -> None:
    """Wait for those that were adopted, until there is none."""
    with suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)


def known(named: str) -> bool:
    """Whether it is a release or a revision of this repository."""
    asked = ("rev-parse", "--verify", "--quiet", f"{RELEASES.get(named, named)}^{{tree}}")
    done = subprocess.run(["git", "-C", str(ROOT), *asked], capture_output=True, check=False)
    return not done.returncode


@contextmanager
def versions(named: str) -> Iterator[tuple[Version, Version]]:
    """The named version and this one, each ready to run, in a folder that is gone afterwards."""
    archive = subprocess.run(
        ["git", "-C", str(ROOT), "archive", "--format=tar", RELEASES.get(named, named)],
        stdout=subprocess.PIPE,
        check=True,
    )
    with tempfile.TemporaryDirectory() as folder:
        old, new = Path(folder) / "old", Path(folder) / "new"
        for place in (old, new):
            place.mkdir()
        with tarfile.open(fileobj=BytesIO(archive.stdout)) as files:
            files.extractall(old / "source", filter="data")
        yield Version(old / "source", old), Version(ROOT, new)


@dataclass(frozen=True)
class Pairs:
    """Runs of one workload: the old version and the new one in turn."""

    old: tuple[Taken, ...]
    new: tuple[Taken, ...]

    @property
    def ratio(self) -> float:
        """The median of the pairs' ratios of time, new / old."""
        return statistics.median(n.seconds / o.seconds for o, n in self._both)

    @property
    def cpu(self) -> float:
        """The same of the time of all cores."""
        return statistics.median(n.cpu / o.cpu for o, n in self._both)

    @property
    def seconds(self) -> tuple[float, float]:
        """The median times, old and new."""
        old, new = (statistics.median(t.seconds for t in taken) for taken in (self.old, self.new))
        return old, new

    @property
    def _both(self) -> list[tuple[Taken, Taken]]:
        return list(zip(self.old, self.new, strict=True))


def pairs(old: Version, new: Version, words: tuple[str, ...], count: int) -> Pairs:
    """``count`` pairs after one run of each to fill the caches; who begins takes turns."""
    first = old.run(*words), new.run(*words)
    if first[0].code != first[1].code:
        codes = " and ".join(str(taken.code) for taken in first)
        print(f"bench: {' '.join(words)}: the versions differ in their exit codes, {codes}")
    taken: dict[Version, list[Taken]] = {old: [], new: []}
    for number in range(count):
        for version in (old, new) if number % 2 else (new, old):
            taken[version].append(version.run(*words))
    return Pairs(tuple(taken[old]), tuple(taken[new]))


def first_run(version: Version, count: int = 3) -> float:
    """Seconds that ``check quick`` takes longer with an empty kernel cache than with a full one."""
    words, _ = WORKLOADS["check quick"]
    added = []
    for _ in range(count):
        with tempfile.TemporaryDirectory() as cache:
            cold, warm = (version.run(*words, cache=Path(cache)).seconds for _ in range(2))
        added.append(cold - warm)
    return statistics.median(added)
