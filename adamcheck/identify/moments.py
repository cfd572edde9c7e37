"""One step with other moments than the rule's: run the rule, put others in, run it again.

The second run has a zero gradient and moments divided by β, so the rule itself computes everything
that comes after the moments; only the averages are written here, with ``rules.ema``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np

from adamcheck.identify.bounded import Bounded
from adamcheck.identify.candidate import Change
from adamcheck.interpret.walk import ARRAYS
from adamcheck.rules.language import descended
from adamcheck.spec import Spec


@dataclass(frozen=True)
class Frame:
    """What a change of the moments can see at one step.

    g: the gradient as the moments take it; bare: without L2 decay; m, v: stored after the last
    step; m1, v1: what the rule makes of them now; beta1, beta2, eps; rest1, rest2: 1-β1^t and
    1-β2^t of this step; memory: a dict of its own that lasts for the run, empty at the first step.
    """

    g: Bounded
    bare: Bounded
    m: Bounded
    v: Bounded
    m1: Bounded
    v1: Bounded
    beta1: Bounded
    beta2: Bounded
    eps: Bounded
    rest1: Bounded
    rest2: Bounded
    memory: dict[str, Any]


@dataclass(frozen=True)
class Moments:
    """What is stored, and what the update uses (by default the same)."""

    m: Bounded
    v: Bounded
    used_m: Bounded | None = None
    used_v: Bounded | None = None


def substituted(
    change: Change,
    spec: Spec,
    run: Callable[..., Any],
    values: Mapping[str, Any],
    bounds: Mapping[str, Any],
    after: Mapping[str, Any],
    radii: Mapping[str, Any],
    c: SimpleNamespace,
    memory: dict[str, Any],
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The step's outputs and bounds with the changed moments stored and used."""

    def old(name: str) -> Bounded:
        return Bounded(values[name], bounds[name], c)

    def new(name: str) -> Bounded:
        return Bounded(after[name], radii[name], c)

    l2 = SimpleNamespace(weight_decay=old("h.weight_decay") if spec.decay == "l2" else None)
    frame = Frame(
        g=descended(spec, l2, old("g"), old("theta")),
        bare=descended(spec.with_(decay="none"), l2, old("g"), old("theta")),
        m=old("s.m"),
        v=old("s.v"),
        m1=new("s.m"),
        v1=new("s.v"),
        beta1=old("h.beta1"),
        beta2=old("h.beta2"),
        eps=old("h.eps"),
        rest1=1 - new("s.p1"),
        rest2=1 - new("s.p2"),
        memory=memory,
    )
    made = change.moments(frame) if change.moments else _rounded(frame, change)
    used_m, used_v = made.used_m or made.m, made.used_v or made.v
    back = {"s.m": used_m / frame.beta1, "s.v": used_v / frame.beta2}
    zero = np.zeros_like(values["g"])
    inputs = dict(values) | {name: x.value for name, x in back.items()} | {"g": zero}
    errors = dict(bounds) | {name: x.bound for name, x in back.items()} | {"g": zero}
    if spec.decay == "l2":
        inputs["h.weight_decay"], errors["h.weight_decay"] = zero, zero
    after, radii = run(ARRAYS, inputs, errors, c)
    after, radii = dict(after), dict(radii)
    for name, x in (("s.m", made.m), ("s.v", made.v)):
        after[name], radii[name] = x.value, x.bound
    return after, radii


def _rounded(frame: Frame, change: Change) -> Moments:
    assert change.rounded is not None
    place, name = change.rounded
    if place == "m":
        return Moments(frame.m1.through(name), frame.v1)
    return Moments(frame.m1, frame.v1.through(name))
