"""Other averages than Adam's: slips in the moments, and other optimizers under the name.

Everything after the moments stays the rule's own; each entry names the switches it is put around.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from adamcheck.identify.candidate import Change, Hyper
from adamcheck.identify.moments import Frame, Moments
from adamcheck.identify.slips import replaced
from adamcheck.identify.stack import Stack
from adamcheck.rules import ema


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
        else:  # the maximum of the steps before
            before = frame.memory.get("before", frame.v1)
            now = before if kept is None else kept.larger(before)
            frame.memory["before"] = frame.v1
        frame.memory["kept"] = now
        return Moments(frame.m1, frame.v1, used_v=now)

    return moments


_NO_V: Final = {"eps": "outside", "amsgrad": "none"}
_ONE: Final = replaced(eps=lambda h, s: 1.0)
Entry = tuple[Change, dict[str, str]]


def _put(
    words: str,
    moments: Callable[[Frame], Moments],
    hyper: Callable[[Hyper, Stack], Hyper] | None = None,
    **switches: str,
) -> Entry:
    """A change of the moments, with the switches of the dialect it is put around."""
    return Change(words, moments=moments, hyper=hyper), switches


AVERAGES: Final[list[Entry]] = [
    _put(
        "AdaBelief: v averages (g-m)²",
        lambda f: Moments(f.m1, ema(f.beta2, f.v, (f.g - f.m1) * (f.g - f.m1))),
    ),
    _put("the update uses the gradient in place of m", lambda f: Moments(f.m1, f.v1, used_m=f.g)),
    _put(
        "AdaGrad with momentum: v sums the squares",
        lambda f: Moments(f.m1, f.v + f.g * f.g),
        bias_correction="m",
    ),
    _put("Yogi: v moves toward g² by sign", _yogi),
    _put(
        "gradient descent with averaged momentum",
        lambda f: Moments(f.m1, f.v1, used_v=f.v1 * 0.0),
        _ONE,
        bias_correction="m",
        **_NO_V,
    ),
    _put(
        "only the sign of m counts",
        lambda f: Moments(f.m1, f.v1, used_m=f.m1.sign(), used_v=f.v1 * 0.0),
        _ONE,
        bias_correction="none",
        **_NO_V,
    ),
    _put(
        "only the sign of the gradient counts",
        lambda f: Moments(f.m1, f.v1, used_m=f.g.sign(), used_v=f.v1 * 0.0),
        _ONE,
        bias_correction="none",
        **_NO_V,
    ),
    _put("v averages |g| and is not rooted", _absolute),
    _put("v averages |g| in place of g²", lambda f: Moments(f.m1, ema(f.beta2, f.v, f.g.size()))),
    _put("the weight of g² is squared as well: ((1-β2)g)²", _weighted_square),
    _put("v averages m² in place of g²", lambda f: Moments(f.m1, ema(f.beta2, f.v, f.m1 * f.m1))),
    _put(
        "v averages g·m in place of g²",
        lambda f: Moments(f.m1, ema(f.beta2, f.v, f.g * f.m1).size()),
    ),
    _put("the update uses the v of the step before", _before("v")),
    _put("the update uses the m of the step before", _before("m")),
    _put("m is β1·m + g: the weight 1-β1 is missing", lambda f: Moments(f.beta1 * f.m + f.g, f.v1)),
    _put(
        "v is β2·v + g²: the weight 1-β2 is missing",
        lambda f: Moments(f.m1, f.beta2 * f.v + f.g * f.g),
    ),
    _put(
        "m is m + (1-β1)g: the decay is missing",
        lambda f: Moments(f.m + (1 - f.beta1) * f.g, f.v1),
    ),
    _put(
        "v is v + (1-β2)g²: the decay is missing",
        lambda f: Moments(f.m1, f.v + (1 - f.beta2) * f.g * f.g),
    ),
    _put(
        "v decays by β1, with the weight of β2",
        lambda f: Moments(f.m1, f.beta1 * f.v + (1 - f.beta2) * f.g * f.g),
    ),
    (
        Change("ε² under the root", hyper=replaced(eps=lambda h, s: h["eps"] ** 2)),
        {"eps": "inside"},
    ),
    _put("ε is added to v, and stays there", lambda f: Moments(f.m1, f.v1 + f.eps)),
    _put(
        "the fourth root of v̂ in place of its root",
        lambda f: Moments(f.m1, f.v1, used_v=f.rest2 * (f.v1 / f.rest2).root()),
    ),
    _put(
        "v is replaced by its running maximum",
        lambda f: Moments(f.m1, f.v.larger(f.v1)),
        amsgrad="none",
    ),
    _put(
        "the running minimum of v in place of the maximum",
        _running_extreme("minimum"),
        amsgrad="none",
    ),
    _put("the running maximum is one step behind", _running_extreme("behind"), amsgrad="none"),
    _put(
        "the L2 term enters m but not v",
        lambda f: Moments(f.m1, ema(f.beta2, f.v, f.bare * f.bare)),
        decay="l2",
    ),
    _put(
        "the corrected m̂ is written back as m",
        lambda f: Moments(f.m1 / f.rest1, f.v1, used_m=f.m1),
    ),
]
"""Each is tried around every base, with its switches."""
