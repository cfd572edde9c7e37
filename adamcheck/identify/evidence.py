"""Runs in which a check saw the target deviate, asked again as evidence for identification.

A defect may show at step 1700 only, or in arrays of some thousand elements: not in the short runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from adamcheck.formats import Format
from adamcheck.identify.batch import Run
from adamcheck.identify.runs import signs, spread, usual_gradients
from adamcheck.targets.protocol import Trajectory
from adamcheck.targets.session import Session

_MOST: Final = 3
_AHEAD: Final = 24
_STEPS: Final = 4096
_LONGEST: Final = 1 << 15
"""Steps up to which a run is walked by every dialect, and up to which its moments are asked."""
_LATEST: Final = 1 << 20
"""Steps of a loaded state up to which its run is walked."""
_WORK: Final = 4_000_000
_FEW: Final = 8
_COMPANY: Final = 48


@dataclass(frozen=True)
class Deviating:
    """A trajectory on which the target deviates; element counts over all parameters."""

    trajectory: Trajectory
    element: int = 0


def evidence_runs(
    session: Session, fmt: Format, flags: frozenset[str], given: Sequence[Deviating]
) -> Iterator[Run]:
    """The longest and the widest of the trajectories, run again and some steps further.

    Longer than every dialect can be walked only where moments are shown.
    """
    most = _LONGEST if "moments" in session.description.abilities else _STEPS
    plain = [one for one in given if _is_plain(one.trajectory, fmt, flags, most)]
    order = sorted(plain, key=_rank)
    chosen = order[:_MOST]
    for k, one in enumerate(chosen, start=1):
        request = _further(one.trajectory, fmt)
        trace = session.run(request)
        if trace.failure is None:
            yield Run(f"evidence {k}", request, trace, one.element)


def _rank(one: Deviating) -> tuple[Any, ...]:
    """Longer and wider ones first; of those that are as long, in an order of their numbers."""
    run = one.trajectory
    grads = run.grads[0]
    content = blake2b(grads.tobytes() + run.theta0[0].tobytes(), digest_size=16).digest()
    return -run.steps, -grads.size, sorted(run.hyper.items()), content


def is_late(run: Run) -> bool:
    """Whether a run begins late or is long: only moments tell of it within reason."""
    return run.request.preload is not None or run.request.steps > _STEPS


def _is_plain(request: Trajectory, fmt: Format, flags: frozenset[str], most: int = _STEPS) -> bool:
    """Whether it is one run of one instance, in plain memory, with known gradients that fit."""
    alone = request.reload_after is None and request.problem is None and request.lrs is None
    alone = alone and request.present is None
    # clocks are walked up to where a run begins
    alone = alone and all(int(state["t"]) <= _LATEST for state in request.preload or ())
    # what memory does to a run is no edit of a program
    alone = alone and not request.refill and request.theta_layout == request.grad_layout == "C"
    size = sum(g.size for g in request.grads)
    fits = 0 < request.steps <= most and 0 < size <= _WORK
    pairs = zip(request.theta0, request.grads, strict=True)
    alike = all(g.dtype == fmt.dtype and g.shape[1:] == theta.shape for theta, g in pairs)
    return alone and fits and alike and request.flags == flags


def _further(request: Trajectory, fmt: Format) -> Trajectory:
    """The run with its pattern once more and usual gradients after it: what acts may act again.

    A witness was made as small as it goes; a lone short parameter is given company of other sizes
    with zeros in the same places, so that there is more to infer from than one number.
    """
    request = _widened(request, fmt)
    most = _STEPS if request.steps <= _STEPS else _LONGEST
    more = min(request.steps + _AHEAD, most - request.steps)
    size = sum(g[0].size for g in request.grads)
    more = max(0, min(more, _WORK // size - request.steps))

    def longer(g: NDArray[Any], salt: int) -> NDArray[Any]:
        again = g[: max(0, more - _AHEAD)]
        count = more - len(again)
        rest = usual_gradients((count, g[0].size), 8 + salt).astype(fmt.dtype)
        return np.concatenate([g, again, rest.reshape(count, *g.shape[1:])])

    grads = tuple(longer(g, k) for k, g in enumerate(request.grads))
    return replace(request, grads=grads, twin=False, moments=False)


def _widened(request: Trajectory, fmt: Format) -> Trajectory:
    """A lone one-dimensional parameter of a few elements, several times with other gradients."""
    (theta, *others), (g, *_) = request.theta0, request.grads
    if others or theta.ndim != 1 or not 0 < theta.size <= _FEW or request.preload is not None:
        return request
    times = -(-_COMPANY // theta.size)
    factors = np.repeat(spread(times, 0.25, 4.0, 12) * signs(times), theta.size)
    factors[: theta.size] = 1.0
    wide = (np.tile(g, (1, times)).astype(np.float64) * factors).astype(fmt.dtype)
    return replace(request, theta0=(np.tile(theta, times),), grads=(wide,))
