"""Which Adam a target is: black-box runs, every dialect scored on them, the evidence.

Deviations are in multiples of the envelope, as everywhere; the rules and the envelope are those of
the judge.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from adamcheck.declared import Declared, joined, read, read_fixed
from adamcheck.errors import UsageError
from adamcheck.events import Listener, Note, silent
from adamcheck.formats import format_named
from adamcheck.identify.batch import Run, batched
from adamcheck.identify.evidence import Deviating
from adamcheck.identify.investigation import Investigation, conclude, investigate
from adamcheck.identify.search import prepare
from adamcheck.result import Finding, Identification
from adamcheck.spec import Spec
from adamcheck.spec.defaults import UNREAD, Defaults
from adamcheck.targets.protocol import Limits, Trace, Trajectory
from adamcheck.targets.session import Session

__all__ = [
    "Deviating",
    "IdentifyReport",
    "Investigation",
    "Run",
    "identify",
    "identify_session",
    "investigate",
    "nearest",
]


@dataclass(frozen=True)
class IdentifyReport:
    """What was found out about one target.

    identification: None where nothing could be measured; then, and wherever the target failed
    during a run, ``error`` says why. environment maps packages to versions. dtype: the format of
    the runs, which is not the one asked for where the target does not take that. defaults: what it
    uses where nothing is passed.
    """

    target: str
    adapter: str
    identification: Identification | None
    findings: tuple[Finding, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    error: str = ""
    seconds: float = 0.0
    dtype: str = ""
    defaults: Defaults = UNREAD


def identify(
    target: str,
    *,
    options: Mapping[str, Any] = MappingProxyType({}),
    device: str = "cpu",
    dtype: str = "float64",
    fixed: Mapping[str, float] = MappingProxyType({}),
    declared: Mapping[str, Any] | Declared = MappingProxyType({}),
    flags: Iterable[str] = (),
    claimed: Spec | None = None,
    session: Session | None = None,
    listener: Listener | None = None,
    limits: Limits | None = None,
) -> IdentifyReport:
    """Identify ``package.module:attribute`` or ``file.py:attribute`` as it is configured.

    options: the target's own; flags: common boolean options to switch on (amsgrad, maximize).
    dtype: the format of the runs; where the target does not take it, the widest that it takes.
    fixed, declared: as for ``check``; other hyperparameters that it does not take are looked for.
    session: an open one for the same target, instead of a new process. Raises UsageError for a
    request that makes no sense or a target that cannot be loaded.
    """
    begun = time.monotonic()
    format_named(dtype)
    tell = listener or silent
    told = joined(read(declared, "declared"), Declared(fixed=read_fixed(fixed, "fixed")), "fixed")
    own = session or Session(
        target, options=options, device=device, limits=limits or Limits(), declared=told
    )
    try:
        tell(Note(f"starting {target}"))
        own.start()
        prepare(claimed)
        known = own.description
        found = investigate(
            own,
            claimed=claimed,
            dtype=dtype,
            flags=frozenset(flags),
            options=options,
            extras=True,
            listener=tell,
        )
    finally:
        if session is None:
            own.close()
    return IdentifyReport(
        target=target,
        adapter=known.adapter,
        identification=found.identification,
        findings=found.findings,
        environment=dict(known.environment),
        error=found.error,
        seconds=time.monotonic() - begun,
        dtype=found.dtype,
        defaults=known.defaults,
    )


def identify_session(
    session: Session,
    *,
    claimed: Spec | None,
    dtype: str,
    options: Mapping[str, Any] = MappingProxyType({}),
    evidence: Sequence[Deviating] = (),
) -> Identification | None:
    """Identify the target of an open session; None where it gave no finite number.

    claimed: the spec that the target is held against; what it needs (a weight decay, a second ε,
    AMSGrad, maximise) is asked of the target as far as that takes it. evidence: trajectories on
    which it was seen to deviate, which are run again.
    """
    return investigate(
        session, claimed=claimed, dtype=dtype, options=options, evidence=evidence
    ).identification


def nearest(
    traces: Iterable[tuple[Trajectory, Trace]],
    *,
    dtype: str,
    claimed: Spec | None = None,
    options: Mapping[str, Any] = MappingProxyType({}),
    flushed: bool = False,
) -> Identification | None:
    """The dialect of trajectories that were run already, or the nearest and how it is left.

    ``flushed``: the target flushes subnormals. Raises UsageError when nothing was asked.
    """
    runs = [Run(f"run {k}", asked, seen) for k, (asked, seen) in enumerate(traces, start=1)]
    if not runs:
        raise UsageError("nearest: no trajectory was given.")
    fmt = format_named(dtype)
    batches = batched(runs, fmt)
    if not batches:
        return None
    return conclude(batches, claimed=claimed, options=options, flushed=flushed).identification
