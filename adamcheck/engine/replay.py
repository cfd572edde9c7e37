"""Run a witness again, without Hypothesis and without a seed."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from adamcheck.checks.registry import all_checks, check_by_id
from adamcheck.declared import NOTHING, Declared
from adamcheck.engine.unit import blank, failed, passed
from adamcheck.formats import format_named
from adamcheck.profiles import profile_named
from adamcheck.properties.context import Account, Context, TargetTrouble
from adamcheck.result import Result, Scope, Status, Witness, verdict_of
from adamcheck.spec import parse_spec
from adamcheck.targets.protocol import Limits
from adamcheck.targets.session import Session
from adamcheck.witness import check_witness


def replay(
    target: str,
    witness: Witness,
    *,
    options: Mapping[str, Any] = MappingProxyType({}),
    device: str = "cpu",
    limits: Limits | None = None,
    declared: Declared = NOTHING,
    strict_interface: bool = False,
) -> Result:
    """Run one witness again, without Hypothesis and without a seed; the result holds one check."""
    begun = time.monotonic()
    from adamcheck.properties.witnessing import replayed

    check_witness(witness)
    one = check_by_id(witness.check)
    spec = parse_spec(witness.spec)
    with Session(
        target, options=options, limits=limits or Limits(), device=device, declared=declared
    ) as session:
        context = Context(
            session,
            spec,
            format_named(witness.dtype),
            profile_named("quick"),
            strict=strict_interface,
        )
        account = Account()
        empty = blank(one, context.fmt.name, device)
        try:
            broken = replayed(context, account, witness)
        except TargetTrouble as trouble:
            outcome = replace(empty, status=Status.ERROR, message=str(trouble))
        else:
            counted = replace(empty, examples=account.examples, undecided=account.undecided)
            if broken is not None:
                account.broken.append(broken)
                outcome = failed(context, counted, account, shrink=False)
            else:
                outcome = passed(counted, account)
        scope = Scope(
            profile="replay",
            checks=(one.id,),
            of=tuple(c.id for c in all_checks() if c.speaks_of(spec)),
            dtypes=(witness.dtype,),
            takes=tuple(session.description.dtypes),
            replayed=True,
            declared=session.description.declared,
            strict_interface=strict_interface,
        )
        return Result(
            target=target,
            spec=str(spec),
            verdict=verdict_of((outcome,), scope=scope),
            checks=(outcome,),
            findings=tuple(context.findings),
            environment=dict(session.description.environment),
            profile="replay",
            adapter=session.description.adapter,
            options=dict(options),
            seconds=time.monotonic() - begun,
            scope=scope,
            defaults=session.description.defaults,
        )
