"""The bridge from checks to Hypothesis: what it draws is held, what breaks becomes a break."""

from __future__ import annotations

from adamcheck.inputs.fuzz import fuzz
from adamcheck.properties import hold, offered
from adamcheck.properties.context import Account, Context, TargetTrouble
from adamcheck.targets.protocol import Failure, Trajectory


class _LeftError(AssertionError):
    """The envelope was left; the type is what tells Hypothesis one failure from another."""


def search(context: Context, account: Account) -> None:
    """Let Hypothesis draw as many trajectories as the profile says."""
    from adamcheck.inputs.strategies import trajectories

    longest = min(context.profile.steps, 40)
    longest = context.affordable(longest, least=8)
    trouble: list[TargetTrouble] = []

    def holds(trajectory: Trajectory) -> float | None:
        if context.unspoken(trajectory):
            return None
        trial = Account()
        trajectory = context.loadable(trajectory)
        try:
            offered(context, trial, trajectory)
        except TargetTrouble as failure:
            trouble.append(failure)
            return None
        if trial.broken:
            raise _LeftError(trial.broken[0].first.message)
        account.examples += trial.examples
        account.undecided += trial.undecided
        account.reach.take(trial.reach)
        return trial.ratio

    strategy = trajectories(
        context.ranged,
        context.description,
        spec=context.spec,
        max_steps=longest,
        flags=(context.flags_of(context.spec),),
    )
    found = fuzz(
        strategy,
        holds,
        seed=context.seed,
        max_examples=context.profile.fuzz,
        max_shrinks=60,
        name=context.fmt.name,
    )
    # what failed is held once more, so that the account shows the break with its numbers
    broke = found is not None and not hold(context, account, found.trajectory)
    if trouble and not broke:
        raise trouble[0]
    if found is not None and not broke:
        text = "the same input left the envelope once and stayed in it once"
        raise TargetTrouble(Failure("protocol", text, 0))
