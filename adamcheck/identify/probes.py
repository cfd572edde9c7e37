"""Runs that tell apart when an edit acts: late, in large arrays, after silence, at any size of g.

They are asked where a target deviates and shows its moments. Each run goes through one kind of
condition while the others stay where the short runs are; silences also between gradients of every
size.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import numpy as np

from adamcheck.formats import Format
from adamcheck.identify.batch import Array, Run
from adamcheck.identify.runs import Asked, asked_with, preloaded, signs, spread, usual_gradients
from adamcheck.targets.protocol import Trajectory
from adamcheck.targets.session import Session

# How far probes look beyond the checks' evidence; LIMITS names these numbers.
_LATE: Final = 8192
"""Steps of the longest run."""
_SILENT: Final = 2048
"""Steps of the runs with silences of every length."""
_SHORT_RANGED: Final = 4
"""By how much these are shorter where the format has few exponents."""
_LARGEST: Final = 1 << 16
"""The largest array has one element more."""
_OCTAVES: Final = 32
"""Octaves that |g| goes up and down from 1."""
LABELS: Final = ("late", "large", "silent", "any size")


def probe_runs(session: Session, fmt: Format, asked: Asked) -> Iterator[Run]:
    """The runs that the target finishes, with its moments."""
    known = session.description
    requests = [*zip(LABELS, _probes(fmt, known.hyperparameters, asked), strict=True)]
    if "load_moments" in known.abilities:  # what is not a number at moments of zero
        requests.append(("preloaded", preloaded(fmt, known.hyperparameters, asked)))
    for label, request in requests:
        alone = len(request.theta0) > 1 and "many" not in known.abilities
        for one in _each(request) if alone else (request,):
            trace = session.run(replace(one, moments=True))
            if trace.failure is None:
                yield Run(label, one, trace)


def _each(request: Trajectory) -> Iterator[Trajectory]:
    """A run of its own for every parameter, for a target that takes one only."""
    for theta, grads in zip(request.theta0, request.grads, strict=True):
        yield replace(request, theta0=(theta,), grads=(grads,))


def _probes(fmt: Format, takes: frozenset[str], asked: Asked) -> Iterator[Trajectory]:
    part = _SHORT_RANGED if fmt.short_ranged else 1
    yield _asked(fmt, takes, asked, [usual_gradients((_LATE // part, 3), 31)])
    sizes = [1, 2, 3, 4, 6, 8, 12, *(2**k + 1 for k in range(4, 13)), _LARGEST + 1]
    yield _asked(fmt, takes, asked, [usual_gradients((2, n), 32 + k) for k, n in enumerate(sizes)])
    low, high = (2.0**-_OCTAVES, 2.0**_OCTAVES)
    if fmt.short_ranged:
        low, high = fmt.smallest_normal, np.sqrt(fmt.largest)
    silent = silences(_SILENT // part, 24)
    # the same silences between gradients of growing size: what was before is nothing beside them
    growing = np.geomspace(low, 0.25 * high, len(silent))[:, None]
    yield _asked(fmt, takes, asked, [silent, silent * growing])
    count = 24 * 67
    sizes_of = spread(count, low, high, 5) * signs(count)
    yield _asked(fmt, takes, asked, [sizes_of.reshape(24, 67)])


def silences(steps: int, count: int) -> Array:
    """Gradients ``[steps, count]`` with silences between them, of its own length in each column."""
    lengths = np.unique(np.geomspace(1, steps - 8, count).astype(np.intp))
    grads = np.zeros((steps, len(lengths)))
    for k, length in enumerate(lengths):
        given = np.arange(steps) % (length + 2) < 2
        grads[given, k] = usual_gradients((int(given.sum()), 1), 64 + k)[:, 0]
    return grads


def _asked(fmt: Format, takes: frozenset[str], asked: Asked, grads: list[Array]) -> Trajectory:
    """β so near 1 that its powers are still there at the last step."""
    thetas = [np.zeros(g.shape[1]) for g in grads]
    return asked_with(
        fmt, takes, asked, thetas, grads, 2.0**-6, 1 - 2.0**-10, 1 - 2.0**-12, 2.0**-8
    )
