"""In words: where two dialects differ on the observed inputs, with numbers from the runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from adamcheck.identify.batch import Array, Batch
from adamcheck.identify.candidate import Candidate
from adamcheck.identify.lockstep import Walked
from adamcheck.identify.scoring import Fit, Scores
from adamcheck.identify.where import first_step
from adamcheck.spec import Spec

_VISIBLE: Final = 0.01
"""Relative difference of Δ from which the regime is described; nothing is judged by it."""
_ALIKE: Final = "no run shows a difference above 1 %"


def regime(best: Fit, claimed: Spec, scores: Scores) -> str:
    """Which switches differ, where that shows by more than a hundredth, and where it shows most."""
    spec = best.candidate.spec
    given = best.candidate.given
    if spec.algorithm != claimed.algorithm:
        plain = Spec(claimed.algorithm)
        other = scores.fit(Candidate(plain, given))
        parts = _differences(best, other, plain, ()) or _lost(best, other)
        return f"another rule than {claimed.algorithm}: {parts or _ALIKE}"
    switches = [
        n for n in spec.switches if n != "scalars" and getattr(spec, n) != getattr(claimed, n)
    ]
    if not switches:
        return ""
    said = ", ".join(
        f"{n}={getattr(spec, n)}{_strength(n, given)} instead of {getattr(claimed, n)}"
        for n in switches
    )
    other = scores.fit(Candidate(claimed, given))
    parts = _differences(best, other, claimed, switches)
    lost = _lost(best, other)
    if spec.first_t == "0" and spec.bias_correction != "none":
        said += " (the first step divides by 1-β⁰ = 0)"
    told = "; ".join(filter(None, (parts, lost)))
    return f"{said}: {told}" if told else f"{said}; {_ALIKE}"


def _lost(best: Fit, other: Fit) -> str:
    """From which step on the target is not finite though the claimed rule makes a number there."""
    steps: list[int] = []
    for batch, theirs in zip(best.batches, other.walked, strict=False):
        count = min(batch.steps, theirs.move.shape[0])
        known = np.isfinite(theirs.move[:count]) & np.isfinite(theirs.bound[:count])
        lost = known & ~np.isfinite(batch.thetas[1 : count + 1])
        steps += [first_step(batch, lost)] if lost.any() else []
    return f"the target is not finite from step {min(steps)}" if steps else ""


def _strength(name: str, given: tuple[tuple[str, float], ...]) -> str:
    strength = dict(given).get("weight_decay")
    return f" (λ={strength:g})" if name == "decay" and strength is not None else ""


def _differences(best: Fit, other: Fit, claimed: Spec, switches: Sequence[str]) -> str:
    seen: list[tuple[float, ...]] = []
    for batch, mine, theirs in zip(best.batches, best.walked, other.walked, strict=False):
        steps = min(mine.move.shape[0], theirs.move.shape[0])
        seen += _element_steps(batch.cut(steps), mine, theirs, claimed)
    if not seen:
        return ""
    rows = np.asarray(seen)
    factor, step, size, _, _, theta = rows.T
    # claimed/best as a number at least 1, whichever is the larger
    with np.errstate(all="ignore"):
        odds = np.where(np.abs(factor) >= 1.0, np.abs(factor), 1.0 / np.abs(factor))
    k = int(np.argmax(np.where(np.isfinite(odds), odds, 0.0)))
    limits = [f"at steps {int(step.min())}-{int(step.max())}"]
    if "eps" in switches and np.isfinite(size).any():
        limits.append(f"√v̂ ≤ {np.max(size[np.isfinite(size)]):.2g}·ε")
    if (theta != 0.0).all():
        limits.append("θ ≠ 0")
    return f"the step differs by more than 1 % {', '.join(limits)}; most {_most(rows[k], odds[k])}"


def _most(row: Array, odds: float) -> str:
    factor, step, _, g, eps, theta = row
    at = f"at step {int(step)}, g={g:.2g}, ε={eps:.2g}" + (f", θ={theta:.2g}" if theta else "")
    if factor < 0.0:
        return f"{at}: it has the other sign"
    if not np.isfinite(odds) or odds == 0.0:
        return f"{at}: one of the two does not move"
    return f"{at}: it is {odds:.3g} times {'smaller' if abs(factor) > 1.0 else 'larger'}"


def _element_steps(
    batch: Batch, mine: Walked, theirs: Walked, claimed: Spec
) -> list[tuple[float, ...]]:
    """(claimed Δ / best Δ, step, √v̂/ε, g, ε, θ) of each element-step that differs visibly."""
    steps = batch.steps
    with np.errstate(all="ignore"):
        ours, other = mine.move[:steps], theirs.move[:steps]
        gap = np.abs(ours - other)
        scale = np.maximum(np.abs(ours), np.abs(other))
        # a difference that the envelope could hide is not one
        shown = (gap > _VISIBLE * scale) & (gap > 4.0 * mine.bound[:steps]) & np.isfinite(gap)
        factor = other / ours
        eps = batch.hyper["eps"]
        root = theirs.denominator[:steps] / eps - (
            1.0 if claimed.eps in ("outside", "both") else 0.0
        )
    found: list[tuple[float, ...]] = []
    for t, i in np.argwhere(shown):
        found.append(
            (
                float(factor[t, i]),
                float(t + 1 + batch.first[i]),
                float(root[t, i]) if claimed.eps != "inside" else np.nan,
                float(batch.grads[t, i]),
                float(eps[i]),
                float(batch.thetas[t, i]),
            )
        )
    return found
