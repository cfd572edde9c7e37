"""The one result model: what every report, exit code and Python caller reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from adamcheck.declared import NOTHING, Declared
from adamcheck.errors import AdamcheckError
from adamcheck.horizon import Horizon, merged
from adamcheck.spec.defaults import Defaults
from adamcheck.text import shorten, visible

SCHEMA: Final = "adamcheck.result/1"
SEVERAL: Final = "adamcheck.results/1"
"""Schema of a file that holds the results of several targets."""


class Status(StrEnum):
    """Outcome of one check (DESIGN: words); only passed and waived let a target conform."""

    PASSED = "passed"
    FAILED = "failed"
    WAIVED = "waived"
    STALE_WAIVER = "stale-waiver"
    SKIPPED = "skipped"
    INCONCLUSIVE = "inconclusive"
    ERROR = "error"


class Verdict(StrEnum):
    """What is said of a target as a whole."""

    CONFORMS = "conforms"
    HELD = "held"
    """Nothing deviated, and only a part of the profile was run: no word on the whole."""
    DEVIATES = "deviates"
    ERROR = "error"

    @property
    def exit_code(self) -> int:
        """0 conforms, 1 deviates, 3 error or incomplete; a partial run is incomplete."""
        return {"conforms": 0, "deviates": 1}.get(self.value, 3)


@dataclass(frozen=True)
class Comparison:
    """One observed number held against the oracle; all values are of one element at one step.

    ``exact`` is the midpoint of the enclosure and ``radius`` its radius; ``bound`` the envelope's
    radius and ``terms`` what it is made of (rounding, scalars, underflow, stored parameter), in the
    same units. ``units`` is the error in u·α·(condition-aware unit) and ``ulps`` in ulps of exact.
    """

    quantity: str
    observed: float
    exact: float
    radius: float
    bound: float
    terms: Mapping[str, float] = field(default_factory=dict)
    units: float | None = None
    ulps: float | None = None

    @property
    def error(self) -> float:
        """|observed - exact|."""
        return abs(self.observed - self.exact)


@dataclass(frozen=True)
class Witness:
    """The smallest input found that breaks a check; replayed by ``adamcheck check T --replay F``.

    theta0 ``[n]`` and grads ``[T, n]`` hold hex floats; ``element`` and ``step`` (1-based) point at
    the number that is compared. ``how`` says what else the run did (layout, preload, reload …).
    """

    check: str
    spec: str
    dtype: str
    hyper: Mapping[str, str]
    theta0: tuple[str, ...]
    grads: tuple[tuple[str, ...], ...]
    element: int
    step: int
    flags: tuple[str, ...] = ()
    how: Mapping[str, Any] = field(default_factory=dict)
    comparison: Comparison | None = None


@dataclass(frozen=True)
class CheckResult:
    """Outcome of one check in one dtype on one device.

    ``examples`` counts element-steps decided; ``undecided`` those where the envelope is wider than
    the quantity; ``floor`` is the share that had to be decided. ``law`` is the check's one-line
    statement, ``explanation`` the likeliest cause.
    """

    name: str
    family: str
    theorem: str
    law: str
    status: Status
    dtype: str
    device: str = "cpu"
    examples: int = 0
    undecided: int = 0
    message: str = ""
    explanation: str = ""
    witness: Witness | None = None
    seconds: float = 0.0
    floor: float = 0.0


@dataclass(frozen=True)
class Finding:
    """A fact worth knowing that does not gate: a format's limit, scalar precision, layout bits."""

    name: str
    dtype: str
    message: str
    numbers: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class InferredEdit:
    """One edit of a dialect's program with which every observed number fits.

    operator: its name in adamcheck.mutations; place: the value that it changes, in plain words.
    parameters: each of its constants as the interval (low, high) of numbers with which the runs
    fit. guard: the condition under which it acts, empty where it always does, with its own
    parameters likewise; of two conditions, joined by "and", those of the second begin with "also.".
    text: the whole in one sentence. notation: the same as adamcheck.mutations writes edits, its
    numbers left open; empty where it is no edit of a program. reach: of an edit without a guard the
    steps (``t``) and gradients (``|g|``) from the least to the largest at which it was seen to act;
    a condition that holds in all of these cannot be told. Empty where that was not looked at.
    """

    operator: str
    place: str
    text: str
    parameters: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    guard: str = ""
    guard_parameters: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    notation: str = ""
    reach: Mapping[str, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Traits:
    """What is known of a target that no dialect fits; None where the runs do not tell.

    first_step: the first step from a fresh state is the dialect's. elementwise: an element moves
    alike in other company. deterministic: the same run gives the same bits. homogeneous: gradients
    and ε scaled together by a power of two leave the step as it is.
    """

    first_step: bool | None = None
    elementwise: bool | None = None
    deterministic: bool | None = None
    homogeneous: bool | None = None


NEAR: Final = 0.5
"""The share of a target's movement below which a rule may leave open what it is called near to:
more of the movement is then the rule's than is not."""


@dataclass(frozen=True)
class Identification:
    """The nearest dialect and the evidence: a deviation of at most 1 fits.

    deviations: of what fits the largest error in multiples of the envelope; of what does not 1 and
    the mean error of a step in roundoffs of it. ``unexplained``: the share of the target's movement
    that is not the spec's (without the edit); from 1/2 on nothing is ``near``.
    ``candidates`` lists (spec, deviation) from the best on; ``regime`` says in words where
    best and claimed differ; ``kind`` is dialect, not-deterministic, not-elementwise or not-adam.
    Where no dialect fits, ``edit`` is the edit of ``spec`` that does, None without one; ``also``
    are edits that fit as well; ``traits`` say what is known besides. ``fixed``: hyperparameters
    that the target does not let be set, as (value, low, high): values from low to high fit.
    """

    spec: str
    kind: str
    deviation: float
    second: str = ""
    second_deviation: float = 0.0
    regime: str = ""
    candidates: tuple[tuple[str, float], ...] = ()
    indistinguishable: tuple[str, ...] = ()
    edit: InferredEdit | None = None
    also: tuple[InferredEdit, ...] = ()
    traits: Traits | None = None
    fixed: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)
    unexplained: float | None = None

    @property
    def near(self) -> bool:
        """Whether more of the target's movement is the spec's than is not, as far as is known."""
        if self.kind == "dialect" or self.edit is not None:
            return True
        return self.unexplained is not None and self.unexplained < NEAR


@dataclass(frozen=True)
class Scope:
    """How much of a profile was run, and in which formats; only a complete run can conform.

    checks: ids of the checks that were asked of the target; of: ids of all that the profile has
    for the spec; dtypes: the formats judged; takes: those that the target was seen to take; seeds:
    of the random inputs. replayed: witnesses were run again, and no check as a whole. max_steps:
    the length to which runs were cut, as was asked for; None: none was. declared: what is declared
    of the target, so that nothing else was asked of it. strict_interface: what the target refuses,
    guards against or does not validate fails the run.
    """

    profile: str
    checks: tuple[str, ...]
    of: tuple[str, ...]
    dtypes: tuple[str, ...]
    takes: tuple[str, ...]
    seeds: tuple[int, ...] = (0,)
    replayed: bool = False
    max_steps: int | None = None
    declared: Declared = NOTHING
    strict_interface: bool = False

    @property
    def complete(self) -> bool:
        """Whether every check of the profile was run at its length, in one format at least."""
        whole = not self.replayed and self.max_steps is None
        return whole and len(self.of) > 0 and bool(self.dtypes) and not self.left_out

    @property
    def left_out(self) -> tuple[str, ...]:
        """The checks of the profile that were not asked for."""
        return tuple(id_ for id_ in self.of if id_ not in self.checks)

    @property
    def share(self) -> str:
        """Such as ``1 of 60 checks``."""
        cut = "" if self.max_steps is None else f", at most {self.max_steps} steps a run"
        return f"{len(self.checks)} of {len({*self.of, *self.checks})} checks{cut}"

    def lost(self, checks: Iterable[CheckResult]) -> tuple[tuple[str, str], ...]:
        """The pairs (check, dtype) that were to run and have no outcome."""
        if self.replayed:
            return ()
        seen = {(check.name, check.dtype) for check in checks}
        asked = ((id_, dtype) for dtype in self.dtypes for id_ in self.checks)
        return tuple(pair for pair in asked if pair not in seen)


@dataclass(frozen=True)
class Result:
    """Everything a run of the gate found out about one target.

    ``horizons``: how far the judged runs looked, one for each dtype; ``horizon`` joins them.
    ``defaults``: what the target uses where nothing is passed; None where it was not asked.
    ``scope``: how much was run; ValueError for a ``conforms`` without one that is complete.
    """

    target: str
    spec: str
    verdict: Verdict
    checks: tuple[CheckResult, ...]
    findings: tuple[Finding, ...] = ()
    identified: Identification | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    seed: int = 0
    profile: str = "quick"
    adapter: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""
    seconds: float = 0.0
    horizons: tuple[Horizon, ...] = ()
    scope: Scope | None = None
    defaults: Defaults | None = None

    def __post_init__(self) -> None:
        if self.verdict is Verdict.CONFORMS and (self.scope is None or not self.scope.complete):
            raise ValueError(f"{self.target}: conforms is said of a complete profile only")

    @property
    def horizon(self) -> Horizon:
        """How far the runs looked in all dtypes taken together."""
        return merged(", ".join(h.dtype for h in self.horizons), self.horizons)

    @property
    def conforms(self) -> bool:
        """True when the verdict is conforms; never of a partial run."""
        return self.verdict is Verdict.CONFORMS

    @property
    def counts(self) -> dict[str, int]:
        """How many checks ended in each outcome; only outcomes that occurred."""
        return dict(Counter(check.status.value for check in self.checks))

    def exit_code(self, *, allow_partial: bool = False) -> int:
        """The verdict's exit code; of a partial run that held 3, or 0 where that is allowed."""
        return 0 if allow_partial and self.verdict is Verdict.HELD else self.verdict.exit_code

    def raise_for_deviation(self, *, allow_partial: bool = False) -> None:
        """Raise DeviationError unless the target conforms; the message names the first failure.

        A partial run (``only=``, a replay) that held is no conformance, and raises, too, unless
        ``allow_partial``.
        """
        if self.exit_code(allow_partial=allow_partial) != 0:
            raise DeviationError(self)


class DeviationError(AdamcheckError, AssertionError):
    """A target does not conform; carries the whole ``result``."""

    def __init__(self, result: Result) -> None:
        # the first of the gravest outcome, then what kept the checks from running
        gravest = (Status.FAILED, Status.STALE_WAIVER, Status.ERROR, Status.INCONCLUSIVE)
        found = (c for status in gravest for c in result.checks if c.status is status)
        first = next(found, None)
        text = f"{first.name} [{first.dtype}] {first.message or first.status}" if first else ""
        why = text or result.error
        if result.verdict is Verdict.HELD:
            why = f"{share(result)}; pass allow_partial=True to accept a partial run"
        why = why or "no check ran"
        why = shorten(visible(why), 300)
        super().__init__(f"{visible(result.target)} {result.verdict} ({result.spec}): {why}")
        self.result = result
        self.exit_code = result.verdict.exit_code


def share(result: Result) -> str:
    """How many of how many checks were asked for, as far as that is known."""
    return "an unknown share of the checks" if result.scope is None else result.scope.share


def verdict_of(
    checks: tuple[CheckResult, ...], *, scope: Scope | None = None, error: str = ""
) -> Verdict:
    """The verdict that a list of outcomes allows; fails closed.

    A deviation seen is a deviation whatever else went wrong. ``conforms`` needs no error, at least
    one check that passed on at least one example, and every check passed, waived or skipped with a
    reason; a check that was inconclusive, errored or was lost leaves the run incomplete. Where all
    that holds of a part of the profile, or nobody says of how much, the verdict is ``held``.
    """
    seen = {check.status for check in checks}
    if seen & {Status.FAILED, Status.STALE_WAIVER}:
        return Verdict.DEVIATES
    if error or seen & {Status.ERROR, Status.INCONCLUSIVE}:
        return Verdict.ERROR
    if any(c.status is Status.SKIPPED and not c.message for c in checks):
        return Verdict.ERROR
    if scope is not None and scope.lost(checks):
        return Verdict.ERROR
    if not any(c.status is Status.PASSED and c.examples > 0 for c in checks):
        return Verdict.ERROR
    return Verdict.CONFORMS if scope is not None and scope.complete else Verdict.HELD
