"""From an open session to an identification: run, search, explain, and say what else was seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from adamcheck.events import Listener, Note, silent
from adamcheck.formats import Format, format_named
from adamcheck.identify import extras as more
from adamcheck.identify import runs as design
from adamcheck.identify.batch import Batch, Run, batched
from adamcheck.identify.candidate import Candidate
from adamcheck.identify.dialects import distance
from adamcheck.identify.evidence import Deviating, evidence_runs, is_late
from adamcheck.identify.own_values import fixed_values, told_fixed, untold
from adamcheck.identify.regime import regime
from adamcheck.identify.scoring import ENOUGH, Fit, Scores
from adamcheck.identify.search import Found, search
from adamcheck.identify.traits import by_chance, first_step_fits, repeated, traits_in_words
from adamcheck.identify.where import first_lost
from adamcheck.oracle.envelope import Admission
from adamcheck.result import Finding, Identification, InferredEdit, Traits
from adamcheck.spec import Spec
from adamcheck.spec.hyperparameters import HYPERPARAMETERS, STANDARD, passed
from adamcheck.storage import in_switches
from adamcheck.targets.adapters.signature import SYNONYMS
from adamcheck.targets.protocol import FLAGS, Description, Trajectory
from adamcheck.targets.session import Session

if TYPE_CHECKING:
    from adamcheck.identify.explain import Explanation

VALUES: Final = passed()
"""What is passed for a hyperparameter without a usual value, where one is to be passed."""


_SHOWN: Final = 1 << 17
"""Columns of one array that are looked at where moments are shown."""


@dataclass(frozen=True)
class Investigation:
    """An identification, the facts that came with it, and what went wrong on the way.

    found: the search behind it, None where nothing was measured. dtype: the format of the runs,
    empty where there were none.
    """

    identification: Identification | None
    findings: tuple[Finding, ...] = ()
    error: str = ""
    found: Found | None = None
    dtype: str = ""


def investigate(
    session: Session,
    *,
    claimed: Spec | None,
    dtype: str,
    flags: frozenset[str] = frozenset(),
    options: Mapping[str, Any] = MappingProxyType({}),
    extras: bool = False,
    listener: Listener = silent,
    evidence: Sequence[Deviating] = (),
) -> Investigation:
    """Run the short trajectories on the target of a session and conclude.

    extras: also find out what the target's other flags and hyperparameters do. evidence:
    trajectories on which it was seen to deviate.
    """
    known = session.description
    findings: list[Finding] = []
    if not known.dtypes:
        reason = "; ".join(known.notes) or "no reason was given"
        return Investigation(None, error=f"the target ran in no dtype: {reason}")
    if dtype not in known.dtypes:
        message = f"the target does not take {dtype}; it was run in {known.dtypes[0]}"
        findings.append(Finding("dtype", known.dtypes[0], message))
        dtype = known.dtypes[0]
    fmt = format_named(dtype)
    asked = _asked(known, claimed, flags, options)
    listener(Note(f"running short trajectories in {dtype}"))
    outcome = _concluded(session, fmt, asked, claimed, options, listener, evidence)
    fits = outcome.found is not None and outcome.found.fits
    if not fits and "momentum" in known.hyperparameters - {*asked.extra, *_known(options)}:
        listener(Note("running them again with a momentum: the target's own may not be 0"))
        more_asked = replace(asked, extra={**asked.extra, "momentum": VALUES["momentum"]})
        again = _concluded(session, fmt, more_asked, claimed, options, listener, ())
        if again.found is not None and again.found.fits:
            asked, outcome = more_asked, again
            message = f"identified with momentum={VALUES['momentum']:g}: its own default fits none"
            findings.append(Finding("hyperparameters", dtype, message))
    if outcome.identification is None:
        return replace(outcome, findings=tuple(findings), dtype=dtype)
    findings += outcome.findings
    if extras and outcome.found is not None:
        listener(Note("trying the other options"))
        findings += more.facts(session, fmt, asked, outcome.found, options, VALUES)
    if outcome.found is not None and outcome.found.fits and fmt.narrow:
        from adamcheck.identify.stored import sharper, shown_run

        findings += sharper(outcome.found, shown_run(session, fmt, asked), fmt)
    if outcome.found is not None and outcome.found.fits:
        fixed = fixed_values(outcome.found, untold(STANDARD, known, _known(options)))
        findings += [told_fixed(name, *numbers, dtype) for name, numbers in fixed.items()]
        outcome = replace(outcome, identification=replace(outcome.identification, fixed=fixed))
    return replace(outcome, findings=tuple(findings), dtype=dtype)


def _concluded(
    session: Session,
    fmt: Format,
    asked: design.Asked,
    claimed: Spec | None,
    options: Mapping[str, Any],
    listener: Listener,
    evidence: Sequence[Deviating],
) -> Investigation:
    runs, error = observe(session, fmt, asked)
    more_runs = [] if error else [*evidence_runs(session, fmt, asked.flags, evidence)]
    # what begins late has first to be walked up to by every dialect: only the named one is asked
    batches = batched([*runs, *(r for r in more_runs if not is_late(r))], fmt)
    runs += more_runs
    if not batches:
        return Investigation(None, error=error or "the target finished no step")
    flushed = fmt.name in session.description.flushes
    listener(Note("scoring the dialects"))
    given = _inferred(batches, claimed, session.description, options, listener)
    outcome = conclude(
        batches,
        claimed=claimed,
        options=options,
        given=given,
        flushed=flushed,
        tell=lambda found: _told_apart(found, session, fmt, asked),
        kept=lambda found, *how: _kept(found, session, fmt, asked, *how),
        traits=lambda known: repeated(session, fmt, asked, runs, known),
        seen=lambda: _shown(session, fmt, asked, runs),
        deviates=bool(evidence),
        chance="" if error else by_chance(session, runs),
    )
    return replace(outcome, error=error or outcome.error)


def _inferred(
    batches: Sequence[Batch],
    claimed: Spec | None,
    known: Description,
    options: Mapping[str, Any],
    listener: Listener,
) -> dict[str, float]:
    """The values of hyperparameters that the target has of its own, where the usual do not fit."""
    names = untold(STANDARD, known, _known(options))
    # what averages with a weight of its own that no Adam reads is another rule
    others = [n for n in known.hyperparameters if HYPERPARAMETERS[n].role == "average"]
    if not names or not set(others) <= set(Spec().hyperparameters):
        return {}
    fmt = batches[0].fmt
    apart = _known(options)
    admissions = _admissions(fmt, claimed, fmt.name in known.flushes)
    if search(batches, claimed, apart, admissions).fits:
        return {}
    from adamcheck.identify.fixed import inferred

    listener(Note(f"looking for the values of {', '.join(names)}"))
    return inferred(batches, claimed, names, apart, admissions)


def observe(session: Session, fmt: Format, asked: design.Asked) -> tuple[list[Run], str]:
    """Run everything; the first failure is told, and what was finished is kept."""
    known = session.description
    takes = known.hyperparameters
    requests: list[tuple[str, Trajectory]] = list(design.short(fmt, takes, asked))
    requests.append(("long", design.long(fmt, takes, asked)))
    runs: list[Run] = []
    error = ""
    for label, request in requests:
        trace = session.run(request)
        runs.append(Run(label, request, trace))
        if trace.failure is not None:
            failure = trace.failure
            where = f"at step {failure.step}" if failure.step else "while it was built"
            error = f"the target {failure.kind} {where} of run {label!r}: {failure.message}"
            break
    if not error and "load_moments" in known.abilities and _blind(runs):
        request = design.preloaded(fmt, takes, asked)
        runs.append(Run("preloaded", request, session.run(request)))
    return runs, error


def _told_apart(found: Found, session: Session, fmt: Format, asked: design.Asked) -> Found:
    """What the moments tell, where several dialects fit."""
    if not found.equal:
        return found
    from adamcheck.identify.telling import told_apart  # judges, which most have no need of

    return told_apart(found, session, fmt, asked)


def _kept(
    found: Found, session: Session, fmt: Format, asked: design.Asked, *how: Any
) -> tuple[Found, list[Finding]]:
    """What fits under a claim of storage, and what large arrays say beside it."""
    if found.fits and not _leaves_in_large_arrays(found, session, fmt, asked):
        return found, []
    from adamcheck.identify.stored import with_storage  # judges, which most have no need of

    return with_storage(found, session, fmt, asked, *how)


def _leaves_in_large_arrays(
    found: Found, session: Session, fmt: Format, asked: design.Asked
) -> bool:
    """Whether the dialect that fits small arrays is left in a large one."""
    request = design.wide(fmt, session.description.hyperparameters, asked)
    trace = session.run(request)
    if trace.failure is not None:
        return False
    batches = batched([Run("wide", request, trace)], fmt, most=design.WIDE)
    return Scores(batches, found.scores.admission).fit(found.best.candidate).largest > 1.0


def _shown(
    session: Session, fmt: Format, asked: design.Asked, runs: Sequence[Run]
) -> tuple[Batch, ...]:
    """The runs once more with the moments, and those that tell the conditions of an edit apart."""
    if "moments" not in session.description.abilities:
        return ()
    from adamcheck.identify.probes import probe_runs

    again = []
    for run in runs:
        request = replace(run.request, moments=True)
        trace = run.trace if run.trace.moments else session.run(request)
        if trace.failure is None:
            again.append(replace(run, request=request, trace=trace))
    return batched([*again, *probe_runs(session, fmt, asked)], fmt, most=_SHOWN)


def conclude(
    batches: Sequence[Batch],
    *,
    claimed: Spec | None,
    options: Mapping[str, Any] = MappingProxyType({}),
    given: Mapping[str, float] = MappingProxyType({}),
    flushed: bool = False,
    tell: Callable[[Found], Found] = lambda found: found,
    kept: Callable[..., tuple[Found, list[Finding]]] = lambda found, *how: (found, []),
    traits: Callable[[Traits], Traits] = lambda known: known,
    seen: Callable[[], Sequence[Batch]] = tuple,
    deviates: bool = False,
    chance: str = "",
) -> Investigation:
    """Name the dialect of observed runs, with the evidence.

    given: values of hyperparameters that the target does not let be set. tell: what else there is
    to tell dialects apart by that fit the runs alike. traits: what else there is to know of a
    target that no edit explains. seen: gives runs that show the moments, with more of them.
    deviates: a check saw the target deviate from the claimed spec.
    chance: how the target differs from run to run; then nothing else explains it.
    """
    fmt = batches[0].fmt
    apart = {**_known(options), **given}
    admissions = _admissions(fmt, claimed, flushed)
    found = search(batches, claimed, apart, admissions)
    found, findings = kept(found, claimed, apart, admissions, bool(chance))
    found = tell(found) if found.fits else found
    best, against = found.best, claimed or Spec()
    base = _as(found, against.with_(scalars="any"))
    why: Explanation | None = None
    # what explains is imported where it is needed: a target that is a dialect has no need of it
    stored = found.fits and best.candidate.spec.rounding == "stochastic"
    if chance:
        found = found if stored else replace(found, equal=())
    elif found.fits and not best.sees:
        from adamcheck.identify.explain import from_moments

        lost = f"the target is not finite from step {first_lost(best)} on: there is no number"
        # what fits divides by 0 in its first step, and so may anything else: moments may tell more
        try:
            why = from_moments(base, [found.scores], seen())
        except Exception as fault:
            said = f"the search for an edit failed: {type(fault).__name__}: {fault}"
            return Investigation(None, error=f"{lost} to name a dialect by ({said})")
        if why is None:
            return Investigation(None, error=f"{lost} to name a dialect by")
        best = found.scores.fit(base)
        rest = (f for f in found.ranking if f.sees and f.candidate != best.candidate)
        found = replace(found, best=best, equal=(), ranking=(best, *rest))
    elif found.fits and deviates and best.candidate.spec.bits == "none":
        from adamcheck.identify.explain import beyond

        strictest = _admissions(fmt, claimed, flushed)
        tried = [Scores(batches, admission) for admission in strictest]
        why = beyond(best.candidate, base, tried, seen())
        found = found if why is None else replace(found, equal=())
    kind, text, spec = "dialect", "", best.candidate.spec
    edits: tuple[InferredEdit, ...] = ()
    known: Traits | None = None
    if chance:
        kind = "dialect" if stored else "not-deterministic"
        text, known = chance, Traits(deterministic=False)
        if stored:
            text = f"{chance}; {in_switches(best.candidate.spec, against)}"
        else:
            findings.append(Finding("explanation", fmt.name, chance))
    elif why is not None:
        kind, text, spec, edits = "not-adam", why.text, why.spec, why.edits
        findings.append(Finding("explanation", fmt.name, why.text))
    elif found.fits:
        parts = in_switches(best.candidate.spec, against), regime(best, against, found.scores)
        text = "; ".join(filter(None, parts))
        findings += more.scalars(found)
    else:
        from adamcheck.identify.explain import explained, moved

        coupled = _coupled(best)
        kind = "not-elementwise" if coupled else "not-adam"
        bases = _bases(found, claimed)
        tried = [found.scores, *_others(found.scores, fmt, claimed, flushed)]
        why = explained(best, bases, tried, seen)
        text, spec, edits = why.text, why.spec, why.edits
        findings.append(Finding("explanation", fmt.name, why.text))
        first = first_step_fits(best) if best.near else None
        known = Traits(first_step=first, elementwise=not coupled)
        if not edits and moved(best):
            known = traits(known)
            findings.append(Finding("known", fmt.name, traits_in_words(known, best)))
    if found.fits and found.hidden and spec.decay != "none":
        findings.append(more.hidden(found, fmt))
    named = spec.with_(scalars="array") if _names_array(found, claimed) else spec
    shown = [f for f in found.ranking if f.candidate.spec == spec] + [
        f for f in found.ranking if f.candidate.spec != spec
    ]
    own = next((f for f in shown if f.candidate.spec == spec), None)
    if own is None:
        own = found.scores.fit(_as(found, spec))
        shown.insert(0, own)
    listed = _sorted(_with_claimed(shown, against, found))
    equal = {f.candidate.spec for f in found.equal}
    second = next((f for f in listed if f.candidate.spec not in {spec, *equal}), None)
    identification = Identification(
        spec=str(named),
        kind=kind,
        deviation=own.deviation,
        second=str(second.candidate.spec) if second else "",
        second_deviation=second.deviation if second else 0.0,
        regime=text,
        candidates=tuple((str(f.candidate.spec), f.deviation) for f in listed),
        indistinguishable=tuple(str(f.candidate.spec) for f in found.equal),
        edit=edits[0] if edits else None,
        also=edits[1:],
        traits=known,
        unexplained=0.0 if found.fits and why is None else _open(own),
    )
    return Investigation(identification, tuple(findings), found=found)


def _as(found: Found, spec: Spec) -> Candidate:
    return replace(found.best.candidate, spec=spec)


def _sorted(fits: list[Fit]) -> list[Fit]:
    """By their deviations; those that fit stay in their order, before all others."""
    return sorted(fits, key=lambda fit: max(fit.deviation, 1.0))


def _with_claimed(shown: list[Fit], claimed: Spec, found: Found) -> list[Fit]:
    """The ranking with the claimed spec in it, wherever it stands."""
    specs = (f.candidate.spec for f in shown)
    if any(distance(s, claimed) == 0 and s.stored == claimed.stored for s in specs):
        return shown
    return [*shown, found.scores.fit(_as(found, claimed))]


def _open(fit: Fit) -> float | None:
    """What a rule leaves open; None where too little is decided to say."""
    return fit.unexplained if fit.decided >= ENOUGH else None


def _bases(found: Found, claimed: Spec | None) -> list[Fit]:
    """Dialects to explain from: the claimed one, Algorithm 1, and the nearest ones.

    Where a weight decay is passed, also those with each kind of it: one of the wrong sign leaves
    more open than none.
    """
    specs = [spec.with_(scalars="any") for spec in (claimed, Spec()) if spec is not None]
    if dict(found.best.candidate.given).get("weight_decay"):
        words = [word for word in Spec().switches["decay"] if word != "none"]
        specs += [s.with_(decay=word) for s in specs if s.decay == "none" for word in words]
    fits = [found.scores.fit(_as(found, spec)) for spec in dict.fromkeys(specs)]
    return [*fits, *(f for f in found.ranking[:2] if f.candidate.spec not in specs)]


def _admissions(fmt: Format, claimed: Spec | None, flushed: bool) -> list[Admission]:
    """The finest scalars first; under float64 both are the same."""
    words = ["float64"] if fmt.is_double else ["float64", "array"]
    if claimed is not None and claimed.scalars == "float64":
        words = ["float64"]
    return [Admission(word, flushed) for word in words]


def _others(scores: Scores, fmt: Format, claimed: Spec | None, flushed: bool) -> list[Scores]:
    return [
        Scores(scores.batches, admission)
        for admission in _admissions(fmt, claimed, flushed)
        if admission != scores.admission
    ]


def _names_array(found: Found, claimed: Spec | None) -> bool:
    """Whether the name must say that scalars are narrow: where the claim is about scalars."""
    asked = claimed is not None and claimed.scalars != "any"
    return asked and found.scores.admission.scalars == "array"


def _asked(
    known: Description, claimed: Spec | None, flags: frozenset[str], options: Mapping[str, Any]
) -> design.Asked:
    """What a claimed spec needs besides: its decay, its second ε, its flags."""
    extra = {"momentum_decay": VALUES["momentum_decay"]}  # its default is not zero
    on = set(flags)
    if claimed is not None:
        extra |= {name: VALUES[name] for name in claimed.hyperparameters if name in VALUES}
        on |= {name for name in FLAGS if getattr(claimed, name) not in ("no", "none")}
    given = _known(options)
    takes = known.hyperparameters - set(given)
    return design.Asked(
        {n: x for n, x in extra.items() if n in takes} | dict(known.declared.fixed),
        frozenset(flag for flag in on if flag in known.flags or flag in flags),
    )


def _known(options: Mapping[str, Any]) -> dict[str, float]:
    """Hyperparameters that the options set and no run passes."""
    found: dict[str, float] = {}
    for name in VALUES:
        for word in SYNONYMS[name]:
            value = options.get(word)
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                found[name] = float(value)
    return found


def _blind(runs: Sequence[Run]) -> bool:
    """Whether the first step left nothing finite to go on from."""
    first = runs[0].trace.thetas[0][1]
    return not bool(np.isfinite(first.astype(np.float64)).any())


def _coupled(fit: Fit) -> bool:
    """Whether elements with the same history move differently in other company."""
    for batch, walked in zip(fit.batches, fit.walked, strict=True):
        labels = {label: k for k, label in enumerate(batch.labels)}
        if not {"decades", "company"} <= labels.keys():
            continue
        alone = np.flatnonzero(batch.run == labels["decades"])
        other = np.flatnonzero(batch.run == labels["company"])
        if len(alone) != len(other) or not len(alone):
            continue
        here, there = design.kept_in_company(len(alone))
        one, two = alone[here], other[there]
        # the kept half saw the same gradients: both paths stay within their envelopes
        with np.errstate(all="ignore"):
            allowed = np.cumsum(4.0 * (walked.bound[:, one] + walked.bound[:, two]), axis=0)
            gap = np.abs(batch.thetas[1:, one] - batch.thetas[1:, two])
        if bool((gap > allowed).any()):
            return True
    return False
