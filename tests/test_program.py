"""The tracer: what it records is what the rule does, for every dialect, over exact rationals."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opaque import Opaque

from adamcheck.program import Op, Program, trace, written
from adamcheck.rules import RULES, initial_state, step
from adamcheck.spec import SWITCHES, Spec

DIALECTS = tuple(
    Spec(**dict(zip(SWITCHES, words, strict=True)))
    for words in product(*(SWITCHES[s] if s != "scalars" else ("any",) for s in SWITCHES))
)

numbers = st.fractions(min_value=-8, max_value=8, max_denominator=64)
positive = st.fractions(min_value=Fraction(1, 64), max_value=8, max_denominator=64)
rates = st.fractions(min_value=Fraction(1, 16), max_value=Fraction(15, 16), max_denominator=16)


def evaluate(program: Program, inputs: dict[str, Fraction]) -> dict[str, Fraction]:
    """The outputs of a program, operation by operation."""
    meanings: dict[str, Any] = {
        "neg": lambda x: -x,
        "add": lambda x, y: x + y,
        "sub": lambda x, y: x - y,
        "mul": lambda x, y: x * y,
        "div": lambda x, y: x / y,
        "sqrt": Opaque.sqrt,
        "max": Opaque.maximum,
        "ema": lambda beta, weight, old, new: beta * old + weight * new,
        "decay": lambda power, beta: power * beta,
    }
    values: list[Fraction] = []
    for op in program.ops:
        if op.kind == "input":
            values.append(inputs[op.name])
        elif op.kind == "const":
            assert op.value is not None
            values.append(op.value)
        else:
            values.append(meanings[op.kind](*(values[a] for a in op.args)))
    return {name: values[i] for name, i in program.outputs}


@st.composite
def situations(draw: st.DrawFn) -> tuple[Spec, dict[str, Fraction], dict[str, Fraction], Any]:
    spec = draw(st.sampled_from(DIALECTS))
    hyper = {
        name: draw(rates if name.startswith("beta") else positive) for name in spec.hyperparameters
    }
    names = initial_state(spec, hyper, Fraction(0), Fraction(1))
    # p is no power of β here: any clock that keeps the divisors from zero will do
    state = {n: draw(rates if n in ("p1", "p2") else positive) for n in names}
    return spec, hyper, state, (draw(numbers), draw(numbers))


def same_as_the_rule(spec: Spec, hyper: Any, state: Any, g: Fraction, theta: Fraction) -> None:
    program = trace(spec)
    inputs = {f"h.{k}": x for k, x in hyper.items()} | {f"s.{k}": x for k, x in state.items()}
    want = step(spec, Opaque(), hyper, state, g, theta)
    expected = {f"s.{k}": x for k, x in want.state.items()} | {"theta": want.theta, **want.named}
    assert evaluate(program, inputs | {"g": g, "theta": theta}) == expected
    assert evaluate(program.expanded, inputs | {"g": g, "theta": theta}) == expected


@settings(deadline=None)
@given(situations())
def test_a_program_does_what_its_rule_does(situation: Any) -> None:
    spec, hyper, state, (g, theta) = situation
    same_as_the_rule(spec, hyper, state, g, theta)


def test_every_dialect_at_one_point() -> None:
    third = Fraction(1, 3)
    for spec in DIALECTS:
        names = spec.hyperparameters
        hyper = {n: Fraction(k + 2, 17) for k, n in enumerate(names)}
        state = {
            n: Fraction(k + 1, 9)
            for k, n in enumerate(initial_state(spec, hyper, Fraction(0), Fraction(1)))
        }
        same_as_the_rule(spec, hyper, state, third, -third)


def test_averages_are_operations_in_every_dialect() -> None:
    for spec in DIALECTS:
        program = trace(spec)
        found = {}
        for name, beta in (("m", "h.beta1"), ("v", "h.beta2")):
            op = program.ops[program.output[f"s.{name}"]]
            assert op.kind == "ema", (str(spec), name)
            b, w, old, new = op.args
            assert b == program.inputs[beta]
            assert old == program.inputs[f"s.{name}"]
            assert program.ops[w].kind == "sub"
            assert program.ops[w].args[1] == b
            found[name] = new
        square = program.ops[found["v"]]
        assert square.kind == "mul"
        assert square.args == (found["m"], found["m"])
        assert [op.kind for op in program.ops].count("ema") == 2


def test_powers_of_the_betas_are_decay_products() -> None:
    program = trace(Spec())
    for clock, beta in (("p1", "h.beta1"), ("p2", "h.beta2")):
        op = program.ops[program.output[f"s.{clock}"]]
        assert op == Op("decay", (program.inputs[f"s.{clock}"], program.inputs[beta]))


def test_what_only_looks_like_an_average_is_none() -> None:
    """NAdam's look ahead weighs two estimates by μ and 1-μ; no target keeps that as an average."""
    program = trace(Spec("nadam"))
    averages = {program.output["s.m"], program.output["s.v"]}
    assert {i for i, op in enumerate(program.ops) if op.kind == "ema"} == averages


def test_composed_operations_are_written_out_as_the_rule_does_it() -> None:
    assert [op.kind for op in written("ema")] == ["input"] * 4 + ["mul", "mul", "add"]
    assert [op.args for op in written("ema")[4:]] == [(0, 2), (1, 3), (4, 5)]
    assert [op.kind for op in written("decay")] == ["input"] * 2 + ["mul"]
    for spec in (*DIALECTS, Spec("nadam"), Spec("momentum", dampening="ema")):
        program = trace(spec)
        plain = program.expanded
        assert not {"ema", "decay"} & {op.kind for op in plain.ops}
        assert plain.inputs.keys() == program.inputs.keys()
        assert plain.output.keys() == program.output.keys()
        assert plain.moments == program.moments


def test_uniform_values_are_those_without_an_element_in_them() -> None:
    program = trace(Spec(decay="decoupled", eps="hat"))
    for i, op in enumerate(program.ops):
        if op.kind == "input":
            expected = op.name.startswith("h.") or op.name in ("s.p1", "s.p2")
        else:
            expected = all(a in program.uniform for a in op.args)
        assert (i in program.uniform) is expected
    assert program.moments == ("m", "v")
    assert trace(Spec(amsgrad="vhat")).moments == ("m", "v", "v_max")


def test_the_same_operation_is_recorded_once() -> None:
    for spec in DIALECTS:
        ops = trace(spec).ops
        assert len(set(ops)) == len(ops)
        assert all(a < i for i, op in enumerate(ops) for a in op.args)


def test_a_float_in_a_rule_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    adam = RULES["adam"]

    def careless(spec: Spec, ops: Any, h: Any, s: Any, g: Any, theta: Any) -> Any:
        return adam.step(spec, ops, h, s, g * 0.5, theta)

    monkeypatch.setitem(RULES, "adam", replace(adam, step=careless))
    trace.cache_clear()
    try:
        with pytest.raises(TypeError, match=r"used the float 0\.5; write constants as integers"):
            trace(Spec())
    finally:
        trace.cache_clear()


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(DIALECTS))
def test_tracing_is_repeatable_and_complete(spec: Spec) -> None:
    program = trace(spec)
    trace.cache_clear()
    assert trace(spec) == program
    assert set(program.inputs) >= {"g", "theta", "s.m", "s.v", "s.p1", "s.p2"}
    assert {"theta", "update", "m_hat", "denominator"} <= set(program.output)
