"""What a run will do, decided from typed facts before anything runs.

A plan is plain data: the same description and request give the same plan.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Final

from adamcheck.checks.registry import Check, all_checks, check_by_id
from adamcheck.errors import UsageError
from adamcheck.formats import Format, format_named
from adamcheck.profiles import Profile, profile_named
from adamcheck.proof.coverage import beyond
from adamcheck.result import Finding, Identification, Scope
from adamcheck.spec import Spec
from adamcheck.spec.defaults import wrong
from adamcheck.spec.hyperparameters import HYPERPARAMETERS
from adamcheck.targets.protocol import Description

_SHARDS: Final = 128
"""About how many shards a plan is cut into: so many that no worker waits long for the last one, and
so few that taking one costs nothing beside it."""


@dataclass(frozen=True)
class Unit:
    """One check in one dtype: what is run, reported and handed to a worker as a whole.

    ``index`` is its place in the order of running, from 1 on; ``lacking`` the abilities that the
    check needs and the target has not, so that it is skipped; ``looks_back`` if it judges what the
    other units of its dtype have shown, so that it comes after them all.
    """

    check: str
    dtype: str
    index: int
    lacking: tuple[str, ...] = ()
    looks_back: bool = False


@dataclass(frozen=True)
class Plan:
    """Everything that is known before the first unit runs.

    ``units`` are in the order of the report. ``error`` says what was asked for and cannot be done;
    the rest is done all the same. ``identified`` is the dialect where the spec was found and not
    claimed. ``scope`` says how much of the profile this is. ``defaults``: a wrong one is told
    ("report") or a deviation ("strict").
    """

    target: str
    spec: Spec
    profile: Profile
    units: tuple[Unit, ...]
    device: str = "cpu"
    seed: int = 0
    error: str = ""
    findings: tuple[Finding, ...] = ()
    identified: Identification | None = None
    scope: Scope | None = None
    max_steps: int | None = None
    defaults: str = "report"
    strict_interface: bool = False

    @property
    def running(self) -> tuple[Unit, ...]:
        """The units in the order in which they run."""
        return tuple(sorted(self.units, key=lambda unit: unit.index))

    @property
    def dtypes(self) -> tuple[str, ...]:
        """The formats that are judged, in order."""
        return tuple(dict.fromkeys(unit.dtype for unit in self.units))

    @property
    def shards(self) -> tuple[tuple[Unit, ...], ...]:
        """What a process takes at once: few units of one dtype, without those that look back.

        Few, as a process that takes many at the end keeps the other one waiting for them; they are
        taken in order, so that whoever tells a fact first tells it first in the plan's order.
        """
        found: list[tuple[Unit, ...]] = []
        size = -(-len(self.units) // _SHARDS)
        for dtype in self.dtypes:
            units = tuple(u for u in self.running if u.dtype == dtype and not u.looks_back)
            found += [units[k : k + size] for k in range(0, len(units), size)]
        return tuple(found)

    @property
    def looking_back(self) -> tuple[Unit, ...]:
        """The units that judge what all others have shown, and come last."""
        return tuple(unit for unit in self.running if unit.looks_back)


def chosen(profile: Profile, only: Iterable[str] | None) -> tuple[Check, ...]:
    """The checks that were asked for by name, or those of the profile."""
    if only:
        wanted = [check_by_id(id_).id for id_ in only]
        return tuple(c for c in all_checks() if c.id in wanted)
    return tuple(c for c in all_checks() if profile.name in c.profiles)


def plan(
    known: Description,
    spec: Spec,
    *,
    profile: str = "quick",
    dtypes: Sequence[str] | None = None,
    only: Sequence[str] | None = None,
    device: str = "cpu",
    seed: int = 0,
    claimed: bool = True,
    identified: Identification | None = None,
    trouble: str = "",
    max_steps: int | None = None,
    defaults: str = "report",
    strict_interface: bool = False,
) -> Plan:
    """The plan for a target that describes itself as ``known`` and is held to ``spec``.

    dtypes: names of formats (default: all that the target takes). only: ids of checks, in any
    case. max_steps: how long one run may be. strict_interface: choices of the interface fail.
    claimed: False where nobody named the spec and it is what the target was ``identified`` as
    (None: it could not be); ``trouble`` says what was in the way of that. Raises UsageError for a
    claimed spec that reads hyperparameters which the target does not take.
    """
    size = profile_named(profile)
    names, error = judged(known, dtypes)
    if names and not claimed and identified is None:
        why = f": {trouble}" if trouble else ""
        error = error or f"the dialect could not be identified{why}"
    if missing := lacking(known, spec):
        if claimed:
            raise UsageError(missing)
        # nobody claimed it: the nearest dialect of a target that follows none
        names, error = (), error or f"no dialect fits, and {missing} Name a spec."
    if claimed and (unused := unread(known, spec)):
        raise UsageError(unused)
    whole = tuple(c for c in chosen(size, None) if c.speaks_of(spec))
    checks = chosen(size, only) if only else whole
    return Plan(
        target=known.target,
        spec=spec,
        profile=size,
        units=_units(known, checks, names),
        device=device,
        seed=seed,
        error=error,
        findings=(
            *(Finding("target", "any", note) for note in known.notes),
            *_unproved(spec),
            *(Finding("wrong-default", "any", one.text) for one in wrong(known.defaults, spec)),
            *(one for name in names for one in _replaced(spec, format_named(name))),
        ),
        identified=identified,
        scope=Scope(
            profile=size.name,
            checks=tuple(c.id for c in checks),
            of=tuple(c.id for c in whole),
            dtypes=names,
            takes=tuple(known.dtypes),
            seeds=(seed,),
            max_steps=max_steps,
            declared=known.declared,
            strict_interface=strict_interface,
        ),
        max_steps=max_steps,
        defaults=defaults,
        strict_interface=strict_interface,
    )


def judged(known: Description, dtypes: Sequence[str] | None) -> tuple[tuple[str, ...], str]:
    """The formats that can be judged, and what is wrong with those that were asked for."""
    if not known.dtypes:
        notes = "; ".join(known.notes) or "no reason was given"
        return (), f"the target ran in no dtype: {notes}"
    names = tuple(dtypes or known.dtypes)
    error = ""
    if missing := [n for n in names if n not in known.dtypes]:
        takes = ", ".join(known.dtypes)
        error = f"the target does not take {', '.join(missing)}; it takes {takes}"
    return tuple(n for n in names if n in known.dtypes), error


def lacking(known: Description, spec: Spec) -> str:
    """Says which hyperparameters of the spec the target does not take; empty if it takes all."""
    takes = known.hyperparameters | known.declared.fixed.keys()
    missing = [n for n in spec.hyperparameters if n not in takes]
    if not known.dtypes or not missing:
        return ""
    wanted = " ".join(f"--fixed {name}=…" for name in missing)
    return (
        f"target {known.target} takes no {', '.join(missing)}, which {spec} reads; it takes"
        f" {', '.join(sorted(takes)) or 'none'}. Where its own value is fixed, say which:"
        f" {wanted} ('adamcheck identify' looks for it)."
    )


def unread(known: Description, spec: Spec) -> str:
    """Says which fixed hyperparameter the spec does not read, unless its value is neutral there."""
    for name, value in known.declared.fixed.items():
        if name not in spec.hyperparameters and value != HYPERPARAMETERS[name].neutral:
            return (
                f"target {known.target}: {name} is fixed at {value:g}, and {spec} reads no {name};"
                f" it reads {', '.join(spec.hyperparameters)}."
            )
    return ""


def _unproved(spec: Spec) -> tuple[Finding, ...]:
    """A claimed dialect beyond those whose rule is proved to be its source's formula."""
    text = beyond(spec)
    return (Finding("beyond-proof", "any", text),) if text else ()


def _replaced(spec: Spec, fmt: Format) -> tuple[Finding, ...]:
    """What checks of usual hyperparameters put in place of those that a format cannot follow."""
    records = [HYPERPARAMETERS[name] for name in spec.hyperparameters]
    instead = {one.name: x for one in records if (x := one.usual_in(fmt)) != one.usual[0]}
    if not instead:
        return ()
    told = ", ".join(
        f"{name} {value:g} in place of {HYPERPARAMETERS[name].usual[0]:g}"
        for name, value in instead.items()
    )
    text = (
        f"where checks take usual hyperparameters it is {told}, which the format cannot follow; the"
        " family defaults takes the target's own as they are"
    )
    return (Finding("replaced-hyperparameters", fmt.name, text),)


def _units(known: Description, checks: Sequence[Check], dtypes: Sequence[str]) -> tuple[Unit, ...]:
    all_of_them = [(one.looks_back, dtype, one.id) for dtype in dtypes for one in checks]
    order = {place[1:]: k for k, place in enumerate(sorted(all_of_them, key=itemgetter(0)), 1)}
    return tuple(
        Unit(
            check=one.id,
            dtype=dtype,
            index=order[dtype, one.id],
            lacking=tuple(sorted(one.needs - known.abilities)),
            looks_back=one.looks_back,
        )
        for dtype in dtypes
        for one in checks
    )
