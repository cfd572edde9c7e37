"""The one result model: what every report, exit code and Python caller reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from adamcheck.errors import AdamcheckError
from adamcheck.horizon import Horizon, merged
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
    DEVIATES = "deviates"
    ERROR = "error"

    @property
    def exit_code(self) -> int:
        """0 conforms, 1 deviates, 3 error or incomplete."""
        return {"conforms": 0, "deviates": 1, "error": 3}[self.value]


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
    the quantity. ``law`` is the check's one-line statement, ``explanation`` the likeliest cause.
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
    parameters likewise. text: the whole in one sentence.
    """

    operator: str
    place: str
    text: str
    parameters: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    guard: str = ""
    guard_parameters: Mapping[str, tuple[float, float]] = field(default_factory=dict)


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


@dataclass(frozen=True)
class Identification:
    """The nearest dialect and the evidence: deviations in multiples of the envelope (≤ 1 fits).

    ``candidates`` lists (spec, largest deviation) from the best on; ``regime`` says in words where
    best and claimed differ; ``kind`` is dialect, not-elementwise or not-adam. Where no dialect
    fits, ``edit`` is the edit of ``spec`` that does, None without one; ``also`` are edits that fit
    as well; ``traits`` say what is known besides.
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


@dataclass(frozen=True)
class Result:
    """Everything a run of the gate found out about one target.

    ``horizons``: how far the judged runs looked, one for each dtype; ``horizon`` joins them.
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

    @property
    def horizon(self) -> Horizon:
        """How far the runs looked in all dtypes taken together."""
        return merged(", ".join(h.dtype for h in self.horizons), self.horizons)

    @property
    def conforms(self) -> bool:
        """True when the verdict is conforms."""
        return self.verdict is Verdict.CONFORMS

    @property
    def counts(self) -> dict[str, int]:
        """How many checks ended in each outcome; only outcomes that occurred."""
        return dict(Counter(check.status.value for check in self.checks))

    def raise_for_deviation(self) -> None:
        """Raise DeviationError unless the target conforms; the message names the first failure."""
        if not self.conforms:
            raise DeviationError(self)


class DeviationError(AdamcheckError, AssertionError):
    """A target does not conform; carries the whole ``result``."""

    def __init__(self, result: Result) -> None:
        # the first of the gravest outcome, then what kept the checks from running
        gravest = (Status.FAILED, Status.STALE_WAIVER, Status.ERROR, Status.INCONCLUSIVE)
        found = (c for status in gravest for c in result.checks if c.status is status)
        first = next(found, None)
        text = f"{first.name} [{first.dtype}] {first.message or first.status}" if first else ""
        why = text or result.error or "no check ran"
        why = shorten(visible(why), 300)
        super().__init__(f"{visible(result.target)} {result.verdict} ({result.spec}): {why}")
        self.result = result
        self.exit_code = result.verdict.exit_code


def verdict_of(checks: tuple[CheckResult, ...], *, error: str = "") -> Verdict:
    """The verdict that a list of outcomes allows; fails closed.

    A deviation seen is a deviation whatever else went wrong. ``conforms`` needs no error, at least
    one check that passed on at least one example, and every check passed, waived or skipped with a
    reason; a check that was inconclusive or errored leaves the run incomplete.
    """
    seen = {check.status for check in checks}
    if seen & {Status.FAILED, Status.STALE_WAIVER}:
        return Verdict.DEVIATES
    if error or seen & {Status.ERROR, Status.INCONCLUSIVE}:
        return Verdict.ERROR
    if any(c.status is Status.SKIPPED and not c.message for c in checks):
        return Verdict.ERROR
    if any(c.status is Status.PASSED and c.examples > 0 for c in checks):
        return Verdict.CONFORMS
    return Verdict.ERROR
