"""A dedicated search for an input on which a surviving mutant leaves the envelope.

It knows the edit, which the gate does not: inputs are built around the guard and the constants,
within the horizon that the gate states, at many hyperparameters. Where nothing is found the mutant
counts as beyond the envelope, and how much was tried is the evidence.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adamcheck.formats import Format, format_named
from adamcheck.horizon import Horizon
from adamcheck.inputs.sequences import battery
from adamcheck.mutations.edits import Edit, Guard
from adamcheck.mutations.guards import Span
from adamcheck.mutations.simulate import simulated
from adamcheck.mutations.target import Optimizer, named
from adamcheck.oracle.envelope import STRICT, Admission
from adamcheck.oracle.evidence import Evidence
from adamcheck.oracle.judge import judge
from adamcheck.program import trace
from adamcheck.spec.hyperparameters import HYPERPARAMETERS

from .cases import Case

Array = NDArray[Any]
HYPERS = 12
"""Choices of hyperparameters that are tried; four times as many where some bit was seen to move."""
THROUGH = 9_000
"""Steps that a run may take to reach a guard; beyond, a state is loaded just before it."""
_LONG = 128
_FEW = 16
_BEFORE = 6
"""Gradients before a silence."""


@dataclass(frozen=True)
class Search:
    """What was tried: ``found`` says where the envelope was left, empty if nowhere.

    decided: element-steps compared; ratio: largest error/bound; moved: runs in which some bit
    differs from the unchanged program's; alarm: the unchanged program left the envelope itself.
    """

    found: str = ""
    runs: int = 0
    moved: int = 0
    decided: int = 0
    ratio: float = 0.0
    alarm: str = ""

    @property
    def evidence(self) -> str:
        """One line."""
        if self.found:
            return self.found
        if not self.moved:
            return (
                f"no bit differs from the rule's in {self.runs} runs built around the edit"
                f" ({self.decided} element-steps)"
            )
        return (
            f"{self.runs} runs built around the edit, {self.moved} of them with other bits than the"
            f" rule's: {self.decided} element-steps decided, at most {self.ratio:.3g} of the bound"
        )


@dataclass(frozen=True)
class Input:
    """One run: hyperparameters, gradients ``[T, N]``, θ0 ``[N]``, and a state to begin from."""

    hyper: dict[str, float]
    grads: Array
    theta0: Array
    first: int = 0
    start: dict[str, Array] | None = None


def search(case: Case, horizon: Horizon | None = None, *, hypers: int = HYPERS) -> Search:
    """Try to tell a mutant from its rule, inside ``horizon`` where one is given."""
    fmt = format_named(case.dtype)
    made = named(case.spec, Optimizer, ("edit",))
    tried = Search()
    for k in range(4 * hypers):
        if k >= hypers and not tried.moved:
            break
        rng = np.random.default_rng([case.seed, case.index, k, 77])
        hyper = _hyper(case.edit, made, fmt, rng, horizon)
        for each in Around(case.edit, made, fmt, hyper, rng, horizon).inputs():
            tried = _one(case, made, fmt, each, tried)
            if tried.found or tried.alarm:
                return tried
    return tried


def _one(case: Case, made: type[Optimizer], fmt: Format, given: Input, so_far: Search) -> Search:
    changed, plain = (_run(made, fmt, given, options) for options in (dict(case.options), {}))
    moved = changed.thetas.tobytes() != plain.thetas.tobytes()
    judgement = judge(changed, STRICT)
    out = replace(
        so_far,
        runs=so_far.runs + 1,
        moved=so_far.moved + moved,
        decided=so_far.decided + judgement.decided,
    )
    admission = STRICT
    if judgement.bad.any() and made.spec.scalars == "any" and fmt.name != "float64":
        # float32 scalars under float32 arrays are a convention that the gate names and admits
        admission = Admission("array")
        judgement = judge(changed, admission)
    if not judgement.bad.any():
        return replace(out, ratio=max(out.ratio, judgement.largest_ratio))
    if judge(plain, admission).bad.any():
        return replace(out, alarm=f"the rule itself leaves the envelope at {given.hyper}")
    tally = next(t for t in judgement.tallies.values() if (t.first_bad > 0).any())
    element = int(np.flatnonzero(tally.first_bad)[0])
    step = given.first + int(tally.first_bad[element])
    numbers = ", ".join(f"{name}={value!r}" for name, value in given.hyper.items())
    size = np.abs(np.asarray(given.grads[:, element], np.float64))
    return replace(
        out,
        found=f"t={step} of element {element} of {given.grads.shape[1]}, |g| from"
        f" {size.min():.3g} to {size.max():.3g}, {numbers}"
        + (f", from a state loaded at t={given.first}" if given.first else ""),
    )


def _run(made: type[Optimizer], fmt: Format, given: Input, options: dict[str, str]) -> Evidence:
    evidence = simulated(
        made, fmt, given.hyper, given.grads, given.theta0,
        start=given.start, first=given.first, options=options,
    )  # fmt: skip
    long = len(given.grads) > _LONG or given.first > _LONG or given.grads.size > 40_000
    return replace(evidence, moments={}) if long else evidence


# inputs -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Around:
    """Inputs built around one edit, no larger or longer than what the gate ran."""

    edit: Edit
    made: type[Optimizer]
    fmt: Format
    hyper: dict[str, float]
    rng: np.random.Generator
    horizon: Horizon | None

    def inputs(self) -> Iterator[Input]:
        """The runs for one choice of hyperparameters."""
        guard = self.edit.guard
        if guard is not None and guard.also is not None:
            yield from self._at_once(guard.conditions)
            return
        kind, at = (guard.kind, int(guard.value or 0)) if guard else ("", 0)
        if guard and kind.endswith("%"):
            at = guard.rest or (at if kind == "t%" else 0)
        if kind in ("t>=", "t==", "t%"):
            yield from self._at_step(at)
        elif kind == "silence>=":
            before, after = self._columns(6, _FEW), self._columns(12, _FEW)
            yield self._input(np.vstack([before, np.zeros((at + 1, before.shape[1])), after]))
        elif kind in ("index==", "index%", "size>="):
            size = max(at + (kind != "size>="), 2)
            steps = min(12, self.horizon.steps_of(size) if self.horizon else 12)
            if steps:
                grads = self._columns(steps, 140)
                yield self._input(np.tile(grads, (1, -(-size // grads.shape[1])))[:, :size])
        else:
            yield self._input(self._columns(48, 200))

    def _at_once(self, conditions: Sequence[Guard]) -> Iterator[Input]:
        """A run in which all conditions hold at one step: of that size, after that silence."""
        size, silence, steps = 2, 0, Span(low=1)
        for one in conditions:
            at = int(one.value or 0)
            if one.kind.startswith("t"):
                steps.narrow(one)
            elif one.kind == "silence>=":
                silence = at
            elif one.kind == "size>=":
                size = max(size, at)
            elif one.kind.startswith("index"):
                size = max(size, (one.rest or 0 if one.kind == "index%" else at) + 1)
        steps.low = max(steps.low, silence + _BEFORE + 1 if silence else 1)
        longest = self.horizon.steps_of(size) if self.horizon else THROUGH
        when = steps.least()
        if when > min(longest, THROUGH):
            return
        length = min(int(when) + 12, longest)
        grads = self._columns(min(48, length), 140 if length <= _LONG else _FEW)
        grads = np.tile(grads, (-(-length // len(grads)), 1))[:length]
        grads[int(when) - 1 - silence : int(when) - 1] = 0.0
        if size > 2:
            grads = np.tile(grads, (1, -(-size // grads.shape[1])))[:, :size]
        yield self._input(grads)

    def _at_step(self, when: int) -> Iterator[Input]:
        longest, loaded = THROUGH, THROUGH * 100
        if self.horizon is not None:
            longest, loaded = min(THROUGH, self.horizon.steps), self.horizon.loaded
        steps = min(when + 12, longest)
        if when <= steps:
            grads = self._columns(min(48, steps), 140 if steps <= _LONG else _FEW)
            yield self._input(np.tile(grads, (-(-steps // len(grads)), 1))[:steps])
        if _LONG < when <= loaded:
            grads = self._columns(16, 60)
            n = grads.shape[1]
            size = np.abs(grads).max(axis=0) + np.finfo(np.float64).tiny
            start: dict[str, Array] = {}
            for name in trace(self.made.spec).moments:
                signed = name in ("m", "velocity")
                value = self.rng.uniform(-1, 1, n) * size if signed else size * size
                start[name] = value * self.rng.uniform(0.25, 1.0, n)
            yield replace(self._input(grads), first=when - 3, start=start)

    def _input(self, grads: Array) -> Input:
        n = grads.shape[1]
        theta0 = np.where(self.rng.random(n) < 0.5, 0.0, self.rng.uniform(-1, 1, n))
        return Input(self.hyper, grads, theta0)

    def _columns(self, steps: int, most: int) -> Array:
        """Columns of every gradient law, and the same at sizes near the edit's constants."""
        usual = {"lr": 0.125, "beta1": 0.875, "beta2": 0.9375, "eps": 2.0**-10} | self.hyper
        seed, guard = int(self.rng.integers(2**31)), self.edit.guard
        laws = battery(self.fmt, usual, steps, seed=seed, safe=True)
        plain = np.asarray(laws.grads, np.float64)
        given = [x for name, x in self.edit.parameters if name == "c"]
        sizes = [abs(x) for x in given if isinstance(x, float) and x]
        for one in guard.conditions if guard else ():
            sizes += [one.value] if one.kind.startswith("|g|") and one.value else []
        peak = np.abs(plain).max(axis=0)
        near = plain[:, peak > 0] / peak[peak > 0]
        parts = [plain]
        for size in sizes:
            scales = (size, np.sqrt(size), size / usual["lr"])
            shifts = (2.0 ** self.rng.uniform(-3, 3, near.shape[1]) for _ in scales)
            parts += [near * x * shift for x, shift in zip(scales, shifts, strict=True)]
        whole = np.concatenate(parts, axis=1)
        chosen = whole[:, self.rng.permutation(whole.shape[1])[:most]]
        top = self.fmt.largest
        if self.horizon is not None and self.horizon.gradients is not None:
            top = self.horizon.gradients[1]
        return np.clip(chosen, -top, top)


def _hyper(
    edit: Edit,
    made: type[Optimizer],
    fmt: Format,
    rng: np.random.Generator,
    horizon: Horizon | None,
) -> dict[str, float]:
    found: dict[str, float] = {}
    place, given = edit.place, edit.get("c")
    number = given if isinstance(given, float) else 0.0
    for name in made.spec.hyperparameters:
        value = _drawn(name, fmt, rng)
        if name == place and number:  # near the constant that it is held against
            value = abs(number) * float(2.0 ** rng.uniform(-1.0, 1.0))
        if horizon is not None and name in horizon.hyper:
            low, high = horizon.hyper[name]
            value = min(max(value, low), high)
            if rng.random() < 0.25:  # the ends of what was run
                value = (low, high)[rng.integers(2)]
        found[name] = value
    return found


def _drawn(name: str, fmt: Format, rng: np.random.Generator) -> float:
    """Between the ends that the record states; of an average, also 0 and the middle."""
    known = HYPERPARAMETERS[name]
    low, high = known.octaves_in(fmt)
    if known.role == "average":
        near = 1.0 - 2.0 ** -rng.uniform(1.0, fmt.precision - 1.0)
        return float((0.0, rng.uniform(), near, near)[rng.integers(4)])
    return float(2.0 ** rng.uniform(low, high))
