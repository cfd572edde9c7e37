"""The verdict in a terminal: what it says, at every width, and that targets cannot write codes."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from rich.console import Console

from adamcheck.reports.terminal import DETAILED, render
from adamcheck.result import Finding, Status, Verdict
from adamcheck.waivers import Waiver, with_waivers

ESCAPES = "\x1b[31mred\x1b]0;title\x07 \u202edrawkcab [bold]markup[/bold] \r\n\x85 :smile: \udce9"


@pytest.mark.parametrize("name", ["conforming", "deviating", "broken"])
@pytest.mark.parametrize("width", [100, 60, 40])
def test_the_report_reads_so(samples, drawn, snapshot, name, width):
    assert drawn(getattr(samples, name)(), width=width) == snapshot


def test_a_kept_witness_names_its_file(samples, drawn):
    text = drawn(samples.deviating(), kept_in="out.json")
    assert "adamcheck check odd.optim:Adam --replay out.json --only ADAM-EPS-1" in text


def test_the_verdict_names_the_formats_and_what_was_left_out(samples, drawn):
    last = drawn(samples.conforming()).splitlines()[-1]
    assert last == "good.optim:Adam conforms to adam in float64, float32"
    text = drawn(samples.held(), width=200)
    assert "HELD (1 OF 2 CHECKS)" in text
    assert text.splitlines()[-1] == (
        "good.optim:Adam held (1 of 2 checks) against adam in float32 (it also takes float64: not"
        " judged); a partial run is no conformance"
    )


def test_the_last_line_is_the_verdict(samples, drawn):
    for result in (samples.conforming(), samples.deviating(), samples.broken()):
        assert drawn(result).splitlines()[-1].startswith(result.target)


def test_nothing_from_a_target_reaches_the_terminal_as_a_code(samples, drawn):
    failure = samples.failure(message=ESCAPES, law=ESCAPES, explanation=ESCAPES, family=ESCAPES)
    result = replace(
        samples.deviating(),
        target=ESCAPES,
        error=ESCAPES,
        adapter=ESCAPES,
        options={ESCAPES: ESCAPES},
        environment={ESCAPES: ESCAPES},
        findings=(Finding(ESCAPES, ESCAPES, ESCAPES, {ESCAPES: 1.0}),),
        checks=(
            failure,
            replace(failure, name=ESCAPES, dtype=ESCAPES),
            samples.check(status=Status.SKIPPED, message=ESCAPES),
            samples.check(status=Status.ERROR, message=ESCAPES),
        ),
    )
    text = drawn(result, width=200)
    text.encode("utf-8")
    assert not {c for c in text if c in "\x1b\x07\u202e\r\x85"}
    assert "[bold]markup[/bold]" in text
    assert ":smile:" in text


def test_colours_only_where_they_are_shown(samples):
    def coded(**settings: Any) -> bool:
        stream = io.StringIO()
        render(samples.deviating(), Console(file=stream, width=80, **settings))
        return "\x1b[" in stream.getvalue()

    assert coded(force_terminal=True, color_system="standard")
    assert not coded(force_terminal=False)


def test_no_colour_when_asked(samples, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    stream = io.StringIO()
    render(samples.conforming(), Console(file=stream, width=80, force_terminal=True))
    assert "\x1b[32m" not in stream.getvalue()


def test_many_failures_are_counted_and_only_some_shown_whole(samples, drawn):
    failures = tuple(samples.failure(message=f"bad {i}") for i in range(DETAILED + 3))
    failures = tuple(replace(f, name=f"ADAM-X-{i}") for i, f in enumerate(failures))
    text = drawn(replace(samples.deviating(), checks=failures))
    assert text.count("  reproduce in Python:") == DETAILED
    assert all(f"ADAM-X-{i} failed" in text for i in range(len(failures)))
    assert f"details of {DETAILED} of {len(failures)}" in text


def test_a_run_without_checks_says_so(samples, drawn):
    empty = replace(samples.conforming(), checks=(), verdict=Verdict.ERROR)
    text = drawn(empty)
    assert "0 of 0 checks ran" in text
    assert text.splitlines()[-1].endswith("no verdict (no check ran)")


def last_lines(drawn, result, *waivers):
    return drawn(with_waivers(result, waivers, date(2026, 6, 1)), width=200).splitlines()


def test_waivers_that_are_out_of_date_are_not_called_a_deviation(samples, drawn):
    stale = Waiver("ADAM-BC-1", "float64", "meant")
    lines = last_lines(drawn, samples.conforming(), stale)
    told = "good.optim:Adam was not seen to deviate from adam, but its waivers are out of date"
    assert lines[-1] == told
    assert any(line.split() == ["verdict", "STALE", "WAIVERS"] for line in lines)
    # beside a deviation they are the smaller news
    lines = last_lines(drawn, samples.deviating(), stale)
    assert lines[-1].startswith("odd.optim:Adam deviates from adam")


def test_an_expired_waiver_is_not_counted_as_a_check(samples, drawn):
    result = replace(samples.conforming(), checks=samples.conforming().checks[:1])
    lines = last_lines(drawn, result, Waiver("ADAM-BC-1", "float64", "meant", date(2026, 5, 31)))
    assert lines[-2:] == [
        "1 of 1 checks ran",
        "good.optim:Adam was not seen to deviate from adam, but its waivers are out of date",
    ]


def test_what_is_only_waived_does_not_conform(samples, drawn):
    result = replace(samples.deviating(), checks=(samples.failure(),), identified=None)
    waived = with_waivers(result, [Waiver("ADAM-EPS-1", "float32", "meant")], date(2026, 6, 1))
    assert waived.verdict is Verdict.ERROR
    last = drawn(waived).splitlines()[-1]
    assert last == "odd.optim:Adam: no verdict (no check passed, 1 known deviation waived)"
