"""Which class of evaluations is admitted of a target in one format: decided once, before any check.

Scalars kept in the array's dtype and flushed subnormals are conventions that widen the envelope.
Whether a target is given one is a pure function of the target, the spec and the format: runs that
depend on nothing else are judged, and a wider class is taken only where the strict one fails and
the wider explains every run. Where every scalar is exact in the array's dtype, its precision
explains nothing: there the strict envelope has to hold. All checks are judged under that one class.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from adamcheck.formats import Format
from adamcheck.oracle.envelope import STRICT, Admission
from adamcheck.oracle.evidence import Evidence
from adamcheck.oracle.judge import Judgement, judge
from adamcheck.result import Finding
from adamcheck.spec import Spec
from adamcheck.spec.hyperparameters import HYPERPARAMETERS
from adamcheck.targets.protocol import Trajectory

if TYPE_CHECKING:
    from adamcheck.properties.context import Array, Context

_LATE: Final = 1_000
"""Steps before a first gradient: as many as the usual β2 = 0.999 averages over."""
_HUNG: Final = frozenset({"hung", "memory"})


def decide(context: Context) -> tuple[Admission, tuple[Finding, ...]]:
    """The class under which everything is judged, and the findings that say so.

    Runs on which the target fails say nothing here: the checks meet the same trouble. Where no
    class explains what is left, the strict one stays.
    """
    strict = replace(STRICT, scalars="array") if context.spec.scalars == "array" else STRICT
    wider = list(
        _wider(context.spec, context.fmt, strict, context.fmt.name in context.description.flushes)
    )
    if not wider:
        return strict, ()
    seen = _observed(context, designated(context))
    first = [judge(evidence, strict) for evidence in seen]
    if not any(judgement.bad.any() for judgement in first):
        return strict, ()
    enough = sum(judgement.decided for judgement in first)
    plain = _observed(context, exact(context))
    # nothing shows that the strict class holds where it has to; a target that is declared to have
    # no such values has nowhere to show it
    if not plain and any(not context.declared.denied(c) for c in _exact_changes(context)):
        return strict, ()
    for admission in wider:
        narrower = replace(admission, scalars=strict.scalars)
        if any(judge(evidence, narrower).bad.any() for evidence in plain):
            continue
        # a class so wide that it decides little explains little
        if 2 * _explained(seen, admission) >= max(enough, 1):
            return admission, tuple(_findings(context.fmt.name, strict, admission, first))
    return strict, ()


def _wider(spec: Spec, fmt: Format, strict: Admission, flushes: bool) -> Iterator[Admission]:
    """The wider classes that may be tried, the narrower first."""
    scalars = own_scalars(spec, fmt)
    if flushes:
        yield replace(strict, flushed=True)
    if scalars:
        yield replace(strict, scalars="array")
        if flushes:
            yield replace(strict, scalars="array", flushed=True)


def own_scalars(spec: Spec, fmt: Format) -> bool:
    """Whether a spec admits scalars of the array's dtype where that is seen to explain a target."""
    return spec.scalars == "any" and not fmt.is_double


def _explained(seen: list[Evidence], admission: Admission) -> int:
    """The element-steps decided under a class that explains every run; 0 where it does not."""
    decided = 0
    for evidence in seen:
        judgement = judge(evidence, admission)
        if judgement.bad.any():
            return 0
        decided += judgement.decided
    return decided


def _observed(context: Context, runs: Iterable[Trajectory]) -> list[Evidence]:
    """What the target does on some runs, as far as it does not fail there."""
    seen: list[Evidence] = []
    for trajectory in runs:
        trace = context.attempt(trajectory)
        if trace.failure is not None and trace.failure.kind in _HUNG:
            break  # each further run would cost the same time again
        if trace.failure is None and not trace.broken.keys() & {"shape", "dtype"}:
            seen.append(context.evidence(trajectory, trace, context.spec))
    return seen


def designated(context: Context) -> Iterator[Trajectory]:
    """The runs that decide; they depend on target, spec and format, not on seed or profile."""
    shown = context.able("moments")
    usual, decimal = context.ordinary, context.completed(_decimal(context.fmt))
    yield context.trajectory(_laws(context, usual, 40), hyper=usual, moments=shown)
    # every average as slow as the slowest that people use: there 1-β^t loses most of its digits
    averages = [n for n in usual if HYPERPARAMETERS[n].role == "average"]
    if averages:
        slowly = context.altered(usual, **dict.fromkeys(averages, max(usual[n] for n in averages)))
        yield context.trajectory(_laws(context, slowly, 40), hyper=slowly)
    grads = _laws(context, decimal, 24)
    yield context.trajectory(grads, hyper=decimal, moments=shown)
    theta0 = np.ldexp(np.where(np.arange(grads.shape[1]) % 2, 1.5, -1.25), -2)
    yield context.trajectory(grads[:8], theta0, hyper=decimal)
    if averages and not context.fmt.narrow:
        # 1-β of a first gradient is far from the 1-β^t that it is divided by: a β that is rounded,
        # and used so throughout, shows in their quotient
        late = np.zeros((_LATE + 4, 4))
        late[_LATE:] = _laws(context, usual, 4)[:, :4]
        yield context.trajectory(late, hyper=usual)
    if "eps" in usual and not context.ranged.short_ranged:
        tiny = context.altered(context.dyadic, eps=1e-8)
        laws = ("eps-scale", "log-uniform", "constant")
        yield context.trajectory(_laws(context, tiny, 16, laws), hyper=tiny)
    if context.fmt.name in context.description.flushes:
        low = (
            context.dyadic
            if context.ranged.short_ranged
            else context.altered(context.dyadic, eps=2.0**-60)
        )
        yield context.trajectory(_laws(context, low, 16, safe=False), hyper=low)


def exact(context: Context) -> Iterator[Trajectory]:
    """Runs in which every scalar of every order is exact in the array's dtype, or within u of it.

    With nothing averaged β^t is 0 and 1-β^t is 1; at a first step with β1 = 1/2, β2 = 3/4 they are
    powers of two, and so are their roots and quotients. Only NAdam's scheduled momenta are rounded.
    """
    theta = np.ldexp(1.25, -2)
    for changes, steps in zip(_exact_changes(context), (24, 1), strict=True):
        if context.declared.denied(changes):
            continue
        hyper = context.altered(context.dyadic, **changes)
        for theta0 in (0.0, theta):
            trajectory = context.trajectory(_laws(context, hyper, steps), theta0, hyper=hyper)
            if not context.unspoken(trajectory):
                yield trajectory


def _exact_changes(context: Context) -> tuple[dict[str, float], dict[str, float]]:
    """The averages that the spec reads at 0, and where a first step's scalars are powers of two."""
    read = [n for n in context.dyadic if HYPERPARAMETERS[n].role == "average"]
    none = dict.fromkeys(read, 0.0)
    return none, {n: 0.75 if n == "beta2" else 0.5 for n in read}


def _decimal(fmt: Format) -> dict[str, float]:
    """Numbers that people pass and the format does not hold, so that their precision shows."""
    return {
        name: next(
            (x for x in record.drawn[1:] if record.follows(x, fmt) and fmt.rounded(x) != x),
            record.usual_in(fmt),
        )
        for name, record in HYPERPARAMETERS.items()
    }


def _laws(
    context: Context,
    hyper: Mapping[str, float],
    steps: int,
    laws: tuple[str, ...] | None = None,
    *,
    safe: bool = True,
) -> Array:
    return context.gradients(hyper, steps, 0, laws=laws, safe=safe, seed=0)


def _findings(
    fmt: str, strict: Admission, admission: Admission, first: list[Judgement]
) -> Iterator[Finding]:
    if admission.scalars != strict.scalars:
        ratio = max(judgement.largest_ratio for judgement in first)
        yield Finding(
            "scalar-precision",
            fmt,
            f"β, 1-β, β^t or α are kept in {fmt}, not in float64, and all checks are judged so:"
            f" errors up to {ratio:.3g} times the bound that holds for float64 scalars",
            {"times_the_float64_bound": ratio},
        )
    if admission.flushed and not strict.flushed:
        text = "subnormal numbers are flushed to zero, and all checks are judged so"
        yield Finding("flushed-subnormals", fmt, text)
