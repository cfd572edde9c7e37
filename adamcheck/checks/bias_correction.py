"""Bias correction at the steps where counters, powers and branches are known to break."""

from __future__ import annotations

import numpy as np

from adamcheck.checks.lab import Account, Lab, Skip
from adamcheck.checks.properties import hold
from adamcheck.checks.registry import check
from adamcheck.program import trace

_LAST = 2304


def _slow(lab: Lab) -> dict[str, float]:
    """β so close to 1 that both corrections still move at late t; dyadic where the format can."""
    b1, b2 = (1.0 - 2.0 ** -min(lab.fmt.precision - 1, p) for p in (10, 12))
    return lab.altered(lab.dyadic, beta1=b1, beta2=b2)


def _corrected(lab: Lab) -> None:
    if not trace(lab.spec).clocks:
        raise Skip(f"nothing in {lab.spec} depends on t")


@check(
    "ADAM-BC-1",
    title="t = 1 … 2304 by running",
    law="The corrections 1-β1^t and 1-β2^t are right at every t up to 2304: 1, 2, 10, 127-129,"
    " 255-257, 1000, 2047-2049 and between.",
    clause="m/(1-β1^t), v/(1-β2^t)",
    theorem="geometric-weights",
)
def by_running(lab: Lab, account: Account) -> None:
    _corrected(lab)
    steps = lab.affordable(_LAST, least=130)
    if steps < _LAST:
        lab.note("late-t-cut", f"t was run only up to {steps} at the target's pace")
    rng = lab.rng("bias")
    grads = rng.choice((-1.0, 1.0), (steps, 16)) * rng.uniform(0.5, 1.0, (steps, 16))
    grads[:, 8:] = np.abs(grads[:, 8:])
    hold(lab, account, lab.trajectory(grads, hyper=_slow(lab)))
    hold(lab, account, lab.trajectory(grads[:1050, ::4], hyper=lab.ordinary))


@check(
    "ADAM-BC-2",
    title="t = 2047-2049 and beyond, by loading a state",
    law="From a loaded state with step count t the next corrections are those of t+1, for t at"
    " 2^k-1, 2^k, 1000 and far beyond.",
    clause="m/(1-β1^t), v/(1-β2^t)",
    theorem="geometric-weights",
    needs=("load_moments",),
)
def by_loading(lab: Lab, account: Account) -> None:
    _corrected(lab)
    if lab.spec.algorithm != "adam":
        raise Skip("states are loaded as Adam's m, v and t")
    rng = lab.rng("load")
    hyper = lab.altered(lab.dyadic, beta2=1.0 - 2.0 ** -min(lab.fmt.precision - 1, 13))
    n = 24
    for t in (1, 9, 126, 254, 510, 999, 2046, 4094, 65_534):
        v = rng.uniform(0.25, 1.0, n)
        state = {"m": lab.cast(rng.uniform(-1.0, 1.0, n)), "v": lab.cast(v), "t": t}
        if lab.spec.amsgrad == "v":
            state["v_max"] = lab.cast(v * 1.5)
        elif lab.spec.amsgrad == "vhat":
            state["v_max"] = lab.cast(v / (1.0 - hyper["beta2"] ** t))
        grads = rng.uniform(-1.0, 1.0, (4, n))
        hold(lab, account, lab.trajectory(grads, hyper=hyper, preload=(state,)))
