"""Edits, their notation and the evaluator: what mutants are made of does what it says."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from adamcheck.errors import UsageError
from adamcheck.formats import FORMATS
from adamcheck.mutations import Edit, Guard, apply, guards, neighbours, parse_edit, sample
from adamcheck.mutations import target as targets
from adamcheck.mutations.guards import can_hold
from adamcheck.mutations.language import labels, live
from adamcheck.mutations.operators import OPERATORS
from adamcheck.mutations.simulate import simulated
from adamcheck.oracle.judge import judge
from adamcheck.program import trace
from adamcheck.spec import parse_spec

SPECS = (
    "adam",
    "adamw",
    "amsgrad",
    "adam[eps=hat,decay=l2]",
    "gd[maximize=yes]",
    "momentum[dampening=late]",
    "momentum[nesterov=yes]",
    "adagrad[accumulator=initial,lr_decay=yes]",
    "rmsprop[centered=yes,momentum=yes,bias_correction=v]",
    "adamax[eps=outside]",
    "nadam[schedule=0.96^(t/250)]",
    "radam",
)
SMALL = ("adam", "gd[maximize=yes]", "momentum[dampening=late]", "adamax[eps=outside]")
HYPER = {
    "lr": 0.125,
    "beta1": 0.875,
    "beta2": 0.9375,
    "eps": 2.0**-9,
    "eps_root": 2.0**-9,
    "weight_decay": 0.03125,
    "momentum": 0.5,
    "dampening": 0.25,
    "lr_decay": 0.0625,
    "initial_accumulator": 0.25,
    "momentum_decay": 0.00390625,
}


def ran(spec: str, dtype: str, *, edit: str = "", steps: int = 24, count: int = 9, **how):
    """A short run of a target as evidence, and its gradients."""
    rng = np.random.default_rng(5)
    made = getattr(targets, spec) if "." not in spec else targets.named(
        spec, targets.Optimizer, ("edit",)
    )  # fmt: skip
    grads = rng.standard_normal((steps, count)) * rng.choice((0.0, 0.25, 1.0, 4.0), (steps, count))
    hyper = {name: HYPER[name] for name in made.spec.hyperparameters}
    options = {"edit": edit} if edit else {}
    return simulated(
        made, FORMATS[dtype], hyper, grads, rng.uniform(-1, 1, count), options=options, **how
    )


@pytest.mark.parametrize("spec", SPECS)
def test_the_unchanged_program_conforms_in_every_format(spec: str):
    for dtype in FORMATS:
        evidence = ran(spec, dtype)
        judged = judge(evidence)
        assert judged.accepted, dtype
        assert judged.decided


@pytest.mark.parametrize("spec", SPECS)
def test_every_value_has_a_label_of_its_own(spec: str):
    names = labels(trace(parse_spec(spec)))
    assert len(set(names)) == len(names)
    assert not any(" " in name for name in names)


@pytest.mark.parametrize(
    "spec",
    [pytest.param(s, marks=[] if s in SMALL else [pytest.mark.slow]) for s in SPECS],
)
def test_every_neighbour_changes_the_program_and_its_notation_can_be_read(spec: str):
    program = trace(parse_spec(spec))
    for edit in neighbours(program):
        assert apply(program, edit) != program
        assert parse_edit(str(edit)) == edit


def test_every_operator_has_a_place_in_some_rule():
    found = {e.operator for s in SMALL for e in neighbours(trace(parse_spec(s)))}
    assert found == set(OPERATORS)


@pytest.mark.parametrize("spec", SPECS)
def test_a_drawn_edit_can_be_written_read_and_run(spec: str):
    program, rng = trace(parse_spec(spec)), np.random.default_rng(11)
    for _ in range(60):
        edit = sample(program, rng)
        assert not edit.is_open
        assert parse_edit(str(edit)) == edit
        evidence = ran(spec, "float32", edit=str(edit), steps=3)
        assert evidence.thetas.dtype == np.float32
        assert evidence.thetas.shape == (4, 9)


def test_drawing_is_deterministic_and_wide():
    program = trace(parse_spec("adam"))
    one, two = ([sample(program, np.random.default_rng([7, k])) for k in range(200)] for _ in "ab")
    assert one == two
    assert len({e.operator for e in one}) >= 14
    assert {e.guard.kind for e in one if e.guard} == {g.kind for g in guards(one[0], program)}
    assert {len(e.guard.conditions) for e in one if e.guard} == {1, 2}


@pytest.mark.parametrize(
    ("guard", "possible"),
    [
        ("t>=10 and t<11", True),
        ("t>=10 and t<10", False),
        ("silence>=5 and t<7", True),
        ("silence>=5 and t<6", False),
        ("t%100==7 and t==107", True),
        ("t%100==7 and t==108", False),
        ("t%5==0 and t<5", False),
        ("index==3 and index%2==0", False),
        ("index==4 and index==last", True),
        ("index==4 and index==last and size>=6", False),
        ("|g|>=2.0 and |g|<2.0", False),
        ("size>=9 and index==0", True),
    ],
)
def test_conditions_that_exclude_each_other_are_known(guard: str, possible: bool):
    edit = parse_edit(f"scale g c=2 if {guard}")
    assert str(edit) == f"scale g c=2 if {guard}"
    assert edit.guard is not None
    assert can_hold(edit.guard) is possible


def test_two_conditions_hold_where_both_do():
    both = "scale update c=2.0 if {0} and {1}"
    conditions = ("t>=9", "index%3==1", "|g|>=0.5", "silence>=1", "t%5==2", "size>=9")
    for one, two in itertools.permutations(conditions, 2):
        plain = ran("adam", "float64")
        alone = [ran("adam", "float64", edit=f"scale update c=2.0 if {c}") for c in (one, two)]
        together = ran("adam", "float64", edit=both.format(one, two))
        steps = [np.diff(e.thetas, axis=0) for e in (plain, *alone, together)]
        first, second, changed = (abs(s - steps[0]) > 0.5 * abs(steps[0]) for s in steps[1:])
        assert np.array_equal(changed, first & second)


UNMET = ("t>=25", "t<99 and t>=77", "t==99", "t%100==50", "|g|>=1e9", "|g|<1e-30 and |g|>=1e-35",
         "silence>=24", "index==9", "index%100==70", "size>=10")  # fmt: skip


@pytest.mark.parametrize("spec", SPECS)
def test_where_the_guard_never_holds_no_bit_changes(spec: str):
    program = trace(parse_spec(spec))
    plain = ran(spec, "float32")
    rng = np.random.default_rng(3)
    for k in range(40):
        drawn = sample(program, rng)
        edit = f"{Edit(drawn.operator, drawn.place, drawn.parameters)} if {UNMET[k % len(UNMET)]}"
        if parse_edit(edit).guard.kind not in {g.kind for g in guards(drawn, program)}:
            continue
        changed = ran(spec, "float32", edit=edit)
        np.testing.assert_array_equal(changed.thetas, plain.thetas, err_msg=edit)


@pytest.mark.parametrize(
    ("guard", "where"),
    [
        ("t>=5", lambda t, i, g, quiet: t >= 5),
        ("t<5", lambda t, i, g, quiet: t < 5),
        ("t==5", lambda t, i, g, quiet: t == 5),
        ("t%3==1", lambda t, i, g, quiet: t % 3 == 1),
        ("|g|>=0.5", lambda t, i, g, quiet: abs(g) >= 0.5),
        ("|g|<0.5", lambda t, i, g, quiet: abs(g) < 0.5),
        ("silence>=2", lambda t, i, g, quiet: quiet >= 2),
        ("index==4", lambda t, i, g, quiet: i == 4),
        ("index%4==1", lambda t, i, g, quiet: i % 4 == 1),
        ("index==last", lambda t, i, g, quiet: i == 8),
        ("size>=9", lambda t, i, g, quiet: True),
    ],
)
def test_a_guard_holds_where_it_says(guard: str, where):
    """Seen through an edit of the last operation alone, which leaves no trace in later steps."""
    evidence = ran("gd", "float64", edit=f"scale update c=2.0 if {guard}")
    quiet = np.zeros(9)
    for t, (g, before, after) in enumerate(
        zip(evidence.grads, evidence.thetas, evidence.thetas[1:], strict=False), start=1
    ):
        for i in range(9):
            factor = 2.0 if where(t, i, g[i], quiet[i]) else 1.0
            assert after[i] == before[i] - HYPER["lr"] * g[i] * factor, (t, i)
        quiet = np.where(g == 0, quiet + 1, 0)


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        ("delay g", lambda g: np.vstack([g[:1], g[:-1]])),
        ("hold g if t>=4", lambda g: np.vstack([g[:3], np.repeat(g[2:3], len(g) - 3, axis=0)])),
        ("clip g c=0.5", lambda g: np.clip(g, -0.5, 0.5)),
        ("reset g", lambda g: 0 * g),
        ("insert g f=abs", np.abs),
        ("insert g f=square", lambda g: g * g),
        ("round g to=4", lambda g: np.array([[float(f"{0}") if x == 0 else _bits(x, 4)
                                              for x in row] for row in g])),
        ("couple g by=largest", lambda g: np.abs(g).max(axis=1, keepdims=True) + 0 * g),
    ],
)  # fmt: skip
def test_an_operator_does_what_it_says(edit: str, expected):
    evidence = ran("gd", "float64", edit=edit)
    g = expected(evidence.grads)
    for before, after, row in zip(evidence.thetas, evidence.thetas[1:], g, strict=False):
        np.testing.assert_array_equal(after, before - HYPER["lr"] * row)


def _bits(x: float, bits: int) -> float:
    fraction, exponent = np.frexp(x)
    return float(np.ldexp(np.rint(fraction * 2**bits) / 2**bits, exponent))


def test_one_side_of_a_state_can_be_changed_alone():
    plain = ran("adam", "float64")
    stored = ran("adam", "float64", edit="scale v' c=2.0 side=state if t==3")
    used = ran("adam", "float64", edit="scale v' c=2.0 side=use if t==3")
    assert (stored.thetas[:4] == plain.thetas[:4]).all()
    assert (stored.moments["v"][2] != plain.moments["v"][2]).any()
    assert (used.moments["v"] == plain.moments["v"]).all()
    assert (used.thetas[3] != plain.thetas[3]).any()


def test_an_open_number_is_an_input_and_does_not_run():
    program = trace(parse_spec("adam"))
    edit = parse_edit("clip g c=? if t>=?")
    changed = apply(program, edit)
    assert edit.is_open
    assert {"e.c", "e.at"} <= changed.inputs.keys()
    assert changed.inputs["e.c"] in changed.uniform
    with pytest.raises(ValueError, match="left open"):
        ran("adam", "float32", edit=str(edit))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("scale", "OPERATOR PLACE"),
        ("skale g c=1", "unknown operator"),
        ("scale q c=1", "no value 'q'"),
        ("scale g c", "no parameter"),
        ("scale g c=1 if x>=2", "no guard"),
        ("scale g c=1 if t>=soon", "no number"),
        ("scale g c=much", "must be a number"),
        ("scale g c=nan", "finite"),
        ("scale g c=1e999", "finite"),
        ("scale g c=1 if t%0==0", "a period must be at least 1"),
        ("scale g c=1 if index%7==9", "leaves 9 when divided by 7"),
        ("round g to=54", "to must be"),
        ("round g to=float80", "to must be"),
        ("drop update arg=2", "arg must be"),
        ("operand m_hat arg=0 with=theta'", "no value"),
    ],
)
def test_what_is_no_edit_is_refused_in_one_line(text: str, why: str):
    with pytest.raises(UsageError, match=why):
        apply(trace(parse_spec("adam")), parse_edit(text))


@pytest.mark.parametrize("guard", ["t<1", "t>=9 and t<9", "|g|<0", "t%4==1 and t==4"])
def test_a_target_whose_guard_never_holds_is_refused(guard: str):
    theta = np.zeros(2)
    with pytest.raises(UsageError, match="no step of any element"):
        targets.adam(
            [theta], lr=0.1, beta1=0.9, beta2=0.99, eps=0.0, edit=f"scale g c=2 if {guard}"
        )


def test_a_guard_by_element_is_not_offered_for_a_clock():
    program = trace(parse_spec("adam"))
    assert Guard("index==") not in guards(parse_edit("scale p1' c=2"), program)
    assert Guard("index==") in guards(parse_edit("scale (1-p1') c=2"), program)


def test_only_values_that_matter_are_changed():
    program = trace(parse_spec("nesterov")).expanded
    assert len(live(program)) < len(program.ops)
    names = labels(program)
    assert not {e.place for e in neighbours(program)} & {
        names[i] for i in range(len(names)) if i not in live(program)
    }


def test_a_target_is_loaded_by_the_name_of_its_spec():
    made = targets.named("nadam[schedule=0", targets.Optimizer, ("edit",))
    found = getattr(made, "96^(t/250)]")
    assert str(found.spec) == "nadam[schedule=0.96^(t/250)]"
    with pytest.raises(AttributeError, match="unknown algorithm"):
        targets.adamm  # noqa: B018


def test_averages_and_decays_stay_whole_where_the_edit_leaves_them_alone():
    program = trace(parse_spec("adam"))
    kinds = [op.kind for op in program.ops]
    changed = apply(program, parse_edit("scale m_hat c=2"))
    assert [op.kind for op in changed.ops].count("ema") == kinds.count("ema") == 2
    assert [op.kind for op in changed.ops].count("decay") == kinds.count("decay") == 2
    inside = apply(program, parse_edit("drop m' arg=1"))
    assert [op.kind for op in inside.ops].count("ema") == 1
