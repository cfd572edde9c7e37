"""No honest order of Adam's relatives lands outside the envelope, in any format."""

from __future__ import annotations

import numpy as np
import pytest

from adamcheck.formats import FORMATS
from adamcheck.oracle.envelope import Admission
from adamcheck.spec import Spec, parse_spec

from .family import ORDERS, applicable, random_order, run
from .orders import Order
from .outside import violations
from .reference import needs_extended
from .regimes import columns

pytestmark = needs_extended

DTYPES = ("float64", "float32", "float16", "bfloat16")
_NAMES = (
    "lr", "beta1", "beta2", "eps", "eps_root", "weight_decay", "momentum", "dampening", "lr_decay",
    "initial_accumulator", "momentum_decay",
)  # fmt: skip
HYPERS = tuple(
    dict(zip(_NAMES, row, strict=True))
    for row in (
        (1e-3, 0.9, 0.999, 1e-8, 1e-8, 1e-2, 0.9, 0.1, 1e-2, 0.1, 4e-3),
        (2.0**-10, 1 - 2.0**-3, 1023 / 1024, 2.0**-27, 2.0**-27, 2.0**-7, 0.5, 0.25, 0.5, 1.0, 1.0),
        (1.0, 0.0, 0.99, 1e-8, 0.0, 0.1, 0.0, 0.0, 0.0, 0.0, 0.0),
        (1.0, 0.3, 0.9, 1e-3, 1e-3, 0.5, 0.99, 0.9, 0.1, 1e-8, 0.3),
        (1e-6, 0.9, 0.99999, 1e-16, 1e-16, 1e-2, 0.999, 0.999, 1e-4, 1e-3, 4e-3),
        (1e3, 0.5, 0.99, 1.0, 1.0, 1e-3, 0.3, 0.7, 3.0, 100.0, 7.0),
        (1.0, 0.99999, 0.7, 1e-8, 1e-8, 1.0, 0.9999, 0.5, 1.0, 0.3, 0.02),
        (1.0, 0.9, 0.95, 0.0, 0.0, 0.9, 0.9, 0.9, 1e-2, 0.1, 4e-3),
        (1.0, 0.0, 0.0, 1.0, 1.0, 0.999, 0.95, 0.0, 0.0, 2.0**-20, 0.5),
    )
)
SPECS = tuple(
    parse_spec(text)
    for text in (
        "gd",
        "gd[decay=l2,maximize=yes]",
        "gd[decay=decoupled]",
        "momentum",
        "nesterov",
        "momentum[dampening=late,decay=l2]",
        "momentum[dampening=full]",
        "momentum[dampening=ema,decay=decoupled]",
        "momentum[form=inside]",
        "momentum[form=inside,nesterov=yes]",
        "momentum[form=inside,dampening=late]",
        "momentum[form=inside,dampening=ema]",
        "adagrad",
        "adagrad[eps=inside,accumulator=initial]",
        "adagrad[lr_decay=yes,accumulator=one,decay=decoupled-after]",
        "adagrad[eps=none]",
        "rmsprop",
        "rmsprop[eps=inside,accumulator=initial]",
        "rmsprop[bias_correction=v,decay=l2]",
        "rmsprop[bias_correction=v,eps=inside]",
        "rmsprop[centered=yes]",
        "rmsprop[centered=yes,eps=inside,bias_correction=v]",
        "rmsprop[momentum=yes]",
        "rmsprop[momentum=yes,nesterov=yes,accumulator=one]",
        "rmsprop[momentum=yes,form=inside,eps=inside]",
        "rmsprop[momentum=yes,form=inside,nesterov=yes,centered=yes]",
        "adamax",
        "adamax[eps=outside]",
        "adamax[eps=gradient,decay=l2]",
        "adamax[eps=decayed,first_t=2]",
        "adamax[bias_correction=none,eps=outside]",
        "nadam",
        "nadam[lookahead=no,eps=hat]",
        "nadam[schedule=momentum-decay]",
        "nadam[schedule=0.96^t,eps=inside,decay=decoupled]",
        "nadam[schedule=0.96^(t/250),eps=both]",
        "radam",
        "radam[eps=hat]",
        "radam[cut=4,eps=none,decay=decoupled]",
        "radam[eps=inside,decay=l2]",
    )
)


def sensible(order: Order, spec: Spec, name: str) -> bool:
    """A reassociated correction has no place where a velocity stands between v̂ and the step."""
    reassociated = (
        order.correct == "reassociated" and spec.algorithm == "rmsprop" and spec.momentum == "yes"
    )
    return applicable(order, spec, name) and not reassociated


@pytest.mark.sampled(60)
@pytest.mark.parametrize("name", DTYPES)
@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_no_honest_order_is_outside(spec: Spec, name: str) -> None:
    seed = SPECS.index(spec)
    rng = np.random.default_rng(seed)
    orders = (*ORDERS, random_order(rng), random_order(rng))
    admissions = [Admission(), Admission("array"), Admission(flushed=True)]
    for admission in admissions[: 3 if name != "float64" else 1]:
        cols = columns(FORMATS[name], 12, seed=seed, hypers=HYPERS)
        used = [o for o in orders if sensible(o, spec, name)]
        found, _, bounded = violations(spec, cols, used, admission, run)
        assert not found, "\n".join(found[:10])
        assert bounded > 0
