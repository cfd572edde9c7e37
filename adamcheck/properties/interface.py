"""What a target hands back and refuses."""

from __future__ import annotations

from adamcheck.properties.base import How, property_
from adamcheck.properties.context import (
    Account,
    Break,
    Context,
    TargetTrouble,
)
from adamcheck.spec import Spec
from adamcheck.targets.protocol import Trajectory


@property_("interface")
def interface(
    context: Context, account: Account, trajectory: Trajectory, spec: Spec, how: How
) -> Break | None:
    """One law of the protocol: dtype, shape, parameter-count or gradient-changed."""
    trace = context.attempt(trajectory)
    account.examples += trajectory.steps
    law = str(how["law"])
    if law in trace.broken:
        text = law.replace("-", " ")
        text = "the gradient buffer is changed" if law == "gradient-changed" else f"another {text}"
        return Break(text, 0, trace.broken[law])
    if trace.failure is not None and not trace.broken:
        raise TargetTrouble(trace.failure)
    return None


@property_("refused")
def refused(
    context: Context, account: Account, trajectory: Trajectory, spec: Spec, how: How
) -> Break | None:
    """The target raises a plain exception; silence and worse than an exception are breaks."""
    trace = context.attempt(trajectory)
    account.examples += 1
    if trace.failure is None:
        return Break(f"accepts {how['what']}", 0, 0)
    if trace.failure.kind not in ("raised", "exited"):
        return Break(f"{trace.failure.kind} on {how['what']}", 0, trace.failure.step)
    return None
