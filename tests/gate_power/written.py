"""A campaign's outcomes as one table after another, in Markdown, and as JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import adamcheck
from adamcheck.mutations import parse_edit

from .cases import ARITHMETIC
from .outcomes import SET_ASIDE, Outcome
from .statistics import interval

SCHEMA = "adamcheck.power/1"


def counted(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """The mutants that count: those that no evidence sets aside."""
    apart = (*SET_ASIDE, "killed though equivalent")
    return [o for o in outcomes if o.kind == "mutant" and o.fate not in apart]


def killed(outcomes: Sequence[Outcome]) -> int:
    """How many are killed."""
    return sum(o.fate == "killed" for o in outcomes)


def share(count: int, total: int) -> str:
    """A share with its 95 % interval."""
    if not total:
        return "–"
    low, high = interval(count, total)
    return f"{count}/{total} = {count / total:.1%} ({low:.1%} to {high:.1%})"


def as_json(outcomes: Sequence[Outcome], **about: Any) -> str:
    """Everything, for other tools; honest orders that conform are counted, as a seed draws them."""
    kept = [o for o in outcomes if (o.kind, o.fate) != ("honest", "conforms")]
    told = {
        "schema": SCHEMA,
        "adamcheck": adamcheck.__version__,
        **about,
        "killed": killed(counted(outcomes)),
        "counted": len(counted(outcomes)),
        "honest": [
            {"profile": p, "dtype": d, "run": len(some), "false_alarms": _alarms(some)}
            for (p, d), some in _honest(outcomes).items()
        ],
        "outcomes": [o.as_dict() for o in sorted(kept, key=lambda o: (o.profile, o.key))],
    }
    return json.dumps(told, ensure_ascii=False, indent=1) + "\n"


def as_markdown(outcomes: Sequence[Outcome], **about: Any) -> str:
    """The report."""
    mutants, honest = counted(outcomes), [o for o in outcomes if o.kind == "honest"]
    fates = Counter(o.fate for o in outcomes if o.kind == "mutant")
    parts = by_area(mutants) if {o.area for o in mutants} != {ARITHMETIC} else {}
    lines = ["# The gate's power, measured on drawn mutants", ""]
    lines += [
        f"adamcheck {adamcheck.__version__}; " + ", ".join(f"{k} {v}" for k, v in about.items())
    ]
    lines += [
        "",
        "Intervals are those of Clopper and Pearson at 95 %. Set aside, each with its evidence in"
        " the JSON file: mutants proved equal to the rule as functions of real numbers, mutants"
        " whose guard needs more than the horizon that the gate stated, and mutants of which a"
        " search that knows the edit found no input, within that horizon, outside the envelope.",
        "",
        "A kill is for the right reason where one of the inferred edits has the operator and an"
        " interval around each of its numbers, or an edit or dialect is inferred that is proved to"
        " be the same function; and where the conditions that are named are drawn ones, with their"
        " numbers in the intervals. Of two conditions one has to be named, and none whose threshold"
        " lies beyond the reach that was stated.",
        "",
        f"- killed: {share(killed(mutants), len(mutants))}",
        *(f"- killed, {area}: {share(killed(some), len(some))}" for area, some in parts.items()),
        *(f"- {fate}: {n}" for fate, n in sorted(fates.items()) if fate != "killed"),
        f"- for the right reason: {_reasons(mutants)}",
        f"- false alarms over drawn honest orders: {share(_alarms(honest), len(honest))}",
        f"- commits that were run: {_trees(outcomes)}",
        f"- seconds to a kill: {_times(mutants)}",
    ]
    others = {area: some for area, some in parts.items() if area != ARITHMETIC}
    arithmetic = [o for o in mutants if o.area == ARITHMETIC]
    tables: list[tuple[str, Callable[[Outcome], str], list[Outcome]]] = [
        ("dtype", lambda o: f"{o.dtype}, {o.profile}", mutants),
        ("operator", lambda o: parse_edit(o.text).operator, arithmetic),
        ("guard", _guard, arithmetic),
        *((f"fault: {area}", lambda o: o.text.split()[0], some) for area, some in others.items()),
        ("spec", lambda o: o.spec, mutants),
    ]
    for title, of, mutants_of in tables:
        lines += ["", f"## By {title}", "", f"| {title} | killed |", "|---|---|"]
        for name in sorted({of(o) for o in mutants_of}):
            some = [o for o in mutants_of if of(o) == name]
            lines.append(f"| {_cell(name)} | {share(killed(some), len(some))} |")
    lines += ["", "## Honest orders", "", "| dtype | false alarms of so many |", "|---|---|"]
    for (profile, dtype), some in _honest(outcomes).items():
        lines.append(f"| {dtype}, {profile} | {share(_alarms(some), len(some))} |")
    lines += ["", "## By check", "", "| first check to fail | kills |", "|---|---|"]
    checks = Counter(o.check for o in mutants if o.fate == "killed")
    lines += [f"| {check} | {n} |" for check, n in checks.most_common()]
    for title, wanted in (
        ("Survivors", ("survived", "no verdict")),
        ("Killed though equivalent", ("killed though equivalent",)),
        ("False alarms", ("false alarm",)),
        ("Set aside", SET_ASIDE),
    ):
        lines += ["", f"## {title}", ""]
        found = [o for o in outcomes if o.fate in wanted]
        for o in found:
            lines.append(f"- {o.fate}: `{o.reproduction}`  ")
            lines.append(f"  {o.why or o.check + ' ' + o.message}")
        lines += [] if found else ["none"]
    return "\n".join(lines) + "\n"


def by_area(mutants: Sequence[Outcome]) -> dict[str, list[Outcome]]:
    """The mutants of each kind, in order."""
    areas = dict.fromkeys([ARITHMETIC, *sorted({o.area for o in mutants})])
    found = {area: [o for o in mutants if o.area == area] for area in areas}
    return {area: some for area, some in found.items() if some}


def _alarms(honest: Sequence[Outcome]) -> int:
    return sum(o.fate == "false alarm" for o in honest)


def _honest(outcomes: Sequence[Outcome]) -> dict[tuple[str, str], list[Outcome]]:
    """The honest orders of each profile and format."""
    found: dict[tuple[str, str], list[Outcome]] = {}
    for one in outcomes:
        if one.kind == "honest":
            found.setdefault((one.profile, one.dtype), []).append(one)
    return dict(sorted(found.items()))


def _trees(outcomes: Sequence[Outcome]) -> str:
    trees = Counter(o.tree for o in outcomes if o.tree)
    return ", ".join(f"{tree} ({n})" for tree, n in trees.items()) or "–"


def _guard(outcome: Outcome) -> str:
    guard = parse_edit(outcome.text).guard
    if guard is None:
        return "none"
    return guard.kind if guard.also is None else "two conditions"


def _reasons(mutants: Sequence[Outcome]) -> str:
    asked = [o for o in mutants if o.fate == "killed" and o.named is not None]
    return share(sum(bool(o.named) for o in asked), len(asked)) if asked else "not asked"


def _times(mutants: Sequence[Outcome]) -> str:
    times = sorted(o.seconds for o in mutants if o.fate == "killed")
    if not times:
        return "–"
    return f"median {times[len(times) // 2]:.1f}, longest {times[-1]:.1f}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
