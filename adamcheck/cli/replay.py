"""``adamcheck check --replay F``: the witnesses of a file, one by one, as one result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from adamcheck.cli.progress import Collector
from adamcheck.cli.request import Request, limits_for
from adamcheck.errors import AdamcheckError, UsageError
from adamcheck.events import CheckFinished, CheckStarted, Progress
from adamcheck.result import CheckResult, Result, Status, Verdict, Witness, verdict_of
from adamcheck.witness import load_witnesses


def replays(request: Request) -> Callable[[str, Collector], Result]:
    """What runs the request's witnesses on a target; raises UsageError where there are none."""
    witnesses = load_witnesses(Path(request.replay))
    if request.only:
        kept = tuple(witness for witness in witnesses if witness.check in request.only)
        if not kept:
            named = ", ".join(dict.fromkeys(witness.check for witness in witnesses))
            raise UsageError(f"{request.replay}: no witness of these checks; it holds {named}")
        witnesses = kept

    def run(target: str, listener: Collector) -> Result:
        results = []
        for index, witness in enumerate(witnesses, 1):
            listener(CheckStarted(witness.check, witness.dtype, index, len(witnesses)))
            listener(Progress(index - 1, len(witnesses), ((witness.check, witness.dtype),)))
            results.append(_one(target, witness, request))
            for check in results[-1].checks:
                listener(CheckFinished(check))
        return merged(results, witnesses)

    return run


def merged(results: Sequence[Result], witnesses: Sequence[Witness]) -> Result:
    """One result of several replays of one target; fails closed when one decided nothing."""
    checks = tuple(check for result in results for check in result.checks)
    errors = list(dict.fromkeys(result.error for result in results if result.error))
    silent = [w.check for w, result in zip(witnesses, results, strict=True) if not result.checks]
    if silent and not errors:
        errors.append(f"the replay of {', '.join(silent)} decided nothing")
    error = "; ".join(errors)
    specs = dict.fromkeys(result.spec for result in results)
    findings = [finding for result in results for finding in result.findings]
    scopes = [result.scope for result in results if result.scope is not None]
    scope = scopes[0] if scopes else None
    if scope is not None:
        scope = replace(
            scope,
            checks=tuple(dict.fromkeys(w.check for w in witnesses)),
            dtypes=tuple(dict.fromkeys(w.dtype for w in witnesses)),
        )
    return replace(
        max(results, key=lambda result: len(result.environment)),
        spec=", ".join(specs),
        checks=checks,
        findings=tuple(f for k, f in enumerate(findings) if f not in findings[:k]),
        verdict=verdict_of(checks, scope=scope, error=error),
        error=error,
        scope=scope,
        profile="replay",
        seconds=sum(result.seconds for result in results),
    )


def _one(target: str, witness: Witness, request: Request) -> Result:
    from adamcheck.engine.replay import replay

    limits = limits_for(request.timeout, request.memory)
    try:
        return replay(
            target,
            witness,
            options=request.options,
            device=request.device,
            limits=limits,
            declared=request.declared,
            strict_interface=request.strict_interface,
        )
    except UsageError:
        raise
    except AdamcheckError as error:
        # the other witnesses may still tell something
        outcome = CheckResult(
            name=witness.check,
            family="replay",
            theorem="",
            law="",
            status=Status.ERROR,
            dtype=witness.dtype,
            device=request.device,
            message=str(error),
        )
        return Result(target, witness.spec, Verdict.ERROR, (outcome,), options=request.options)
