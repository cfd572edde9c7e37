"""Synthetic targets: the rules themselves on NumPy arrays of a format, and the runs they give."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import SimpleNamespace

import numpy as np

from adamcheck.formats import FORMATS
from adamcheck.identify import runs as design
from adamcheck.identify.batch import Batch, Run, batched
from adamcheck.rules import initial_state, step
from adamcheck.spec import Spec
from adamcheck.targets.protocol import Trace, Trajectory

TAKES = frozenset({"lr", "beta1", "beta2", "eps", "eps_root", "weight_decay"})
OPS = SimpleNamespace(
    sqrt=np.sqrt, maximum=np.maximum, choose=lambda x, a, b: a() if x > 0 else b()
)


def run(spec: Spec, request: Trajectory, *, use: Mapping[str, float] | None = None) -> Trace:
    """What a target would do that follows ``spec`` in the request's own format."""
    hyper = {**dict.fromkeys(spec.hyperparameters, 0.0), **request.hyper, **(use or {})}
    grads, theta = request.grads[0], request.theta0[0].copy()
    kind = theta.dtype.type
    zero = np.zeros_like(theta)
    with np.errstate(all="ignore"):
        state = initial_state(spec, {n: np.float64(x) for n, x in hyper.items()}, zero, 1.0)
        for name in ("p1", "p2"):
            if spec.first_t == "0" and name in state:
                state[name] = 1.0 / hyper["beta1" if name == "p1" else "beta2"]
        if request.preload is not None:
            given = request.preload[0]
            for name in ("m", "v", "v_max"):
                if name in state:
                    state[name] = given[name]
            for name, beta in (("p1", hyper["beta1"]), ("p2", hyper["beta2"])):
                if name in state:
                    state[name] = state[name] * beta ** given["t"]
        thetas = [theta]
        for g in grads:
            done = step(spec, OPS, {n: float(x) for n, x in hyper.items()}, state, g, thetas[-1])
            thetas.append(np.asarray(done.theta).astype(kind))
            state = {n: _kept(x, kind) for n, x in done.state.items()}
    return Trace((np.stack(thetas),))


def observed(
    spec: Spec,
    dtype: str = "float64",
    *,
    extra: Mapping[str, float] | None = None,
    use: Mapping[str, float] | None = None,
    long: bool = False,
    preload: bool = False,
) -> tuple[Batch, ...]:
    """The designed runs on a synthetic target; ``use`` are numbers it takes whatever is asked."""
    fmt = FORMATS[dtype]
    asked = design.Asked(extra or {}, frozenset())
    requests = list(design.short(fmt, TAKES, asked))
    if long:
        requests.append(("long", design.long(fmt, TAKES, asked)))
    if preload:
        requests.append(("preloaded", design.preloaded(fmt, TAKES, asked)))
    return batched([Run(label, ask, run(spec, ask, use=use)) for label, ask in requests], fmt)


def labelled(batch: Batch, label: str) -> Batch:
    """The columns of the runs with this label."""
    wanted = [k for k, word in enumerate(batch.labels) if word == label]
    return batch.columns(np.flatnonzero(np.isin(batch.run, wanted)))


def changed(batches: Iterable[Batch], how: object) -> tuple[Batch, ...]:
    """The batches with their parameters replaced by ``how(batch)``."""
    from dataclasses import replace

    return tuple(replace(s, thetas=how(s)) for s in batches)  # type: ignore[operator]


def _kept(x: object, kind: type) -> object:
    return x.astype(kind) if isinstance(x, np.ndarray) and x.ndim else x
