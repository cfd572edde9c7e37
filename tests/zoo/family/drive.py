"""Run a target of the family on a battery of gradients, as evidence for the oracle."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np

from adamcheck.formats import FORMATS
from adamcheck.oracle.evidence import Evidence
from adamcheck.program import trace
from adamcheck.spec import parse_spec

REPOSITORY: Final = Path(__file__).resolve().parents[3]
# ε large enough to matter in every format; nothing is dyadic but what starts an accumulator
HYPER: Final = {
    "lr": 0.03,
    "beta1": 0.9,
    "beta2": 0.99,
    "eps": 0.003,
    "momentum": 0.9,
    "dampening": 0.3,
    "lr_decay": 0.01,
    "initial_accumulator": 0.25,
    "momentum_decay": 0.004,
    "weight_decay": 0.125,
}
STEPS: Final = {"short": 24, "long": 240}


@cache
def load(target: str) -> Any:
    """The attribute of a file, loaded by its path alone, as a target file is."""
    path, attribute = target.split(":")
    spec = importlib.util.spec_from_file_location("family_" + Path(path).stem, REPOSITORY / path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, attribute)


def gradients(steps: int, dtype: Any) -> np.ndarray:
    """Columns: normal, constant, sparse, small, spiked, alternating, falling, one-signed, late."""
    rng = np.random.default_rng(5)
    t = np.arange(steps)
    normal = rng.standard_normal((9, steps))
    columns = [
        normal[0],
        np.full(steps, 0.3),
        np.where(rng.random(steps) < 0.3, normal[1], 0.0),
        normal[2] * 2.0**-11,
        normal[3] * np.where(t % 9 == 2, 16.0, 0.25),
        (-1.0) ** t * (0.5 + 0.1 * normal[4]),
        normal[5] * np.exp2(-t / 8.0),
        -np.abs(normal[6]) - 0.1,
        np.where(t >= steps // 2, normal[7], 0.0),
    ]
    return np.stack(columns, axis=1).astype(dtype)


def evidence(target: str, claims: str, dtype: str, options: Any, shows: str) -> Evidence:
    """What a target did under the hyperparameters of its spec, θ starting away from zero."""
    spec, fmt = parse_spec(claims), FORMATS[dtype]
    hyper = {name: HYPER[name] for name in spec.hyperparameters}
    grads = gradients(STEPS.get(shows, STEPS["short"]), fmt.dtype)
    theta = np.linspace(-0.5, 0.5, grads.shape[1]).astype(fmt.dtype)
    built = load(target)([theta.copy()], **{**hyper, **options})
    thetas, kept = [theta], []
    for g in grads:
        (after,) = built.step([g.copy()])
        thetas.append(after.copy())
        kept.append(built.moments()[0])
    names = [m for m in trace(spec).moments if m in kept[0]]
    moments = {m: np.stack([each[m] for each in kept]) for m in names}
    given = {**hyper, **{k: x for k, x in options.items() if not isinstance(x, bool)}}
    return Evidence(spec, fmt, given, grads, np.stack(thetas), moments)
