"""Changed programs on the designed runs, in this process."""

from __future__ import annotations

import numpy as np

from adamcheck.formats import FORMATS
from adamcheck.identify import runs as design
from adamcheck.identify.batch import Batch, Run, batched
from adamcheck.mutations.target import Optimizer
from adamcheck.spec import Spec
from adamcheck.targets.protocol import Trace, Trajectory


def mutant(spec: Spec, edit: str, request: Trajectory) -> Trace:
    """What the changed program makes of a trajectory."""
    made = type("Mutant", (Optimizer,), {"spec": spec})
    hyper = {name: request.hyper.get(name, 0.0) for name in spec.hyperparameters}
    one = made([request.theta0[0]], **hyper, **({"edit": edit} if edit else {}))
    thetas, moments = [request.theta0[0]], []
    for g in request.grads[0]:
        thetas.append(one.step([g])[0])
        moments.append(one.moments()[0])
    shown = {name: np.stack([each[name] for each in moments]) for name in moments[0]}
    return Trace((np.stack(thetas),), (shown,))


def observed(
    edit: str, dtype: str = "float32", *, spec: Spec | None = None, more: tuple[Run, ...] = ()
) -> tuple[Batch, ...]:
    """The designed runs on a changed program, and ``more``."""
    spec, fmt = spec or Spec(), FORMATS[dtype]
    extra = {"weight_decay": 0.125} if spec.decay != "none" else {}
    asked, takes = design.Asked(extra, frozenset()), frozenset(spec.hyperparameters)
    requests = [*design.short(fmt, takes, asked), ("long", design.long(fmt, takes, asked))]
    runs = [Run(label, ask, mutant(spec, edit, ask)) for label, ask in requests]
    return batched([*runs, *more], fmt)
