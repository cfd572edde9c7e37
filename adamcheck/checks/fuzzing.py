"""Hypothesis looks for what the lists forgot."""

from __future__ import annotations

from adamcheck.checks.registry import Floor, check
from adamcheck.properties.context import Account, Context


@check(
    "ADAM-FZ-1",
    title="Hypothesis",
    law="No mixture of gradient laws, hyperparameters, shapes and layouts that Hypothesis finds"
    " leaves the envelope.",
    clause="whole update",
    theorem="rounding-envelope",
    floor=Floor(
        narrow=0.1, why="what is drawn is made for no format, and few digits lose most of it"
    ),
)
def hypothesis_search(context: Context, account: Account) -> None:
    from adamcheck.checks.search import search

    search(context, account)
