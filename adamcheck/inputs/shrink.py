"""The smallest input that still fails: fewer steps, fewer elements, simpler numbers.

Candidates of one element ride side by side in one run of the target; where a failure depends on the
position or the size, the array is kept and made smaller instead. What is returned was run again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from adamcheck.errors import AdamcheckError
from adamcheck.formats import Format
from adamcheck.inputs import edits
from adamcheck.inputs.arrays import (
    Layout,
    State,
    among_zeros,
    everywhere,
    fewer_columns,
    smaller_array,
)
from adamcheck.inputs.edits import Column, Edit
from adamcheck.inputs.numbers import Float64, rounded

Run = Callable[[NDArray[Any], NDArray[Any]], NDArray[np.int64]]
"""Runs gradients ``[T, N]`` from parameters ``[N]``; the first bad step of each element, 0: none.

An input that the target cannot run at all counts as no failure: return zeros.
"""

_MOST_CANDIDATES: Final = 400
_MOST_NUMBERS: Final = 1 << 20
_TRIED_ALONE: Final = 4


class NotReproducedError(AdamcheckError):
    """The failing input passes when it is run again: the target is not deterministic."""


@dataclass(frozen=True, eq=False)
class Shrunk:
    """A failing input: gradients ``[T, N]``, parameters ``[N]``, where it fails (step 1-based)."""

    grads: NDArray[Any]
    theta0: NDArray[Any]
    element: int
    step: int
    runs: int


def shrink(
    run: Run,
    grads: NDArray[Any],
    theta0: NDArray[Any],
    element: int,
    step: int,
    *,
    fmt: Format,
    budget_runs: int = 40,
) -> Shrunk:
    """Reduce a failing input; ``element`` and ``step`` (1-based) say where it was seen to fail.

    At most ``budget_runs`` runs, and a few more that make sure of the result: deterministic for a
    deterministic target. Raises NotReproducedError where no input fails a second time.
    """
    runner = _Runner(run, fmt)
    whole = State(grads.astype(np.float64), theta0.astype(np.float64), element, step)
    found = runner.failing(whole.cut(step)) or runner.failing(whole)
    if found is None:
        raise NotReproducedError(
            f"element {element} failed at step {step} and passes when the same input is run again:"
            " the target is not deterministic; run it with one thread"
        )
    runner.left = budget_runs - runner.runs
    history = [found, *_reductions(found, runner)]
    runner.left = None
    for state in reversed(history):
        sure = runner.failing(state)
        if sure is not None:
            numbers = (rounded(sure.grads, fmt), rounded(sure.theta0, fmt))
            return Shrunk(*numbers, sure.element, sure.step, runner.runs)
    raise NotReproducedError(
        f"element {element} fails at step {step} in some runs only: the target is not deterministic"
    )


class _SpentError(Exception):
    """The budget of runs is used up."""


class _Runner:
    """Runs inputs on the target and counts; ``left`` is the budget, None: none."""

    def __init__(self, run: Run, fmt: Format) -> None:
        self._run, self.fmt = run, fmt
        self.runs = 0
        self.left: int | None = None

    def first_bad(self, grads: Float64, theta0: Float64) -> NDArray[np.int64]:
        if self.left is not None:
            if self.left <= 0:
                raise _SpentError
            self.left -= 1
        self.runs += 1
        return np.asarray(self._run(rounded(grads, self.fmt), rounded(theta0, self.fmt)), np.int64)

    def failing(self, state: State) -> State | None:
        """The state, cut to where it fails, if it fails; every state returned ran as it stands."""
        bad = self.first_bad(state.grads, state.theta0)
        if not bad.any():
            return None
        element = state.element if bad[state.element] else int(np.flatnonzero(bad)[0])
        found = replace(state, element=element, step=int(bad[element]))
        if found.step < len(found.grads):
            # what comes after the failure can matter to a target that sees all steps at once
            return self.failing(found.cut(found.step)) or found
        return found


def _reductions(state: State, runner: _Runner) -> Iterator[State]:
    """Ever smaller states until the budget ends; each was seen to fail exactly as it stands."""
    with suppress(_SpentError):
        yield from _all_reductions(state, runner)


def _all_reductions(state: State, runner: _Runner) -> Iterator[State]:
    alone = runner.failing(everywhere(state.column, 1, 0))
    if alone is not None:
        yield alone
        for column in _simpler(alone.column, _SideBySide(runner)):
            yield everywhere(column, 1, 0)
        return
    for layout in (everywhere, among_zeros):
        found = runner.failing(layout(state.column, state.size, state.element))
        if found is not None:
            yield from _reductions_in_place(layout, found, runner)
            return
    yield from fewer_columns(state, runner.failing)


def _reductions_in_place(layout: Layout, found: State, runner: _Runner) -> Iterator[State]:
    yield found
    found = smaller_array(layout, found, runner.failing)
    yield found
    among = runner.failing(among_zeros(found.column, found.size, found.element))
    if among is not None:
        # one element that is not zero reads better than an array of equals
        found, layout = among, among_zeros
        yield found
    for column in _simpler(found.column, _OneByOne(runner, layout, found)):
        yield layout(column, found.size, found.element)


# --- one column ----------------------------------------------------------------------------------


class _Trial(Protocol):
    """Tries candidates; returns the simplest that fails, if simpler than ``limit``, and who did."""

    def __call__(
        self, column: Column, candidates: Sequence[Column], limit: Column
    ) -> tuple[Column | None, list[int]]: ...


Pass = Callable[[Column, _Trial, Format], Column | None]


def _simpler(column: Column, trial: _SideBySide | _OneByOne) -> Iterator[Column]:
    """Run the passes over and over until none of them helps."""
    improved = True
    while improved:
        improved = False
        for one_pass in _PASSES:
            better = one_pass(column, trial, trial.fmt)
            if better is not None:
                column, improved = better, True
                yield column


def _variants(propose: Callable[[Column, Format], Iterator[Column]]) -> Pass:
    def one_pass(column: Column, trial: _Trial, fmt: Format) -> Column | None:
        return trial(column, list(propose(column, fmt)), column)[0]

    return one_pass


def _edits(propose: Callable[[Column], list[Edit]]) -> Pass:
    def one_pass(column: Column, trial: _Trial, fmt: Format) -> Column | None:
        single = propose(column)
        found, failed = trial(column, [edit.apply(column) for edit in single], column)
        joined = edits.unions(column, [single[i] for i in failed])
        if found is None or not joined:
            return found
        return trial(column, [edit.apply(column) for edit in joined], found)[0] or found

    return one_pass


_PASSES: Final[tuple[Pass, ...]] = (
    _variants(edits.guesses),
    _edits(edits.deletions),
    _edits(edits.silences),
    _variants(edits.starts),
    _variants(edits.wholesale),
    _edits(edits.replacements),
)


class _SideBySide:
    """Tries candidates in one run, then the best ones alone, because alone is what is reported.

    The column itself rides along: where it does not fail in company, company is not used again.
    """

    def __init__(self, runner: _Runner) -> None:
        self._runner, self.fmt = runner, runner.fmt
        self._company = True

    def __call__(
        self, column: Column, candidates: Sequence[Column], limit: Column
    ) -> tuple[Column | None, list[int]]:
        if not self._company:
            return self._alone([candidates[i] for i in _distinct(candidates, limit)], limit), []
        most = min(_MOST_CANDIDATES, max(_MOST_NUMBERS // len(column.g), 32))
        order = _distinct(candidates, None)[:most]
        steps = len(column.g)
        riders = [column, *(candidates[i].resized(steps) for i in order)]
        bad = self._runner.first_bad(
            np.stack([rider.g for rider in riders], axis=1),
            np.array([rider.theta for rider in riders]),
        )
        if not bad[0]:
            self._company = False
            return self(column, candidates, limit)
        failed = [k for k in range(1, len(riders)) if bad[k]]
        cut = [riders[k].resized(int(bad[k])) for k in failed]
        simple = sorted((c for c in cut if c.cost < limit.cost), key=lambda c: c.cost)
        return self._alone(simple, limit), [order[k - 1] for k in failed]

    def _alone(self, candidates: Sequence[Column], limit: Column) -> Column | None:
        for candidate in candidates[:_TRIED_ALONE]:
            found = self._runner.failing(everywhere(candidate, 1, 0))
            if found is not None and found.column.cost < limit.cost:
                return found.column
        return None


class _OneByOne:
    """Tries the first few candidates, each in an array whose size and position matter."""

    def __init__(self, runner: _Runner, layout: Layout, like: State) -> None:
        self._runner, self._layout, self._like = runner, layout, like
        self.fmt = runner.fmt

    def __call__(
        self, column: Column, candidates: Sequence[Column], limit: Column
    ) -> tuple[Column | None, list[int]]:
        for i in _distinct(candidates, limit)[:_TRIED_ALONE]:
            state = self._layout(candidates[i], self._like.size, self._like.element)
            found = self._runner.failing(state)
            if found is not None and found.column.cost < limit.cost:
                return found.column, [i]
        return None, []


def _distinct(candidates: Sequence[Column], limit: Column | None) -> list[int]:
    # with a limit each one costs a run: only simpler ones, and no zeros in place of gradients
    seen: set[tuple[bytes, float]] = set()
    found: list[int] = []
    for i, candidate in enumerate(candidates):
        key = (candidate.g.tobytes(), candidate.theta)
        if key in seen or not len(candidate.g):
            continue
        seen.add(key)
        if limit is not None and (
            candidate.cost >= limit.cost or (limit.g.any() and not candidate.g.any())
        ):
            continue
        found.append(i)
    return found
