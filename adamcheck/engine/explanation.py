"""Which dialect a target follows, asked where a check failed, and said with each failure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from adamcheck.events import Event, Identified, Note
from adamcheck.result import CheckResult, Identification, Status
from adamcheck.spec import Spec
from adamcheck.targets.session import Session

if TYPE_CHECKING:
    from adamcheck.identify import Deviating


def identifying(
    session: Session,
    claimed: Spec | None,
    dtype: str,
    deviating: Callable[[], Sequence[Deviating]] = tuple,
) -> Iterator[Event]:
    """Ask for the nearest dialect; an exception on the way is told, as what was measured stands.

    deviating: gives trajectories on which the target was seen to deviate.
    """
    from adamcheck.identify import investigate

    yield Note("identifying the dialect")
    found, error = None, ""
    try:
        seen = investigate(
            session,
            claimed=claimed,
            dtype=dtype,
            options=session.options,
            evidence=deviating(),
        )
        found, error = seen.identification, seen.error
    except Exception as fault:
        error = f"adamcheck itself failed: {type(fault).__name__}: {fault}"
        yield Note(f"identification failed: {error}")
    yield Identified(found, dtype, error)


def explained(outcome: CheckResult, found: Identification, claimed: Spec) -> CheckResult:
    """A failure with what the target seems to follow; every other outcome as it is."""
    if outcome.status is not Status.FAILED or outcome.witness is None:
        return outcome
    if outcome.family == "defaults" and found.kind == "dialect":
        text = f"with hyperparameters that {outcome.dtype} holds it follows {found.spec}"
    elif found.spec == str(claimed) and found.kind == "dialect":
        text = (
            "elsewhere the target follows the claimed spec; the defect is confined to this regime"
        )
    elif found.kind == "dialect":
        text = f"the target follows {found.spec}" + (f": {found.regime}" if found.regime else "")
    elif found.regime:
        text = f"{found.regime} (nearest: {found.spec})" if found.near else found.regime
    else:
        text = f"{found.kind}; nearest is {found.spec}"
    return replace(outcome, explanation=text)
