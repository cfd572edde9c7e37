"""The gate: run the checks on a target and say whether it conforms.

Fails closed: a check that could not run, decided nothing, or met a failing target leaves the run
incomplete; ``conforms`` needs every applicable check to have passed on at least one example.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from numbers import Integral
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from adamcheck.config import DEFAULTS
from adamcheck.cores import cores
from adamcheck.declared import Declared, joined, read, read_fixed
from adamcheck.engine.crew import Crew
from adamcheck.errors import UsageError
from adamcheck.events import Identified, Listener, RunFinished, silent
from adamcheck.formats import FORMATS, format_named
from adamcheck.profiles import profile_named
from adamcheck.result import Finding, Result
from adamcheck.rules.storage import UNCLAIMED
from adamcheck.spec import Spec, parse_spec
from adamcheck.targets.protocol import Limits
from adamcheck.targets.session import Session

if TYPE_CHECKING:
    from adamcheck.engine.plan import Plan

_SUCH: Final = {"only": "('ADAM-LS-1',)", "dtypes": "('float64',)"}


def check(
    target: str,
    *,
    spec: str | Spec = "adam",
    profile: str = "quick",
    dtypes: str | Iterable[str] | None = None,
    device: str = "cpu",
    seed: int = 0,
    options: Mapping[str, Any] = MappingProxyType({}),
    fixed: Mapping[str, float] = MappingProxyType({}),
    declared: Mapping[str, Any] | Declared = MappingProxyType({}),
    only: str | Iterable[str] | None = None,
    limits: Limits | None = None,
    jobs: int | None = None,
    max_steps: int | None = None,
    defaults: str = "report",
    strict_interface: bool = False,
    listener: Listener | None = None,
) -> Result:
    """Judge one target against a spec ("auto": the dialect that it is identified as).

    target: ``package.module:attribute`` or ``path/to/file.py:attribute``. dtypes: names of formats
    (default: all that the target takes). fixed: hyperparameters that the target has and does not
    let be set, with their values; declared: those and its other limits, in the words of
    ``adamcheck.limits``. only: ids of checks. jobs: how many processes may judge
    (default: one a core, at most two); it changes the time and nothing else. max_steps: cut
    longer runs to so many steps, for a slow target; such a run is a partial one. defaults: whether
    a default that is not what the spec's source proposes is a finding ("report") or a deviation
    ("strict"). strict_interface: what the target refuses, guards against or does not validate fails
    the run; it is a finding otherwise. Raises UsageError
    for a request that makes no sense or a target that cannot be loaded; whatever the target does is
    in the result.
    """
    begun = time.monotonic()
    tell = listener or silent
    only, dtypes = _names("only", only), _names("dtypes", dtypes)
    if not isinstance(profile, str):
        raise UsageError(f"profile {profile!r} is no text; such as profile='quick'")
    sizes = profile_named(profile)
    automatic = isinstance(spec, str) and spec.strip().lower() == "auto"
    claimed = Spec() if automatic else (spec if isinstance(spec, Spec) else parse_spec(spec))
    for name in dtypes or ():
        format_named(name)
    if not isinstance(seed, Integral) or seed < 0:
        raise UsageError(f"seed {seed!r}: must be a whole number from 0 on")
    if jobs is not None and (not isinstance(jobs, Integral) or jobs < 1):
        raise UsageError(f"jobs {jobs!r}: must be a whole number from 1 on")
    if max_steps is not None and (not isinstance(max_steps, Integral) or max_steps < 1):
        raise UsageError(f"max_steps {max_steps!r}: must be a whole number from 1 on")
    if defaults not in DEFAULTS:
        raise UsageError(f"defaults {defaults!r}: must be one of {', '.join(DEFAULTS)}")
    told = joined(read(declared, "declared"), Declared(fixed=read_fixed(fixed, "fixed")), "fixed")
    with ExitStack() as stack:
        session = Session(
            target, options=options, limits=limits or Limits(), device=device, declared=told
        )
        beside = _beside(device, dtypes, only, jobs)
        stack.enter_context(session).start(copies=beside)
        crew = stack.enter_context(Crew(session, beside)) if beside else None
        # all of them start while this process imports what judges, which takes as long
        from adamcheck.engine.plan import chosen, plan
        from adamcheck.engine.prepared import prepare
        from adamcheck.engine.run import run
        from adamcheck.engine.verdict import Record

        chosen(sizes, only)
        if crew is not None:
            prepare()
        asked: dict[str, Any] = {
            "profile": profile, "dtypes": dtypes, "only": only, "device": device, "seed": int(seed),
            "max_steps": None if max_steps is None else int(max_steps), "defaults": defaults,
            "strict_interface": bool(strict_interface),
        }  # fmt: skip
        made = (
            _found(session, asked, tell)
            if automatic
            else plan(session.description, claimed, **asked)
        )
        record = Record(made)
        for event in run(made, session, crew):
            record.hear(event)
            tell(event)
        result = record.result(
            session.description, options=options, seconds=time.monotonic() - begun
        )
    tell(RunFinished(result))
    return result


def _beside(
    device: str, dtypes: Sequence[str] | None, only: Sequence[str] | None, jobs: int | None
) -> int:
    """How many workers to start beside this process: none where there is little to share.

    A GPU is not shared, and a shard is a format.
    """
    if only or device != "cpu":
        return 0
    return min(jobs or min(2, cores()), len(FORMATS) if dtypes is None else len(dtypes)) - 1


def _found(session: Session, asked: Mapping[str, Any], tell: Listener) -> Plan:
    """The plan under the dialect that the target is identified as."""
    from adamcheck.engine.explanation import identifying
    from adamcheck.engine.plan import judged, plan

    known, claimed, found, trouble = session.description, Spec(), None, ""
    told: list[Finding] = []
    names, _ = judged(known, asked["dtypes"])
    if names:
        for event in identifying(session, None, names[0]):
            tell(event)
            if isinstance(event, Identified):
                found, trouble = event.found, event.error
    if found is not None:
        claimed = parse_spec(found.spec)
        if len(names) > 1 and claimed.arithmetic != UNCLAIMED["arithmetic"]:
            text = (
                f"identified in {names[0]} as {claimed}: beside other formats it need not compute"
                " so, and no arithmetic is claimed"
            )
            told.append(Finding("storage", names[0], text))
            claimed = claimed.with_(arithmetic=UNCLAIMED["arithmetic"])
        if found.fixed:  # what it was found to have is what it is judged at
            own = Declared(fixed={name: x for name, (x, _, _) in found.fixed.items()})
            known = replace(known, declared=joined(known.declared, own, "fixed"))
            session.know(known)
    made = plan(known, claimed, claimed=False, identified=found, trouble=trouble, **asked)
    return replace(made, findings=(*made.findings, *told))


def _names(what: str, given: Any) -> tuple[str, ...] | None:
    """The names asked for, each once; a single text is one name."""
    if given is None:
        return None
    names = [given] if isinstance(given, str) or not isinstance(given, Iterable) else [*given]
    if wrong := [name for name in names if not isinstance(name, str)]:
        raise UsageError(f"{what}: {wrong[0]!r} is no text; give names, such as {_SUCH[what]}")
    return tuple(dict.fromkeys(names))
