"""All planted defects, and how one is held against one check, as the gate does it.

Choices of the interface fail, too (strict). Shared by the tests and by scripts/kills. A bench keeps
the target's process; every check gets a context of its own, so that what one check has learnt of
the target does not decide another.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Final
from unittest import mock

from zoo.record import ALL, Defect

from adamcheck.checks.registry import check_by_id
from adamcheck.engine import unit
from adamcheck.engine.plan import Unit
from adamcheck.formats import format_named
from adamcheck.profiles import profile_named
from adamcheck.properties.context import Context
from adamcheck.result import CheckResult, Finding, Status
from adamcheck.spec import parse_spec
from adamcheck.targets.protocol import Limits
from adamcheck.targets.session import Session

ROOT: Final = Path(__file__).resolve().parents[2]
LISTS: Final = (
    "zoo:DEFECTS",
    "zoo.convergence:DEFECTS",
    "zoo.family:FAMILY_DEFECTS",
    "checks.defects:DEFECTS",
)
"""Where planted defects are listed, as module:attribute; a new list is one more line."""


def _collected() -> tuple[dict[str, Defect], dict[str, tuple[str, ...]]]:
    found: dict[str, Defect] = {}
    meant: dict[str, tuple[str, ...]] = {}
    for place in LISTS:
        name, _, attribute = place.partition(":")
        module = import_module(name)
        for defect in getattr(module, attribute):
            if defect.name in found:
                raise ValueError(f"two planted defects are called {defect.name!r}")
            found[defect.name] = defect
        meant |= getattr(module, "KILLERS", {})
    return found, meant


_found, _meant = _collected()
PLANTED: Final[Mapping[str, Defect]] = MappingProxyType(_found)
"""Every planted defect of every list, by name, in the lists' order."""
MEANT: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(_meant)
"""Where a list says so (its module's KILLERS): the checks that must kill a defect."""


def first_dtype(defect: Defect) -> str:
    """The widest format in which the defect shows."""
    return next(name for name in ALL if name in defect.dtypes)


def located(target: str) -> str:
    """A target of the repository, wherever the tests are started from; one of the package as is."""
    return str(ROOT / target) if "/" in target else target


@contextmanager
def unshrunk() -> Iterator[None]:
    """Witnesses as they come: shrinking them is tested by itself."""
    with mock.patch.object(unit, "SHRINK_RUNS", 0):
        yield


class Bench:
    """One target in its process, held against checks one by one; a context manager."""

    def __init__(
        self,
        target: str,
        *,
        spec: str,
        options: Mapping[str, object] = MappingProxyType({}),
        limits: Limits | None = None,
    ) -> None:
        self.spec = parse_spec(spec)
        self.session = Session(located(target), options=options, limits=limits or Limits())

    @classmethod
    def of(cls, defect: Defect) -> Bench:
        """The bench of a planted defect, under the spec that it claims."""
        return cls(defect.target, spec=defect.claims, options=defect.options)

    def hold(self, check: str, dtype: str, *, profile: str = "quick") -> CheckResult:
        """The outcome of one check in one format, with a witness that is not shrunk."""
        return self.told(check, dtype, profile=profile)[0]

    def told(
        self, check: str, dtype: str, *, profile: str = "quick"
    ) -> tuple[CheckResult, list[Finding]]:
        """The same, and the findings that the check booked."""
        context = Context(
            self.session, self.spec, format_named(dtype), profile_named(profile), strict=True
        )
        needs = check_by_id(check).needs
        asked = Unit(check, dtype, 1, tuple(sorted(needs - context.description.abilities)))
        with unshrunk():
            return unit.run_unit(context, asked).result, context.findings

    def __enter__(self) -> Bench:
        return self

    def __exit__(self, *error: object) -> None:
        self.session.close()


def killed(outcome: CheckResult) -> bool:
    """Whether the outcome is a deviation that can be shown: failed, with a witness."""
    return outcome.status is Status.FAILED and outcome.witness is not None
