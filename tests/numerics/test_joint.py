"""Programs that are run together, many steps at a time, against one program step after step."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from adamcheck.mutations import apply
from adamcheck.mutations.edits import parse_edit
from adamcheck.numerics import joint
from adamcheck.numerics.changed import Arrays, changed_step
from adamcheck.numerics.joint import Joint, Member
from adamcheck.numerics.stepwise import stepwise
from adamcheck.numerics.walk import carry, constants
from adamcheck.program import trace
from adamcheck.spec import Spec

STEPS, COLUMNS = 7, 12
SHAPE = STEPS, COLUMNS
FLOAT32: dict[str, Any] = {
    "u": 2.0**-24,
    "us": 2.0**-53,
    "eta": 2.0**-149,
    "flush": 0.0,
    "largest": 3e38,
}


def seen(program, seed=3):
    """What a program reads at every step, with bounds; states before the first one."""
    rng = np.random.default_rng(seed)
    values = {"g": rng.standard_normal(SHAPE), "theta": rng.standard_normal(SHAPE)}
    names = [*program.inputs, *(name for name, _ in program.outputs if name[:2] == "s.")]
    for name in names:
        values.setdefault(name, np.full(COLUMNS, 1.0 if name in ("s.p1", "s.p2") else 0.0))
        if name[:2] == "h.":
            values[name] = np.repeat([0.25, 0.75], COLUMNS // 2)
    values["x.t"] = np.arange(1.0, STEPS + 1.0)[:, None] + np.zeros(COLUMNS)
    bounds = dict.fromkeys(values, np.zeros(COLUMNS))
    return values, bounds | {"theta": 1e-9 * np.abs(values["theta"])}


def factors(much):
    c = constants(**FLOAT32, reassociation=much * np.ones((2, *SHAPE)))
    c.arrays, c.share = Arrays(np.repeat([0, 1, 2], COLUMNS // 3)), 1.0
    return c


def member(program, step, much=1.5):
    values, bounds = seen(program)
    return Member(step, values, bounds, factors(much))


def one_by_one(program, one):
    """The outputs of every step, by letter and name ``[T, N]``, and the states before each."""
    values, bounds = dict(one.values), dict(one.bounds)
    rows: dict[str, list[np.ndarray]] = {}
    for t in range(STEPS):
        now = [
            {n: x[t] if np.ndim(x) == 2 else x for n, x in each.items()}
            for each in (values, bounds)
        ]
        c = SimpleNamespace(**vars(one.constants))
        c.reassociation = one.constants.reassociation[:, t]
        made = one.step(*now, c)
        for letter, before, after in zip("he", now, made, strict=True):
            table = {letter + n: x for n, x in after.items()}
            table |= {f"{letter}before {n}": before[n] for n in one.carried}
            for name, x in table.items():
                rows.setdefault(name, []).append(np.broadcast_to(x, COLUMNS))
        values |= carry(program, made[0])
        bounds |= carry(program, made[1])
    return {name: np.stack(each) for name, each in rows.items()}


def held(programs, members):
    made = Joint(members, SHAPE)
    wanted = [
        (k, letter + name, made.output(k, name, letter))
        for k, program in enumerate(programs)
        for name, _ in program.outputs
        for letter in "he"
    ]
    wanted += [
        (k, f"{letter}before {name}", made.state(k, name, letter))
        for k, one in enumerate(members)
        for name in one.carried
        for letter in "he"
    ]
    expected = [one_by_one(*pair) for pair in zip(programs, members, strict=True)]
    steps = 0
    for some, known in made.run([at for _, _, at in wanted]):
        for k, name, at in wanted:
            part = expected[k][name][some]
            assert np.array_equal(np.broadcast_to(known[at], part.shape), part, equal_nan=True), (
                name
            )
        steps += some.stop - some.start
    assert steps == STEPS


PROGRAMS = [
    Spec(),
    Spec(maximize="yes"),
    Spec(amsgrad="vhat"),
    Spec(decay="l2"),
    Spec(eps="hat", bias_correction="v"),
    Spec("nadam"),
    Spec("momentum"),
]


@pytest.mark.parametrize("room", [1, 3 * COLUMNS, 1 << 13])
def test_programs_run_together_make_what_each_makes_step_by_step(room, monkeypatch):
    monkeypatch.setattr(joint, "_ROOM", room)
    programs = [trace(spec) for spec in PROGRAMS]
    held(programs, [member(program, stepwise(program)) for program in programs])


@pytest.mark.parametrize(
    "text",
    [
        "delay update",
        "couple g by=mean",
        "hold m if t>=4",
        "clip-norm g c=0.5",
        "running v' kind=max",
        "reset m if t>=3",
    ],
)
def test_changed_programs_too(text):
    programs = [trace(Spec()), apply(trace(Spec()), parse_edit(text))]
    held(programs, [member(program, changed_step(program)) for program in programs])


def test_dialects_that_may_move_other_scalars_keep_their_own_bounds():
    program = trace(Spec())
    members = [member(program, stepwise(program), much) for much in (1.5, 1e9)]
    held([program, program], members)
    made = Joint(members, SHAPE)
    # what comes before the moments is one; what is late in a step is not
    assert made.output(0, "s.v", "e") == made.output(1, "s.v", "e")
    assert made.output(0, "theta", "h") == made.output(1, "theta", "h")
    assert made.output(0, "theta", "e") != made.output(1, "theta", "e")


def test_states_that_begin_alike_and_go_on_otherwise_are_told_apart():
    programs = [trace(Spec()), trace(Spec(maximize="yes")), trace(Spec(eps="inside"))]
    made = Joint([member(program, stepwise(program)) for program in programs], SHAPE)
    assert made.state(0, "s.m", "h") == made.state(2, "s.m", "h") != made.state(1, "s.m", "h")
    assert made.state(0, "s.p1", "h") == made.state(1, "s.p1", "h")


def test_a_state_that_is_told_at_every_step_is_not_carried_on():
    program = trace(Spec())
    values, bounds = seen(program)
    powers = 0.9 ** np.arange(STEPS)[:, None] + np.zeros(COLUMNS)
    one = Member(
        stepwise(program), values | {"s.p1": powers}, bounds, factors(1.5), frozenset({"s.p1"})
    )
    assert "s.p1" not in one.carried
    made = Joint([one], SHAPE)
    corrected, m = made.output(0, "m_hat", "h"), made.output(0, "s.m", "h")
    for some, known in made.run([corrected, m]):
        ratio = known[m] / known[corrected]
        correction = 1.0 - powers[some] * values["h.beta1"]
        assert (np.abs(ratio - correction) <= 4 * 2.0**-53).all()
