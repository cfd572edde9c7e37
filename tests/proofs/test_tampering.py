"""A changed coefficient in a rule, a theorem or a certificate turns the ledger red."""

from __future__ import annotations

import importlib
import inspect
import json
import random
import re
import types
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from mutations import mutants, proved

from adamcheck import program, rules
from adamcheck.numerics.symbolic import symbols
from adamcheck.proof.certificates import certificate, checker, digest_of
from adamcheck.proof.claims import Fact, ge
from adamcheck.proof.kernel import Proof
from adamcheck.proof.lemmas import by_induction, cases
from adamcheck.proof.library import directory, theorem
from adamcheck.proof.row import prove_one
from adamcheck.proof.theorem import Book, Theorem

RULE_FILES = (*rules.RULES, "language")
TELLING = ("dialects", "family", "closed-form", "elementwise")
SAME_FUNCTION = {
    # the step count is a whole number: 1-2t, 2-2t and 1-3t have one sign at each
    ("language", "1 - 2 * s.t"),
    ("momentum", "1 - 2 * s.t"),
    # one is 1
    ("nadam", "24 * one / 25"),
}


@pytest.fixture(scope="module")
def untouched() -> dict[str, str]:
    return {name: proved(name) for name in TELLING}


def same_function(module: str, source: str, what: str) -> bool:
    number = int(re.findall(r"line (\d+)", what)[0])
    line = source.splitlines()[number - 1]
    # what follows the formula says when the rule is another one, and what its words mean
    ends = [source.index(text) for text in ("def special", "RULE: Final") if text in source]
    if (ends and number > source[: min(ends)].count("\n")) or "steps: int" in line:
        return True
    if "one" in line and "Div" not in what and "Mult" not in what:
        return False
    return any(module == name and text in line for name, text in SAME_FUNCTION)


@pytest.fixture
def patched(monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """Put the functions of a changed source in the place of a rule file's functions."""

    def patch(name: str, source: str) -> None:
        original = importlib.import_module(f"adamcheck.rules.{name}")
        changed = types.ModuleType(original.__name__)
        exec(compile(source, name, "exec"), changed.__dict__)
        for place in (*(f"adamcheck.rules.{file}" for file in RULE_FILES), "adamcheck.rules"):
            module = importlib.import_module(place)
            for key, value in list(vars(module).items()):
                own = inspect.isfunction(value) and value.__module__ == original.__name__
                if own and key in vars(changed):
                    monkeypatch.setattr(module, key, vars(changed)[key])
        for key, rule in rules.RULES.items():
            module = importlib.import_module(f"adamcheck.rules.{key}")
            new = replace(rule, initial=getattr(module, f"{key}_state"), step=getattr(module, key))
            monkeypatch.setitem(rules.RULES, key, new)

    yield patch
    program.trace.cache_clear()


def is_red(untouched: dict[str, str]) -> bool:
    for name in TELLING:
        program.trace.cache_clear()
        try:
            if proved(name) != untouched[name]:
                return True
        except Exception:  # a rule that cannot even be read is red
            return True
    return False


def rule_mutants() -> list[tuple[str, str, str]]:
    found = []
    for name in RULE_FILES:
        source = inspect.getsource(importlib.import_module(f"adamcheck.rules.{name}"))
        found += [
            (name, what, changed)
            for what, changed in mutants(source)
            if not same_function(name, source, what)
        ]
    return found


@pytest.mark.sampled(3)
@pytest.mark.parametrize("seed", range(8))
def test_a_changed_rule_fails_a_theorem(
    seed: int, patched: object, untouched: dict[str, str]
) -> None:
    name, what, changed = random.Random(seed).choice(rule_mutants())
    assert callable(patched)
    patched(name, changed)
    assert is_red(untouched), f"{name}.py, {what}"


@pytest.mark.slow
def test_every_changed_rule_fails_a_theorem(untouched: dict[str, str]) -> None:
    survivors = []
    for name, what, changed in rule_mutants():
        with pytest.MonkeyPatch.context() as context:
            patch = patched.__wrapped__(context)  # type: ignore[attr-defined]
            next(patch)(name, changed)
            if not is_red(untouched):
                survivors.append(f"{name}.py, {what}")
        program.trace.cache_clear()
    assert not survivors


# --- theorems ---

THEOREMS = ("geometric-weights", "step-bound", "rmsprop-bound", "momentum-quadratic", "bias")


def theorem_mutants(slug: str, sample: int) -> list[tuple[str, str]]:
    path = directory() / f"{slug.replace('-', '_')}.py"
    return list(mutants(path.read_text(encoding="utf-8"), sample=sample, seed=slug))


@pytest.mark.parametrize("slug", THEOREMS)
def test_changed_theorems_turn_red(slug: str) -> None:
    survivors = []
    for what, changed in theorem_mutants(slug, 16):
        module = types.ModuleType("changed")
        try:
            exec(compile(changed, slug, "exec"), module.__dict__)
            row = prove_one(module.THEOREM, second_opinions=False)
            if row.ok and row.certificate == _pinned(slug):
                # a change in a negative control, or in text that no step reads
                survivors.append(what)
        except Exception:
            continue
    source = (directory() / f"{slug.replace('-', '_')}.py").read_text(encoding="utf-8")
    lines = source.splitlines()
    controls = next(i for i, line in enumerate(lines, 1) if "controls=(" in line)
    proof = [w for w in survivors if int(re.findall(r"line (\d+)", w)[0]) < controls]
    harmless = [w for w in proof if _default(lines, w)]
    assert proof == harmless


def _default(lines: list[str], what: str) -> bool:
    # an integer in a list comprehension's bounds may shorten nothing
    return "range(" in lines[int(re.findall(r"line (\d+)", what)[0]) - 1]


def _pinned(slug: str) -> str:
    pins: dict[str, str] = json.loads((directory() / "LOCK.json").read_text(encoding="utf-8"))
    return pins[slug]


# --- certificates ---


@pytest.fixture(scope="module", params=["bias", "step-bound", "published-bound-refuted"])
def written(request: pytest.FixtureRequest) -> dict[str, Any]:
    one, book = theorem(request.param), Book()
    one.prove(book)
    return json.loads(json.dumps(certificate(one, book)))


def places(value: object, path: tuple[object, ...] = ()) -> Iterator[tuple[object, ...]]:
    """Every place of a certificate's parts that holds a coefficient."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key not in ("title", "says", "generators", "side"):
                yield from places(inner, (*path, key))
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from places(inner, (*path, i))
    elif isinstance(value, str) and re.search(r"\d", value):
        yield path


def test_a_certificate_with_a_changed_digit_has_another_digest(written: dict[str, Any]) -> None:
    generator = random.Random(1)
    for path in generator.sample(list(places(written["parts"])), 40):
        changed = tampered(written, path, generator)
        with pytest.raises(ValueError, match="digest"):
            checker()(changed)


@pytest.mark.sampled(1)
def test_a_changed_coefficient_does_not_replay(written: dict[str, Any]) -> None:
    generator = random.Random(2)
    replayed = []
    many = 24 if written["theorem"] == "published-bound-refuted" else 60  # it runs to t = 210
    for path in generator.sample(list(places(written["parts"])), many):
        changed = tampered(written, path, generator)
        changed["digest"] = digest_of(changed)
        try:
            checker()(changed)
            replayed.append((path, changed))
        except (ValueError, KeyError, IndexError, TypeError, NameError, SyntaxError):
            continue
    # what still replays states something else: other hypotheses, definitions, bounds or numbers
    for path, changed in replayed:
        assert said(changed) != said(written), path
    assert len(replayed) < many / 2


def said(content: dict[str, Any]) -> list[object]:
    """What a certificate proves: its definitions, hypotheses, conclusions and evaluations."""
    found: list[object] = []
    for part in content["parts"]:
        steps = part["steps"]
        found.append([part["state"], [steps[i]["claim"] for i in part["conclusions"]]])
        found += [s["claim"] for s in steps if s["rule"] in ("assume", "transition")]
        found += [[s["point"], s["steps"], s["claims"]] for s in steps if s["rule"] == "run"]
    return found


def tampered(
    content: dict[str, Any], path: tuple[object, ...], generator: random.Random
) -> dict[str, Any]:
    changed = json.loads(json.dumps(content))
    here = changed["parts"]
    for key in path[:-1]:
        here = here[key]
    text = here[path[-1]]
    digits = [m.start() for m in re.finditer(r"\d", text)]
    at = generator.choice(digits)
    here[path[-1]] = f"{text[:at]}{(int(text[at]) + 1) % 10}{text[at + 1 :]}"
    return changed


# --- a supposition about an input ---

V, G = symbols("v g")


def signs_by_cases(k: Proof) -> Fact:
    """v·g ≥ 0 for v = t·g: from g ≥ 0, from -g ≥ 0, and by cases."""

    def under(supposed: Fact, sign: int) -> Fact:
        goal = k.at_next(ge(sign * V))
        up = by_induction(k, ge(sign * V), [], lambda ih: k.prove(goal, [[ih], [supposed]]))
        return k.prove(ge(V * G), [[up, supposed]])

    nonneg, nonpos = k.suppose(ge(G)), k.suppose(ge(-G))
    return cases(k, nonneg, nonpos, under(nonneg, 1), under(nonpos, -1))


def test_what_is_supposed_of_an_input_is_not_supposed_of_every_step() -> None:
    def run(book: Book) -> None:
        k = book.part("v = g_1 + ... + g_t")
        k.recursion({V: (0, V + G)})
        k.conclude(signs_by_cases(k), "v·g ≥ 0")

    book = Book()
    run(book)
    content = json.loads(json.dumps(certificate(Theorem("sum", "Sum", "", "", run, ()), book)))
    # of one number g it is true: v = t·g
    assert checker()(content).startswith("sum: ")
    # of a new g at every step it is false: 1, then -2, gives v·g = -2
    content["parts"][0]["inputs"] = ["g"]
    content["digest"] = digest_of(content)
    with pytest.raises(ValueError, match="or of an input"):
        checker()(content)
