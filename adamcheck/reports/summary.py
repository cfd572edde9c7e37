"""What every readable report says, whatever it looks like: tables, groups, facts, sentences.

Text is returned as it came; each report escapes it in its own way.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from adamcheck.errors import UsageError
from adamcheck.formats import FORMATS
from adamcheck.reports.dialects import describe
from adamcheck.result import (
    CheckResult,
    Comparison,
    Identification,
    Result,
    Status,
    Verdict,
    Witness,
    share,
)
from adamcheck.spec import parse_spec
from adamcheck.spec.defaults import Defaults
from adamcheck.text import shorten
from adamcheck.waivers import FAMILY

RAN = frozenset(
    {Status.PASSED, Status.FAILED, Status.WAIVED, Status.STALE_WAIVER, Status.INCONCLUSIVE}
)
BAD = frozenset({Status.FAILED, Status.STALE_WAIVER})
FEW = 8
"""Gradients that are written out among the facts; the witness holds all."""
_DTYPE_ORDER = tuple(FORMATS)


@dataclass(frozen=True)
class Group:
    """One check that ended alike in several dtypes; ``shown`` is the one with the best witness."""

    shown: CheckResult
    others: tuple[CheckResult, ...]


def dtypes_of(result: Result) -> list[str]:
    """The dtypes that were judged, widest first."""
    return in_order(check.dtype for check in result.checks)


def in_order(dtypes: Iterable[str]) -> list[str]:
    """Names of dtypes, each once, widest first."""
    seen = set(dtypes)
    known = [name for name in _DTYPE_ORDER if name in seen]
    return known + sorted(seen - set(known))


def outcomes(result: Result) -> list[tuple[str, list[list[str]]]]:
    """Rows (family, per dtype a list of phrases such as '12 passed'), in the order they ran."""
    table: dict[str, dict[str, Counter[Status]]] = defaultdict(lambda: defaultdict(Counter))
    for check in result.checks:
        table[check.family][check.dtype][check.status] += 1
    return [
        (
            family,
            [
                [f"{count} {s.value}" for s in Status if (count := cells[dtype][s])]
                for dtype in dtypes_of(result)
            ],
        )
        for family, cells in table.items()
    ]


def groups(result: Result, statuses: frozenset[Status]) -> list[Group]:
    """The checks that ended so, one group an id and outcome, in the order they ran."""
    by_name: dict[tuple[str, Status], list[CheckResult]] = defaultdict(list)
    for check in result.checks:
        if check.status in statuses:
            by_name[check.name, check.status].append(check)
    found = []
    for checks in by_name.values():
        shown = min(checks, key=_witness_size)
        found.append(Group(shown, tuple(check for check in checks if check is not shown)))
    return found


def facts(check: CheckResult) -> list[tuple[str, str]]:
    """What is known about a failure, as (label, text) from the law to the likeliest cause."""
    rows = [("law", check.law), ("theorem", check.theorem), ("seen", check.message)]
    witness = check.witness
    if witness is not None:
        rows += [("where", where(witness)), ("input", inputs(witness))]
        if witness.comparison is not None:
            rows += comparison_facts(witness.comparison, witness.dtype)
    rows.append(("likeliest", check.explanation))
    return [(label, text) for label, text in rows if text]


def where(witness: Witness) -> str:
    """The place of the compared number in its run."""
    steps = len(witness.grads)
    text = f"step {witness.step} of {steps}, {_place(witness)}, {witness.dtype}"
    told = {key: value for key, value in witness.how.items() if key != "law"}
    extra = [*witness.flags, *(f"{key}={value}" for key, value in told.items())]
    return f"{text} ({', '.join(extra)})" if extra else text


def _place(witness: Witness) -> str:
    """The element, and the parameter that it is of where there are several or it has a shape."""
    shapes = [tuple(shape) for shape in witness.how.get("shapes", [[len(witness.theta0)]])]
    at = witness.element
    for k, shape in enumerate(shapes):
        size = math.prod(shape)
        if at >= size and k + 1 < len(shapes):
            at -= size
            continue
        own = f"element {at} of {size}"
        if len(shape) > 1:
            place, rest = [], at
            for length in reversed(shape):
                place.append(rest % length if length else 0)
                rest //= length or 1
            own = f"element {tuple(reversed(place))} of shape {shape}"
        return own if len(shapes) == 1 else f"parameter {k} of {len(shapes)}, {own}"
    return f"element {at}"


def inputs(witness: Witness) -> str:
    """Hyperparameters, and the gradients where they are few, in decimal for the eye."""
    text = ", ".join(f"{k} {float.fromhex(v):.6g}" for k, v in witness.hyper.items())
    numbers = [value for row in witness.grads for value in row]
    if not 0 < len(numbers) <= FEW:
        return text
    seen = ", ".join(f"{float.fromhex(value):.6g}" for value in numbers)
    return f"{text}; gradient{'s' * (len(numbers) > 1)} {seen}"


def comparison_facts(comparison: Comparison, dtype: str) -> list[tuple[str, str]]:
    """Observed, exact, error and bound of one number, with the bound's terms."""
    c = comparison
    digits = 17 if dtype == "float64" else 12
    enclosure = f" ± {c.radius:.2g}" if c.radius else ""
    ratio = c.error / c.bound if c.bound else math.inf
    sizes = [f"{_brief(ratio)} × bound"]
    sizes += [] if c.units is None else [f"{_brief(c.units)} units of u·α"]
    sizes += [] if c.ulps is None else [f"{_brief(c.ulps)} ulp"]
    terms = " + ".join(f"{name} {_brief(value)}" for name, value in c.terms.items() if value)
    return [
        ("observed", f"{c.quantity} = {c.observed:.{digits}g}  ({float(c.observed).hex()})"),
        ("exact", f"{c.quantity} = {c.exact:.{digits}g}{enclosure}"),
        ("error", f"{_brief(c.error)} = {' = '.join(sizes)}"),
        ("bound", f"{_brief(c.bound)}" + (f" = {terms}" if terms else "")),
    ]


def also(group: Group) -> str:
    """One line on the other dtypes in which the same check ended alike."""
    parts = []
    for check in group.others:
        comparison = check.witness.comparison if check.witness is not None else None
        if comparison is not None and comparison.bound:
            parts.append(f"{check.dtype} ({_brief(comparison.error / comparison.bound)} × bound)")
        else:
            parts.append(check.dtype)
    return ", ".join(parts)


def claimed(result: Result) -> str:
    """The spec and what it means."""
    try:
        return f"{result.spec}: {describe(parse_spec(result.spec))}"
    except UsageError:
        return result.spec


def found(result: Result) -> str:
    """The identification and its evidence; empty where nothing was identified."""
    return "" if result.identified is None else evidence(result.identified)


def evidence(it: Identification) -> str:
    """The nearest dialect, how well it fits, and how badly the next one does."""
    if it.edit is not None:
        return f"{it.spec} with one change, without which {_open(it)}"
    if it.kind != "dialect":
        kinds = {
            "not-deterministic": "not deterministic",
            "not-elementwise": "not elementwise",
            "not-adam": "no dialect fits",
        }
        kind = kinds.get(it.kind, it.kind)
        if it.kind == "not-deterministic":
            return it.regime or kind
        if not it.near:
            return f"{kind}; {it.regime}"
        return f"{kind}; nearest is {it.spec}, of which {_open(it)}"
    text = f"{it.spec} (largest deviation {_brief(it.deviation)} × the envelope"
    if it.second:
        fits = it.second_deviation <= 1.0
        text += f"; {it.second} " + (
            f"at {_brief(it.second_deviation)} ×" if fits else "does not fit"
        )
    text += ")"
    if it.indistinguishable:
        text += f"; cannot be told from {', '.join(it.indistinguishable)}"
    return text


def differs(it: Identification | None) -> str:
    """Where the target leaves what it is near to; empty where nothing is near."""
    told = it is None or not it.near or it.kind == "not-deterministic"
    return "" if it is None or told else it.regime


def open_share(share: float) -> str:
    """A share of the target's movement that a rule leaves open."""
    return f"{100.0 * share:.2g} %" if share < 1.0 else "all"


def _open(it: Identification) -> str:
    share = "how much" if it.unexplained is None else open_share(it.unexplained)
    return f"{share} of the movement is left open"


def others(result: Result) -> list[tuple[Status, str, str]]:
    """Rows (outcome, checks with dtypes, why) of what neither passed nor failed nor was skipped."""
    rows: dict[tuple[Status, str], dict[str, list[str]]] = {}
    first: dict[tuple[Status, str], str] = {}
    undecided: Counter[tuple[Status, str]] = Counter()
    for status in (Status.ERROR, Status.INCONCLUSIVE, Status.WAIVED):
        for check in result.checks:
            if check.status is status:
                key = (status, check.message or "no reason given")
                first.setdefault(key, check.explanation)
                rows.setdefault(key, {}).setdefault(check.name, []).append(check.dtype)
                undecided[key] += check.undecided if status is Status.INCONCLUSIVE else 0
    return [
        (
            status,
            ", ".join(f"{name} [{', '.join(in_order(ds))}]" for name, ds in names.items()),
            f"{why} ({count} element-steps)"
            if (count := undecided[status, why])
            else f"{why}, first {told}"
            if status is Status.ERROR and (told := first[status, why])
            else why,
        )
        for (status, why), names in rows.items()
    ]


def reasons(checks: Sequence[CheckResult]) -> str:
    """The distinct messages with how often each was given, the most frequent first."""
    counted = Counter(check.message or "no reason given" for check in checks)
    return "; ".join(
        message if len(counted) == 1 else f"{message} ({count})"
        for message, count in counted.most_common()
    )


def tally(result: Result) -> tuple[int, int]:
    """(how many checks ran, of how many)."""
    checks = [check for check in result.checks if check.family != FAMILY]
    return sum(check.status in RAN for check in checks), len(checks)


def ran(result: Result) -> str:
    """How many of how many checks ran, and why the others did not."""
    done, total = tally(result)
    skipped = [check for check in result.checks if check.status is Status.SKIPPED]
    broken = [check for check in result.checks if check.status is Status.ERROR]
    text = f"{done} of {total} checks ran"
    if skipped:
        text += f"; {len(skipped)} skipped because: {reasons(skipped)}"
    if broken:
        text += f"; {len(broken)} could not be finished: {reasons(broken)}"
    return text


def scope(result: Result) -> str:
    """How much was looked at: checks of those in the profile, formats of those that are taken."""
    it = result.scope
    if it is None:
        return ""
    what = "witnesses replayed: " if it.replayed else ""
    profile = "" if it.replayed else f" of profile {it.profile}"
    text = f"{what}{it.share}{profile}, in {formats(result)}"
    return ", ".join(part for part in (text, it.declared.told_fixed()) if part)


def declared(result: Result) -> str:
    """The limits that are declared of the target, which were not asked; empty without any."""
    return "" if result.scope is None else result.scope.declared.told()


def formats(result: Result) -> str:
    """The formats judged, and those that the target takes besides; empty where it is not known."""
    it = result.scope
    if it is None:
        return ""
    besides = [name for name in it.takes if name not in it.dtypes]
    more = f" (it also takes {', '.join(besides)}: not judged)" if besides else ""
    return f"{', '.join(it.dtypes) or 'no format'}{more}"


def decided(result: Result) -> str:
    """The share of element-steps that were decided, in all and where it is least."""
    judged = [c for c in result.checks if c.status in RAN and c.examples + c.undecided]
    if not judged:
        return ""
    done, open_ = sum(c.examples for c in judged), sum(c.undecided for c in judged)
    text = f"{done:,} of {done + open_:,} element-steps ({done / (done + open_):.1%})"
    least = min(judged, key=lambda c: c.examples / (c.examples + c.undecided))
    if not least.undecided:
        return text
    share = least.examples / (least.examples + least.undecided)
    return f"{text}; least in {least.name} [{least.dtype}]: {share:.1%}"


def verdict(result: Result) -> str:
    """The last line: who, what, in which formats, and which Adam instead."""
    judged = ""
    if result.scope is not None:
        judged = f" in {formats(result)}"
        if told := result.scope.declared.told_fixed():
            judged += f" with {told}"
    waived = result.counts.get("waived", 0)
    note = f" ({waived} known deviation{'s' * (waived != 1)} waived)" if waived else ""
    if result.verdict is Verdict.CONFORMS:
        return f"{result.target} conforms to {result.spec}{judged}{note}"
    if result.verdict is Verdict.HELD:
        part = f"{result.target} held ({share(result)}) against {result.spec}{judged}{note}"
        return f"{part}; a partial run is no conformance"
    if result.verdict is Verdict.DEVIATES:
        text = f"{result.target} deviates from {result.spec}"
        if only_stale(result):
            text = f"{result.target} was not seen to deviate from {result.spec}, but"
            text += " its waivers are out of date"
        it = result.identified
        if it is not None and it.kind != "dialect":
            text += f"; {found(result)}"
        elif it is not None and it.spec != result.spec:
            text += f"; nearest is {it.spec}"
        return f"{text} (incomplete: {shorten(result.error)})" if result.error else text
    return f"{result.target}: no verdict ({shorten(result.error or incomplete(result))})"


def word(result: Result) -> str:
    """The verdict in a word, and how much of the profile held where it is a part."""
    held = result.verdict is Verdict.HELD
    return f"held ({share(result)})" if held else result.verdict.value


def only_stale(result: Result) -> bool:
    """Whether waivers that are out of date are all that fails the run."""
    return BAD & {check.status for check in result.checks} == {Status.STALE_WAIVER}


def incomplete(result: Result) -> str:
    """Why a run without an error of its own is no verdict."""
    counts = result.counts
    parts = [f"{counts[s]} {s}" for s in ("error", "inconclusive") if s in counts]
    if parts:
        return ", ".join(parts)
    lost = result.scope.lost(result.checks) if result.scope is not None else ()
    if lost and Status.PASSED in counts:
        return f"{len(lost)} checks have no outcome, the first is {lost[0][0]} [{lost[0][1]}]"
    if waived := counts.get(Status.WAIVED):
        return f"no check passed, {waived} known deviation{'s' * (waived != 1)} waived"
    return "no check passed on any example" if result.checks else "no check ran"


def settings(result: Result) -> str:
    """Profile, seed, options and time: what a second run needs to be the same."""
    parts = [f"profile {result.profile}", f"seed {result.seed}"]
    parts += [f"{name}={value}" for name, value in result.options.items()]
    parts.append(f"{result.seconds:.1f} s")
    return ", ".join(parts)


def defaults(it: Defaults | None) -> str:
    """What the target uses where nothing is passed; why of others nothing is known."""
    if it is None:
        return ""
    known = ", ".join(
        [*(f"{name} {value:.6g}" for name, value in it.values.items()), *sorted(it.on)]
    )
    lacking = "; ".join(f"{name}: {why}" for name, why in it.lacking.items())
    return f"{known or 'none read'}{f' ({lacking})' if lacking else ''}"


def environment(result: Result) -> str:
    """The packages and versions of the run."""
    return ", ".join(f"{name} {version}" for name, version in result.environment.items())


def findings(result: Result) -> list[tuple[str, str, str]]:
    """Rows (name, dtypes, message); equal messages of several dtypes are one row."""
    merged: dict[tuple[str, str], list[str]] = defaultdict(list)
    for finding in result.findings:
        numbers = ", ".join(f"{k} {_brief(v)}" for k, v in finding.numbers.items())
        text = f"{finding.message} ({numbers})" if numbers else finding.message
        merged[finding.name, text].append(finding.dtype)
    return [(name, ", ".join(in_order(dtypes)), text) for (name, text), dtypes in merged.items()]


def _brief(value: float) -> str:
    whole = math.isfinite(value) and value == int(value) and abs(value) < 1e6
    return str(int(value)) if whole else f"{value:.3g}"


def _witness_size(check: CheckResult) -> float:
    witness = check.witness
    return math.inf if witness is None else len(witness.grads) * max(len(witness.theta0), 1)
