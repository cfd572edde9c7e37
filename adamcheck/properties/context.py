"""Where a check works: it runs trajectories on the target and has them judged.

The context keeps what one dtype's run has found out about the target; the account keeps what one
check has seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from adamcheck.declared import Declared
from adamcheck.formats import Format
from adamcheck.inputs.sequences import battery
from adamcheck.oracle.envelope import STRICT, Admission
from adamcheck.oracle.evidence import Evidence
from adamcheck.oracle.judge import Judgement, judge
from adamcheck.profiles import Profile
from adamcheck.program import trace as program_of
from adamcheck.properties.admission import decide
from adamcheck.properties.reach import Reach
from adamcheck.result import Finding
from adamcheck.spec import Spec
from adamcheck.spec.defaults import used
from adamcheck.spec.hyperparameters import HYPERPARAMETERS, STANDARD, dyadic, usual
from adamcheck.storage import kept, place_of, ranged
from adamcheck.targets.protocol import Description, Failure, Trace, Trajectory
from adamcheck.targets.session import Session

Array = NDArray[Any]
_LAST: Final = 8
"""Judgements that are kept for what is the same."""
_ADDS_UP: Final = (
    "what codes lose adds up, and only single steps from the moments shown before them are judged"
)
_SMALL: Final = 1 << 16
"""Bytes of parameters up to which evidence is compared with what was judged before."""


class Skip(Exception):
    """The check does not apply; the message says why."""


class TooFewSteps(Exception):
    """The check applies, and may not run as long as it must: inconclusive, never passed over."""


class TargetTrouble(Exception):
    """The target failed where it should not; the check's outcome is error."""

    def __init__(self, failure: Failure, trajectory: Trajectory | None = None) -> None:
        where = f"at step {failure.step}" if failure.step else "while it was built"
        loaded = trajectory.preload if trajectory is not None and not failure.step else None
        if loaded is not None:
            where += f" or given a state of t = {max(int(each['t']) for each in loaded):,}"
        super().__init__(f"target {failure.kind} {where}: {failure.message}")
        self.failure = failure
        self.trajectory = trajectory


@dataclass(frozen=True)
class Break:
    """A law seen broken: at which element and step (1-based, 0: as a whole), and in words.

    ``quantity`` names what was compared (theta, m, v …) where the envelope was left; ``evidence``
    and ``admission`` let it be explained. The evidence begins after ``before`` steps. ``choice``:
    it is a choice of the interface, which no number of a right call shows: what is refused, guarded
    or not validated; ``finding`` is the name under which it is told where it does not fail.
    """

    message: str
    element: int = 0
    step: int = 0
    quantity: str = ""
    evidence: Evidence | None = None
    admission: Admission = STRICT
    before: int = 0
    choice: bool = False
    finding: str = "interface"


class Meaning(StrEnum):
    """What a call that gives a parameter nothing may mean to it (adamcheck.properties.gaps)."""

    NOTHING = "nothing"
    COUNTED = "counted"
    ZERO = "zero"


@dataclass(frozen=True)
class Broken:
    """A broken law together with the trajectory that broke it."""

    law: str
    how: Mapping[str, Any]
    trajectory: Trajectory
    spec: Spec
    first: Break


@dataclass
class Account:
    """What one check has seen: decided and undecided element-steps, and the laws seen broken.

    refused: what the target does not take of what the check asks, in words. meant: what each
    kind of call that gives a parameter nothing may mean, after all that was seen of it.
    """

    examples: int = 0
    undecided: int = 0
    open: int = 0
    ratio: float = 0.0
    broken: list[Broken] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    meant: dict[str, tuple[Meaning, ...]] = field(default_factory=dict)
    reach: Reach = field(default_factory=Reach)

    def count(self, judgement: Judgement, *, alone: bool = False) -> None:
        """Add a judgement's element-steps, and how far it looked; ``alone``: it is of one step."""
        if not alone:
            self.reach.add(judgement)
        self.examples += judgement.decided
        self.undecided += judgement.blind - _at_rest(judgement)
        self.open += sum(int(t.undecided.sum()) for t in judgement.tallies.values())
        self.ratio = max(self.ratio, judgement.largest_ratio)


def _at_rest(judgement: Judgement) -> int:
    """Element-steps that count as blind, and ask nothing: before the first gradient θ stays put.

    At rest all steps of an element are alike, so where fewer are decided than are at rest none of
    these is; where that does not tell, they count.
    """
    evidence = judgement.evidence
    if evidence.first or evidence.start or evidence.spec.decay != "none":
        return 0
    steps = evidence.shape[0]
    moved = evidence.grads[:steps].astype(np.float64) != 0.0
    rest = np.where(moved.any(axis=0), moved.argmax(axis=0), steps)
    spare = 0
    for tally in judgement.tallies.values():
        told = tally.decided < rest
        spare += int(np.minimum(rest, tally.weak + tally.void)[told].sum())
    return spare


@dataclass
class Context:
    """One target in one dtype under one spec.

    strict: choices of the interface fail like wrong numbers. accepted, refused: the kinds of shapes
    that were seen taken, and the shapes that were refused, with why.
    """

    session: Session
    spec: Spec
    fmt: Format
    profile: Profile
    seed: int = 0
    settled: Admission | None = None
    findings: list[Finding] = field(default_factory=list)
    changed: Trajectory | None = None
    max_steps: int | None = None
    suggested: bool = False
    last: dict[Any, Judgement] = field(default_factory=dict)
    strict: bool = False
    accepted: set[str] = field(default_factory=set)
    refused: dict[tuple[int, ...], str] = field(default_factory=dict)

    @property
    def description(self) -> Description:
        """What the target is and can do."""
        return self.session.description

    def able(self, *abilities: str) -> bool:
        """True when the target has all of these abilities."""
        return set(abilities) <= self.description.abilities

    @property
    def declared(self) -> Declared:
        """What is declared of the target: none of it is asked for."""
        return self.description.declared

    # hyperparameters ----------------------------------------------------------------------------

    @property
    def averaging(self) -> Format:
        """The format of the moment with the fewest digits: the parameter's, or what is claimed."""
        return kept(self.spec, self.fmt).averages

    @property
    def coarsest(self) -> Format:
        """That format or the parameter's, whichever has fewer digits."""
        return min(self.averaging, self.fmt, key=lambda one: one.precision)

    @property
    def ranged(self) -> Format:
        """θ's format with the least range of what is kept: magnitudes are drawn within it."""
        return ranged(self.spec, self.fmt)

    @property
    def ordinary(self) -> dict[str, float]:
        """The usual hyperparameters, as far as the format can follow them."""
        averaged = usual(self.averaging)
        found = usual(self.ranged) | {
            n: averaged[n] for n, one in HYPERPARAMETERS.items() if one.role == "average"
        }
        return self.completed(found)

    @property
    def dyadic(self) -> dict[str, float]:
        """Hyperparameters that every format holds exactly: their rounding is out of the picture."""
        few = self.averaging if self.averaging.narrow else self.fmt
        return self.completed(dyadic(few))

    @property
    def used(self) -> dict[str, float]:
        """What users have who pass nothing: the target's defaults, in place of none the spec's."""
        return self.declared.settled(used(self.description.defaults, self.spec))

    def completed(self, hyper: Mapping[str, float], spec: Spec | None = None) -> dict[str, float]:
        """What the spec's rule reads, from ``hyper`` and from dyadic defaults, where it may."""
        names = (spec or self.spec).hyperparameters
        asked = {n: hyper.get(n, HYPERPARAMETERS[n].dyadic[0]) for n in names}
        return self.declared.settled(asked)

    def altered(self, base: Mapping[str, float], **changes: float) -> dict[str, float]:
        """``base`` with those changes that concern a hyperparameter of the spec, where it may."""
        changed = dict(base) | {n: x for n, x in changes.items() if n in base}
        return self.declared.settled(changed)

    def extended(self, base: Mapping[str, float], more: Mapping[str, float]) -> dict[str, float]:
        """``base`` with more hyperparameters, which the spec need not read, where it may."""
        return self.declared.settled({**base, **more})

    def need(self, **values: float) -> None:
        """Skip the check where the target's declaration does not let these values be set."""
        if reason := self.declared.denied(values):
            raise Skip(reason)

    def may(self, **values: float) -> bool:
        """Whether the target's declaration lets these values be set."""
        return not self.declared.denied(values)

    def gradients(
        self,
        hyper: Mapping[str, float],
        steps: int,
        salt: int,
        *,
        laws: Sequence[str] | None = None,
        safe: bool = True,
        repeat: int = 1,
        seed: int | None = None,
    ) -> Array:
        """The columns of the gradient laws ``[steps, N]`` for these hyperparameters.

        seed: another one than the run's, for what must not depend on that.
        """
        standard = {n: HYPERPARAMETERS[n].dyadic[0] for n in STANDARD}
        return battery(
            self.ranged,
            standard | dict(hyper),
            steps,
            seed=(self.seed if seed is None else seed) + salt,
            laws=laws,
            safe=safe,
            repeat=repeat,
        ).grads

    def flags_of(self, spec: Spec) -> frozenset[str]:
        """The target's own switches that the spec asks for."""
        wanted = {
            "amsgrad": spec.amsgrad != "none",
            "maximize": spec.maximize == "yes",
            "nesterov": spec.nesterov == "yes",
            "centered": spec.centered == "yes",
        }
        return frozenset(f for f, on in wanted.items() if on and f in self.description.flags)

    @property
    def switches(self) -> frozenset[str]:
        """The switches that may be on together under the spec: Nesterov's needs a velocity."""
        return self.flags_of(self.spec) | (self.description.flags - {"nesterov"})

    # running ------------------------------------------------------------------------------------

    def rng(self, salt: str) -> np.random.Generator:
        """A generator that depends on the seed and on who asks."""
        return np.random.default_rng([self.seed, *salt.encode()])

    def cast(self, values: Any) -> Array:
        """The values in the target's format."""
        with np.errstate(all="ignore"):
            return np.asarray(values, np.float64).astype(self.fmt.dtype)

    def moment(self, name: str, values: Any) -> Array:
        """The values of a moment to be loaded: numbers of the format in which it is kept, too."""
        at = kept(self.spec, self.fmt).at[place_of(self.spec, name)]
        with np.errstate(all="ignore"):
            return self.cast(self.cast(values).astype(at.dtype).astype(np.float64))

    def loadable(self, trajectory: Trajectory) -> Trajectory:
        """The same with moments to be loaded that are numbers of the formats they are kept in."""
        if trajectory.preload is None or not self.spec.stored:
            return trajectory
        states = tuple(
            {n: x if n == "t" else self.moment(n, x).reshape(np.shape(x)) for n, x in one.items()}
            for one in trajectory.preload
        )
        return replace(trajectory, preload=states)

    def trajectory(self, grads: Any, theta0: Any = None, **how: Any) -> Trajectory:
        """One parameter of shape ``grads.shape[1:]``; ``hyper`` defaults to the ordinary ones."""
        g = self.cast(grads)
        start = np.zeros(g.shape[1:]) if theta0 is None else np.broadcast_to(theta0, g.shape[1:])
        if g.ndim == 2 and 0 < g.shape[1] < self.declared.least_size and "problem" not in how:
            columns = np.resize(np.arange(g.shape[1]), self.declared.least_size)
            g, start = g[:, columns], start[columns]  # elements again, as none knows of another
            if "preload" in how:
                how["preload"] = tuple(
                    {k: x if k == "t" else np.asarray(x)[columns] for k, x in each.items()}
                    for each in how["preload"]
                )
        how.setdefault("hyper", self.ordinary)
        how.setdefault("flags", self.flags_of(self.spec))
        return Trajectory(theta0=(self.cast(start),), grads=(g,), **how)

    def run(self, trajectory: Trajectory) -> Trace:
        """Run it; a target that fails ends the check (``attempt`` lets it fail)."""
        trace = self.attempt(trajectory)
        if trace.failure is not None:
            raise TargetTrouble(trace.failure, trajectory)
        self.sound(trace, trajectory)
        return trace

    def sound(self, trace: Trace, trajectory: Trajectory | None = None) -> None:
        """Raise TargetTrouble where what came back is not what the protocol asks for."""
        if trace.broken.keys() & {"shape", "dtype", "parameter-count"}:
            law, step = next(iter(trace.broken.items()))
            raise TargetTrouble(Failure("protocol", f"returned another {law}", step), trajectory)

    def attempt(self, trajectory: Trajectory) -> Trace:
        """Run it and hand back whatever happened."""
        taken = self.description.hyperparameters
        hyper = {n: x for n, x in trajectory.hyper.items() if n in taken}
        other, groups = trajectory.reload_hyper, trajectory.groups
        if other is not None:
            other = {n: x for n, x in other.items() if n in taken}
        if groups is not None:
            groups = tuple({n: x for n, x in one.items() if n in taken} for one in groups)
        asked = replace(trajectory, hyper=hyper, reload_hyper=other, groups=groups)
        trace = self.session.run(asked)
        if self.changed is None and "gradient-changed" in trace.broken:
            self.changed = trajectory
        return trace

    def refusal(self, trajectory: Trajectory) -> str:
        """How the target refuses to be built for this; empty where it does not refuse.

        A crash or a hang is no refusal: whoever runs the trajectory meets it.
        """
        failure = self.attempt(trajectory).failure
        if failure is None or failure.step or failure.kind not in ("raised", "exited"):
            return ""
        return failure.type or "refused"

    def unspoken(self, trajectory: Trajectory) -> bool:
        """Whether the spec says nothing of this run, as its momentum is 0.

        PyTorch then does not look ahead, and says so, and dampens nothing either.
        """
        if trajectory.hyper.get("momentum") != 0.0:
            return False
        if self.spec.nesterov == "yes":
            return bool(self.refusal(trajectory))
        return self.spec.dampening in ("late", "full")

    def affordable(self, steps: int, *, least: int = 1) -> int:
        """At most ``steps``, cut to what was allowed for one run; time never cuts anything.

        A cut is a finding; TooFewSteps where not even ``least`` steps are allowed.
        """
        if self.max_steps is None or steps <= self.max_steps:
            return steps
        if self.max_steps < least:
            raise TooFewSteps(f"needs {least} steps, and a run may take {self.max_steps}")
        self.note("cut-short", f"runs were cut to {self.max_steps} steps, as was asked for")
        return self.max_steps

    def note(self, name: str, message: str, **numbers: float) -> None:
        """Book a finding once."""
        finding = Finding(name, self.fmt.name, message, numbers)
        if all((f.name, f.message) != (name, message) for f in self.findings):
            self.findings.append(finding)

    @cached_property
    def stored_short(self) -> bool:
        """Whether moments of fewer digits than θ are claimed, and the target shows all of them."""
        if self.coarsest.precision >= self.fmt.precision or not self.able("moments"):
            return False
        size = max(1, self.declared.least_size)
        trajectory = self.trajectory(np.ones((1, size)), hyper=self.dyadic, moments=True)
        shown = self.attempt(trajectory).moments or ({},)
        return {*program_of(self.spec).moments} <= {*shown[0]}

    def needs_shown(self, names: Sequence[str], trajectory: Trajectory) -> None:
        """Skip the check where the target hides one of these moments on a run, or none is named."""
        shown = self.run(trajectory).moments or ({},)
        hidden = [name for name in names if any(name not in each for each in shown)]
        if hidden or not names:
            raise Skip(f"the target does not show {', '.join(hidden) or 'any moments'}")

    # judging ------------------------------------------------------------------------------------

    def evidence(self, trajectory: Trajectory, trace: Trace, spec: Spec) -> Evidence:
        """All parameters side by side, flattened."""
        steps = trace.thetas[0].shape[0] - 1
        flat = [a.reshape(steps + 1, -1) for a in trace.thetas]
        grads = [g[:steps].reshape(steps, -1) for g in trajectory.grads]
        moments = {}
        if trace.moments is not None:
            names = set.intersection(*(set(m) for m in trace.moments)) - {"t"}
            for name in sorted(names):
                parts = [np.asarray(m[name]).reshape(steps, -1) for m in trace.moments]
                moments[name] = np.concatenate(parts, axis=1)
        if trajectory.lrs is not None:  # the moments do not depend on α
            moments = {}
        start, first = {}, 0  # what is loaded
        if trajectory.preload is not None:
            first = int(trajectory.preload[0]["t"])
            for name in trajectory.preload[0].keys() - {"t"}:
                start[name] = np.concatenate(
                    [np.asarray(p[name]).reshape(-1) for p in trajectory.preload]
                )
        return Evidence(
            spec,
            self.fmt,
            self.completed(trajectory.hyper, spec),
            np.concatenate(grads, axis=1),
            np.concatenate(flat, axis=1),
            moments,
            start,
            first,
            loaded=first,
            lrs=() if trajectory.lrs is None else tuple(trajectory.lrs.tolist()),
            sizes=tuple(a.size for a in trajectory.theta0),
        )

    @property
    def admission(self) -> Admission:
        """The class of evaluations under which everything is judged; decided at first use."""
        if self.settled is None:
            self.settled, found = decide(self)
            self.findings += found
        return self.settled

    def unbounded(self, evidence: Evidence) -> bool:
        """Whether a run of some element has no bound, as its moments are in blocks; it is said."""
        if coded := bool(evidence.coded.any()):
            text = f"whole runs of arrays of {evidence.spec.blocks_from} elements and more, whose"
            self.note("not-asked", f"{text} moments are in blocks: {_ADDS_UP}")
        return coded

    def judged(self, evidence: Evidence) -> Judgement:
        """Judge under the class that is admitted of the target in this format.

        What is the same, bit for bit, as one of the last few is not judged again: layouts and
        repeated runs show nothing new where nothing is different.
        """
        admission = self.admission
        self.unbounded(evidence)
        if evidence.thetas.nbytes > _SMALL:
            return judge(evidence, admission)
        same = admission, evidence.identity
        if same not in self.last:
            if len(self.last) == _LAST:
                del self.last[next(iter(self.last))]
            self.last[same] = judge(evidence, admission)
        return self.last[same]
