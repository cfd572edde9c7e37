"""Slips of the pen in corrections, hyperparameters, gradients and decay, each as a Change.

What real implementations got wrong (classes of public bug reports); the rule itself is untouched.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

import numpy as np

from adamcheck.formats import FORMATS
from adamcheck.identify.candidate import Change, Hyper, Shrinkage
from adamcheck.identify.stack import Array, Stack

# the bias corrections: 1-β1^t and 1-β2^t in use at step t


def _powers(t1: Callable[[Any], Any], t2: Callable[[Any], Any]) -> Callable[..., Any]:
    """The corrections of other step counts."""

    def corrections(t: Any, b1: Array, b2: Array) -> tuple[Array, Array]:
        return 1.0 - b1 ** t1(t), 1.0 - b2 ** t2(t)

    return corrections


def _same(t: Any) -> Any:
    return t


def both_by(rule: Callable[[Any, Array], Array]) -> Callable[..., Any]:
    return lambda t, b1, b2: (rule(t, b1), rule(t, b2))


def ends_at(last: int) -> list[Change]:
    """What a step counter may do once it has reached ``last``."""
    around = 2 * (last + 1)
    return [
        _counter(f"the step counter stops at {last}", lambda t: np.minimum(t, last)),
        _counter(f"after {last} the step counter starts again at 1", lambda t: (t - 1) % last + 1),
        _counter(f"after {last} the step counter starts again at 0", lambda t: t % (last + 1)),
        _counter(
            f"after {last} the step counter is negative",
            lambda t: (t + last + 1) % around - last - 1,
        ),
        _counter(f"after {last} the step counter is one ahead", lambda t: t + (t > last)),
        _counter(f"after {last} the step counter is 1", lambda t: np.where(t > last, 1, t)),
    ]


def _counter(words: str, count: Callable[[Any], Any]) -> Change:
    return Change(words, corrections=_powers(count, count))


CORRECTIONS: Final = (
    Change(
        "the bias correction is frozen at t=1 (1-β in place of 1-β^t)",
        corrections=both_by(lambda t, b: 1.0 - b),
    ),
    _counter("t advances by two a step", lambda t: 2 * t - 1),
    _counter("t is counted twice (2t in place of t)", lambda t: 2 * t),
    Change("β1^t is advanced twice a step", corrections=_powers(lambda t: 2 * t - 1, _same)),
    Change("β2^t is advanced twice a step", corrections=_powers(_same, lambda t: 2 * t - 1)),
    Change("m uses β1^t of the next step", corrections=_powers(lambda t: t + 1, _same)),
    Change(
        "v uses β2^t of the step before",
        corrections=_powers(_same, lambda t: np.maximum(t - 1, 1)),
    ),
    Change("v uses β2^t of the next step", corrections=_powers(_same, lambda t: t + 1)),
    Change("m is divided by 1-β2^t", corrections=lambda t, b1, b2: (1 - b2**t, 1 - b2**t)),
    Change("v is divided by 1-β1^t", corrections=lambda t, b1, b2: (1 - b1**t, 1 - b1**t)),
    Change(
        "the corrections of m and v change places",
        corrections=lambda t, b1, b2: (1 - b2**t, 1 - b1**t),
    ),
    Change(
        "multiplies by 1-β^t where it should divide",
        corrections=both_by(lambda t, b: 1.0 / (1.0 - b**t)),
    ),
    Change("divides by β^t in place of 1-β^t", corrections=both_by(lambda t, b: b**t)),
    Change(
        "divides √v by 1-β2^t in place of its root",
        corrections=lambda t, b1, b2: (1 - b1**t, (1 - b2**t) ** 2),
    ),
    Change(
        "m is corrected by the root of 1-β1^t",
        corrections=lambda t, b1, b2: (np.sqrt(1 - b1**t), 1 - b2**t),
    ),
    Change(
        "m is not corrected at t=1",
        corrections=lambda t, b1, b2: (np.where(t == 1, 1.0, 1 - b1**t), 1 - b2**t),
    ),
    Change(
        "ε is divided by 1-β1^t",
        corrections=lambda t, b1, b2: (1 + 0 * b1, (1 - b2**t) / (1 - b1**t) ** 2),
    ),
    Change(
        "β^t is taken as e^(-t(1-β))", corrections=both_by(lambda t, b: -np.expm1(-t * (1.0 - b)))
    ),
)


# hyperparameters in use, from those asked for


def replaced(**rules: Callable[[Hyper, Stack], Any]) -> Callable[[Hyper, Stack], Hyper]:
    def hyper(h: Hyper, stack: Stack) -> Hyper:
        return {**h, **{name: rule(h, stack) + 0.0 * h[name] for name, rule in rules.items()}}

    return hyper


def sizes(stack: Stack) -> Array:
    """The number of elements of the run that each column belongs to."""
    counted = np.bincount(stack.run)
    return np.asarray(counted[stack.run], np.float64)


HYPER: Final = (
    Change("ε is never read (it is 0)", hyper=replaced(eps=lambda h, s: 0.0)),
    Change("ε counts only where v̂ is 0", hyper=replaced(eps=lambda h, s: np.finfo(float).tiny)),
    Change("ε is squared", hyper=replaced(eps=lambda h, s: h["eps"] ** 2)),
    Change("ε is rooted", hyper=replaced(eps=lambda h, s: np.sqrt(h["eps"]))),
    Change("ε is scaled by lr", hyper=replaced(eps=lambda h, s: h["eps"] * h["lr"])),
    Change(
        "β1 and β2 change places",
        hyper=replaced(beta1=lambda h, s: h["beta2"], beta2=lambda h, s: h["beta1"]),
    ),
    Change(
        "β means 1-β",
        hyper=replaced(beta1=lambda h, s: 1 - h["beta1"], beta2=lambda h, s: 1 - h["beta2"]),
    ),
    Change(
        "β1 and β2 are rounded to three decimals",
        hyper=replaced(
            beta1=lambda h, s: np.minimum(np.round(h["beta1"], 3), 0.999),
            beta2=lambda h, s: np.minimum(np.round(h["beta2"], 3), 0.999),
        ),
    ),
    Change("β2 is β1", hyper=replaced(beta2=lambda h, s: h["beta1"])),
    Change("β1 is β2", hyper=replaced(beta1=lambda h, s: h["beta2"])),
    Change(
        "lr is divided by the root of the parameter's size",
        hyper=replaced(lr=lambda h, s: h["lr"] / np.sqrt(sizes(s))),
    ),
    Change(
        "the gradient is divided by the parameter's size",
        hyper=replaced(eps=lambda h, s: h["eps"] * sizes(s)),
    ),
    Change("lr is never read (it is 1)", hyper=replaced(lr=lambda h, s: 1.0)),
    Change("lr is squared", hyper=replaced(lr=lambda h, s: h["lr"] ** 2)),
)


# the gradients in use


def _groupwise(rule: Callable[[Array], Array]) -> Callable[[Stack], Array]:
    """A rule of one run's gradients ``[T, n]``."""

    def gradients(stack: Stack) -> Array:
        changed = stack.grads.copy()
        for columns in stack.groups:
            changed[:, columns] = rule(stack.grads[:, columns])
        return changed

    return gradients


def _norm(g: Array) -> Array:
    return np.asarray(np.sqrt(np.sum(g * g, axis=1, keepdims=True)))


def _scaled_down(most: float, g: Array) -> Array:
    return g * np.minimum(1.0, most / np.maximum(_norm(g), np.finfo(float).tiny))


def _clipped(most: float, stack: Stack) -> Array:
    return np.clip(stack.grads, -most, most)


def _late(g: Array) -> Array:
    return np.concatenate([g[:1], g[:-1]])


GRADIENTS: Final = (
    Change("each step uses the gradient of the step before", gradients=lambda s: _late(s.grads)),
    Change(
        "the mean over the parameter is subtracted from the gradient (not elementwise)",
        gradients=_groupwise(lambda g: g - g.mean(axis=1, keepdims=True)),
    ),
    *(
        Change(
            f"a gradient whose norm exceeds {most:g} is scaled down to it (not elementwise)",
            gradients=_groupwise(
                partial(_scaled_down, most),
            ),
        )
        for most in (0.25, 0.5, 1.0, 5.0, 10.0, 100.0, 1000.0)
    ),
    Change(
        "the gradient is divided by its norm (not elementwise)",
        gradients=_groupwise(lambda g: g / np.where(_norm(g) == 0.0, 1.0, _norm(g))),
    ),
    *(
        Change(
            f"gradients are clipped at {most:g}",
            gradients=partial(_clipped, most),
        )
        for most in (0.1, 1.0, 10.0, 100.0, 1000.0)
    ),
    Change("only the size of the gradient counts", gradients=lambda s: np.abs(s.grads)),
    Change(
        "the gradient's sign is flipped at the first step only",
        gradients=lambda s: np.concatenate([-s.grads[:1], s.grads[1:]]),
    ),
    Change(
        "the gradient's sign is flipped from the second step on",
        gradients=lambda s: np.concatenate([s.grads[:1], -s.grads[1:]]),
    ),
)


# decay


def _root_ratio(s: Shrinkage) -> Array:
    rest1, rest2 = 1 - s.hyper["beta1"] ** s.t, 1 - s.hyper["beta2"] ** s.t
    return np.asarray(np.sqrt(rest2) / rest1)


def _factor_through(name: str) -> Callable[[Shrinkage], Array]:
    kind = FORMATS[name].dtype
    return lambda s: s.theta * (1.0 - (1.0 - s.rate).astype(kind).astype(np.float64))


STRENGTHS: Final = (
    Change("λ has the other sign", hyper=replaced(weight_decay=lambda h, s: -h["weight_decay"])),
    Change(
        "λ is scaled by lr once more",
        hyper=replaced(weight_decay=lambda h, s: h["weight_decay"] * h["lr"]),
    ),
    Change("λ is squared", hyper=replaced(weight_decay=lambda h, s: h["weight_decay"] ** 2)),
)
DECAY: Final = (
    Change("the decay is αλg, not αλθ", shrinkage=lambda s: s.rate * s.g),
    Change("the decay pulls by the initial θ", shrinkage=lambda s: s.rate * s.first_theta),
    Change(
        "the bias correction scales the decay",
        shrinkage=lambda s: s.rate * _root_ratio(s) * s.theta,
    ),
    *(
        Change(f"1-αλ passes through {name}", shrinkage=_factor_through(name))
        for name in ("bfloat16", "float16", "float32")
    ),
)
