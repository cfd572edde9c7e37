"""The report that a pull request shows: a summary table, then each failure in a details block."""

from __future__ import annotations

from collections.abc import Sequence

from adamcheck._version import __version__
from adamcheck.reports import horizon, summary
from adamcheck.reports.escape import code_block, code_span, for_markdown
from adamcheck.result import Result, Verdict
from adamcheck.witness import snippet

_SIGNS = {
    Verdict.CONFORMS: "✅",
    Verdict.HELD: "☑️",
    Verdict.DEVIATES: "❌",
    Verdict.ERROR: "⚠️",
}


def markdown(results: Sequence[Result]) -> str:
    """The whole document; several targets follow one another under one table of verdicts."""
    lines = ["# adamcheck", ""]
    lines += ["| target | spec | verdict | nearest | checks run |", "|---|---|---|---|---|"]
    for result in results:
        nearest = code_span(result.identified.spec) if result.identified is not None else "–"
        done, total = summary.tally(result)
        lines.append(
            f"| {code_span(result.target)} | {code_span(result.spec)}"
            f" | {_SIGNS[result.verdict]} {summary.word(result)} | {nearest}"
            f" | {done} of {total} |"
        )
    for result in results:
        lines += ["", *_section(result)]
    lines += ["", f"<sub>adamcheck {for_markdown(__version__)}</sub>", ""]
    return "\n".join(lines)


def _section(result: Result) -> list[str]:
    lines = [f"## {_SIGNS[result.verdict]} {for_markdown(summary.verdict(result))}", ""]
    told = [
        ("claimed", summary.claimed(result)),
        ("found", summary.found(result)),
        ("differs", summary.differs(result.identified)),
        ("error", result.error),
        ("declared", summary.declared(result)),
        ("defaults", summary.defaults(result.defaults)),
        ("run", summary.settings(result)),
        ("scope", summary.scope(result)),
        ("decided", summary.decided(result)),
        ("with", summary.environment(result)),
    ]
    told += horizon.lines(result.horizons)
    lines += [f"- **{label}** {for_markdown(text)}" for label, text in told if text]
    lines += ["", f"{for_markdown(summary.ran(result))}.", ""]
    if result.checks:
        lines += _table(result)
    for group in summary.groups(result, summary.BAD):
        lines += _failure(group, result)
    lines += _others(result)
    rows = summary.findings(result)
    if rows:
        lines += ["", "**Findings** (they do not gate)", ""]
        lines += [f"- {code_span(name)} {for_markdown(f'{d}: {text}')}" for name, d, text in rows]
    return lines


def _table(result: Result) -> list[str]:
    dtypes = summary.dtypes_of(result)
    lines = [
        "| family | " + " | ".join(for_markdown(dtype) for dtype in dtypes) + " |",
        "|---" * (1 + len(dtypes)) + "|",
    ]
    for family, cells in summary.outcomes(result):
        shown = " | ".join(", ".join(phrases) for phrases in cells)
        lines.append(f"| {for_markdown(family)} | {shown} |")
    return lines


def _failure(group: summary.Group, result: Result) -> list[str]:
    check = group.shown
    dtypes = ", ".join(summary.in_order(c.dtype for c in (check, *group.others)))
    title = f"{check.name} {check.status.value} ({dtypes}): {check.message or check.law}"
    lines = ["", f"<details><summary>{for_markdown(title)}</summary>", "", "| | |", "|---|---|"]
    lines += [f"| {label} | {for_markdown(text)} |" for label, text in summary.facts(check)]
    if group.others:
        lines.append(f"| also | {for_markdown(summary.also(group))} |")
    if check.witness is not None:
        pasteable = snippet(check.witness, result.target, result.options)
        if pasteable:
            lines += ["", code_block(pasteable, "python")]
    return [*lines, "", "</details>"]


def _others(result: Result) -> list[str]:
    lines = [
        f"- **{status.value}** {for_markdown(f'{names}: {why}')}"
        for status, names, why in summary.others(result)
    ]
    return ["", *lines] if lines else []
