"""Moments kept as codes in blocks: single steps from what is shown."""

from __future__ import annotations

from adamcheck.oracle.coded import judged_in_blocks
from adamcheck.program import trace
from adamcheck.properties.base import How, property_
from adamcheck.properties.context import Account, Break, Context, Skip
from adamcheck.spec import Spec
from adamcheck.targets.protocol import Trajectory


@property_("blocks")
def blocks(
    context: Context, account: Account, trajectory: Trajectory, spec: Spec, how: How
) -> Break | None:
    """Every step by itself, its moments within what their codes may lose.

    whole: it is one large array, all of which must be in blocks.
    """
    evidence = context.evidence(trajectory, context.run(trajectory), spec)
    if hidden := [n for n in trace(spec).moments if n not in evidence.moments]:
        raise Skip(f"the target does not show {', '.join(hidden)}, which it keeps in blocks")
    judgement, first = judged_in_blocks(evidence, context.admission, whole=bool(how.get("whole")))
    account.count(judgement)
    return None if first is None else Break(first.message, first.element, first.step)
