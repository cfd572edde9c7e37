"""Other averages than Adam's: slips in the moments, and other optimizers under the name.

Everything after the moments stays the rule's own; each entry names the switches it is put around.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from adamcheck.identify.bounded import Bounded
from adamcheck.identify.candidate import Change
from adamcheck.identify.moments import Frame, Moments
from adamcheck.identify.slips import replaced
from adamcheck.rules import ema


def _unit(frame: Frame) -> Bounded:
    """What makes √v̂ + ε one, where ε is set to one."""
    return frame.v1 * 0.0


def _dozat(frame: Frame) -> Moments:
    """NAdam after Dozat (2016) with constant momentum: the average ahead is corrected as such."""
    ahead = 1 - (1 - frame.rest1) * frame.beta1
    used = frame.beta1 * frame.m1 * (frame.rest1 / ahead) + (1 - frame.beta1) * frame.g
    return Moments(frame.m1, frame.v1, used_m=used)


def _adamax(frame: Frame) -> Moments:
    largest = (frame.beta2 * frame.v).larger(frame.g.size())
    return Moments(frame.m1, largest, used_v=largest * largest)


def _absolute(frame: Frame) -> Moments:
    v = ema(frame.beta2, frame.v, frame.g.size())
    return Moments(frame.m1, v, used_v=v * v / frame.rest2)


def _yogi(frame: Frame) -> Moments:
    square = frame.g * frame.g
    return Moments(frame.m1, frame.v - (1 - frame.beta2) * (frame.v - square).sign() * square)


def _before(name: str) -> Callable[[Frame], Moments]:
    """The update uses the moment of the step before, from the second step on."""

    def moments(frame: Frame) -> Moments:
        first = not frame.memory
        frame.memory["begun"] = True
        old = {} if first else {f"used_{name}": getattr(frame, name)}
        return Moments(frame.m1, frame.v1, **old)

    return moments


def _weighted_square(frame: Frame) -> Moments:
    weighted = (1 - frame.beta2) * frame.g
    return Moments(frame.m1, frame.beta2 * frame.v + weighted * weighted)


def _running_extreme(pick: str) -> Callable[[Frame], Moments]:
    """A running extreme of v that is not AMSGrad's."""

    def moments(frame: Frame) -> Moments:
        kept = frame.memory.get("kept")
        if pick == "minimum":
            now = frame.v1 if kept is None else kept.smaller(frame.v1)
        elif pick == "decaying":
            now = frame.v1 if kept is None else (frame.beta2 * kept).larger(frame.v1)
        else:  # the maximum of the steps before
            before = frame.memory.get("before", frame.v1)
            now = before if kept is None else kept.larger(before)
            frame.memory["before"] = frame.v1
        frame.memory["kept"] = now
        return Moments(frame.m1, frame.v1, used_v=now)

    return moments


_NO_V: Final = {"bias_correction": "m", "eps": "outside", "amsgrad": "none"}
_ONE: Final = replaced(eps=lambda h, s: 1.0)
AVERAGES: Final[list[tuple[Change, dict[str, str]]]] = [
    (
        Change(
            "Nesterov: the update averages m with the gradient once more",
            moments=lambda f: Moments(f.m1, f.v1, used_m=ema(f.beta1, f.m1, f.g)),
        ),
        {},
    ),
    (Change("NAdam (Dozat, constant momentum)", moments=_dozat), {}),
    (
        Change(
            "AdaBelief: v averages (g-m)²",
            moments=lambda f: Moments(f.m1, ema(f.beta2, f.v, (f.g - f.m1) * (f.g - f.m1))),
        ),
        {},
    ),
    (
        Change(
            "RMSProp: the update uses the gradient in place of m",
            moments=lambda f: Moments(f.m1, f.v1, used_m=f.g),
        ),
        {"bias_correction": "none"},
    ),
    (
        Change(
            "the update uses the gradient in place of m",
            moments=lambda f: Moments(f.m1, f.v1, used_m=f.g),
        ),
        {},
    ),
    (
        Change(
            "AdaGrad with momentum: v sums the squares",
            moments=lambda f: Moments(f.m1, f.v + f.g * f.g),
        ),
        {"bias_correction": "m"},
    ),
    (
        Change(
            "AdaGrad: v sums the squares, no momentum",
            moments=lambda f: Moments(f.m1, f.v + f.g * f.g, used_m=f.g),
        ),
        {"bias_correction": "none"},
    ),
    (Change("AdaMax: v is the decaying maximum of |g|", moments=_adamax), _NO_V),
    (Change("Yogi: v moves toward g² by sign", moments=_yogi), {}),
    (
        Change(
            "gradient descent with averaged momentum",
            hyper=_ONE,
            moments=lambda f: Moments(f.m1, f.v1, used_v=_unit(f)),
        ),
        _NO_V,
    ),
    (
        Change(
            "gradient descent",
            hyper=_ONE,
            moments=lambda f: Moments(f.m1, f.v1, used_m=f.g, used_v=_unit(f)),
        ),
        _NO_V | {"bias_correction": "none"},
    ),
    (
        Change(
            "only the sign of m counts",
            hyper=_ONE,
            moments=lambda f: Moments(f.m1, f.v1, used_m=f.m1.sign(), used_v=_unit(f)),
        ),
        _NO_V | {"bias_correction": "none"},
    ),
    (
        Change(
            "only the sign of the gradient counts",
            hyper=_ONE,
            moments=lambda f: Moments(f.m1, f.v1, used_m=f.g.sign(), used_v=_unit(f)),
        ),
        _NO_V | {"bias_correction": "none"},
    ),
    (Change("v averages |g| and is not rooted", moments=_absolute), {}),
    (
        Change(
            "v averages |g| in place of g²",
            moments=lambda f: Moments(f.m1, ema(f.beta2, f.v, f.g.size())),
        ),
        {},
    ),
    (Change("the weight of g² is squared as well: ((1-β2)g)²", moments=_weighted_square), {}),
    (
        Change(
            "v averages m² in place of g²",
            moments=lambda f: Moments(f.m1, ema(f.beta2, f.v, f.m1 * f.m1)),
        ),
        {},
    ),
    (
        Change(
            "v averages g·m in place of g²",
            moments=lambda f: Moments(f.m1, ema(f.beta2, f.v, f.g * f.m1).size()),
        ),
        {},
    ),
    (Change("the update uses the v of the step before", moments=_before("v")), {}),
    (Change("the update uses the m of the step before", moments=_before("m")), {}),
    (
        Change(
            "m is β1·m + g: the weight 1-β1 is missing",
            moments=lambda f: Moments(f.beta1 * f.m + f.g, f.v1),
        ),
        {},
    ),
    (
        Change(
            "v is β2·v + g²: the weight 1-β2 is missing",
            moments=lambda f: Moments(f.m1, f.beta2 * f.v + f.g * f.g),
        ),
        {},
    ),
    (
        Change(
            "m is m + (1-β1)g: the decay is missing",
            moments=lambda f: Moments(f.m + (1 - f.beta1) * f.g, f.v1),
        ),
        {},
    ),
    (
        Change(
            "v is v + (1-β2)g²: the decay is missing",
            moments=lambda f: Moments(f.m1, f.v + (1 - f.beta2) * f.g * f.g),
        ),
        {},
    ),
    (
        Change(
            "v decays by β1, with the weight of β2",
            moments=lambda f: Moments(f.m1, f.beta1 * f.v + (1 - f.beta2) * f.g * f.g),
        ),
        {},
    ),
    (
        Change("ε² under the root", hyper=replaced(eps=lambda h, s: h["eps"] ** 2)),
        {"eps": "inside"},
    ),
    (
        Change("ε is added to v, and stays there", moments=lambda f: Moments(f.m1, f.v1 + f.eps)),
        {},
    ),
    (
        Change(
            "the fourth root of v̂ in place of its root",
            moments=lambda f: Moments(f.m1, f.v1, used_v=f.rest2 * (f.v1 / f.rest2).root()),
        ),
        {},
    ),
    (
        Change(
            "v is replaced by its running maximum",
            moments=lambda f: Moments(f.m1, f.v.larger(f.v1)),
        ),
        {"amsgrad": "none"},
    ),
    (
        Change(
            "the running minimum of v in place of the maximum", moments=_running_extreme("minimum")
        ),
        {"amsgrad": "none"},
    ),
    (
        Change("the running maximum decays by β2", moments=_running_extreme("decaying")),
        {"amsgrad": "none"},
    ),
    (
        Change("the running maximum is one step behind", moments=_running_extreme("behind")),
        {"amsgrad": "none"},
    ),
    (
        Change(
            "the L2 term enters m but not v",
            moments=lambda f: Moments(f.m1, ema(f.beta2, f.v, f.bare * f.bare)),
        ),
        {"decay": "l2"},
    ),
    (
        Change(
            "the corrected m̂ is written back as m",
            moments=lambda f: Moments(f.m1 / f.rest1, f.v1, used_m=f.m1),
        ),
        {},
    ),
]
