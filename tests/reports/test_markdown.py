"""The report of a pull request: what it says, and that a target's text stays text."""

from __future__ import annotations

import re
from dataclasses import replace

from adamcheck._version import __version__
from adamcheck.declared import Declared
from adamcheck.reports.escape import code_block, code_span, for_markdown
from adamcheck.reports.markdown import markdown
from adamcheck.text import visible

HOSTILE = "</details><script>x</script> ![a](http://e) `t` | *b* _c_ # @someone #12 [l](u) \n## h"


def read(*results) -> str:
    return markdown(results).replace(f"adamcheck {__version__}", "adamcheck VERSION")


def test_one_target_reads_so(samples, snapshot):
    assert read(samples.deviating()) == snapshot


def test_several_targets_share_a_table(samples, snapshot):
    assert read(samples.conforming(), samples.broken()) == snapshot


def test_what_is_declared_is_said(samples):
    result = samples.conforming()
    limits = Declared(one_dimensional=True, above={"beta1": 0.0})
    declared = replace(result, scope=replace(result.scope, declared=limits))
    assert limits.told() in read(declared).replace("\\", "")
    assert limits.told() not in read(result)


def test_hostile_text_is_only_text(samples):
    failure = samples.failure(message=HOSTILE, law=HOSTILE, explanation=HOSTILE, family=HOSTILE)
    result = replace(
        samples.deviating(), target=HOSTILE, error=HOSTILE, checks=(failure,), adapter=HOSTILE
    )
    text = re.sub(r"^```.*?^```$", "", markdown([result]), flags=re.MULTILINE | re.DOTALL)
    outside_code = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", text)
    assert "<script>" not in outside_code
    assert outside_code.count("</details>") == 1
    assert "http://" not in outside_code
    assert "@someone" not in outside_code
    assert "\n## h" not in text


def test_a_table_row_stays_one_row(samples):
    result = replace(samples.deviating(), target="a|b\n|c")
    row = next(line for line in markdown([result]).splitlines() if "a\\|b" in line)
    assert len(re.findall(r"(?<!\\)\|", row)) == 6


def test_fences_are_longer_than_what_they_hold():
    assert code_block("a\n````\nb") == "`````\na\n````\nb\n`````"
    assert code_span("a``b") == "```a``b```"
    assert code_span("`x`") == "`` `x` ``"


def test_entities_show_the_character():
    assert for_markdown("a*b") == "a&#42;b"
    assert for_markdown("ε ≤ 1") == "ε ≤ 1"


def test_invisible_characters_are_spelt_out():
    assert (
        visible("a\tb\x00\x9b\u200b\U000e0001\ud800") == "a\\tb\\x00\\x9b\\u200b\\U000e0001\\ud800"
    )
    assert visible("ε̂ 東京 −") == "ε̂ 東京 −"
