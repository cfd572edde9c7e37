"""Targets that the engine of these tests knows."""

GOOD, ODD, SLOW = "good.optim:Adam", "odd.optim:Adam", "slow.optim:Adam"
PART = "part.optim:Adam"
