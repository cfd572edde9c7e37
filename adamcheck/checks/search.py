"""The bridge from checks to Hypothesis: what it draws is held, what breaks becomes a break."""

from __future__ import annotations

from adamcheck.adversaries.fuzz import fuzz
from adamcheck.checks.lab import Account, Lab, TargetTrouble
from adamcheck.checks.properties import hold
from adamcheck.targets.protocol import Failure, Trajectory


class _LeftError(AssertionError):
    """The envelope was left; the type is what tells Hypothesis one failure from another."""


def search(lab: Lab, account: Account) -> None:
    """Let Hypothesis draw as many trajectories as the profile says."""
    from adamcheck.adversaries.strategies import trajectories

    longest = min(lab.profile.steps, 40)
    longest = lab.affordable(longest, least=8)
    trouble: list[TargetTrouble] = []

    def holds(trajectory: Trajectory) -> float | None:
        if lab.unspoken(trajectory):
            return None
        trial = Account()
        try:
            hold(lab, trial, trajectory)
        except TargetTrouble as failure:
            trouble.append(failure)
            return None
        if trial.broken:
            raise _LeftError(trial.broken[0].first.message)
        account.examples += trial.examples
        account.undecided += trial.undecided
        account.horizons += trial.horizons
        return trial.ratio

    strategy = trajectories(
        lab.fmt,
        lab.description,
        spec=lab.spec,
        max_steps=longest,
        flags=(lab.flags_of(lab.spec),),
    )
    found = fuzz(
        strategy,
        holds,
        seed=lab.seed,
        max_examples=lab.profile.fuzz,
        max_shrinks=60,
        name=lab.fmt.name,
    )
    # what failed is held once more, so that the account shows the break with its numbers
    broke = found is not None and not hold(lab, account, found.trajectory)
    if trouble and not broke:
        raise trouble[0]
    if found is not None and not broke:
        text = "the same input left the envelope once and stayed in it once"
        raise TargetTrouble(Failure("protocol", text, 0))
