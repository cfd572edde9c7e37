"""The registry of checks: one record each, from which lists, explanations and tables are made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from adamcheck.errors import UsageError, closest
from adamcheck.removed import said_of

if TYPE_CHECKING:
    from adamcheck.formats import Format
    from adamcheck.properties.context import Account, Context
    from adamcheck.spec import Spec

FAMILIES: Final = (
    "agreement",
    "first-step",
    "bias-correction",
    "step-bound",
    "symmetry",
    "state",
    "storage",
    "calls",
    "elementwise",
    "arrays",
    "hyperparameters",
    "defaults",
    "options",
    "relations",
    "convergence",
    "fuzzing",
)


@dataclass(frozen=True)
class Floor:
    """The least share of the element-steps asked for that a check must decide, else it is no pass.

    One rule for all: at least half, as otherwise most of what the check looks at goes unjudged.
    ``narrow`` is the share in formats of few digits, where a lower one has a reason: ``why``.
    ``stored`` is the share where moments of fewer digits than θ are claimed and all of them shown:
    bounds of a run then grow with what storage rounds away, and a check of single steps, late ones
    too, that has no lower share itself, holds each step.
    """

    share: float = 0.5
    narrow: float = 0.5
    why: str = ""
    stored: float = 0.05

    def of(self, fmt: Format, *, stored: bool = False) -> float:
        """The share in a format; one that lacks range is short of digits for squares."""
        share = self.narrow if fmt.narrow or fmt.short_ranged else self.share
        return min(share, self.stored) if stored else share


SWALLOWED: Final = Floor(narrow=0.2, why="in few digits θ soon is so large that it swallows Δ")


def coverage(decided: int, undecided: int) -> float:
    """The share of element-steps that were decided; 0 where none was asked for."""
    asked = decided + undecided
    return decided / asked if asked else 0.0


@dataclass(frozen=True)
class Check:
    """One property held against a target.

    ``law`` is one sentence; ``clause`` the part of the rule it speaks of; ``theorem`` the slug of
    the proof it rests on; ``needs``
    the target's abilities without which it is skipped; ``profiles`` where it runs; ``algorithms``
    the rules that it speaks of (none: of every rule); ``looks_back`` if it also judges what the
    runs of other checks have shown, so that it comes last; ``floor`` the share of element-steps
    that it must decide; ``claims`` the switches of storage, one of which a spec must set.
    """

    id: str
    family: str
    title: str
    law: str
    clause: str
    theorem: str
    run: Callable[[Context, Account], None]
    needs: frozenset[str] = frozenset()
    profiles: tuple[str, ...] = ("quick", "ci", "thorough")
    algorithms: tuple[str, ...] = ()
    looks_back: bool = False
    floor: Floor = Floor()
    claims: tuple[str, ...] = ()

    def speaks_of(self, spec: Spec) -> bool:
        """False where the law is about other rules than the claimed one, or of other claims."""
        if self.claims and not spec.stored.keys() & set(self.claims):
            return False
        return not self.algorithms or spec.algorithm in self.algorithms


_COLLECTED: list[Check] = []


def check(
    id: str,
    *,
    title: str,
    law: str,
    clause: str,
    theorem: str,
    needs: tuple[str, ...] = (),
    profiles: tuple[str, ...] = ("quick", "ci", "thorough"),
    algorithms: tuple[str, ...] = (),
    looks_back: bool = False,
    floor: Floor = Floor(),
    claims: tuple[str, ...] = (),
) -> Callable[[Callable[[Context, Account], None]], Callable[[Context, Account], None]]:
    """Register the decorated function as a check; the family is its module's name."""

    def register(
        function: Callable[[Context, Account], None],
    ) -> Callable[[Context, Account], None]:
        family = function.__module__.rpartition(".")[2].replace("_", "-")
        if any(one.id == id for one in _COLLECTED):
            raise ValueError(f"two checks are called {id}")
        _COLLECTED.append(
            Check(
                id,
                family,
                title,
                law,
                clause,
                theorem,
                function,
                frozenset(needs),
                profiles,
                algorithms,
                looks_back,
                floor,
                claims,
            )
        )
        return function

    return register


def _collect() -> tuple[Check, ...]:
    for family in FAMILIES:
        import_module(f"adamcheck.checks.{family.replace('-', '_')}")
    return tuple(sorted(_COLLECTED, key=lambda c: FAMILIES.index(c.family)))


def check_by_id(id: str) -> Check:
    """Look a check up; raise UsageError with the closest id."""
    known = {c.id: c for c in all_checks()}
    if gone := said_of(id):
        raise UsageError(gone)
    if id.upper() not in known:
        raise UsageError(
            f"unknown check {id!r}; 'adamcheck list' shows all.{closest(id.upper(), known)}"
        )
    return known[id.upper()]


def all_checks() -> tuple[Check, ...]:
    """Every registered check, by family."""
    global _all
    if _all is None:
        _all = _collect()
    return _all


_all: tuple[Check, ...] | None = None


def __getattr__(name: str) -> Any:
    if name == "CHECKS":
        return all_checks()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
