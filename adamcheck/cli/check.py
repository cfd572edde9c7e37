"""``adamcheck check``: judge the targets, print and write what was found, say the exit code.

Exit code of several targets: 3 if any run is incomplete, else 1 if any target deviates, else 2 if
any could not be judged at all, else 0. A partial run (--only, --replay) that held is incomplete,
unless --allow-partial.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from adamcheck.cli.output import check_outputs, draw, say, write
from adamcheck.cli.progress import Collector, progress
from adamcheck.cli.replay import replays
from adamcheck.cli.request import Request, known_checks, limits_for
from adamcheck.errors import AdamcheckError, UsageError
from adamcheck.reports.documents import dumps, results_document
from adamcheck.reports.files import write_atomically
from adamcheck.reports.markdown import markdown
from adamcheck.reports.terminal import render
from adamcheck.result import Result, verdict_of
from adamcheck.text import shorten
from adamcheck.waivers import validate_waivers, with_waivers

ORDER = (3, 1, 2, 0)
"""Exit codes from the worst on."""


@dataclass(frozen=True)
class Outcome:
    """What became of one target: its result, where one was measured, and what else went wrong."""

    result: Result | None
    code: int = 0
    stop: bool = False


def run_check(request: Request, *, debug: bool = False) -> int:
    """Judge every target of the request; returns the exit code."""
    check_outputs(json=request.json, markdown=request.markdown)
    if request.waivers:
        validate_waivers(request.waivers, known_checks())
    run = replays(request) if request.replay else _gate(request)

    outcomes: list[Outcome] = []
    for number, target in enumerate(request.targets):
        if len(request.targets) > 1:
            say(f"judging {target}")
        outcome = _judged(run, target, request, debug)
        outcomes.append(outcome)
        if outcome.result is not None:
            _print(outcome.result, request, first=number == 0)
        if outcome.stop:
            break
    results = [outcome.result for outcome in outcomes if outcome.result is not None]
    codes = [outcome.code for outcome in outcomes]
    codes += [result.exit_code(allow_partial=request.allow_partial) for result in results]
    return worst(codes + _write(results, request))


def worst(codes: Sequence[int]) -> int:
    """The exit code of several."""
    return next(code for code in ORDER if code in (*codes, 0))


def _judged(
    run: Callable[[str, Collector], Result], target: str, request: Request, debug: bool
) -> Outcome:
    collector = None
    try:
        with progress() as collector:
            result = run(target, collector)
        deterministic = request.profile != "thorough"
        return Outcome(
            with_waivers(result, request.waivers, date.today(), deterministic=deterministic)
        )
    except UsageError as error:
        say(str(error) if target in str(error) else f"{target}: {error}")
        return Outcome(None, error.exit_code)
    except KeyboardInterrupt:
        why, stop = "interrupted", True
    except AdamcheckError as error:
        why, stop = str(error), False
    except Exception as error:
        if debug:
            traceback.print_exc()
        why, stop = internal(error), False
    return Outcome(_partial(target, request, collector, why), 3, stop)


def internal(error: BaseException) -> str:
    """The one line for an exception that nobody foresaw."""
    first = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    told = f"{type(error).__name__}: {first}" if first else type(error).__name__
    return f"internal error: {shorten(told)} (run with --debug)"


def _partial(target: str, request: Request, collector: Collector | None, why: str) -> Result:
    checks = tuple(collector.checks) if collector is not None else ()
    if collector is not None and collector.total:
        why = f"{why}; {len(checks)} of {collector.total} checks were done"
    return Result(
        target=target,
        spec=request.spec,
        verdict=verdict_of(checks, error=why),
        checks=checks,
        seed=request.seed or 0,
        profile=request.profile,
        options=request.options,
        error=why,
    )


def _gate(request: Request) -> Callable[[str, Collector], Result]:
    from adamcheck.engine.gate import check
    from adamcheck.inputs.fuzz import seed_for

    limits = limits_for(request.timeout, request.memory)
    seed = seed_for(request.profile, request.seed)

    def run(target: str, listener: Collector) -> Result:
        return check(
            target,
            spec=request.spec,
            profile=request.profile,
            dtypes=request.dtypes,
            device=request.device,
            seed=seed,
            options=request.options,
            declared=request.declared,
            only=request.only,
            max_steps=request.max_steps,
            defaults=request.defaults,
            strict_interface=request.strict_interface,
            limits=limits,
            jobs=request.jobs,
            listener=listener,
        )

    return run


def _print(result: Result, request: Request, *, first: bool) -> None:
    # a report on stdout leaves stderr for the readable verdict
    stream = sys.stderr if "-" in (request.json, request.markdown) else sys.stdout
    if not first:
        write("\n", stream)
    kept_in = request.replay or ("" if request.json == "-" else request.json)
    draw(lambda console: render(result, console, kept_in=kept_in), stream)


def _write(results: Sequence[Result], request: Request) -> list[int]:
    codes: list[int] = []
    if not results:
        return codes
    texts: tuple[tuple[str, Callable[[], str]], ...] = (
        (request.json, lambda: dumps(results_document(results))),
        (request.markdown, lambda: markdown(results)),
    )
    for name, text in texts:
        try:
            if name == "-":
                write(text())
            elif name:
                write_atomically(Path(name), text())
        except AdamcheckError as error:
            say(str(error))
            codes.append(error.exit_code)
    return codes
