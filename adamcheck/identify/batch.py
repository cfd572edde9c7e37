"""Observed runs side by side: every element of every run is one column, with its hyperparameters.

Dialects are then walked over all columns at once. Runs of different length make several batches.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from adamcheck.formats import Format, widened
from adamcheck.spec.hyperparameters import assumed
from adamcheck.targets.protocol import Trace, Trajectory

Array = NDArray[np.float64]
USUAL: Final = assumed()
"""What a hyperparameter is taken to be where it is not passed."""
MOMENTS: Final = ("m", "v", "v_max")
MOST: Final = 512
"""Columns of one array that are looked at."""
_ENDS: Final = 64


@dataclass(frozen=True)
class Run:
    """One trajectory with what the target did on it; ``label`` names its purpose.

    element: one that must be looked at, counted over all parameters, where only some can be.
    """

    label: str
    request: Trajectory
    trace: Trace
    element: int = 0


@dataclass(frozen=True)
class Batch:
    """Columns of T steps: grads ``[T, N]``, thetas ``[T+1, N]``, all as float64.

    hyper: name -> ``[N]`` as asked for; start: moments before the first step; first ``[N]``: steps
    taken before it. run, array and element tell where a column comes from, size how many elements
    its array has. constants: an edit's open parameters by the names of their inputs, ``[N]``.
    moments: what was shown after each step, name -> ``[T, N]``; only names that every run shows.
    """

    fmt: Format
    grads: Array
    thetas: Array
    hyper: Mapping[str, Array]
    start: Mapping[str, Array]
    first: NDArray[np.int64]
    run: NDArray[np.int64]
    element: NDArray[np.int64]
    array: NDArray[np.int64]
    size: NDArray[np.int64]
    labels: tuple[str, ...]
    constants: Mapping[str, Array] = field(default_factory=dict)
    moments: Mapping[str, Array] = field(default_factory=dict)

    @property
    def steps(self) -> int:
        """The number of steps T."""
        return int(self.grads.shape[0])

    @property
    def count(self) -> int:
        """The number of columns N."""
        return int(self.grads.shape[1])

    @cached_property
    def runs(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """One column of each run that is present, and which of these runs every column is of."""
        _, heads, of = np.unique(self.run, return_index=True, return_inverse=True)
        return heads, of

    @cached_property
    def groups(self) -> list[NDArray[np.intp]]:
        """The columns of each run that is present."""
        heads, of = self.runs
        return [np.flatnonzero(of == r) for r in range(len(heads))]

    @cached_property
    def silence(self) -> Array:
        """How many gradients before each one were zero without a break ``[T, N]``."""
        counted = np.zeros((self.steps, self.count))
        for t in range(1, self.steps):
            counted[t] = np.where(self.grads[t - 1] == 0.0, counted[t - 1] + 1.0, 0.0)
        return counted

    def cut(self, steps: int) -> Batch:
        """The first steps only."""
        return replace(
            self,
            grads=self.grads[:steps],
            thetas=self.thetas[: steps + 1],
            moments={name: values[:steps] for name, values in self.moments.items()},
        )

    def columns(self, chosen: NDArray[Any]) -> Batch:
        """Some columns only, or one several times."""
        return replace(
            self,
            grads=self.grads[:, chosen],
            thetas=self.thetas[:, chosen],
            hyper={name: values[chosen] for name, values in self.hyper.items()},
            start={name: values[chosen] for name, values in self.start.items()},
            first=self.first[chosen],
            run=self.run[chosen],
            element=self.element[chosen],
            array=self.array[chosen],
            size=self.size[chosen],
            constants={name: values[chosen] for name, values in self.constants.items()},
            moments={name: values[:, chosen] for name, values in self.moments.items()},
        )


def batched(runs: Sequence[Run], fmt: Format, *, most: int = MOST) -> tuple[Batch, ...]:
    """The finished steps of all runs, one batch for each length; ``most`` columns of an array.

    Left out: parameters whose gradient was missing at some step, and runs that were continued in
    an instance with other hyperparameters.
    """
    parts: dict[int, list[Batch]] = defaultdict(list)
    labels = tuple(run.label for run in runs)
    for k, run in enumerate(runs):
        for part in _columns(k, run, fmt, labels, most):
            parts[part.steps].append(part)
    return tuple(joined(same) for _, same in sorted(parts.items()))


def _columns(k: int, run: Run, fmt: Format, labels: tuple[str, ...], most: int) -> Iterable[Batch]:
    request, trace = run.request, run.trace
    if request.reload_hyper is not None and request.reload_hyper != request.hyper:
        return
    for i, (grads, thetas) in enumerate(zip(request.grads, trace.thetas, strict=False)):
        steps = int(thetas.shape[0]) - 1
        if steps == 0 or grads[0].size == 0:
            continue
        if request.present is not None and not request.present[:steps, i].all():
            continue
        flat = _wide(grads[:steps]).reshape(steps, -1)
        count = flat.shape[1]
        offset = sum(g[0].size for g in request.grads[:i])
        given = {} if request.preload is None else request.preload[i]
        whole = Batch(
            fmt=fmt,
            grads=flat,
            thetas=_wide(thetas).reshape(steps + 1, -1),
            hyper={n: np.full(count, request.hyper.get(n, x)) for n, x in USUAL.items()},
            start={
                n: _wide(given[n]).reshape(-1) if n in given else np.zeros(count)
                for n in dict.fromkeys([*MOMENTS, *given])
                if n != "t"
            },
            first=np.full(count, int(given.get("t", 0)), np.int64),
            run=np.full(count, k, np.int64),
            element=np.arange(count),
            array=np.full(count, (k << 20) + i, np.int64),
            size=np.full(count, count, np.int64),
            labels=labels,
            moments=_shown(trace, i, steps),
        )
        yield whole if count <= most else whole.columns(_some(count, run.element - offset, most))


def _shown(trace: Trace, i: int, steps: int) -> dict[str, Array]:
    """The moments of a parameter after each step ``[T, N]``; empty where none are shown."""
    shown = trace.moments[i] if trace.moments else {}
    return {
        name: _wide(values[:steps]).reshape(steps, -1)
        for name, values in shown.items()
        if name != "t" and len(values) >= steps
    }


def _some(count: int, element: int, most: int) -> NDArray[np.intp]:
    """Some elements of a large array: the first and the last ones, one in question, and others."""
    spread = np.linspace(0, count - 1, most // 2).astype(np.intp)
    ends = np.r_[np.arange(_ENDS), np.arange(count - _ENDS, count)]
    return np.unique(np.r_[spread, ends, [element] if 0 <= element < count else []].astype(np.intp))


def _wide(array: NDArray[Any]) -> Array:
    return np.asarray(widened(np.asarray(array)), np.float64)


def joined(parts: Sequence[Batch]) -> Batch:
    """Batches of as many steps as one."""
    first = parts[0]
    started = dict.fromkeys(n for p in parts for n in p.start)
    shown = [n for n in first.moments if all(n in p.moments for p in parts)]
    return replace(
        first,
        grads=np.concatenate([p.grads for p in parts], axis=1),
        thetas=np.concatenate([p.thetas for p in parts], axis=1),
        hyper={n: np.concatenate([p.hyper[n] for p in parts]) for n in first.hyper},
        start={
            n: np.concatenate([p.start.get(n, np.zeros(p.count)) for p in parts]) for n in started
        },
        moments={n: np.concatenate([p.moments[n] for p in parts], axis=1) for n in shown},
        first=np.concatenate([p.first for p in parts]),
        run=np.concatenate([p.run for p in parts]),
        element=np.concatenate([p.element for p in parts]),
        array=np.concatenate([p.array for p in parts]),
        size=np.concatenate([p.size for p in parts]),
    )
